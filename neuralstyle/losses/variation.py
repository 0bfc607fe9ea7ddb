"""Total variation: what the picture alone should be like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from keras import ops

from neuralstyle._checks import number, truth
from neuralstyle._types import Padding, Tensor
from neuralstyle.losses.additive import Additive
from neuralstyle.losses.layers import Normalize, normalization
from neuralstyle.losses.masks import Mask, MaskLike, Values, as_mask
from neuralstyle.losses.shapes import Shapes, feature_at, padding_of
from neuralstyle.losses.statistics import total_variation
from neuralstyle.losses.structure import StructuredLoss
from neuralstyle.losses.terms import checked_name


@final
class TotalVariationLoss(StructuredLoss, Additive):
    r"""Total variation of the image, which takes away grain.

    .. math:: L = \operatorname{mean}_{ij} \left((x_{i,j+1} - x_{ij})^2 + (x_{i+1,j} -
              x_{ij})^2\right)^{\beta/2}

    over the pixels (in [0, 1]) and channels that have a right and a lower neighbour. Where features
    have the padding ``"reflect"`` or ``"wrap"``, all pixels have: the pixel itself, or the first on
    the other side. With a mask, the mean has its weights.

    Parameters
    ----------
    exponent : float, at least 1, default 2
        :math:`\beta`. 2 smooths, 1 keeps edges.
    isotropic : bool, default True
        If not, the mean is of
        :math:`|x_{i,j+1} - x_{ij}|^\beta + |x_{i+1,j} - x_{ij}|^\beta`, over all pixels: one
        without a neighbour does not differ from it. With exponent 1 and ``normalize="paper"`` that
        is ``tf.image.total_variation``. Edges along the axes are cheaper than others.
    chroma : float, at least 0, default 1
        k: the image's colours, x - y with y the mean of the channels, are taken
        :math:`\sqrt k` times, so that with exponent 2 their variation counts k times as much as
        that of y. With more than 1 it takes away coloured grain and leaves strokes their edges.
    normalize : {"relative", "mean", "paper"}, default "relative"
        ``"paper"`` is the sum; there is no target to be relative to, so the others are the mean.
    mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region that is smoothed. A pixel weighs as much as the least of it and its two
        neighbours: no edge of the region is smoothed away.
    name : str, default "total_variation"

    Raises
    ------
    TypeError
        If `exponent` or `chroma` is not a number, `isotropic` not a bool, or `mask` not an array of
        numbers.
    ValueError
        If `exponent` is below 1 (its gradient would be infinite at a constant image) or not finite,
        if `chroma` is negative, if `normalize` is not one of the three, if `mask` is not of the
        form above, or, when called, if the image is less than 2 pixels high or wide, or the region
        vanishes.

    References
    ----------
    Mahendran and Vedaldi, Understanding Deep Image Representations by Inverting Them, CVPR 2015.

    Examples
    --------
    >>> x = np.array([[0.0, 1.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> float(TotalVariationLoss()({"input": x}))
    5.0
    """

    isotropic: bool = True  # files of earlier versions do not say these
    chroma: float = 1.0

    def __init__(
        self,
        exponent: float = 2.0,
        *,
        isotropic: bool = True,
        chroma: float = 1.0,
        normalize: Normalize = "relative",
        mask: MaskLike | None = None,
        name: str = "total_variation",
    ) -> None:
        self.name: str = checked_name(name)
        self.exponent: float = number("exponent", exponent, 1)
        self.isotropic = truth("isotropic", isotropic)
        self.chroma = number("chroma", chroma, 0)
        self.normalize: Normalize = normalization(normalize)
        self.mask: Mask | None = as_mask(mask)

    def arrays(self, shapes: Shapes) -> dict[str, Any]:
        """Check the size, and return the weights of the pixels, if there are any."""
        height, width = shapes["input"][1:3]
        if min(height, width) < 2:
            raise ValueError(
                f"loss {self.name!r}: expected an image of at least 2 x 2 pixels, "
                f"received {width} x {height}"
            )
        mode = _MODES.get(shapes.padding, None if self.isotropic else "symmetric")
        weights = self.mask and self.mask.view("input", shapes, corners, mode)
        if weights is not None and self.normalize != "paper":
            weights = weights / weights.mean()
        view = {} if weights is None else {"weights": weights}
        size = (float(height), float(width), 1.0 if mode is None else 0.0)
        return {"input": {"weight": 1.0, "view": view, "target": {"size": size}}}

    def compute(self, features: Mapping[str, Tensor], arrays: Mapping[str, Any]) -> Tensor:
        """Return the mean or the sum of the variation."""
        image, padding = feature_at(features, "input"), padding_of(features)
        variation = _weighed(self._variation(image, padding), arrays["input"]["view"])
        return ops.sum(variation) if self.normalize == "paper" else ops.mean(variation)

    def _variation(self, image: Tensor, padding: Padding | None) -> Tensor:
        if self.chroma != 1:
            grey = ops.mean(image, axis=-1, keepdims=True)
            image = grey + self.chroma**0.5 * (image - grey)
        return total_variation(image, self.exponent, padding=padding, isotropic=self.isotropic)

    behind = 1

    def places(self, read: Mapping[str, Any]) -> dict[str, Any]:
        """Return the weights of the pixels, if there are any or the last ones have none."""
        height, width, dropped = (int(number) for number in read["target"]["size"])
        weights = read["view"].get("weights")
        if not dropped:
            return {} if weights is None else {"weights": weights}
        found = np.zeros((height, width), np.float32 if weights is None else weights.dtype)
        found[:-1, :-1] = 1 if weights is None else weights
        return {"weights": found}

    def sums_of(
        self, feature: Tensor, places: Mapping[str, Any], about: Tensor
    ) -> tuple[Tensor, ...]:
        """Return the sum of the variation."""
        variation = self._variation(feature, None)
        return (
            ops.sum(_weighed(variation[:, : feature.shape[1] - 1, : feature.shape[2] - 1], places)),
        )

    def distance_of(
        self, sums: Sequence[Tensor], about: Tensor, target: Mapping[str, Any]
    ) -> Tensor:
        """Return the mean or the sum of the variation."""
        (total,) = sums
        height, width, dropped = target["size"]
        count = (height - dropped) * (width - dropped) * CHANNELS
        return ops.cast(total if self.normalize == "paper" else total / count, about.dtype)

    def __repr__(self) -> str:
        """Describe it in a line."""
        normalize = "" if self.normalize == "relative" else f", normalize={self.normalize!r}"
        mask = "" if self.mask is None else f", mask={self.mask!r}"
        isotropic = "" if self.isotropic else ", isotropic=False"
        chroma = "" if self.chroma == 1 else f", chroma={self.chroma:g}"
        return f"TotalVariationLoss(exponent={self.exponent:g}{isotropic}{chroma}{normalize}{mask})"


CHANNELS = 3

_MODES: dict[str | None, Any] = {"reflect": "symmetric", "wrap": "wrap"}
"""NumPy's names of the paddings that give the last pixels neighbours."""


def _weighed(variation: Tensor, view: Mapping[str, Any]) -> Tensor:
    """Multiply by the weights of the pixels, if there are any."""
    if "weights" not in view:
        return variation
    return ops.cast(view["weights"], variation.dtype)[..., None] * variation


def corners(values: Values, mode: Any = None) -> Values:
    """Return the least of every pixel of a mask and its right and lower neighbours."""
    if mode:
        values = np.pad(values, (0, 1), mode)
    corner = values[:-1, :-1]
    return np.minimum(corner, np.minimum(values[:-1, 1:], values[1:, :-1]))
