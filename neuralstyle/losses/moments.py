"""Style as moments of the channels: Gram matrices, covariances, means and deviations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from keras import ops

from neuralstyle._checks import number
from neuralstyle._types import Tensor
from neuralstyle.losses.additive import AdditiveStatisticLoss
from neuralstyle.losses.layers import STYLE_LAYERS, Layers, Normalize, scale
from neuralstyle.losses.masks import MaskLike
from neuralstyle.losses.statistics import (
    deviations,
    gram_matrix,
    mean_and_covariance,
    mean_and_deviation,
)

FLATNESS = 1e-6
"""Lower limit of the divisor of the relative covariance term, as a share of (mean of the squared
channel means) squared: the rounding errors of a flat colour are no scale."""


@final
class StyleLoss(AdditiveStatisticLoss):
    r"""Squared difference of the Gram matrices: the style loss of Gatys et al.

    .. math:: L = \sum_l w_l\, c_l \operatorname{mean}_{ij} \left(\frac{G^l_{ij}}{M_l} -
              \frac{A^l_{ij}}{M^S_l}\right)^2

    with G and A the Gram matrices of the generated image and of the target over their M and
    :math:`M^S` positions, and :math:`c_l = 1 / \operatorname{mean} (A/M^S)^2` (``"relative"``), 1
    (``"mean"``) or 1/4 (``"paper"``). With a shift s they are those of :math:`F + s`, less the
    :math:`s^2` that they have for features that are all zero.

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the style image, of any size.
    layers : str, sequence of str or mapping from str to float, default `STYLE_LAYERS`
    shift : float, default 0
        Added to the features. Novak and Nikulin report -1 as best.
    normalize : {"relative", "mean", "paper"}, default "relative"
    mask, target_mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region of the generated image, and that of the style image, that are compared:
        the squares of the mask are the positions' weights.
    name : str, default "style"

    Raises
    ------
    KeyError
        If the target has no such layer.
    TypeError, ValueError
        If a feature map is not a batch of one, if `layers`, `shift`, `normalize`, `mask` or
        `target_mask` is not of the form above, or, when called, if a region vanishes at every
        layer.

    Notes
    -----
    The paper prints :math:`\frac{1}{4N^2M^2}\sum(G-A)^2`, which presumes M equal to :math:`M^S`;
    there ``"paper"`` equals it, and with unequal sizes it is the form of the author's texture code.

    With masks G / M is :math:`\sum_k T_k^2 F_{ik} F_{jk} / \sum_k T_k^2`, with T the mask at the
    layer, as Gatys et al. 2017 have it: the raw matrices of regions that share the image add up to
    that of the image.

    A shift adds :math:`s(\mu_i + \mu_j)` to the Gram matrix, :math:`\mu` being the channels' means,
    and so tells apart what differs in its means alone. Its right size is that of the activations.

    References
    ----------
    Gatys, Ecker and Bethge, Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
    Masks: Gatys, Ecker, Bethge, Hertzmann and Shechtman, Controlling Perceptual Factors in Neural
    Style Transfer, CVPR 2017. Shift: Novak and Nikulin, Improving the Neural Algorithm of Artistic
    Style, arXiv 1605.04603, 2016.

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
        shift: float = 0.0,
        normalize: Normalize = "relative",
        mask: MaskLike | None = None,
        target_mask: MaskLike | None = None,
        name: str = "style",
    ) -> None:
        self.shift: float = number("shift", shift)
        super().__init__(target, layers, normalize, name, mask, target_mask)

    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Return the Gram matrix."""
        if self.shift == 0:
            return (gram_matrix(feature, view.get("mask")),)
        return (gram_matrix(feature + self.shift, view.get("mask")) - self.shift**2,)

    def moments(self, mean: Tensor, covariance: Tensor) -> tuple[Tensor, ...]:
        """Return the Gram matrix."""
        shifted = mean + self.shift
        return (covariance + shifted[:, None] * shifted[None, :] - self.shift**2,)

    def _factors(self, statistics: tuple[Tensor, ...]) -> tuple[Tensor | float, ...]:
        return (scale(self.normalize, statistics[0], paper=1 / 4),)


@final
class CovarianceLoss(AdditiveStatisticLoss):
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
    mask, target_mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region of the generated image, and that of the style image, that are compared:
        the squares of the mask are the positions' weights.
    name : str, default "covariance"

    Raises
    ------
    KeyError
        If the target has no such layer.
    TypeError, ValueError
        If a feature map is not a batch of one, if `layers`, `normalize`, `mask` or `target_mask` is
        not of the form above, or, when called, if a region vanishes at every layer.

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
        mask: MaskLike | None = None,
        target_mask: MaskLike | None = None,
        name: str = "covariance",
    ) -> None:
        super().__init__(target, layers, normalize, name, mask, target_mask)

    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Return mean and covariance."""
        return mean_and_covariance(feature, view.get("mask"))

    def moments(self, mean: Tensor, covariance: Tensor) -> tuple[Tensor, ...]:
        """Return both."""
        return mean, covariance

    def _factors(self, statistics: tuple[Tensor, ...]) -> tuple[Tensor | float, ...]:
        mean, covariance = statistics
        # Half each, so that the relative form is 1 for features that are all zero.
        half = 0.5 if self.normalize == "relative" else 1.0
        floor = FLATNESS * ops.square(ops.mean(ops.square(mean)))
        return (
            scale(self.normalize, mean, paper=1, share=half),
            scale(self.normalize, covariance, paper=1 / 4, floor=floor, share=half),
        )


