"""Writing pictures: float arrays to files that appear whole or not at all."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from neuralstyle._checks import shown, whole_number
from neuralstyle._files import check_place, check_target_kind, quoted, reason, write_to
from neuralstyle.images.arrays import check_image, check_range, float_array
from neuralstyle.images.load import IMAGE_DESCRIPTION, PathOrFile

_FORMATS = {
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "png": "PNG",
    "tif": "TIFF",
    "tiff": "TIFF",
    "webp": "WEBP",
}

_LONGEST = {"JPEG": 65500, "WEBP": 16383}
"""The longest side in pixels of the encoders that have one."""


def save_image(
    target: PathOrFile,
    image: object,
    *,
    alpha: object = None,
    format: str | None = None,
    quality: int = 95,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a picture as an 8-bit PNG, JPEG, TIFF or WebP file.

    Parameters
    ----------
    target : str, path-like or binary file object
        Where to write. A file appears whole or not at all: a failed save leaves an existing one
        as it was. A file object is given all bytes, and flushed; it need not be buffered.
    image : array_like of float, shape (height, width, 3)
        The picture, with values in [0, 1]; see `check_image`.
    alpha : array_like of float, shape (height, width), optional
        The opacity in [0, 1]; not for JPEG.
    format : str, optional
        ``"png"``, ``"jpeg"``, ``"tiff"`` or ``"webp"``. Told by default from the suffix of a path,
        or of the name of an open file; required for a file object without.
    quality : int, default 95
        From 1 to 100, for JPEG (without chroma subsampling) and WebP (lossless at 100).
    metadata : mapping of str to str, optional
        Texts to store with the picture, for `load_metadata`. A key is 1 to 79 printable ASCII
        characters without a space at either end, as PNG requires.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError
        If the file cannot be written there.
    TypeError
        If an argument is of the wrong kind.
    OSError
        If not all bytes can be written.
    ValueError
        If the format is unknown or cannot hold the picture, or a value is out of range.

    Notes
    -----
    PNG stores each text in a chunk under its key; JPEG (comment), TIFF and WebP (EXIF
    ``ImageDescription``) store one JSON object. What UTF-8 cannot encode becomes ``?``.

    Examples
    --------
    >>> import io
    >>> from neuralstyle import load_image
    >>> file = io.BytesIO()
    >>> save_image(file, np.full((4, 4, 3), 0.5), format="png")
    >>> load_image(io.BytesIO(file.getvalue())).shape
    (4, 4, 3)
    """
    check_target(target, format)
    kind = _kind(target, format)
    pixels = check_image(image)
    _check_side("image", kind, max(pixels.shape[:2]))
    if alpha is not None:
        if kind == "JPEG":
            raise ValueError("alpha: expected None for a JPEG file, received an array")
        opacity = float_array(alpha, "alpha")
        if opacity.shape != pixels.shape[:2]:
            raise ValueError(
                f"alpha: expected the image's shape {pixels.shape[:2]}, received {opacity.shape}"
            )
        pixels = np.dstack([pixels, check_range(opacity, "alpha")])
    whole_number("quality", quality, 1, 100)
    texts = _check_metadata({} if metadata is None else metadata)
    data = _encode(np.rint(pixels * 255).astype(np.uint8), kind, quality, texts)
    write_to(target, data)


def check_target(target: PathOrFile, format: str | None = None, side: int | None = None) -> None:
    """Check, before any long work, that `save_image` could write to a target.

    Parameters
    ----------
    target : str, path-like or binary file object
        As for `save_image`. Of a file object only the kind is checked.
    format : str, optional
        As for `save_image`.
    side : int, optional
        The longer side of the picture to come, in pixels.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError
        If the file cannot be written there.
    TypeError
        If `target` is neither a path nor a binary file object, or `format` no string.
    ValueError
        If the format is unknown or missing, or cannot hold so long a side, or `target` is a device
        or the like.

    Notes
    -----
    The folder is tried with an empty temporary file, which is removed at once.

    Examples
    --------
    >>> check_target("a.gif")
    Traceback (most recent call last):
    ValueError: target: expected a suffix among jpg, jpeg, png, tif, tiff, webp, received 'a.gif'
    """
    kind = _kind(target, format)
    if side is not None:
        _check_side("size", kind, side)
    if isinstance(target, str | os.PathLike):
        check_place(target)


def _check_side(argument: str, kind: str, side: int) -> None:
    if side > _LONGEST.get(kind, side):
        raise ValueError(
            f"{argument}: expected at most {_LONGEST[kind]} pixels a side for {kind}, "
            f"received {side}"
        )


def _kind(target: PathOrFile, format: str | None) -> str:
    """Return Pillow's name of the format to write."""
    check_target_kind(target)
    known = ", ".join(_FORMATS)
    if format is not None:
        if not isinstance(format, str):
            raise TypeError(f"format: expected a string, received {shown(format)}")
        if format.lower() not in _FORMATS:
            raise ValueError(f"format: expected one of {known}, received {shown(format)}")
        return _FORMATS[format.lower()]
    # An open file without a name has a number in its place.
    place = target if isinstance(target, str | os.PathLike) else getattr(target, "name", None)
    suffix = Path(place).suffix[1:].lower() if isinstance(place, str | os.PathLike) else ""
    if suffix in _FORMATS:
        return _FORMATS[suffix]
    if isinstance(target, str | os.PathLike):
        raise ValueError(f"target: expected a suffix among {known}, received {quoted(target)}")
    raise ValueError(f"format: expected one of {known} with a file object, received None")


def _encode(pixels: NDArray[np.uint8], kind: str, quality: int, texts: dict[str, str]) -> bytes:
    options: dict[str, dict[str, Any]] = {
        "PNG": {},
        "JPEG": {"quality": quality, "subsampling": 0},
        "TIFF": {"compression": "tiff_adobe_deflate"},
        # "exact" keeps the colour below transparent pixels, which WebP otherwise discards.
        "WEBP": {"quality": quality, "lossless": quality == 100, "exact": True},
    }
    notes = _text_options(kind, texts) if texts else {}
    file = io.BytesIO()
    try:
        Image.fromarray(pixels).save(file, kind, **options[kind], **notes)
    except (OSError, ValueError, KeyError) as error:  # too large a side, or no such encoder
        raise ValueError(f"cannot encode the image as {kind}: {reason(error)}") from error
    return file.getvalue()


def _text_options(kind: str, texts: dict[str, str]) -> dict[str, Any]:
    if kind == "PNG":
        chunks = PngInfo()
        for key, value in texts.items():
            chunks.add_itxt(key, value)
        return {"pnginfo": chunks}
    note = json.dumps(texts)  # escaped to ASCII, which is all that these fields can hold
    if kind == "JPEG":
        return {"comment": note}
    if kind == "TIFF":
        return {"description": note}
    exif = Image.Exif()
    exif[IMAGE_DESCRIPTION] = note
    return {"exif": exif}


def _check_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata: expected a mapping of str to str, received {shown(metadata)}")
    texts = {}
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata: expected str to str, received {shown(key)}: {shown(value)}")
        if not re.fullmatch(r"(?! )[ -~]{1,79}(?<! )", key):
            raise ValueError(
                "metadata: expected keys of 1 to 79 printable ASCII characters "
                f"without a space at either end, received {shown(key)}"
            )
        # A file's name may hold what is no text; a note is not worth losing a picture over it.
        texts[key] = value.encode(errors="replace").decode()
    return texts
