"""Losses: values worked by hand, laws, other libraries' results, and errors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from support import (
    Array,
    compare,
    from_rows,
    gradient_of,
    orthogonal,
    permuted,
    random_map,
    shuffled,
    squared_wasserstein,
    tensors,
    to_rows,
    value,
    value_and_gradient,
)
from keras import ops
from scipy import linalg, stats
from skimage.exposure import match_histograms

import neuralstyle as ns
from neuralstyle.losses.moments import FLATNESS
from neuralstyle.losses.statistics import mean_and_covariance, orthonormal_directions

NORMALIZATIONS = ["relative", "mean", "paper"]
STYLE_LOSSES = [
    ns.StyleLoss,
    ns.CovarianceLoss,
    ns.MomentLoss,
    ns.GaussianWassersteinLoss,
    ns.HistogramLoss,
    ns.SlicedWassersteinLoss,
]
TARGET_LOSSES = [ns.ContentLoss, *STYLE_LOSSES]

every_normalization = pytest.mark.parametrize("normalize", NORMALIZATIONS)
every_style_loss = pytest.mark.parametrize("kind", STYLE_LOSSES)
every_target_loss = pytest.mark.parametrize("kind", TARGET_LOSSES)


# Values worked by hand

F = from_rows([[1, 2], [3, 4]])
S = from_rows([[1, 0], [0, 1]])
CONTENT = np.array([[0, 2], [3, 3]])
STYLE = np.array([[37, 52], [83, 118]]) / 16
HISTOGRAM = np.array([[2, 2], [6, 6]])
MEANS = np.array([[0.5, 0.5], [1.5, 1.5]])
COVARIANCES = np.array([[-0.125, 0.125], [-0.125, 0.125]])


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


@pytest.mark.parametrize(
    ("exponent", "expected"), [(2, 5.0), (1, 2.2360679775), (2.5, 7.4767439061)]
)
@every_normalization
def test_total_variation_of_a_small_image(exponent: float, expected: float, normalize: Any) -> None:
    image = {"input": np.array([[0.0, 1.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)}
    loss = ns.TotalVariationLoss(exponent, normalize=normalize)
    assert value(loss, image) == pytest.approx(expected, abs=1e-10)


def shifted_style(*args: Any, **kwargs: Any) -> ns.StyleLoss:
    return ns.StyleLoss(*args, shift=-1, **kwargs)


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


# Values against definitions in NumPy, and the factors between normalisations


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


def test_the_paper_form_of_total_variation_is_the_sum_and_the_others_the_mean() -> None:
    image = {"input": random_map(0, 5, 6, 3)}
    paper, mean, relative = (
        value(ns.TotalVariationLoss(normalize=n), image) for n in ("paper", "mean", "relative")
    )
    assert paper == pytest.approx(4 * 5 * 3 * mean, rel=1e-12)
    assert relative == mean


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("level", [0.1, 0.3, 0.7])
def test_a_target_of_one_colour_has_no_covariance_to_be_relative_to(
    dtype: type[Any], level: float
) -> None:
    # Its covariance is zero but for rounding, which is no scale.
    flat = np.full((1, 64, 48, 3), level, dtype)
    image = np.random.default_rng(0).uniform(size=flat.shape).astype(dtype)
    mean, covariance = mean_and_covariance(image)
    expected = (
        np.mean(np.square(covariance)) / (FLATNESS * level**4)
        + np.mean(np.square(mean - level)) / level**2
    ) / 2
    assert compare(ns.CovarianceLoss, image, flat, "relative") == pytest.approx(expected, rel=0.01)


# Laws: what leaves a loss as it is


@every_style_loss
@every_normalization
def test_styles_do_not_depend_on_where_things_are(kind: type[Any], normalize: str) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3)
    expected = pytest.approx(compare(kind, f, s, normalize), rel=1e-10)
    assert compare(kind, permuted(f), s, normalize) == expected
    assert compare(kind, f, permuted(s), normalize) == expected


def test_content_and_total_variation_depend_on_where_things_are() -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    assert compare(ns.ContentLoss, permuted(f), s) != pytest.approx(
        compare(ns.ContentLoss, f, s), rel=1e-3
    )
    variation = ns.TotalVariationLoss()
    assert value(variation, {"input": permuted(f)}) != pytest.approx(
        value(variation, {"input": f}), rel=1e-3
    )


def test_only_gram_is_blind_to_any_rotation_of_the_positions() -> None:
    f = random_map(0, 4, 5, 3)
    turned = (to_rows(f) @ orthogonal(20)).T.reshape(f.shape)
    assert np.abs(turned - f).max() > 1
    assert compare(ns.StyleLoss, turned, f) == pytest.approx(0, abs=1e-24)
    for kind in (*STYLE_LOSSES[1:], shifted_style):
        assert compare(kind, turned, f) > 1e-2


def test_the_histogram_loss_is_zero_for_a_shuffle_of_each_channel_and_gram_is_not() -> None:
    f = random_map(0, 4, 5, 3)
    assert compare(ns.HistogramLoss, shuffled(f), f) == 0
    assert compare(ns.StyleLoss, shuffled(f), f) > 1e-3
    changed = shuffled(f)
    changed[0, 2, 2, 1] += 0.1
    assert compare(ns.HistogramLoss, changed, f) > 0


@pytest.mark.parametrize("normalize", ["mean", "paper"])
def test_a_constant_added_to_a_channel_of_both_matters_to_gram_alone(normalize: str) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3)
    shift = np.array([0.5, -1.0, 2.0])
    for kind in (kind for kind in STYLE_LOSSES if kind is not ns.StyleLoss):
        assert compare(kind, f + shift, s + shift, normalize) == pytest.approx(
            compare(kind, f, s, normalize), rel=1e-10
        )
    assert compare(ns.StyleLoss, f + shift, s + shift, normalize) != pytest.approx(
        compare(ns.StyleLoss, f, s, normalize), rel=1e-3
    )


@pytest.mark.parametrize("kind", [k for k in TARGET_LOSSES if k is not ns.SlicedWassersteinLoss])
@every_normalization
def test_the_order_of_channels_does_not_matter(kind: type[Any], normalize: str) -> None:
    f, s = random_map(0, 5, 6, 4), random_map(1, 5, 6, 4)
    order = [2, 0, 3, 1]
    assert compare(kind, f[..., order], s[..., order], normalize) == pytest.approx(
        compare(kind, f, s, normalize), rel=1e-10
    )


@every_normalization
def test_second_moments_do_not_see_a_rotation_of_the_channels_of_both(normalize: str) -> None:
    f, s, turn = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3), orthogonal(3)
    for kind in (ns.StyleLoss, ns.CovarianceLoss, ns.GaussianWassersteinLoss):
        assert compare(kind, f @ turn, s @ turn, normalize) == pytest.approx(
            compare(kind, f, s, normalize), rel=1e-10
        )
    for kind in (ns.MomentLoss, ns.HistogramLoss):
        assert compare(kind, f @ turn, s @ turn, normalize) != pytest.approx(
            compare(kind, f, s, normalize), rel=1e-3
        )


@every_style_loss
@pytest.mark.parametrize("normalize", ["relative", "mean"])
@pytest.mark.parametrize("size", [(5, 6), (10, 3), (3, 7)])
def test_tiling_either_image_changes_nothing(
    kind: type[Any], normalize: str, size: tuple[int, int]
) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, *size, 3)
    expected = pytest.approx(compare(kind, f, s, normalize), rel=1e-9)
    for a, b in ((2, 1), (1, 3), (2, 3)):
        f_tiled, s_tiled = np.tile(f, (1, a, 1, 1)), np.tile(s, (1, 1, b, 1))
        assert compare(kind, f_tiled, s_tiled, normalize) == expected


@every_style_loss
@every_normalization
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_image_tiled_from_the_style_is_at_zero_and_never_below(
    kind: type[Any], normalize: str, dtype: type[Any]
) -> None:
    random = np.random.default_rng(0)
    for tiles in (2, 3, 2, 3, 2, 3):
        s = random.uniform(size=(1, 4, 5, 3)).astype(dtype)
        tiled = np.tile(s, (1, tiles, 1, 1))
        assert 0 <= compare(kind, tiled, s, normalize) < 1e-5


# Laws: scale


@every_normalization
def test_squares_of_gram_matrices_do_not_overflow_float32(normalize: str) -> None:
    # Their raw sums are 1e20, whose squares float32 cannot hold.
    s, f = (np.full((1, 100, 100, 2), level, np.float32) for level in (1e8, 2e8))
    assert 0 < compare(ns.StyleLoss, f, s, normalize) < np.inf


@pytest.mark.parametrize(
    ("kind", "power"),
    [
        (ns.ContentLoss, 2),
        (ns.StyleLoss, 4),
        (ns.MomentLoss, 2),
        (ns.GaussianWassersteinLoss, 2),
        (ns.HistogramLoss, 2),
        (ns.SlicedWassersteinLoss, 2),
    ],
)
@pytest.mark.parametrize("normalize", ["mean", "paper"])
def test_scaling_both_images_scales_the_loss_by_a_power(
    kind: type[Any], power: int, normalize: str
) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    assert compare(kind, 3 * f, 3 * s, normalize) == pytest.approx(
        3**power * compare(kind, f, s, normalize), rel=1e-10
    )


@pytest.mark.parametrize("normalize", ["mean", "paper"])
def test_means_scale_by_the_square_and_covariances_by_the_fourth_power(normalize: str) -> None:
    s = random_map(1, 5, 6, 3)
    shifted, spread = s + 1, 2 * s - s.mean(axis=(0, 1, 2))
    for f, power in ((shifted, 2), (spread, 4)):
        assert compare(ns.CovarianceLoss, 3 * f, 3 * s, normalize) == pytest.approx(
            3**power * compare(ns.CovarianceLoss, f, s, normalize), rel=1e-10
        )


@every_target_loss
@pytest.mark.parametrize("factor", [1e-4, 3.0, 1e4])
def test_the_relative_form_does_not_depend_on_the_scale(kind: type[Any], factor: float) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    assert compare(kind, factor * f, factor * s, "relative") == pytest.approx(
        compare(kind, f, s, "relative"), rel=1e-10
    )


@every_normalization
@pytest.mark.parametrize("exponent", [1, 1.25, 2, 2.5])
def test_total_variation_scales_by_its_exponent(normalize: Any, exponent: float) -> None:
    loss, image = ns.TotalVariationLoss(exponent, normalize=normalize), random_map(0, 5, 6, 3)
    assert value(loss, {"input": 3 * image}) == pytest.approx(
        3**exponent * value(loss, {"input": image}), rel=1e-10
    )


# The histogram loss: matching and its gradient


def matched(generated: Array, target: Array) -> Array:
    """Remap every channel to the target's values by rank, with NumPy."""
    f, s = to_rows(generated), to_rows(target)
    remapped = np.empty_like(f)
    for channel, values, wanted in zip(remapped, f, s, strict=True):
        channel[np.argsort(values)] = np.sort(wanted)
    return remapped.T.reshape(generated.shape)


