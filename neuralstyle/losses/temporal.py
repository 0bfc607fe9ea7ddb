"""Steadiness in time: what a frame should keep of the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from keras import ops

from neuralstyle.losses.layers import (
    Normalize,
    described_normalization,
    feature_at,
    normalization,
    scale,
)
from neuralstyle.objective import Loss
from neuralstyle.statistics import Tensor
from neuralstyle.tracing import kept


@final
class TemporalLoss(Loss):
    r"""Squared difference from the frame before, where that is known.

    .. math:: L = c\, \frac{\sum_{ij} m_i (x_{ij} - w_{ij})^2}{3 \sum_i m_i}

    with w the previous result, warped to the frame that is being painted, and m its validity; c is
    1 over the same mean of :math:`w^2` (``"relative"``) or 1 (``"mean"``); ``"paper"`` divides the
    sum by the number of all pixel values, valid or not.

    Parameters
    ----------
    target : mapping from str to tensor
        Features of the warped result; only its pixels, ``"input"``, are looked at.
    mask : array, shape (H, W), of numbers from 0 to 1, optional
        How far each pixel of the target is valid: 0 where the flow comes from outside the frame, or
        where something was hidden before. All are by default.
    normalize : {"relative", "mean", "paper"}, default "relative"
    name : str, default "temporal"

    Raises
    ------
    ValueError
        If `mask` is not of the target's size, is 0 everywhere, or has numbers out of range; if
        `normalize` is not one of the three; or, when called, if the picture has another size.

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
        mask: Any = None,
        *,
        normalize: Normalize = "relative",
        name: str = "temporal",
    ) -> None:
        self.name = name
        self.normalize: Normalize = normalization(normalize)
        image = np.asarray(feature_at(target, "input", "target"))
        weights = _checked_mask(mask, image.shape[1:3])[None, :, :, None]
        share = float(weights.mean(dtype=np.float64))
        divisor = 1.0 if normalize == "paper" else share
        self._weights = kept((weights / divisor).astype(image.dtype))
        self._target = kept(image)
        seen = np.sqrt(weights / share) * image
        self._scale = scale(normalize, seen.astype(image.dtype), paper=1)

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of `features` as a scalar tensor."""
        image = feature_at(features, "input", "features")
        if tuple(image.shape) != tuple(self._target.shape):
            raise ValueError(
                f"loss {self.name!r}: expected a picture of the target's shape "
                f"{tuple(self._target.shape)}, received {tuple(image.shape)}"
            )
        return self._scale * ops.mean(self._weights * ops.square(image - self._target))

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"TemporalLoss({described_normalization(self).removeprefix(', ')})"


def _checked_mask(mask: Any, size: tuple[int, int]) -> np.ndarray[Any, Any]:
    if mask is None:
        return np.ones(size)
    array = np.asarray(mask)
    if array.dtype.kind not in "fiub" or array.shape != size:
        raise ValueError(
            f"mask: expected an array of numbers of the target's size {size}, "
            f"received {array.dtype} of shape {array.shape}"
        )
    weights = array.astype(np.float64)
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.max() > 1:
        raise ValueError("mask: expected numbers from 0 to 1")
    if weights.max() == 0:
        raise ValueError("mask: expected a number above 0 somewhere, received none")
    return weights
