"""What tests of `stylize` and its kin share: runs without a network, and recipes that are quick.

A run is spied on by the fixture ``runs`` (tests/transfer/conftest.py).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from support import Array, Reusable, noise

import neuralstyle as ns

Shape: TypeAlias = tuple[int, int]

PIXELS = Reusable()
"""The extractor without a network, for which compiled code may be kept."""

STYLE = 0.5 * noise(36, 30, 9)


class Call(NamedTuple):
    """What `minimize` was called with."""

    objective: ns.StyleObjective
    extractor: Any
    start: Array
    options: dict[str, Any]


Runs: TypeAlias = list[Call]


class Noted:
    """Makes an objective of pixels, and notes the pictures that it is made of."""

    def __init__(self) -> None:
        self.seen: list[list[Array | None]] = []

    def __call__(self, content: Any, *styles: Any) -> ns.StyleObjective:
        """Keep the picture, if there is one, and take the colours: many iterations."""
        self.seen.append(
            [None if f is None else np.asarray(f["input"])[0] for f in (content, *styles)]
        )
        terms: list[Any] = [] if content is None else [ns.ContentLoss(content, "input")]
        terms += [0.1 * ns.TotalVariationLoss(exponent=1.2)]
        terms += [ns.CovarianceLoss(style, "input") for style in styles]
        return ns.StyleObjective(*terms)

    @property
    def shapes(self) -> list[list[Shape | None]]:
        """The sizes of the pictures of every call."""
        return [[None if x is None else x.shape[:2] for x in call] for call in self.seen]


PAINT: dict[str, Any] = {"network": PIXELS, "maxiter": 2}
QUICK: dict[str, Any] = {**PAINT, "objective": Noted()}
"""Options of a quick run, without and with what is minimised."""


def quick(content: Any = None, style: Any = None, **options: Any) -> ns.StyleResult:
    """Run without a network: at 40 x 60 and 80 x 120 by default, two iterations at each."""
    content = noise(80, 120) if content is None else content
    style = noise(40, 40, seed=1) if style is None else style
    usual = PAINT if "recipe" in options else QUICK
    return ns.stylize(content, style, **{**usual, "scales": 2, **options})


def white_noise(shape: Shape, seed: int = 0) -> Array:
    """Return what a run from noise starts from."""
    return np.random.default_rng(seed).uniform(0.35, 0.65, (*shape, 3)).astype(np.float32)


shallow = functools.partial(
    ns.recipes.default,
    content_layers="block1_conv1",
    style_layers="block1_conv1",
    color_weight=0,
    patch_weight=0,
)
"""The default recipe without what takes long to compile."""

SHALLOW = shallow()


def of_pixels(made: list[str], **changes: Any) -> ns.Recipe:
    """Return a recipe without a network that notes what is made."""

    def content(seen: Any) -> list[ns.StyleObjective]:
        made.append("content")
        return [1.0 * ns.ContentLoss(seen, "input")]

    def style(
        seen: Any, style: Any, mask: Any = None, target_mask: Any = None
    ) -> list[ns.StyleObjective]:
        made.append("style")
        return [1.0 * ns.CovarianceLoss(style, "input", mask=mask, target_mask=target_mask)]

    return ns.Recipe("pixels", content, style, **{"maxiter": (2,), **changes})


# Recipes on feature maps

Maps: TypeAlias = dict[str, Array]
Look: TypeAlias = Callable[[Array, str], Maps]
Scene: TypeAlias = Callable[[str], tuple[Maps, Maps, Maps, Maps]]


def total(recipe: ns.Recipe, features: Maps, content: Maps, *styles: Maps, **options: Any) -> float:
    """Return what a recipe makes of a picture's features."""
    return float(recipe(content, *styles, **options)(features))
