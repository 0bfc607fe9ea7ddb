"""OkLab: colours as lightness and two opponent axes, in which equal steps look about equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import shown, truth, whole_number
from neuralstyle._types import Image
from neuralstyle.images.arrays import check_finite, check_image, float_array
from neuralstyle.images.moments import MAPS, Array, mean_and_covariance

CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
"""From linear red, green and blue to the responses of the eye's cones."""

OPPONENTS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""From the cube roots of these to lightness, green to red, and blue to yellow."""

FLATNESS = 1e-3
"""A variance of lightness that is no edge: 0.03 squared."""


def to_oklab(image: Any) -> Array:
    """Turn colours into OkLab.

    Parameters
    ----------
    image : array of float, shape (..., 3)
        sRGB in [0, 1], as pictures are stored.

    Returns
    -------
    array, of the same shape, float64
        Lightness L from 0 (black) to 1 (white), and a and b, which are 0 for greys: a is positive
        for reds and negative for greens, b for yellows and blues; neither exceeds 0.4.

    Raises
    ------
    TypeError, ValueError
        If `image` is not as above.

    Notes
    -----
    Values beyond [0, 1] are taken as the odd functions that continue the formulas.

    References
    ----------
    B. Ottosson, A Perceptual Color Space for Image Processing, 2020, with its matrices of 2021.

    Examples
    --------
    >>> to_oklab(np.array([1.0, 0.0, 0.0])).round(3).tolist()
    [0.628, 0.225, 0.126]
    """
    stored = _colours(image)
    size = np.abs(stored)
    linear = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    oklab: Array = np.cbrt((np.sign(stored) * linear) @ CONES.T) @ OPPONENTS.T
    return oklab


def from_oklab(colors: Any) -> Array:
    """Turn OkLab into colours, as `to_oklab` would have got them.

    Parameters
    ----------
    colors : array of float, shape (..., 3)
        L, a and b.

    Returns
    -------
    array, of the same shape, float64
        sRGB. Not clipped: colours that no screen has are beyond [0, 1].

    Raises
    ------
    TypeError, ValueError
        If `colors` is not as above.

    Examples
    --------
    >>> from_oklab(to_oklab(np.array([0.2, 0.5, 0.9]))).round(6).tolist()
    [0.2, 0.5, 0.9]
    """
    cones = (_colours(colors, "colors") @ np.linalg.inv(OPPONENTS).T) ** 3
    linear = cones @ np.linalg.inv(CONES).T
    size = np.abs(linear)
    curved = 1.055 * np.maximum(size, 0.0031308) ** (1 / 2.4) - 0.055
    stored: Array = np.sign(linear) * np.where(size <= 0.0031308, 12.92 * size, curved)
    return stored


def with_mapped_chroma(
    image: Any, reference: Any, styles: Sequence[Any], *, wrap: bool = False
) -> Image:
    """Return the lightness of an image with a reference's chrominance, mapped to that of styles.

    Parameters
    ----------
    image : array, shape (H, W, 3), floating, RGB in [0, 1]
        A stylised picture.
    reference : array, shape (H, W, 3), floating, RGB in [0, 1]
        The content.
    styles : sequence of arrays like `image`, of any size
        Their pixels count alike.
    wrap : bool, default False
        Whether the image is a torus: its right side goes on on the left, and its bottom on top.

    Returns
    -------
    array, shape (H, W, 3), float32

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Notes
    -----
    In OkLab. The two axes of chrominance of the reference get the styles' mean and covariance, by
    the linear map that moves colours least, are smoothed along the image's edges by a guided
    filter, and clamped to the styles' range, as is lightness. What is one colour in the content
    stays one, and colours never lie beside the strokes. It is what NNST does, whose filter is a
    bilateral one.

    References
    ----------
    Kolkin et al., Neural Neighbor Style Transfer, arXiv 2203.13215, 2022. He, Sun and Tang, Guided
    Image Filtering, ECCV 2010.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> picture, content, style = random.uniform(0.3, 0.7, size=(3, 8, 8, 3))
    >>> with_mapped_chroma(picture, content, [style]).shape
    (8, 8, 3)
    """
    image, reference = check_image(image, "image"), check_image(reference, "reference")
    untreated: Image = image
    if image.shape != reference.shape:
        raise ValueError(
            f"reference: expected an image of the same shape {image.shape}, "
            f"received {reference.shape}"
        )
    if not isinstance(styles, list | tuple):
        raise TypeError(f"styles: expected a list of images, received {shown(styles)}")
    if not styles:
        return untreated
    colors = [check_image(style, f"styles[{i}]").reshape(-1, 3) for i, style in enumerate(styles)]
    wanted = to_oklab(np.concatenate(colors))
    lightness = to_oklab(image)[..., :1]
    chroma = to_oklab(reference)[..., 1:]
    mean, covariance = mean_and_covariance(chroma)
    wanted_mean, wanted_covariance = mean_and_covariance(wanted[:, 1:])
    matrix = MAPS["monge-kantorovich"](covariance, wanted_covariance)
    chroma = (chroma - mean) @ matrix.T + wanted_mean
    radius = max(1, max(image.shape) // 100)
    chroma = guided_filter(chroma, lightness[..., 0], radius, FLATNESS, truth("wrap", wrap))
    mapped = np.concatenate([lightness, chroma], axis=-1)
    mapped = np.clip(mapped, wanted.min(axis=0), wanted.max(axis=0))
    result: Image = np.clip(from_oklab(mapped), 0, 1).astype(np.float32)
    return result


def guided_filter(
    values: Array, guide: Array, radius: int, flatness: float, wrap: bool = False
) -> Array:
    r"""Smooth values along the edges of a guide.

    .. math:: q_i = \bar a_i I_i + \bar b_i, \qquad
              a = \frac{\operatorname{cov}(I, p)}{\operatorname{var} I + \epsilon}, \quad
              b = \bar p - a \bar I

    with all means over squares around a pixel.

    Parameters
    ----------
    values : array, shape (H, W, C)
        p.
    guide : array, shape (H, W)
        I.
    radius : int, at least 0
        Squares have the side 2 * radius + 1.
    flatness : float, above 0
        The variance of the guide below which there is no edge.
    wrap : bool, default False
        Whether beyond an edge is the opposite one; else the edge is repeated.

    Returns
    -------
    array, shape (H, W, C)

    Examples
    --------
    >>> edge = np.repeat([[0.0, 0.0, 1.0, 1.0]], 4, axis=0)
    >>> guided_filter(edge[..., None], edge, 1, 1e-9)[0, :, 0].round(6).tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    # SciPy's submodules take a while to import, and hardly anything needs this one.
    from scipy.ndimage import uniform_filter

    side = 2 * whole_number("radius", radius, 0) + 1

    def means(x: Array) -> Array:
        mean: Array = uniform_filter(x, (side, side, 1), mode="wrap" if wrap else "nearest")
        return mean

    guide = guide[..., None]
    middle, mean = means(guide), means(values)
    variance = means(guide * guide) - middle**2
    slope = (means(guide * values) - middle * mean) / (variance + flatness)
    return means(slope) * guide + means(mean - slope * middle)


def _colours(image: Any, argument: str = "image") -> NDArray[np.float64]:
    array = float_array(image, argument).astype(np.float64)
    if array.ndim < 1 or array.shape[-1] != 3:
        raise ValueError(f"{argument}: expected shape (..., 3), received {array.shape}")
    check_finite(array, argument)
    return array
