"""Which formats of pictures are read, and by what: Pillow, packages of the extras, or code here.

The list is the library's own. Pillow knows many more, of which some start other programs.
"""

from __future__ import annotations

import importlib
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

from numpy.typing import NDArray
from PIL import Image

from neuralstyle.images.samples import read_float_tiff, read_pfm

Decoded: TypeAlias = "Image.Image | NDArray[Any]"
"""A picture whose size is known; or its samples, of shape (height, width, channels)."""

CheckSize: TypeAlias = Callable[[int, int], None]
"""Takes a width and a height, and raises an error where they are too much."""

FORMATS = (
    *("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "JPEG2000", "AVIF"),
    *("PPM", "PSD", "ICO", "PCX", "QOI", "SGI", "DDS"),
    "TGA",  # it has no signature, and is asked last
)
"""What Pillow decodes for us."""

_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_JXL_BOX = b"\0\0\0\x0cJXL \r\n\x87\n"
_OTHERS = {
    b"%!PS": "a PostScript file",
    b"\xc5\xd0\xd3\xc6": "a PostScript file",
    b"%PDF": "a PDF file",
    b"<svg": "an SVG file",
    b"<?xm": "an XML file, perhaps an SVG",
}
"""What else is called a picture, to be named in messages."""


@dataclass(frozen=True)
class Extra:
    """A format that is read where an optional package is installed.

    Attributes
    ----------
    kind : str
        The format.
    name : str
        The extra of this package.
    module : str
        What it installs.
    factory : str
        The class in it that Pillow would be given.
    """

    kind: str
    name: str
    module: str
    factory: str

    def open(self, file: IO[bytes]) -> Image.Image:
        """Open a picture. Nothing is registered with Pillow: its other users see no difference."""
        picture: Image.Image = getattr(needed(self.kind, self.name, self.module), self.factory)(
            file, ""
        )
        return picture


EXTRAS = {
    "HEIC": Extra("a HEIC picture", "heif", "pi_heif", "HeifImageFile"),
    "JXL": Extra("a JPEG XL picture", "jxl", "pillow_jxl.JpegXLImagePlugin", "JXLImageFile"),
}


def needed(kind: str, extra: str, module: str) -> Any:
    """Import what an extra installs, or say that it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ValueError(
            f"it is {kind}, for which the extra [{extra}] is needed: "
            f'in the checkout of neuralstyle, pip install ".[{extra}]"'
        ) from error


def animated(picture: Decoded) -> bool:
    """Tell whether a picture moves: pages of a TIFF file and layers do not."""
    if not isinstance(picture, Image.Image) or picture.format not in ("GIF", "WEBP", "PNG", "AVIF"):
        return False
    try:
        return bool(getattr(picture, "is_animated", False))
    except Exception:  # what comes after the first frame may be damaged
        return False


def open_picture(file: IO[bytes], check: CheckSize) -> Decoded:
    """Find out what a file is, and open it.

    Parameters
    ----------
    file : binary file, seekable
    check : callable
        Looks at the size before memory is taken.

    Returns
    -------
    PIL.Image.Image or array, shape (height, width, channels)
        A picture that Pillow will decode, or samples that it cannot.

    Raises
    ------
    ValueError
        If it is in no format of the list, or the extra for it is missing.
    Exception
        Whatever a decoder raises on damaged data.
    """
    head = file.read(4096)
    file.seek(0)
    if not head:
        raise ValueError("it is empty")
    if head[:2] == b"PF":
        return read_pfm(file, check)
    if _brands(head) & _HEIC:
        picture: Image.Image | None = EXTRAS["HEIC"].open(file)
    elif head[:2] == b"\xff\x0a" or head.startswith(_JXL_BOX):
        _check_jxl(head, check)  # its package decodes all of it when it opens
        picture = EXTRAS["JXL"].open(file)
    else:
        picture = _by_pillow(file, head)
    if picture is None and head[:4] in (b"II*\0", b"MM\0*"):
        kind = "a TIFF file that Pillow does not read, such as one of floating-point colour"
        file.seek(0)
        return read_float_tiff(needed(kind, "tiff", "tifffile"), file, check)
    if picture is None:
        if _brands(head) & {b"avif", b"avis"} and "AVIF" not in Image.OPEN:
            raise ValueError("it is an AVIF picture, which Pillow reads from version 11.3 on")
        name = _OTHERS.get(head.lstrip()[:4].lower(), _OTHERS.get(head[:4]))
        known = f"{name}, no" if name else "no"
        raise ValueError(f"it is {known} picture in a format that neuralstyle reads")
    check(*picture.size)
    return picture


def _by_pillow(file: IO[bytes], head: bytes) -> Image.Image | None:
    """Open as `PIL.Image.open` does, but for its list of formats and its limit of pixels."""
    Image.init()
    for name in FORMATS:
        factory, accepts = Image.OPEN.get(name, (None, None))
        # In place of an answer there may be a text that says what is missing.
        if factory is None or (accepts is not None and accepts(head[:16]) is not True):
            continue
        try:
            file.seek(0)
            picture: Image.Image = factory(file, "")
            return picture
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue  # "this is not mine"
    return None


def _brands(head: bytes) -> set[bytes]:
    """Return what a file of boxes says that it conforms to."""
    if head[4:8] != b"ftyp":
        return set()
    box = head[8 : max(12, min(int.from_bytes(head[:4], "big"), len(head)))]
    return {box[:4]} | {box[k : k + 4] for k in range(8, len(box), 4)}


def _check_jxl(head: bytes, check: CheckSize) -> None:
    """Check the size in the header of a JPEG XL file (ISO 18181-1, SizeHeader)."""
    start = head.find(b"\xff\x0a", 0 if head[:2] == b"\xff\x0a" else len(_JXL_BOX)) + 2
    bits = int.from_bytes(head[start : start + 16], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    height = side()
    up, down = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[take(3)]
    check(height * up // down if up else side(), height)


# Warnings


class _Here(threading.local):
    """In the place of a pattern for modules: matches those of decoders, in this thread, within."""

    within = False

    def match(self, module: str) -> bool:
        return self.within and module.partition(".")[0] in _DECODERS


_DECODERS = {"PIL", "pi_heif", "pillow_jxl", "tifffile"}
_here = _Here()
_FILTER: Any = ("ignore", None, Warning, _here, 0)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings of decoders away from the user, of this thread alone.

    `warnings.catch_warnings` changes what all threads see, and two at once leave it changed. This
    is one filter that stays, and does nothing but within.
    """
    if _FILTER not in warnings.filters:  # somebody may have put the list back
        warnings.filters.insert(0, _FILTER)  # type: ignore[attr-defined]
    before, _here.within = _here.within, True
    try:
        yield
    finally:
        _here.within = before
