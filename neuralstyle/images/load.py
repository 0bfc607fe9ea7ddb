"""Reading pictures: files of any kind to float arrays.

Everywhere in the library a picture is a NumPy float32 array of shape (height, width, 3): RGB in
the sRGB encoding, with values in [0, 1].
"""

from __future__ import annotations

import io
import json
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from neuralstyle._checks import whole_number
from neuralstyle._files import quoted, reason
from neuralstyle._types import Floats
from neuralstyle.images.arrays import check_size, resize, scaled_size

PathOrFile: TypeAlias = str | os.PathLike[str] | IO[bytes]
Source: TypeAlias = PathOrFile | Image.Image
Size: TypeAlias = int | tuple[int, int]

IMAGE_DESCRIPTION = 0x010E  # the TIFF and EXIF tag
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
    >>> from neuralstyle import save_image
    >>> file = io.BytesIO()
    >>> save_image(file, np.zeros((4, 4, 3)), format="webp", metadata={"seed": "7"})
    >>> load_metadata(io.BytesIO(file.getvalue()))
    {'seed': '7'}
    """
    with _opened(source) as (picture, _):
        content = getattr(picture, "text", None)
        if not content:
            note = picture.info.get("comment") or picture.getexif().get(IMAGE_DESCRIPTION)
            try:
                content = json.loads(note or "")
            except (TypeError, ValueError, RecursionError):  # none, or by another program
                content = None
    if not isinstance(content, dict):
        return {}
    return {str(key): str(value) for key, value in content.items() if isinstance(value, str)}


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
        longer = whole_number("size", size, 1)
    elif size is not None:
        return check_size(size)
    elif max_size is not None:
        longer = min(longer, whole_number("max_size", max_size, 1))
    return scaled_size(shape, longer)


def _check_background(background: Sequence[float]) -> Floats:
    values = background.tolist() if isinstance(background, np.ndarray) else background
    expected = "background: expected three numbers in [0, 1]"
    if not isinstance(values, Sequence) or not all(isinstance(value, Real) for value in values):
        raise TypeError(f"{expected}, received {values!r}")
    if len(values) != 3 or not all(0 <= value <= 1 for value in values):
        raise ValueError(f"{expected}, received {values!r}")
    return np.array(values, dtype=np.float32)
