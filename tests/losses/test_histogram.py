"""Histogram losses: the match, its gradient, and equal values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy import stats
from skimage.exposure import match_histograms
from support import (
    Array,
    compare,
    from_rows,
    gradient_of,
    random_map,
    shuffled,
    squared_wasserstein,
    to_rows,
    value,
    value_and_gradient,
)

import neuralstyle as ns


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


def assigned(generated: Array, target: Array, seed: int = 0) -> Array:
    loss = ns.HistogramLoss({"a": target}, "a", normalize="paper", seed=seed)
    return to_rows(generated - gradient_of(loss, generated) / 2)


# Matching and its gradient


def test_the_histogram_loss_is_zero_for_a_shuffle_of_each_channel_and_gram_is_not() -> None:
    f = random_map(0, 4, 5, 3)
    assert compare(ns.HistogramLoss, shuffled(f), f) == 0
    assert compare(ns.StyleLoss, shuffled(f), f) > 1e-3
    changed = shuffled(f)
    changed[0, 2, 2, 1] += 0.1
    assert compare(ns.HistogramLoss, changed, f) > 0


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


# Equal values


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


# Other sizes


def test_quantiles_of_a_target_of_another_size_are_constants_of_the_graph() -> None:
    target = np.random.default_rng(0).normal(size=(1, 128, 128, 4))
    loss = ns.HistogramLoss({"a": target}, "a")
    specification = tf.TensorSpec((1, 8, 8, 4), tf.float64)
    graph = tf.function(lambda x: loss({"a": x})).get_concrete_function(specification).graph
    # However many times larger the target is.
    assert len(graph.as_graph_def().node) < 60
    assert sum(tensor.shape.num_elements() for tensor in graph.inputs) < 1000
