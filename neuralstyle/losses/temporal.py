"""Steadiness in time: what a frame should keep of the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from neuralstyle._types import Tensor
from neuralstyle.losses.additive import DifferenceLoss
from neuralstyle.losses.layers import Normalize, scale
from neuralstyle.losses.masks import MaskLike


@final
class TemporalLoss(DifferenceLoss):
    r"""Squared difference from the frame before, where that is known.

    .. math:: L = c\, \frac{\sum_{ij} m_i (x_{ij} - w_{ij})^2}{3 \sum_i m_i}

    with w the previous result, warped to the frame that is being painted, and m its validity; c is
    1 over the same mean of :math:`w^2` (``"relative"``) or 1 (``"mean"``); ``"paper"`` divides the
    sum by the number of all pixel values, valid or not.

    Parameters
    ----------
    target : mapping from str to tensor
        Features of the warped result; only its pixels, ``"input"``, are looked at.
    mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        How far each pixel of the target is valid: 0 where the flow comes from outside the frame, or
        where something was hidden before. All are by default.
    normalize : {"relative", "mean", "paper"}, default "relative"
    name : str, default "temporal"

    Raises
    ------
    TypeError, ValueError
        If `mask` is not of the form above or 0 everywhere, if `normalize` is not one of the three,
        or, when called, if the picture has another size than the target.

    See Also
    --------
    neuralstyle.warp : warps an image along a flow field, and tells what stays inside.

    References
    ----------
    Ruder, Dosovitskiy and Brox, Artistic Style Transfer for Videos, GCPR 2016.

    Examples
    --------
    >>> before = {"input": np.full((1, 1, 2, 3), 0.5)}
    >>> now = {"input": np.array([[[[0.5] * 3, [1.0] * 3]]])}
    >>> loss = TemporalLoss(before, mask=np.array([[1.0, 0.0]]), normalize="mean")
    >>> float(loss(now)), float(TemporalLoss(before, normalize="mean")(now))
    (0.0, 0.125)
    """

    def __init__(
        self,
        target: Mapping[str, Tensor],
        mask: MaskLike | None = None,
        *,
        normalize: Normalize = "relative",
        name: str = "temporal",
    ) -> None:
        super().__init__(target, "input", normalize, name, mask, mask)

    def _factors(self, statistics: tuple[Tensor, ...]) -> tuple[Tensor | float, ...]:
        return (scale(self.normalize, statistics[0], paper=1),)
