"""What networks of the family make of batches of crops, and how far a narrow one is from a wide."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._kernels.training import compiled
from neuralstyle._types import Floats, Tensor
from neuralstyle.features.architectures import Architecture, Pooling, Weights
from neuralstyle.features.vgg.fast import FastVGG
from neuralstyle.features.vgg.plain import convolved, pool, preprocess

Channels: TypeAlias = Mapping[str, NDArray[np.int64]]
"""Which channels of the wide network a narrow one has, layer by layer."""

FAST_SIDE = 96
"""Side of crops from which on the fast path, which takes one at a time, beats a whole batch."""

POOLINGS: tuple[Pooling, ...] = ("avg", "max")


def activations(
    architecture: Architecture,
    weights: Mapping[str, Sequence[Tensor]],
    images: Tensor,
    pooling: Pooling,
    *,
    linear: bool = False,
    dtype: str = "float32",
) -> dict[str, Tensor]:
    """Return the activations of all convolutions for a batch.

    Parameters
    ----------
    architecture : Architecture
    weights : mapping from str to (kernel, bias)
        Of one convolution after another, from the first on: they may end early.
    images : tensor, shape (N, H, W, 3), RGB in [0, 1]
    pooling : {"max", "avg"}
    linear : bool, default False
        Return the values before the ReLU instead.
    dtype : str, default "float32"
        To compute in.

    Returns
    -------
    dict from str to tensor, shape (N, H, W, C)
    """
    feature, found = ops.cast(preprocess(images), dtype), {}
    for name in architecture.layers:
        if "pool" in name:
            feature = pool(feature, pooling)
            continue
        if name not in weights:
            break
        kernel, bias = (ops.cast(array, dtype) for array in weights[name])
        value = convolved(feature, kernel) + bias
        feature = ops.relu(value)
        found[name] = value if linear else feature
    return found


@final
class Teacher:
    """The chosen channels of a network, divided by their root mean squares, as float16.

    Parameters
    ----------
    architecture : Architecture
    weights : dict from str to (kernel, bias)
    channels : mapping from str to array of int
    sizes : mapping from str to float
        Root mean square of each layer's chosen channels.
    dtype : {"float32", "bfloat16"}, default "float32"
        To compute in.
    """

    def __init__(
        self,
        architecture: Architecture,
        weights: Weights,
        channels: Channels,
        sizes: Mapping[str, float],
        dtype: str = "float32",
    ) -> None:
        self.channels = channels
        self._last = architecture.convolutions[-1]
        self._architecture = architecture
        self._sizes = sizes
        self._dtype = dtype
        self._weights = {
            name: [ops.cast(array, dtype) for array in weights[name]] for name in weights
        }
        self._networks = {pooling: FastVGG(architecture, weights, pooling) for pooling in POOLINGS}
        self._one = {p: compiled(functools.partial(self._fast, p)) for p in POOLINGS}
        self._all = {p: compiled(functools.partial(self._plain, p, False)) for p in POOLINGS}
        self._linear = {p: compiled(functools.partial(self._plain, p, True)) for p in POOLINGS}

    def __call__(
        self, images: Floats, pooling: Pooling, *, linear: bool = False
    ) -> dict[str, NDArray[np.float16]]:
        """Look at a batch.

        Parameters
        ----------
        images : array, shape (N, H, W, 3)
        pooling : {"max", "avg"}
        linear : bool, default False
            Return the values before the ReLU instead.

        Returns
        -------
        dict from str to array, shape (N, H, W, C)
        """
        if linear or images.shape[1] < FAST_SIDE or self._dtype != "float32":
            found = (self._linear if linear else self._all)[pooling](images)
            return {name: np.asarray(value) for name, value in found.items()}
        each = [self._one[pooling](images[i : i + 1]) for i in range(len(images))]
        return {name: np.concatenate([np.asarray(f[name]) for f in each]) for name in each[0]}

    def _fast(self, pooling: Pooling, image: Tensor) -> dict[str, Tensor]:
        return self._kept(self._networks[pooling].compute({"input": image}, self._last))

    def _plain(self, pooling: Pooling, linear: bool, images: Tensor) -> dict[str, Tensor]:
        return self._kept(
            activations(
                self._architecture,
                self._weights,
                images,
                pooling,
                linear=linear,
                dtype=self._dtype,
            )
        )

    def _kept(self, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {
            name: ops.cast(
                ops.clip(ops.take(found[name], kept, axis=-1) / self._sizes[name], -6e4, 6e4),
                "float16",
            )
            for name, kept in self.channels.items()
        }


def squared_errors(
    architecture: Architecture,
    student: Weights,
    teacher: Weights,
    channels: Channels,
    batches: Iterable[Floats],
    pooling: Pooling,
) -> dict[str, float]:
    """Measure how far a narrow network is from the channels that it should have.

    Parameters
    ----------
    architecture : Architecture
    student, teacher : dict from str to (kernel, bias)
    channels : mapping from str to array of int
        For each layer of the student, which of the teacher's channels it should be.
    batches : iterable of array, shape (N, H, W, 3), RGB in [0, 1]
    pooling : {"max", "avg"}
        Of both.

    Returns
    -------
    dict from str to float
        For each layer the sum over batches, positions and channels of the squared difference after
        the ReLU, divided by that of the teacher's squared values: 0 is the same, 1 as far as
        nothing at all.
    """

    def sums(images: Tensor) -> list[tuple[Tensor, Tensor]]:
        wide = activations(architecture, teacher, images, pooling)
        narrow = activations(architecture, student, images, pooling)
        pairs = [(ops.take(wide[name], kept, axis=-1), narrow[name]) for name, kept in kinds]
        return [(ops.sum(ops.square(a - b)), ops.sum(ops.square(a))) for a, b in pairs]

    kinds: list[tuple[str, Any]] = [(name, channels[name]) for name in student]
    run = compiled(sums)
    total = sum(np.asarray(run(images), np.float64) for images in batches)
    return {
        name: float(error / size) if size else float(error > 0)
        for (name, _), (error, size) in zip(kinds, np.asarray(total), strict=True)
    }
