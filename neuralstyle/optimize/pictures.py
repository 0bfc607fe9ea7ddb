"""Pictures as optimisers have them: flat or not, and anything within reason."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralstyle.images.arrays import float_array

_BEYOND = 0.5
"""How far from [0, 1] the first image may be. Runs that are gone on from leave the range by less,
and no picture in [-1, 1], in [0, 255] or less its mean keeps within."""


def shaped(x: ArrayLike, name: str, shape: tuple[int, int, int]) -> NDArray[Any]:
    """Check the kind and the shape of an image, which may be flat."""
    array = float_array(x, name)
    if array.size != np.prod(shape):
        raise ValueError(
            f"{name}: expected {np.prod(shape)} numbers for an image of shape {shape}, "
            f"received {array.size}"
        )
    if array.ndim != 1 and array.shape not in (shape, (1, *shape)):
        raise ValueError(f"{name}: expected a flat array or shape {shape}, received {array.shape}")
    return array


def check_first(array: NDArray[Any], name: str) -> None:
    """Check that numbers are those of a picture, as at the first call they have to be."""
    low, high = float(array.min()), float(array.max())
    if not (-_BEYOND <= low and high <= 1 + _BEYOND):
        hint = "; divide by 255" if high > 2 else ""
        raise ValueError(
            f"{name}: expected numbers in [0, 1], or hardly beyond, at the first call, "
            f"received some from {low:g} to {high:g}{hint}"
        )