def matched_by_loss(generated: Array, target: Array) -> Array:
    """Remap by the loss' gradient, half of which, in the sum form, leads to the match."""
    loss = ns.HistogramLoss({"a": target}, "a", normalize="paper")
    return generated - gradient_of(loss, generated) / 2


def test_three_forms_of_the_histogram_gradient_agree() -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    sorting = gradient_of(ns.HistogramLoss({"a": s}, "a", normalize="mean"), f)
    constant = tf.constant(matched(f, s))
    stopped = gradient_of(lambda x: ops.mean(ops.square(x["a"] - constant)), f)
    closed = 2 * (f - matched(f, s)) / f.size
    np.testing.assert_allclose(sorting, stopped, rtol=1e-10)
    np.testing.assert_allclose(sorting, closed, rtol=1e-10)


@pytest.mark.parametrize("size", [(3, 4), (7, 5), (10, 6)])
def test_the_histogram_gradient_is_exact_for_a_style_of_another_size(
    size: tuple[int, int],
) -> None:
    f, s = random_map(0, 5, 6, 1), random_map(1, *size, 1)
    gradient = gradient_of(ns.HistogramLoss({"a": s}, "a", normalize="mean"), f)
    for index in [(0, 0, 0, 0), (0, 2, 3, 0), (0, 4, 5, 0)]:
        step = np.zeros_like(f)
        step[index] = 1e-6
        slope = (squared_wasserstein(f + step, s) - squared_wasserstein(f - step, s)) / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=1e-6)


