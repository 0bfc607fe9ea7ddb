"""Total variation: what the picture alone should be like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import final

from keras import ops

from neuralstyle.losses.layers import Normalize, described_normalization, feature_at, normalization
from neuralstyle.objective import Loss
from neuralstyle.statistics import Tensor, total_variation


@final
class TotalVariationLoss(Loss):
    r"""Total variation of the image, which takes away grain.

    .. math:: L = \operatorname{mean}_{ij} \left((x_{i,j+1} - x_{ij})^2 + (x_{i+1,j} -
              x_{ij})^2\right)^{\beta/2}

    over the pixels (in [0, 1]) and channels that have a right and a lower neighbour.

    Parameters
    ----------
    exponent : float, at least 1, default 2
        :math:`\beta`. 2 smooths, 1 keeps edges.
    normalize : {"relative", "mean", "paper"}, default "relative"
        ``"paper"`` is the sum; there is no target to be relative to, so the others are the mean.
    name : str, default "total_variation"

    Raises
    ------
    TypeError
        If `exponent` is not a number.
    ValueError
        If `exponent` is below 1 (its gradient would be infinite at a constant image) or not finite,
        if `normalize` is not one of the three, or, when called, if the image is less than 2 pixels
        high or wide.

    References
    ----------
    Mahendran and Vedaldi, Understanding Deep Image Representations by Inverting Them, CVPR 2015.

    Examples
    --------
    >>> x = np.array([[0.0, 1.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> float(TotalVariationLoss()({"input": x}))
    5.0
    """

    def __init__(
        self,
        exponent: float = 2.0,
        *,
        normalize: Normalize = "relative",
        name: str = "total_variation",
    ) -> None:
        if isinstance(exponent, bool) or not isinstance(exponent, Real):
            raise TypeError(f"exponent: expected a number, received {exponent!r}")
        if not 1 <= exponent < math.inf:
            raise ValueError(f"exponent: expected a number of at least 1, received {exponent!r}")
        self.name = name
        self.exponent: float = float(exponent)
        self.normalize: Normalize = normalization(normalize)

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of `features` as a scalar tensor."""
        image = feature_at(features, "input", "features")
        if min(image.shape[1:3]) < 2:
            raise ValueError(
                f"loss {self.name!r}: expected an image of at least 2 x 2 pixels, "
                f"received {image.shape[1]} x {image.shape[2]}"
            )
        variation = total_variation(image, self.exponent)
        return ops.sum(variation) if self.normalize == "paper" else ops.mean(variation)

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"TotalVariationLoss(exponent={self.exponent:g}{described_normalization(self)})"
