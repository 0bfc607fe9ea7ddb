"""The recipe of Neural Neighbor Style Transfer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuralstyle import losses
from neuralstyle._checks import number
from neuralstyle.losses.names import NEAREST_LAYERS
from neuralstyle.transfer.recipes.recipe import FeatureMap, Recipe
from neuralstyle.transfer.recipes.registry import named

if TYPE_CHECKING:
    from neuralstyle.losses import Layers
    from neuralstyle.losses.objective import StyleObjective


@named
def nnst(
    *,
    content_weight: float = 1 / 3,
    style_layers: Layers = NEAREST_LAYERS,
) -> Recipe:
    r"""Paint by nearest neighbours, as Kolkin et al. 2022 do.

    At every scale from coarse to fine, each place of the picture takes the place of the style, as
    it is or turned by quarters, that is most alike, and is asked to become it; a last stage does so
    layer by layer, with matches found anew at every evaluation. Cosines leave open how strong
    colours are: after it they get the mean and covariance of the style's, in OkLab.

    Parameters
    ----------
    content_weight : float, at least 0, default 1/3
        Weight w of the content beside 1 of what was painted so far, in the picture that matches are
        found for: its share is w / (1 + w), a quarter, which is :math:`1 - \alpha` of the paper.
        More keeps the photograph, 0 makes textures.
    style_layers : layers
        As `NearestLoss` takes them.

    Returns
    -------
    Recipe
        With max pooling, from the content, from 64 pixels upwards in powers of two.

    Notes
    -----
    People preferred the method to those before it, with pictures of 512 pixels and more. Where
    features cannot be turned (those of a function of your own), the style counts as it is.

    Deviations from the authors' code: L-BFGS on pixels, where it makes 200 steps of Adam on a
    Laplacian pyramid at every scale (of the frozen loss, at 256 pixels, L-BFGS is lower after 50
    evaluations than Adam on pixels after 200); few iterations at coarse scales, for more of them
    dissolve the content. Scales start with the content's finest detail, which the authors only use
    to find matches. The last stage takes the style as it is, not turned: an evaluation is four
    times as fast, and strokes keep the painting's direction. Chrominance is the picture's own,
    where theirs is the content's: ``color="oklab-content"``. Further notes are those of
    `NearestLoss` and of `color.with_mapped_chroma`.

    References
    ----------
    Kolkin, Kucera, Paris, Sýkora, Shechtman and Shakhnarovich, Neural Neighbor Style Transfer,
    arXiv 2203.13215, 2022.
    """

    def frozen(
        content: FeatureMap, style: FeatureMap, source: FeatureMap | None = None, **masks: Any
    ) -> list[StyleObjective]:
        turns = 4 if hasattr(style, "turned") else 1
        source = content if source is None else source
        return [1.0 * losses.NearestLoss(style, style_layers, source=source, turns=turns, **masks)]

    def anew(content: FeatureMap, style: FeatureMap, **masks: Any) -> list[StyleObjective]:
        return [1.0 * losses.NearestLoss(style, style_layers, frozen=False, turns=1, **masks)]

    weight = number("content_weight", content_weight, 0)
    return Recipe(
        "nnst",
        content=lambda content: [],
        style=frozen,
        pooling="max",
        maxiter=(15, 25, 40, 40),
        min_size=64,
        source=weight / (1 + weight),
        then=Recipe("nnst_layers", content=lambda content: [], style=anew, maxiter=(10,)),
        color="oklab",
    )