def test_half_a_gradient_step_lands_on_the_match() -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    landed = matched_by_loss(f, s)
    np.testing.assert_allclose(landed, matched(f, s), rtol=1e-12)
    assert compare(ns.HistogramLoss, landed, s) == pytest.approx(0, abs=1e-24)


def test_the_match_has_the_target_values_in_the_order_of_the_image() -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    landed = matched_by_loss(f, s)
    np.testing.assert_allclose(np.sort(to_rows(landed)), np.sort(to_rows(s)), rtol=1e-12)
    for before, after in zip(to_rows(f), to_rows(landed), strict=True):
        np.testing.assert_array_equal(stats.rankdata(after), stats.rankdata(before))
    np.testing.assert_allclose(matched_by_loss(landed, s), landed, rtol=1e-12)


def test_the_match_is_that_of_scikit_image() -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 6, 5, 3)
    expected = match_histograms(f[0], s[0], channel_axis=-1)
    np.testing.assert_allclose(matched_by_loss(f, s)[0], expected, rtol=1e-10)


def test_the_histogram_loss_is_the_least_over_all_permutations() -> None:
    f, s = random_map(0, 1, 5, 1), random_map(1, 1, 5, 1)
    least = min(
        np.mean((f.ravel() - s.ravel()[list(order)]) ** 2)
        for order in itertools.permutations(range(5))
    )
    assert compare(ns.HistogramLoss, f, s) == pytest.approx(least, rel=1e-12)


