"""Pictures in and out: files of any kind on one side, float arrays on the other.

Everywhere in the library a picture is a NumPy float32 array of shape (height, width, 3): RGB in
the sRGB encoding, with values in [0, 1].
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from neuralstyle.files import check_place, quoted, reason, replacing

Floats: TypeAlias = NDArray[np.float32]
PathOrFile: TypeAlias = str | os.PathLike[str] | IO[bytes]
Source: TypeAlias = PathOrFile | Image.Image
Size: TypeAlias = int | tuple[int, int]

_FORMATS = {
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "png": "PNG",
    "tif": "TIFF",
    "tiff": "TIFF",
    "webp": "WEBP",
}
_TOLERANCE = 1e-3  # how far rounding may push a value out of [0, 1] before it counts as a mistake
_IMAGE_DESCRIPTION = 0x010E  # the TIFF and EXIF tag
_log = logging.getLogger(__name__)


@overload
def load_image(
    source: Source,
    *,
    size: Size | None = ...,
    max_size: int | None = ...,
    background: Sequence[float] = ...,
    return_alpha: Literal[False] = ...,
) -> Floats: ...
@overload
def load_image(
    source: Source,
    *,
    size: Size | None = ...,
    max_size: int | None = ...,
    background: Sequence[float] = ...,
    return_alpha: Literal[True],
) -> tuple[Floats, Floats | None]: ...
def load_image(
    source: Source,
    *,
    size: Size | None = None,
    max_size: int | None = None,
    background: Sequence[float] = (1.0, 1.0, 1.0),
    return_alpha: bool = False,
) -> Floats | tuple[Floats, Floats | None]:
    """Read a picture as an upright sRGB float array.

    Parameters
    ----------
    source : str, path-like, binary file object or PIL.Image.Image
        The picture, in any format that Pillow reads; of an animation, the first frame. A file
        object is read from its current position to its end.
    size : int or (int, int), optional
        The size wanted in pixels, smaller or larger: ``(height, width)`` exactly, or the longer
        side with the aspect kept. By default the picture keeps its size.
    max_size : int, optional
        Shrink the picture, aspect kept, if its longer side exceeds this. Excludes `size`.
    background : sequence of 3 floats, default (1.0, 1.0, 1.0)
        The RGB colour in [0, 1] on which a transparent picture is laid.
    return_alpha : bool, default False
        Return the opacity too; `save_image` can put it back.

    Returns
    -------
    image : ndarray of float32, shape (height, width, 3)
        Values in [0, 1].
    alpha : ndarray of float32, shape (height, width), or None
        Only with `return_alpha`: the opacity in [0, 1], None if the file has no transparency.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        If the file cannot be opened.
    TypeError
        If `source` or an option is of the wrong kind.
    ValueError
        If the content is not a whole picture that Pillow can decode, if it has more pixels than
        ``PIL.Image.MAX_IMAGE_PIXELS`` allows, or if an option is out of range.

    Notes
    -----
    The EXIF orientation is applied, and an embedded colour profile is converted to sRGB; where
    either is damaged it is ignored with a logged warning. Greyscale of more than 8 bits keeps its
    precision unless it has a profile to convert; Pillow itself reduces 16-bit colour to 8 bits.
    Integer greyscale is taken to span [0, 65535], and float greyscale [0, 1], or [0, 255] where
    any value exceeds 1.

    Examples
    --------
    >>> from PIL import Image
    >>> load_image(Image.new("L", (640, 480), 255), max_size=320).shape
    (240, 320, 3)
    """
    paper = _check_background(background)
    with _opened(source) as (picture, name):
        image, alpha = _to_arrays(_upright(picture, name), name)
    if alpha is not None:
        image = paper + alpha[..., np.newaxis] * (image - paper)
    height, width = _wanted_size(image.shape, size, max_size)
    if (height, width) != image.shape[:2]:
        image = resize(image, (height, width))
        alpha = None if alpha is None else resize(alpha, (height, width))
    return (image, alpha) if return_alpha else image


def load_metadata(source: Source) -> dict[str, str]:
    """Read back the texts that `save_image` stored with a picture.

    Parameters
    ----------
    source : str, path-like, binary file object or PIL.Image.Image
        The picture, as for `load_image`.

    Returns
    -------
    dict of str to str
        All text chunks of a PNG file, whoever wrote them; for JPEG, TIFF and WebP what
        `save_image` wrote. Empty if there is nothing of the kind.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, TypeError, ValueError
        As for `load_image`.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> save_image(file, np.zeros((4, 4, 3)), format="webp", metadata={"seed": "7"})
    >>> load_metadata(io.BytesIO(file.getvalue()))
    {'seed': '7'}
    """
    with _opened(source) as (picture, _):
        content = getattr(picture, "text", None)
        if not content:
            note = picture.info.get("comment") or picture.getexif().get(_IMAGE_DESCRIPTION)
            try:
                content = json.loads(note or "")
            except (TypeError, ValueError, RecursionError):  # none, or by another program
                content = None
    if not isinstance(content, dict):
        return {}
    return {str(key): str(value) for key, value in content.items() if isinstance(value, str)}


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
        as it was.
    image : array_like of float, shape (height, width, 3)
        The picture, with values in [0, 1]; see `check_image`.
    alpha : array_like of float, shape (height, width), optional
        The opacity in [0, 1]; not for JPEG.
    format : str, optional
        ``"png"``, ``"jpeg"``, ``"tiff"`` or ``"webp"``. Told from the suffix of a path by
        default; required for a file object.
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
    ValueError
        If the format is unknown or cannot hold the picture, or a value is out of range.

    Notes
    -----
    PNG stores each text in a chunk under its key; JPEG (comment), TIFF and WebP (EXIF
    ``ImageDescription``) store one JSON object. What UTF-8 cannot encode becomes ``?``.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> save_image(file, np.full((4, 4, 3), 0.5), format="png")
    >>> load_image(io.BytesIO(file.getvalue())).shape
    (4, 4, 3)
    """
    check_target(target, format)
    kind = _kind(target, format)
    pixels = check_image(image)
    if alpha is not None:
        if kind == "JPEG":
            raise ValueError("alpha: expected None for a JPEG file, received an array")
        opacity = _float_array(alpha, "alpha")
        if opacity.shape != pixels.shape[:2]:
            raise ValueError(
                f"alpha: expected the image's shape {pixels.shape[:2]}, received {opacity.shape}"
            )
        pixels = np.dstack([pixels, _check_range(opacity, "alpha")])
    _check_integer(quality, "quality", 100)
    texts = _check_metadata({} if metadata is None else metadata)
    data = _encode(np.rint(pixels * 255).astype(np.uint8), kind, quality, texts)
    if isinstance(target, str | os.PathLike):
        with replacing(target) as file:
            file.write(data)
    else:
        target.write(data)


