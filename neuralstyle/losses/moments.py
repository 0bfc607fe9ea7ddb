"""Style as moments of the channels: Gram matrices, covariances and means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from keras import ops

from neuralstyle.losses.layers import STYLE_LAYERS, Layers, Normalize, StatisticLoss, scale
from neuralstyle.statistics import Tensor, gram_matrix, mean_and_covariance

FLATNESS = 1e-6
"""Lower limit of the divisor of the relative covariance term, as a share of (mean of the squared
channel means) squared: the rounding errors of a flat colour are no scale."""


@final
class StyleLoss(StatisticLoss):
    r"""Squared difference of the Gram matrices: the style loss of Gatys et al.

    .. math:: L = \sum_l w_l\, c_l \operatorname{mean}_{ij} \left(\frac{G^l_{ij}}{M_l} -
              \frac{A^l_{ij}}{M^S_l}\right)^2

    with G and A the Gram matrices of the generated image and of the target over their M and
    :math:`M^S` positions, and :math:`c_l = 1 / \operatorname{mean} (A/M^S)^2` (``"relative"``), 1
    (``"mean"``) or 1/4 (``"paper"``).

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the style image, of any size.
    layers : str, sequence of str or mapping from str to float, default `STYLE_LAYERS`
    normalize : {"relative", "mean", "paper"}, default "relative"
    name : str, default "style"

    Raises
    ------
    KeyError
        If the target has no such layer.
    ValueError
        If a feature map is not a batch of one, or if `layers` or `normalize` is not of the form
        above.

    Notes
    -----
    The paper prints :math:`\frac{1}{4N^2M^2}\sum(G-A)^2`, which presumes M equal to :math:`M^S`;
    there ``"paper"`` equals it, and with unequal sizes it is the form of the author's texture code.

    References
    ----------
    Gatys, Ecker and Bethge, Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0], [0.0, 1.0]]]])}
    >>> image = {"features": np.array([[[[1.0, 3.0], [2.0, 4.0]]]])}
    >>> float(StyleLoss(target, layers="features", normalize="paper")(image))
    13.03125
    """

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = STYLE_LAYERS,
        *,
        normalize: Normalize = "relative",
        name: str = "style",
    ) -> None:
        super().__init__(target, layers, normalize, name)

    def _statistics(self, feature: Tensor) -> tuple[Tensor, ...]:
        return (gram_matrix(feature),)

    def _factors(self, statistics: tuple[Tensor, ...]) -> tuple[Tensor | float, ...]:
        return (scale(self.normalize, statistics[0], paper=1 / 4),)


@final
class CovarianceLoss(StatisticLoss):
    r"""Squared differences of the channels' covariances and of their means.

    .. math:: L = \sum_l w_l \left(
              a_l \operatorname{mean}_{ij} (\Sigma^l_{ij} - \Sigma^{S,l}_{ij})^2
              + b_l \operatorname{mean}_i (\mu^l_i - \mu^{S,l}_i)^2 \right)

    with :math:`a_l = \frac{1}{2\operatorname{mean} (\Sigma^S)^2}` and :math:`b_l =
    \frac{1}{2\operatorname{mean} (\mu^S)^2}` (``"relative"``), or 1 and 1 (``"mean"``), or 1/4 and
    1 (``"paper"``).

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the style image, of any size.
    layers : str, sequence of str or mapping from str to float, default `STYLE_LAYERS`
    normalize : {"relative", "mean", "paper"}, default "relative"
    name : str, default "covariance"

    Raises
    ------
    KeyError
        If the target has no such layer.
    ValueError
        If a feature map is not a batch of one, or if `layers` or `normalize` is not of the form
        above.

    Notes
    -----
    A Gram matrix is covariance plus the outer product of the mean with itself, and one can make up
    for the other; apart they cannot. In the relative form the covariance of a (nearly) flat target
    counts as a small share of its mean, since it would otherwise be divided by its own rounding
    errors. No paper publishes this very sum: ``"paper"`` gives the
    covariance the factor of Gatys et al. and the mean that of Li et al.

    References
    ----------
    Li, Wang, Liu and Hou, Demystifying Neural Style Transfer, IJCAI 2017.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0], [0.0, 1.0]]]])}
    >>> shifted = {"features": np.array([[[[3.0, 2.0], [2.0, 3.0]]]])}
    >>> float(CovarianceLoss(target, layers="features", normalize="mean")(shifted))
    4.0
    """

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = STYLE_LAYERS,
        *,
        normalize: Normalize = "relative",
        name: str = "covariance",
    ) -> None:
        super().__init__(target, layers, normalize, name)

    def _statistics(self, feature: Tensor) -> tuple[Tensor, ...]:
        return mean_and_covariance(feature)

    def _factors(self, statistics: tuple[Tensor, ...]) -> tuple[Tensor | float, ...]:
        mean, covariance = statistics
        # Half each, so that the relative form is 1 for features that are all zero.
        half = 0.5 if self.normalize == "relative" else 1.0
        floor = FLATNESS * ops.square(ops.mean(ops.square(mean)))
        return (
            scale(self.normalize, mean, paper=1, share=half),
            scale(self.normalize, covariance, paper=1 / 4, floor=floor, share=half),
        )