def test_the_histogram_loss_of_a_stretched_and_shifted_style_is_known() -> None:
    s = random_map(0, 5, 6, 1)
    expected = 0.7**2 * s.var() + (0.7 * s.mean() - 0.4) ** 2
    assert compare(ns.HistogramLoss, 1.7 * s - 0.4, s) == pytest.approx(expected, rel=1e-10)


def test_the_histogram_loss_is_at_most_the_content_loss() -> None:
    for seed in range(10):
        f, s = random_map(seed, 4, 5, 3), random_map(seed + 100, 4, 5, 3)
        assert compare(ns.HistogramLoss, f, s) <= compare(ns.ContentLoss, f, s)


@pytest.mark.parametrize("sizes", [(5, 5, 5), (3, 5, 7), (8, 4, 2)])
def test_the_root_of_the_histogram_loss_is_a_metric(sizes: tuple[int, int, int]) -> None:
    for seed in range(10):
        a, b, c = (random_map(10 * seed + i, 4, size, 2) for i, size in enumerate(sizes))
        ab, bc, ac = (np.sqrt(compare(ns.HistogramLoss, x, y)) for x, y in ((a, b), (b, c), (a, c)))
        assert ac <= ab + bc
        assert ab == pytest.approx(np.sqrt(compare(ns.HistogramLoss, b, a)), rel=1e-9)


@pytest.mark.parametrize("size", [(4, 5), (3, 3), (8, 7)])
def test_the_histogram_loss_is_at_least_the_distance_of_means_and_deviations(
    size: tuple[int, int],
) -> None:
    for seed in range(20):
        f, s = to_rows(random_map(seed, 4, 5, 3)), to_rows(random_map(seed + 100, *size, 3))
        bound = np.mean((f.mean(1) - s.mean(1)) ** 2 + (f.std(1) - s.std(1)) ** 2)
        assert compare(ns.HistogramLoss, from_rows(f), from_rows(s)) >= bound


