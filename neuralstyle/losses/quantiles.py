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

from neuralstyle._kernels.sorting import sort_rows
from neuralstyle._types import Tensor
from neuralstyle.losses.layers import LayerLoss, mean_squared, scale
from neuralstyle.losses.masks import Mask, as_mask, region_at
from neuralstyle.losses.statistics import cell_quantiles
from neuralstyle.optimize.compiled import kept

Table = NDArray[np.floating[Any]]


class QuantileLoss(LayerLoss):
    """A loss that averages squared Wasserstein distances of distributions of values."""

    seed: int

    _published_as_sum: ClassVar[bool]
    """Whether the published form sums over distributions and positions, instead of averaging."""

    patch_size: int = 1
    pool: int = 1

    def _keep(self, seen: Mapping[str, Tensor], target_mask: Any) -> None:
        """Keep the sorted values of the target's features."""
        target_mask = as_mask(target_mask, "target_mask")
        self._tables: dict[tuple[str, int], Tensor] = {}
        # The quantiles are a weighted sum of several targets' in an average of losses.
        self._targets: dict[str, tuple[tuple[float, Table], ...]] = {}
        self._scales: dict[str, Tensor | float] = {}
        for layer, feature in seen.items():
            rows = self._rows_of(target_mask, layer, feature)
            ordered = np.asarray(sort_rows(rows))
            self._targets[layer] = ((1.0, ordered),)
            self._scales[layer] = scale(self.normalize, ordered, paper=1)

    @abstractmethod
    def _rows(self, layer: str, feature: Tensor) -> Tensor:
        """Return the values to compare, a row for each distribution."""

    def _rows_of(self, mask: Mask | None, layer: str, feature: Tensor) -> Tensor:
        """Return the values to compare that are of a mask's region."""
        rows = self._rows(layer, feature)
        region = region_at(mask, layer, feature, self.patch_size, pool=self.pool)
        return rows if region is None else ops.take(rows, region, axis=-1)

    def _distance(self, layer: str, feature: Tensor) -> Tensor:
        values = sort_rows(self._rows_of(self.mask, layer, feature), self.seed)
        table = self._resampled(layer, values.shape[-1])
        distance = mean_squared(values, table[:, :-1]) + ops.mean(table[:, -1])
        if self.normalize == "paper" and self._published_as_sum:
            distance = distance * math.prod(values.shape)
        return self._scales[layer] * distance

    def _resampled(self, layer: str, count: int) -> Tensor:
        """Return a target's quantiles, and in a last column what it varies within their cells.

        The latter no picture of that size can match.
        """
        if (layer, count) not in self._tables:
            table = sum(share * _table(target, count) for share, target in self._targets[layer])
            dtype = self._targets[layer][0][1].dtype
            self._tables[layer, count] = kept(np.asarray(table, dtype))
        return self._tables[layer, count]

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
            average._scales[layer] = kept(np.asarray(total, average._targets[layer][0][1].dtype))
        return average

    def __getstate__(self) -> dict[str, Any]:
        """Leave out of copies what is quickly made again."""
        return {**vars(self), "_tables": {}}


def _table(target: Table, count: int) -> Table:
    quantiles = cell_quantiles(target, count)
    before, after = (np.mean(np.square(x), 1, np.float64) for x in (target, quantiles))
    return np.column_stack([quantiles, np.maximum(before - after, 0.0)])
