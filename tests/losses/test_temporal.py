"""The temporal loss against its formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import noise, value, value_and_gradient

import neuralstyle as ns

BEFORE = {"input": noise(6, 7, 1)[None].astype(np.float64)}


NOW = {"input": noise(6, 7, 2)[None].astype(np.float64)}


HALF = np.repeat([[1.0] * 4 + [0.0] * 3], 6, axis=0)


SOFT = np.random.default_rng(3).uniform(size=(6, 7))


every_normalization = pytest.mark.parametrize("normalize", ["relative", "mean", "paper"])


@every_normalization
@pytest.mark.parametrize("mask", [None, HALF, SOFT], ids=["none", "half", "soft"])
def test_the_temporal_loss_is_that_of_the_formula(normalize: Any, mask: Any) -> None:
    weights = (np.ones((6, 7)) if mask is None else mask)[None, :, :, None]
    squares = np.sum(weights * np.square(NOW["input"] - BEFORE["input"]))
    expected = {
        "mean": squares / (3 * weights.sum()),
        "paper": squares / (3 * 6 * 7),
        "relative": squares / np.sum(weights * np.square(BEFORE["input"])),
    }
    loss = ns.TemporalLoss(BEFORE, mask, normalize=normalize)
    assert value(loss, NOW) == pytest.approx(expected[normalize], rel=1e-12)


@every_normalization
def test_what_the_mask_hides_does_not_matter(normalize: Any) -> None:
    hidden = {"input": NOW["input"].copy()}
    hidden["input"][:, :, 4:] = 0.77
    before = {"input": BEFORE["input"].copy()}
    before["input"][:, :, 4:] = 0.11
    expected, gradient = value_and_gradient(ns.TemporalLoss(BEFORE, HALF, normalize=normalize), NOW)
    assert expected > 0
    assert np.all(gradient["input"][:, :, 4:] == 0)
    assert np.all(gradient["input"][:, :, :4] != 0)
    for target, now in ((BEFORE, hidden), (before, NOW), (before, hidden)):
        loss = ns.TemporalLoss(target, HALF, normalize=normalize)
        assert value(loss, now) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32, list])
def test_a_mask_may_be_of_any_numbers(kind: Any) -> None:
    mask = HALF.tolist() if kind is list else HALF.astype(kind)
    expected = value(ns.TemporalLoss(BEFORE, HALF), NOW)
    assert value(ns.TemporalLoss(BEFORE, mask), NOW) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((6, 7, 2)), r"shape \(height, width\), received \(6, 7, 2\)"),
        (np.array("all"), "array of numbers"),
        (2 * HALF, "numbers from 0 to 1"),
        (-HALF, "numbers from 0 to 1"),
        (np.full((6, 7), np.nan), "numbers from 0 to 1"),
        (np.zeros((6, 7)), "a number above 0 somewhere"),
    ],
)
def test_what_is_no_mask_is_refused_by_name(mask: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^mask: expected .*{message}"):
        ns.TemporalLoss(BEFORE, mask)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^loss 'steady': .*\(1, 6, 7, 3\).*, received \(1, 7, 6"):
        ns.TemporalLoss(BEFORE, name="steady")({"input": noise(7, 6)[None].astype(np.float64)})


def test_only_the_pixels_of_the_target_are_looked_at() -> None:
    with pytest.raises(KeyError, match="target: there is no layer 'input'"):
        ns.TemporalLoss({"a": BEFORE["input"]})
