"""A picture in tiles that overlap, such that what is seen of each is what is seen of the whole.

Every position of every layer belongs to the core of one tile. A tile's window is its core and as
much around it as the core's positions see; it begins at a multiple of every layer's step, so its
poolings are those of the whole picture, and it ends at the picture's own border or beyond what the
core sees: what the network makes up there reaches no position of the core.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeGuard, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import shown, whole_number
from neuralstyle.features.fields import Field, asked_field

TileSide: TypeAlias = Literal["auto"] | int | None
"""Side of tiles; None for none, "auto" for what memory allows."""

LEAST = 64
"""Shortest side of a core that may be asked for, in pixels: windows of shorter ones are halo."""


@dataclass(frozen=True)
class Span:
    """A tile along one axis, in pixels.

    Attributes
    ----------
    start, end : int
        Of the window; beyond the picture's borders only on a torus.
    first, last : int
        Of the core.
    closes : bool
        Whether the core is the last one, to which all positions behind it belong.
    """

    start: int
    end: int
    first: int
    last: int
    closes: bool

    @property
    def size(self) -> int:
        """Length of the window."""
        return self.end - self.start

    def places(self, step: int, count: int) -> slice:
        """Return which of a layer's positions belong to the core.

        Parameters
        ----------
        step : int
            Of the layer.
        count : int
            Its positions along the axis.
        """
        return slice(self.first // step, count if self.closes else self.last // step)

    @property
    def begin(self) -> int:
        """Where the core begins in the window."""
        return self.first - self.start


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes
    ----------
    rows, columns : Span
    """

    rows: Span
    columns: Span

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the window."""
        return self.rows.size, self.columns.size

    def window(self, image: NDArray[Any]) -> NDArray[Any]:
        """Cut the window out of an image.

        Parameters
        ----------
        image : array, shape (H, W, C)
        """
        rows, columns = self._pixels(image.shape)
        found: NDArray[Any] = image[rows][:, columns]
        return found

    def add(self, image: NDArray[Any], part: NDArray[Any]) -> None:
        """Add to an image, in its place, what belongs to the window.

        Parameters
        ----------
        image : array, shape (H, W, C)
        part : array, of the window's shape
        """
        rows, columns = self._pixels(image.shape)
        if isinstance(rows, slice) and isinstance(columns, slice):
            image[rows, columns] += part
        else:  # the window of a torus may hold a pixel several times
            np.add.at(image, np.ix_(_indices(rows), _indices(columns)), part)

    def _pixels(self, shape: Sequence[int]) -> tuple[Any, Any]:
        spans = (self.rows, shape[0]), (self.columns, shape[1])
        if all(span.start >= 0 and span.end <= size for span, size in spans):
            return slice(self.rows.start, self.rows.end), slice(
                self.columns.start, self.columns.end
            )
        rows, columns = (np.arange(span.start, span.end) % size for span, size in spans)
        return rows, columns


def _indices(pixels: Any) -> NDArray[np.intp]:
    return np.arange(pixels.start, pixels.stop) if isinstance(pixels, slice) else pixels


@final
class Tiles(Sequence[Tile]):
    """The tiles of a picture.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the picture.
    fields : mapping from str to Field
        What the layers that are read see.
    tile : int
        Side of a core, about, in pixels.
    torus : bool, default False
        Whether the picture goes on at its other side.

    Attributes
    ----------
    step : int
        All cores and windows begin at multiples of it.
    before, after : int
        Pixels around a core.

    Examples
    --------
    >>> from neuralstyle.features.architectures import VGG16
    >>> tiles = Tiles((1000, 512), {"block4_conv1": VGG16.receptive_field("block4_conv1")}, 512)
    >>> len(tiles), tiles.step, tiles.before, tiles.after
    (2, 8, 32, 32)
    >>> tiles[1].rows
    Span(start=472, end=1000, first=504, last=1000, closes=True)
    """

    def __init__(
        self,
        shape: tuple[int, int],
        fields: Mapping[str, Field],
        tile: int,
        *,
        torus: bool = False,
    ) -> None:
        self._fields, self._torus = fields, torus
        self.step: int = math.lcm(*(field.step for field in fields.values()))
        self.before: int = self._steps(max(-field.start for field in fields.values()))
        self.after: int = self._steps(
            max(field.start + field.length - field.step for field in fields.values())
        )
        rows, columns = (self._cut(size, tile, torus) for size in shape)
        self._tiles = [Tile(row, column) for row in rows for column in columns]

    def like(self, shape: tuple[int, int], tile: int) -> Tiles:
        """Return the tiles of another picture, or of another side, for the same layers."""
        return Tiles(shape, self._fields, tile, torus=self._torus)

    def _steps(self, pixels: int) -> int:
        """Return a number of pixels that is a multiple of the step, at least so many."""
        return max(0, -(-pixels // self.step) * self.step)

    def _cut(self, size: int, tile: int, torus: bool) -> list[Span]:
        count = max(1, -(-size // tile))
        core = self._steps(-(-size // count))
        firsts = list(range(0, size, core))
        if len(firsts) > 1 and size - firsts[-1] < self.step:
            firsts.pop()  # not a single position of the deepest layer
        if len(firsts) == 1:
            return [Span(0, size, 0, size, True)]
        spans = []
        for first, last in zip(firsts, [*firsts[1:], size], strict=True):
            start, end = first - self.before, last + self.after
            if not torus:
                start, end = max(0, start), size if last == size else min(size, end)
            spans.append(Span(start, end, first, last, last == size))
        return spans

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._tiles)

    def __getitem__(self, index: Any) -> Any:
        """Return a tile."""
        return self._tiles[index]

    def __iter__(self) -> Iterator[Tile]:
        """Iterate over the tiles, along rows."""
        return iter(self._tiles)


def tile_side(value: Any) -> TileSide:
    """Check the side of tiles.

    Raises
    ------
    TypeError, ValueError
        If it is neither a whole number of at least 64 nor "auto" nor None.

    Examples
    --------
    >>> tile_side("many")
    Traceback (most recent call last):
    ValueError: tile: expected a whole number, "auto" or None, received 'many'
    """
    if value is None:
        return None
    if not isinstance(value, str):
        return whole_number("tile", value, LEAST)
    if value != "auto":
        raise ValueError(f'tile: expected a whole number, "auto" or None, received {shown(value)}')
    return "auto"


def in_tiles(tile: int | None, shape: Sequence[int]) -> TypeGuard[int]:
    """Return whether a picture is looked at in tiles: if any are asked for, and it is larger.

    Parameters
    ----------
    tile : int, at least 64, or None
    shape : (int, int) or (int, int, int)
        Of the picture.

    Raises
    ------
    TypeError, ValueError
        If `tile` is neither.
    """
    return tile is not None and max(shape[:2]) > whole_number("tile", tile, LEAST)


def tiles_of(
    extractor: Any, shape: tuple[int, int], fields: Mapping[str, Field], tile: int, torus: bool
) -> Tiles:
    """Return the tiles in which an extractor may look at a picture.

    Parameters
    ----------
    extractor : callable
    shape, fields, tile, torus
        As for `Tiles`.

    Raises
    ------
    ValueError
        If its layers begin elsewhere in a picture of these sides than in tiles.
    """
    tiles = Tiles(shape, fields, tile, torus=torus)
    height, width = shape
    steady = getattr(extractor, "steady", True) or len(tiles) == 1
    if not steady and (height % tiles.step or width % tiles.step):
        raise ValueError(
            f"tile: expected None, or sides in multiples of {tiles.step} pixels, with an extractor "
            f"whose layers begin elsewhere in images of other sides, received {width} x {height}"
        )
    return tiles


def tiled_field(features: Any, layer: str) -> Field:
    """Return what the units of a layer see, as tiles have to know it.

    Parameters
    ----------
    features : mapping from str to tensor
    layer : str

    Raises
    ------
    ValueError
        If the features do not say.
    """
    try:
        return asked_field(features, layer)
    except ValueError as error:
        raise ValueError(f"tile: expected None: {error.args[0]}") from error
