"""Large pictures: shrunk while they are read, as well as by decoding all of them, in little memory.

Memory is measured in processes of their own, and what they had before is taken off.
"""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import message, noise, written

from neuralstyle.images import decode
from neuralstyle.images.arrays import resize
from neuralstyle.images.load import load_image, load_metadata, read_picture

MEASURED = """
    import sys, time
    from PIL import Image
    from neuralstyle.images.load import load_image

    def peak():  # of this process, and not of the one that it is a fork of
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line[:6] == "VmHWM:")

    Image.init()
    before, started = peak(), time.process_time()
    load_image(sys.argv[1], max_size=int(sys.argv[2]))
    print(peak() - before, time.process_time() - started)
"""

measurable = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system does not tell a process's peak"
)


def measured(path: Path, size: int = 512) -> tuple[float, float]:
    """Return the megabytes and the seconds of a processor that loading takes."""
    code = textwrap.dedent(MEASURED)
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", code, path, str(size)],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    megabytes, seconds = map(float, run.stdout.split())
    return megabytes, seconds


def photograph(width: int, height: int) -> Image.Image:
    """Make a picture with edges, soft spots, and the grain of a camera."""
    soft = Image.fromarray(np.rint(255 * noise(9, 12)).astype(np.uint8))
    made = np.asarray(soft.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    grain = np.random.default_rng(1).integers(-9, 10, (height, width, 1), np.int16)
    made = made + grain
    made[height // 3 : height // 2, width // 5 : width // 2] //= 4
    return Image.fromarray(made.clip(0, 255).astype(np.uint8))


# The same picture


def whole(source: Path | Image.Image, shape: tuple[int, int]) -> np.ndarray:
    """Shrink a picture as if there were memory enough."""
    return resize(load_image(source), shape)


@pytest.mark.parametrize("size", [40, 100])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_decoded_small_is_what_the_whole_would_be(
    tmp_path: Path, size: int, progressive: bool
) -> None:
    # Sides that are no multiples of 8, so that the last of the small pixels is a part of one.
    path = tmp_path / "a.jpg"
    photograph(1003, 669).save(path, quality=92, progressive=progressive)
    image = load_image(path, max_size=size)
    difference = 255 * np.abs(image - whole(path, image.shape[:2]))
    assert difference.mean() <= 0.6 and difference.max() <= 12


@pytest.mark.parametrize("kind", ["RGB", "L", "P", "1", "CMYK", "RGBA", "LA", "I;16", "F"])
def test_strips_are_no_seams(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    rgb = photograph(320, 400)
    if kind == "I;16":
        source = Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257)
    elif kind == "F":
        source = Image.fromarray(np.asarray(rgb.convert("L"), np.float32) / 255)
    else:
        source = rgb.convert(kind)
    if kind in ("RGBA", "LA"):
        source.putalpha(photograph(400, 320).rotate(90, expand=True).convert("L"))
    for size in ((200, 160), (57, 41), (400, 90), (13, 320)):
        monkeypatch.undo()
        expected = load_image(source, size=size)
        if kind not in ("1", "P"):  # dots, which 8 bits are too few for between rows and columns
            assert np.abs(expected - whole(source, size)).mean() <= 1 / 255, size
        monkeypatch.setattr(decode, "_STRIP", 320 * 60)
        difference = 255 * np.abs(load_image(source, size=size) - expected)
        # Where whole pixels are averaged first, every strip begins to count them anew.
        assert difference.mean() <= (2 if kind == "1" else 0.3), size


def test_strips_change_nothing_where_nothing_is_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    source = photograph(50, 70)
    expected = np.asarray(source, np.float32) / 255
    monkeypatch.setattr(decode, "_STRIP", 50 * 9)
    np.testing.assert_array_equal(load_image(source), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_after_it_is_shrunk(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = written(tmp_path / "a.jpg", photograph(640, 300), exif=exif, quality=95)
    size = (40, 90)
    difference = 255 * np.abs(load_image(path, size=size) - whole(path, size))
    assert difference.mean() <= 0.6 and difference.max() <= 12


def test_16_bits_are_kept_while_shrinking() -> None:
    values = np.linspace(0, 65535, 400 * 600).astype(np.uint16).reshape(400, 600)
    image = load_image(Image.fromarray(values), max_size=60)
    assert len(np.unique(image)) > 2000
    np.testing.assert_allclose(
        image[..., 0], whole(Image.fromarray(values), (40, 60))[..., 0], atol=2e-3
    )


def test_a_value_of_16_bits_that_is_transparent_does_not_bleed() -> None:
    values = np.full((64, 64), 65535, np.uint16)
    values[:, 32:] = 7
    source = Image.fromarray(values)
    source.info["transparency"] = 7
    image, alpha = load_image(source, size=8, background=(1, 1, 1), return_alpha=True)
    np.testing.assert_allclose(image, 1, atol=1e-5)
    np.testing.assert_allclose(alpha[:, [0, 7]], np.tile([1, 0], (8, 1)), atol=0.01)


def test_a_picture_of_the_user_keeps_its_size(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jpg", photograph(640, 300))
    with Image.open(path) as given:
        load_image(given, max_size=20)
        assert given.size == (640, 300)


def test_the_size_may_depend_on_the_picture_s_own() -> None:
    seen = []

    def half(shape: tuple[int, int]) -> tuple[int, int]:
        seen.append(shape)
        return shape[0] // 2, shape[1] * 2

    image, alpha = read_picture(Image.new("L", (30, 20)), half)
    assert image.shape == (10, 60, 3) and alpha is None and set(seen) == {(20, 30)}


# Limits


@pytest.mark.parametrize("load", [load_image, load_metadata])
def test_more_pixels_than_asked_for_are_refused_by_the_header(
    tmp_path: Path, load: Callable[..., object]
) -> None:
    path = written(tmp_path / "a.png", Image.new("L", (10, 20)))
    path.write_bytes(path.read_bytes()[:60])  # nothing but a header
    with pytest.raises(ValueError) as excinfo:
        load(path, max_pixels=199)
    assert message(excinfo) == (
        "max_pixels: expected at most 199 pixels, received 200 (10 x 20) in "
        f"{str(path)!r}; if you trust it, ask for more"
    )
    for wrong, error in ((0, ValueError), (1.5, TypeError), (None, TypeError)):
        with pytest.raises(error, match="^max_pixels: expected "):
            load(path, max_pixels=wrong)


def test_a_line_of_89_million_pixels_is_refused() -> None:
    file = io.BytesIO()
    Image.new("1", (1, 1)).save(file, "BMP")
    data = bytearray(file.getvalue())
    data[18:22] = (89_000_000).to_bytes(4, "little")
    for source in (io.BytesIO(bytes(data)), Image.new("1", (300_001, 1))):
        with pytest.raises(ValueError, match=r"of \d+ x 1 pixels one side is longer than 300000"):
            load_image(source)


def test_108_million_pixels_are_no_bomb() -> None:
    """The header of a photograph of this size, and nothing after it."""
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "BMP")
    data = bytearray(file.getvalue())
    data[18:26] = (12_000).to_bytes(4, "little") + (9_000).to_bytes(4, "little")
    assert load_metadata(io.BytesIO(bytes(data))) == {}


# Memory and time


@measurable
def test_a_large_picture_takes_little_more_than_what_it_decodes_to(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", Image.new("L", (5000, 5000), 128), compression="packbits")
    assert measured(path)[0] <= 1.5 * 25 + 64


@measurable
@pytest.mark.slow
@pytest.mark.parametrize("progressive", [False, True])
def test_24_million_pixels_of_jpeg(tmp_path: Path, progressive: bool) -> None:
    path = tmp_path / "a.jpg"
    photograph(6000, 4000).save(path, quality=92, progressive=progressive)
    megabytes, seconds = measured(path)
    assert megabytes <= 120 and (progressive or seconds <= 1)


@measurable
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mode", "bytes_a_pixel", "options"),
    [
        ("a.png", "RGB", 3, {"compress_level": 1}),
        ("a.png", "RGBA", 4, {"compress_level": 1}),
        ("a.png", "P", 1, {"compress_level": 1}),
        ("a.tif", "RGB", 3, {}),
        ("a.tif", "RGB", 3, {"compression": "tiff_lzw"}),
        ("a.tif", "1", 1, {"compression": "group4"}),
        ("a.tif", "F", 4, {}),
        ("a.bmp", "RGB", 3, {}),
        ("a.ppm", "RGB", 3, {}),
    ],
)
def test_24_million_pixels_of_other_formats(
    tmp_path: Path, name: str, mode: str, bytes_a_pixel: int, options: dict[str, object]
) -> None:
    path = written(tmp_path / name, photograph(6000, 4000).convert(mode), **options)
    assert measured(path)[0] <= 1.5 * 24 * bytes_a_pixel + 64
