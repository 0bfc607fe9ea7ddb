r"""The losses: what a picture should share with its content and with its style.

Each takes the features of its target, keeps one statistic per layer, and compares the generated
image's with it. Three normalisations are offered everywhere:

``"relative"`` (default)
    The mean form divided by the target statistic's own mean square: 1 for features that are all
    zero, at every layer, size and network, so that weights near 1 mean the same thing everywhere.
``"mean"``
    The mean over the statistic's entries, in the features' own units.
``"paper"``
    The formula as published.

``layers=`` takes a name, a sequence of names (each weighs 1 / their number), or a mapping from name
to weight (used as given).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, Literal, TypeAlias, final

import numpy as np
from keras import ops

from neuralstyle.objective import Loss
from neuralstyle.statistics import (
    Tensor,
    cell_quantiles,
    gram_matrix,
    mean_and_covariance,
    sorted_values,
    total_variation,
)
from neuralstyle.tracing import kept

Layers: TypeAlias = str | Sequence[str] | Mapping[str, float]
Normalize: TypeAlias = Literal["relative", "mean", "paper"]

STYLE_LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
"""The five style layers of Gatys et al. 2016."""

FLATNESS = 1e-6
"""Lower limit of the divisor of the relative covariance term, as a share of (mean of the squared
channel means) squared: the rounding errors of a flat colour are no scale."""


class _LayerLoss(Loss):
    """A loss that sums one distance over layers."""

    layers: dict[str, float]
    normalize: Normalize

    def _look_at(
        self, target: Mapping[str, Tensor], layers: Layers, normalize: Normalize, name: str
    ) -> dict[str, Tensor]:
        """Keep the options, checked, and return the target's features at the layers."""
        self.name = name
        self.layers = _layer_weights(layers)
        self.normalize = _normalization(normalize)
        features = {layer: _feature(target, layer, "target") for layer in self.layers}
        self._channels = {layer: feature.shape[-1] for layer, feature in features.items()}
        return features

    @abstractmethod
    def _distance(self, layer: str, feature: Tensor) -> Tensor:
        """Return the distance of one layer's features from the target's statistic."""

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of `features` as a scalar tensor."""
        total = 0.0
        for layer, weight in self.layers.items():
            feature = _feature(features, layer, "features")
            if feature.shape[-1] != self._channels[layer]:
                raise ValueError(
                    f"loss {self.name!r}: expected {self._channels[layer]} channels at layer "
                    f"{layer!r}, as the target has, received {feature.shape[-1]}"
                )
            total = total + weight * self._distance(layer, feature)
        return total

    def __repr__(self) -> str:
        """Describe it in a line."""
        names, weights = list(self.layers), set(self.layers.values())
        equal = weights == {1.0 / len(names)}
        layers = (names[0] if len(names) == 1 else tuple(names)) if equal else self.layers
        return f"{type(self).__name__}(layers={layers!r}{_described_normalization(self)})"


@final
class ContentLoss(_LayerLoss):
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
    name : str, default "content"

    Raises
    ------
    KeyError
        If the target has no such layer.
    ValueError
        If a feature map is not a batch of one, if `layers` or `normalize` is not of the form above,
        or, when called, if the generated image's features differ in shape from the target's.

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
        name: str = "content",
    ) -> None:
        seen = self._look_at(target, layers, normalize, name)
        self._targets = {layer: kept(feature) for layer, feature in seen.items()}
        self._scales = {
            layer: _scale(normalize, value, paper=math.prod(value.shape) / 2)
            for layer, value in seen.items()
        }

    def _distance(self, layer: str, feature: Tensor) -> Tensor:
        target = self._targets[layer]
        if tuple(feature.shape) != tuple(target.shape):
            raise ValueError(
                f"loss {self.name!r}: expected features of the target's shape "
                f"{tuple(target.shape)} at layer {layer!r}, received {tuple(feature.shape)}; "
                "content image and generated image must have the same size"
            )
        return self._scales[layer] * _mean_squared(feature, target)


@final
class StyleLoss(_LayerLoss):
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
        seen = self._look_at(target, layers, normalize, name)
        self._targets = {layer: kept(gram_matrix(feature)) for layer, feature in seen.items()}
        self._scales = {
            layer: _scale(normalize, gram, paper=1 / 4) for layer, gram in self._targets.items()
        }

    def _distance(self, layer: str, feature: Tensor) -> Tensor:
        return self._scales[layer] * _mean_squared(gram_matrix(feature), self._targets[layer])


@final
class CovarianceLoss(_LayerLoss):
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
        seen = self._look_at(target, layers, normalize, name)
        self._targets = {
            layer: tuple(map(kept, mean_and_covariance(feature))) for layer, feature in seen.items()
        }
        # Half each, so that the relative form is 1 for features that are all zero.
        half = 0.5 if normalize == "relative" else 1.0
        self._scales = {}
        for layer, (mean, covariance) in self._targets.items():
            floor = FLATNESS * ops.square(ops.mean(ops.square(mean)))
            self._scales[layer] = (
                _scale(normalize, mean, paper=1, share=half),
                _scale(normalize, covariance, paper=1 / 4, floor=floor, share=half),
            )

    def _distance(self, layer: str, feature: Tensor) -> Tensor:
        statistics = mean_and_covariance(feature)
        return sum(
            scale * _mean_squared(value, target)
            for scale, value, target in zip(
                self._scales[layer], statistics, self._targets[layer], strict=True
            )
        )


@final
class HistogramLoss(_LayerLoss):
    r"""Squared Wasserstein distance of every channel's values: the histogram loss.

    .. math:: L = \sum_l w_l\, c_l \operatorname{mean}_c W_2^2(F^l_c, S^l_c), \qquad
              W_2^2(F_c, S_c) = \int_0^1 \left(F_c^{-1}(t) - S_c^{-1}(t)\right)^2 dt

    with :math:`F_c^{-1}` the sorted values of a channel as a step function, and :math:`c_l = 1 /
    \operatorname{mean} S^2` (``"relative"``), 1 (``"mean"``) or :math:`NM` (``"paper"``: the sum
    over channels and positions).

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the style image, of any size.
    layers : str, sequence of str or mapping from str to float
        Default ``("block1_conv1", "block4_conv1")``, fine detail and coarse.
    normalize : {"relative", "mean", "paper"}, default "relative"
    seed : int, default 0
        Chooses the fixed random order in which equal values are matched.
    name : str, default "histogram"

    Raises
    ------
    KeyError
        If the target has no such layer.
    ValueError
        If a feature map is not a batch of one, or if `layers` or `normalize` is not of the form
        above.

    Notes
    -----
    With images of one size this is :math:`\operatorname{mean} (O - R(O))^2` of Risser et al., with
    R the exact matching by rank instead of by 256 bins, and :math:`2 (O - R(O)) / NM` is its true
    gradient, not an approximation. Unequal sizes are matched through the mean of the target's
    quantiles over each cell, which gives the exact distance and gradient too; it does not reach
    zero then, for a picture of fewer positions cannot hold every value of a larger one.

    Values that are equal, as zeros after a ReLU, are ordered by a permutation that `seed` fixes,
    never by scan order: see `neuralstyle.statistics.sorted_values`.

    References
    ----------
    Risser, Wilmot and Barnes, Stable and Controllable Neural Texture Synthesis and Style Transfer
    Using Histogram Losses, arXiv 1701.08893, 2017.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0], [0.0, 1.0]]]])}
    >>> image = {"features": np.array([[[[1.0, 3.0], [2.0, 4.0]]]])}
    >>> float(HistogramLoss(target, layers="features", normalize="mean")(image))
    5.0
    """

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = ("block1_conv1", "block4_conv1"),
        *,
        normalize: Normalize = "relative",
        seed: int = 0,
        name: str = "histogram",
    ) -> None:
        self.seed = seed
        self._tables: dict[tuple[str, int], Tensor] = {}
        seen = self._look_at(target, layers, normalize, name)
        self._targets = {
            layer: np.asarray(sorted_values(feature)) for layer, feature in seen.items()
        }
        self._scales = {
            layer: _scale(normalize, ordered, paper=1) for layer, ordered in self._targets.items()
        }

    def _distance(self, layer: str, feature: Tensor) -> Tensor:
        values = sorted_values(feature, self.seed)
        table = self._resampled(layer, values.shape[-1])
        distance = _mean_squared(values, table[:, :-1]) + ops.mean(table[:, -1])
        if self.normalize == "paper":
            distance = distance * math.prod(values.shape)
        return self._scales[layer] * distance

    def _resampled(self, layer: str, count: int) -> Tensor:
        """Return a target's quantiles, and in a last column what it varies within their cells.

        The latter no picture of that size can match.
        """
        if (layer, count) not in self._tables:
            target = self._targets[layer]
            quantiles = cell_quantiles(target, count)
            before, after = (np.mean(np.square(x), 1, np.float64) for x in (target, quantiles))
            lost = np.maximum(before - after, 0.0)
            table = np.column_stack([quantiles, lost]).astype(target.dtype)
            self._tables[layer, count] = kept(table)
        return self._tables[layer, count]


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
        self.normalize: Normalize = _normalization(normalize)

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of `features` as a scalar tensor."""
        image = _feature(features, "input", "features")
        if min(image.shape[1:3]) < 2:
            raise ValueError(
                f"loss {self.name!r}: expected an image of at least 2 x 2 pixels, "
                f"received {image.shape[1]} x {image.shape[2]}"
            )
        variation = total_variation(image, self.exponent)
        return ops.sum(variation) if self.normalize == "paper" else ops.mean(variation)

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"TotalVariationLoss(exponent={self.exponent:g}{_described_normalization(self)})"


