"""The styles of a picture, of the whole and of its parts, each with what it is seen through."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neuralstyle._checks import check_shares
from neuralstyle._types import Floats, Image
from neuralstyle.images.opacity import opaque, seen
from neuralstyle.losses.masks import Mask
from neuralstyle.transfer.options.options import Options
from neuralstyle.transfer.regions import both

logger: logging.Logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """A style, and where it goes.

    Attributes
    ----------
    style : array, shape (H, W, 3), float32
    style_mask : Mask or None
        What of it counts; None is everything.
    mask : Mask or None
        Where in the picture; None is everywhere.
    weight : float
    scale : float
        Size of the style over the size of the picture.
    name : str
        What messages call the style.
    """

    style: Image
    style_mask: Mask | None
    mask: Mask | None
    weight: float
    scale: float
    name: str

    @property
    def share(self) -> float:
        """How much its terms count: they are means, and pull the harder the smaller a part is."""
        return self.weight * (1.0 if self.mask is None else float(self.mask.values.mean()))

    def within(self, alpha: Floats | None) -> Part:
        """Return the part without what of the content is transparent."""
        return dataclasses.replace(self, mask=both(self.mask, alpha, "content, alpha"))


def picture(image: Any, name: str, options: Options) -> tuple[Image, Floats | None]:
    """Return what there is to see of an image, and its opacity if that is to count."""
    return seen(image, name) if options.alpha == "ignore" else (opaque(image, name), None)


def make_parts(style: Any, options: Options) -> list[Part]:
    """Check the styles, and return them with those of regions.

    Parameters
    ----------
    style : array or sequence of arrays
    options : Options

    Returns
    -------
    list of Part
    """
    regions = options.regions or ()
    given = style if isinstance(style, list | tuple) else [style]
    if not given and not regions and options.objective is None:
        raise ValueError("style: expected at least one image, received an empty sequence")
    names = [f"style[{k}]" if given is style else "style" for k in range(len(given))]
    pictures = [picture(image, name, options) for image, name in zip(given, names, strict=True)]
    shares: list[float] = []
    if given or options.style_weights is not None:
        shares = check_shares(options.style_weights, len(given), "style_weights", "styles")
    if shares == [1.0] and options.style_weights not in (None, [1.0]):
        logger.warning(
            "style_weights: the share of a single style is 1, whatever is given, here %g; how much "
            "style there is next to content is style_weight and content_weight of the recipe",
            *(options.style_weights or ()),
        )
    scales = _scales(options.style_scale, len(given), len(regions))
    whole = [
        Part(image, both(None, alpha, f"{name}, alpha"), None, share, scale, name)
        for (image, alpha), name, share, scale in zip(
            pictures, names, shares, scales[: len(given)], strict=True
        )
    ]
    return whole + [
        Part(of.style, of.style_mask, of.mask, of.weight, scale, f"regions[{k}].style")
        for k, (of, scale) in enumerate(zip(regions, scales[len(given) :], strict=True))
    ]


def _scales(scale: float | Sequence[float], styles: int, regions: int) -> list[float]:
    """Return the stroke size of every style and region."""
    if not isinstance(scale, Sequence):
        return [scale] * (styles + regions)
    if len(scale) != styles + regions:
        beside = f" and {regions} regions" if regions else ""
        raise ValueError(
            f"style_scale: expected one for each of {styles} styles{beside}, received {len(scale)}"
        )
    return list(scale)
