"""Masks: which part of an image a loss is about, carried from pixels to the layers of a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._types import Tensor
from neuralstyle.features import architectures as vgg19
from neuralstyle.images.arrays import resize
from neuralstyle.optimize.compiled import kept

Propagation: TypeAlias = Literal["average", "inside", "all"]
Values: TypeAlias = NDArray[np.float64]

_EXTREMES = {"inside": np.min, "all": np.max}

TOLERANCE = 4
"""Positions by which the sides of a layer may differ from a mask's proportions: poolings drop what
is left over, and pyramids their margin."""


@final
class Mask:
    """A region of an image, with soft edges if wanted.

    Every loss takes one, or an array that becomes one, as its `mask`.

    Parameters
    ----------
    values : array, shape (H, W), of numbers from 0 to 1, or of bool
        How far each pixel belongs to the region. Of the image's size, or in its proportions.
    propagation : {"average", "inside", "all"}, default "average"
        How much of the region a unit of a layer has: the mean over the cell of the image that it
        stands for, the least over all pixels that it sees (so that it sees nothing but the region),
        or the most (so that it sees any of the region). The latter are for layers of VGG19.
    name : str, default "mask"
        What messages call it.

    Raises
    ------
    TypeError, ValueError
        If `values` or `propagation` is not of the form above, or no value is above 0.

    Notes
    -----
    A unit of a deep layer sees far more than its cell: 156 pixels a side at block5_conv1. Averages
    keep every region at every layer, and regions that share the image share its positions; but what
    lies beyond an edge is seen through it. With ``"inside"`` it is not, and small regions vanish at
    deep layers, which is an error; with ``"all"`` regions overlap.

    Where all values at a layer are 1, there is nothing to mask: losses do the same as without, to
    the bit.

    Examples
    --------
    >>> left = Mask(np.arange(8) < np.full((8, 1), 3))
    >>> left.at("block2_conv1", (4, 4))[0].tolist()
    [1.0, 0.5, 0.0, 0.0]
    >>> Mask(left.values, "inside").at("block1_conv1", (8, 8))[0].tolist()
    [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """

    def __init__(
        self, values: Any, propagation: Propagation = "average", name: str = "mask"
    ) -> None:
        self.name = name
        self.values = _checked(values, name)
        if propagation not in ("average", *_EXTREMES):
            raise ValueError(
                f'propagation: expected "average", "inside" or "all", received {propagation!r}'
            )
        self.propagation: Propagation = propagation
        self._kept: dict[Any, Tensor | None] = {}

    def at(self, layer: str, size: tuple[int, int]) -> Values | None:
        """Return the mask at a layer.

        Parameters
        ----------
        layer : str
            ``"input"`` for the pixels.
        size : (int, int)
            Height and width that the layer has.

        Returns
        -------
        array, shape `size`, float64, or None
            None where all is 1.

        Raises
        ------
        KeyError
            If VGG19 has no such layer, with ``"inside"`` and ``"all"``.
        ValueError
            If the mask has other proportions than the layer.
        """
        height, width = self.values.shape
        if abs(size[0] * width - size[1] * height) > TOLERANCE * max(height, width):
            raise ValueError(
                f"{self.name}: expected a mask in the proportions of layer {layer!r}, "
                f"{describe(size)}, received {describe((height, width))}"
            )
        values = self.values
        if self.propagation == "average":
            values = resize(values, size, "mean")
        else:
            extreme = _EXTREMES[self.propagation]
            try:
                start, length, step = vgg19.receptive_field(layer)
            except KeyError as error:
                raise KeyError(f"{self.name}: {error.args[0]}") from None
            if (height // step, width // step) != tuple(size):  # it is for an image of another size
                values = resize(values, (size[0] * step, size[1] * step), "mean")
            for count in size:
                starts = [start + i * step for i in range(count)]
                fields = [values[max(first, 0) : first + length] for first in starts]
                values = np.stack([extreme(field, axis=0) for field in fields], axis=1)
        # A mean of ones may miss 1 by rounding.
        return None if self.values.min() == 1 or values.min() == 1 else values

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

    def tensor(
        self,
        layer: str,
        size: tuple[int, int],
        view: Callable[..., NDArray[Any]] | None = None,
        *options: int,
    ) -> Tensor | None:
        """Return the mask at a layer, or what a function makes of it, kept for graphs.

        Parameters
        ----------
        layer : str
        size : (int, int)
        view : callable, optional
            Takes the values at the layer, and `options`.
        *options : int

        Returns
        -------
        tensor or None
            As `at` says. Of a view that is bool, where it is true, counted along rows.

        Raises
        ------
        KeyError, ValueError
            As `at` does; or if nothing of the region is left.
        """
        key = (layer, size, view, options)
        if key not in self._kept:
            values = self.at(layer, size)
            if values is not None:
                values = view(values, *options) if view else values
                if not values.any():
                    raise ValueError(
                        f"{self.name}: expected a region that is left at layer {layer!r}, "
                        f"{describe(size)}, received {self!r}, which vanishes there"
                    )
                if values.dtype == bool:
                    values = np.flatnonzero(values).astype(np.int32)
            self._kept[key] = None if values is None else kept(values)
        return self._kept[key]

    def __eq__(self, other: object) -> bool:
        """Compare values and propagation, whatever the names."""
        if not isinstance(other, Mask):
            return NotImplemented
        same = self.propagation == other.propagation
        return same and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out of copies what is quickly made again."""
        return {**vars(self), "_kept": {}}

    def __repr__(self) -> str:
        """Describe it in a line."""
        how = "" if self.propagation == "average" else f", propagation={self.propagation!r}"
        return f"Mask({describe(self.values.shape)}{how})"


def as_mask(mask: Any, argument: str = "mask") -> Mask | None:
    """Return the mask that an argument names: a mask, an array, or None."""
    return mask if mask is None or isinstance(mask, Mask) else Mask(mask, name=argument)


def weights_at(mask: Mask | None, layer: str, feature: Tensor) -> Tensor | None:
    """Return how much each position of a feature map has of the region."""
    return mask and mask.tensor(layer, tuple(feature.shape[1:3]))


def region_at(
    mask: Mask | None,
    layer: str,
    feature: Tensor,
    patch_size: int = 1,
    stride: int = 1,
    pool: int = 1,
) -> Tensor | None:
    """Return which positions, or patches by their middles, have more than half of the region."""
    return mask and mask.tensor(layer, tuple(feature.shape[1:3]), inner, patch_size, stride, pool)


def inner(values: Values, patch_size: int, stride: int, pool: int) -> NDArray[np.bool_]:
    """Return, for every patch, whether more than half of its middle is in the region.

    Patches are of the means over squares of `pool` by `pool` positions.
    """
    height, width = (side // pool for side in values.shape)
    squares = values[: height * pool, : width * pool].reshape(height, pool, width, pool)
    values = squares.mean(axis=(1, 3))
    first, end = patch_size // 2, (patch_size - 1) // 2
    middles = values[first : len(values) - end, first : values.shape[1] - end]
    chosen: NDArray[np.bool_] = middles[::stride, ::stride] > 0.5
    return chosen


def describe(size: tuple[int, ...]) -> str:
    """Return a size as it is written in messages."""
    return f"{size[0]} x {size[1]}"


def _checked(values: Any, name: str) -> Values:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected an array of numbers, received {array.dtype}")
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"{name}: expected an array of shape (height, width), received {array.shape}"
        )
    mask = array.astype(np.float64)
    if not (mask.min() >= 0 and mask.max() <= 1):
        raise ValueError(f"{name}: expected numbers from 0 to 1")
    if mask.max() == 0:
        raise ValueError(f"{name}: expected a number above 0 somewhere, received none")
    mask.flags.writeable = False
    return mask
