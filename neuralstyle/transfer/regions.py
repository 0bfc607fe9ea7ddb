"""Regions: parts of a picture, each with a style of its own."""

from __future__ import annotations

from typing import Any, final

from neuralstyle._checks import shown
from neuralstyle._checks import weight as checked_weight
from neuralstyle._types import Floats, Number, PictureLike
from neuralstyle.images.opacity import seen
from neuralstyle.losses.masks import Mask, MaskLike, as_mask


@final
class Region:
    """A part of a picture, and the style that it is to have.

    Parameters
    ----------
    mask : array, shape (H, W), path, picture or Mask
        Where in the content, in its proportions; of what kinds, `Mask` says. `label_masks` makes
        masks of label images.
    style : array, shape (H, W, 3) or (H, W, 4), floating, RGB or RGBA in [0, 1], path or PIL image
        A painting, of any size. Where it is transparent it is not of the style.
    style_mask : array, shape (H, W), or Mask, optional
        Where in the painting; everywhere if left out.
    weight : float, default 1
        How strongly. With 1 each pixel is pulled as by a style of the whole picture.

    Attributes
    ----------
    mask : Mask
    style : array, shape (H, W, 3), float32
    style_mask : Mask or None
    weight : float
    share : float
        How much the style's terms count beside those of a style of the whole picture: the weight
        times the region's share of the picture. The terms are means over the region; without that,
        the smaller it is, the harder they would pull on each pixel.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; the message names it.

    Examples
    --------
    >>> sky = np.arange(8)[:, None] < np.full(8, 2)
    >>> region = Region(sky, np.zeros((4, 4, 3), np.float32), weight=2)
    >>> region
    Region(mask=Mask(shape=(8, 8)), style=array(shape=(4, 4, 3)), weight=2)
    >>> region.share
    0.5
    """

    def __init__(
        self,
        mask: MaskLike,
        style: PictureLike,
        style_mask: MaskLike | None = None,
        weight: Number = 1.0,
    ) -> None:
        checked = as_mask(mask, "mask")
        if checked is None:
            raise TypeError("mask: expected a mask, received None")
        self.mask: Mask = checked
        self.style: Floats
        self.style, alpha = seen(style, "style")
        self.style_mask: Mask | None = as_mask(style_mask, "style_mask")
        if self.style_mask is not None:
            self.style_mask.at("input", self.style.shape[:2])  # which refuses other proportions
        self.style_mask = both(self.style_mask, alpha, "style_mask")
        self.weight: float = checked_weight("weight", weight, 0)

    @property
    def share(self) -> float:
        """How much the style's terms count beside those of a style of the whole picture."""
        return self.weight * float(self.mask.values.mean())

    def __repr__(self) -> str:
        """Describe it in a line."""
        target = "" if self.style_mask is None else f", style_mask={self.style_mask!r}"
        weight = f"weight={self.weight:g}"
        style = f"style=array(shape={self.style.shape})"
        return f"Region(mask={self.mask!r}, {style}{target}, {weight})"


def both(mask: Mask | None, alpha: Floats | None, name: str) -> Mask | None:
    """Return where a mask, if there is one, and a picture's opacity leave something."""
    if alpha is None:
        return mask
    if mask is None:
        return Mask(alpha, name=name)
    size = (alpha.shape[0], alpha.shape[1])
    return Mask(mask.resized(size).values * alpha, mask.propagation, mask.name)


def check_regions(argument: str, value: Any) -> tuple[Region, ...]:
    """Check what `stylize` takes as its regions; their masks get names that tell them apart."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"{argument}: expected a sequence of Region, received {shown(value)}")
    return tuple(_named(region, f"{argument}[{k}]") for k, region in enumerate(value))


def _named(region: Any, name: str) -> Region:
    if not isinstance(region, Region):
        hint = "; since version 0.2 write ns.Region(mask, style, style_mask=None, weight=1.0)"
        raise TypeError(
            f"{name}: expected a Region, received {type(region).__name__}"
            + (hint if isinstance(region, list | tuple) else "")
        )

    def renamed(mask: Mask, part: str) -> Mask:
        return Mask(mask.values, mask.propagation, f"{name}, {part}")

    style_mask = region.style_mask and renamed(region.style_mask, "style_mask")
    return Region(renamed(region.mask, "mask"), region.style, style_mask, region.weight)
