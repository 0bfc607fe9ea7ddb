"""Pictures as other programs have them, from and to the arrays of this library."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from neuralstyle._checks import choice, shown, truth
from neuralstyle._types import Floats, SupportsArray
from neuralstyle.images.arrays import check_image, check_range, float_array
from neuralstyle.images.load import PathOrFile, Source, load_image

Channels: TypeAlias = Literal["first", "last"]

BLACK = (0.0, 0.0, 0.0)
"""What a transparent picture is laid on where its own colours are wanted: they are times the
opacity then."""

_CHANNELS = (1, 3, 4)  # grey, RGB, RGBA


def as_image(
    x: Source | SupportsArray | Sequence[Any],
    *,
    bgr: bool = False,
    channels: Channels | None = None,
    alpha: bool = False,
) -> Floats:
    """Make a picture of this library of what another program has.

    Parameters
    ----------
    x : str, path-like, binary file, PIL.Image.Image, array_like or tensor
        A file or a PIL image is read as by `load_image`. An array or a tensor of any library, such
        as PyTorch, TensorFlow and JAX, has shape (H, W), (H, W, C) or (C, H, W), with C of 1
        (grey), 3 (RGB) or 4 (RGBA, not premultiplied), or one more axis of length 1 before. Its
        numbers are uint8, in [0, 255], uint16, in [0, 65535], or floats, in [0, 1].
    bgr : bool, default False
        Whether the channels are blue, green and red, as OpenCV has them.
    channels : {"first", "last"}, optional
        Where the channels are. Told from the shape by default, and asked for where both fit.
    alpha : bool, default False
        Whether to keep the opacity of a picture that is transparent anywhere, as a fourth channel,
        which `stylize` takes too. Else it is laid on white.

    Returns
    -------
    array, shape (H, W, 3), float32, in [0, 1]
        With `alpha`, (H, W, 4) where the picture is transparent anywhere.

    Raises
    ------
    TypeError
        If `x` is of another kind, such as integers of other types.
    ValueError
        If the shape is no picture's, or of several, if values are out of range or not finite, or
        if a file cannot be read.
    OSError
        If a file cannot be opened.

    Notes
    -----
    `x` is never modified; the result may share its memory. A tensor is copied from its device.

    Examples
    --------
    >>> as_image(np.full((1, 3, 4, 6), 255, np.uint8)).shape
    (4, 6, 3)
    >>> as_image(np.array([[[1.0, 0.5, 0.0]]] * 2), bgr=True)[0, 0].tolist()
    [0.0, 0.5, 1.0]
    """
    bgr, alpha = truth("bgr", bgr), truth("alpha", alpha)
    choice("channels", channels, ("first", "last", None))
    if is_source(x) or hasattr(x, "read"):
        for name, given in (("bgr", bgr), ("channels", channels)):
            if given:
                raise ValueError(
                    f"{name}: expected none with a file or a PIL image, which says it itself, "
                    f"received {shown(given)}"
                )
        return _read(x, alpha)
    array = _channels_last(_unit_floats(x), channels)
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    colors = check_range(array[..., :3][..., :: -1 if bgr else 1], "x")
    if array.shape[2] == 3:
        return colors
    opacity = check_range(array[..., 3:], "x, alpha")
    if alpha and opacity.min() < 1:
        return np.dstack([colors, opacity])
    laid: Floats = opacity * colors + (1 - opacity)
    return laid


def to_uint8(image: object) -> NDArray[np.uint8]:
    """Make whole numbers from 0 to 255 of a picture, as most other programs want them.

    Parameters
    ----------
    image : array_like of float, shape (H, W, 3) or (1, H, W, 3)
        RGB in [0, 1].

    Returns
    -------
    array, shape (H, W, 3), uint8
        Rounded to the nearest: `as_image` gives it back to 1/510.

    Raises
    ------
    TypeError, ValueError
        If `image` is no picture.

    Examples
    --------
    >>> to_uint8([[[0.0, 0.5, 1.0]]]).tolist()
    [[[0, 128, 255]]]
    """
    return np.rint(check_image(image) * 255).astype(np.uint8)


def to_pil(image: object) -> Pillow.Image:
    """Return a picture as a PIL image of 8 bits a channel.

    Examples
    --------
    >>> to_pil(np.zeros((4, 6, 3))).size
    (6, 4)
    """
    return Pillow.fromarray(to_uint8(image))


def is_source(value: object) -> TypeGuard[PathOrFile | Pillow.Image]:
    """Return whether something is a picture that is still to be read: a path or a PIL image."""
    return isinstance(value, str | os.PathLike | Pillow.Image)


def taken(picture: Any, name: str = "image") -> Any:
    """Read a picture that is given by its path or as a PIL image; leave any other as it is.

    Examples
    --------
    >>> taken(Pillow.new("L", (6, 4))).shape
    (4, 6, 3)
    """
    if not is_source(picture):
        return picture
    try:
        return as_image(picture, alpha=True)
    except (OSError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error


def on_no_background(image: Floats, alpha: Floats) -> Floats:
    """Return RGBA of a picture that was laid on black; what is not seen of it is white."""
    share = alpha[..., None]
    colors = np.where(share > 0, image / np.maximum(share, 1e-6), 1).clip(0, 1)
    return np.dstack([colors, alpha]).astype(np.float32)


def _read(source: Any, keep: bool) -> Floats:
    if not keep:
        return load_image(source)
    image, alpha = load_image(source, background=BLACK, return_alpha=True)
    return image if alpha is None or alpha.min() == 1 else on_no_background(image, alpha)


def _unit_floats(x: Any) -> NDArray[np.floating[Any]]:
    """Return an array of floats, in [0, 1] if integers were given."""
    if hasattr(x, "detach"):  # of PyTorch, which gives away no tensor that has a gradient
        x = x.detach().cpu()
        x = x.float() if x.is_floating_point() else x
    try:
        array = np.asarray(x)
    except (TypeError, ValueError, RuntimeError):
        return float_array(x, "x")  # which says what it is
    if array.dtype.name == "bfloat16":
        return array.astype(np.float32)
    if array.dtype in (np.uint8, np.uint16):
        floats: Floats = array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max)
        return floats
    if array.dtype.kind in "iub":
        raise TypeError(
            "x: expected uint8, uint16, or floats in [0, 1], received "
            f"{type(x).__name__} of {array.dtype}"
        )
    return float_array(x, "x")


def _channels_last(array: NDArray[Any], channels: Channels | None) -> NDArray[Any]:
    """Return a picture as (H, W, C)."""
    shape = array.shape
    if len(shape) == 4 and shape[0] == 1:
        array = array[0]
    if array.ndim == 2 and channels is None:
        array, channels = array[..., None], "last"
    if array.ndim != 3 or array.size == 0:
        raise ValueError(
            "x: expected shape (H, W), (H, W, C) or (C, H, W), or one more axis of length 1 "
            f"before, received {shape}"
        )
    fit = {"first": array.shape[0] in _CHANNELS, "last": array.shape[2] in _CHANNELS}
    if channels is None and all(fit.values()):
        raise ValueError(
            f'channels: expected "first" or "last" for a picture of shape {shape}, received None'
        )
    if not (fit[channels] if channels else any(fit.values())):
        raise ValueError(f"x: expected 1, 3 or 4 channels, received shape {shape}")
    return np.moveaxis(array, 0, 2) if channels == "first" or not fit["last"] else array
