"""Pictures as arrays: checked, resized, cropped and tiled."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from neuralstyle._checks import choice, shown, whole_number
from neuralstyle._types import Floats, Image, SupportsArray

Filter: TypeAlias = Literal["lanczos", "mean", "linear"]


def crop(image: SupportsArray, size: tuple[int, int]) -> Image:
    """Cut the middle out of an image.

    Parameters
    ----------
    image : array, shape (H, W, 3), floating, RGB in [0, 1]
    size : (int, int)
        Height and width at the most; what is smaller stays as it is.

    Returns
    -------
    array, shape (min(H, height), min(W, width), 3), float32

    Examples
    --------
    >>> crop(np.zeros((8, 8, 3)), (4, 20)).shape
    (4, 8, 3)
    """
    image = check_image(image)
    height, width = (min(side, wanted) for side, wanted in zip(image.shape[:2], size, strict=True))
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    middle: Image = image[top : top + height, left : left + width]
    return middle


def tile(image: SupportsArray, size: tuple[int, int]) -> Image:
    """Repeat an image, mirrored at every seam, until it is as large as wanted.

    Parameters
    ----------
    image : array, shape (H, W, 3), floating, RGB in [0, 1]
    size : (int, int)
        Height and width at the least; what is larger stays as it is.

    Returns
    -------
    array, shape (max(H, height), max(W, width), 3), float32

    Examples
    --------
    >>> tile(np.linspace([[0, 0, 0]], [[1, 1, 1]], 3, axis=1), (1, 7))[0, :, 0].tolist()
    [0.0, 0.5, 1.0, 1.0, 0.5, 0.0, 0.0]
    """
    image = check_image(image)
    missing = (max(wanted - side, 0) for side, wanted in zip(image.shape[:2], size, strict=True))
    tiled: Image = np.pad(image, [*((0, pixels) for pixels in missing), (0, 0)], mode="symmetric")
    return tiled


_TOLERANCE = 1e-3  # how far rounding may push a value out of [0, 1] before it counts as a mistake


def check_image(image: object, name: str = "image") -> Floats:
    """Check that an array is a picture, and return it as float32.

    Parameters
    ----------
    image : array_like of float, shape (height, width, 3) or (1, height, width, 3)
        The picture, with values in [0, 1]: a NumPy array or whatever NumPy makes a float array
        of, such as a TensorFlow tensor.
    name : str, default "image"
        What messages call it.

    Returns
    -------
    ndarray of float32, shape (height, width, 3)
        Values outside [0, 1] by at most 0.001 are clipped.

    Raises
    ------
    TypeError
        If `image` is no float array.
    ValueError
        If it has another shape, or values which are not finite or out of range.

    Notes
    -----
    `image` is never modified. The result shares its memory where nothing had to change, so copy
    it before writing into it.

    Examples
    --------
    >>> check_image(np.zeros((1, 4, 6, 3))).shape
    (4, 6, 3)
    """
    array = float_array(image, name)
    shape = array.shape
    array = array[0] if len(shape) == 4 and shape[0] == 1 else array
    if array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        grey = array.ndim == 2 or array.shape[2:] == (1,)
        raise ValueError(
            f"{name}: expected shape (height, width, 3) or (1, height, width, 3), received {shape}"
            f"{'; as_image makes three channels of it' if grey else ''}"
        )
    return check_range(array, name)


def resize(image: SupportsArray, size: tuple[int, int], filter: Filter = "lanczos") -> NDArray[Any]:
    """Resample an array of pixels, with antialiasing.

    Parameters
    ----------
    image : array of float, shape (height, width) or (height, width, channels)
        For ``"lanczos"``, values in [0, 1].
    size : (int, int)
        The new ``(height, width)`` in pixels.
    filter : {"lanczos", "mean", "linear"}, default "lanczos"
        ``"lanczos"``
            For pictures: Lanczos where either side shrinks, else bicubic; clipped to [0, 1], which
            these overshoot at edges. In float32.
        ``"mean"``
            For masks: every new pixel has the exact mean of what it covers, so that means are kept
            and masks that sum to 1 everywhere still do. In float64.
        ``"linear"``
            For fields such as an optical flow: linear interpolation. In float64.

    Returns
    -------
    array of the new size and with the same channels
        Always a new array. One that has the size already is copied unchanged.

    Raises
    ------
    TypeError
        If `image` is no float array, or `size` no pair of integers.
    ValueError
        If `image` has another shape, `size` is not positive, or there is no such filter.

    Examples
    --------
    >>> resize(np.ones((4, 6, 3), np.float32), (2, 3)).shape
    (2, 3, 3)
    >>> resize(np.array([[0.0, 1.0, 1.0]]), (1, 2), "mean").round(6).tolist()
    [[0.333333, 1.0]]
    """
    choice("filter", filter, _FILTERS)
    array = float_array(image, "image")
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(
            "image: expected shape (height, width) or (height, width, channels), "
            f"received {array.shape}"
        )
    height, width = check_size(size)
    array = array.astype(np.float32 if filter == "lanczos" else np.float64)
    if (height, width) == array.shape[:2]:
        return array
    resized = _FILTERS[filter](np.atleast_3d(array), (height, width))
    return resized.reshape(height, width, *array.shape[2:])


def _lanczos(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    shrinks = size[0] < array.shape[0] or size[1] < array.shape[1]
    method = Pillow.Resampling.LANCZOS if shrinks else Pillow.Resampling.BICUBIC
    # Pillow resamples 8-bit RGB or one float channel; only the latter keeps the precision.
    channels = [
        np.asarray(Pillow.fromarray(channel).resize(size[::-1], method))
        for channel in np.moveaxis(array, 2, 0)
    ]
    return np.stack(channels, axis=2).clip(0, 1)


def _mean(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    channels = []
    for values in np.moveaxis(array, 2, 0):
        for count in reversed(size):
            values = cell_means(values, count).T  # of rows, then of columns
        channels.append(values)
    return np.stack(channels, axis=2)


def _linear(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    # SciPy's submodules take a while to import, and hardly anything needs this one.
    from scipy.ndimage import zoom

    factors = [new / old for new, old in zip(size, array.shape[:2], strict=True)]
    resized: NDArray[Any] = zoom(array, (*factors, 1), order=1, mode="nearest", grid_mode=True)
    return resized


_FILTERS = {"lanczos": _lanczos, "mean": _mean, "linear": _linear}


_AT_ONCE = 1 << 21
"""Numbers of rows that are resampled at once: those of all channels may not fit into memory."""


def cell_means(rows: NDArray[Any], count: int) -> NDArray[Any]:
    r"""Resample rows to `count` values, each the mean of the row's step function over its cell.

    .. math:: q_k = n \int_{k/n}^{(k+1)/n} f(t)\,dt

    Parameters
    ----------
    rows : array, shape (C, M)
    count : int
        n, of any ratio to M.

    Returns
    -------
    array, shape (C, count)
        In the type of `rows`, which is returned as it is where M is `count`.

    Examples
    --------
    >>> cell_means(np.array([[1.0, 4.0]]), 3).tolist()
    [[1.0, 2.5, 4.0]]
    """
    channels, size = rows.shape
    if size == count:
        return rows
    means: NDArray[Any] = np.empty((channels, count), rows.dtype)
    some = max(1, _AT_ONCE // (size + min(count, _AT_ONCE)))
    for first in range(0, channels, some):
        # The integral of the step function is piecewise linear; cells are its differences. In
        # float64, for it grows to the sum of all values.
        chosen = rows[first : first + some]
        integral = np.zeros((len(chosen), size + 1))
        np.cumsum(chosen, axis=1, out=integral[:, 1:], dtype=np.float64)
        for begin in range(0, count, _AT_ONCE):
            edges = np.arange(begin, min(begin + _AT_ONCE, count) + 1, dtype=np.int64)
            whole, rest = np.divmod(edges * size, count)
            at_edges = integral[:, whole]
            at_edges += (integral[:, np.minimum(whole + 1, size)] - at_edges) * (rest / count)
            cells = slice(begin, begin + _AT_ONCE)
            means[first : first + some, cells] = np.diff(at_edges, axis=1) * (count / size)
    return means


def scaled_size(shape: Sequence[int], longer_side: int) -> tuple[int, int]:
    """Return the size of a picture scaled to a longer side, with its aspect kept.

    Parameters
    ----------
    shape : (int, int) or (int, int, int)
        The ``(height, width)`` of the picture; a third entry is ignored.
    longer_side : int
        The longer side wanted, in pixels.

    Returns
    -------
    (int, int)
        The new ``(height, width)``, rounded to whole pixels, of at least one each.

    Raises
    ------
    TypeError
        If `longer_side` or a side is no integer.
    ValueError
        If one is not positive, or `shape` has another length.

    Examples
    --------
    >>> scaled_size((480, 640), 320)
    (240, 320)
    """
    if len(shape) not in (2, 3):
        raise ValueError(
            f"shape: expected (height, width) or (height, width, channels), received {shown(shape)}"
        )
    sides = [whole_number("shape", side, 1) for side in shape[:2]]
    whole_number("longer_side", longer_side, 1)
    # Multiplied first, so that the longer side comes out exact.
    height, width = (max(1, round(side * longer_side / max(sides))) for side in sides)
    return height, width


def size_within(shape: Sequence[int], longest: int) -> tuple[int, int]:
    """Return the size of a picture that is scaled down to a longer side, unless it is no longer.

    Examples
    --------
    >>> size_within((480, 640), 320), size_within((48, 64), 320)
    ((240, 320), (48, 64))
    """
    return scaled_size(shape, min(longest, max(shape[:2])))


def float_array(value: object, name: str) -> NDArray[np.floating[Any]]:
    """Return an array of floats, or say what was received in its place."""
    if isinstance(value, Pillow.Image):
        received, hint = type(value).__name__, "; use as_image"
    elif hasattr(value, "read"):
        received, hint = type(value).__name__, "; load_image reads it"
    elif value is None or isinstance(value, str | os.PathLike):
        received, hint = shown(value), "; use as_image" if value is not None else ""
    else:
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, RuntimeError):
            array = np.asarray(None)  # no array at all, such as a ragged list
        if np.issubdtype(array.dtype, np.floating):
            return array
        received = f"{type(value).__name__} of {array.dtype}"
        hint = "; divide by 255 or use as_image" if array.dtype.kind in "iu" else ""
        if has_picture(value):
            received, hint = type(value).__name__, "; take its image, as result.image"
    raise TypeError(f"{name}: expected an array of floats in [0, 1], received {received}{hint}")


def has_picture(value: object) -> bool:
    """Tell whether something holds a picture, as a result does, and is none."""
    return isinstance(getattr(value, "image", None), np.ndarray)


def check_finite(array: NDArray[np.floating[Any]], name: str) -> None:
    """Check that all numbers are finite."""
    count = array.size - np.count_nonzero(np.isfinite(array))
    if count:
        raise ValueError(
            f"{name}: expected finite values, received {count} that are NaN or infinite"
        )


def check_range(array: NDArray[np.floating[Any]], name: str) -> Floats:
    """Check that numbers are finite and in [0, 1]; return them as float32, clipped."""
    check_finite(array, name)
    low, high = float(array.min()), float(array.max())
    if low < -_TOLERANCE or high > 1 + _TOLERANCE:
        hint = "; divide by 255" if high > 2 else ""
        raise ValueError(
            f"{name}: expected values in [0, 1], received values from {low:g} to {high:g}{hint}"
        )
    values: Floats = array.astype(np.float32, copy=False)
    return np.clip(values, 0, 1) if low < 0 or high > 1 else values


def check_size(size: Sequence[int]) -> tuple[int, int]:
    """Check a pair (height, width)."""
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise TypeError(f"size: expected a pair (height, width), received {shown(size)}")
    height, width = (whole_number("size", side, 1) for side in size)
    return height, width
