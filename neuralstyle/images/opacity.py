"""Pictures with a fourth channel, opacity: what is seen of them, and how much."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from neuralstyle._types import Floats
from neuralstyle.images.arrays import check_image, check_range, float_array, resize
from neuralstyle.images.convert import taken

Seen: TypeAlias = tuple[Floats, Floats | None]
"""A picture of three channels, and its opacity if it is not opaque."""


def seen(picture: Any, name: str = "image") -> Seen:
    """Return what is seen of a picture, which may be transparent in places.

    Parameters
    ----------
    picture : array, shape (H, W, 3) or (H, W, 4), floating, RGB or RGBA in [0, 1], path or PIL
        RGBA is not premultiplied.
    name : str, default "image"
        What messages call it.

    Returns
    -------
    image : array, shape (H, W, 3), float32
        Where the picture is transparent, filled from around.
    alpha : array, shape (H, W), float32, or None
        None if it is opaque.

    Raises
    ------
    TypeError, ValueError
        If `picture` is not of the form above, or is transparent throughout.

    Examples
    --------
    >>> hidden = np.array([[[0.2, 0.2, 0.2, 1.0], [0.9, 0.9, 0.9, 0.0]]])
    >>> image, alpha = seen(hidden)
    >>> image[..., 0].round(3).tolist(), alpha.tolist()
    ([[0.20000000298023224, 0.20000000298023224]], [[1.0, 0.0]])
    """
    image, alpha = _parts(picture, name)
    if alpha is None or alpha.min() == 1:
        return image, None
    if alpha.max() == 0:
        raise ValueError(f"{name}: expected a picture that is not transparent throughout")
    return filled(image, alpha), alpha


def opaque(picture: Any, name: str = "image") -> Floats:
    """Return the colours of a picture as they are, also where it is transparent.

    Parameters
    ----------
    picture : array
        As for `seen`.
    name : str, default "image"

    Returns
    -------
    array, shape (H, W, 3), float32
    """
    return _parts(picture, name)[0]


def on_white(picture: Any, name: str = "image") -> Floats:
    """Return a picture laid on white, as `load_image` reads one that is transparent.

    Parameters
    ----------
    picture : array
        As for `seen`.
    name : str, default "image"

    Returns
    -------
    array, shape (H, W, 3), float32

    Examples
    --------
    >>> on_white(np.array([[[0.0, 0.5, 1.0, 0.5]]])).tolist()
    [[[0.5, 0.75, 1.0]]]
    """
    image, alpha = _parts(picture, name)
    return image if alpha is None else 1 - alpha[..., None] * (1 - image)


def _parts(picture: Any, name: str) -> Seen:
    """Return colours, and the opacity if there are four channels."""
    picture = taken(picture, name)
    array = float_array(picture, name)
    if array.ndim not in (3, 4) or array.shape[-1] != 4:
        return check_image(picture, name), None
    image = check_image(array[..., :3], name)
    return image, check_range(array[..., 3], f"{name}, alpha").reshape(image.shape[:2])


def filled(image: Floats, alpha: Floats) -> Floats:
    """Fill what is transparent of an image with the mean colour of what is opaque around it.

    Parameters
    ----------
    image : array, shape (H, W, 3), float32
    alpha : array, shape (H, W), float32
        Above 0 somewhere.

    Returns
    -------
    array, shape (H, W, 3), float32
        The image itself where it is opaque. What it has where it is transparent does not matter.
    """
    if alpha.min() == 1:
        return image
    height, width = alpha.shape
    weights = np.pad(alpha, ((0, height % 2), (0, width % 2)))
    colors = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0))) * weights[..., None]
    half = (len(weights) // 2, 2, weights.shape[1] // 2, 2)
    total = weights.reshape(half).sum(axis=(1, 3))
    mean = colors.reshape(*half, 3).sum(axis=(1, 3)) / np.maximum(total, 1e-12)[..., None]
    coarse = mean if total.size == 1 else filled(mean, np.minimum(total, 1))
    around = resize(coarse, (height, width), "linear").astype(np.float32)
    share = alpha[..., None]
    return np.where(share == 1, image, around + share * (image - around))
