r"""Colour: treatments of pictures before and after style transfer.

A *treatment* is functions on images, some before the transfer and some after it, so that the
optimiser knows nothing of colour. `TREATMENTS` has those of the literature by name, for
``stylize(..., color="match")``; their parts are here too, to be used alone or put together anew.

Luminance is :math:`Y = 0.299 R + 0.587 G + 0.114 B`, of the values as they are stored, and
chrominance what is left of the three, as in the literature.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import choice, shown
from neuralstyle._types import Image, SupportsArray
from neuralstyle.images.arrays import check_image
from neuralstyle.images.moments import MAPS, Array, mean_and_covariance
from neuralstyle.images.oklab import from_oklab as from_oklab
from neuralstyle.images.oklab import to_oklab as to_oklab
from neuralstyle.images.oklab import with_mapped_chroma as with_mapped_chroma

Match: TypeAlias = Literal["monge-kantorovich", "cholesky", "symmetric", "histogram"]

LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue."""


def match_color(
    image: SupportsArray,
    reference: SupportsArray,
    method: Match = "monge-kantorovich",
    *,
    clip: bool = True,
) -> Image:
    r"""Give an image the colours of another one.

    .. math:: x' = A (x - \mu) + \mu_R, \qquad A \Sigma A^T = \Sigma_R

    with the means and covariances of the two images' colours.

    Parameters
    ----------
    image : array, shape (H, W, 3), floating, RGB in [0, 1]
        A style image, for instance, that is to have the colours of the photograph.
    reference : array like `image`, of any size
    method : str, default "monge-kantorovich"
        Which of the maps A that meet the condition above: ``"monge-kantorovich"`` is the one that
        moves colours least, ``"symmetric"`` that of the image analogies, ``"cholesky"`` that of
        the Cholesky factors. Or ``"histogram"``: each of red, green and blue gets the reference's
        distribution of values, by rank.
    clip : bool, default True
        Clip the result to [0, 1], as images have to be. Mean and covariance are exact only before.

    Returns
    -------
    array, shape (H, W, 3), float32

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Notes
    -----
    .. math::
        A &= \Sigma^{-1/2} (\Sigma^{1/2} \Sigma_R \Sigma^{1/2})^{1/2} \Sigma^{-1/2}
            && \text{(Monge-Kantorovich)} \\
        A &= \Sigma_R^{1/2} \Sigma^{-1/2} && \text{(symmetric)} \\
        A &= L_R L^{-1}, \quad \Sigma = L L^T && \text{(Cholesky)}

    Directions in which the image's colours vary by less than the rounding to 256 levels, as all but
    one of a grey image's, are left as they are: nothing is divided by their variance.

    In the histogram method equal values stay equal; they get the mean of the reference's values at
    their ranks. Where no values are equal and both images have as many pixels, the sorted values
    are the reference's own.

    References
    ----------
    Gatys, Bethge, Hertzmann and Shechtman, Preserving Color in Neural Artistic Style Transfer,
    arXiv 1606.05897, 2016. Pitié and Kokaram, The Linear Monge-Kantorovitch Linear Colour Mapping
    for Example-Based Colour Transfer, CVMP 2007.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> image, reference = random.uniform(0.3, 0.7, size=(2, 8, 8, 3))
    >>> matched = match_color(image, reference)
    >>> np.allclose(matched.mean((0, 1)), reference.mean((0, 1)), atol=1e-6)
    True
    """
    image, reference = check_image(image, "image"), check_image(reference, "reference")
    choice("method", method, get_args(Match))
    if method == "histogram":
        pairs = [(image[..., c].ravel(), reference[..., c].ravel()) for c in range(3)]
        matched = np.stack([_at_ranks(*pair) for pair in pairs], axis=-1)
    else:
        mean, covariance = mean_and_covariance(image)
        wanted_mean, wanted = mean_and_covariance(reference)
        matrix = MAPS[method](covariance, wanted)
        matched = (image.reshape(-1, 3) - mean) @ matrix.T + wanted_mean
    matched = matched.reshape(image.shape)
    return _clipped(matched) if clip else matched.astype(np.float32)