def test_a_smaller_picture_at_its_best_still_lacks_what_varies_within_the_cells() -> None:
    s = from_rows([[1, 2, 3, 6]])
    best = from_rows([[4.5, 1.5]])
    result, gradient = value_and_gradient(
        ns.HistogramLoss({"a": s}, "a", normalize="mean"), {"a": best}
    )
    # Half the values are 0.5 away from their cell's mean, and half 1.5.
    assert result == pytest.approx((0.5**2 + 1.5**2) / 2, abs=1e-12)
    np.testing.assert_allclose(gradient["a"], 0, atol=1e-12)


# The histogram loss: equal values


def assigned(generated: Array, target: Array, seed: int = 0) -> Array:
    loss = ns.HistogramLoss({"a": target}, "a", normalize="paper", seed=seed)
    return to_rows(generated - gradient_of(loss, generated) / 2)


def test_equal_values_are_matched_by_rank_to_different_targets() -> None:
    zeros, target = from_rows([[0, 0, 0, 0]]), from_rows([[1, 2, 3, 4]])
    assert compare(ns.HistogramLoss, zeros, target, "paper") == pytest.approx(30, abs=1e-12)
    np.testing.assert_allclose(np.sort(assigned(zeros, target)), [[1, 2, 3, 4]], atol=1e-12)


def test_the_mid_rank_average_is_no_false_zero() -> None:
    middle, target = from_rows([[2.5] * 4]), from_rows([[1, 2, 3, 4]])
    assert compare(ns.HistogramLoss, middle, target, "paper") == pytest.approx(5, abs=1e-12)


def test_equal_values_draw_no_ramp_across_the_picture() -> None:
    zeros, target = np.zeros((1, 8, 8, 1)), random_map(0, 8, 8, 1)
    wanted = assigned(zeros, target)[0]
    rows, columns = np.divmod(np.arange(64), 8)
    for where in (np.arange(64), rows, columns):
        assert abs(stats.spearmanr(where, wanted).statistic) < 0.3


def test_equal_values_among_others_draw_no_ramp_either() -> None:
    feature, target = random_map(1, 8, 8, 1), random_map(0, 8, 8, 1)
    feature = np.maximum(feature - np.median(feature), 0)
    tied = to_rows(feature)[0] == 0
    assert tied.sum() == 32
    wanted = assigned(feature, target)[0][tied]
    assert abs(stats.spearmanr(np.arange(32), wanted).statistic) < 0.4
    np.testing.assert_allclose(np.sort(wanted), np.sort(target.ravel())[:32], rtol=1e-12)


def test_the_order_of_equal_values_is_fixed_by_the_seed_and_leaves_the_value() -> None:
    zeros, target = np.zeros((1, 8, 8, 2)), random_map(0, 8, 8, 2)
    np.testing.assert_array_equal(assigned(zeros, target), assigned(zeros, target))
    assert not np.array_equal(assigned(zeros, target), assigned(zeros, target, seed=1))
    values = {value(ns.HistogramLoss({"a": target}, "a", seed=s), {"a": zeros}) for s in (0, 1)}
    assert len(values) == 1


def test_the_order_of_equal_values_is_the_same_when_compiled() -> None:
    zeros, target = np.zeros((1, 8, 8, 2)), random_map(0, 8, 8, 2)
    loss = ns.HistogramLoss({"a": target}, "a")
    np.testing.assert_allclose(
        gradient_of(tf.function(loss), zeros), gradient_of(loss, zeros), rtol=1e-12
    )


# Identities between losses


def test_the_style_loss_is_a_maximum_mean_discrepancy_of_the_squared_inner_product() -> None:
    f, s = to_rows(random_map(0, 4, 5, 3)), to_rows(random_map(1, 3, 3, 3))
    kernels = ((f.T @ f) ** 2).mean() - 2 * ((f.T @ s) ** 2).mean() + ((s.T @ s) ** 2).mean()
    paper = compare(ns.StyleLoss, from_rows(f), from_rows(s), "paper")
    assert kernels == pytest.approx(4 * 3**2 * paper, rel=1e-9)


