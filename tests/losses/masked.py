"""Losses of masked features, for the tests of masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from losses.examples import LOSSES, takes
from support import Array, random_map, value_and_gradient

import neuralstyle as ns

LEFT = np.arange(8) < np.full((6, 1), 4)
"""The left half of a map of 6 x 8 positions."""

SOFT = np.random.default_rng(9).uniform(0.1, 1.0, size=(6, 8))

ONE_SIDED: dict[str, Callable[..., ns.Loss]] = {
    "content": lambda t, **o: ns.ContentLoss(t, "a", **o),
    "content-paper": lambda t, **o: ns.ContentLoss(t, "a", normalize="paper", **o),
    "similarity": lambda t, **o: ns.SelfSimilarityLoss(t, "a", **o),
    "similarity-sampled": lambda t, **o: ns.SelfSimilarityLoss(t, "a", samples=5, **o),
    "temporal": lambda t, **o: ns.TemporalLoss({"input": t["a"]}, **o),
    "temporal-paper": lambda t, **o: ns.TemporalLoss({"input": t["a"]}, normalize="paper", **o),
    "variation": lambda t, **o: ns.TotalVariationLoss(**o),
    "variation-paper": lambda t, **o: ns.TotalVariationLoss(1.5, normalize="paper", **o),
    "laplacian": lambda t, **o: ns.LaplacianLoss({"input": t["a"]}, (1, 2), **o),
    "laplacian-paper": lambda t, **o: ns.LaplacianLoss(
        {"input": t["a"]}, 1, normalize="paper", **o
    ),
}
"""Losses that compare images of one size, with one mask."""

TWO_SIDED: dict[str, Callable[..., ns.Loss]] = {
    "style": lambda t, **o: ns.StyleLoss(t, "a", **o),
    "style-shifted": lambda t, **o: ns.StyleLoss(t, "a", shift=-1, normalize="paper", **o),
    "covariance": lambda t, **o: ns.CovarianceLoss(t, "a", **o),
    "moment": lambda t, **o: ns.MomentLoss(t, "a", **o),
    "gaussian": lambda t, **o: ns.GaussianWassersteinLoss(t, "a", **o),
    "histogram": lambda t, **o: ns.HistogramLoss(t, "a", **o),
    "histogram-paper": lambda t, **o: ns.HistogramLoss(t, "a", normalize="paper", **o),
    "sliced": lambda t, **o: ns.SlicedWassersteinLoss(t, "a", **o),
    "patches": lambda t, **o: ns.SlicedWassersteinLoss(t, "a", patch_size=3, **o),
    "patches-pooled": lambda t, **o: ns.SlicedWassersteinLoss(t, "a", pool=2, **o),
    "patch": lambda t, **o: ns.PatchLoss(t, "a", patch_size=1, **o),
    "patch-3": lambda t, **o: ns.PatchLoss(t, "a", normalize="paper", **o),
    "nearest": lambda t, **o: ns.NearestLoss(t, "a", frozen=False, turns=1, **o),
    "emd": lambda t, **o: ns.RelaxedEMDLoss(t, "a", **o),
    "emd-sampled": lambda t, **o: ns.RelaxedEMDLoss(
        t, "a", samples=7, distance="euclidean", normalize="mean", **o
    ),
}
"""Losses that compare images of any sizes, with a mask for each."""

NAMED = {type(make({"a": random_map(0, 6, 8, 3)})) for make in (ONE_SIDED | TWO_SIDED).values()}


def of_layer(kind: Any) -> Callable[..., ns.Loss]:
    return lambda t, **o: kind(t, "a", **o)


for kind in LOSSES:
    if kind not in NAMED and takes(kind, "layers") and takes(kind, "mask"):
        (TWO_SIDED if takes(kind, "target_mask") else ONE_SIDED)[kind.name] = of_layer(kind)

BY_WEIGHT = ("style", "style-shifted", "covariance", "moment", "gaussian")

NEIGHBOURS = ("laplacian", "laplacian-paper", "patches", "patch-3")
"""Those that see beyond a region's edge, by a position or a square."""

TARGET = {"a": random_map(0, 6, 8, 3)}

IMAGE = random_map(1, 6, 8, 3)


def make(name: str, target: Any = TARGET, mask: Any = None, target_mask: Any = None) -> ns.Loss:
    if name in ONE_SIDED:
        return ONE_SIDED[name](target, mask=mask)
    return TWO_SIDED[name](target, mask=mask, target_mask=target_mask)


def at(loss: ns.Loss, image: Array) -> tuple[float, Array]:
    """Return the value and the gradient of a loss at a map, which is the layer and the image."""
    result, slopes = value_and_gradient(lambda f: loss({"input": f["a"], **f}), {"a": image})
    return result, slopes["a"]


every_loss = pytest.mark.parametrize("name", [*ONE_SIDED, *TWO_SIDED])

two_sided = pytest.mark.parametrize("name", TWO_SIDED)