def luminance(image: SupportsArray) -> Image:
    """Return the luminance of an image, as an image of three equal channels.

    Parameters
    ----------
    image : array, shape (H, W, 3), floating, RGB in [0, 1]

    Returns
    -------
    array, shape (H, W, 3), float32

    Examples
    --------
    >>> luminance(np.array([[[1.0, 0.0, 0.0]]])).round(3).tolist()
    [[[0.29899999499320984, 0.29899999499320984, 0.29899999499320984]]]
    """
    grey = _luminance(check_image(image, "image"))
    return np.repeat(_clipped(grey), 3, axis=-1)


def with_chroma(image: SupportsArray, reference: SupportsArray) -> Image:
    """Return the luminance of an image with the chrominance of another one.

    Parameters
    ----------
    image : array, shape (H, W, 3), floating, RGB in [0, 1]
    reference : array, shape (H, W, 3), floating, RGB in [0, 1]

    Returns
    -------
    array, shape (H, W, 3), float32

    Notes
    -----
    The chrominance is exactly the reference's. Where the luminance wanted would push a channel out
    of [0, 1] with it, the nearest one that does not is taken.

    Examples
    --------
    >>> red, white = np.array([[[0.5, 0.2, 0.2]]]), np.ones((1, 1, 3))
    >>> with_chroma(white, red).round(3).tolist()[0][0]
    [1.0, 0.699999988079071, 0.699999988079071]
    """
    image, reference = _same_shape(image, reference)
    chroma = reference - _luminance(reference)
    lowest, highest = -chroma.min(-1, keepdims=True), 1 - chroma.max(-1, keepdims=True)
    return _clipped(np.clip(_luminance(image), lowest, highest) + chroma)


def with_luminance(image: SupportsArray, reference: SupportsArray) -> Image:
    """Return the chrominance of an image with the luminance of another one.

    Parameters
    ----------
    image : array, shape (H, W, 3), floating, RGB in [0, 1]
    reference : array, shape (H, W, 3), floating, RGB in [0, 1]

    Returns
    -------
    array, shape (H, W, 3), float32

    Notes
    -----
    The luminance is exactly the reference's. Where the chrominance would push a channel out of
    [0, 1] with it, it is made weaker, in the same hue, until it does not.

    Examples
    --------
    >>> red, white = np.array([[[0.5, 0.2, 0.2]]]), np.ones((1, 1, 3))
    >>> with_luminance(red, white).tolist()[0][0]
    [1.0, 1.0, 1.0]
    """
    image, reference = _same_shape(image, reference)
    chroma, grey = image - _luminance(image), _luminance(reference)
    room = np.where(chroma > 0, 1 - grey, grey)
    reach = np.abs(chroma)
    fraction = np.divide(room, reach, out=np.ones_like(reach), where=reach > room)
    return _clipped(grey + fraction.min(-1, keepdims=True) * chroma)


def _itself(image: Image, *others: Any) -> Image:
    return image


@dataclass(frozen=True)
class ColorTreatment:
    """What is done about colour before a transfer, and after it: functions on images.

    Attributes
    ----------
    content : callable
        Takes the content, and returns what is used in its place.
    style : callable
        Takes a style image and the content, and returns what is used in the style's place.
    after : callable
        Takes the stylised picture and the content, of the same size, and returns the result.
    finish : callable
        Takes what `after` returns, the content of that size, and a list of the style images as they
        were given, and returns the result: for treatments that need both.
    wraps : bool
        Whether `finish`, as it looks at pixels around one, takes ``wrap=True`` for a torus.

    Examples
    --------
    >>> darker = ColorTreatment(after=lambda picture, content: picture / 2)
    >>> darker.after(np.ones((1, 1, 3)), np.ones((1, 1, 3))).tolist()
    [[[0.5, 0.5, 0.5]]]
    """

    content: Callable[[Image], Image] = _itself
    style: Callable[[Image, Image], Image] = _itself
    after: Callable[[Image, Image], Image] = _itself
    finish: Callable[..., Image] = _itself
    wraps: bool = False

    @property
    def finishes(self) -> bool:
        """Whether anything is done after a transfer."""
        return self.after is not _itself or self.finish is not _itself


