"""Evaluations of pictures of any size, tile by tile, exactly.

The gradient of the objective of the whole picture takes two passes over its tiles
(`neuralstyle.features.tiles`). The first gathers what the losses compare: sums over positions,
where these are enough (`neuralstyle.losses.additive`), else the layers that they read, whole. The
losses and their slopes with respect to that are computed once. The second pass carries the slopes
back through every tile, and adds up what the tiles say of the pixels that they share. What is done
with a tile is a function of what it is given (`passes`), so an executor may do
it (`executors`); what comes of it is put together in the order of the tiles.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from neuralstyle._kernels.device import TRACING, check_process
from neuralstyle._types import Tensor
from neuralstyle.features.base import Extractor
from neuralstyle.features.tiles import Tile, Tiles, tiles_of
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.losses.parts import weights_within
from neuralstyle.losses.structure import filled, structure
from neuralstyle.optimize.evaluation.addends import Addend, addends
from neuralstyle.optimize.evaluation.executors import AHEAD, Spread
from neuralstyle.optimize.evaluation.graphs import (
    Flat,
    Read,
    flat,
    slopes_of,
    tell,
    totalled,
    trees,
    value_of,
)
from neuralstyle.optimize.evaluation.kept import kept_code
from neuralstyle.optimize.evaluation.memory import OPERATION, Taken, size
from neuralstyle.optimize.evaluation.passes import Passes, Task
from neuralstyle.optimize.evaluation.reading import Gathered, Layer, Part, Reading, reading


@final
class Tiled:
    """An objective of images of one size, evaluated tile by tile.

    Parameters
    ----------
    objective : StyleObjective
    extractor : callable
    image : TensorSpec
    tile : int
        Side of the tiles, about, in pixels.
    executor : Executor, optional
        Whose workers look at the tiles.

    Attributes
    ----------
    tile : int
    tiles : Tiles

    Raises
    ------
    ValueError
        If the extractor does not tell what the units of a layer see that a loss reads.
    TypeError
        If the extractor cannot go to the executor's workers.
    """

    def __init__(
        self,
        objective: StyleObjective,
        extractor: Extractor,
        image: tf.TensorSpec,
        tile: int,
        executor: Executor | None = None,
    ) -> None:
        self._objective, self._image = objective, image
        self.tile: int = tile
        with TRACING:
            # What losses read is kept by the code's arrays alone.
            found = reading(objective, extractor, image)
            self._layers = found.layers
            of_parts = [addends(part, found) for part in found.parts]
            self._addends = list(itertools.chain(*of_parts))
            others = [part for part in found.parts if not part.additive]
            names = dict.fromkeys(name for part in others for name in part.layers)
            self._whole = [name for name in names if name != "input"]
            self._seen = list(dict.fromkeys([*self._whole, *(a.layer for a in self._addends)]))
            self._head, self._own = self._headed(found, of_parts, extractor)
            self.tiles: Tiles = _tiles(found, extractor, image, tile)
        steps = {name: self._layers[name].field.step for name in self._seen}
        summed = [addend.summed for addend in self._addends]
        self._passes = Passes(extractor, steps, self._whole, summed)
        self._spread: Spread[Task, list[NDArray[Any]]] = Spread(self._passes, executor)

    def __call__(self, image: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return value, gradient, and the losses in the order of the terms, then their parts.

        Parameters
        ----------
        image : tensor, shape (1, H, W, 3)
        weights : tensor, float64, shape (terms,)
        """
        check_process()
        pixels = np.asarray(image)[0]  # no copy
        whole, sums = self._gathered(pixels)
        total, told, *slopes = self._head.code(weights, image, *whole, *sums, *self._own())
        del whole
        gradient = slopes.pop(0).numpy()[0] if 0 in self._head.sloping else np.zeros_like(pixels)
        found = dict(zip(self._head.gathered, (slope.numpy() for slope in slopes), strict=True))
        del slopes
        self._carry_back(pixels, found, [about.numpy() for about in self._abouts(sums)], gradient)
        return total, tf.constant(gradient[None]), told

    @property
    def taken(self) -> Taken:
        """What an evaluation takes."""
        layers = sum(size(self._layers[name].spec) for name in self._whole)
        # The arrays of tensors, and then the tensors and their slopes, are there at once.
        features = layers + max(layers, self._head.code.alive)
        largest = max(self.tiles, key=lambda tile: math.prod(tile.shape))
        seen = [self._image, *(self._layers[name].spec for name in self._whole)]
        seen += [spec for addend in self._addends for spec in addend.outputs]
        none = [np.broadcast_to(one.dtype.as_numpy_dtype(0), one.shape) for one in seen]
        slopes = {k: none[k] for k in self._head.gathered}
        abouts = list(self._abouts(none[1 + len(self._whole) :]))
        (task,) = self._tasks([largest], none[0][0], tuple(slopes), self._sent(slopes, abouts))
        window = self._passes.alive(task)
        code = OPERATION * (self._head.operations + self._passes.operations)
        pixels = math.prod(largest.shape)
        return Taken(self._own.nbytes, features, layers, window, pixels, code)

    def _gathered(self, pixels: NDArray[Any]) -> tuple[list[Tensor], list[Tensor]]:
        """Make the first pass: return the layers that are read whole, and the sums."""
        layers = [self._layers[name] for name in self._whole]
        whole = [np.empty(layer.shape, layer.dtype) for layer in layers]
        parts: list[list[list[NDArray[Any]]]] = [[] for _ in self._addends]
        tiles = self.tiles if self._seen else ()
        for tile, answer in zip(tiles, self._over(self._tasks(tiles, pixels)), strict=True):
            found = iter(answer)
            for layer, array in zip(layers, whole, strict=True):
                array[0][_places(tile, layer)] = next(found)[0]
            for addend, of_each in zip(self._addends, parts, strict=True):
                of_each.append([next(found) for _ in addend.outputs])
        sums = [
            one
            for addend, of_each in zip(self._addends, parts, strict=True)
            for one in addend.added(of_each)
        ]
        return [tf.constant(one) for one in whole], [tf.constant(one) for one in sums]

    def _abouts(self, sums: Sequence[Tensor]) -> Iterator[Tensor]:
        """Return what the sums of every addend are about."""
        rest = iter(sums)
        for addend in self._addends:
            about, *_ = itertools.islice(rest, len(addend.outputs))
            yield about

    def _carry_back(
        self,
        pixels: NDArray[Any],
        slopes: Mapping[int, NDArray[Any]],
        abouts: Sequence[NDArray[Any]],
        gradient: NDArray[Any],
    ) -> None:
        """Make the second pass: add to the gradient what comes through the network."""
        tiles = self.tiles if slopes else ()
        tasks = self._tasks(tiles, pixels, tuple(slopes), self._sent(slopes, abouts))
        for tile, (part,) in zip(tiles, self._over(tasks), strict=True):
            tile.add(gradient, part[0])

    def _sent(
        self, slopes: Mapping[int, NDArray[Any]], abouts: Sequence[NDArray[Any]]
    ) -> Callable[[Tile], list[NDArray[Any]]]:
        """Return what gives a tile of what was gathered: the slopes, and what sums are about."""
        whole = {k: self._layers[name] for k, name in enumerate(self._whole, start=1)}

        def given(tile: Tile) -> list[NDArray[Any]]:
            own = [
                slope[0][_places(tile, whole[k])][None] if k in whole else slope
                for k, slope in slopes.items()
            ]
            return [*own, *abouts]

        return given

    def _tasks(
        self,
        tiles: Sequence[Tile],
        pixels: NDArray[Any],
        sloping: tuple[int, ...] | None = None,
        given: Callable[[Tile], list[NDArray[Any]]] = lambda tile: [],
    ) -> Iterator[Task]:
        """Yield what there is to do with tiles in a pass; `sloping` is all that has slopes."""
        for tile in tiles:
            yield Task(
                tuple(_core(tile, self._layers[name]) for name in self._seen),
                [*_window(pixels, tile), *given(tile), *self._read(tile)],
                None if sloping is None else tuple(k - 1 for k in sloping),
            )

    def _over(self, tasks: Iterator[Task]) -> Iterator[list[NDArray[Any]]]:
        """Have tasks done, and yield what comes of them, in their order."""
        # What is out is cut from arrays of the whole picture, so it is a part of what these take.
        return self._spread(tasks, max(AHEAD, len(self.tiles) // 8))

    def _read(self, tile: Tile) -> list[NDArray[Any]]:
        """Return what the additive losses read of a tile."""
        return [
            array[_places(tile, self._layers[addend.layer])]
            for addend in self._addends
            for array in addend.places.values()
        ]

    def _headed(
        self, found: Reading, of_parts: Sequence[Sequence[Addend]], extractor: Extractor
    ) -> tuple[_Head, Read]:
        """Return what comes between the passes, and what it reads; compile it if there is none."""
        objective, parts = self._objective, found.parts
        nest = (
            [() if part.built is None else part.built.arrays for part in parts],
            weights_within(objective.terms),
        )
        kinds, leaves = structure(nest)
        read = Read(leaves)
        sums = [spec for addend in self._addends for spec in addend.outputs]
        names = ["input", *self._whole]
        noisy: set[str] = set()
        sloping: list[int] = []

        def head(weights: Tensor, *given: Tensor) -> list[Tensor]:
            seen, rest = given[: len(names) + len(sums)], iter(given[len(names) + len(sums) :])
            own, inner = filled(nest, rest)
            whole = Gathered(dict(zip(names, seen, strict=False)), found.said)
            added = _added(parts, of_parts, iter(seen[len(names) :]), own)
            values = [
                next(added)
                if part.additive
                else value_of(part.term, part.built, arrays, whole, noisy)
                for part, arrays in zip(parts, own, strict=True)
            ]
            total, told = totalled(objective, weights, values, inner)
            slopes = dict(enumerate(slopes_of(objective, total, seen)))
            sloping[:] = [k for k, slope in slopes.items() if slope is not None]
            return [total, told, *(slopes[k] for k in sloping)]

        specs = [
            tf.TensorSpec((len(objective),), tf.float64),
            self._image,
            *(self._layers[name].spec for name in self._whole),
            *sums,
            *read.specs,
        ]

        def compiled() -> _Head:
            code = flat(head, *specs)
            tell(noisy)
            return _Head(code, tuple(sloping))

        options = tuple(None if part.built is None else part.built.options for part in parts)
        if None in options:  # the library cannot see into a loss
            return compiled(), read
        key = "between tiles", trees(objective), options, kinds, tuple(names), tuple(specs)
        return kept_code(extractor, key, compiled), read


@dataclass(frozen=True)
class _Head:
    """Code for value, losses and slopes of what was gathered, and what of that has slopes."""

    code: Flat
    sloping: tuple[int, ...]

    @property
    def gathered(self) -> list[int]:
        """What has slopes beside the pixels, which are the first."""
        return [k for k in self.sloping if k > 0]

    @property
    def operations(self) -> int:
        """Of how many it is made."""
        return self.code.operations


def _added(
    parts: Sequence[Part],
    of_parts: Sequence[Sequence[Addend]],
    sums: Iterator[Tensor],
    own: Sequence[Any],
) -> Iterator[Tensor]:
    """Yield the additive losses, in their order."""
    for part, addends_of_it, read in zip(parts, of_parts, own, strict=True):
        if part.additive:
            total = 0.0
            for addend in addends_of_it:
                about, *mine = (next(sums) for _ in addend.outputs)
                at = read[addend.layer]
                distance = addend.loss.distance_of(mine, about, at["target"])
                total = total + tf.cast(at["weight"], distance.dtype) * distance
            yield total


def _tiles(found: Reading, extractor: Extractor, image: tf.TensorSpec, tile: int) -> Tiles:
    fields = {
        f"{part.term.name}:{name}": found.layers[name].field.through(1 + part.behind)
        for part in found.parts
        for name in part.layers
    }
    torus = found.said.get("padding") == "wrap"
    height, width = image.shape[1:3]
    return tiles_of(extractor, (height, width), fields, tile, torus)


def _window(pixels: NDArray[Any], tile: Tile) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a tile's window of the image, and where its core begins in it, in pixels."""
    begin = np.array([tile.rows.begin, tile.columns.begin], np.int32)
    return tile.window(pixels)[None], begin


def _places(tile: Tile, layer: Layer) -> tuple[slice, slice]:
    """Return which of a layer's rows and columns belong to a tile's core."""
    _, height, width, _ = layer.shape
    step = layer.field.step
    return tile.rows.places(step, height), tile.columns.places(step, width)


def _core(tile: Tile, layer: Layer) -> tuple[int, ...]:
    """Return the shape of a tile's core at a layer."""
    return 1, *(places.stop - places.start for places in _places(tile, layer)), layer.shape[3]