def _layer_weights(layers: Layers) -> dict[str, float]:
    if isinstance(layers, str):
        return {layers: 1.0}
    if isinstance(layers, Mapping):
        weights = {}
        for layer, weight in layers.items():
            if isinstance(weight, bool) or not isinstance(weight, Real):
                raise TypeError(
                    f"layers: expected a number as the weight of {layer!r}, received {weight!r}"
                )
            if not 0 <= weight < math.inf:
                raise ValueError(
                    f"layers: expected a finite weight of at least 0 for {layer!r}, "
                    f"received {weight!r}"
                )
            weights[layer] = float(weight)
    elif isinstance(layers, Sequence):
        _check_names(layers)
        if len(set(layers)) < len(layers):
            raise ValueError(f"layers: expected every layer once, received {list(layers)!r}")
        weights = {layer: 1.0 / len(layers) for layer in layers}
    else:
        raise TypeError(
            "layers: expected a name, a sequence of names or a mapping from name to weight, "
            f"received {layers!r}"
        )
    if not weights:
        raise ValueError("layers: expected at least one layer, received none")
    _check_names(weights)
    return weights


def _check_names(layers: Iterable[Any]) -> None:
    for layer in layers:
        if not isinstance(layer, str):
            raise TypeError(f"layers: expected the names of layers, received {layer!r}")


