"""The two passes of an evaluation over one tile, which need nothing but what they are given.

So it does not matter where a tile is looked at: at home, or in a thread, a process or a machine of
an executor (`neuralstyle.optimize.evaluation.executors`). No target comes along.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import keras
import tensorflow as tf
from numpy.typing import NDArray

from neuralstyle._kernels.device import TRACING, check_process
from neuralstyle._kernels.order import gradients
from neuralstyle._types import Tensor
from neuralstyle.features.base import Extractor
from neuralstyle.losses.shapes import feature_at, is_torus
from neuralstyle.optimize.evaluation.graphs import Flat, flat, spec
from neuralstyle.optimize.evaluation.kept import kept_code

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Summed:
    """What an additive loss does with parts of a layer.

    Attributes
    ----------
    loss : Additive
        With nothing but its options.
    kind : hashable
        What of the loss fixes the code.
    layer : str
    reads : tuple of str
        What it reads that has rows and columns as the layer has them.
    """

    loss: Any
    kind: Hashable
    layer: str
    reads: tuple[str, ...]

    def __call__(
        self, feature: Tensor, places: Mapping[str, Any], about: Tensor | None = None
    ) -> list[Tensor]:
        """Return what the sums of a part of the layer are about, and the sums."""
        if about is None:
            about = keras.ops.stop_gradient(self.loss.centre(feature, places))
        sums = self.loss.sums_of(feature, places, about)
        return [about, *(tf.cast(one, tf.float64) for one in sums)]


@dataclass(frozen=True, eq=False)
class Task:
    """What there is to do with a tile.

    Attributes
    ----------
    cores : tuple of shapes
        Of the tile's core at every layer that is seen.
    arrays : list of array
        The window, and where its core begins in it; in the second pass the slopes, and what the
        sums are about; what the additive losses read.
    sloping : tuple of int or None
        Of what the first pass finds, that which has slopes. None in the first pass.
    """

    cores: tuple[Shape, ...]
    arrays: list[NDArray[Any]]
    sloping: tuple[int, ...] | None = None


@final
class Passes:
    """Looks at a tile: it finds what the losses compare, or the slopes of its pixels.

    Parameters
    ----------
    extractor : callable
    steps : mapping from str to int
        Of the layers that are seen.
    whole : sequence of str
        Those that are to be gathered.
    summed : sequence of Summed
        Those that are to be summed up, and how.
    """

    def __init__(
        self,
        extractor: Extractor,
        steps: Mapping[str, int],
        whole: Sequence[str],
        summed: Sequence[Summed],
    ) -> None:
        self._extractor, self._steps = extractor, dict(steps)
        self._whole, self._summed = list(whole), list(summed)
        self._codes: dict[Any, Flat] = {}  # all that was used here, which another may use too
        kinds = tuple((one.kind, one.layer, one.reads) for one in self._summed)
        self._kind = "tiles", tuple(self._steps.items()), tuple(self._whole), kinds

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave compiled code behind."""
        return Passes, (self._extractor, self._steps, self._whole, self._summed)

    def named(self) -> dict[str, Any]:
        """Return what of it may refuse to go elsewhere, by the names of arguments."""
        return {"extractor": self._extractor}

    def __call__(self, task: Task) -> list[NDArray[Any]]:
        """Return what is found in a tile."""
        check_process()
        tensors = [tf.constant(array) for array in task.arrays]
        return [tensor.numpy() for tensor in self._code(task, tensors)(*tensors)]

    @property
    def operations(self) -> int:
        """Of how many all code is made that was compiled here."""
        return sum(code.operations for code in self._codes.values())

    def alive(self, task: Task) -> int:
        """Return the bytes that are alive at once while a tile is looked at."""
        return self._code(task, task.arrays).alive

    def _code(self, task: Task, arrays: Sequence[Any]) -> Flat:
        """Return the code for a task and others like it; compile it if there is none."""
        specs = [spec(array) for array in arrays]
        key = task.cores, task.sloping, tuple(specs)
        if key not in self._codes:
            with TRACING:
                if key not in self._codes:  # another thread may have compiled it meanwhile

                    def compiled() -> Flat:
                        return flat(self._pass(task.cores, task.sloping), *specs)

                    self._codes[key] = kept_code(self._extractor, (self._kind, key), compiled)
        return self._codes[key]

    def _pass(
        self, cores: Sequence[Shape], sloping: Sequence[int] | None
    ) -> Callable[..., list[Tensor]]:
        """Return a pass over tiles of a kind."""

        def forward(window: Tensor, begin: Tensor, *read: Tensor) -> list[Tensor]:
            return self._look(cores, window, begin, iter(read), itertools.repeat(None))

        def backward(window: Tensor, begin: Tensor, *given: Tensor) -> list[Tensor]:
            rest = iter(given)
            slopes = [next(rest) for _ in sloping or ()]
            abouts = [next(rest) for _ in self._summed]
            found = self._look(cores, window, begin, rest, iter(abouts))
            (gradient,) = gradients([found[k] for k in sloping or ()], [window], slopes)
            zero = gradient is None
            return [tf.zeros_like(window) if zero else tf.convert_to_tensor(gradient)]

        return forward if sloping is None else backward

    def _look(
        self,
        cores: Sequence[Shape],
        window: Tensor,
        begin: Tensor,
        read: Iterator[Tensor],
        abouts: Iterator[Any],
    ) -> list[Tensor]:
        """Return the cores of the layers that are gathered, and the sums over the others'."""
        features = self._extractor(window)
        shapes = dict(zip(self._steps, cores, strict=True))

        def part(name: str, behind: int = 0) -> Tensor:
            first = tf.concat([[0], begin // self._steps[name], [0]], 0)
            one, height, width, channels = shapes[name]
            # A window as long as the torus does not say what comes after its end.
            padded = feature_at(features, name, beyond=behind)
            if behind and not is_torus(features):
                padded = tf.pad(padded, [[0, 0], [0, behind], [0, behind], [0, 0]], "SYMMETRIC")
            return tf.slice(padded, first, (one, height + behind, width + behind, channels))

        found = [part(name) for name in self._whole]
        for summed in self._summed:
            mine = part(summed.layer, summed.loss.behind)
            found += summed(mine, {name: next(read) for name in summed.reads}, next(abouts))
        return found