def test_the_covariance_loss_of_a_shifted_style_is_the_mean_square_of_the_shift() -> None:
    s, shift = random_map(0, 5, 6, 3), np.array([0.5, -1.0, 2.0])
    for normalize in ("mean", "paper"):
        assert compare(ns.CovarianceLoss, s + shift, s, normalize) == pytest.approx(
            np.mean(shift**2), rel=1e-10
        )


def test_the_covariance_loss_of_centred_features_is_the_style_loss() -> None:
    f, s = (random_map(seed, 5, 6, 3) for seed in (0, 1))
    f, s = (x - x.mean(axis=(0, 1, 2)) for x in (f, s))
    for normalize in ("mean", "paper"):
        assert compare(ns.CovarianceLoss, f, s, normalize) == pytest.approx(
            compare(ns.StyleLoss, f, s, normalize), rel=1e-10
        )


# Layers

TARGET = {"a": random_map(0, 5, 6, 3), "b": random_map(1, 3, 4, 4), "c": random_map(2, 2, 2, 2)}
GENERATED = {"a": random_map(3, 5, 6, 3), "b": random_map(4, 3, 4, 4), "c": random_map(5, 2, 2, 2)}


@every_target_loss
@every_normalization
def test_layers_are_a_name_a_sequence_to_average_or_weights_as_given(
    kind: type[Any], normalize: str
) -> None:
    def of(layers: Any) -> float:
        return value(kind(TARGET, layers, normalize=normalize), GENERATED)

    a, b = of("a"), of("b")
    assert a != pytest.approx(b, rel=1e-3)
    for layers in (["a", "b"], ("a", "b"), ("b", "a")):
        assert of(layers) == pytest.approx((a + b) / 2, rel=1e-12)
    assert of(["a"]) == a
    assert of({"a": 3, "b": 0.25}) == pytest.approx(3 * a + b / 4, rel=1e-12)
    assert of({"a": 0.0, "b": 1.0}) == pytest.approx(b, rel=1e-12)


@every_target_loss
def test_a_loss_knows_the_weights_of_its_layers(kind: type[Any]) -> None:
    assert kind(TARGET, "a").layers == {"a": 1.0}
    assert kind(TARGET, ("a", "c")).layers == {"a": 0.5, "c": 0.5}
    assert kind(TARGET, {"a": 2, "c": 3.5}).layers == {"a": 2.0, "c": 3.5}


@every_target_loss
def test_other_layers_are_not_asked_for(kind: type[Any]) -> None:
    loss = kind({"a": TARGET["a"]}, "a")
    assert np.isfinite(value(loss, {"a": GENERATED["a"]}))


# Names and descriptions


def test_losses_are_named_after_themselves_unless_told_otherwise() -> None:
    names = [
        ns.ContentLoss(TARGET, "a").name,
        ns.StyleLoss(TARGET, "a").name,
        ns.CovarianceLoss(TARGET, "a").name,
        ns.MomentLoss(TARGET, "a").name,
        ns.GaussianWassersteinLoss(TARGET, "a").name,
        ns.HistogramLoss(TARGET, "a").name,
        ns.SlicedWassersteinLoss(TARGET, "a").name,
        ns.TotalVariationLoss().name,
    ]
    assert names == [
        "content",
        "style",
        "covariance",
        "moment",
        "gaussian",
        "histogram",
        "sliced",
        "total_variation",
    ]
    for kind in TARGET_LOSSES:
        assert kind(TARGET, "a", name="sky").name == "sky"
    assert ns.TotalVariationLoss(name="grain").name == "grain"


@every_target_loss
def test_a_description_gives_layers_and_the_normalisation_if_it_is_not_the_usual_one(
    kind: type[Any],
) -> None:
    name = kind.__name__
    assert repr(kind(TARGET, "a")) == f"{name}(layers='a')"
    assert repr(kind(TARGET, ["a", "b"])) == f"{name}(layers=('a', 'b'))"
    assert (
        repr(kind(TARGET, {"a": 2, "b": 1}, normalize="paper"))
        == f"{name}(layers={{'a': 2.0, 'b': 1.0}}, normalize='paper')"
    )


