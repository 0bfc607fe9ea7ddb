r"""How good a picture is, in numbers: style, structure and colour, each beside "nothing done".

No number sees everything, and none sees what people see: they help to compare pictures of one pair,
and to find what has gone wrong. Look at the pictures too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuralstyle._checks import describe, shown
from neuralstyle._types import Image, PathLike, PictureLike
from neuralstyle.images.arrays import resize, scaled_size
from neuralstyle.images.measures import (
    PATCH,
    Array,
    color_quantiles,
    edges,
    octaves_within,
    patch_quantiles,
    similarity,
)
from neuralstyle.images.opacity import on_white
from neuralstyle.losses.names import STYLE_LAYERS
from neuralstyle.transfer.network import check_network, load_network
from neuralstyle.transfer.options import checks
from neuralstyle.transfer.scales import style_size

if TYPE_CHECKING:
    from neuralstyle.features.base import Extractor
    from neuralstyle.losses import Layers

TINY = 1e-6
"""A number that is rounding."""

MEANINGS = {
    "style": "0 the painting's patches",
    "texture": "0 the painting's patches, their colours aside",
    "content": "1 all structure kept, 0 none",
    "color": "0 the painting's colours",
    "features": "0 the painting's features",
}
"""The numbers, and what their best means."""


@dataclass(frozen=True)
class Score:
    r"""What `score` finds. The untouched photograph has 1 in every number.

    The distances of `style`, `texture`, `color` and `features` are divided by the photograph's:

    .. math:: \frac{d(\text{picture}, \text{painting})}{d(\text{photograph}, \text{painting})}

    is 0 if the picture is as the painting in that respect, 1 if nothing has happened, and more than
    1 if it is farther from it than before. It is NaN where photograph and painting agree.

    Attributes
    ----------
    style : float
        Patches of 5 x 5 pixels, in colour, at four octaves:

        .. math:: d^2 = \sum_o \operatorname{mean}_v W_2^2(v^\top P_o, v^\top Q_o)

        with the patches P and Q of the pictures halved o times, from 0 to 3, an orthonormal basis
        of directions v, and the squared Wasserstein distance in one dimension,
        :math:`W_2^2(p, q) = \int_0^1 (F_p^{-1}(t) - F_q^{-1}(t))^2 dt`. Most of what patches differ
        in is their colour: a photograph that only takes the painting's palette gets 0.3 to 0.4.
    texture : float
        The same along directions in which patches of one colour are zero: what is left of the style
        without the palette. A photograph in the painting's colours keeps 0.8 to 1.
    content : float
        Structural similarity of edges, the mean of

        .. math:: \frac{(2 \mu_a \mu_b + C_1) (2 \sigma_{ab} + C_2)}
                  {(\mu_a^2 + \mu_b^2 + C_1) (\sigma_a^2 + \sigma_b^2 + C_2)}

        over Gaussian windows of 1.5 pixels, with a and b the sizes of the luminance's gradients
        (Sobel's, which are 1 at a step from black to white) in picture and photograph,
        :math:`C_1 = 0.01^2` and :math:`C_2 = 0.03^2`. 1 is all structure kept; 0 is none.
    color : float
        Colours of the pixels in OkLab: d as for `style`, of single pixels, at full size.
    features : float or None
        Gram matrices of a network's layers, if one was given: the mean over the layers, each by its
        weight, of :math:`|G_{picture} - G_{painting}| / |G_{photograph} - G_{painting}|`.
    size : (int, int)
        Height and width at which the pictures were compared.

    Examples
    --------
    >>> print(Score(0.11, 0.42, 0.43, 0.04, None, (384, 512)))
               score  nothing done
    style      0.110             1   0 the painting's patches
    texture    0.420             1   0 the painting's patches, their colours aside
    content    0.430             1   1 all structure kept, 0 none
    color      0.040             1   0 the painting's colours
    """

    style: float
    texture: float
    content: float
    color: float
    features: float | None
    size: tuple[int, int]

    def __str__(self) -> str:
        """Return a table."""
        lines = [f"{'':9}{'score':>7}{'nothing done':>14}"]
        for name, meaning in MEANINGS.items():
            value = getattr(self, name)
            if value is not None:
                lines.append(f"{name:9}{value:7.3f}{1:14}   {meaning}")
        return "\n".join(lines)


def score(
    picture: PictureLike,
    content: PictureLike,
    style: PictureLike,
    *,
    network: str | PathLike | Extractor | None = None,
    layers: Layers | None = None,
    size: int | None = None,
    style_scale: float = 1.0,
) -> Score:
    """Measure how much of a painting's style, and of a photograph's structure, a picture has.

    Parameters
    ----------
    picture : array, shape (H, W, 3), floating, RGB in [0, 1], or path or PIL image
        What was painted. What is transparent, with a fourth channel, is laid on white.
    content : array like `picture`, of any size and about the same proportions
        The photograph.
    style : array like `picture`, of any size
        The painting. With several, take each by itself.
    network : str, path or extractor, optional
        To compare features too: a name or a file as for `stylize`, with max pooling, or an
        extractor.
    layers : str, sequence of str or mapping from str to float, optional
        Of the network; by default the five style layers of Gatys et al.
    size : int, optional
        Longer side at which all are compared. By default the size of the picture or of the
        photograph, whichever is smaller: the other one is reduced to it. Give it to compare
        pictures of different sizes with each other.
    style_scale : float, above 0, default 1
        As for `stylize`: the painting is scaled to the picture's size times this, and not enlarged.

    Returns
    -------
    Score
        Numbers with a table as their text, described there one by one.

    Raises
    ------
    TypeError, ValueError, KeyError, OSError
        If an argument is not as above, if a picture is smaller than a patch, or if photograph and
        painting are the same, so that there is nothing to measure by.

    Notes
    -----
    The untouched photograph has 1 in every number, so each is a fraction of the way. There is a
    floor: the painting itself, scaled to the picture's shape, has a `style` of 0.02 to 0.1 and a
    `texture` of 0.05 to 0.2.

    Recipes look best to what they minimise. ``default``, ``gatys2016``, ``neural_style``,
    ``keras_example`` and ``risser2017`` minimise something close to `features`, on the network they
    run on. The ``color_weight`` of the first lowers `color` too, and its ``patch_weight`` minimises
    something close to one octave of `style`. None minimises `texture`, which no palette improves.
    `content` falls with every stroke, and with blur or grain as well.

    Nothing is drawn by chance but directions, with a fixed seed: the same pictures have the same
    numbers. Without a network it takes about a second at 512 pixels, and not much longer at larger
    sizes, for of each octave at most 32768 patches are looked at, in the same places of picture and
    photograph.

    References
    ----------
    Rabin, Peyré, Delon and Bernot, Wasserstein Barycenter and its Application to Texture Mixing,
    SSVM 2011. Wang, Bovik, Sheikh and Simoncelli, Image Quality Assessment: From Error Visibility
    to Structural Similarity, 2004. Chen, Yang and Xie, Gradient-Based Structural Similarity for
    Image Quality Assessment, ICIP 2006.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> content, style = random.uniform(size=(2, 48, 64, 3)) * [[[[0.5]]], [[[1.0]]]]
    >>> half = score((content + style) / 2, content, style)
    >>> 0 < half.color < 1, score(content, content, style).style, score(style, content, style).style
    (True, 1.0, 0.0)
    """
    picture, content, style = (
        on_white(image, name)
        for image, name in ((picture, "picture"), (content, "content"), (style, "style"))
    )
    if network is not None:
        from neuralstyle.losses.layers import layer_weights  # imports Keras

        check_network("network", network)
        weights = layer_weights(STYLE_LAYERS if layers is None else layers)
        if not any(weights.values()):
            raise ValueError(f"layers: expected a weight above 0, received {shown(layers)}")
    elif layers is not None:
        raise ValueError(f"layers: expected None without a network, received {shown(layers)}")
    least = min(picture, content, key=lambda image: image.shape[0] * image.shape[1])
    longer = checks.count("size", size)
    shape = least.shape[:2] if longer is None else scaled_size(least.shape, longer)
    painted = style_size(style, shape, checks.positive("style_scale", style_scale))
    _check_patch("picture" if least is picture else "content", least, shape)
    _check_patch("style", style, painted)
    picture, content, style = resize(picture, shape), resize(content, shape), resize(style, painted)
    count = octaves_within(picture, style)
    patches = [patch_quantiles(image, count) for image in (picture, content, style)]
    colors = [color_quantiles(image) for image in (picture, content, style)]
    whole = PATCH * PATCH * 3
    of_style = ratio(*(of[:, :whole] for of in patches))
    if math.isnan(of_style):
        raise ValueError("style: expected a painting other than the content, received the same")
    return Score(
        style=of_style,
        texture=ratio(*(of[:, whole:] for of in patches)),
        content=float(similarity(edges(picture), edges(content)).mean()),
        color=ratio(*colors),
        features=None if network is None else _features(picture, content, style, network, weights),
        size=shape,
    )


def _check_patch(name: str, image: Image, size: tuple[int, int]) -> None:
    """Check that a picture has a patch at the size at which it is looked at."""
    if min(size) < PATCH:
        reduced = "" if size == image.shape[:2] else f", reduced from {describe(image.shape)}"
        raise ValueError(
            f"{name}: expected at least {PATCH} x {PATCH} pixels, one patch, received "
            f"{describe(size)}{reduced}"
        )


def ratio(picture: Array, photograph: Array, painting: Array) -> float:
    """Return the distance of quantiles from the painting's, divided by the photograph's.

    Examples
    --------
    >>> ratio(np.array([1.0, 2.0]), np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    0.5
    """
    to_painting = [float(np.sqrt(np.mean((of - painting) ** 2))) for of in (picture, photograph)]
    return to_painting[0] / to_painting[1] if to_painting[1] > TINY else math.nan


def _features(
    picture: Image, content: Image, style: Image, network: Any, weights: Mapping[str, float]
) -> float:
    """Return the mean of all layers' ratios, of which each counts by its weight."""
    from neuralstyle.features.base import name_picture
    from neuralstyle.losses import StyleLoss

    extractor = load_network(network, "max")
    of_picture, of_photograph, of_painting = (
        name_picture(extractor(image), name)
        for image, name in ((picture, "picture"), (content, "content"), (style, "style"))
    )
    sums = np.zeros(2)
    for layer, weight in weights.items():
        distance = StyleLoss(of_painting, layer)
        far = math.sqrt(float(distance(of_photograph)))
        if far > TINY:
            sums += weight * math.sqrt(float(distance(of_picture))) / far, weight
    return float(sums[0] / sums[1]) if sums[1] else math.nan
