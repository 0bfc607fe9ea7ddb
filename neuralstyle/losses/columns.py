"""Hypercolumns: what all layers of a network have at one place of the picture, in one vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._types import Tensor
from neuralstyle.images.arrays import cell_means
from neuralstyle.losses.masks import check_squares
from neuralstyle.losses.shapes import Shapes, feature_at, is_torus
from neuralstyle.losses.statistics import positions


def column_size(shapes: Shapes, pool: int) -> tuple[int, int]:
    """Return how many hypercolumns an image has along its sides, one for `pool` pixels."""
    size = shapes["input"][1:3]
    if min(size) < pool:
        raise ValueError(
            f"pool: expected at most the image's sides, {size[1]} x {size[0]}, received {pool}"
        )
    check_squares("pool", "input", shapes, pool)
    return size[0] // pool, size[1] // pool


def column_parts(
    features: Mapping[str, Tensor], weights: Mapping[str, Any], pool: int, region: Any = None
) -> list[Tensor]:
    """Return the parts of an image's hypercolumns, which together are these.

    Parameters
    ----------
    features : mapping from str to tensor, each (1, H, W, C)
        With ``"input"``, whose size counts.
    weights : mapping from str to float
        What each layer is multiplied by.
    pool : int
        Side of the squares of pixels that have one hypercolumn each.
    region : array of int, optional
        Which of them are wanted, counted along rows.

    Returns
    -------
    list of tensors, each (positions, C)
    """
    size = column_size(Shapes(features), pool)
    parts = []
    for layer, weight in weights.items():
        part = positions(resampled(feature_at(features, layer), size, torus=is_torus(features)))
        if region is not None:
            part = ops.take(part, region, axis=0)
        parts.append(part * ops.convert_to_tensor(weight, part.dtype))
    return parts


def resampled(feature: Tensor, size: tuple[int, int], *, torus: bool = False) -> Tensor:
    """Resample a feature map: by means where it shrinks, and linearly where it grows.

    Parameters
    ----------
    feature : tensor, shape (1, H, W, C)
    size : (int, int)
    torus : bool, default False
        Whether what is between the last and the first position is interpolated, too.

    Returns
    -------
    tensor, shape (1, height, width, C)

    Notes
    -----
    Where a side shrinks by a whole number, the means are over squares of as many positions, and
    what is left over at its end is dropped, as networks' poolings do.

    Examples
    --------
    >>> row = np.array([1.0, 3.0, 2.0, 6.0, 9.0]).reshape(1, 1, 5, 1)
    >>> np.asarray(resampled(row, (1, 2))).ravel().tolist()
    [2.0, 4.0]
    >>> np.asarray(resampled(row[:, :, :2], (1, 4))).ravel().tolist()
    [1.0, 1.5, 2.5, 3.0]
    """
    old = tuple(feature.shape[1:3])
    if old == tuple(size):
        return feature
    squares = tuple(max(1, n // m) for n, m in zip(old, size, strict=True))
    if all(n // k == m for n, k, m in zip(old, squares, size, strict=True)):
        return ops.average_pool(feature, squares, squares, data_format="channels_last")
    rows, columns = (
        ops.convert_to_tensor(_matrix(n, m, torus), feature.dtype)
        for n, m in zip(old, size, strict=True)
    )
    (_, height, width, channels), (new_height, new_width) = feature.shape, size
    flat = ops.matmul(rows, ops.reshape(feature, (height, width * channels)))
    resized = ops.matmul(columns, ops.reshape(flat, (new_height, width, channels)))
    return ops.reshape(resized, (1, new_height, new_width, channels))


def _matrix(old: int, new: int, torus: bool) -> NDArray[np.float64]:
    """Return what resamples a row of `old` values to `new`: shape (new, old)."""
    identity = np.eye(old)
    if new <= old:
        means: NDArray[np.float64] = cell_means(identity, new).T
        return means
    # Without a period, what lies outside has the value at the end.
    at, period = (np.arange(new) + 0.5) * old / new - 0.5, old if torus else None
    return np.stack([np.interp(at, np.arange(old), row, period=period) for row in identity], axis=1)
