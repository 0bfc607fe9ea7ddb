"""Sorting along rows, with a gradient, several times as fast on a processor as TensorFlow's.

A value of float32 and the rank that it has among its equals fit into one whole number of 64 bits,
and NumPy sorts those by vector instructions: one sort gives the values and the permutation. The
gradient of a sort is its inverse: each slope goes back to where its value came from. Where sorted
values are only compared with others, one step gives distance and slopes, and nothing that is as
large as the rows is kept in between.

The only place that leaves the graph for NumPy. On a GPU, TensorFlow sorts.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from neuralstyle._kernels.device import has_gpu

CHUNK = 1 << 16
"""Numbers that are sorted in one go: their keys just fit into a processor's cache."""

LONG = 1 << 24
"""Numbers of a row from which rows are sorted one after the other, and not side by side: their keys
are what takes memory then."""

Piece: TypeAlias = Callable[[tuple[slice, slice], NDArray[Any], NDArray[np.int32]], None]
"""Takes where a piece of sorted rows is, its values, and which position of the row each of them
came from."""


def sort_rows(rows: tf.Tensor, seed: int = 0) -> tf.Tensor:
    """Sort along the last axis, ascending.

    Parameters
    ----------
    rows : tensor, shape (C, M)
    seed : int, default 0
        Chooses the permutation of the positions that orders equal values.

    Returns
    -------
    tensor, shape (C, M)

    Examples
    --------
    >>> np.asarray(sort_rows(np.array([[3.0, 1.0, 2.0], [0.0, -1.0, 1.0]]))).tolist()
    [[1.0, 2.0, 3.0], [-1.0, 0.0, 1.0]]
    """
    rows = tf.convert_to_tensor(rows)
    if has_gpu():
        # The sort is stable, so the shuffled order is the order of ties.
        order, _ = _permutation(rows.shape[-1], seed)
        return tf.sort(tf.gather(rows, order, axis=-1), axis=-1)
    values = _sorter(rows.dtype)(rows, seed)
    values.set_shape(rows.shape)
    return values


def sorted_distances(
    values: tf.Tensor, wanted: tf.Tensor, seed: int = 0, *, columns: bool = False
) -> tf.Tensor:
    """Return how far every row's sorted values are from others: their mean squared difference.

    Parameters
    ----------
    values : tensor, shape (C, M)
    wanted : tensor, shape (C, M)
        No gradient goes there.
    seed : int, default 0
        Chooses the permutation of the positions that orders equal values.
    columns : bool, default False
        Whether `values` are (M, C) instead: few columns need no turning, which takes their memory.

    Returns
    -------
    tensor, shape (C,)

    Examples
    --------
    >>> np.asarray(sorted_distances(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]))).tolist()
    [2.0]
    """
    values = tf.convert_to_tensor(values)
    wanted = tf.cast(wanted, values.dtype)
    if has_gpu():
        rows = tf.transpose(values) if columns else values
        return tf.reduce_mean(tf.math.squared_difference(sort_rows(rows, seed), wanted), axis=-1)
    distances = _measurer(values.dtype, columns)(values, wanted, seed)
    distances.set_shape(wanted.shape[:1])
    return distances


@functools.cache
def _sorter(dtype: tf.DType) -> Callable[[tf.Tensor, int], tf.Tensor]:
    """Return the function that sorts: one for all graphs, so that equal ones compare as equal."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def sort(
        rows: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, None]]]:
        values, origins = _in_numpy(_sorted_with_origins, (rows, seed), (dtype, tf.int32))

        def gradient(slopes: tf.Tensor) -> tuple[tf.Tensor, None]:
            return _in_numpy(_put_back, (slopes, origins), dtype), None

        return values, gradient

    signature = [tf.TensorSpec((None, None), dtype), tf.TensorSpec((), tf.int64)]
    return tf.function(sort, input_signature=signature, autograph=False)  # type: ignore[no-any-return]


@functools.cache
def _measurer(dtype: tf.DType, columns: bool) -> Callable[[tf.Tensor, tf.Tensor, int], tf.Tensor]:
    """Return the function that sorts and compares, one for all graphs too."""
    step = _of_columns if columns else _of_rows

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def measure(
        values: tf.Tensor, wanted: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, None, None]]]:
        distances, slopes = _in_numpy(step, (values, wanted, seed), (dtype, dtype))

        def gradient(above: tf.Tensor) -> tuple[tf.Tensor, None, None]:
            return slopes * (above if columns else above[:, None]), None, None

        return distances, gradient

    matrix = tf.TensorSpec((None, None), dtype)
    signature = [matrix, matrix, tf.TensorSpec((), tf.int64)]
    return tf.function(measure, input_signature=signature, autograph=False)  # type: ignore[no-any-return]


def _in_numpy(step: Callable[..., Any], tensors: tuple[tf.Tensor, ...], types: Any) -> Any:
    return tf.numpy_function(step, tensors, types, stateful=False)


def _sorted_with_origins(
    rows: NDArray[Any], seed: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Sort rows, and say which position each value came from."""
    values, origins = np.empty_like(rows), np.empty(rows.shape, np.int32)

    def keep(at: tuple[slice, slice], piece: NDArray[Any], came_from: NDArray[np.int32]) -> None:
        values[at], origins[at] = piece, came_from

    _sort(rows, int(seed), keep)
    return values, origins


