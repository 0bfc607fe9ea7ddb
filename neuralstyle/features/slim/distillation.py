r"""All layers of a narrow network trained together to be the wide network's chosen channels.

Minimised is the sum over layers of the root mean square error after the ReLU, divided by the root
mean square of the wide network's channels; layers that losses rarely read count less. (The sum of
the squares would be that of the last layers, which are the furthest off, and the first ones would
serve them.) It is done by Adam (Kingma and Ba 2015) with a warm-up, a rate that falls along a
cosine, and clipped gradients, in coordinates that `whitening` gives, in which one rate fits all
layers. The result is the moving average of the weights.

What the wide network makes of the crops takes longer than a step. So training goes in rounds: the
channels of some hundred crops are computed once, and crossed several times, in batches that are put
together anew every time. A round depends on nothing but its number and the seed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, final

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._kernels.training import compiled, slopes
from neuralstyle._types import Floats, Tensor
from neuralstyle.features.architectures import Architecture, Pooling, Weights
from neuralstyle.features.crops import TRAINING, Crops
from neuralstyle.features.slim.activations import POOLINGS, Teacher, activations
from neuralstyle.features.slim.whitening import PREPROCESSED, whitening

WARM_UP = 50
"""Steps in which the rate rises."""

LAST_RATE = 0.005
"""What is left of the rate at the end."""

MOMENTUM, SQUARES, AVERAGE = 0.9, 0.99, 0.999
"""Memory of Adam's two moments, and of the weights' average, from step to step."""

NEGLIGIBLE = 1e-4
"""Squared error, by the mean square, of a layer that needs no more work."""

SHARES = {
    "block1_conv1": 1.0,
    "block2_conv1": 1.0,
    "block3_conv1": 1.0,
    "block4_conv1": 2.0,
    "block4_conv2": 4.0,
    "block5_conv1": 5.0,
}
"""Weights of the layers that style and content losses usually read.