@final
class MomentLoss(AdditiveStatisticLoss):
    r"""Squared differences of the channels' means and of their standard deviations.

    .. math:: L = \sum_l w_l \left(
              a_l \operatorname{mean}_i (\mu^l_i - \mu^{S,l}_i)^2
              + b_l \operatorname{mean}_i (\sigma^l_i - \sigma^{S,l}_i)^2 \right)

    with :math:`a_l = \frac{1}{2\operatorname{mean} (\mu^S)^2}` and :math:`b_l =
    \frac{1}{2\operatorname{mean} (\sigma^S)^2}` (``"relative"``), or 1 and 1 (``"mean"`` and
    ``"paper"``, which is a mean already).

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the style image, of any size.
    layers : str, sequence of str or mapping from str to float, default `STYLE_LAYERS`
    normalize : {"relative", "mean", "paper"}, default "relative"
    mask, target_mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region of the generated image, and that of the style image, that are compared:
        the squares of the mask are the positions' weights.
    name : str, default "moment"

    Raises
    ------
    KeyError
        If the target has no such layer.
    TypeError, ValueError
        If a feature map is not a batch of one, if `layers`, `normalize`, `mask` or `target_mask` is
        not of the form above, or, when called, if a region vanishes at every layer.

    Notes
    -----
    These are the statistics that batch and instance normalisation set; Li et al. call the loss by
    the former. It sees each channel alone. At equal sizes it is a lower bound of `HistogramLoss`,
    which sees the channel's whole distribution. In the relative form the deviation of a (nearly)
    flat target counts as a small share of its mean, since it would otherwise be divided by its own
    rounding errors.

    References
    ----------
    Li, Wang, Liu and Hou, Demystifying Neural Style Transfer, IJCAI 2017.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0], [0.0, 1.0]]]])}
    >>> image = {"features": np.array([[[[1.0, 3.0], [2.0, 4.0]]]])}
    >>> float(MomentLoss(target, layers="features", normalize="paper")(image))
    5.0
    """

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = STYLE_LAYERS,
        *,
        normalize: Normalize = "relative",
        mask: MaskLike | None = None,
        target_mask: MaskLike | None = None,
        name: str = "moment",
    ) -> None:
        super().__init__(target, layers, normalize, name, mask, target_mask)

    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Return mean and deviation."""
        return mean_and_deviation(feature, view.get("mask"))

    def moments(self, mean: Tensor, covariance: Tensor) -> tuple[Tensor, ...]:
        """Return mean and deviation."""
        return mean, deviations(ops.diagonal(covariance))

    def _factors(self, statistics: tuple[Tensor, ...]) -> tuple[Tensor | float, ...]:
        mean, deviation = statistics
        half = 0.5 if self.normalize == "relative" else 1.0
        # The root, for the limit is of variances.
        floor = FLATNESS**0.5 * ops.mean(ops.square(mean))
        return (
            scale(self.normalize, mean, paper=1, share=half),
            scale(self.normalize, deviation, paper=1, floor=floor, share=half),
        )