def check_target(target: PathOrFile, format: str | None = None) -> None:
    """Check, before any long work, that `save_image` could write to a target.

    Parameters
    ----------
    target : str, path-like or binary file object
        As for `save_image`. Of a file object only the kind is checked.
    format : str, optional
        As for `save_image`.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError
        If the file cannot be written there.
    TypeError
        If `target` is neither a path nor a binary file object, or `format` no string.
    ValueError
        If the format is unknown or missing, or `target` is a device or the like.

    Notes
    -----
    The folder is tried with an empty temporary file, which is removed at once.

    Examples
    --------
    >>> check_target("a.gif")
    Traceback (most recent call last):
    ValueError: target: expected a suffix among jpg, jpeg, png, tif, tiff, webp, received 'a.gif'
    """
    _kind(target, format)
    if isinstance(target, str | os.PathLike):
        check_place(target)


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
    array = _float_array(image, name)
    shape = array.shape
    if len(shape) == 4 and shape[0] == 1:
        array = array[0]
    if array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise ValueError(
            f"{name}: expected shape (height, width, 3) or (1, height, width, 3), received {shape}"
        )
    return _check_range(array, name)


def resize(image: Floats, size: tuple[int, int]) -> Floats:
    """Resample an array of pixels, with antialiasing.

    Parameters
    ----------
    image : ndarray of float, shape (height, width) or (height, width, channels)
        Values in [0, 1].
    size : (int, int)
        The new ``(height, width)`` in pixels.

    Returns
    -------
    ndarray of float32, of the new size and with the same channels
        Always a new array; clipped to [0, 1], which the filters overshoot at edges.

    Raises
    ------
    TypeError
        If `image` is no float array, or `size` no pair of integers.
    ValueError
        If `image` has another shape, or `size` is not positive.

    Notes
    -----
    The filter is Lanczos where either side shrinks, else bicubic. An array which has the size
    already is copied unchanged.

    Examples
    --------
    >>> resize(np.ones((4, 6, 3), np.float32), (2, 3)).shape
    (2, 3, 3)
    """
    array = _float_array(image, "image").astype(np.float32)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(
            "image: expected shape (height, width) or (height, width, channels), "
            f"received {array.shape}"
        )
    height, width = _check_size(size)
    if (height, width) == array.shape[:2]:
        return array
    shrinks = height < array.shape[0] or width < array.shape[1]
    method = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    # Pillow resamples 8-bit RGB or one float channel; only the latter keeps the precision.
    channels = [
        np.asarray(Image.fromarray(channel).resize((width, height), method))
        for channel in np.moveaxis(np.atleast_3d(array), 2, 0)
    ]
    resized: Floats = np.stack(channels, axis=2).reshape(height, width, *array.shape[2:])
    return resized.clip(0, 1)


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
            f"shape: expected (height, width) or (height, width, channels), received {shape!r}"
        )
    sides = [_check_integer(side, "shape", what="sides") for side in shape[:2]]
    _check_integer(longer_side, "longer_side")
    # Multiplied first, so that the longer side comes out exact.
    height, width = (max(1, round(side * longer_side / max(sides))) for side in sides)
    return height, width


