"""Losses of moments: Gram matrices, also of shifted features, covariances, means and deviations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from losses.examples import every_normalization
from support import (
    compare,
    from_rows,
    gradient_of,
    random_map,
    to_rows,
    value,
    value_and_gradient,
)

import neuralstyle as ns
from neuralstyle.losses.moments import FLATNESS
from neuralstyle.losses.statistics import mean_and_covariance, mean_and_deviation

# Gram matrices and covariances


@every_normalization
def test_squares_of_gram_matrices_do_not_overflow_float32(normalize: str) -> None:
    # Their raw sums are 1e20, whose squares float32 cannot hold.
    s, f = (np.full((1, 100, 100, 2), level, np.float32) for level in (1e8, 2e8))
    assert 0 < compare(ns.StyleLoss, f, s, normalize) < np.inf


@pytest.mark.parametrize("normalize", ["mean", "paper"])
def test_means_scale_by_the_square_and_covariances_by_the_fourth_power(normalize: str) -> None:
    s = random_map(1, 5, 6, 3)
    shifted, spread = s + 1, 2 * s - s.mean(axis=(0, 1, 2))
    for f, power in ((shifted, 2), (spread, 4)):
        assert compare(ns.CovarianceLoss, 3 * f, 3 * s, normalize) == pytest.approx(
            3**power * compare(ns.CovarianceLoss, f, s, normalize), rel=1e-10
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


# Gram matrices of shifted features


@pytest.mark.parametrize("normalize", ["mean", "paper"])
@pytest.mark.parametrize("shift", [-1, 0.5, np.float32(2)])
def test_a_shift_is_added_to_the_features(normalize: str, shift: float) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3)
    loss = ns.StyleLoss({"a": s}, "a", shift=shift, normalize=normalize)  # type: ignore[arg-type]
    expected = compare(ns.StyleLoss, f + float(shift), s + float(shift), normalize)
    assert value(loss, {"a": f}) == pytest.approx(expected, rel=1e-10)


def test_a_shift_mixes_the_means_into_the_gram_matrix() -> None:
    f, s, shift = to_rows(random_map(0, 5, 6, 3)), to_rows(random_map(1, 4, 4, 3)), -1.5
    difference = f @ f.T / 30 - s @ s.T / 16
    means = f.mean(1) - s.mean(1)
    expected = np.mean((difference + shift * (means[:, None] + means)) ** 2)
    loss = ns.StyleLoss({"a": from_rows(s)}, "a", shift=shift, normalize="mean")
    assert value(loss, {"a": from_rows(f)}) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("shift", [-1, 3.0])
def test_the_relative_form_of_a_shifted_loss_is_one_for_features_that_are_zero(
    shift: float,
) -> None:
    s = random_map(0, 5, 6, 3)
    loss = ns.StyleLoss({"a": s}, "a", shift=shift)
    assert value(loss, {"a": np.zeros_like(s)}) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("shift", ["1", None, True, 1j])
def test_a_shift_that_is_no_number_is_a_type_error(shift: Any) -> None:
    with pytest.raises(TypeError, match="^shift: expected a number, received"):
        ns.StyleLoss({"a": random_map(0, 5, 6, 3)}, "a", shift=shift)


@pytest.mark.parametrize("shift", [np.nan, np.inf, -np.inf])
def test_a_shift_that_is_not_finite_is_a_value_error(shift: float) -> None:
    with pytest.raises(ValueError, match="^shift: expected a finite number, received"):
        ns.StyleLoss({"a": random_map(0, 5, 6, 3)}, "a", shift=shift)


# Means and deviations


def test_mean_and_deviation_are_those_of_numpy() -> None:
    feature = random_map(1, 5, 6, 4)
    mean, deviation = mean_and_deviation(feature)
    np.testing.assert_allclose(mean, to_rows(feature).mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(deviation, to_rows(feature).std(axis=1), rtol=1e-12)


@pytest.mark.parametrize("spread", [0.0, 1e-150, 1e-12, 1.0, 1e12])
def test_the_gradient_of_a_deviation_has_the_same_length_however_small_it_is(
    spread: float,
) -> None:
    feature = spread * random_map(1, 5, 6, 1)
    feature = feature - feature.mean()
    slopes = gradient_of(lambda f: mean_and_deviation(f["a"])[1][0], feature)
    expected = 0 if spread == 0 else 30**-0.5
    assert np.linalg.norm(slopes) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_constant_channel_has_a_finite_gradient(dtype: Any, level: float) -> None:
    target = random_map(0, 6, 7, 2).astype(dtype)
    feature = random_map(1, 6, 7, 2).astype(dtype)
    feature[..., 0] = level
    for kind in (ns.MomentLoss, ns.GaussianWassersteinLoss):
        result, gradient = value_and_gradient(kind({"a": target}, "a"), {"a": feature})
        assert np.isfinite(result)
        assert np.isfinite(gradient["a"]).all()
        assert np.abs(gradient["a"]).max() < 10


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("level", [0.1, 0.3, 0.7])
def test_a_target_of_one_colour_has_no_deviation_to_be_relative_to(
    dtype: Any, level: float
) -> None:
    flat = np.full((1, 64, 48, 3), level, dtype)
    image = np.random.default_rng(0).uniform(size=flat.shape).astype(dtype)
    mean, deviation = (np.asarray(x, np.float64) for x in mean_and_deviation(image))
    expected = (
        np.mean(deviation**2) / (FLATNESS**0.5 * level**2) + np.mean((mean - level) ** 2) / level**2
    ) / 2
    assert compare(ns.MomentLoss, image, flat, "relative") == pytest.approx(expected, rel=0.01)


def test_means_and_deviations_are_a_lower_bound_of_histograms() -> None:
    for seed in range(30):
        f, s = random_map(seed, 4, 5, 3), random_map(seed + 100, 4, 5, 3)
        assert compare(ns.MomentLoss, f, s) <= compare(ns.HistogramLoss, f, s)
    # Which they reach if one channel is the other stretched and shifted.
    s = random_map(0, 5, 6, 3)
    f = s * np.array([0.5, 1.2, 3]) + np.array([1, -1, 0])
    assert compare(ns.MomentLoss, f, s) == pytest.approx(compare(ns.HistogramLoss, f, s), rel=1e-10)
