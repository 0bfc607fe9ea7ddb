"""Flat vectors, as methods and their runs hand them to each other."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from keras import ops

from neuralstyle._types import Tensor

Vector: TypeAlias = Tensor
"""A flat array, or a flat tensor on another device."""

Values: TypeAlias = tuple[dict[str, float], dict[str, float]]
"""The losses at a point, and their parts."""

Best: TypeAlias = tuple[float, Vector, Values]
"""A point, between the value and the losses there."""


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


def steepest(slopes: Vector, x: Vector, bounds: tuple[float, float] | None) -> float:
    """Return the largest derivative at a point, in a direction that the bounds leave open."""
    slopes = ops.convert_to_numpy(slopes)
    if bounds is not None:
        low, high = bounds
        x = ops.convert_to_numpy(x)
        slopes = np.where(((x <= low) & (slopes > 0)) | ((x >= high) & (slopes < 0)), 0, slopes)
    return float(np.abs(slopes).max())
