"""Sorting in NumPy against TensorFlow's own: values, gradients, ties, and how it is traced."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from neuralstyle._kernels import sorting
from neuralstyle._kernels.sorting import sort_rows, sorted_distances

Rows = NDArray[np.floating[Any]]


def by_tensorflow(rows: Any, seed: int) -> Any:
    order = np.random.default_rng(seed).permutation(rows.shape[-1])
    return tf.sort(tf.gather(rows, order, axis=-1), axis=-1)


def sorted_and_slopes(function: Any, rows: Rows, seed: int = 0) -> tuple[Rows, Rows]:
    """Sort, and return where the slopes 1, 2, 3 and so on of the sorted values go."""
    tensor = tf.convert_to_tensor(rows)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        ordered = function(tensor, seed)
        total = tf.reduce_sum(ordered * np.arange(1, rows.shape[1] + 1, dtype=rows.dtype))
    return ordered.numpy(), tape.gradient(total, tensor).numpy()


def relu(*shape: int) -> Rows:
    return np.maximum(np.random.default_rng(0).normal(size=shape), 0)


SAMPLES = {
    "normal": np.random.default_rng(1).normal(size=(5, 100)),
    "half of it zero": relu(5, 100),
    "equal": np.full((3, 50), -2.5),
    "few values": np.random.default_rng(2).integers(-2, 3, size=(4, 200)).astype(float),
    "signs of zero": np.where(np.random.default_rng(3).uniform(size=(2, 60)) < 0.5, -0.0, 0.0),
    "any size": np.float64(10.0) ** np.random.default_rng(4).uniform(-37, 38, size=(3, 80)),
    "infinite": np.where(relu(3, 80) > 1, np.inf, np.where(relu(3, 80) > 0, -np.inf, 1.0)),
    "one": np.ones((1, 1)),
    "rows in several chunks": relu(9, sorting.CHUNK // 4),
    "rows longer than a chunk": relu(2, sorting.CHUNK + 3),
    "many rows": relu(700, 130),
}


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_values_and_gradients_are_those_of_a_stable_sort_to_the_bit(
    sample: str, dtype: Any, seed: int
) -> None:
    rows = SAMPLES[sample].astype(dtype)
    ordered, slopes = sorted_and_slopes(sort_rows, rows, seed)
    expected, expected_slopes = sorted_and_slopes(by_tensorflow, rows, seed)
    assert ordered.dtype == slopes.dtype == dtype
    np.testing.assert_array_equal(ordered, expected)
    np.testing.assert_array_equal(slopes, expected_slopes)


def distances_and_slopes(
    rows: Any, wanted: Any, seed: int = 0, columns: bool = False
) -> tuple[Rows, Rows]:
    """Compare rows, and return how the distances, each by another weight, change with them."""
    tensor = tf.convert_to_tensor(rows.T if columns else rows)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        distances = sorted_distances(tensor, wanted, seed, columns=columns)
        total = tf.reduce_sum(distances * np.arange(1, len(rows) + 1, dtype=rows.dtype))
    slopes = tape.gradient(total, tensor).numpy()
    return distances.numpy(), slopes.T if columns else slopes


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("long", [sorting.LONG, 60])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sample", sorted(set(SAMPLES) - {"any size", "infinite"}))
def test_distances_are_those_of_the_sorted_rows_and_go_back_to_where_values_came_from(
    sample: str, dtype: Any, long: int, columns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorting, "LONG", long)
    rows = SAMPLES[sample].astype(dtype)
    wanted = np.sort(np.random.default_rng(5).normal(size=rows.shape).astype(dtype), axis=1)
    distances, slopes = distances_and_slopes(rows, wanted, 7, columns)
    order = np.random.default_rng(7).permutation(rows.shape[1])
    origins = order[np.argsort(rows[:, order], axis=1, kind="stable")]
    away = (np.sort(rows, axis=1) - wanted).astype(np.float64)
    weights = np.arange(1, len(rows) + 1)[:, None]
    expected = np.empty(rows.shape)
    np.put_along_axis(expected, origins, weights * 2 * away / rows.shape[1], axis=1)
    assert distances.dtype == slopes.dtype == dtype
    np.testing.assert_allclose(distances, np.mean(away**2, axis=1), rtol=1e-6)
    np.testing.assert_allclose(slopes, expected, rtol=1e-6)


@pytest.mark.parametrize("columns", [False, True])
def test_distances_are_the_same_on_a_gpu(columns: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = SAMPLES["few values"]
    wanted = np.linspace(-1, 1, rows.size).reshape(rows.shape)
    expected = distances_and_slopes(rows, wanted, 3, columns)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    monkeypatch.setattr(sorting, "_measurer", None)
    for ours, theirs in zip(distances_and_slopes(rows, wanted, 3, columns), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_comparing_takes_no_more_than_slopes_and_the_keys_of_a_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sorting, "LONG", 1000)
    rows = np.random.default_rng(0).normal(size=(8, 16 * sorting.CHUNK)).astype(np.float32)
    sorting._permutation(rows.shape[1], 0)  # is kept for all evaluations
    tracemalloc.start()
    sorting._of_rows(rows, rows, np.int64(0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < rows.nbytes + 4.2 * rows[0].nbytes


def test_on_a_gpu_tensorflow_sorts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = SAMPLES["half of it zero"]
    expected = sorted_and_slopes(sort_rows, rows, 3)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    monkeypatch.setattr(sorting, "_sorter", None)
    for ours, theirs in zip(sorted_and_slopes(sort_rows, rows, 3), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_not_a_number_is_not_lost(dtype: Any) -> None:
    rows = np.array([[1.0, np.nan, -1.0, 0.0], [4.0, 3.0, 2.0, 1.0]], dtype)
    ordered = sort_rows(rows).numpy()
    assert np.isnan(ordered[0]).sum() == 1
    np.testing.assert_array_equal(ordered[1], [1, 2, 3, 4])


def test_keys_are_in_the_order_of_the_values_and_then_of_the_ranks() -> None:
    values = np.array([-np.inf, -3e38, -1.5, -1.0, -1e-37, -0.0, 0.0, 1e-37, 2.0, np.inf])
    keys = sorting._keys(values.astype(np.float32), np.arange(10)[::-1].copy())
    order = np.argsort(keys)
    np.testing.assert_array_equal(order, [0, 1, 2, 3, 4, 6, 5, 7, 8, 9])


def test_a_compiled_sort_has_its_shape_and_gradient() -> None:
    rows = SAMPLES["few values"].astype(np.float32)
    shapes = []

    @tf.function(autograph=False)
    def compiled(tensor: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            ordered = sort_rows(tensor, 1)
            total = tf.reduce_sum(ordered * np.arange(1, 201, dtype=np.float32))
        slopes = tape.gradient(total, tensor)
        shapes.append(ordered.shape)
        return ordered, slopes

    results = [tensor.numpy() for tensor in compiled(tf.constant(rows))]
    assert shapes == [rows.shape]
    for ours, theirs in zip(results, sorted_and_slopes(sort_rows, rows, 1), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_graphs_that_sort_alike_are_equal_and_hold_no_permutation() -> None:
    def graph(seed: int) -> bytes:
        function = tf.function(lambda x: sort_rows(x, seed), autograph=False)
        specification = tf.TensorSpec((3, 50_000), tf.float32)
        definition = function.get_concrete_function(specification).graph.as_graph_def()
        return bytes(definition.SerializeToString(deterministic=True))

    assert graph(0) == graph(0) != graph(1)
    assert len(graph(0)) < 10_000
