"""An example of every loss, for the tests of what all of them keep to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from keras import ops
from support import Array, FeatureMaps, masks, random_map

import neuralstyle as ns

LAYERS = ("first", "second")


def features(seed: int) -> dict[str, Array]:
    """Make features as `two_layers` has them, of an image of 8 x 6 pixels, without ties."""
    image = np.random.default_rng(seed + 2).uniform(size=(1, 8, 6, 3))
    first, second = random_map(seed, 8, 6, 4), random_map(seed + 1, 4, 3, 5)
    return {"first": first, "second": second, "input": image}


TARGET, GENERATED = features(0), features(10)
PART = masks((8, 6), seed=6)["soft"]


def in_float32(maps: FeatureMaps) -> FeatureMaps:
    return {layer: array.astype(np.float32) for layer, array in maps.items()}


def same(target: FeatureMaps) -> FeatureMaps:
    return target


def flat(target: FeatureMaps) -> FeatureMaps:
    """Make an image of one colour, which has no variation."""
    return {layer: np.full_like(array, 0.3) for layer, array in target.items()}


@dataclass(frozen=True)
class Example:
    """How to make a loss from a target's features and options, and what holds for it."""

    make: Callable[..., ns.Loss]
    also: tuple[dict[str, Any], ...] = ()
    """Options that lead through other code."""
    zero: Callable[[FeatureMaps], FeatureMaps] = same
    """Where it is zero, given its target."""
    scale_free: bool = True
    """Whether the relative form stays as it is where features and target grow alike."""


def of_layers(kind: type[Any], **options: Any) -> Example:
    return Example(lambda target, **given: kind(target, LAYERS, **given), **options)


PUBLIC = [getattr(ns, name) for name in ns.__all__]
LOSSES = [
    kind
    for kind in PUBLIC
    if isinstance(kind, type)
    and issubclass(kind, ns.Loss)
    and kind is not ns.Loss
    and not inspect.isabstract(kind)
]

# Those that are made otherwise than of a target's features and layers, or have further code.
OWN: dict[type[ns.Loss], Example] = {
    ns.LaplacianLoss: Example(lambda target, **given: ns.LaplacianLoss(target, (1, 2), **given)),
    ns.NearestLoss: Example(
        lambda target, **given: ns.NearestLoss(
            target,
            LAYERS,
            **{
                "source": target if given.get("frozen", True) else None,
                "turns": 1,
                "pool": 1,
                **given,
            },
        ),
        also=({"frozen": False}, {"center": False, "pool": 2}),
    ),
    ns.PatchLoss: of_layers(ns.PatchLoss, also=({"patch_size": 2, "stride": 2},)),
    ns.RelaxedEMDLoss: of_layers(
        ns.RelaxedEMDLoss, also=({"samples": 9, "distance": "euclidean"},)
    ),
    ns.SelfSimilarityLoss: of_layers(ns.SelfSimilarityLoss, also=({"samples": 7},)),
    ns.SlicedWassersteinLoss: of_layers(
        ns.SlicedWassersteinLoss, also=({"directions": 5, "patch_size": 2}, {"pool": 2})
    ),
    ns.StyleLoss: of_layers(ns.StyleLoss, also=({"shift": -1},)),
    ns.TemporalLoss: Example(ns.TemporalLoss),
    ns.TotalVariationLoss: Example(
        lambda target, **given: ns.TotalVariationLoss(**given),
        also=({"exponent": 1.25}, {"exponent": 1, "isotropic": False}, {"chroma": 8}),
        zero=flat,
        scale_free=False,
    ),
}

EXAMPLES = {kind: OWN.get(kind, of_layers(kind)) for kind in LOSSES}


def takes(kind: type[ns.Loss], option: str) -> bool:
    return option in inspect.signature(kind).parameters


def masked(kind: type[ns.Loss], mask: Any) -> dict[str, Any]:
    """Return the options that give a loss a mask for each side that has one."""
    return {option: mask for option in ("mask", "target_mask") if takes(kind, option)}


# A user's own losses keep to the laws too.


def brightness_loss(target: Mapping[str, Any]) -> ns.Loss:
    wanted = ops.mean(target["input"])

    @ns.loss
    def brightness(features: Mapping[str, Any]) -> Any:
        return ops.square(ops.mean(features["input"]) - wanted)

    return brightness


class EdgeLoss(ns.Loss):
    """A loss as a user writes it."""

    def __init__(self, target: Mapping[str, Any]) -> None:
        self.edges = self.differences(ops.convert_to_tensor(target["input"]))

    def differences(self, image: Any) -> Any:
        return image[:, 1:] - image[:, :-1]

    def __call__(self, features: Mapping[str, Any]) -> Any:
        return ops.mean(ops.square(self.differences(features["input"]) - self.edges))


@dataclass(frozen=True)
class Case:
    """A loss with options."""

    label: str
    make: Callable[[Mapping[str, Any]], ns.Loss]
    zero: Callable[[FeatureMaps], FeatureMaps] = same
    plain: bool = True

    @property
    def loss(self) -> ns.Loss:
        return self.make(TARGET)


def cases() -> list[Case]:
    found = []
    for kind, example in EXAMPLES.items():
        chosen: list[dict[str, Any]] = [{}, *example.also]
        if masked(kind, PART):
            chosen.append(masked(kind, PART))
        for options in chosen:
            for normalize in ("relative", "mean", "paper") if takes(kind, "normalize") else (None,):
                given = {**options, "normalize": normalize} if normalize else options
                label = "-".join([kind.__name__, *options, *([normalize] if normalize else [])])
                found.append(
                    Case(
                        label,
                        lambda target, e=example, o=given: e.make(target, **o),
                        example.zero,
                        normalize in (None, "relative"),
                    )
                )
    return [*found, Case("function", brightness_loss), Case("subclass", EdgeLoss)]


CASES = cases()


# Losses of a layer's features, by what they keep of them.

STYLE_LOSSES = [
    ns.StyleLoss,
    ns.CovarianceLoss,
    ns.MomentLoss,
    ns.GaussianWassersteinLoss,
    ns.HistogramLoss,
    ns.SlicedWassersteinLoss,
]
"""Those that keep a statistic without places."""

TARGET_LOSSES = [ns.ContentLoss, *STYLE_LOSSES]

every_normalization = pytest.mark.parametrize("normalize", ["relative", "mean", "paper"])
every_style_loss = pytest.mark.parametrize("kind", STYLE_LOSSES)
every_target_loss = pytest.mark.parametrize("kind", TARGET_LOSSES)
