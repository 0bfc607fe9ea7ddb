"""From an opened picture to floats, no larger than wanted on the way.

A picture is decoded into what its own format takes a pixel, a JPEG small already. The rest is done
a strip of rows at a time: colours are converted, the strip is shrunk, and only what is left of it
becomes floats.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from neuralstyle._files import reason
from neuralstyle._types import Floats
from neuralstyle.images.formats import Decoded, animated

Shape: TypeAlias = tuple[int, int]
Strip: TypeAlias = "Image.Image | Floats"
"""Rows of a picture in 8 bits (L, LA, RGB, RGBA), or floats (rows, width, 1 to 4): the same."""

ENOUGH = 3
"""How much larger than wanted is large enough to shrink from: beyond it, the mean of whole pixels
cannot be told from a better filter."""

_STRIP = 1 << 22  # pixels
_MARGIN = 4  # rows: Lanczos' filter reaches over 3 of the new ones
_ORIENTATION = 0x0112  # the EXIF tag
_DEEP = 65535  # the white of greyscale of more than 8 bits

_log = logging.getLogger("neuralstyle.images")


def decode(
    picture: Decoded, wanted: Callable[[Shape], Shape], name: str, paper: Floats, ours: bool = True
) -> tuple[Floats, Floats | None]:
    """Decode, shrink and turn a picture.

    Parameters
    ----------
    picture : PIL.Image.Image or array, shape (height, width, channels)
    wanted : callable
        Takes (height, width) of the whole upright picture, and returns what is wanted.
    name : str
        What messages call it.
    paper : array, shape (3,)
        What a transparent picture is laid on.
    ours : bool, default True
        Whether nobody else uses the picture, so that a JPEG may be decoded small.

    Returns
    -------
    image : array, shape (height, width, 3), float32
        At most of the size wanted: upright, in sRGB, in [0, 1].
    alpha : array, shape (height, width), float32, or None
    """
    turned, extent = 1, None
    if isinstance(picture, Image.Image):
        full: Shape = picture.size[::-1]
        if ours and animated(picture):
            _log.warning("%s: it is an animation, of which the first frame alone is read", name)
        if ours and picture.format in ("JPEG", "MPO"):
            turned = _orientation(picture, name)
            height, width = _swapped(wanted(_swapped(full, turned)), turned)
            drafted = picture.draft(None, (ENOUGH * width, ENOUGH * height))
            extent = drafted and drafted[1][:1:-1]
        of_16_bits = any(";16" in str(tile[3]) for tile in getattr(picture, "tile", ()))
        picture.load()
        if of_16_bits and picture.mode in ("RGB", "RGBA"):  # Pillow has kept the upper 8
            lows, highs = zip(*picture.getextrema()[:3], strict=True)
            _tell_of_few_bits(min(lows), max(highs), 255, name)
        if extent is None:  # some formats know their size, and TIFF turns pictures, only now
            full = picture.size[::-1]
            turned = _orientation(picture, name)
        strip = _strips(picture, name)
    else:
        full = picture.shape[:2]
        strip = _scaled(lambda top, bottom: picture[top:bottom], full, name)
    size = _swapped(wanted(_swapped(full, turned)), turned)
    smaller = (min(full[0], size[0]), min(full[1], size[1]))
    image, alpha = _painted(strip, extent or full, smaller, paper)
    return _turned(image, turned), None if alpha is None else _turned(alpha, turned)


def _painted(
    strip: Callable[[int, int], Strip], extent: tuple[float, ...], size: Shape, paper: Floats
) -> tuple[Floats, Floats | None]:
    """Shrink strips, lay them on paper, and put them together."""
    height, width = size
    image, alpha = np.empty((height, width, 3), np.float32), None
    ratio = extent[0] / height
    margin = 0 if extent == size else _MARGIN
    rows = max(margin, math.ceil(_STRIP / extent[1] / ratio) - 2 * margin, 1)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        # The same rows with a margin, in the picture's own pixels.
        above, below = max(top - margin, 0), min(bottom + margin, height)
        first, last = math.floor(above * ratio), math.ceil(below * ratio)
        part = strip(first, last)
        if extent != size:
            box = (0, above * ratio - first, extent[1], min(below * ratio, extent[0]) - first)
            part = _shrunk(part, (width, below - above), box)
        values = _floats(part)[top - above : bottom - above]
        colours = values[..., : -1 if values.shape[2] % 2 == 0 else None]
        if values.shape[2] % 2 == 0:
            if alpha is None:
                alpha = np.empty((height, width), np.float32)
            alpha[top:bottom] = values[..., -1]
            colours = paper + values[..., -1:] * (colours - paper)
        image[top:bottom] = colours
    return image, alpha


def _shrunk(strip: Strip, size: Shape, box: tuple[float, float, float, float]) -> Strip:
    """Resample a box of a strip by Lanczos' filter; what is transparent has no weight."""

    def resized(picture: Image.Image) -> Image.Image:
        return picture.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=ENOUGH)

    if isinstance(strip, Image.Image):
        return resized(strip)
    with_alpha = strip.shape[2] % 2 == 0
    if with_alpha:
        strip = np.concatenate([strip[..., :-1] * strip[..., -1:], strip[..., -1:]], axis=2)
    planes = [
        np.asarray(resized(Image.fromarray(np.ascontiguousarray(plane))))
        for plane in np.moveaxis(strip, 2, 0)
    ]
    if with_alpha:
        planes = [plane / np.maximum(planes[-1], 1e-6) for plane in planes[:-1]] + planes[-1:]
    shrunk: Floats = np.stack(planes, axis=2).clip(0, 1)
    return shrunk


