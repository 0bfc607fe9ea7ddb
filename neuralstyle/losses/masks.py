"""Masks: which part of an image a loss is about, carried from pixels to the layers of a network."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import choice, describe, shown
from neuralstyle._types import PictureLike
from neuralstyle.images.arrays import resize
from neuralstyle.images.mask_values import Values as Values
from neuralstyle.images.mask_values import mask_values
from neuralstyle.losses.shapes import Shapes

Propagation: TypeAlias = Literal["average", "inside", "all"]

Key = TypeVar("Key")
Made = TypeVar("Made")

logger: logging.Logger = logging.getLogger(__name__)

_EXTREMES = {"inside": np.min, "all": np.max}

TOLERANCE = 4
"""Positions by which the sides of a layer may differ from a mask's proportions: poolings drop what
is left over, and pyramids their margin."""


REMEMBERED = 64
"""Views of a mask that are kept, the latest ones."""


class Vanished(ValueError):
    """Says that nothing of a region is left where it is looked for."""


@final
class Mask:
    """A region of an image, with soft edges if wanted.

    Every loss takes one, or an array that becomes one, as its `mask`.

    Parameters
    ----------
    values : array, shape (H, W) or (H, W, 1), path or PIL.Image.Image
        How far each pixel belongs to the region: bool, numbers from 0 to 1, or uint8, which is
        divided by 255 unless there is nothing but 0 and 1. What a masked array masks is not of the
        region; a picture counts as its grey, where it is transparent as black. Of the image's size,
        or in its proportions.
    propagation : {"average", "inside", "all"}, default "average"
        How much of the region a unit of a layer has: the mean over the cell of the image that it
        stands for, the least over all pixels that it sees (so that it sees nothing but the region),
        or the most (so that it sees any of the region). The latter ask the features what their
        layers see.
    name : str, default "mask"
        What messages call it.

    Raises
    ------
    TypeError, ValueError
        If `values` or `propagation` is not of the form above, or no value is above 0.
    OSError
        If a file cannot be read.

    Notes
    -----
    A unit of a deep layer sees far more than its cell: 156 pixels a side at block5_conv1. Averages
    keep every region at every layer, and regions that share the image share its positions; but what
    lies beyond an edge is seen through it. With ``"inside"`` it is not, and small regions vanish at
    deep layers; with ``"all"`` regions overlap. A layer at which a region vanishes is left out of a
    loss, as long as any other is left; that is logged.

    Where all values at a layer are 1, there is nothing to mask: losses do the same as without, to
    the bit.

    Examples
    --------
    >>> from neuralstyle import VGG16Features
    >>> features = VGG16Features("compact")(np.zeros((8, 8, 3)))
    >>> left = Mask(np.arange(8) < np.full((8, 1), 3))
    >>> left.at("block2_conv1", features)[0].tolist()
    [1.0, 0.5, 0.0, 0.0]
    >>> Mask(left.values, "inside").at("block1_conv1", features)[0].tolist()
    [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """

    def __init__(
        self, values: PictureLike, propagation: Propagation = "average", name: str = "mask"
    ) -> None:
        self.name = name
        self.values: Values = mask_values(values, name)
        self.propagation: Propagation = choice("propagation", propagation, ("average", *_EXTREMES))
        self._views: dict[Any, NDArray[Any] | None] = {}
        self._gone: set[Any] = set()

    def at(self, layer: str, seen: Mapping[str, Any] | Shapes | tuple[int, int]) -> Values | None:
        """Return the mask at a layer.

        Parameters
        ----------
        layer : str
            ``"input"`` for the pixels.
        seen : mapping from str to tensor, or (int, int)
            Features of the image that it is for; or the layer's height and width, which say enough
            for pixels and averages.

        Returns
        -------
        array, of the layer's height and width, float64, or None
            None where all is 1.

        Raises
        ------
        KeyError
            If there is no such layer.
        ValueError
            If the mask has other proportions than the layer, or, with ``"inside"`` and ``"all"``,
            if the features do not tell what the layer's units see.
        """
        shapes, size = None, seen
        if not isinstance(size, tuple):
            shapes = as_shapes(size)
            size = shapes[layer][1:3]
        height, width = self.values.shape
        if abs(size[0] * width - size[1] * height) > TOLERANCE * max(height, width):
            raise ValueError(
                f"{self.name}: expected a mask in the proportions of layer {layer!r}, "
                f"{describe(size)}, received {describe((height, width))}"
            )
        if self.propagation == "average" or layer == "input":
            values = resize(self.values, size, "mean")
        else:
            values = self._seen_through(layer, shapes, size)
        # A mean of ones may miss 1 by rounding.
        return None if self.values.min() == 1 or values.min() == 1 else values

    def _seen_through(self, layer: str, shapes: Shapes | None, size: tuple[int, int]) -> Values:
        """Return the least, or the most, of what each of a layer's units sees."""
        try:
            field = None if shapes is None else shapes.receptive_field(layer)
        except (KeyError, ValueError) as error:
            raise type(error)(f"{self.name}: {error.args[0]}") from None
        if shapes is None or field is None:
            raise ValueError(
                f"{self.name}: expected features that tell what their layers see (a method "
                f"receptive_field) with propagation={self.propagation!r}, received some that do "
                'not; "average" needs none'
            )
        start, length, step = field
        image = shapes["input"][1:3] if "input" in shapes else (size[0] * step, size[1] * step)
        values = resize(self.values, (image[0], image[1]), "mean")
        extreme = _EXTREMES[self.propagation]
        for count in size:
            starts = [start + i * step for i in range(count)]
            if shapes.torus:
                around = np.arange(min(length, len(values)))
                fields = [values.take(first + around, axis=0, mode="wrap") for first in starts]
            else:
                fields = [values[max(first, 0) : first + length] for first in starts]
            values = np.stack([extreme(field, axis=0) for field in fields], axis=1)
        return values

    def resized(self, size: tuple[int, int]) -> Mask:
        """Return the mask for an image of another size.

        Parameters
        ----------
        size : (int, int)

        Returns
        -------
        Mask
        """
        return Mask(np.clip(resize(self.values, size, "mean"), 0, 1), self.propagation, self.name)

    def view(
        self,
        layer: str,
        shapes: Shapes,
        of: Callable[..., NDArray[Any]] | None = None,
        *options: int | str | None,
    ) -> NDArray[Any] | None:
        """Return the mask at a layer, or what a function makes of it.

        Parameters
        ----------
        layer : str
        shapes : Shapes
        of : callable, optional
            Takes the values at the layer, and `options`.
        *options : int, str or None

        Returns
        -------
        array or None
            As `at` says. Where the function's result is bool, the positions where it is true,
            counted along rows.

        Raises
        ------
        KeyError, ValueError
            As `at` does.
        Vanished
            If nothing of the region is left; that is logged, once.
        """
        size = shapes[layer][1:3]
        key = (layer, size, of, options)
        if key in self._views:
            return self._views[key]
        values = self.at(layer, shapes)
        if values is not None:
            values = of(values, *options) if of else values
            if not values.any():
                place = f"layer {layer!r}, {describe(size)}"
                if key not in self._gone:
                    logger.info("%s: the region vanishes at %s: left out there", self.name, place)
                    self._gone.add(key)
                raise Vanished(
                    f"{self.name}: expected a region that is left at {place}, "
                    f"received {shown(self)}, which vanishes there"
                )
            if values.dtype == bool:
                values = np.flatnonzero(values).astype(np.int32)
        if self.propagation == "average":  # the others depend on more than the size
            for oldest in list(self._views)[: 1 - REMEMBERED]:
                self._views.pop(oldest, None)
            self._views[key] = values
        return values

    def __eq__(self, other: object) -> bool:
        """Compare values and propagation, whatever the names."""
        if not isinstance(other, Mask):
            return NotImplemented
        same = self.propagation == other.propagation
        return same and np.array_equal(self.values, other.values)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out of copies what is quickly made again."""
        return {**vars(self), "_views": {}, "_gone": set()}

    def __repr__(self) -> str:
        """Describe it in a line."""
        how = "" if self.propagation == "average" else f", propagation={self.propagation!r}"
        return f"Mask(shape={self.values.shape}{how})"


MaskLike: TypeAlias = "Mask | PictureLike"
"""What a mask is given as."""


def as_mask(mask: MaskLike | None, argument: str = "mask") -> Mask | None:
    """Return the mask that an argument names: a mask, an array, or None."""
    return mask if mask is None or isinstance(mask, Mask) else Mask(mask, name=argument)


def where_left(places: Iterable[Key], make: Callable[[Key], Made]) -> tuple[dict[Key, Made], str]:
    """Make something of every place where a region is left, such as a layer.

    This alone decides what becomes of a region that vanishes somewhere.

    Parameters
    ----------
    places : iterable
    make : callable
        Takes a place; raises `Vanished` where nothing is left.

    Returns
    -------
    made : dict
        By the places that are left.
    why : str
        What was said of the first that is not; empty if there is none.
    """
    made, why = {}, ""
    for place in places:
        try:
            made[place] = make(place)
        except Vanished as error:
            why = why or str(error)
    return made, why


def as_shapes(seen: Any) -> Shapes:
    """Return the shapes of features, given these or themselves."""
    return seen if isinstance(seen, Shapes) else Shapes(seen)


def weights_at(mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, NDArray[Any]]:
    """Return how much each position of a feature map has of the region, if there is one."""
    values = mask and mask.view(layer, shapes)
    return {} if values is None else {"mask": values}


def region_at(
    mask: Mask | None,
    layer: str,
    shapes: Shapes,
    patch_size: int = 1,
    stride: int = 1,
    pool: int = 1,
) -> dict[str, NDArray[Any]]:
    """Return which positions, or patches by their middles, have more than half of the region."""
    values = mask and mask.view(layer, shapes, inner, patch_size, stride, pool, shapes.torus)
    return {} if values is None else {"region": values}


def check_squares(name: str, layer: str, shapes: Shapes, pool: int) -> None:
    """Check that squares of `pool` by `pool` positions fill a torus."""
    size = shapes[layer][1:3]
    if shapes.torus and any(side % pool for side in size):
        raise ValueError(
            f"{name}: expected sides in multiples of {pool} positions at layer {layer!r} of a "
            f'torus (padding="wrap"), which such squares are to fill, received {describe(size)}'
        )


def inner(
    values: Values, patch_size: int, stride: int, pool: int, torus: bool = False
) -> NDArray[np.bool_]:
    """Return, for every patch, whether more than half of its middle is in the region.

    Patches are of the means over squares of `pool` by `pool` positions; on a torus, they go on at
    its other side.
    """
    height, width = (side // pool for side in values.shape)
    squares = values[: height * pool, : width * pool].reshape(height, pool, width, pool)
    values = squares.mean(axis=(1, 3))
    if torus:
        values = np.pad(values, (0, patch_size - 1), "wrap")
    first, end = patch_size // 2, (patch_size - 1) // 2
    middles = values[first : len(values) - end, first : values.shape[1] - end]
    chosen: NDArray[np.bool_] = middles[::stride, ::stride] > 0.5
    return chosen
