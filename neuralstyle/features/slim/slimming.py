"""A narrow network out of a wide one by linear algebra: channels chosen, kernels refitted."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._kernels.training import compiled
from neuralstyle._types import Tensor
from neuralstyle.features.architectures import Architecture, Pooling, Weights
from neuralstyle.features.crops import REFIT, SELECTION, Crops
from neuralstyle.features.slim.activations import POOLINGS, Channels, Teacher, activations
from neuralstyle.features.slim.refit import refit
from neuralstyle.features.slim.selection import choose, metric
from neuralstyle.features.vgg.plain import convolved, pool, preprocess

Report = Callable[[str, int, int], None]
"""Is told the stage, how much of it is done, and of how much."""


class Moments(NamedTuple):
    """What all channels of the wide network are like: means over batches.

    Attributes
    ----------
    squares : dict from str to array, shape (C,)
        Mean squares of a layer's channels, before the pooling.
    products : dict from str to array, shape (C, C)
        Mean products of any two, as the next layer sees them.
    """

    squares: Mapping[str, NDArray[Any]]
    products: Mapping[str, NDArray[Any]]

    def sizes(self, channels: Channels) -> dict[str, float]:
        """Return the root mean square of each layer's chosen channels."""
        return {
            name: float(np.sqrt(square[channels[name]].mean())) or 1.0
            for name, square in self.squares.items()
        }


def moments(
    architecture: Architecture, weights: Weights, crops: Crops, batches: int, report: Report
) -> Moments:
    """Measure the moments of all channels.

    Parameters
    ----------
    architecture : Architecture
    weights : dict from str to (kernel, bias)
    crops : Crops
    batches : int
        How many to look at; every other one with maximum pooling.
    report : callable

    Returns
    -------
    Moments
        Means over the batches.
    """
    names = architecture.convolutions
    layers = architecture.layers
    pooled = {name for name, after in zip(layers, layers[1:], strict=False) if "pool" in after}

    def look(pooling: Pooling, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        seen = activations(architecture, weights, images, pooling)
        squares = [ops.mean(ops.square(seen[name]), axis=(0, 1, 2)) for name in names]
        products = []
        for name in names:
            feature = pool(seen[name], pooling) if name in pooled else seen[name]
            rows = ops.reshape(feature, (-1, feature.shape[-1]))
            products.append(ops.matmul(ops.transpose(rows), rows) / rows.shape[0])
        return squares, products

    run = {p: compiled(functools.partial(look, p)) for p in POOLINGS}
    squares = [np.zeros(len(weights[name][1])) for name in names]
    products = [np.zeros((len(square), len(square))) for square in squares]
    for number in range(batches):
        report("selection", number, batches)
        found = run[POOLINGS[number % 2]](crops.batch(SELECTION, number))
        for total, new in zip([*squares, *products], [*found[0], *found[1]], strict=True):
            total += np.asarray(new) / batches
    return Moments(dict(zip(names, squares, strict=True)), dict(zip(names, products, strict=True)))


def select(
    weights: Weights, widths: Mapping[str, int], seen: Moments
) -> dict[str, NDArray[np.int64]]:
    """Choose the channels of every layer.

    Parameters
    ----------
    weights : dict from str to (kernel, bias)
        Of the wide network.
    widths : mapping from str to int
        How many channels to keep.
    seen : Moments

    Returns
    -------
    dict from str to array of int
    """
    nexts: list[str | None] = [*list(weights)[1:], None]
    channels: dict[str, NDArray[np.int64]] = {}
    for name, after in zip(weights, nexts, strict=True):
        products = seen.products[name]
        need = metric(products, None if after is None else weights[after][0])
        channels[name] = choose(products, need, widths[name])
    return channels


def fit(
    architecture: Architecture,
    weights: Weights,
    channels: Channels,
    sizes: Mapping[str, float],
    crops: Crops,
    batches: int,
    report: Report,
) -> Weights:
    """Fit the kernels of all layers to the chosen channels, one after another.

    Parameters
    ----------
    architecture : Architecture
    weights : dict from str to (kernel, bias)
        Of the wide network.
    channels : mapping from str to array of int
    sizes : mapping from str to float
    crops : Crops
    batches : int
        How many to look at; every other one with maximum pooling. One of 120 000 pixels takes
        40 MB at three eighths of VGG's width.
    report : callable

    Returns
    -------
    dict from str to (kernel, bias)
    """
    teacher = Teacher(architecture, weights, channels, sizes)
    pictures = []
    targets = []
    for number in range(batches):
        report("teacher", number, batches)
        pictures.append(crops.batch(REFIT, number))
        targets.append(teacher(pictures[-1], POOLINGS[number % 2], linear=True))
    fitted: Weights = {}
    names = architecture.convolutions
    inputs: list[NDArray[Any]] = []
    for index, name in enumerate(names):
        report("least squares", index, len(names))
        kernel, bias = weights[name]
        kept = channels[name]
        if index == 0:  # it sees the pictures themselves
            fitted[name] = (kernel[..., kept], bias[kept])
            inputs = [np.asarray(_first(images, *fitted[name])) for images in pictures]
            pictures.clear()
            continue
        before = names[index - 1]
        if before.split("_")[0] != name.split("_")[0]:
            inputs = [_pooled[POOLINGS[i % 2]](one) for i, one in enumerate(inputs)]
        size = np.float32(sizes[name])

        pairs = list(zip(inputs, (target.pop(name) for target in targets), strict=True))
        sliced = kernel[:, :, channels[before]][..., kept] / size
        kernel, bias = refit(pairs, sliced, bias[kept] / size, seed=index)
        fitted[name] = (kernel * size, bias * size)
        del pairs
        for i, one in enumerate(inputs):
            inputs[i] = np.asarray(_convolved(one, *fitted[name]))
    return fitted


@compiled
def _first(images: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    return ops.relu(convolved(preprocess(images), kernel) + bias)


@compiled
def _convolved(feature: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    return ops.relu(convolved(feature, kernel) + bias)


_pooled = {p: compiled(functools.partial(pool, pooling=p)) for p in POOLINGS}