def _match_luminance(style: Image, content: Image) -> Image:
    return match_color(luminance(style), luminance(content))


def _grey(image: Image, *others: Any) -> Image:
    return luminance(image)


def _with_own_chroma(picture: Image, content: Image, styles: Any, wrap: bool = False) -> Image:
    return with_mapped_chroma(picture, picture, styles, wrap=wrap)


TREATMENTS = {
    "match": ColorTreatment(style=match_color),
    "match-symmetric": ColorTreatment(style=functools.partial(match_color, method="symmetric")),
    "match-cholesky": ColorTreatment(style=functools.partial(match_color, method="cholesky")),
    "match-histogram": ColorTreatment(style=functools.partial(match_color, method="histogram")),
    "luminance": ColorTreatment(content=luminance, style=_match_luminance, after=with_chroma),
    "content": ColorTreatment(after=with_chroma),
    "only": ColorTreatment(after=with_luminance),
    "grey": ColorTreatment(content=luminance, style=_grey, finish=_grey),
    "oklab": ColorTreatment(finish=_with_own_chroma, wraps=True),
    "oklab-content": ColorTreatment(finish=with_mapped_chroma, wraps=True),
}
"""The treatments by name: the style's colours matched to the content's before (in four ways), the
transfer of luminance alone, the content's chrominance put back after, the transfer of colour alone
(the content's luminance put back after), everything in grey, and, after it too, the picture's own
chrominance or the content's, mapped to that of the styles."""

COLOURLESS = 4 / 255
"""By how much the channels of a pixel may differ that has no colour."""

COLOURED = 0.005
"""Share of coloured pixels at the most in a picture without colour."""


def is_colourless(image: SupportsArray) -> bool:
    """Return whether an image is grey: channels within 4/255 on 99.5 % of the pixels.

    Parameters
    ----------
    image : array, shape (H, W, 3), floating, RGB in [0, 1]

    Returns
    -------
    bool

    Examples
    --------
    >>> is_colourless(np.full((4, 4, 3), 0.5)), is_colourless(np.eye(3)[None])
    (True, False)
    """
    image = check_image(image, "image")
    return bool(np.mean(np.ptp(image, axis=2) > COLOURLESS + 1e-6) <= COLOURED)


def treatment(color: Any) -> ColorTreatment:
    """Return the treatment that a name or None stands for.

    Parameters
    ----------
    color : str, ColorTreatment or None

    Returns
    -------
    ColorTreatment

    Raises
    ------
    TypeError, ValueError
        If it is none of these, or there is no treatment of that name.

    Examples
    --------
    >>> treatment("match") is TREATMENTS["match"]
    True
    """
    if color is None:
        return ColorTreatment()
    if isinstance(color, ColorTreatment):
        return color
    if not isinstance(color, str):
        raise TypeError(f"color: expected a name or a ColorTreatment, received {shown(color)}")
    return TREATMENTS[choice("color", color, TREATMENTS)]


def _luminance(image: NDArray[np.floating]) -> Array:
    grey: Array = (image.astype(np.float64) @ LUMINANCE)[..., None]
    return grey


def _clipped(image: Array) -> Image:
    clipped: Image = np.clip(image, 0.0, 1.0).astype(np.float32)
    return clipped


def _same_shape(image: Any, reference: Any) -> tuple[Array, Array]:
    image, reference = check_image(image, "image"), check_image(reference, "reference")
    if image.shape != reference.shape:
        raise ValueError(
            f"reference: expected an image of the same shape {image.shape}, "
            f"received {reference.shape}"
        )
    return image.astype(np.float64), reference.astype(np.float64)


def _at_ranks(values: NDArray[np.floating], reference: NDArray[np.floating]) -> Array:
    """Return the reference's mean value over the ranks of every value."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    integral = np.concatenate([[0.0], np.cumsum(np.sort(reference), dtype=np.float64)])
    edges = np.concatenate([[0], np.cumsum(counts)]) * (reference.size / values.size)
    at_edges = np.interp(edges, np.arange(integral.size), integral)
    means: Array = np.diff(at_edges) / np.diff(edges)
    return means[group]
