"""Statistics of feature maps and images against definitions, laws and other libraries."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy import stats
from support import (
    Array,
    from_rows,
    random_map,
    squared_wasserstein,
    to_rows,
    value,
    value_and_gradient,
)

from neuralstyle.losses.statistics import (
    cell_quantiles,
    gram_matrix,
    mean_and_covariance,
    orthonormal_directions,
    positions,
    projections,
    sorted_values,
    total_variation,
)

F = from_rows([[1, 2], [3, 4]])
IMAGE = np.array([[0.0, 1.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)


# Positions, Gram matrix, mean and covariance


def test_positions_run_along_rows_and_keep_channels_together() -> None:
    feature = np.arange(24.0).reshape(1, 2, 3, 4)
    flat = np.asarray(positions(feature))
    assert flat.shape == (6, 4)
    np.testing.assert_array_equal(flat[4], feature[0, 1, 1])


def test_the_gram_matrix_is_the_mean_product_of_channels() -> None:
    np.testing.assert_allclose(gram_matrix(F), np.array([[5, 11], [11, 25]]) / 2, rtol=1e-12)
    feature = random_map(0, 5, 6, 3)
    expected = np.einsum("bhwi,bhwj->ij", feature, feature) / 30
    np.testing.assert_allclose(gram_matrix(feature), expected, rtol=1e-12)


def test_mean_and_covariance_are_those_of_numpy() -> None:
    feature = random_map(1, 5, 6, 4)
    mean, covariance = mean_and_covariance(feature)
    np.testing.assert_allclose(mean, to_rows(feature).mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(to_rows(feature), bias=True), rtol=1e-11)


def test_the_gram_matrix_is_covariance_plus_the_mean_times_itself() -> None:
    feature = random_map(2, 4, 7, 3)
    mean, covariance = (np.asarray(statistic) for statistic in mean_and_covariance(feature))
    np.testing.assert_allclose(gram_matrix(feature), covariance + np.outer(mean, mean), rtol=1e-12)


def test_covariance_is_precise_where_the_mean_is_large() -> None:
    feature = random_map(3, 5, 5, 2)
    _, expected = mean_and_covariance(feature)
    _, shifted = mean_and_covariance(feature + 1e6)
    np.testing.assert_allclose(shifted, expected, rtol=1e-8)


# Sorted values


@pytest.mark.parametrize("seed", [0, 1])
def test_values_are_sorted_over_the_positions_of_each_channel(seed: int) -> None:
    feature = random_map(4, 5, 6, 3)
    np.testing.assert_array_equal(sorted_values(feature, seed), np.sort(to_rows(feature), axis=1))


def shares_of_ties(feature: Array, seed: int = 0) -> Array:
    """Return which rank, counted from 1, each position gets."""
    ranks = np.arange(1.0, feature.shape[1] * feature.shape[2] + 1)
    _, gradient = value_and_gradient(
        lambda f: ops.sum(sorted_values(f["a"], seed) * ranks), {"a": feature}
    )
    return to_rows(gradient["a"])


def test_ranks_of_values_without_ties_do_not_depend_on_the_seed() -> None:
    feature = random_map(5, 4, 5, 2)
    expected = stats.rankdata(to_rows(feature), axis=1)
    for seed in (0, 1):
        np.testing.assert_array_equal(shares_of_ties(feature, seed), expected)


def test_equal_values_share_their_ranks_out_in_a_fixed_order_across_the_picture() -> None:
    ranks = shares_of_ties(np.zeros((1, 8, 8, 2)))
    np.testing.assert_array_equal(np.sort(ranks, axis=1), np.tile(np.arange(1, 65), (2, 1)))
    np.testing.assert_array_equal(shares_of_ties(np.zeros((1, 8, 8, 2))), ranks)
    rows, columns = np.divmod(np.arange(64), 8)
    for where in (np.arange(64), rows, columns):
        for channel in ranks:
            assert abs(stats.spearmanr(where, channel).statistic) < 0.3


def test_another_seed_orders_equal_values_differently() -> None:
    tied = np.zeros((1, 8, 8, 1))
    assert not np.array_equal(shares_of_ties(tied, 0), shares_of_ties(tied, 1))


# Projections


@pytest.mark.parametrize(("size", "count"), [(1, 1), (1, 3), (3, 2), (3, 3), (3, 8), (70, 32)])
def test_directions_are_unit_vectors_at_right_angles_in_groups(size: int, count: int) -> None:
    directions = orthonormal_directions(size, count)
    assert directions.shape == (size, count)
    for start in range(0, count, size):
        group = directions[:, start : start + size]
        np.testing.assert_allclose(group.T @ group, np.eye(group.shape[1]), atol=1e-12)


def test_directions_are_spread_evenly_and_drawn_by_the_seed() -> None:
    directions = orthonormal_directions(3, 3000)
    np.testing.assert_allclose(directions @ directions.T / 3000, np.eye(3) / 3, atol=1e-10)
    # The fourth moments of a sphere: 1/5 of a component, 1/15 of two.
    fourth = np.square(directions) @ np.square(directions).T / 3000
    np.testing.assert_allclose(fourth, (1 + 2 * np.eye(3)) / 15, atol=0.01)
    np.testing.assert_array_equal(orthonormal_directions(3, 3000, 0), directions)
    assert not np.allclose(orthonormal_directions(3, 3000, 1), directions)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_projections_are_inner_products_with_neighbourhoods(size: int) -> None:
    feature, directions = random_map(6, 5, 4, 2), random_map(7, size, size, 2, 3)[0]
    expected = [
        np.einsum("ijc,ijcd->d", feature[0, i : i + size, j : j + size], directions)
        for i in range(5 - size + 1)
        for j in range(4 - size + 1)
    ]
    np.testing.assert_allclose(projections(feature, directions), np.transpose(expected), rtol=1e-9)


# Quantiles


SIZES = [1, 2, 3, 5, 6, 7, 8, 13, 14, 20, 21, 50]


def gamma_sample(seed: int, channels: int, size: int) -> Array:
    return np.sort(np.random.default_rng(seed).gamma(1.5, size=(channels, size)), axis=1)


@pytest.mark.parametrize("count", SIZES)
def test_quantiles_are_means_over_cells_of_the_step_function(count: int) -> None:
    ordered = gamma_sample(0, 3, 7)
    integral = np.concatenate([np.zeros((3, 1)), np.cumsum(ordered, axis=1) / 7], axis=1)
    edges = np.linspace(0, 1, count + 1)
    knots = np.linspace(0, 1, 8)
    expected = [count * np.diff(np.interp(edges, knots, channel)) for channel in integral]
    np.testing.assert_allclose(cell_quantiles(ordered, count), expected, rtol=1e-10)


@pytest.mark.parametrize("count", SIZES)
def test_quantiles_keep_the_mean_and_the_order(count: int) -> None:
    ordered = gamma_sample(1, 4, 7)
    quantiles = np.asarray(cell_quantiles(ordered, count))
    assert quantiles.shape == (4, count)
    np.testing.assert_allclose(quantiles.mean(axis=1), ordered.mean(axis=1), rtol=1e-12)
    assert (np.diff(quantiles, axis=1) >= -1e-12).all()


def test_as_many_quantiles_as_values_are_the_values() -> None:
    ordered = gamma_sample(2, 2, 9)
    np.testing.assert_array_equal(cell_quantiles(ordered, 9), ordered)


def test_a_third_as_many_quantiles_are_means_of_three_values() -> None:
    ordered = gamma_sample(3, 2, 12)
    expected = ordered.reshape(2, 4, 3).mean(axis=2)
    np.testing.assert_allclose(cell_quantiles(ordered, 4), expected, rtol=1e-12)


def test_three_times_as_many_quantiles_repeat_each_value() -> None:
    ordered = gamma_sample(4, 1, 5)
    quantiles = np.asarray(cell_quantiles(ordered, 15))
    np.testing.assert_allclose(quantiles, np.repeat(ordered, 3, axis=1), rtol=1e-12)
    assert stats.wasserstein_distance(quantiles[0], ordered[0]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("count", [3, 10])
def test_no_other_sample_of_their_number_is_nearer_than_the_quantiles(count: int) -> None:
    ordered = gamma_sample(5, 1, 7)
    quantiles = np.asarray(cell_quantiles(ordered, count))
    nearest = squared_wasserstein(quantiles, ordered)
    random = np.random.default_rng(6)
    for _ in range(20):
        other = quantiles + 0.05 * random.normal(size=quantiles.shape)
        assert squared_wasserstein(other, ordered) > nearest


def test_quantiles_of_a_large_sample_do_not_overflow_whole_numbers() -> None:
    ordered = np.linspace(0, 1, 300_000)[None]
    quantiles = np.asarray(cell_quantiles(ordered, 70_001))
    assert quantiles.mean() == pytest.approx(0.5, rel=1e-9)
    np.testing.assert_allclose(quantiles[0], (np.arange(70_001) + 0.5) / 70_001, atol=1e-5)


def test_quantiles_keep_their_precision_in_float32() -> None:
    quantiles = np.asarray(cell_quantiles(gamma_sample(7, 2, 7).astype(np.float32), 5))
    assert quantiles.dtype == np.float32
    np.testing.assert_allclose(quantiles, cell_quantiles(gamma_sample(7, 2, 7), 5), rtol=1e-5)


# Total variation


@pytest.mark.parametrize(
    ("exponent", "expected"), [(2, 5.0), (1, 2.2360679775), (2.5, 7.4767439061)]
)
def test_total_variation_of_a_small_image(exponent: float, expected: float) -> None:
    assert float(ops.sum(total_variation(IMAGE, exponent))) == pytest.approx(expected, abs=1e-10)


def test_the_gradient_of_total_variation_of_a_small_image() -> None:
    _, gradient = value_and_gradient(
        lambda f: ops.sum(total_variation(f["input"])), {"input": IMAGE}
    )
    np.testing.assert_allclose(gradient["input"][0, :, :, 0], [[-6, 2], [4, 0]], atol=1e-12)


@pytest.mark.parametrize("exponent", [1, 1.25, 1.5, 2, 2.5, 3])
def test_total_variation_is_that_of_its_definition(exponent: float) -> None:
    image = random_map(8, 4, 5, 3)
    expected = np.zeros((1, 3, 4, 3))
    for _, i, j, c in np.ndindex(expected.shape):
        right = image[0, i, j + 1, c] - image[0, i, j, c]
        below = image[0, i + 1, j, c] - image[0, i, j, c]
        expected[0, i, j, c] = (right**2 + below**2) ** (exponent / 2)
    np.testing.assert_allclose(total_variation(image, exponent), expected, rtol=1e-12)


@pytest.mark.parametrize("exponent", [1, 1.25, 2, 2.5])
def test_a_ramp_of_slope_one_has_variation_one_everywhere(exponent: float) -> None:
    ramp = np.broadcast_to(np.arange(6.0)[None, None, :, None], (1, 5, 6, 1))
    for image in (ramp, np.swapaxes(ramp, 1, 2)):
        variation = np.asarray(total_variation(image, exponent))
        assert variation.size == 20
        np.testing.assert_allclose(variation, 1, rtol=1e-12)


@pytest.mark.parametrize("exponent", [1, 1.25, 1.999, 2, 2.5])
def test_a_constant_image_has_no_variation_and_no_gradient(exponent: float) -> None:
    total, gradient = value_and_gradient(
        lambda f: ops.sum(total_variation(f["input"], exponent)),
        {"input": np.full((1, 4, 4, 3), 0.7)},
    )
    assert total == 0
    np.testing.assert_array_equal(gradient["input"], 0)


@pytest.mark.parametrize("exponent", [1, 1.25, 2.5])
def test_gradients_are_finite_where_only_part_of_an_image_is_constant(exponent: float) -> None:
    image = np.zeros((1, 4, 5, 1))
    image[0, 1, 3] = 1.0

    def total(features: object) -> object:
        return ops.sum(total_variation(features["input"], exponent))  # type: ignore[index]

    _, gradient = value_and_gradient(total, {"input": image})
    assert np.isfinite(gradient["input"]).all()
    step = np.zeros_like(image)
    step[0, 1, 3] = 1e-6
    slope = (value(total, {"input": image + step}) - value(total, {"input": image - step})) / 2e-6
    assert gradient["input"][0, 1, 3, 0] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("exponent", [1, 1.25, 2, 2.5])
def test_total_variation_grows_with_contrast_to_its_exponent(exponent: float) -> None:
    image = random_map(9, 5, 5, 2)
    np.testing.assert_allclose(
        total_variation(3 * image + 1, exponent),
        3**exponent * np.asarray(total_variation(image, exponent)),
        rtol=1e-10,
    )


def test_gradient_of_the_gram_matrix_is_right_for_unsymmetric_uses_of_it() -> None:
    random = np.random.default_rng(0)
    feature = tf.constant(random.normal(size=(1, 3, 4, 5)))
    weights = random.normal(size=(5, 5))
    with tf.GradientTape() as tape:
        tape.watch(feature)
        total = tf.reduce_sum(weights * gram_matrix(feature) ** 3)
    analytic, numerical = (
        jacobian[0]
        for jacobian in tf.test.compute_gradient(
            lambda x: tf.reduce_sum(weights * gram_matrix(x) ** 3), [feature]
        )
    )
    np.testing.assert_allclose(analytic, numerical, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(total, feature).numpy().ravel(), analytic.ravel())
