"""Recipes of the literature, with the weights of their sources in their own normalisation."""

from __future__ import annotations

import numpy as np

from neuralstyle import losses
from neuralstyle._types import Floats
from neuralstyle.transfer.recipes.recipe import FeatureMap, Recipe, channels, positions, weighted
from neuralstyle.transfer.recipes.registry import named


@named
def gatys2016(*, content_weight: float = 1.0, style_weight: float = 1e3) -> Recipe:
    r"""Reproduce Gatys, Ecker and Bethge 2016, as their public code sets it.

    .. math:: L = \alpha \cdot \tfrac12 \operatorname{mean} (F - P)^2
              + \beta \sum_l \tfrac15 \frac{1}{4N_l^2} \sum (G/M_l - A/M^S_l)^2

    Content at conv4_2; style at conv1_1, conv2_1, conv3_1, conv4_1 and conv5_1; average pooling;
    a network whose channels have mean activation 1 over photographs; from the content; one scale.

    Parameters
    ----------
    content_weight : float, default 1
        :math:`\alpha`.
    style_weight : float, default 1000
        :math:`\beta`; the paper's figures use ratios :math:`\alpha/\beta` from 5e-4 to 8e-3, the
        code 5e-4.

    Returns
    -------
    Recipe

    Notes
    -----
    `stylize` normalises the network that it looks through, by the table that belongs to the weights
    or else over the content and the styles: see ``VGG16Features.normalized``. An extractor of your
    own should be normalised by you.

    The paper prints the sum of the squares as the content loss. With it and these ratios the result
    is the photograph. The code (leongatys/NeuralImageSynthesis, its settings for the normalised
    network) takes the mean, and starts from the content; its pictures are of 512 pixels. At 256
    pixels ``content_weight=10`` keeps houses whole; from white noise, as in the paper, 100 does.

    References
    ----------
    Gatys, Ecker and Bethge, Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
    """
    return Recipe(
        "gatys2016",
        content=lambda content: weighted(
            (
                content_weight / 2,
                lambda: losses.ContentLoss(content, "block4_conv2", normalize="mean"),
            ),
        ),
        style=lambda content, style, **masks: weighted(
            (
                style_weight,
                lambda: losses.StyleLoss(style, losses.STYLE_LAYERS, normalize="paper", **masks),
            ),
        ),
        pooling="avg",
        normalized=True,
        init="content",
        maxiter=(500,),
    )


@named
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
        content=lambda content: weighted(
            (content_weight, lambda: losses.ContentLoss(content, "block4_conv2", normalize="mean")),
            (tv_weight * 0.5 * 255**2, lambda: losses.TotalVariationLoss(normalize="paper")),
        ),
        style=lambda content, style, **masks: weighted(
            (
                style_weight,
                lambda: losses.StyleLoss(
                    style,
                    {layer: 1 / channels(style, layer) ** 2 for layer in losses.STYLE_LAYERS},
                    normalize="mean",
                    **masks,
                ),
            ),
        ),
        pooling="max",
        init=_faint_noise,
        maxiter=(1000,),
    )


@named
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
        raw = positions(content, layer) * channels(content, layer)
        return (raw / (2 * 3 * positions(content, "input"))) ** 2 / len(losses.STYLE_LAYERS)

    return Recipe(
        "keras_example",
        content=lambda content: weighted(
            (
                2 * content_weight,
                lambda: losses.ContentLoss(content, "block5_conv2", normalize="paper"),
            ),
            (
                tv_weight * 255**2.5,
                lambda: losses.TotalVariationLoss(exponent=2.5, normalize="paper"),
            ),
        ),
        style=lambda content, style, **masks: weighted(
            (
                style_weight,
                lambda: losses.StyleLoss(
                    style,
                    {layer: factor(content, layer) for layer in losses.STYLE_LAYERS},
                    normalize="mean",
                    **masks,
                ),
            ),
        ),
        pooling="max",
        init="content",
        maxiter=(500,),
    )


@named
def risser2017(
    *, content_weight: float = 1e8, style_weight: float = 1.0, tv_weight: float = 0.0
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
    content_weight : float, default 1e8
        Neither the paper's number nor the code's, which makes textures and has no content term: one
        with which the photograph is seen, as it is not with 1e5 beside these histograms.
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
    gammas = dict(zip(losses.STYLE_LAYERS, (2e9, 5e8, 1e8, 3.5e7, 3.5e7), strict=True))
    unit = 255 * 0.226

    def gram_factors(content: FeatureMap) -> dict[str, float]:
        return {layer: positions(content, layer) ** 2 / unit**4 for layer in losses.STYLE_LAYERS}

    return Recipe(
        "risser2017",
        content=lambda content: weighted(
            (
                content_weight / unit**2,
                lambda: losses.ContentLoss(content, "block4_conv1", normalize="mean"),
            ),
            (tv_weight, lambda: losses.TotalVariationLoss(normalize="paper")),
        ),
        style=lambda content, style, **masks: weighted(
            (
                style_weight,
                lambda: losses.StyleLoss(style, gram_factors(content), normalize="mean", **masks),
            ),
            (
                style_weight,
                lambda: losses.HistogramLoss(
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
    )


def _faint_noise(shape: tuple[int, int], seed: int) -> Floats:
    """Noise of deviation 0.001 around the mean, in units of 0 to 255."""
    mean = np.array([123.68, 116.779, 103.939])
    noise = np.random.default_rng(seed).standard_normal((*shape, 3))
    return ((mean + 0.001 * noise) / 255.0).astype(np.float32)
