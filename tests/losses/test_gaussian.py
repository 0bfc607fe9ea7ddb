"""Distances of normal distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy import linalg
from support import (
    Array,
    compare,
    from_rows,
    gradient_of,
    orthogonal,
    random_map,
    to_rows,
    value,
    value_and_gradient,
)

import neuralstyle as ns
from neuralstyle.losses import gaussian


def square_root(covariance: Any) -> Array:
    """Take the root of a symmetric matrix, which SciPy warns of if it is singular."""
    values, vectors = np.linalg.eigh(covariance)
    root: Array = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


def with_moments(mean: Any, covariance: Any, seed: int = 0, size: int = 40) -> Array:
    """Make a feature map that has these moments exactly."""
    sample = np.random.default_rng(seed).normal(size=(len(mean), size))
    sample -= sample.mean(axis=1, keepdims=True)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(sample, bias=True)), sample)
    return from_rows(np.asarray(mean)[:, None] + square_root(covariance) @ white)


def numerical_gradient(loss: ns.Loss, feature: Array, step: float = 1e-6) -> Array:
    gradient = np.empty_like(feature)
    for index in np.ndindex(feature.shape):
        ends = []
        for sign in (1, -1):
            moved = feature.copy()
            moved[index] += sign * step
            ends.append(value(loss, {"a": moved}))
        gradient[index] = (ends[0] - ends[1]) / (2 * step)
    return gradient


SECOND_MOMENT = np.array([[1, -0.5, 0], [-0.5, 1.25, -0.25], [0, -0.25, 1.25]])

X = with_moments([0, -0.5, 0.5], [[1, -0.5, 0], [-0.5, 1, 0], [0, 0, 1]])

Y = with_moments([1, -0.5, 0], [[0, 0, 0], [0, 1, -0.25], [0, -0.25, 1.25]], seed=1)


def test_two_distributions_of_one_gram_matrix_are_a_known_distance_apart() -> None:
    for sample in (X, Y):
        rows = to_rows(sample)
        np.testing.assert_allclose(rows @ rows.T / 40, SECOND_MOMENT, atol=1e-12)
    assert compare(ns.StyleLoss, X, Y) == pytest.approx(0, abs=1e-24)
    for a, b in ((X, Y), (Y, X)):
        squared = compare(ns.GaussianWassersteinLoss, a, b, "paper")
        assert np.sqrt(squared) == pytest.approx(1.513521898, abs=1e-8)


def test_the_same_gram_matrix_is_not_the_same_to_the_others() -> None:
    for kind in (
        ns.CovarianceLoss,
        ns.MomentLoss,
        ns.GaussianWassersteinLoss,
        ns.HistogramLoss,
        ns.SlicedWassersteinLoss,
    ):
        assert compare(kind, X, Y) > 0.1
    shifted = ns.StyleLoss({"a": Y}, "a", shift=-1, normalize="mean")
    assert value(shifted, {"a": X}) > 0.1


def test_a_new_mean_and_a_covariance_that_makes_up_for_it_are_the_same_to_gram_alone() -> None:
    s = to_rows(random_map(0, 40, 50, 3))
    mean, covariance, gram = s.mean(1), np.cov(s, bias=True), s @ s.T / 2000
    other = 0.5 * mean + 0.1
    assert other @ np.linalg.solve(gram, other) < 1
    root, new_root = (linalg.sqrtm(c) for c in (covariance, gram - np.outer(other, other)))
    f = from_rows(new_root @ np.linalg.solve(root, s - mean[:, None]) + other[:, None])
    assert compare(ns.StyleLoss, f, from_rows(s)) == pytest.approx(0, abs=1e-24)
    for kind in (
        ns.CovarianceLoss,
        ns.MomentLoss,
        ns.GaussianWassersteinLoss,
        ns.HistogramLoss,
        ns.SlicedWassersteinLoss,
    ):
        assert compare(kind, f, from_rows(s)) > 1e-2


def test_without_correlations_it_is_the_loss_of_means_and_deviations() -> None:
    f = with_moments([1, 2, 3], np.diag([1, 4, 0.25]))
    s = with_moments([0, 2, 5], np.diag([2, 0.5, 0]), seed=1)
    assert compare(ns.GaussianWassersteinLoss, f, s) == pytest.approx(
        compare(ns.MomentLoss, f, s), rel=1e-7
    )


def test_each_channel_alone_is_a_lower_bound() -> None:
    for seed in range(20):
        f, s = random_map(seed, 4, 5, 3), random_map(seed + 100, 4, 5, 3)
        assert compare(ns.MomentLoss, f, s) <= compare(ns.GaussianWassersteinLoss, f, s)


def test_its_root_is_a_metric() -> None:
    for seed in range(10):
        a, b, c = (random_map(10 * seed + i, 4, 5, 3) for i in range(3))
        ab, bc, ac, ba = (
            np.sqrt(compare(ns.GaussianWassersteinLoss, x, y))
            for x, y in ((a, b), (b, c), (a, c), (b, a))
        )
        assert ac <= ab + bc
        assert ab == pytest.approx(ba, rel=1e-9)


def test_its_gradient_leads_each_position_to_where_it_is_moved() -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3)
    loss = ns.GaussianWassersteinLoss({"a": s}, "a", normalize="paper")
    landed = f - 30 / 2 * gradient_of(loss, f)
    for moment in (lambda x: x.mean(1), lambda x: np.cov(x, bias=True)):
        np.testing.assert_allclose(moment(to_rows(landed)), moment(to_rows(s)), atol=1e-10)
    assert value(loss, {"a": landed}) == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize(
    ("covariance", "wanted"),
    [
        (np.eye(3), 4 * np.eye(3)),
        (np.eye(3), np.diag([1.0, 1.0, 3.0])),
        (np.diag([2.0, 2.0, 1.0]), np.eye(3) + 0.5),
    ],
    ids=["multiples", "white", "equal in part"],
)
def test_equal_eigenvalues_leave_the_gradient_right(covariance: Array, wanted: Array) -> None:
    f, s = with_moments([0, 1, 2], covariance, size=8), with_moments([1, 1, 1], wanted, seed=1)
    loss = ns.GaussianWassersteinLoss({"a": s}, "a", normalize="mean")
    np.testing.assert_allclose(gradient_of(loss, f), numerical_gradient(loss, f), atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_more_channels_than_positions_are_at_zero_at_the_target_and_finite_elsewhere(
    dtype: Any,
) -> None:
    s = np.maximum(random_map(0, 4, 4, 64), 0).astype(dtype)
    s[..., 5] = s[..., 6]
    s[..., 7] = 0
    loss = ns.GaussianWassersteinLoss({"a": s}, "a")
    result, gradient = value_and_gradient(loss, {"a": s})
    tolerance = 1e-6 if dtype == np.float32 else 1e-12
    assert 0 <= result < tolerance
    assert np.abs(gradient["a"]).max() < tolerance
    f = np.maximum(random_map(1, 3, 5, 64), 0).astype(dtype)
    result, gradient = value_and_gradient(loss, {"a": f})
    root, covariance = square_root(np.cov(to_rows(s), bias=True)), np.cov(to_rows(f), bias=True)
    eigenvalues = np.linalg.eigvalsh(root @ covariance @ root)
    both = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    moved = ((to_rows(f).mean(1) - to_rows(s).mean(1)) ** 2).sum() + to_rows(f).var(1).sum()
    expected = (moved + to_rows(s).var(1).sum() - 2 * both) / 64 / np.mean(np.square(s))
    assert result == pytest.approx(expected, rel=1e-4)
    if dtype == np.float64:
        step = 1e-5 * gradient["a"] / np.linalg.norm(gradient["a"])
        ends = [value(loss, {"a": f + sign * step}) for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / 2e-5
        assert slope == pytest.approx(np.linalg.norm(gradient["a"]), rel=1e-4)


def test_a_covariance_that_rounding_left_negative_is_no_negative_distance() -> None:
    covariance, root = tf.constant(np.diag([1.0, -1e-8])), tf.constant(np.diag([1.0, 0.0]))
    assert float(gaussian._spread(covariance, root)) == 0


def test_what_is_not_a_number_gives_no_number_instead_of_an_error() -> None:
    s = random_map(0, 5, 6, 3)
    f = s.copy()
    f[0, 1, 2, 1] = np.nan
    loss = ns.GaussianWassersteinLoss({"a": s}, "a")
    assert np.isnan(value(loss, {"a": f}))
    assert np.isnan(float(tf.function(loss)({"a": tf.constant(f)})))


def test_a_turn_of_one_image_alone_is_seen() -> None:
    s = random_map(0, 5, 6, 3)
    assert compare(ns.GaussianWassersteinLoss, s @ orthogonal(3), s) > 1e-2
