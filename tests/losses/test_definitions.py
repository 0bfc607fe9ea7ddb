"""Values of losses: worked by hand, and from definitions in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from losses.examples import (
    STYLE_LOSSES,
    every_normalization,
    every_style_loss,
    every_target_loss,
)
from scipy import linalg
from support import (
    Array,
    compare,
    from_rows,
    random_map,
    squared_wasserstein,
    to_rows,
    value,
    value_and_gradient,
)

import neuralstyle as ns
from neuralstyle.losses.statistics import orthonormal_directions

F = from_rows([[1, 2], [3, 4]])

S = from_rows([[1, 0], [0, 1]])

CONTENT = np.array([[0, 2], [3, 3]])

STYLE = np.array([[37, 52], [83, 118]]) / 16

HISTOGRAM = np.array([[2, 2], [6, 6]])

MEANS = np.array([[0.5, 0.5], [1.5, 1.5]])

COVARIANCES = np.array([[-0.125, 0.125], [-0.125, 0.125]])


def shifted_style(*args: Any, **kwargs: Any) -> ns.StyleLoss:
    return ns.StyleLoss(*args, shift=-1, **kwargs)


def reference(kind: type[Any], generated: Array, target: Array) -> dict[str, float]:
    """Compute one layer's three forms from their definitions."""
    f, s = to_rows(generated), to_rows(target)
    channels, size = f.shape
    if kind is ns.ContentLoss:
        total = ((f - s) ** 2).sum()
        return {
            "relative": total / (s**2).sum(),
            "mean": total / f.size,
            "paper": total / 2,
        }
    if kind is ns.StyleLoss:
        a = s @ s.T / s.shape[1]
        total = ((f @ f.T / size - a) ** 2).sum()
        return {
            "relative": total / (a**2).sum(),
            "mean": total / channels**2,
            "paper": total / (4 * channels**2),
        }
    if kind is ns.CovarianceLoss:
        covariance = np.cov(s, bias=True)
        second = ((np.cov(f, bias=True) - covariance) ** 2).sum()
        first = ((f.mean(1) - s.mean(1)) ** 2).sum()
        return {
            "relative": second / (covariance**2).sum() / 2 + first / (s.mean(1) ** 2).sum() / 2,
            "mean": second / channels**2 + first / channels,
            "paper": second / (4 * channels**2) + first / channels,
        }
    if kind is ns.MomentLoss:
        first = ((f.mean(1) - s.mean(1)) ** 2).mean()
        second = ((f.std(1) - s.std(1)) ** 2).mean()
        squares = (s.mean(1) ** 2).mean(), (s.std(1) ** 2).mean()
        return {
            "relative": first / squares[0] / 2 + second / squares[1] / 2,
            "mean": first + second,
            "paper": first + second,
        }
    if kind is ns.GaussianWassersteinLoss:
        root = linalg.sqrtm(np.cov(s, bias=True))
        both = linalg.sqrtm(root @ np.cov(f, bias=True) @ root)
        total = ((f.mean(1) - s.mean(1)) ** 2).sum() + f.var(1).sum() + s.var(1).sum()
        total -= 2 * np.trace(both)
        return {
            "relative": total / channels / (s**2).mean(),
            "mean": total / channels,
            "paper": total,
        }
    if kind is ns.SlicedWassersteinLoss:
        f, s = (orthonormal_directions(channels, 32).T @ x for x in (f, s))
        mean = np.mean([squared_wasserstein(a, b) for a, b in zip(f, s, strict=True)])
        return {"relative": mean / (s**2).mean(), "mean": mean, "paper": mean}
    assert kind is ns.HistogramLoss
    total = sum(squared_wasserstein(a, b) for a, b in zip(f, s, strict=True))
    return {
        "relative": total / channels / (s**2).mean(),
        "mean": total / channels,
        "paper": total * size,
    }


# Worked by hand


@pytest.mark.parametrize(
    ("kind", "normalize", "expected", "slope"),
    [
        (ns.ContentLoss, "paper", 11, CONTENT),
        (ns.ContentLoss, "mean", 5.5, CONTENT / 2),
        (ns.ContentLoss, "relative", 11, CONTENT),
        (ns.StyleLoss, "paper", 13.03125, STYLE),
        (ns.StyleLoss, "mean", 52.125, 4 * STYLE),
        (ns.StyleLoss, "relative", 417, 32 * STYLE),
        (ns.HistogramLoss, "paper", 20, HISTOGRAM),
        (ns.HistogramLoss, "mean", 5, HISTOGRAM / 4),
        (ns.HistogramLoss, "relative", 10, HISTOGRAM / 2),
        (ns.CovarianceLoss, "paper", 5.03125, MEANS + COVARIANCES / 4),
        (ns.CovarianceLoss, "mean", 5.125, MEANS + COVARIANCES),
        (ns.CovarianceLoss, "relative", 11, 2 * MEANS + 8 * COVARIANCES),
        (ns.MomentLoss, "paper", 5, MEANS),
        (ns.MomentLoss, "mean", 5, MEANS),
        (ns.MomentLoss, "relative", 10, 2 * MEANS),
    ],
)
def test_value_and_gradient_of_two_channels_at_two_positions(
    kind: type[Any], normalize: str, expected: float, slope: Array
) -> None:
    loss = kind({"a": S}, "a", normalize=normalize)
    result, gradient = value_and_gradient(loss, {"a": F})
    assert result == pytest.approx(expected, abs=1e-10)
    np.testing.assert_allclose(to_rows(gradient["a"]), slope, atol=1e-10)


