"""What losses over layers share: weights of layers, normalisation, checks of features."""

from __future__ import annotations

import copy
import inspect
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._checks import choice, shown
from neuralstyle._checks import weights as checked_weights
from neuralstyle._types import Tensor
from neuralstyle.losses.masks import Mask, Vanished, as_mask, weights_at, where_left
from neuralstyle.losses.names import STYLE_LAYERS as STYLE_LAYERS
from neuralstyle.losses.shapes import Shapes, UnknownLayer, feature_at, shape_of
from neuralstyle.losses.statistics import guided
from neuralstyle.losses.structure import StructuredLoss
from neuralstyle.losses.terms import checked_name

Layers: TypeAlias = str | Sequence[str] | Mapping[str, float]
Normalize: TypeAlias = Literal["relative", "mean", "paper"]


class LayeredLoss(StructuredLoss):
    """A loss that sums one distance over layers.

    It takes two steps at each layer: `statistic_of` is what is compared, of the features and of
    what these are seen through; `distance_to` compares it with the target's. They know nothing of
    the loss but its options: `view` and `target` say what they read at a size.
    """

    layers: dict[str, float]
    normalize: Normalize
    mask: Mask | None

    @property
    def beyond(self) -> int:
        """How many positions behind it the neighbourhood of a position reaches."""
        return 0

    def _look_at(
        self,
        target: Mapping[str, Tensor],
        layers: Layers,
        normalize: Normalize,
        name: str,
        mask: Any,
    ) -> Shapes:
        """Keep the options, checked, and return the shapes of the target's features."""
        self.name: str = checked_name(name)
        self.layers = layer_weights(layers)
        self.normalize = normalization(normalize)
        self.mask = as_mask(mask)
        shapes = Shapes(target, "target")
        try:
            self._channels = {layer: shapes[layer][-1] for layer in self.layers}
        except UnknownLayer as error:  # every network has the pixels
            raise error if error.layer == "input" else error.of("layers") from None
        self._network = shapes.digest
        self._vanished = ""
        return shapes

    def _where_left(self, make: Callable[[str], Any]) -> dict[str, Any]:
        """Make something of every layer at which the target's region is left, and keep those."""
        made, self._vanished = where_left(self.layers, make)
        self.layers = {layer: self.layers[layer] for layer in made}
        return made

    @abstractmethod
    def view(self, mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return what features are seen through at a layer: the mask, mostly."""

    @abstractmethod
    def target(self, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Check that features of these shapes fit, and return what the distance reads."""

    @abstractmethod
    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> Any:
        """Return what is compared of one layer's features."""

    @abstractmethod
    def distance_to(self, statistic: Any, target: Mapping[str, Any]) -> Tensor:
        """Return the distance of a statistic from the target's."""

    def arrays(self, shapes: Shapes) -> dict[str, dict[str, Any]]:
        """Check that features of these shapes fit, and return what a call reads at this size."""
        self._check_features(shapes)

        def read(layer: str) -> dict[str, Any]:
            target = self.target(layer, shapes)
            view = self.view(self.mask, layer, shapes)
            return {"weight": self.layers[layer], "view": view, "target": target}

        arrays, why = where_left(self.layers, read)
        if not arrays:
            raise Vanished(self._vanished or why)
        return arrays

    def compute(self, features: Mapping[str, Tensor], arrays: Mapping[str, Any]) -> Tensor:
        """Return the loss, of nothing but the features, the arrays and the options."""
        total = 0.0
        for layer, read in arrays.items():
            statistic = self.statistic_of(self._feature(features, layer), read["view"])
            distance = self.distance_to(statistic, read["target"])
            total = total + ops.convert_to_tensor(read["weight"], distance.dtype) * distance
        return total

    def _feature(
        self, features: Mapping[str, Tensor], layer: str, argument: str = "features"
    ) -> Tensor:
        """Take a feature map; that of a torus, with what its last neighbourhoods reach to."""
        return feature_at(features, layer, argument, self.beyond)

    def _sides(self, layer: str, shapes: Shapes) -> tuple[int, int]:
        """Return the height and width of what `_feature` takes."""
        height, width = shapes[layer][1:3]
        beyond = self.beyond if shapes.torus else 0
        return height + beyond, width + beyond

    def _check_features(self, shapes: Shapes) -> None:
        """Check that features are of the target's network, or have its channels at least."""
        # What follows the hyphen is the padding: a target may be seen with another one.
        here, there = (name and name.split("-")[0] for name in (shapes.digest, self._network))
        if here and there and here != there and set(self.layers) != {"input"}:
            raise ValueError(
                f"loss {self.name!r}: expected features of the network that its target was seen "
                f"by ({there[:8]}, its digest), received another one's ({here[:8]}): another "
                "architecture, other weights or pooling"
            )
        for layer, wanted in self._channels.items():
            channels = shapes[layer][-1]
            if channels != wanted:
                raise ValueError(
                    f"loss {self.name!r}: expected {wanted} channels at layer {layer!r}, as the "
                    f"target has, received {channels}"
                )

    def __repr__(self) -> str:
        """Describe it in a line: its main parameters, and the options that are not the usual."""
        shown = []
        for name, parameter in parameters_of(type(self)).items():
            if name not in ("target", "source", "target_mask", "name") and name in vars(self):
                value = getattr(self, name)
                main = parameter.kind is not parameter.KEYWORD_ONLY and name != "mask"
                if main or value != parameter.default:
                    shown.append(f"{name}={_shortened(value)!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


class StatisticLoss(LayeredLoss):
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
        shapes = self._look_at(target, layers, normalize, name, mask)
        target_mask = self.mask if target_mask is mask else as_mask(target_mask, "target_mask")
        self._targets: dict[str, tuple[Tensor, ...]] = {}
        self._scales: dict[str, tuple[Tensor | float, ...]] = {}
        views = self._where_left(lambda layer: self.view(target_mask, layer, shapes))
        for layer, view in views.items():
            statistics = self._of_target(target, layer, view)
            self._targets[layer] = statistics
            self._scales[layer] = self._factors(statistics)

    def _of_target(
        self, target: Mapping[str, Tensor], layer: str, view: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        """Return the statistics of a layer of the target."""
        return self.statistic_of(feature_at(target, layer, "target"), view)

    @abstractmethod
    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Return the statistics of one layer's features."""

    @abstractmethod
    def _factors(self, statistics: tuple[Tensor, ...]) -> tuple[Tensor | float, ...]:
        """Return the factors of the mean squared differences from a target's statistics."""

    def view(self, mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the weights of the positions."""
        return weights_at(mask, layer, shapes)

    def target(self, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the target's statistics and the factors of the differences from them."""
        return {"statistics": self._targets[layer], "factors": self._scales[layer]}

    def distance_to(self, statistic: tuple[Tensor, ...], target: Mapping[str, Any]) -> Tensor:
        """Return the sum of the mean squared differences."""
        triples = zip(target["factors"], statistic, target["statistics"], strict=True)
        return sum(
            ops.convert_to_tensor(factor, value.dtype) * mean_squared(value, wanted)
            for factor, value, wanted in triples
        )

    def _check_same_shape(self, layer: str, shapes: Shapes) -> None:
        """Check features that are compared position by position."""
        wanted = shape_of(self._targets[layer][0])
        if shapes[layer] != wanted:
            raise ValueError(
                f"loss {self.name!r}: expected features of the target's shape {wanted} at layer "
                f"{layer!r}, received {shapes[layer]}; content image and generated image must have "
                "the same size"
            )

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
    dtype = arrays[0].dtype
    return ops.convert_to_tensor(mean.astype(dtype)), ops.convert_to_tensor(total, dtype.name)


def layer_weights(layers: Layers) -> dict[str, float]:
    """Return the weight of every layer."""
    return weights_of(layers, "layers", str, "name")


def weights_of(items: Any, argument: str, kind: type, noun: str) -> dict[Any, float]:
    """Return the weight of every item: of one, of a sequence to average, or of a mapping."""
    if isinstance(items, kind):
        weights = {items: 1.0}
    elif isinstance(items, Mapping):
        weights = checked_weights(argument, items)
    elif isinstance(items, Sequence) and not isinstance(items, str):
        _check_kind(items, argument, kind, noun)
        if len(set(items)) < len(items):
            raise ValueError(f"{argument}: expected every {noun} once, received {list(items)!r}")
        weights = {item: 1.0 / len(items) for item in items}
    else:
        raise TypeError(
            f"{argument}: expected a {noun}, a sequence of {noun}s or a mapping from {noun} to "
            f"weight, received {shown(items)}"
        )
    if not weights:
        raise ValueError(f"{argument}: expected at least one {noun}, received none")
    _check_kind(weights, argument, kind, noun)
    return weights


def _check_kind(items: Iterable[Any], argument: str, kind: type, noun: str) -> None:
    for item in items:
        if isinstance(item, bool) or not isinstance(item, kind):
            raise TypeError(
                f"{argument}: expected {noun}s, each a {kind.__name__}, received {shown(item)}"
            )


def parameters_of(make: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return what a function takes, or a class, with what it passes on to its bases."""
    found: dict[str, inspect.Parameter] = {}
    for one in make.__mro__ if isinstance(make, type) else (make,):
        if isinstance(one, type) and "__init__" not in vars(one):
            continue
        own = inspect.signature(one).parameters
        found |= {k: v for k, v in own.items() if k not in found}
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in own.values()):
            break
    return found


def _shortened(value: Any) -> Any:
    """Turn weights that are all 1 / their number back into what gave them."""
    if not isinstance(value, dict) or set(value.values()) != {1.0 / len(value)}:
        return value
    return next(iter(value)) if len(value) == 1 else tuple(value)


def normalization(normalize: Any) -> Normalize:
    """Check the name of a normalisation."""
    checked: Normalize = choice("normalize", normalize, ("relative", "mean", "paper"))
    return checked


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
    return share / ops.where(mean_square > 0, mean_square, ops.ones_like(mean_square))


def weighed(feature: Tensor, mask: Tensor | None, normalize: Normalize) -> Tensor:
    """Multiply features such that their squares are weighed by a mask, at every position.

    Means of squares become weighted means; in the paper's sums, the weights are the mask itself.
    """
    if mask is None:
        return feature
    root = ops.sqrt(ops.cast(mask, feature.dtype))
    return feature * root[..., None] if normalize == "paper" else guided(feature, root)


def roots(mask: Any, normalize: Normalize) -> NDArray[np.float64]:
    """Return what `weighed` multiplies the features by, at every position."""
    values = np.asarray(mask, np.float64)
    return np.sqrt(values if normalize == "paper" else values / values.mean())


def mean_squared(value: Tensor, target: Tensor) -> Tensor:
    """Return the mean of the squared differences."""
    return ops.mean(ops.square(value - target))