def _of_rows(
    rows: NDArray[Any], wanted: NDArray[Any], seed: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the mean squared differences of sorted rows, and their slopes where values are."""
    distances, slopes = _compared(rows, wanted, int(seed), rows.shape[1], 1)
    return distances, slopes.reshape(rows.shape)


def _of_columns(
    values: NDArray[Any], wanted: NDArray[Any], seed: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Do the same with columns; the slopes are columns too."""
    distances, slopes = _compared(values.T, wanted, int(seed), 1, values.shape[1])
    return distances, slopes.reshape(values.shape)


def _compared(
    rows: NDArray[Any], wanted: NDArray[Any], seed: int, across: int, along: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return distances, and slopes that are so far apart from row to row, and along a row."""
    count, size = rows.shape
    sums, slopes = np.zeros(count), np.empty(rows.size, rows.dtype)
    firsts = np.arange(count, dtype=np.intp)[:, None] * across

    def compare(at: tuple[slice, slice], piece: NDArray[Any], came_from: NDArray[np.int32]) -> None:
        difference = piece - wanted[at]
        sums[at[0]] += np.einsum("cm,cm->c", difference, difference, dtype=np.float64)
        difference *= rows.dtype.type(2 / size)
        slopes[firsts[at[0]] + came_from * np.intp(along)] = difference

    _sort(rows, seed, compare)
    return (sums / size).astype(rows.dtype), slopes


def _sort(rows: NDArray[Any], seed: int, use: Piece) -> None:
    """Sort rows, and hand on what comes of it piece by piece."""
    size, single = rows.shape[1], rows.dtype == np.float32
    order, ranks = _permutation(size, seed)

    def sort(chunk: slice) -> None:
        some = rows[chunk]
        if single:
            keys = _keys(some, ranks)
            keys.sort(axis=1)
        else:
            keys = np.argsort(some[:, order], axis=1, kind="stable")
        for begin in range(0, size, CHUNK):
            piece = keys[:, begin : begin + CHUNK]
            origins = order[piece & 0xFFFFFFFF]
            values = _values(piece) if single else np.take_along_axis(some, origins, axis=1)
            use((chunk, slice(begin, begin + CHUNK)), values, origins)

    _in_chunks(sort, rows.shape)


def _put_back(slopes: NDArray[Any], origins: NDArray[np.int32]) -> NDArray[Any]:
    """Return the slopes of sorted values at the positions that the values came from."""
    result = np.empty_like(slopes)

    def put(chunk: slice) -> None:
        for row, slope, origin in zip(result[chunk], slopes[chunk], origins[chunk], strict=True):
            row[origin.astype(np.intp)] = slope

    _in_chunks(put, slopes.shape)
    return result


def _keys(values: NDArray[np.float32], ranks: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return whole numbers in the order of the values, and of their ranks where they are equal."""
    # Floats are ordered as the whole numbers of their bits are, once the bits below the sign of
    # negative ones are turned round. (Adding zero makes -0 the 0 that it is equal to.)
    bits = (values + np.float32(0)).view(np.int32)
    bits ^= (bits >> 31) & np.int32(0x7FFFFFFF)
    keys: NDArray[np.int64] = np.left_shift(bits, 32, dtype=np.int64)
    keys |= ranks
    return keys


def _values(keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the values that keys are of."""
    bits = (keys >> 32).astype(np.int32)
    bits ^= (bits >> 31) & np.int32(0x7FFFFFFF)
    return bits.view(np.float32)


@functools.lru_cache(maxsize=32)
def _permutation(size: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return a random order of positions, and each position's rank in it."""
    order = np.random.default_rng(seed).permutation(size).astype(np.int32)
    ranks = np.empty_like(order)
    ranks[order] = np.arange(size, dtype=np.int32)
    return order, ranks


def _in_chunks(step: Callable[[slice], None], shape: tuple[int, ...]) -> None:
    """Call a step for all rows, some at a time, on all processors. NumPy lets go of Python."""
    rows = max(1, CHUNK // max(1, shape[1]))
    chunks = [slice(start, start + rows) for start in range(0, shape[0], rows)]
    if len(chunks) > 1 and shape[1] < LONG:
        list(_pool().map(step, chunks))
    else:
        for chunk in chunks:
            step(chunk)


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="neuralstyle-sorting")