def test_a_description_gives_options_that_are_not_the_usual_ones() -> None:
    assert repr(ns.StyleLoss(TARGET, "a", shift=-1)) == "StyleLoss(layers='a', shift=-1.0)"
    loss = ns.SlicedWassersteinLoss(TARGET, "a", directions=8, patch_size=2, normalize="mean")
    assert (
        repr(loss)
        == "SlicedWassersteinLoss(layers='a', directions=8, patch_size=2, normalize='mean')"
    )


def test_total_variation_is_described_by_its_exponent() -> None:
    assert repr(ns.TotalVariationLoss()) == "TotalVariationLoss(exponent=2)"
    assert (
        repr(ns.TotalVariationLoss(1.25, normalize="mean"))
        == "TotalVariationLoss(exponent=1.25, normalize='mean')"
    )


# Errors


def says(error: type[Exception], *words: str) -> Any:
    """Expect an error of one line that contains all of `words` in this order."""
    return pytest.raises(error, match="^[^\n]*" + "[^\n]*".join(words))


@every_target_loss
def test_an_unknown_layer_is_a_key_error_that_lists_the_known(kind: type[Any]) -> None:
    with says(KeyError, "target", "'d'", "a, b, c"):
        kind(TARGET, "d")
    with says(KeyError, "features", "'b'", "a, c"):
        kind(TARGET, "b")({"a": GENERATED["a"], "c": GENERATED["c"]})


def test_total_variation_without_an_image_is_a_key_error() -> None:
    with says(KeyError, "features", "'input'", "a, b, c"):
        ns.TotalVariationLoss()(GENERATED)


@every_target_loss
@pytest.mark.parametrize(
    ("value", "received"),
    [
        (np.zeros((5, 6, 3)), "ndarray"),
        (tf.zeros((1, 5, 6, 3)), "Tensor"),
        (None, "NoneType"),
        ([1.0], "list"),
    ],
    ids=["array", "tensor", "none", "list"],
)
def test_an_image_in_place_of_features_is_a_type_error(
    kind: type[Any], value: Any, received: str
) -> None:
    with says(TypeError, "target", "expected features", f"received .*{received}"):
        kind(value, "a")
    with says(TypeError, "features", "expected features", f"received .*{received}"):
        kind(TARGET, "a")(value)


@every_target_loss
@pytest.mark.parametrize("shape", [(2, 4, 4, 3), (4, 4, 3), (1, 3), (1, 0, 4, 3), ()])
def test_a_feature_map_that_is_not_a_batch_of_one_is_a_value_error(
    kind: type[Any], shape: tuple[int, ...]
) -> None:
    received = ", ".join(map(str, shape))
    with says(ValueError, "target", r"expected .*\(1, H, W, C\)", "'a'", f"received .*{received}"):
        kind({"a": np.zeros(shape)}, "a")
    with says(
        ValueError, "features", r"expected .*\(1, H, W, C\)", "'a'", f"received .*{received}"
    ):
        kind(TARGET, "a")({"a": np.zeros(shape)})


@pytest.mark.parametrize("shape", [(1, 6, 5, 3), (1, 1, 1, 3), (1, 30, 1, 3)])
def test_content_of_another_shape_is_a_value_error_that_names_the_loss(
    shape: tuple[int, ...],
) -> None:
    loss = ns.ContentLoss(TARGET, "a", name="sky")
    with says(ValueError, "'sky'", "expected", r"\(1, 5, 6, 3\)", "'a'", f"received .{shape[0]}, "):
        loss({"a": np.ones(shape)})


@pytest.mark.parametrize("channels", [1, 4])
def test_content_of_other_channels_is_a_value_error_that_names_the_loss(channels: int) -> None:
    with says(ValueError, "'content'", "expected 3 channels", "'a'", f"received {channels}"):
        ns.ContentLoss(TARGET, "a")({"a": np.ones((1, 5, 6, channels))})