def _normalization(normalize: Any) -> Normalize:
    if normalize not in ("relative", "mean", "paper"):
        raise ValueError(
            f'normalize: expected "relative", "mean" or "paper", received {normalize!r}'
        )
    return normalize  # type: ignore[no-any-return]


def _feature(features: Mapping[str, Tensor], layer: str, argument: str) -> Tensor:
    """Take one feature map, checking that it is one."""
    try:
        feature = features[layer]
    except KeyError as error:
        known = ", ".join(features) if len(features) < 40 else "see the extractor's layers"
        own = error.args and error.args[0] != layer  # an extractor's message names the layers
        reason = error.args[0] if own else f"there is no layer {layer!r}; known are: {known}"
        raise KeyError(f"{argument}: {reason}") from None
    except (TypeError, IndexError):
        raise TypeError(
            f"{argument}: expected features (a mapping from layer name to tensor, as an extractor "
            f"returns), received {type(features).__name__}"
        ) from None
    feature = ops.convert_to_tensor(feature)
    shape = tuple(feature.shape)
    if len(shape) != 4 or shape[0] != 1 or 0 in shape:
        raise ValueError(
            f"{argument}: expected a feature map of shape (1, H, W, C) at layer {layer!r}, "
            f"received {shape}"
        )
    return feature


def _scale(
    normalize: Normalize,
    target: Tensor,
    *,
    paper: float,
    floor: Tensor | float = 0.0,
    share: float = 1.0,
) -> Tensor | float:
    """Return the factor of the mean squared difference from `target`."""
    if normalize == "paper":
        return share * paper
    if normalize == "mean":
        return share
    # A statistic that is zero throughout (a black image) has no scale of its own.
    mean_square = ops.maximum(ops.mean(ops.square(target)), floor)
    return kept(share / ops.where(mean_square > 0, mean_square, ops.ones_like(mean_square)))


def _mean_squared(value: Tensor, target: Tensor) -> Tensor:
    return ops.mean(ops.square(value - target))


def _described_normalization(loss: Any) -> str:
    return "" if loss.normalize == "relative" else f", normalize={loss.normalize!r}"
