"""Flat vectors, as methods and their runs hand them to each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._types import Tensor

Vector: TypeAlias = Tensor
"""A flat array, or a flat tensor on another device."""

NOTHING: NDArray[np.float64] = np.empty(0)
"""In place of a vector that is not there yet, or no more."""

Values: TypeAlias = tuple[dict[str, float], dict[str, float]]
"""The losses at a point, and their parts."""

Best: TypeAlias = tuple[float, Vector, Values]
"""A point, between the value and the losses there."""

BLOCK = 2**14
"""Numbers of an array that are added up in their own precision, before double takes over. So many
of each correction pair stay in a processor's cache."""

TENSOR_BLOCK = 2**20
"""The same of a tensor: devices add up as trees do, and every block costs them a few launches."""


def blocks(vector: Vector) -> Iterator[slice]:
    """Yield the blocks of a vector that its numbers are added up in."""
    size, length = vector.shape[0], BLOCK if isinstance(vector, np.ndarray) else TENSOR_BLOCK
    return (slice(begin, begin + length) for begin in range(0, size, length))


def single(numbers: Tensor) -> Tensor:
    """Return numbers in single precision, or as they are if they have more."""
    if isinstance(numbers, np.ndarray):
        return numbers if numbers.dtype.itemsize >= 4 else numbers.astype(np.float32)
    return ops.cast(numbers, "float32") if numbers.dtype == "bfloat16" else numbers


def added(parts: Iterable[Tensor]) -> NDArray[np.float64]:
    """Return the sum of numbers, or of arrays of them, added in double precision."""
    parts = list(parts)
    if not isinstance(parts[0], np.ndarray | np.generic):
        parts = host(ops.stack(parts))  # from the device at once
    total: NDArray[np.float64] = np.sum(parts, axis=0, dtype=np.float64)
    return total


def dot(a: Vector, b: Vector) -> float:
    """Return the inner product of two vectors, blocks of it summed in double precision.

    In single precision alone the product of twenty million numbers may be off by 7e-3, as what is
    added to a large sum is rounded off.
    """
    if isinstance(a, np.ndarray):
        return float(added(single(a[at]) @ single(b[at]) for at in blocks(a)))
    return float(added(ops.sum(single(a[at]) * single(b[at])) for at in blocks(a)))


def norm(a: Vector) -> float:
    """Return the Euclidean norm of a vector, as `dot` adds up."""
    return math.sqrt(dot(a, a))


def host(x: Vector) -> NDArray[Any]:
    """Return a vector as an array: an array itself, which Keras would copy."""
    return x if isinstance(x, np.ndarray) else np.asarray(ops.convert_to_numpy(x))


def own(x: Vector) -> Vector:
    """Return a copy of what its owner may write to."""
    return x.copy() if isinstance(x, np.ndarray) else x


def same(a: Vector, b: Vector) -> bool:
    """Tell whether two vectors are of one kind, and equal to the bit."""
    if type(a) is not type(b) or a.dtype != b.dtype or a.shape != b.shape:
        return False
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(ops.all(ops.equal(a, b)))


def all_finite(vector: Vector) -> bool:
    """Tell whether no number is infinite or none."""
    # The sum has in it what is not finite, and is quicker to make than one answer for each number;
    # but it may be too large itself, in half precision above all.
    with np.errstate(over="ignore", invalid="ignore"):
        total = vector.sum() if isinstance(vector, np.ndarray) else ops.sum(vector)
    return math.isfinite(total) or bool(ops.all(ops.isfinite(vector)))


def projected(slopes: Vector, x: Vector, bounds: tuple[float, float] | None) -> NDArray[Any]:
    """Return the projected gradient: 0 where the bounds do not leave open the way down."""
    slopes = host(slopes)
    if bounds is not None:
        (low, high), x = bounds, host(x)
        slopes = np.where(((x <= low) & (slopes > 0)) | ((x >= high) & (slopes < 0)), 0, slopes)
    return slopes  # type: ignore[no-any-return]