# Reading


@contextmanager
def _opened(source: Source) -> Iterator[tuple[Image.Image, str]]:
    """Decode `source`; whatever goes wrong with its content becomes one ValueError."""
    name, data = "the given PIL image", b""
    if not isinstance(source, Image.Image):
        name, data = _read(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = source if isinstance(source, Image.Image) else Image.open(io.BytesIO(data))
            picture.load()
            yield picture, name
    except MemoryError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ValueError(
            f"cannot read {name}: {reason(error)}; "
            "if you trust it, raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from error
    except UnidentifiedImageError as error:
        why = "it is no picture in a format that Pillow knows" if data else "it is empty"
        raise ValueError(f"cannot read {name}: {why}") from error
    except Exception as error:  # on damaged data Pillow's decoders raise nearly anything
        raise ValueError(f"cannot read {name}: {reason(error)}") from error


def _read(source: PathOrFile) -> tuple[str, bytes]:
    """Return what messages call the file, and its content."""
    if isinstance(source, str | os.PathLike):
        name = quoted(source)
        if os.path.isdir(source):  # Windows would speak of permission
            raise IsADirectoryError(f"cannot read {name}: it is a folder")
        try:
            return name, Path(source).read_bytes()
        except OSError as error:
            raise type(error)(f"cannot read {name}: {reason(error)}") from error
    if not hasattr(source, "read") or isinstance(source, io.TextIOBase):
        raise TypeError(
            "source: expected a path, a binary file object or a PIL image, "
            f"received {type(source).__name__}"
        )
    label = getattr(source, "name", None)
    return repr(label) if isinstance(label, str) else "the given file object", source.read()


def _upright(picture: Image.Image, name: str) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception as error:  # EXIF is parsed only here, and may be as damaged as anything
        _log.warning("%s: its EXIF data is ignored: %s", name, reason(error))
        return picture


def _to_arrays(picture: Image.Image, name: str) -> tuple[Floats, Floats | None]:
    """Split a picture into sRGB colour (H, W, 3) and alpha (H, W) or None, all in [0, 1]."""
    profile = picture.info.get("icc_profile")
    alpha = None
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture)
        if "transparency" in picture.info:
            alpha = (values != picture.info["transparency"]).astype(np.float32)
        grey = _deep_grey(values)
        if not profile:
            return np.repeat(grey[..., np.newaxis], 3, axis=2), alpha
        picture = Image.fromarray(np.rint(grey * 255).astype(np.uint8))
    elif picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        alpha = _from_bytes(rgba.getchannel("A"))
        # A greyscale profile fits only a greyscale picture.
        picture = rgba.convert("L" if picture.mode in ("L", "LA") else "RGB")
    if profile:
        picture = _to_srgb(picture, profile, name)
    return _from_bytes(picture.convert("RGB")), alpha


def _from_bytes(picture: Image.Image) -> Floats:
    values: Floats = np.asarray(picture, dtype=np.float32) / np.float32(255)
    return values


def _deep_grey(values: NDArray[Any]) -> Floats:
    """Scale greyscale of more than 8 bits to [0, 1]."""
    low, high = float(values.min()), float(values.max())
    white = 65535 if values.dtype.kind in "iu" else 255 if high > 1 else 1
    if not (low >= 0 and high <= white):  # so put, it catches NaN too
        raise ValueError(f"its grey values range from {low:g} to {high:g}, not within [0, {white}]")
    return (values / white).astype(np.float32)


def _to_srgb(picture: Image.Image, profile: bytes, name: str) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space == "RGB":
            picture = picture.convert("RGB")
        if picture.mode != {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(space):
            raise ValueError(f"a profile for {space} does not fit a picture in {picture.mode}")
        target = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(source, target, picture.mode, "RGB").apply(picture)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError) as error:
        _log.warning("%s: its colour profile is ignored: %s", name, reason(error))
        return picture


def _wanted_size(
    shape: tuple[int, ...], size: Size | None, max_size: int | None
) -> tuple[int, int]:
    if size is not None and max_size is not None:
        raise ValueError(f"max_size: expected None with size={size!r}, received {max_size!r}")
    longer = max(shape[:2])
    if isinstance(size, int | np.integer):
        longer = _check_integer(size, "size")
    elif size is not None:
        return _check_size(size)
    elif max_size is not None:
        longer = min(longer, _check_integer(max_size, "max_size"))
    return scaled_size(shape, longer)


# Writing


def _kind(target: PathOrFile, format: str | None) -> str:
    """Return Pillow's name of the format to write."""
    if not isinstance(target, str | os.PathLike) and (
        not hasattr(target, "write") or isinstance(target, io.TextIOBase)
    ):
        raise TypeError(
            f"target: expected a path or a binary file object, received {type(target).__name__}"
        )
    known = ", ".join(_FORMATS)
    if format is not None:
        if not isinstance(format, str):
            raise TypeError(f"format: expected a string, received {format!r}")
        if format.lower() not in _FORMATS:
            raise ValueError(f"format: expected one of {known}, received {format!r}")
        return _FORMATS[format.lower()]
    if not isinstance(target, str | os.PathLike):
        raise ValueError(f"format: expected one of {known} with a file object, received None")
    suffix = Path(target).suffix[1:].lower()
    if suffix not in _FORMATS:
        raise ValueError(f"target: expected a suffix among {known}, received {quoted(target)}")
    return _FORMATS[suffix]


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
    exif[_IMAGE_DESCRIPTION] = note
    return {"exif": exif}


# Checking


def _float_array(value: object, name: str) -> NDArray[np.floating[Any]]:
    hint = "; use load_image" if isinstance(value, Image.Image) else ""
    received = type(value).__name__
    if not hint:
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, RuntimeError):
            array = np.asarray(None)  # no array at all, such as a ragged list
        if np.issubdtype(array.dtype, np.floating):
            return array
        received += f" of {array.dtype}"
        hint = "; divide by 255 or use load_image" if array.dtype.kind in "iu" else ""
    raise TypeError(f"{name}: expected an array of floats in [0, 1], received {received}{hint}")


