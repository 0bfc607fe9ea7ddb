"""Content: features compared position by position."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

from neuralstyle._types import Tensor
from neuralstyle.losses.additive import DifferenceLoss
from neuralstyle.losses.layers import Layers, Normalize, scale
from neuralstyle.losses.masks import MaskLike


@final
class ContentLoss(DifferenceLoss):
    r"""Squared difference of the features, position by position.

    .. math:: L = \sum_l w_l\, c_l \operatorname{mean}_{ij} (F^l_{ij} - P^l_{ij})^2

    with F the generated image's features, P the target's, and :math:`c_l = 1 / \operatorname{mean}
    P^2` (``"relative"``), 1 (``"mean"``) or :math:`NM/2` (``"paper"``: half the sum).

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the content image.
    layers : str, sequence of str or mapping from str to float, default "block4_conv2"
    normalize : {"relative", "mean", "paper"}, default "relative"
    mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region that is compared: weights of the positions, in the mean of squares as in the sum.
    name : str, default "content"

    Raises
    ------
    KeyError
        If the target has no such layer.
    TypeError, ValueError
        If a feature map is not a batch of one, if `layers`, `normalize` or `mask` is not of the
        form above, or, when called, if the region vanishes at every layer, or the generated image's
        features differ in shape from the target's.

    References
    ----------
    Gatys, Ecker and Bethge, Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0], [0.0, 1.0]]]])}
    >>> image = {"features": np.array([[[[1.0, 3.0], [2.0, 4.0]]]])}
    >>> float(ContentLoss(target, layers="features", normalize="paper")(image))
    11.0
    """

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = "block4_conv2",
        *,
        normalize: Normalize = "relative",
        mask: MaskLike | None = None,
        name: str = "content",
    ) -> None:
        super().__init__(target, layers, normalize, name, mask, mask)

    def _factors(self, statistics: tuple[Tensor, ...]) -> tuple[Tensor | float, ...]:
        (feature,) = statistics
        return (scale(self.normalize, feature, paper=math.prod(feature.shape) / 2),)
