"""Which files are pictures: formats, extras, what else a path may be, and what Pillow says."""

from __future__ import annotations

import base64
import io
import logging
import os
import socket
import subprocess
import sys
import threading
import types
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from support import message, noise, written

from neuralstyle.images.formats import EXTRAS
from neuralstyle.images.load import load_image, load_metadata

HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAA"
    "AAAAAAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABoAABAAAAAAAAAJ8AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAA"
    "AAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAAAADcaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34"
    "+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm"
    "4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAA"
    "AChjbGFwAAAAIAAAAAEAAAAQAAAAAf///+AAAAAC////0AAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAA"
    "AAAAAQABBYECAwWEAAAAp21kYXQAAACbKAGvEyGdzRj4EPdn/+u8Ff+Vaz/zN7ls//HCp9+3LV/6zPekFHr6K3nC"
    "HJ23zwIIWbhSWJFCvRg/pvbnGHpl3jaE8xsXlDicGTpYUO6ouiAi9a8j5zvoqeqAp7mD3Vji5jGcbRINj6bXd87b"
    "k5EgLIwugouAyxmpzrJanNeQSQgcAw1O+t8tQ7DWtFoogvjrIzHx2QaLNaipj2Y="
)
JXL = base64.b64decode(
    "/wrDBwAliAIALAK1nyAAABUqo4wbvJzr+fJDh8W0jesMbbVtYQljs70wSEg4gzmHxZda81kK7JUH+2bNQGDJBHZQ"
    "A/wA9DCQcUvEy3lonOtEkBqrudRBHWhAQ4UUOKOKFRnFqBijwupSa5pRfgpFHnIrtavviT5uk5RquVZBtWelJgPe"
    "qRDQUNZwPZ8Qi/6Yu/BHgbEB"
)
"""Pictures of 32 x 16 pixels, red on the left and blue on the right."""

END = b"\0\0\0\0IEND\xaeB`\x82"
FILES = {"HEIC": HEIC, "JXL": JXL}


