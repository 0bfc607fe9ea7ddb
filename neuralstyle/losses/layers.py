"""What losses over layers share: weights of layers, normalisation, checks of features."""

from __future__ import annotations

import copy
import inspect
import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np
from keras import ops

from neuralstyle._types import Tensor
from neuralstyle.losses.masks import Mask, as_mask, weights_at
from neuralstyle.losses.names import STYLE_LAYERS as STYLE_LAYERS
from neuralstyle.losses.objective import Loss
from neuralstyle.losses.statistics import guided
from neuralstyle.optimize.compiled import kept

Layers: TypeAlias = str | Sequence[str] | Mapping[str, float]
Normalize: TypeAlias = Literal["relative", "mean", "paper"]


class LayerLoss(Loss):
    """A loss that sums one distance over layers."""

    layers: dict[str, float]
    normalize: Normalize
    mask: Mask | None

    def _look_at(
        self,
        target: Mapping[str, Tensor],
        layers: Layers,
        normalize: Normalize,
        name: str,
        mask: Any,
    ) -> dict[str, Tensor]:
        """Keep the options, checked, and return the target's features at the layers."""
        self.name = name
        self.layers = layer_weights(layers)
        self.normalize = normalization(normalize)
        self.mask = as_mask(mask)
        features = {layer: feature_at(target, layer, "target") for layer in self.layers}
        self._channels = {layer: feature.shape[-1] for layer, feature in features.items()}
        return features

    @abstractmethod
    def _distance(self, layer: str, feature: Tensor) -> Tensor:
        """Return the distance of one layer's features from the target's statistic."""

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of `features` as a scalar tensor."""
        total = 0.0
        for layer, weight in self.layers.items():
            feature = feature_at(features, layer, "features")
            if feature.shape[-1] != self._channels[layer]:
                raise ValueError(
                    f"loss {self.name!r}: expected {self._channels[layer]} channels at layer "
                    f"{layer!r}, as the target has, received {feature.shape[-1]}"
                )
            total = total + weight * self._distance(layer, feature)
        return total

    def __repr__(self) -> str:
        """Describe it in a line: its main parameters, and the options that are not the usual."""
        shown = []
        for name, parameter in inspect.signature(type(self)).parameters.items():
            if name not in ("target", "target_mask", "name"):
                value = getattr(self, name)
                main = parameter.kind is not parameter.KEYWORD_ONLY and name != "mask"
                if main or value != parameter.default:
                    shown.append(f"{name}={_shortened(value)!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


class StatisticLoss(LayerLoss):
    """A loss that compares statistics of a layer's features by their mean squared differences."""

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers,
        normalize: Normalize,
        name: str,
        mask: Any,
        target_mask: Any,
    ) -> None:
        seen = self._look_at(target, layers, normalize, name, mask)
        target_mask = self.mask if target_mask is mask else as_mask(target_mask, "target_mask")
        self._targets: dict[str, tuple[Tensor, ...]] = {}
        self._scales: dict[str, tuple[Tensor | float, ...]] = {}
        for layer, feature in seen.items():
            statistics = self._statistics(feature, weights_at(target_mask, layer, feature))
            self._targets[layer] = tuple(map(kept, statistics))
            self._scales[layer] = self._factors(statistics)

    @abstractmethod
    def _statistics(self, feature: Tensor, mask: Tensor | None) -> tuple[Tensor, ...]:
        """Return the statistics of one layer's features, and of the mask there."""

    @abstractmethod
    def _factors(self, statistics: tuple[Tensor, ...]) -> tuple[Tensor | float, ...]:
        """Return the factors of the mean squared differences from a target's statistics."""

    def _distance(self, layer: str, feature: Tensor) -> Tensor:
        distances = []
        statistics = self._statistics(feature, weights_at(self.mask, layer, feature))
        for factor, value, target in zip(
            self._scales[layer], statistics, self._targets[layer], strict=True
        ):
            if tuple(value.shape) != tuple(target.shape):
                raise ValueError(
                    f"loss {self.name!r}: expected features of the target's shape "
                    f"{tuple(target.shape)} at layer {layer!r}, received {tuple(value.shape)}; "
                    "content image and generated image must have the same size"
                )
            distances.append(factor * mean_squared(value, target))
        return sum(distances)

    def averaged(self, losses: Sequence[StatisticLoss], shares: Sequence[float]) -> StatisticLoss:
        """Return the loss whose gradient is that of the weighted sum of such losses."""
        average = copy.copy(self)
        average._targets, average._scales = {}, {}
        for layer in self.layers:
            targets = zip(*(loss._targets[layer] for loss in losses), strict=True)
            factors = zip(*(loss._scales[layer] for loss in losses), strict=True)
            averages = [
                averaged_target(*of_each, shares) for of_each in zip(targets, factors, strict=True)
            ]
            average._targets[layer] = tuple(target for target, _ in averages)
            average._scales[layer] = tuple(factor for _, factor in averages)
        return average