def test_a_layer_weight_gives_the_form_of_jcjohnson() -> None:
    loss = ns.StyleLoss({"a": S}, {"a": 1 / 2**2}, normalize="mean")
    result, gradient = value_and_gradient(loss, {"a": F})
    assert result == pytest.approx(13.03125, abs=1e-10)
    np.testing.assert_allclose(to_rows(gradient["a"]), STYLE, atol=1e-10)


@pytest.mark.parametrize("size", [2, 4, 16])
def test_a_grey_and_a_black_and_white_channel_are_one_to_gram_alone(size: int) -> None:
    grey = from_rows([[0.5**0.5] * size])
    halves = from_rows([[0.0, 1.0] * (size // 2)])
    expected = {
        # Of one channel: its values, its mean and deviation, which is the same in this example.
        ns.HistogramLoss: 1 - 0.5**0.5,
        ns.SlicedWassersteinLoss: 1 - 0.5**0.5,
        ns.MomentLoss: 1 - 0.5**0.5,
        ns.GaussianWassersteinLoss: 1 - 0.5**0.5,
        # The variances 0 and 1/4, the means 0.7071 and 1/2.
        ns.CovarianceLoss: 1 / 16 + (0.5**0.5 - 0.5) ** 2,
        # Its second moments about 1 are 0.0857864 and 0.5.
        shifted_style: (0.5 - (1 - 0.5**0.5) ** 2) ** 2,
    }
    for a, b in ((grey, halves), (halves, grey)):
        gram, gradient = value_and_gradient(ns.StyleLoss({"a": b}, "a", normalize="mean"), {"a": a})
        assert gram == pytest.approx(0, abs=1e-24)
        np.testing.assert_allclose(gradient["a"], 0, atol=1e-12)
        for kind, distance in expected.items():
            assert compare(kind, a, b) == pytest.approx(distance, abs=1e-12)
    assert 1 - 0.5**0.5 == pytest.approx(0.2928932188, abs=1e-10)


def test_gram_is_blind_to_a_sign_where_all_others_are_not() -> None:
    ones, signs = from_rows(np.ones((3, 4))), from_rows([[1, -1, 1, -1]] * 3)
    assert compare(ns.StyleLoss, ones, signs) == 0
    assert compare(ns.HistogramLoss, ones, signs) == pytest.approx(2, abs=1e-12)
    assert compare(ns.MomentLoss, ones, signs) == pytest.approx(2, abs=1e-12)
    # Means differ by 1 and all covariances by 1.
    assert compare(ns.CovarianceLoss, ones, signs) == pytest.approx(2, abs=1e-12)
    assert compare(ns.GaussianWassersteinLoss, ones, signs, "paper") == pytest.approx(6, abs=1e-7)
    # About 1 the second moments are 0 and 2.
    assert compare(shifted_style, ones, signs) == pytest.approx(4, abs=1e-12)
    # A direction sees its components' sum, and as many directions as channels see all of it.
    sliced = ns.SlicedWassersteinLoss({"a": signs}, "a", directions=3, normalize="mean")
    assert value(sliced, {"a": ones}) == pytest.approx(2, abs=1e-12)


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.2])
def test_gram_is_blind_to_a_family_of_contrasts_that_the_others_tell_apart(slope: float) -> None:
    channel = random_map(0, 6, 6, 1) + 1
    mean, deviation = channel.mean(), channel.std()
    shift = np.sqrt(mean**2 + (1 - slope**2) * deviation**2) - slope * mean
    other = slope * channel + shift
    assert compare(ns.StyleLoss, other, channel) == pytest.approx(0, abs=1e-24)
    for kind in (*STYLE_LOSSES[1:], shifted_style):
        assert compare(kind, other, channel) > 1e-3


# From definitions, and the factors between normalisations


@every_target_loss
@every_normalization
def test_the_value_is_that_of_the_definition(kind: type[Any], normalize: str) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    expected = reference(kind, f, s)[normalize]
    assert compare(kind, f, s, normalize) == pytest.approx(expected, rel=1e-10)


@every_style_loss
@every_normalization
@pytest.mark.parametrize("size", [(3, 4), (5, 5), (7, 3), (10, 6)])
def test_the_value_is_that_of_the_definition_for_a_style_of_another_size(
    kind: type[Any], normalize: str, size: tuple[int, int]
) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, *size, 3)
    expected = reference(kind, f, s)[normalize]
    assert compare(kind, f, s, normalize) == pytest.approx(expected, rel=1e-10)


@every_target_loss
def test_the_relative_form_is_one_for_features_that_are_all_zero(kind: type[Any]) -> None:
    target = {"a": random_map(0, 5, 6, 3), "b": 1e-4 * random_map(1, 3, 4, 4)}
    zeros = {layer: np.zeros_like(array) for layer, array in target.items()}
    assert value(kind(target, ["a", "b"]), zeros) == pytest.approx(1, abs=1e-12)
    for layer in target:
        assert value(kind(target, layer), zeros) == pytest.approx(1, abs=1e-12)


@every_target_loss
def test_the_relative_form_of_a_target_that_is_all_zero_is_the_mean_form(kind: type[Any]) -> None:
    zero, generated = np.zeros((1, 5, 6, 3)), random_map(0, 5, 6, 3)
    half = 0.5 if kind in (ns.CovarianceLoss, ns.MomentLoss) else 1
    assert compare(kind, generated, zero, "relative") == pytest.approx(
        half * compare(kind, generated, zero, "mean"), rel=1e-12
    )
