"""The library's own recipe."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from neuralstyle import losses
from neuralstyle.transfer.recipes.recipe import FeatureMap, Recipe, named, positions, weighted

if TYPE_CHECKING:
    from neuralstyle.losses import Layers, SlicedWassersteinLoss

CONTENT_LAYERS = MappingProxyType({"block2_conv2": 0.1, "block3_conv3": 0.9})
STYLE_LAYERS = MappingProxyType(
    dict(zip(losses.STYLE_LAYERS, (0.1, 0.15, 0.2, 0.4, 0.15), strict=True))
)

PATCH = 7
"""Side of the patches that are compared, in pixels of the picture, of half and of quarter its
size."""


@named
def default(
    *,
    content_weight: float = 0.3,
    style_weight: float = 1.5,
    patch_weight: float = 2.0,
    color_weight: float = 0.3,
    tv_weight: float = 3.0,
    content_layers: Layers = CONTENT_LAYERS,
    style_layers: Layers = STYLE_LAYERS,
) -> Recipe:
    """Paint with the library's own recipe, which `stylize` uses when none is named.

    Parameters
    ----------
    content_weight : float, default 0.3
        More keeps the photograph, less frees the brush.
    style_weight : float, default 1.5
        Of the covariances and means at `style_layers`, and, times 4, of the distributions along 24
        directions at those of them that are smaller than the picture.
    patch_weight : float, default 2
        Of the distributions of 7 x 7 patches of the pixels, of the picture at half its size, and of
        the picture at a quarter, where these are large enough (else at the next larger size).
    color_weight : float, default 0.3
        Of the pixels' own covariance, mean and histogram. Without it colours hardly move.
    tv_weight : float, default 3
        Of the total variation, which takes grain away.
    content_layers, style_layers : layers
        As `ContentLoss` and `CovarianceLoss` take them.

    Returns
    -------
    Recipe
        With average pooling, from the content, from 64 pixels upwards in powers of two with most
        iterations at the coarse scales.

    Notes
    -----
    All losses are in their relative form, so the weights mean the same at every size and for every
    network. Content is compared at shallower layers than usual, since deep ones hold on to the
    photograph only with a weight that suppresses the style; the small share of block2_conv2 keeps
    outlines crisp, and with a larger one strokes give way to hair. block4_conv1 has the largest
    share of the covariances: it is where the strokes' curves are. Covariances bring strokes, and
    distributions the painting's tones and clean areas. Patches of the pixels make both crisp (what
    the first layer's distributions would see is in them), and those of the smaller pictures bring
    the painting's large forms and its light, which the coarse scales alone do not hold.
    """
    return Recipe(
        "default",
        content=lambda content: weighted(
            (content_weight, lambda: losses.ContentLoss(content, content_layers)),
            (tv_weight, losses.TotalVariationLoss),
        ),
        style=lambda content, style, **masks: weighted(
            (style_weight, lambda: losses.CovarianceLoss(style, style_layers, **masks)),
            (
                4 * style_weight,
                lambda: losses.SlicedWassersteinLoss(
                    style, _smaller_layers(style, style_layers), directions=24, **masks
                ),
            ),
            *((patch_weight, make) for make in _patch_losses(content, style, **masks)),
            (
                color_weight / 2,
                lambda: losses.CovarianceLoss(style, "input", name="color", **masks),
            ),
            (
                color_weight / 2,
                lambda: losses.HistogramLoss(style, "input", name="color_histogram", **masks),
            ),
        ),
        pooling="avg",
        maxiter=(80, 60, 40, 30),
        min_size=64,
    )


def _smaller_layers(features: FeatureMap, layers: Layers) -> list[str]:
    """Return the layers that are smaller than the picture; all if there are none.

    What the others see is in the patches of the pixels too, and the more positions there are to
    sort, the longer it takes.
    """
    from neuralstyle.losses.layers import layer_weights

    names = list(layer_weights(layers))
    whole = positions(features, "input")
    return [name for name in names if positions(features, name) < whole] or names


def _patch_losses(
    content: FeatureMap, style: FeatureMap, mask: Any = None, target_mask: Any = None
) -> list[Callable[[], SlicedWassersteinLoss]]:
    """Return what makes the losses of patches, of the picture at three sizes.

    Every size of a picture has these three, so that shares can be set by name: what is too small
    for patches of its quarter has those of its half twice, and so on.
    """
    make = functools.partial(
        losses.SlicedWassersteinLoss,
        style,
        "input",
        patch_size=PATCH,
        mask=mask,
        target_mask=target_mask,
    )

    def fitting(pool: int) -> int:
        both = ((content, mask), (style, target_mask))
        while pool > 1 and not all(_holds_patches(seen, region, pool) for seen, region in both):
            pool //= 2
        return pool

    return [
        functools.partial(make, directions=8, name="sliced_patches"),
        functools.partial(make, directions=24, pool=fitting(2), name="sliced_patches_half"),
        functools.partial(make, directions=24, pool=fitting(4), name="sliced_patches_quarter"),
    ]


def _holds_patches(features: FeatureMap, mask: Any, pool: int) -> bool:
    """Return whether a picture, or a region of it, has more than a few patches of that size.

    With a few alone, light goes where it does not belong.
    """
    from neuralstyle.losses.masks import as_mask, region_at
    from neuralstyle.losses.shapes import Shapes

    picture = features["input"]
    if min(picture.shape[1:3]) < 1.5 * PATCH * pool:
        return False
    try:
        region_at(as_mask(mask), "input", Shapes(features), PATCH, pool=pool)
    except ValueError:  # it vanishes
        return False
    return True
