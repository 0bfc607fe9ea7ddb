"""The library's own recipes."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from neuralstyle import losses
from neuralstyle.transfer.recipes.recipe import FeatureMap, Recipe, weighted
from neuralstyle.transfer.recipes.registry import named

if TYPE_CHECKING:
    from neuralstyle.losses import Layers

STYLE_LAYERS = MappingProxyType(
    dict(zip(losses.STYLE_LAYERS, (0.25, 0.15, 0.42, 0.15, 0.03), strict=True))
)

CHROMA = 16.0
"""How much colours count beside brightness in the total variation: pictures have then as little
coloured grain as paintings; with 1 it is nearly twice as much."""

PATCH, LEAST = 3, 8
"""Side of the patches that are compared, and of the least picture that has enough of them."""


@named
def default(
    *,
    content_weight: float = 1.0,
    style_weight: float = 14.0,
    color_weight: float = 32.0,
    patch_weight: float = 8.0,
    tv_weight: float = 2.0,
    content_layers: Layers = "block4_conv2",
    style_layers: Layers = STYLE_LAYERS,
) -> Recipe:
    """Paint with the library's own recipe, which `stylize` uses when none is named.

    Parameters
    ----------
    content_weight : float, default 1
        The control between faithful and free: 3 keeps the photograph, 0.3 lets the painting's forms
        take over.
    style_weight : float, default 14
        Of the covariances and means at `style_layers`.
    color_weight : float, default 32
        Of the histograms of the pixels' colours, which bring the palette.
    patch_weight : float, default 8
        Of the distributions of 3 x 3 patches of the picture at a quarter of its size, which bring
        the painting's light.
    tv_weight : float, default 2
        Of the total variation, which takes grain away, coloured grain above all.
    content_layers, style_layers : layers
        As `ContentLoss` and `CovarianceLoss` take them.

    Returns
    -------
    Recipe
        With maximum pooling, from the content, from 64 pixels upwards in powers of two with most
        iterations at the coarse scales.

    Notes
    -----
    All losses are in their relative form, so the weights mean the same at every size and for every
    network. block3_conv1 has the largest share of the covariances: the strokes are there.
    block4_conv1 brings the painting's forms, and more of it dissolves the subject; block1_conv1
    keeps flat areas clean and colours right, block5_conv1 takes little room and gathers what
    belongs together. Covariances find forms where Gram matrices, which hold the means too, find
    tones; patches of the small picture bring what lies light beside dark. Content is compared at a
    deep layer, which leaves the brush free: with shallower ones the strokes become hair. The large
    forms come from the coarse scales, where most iterations are; at 2048 pixels ten are enough, and
    at 4096 seven.
    """
    return Recipe(
        "default",
        content=lambda content: weighted(
            (content_weight, lambda: losses.ContentLoss(content, content_layers)),
            (tv_weight, lambda: losses.TotalVariationLoss(chroma=CHROMA)),
        ),
        style=lambda content, style, **masks: weighted(
            (style_weight, lambda: losses.CovarianceLoss(style, style_layers, **masks)),
            (color_weight, lambda: losses.HistogramLoss(style, "input", name="color", **masks)),
            (patch_weight, lambda: _patches(content, style, **masks)),
        ),
        pooling="max",
        maxiter=(80, 60, 40, 20, 20, 10, 7),
        min_size=64,
    )


def _patches(content: FeatureMap, style: FeatureMap, **masks: Any) -> losses.SlicedWassersteinLoss:
    """Compare patches of pictures at a quarter of their size, or larger where that has too few."""
    from neuralstyle.losses.shapes import Shapes

    shapes = [Shapes(seen) for seen in (content, style)]

    def fits(pool: int) -> bool:
        return all(
            side >= LEAST * pool and not (of.torus and side % pool)
            for of in shapes
            for side in of["input"][1:3]
        )

    pool = next((pool for pool in (4, 2) if fits(pool)), 1)
    return losses.SlicedWassersteinLoss(
        style, "input", patch_size=PATCH, pool=pool, directions=12, name="patches", **masks
    )


@named
def fast(
    *,
    content_weight: float = 1.0,
    style_weight: float = 14.0,
    color_weight: float = 32.0,
    patch_weight: float = 8.0,
    tv_weight: float = 2.0,
    content_layers: Layers = "block4_conv2",
    style_layers: Layers = STYLE_LAYERS,
) -> Recipe:
    """Paint as `default` does, in about 70 % of the time.

    Parameters
    ----------
    content_weight, style_weight, color_weight, patch_weight, tv_weight : float
    content_layers, style_layers : layers
        As for `default`.

    Returns
    -------
    Recipe

    Notes
    -----
    The iterations that are left out are those at fine scales above all, each of which takes as long
    as four at the next coarser one; the coarse ones carry the forms. Strokes come out thinner, and
    edges of the photograph stay clearer.
    """
    recipe = default(
        content_weight=content_weight,
        style_weight=style_weight,
        color_weight=color_weight,
        patch_weight=patch_weight,
        tv_weight=tv_weight,
        content_layers=content_layers,
        style_layers=style_layers,
    )
    return dataclasses.replace(recipe, name="fast", maxiter=(60, 40, 15, 10, 10, 7, 5))
