"""What losses share that compare distributions of values by their quantiles."""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._kernels.sorting import sort_rows, sorted_distances
from neuralstyle._types import Tensor
from neuralstyle.losses.layers import LayeredLoss, scale
from neuralstyle.losses.masks import Mask, check_squares, region_at
from neuralstyle.losses.shapes import Shapes
from neuralstyle.losses.statistics import cell_quantiles

Table = NDArray[np.floating[Any]]


class QuantileLoss(LayeredLoss):
    """A loss that averages squared Wasserstein distances of distributions of values."""

    seed: int

    _published_as_sum: ClassVar[bool]
    """Whether the published form sums over distributions and positions, instead of averaging."""

    patch_size: int = 1
    pool: int = 1

    def _keep(self, target: Mapping[str, Tensor], target_mask: Mask | None, shapes: Shapes) -> None:
        """Keep the sorted values of the target's features."""
        # The quantiles are a weighted sum of several targets' in an average of losses.
        self._targets: dict[str, tuple[tuple[float, Table], ...]] = {}
        self._scales: dict[str, Tensor | float] = {}
        views = self._where_left(lambda layer: self.view(target_mask, layer, shapes))
        for layer, view in views.items():
            values, columns = self.statistic_of(self._feature(target, layer, "target"), view)
            ordered = np.asarray(sort_rows(ops.transpose(values) if columns else values))
            self._targets[layer] = ((1.0, ordered),)
            self._scales[layer] = scale(self.normalize, ordered, paper=1)

    @property
    def beyond(self) -> int:
        """How many positions behind its first a patch of squares reaches, but for one square."""
        return (self.patch_size - 1) * self.pool

    @abstractmethod
    def _values(self, feature: Tensor, view: Mapping[str, Any]) -> tuple[Tensor, bool]:
        """Return the values to compare, and whether distributions are their columns, not rows."""

    def view(self, mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the positions to look at, if not all."""
        least = self.patch_size * self.pool
        height, width = shapes[layer][1:3]
        if min(height, width) < least:
            raise ValueError(
                f"loss {self.name!r}: expected features of at least {least} x {least} positions "
                f"at layer {layer!r}, as a patch has, received {width} x {height}"
            )
        check_squares(f"loss {self.name!r}", layer, shapes, self.pool)
        return region_at(mask, layer, shapes, self.patch_size, pool=self.pool)

    def target(self, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the target's quantiles, as many as there are values to compare.

        And what the target varies within the quantiles' cells, which no picture of that size can
        match.
        """
        view = QuantileLoss.view(self, self.mask, layer, shapes)
        sides = (side // self.pool - self.patch_size + 1 for side in self._sides(layer, shapes))
        count = len(view["region"]) if "region" in view else math.prod(sides)
        quantiles, varies = _mixed(self._targets[layer], count)
        return {"quantiles": quantiles, "varies": varies, "factor": self._scales[layer]}

    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> tuple[Tensor, bool]:
        """Return the values of a mask's region, which are sorted as they are compared."""
        values, columns = self._values(feature, view)
        if "region" in view:
            values = ops.take(values, view["region"], axis=0 if columns else 1)
        return values, columns

    def distance_to(self, statistic: tuple[Tensor, bool], target: Mapping[str, Any]) -> Tensor:
        """Return the mean squared difference of the quantiles."""
        values, columns = statistic
        distances = sorted_distances(values, target["quantiles"], self.seed, columns=columns)
        distance = ops.mean(distances + ops.cast(target["varies"], distances.dtype))
        if self.normalize == "paper" and self._published_as_sum:
            distance = distance * math.prod(values.shape)
        return ops.convert_to_tensor(target["factor"], distance.dtype) * distance

    def averaged(self, losses: Sequence[QuantileLoss], shares: Sequence[float]) -> QuantileLoss:
        """Return the loss whose gradient is that of the weighted sum of such losses.

        Quantiles over cells are linear in the distribution's, so their weighted mean serves targets
        of any sizes.
        """
        average = copy.copy(self)
        average._targets, average._scales = {}, {}
        for layer in self.layers:
            weights = [s * float(x._scales[layer]) for s, x in zip(shares, losses, strict=True)]
            total = sum(weights)
            counts = sorted({len(table) for x in losses for _, table in x._targets[layer]})
            if len(counts) > 1:
                raise ValueError(f"losses: expected targets of as many channels, received {counts}")
            average._targets[layer] = tuple(
                (weight / total * share, target)
                for weight, loss in zip(weights, losses, strict=True)
                for share, target in loss._targets[layer]
            )
            dtype = average._targets[layer][0][1].dtype
            average._scales[layer] = ops.convert_to_tensor(total, dtype.name)
        return average


def _mixed(targets: Sequence[tuple[float, Table]], count: int) -> tuple[Table, Table]:
    """Return the weighted mean of targets' quantiles, and of what these leave out."""
    quantiles, varies = _quantiles(targets[0][1], count)
    if len(targets) == 1:
        return quantiles, varies
    quantiles, varies = 0 * quantiles, 0 * varies
    for share, target in targets:
        of_this, within = _quantiles(target, count)
        quantiles += share * of_this
        varies += share * within
    return quantiles, varies


def _quantiles(target: Table, count: int) -> tuple[Table, Table]:
    """Return every row's quantiles, and how far its values are from these within the cells."""
    quantiles = cell_quantiles(target, count)
    before, after = (
        np.array([np.mean(np.square(row), dtype=np.float64) for row in x])
        for x in (target, quantiles)
    )
    return quantiles, np.maximum(before - after, 0.0).astype(quantiles.dtype)
