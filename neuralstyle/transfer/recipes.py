"""Recipes: objectives from the literature, and the library's own, with the settings they come with.

Each function here returns a `Recipe`, for ``stylize(..., objective=...)`` or to be called with
features. Weights are those of the source, in its own normalisation, and can be changed by keyword.
Those of `neural_style`, `keras_example` and `risser2017` presume the size of the ImageNet VGG19's
activations: with the compact network their terms are out of balance (total variation flattens the
picture), and `stylize` says so in the log.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import check_shares
from neuralstyle._types import Tensor
from neuralstyle.features.architectures import Pooling
from neuralstyle.losses import (
    STYLE_LAYERS,
    ContentLoss,
    CovarianceLoss,
    HistogramLoss,
    Layers,
    SlicedWassersteinLoss,
    StyleLoss,
    TotalVariationLoss,
)
from neuralstyle.losses.layers import layer_weights
from neuralstyle.losses.masks import as_mask, region_at
from neuralstyle.losses.objective import Loss, StyleObjective

_DEFAULT_CONTENT_LAYERS = MappingProxyType({"block2_conv2": 0.1, "block3_conv3": 0.9})
_DEFAULT_STYLE_LAYERS = MappingProxyType(
    dict(zip(STYLE_LAYERS, (0.1, 0.15, 0.2, 0.4, 0.15), strict=True))
)

PATCH = 7
"""Side of the patches that the default recipe compares, in pixels of the picture, of half and of
quarter its size."""

FeatureMap: TypeAlias = Mapping[str, Tensor]
StartImage: TypeAlias = Callable[[tuple[int, int], int], NDArray[np.float32]]


@dataclass(frozen=True)
class Recipe:
    """A way to stylise: which losses, and the settings that its source uses with them.

    Attributes
    ----------
    name : str
    content : callable
        Makes the weighted terms that do not concern style, from the content's features.
    style : callable
        Makes one style's weighted terms, from the content's and that style's features. Of the
        content's it may use the shapes: the terms are used for other contents of that size too. For
        the regions of `stylize`, it is to take `mask` and `target_mask` and pass them to losses.
    pooling : {"max", "avg"}
        Of the network.
    init : str or callable
        Where the source starts: ``"content"``, ``"style"``, ``"noise"``, or a function of the shape
        (height, width) and a seed.
    maxiter : tuple of int
        Iterations at each scale from coarse to fine, as far as there are scales; the last number
        repeats.
    min_size : int or None
        Longer side of the coarsest scale at the least; None works at full size alone.
    absolute : bool
        Whether the weights presume the size of the ImageNet VGG19's activations.

    Examples
    --------
    >>> from neuralstyle import VGG19Features
    >>> vgg = VGG19Features(weights="compact")
    >>> features = vgg(np.full((32, 32, 3), 0.5, np.float32))
    >>> print(gatys2016(style_weight=100)(features, features))
    name     weight  loss
    content       1  ContentLoss(layers='block4_conv2', normalize='paper')
    style       100  StyleLoss(layers=('block1_conv1', 'block2_conv1', 'block3_conv1', \
'block4_conv1', 'block5_conv1'), normalize='paper')
    """

    name: str
    content: Callable[[FeatureMap], list[StyleObjective]]
    style: Callable[..., list[StyleObjective]]
    pooling: Pooling = "max"
    init: str | StartImage = "content"
    maxiter: tuple[int, ...] = (500,)
    min_size: int | None = None
    absolute: bool = False

    def __call__(
        self,
        content: FeatureMap,
        *styles: FeatureMap,
        style_weights: Sequence[float] | None = None,
    ) -> StyleObjective:
        """Make the objective.

        Parameters
        ----------
        content : mapping from str to tensor
            Features of the content image.
        *styles : mapping from str to tensor
            Features of each style image.
        style_weights : sequence of float, optional
            Of the styles; they are divided by their sum. Equal by default.

        Returns
        -------
        StyleObjective
        """
        if not styles:
            raise ValueError("styles: expected the features of at least one style, received none")
        shares = check_shares(style_weights, len(styles), "style_weights", "styles")
        made = [self.style(content, style) for style in styles]
        return combined(self.content(content), made, shares)


def combined(
    content: Sequence[StyleObjective],
    styles: Sequence[Sequence[StyleObjective]],
    shares: Sequence[float],
) -> StyleObjective:
    """Add the terms of several styles, each weighed by its share, to those of the content."""
    terms = list(content)
    for share, style in zip(shares, styles, strict=True):
        terms += [share * term for term in style if share > 0]
    return StyleObjective(*terms)


def default(
    *,
    content_weight: float = 0.3,
    style_weight: float = 1.5,
    patch_weight: float = 2.0,
    color_weight: float = 0.3,
    tv_weight: float = 3.0,
    content_layers: Layers = _DEFAULT_CONTENT_LAYERS,
    style_layers: Layers = _DEFAULT_STYLE_LAYERS,
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
        content=lambda content: _weighted(
            (content_weight, lambda: ContentLoss(content, content_layers)),
            (tv_weight, TotalVariationLoss),
        ),
        style=lambda content, style, **masks: _weighted(
            (style_weight, lambda: CovarianceLoss(style, style_layers, name="style", **masks)),
            (
                4 * style_weight,
                lambda: SlicedWassersteinLoss(
                    style, _smaller_layers(style, style_layers), directions=24, **masks
                ),
            ),
            *((patch_weight, make) for make in _patch_losses(content, style, **masks)),
            (color_weight / 2, lambda: CovarianceLoss(style, "input", name="color", **masks)),
            (
                color_weight / 2,
                lambda: HistogramLoss(style, "input", name="color_histogram", **masks),
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
    names = list(layer_weights(layers))
    whole = _positions(features, "input")
    return [name for name in names if _positions(features, name) < whole] or names


def _patch_losses(
    content: FeatureMap, style: FeatureMap, mask: Any = None, target_mask: Any = None
) -> list[Callable[[], SlicedWassersteinLoss]]:
    """Return what makes the losses of patches, of the picture at three sizes.

    Every size of a picture has these three, so that shares can be set by name: what is too small
    for patches of its quarter has those of its half twice, and so on.
    """
    make = functools.partial(
        SlicedWassersteinLoss,
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
        functools.partial(make, directions=8, name="patches"),
        functools.partial(make, directions=24, pool=fitting(2), name="patches_half"),
        functools.partial(make, directions=24, pool=fitting(4), name="patches_quarter"),
    ]


def _holds_patches(features: FeatureMap, mask: Any, pool: int) -> bool:
    """Return whether a picture, or a region of it, has more than a few patches of that size.

    With a few alone, light goes where it does not belong.
    """
    picture = features["input"]
    if min(picture.shape[1:3]) < 1.5 * PATCH * pool:
        return False
    try:
        region_at(as_mask(mask), "input", picture, PATCH, pool=pool)
    except ValueError:  # it vanishes
        return False
    return True


def gatys2016(*, content_weight: float = 1.0, style_weight: float = 1e3) -> Recipe:
    r"""Reproduce Gatys, Ecker and Bethge 2016.

    .. math:: L = \alpha \cdot \tfrac12 \sum (F - P)^2
              + \beta \sum_l \tfrac15 \frac{1}{4N_l^2} \sum (G/M_l - A/M^S_l)^2

    Content at conv4_2; style at conv1_1, conv2_1, conv3_1, conv4_1 and conv5_1; average pooling;
    from white noise; one scale.

    Parameters
    ----------
    content_weight : float, default 1
        :math:`\alpha`.
    style_weight : float, default 1000
        :math:`\beta`; the paper's figures use ratios :math:`\alpha/\beta` from 5e-4 to 8e-3.

    Returns
    -------
    Recipe

    Notes
    -----
    The paper's network has its weights rescaled such that every filter's mean activation is 1.
    Keras' ImageNet weights are not; the compact network is.

    References
    ----------
    Gatys, Ecker and Bethge, Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
    """
    return Recipe(
        "gatys2016",
        content=lambda content: _weighted(
            (content_weight, lambda: ContentLoss(content, "block4_conv2", normalize="paper")),
        ),
        style=lambda content, style, **masks: _weighted(
            (style_weight, lambda: StyleLoss(style, STYLE_LAYERS, normalize="paper", **masks)),
        ),
        pooling="avg",
        init="noise",
        maxiter=(500,),
    )


def neural_style(
    *, content_weight: float = 5.0, style_weight: float = 1e2, tv_weight: float = 1e-3
) -> Recipe:
    r"""Reproduce the defaults and flags of jcjohnson/neural-style.

    .. math:: L = w_c \operatorname{mean} (F - P)^2
              + w_s \sum_l \operatorname{mean}
              \left(\frac{G}{N_l M_l} - \frac{A}{N_l M^S_l}\right)^2
              + w_{tv} \tfrac12 \sum_{ij} (255\,\Delta x)^2

    Content at relu4_2; style at relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1; max pooling; from
    faint noise around the ImageNet mean colour; 1000 iterations at one scale.

    Parameters
    ----------
    content_weight : float, default 5
        Its flag ``-content_weight``.
    style_weight : float, default 100
        Its flag ``-style_weight``.
    tv_weight : float, default 0.001
        Its flag ``-tv_weight``.

    Returns
    -------
    Recipe

    Notes
    -----
    The original gives its optimiser the gradient of the total variation but leaves the term out of
    the loss that it reports, and scales pixels by 256; here loss and gradient belong together, and
    pixels are scaled by 255. neural-style-pt has the same flags and defaults but sums the absolute
    differences of neighbours in place of half their squares.
    """
    return Recipe(
        "neural_style",
        content=lambda content: _weighted(
            (content_weight, lambda: ContentLoss(content, "block4_conv2", normalize="mean")),
            (tv_weight * 0.5 * 255**2, lambda: TotalVariationLoss(normalize="paper")),
        ),
        style=lambda content, style, **masks: _weighted(
            (
                style_weight,
                lambda: StyleLoss(
                    style,
                    {layer: 1 / _channels(style, layer) ** 2 for layer in STYLE_LAYERS},
                    normalize="mean",
                    **masks,
                ),
            ),
        ),
        pooling="max",
        init=_faint_noise,
        maxiter=(1000,),
        absolute=True,
    )


def keras_example(
    *, content_weight: float = 2.5e-8, style_weight: float = 1e-6, tv_weight: float = 1e-6
) -> Recipe:
    r"""Reproduce the example "Neural style transfer" of the Keras documentation.

    .. math:: L = w_c \sum (F - P)^2
              + \frac{w_s}{5} \sum_l \frac{1}{4 \cdot 3^2 S^2} \sum (G - A)^2
              + w_{tv} \sum_{ij} \left((255\,\Delta_x)^2 + (255\,\Delta_y)^2\right)^{1.25}

    with S the number of the *picture's* pixels at every layer. Content at block5_conv2; style at
    the five block*_conv1; max pooling; from the content; one scale.

    Parameters
    ----------
    content_weight : float, default 2.5e-8
    style_weight : float, default 1e-6
    tv_weight : float, default 1e-6

    Returns
    -------
    Recipe

    Notes
    -----
    The example distorts the style image to the content's size, and its Gram matrices are raw sums;
    with another style size each is taken here per position, times the content's positions. It runs
    4000 steps of gradient descent; this runs 500 of L-BFGS-B, as the example did before Keras 2.
    """

    def factor(content: FeatureMap, layer: str) -> float:
        raw = _positions(content, layer) * _channels(content, layer)
        return (raw / (2 * 3 * _positions(content, "input"))) ** 2 / len(STYLE_LAYERS)

    return Recipe(
        "keras_example",
        content=lambda content: _weighted(
            (2 * content_weight, lambda: ContentLoss(content, "block5_conv2", normalize="paper")),
            (tv_weight * 255**2.5, lambda: TotalVariationLoss(exponent=2.5, normalize="paper")),
        ),
        style=lambda content, style, **masks: _weighted(
            (
                style_weight,
                lambda: StyleLoss(
                    style,
                    {layer: factor(content, layer) for layer in STYLE_LAYERS},
                    normalize="mean",
                    **masks,
                ),
            ),
        ),
        pooling="max",
        init="content",
        maxiter=(500,),
        absolute=True,
    )


def risser2017(
    *, content_weight: float = 1e5, style_weight: float = 1.0, tv_weight: float = 0.0
) -> Recipe:
    r"""Reproduce Risser, Wilmot and Barnes 2017, as their public texture code sets it.

    .. math:: L = w_c \operatorname{mean} (F - P)^2
              + w_s \sum_l \left(\operatorname{mean} (G_l - A_l)^2
              + \gamma_l \operatorname{mean} (O_l - R(O_l))^2\right) + w_{tv} TV

    Raw Gram matrices G and histograms at relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, with
    :math:`\gamma` = 2e9, 5e8, 1e8, 3.5e7, 3.5e7; max pooling; three scales in powers of two, each
    started from the last one, enlarged, and the first one from noise.

    Parameters
    ----------
    content_weight : float, default 1e5
        Neither the paper's number nor the code's, which makes textures and has no content term.
    style_weight : float, default 1
    tv_weight : float, default 0
        The code leaves the total variation out.

    Returns
    -------
    Recipe

    Notes
    -----
    From the paper: the sum of Gram, histogram, content (at relu4_1) and total variation losses, and
    coarse-to-fine synthesis. From the authors' code (pierre-wilmot/NeuralTextureSynthesis): layers,
    :math:`\gamma`, three scales, max pooling, the noise start. The paper balances its terms by
    clipping gradients, which gives no function that a line search can follow, so it is left out, as
    it is in the code. Deviations: histograms are matched exactly instead of by 256 bins; the code's
    network takes pixels divided by their standard deviation (about 0.226), where Keras' takes 0 to
    255, so the losses are divided by the powers of 255 * 0.226 that make the terms those of the
    code.

    The code's Gram matrices are sums over positions, so that the balance of its terms moves by a
    factor of 16 with every doubling of the size; here it moves alike.

    References
    ----------
    Risser, Wilmot and Barnes, Stable and Controllable Neural Texture Synthesis and Style Transfer
    Using Histogram Losses, arXiv 1701.08893, 2017.
    """
    gammas = dict(zip(STYLE_LAYERS, (2e9, 5e8, 1e8, 3.5e7, 3.5e7), strict=True))
    unit = 255 * 0.226

    def gram_factors(content: FeatureMap) -> dict[str, float]:
        return {layer: _positions(content, layer) ** 2 / unit**4 for layer in STYLE_LAYERS}

    return Recipe(
        "risser2017",
        content=lambda content: _weighted(
            (
                content_weight / unit**2,
                lambda: ContentLoss(content, "block4_conv1", normalize="mean"),
            ),
            (tv_weight, lambda: TotalVariationLoss(normalize="paper")),
        ),
        style=lambda content, style, **masks: _weighted(
            (
                style_weight,
                lambda: StyleLoss(style, gram_factors(content), normalize="mean", **masks),
            ),
            (
                style_weight,
                lambda: HistogramLoss(
                    style,
                    {layer: gamma / unit**2 for layer, gamma in gammas.items()},
                    normalize="mean",
                    **masks,
                ),
            ),
        ),
        pooling="max",
        init="noise",
        maxiter=(300,),
        min_size=128,
        absolute=True,
    )


RECIPES: dict[str, Callable[..., Recipe]] = {
    recipe.__name__: recipe
    for recipe in (default, gatys2016, neural_style, keras_example, risser2017)
}
"""The recipes by name, as the command line knows them."""


def _weighted(*terms: tuple[float, Callable[[], Loss]]) -> list[StyleObjective]:
    """Weigh the losses, making only those whose weight is not 0."""
    return [weight * make() for weight, make in terms if weight != 0]


def _channels(features: FeatureMap, layer: str) -> int:
    return int(features[layer].shape[-1])


def _positions(features: FeatureMap, layer: str) -> int:
    _, height, width, _ = features[layer].shape
    return int(height * width)


def _faint_noise(shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Noise of deviation 0.001 around the mean, in units of 0 to 255."""
    mean = np.array([123.68, 116.779, 103.939])
    noise = np.random.default_rng(seed).standard_normal((*shape, 3))
    return ((mean + 0.001 * noise) / 255.0).astype(np.float32)
