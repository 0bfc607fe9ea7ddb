"""Shares: weights such that every term pulls as strongly as asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from keras import ops
from support import Reusable, noise

import neuralstyle as ns

Array = np.ndarray


PIXELS = Reusable()


def blend(content: Any, style: Any) -> ns.StyleObjective:
    return ns.StyleObjective(
        0.5 * ns.ContentLoss(content, "input"),
        2.0 * ns.CovarianceLoss(style, "input", name="style"),
        ns.TotalVariationLoss(),
    )


CONTENT, STYLE, ELSEWHERE = noise(24, 32), 0.5 * noise(24, 32, 1), noise(24, 32, 2)
OBJECTIVE = blend(PIXELS(CONTENT), PIXELS(STYLE))


def pulls(objective: ns.StyleObjective, extractor: Any, at: Array) -> dict[str, float]:
    """Measure how strongly every weighed term pulls, each by a compiled evaluation of its own."""
    measured = {}
    for term in objective.terms:
        _, gradient = ns.Evaluator(term.weight * term.loss, extractor, at.shape)(at)
        measured[term.name] = float(np.linalg.norm(gradient))
    return measured


def shares(objective: ns.StyleObjective, extractor: Any, at: Array) -> dict[str, float]:
    measured = pulls(objective, extractor, at)
    return {name: pull / sum(measured.values()) for name, pull in measured.items()}


def shallow(vgg: ns.VGG16Features) -> ns.StyleObjective:
    """The losses of the default recipe at layers that are quick to compile."""
    content, style = vgg(noise(32, 40)), vgg(noise(36, 30, 1) ** 2)
    return ns.StyleObjective(
        0.25 * ns.ContentLoss(content, "block2_conv1"),
        1.5 * ns.CovarianceLoss(style, ("block1_conv1", "block2_conv1"), name="style"),
        0.2 * ns.HistogramLoss(style, "block1_conv1"),
        -3.0 * ns.TotalVariationLoss(),
    )


WANTED = {"content": 0.5, "style": 0.3, "histogram": 0.15, "total_variation": 0.05}


@pytest.mark.parametrize("place", ["noise", "mid-run"])
def test_the_terms_of_a_network_have_the_shares_asked_for(
    place: str, vgg: ns.VGG16Features
) -> None:
    objective = shallow(vgg)
    at = noise(32, 40, 7)
    if place == "mid-run":
        at = ns.minimize(objective, vgg, noise(32, 40), method="l-bfgs", maxiter=4).image
    balanced = ns.balance(objective, vgg, at, {name: 7 * share for name, share in WANTED.items()})
    assert shares(balanced, vgg, at) == pytest.approx(WANTED, rel=1e-4)
    assert shares(objective, vgg, at) != pytest.approx(WANTED, rel=0.02)
    before, after = (sum(pulls(o, vgg, at).values()) for o in (objective, balanced))
    assert after == pytest.approx(before, rel=1e-4)
    assert [np.sign(weight) for weight in balanced.weights.values()] == [1, 1, 1, -1]


def test_at_the_content_the_others_have_their_shares_and_the_content_is_named(
    vgg: ns.VGG16Features, caplog: pytest.LogCaptureFixture
) -> None:
    objective = shallow(vgg)
    at = noise(32, 40)
    with caplog.at_level(logging.WARNING):
        balanced = ns.balance(objective, vgg, at, WANTED)
    assert balanced.weights["content"] == 0.25
    expected = {name: 2 * share for name, share in WANTED.items()} | {"content": 0}
    assert shares(balanced, vgg, at) == pytest.approx(expected, rel=1e-4, abs=1e-12)
    before, after = (sum(pulls(o, vgg, at).values()) for o in (objective, balanced))
    assert after == pytest.approx(before, rel=1e-4)
    (record,) = caplog.records
    message = record.getMessage()
    assert record.levelname == "WARNING" and record.name == "neuralstyle.optimize.balance"
    assert "content" in message and "style" not in message and "weight" in message


@pytest.mark.parametrize("seed", range(3))
def test_the_sum_of_pulls_and_the_losses_stay_what_they_are(seed: int) -> None:
    at = noise(24, 32, 10 + seed)
    wanted = {"content": 1, "style": 2, "total_variation": 5}
    balanced = ns.balance(OBJECTIVE, PIXELS, at, wanted)
    before, after = pulls(OBJECTIVE, PIXELS, at), pulls(balanced, PIXELS, at)
    assert sum(after.values()) == pytest.approx(sum(before.values()), rel=1e-5)
    assert shares(balanced, PIXELS, at) == pytest.approx(
        {name: share / 8 for name, share in wanted.items()}, rel=1e-5
    )
    for old, new in zip(OBJECTIVE.terms, balanced.terms, strict=True):
        assert new.loss is old.loss and new.name == old.name


def test_signs_are_kept_and_the_size_of_a_weight_does_not_matter() -> None:
    turned = ns.StyleObjective(
        -1e6 * ns.ContentLoss(PIXELS(CONTENT), "input"), 1e-6 * ns.TotalVariationLoss()
    )
    balanced = ns.balance(turned, PIXELS, ELSEWHERE)
    assert balanced.weights["content"] < 0 < balanced.weights["total_variation"]
    assert shares(balanced, PIXELS, ELSEWHERE) == pytest.approx(
        {"content": 0.5, "total_variation": 0.5}, rel=1e-5
    )


def test_shares_are_equal_by_default() -> None:
    balanced = ns.balance(OBJECTIVE, PIXELS, ELSEWHERE)
    expected = dict.fromkeys(OBJECTIVE.weights, 1 / 3)
    assert shares(balanced, PIXELS, ELSEWHERE) == pytest.approx(expected, rel=1e-5)


def test_a_share_of_zero_is_a_weight_of_zero() -> None:
    wanted = {"content": 0, "style": 3, "total_variation": 1.0}
    for at in (ELSEWHERE, CONTENT):
        balanced = ns.balance(OBJECTIVE, PIXELS, at, wanted)
        assert balanced.weights["content"] == 0
        assert shares(balanced, PIXELS, at) == pytest.approx(
            {"content": 0, "style": 0.75, "total_variation": 0.25}, rel=1e-5
        )


def test_a_term_without_share_or_gradient_is_not_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ns.balance(OBJECTIVE, PIXELS, CONTENT, {"content": 0, "style": 3, "total_variation": 1})
    ns.balance(OBJECTIVE, PIXELS, ELSEWHERE)
    assert caplog.records == []


def test_weights_of_zero_are_balanced_too() -> None:
    balanced = ns.balance(0.0 * OBJECTIVE, PIXELS, ELSEWHERE)
    assert all(weight > 0 for weight in balanced.weights.values())
    some = ns.StyleObjective(OBJECTIVE, 0.0 * ns.TotalVariationLoss(1, name="grain"))
    balanced = ns.balance(some, PIXELS, ELSEWHERE)
    expected = dict.fromkeys(some.weights, 1 / 4)
    assert shares(balanced, PIXELS, ELSEWHERE) == pytest.approx(expected, rel=1e-5)


def test_terms_of_one_name_have_shares_of_their_own() -> None:
    twice = ns.StyleObjective(OBJECTIVE, ns.TotalVariationLoss(1))
    wanted = {"content": 1, "style": 2, "total_variation": 3, "total_variation_1": 4}
    balanced = ns.balance(twice, PIXELS, ELSEWHERE, wanted)
    expected = {name: share / 10 for name, share in wanted.items()}
    assert shares(balanced, PIXELS, ELSEWHERE) == pytest.approx(expected, rel=1e-5)


def test_the_order_of_shares_does_not_matter() -> None:
    wanted = {"total_variation": 5, "content": 1, "style": 2}
    first = ns.balance(OBJECTIVE, PIXELS, ELSEWHERE, wanted)
    second = ns.balance(OBJECTIVE, PIXELS, ELSEWHERE, dict(sorted(wanted.items())))
    assert first.weights == second.weights
    assert list(first.weights) == list(OBJECTIVE.weights)


def test_a_single_loss_keeps_its_weight() -> None:
    balanced = ns.balance(ns.TotalVariationLoss(), PIXELS, ELSEWHERE)
    assert balanced.weights["total_variation"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ([1, 1, 1], TypeError, "^shares: expected a mapping from term to number, received"),
        (0.5, TypeError, "^shares: expected a mapping"),
        ({}, ValueError, "one for each of content, style, total_variation, received none$"),
        (
            {"content": 1, "style": 1},
            ValueError,
            "one for each of content, style, total_variation, received content, style$",
        ),
        (
            {"content": 1, "style": 1, "total_variation": 1, "colour": 1},
            ValueError,
            "one for each of content, style, total_variation, received .*, colour$",
        ),
        ({"content": 1, "style": "1", "total_variation": 1}, TypeError, "a number for 'style'"),
        ({"content": 1, "style": True, "total_variation": 1}, TypeError, "a number for 'style'"),
        ({"content": 1, "style": None, "total_variation": 1}, TypeError, "a number for 'style'"),
        ({"content": 1, "style": -1, "total_variation": 1}, ValueError, "at least 0 for 'style'"),
        (
            {"content": float("inf"), "style": 1, "total_variation": 1},
            ValueError,
            "a number of at least 0 for 'content'",
        ),
        (
            {"content": 1, "style": 1, "total_variation": float("nan")},
            ValueError,
            "a number of at least 0 for 'total_variation'",
        ),
        ({"content": 0, "style": 0, "total_variation": 0.0}, ValueError, "a number above 0 among"),
    ],
)
def test_what_are_no_shares_is_refused_by_name(
    given: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        ns.balance(OBJECTIVE, PIXELS, ELSEWHERE, given)
    assert str(caught.value).startswith("shares: expected")


def test_what_is_no_place_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="^at: expected"):
        ns.balance(OBJECTIVE, PIXELS, (255 * CONTENT).astype(np.uint8))


@pytest.mark.parametrize("wanted", [None, {"content": 1, "total_variation": 0}])
def test_where_nothing_pulls_there_is_no_balance(wanted: Any) -> None:
    flat = np.full((24, 32, 3), 0.5, np.float32)
    objective = ns.ContentLoss(PIXELS(flat), "input") + ns.TotalVariationLoss()
    with pytest.raises(ValueError, match="^at: expected an image at which a term with a share"):
        ns.balance(objective, PIXELS, flat, wanted)


def test_gradients_that_are_not_finite_are_refused_by_the_names_of_their_terms() -> None:
    @ns.loss
    def cliff(features: Mapping[str, Any]) -> Any:
        return ops.sqrt(ops.sum(features["input"]))

    black = np.zeros((24, 32, 3), np.float32)
    with pytest.raises(ValueError, match="^at: expected finite gradients there, not so for cliff$"):
        ns.balance(ns.StyleObjective(OBJECTIVE, cliff), PIXELS, black)
