"""Pictures that are damaged at random: an error that says so, or a picture, and nothing else."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from support import noise

from neuralstyle.images.load import load_image, load_metadata

SECONDS = 5
"""What one damaged picture of some pixels may take on a busy machine."""

Random = np.random.Generator


def whole_files() -> dict[str, bytes]:
    """Return small files of every format that is read without an extra, with all they may carry."""
    values = np.rint(255 * noise(12, 18)).astype(np.uint8)
    colour = Image.fromarray(values)
    grey, clear = colour.convert("L"), colour.convert("RGBA")
    clear.putalpha(grey)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x011A] = 6, "a description", 72.0
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more = {"exif": exif, "icc_profile": profile}
    deep = Image.fromarray(values[..., 0].astype(np.uint16) * 257)
    floating = Image.fromarray(noise(12, 18)[..., 0])
    files = {
        "rgb.png": (colour, more),
        "rgba.png": (clear, {}),
        "palette.png": (colour.quantize(9), {"transparency": b"\0\x80\xff"}),
        "deep.png": (deep, {"transparency": 257}),
        "bits.png": (grey.convert("1"), {}),
        "rgb.jpg": (colour, {**more, "comment": b"{}"}),
        "progressive.jpg": (colour, {"progressive": True}),
        "cmyk.jpg": (colour.convert("CMYK"), {}),
        "rgb.tif": (colour, more),
        "lzw.tif": (clear, {"compression": "tiff_lzw"}),
        "jpeg.tif": (colour, {"compression": "jpeg"}),
        "deflate.tif": (deep, {"compression": "tiff_adobe_deflate"}),
        "group4.tif": (grey.convert("1"), {"compression": "group4"}),
        "float.tif": (floating, {}),
        "rgb.webp": (colour, more),
        "lossless.webp": (clear, {"lossless": True}),
        "two.webp": (colour, {"save_all": True, "append_images": [clear]}),
        "two.gif": (colour.quantize(9), {"save_all": True, "append_images": [grey]}),
        "rgb.bmp": (colour, {}),
        "palette.bmp": (colour.quantize(9), {}),
        "rgb.ppm": (colour, {}),
        "deep.pgm": (deep, {}),
        "grey.pfm": (floating, {}),
        "rgb.jp2": (colour, {}),
        "rgba.tga": (clear, {"compression": "tga_rle"}),
        "rgb.pcx": (colour, {}),
        "rgb.sgi": (colour, {}),
        "rgba.ico": (clear, {}),
        "rgba.dds": (clear, {}),
    }
    whole = {"rgb.pfm": b"PF\n18 12\n-1.0\n" + noise(12, 18).astype("<f4").tobytes()}
    Image.init()
    for name, (picture, options) in files.items():
        kind = Image.EXTENSION[Path(name).suffix] if not name.endswith(".pfm") else "PPM"
        file = io.BytesIO()
        picture.save(file, kind, **options)
        whole[name] = file.getvalue()
    return whole


def flipped(data: bytearray, random: Random) -> None:
    for place in random.integers(len(data), size=random.integers(1, 6)):
        data[place] ^= 1 << int(random.integers(8))


def overwritten(data: bytearray, random: Random) -> None:
    """Write numbers of which headers are afraid."""
    number = random.choice([0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
    word = int(number).to_bytes(4, random.choice(["big", "little"]))
    place, length = int(random.integers(min(len(data), 200))), int(random.integers(1, 5))
    data[place : place + length] = word[:length] if word[0] else word[-length:]


def cut(data: bytearray, random: Random) -> None:
    del data[int(random.integers(len(data))) :]


def left_out(data: bytearray, random: Random) -> None:
    place = int(random.integers(len(data)))
    del data[place : place + int(random.integers(1, 40))]


def repeated(data: bytearray, random: Random) -> None:
    place, count = int(random.integers(len(data))), int(random.integers(1, 40))
    data[place:place] = data[place : place + count]


def scribbled(data: bytearray, random: Random) -> None:
    place, count = int(random.integers(len(data))), int(random.integers(1, 40))
    data[place : place + count] = random.bytes(count)


DAMAGES: list[Callable[[bytearray, Random], None]] = [
    *(flipped, overwritten, cut, left_out, repeated, scribbled)
]


def damaged(whole: bytes, random: Random) -> bytes:
    data = bytearray(whole)
    for _ in range(int(random.integers(1, 4))):
        DAMAGES[int(random.integers(len(DAMAGES)))](data, random)
        if not data:
            break
    return bytes(data)


def check(count: int, seed: int, folder: Path) -> None:
    """Damage every file in turn, and read it in the ways there are."""
    whole = whole_files()
    for number in range(count):
        random = np.random.default_rng([seed, number])
        name = list(whole)[number % len(whole)]
        data = damaged(whole[name], random)
        source: io.BytesIO | Path = io.BytesIO(data)
        if random.random() < 0.2:  # TIFF is decoded from the file itself, if there is one
            source = folder / name
            source.write_bytes(data)
        size = {"max_size": 5} if random.random() < 0.5 else {}
        started = time.perf_counter()
        try:
            if random.random() < 0.1:
                load_metadata(source, max_pixels=100_000)
            else:
                image, alpha = load_image(source, return_alpha=True, max_pixels=100_000, **size)
                assert image.ndim == 3 and image.dtype == np.float32
                assert 0 <= image.min() and image.max() <= 1
                assert alpha is None or alpha.shape == image.shape[:2]
        except (ValueError, OSError) as error:
            assert str(error).startswith(("cannot read", "max_pixels: ")), (name, number, error)
        except BaseException as error:
            pytest.fail(f"{name}, input {number} of seed {seed}: {error!r}")
        assert time.perf_counter() - started < SECONDS, (name, number)


def test_whole_files_are_read() -> None:
    for name, data in whole_files().items():
        image = load_image(io.BytesIO(data))
        assert image.shape in ((12, 18, 3), (18, 12, 3)), name


def test_damaged_pictures_are_refused_or_read(tmp_path: Path) -> None:
    check(400, seed=0, folder=tmp_path)


@pytest.mark.slow
def test_many_damaged_pictures_are_refused_or_read(tmp_path: Path) -> None:
    check(100_000, seed=1, folder=tmp_path)
