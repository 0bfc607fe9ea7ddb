"""Reading pictures: files of any kind to float arrays.

Everywhere in the library a picture is a NumPy float32 array of shape (height, width, 3): RGB in
the sRGB encoding, with values in [0, 1].
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Literal, TypeAlias, overload

import numpy as np
from PIL import Image

from neuralstyle._checks import shown, whole_number
from neuralstyle._files import reason
from neuralstyle._types import Floats
from neuralstyle.images.arrays import check_size, resize, scaled_size, size_within
from neuralstyle.images.decode import decode
from neuralstyle.images.formats import Decoded, animated, open_picture, quiet
from neuralstyle.images.metadata import Metadata
from neuralstyle.images.sources import PathOrFile as PathOrFile
from neuralstyle.images.sources import opened

Source: TypeAlias = PathOrFile | Image.Image
Size: TypeAlias = int | tuple[int, int]
Wanted: TypeAlias = Callable[[tuple[int, int]], tuple[int, int]]
"""Takes (height, width) of a whole picture, and returns what is wanted of it."""

MAX_PIXELS = 1 << 28
"""268 million, as of 16384 by 16384: more than cameras have."""

MAX_SIDE = 300_000
"""Paint programs save no longer sides, and no longer ones are painted."""

IMAGE_DESCRIPTION = 0x010E  # the TIFF and EXIF tag


@overload
def load_image(
    source: Source,
    *,
    size: Size | None = ...,
    max_size: int | None = ...,
    shorter: int | None = ...,
    background: Sequence[float] = ...,
    return_alpha: Literal[False] = ...,
    max_pixels: int = ...,
) -> Floats: ...
@overload
def load_image(
    source: Source,
    *,
    size: Size | None = ...,
    max_size: int | None = ...,
    shorter: int | None = ...,
    background: Sequence[float] = ...,
    return_alpha: Literal[True],
    max_pixels: int = ...,
) -> tuple[Floats, Floats | None]: ...
def load_image(
    source: Source,
    *,
    size: Size | None = None,
    max_size: int | None = None,
    shorter: int | None = None,
    background: Sequence[float] = (1.0, 1.0, 1.0),
    return_alpha: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Floats | tuple[Floats, Floats | None]:
    """Read a picture as an upright sRGB float array.

    Parameters
    ----------
    source : str, path-like, binary file object or PIL.Image.Image
        The picture; of an animation, the first frame, which is logged. A file object is read from
        its current position to its end, and so is a pipe that has a path.
    size : int or (int, int), optional
        The size wanted in pixels, smaller or larger: ``(height, width)`` exactly, or the longer
        side with the aspect kept. By default the picture keeps its size.
    max_size : int, optional
        Shrink the picture, aspect kept, if its longer side exceeds this. Excludes `size`.
    shorter : int, optional
        The shorter side wanted in pixels, with the aspect kept, where others take the longer.
        Excludes `size` and `max_size`.
    background : sequence of 3 floats, default (1.0, 1.0, 1.0)
        The RGB colour in [0, 1] on which a transparent picture is laid.
    return_alpha : bool, default False
        Return the opacity too; `save_image` can put it back.
    max_pixels : int, default 268435456
        Refuse a picture that has more pixels, by its header, before any memory is taken.

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
        If the content is not a whole picture that can be decoded, if it has more than `max_pixels`
        or a side above 300,000, if it is a device or a socket, or if an option is out of range.

    Notes
    -----
    JPEG, PNG, WebP, TIFF, GIF, BMP, JPEG 2000, AVIF, PPM, PFM, PSD, ICO, PCX, QOI, SGI, DDS and TGA
    are read; HEIC with the extra ``[heif]``, JPEG XL with ``[jxl]``, and TIFF of
    floating-point colour with ``[tiff]``. What a file is called does not matter.

    A picture is shrunk while it is read, so that a large photograph takes little memory: a JPEG is
    decoded at no less than 3 times the size wanted, and the rest is Lanczos' filter.

    The EXIF orientation is applied, and an embedded colour profile is converted to sRGB; where
    either is damaged it is ignored with a logged warning. Greyscale of more than 8 bits keeps its
    precision unless it has a profile to convert; Pillow itself reduces 16-bit colour to 8 bits.
    Integer greyscale is taken to span [0, 65535], with a logged warning where the values use a
    quarter of that at most; floats [0, 1], or [0, 255] where any value exceeds 1.

    Examples
    --------
    >>> from PIL import Image
    >>> load_image(Image.new("L", (640, 480), 255), max_size=320).shape
    (240, 320, 3)
    """
    wanted = _wanted(size, max_size, shorter)
    image, alpha = read_picture(source, wanted, background=background, max_pixels=max_pixels)
    return (image, alpha) if return_alpha else image


def read_picture(
    source: Source,
    wanted: Wanted,
    *,
    background: Sequence[float] = (1.0, 1.0, 1.0),
    max_pixels: int = MAX_PIXELS,
) -> tuple[Floats, Floats | None]:
    """Read a picture and its opacity, at a size that depends on its own.

    Parameters
    ----------
    source, background, max_pixels
        As for `load_image`.
    wanted : callable
        Takes (height, width) of the whole upright picture, and returns those wanted.

    Returns
    -------
    image, alpha
        As of `load_image`.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, TypeError, ValueError
        As for `load_image`.

    Examples
    --------
    >>> from PIL import Image
    >>> read_picture(Image.new("L", (640, 480)), lambda shape: (shape[0] // 2, 7))[0].shape
    (240, 7, 3)
    """
    paper = _check_background(background)
    sizes: list[tuple[int, int]] = []

    def asked(shape: tuple[int, int]) -> tuple[int, int]:
        sizes.append(wanted(shape))
        return sizes[-1]

    with _opened(source, max_pixels) as (picture, name):
        image, alpha = decode(picture, asked, name, paper, ours=picture is not source)
    size = sizes[-1]
    if image.shape[:2] != size:
        image = resize(image, size)
        alpha = None if alpha is None else resize(alpha, size)
    return image, alpha


def covering(side: int) -> Wanted:
    """Return what shrinks a picture that is looked at with sides of at most `side`.

    The shorter side is left at twice that, whatever the proportions are: what is scaled from there
    cannot be told from what is scaled from the whole, and a mask still covers parts of pixels.

    Examples
    --------
    >>> covering(50)((400, 800)), covering(50)((80, 800))
    ((100, 200), (80, 800))
    """
    return lambda shape: scaled_size(
        shape, min(max(shape), math.ceil(2 * side * max(shape) / min(shape)))
    )


def is_animation(source: Source, max_pixels: int = MAX_PIXELS) -> bool:
    """Tell whether it is an animation, of which `load_image` reads the first frame."""
    with _opened(source, max_pixels) as (picture, _):
        return animated(picture)


def check_picture(source: Source, max_pixels: int = MAX_PIXELS) -> None:
    """Refuse what is no picture as far as its header tells, as `load_image` would."""
    with _opened(source, max_pixels):
        pass


def load_metadata(source: Source, *, max_pixels: int = MAX_PIXELS) -> Metadata:
    """Read back the texts that `save_image` stored with a picture.

    Parameters
    ----------
    source : str, path-like, binary file object or PIL.Image.Image
        The picture, as for `load_image`.
    max_pixels : int, default 268435456
        As for `load_image`.

    Returns
    -------
    Metadata
        A dict of str to str: all text chunks of a PNG file, whoever wrote them; for JPEG, TIFF and
        WebP what `save_image` wrote. Empty if there is nothing of the kind. Its `options` are those
        with which `stylize` has painted the picture.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, TypeError, ValueError
        As for `load_image`, but that of most formats the header alone is read.

    Examples
    --------
    >>> import io
    >>> from neuralstyle import save_image
    >>> file = io.BytesIO()
    >>> save_image(file, np.zeros((4, 4, 3)), format="webp", metadata={"seed": "7"})
    >>> load_metadata(io.BytesIO(file.getvalue()))
    {'seed': '7'}
    """
    content = None
    with _opened(source, max_pixels) as (picture, _):
        if isinstance(picture, Image.Image):
            if picture.format == "PNG":  # texts may come after the pixels
                picture.load()
            content = getattr(picture, "text", None) or _note(picture)
    if not isinstance(content, dict):
        content = {}
    return Metadata({str(k): str(v) for k, v in content.items() if isinstance(v, str)})


def _note(picture: Image.Image) -> object:
    """Return what a comment holds, if it is JSON."""
    note = picture.info.get("comment") or picture.getexif().get(IMAGE_DESCRIPTION)
    try:
        return json.loads(note or "")
    except (TypeError, ValueError, RecursionError):  # none, or by another program
        return None


# Reading


class _TooMany(ValueError):
    """More pixels than the argument allows: no fault of the file."""


@contextmanager
def _opened(source: Source, max_pixels: int) -> Iterator[tuple[Decoded, str]]:
    """Open `source`; whatever goes wrong with its content becomes one ValueError."""
    most = whole_number("max_pixels", max_pixels, 1)
    if isinstance(source, Image.Image):
        name = "the given PIL image"
        with _reading(name):
            _check_pixels(*source.size, most, name)
            yield source, name
        return
    with opened(source, most) as (name, file), _reading(name):
        yield open_picture(file, lambda w, h: _check_pixels(w, h, most, name)), name


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        with quiet():
            yield
    except (MemoryError, _TooMany):
        raise
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"cannot read {name}: {reason(error)}; it is Pillow's own limit, which follows "
            "PIL.Image.MAX_IMAGE_PIXELS"
        ) from error
    except Exception as error:  # on damaged data decoders raise nearly anything
        raise ValueError(f"cannot read {name}: {reason(error)}") from error


def _check_pixels(width: int, height: int, most: int, name: str) -> None:
    if max(width, height) > MAX_SIDE:
        raise ValueError(f"of {width} x {height} pixels one side is longer than {MAX_SIDE}")
    if width * height > most:
        raise _TooMany(
            f"max_pixels: expected at most {most} pixels, received {width * height} "
            f"({width} x {height}) in {name}; if you trust it, ask for more"
        )


def _wanted(size: Size | None, max_size: int | None, shorter: int | None) -> Wanted:
    """Check what size is asked for; return what applies it to a picture's own."""
    asked = {"size": size, "max_size": max_size, "shorter": shorter}
    given = {name: value for name, value in asked.items() if value is not None}
    if len(given) > 1:
        first, second = list(given)[:2]
        raise ValueError(
            f"{second}: expected None with {first}={given[first]!r}, received {given[second]!r}"
        )
    if shorter is not None:
        least = whole_number("shorter", shorter, 1)
        return lambda shape: (
            round(shape[0] * least / min(shape)),
            round(shape[1] * least / min(shape)),
        )
    if isinstance(size, int | np.integer):
        longer = whole_number("size", size, 1)
        return lambda shape: scaled_size(shape, longer)
    if size is not None:
        exactly = check_size(size)
        return lambda shape: exactly
    if max_size is not None:
        most = whole_number("max_size", max_size, 1)
        return lambda shape: size_within(shape, most)
    return lambda shape: shape


def _check_background(background: Sequence[float]) -> Floats:
    values = background.tolist() if isinstance(background, np.ndarray) else background
    expected = "background: expected three numbers in [0, 1]"
    if not isinstance(values, Sequence) or not all(isinstance(value, Real) for value in values):
        raise TypeError(f"{expected}, received {shown(values)}")
    if len(values) != 3 or not all(0 <= value <= 1 for value in values):
        raise ValueError(f"{expected}, received {shown(values)}")
    return np.array(values, dtype=np.float32)