def averaged_target(
    targets: Sequence[Tensor], factors: Sequence[Tensor | float], shares: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Return the target and factor whose squared difference has the gradient of a weighted sum.

    A sum of ``w * (x - t)**2`` is ``W * (x - T)**2`` and a constant, with W the sum of the weights
    and T the weighted mean of the targets.
    """
    weights = [s * np.asarray(f, np.float64) for s, f in zip(shares, factors, strict=True)]
    total = sum(weights)
    arrays = [np.asarray(target) for target in targets]
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise ValueError(f"losses: expected targets of one shape, received {shapes}")
    mean = sum(w / total * target for w, target in zip(weights, arrays, strict=True))
    return kept(mean.astype(arrays[0].dtype)), kept(np.asarray(total, arrays[0].dtype))


def layer_weights(layers: Layers) -> dict[str, float]:
    """Return the weight of every layer."""
    return weights_of(layers, "layers", str, "name")


def weights_of(items: Any, argument: str, kind: type, noun: str) -> dict[Any, float]:
    """Return the weight of every item: of one, of a sequence to average, or of a mapping."""
    if isinstance(items, kind):
        weights = {items: 1.0}
    elif isinstance(items, Mapping):
        weights = {}
        for item, weight in items.items():
            if isinstance(weight, bool) or not isinstance(weight, Real):
                raise TypeError(
                    f"{argument}: expected a number as the weight of {item!r}, received {weight!r}"
                )
            if not 0 <= float(weight) < math.inf:
                raise ValueError(
                    f"{argument}: expected a finite weight of at least 0 for {item!r}, "
                    f"received {weight!r}"
                )
            weights[item] = float(weight)
    elif isinstance(items, Sequence) and not isinstance(items, str):
        _check_kind(items, argument, kind, noun)
        if len(set(items)) < len(items):
            raise ValueError(f"{argument}: expected every {noun} once, received {list(items)!r}")
        weights = {item: 1.0 / len(items) for item in items}
    else:
        raise TypeError(
            f"{argument}: expected a {noun}, a sequence of {noun}s or a mapping from {noun} to "
            f"weight, received {items!r}"
        )
    if not weights:
        raise ValueError(f"{argument}: expected at least one {noun}, received none")
    _check_kind(weights, argument, kind, noun)
    return weights


def _check_kind(items: Iterable[Any], argument: str, kind: type, noun: str) -> None:
    for item in items:
        if isinstance(item, bool) or not isinstance(item, kind):
            raise TypeError(
                f"{argument}: expected {noun}s, each a {kind.__name__}, received {item!r}"
            )


def _shortened(value: Any) -> Any:
    """Turn weights that are all 1 / their number back into what gave them."""
    if not isinstance(value, dict) or set(value.values()) != {1.0 / len(value)}:
        return value
    return next(iter(value)) if len(value) == 1 else tuple(value)


def normalization(normalize: Any) -> Normalize:
    """Check the name of a normalisation."""
    if normalize not in ("relative", "mean", "paper"):
        raise ValueError(
            f'normalize: expected "relative", "mean" or "paper", received {normalize!r}'
        )
    return normalize  # type: ignore[no-any-return]


def feature_at(features: Mapping[str, Tensor], layer: str, argument: str) -> Tensor:
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


def scale(
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


def weighed(feature: Tensor, mask: Tensor | None, normalize: Normalize) -> Tensor:
    """Multiply features such that their squares are weighed by a mask, at every position.

    Means of squares become weighted means; in the paper's sums, the weights are the mask itself.
    """
    if mask is None:
        return feature
    root = ops.sqrt(ops.cast(mask, feature.dtype))
    return feature * root[..., None] if normalize == "paper" else guided(feature, root)


def mean_squared(value: Tensor, target: Tensor) -> Tensor:
    """Return the mean of the squared differences."""
    return ops.mean(ops.square(value - target))
