"""Style as a normal distribution of features, compared by how far it has to be moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._types import Tensor
from neuralstyle.losses.additive import AdditiveMoments
from neuralstyle.losses.layers import STYLE_LAYERS, LayeredLoss, Layers, Normalize, scale
from neuralstyle.losses.masks import Mask, MaskLike, as_mask, weights_at
from neuralstyle.losses.shapes import Shapes, feature_at
from neuralstyle.losses.statistics import guided, mean_and_covariance


@final
class GaussianWassersteinLoss(LayeredLoss, AdditiveMoments):
    r"""Squared Wasserstein distance of the normal distributions with the features' moments.

    .. math:: L = \sum_l w_l\, c_l \left( |\mu - \nu|^2 + \operatorname{tr}\left(\Sigma + \Sigma^S
              - 2 \left(\sqrt{\Sigma^S}\, \Sigma \sqrt{\Sigma^S}\right)^{1/2}\right) \right)

    with :math:`\mu, \Sigma` the mean and covariance of the generated image's features at the layer,
    :math:`\nu, \Sigma^S` the target's, and :math:`c_l = 1 / \sum_i (\nu_i^2 + \Sigma^S_{ii})`
    (``"relative"``), 1/N with N channels (``"mean"``) or 1 (``"paper"``).

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the style image, of any size.
    layers : str, sequence of str or mapping from str to float, default `STYLE_LAYERS`
    normalize : {"relative", "mean", "paper"}, default "relative"
    mask, target_mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region of the generated image, and that of the style image, that are compared:
        the squares of the mask are the positions' weights.
    name : str, default "gaussian"

    Raises
    ------
    KeyError
        If the target has no such layer.
    TypeError, ValueError
        If a feature map is not a batch of one, if `layers`, `normalize`, `mask` or `target_mask` is
        not of the form above, or, when called, if a region vanishes at every layer.

    Notes
    -----
    It compares what `CovarianceLoss` compares, but in the units of the features instead of their
    squares: strong channels do not outweigh weak ones by the fourth power. Without correlations it
    is `MomentLoss`.

    The map :math:`T = \sqrt{\Sigma^S} (\sqrt{\Sigma^S} \Sigma \sqrt{\Sigma^S})^{-1/2}
    \sqrt{\Sigma^S}` moves the one distribution to the other, so that the trace is that of
    :math:`(1 - T)\, \Sigma\, (1 - T)`: it is computed like this, as a sum of squares, since the
    difference of traces loses its last digits near the target. The gradient with respect to
    :math:`\Sigma` is :math:`1 - T`, with no derivative of eigenvectors, which would be infinite
    where eigenvalues are equal. Directions in which either distribution is flat are left out of T.
    Square roots magnify the rounding of small eigenvalues: in float32, with fewer positions than
    channels, the value is good to 1e-5 or so.

    References
    ----------
    Olkin and Pukelsheim, The Distance between Two Random Vectors with Given Dispersion Matrices,
    Linear Algebra and its Applications 48, 1982. For style: V. Marron, github.com/VinceMarron/
    style_transfer, and K. Crowson, github.com/crowsonkb/style-transfer-pytorch.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0], [0.0, 1.0]]]])}
    >>> shifted = {"features": np.array([[[[3.0, 0.0], [2.0, 1.0]]]])}
    >>> loss = GaussianWassersteinLoss(target, layers="features", normalize="paper")
    >>> round(float(loss(shifted)), 6)
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
        name: str = "gaussian",
    ) -> None:
        self._targets: dict[str, tuple[Tensor, Tensor]] = {}
        self._scales: dict[str, Tensor | float] = {}
        shapes = self._look_at(target, layers, normalize, name, mask)
        target_mask = as_mask(target_mask, "target_mask")
        views = self._where_left(lambda layer: self.view(target_mask, layer, shapes))
        for layer, view in views.items():
            feature = feature_at(target, layer)
            mean, covariance = self.statistic_of(feature, view)
            root = ops.convert_to_tensor(_square_root(np.asarray(covariance)))
            self._targets[layer] = mean, root
            # The mean square of the features is that of their means and deviations.
            self._scales[layer] = scale(
                normalize, guided(feature, view.get("mask")), paper=feature.shape[-1]
            )

    def view(self, mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the weights of the positions."""
        return weights_at(mask, layer, shapes)

    def target(self, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the mean and the root of the covariance to compare with."""
        mean, root = self._targets[layer]
        return {"mean": mean, "root": root, "factor": self._scales[layer]}

    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
        """Return mean and covariance."""
        return mean_and_covariance(feature, view.get("mask"))

    def moments(self, mean: Tensor, covariance: Tensor) -> tuple[Tensor, ...]:
        """Return both."""
        return mean, covariance

    def distance_to(self, statistic: tuple[Tensor, Tensor], target: Mapping[str, Any]) -> Tensor:
        """Return the squared distance of the normal distributions."""
        mean, covariance = statistic
        shift = ops.sum(ops.square(mean - target["mean"]))
        spread = _spread(ops.cast(covariance, "float64"), target["root"])
        factor = ops.convert_to_tensor(target["factor"], shift.dtype)
        return factor * (shift + ops.cast(spread, shift.dtype)) / mean.shape[0]


def _square_root(covariance: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance.astype(np.float64))
    root: NDArray[np.float64] = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


def _spread(covariance: Tensor, root: Tensor) -> Tensor:
    """Return the squared distance of centred normal distributions.

    Parameters
    ----------
    covariance : tensor, shape (N, N), float64
        Of the one. Eigenvalues of the product of two covariances need twice its digits.
    root : tensor, shape (N, N), float64
        The square root of the covariance of the other.
    """
    size = root.shape[0]
    constant = ops.stop_gradient(covariance)
    # A decomposition refuses what is not finite; the distance is to be so too, not an error.
    finite = ops.where(ops.all(ops.isfinite(constant)), constant, ops.zeros_like(constant))
    values, vectors = ops.eigh(root @ finite @ root)
    seen = values > size * np.finfo(np.float64).eps * ops.max(values)
    turned = root @ vectors
    inverse = ops.where(seen, 1 / ops.sqrt(ops.where(seen, values, ops.ones_like(values))), 0)
    rest = ops.eye(size, dtype="float64") - (turned * inverse) @ ops.transpose(turned)
    unseen = ops.sum(ops.where(seen, 0, ops.sum(ops.square(turned), axis=0)))
    distance = ops.maximum(ops.sum(rest * (rest @ constant)) + unseen, 0)
    # The value is the distance, its gradient with respect to the covariance the rest.
    slope = ops.sum(rest * covariance)
    return distance + (slope - ops.stop_gradient(slope))
