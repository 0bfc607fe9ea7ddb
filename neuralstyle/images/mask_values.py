"""What a mask may be given as: arrays of several kinds, pictures, files."""

from __future__ import annotations

import logging
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuralstyle._types import Floats
from neuralstyle.images.arrays import has_picture
from neuralstyle.images.convert import BLACK, is_source
from neuralstyle.images.load import load_image

Values: TypeAlias = NDArray[np.float64]

_LEVEL = 1 / 255
"""The least that a picture of 8 bits holds above 0."""

_COLOR, _COLORED = 0.1, 0.01
"""How far the channels of a pixel differ that has a colour, and the share of such pixels that makes
a picture one with colours: JPEG gives a mask none."""

logger: logging.Logger = logging.getLogger("neuralstyle.images")


def mask_values(values: Any, name: str = "mask", *, empty: bool = False) -> Values:
    """Return how far each pixel belongs to a region, from 0 to 1.

    Parameters
    ----------
    values : array, shape (H, W), (H, W, 1) or (H, W, 3), path or PIL.Image.Image
        Bool, or numbers from 0 to 1; or uint8, which is divided by 255, unless there is nothing but
        0 and 1. What a masked array masks is not of the region, nor is what is transparent in a
        picture. Of a picture, and of three channels, which have to be equal in an array, the mean
        of red, green and blue counts.
    name : str, default "mask"
        What messages call it.
    empty : bool, default False
        Whether it may be 0 everywhere.

    Returns
    -------
    array, shape (H, W), float64
        Not to be written to.

    Raises
    ------
    TypeError, ValueError
        If `values` is not of the form above, or no value is above 0 but has to be.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> mask_values(np.array([[0, 51, 255]], np.uint8)).tolist()
    [[0.0, 0.2, 1.0]]
    >>> mask_values(np.array([[0, 1, 1]], np.uint8)).tolist()
    [[0.0, 1.0, 1.0]]
    """
    array = _array(values, name)
    if array.dtype.kind not in "fiub":
        received = (
            f"{type(values).__name__}; load_image reads it" if hasattr(values, "read") else ""
        )
        raise TypeError(
            f"{name}: expected an array of numbers, a path or a picture, "
            f"received {received or array.dtype}"
        )
    if array.ndim == 3 and array.shape[2] == 3 and (array == array[..., :1]).all():
        array = array[..., :1]
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"{name}: expected an array of shape (height, width), received {array.shape}"
        )
    mask = array.astype(np.float64)
    if array.dtype == np.uint8 and mask.max() > 1:
        mask /= 255
    if not (mask.min() >= 0 and mask.max() <= 1):
        raise ValueError(
            f"{name}: expected numbers from 0 to 1, or uint8, received {array.dtype} "
            f"from {array.min()} to {array.max()}"
        )
    if mask.max() == 0 and not empty:
        raise ValueError(f"{name}: expected a number above 0 somewhere, received none")
    mask.flags.writeable = False
    return mask


def _array(values: Any, name: str) -> NDArray[Any]:
    """Return values as an array, reading what is a picture."""
    if isinstance(values, np.ma.MaskedArray):
        return np.asarray(values.filled(0))
    if has_picture(values):
        raise TypeError(
            f"{name}: expected an array of numbers, a path or a picture, received "
            f"{type(values).__name__}; take its image, as result.image"
        )
    if not is_source(values):
        return np.asarray(values)
    try:
        return of_picture(load_image(values, background=BLACK), name)
    except OSError as error:
        raise type(error)(f"{name}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def of_picture(image: Floats, name: str) -> NDArray[Any]:
    """Return what a picture says as a mask: the mean of its channels.

    That of a coloured picture is mostly no mask, but a photograph in its place: a warning is
    logged.

    Parameters
    ----------
    image : array, shape (H, W, 3), in [0, 1]
        On black, where it is transparent.
    name : str
        What messages call it.

    Returns
    -------
    array, shape (H, W)
        For `mask_values`.

    Examples
    --------
    >>> of_picture(np.full((1, 1, 3), 1 / 255), "mask").tolist()
    [[True]]
    """
    if (np.ptp(image, axis=2) > _COLOR).mean() > _COLORED:
        logger.warning(
            "%s: expected white, black and grey, received a picture with colours: is it the mask? "
            "The mean of red, green and blue is taken",
            name,
        )
    grey = np.minimum(image.astype(np.float64).mean(axis=2), 1)
    # Programs that segment save 0 and 1 as they are.
    bare = 0 < grey.max() <= _LEVEL * (1 + 1e-6)
    read: NDArray[Any] = grey > 0 if bare else grey
    return read
