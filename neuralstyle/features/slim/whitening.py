r"""Coordinates in which the inputs of every layer are uncorrelated and of one size.

Inputs of a convolution are positive, and neighbours in space are alike, so the error of a layer is
far more curved along some directions of its kernel than along others, and descent crawls. With the
second moments :math:`G = U \Lambda U^T` of the inputs of a layer, the constant of the bias among
them, the kernel is :math:`U (\Lambda + \delta)^{-1/2} V`, and Adam works on V.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
from keras import ops

from neuralstyle._kernels.training import compiled
from neuralstyle._types import Tensor
from neuralstyle.features.architectures import Architecture, Pooling, Weights
from neuralstyle.features.crops import TRAINING, Crops
from neuralstyle.features.slim.activations import POOLINGS, activations
from neuralstyle.features.slim.refit import neighbourhoods, positions
from neuralstyle.features.vgg.plain import pool, preprocess

DAMPING = 1e-2
"""Of the mean eigenvalue."""

BATCHES = 32
"""How many are looked at."""

ROWS = 2048
"""Positions of each that are looked at."""

PREPROCESSED = 60.0
"""Size of the preprocessed pictures."""


def whitening(
    architecture: Architecture,
    weights: Weights,
    sizes: Mapping[str, float],
    crops: Crops,
) -> list[Tensor]:
    """Return for every layer what turns whitened coordinates into a kernel and a bias.

    Parameters
    ----------
    architecture : Architecture
    weights : dict from str to (kernel, bias)
    sizes : mapping from str to float
        Of the layers' channels: inputs are divided by them.
    crops : Crops

    Returns
    -------
    list of tensor, shape (9 C + 1, 9 C + 1)
        For kernels of inputs divided by their size, and outputs likewise.
    """
    names = architecture.convolutions

    def look(pooling: Pooling, images: Tensor, drawn: Sequence[Tensor]) -> list[Tensor]:
        seen = activations(architecture, weights, images, pooling)
        moments = []
        feature, size = preprocess(images), PREPROCESSED
        convolutions = iter(zip(names, drawn, strict=True))
        for layer in architecture.layers:
            if "pool" in layer:
                feature = pool(feature, pooling)
                continue
            name, where = next(convolutions)
            rows = neighbourhoods(feature / size, where)
            moments.append(ops.matmul(ops.transpose(rows), rows) / rows.shape[0])
            feature, size = seen[name], sizes[name]
        return moments

    run = {p: compiled(functools.partial(look, p)) for p in POOLINGS}
    total: list[np.ndarray] = []
    for number in range(BATCHES):
        images = crops.batch(TRAINING, number)
        side, drawn = images.shape[1], []
        for index, layer in enumerate(architecture.layers):
            if "pool" in layer:
                side //= 2
            else:
                shape = (len(images), side, side)
                drawn.append(positions(shape, ROWS, (crops.seed, number, index)))
        found = [np.asarray(m, np.float64) for m in run[POOLINGS[(number // 4) % 2]](images, drawn)]
        total = [a + b for a, b in zip(total, found, strict=True)] if total else found
    return [_root(moments / BATCHES) for moments in total]


def _root(moments: np.ndarray) -> Tensor:
    values, vectors = np.linalg.eigh(moments)
    floor = DAMPING * np.trace(moments) / len(moments)
    return ops.convert_to_tensor(
        (vectors / np.sqrt(np.maximum(values, 0) + floor)).astype("float32")
    )