Those of blocks 4 and 5, to which pictures owe their forms, are the furthest off, and so the deepest
count most.
"""

RARELY_READ = 0.25
"""Weight of the others."""

CLIP = 1.0
"""Most that all gradients together may measure."""


class Example(NamedTuple):
    """A batch of crops, and what the wide network makes of it."""

    images: Floats
    pooling: Pooling
    targets: Mapping[str, NDArray[np.float16]]


@final
class Examples:
    """The batches to train on, in their order.

    Parameters
    ----------
    teacher : Teacher
    crops : Crops
    fresh : int
        Batches of a round.
    reuse : int
        How many times a round crosses them.
    """

    def __init__(self, teacher: Teacher, crops: Crops, fresh: int, reuse: int) -> None:
        self._teacher, self._crops = teacher, crops
        self._fresh, self._reuse = fresh, reuse

    def since(self, step: int) -> Iterator[Example]:
        """Yield batches without end, from a step on."""
        length = self._fresh * self._reuse
        number, skip = divmod(step, length)
        while True:
            yield from self._round(number, skip)
            number, skip = number + 1, 0

    def _round(self, number: int, skip: int) -> Iterator[Example]:
        kinds: dict[tuple[int, Pooling], list[Example]] = {}
        for index in range(number * self._fresh, (number + 1) * self._fresh):
            images = self._crops.batch(TRAINING, index)
            pooling = POOLINGS[(index // len(self._crops.sides)) % 2]
            example = Example(images, pooling, self._teacher(images, pooling))
            kinds.setdefault((images.shape[1], pooling), []).append(example)
        joined = [_joined(examples) for examples in kinds.values()]
        counts = [len(examples) for examples in kinds.values()]
        random = np.random.default_rng((self._crops.seed, TRAINING, number, self._fresh))
        for _ in range(self._reuse):
            batches = [
                (kind, part)
                for kind, (example, count) in enumerate(zip(joined, counts, strict=True))
                for part in np.split(random.permutation(len(example.images)), count)
            ]
            for index in random.permutation(len(batches)):
                kind, part = batches[index]
                if skip:
                    skip -= 1
                    continue
                images, pooling, targets = joined[kind]
                chosen = {name: target[part] for name, target in targets.items()}
                yield Example(images[part], pooling, chosen)


def _joined(examples: Sequence[Example]) -> Example:
    images = np.concatenate([example.images for example in examples])
    names = examples[0].targets
    targets = {name: np.concatenate([each.targets[name] for each in examples]) for name in names}
    return Example(images, examples[0].pooling, targets)


@final
class Training:
    """A network in training: its weights, Adam's moments, the average.

    Parameters
    ----------
    architecture : Architecture
    weights : dict from str to (kernel, bias)
        To start from.
    sizes : mapping from str to float
        Root mean square of each layer's channels, by which the targets are divided.
    steps : int
        After how many the rate has fallen.
    rate : float
        Of Adam, at its highest.
    dtype : {"float32", "bfloat16"}, default "float32"
        To compute in. Weights, moments and errors are float32 all the same.

    Attributes
    ----------
    step, steps : int
        Steps done, and all.
    errors : dict from str to float
        Moving averages of the layers' squared errors.
    """

    def __init__(
        self,
        architecture: Architecture,
        weights: Weights,
        sizes: Mapping[str, float],
        steps: int,
        rate: float,
        dtype: str = "float32",
    ) -> None:
        self._architecture, self._dtype = architecture, dtype
        self._names = tuple(weights)
        self._sizes_by_name = sizes
        self._sizes = [sizes[name] for name in self._names]
        shares = [SHARES.get(name, RARELY_READ) for name in self._names]
        self._shares = np.array(shares, np.float32)
        self._units = [
            unit
            for out, into in zip(self._sizes, [PREPROCESSED, *self._sizes], strict=False)
            for unit in (out / into, out)
        ]
        start = [np.asarray(array) for name in self._names for array in weights[name]]
        zeros = [np.zeros_like(array) for array in start]
        self._state: list[list[Any]] = [start, zeros, zeros, start]
        self.steps: int = steps
        self._rate = rate
        self._whitening: Sequence[Tensor] = ()
        self._start = weights
        self._advance = {p: compiled(functools.partial(self._next, p)) for p in POOLINGS}
        self._errors = np.full(len(self._names), np.nan)
        self.step: int = 0

    @property
    def errors(self) -> dict[str, float]:
        """Moving averages of the layers' squared errors."""
        return dict(zip(self._names, self._errors.tolist(), strict=True))

    @property
    def weights(self) -> Weights:
        """The average of the weights over the last steps."""
        arrays = [np.asarray(array) for array in self._state[3]]
        pairs = zip(arrays[::2], arrays[1::2], strict=True)
        return dict(zip(self._names, pairs, strict=True))

    def whiten(self, crops: Crops) -> None:
        """Train in coordinates in which the inputs of the layers are uncorrelated at the start."""
        matrices = whitening(self._architecture, self._start, self._sizes_by_name, crops)
        self._whitening = [ops.cast(matrix, self._dtype) for matrix in matrices]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that is needed to go on."""
        return {
            "step": np.array(self.step),
            "errors": self._errors,
            **{
                f"start/{name}/{part}": array
                for name, pair in self._start.items()
                for part, array in enumerate(pair)
            },
            **{
                f"state/{part}/{index}": np.asarray(array)
                for part, arrays in enumerate(self._state)
                for index, array in enumerate(arrays)
            },
        }

    @classmethod
    def restored(
        cls,
        architecture: Architecture,
        arrays: Mapping[str, NDArray[Any]],
        sizes: Mapping[str, float],
        steps: int,
        rate: float,
        dtype: str = "float32",
    ) -> Training:
        """Return what goes on from where another one's `arrays` were taken."""
        start: Weights = {
            name: (arrays[f"start/{name}/0"], arrays[f"start/{name}/1"])
            for name in architecture.convolutions
        }
        training = cls(architecture, start, sizes, steps, rate, dtype)
        training.step = int(arrays["step"])
        training._errors = np.array(arrays["errors"])
        training._state = [
            [arrays[f"state/{part}/{index}"] for index in range(len(training._units))]
            for part in range(len(training._state))
        ]
        return training

    def advance(self, example: Example) -> None:
        """Take a step."""
        step = self.step + 1
        targets = [example.targets[name] for name in self._names]
        numbers = np.array([self._rate_at(step), step, _average(step)], np.float32)
        advance = self._advance[example.pooling]
        state, errors = advance(self._state, example.images, targets, numbers)
        new = np.asarray(errors, np.float64)
        old = self._errors
        new = np.where(np.isnan(old), new, 0.98 * old + 0.02 * new)
        # Together: who is interrupted in between saves the step before.
        self.step, self._state, self._errors = step, state, new

    def _rate_at(self, step: int) -> float:
        done = min(1.0, (step - 1) / max(1, self.steps))
        falling = 0.5 * (1 + math.cos(math.pi * done)) * (1 - LAST_RATE) + LAST_RATE
        return self._rate * min(1.0, step / WARM_UP) * falling

    def _next(
        self,
        pooling: Pooling,
        state: list[list[Tensor]],
        images: Tensor,
        targets: list[Tensor],
        numbers: Tensor,
    ) -> tuple[list[list[Tensor]], Tensor]:
        weights, first, second, average = (list(part) for part in state)
        rate, step, memory = numbers[0], numbers[1], numbers[2]
        errors = self._relative_errors(pooling, weights, images, targets)
        total = ops.sum(self._shares * ops.sqrt(errors + NEGLIGIBLE))
        pairs = zip(slopes(total, weights), self._units, strict=True)
        gradients = [slope * unit for slope, unit in pairs]
        if self._whitening:
            gradients = self._turned(gradients, transposed=True)
        length = ops.sqrt(sum(ops.sum(ops.square(slope)) for slope in gradients))
        shrink = ops.minimum(1.0, CLIP / ops.maximum(length, 1e-12))
        changes = []
        for i in range(len(self._units)):
            slope = gradients[i] * shrink
            first[i] = MOMENTUM * first[i] + (1 - MOMENTUM) * slope
            second[i] = SQUARES * second[i] + (1 - SQUARES) * ops.square(slope)
            mean = first[i] / (1 - MOMENTUM**step)
            size = ops.sqrt(second[i] / (1 - SQUARES**step))
            changes.append(rate * mean / (size + 1e-8))
        if self._whitening:
            changes = self._turned(changes)
        for i, unit in enumerate(self._units):
            weights[i] = weights[i] - unit * changes[i]
            average[i] = memory * average[i] + (1 - memory) * weights[i]
        return [weights, first, second, average], errors

    def _turned(self, arrays: list[Tensor], transposed: bool = False) -> list[Tensor]:
        """Multiply kernels and biases with the whitening, or with its transpose."""
        turned = []
        for index, matrix in enumerate(self._whitening):
            kernel, bias = arrays[2 * index : 2 * index + 2]
            rows = ops.concatenate([ops.reshape(kernel, (-1, kernel.shape[-1])), bias[None]])
            rows = ops.cast(rows, self._dtype)
            rows = ops.matmul(ops.transpose(matrix) if transposed else matrix, rows)
            rows = ops.cast(rows, "float32")
            turned += [ops.reshape(rows[:-1], kernel.shape), rows[-1]]
        return turned

    def _relative_errors(
        self, pooling: Pooling, weights: list[Tensor], images: Tensor, targets: list[Tensor]
    ) -> Tensor:
        pairs = dict(zip(self._names, zip(weights[::2], weights[1::2], strict=True), strict=True))
        found = activations(self._architecture, pairs, images, pooling, dtype=self._dtype)
        errors = []
        for name, size, target in zip(self._names, self._sizes, targets, strict=True):
            aim = ops.cast(target, "float32")
            error = ops.mean(ops.square(ops.cast(found[name], "float32") * (1 / size) - aim))
            errors.append(error / ops.maximum(ops.mean(ops.square(aim)), 1e-6))
        return ops.stack(errors)


def _average(step: int) -> float:
    """Return the memory of the weights' average, which is short at first."""
    return min(AVERAGE, step / (step + 10))
