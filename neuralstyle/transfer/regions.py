"""Regions: parts of a picture, each with a style of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from neuralstyle._checks import number
from neuralstyle._types import Image
from neuralstyle.images.arrays import check_image
from neuralstyle.losses.masks import Mask, as_mask


class Region(NamedTuple):
    """A part of the picture and the style that it is to have."""

    mask: Mask
    style: Image
    style_mask: Mask | None = None
    weight: float = 1.0

    @property
    def share(self) -> float:
        """How much the style's terms count beside those of a style of the whole picture.

        The region's share of the picture comes in because its terms are means over the region:
        without, the smaller that is, the harder they would pull on each pixel.
        """
        return self.weight * float(self.mask.values.mean())


def check_regions(regions: Any) -> list[Region]:
    """Check what `stylize` takes as its regions."""
    if regions is None:
        return []
    if not isinstance(regions, list | tuple):
        raise TypeError(f"regions: expected a sequence of tuples, received {regions!r}")
    return [_checked(region, f"regions[{k}]") for k, region in enumerate(regions)]


def _checked(region: Sequence[Any], name: str) -> Region:
    if not isinstance(region, list | tuple) or not 2 <= len(region) <= 4:
        raise TypeError(
            f"{name}: expected (mask, style), (mask, style, style_mask) or (mask, style, "
            f"style_mask, weight), received {region!r}"
        )
    given = Region(*region)
    mask, style_mask = as_mask(given.mask, name), as_mask(given.style_mask, f"{name}, style_mask")
    if mask is None:
        raise TypeError(f"{name}: expected a mask, received None")
    style = check_image(given.style, f"{name}, style")
    if style_mask is not None:
        style_mask.at("input", style.shape[:2])  # which refuses other proportions
    weight = number(f"{name}, weight", given.weight, 0)
    return Region(mask, style, style_mask, weight)