def _floats(strip: Strip) -> Floats:
    if not isinstance(strip, Image.Image):
        return strip
    values: Floats = np.asarray(strip, dtype=np.float32) / np.float32(255)
    return np.atleast_3d(values)


# Colours


def _strips(picture: Image.Image, name: str) -> Callable[[int, int], Strip]:
    """Return what cuts rows out of a picture, with their colours in sRGB."""
    profile = picture.info.get("icc_profile")
    grey = picture.mode in ("L", "LA")
    transparent = picture.has_transparency_data

    def cut(top: int, bottom: int) -> Image.Image:
        return picture.crop((0, top, picture.width, min(bottom, picture.height)))

    if picture.mode.startswith(("I", "F")):
        return _deep(picture, cut, profile, name)
    # A greyscale profile fits only a greyscale picture.
    plain = ("L" if grey else "RGB") if transparent else picture.mode
    to_srgb = _to_srgb(plain, profile, name) if profile else None
    mode = "L" if picture.mode in ("1", "L", "LA") and to_srgb is None else "RGB"

    def converted(top: int, bottom: int) -> Image.Image:
        part, opacity = cut(top, bottom), None
        if transparent:
            rgba = part.convert("RGBA")
            part, opacity = rgba.convert(plain), rgba.getchannel("A")
        part = (to_srgb(part) if to_srgb else part).convert(mode)
        if opacity is not None:
            part.putalpha(opacity)
        return part

    return converted


def _deep(
    picture: Image.Image, cut: Callable[[int, int], Image.Image], profile: bytes | None, name: str
) -> Callable[[int, int], Strip]:
    """Return what cuts rows out of greyscale of more than 8 bits."""
    key = picture.info.get("transparency")
    full = picture.size[::-1]
    scaled = _scaled(lambda top, bottom: np.asarray(cut(top, bottom))[..., None], full, name)
    to_srgb = _to_srgb("L", profile, name) if profile else None

    def converted(top: int, bottom: int) -> Strip:
        values = scaled(top, bottom)
        if to_srgb is not None:
            part = to_srgb(Image.fromarray(np.rint(values[..., 0] * 255).astype(np.uint8)))
            values = _floats(part)
        if key is not None:
            opaque = np.asarray(cut(top, bottom)) != key
            values = np.concatenate([values, opaque[..., None].astype(np.float32)], axis=2)
        return values

    return converted


def _scaled(
    cut: Callable[[int, int], NDArray[Any]], full: Shape, name: str
) -> Callable[[int, int], Floats]:
    """Return what cuts rows out of numbers, scaled to [0, 1] by the range that all of them have."""
    rows = max(1, _STRIP // full[1])
    parts = (cut(top, min(top + rows, full[0])) for top in range(0, full[0], rows))
    ranges = np.array([(part.min(), part.max()) for part in parts], np.float64)
    low, high = float(ranges.min()), float(ranges.max())  # NaN stays
    kind = cut(0, 1).dtype
    if kind.kind == "f":
        white = 255 if high > 1 else 1
    else:
        white = 255 if kind == np.uint8 else _DEEP
    if not (low >= 0 and high <= white):  # so put, it catches NaN too
        raise ValueError(f"its values range from {low:g} to {high:g}, not within [0, {white}]")
    if white == _DEEP:
        _tell_of_few_bits(low, high, _DEEP, name)
    return lambda top, bottom: (cut(top, bottom) / white).astype(np.float32)


def _tell_of_few_bits(low: float, high: float, white: int, name: str) -> None:
    """Warn of 12 bits or the like in the lower part of 16."""
    if 0 < high < (white + 1) / 4:
        _log.warning(
            "%s: its values range from %d to %d of %d, as if it had fewer bits than its file: it "
            "will be dark, unless it is divided by the largest value",
            *(name, low, high, white),
        )


def _to_srgb(mode: str, profile: bytes, name: str) -> Callable[[Image.Image], Image.Image] | None:
    """Return what converts pictures of a mode, or None, with a warning, if the profile does not."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        fitting = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(space)
        if fitting != mode and fitting != "RGB":
            raise ValueError(f"a profile for {space} does not fit a picture in {mode}")
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), fitting, "RGB")
        return lambda picture: transform.apply(picture.convert(fitting))
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError) as error:
        _log.warning("%s: its colour profile is ignored: %s", name, reason(error))
        return None


# Orientation


def _orientation(picture: Image.Image, name: str) -> int:
    try:
        turned = picture.getexif().get(_ORIENTATION, 1)
    except Exception as error:  # EXIF is parsed only here, and may be as damaged as anything
        _log.warning("%s: its EXIF data is ignored: %s", name, reason(error))
        return 1
    return turned if turned in range(1, 9) else 1


def _swapped(shape: Shape, orientation: int) -> Shape:
    return shape[::-1] if orientation > 4 else shape


def _turned(values: Floats, orientation: int) -> Floats:
    """Turn stored rows and columns upright."""
    if orientation > 4:
        values = np.swapaxes(values, 0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)
