r"""Kernels of a narrow network by least squares, layer after layer.

Every layer sees what the narrow layers before it make of the pictures, so that it makes up for
their errors. Where the wide network's value before the ReLU is negative, its size does not matter
as long as it stays so: after plain least squares the target there is whatever negative value the
layer gives, or else 0. Each such pass lowers the error *after* the ReLU, since the square of the
distance from that target is nowhere below it and touches it where the layer is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._kernels.training import compiled
from neuralstyle._types import Tensor

ROWS = 8192
"""Positions of a batch that are looked at, drawn at random where there are more."""

RIDGE = 1e-4
"""Of the mean second moment of the inputs: pulls towards the wide network's own kernel."""

Batch = tuple[NDArray[Any], NDArray[Any]]
"""Inputs (N, H, W, C) and values before the ReLU (N, H, W, D)."""


def refit(
    batches: Sequence[Batch],
    kernel: NDArray[np.float32],
    bias: NDArray[np.float32],
    *,
    passes: int = 4,
    ridge: float = RIDGE,
    seed: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit a convolution with ReLU to what it should give.

    Parameters
    ----------
    batches : sequence of (array, array)
        Inputs, and the values before the ReLU that they should give.
    kernel : array, shape (3, 3, C, D)
        To start from, and to be near where the data say nothing.
    bias : array, shape (D,)
    passes : int, default 4
        After least squares, with regard to the ReLU.
    ridge : float, default 1e-4
    seed : int, default 0
        For the choice of positions.

    Returns
    -------
    kernel : array, shape (3, 3, C, D)
    bias : array, shape (D,)
    """
    shape = kernel.shape
    weights = np.concatenate([kernel.reshape(-1, shape[-1]), bias[None]]).astype(np.float64)
    second = np.zeros((len(weights), len(weights)))
    for number in range(passes + 1):
        residual = np.zeros_like(weights)
        for index, (inputs, targets) in enumerate(batches):
            where = positions(targets.shape, ROWS, (seed, index))
            now = weights.astype(np.float32)
            if number == 0:
                moments, slope = _plain(inputs, targets, where, now)
                second += np.asarray(moments)
            else:
                slope = _rectified(inputs, targets, where, now)
            residual += np.asarray(slope)
        if number == 0:
            inverse = _inverse(second, ridge)
        weights += inverse @ residual
    return weights[:-1].reshape(shape).astype(np.float32), weights[-1].astype(np.float32)


def positions(shape: Sequence[int], most: int, seed: Sequence[int]) -> NDArray[np.int32]:
    """Return all positions of a batch of shape (N, H, W), or some of them drawn at random."""
    count = int(np.prod(shape[:3]))
    if count <= most:
        return np.arange(count, dtype=np.int32)
    return np.random.default_rng(seed).choice(count, most, replace=False).astype(np.int32)


def _inverse(second: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    damped = second.copy()
    inputs = np.arange(len(second) - 1)  # the constant is not damped
    damped[inputs, inputs] += ridge * second.diagonal()[:-1].mean() + np.finfo(np.float32).tiny
    return np.linalg.inv(damped)


def neighbourhoods(inputs: Tensor, where: Tensor) -> Tensor:
    """Return the 3 x 3 neighbourhoods of some positions of a batch, and a constant.

    Parameters
    ----------
    inputs : tensor, shape (N, H, W, C)
    where : tensor of int, shape (R,)
        Positions among N H W.

    Returns
    -------
    tensor, shape (R, 9 C + 1)
        In the order of a kernel (3, 3, C, D); the last column is 1.
    """
    _, height, width, channels = inputs.shape
    padded = ops.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0)))
    # Where the corner of each neighbourhood lies in the padded batch, and its nine from there.
    # (Keras' patches are made by a convolution, which takes as long as all the rest.)
    corner = where + 2 * (where // width) + 2 * (width + 2) * (where // (width * height))
    taps = np.add.outer((width + 2) * np.arange(3), np.arange(3)).ravel().astype(np.int32)
    rows = ops.take(ops.reshape(padded, (-1, channels)), corner[:, None] + taps, axis=0)
    return ops.pad(ops.reshape(rows, (-1, 9 * channels)), ((0, 0), (0, 1)), constant_values=1.0)


def _rows(inputs: Tensor, targets: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """Return the neighbourhoods of positions, and the targets there."""
    aims = ops.take(ops.reshape(targets, (-1, targets.shape[-1])), where, axis=0)
    return neighbourhoods(inputs, where), ops.cast(aims, "float32")


@compiled
def _plain(
    inputs: Tensor, targets: Tensor, where: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    rows, aims = _rows(inputs, targets, where)
    turned = ops.transpose(rows)
    return ops.matmul(turned, rows), ops.matmul(turned, aims - ops.matmul(rows, weights))


@compiled
def _rectified(inputs: Tensor, targets: Tensor, where: Tensor, weights: Tensor) -> Tensor:
    rows, aims = _rows(inputs, targets, where)
    values = ops.matmul(rows, weights)
    aims = ops.where(aims > 0, aims, ops.minimum(values, 0.0))
    return ops.matmul(ops.transpose(rows), aims - values)