@every_style_loss
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_a_style_of_other_channels_is_a_value_error_that_names_the_loss(
    kind: type[Any], channels: int
) -> None:
    loss = kind(TARGET, "a", name="sky")
    with says(ValueError, "'sky'", "expected", "3", "'a'", f"received .*{channels}"):
        loss({"a": np.ones((1, 5, 6, channels))})


@pytest.mark.parametrize(
    "make",
    [*(lambda n, k=k: k(TARGET, "a", normalize=n) for k in TARGET_LOSSES)]
    + [lambda n: ns.TotalVariationLoss(normalize=n)],
    ids=[k.__name__ for k in TARGET_LOSSES] + ["TotalVariationLoss"],
)
@pytest.mark.parametrize("normalize", ["sum", "Mean", "", None, 1, ["mean"]])
def test_another_normalisation_is_a_value_error(make: Callable[[Any], Any], normalize: Any) -> None:
    with says(ValueError, "normalize", "expected", '"relative"', "received"):
        make(normalize)


@every_target_loss
@pytest.mark.parametrize(
    ("layers", "error", "received"),
    [
        ([], ValueError, "none"),
        ({}, ValueError, "none"),
        (["a", "a"], ValueError, "a"),
        ({"a": -1.0}, ValueError, "-1.0"),
        ({"a": float("nan")}, ValueError, "nan"),
        ({"a": float("inf")}, ValueError, "inf"),
        ({"a": True}, TypeError, "True"),
        ({"a": "1"}, TypeError, "'1'"),
        ({"a": None}, TypeError, "None"),
        (5, TypeError, "5"),
        (None, TypeError, "None"),
        ({"a", "b"}, TypeError, "'a'"),
        ([1, 2], TypeError, "1"),
        ({1: 1.0}, TypeError, "1"),
        ([["a"]], TypeError, "a"),
    ],
)
def test_layers_of_another_form_are_an_error(
    kind: type[Any], layers: Any, error: type[Exception], received: str
) -> None:
    with says(error, "layers", "expected", f"received .*{received}"):
        kind(TARGET, layers)


@pytest.mark.parametrize("exponent", ["2", None, True, [2]])
def test_an_exponent_that_is_no_number_is_a_type_error(exponent: Any) -> None:
    with says(TypeError, "exponent", "expected a number", "received"):
        ns.TotalVariationLoss(exponent)


@pytest.mark.parametrize("exponent", [0.99, 0, -2.0, float("nan"), float("inf")])
def test_an_exponent_below_one_or_not_finite_is_a_value_error(exponent: float) -> None:
    with says(ValueError, "exponent", "expected", f"received .*{exponent}"):
        ns.TotalVariationLoss(exponent)


@pytest.mark.parametrize("shape", [(1, 1, 5, 3), (1, 5, 1, 3)])
def test_total_variation_of_a_line_is_a_value_error(shape: tuple[int, ...]) -> None:
    with says(ValueError, "'grain'", "expected", "2 x 2", f"received {shape[1]} x {shape[2]}"):
        ns.TotalVariationLoss(name="grain")({"input": np.zeros(shape)})


def test_losses_give_the_same_for_tensors_of_any_mapping() -> None:
    class Lazy(Mapping[str, Any]):
        def __getitem__(self, layer: str) -> Any:
            return tf.constant(GENERATED[layer])

        def __iter__(self) -> Any:
            return iter(GENERATED)

        def __len__(self) -> int:
            return len(GENERATED)

    loss = ns.StyleLoss(tensors(TARGET), ("a", "b"))
    assert float(loss(Lazy())) == pytest.approx(float(loss(GENERATED)), rel=1e-12)


def test_quantiles_of_a_target_of_another_size_are_constants_of_the_graph() -> None:
    target = np.random.default_rng(0).normal(size=(1, 128, 128, 4))
    loss = ns.HistogramLoss({"a": target}, "a")
    specification = tf.TensorSpec((1, 8, 8, 4), tf.float64)
    graph = tf.function(lambda x: loss({"a": x})).get_concrete_function(specification).graph
    # However many times larger the target is.
    assert len(graph.as_graph_def().node) < 60
    assert sum(tensor.shape.num_elements() for tensor in graph.inputs) < 1000
