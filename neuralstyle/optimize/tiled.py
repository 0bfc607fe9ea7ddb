"""Evaluations of pictures of any size, tile by tile, exactly.

The gradient of the objective of the whole picture takes two passes over its tiles
(`neuralstyle.features.tiles`). The first gathers what the losses compare: sums over positions,
where these are enough (`neuralstyle.losses.additive`), else the layers that they read, whole. The
losses and their slopes with respect to that are computed once. The second pass carries the slopes
back through every tile, and adds up what the tiles say of the pixels that they share.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from neuralstyle._kernels.device import TRACING, check_process
from neuralstyle._types import Tensor
from neuralstyle.features.base import Extractor
from neuralstyle.features.tiles import Tile, Tiles, in_tiles, tiles_of
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.losses.parts import weights_within
from neuralstyle.losses.structure import filled, structure
from neuralstyle.optimize.addends import addends
from neuralstyle.optimize.compiled import Compiled
from neuralstyle.optimize.graphs import Read, flat, slopes_of, spec, tell, totalled, value_of
from neuralstyle.optimize.reading import Gathered, Layer, Reading, reading

Passes: TypeAlias = tuple[Callable[..., Any], Callable[..., Any]]


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

    Attributes
    ----------
    tiles : Tiles

    Raises
    ------
    ValueError
        If the extractor does not tell what the units of a layer see that a loss reads.
    """

    def __init__(
        self, objective: StyleObjective, extractor: Extractor, image: tf.TensorSpec, tile: int
    ) -> None:
        self._objective, self._extractor, self._image = objective, extractor, image
        with TRACING:
            self._reading = reading(objective, extractor, image)
            self._addends = addends(self._reading)
            parts = [part for part in self._reading.parts if not part.additive]
            names = dict.fromkeys(name for part in parts for name in part.layers)
            self._whole = [name for name in names if name != "input"]
            self._seen = list(dict.fromkeys([*self._whole, *(a.layer for a in self._addends)]))
            self._sloping: list[int] = []
            self._head, self._own = self._compiled_head()
            self.tiles: Tiles = _tiles(self._reading, extractor, image, tile)
        self._passes: dict[Any, Passes] = {}

    def __call__(self, image: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return value, gradient, and the losses in the order of the terms, then their parts.

        Parameters
        ----------
        image : tensor, shape (1, H, W, 3)
        weights : tensor, float64, shape (terms,)
        """
        check_process()
        pixels = image.numpy()[0]
        whole, sums = self._gathered(pixels)
        total, told, *slopes = self._head(weights, image, *whole, *sums, *self._own())
        del whole
        found = dict(zip(self._sloping, slopes, strict=True))
        own = found.pop(0, None)
        gradient = np.zeros_like(pixels) if own is None else own.numpy()[0].copy()
        self._carry_back(pixels, found, sums, gradient)
        return total, tf.constant(gradient[None]), told

    def _gathered(self, pixels: NDArray[Any]) -> tuple[list[Tensor], list[Tensor]]:
        """Make the first pass: return the layers that are read whole, and the sums."""
        layers = [self._reading.layers[name] for name in self._whole]
        whole = [np.empty(layer.shape, layer.dtype) for layer in layers]
        parts: list[list[list[NDArray[Any]]]] = [[] for _ in self._addends]
        for tile in self.tiles if self._seen else ():
            forward, _ = self._compiled(tile)
            found = iter(forward(*self._window(pixels, tile), *self._read(tile)))
            for layer, array in zip(layers, whole, strict=True):
                array[0][_places(tile, layer)] = next(found)[0]
            for addend, of_each in zip(self._addends, parts, strict=True):
                of_each.append([next(found).numpy() for _ in addend.outputs])
        sums = [
            one
            for addend, of_each in zip(self._addends, parts, strict=True)
            for one in addend.added(of_each)
        ]
        return [tf.constant(one) for one in whole], [tf.constant(one) for one in sums]

    def _carry_back(
        self,
        pixels: NDArray[Any],
        slopes: Mapping[int, Tensor],
        sums: Sequence[Tensor],
        gradient: NDArray[Any],
    ) -> None:
        """Make the second pass: add to the gradient what comes through the network."""
        whole = {k: self._reading.layers[name] for k, name in enumerate(self._whole, start=1)}
        for tile in self.tiles if slopes else ():
            _, backward = self._compiled(tile)
            own = [
                slope[0][_places(tile, whole[k])][None] if k in whole else slope
                for k, slope in slopes.items()
            ]
            inputs = (*self._window(pixels, tile), *own, *sums, *self._read(tile))
            tile.add(gradient, backward(*inputs)[0].numpy()[0])

    def _window(self, pixels: NDArray[Any], tile: Tile) -> tuple[Tensor, Tensor]:
        """Return a tile's window of the image, and where its core begins in it, in pixels."""
        begin = tf.constant([tile.rows.begin, tile.columns.begin], tf.int32)
        return tf.constant(tile.window(pixels)[None]), begin

    def _read(self, tile: Tile) -> list[Tensor]:
        """Return what the additive losses read of a tile."""
        return [tf.convert_to_tensor(array) for array in structure(self._nest(tile))[1]]

    def _nest(self, tile: Tile) -> list[dict[str, Any]]:
        places = [_places(tile, self._reading.layers[addend.layer]) for addend in self._addends]
        return [
            {name: array[at] for name, array in addend.places.items()}
            for addend, at in zip(self._addends, places, strict=True)
        ]

    def _compiled(self, tile: Tile) -> Passes:
        """Return both passes for tiles of a kind."""
        cores = {name: _core(tile, self._reading.layers[name]) for name in self._seen}
        key = tile.shape, *cores.values()
        if key not in self._passes:
            with TRACING:
                self._passes[key] = self._compile(tile, cores)
        return self._passes[key]

    def _compile(self, tile: Tile, cores: Mapping[str, tuple[int, ...]]) -> Passes:
        nest, layers = self._nest(tile), self._reading.layers
        read = [spec(array) for array in self._read(tile)]
        window = tf.TensorSpec((1, *tile.shape, self._image.shape[-1]), self._image.dtype)
        begin = tf.TensorSpec((2,), tf.int32)
        whole = [tf.TensorSpec(cores[name], layers[name].dtype) for name in self._whole]
        sums = [spec for addend in self._addends for spec in addend.outputs]
        sloping = [k - 1 for k in self._sloping if k > 0]
        slopes = [[*whole, *sums][k] for k in sloping]

        def look(
            window: Tensor, begin: Tensor, arrays: Sequence[Tensor], abouts: Iterator[Any]
        ) -> list[Tensor]:
            features = self._extractor(window)

            def part(name: str, behind: int = 0) -> Tensor:
                first = tf.concat([[0], begin // layers[name].field.step, [0]], 0)
                one, height, width, channels = cores[name]
                ends = [[0, 0], [0, behind], [0, behind], [0, 0]]
                padded = tf.pad(features[name], ends, "SYMMETRIC") if behind else features[name]
                return tf.slice(padded, first, (one, height + behind, width + behind, channels))

            found = [part(name) for name in self._whole]
            for addend, places in zip(self._addends, filled(nest, iter(arrays)), strict=True):
                mine = part(addend.layer, addend.loss.behind)
                found += addend.sums(mine, places, next(abouts))
            return found

        def forward(window: Tensor, begin: Tensor, *arrays: Tensor) -> list[Tensor]:
            return look(window, begin, arrays, itertools.repeat(None))

        def backward(window: Tensor, begin: Tensor, *given: Tensor) -> list[Tensor]:
            rest = iter(given)
            own = [next(rest) for _ in sloping]
            of_each = [[next(rest) for _ in addend.outputs] for addend in self._addends]
            abouts = iter([about for about, *_ in of_each])
            found = look(window, begin, tuple(rest), abouts)
            (gradient,) = tf.gradients([found[k] for k in sloping], [window], own)
            zero = gradient is None
            return [tf.zeros_like(window) if zero else tf.convert_to_tensor(gradient)]

        return (
            flat(forward, window, begin, *read),
            flat(backward, window, begin, *slopes, *sums, *read),
        )

    def _compiled_head(self) -> tuple[Callable[..., Any], Read]:
        """Compile what comes between the passes: value, losses and slopes of what was gathered."""
        objective, parts = self._objective, self._reading.parts
        nest = (
            [() if part.built is None else part.built.arrays for part in parts],
            weights_within(objective.terms),
        )
        read = Read(structure(nest)[1])
        sums = [spec for addend in self._addends for spec in addend.outputs]
        names = ["input", *self._whole]
        noisy: set[str] = set()

        def head(weights: Tensor, *given: Tensor) -> list[Tensor]:
            seen, rest = given[: len(names) + len(sums)], iter(given[len(names) + len(sums) :])
            own, inner = filled(nest, rest)
            whole = Gathered(dict(zip(names, seen, strict=False)), self._reading.said)
            added = self._added(iter(seen[len(names) :]), own)
            values = [
                next(added)
                if part.additive
                else value_of(part.term, part.built, arrays, whole, noisy)
                for part, arrays in zip(parts, own, strict=True)
            ]
            total, told = totalled(objective, weights, values, inner)
            slopes = dict(enumerate(slopes_of(objective, total, seen)))
            self._sloping = [k for k, slope in slopes.items() if slope is not None]
            return [total, told, *(slopes[k] for k in self._sloping)]

        specs = [
            tf.TensorSpec((len(objective),), tf.float64),
            self._image,
            *(self._reading.layers[name].spec for name in self._whole),
            *sums,
            *read.specs,
        ]
        code = flat(head, *specs)
        tell(noisy)
        return code, read

    def _added(self, sums: Iterator[Tensor], own: Sequence[Any]) -> Iterator[Tensor]:
        """Yield the additive losses, in their order."""
        for part, read in zip(self._reading.parts, own, strict=True):
            if part.additive:
                total = 0.0
                for addend in (one for one in self._addends if one.part is part):
                    about, *mine = (next(sums) for _ in addend.outputs)
                    at = read[addend.layer]
                    distance = addend.loss.distance_of(mine, about, at["target"])
                    total = total + tf.cast(at["weight"], distance.dtype) * distance
                yield total


def compiled(
    objective: StyleObjective, extractor: Extractor, image: tf.TensorSpec, tile: int | None
) -> Compiled | Tiled:
    """Return what evaluates an objective: in tiles only what is larger than a tile."""
    if in_tiles(tile, image.shape[1:3]):
        return Tiled(objective, extractor, image, tile)
    return Compiled(objective, extractor, image)


def _tiles(found: Reading, extractor: Extractor, image: tf.TensorSpec, tile: int) -> Tiles:
    fields = {
        f"{part.term.name}:{name}": found.layers[name].field.through(1 + part.behind)
        for part in found.parts
        for name in part.layers
    }
    torus = found.said.get("padding") == "wrap"
    height, width = image.shape[1:3]
    return tiles_of(extractor, (height, width), fields, tile, torus)


def _places(tile: Tile, layer: Layer) -> tuple[slice, slice]:
    """Return which of a layer's rows and columns belong to a tile's core."""
    _, height, width, _ = layer.shape
    step = layer.field.step
    return tile.rows.places(step, height), tile.columns.places(step, width)


def _core(tile: Tile, layer: Layer) -> tuple[int, ...]:
    """Return the shape of a tile's core at a layer."""
    return 1, *(places.stop - places.start for places in _places(tile, layer)), layer.shape[3]