def _check_range(array: NDArray[np.floating[Any]], name: str) -> Floats:
    if not np.isfinite(array).all():
        count = np.count_nonzero(~np.isfinite(array))
        raise ValueError(
            f"{name}: expected finite values, received {count} that are NaN or infinite"
        )
    low, high = float(array.min()), float(array.max())
    if low < -_TOLERANCE or high > 1 + _TOLERANCE:
        hint = "; divide by 255" if high > 2 else ""
        raise ValueError(
            f"{name}: expected values in [0, 1], received values from {low:g} to {high:g}{hint}"
        )
    values: Floats = array.astype(np.float32, copy=False)
    return np.clip(values, 0, 1) if low < 0 or high > 1 else values


def _check_integer(value: object, name: str, most: int | None = None, what: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        kind = f"{what} in whole numbers" if what else "a whole number"
        raise TypeError(f"{name}: expected {kind}, received {value!r}")
    if value < 1 or (most is not None and value > most):
        limits = "at least 1" if most is None else f"from 1 to {most}"
        raise ValueError(
            f"{name}: expected {what + ' of ' if what else ''}{limits}, received {value}"
        )
    return int(value)


def _check_size(size: Sequence[int]) -> tuple[int, int]:
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise TypeError(f"size: expected a pair (height, width), received {size!r}")
    height, width = (_check_integer(side, "size", what="sides") for side in size)
    return height, width


def _check_background(background: Sequence[float]) -> Floats:
    values = background.tolist() if isinstance(background, np.ndarray) else background
    expected = "background: expected three numbers in [0, 1]"
    if not isinstance(values, Sequence) or not all(isinstance(value, Real) for value in values):
        raise TypeError(f"{expected}, received {values!r}")
    if len(values) != 3 or not all(0 <= value <= 1 for value in values):
        raise ValueError(f"{expected}, received {values!r}")
    return np.array(values, dtype=np.float32)


def _check_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata: expected a mapping of str to str, received {metadata!r}")
    texts = {}
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata: expected str to str, received {key!r}: {value!r}")
        if not re.fullmatch(r"(?! )[ -~]{1,79}(?<! )", key):
            raise ValueError(
                "metadata: expected keys of 1 to 79 printable ASCII characters "
                f"without a space at either end, received {key!r}"
            )
        # A file's name may hold what is no text; a note is not worth losing a picture over it.
        texts[key] = value.encode(errors="replace").decode()
    return texts
