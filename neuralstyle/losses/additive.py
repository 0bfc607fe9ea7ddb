"""Losses that need no more of a picture than sums over positions: parts of it are enough.

What is summed up over the parts of a feature map says all that such a loss compares, so a picture
can be looked at tile by tile, and only sums are kept. Other losses see their layers whole.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._types import Tensor
from neuralstyle.losses.layers import StatisticLoss, roots, weighed
from neuralstyle.losses.shapes import Shapes
from neuralstyle.losses.statistics import power_sums

Sums: TypeAlias = Sequence[NDArray[np.float64]]


class Additive(ABC):
    """What a loss over layers has beside its other methods if sums say all that it compares."""

    behind: ClassVar[int] = 0
    """How many positions to the right of a part and below it `sums_of` looks at."""

    def places(self, read: Mapping[str, Any]) -> dict[str, Any]:
        """Return what of a layer's arrays has rows and columns as the features have them.

        Parameters
        ----------
        read : mapping
            What `LayeredLoss.arrays` returns for the layer.

        Returns
        -------
        dict from str to array, shape (H, W) or (H, W, C)
        """
        return dict(read["view"])

    def centre(self, feature: Tensor, places: Mapping[str, Any]) -> Tensor:
        """Return what a part's sums are best taken about: the fewer digits are lost.

        Parameters
        ----------
        feature : tensor, shape (1, h, w, C)
            A part of a layer's features.
        places : mapping
            That part of what `places` returns.

        Returns
        -------
        tensor, one axis
            Empty where there is nothing to choose.
        """
        return ops.zeros((0,), feature.dtype)

    @abstractmethod
    def sums_of(
        self, feature: Tensor, places: Mapping[str, Any], about: Tensor
    ) -> tuple[Tensor, ...]:
        """Return what adds up over the parts of a feature map.

        Parameters
        ----------
        feature : tensor, shape (1, h, w, C)
            With so many rows and columns more as are `behind` it; at the end of what is no torus,
            these are mirrored.
        places : mapping
        about : tensor
            As `centre` returns it.
        """

    def moved(self, sums: Sums, shift: NDArray[np.float64]) -> Sums:
        """Return the sums about something else.

        Parameters
        ----------
        sums : sequence of array
        shift : array
            What they are then about, less what they are about.
        """
        return sums

    def middle(self, sums: Sums) -> NDArray[np.float64]:
        """Return what to move the sums by for them to be about what is best for the whole."""
        return np.zeros(0)

    @abstractmethod
    def distance_of(
        self, sums: Sequence[Tensor], about: Tensor, target: Mapping[str, Any]
    ) -> Tensor:
        """Return the distance of the whole features from the target.

        Parameters
        ----------
        sums : sequence of tensor, float64
            What `sums_of` gives for all parts, added.
        about : tensor
        target : mapping
            What `LayeredLoss.target` returns for the layer.
        """


class DifferenceLoss(StatisticLoss, Additive):
    """Such a loss that compares features with others at the same positions."""

    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Return the features, each weighed by the mask."""
        return (weighed(feature, view.get("mask"), self.normalize),)

    def target(self, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Check the size, and return what the features are compared with."""
        self._check_same_shape(layer, shapes)
        return super().target(layer, shapes)

    def places(self, read: Mapping[str, Any]) -> dict[str, Any]:
        """Return the target, and what multiplies the features at every position."""
        (wanted,) = read["target"]["statistics"]
        mask = read["view"].get("mask")
        found = {"wanted": wanted[0]}
        return found if mask is None else {**found, "roots": roots(mask, self.normalize)}

    def sums_of(
        self, feature: Tensor, places: Mapping[str, Any], about: Tensor
    ) -> tuple[Tensor, ...]:
        """Return the sum of the squared differences."""
        if "roots" in places:
            feature = feature * ops.cast(places["roots"], feature.dtype)[..., None]
        return (ops.sum(ops.square(feature - places["wanted"])),)

    def distance_of(
        self, sums: Sequence[Tensor], about: Tensor, target: Mapping[str, Any]
    ) -> Tensor:
        """Return their mean over all positions and channels."""
        (wanted,), (factor,) = target["statistics"], target["factors"]
        mean = ops.cast(sums[0] / math.prod(wanted.shape), wanted.dtype)
        return ops.convert_to_tensor(factor, wanted.dtype) * mean


class AdditiveMoments(Additive):
    """Such a loss that compares moments of the channels."""

    @abstractmethod
    def moments(self, mean: Tensor, covariance: Tensor) -> tuple[Tensor, ...]:
        """Return the statistic of features of this mean and covariance."""

    @abstractmethod
    def distance_to(self, statistic: Any, target: Mapping[str, Any]) -> Tensor:
        """Return the distance of a statistic from the target's."""

    def centre(self, feature: Tensor, places: Mapping[str, Any]) -> Tensor:
        """Return the channels' means."""
        weight, first, _ = power_sums(feature, None, places.get("mask"))
        return first / ops.where(weight > 0, weight, ops.ones_like(weight))

    def sums_of(
        self, feature: Tensor, places: Mapping[str, Any], about: Tensor
    ) -> tuple[Tensor, ...]:
        """Return the sums of the weights, of the channels and of their products."""
        return power_sums(feature, about, places.get("mask"))

    def moved(self, sums: Sums, shift: NDArray[np.float64]) -> Sums:
        """Return the sums about something else."""
        weight, first, second = sums
        mixed = np.outer(first, shift)
        square = weight * np.outer(shift, shift)
        return weight, first - weight * shift, second - mixed - mixed.T + square

    def middle(self, sums: Sums) -> NDArray[np.float64]:
        """Return how far it is to the mean."""
        weight, first, _ = sums
        return first / weight

    def distance_of(
        self, sums: Sequence[Tensor], about: Tensor, target: Mapping[str, Any]
    ) -> Tensor:
        """Return the distance of the moments from the target's."""
        return self.distance_to(self.statistic_of_sums(sums, about), target)

    def statistic_of_sums(self, sums: Sequence[Tensor], about: Tensor) -> tuple[Tensor, ...]:
        """Return the statistic of features, given their sums in double precision."""
        weight, first, second = sums
        shift = first / weight
        mean = ops.cast(about, "float64") + shift
        covariance = second / weight - shift[:, None] * shift[None, :]
        statistic = self.moments(mean, covariance)
        return tuple(ops.cast(one, about.dtype) for one in statistic)


class AdditiveStatisticLoss(StatisticLoss, AdditiveMoments):
    """Such a loss whose distance is that of `StatisticLoss`."""

    def _of_target(
        self, target: Mapping[str, Tensor], layer: str, view: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        """Return the statistics of a layer of the target, without the whole layer if it may be."""
        if not hasattr(target, "parts"):
            return super()._of_target(target, layer, view)
        about: Any = None
        total: list[Any] = []
        for place, part in target.parts(layer):
            seen = {name: np.asarray(values)[place] for name, values in view.items()}
            about = self.centre(part, seen) if about is None else about
            sums = [ops.cast(one, "float64") for one in self.sums_of(part, seen, about)]
            total = [a + b for a, b in zip(total, sums, strict=True)] if total else sums
        return self.statistic_of_sums(total, about)