# Extras


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make a module look as if it were not installed."""
    return lambda module: monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.parametrize("name", EXTRAS)
def test_a_missing_extra_is_what_the_message_says(
    name: str, tmp_path: Path, without: Callable[[str], None]
) -> None:
    without(EXTRAS[name].module)
    path = tmp_path / "IMG_0001.jpg"
    path.write_bytes(FILES[name])
    for load in (load_image, load_metadata):
        with pytest.raises(ValueError) as excinfo:
            load(path)
        assert message(excinfo) == (
            f"cannot read {str(path)!r}: it is {EXTRAS[name].kind}, for which the extra "
            f"[{EXTRAS[name].name}] is needed: "
            f'in the checkout of neuralstyle, pip install ".[{EXTRAS[name].name}]"'
        )


@pytest.mark.parametrize("name", EXTRAS)
def test_with_the_extra_it_is_read(name: str) -> None:
    pytest.importorskip(EXTRAS[name].module)
    image = load_image(io.BytesIO(FILES[name]))
    assert image.shape == (16, 32, 3)
    np.testing.assert_allclose(image[8, [4, 28]], [[1, 0, 0], [0, 0, 1]], atol=0.1)
    assert load_image(io.BytesIO(FILES[name]), max_size=16).shape == (8, 16, 3)
    assert load_metadata(io.BytesIO(FILES[name])) == {}
    with pytest.raises(ValueError, match="^max_pixels: expected at most 511 pixels, received 512"):
        load_image(io.BytesIO(FILES[name]), max_pixels=511)


def test_a_plugin_is_used_without_being_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plugin(ImageFile.ImageFile):
        format = "HEIF"

        def _open(self) -> None:
            assert self.fp.read() == HEIC
            self._mode, self._size, self.tile = "RGB", (32, 16), []

        def load(self) -> object:
            self.im = Image.new("RGB", (32, 16), "lime").im
            return super().load()

    module = types.SimpleNamespace(HeifImageFile=Plugin)
    monkeypatch.setitem(sys.modules, "pi_heif", module)
    known = set(Image.OPEN)
    np.testing.assert_array_equal(load_image(io.BytesIO(HEIC))[0, 0], [0, 1, 0])
    assert "HEIF" not in set(Image.OPEN) - known


def test_the_size_of_a_jpeg_xl_is_known_before_it_is_decoded(
    without: Callable[[str], None],
) -> None:
    without("pillow_jxl.JpegXLImagePlugin")
    # The header alone: 9400 x 1000, written in 13 and 18 bits.
    bits = 0 | 1 << 1 | 999 << 3 | 0 << 16 | 2 << 19 | 9399 << 21
    head = b"\xff\x0a" + bits.to_bytes(16, "little")
    for data in (head, b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x30jxlc" + head):
        with pytest.raises(ValueError, match=r"9400000 \(9400 x 1000\)"):
            load_image(io.BytesIO(data), max_pixels=9_399_999)


def test_floating_colour_is_read_or_its_extra_is_named(
    tmp_path: Path, without: Callable[[str], None]
) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(floating_tiff(noise(6, 4)))
    without("tifffile")
    with pytest.raises(ValueError, match=r"the extra \[tiff\] is needed"):
        load_image(path)


def test_floating_colour_keeps_its_values(tmp_path: Path) -> None:
    pytest.importorskip("tifffile")
    path = tmp_path / "a.tif"
    path.write_bytes(floating_tiff(noise(6, 4)))
    np.testing.assert_array_equal(load_image(path), noise(6, 4))
    with pytest.raises(ValueError, match="^max_pixels: "):
        load_image(path, max_pixels=23)


def floating_tiff(values: np.ndarray) -> bytes:
    """Write a TIFF file of three floats a pixel by hand: Pillow cannot."""
    height, width, _ = values.shape
    data = values.astype("<f4").tobytes()
    after = 8 + 2 + 12 * 10 + 4
    tags = [
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, after), (259, 3, 1, 1)),
        *((262, 3, 1, 2), (273, 4, 1, after + 12), (277, 3, 1, 3), (278, 4, 1, height)),
        *((279, 4, 1, len(data)), (339, 3, 3, after + 6)),
    ]
    entries = b"".join(
        tag.to_bytes(2, "little")
        + kind.to_bytes(2, "little")
        + count.to_bytes(4, "little")
        + value.to_bytes(4, "little")
        for tag, kind, count, value in tags
    )
    head = b"II*\0" + (8).to_bytes(4, "little") + len(tags).to_bytes(2, "little")
    shorts = np.array([32, 32, 32, 3, 3, 3], "<u2").tobytes()
    return head + entries + bytes(4) + shorts + data


# Floats


@pytest.mark.parametrize("order", ["<f4", ">f4"])
def test_a_colour_pfm_loads_from_the_lowest_row_up(order: str) -> None:
    scale = b"-1.0" if order == "<f4" else b"1.0"
    data = b"PF\n# a comment\n4 6\n" + scale + b"\n" + noise(6, 4)[::-1].astype(order).tobytes()
    np.testing.assert_array_equal(load_image(io.BytesIO(data)), noise(6, 4))
    with pytest.raises(ValueError, match="truncated"):
        load_image(io.BytesIO(data[:-1]))
    with pytest.raises(ValueError, match="^max_pixels: "):
        load_image(io.BytesIO(data), max_pixels=23)


@pytest.mark.parametrize("name", ["a.pfm", "a.tif"])
@pytest.mark.parametrize("scale", [1, 255])
def test_grey_floats_keep_their_precision(tmp_path: Path, name: str, scale: int) -> None:
    values = noise(6, 4)[..., 0]
    path = written(tmp_path / name, Image.fromarray(values * np.float32(scale)))
    np.testing.assert_allclose(load_image(path)[..., 1], values, atol=1e-7)


@pytest.mark.parametrize("high", [1, 1023, 4095])
def test_12_bits_in_a_file_of_16_are_told_of(caplog: pytest.LogCaptureFixture, high: int) -> None:
    values = np.array([[0, high]], np.uint16)
    with caplog.at_level(logging.WARNING, logger="neuralstyle.images"):
        load_image(Image.fromarray(values))
    assert f"range from 0 to {high} of 65535" in caplog.text


def test_12_bits_of_colour_in_a_file_of_16_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    rows = np.concatenate(
        [np.zeros((2, 1), np.uint8), np.full((2, 18), 7, np.uint8)], axis=1
    ).tobytes()
    data = io.BytesIO()
    Image.new("RGB", (3, 2)).save(data, "PNG")
    png = bytearray(data.getvalue())
    png[24] = 16  # bits a channel
    png[29:33] = crc(png[12:29])
    start = png.index(b"IDAT")
    body = b"IDAT" + zlib.compress(rows)
    png[start - 4 :] = (len(body) - 4).to_bytes(4, "big") + body + crc(body) + END
    with caplog.at_level(logging.WARNING, logger="neuralstyle.images"):
        load_image(io.BytesIO(bytes(png)))
    assert "range from 7 to 7 of 255" in caplog.text


def crc(chunk: bytes) -> bytes:
    return zlib.crc32(chunk).to_bytes(4, "big")


@pytest.mark.parametrize("values", [[[0, 0]], [[0, 65535]], [[0, 16384]]])
def test_other_files_of_16_bits_pass_in_silence(
    caplog: pytest.LogCaptureFixture, values: list[list[int]]
) -> None:
    load_image(Image.fromarray(np.array(values, np.uint16)))
    assert not caplog.records


# What is no picture


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "a PostScript file"),
        (b"\xc5\xd0\xd3\xc6" + bytes(30), "a PostScript file"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG file"),
        (b"\xd7\xcd\xc6\x9a" + bytes(40), None),  # a Windows metafile
        (b"GRIB" + bytes(40), None),
    ],
)
def test_no_other_program_is_started_for_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, kind: str | None
) -> None:
    def start(*args: object, **options: object) -> None:
        pytest.fail("a program was started")

    monkeypatch.setattr(subprocess, "Popen", start)
    path = tmp_path / "a.png"
    path.write_bytes(content)
    for load in (load_image, load_metadata):
        with pytest.raises(ValueError, match="in a format that neuralstyle reads$") as excinfo:
            load(path)
        assert kind is None or f"it is {kind}, no picture" in message(excinfo)


@pytest.mark.parametrize("load", [load_image, load_metadata])
def test_devices_and_sockets_are_refused_at_once(
    tmp_path: Path, load: Callable[[object], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("end")
        for path, kind in ((os.devnull, "device"), ("/dev/zero", "device"), ("end", "socket")):
            with pytest.raises(ValueError) as excinfo:
                load(path)
            assert message(excinfo) == f"cannot read {path!r}: it is a {kind}"


def test_a_pipe_is_read_to_its_end_or_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    file = io.BytesIO()
    Image.new("RGB", (4, 2), "red").save(file, "PNG")

    def read(content: bytes, **options: int) -> np.ndarray:
        def write() -> None:
            try:
                path.write_bytes(content)
            except BrokenPipeError:
                pass

        writer = threading.Thread(target=write)
        writer.start()
        try:
            return load_image(path, **options)
        finally:
            writer.join()

    np.testing.assert_array_equal(read(file.getvalue())[0, 0], [1, 0, 0])
    with pytest.raises(ValueError, match="max_pixels=1000 "):
        read(bytes(1 << 25), max_pixels=1000)


def test_a_file_of_text_is_no_binary_file() -> None:
    class Text:
        def read(self, count: int) -> str:
            return "text"

    with pytest.raises(TypeError, match="^source: expected a binary file object, received Text"):
        load_image(Text())  # type: ignore[call-overload]


# Warnings


def test_warnings_of_pillow_stay_inside_in_every_thread(tmp_path: Path) -> None:
    """A TIFF file with a tag that is cut off, of which Pillow warns."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "a text of some length"
    Image.new("RGB", (8, 8)).save(file, "TIFF", exif=exif)
    data = bytearray(file.getvalue())
    place = data.index((0x010E).to_bytes(2, "little") + (2).to_bytes(2, "little"))
    data[place + 4 : place + 8] = (1 << 20).to_bytes(4, "little")
    with pytest.warns(UserWarning):
        Image.open(io.BytesIO(bytes(data)))

    seen: list[object] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.showwarning = lambda *of: seen.append(of)

        def load() -> None:
            try:
                for _ in range(5):
                    load_image(io.BytesIO(bytes(data)))
            except Exception as error:
                seen.append(error)

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(UserWarning):  # the user's own use of Pillow is not changed
            Image.open(io.BytesIO(bytes(data)))
    assert seen == []


@pytest.mark.filterwarnings("error")
def test_a_picture_above_the_limit_of_pillow_loads_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.png", Image.new("L", (10, 20)))
    for limit in (150, 80):  # of a warning, and of an error
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert load_image(path, max_size=5).shape == (5, 2, 3)
