"""Reading pictures: kinds, orientation, transparency, sizes, errors."""

import io
import logging

import numpy as np
import pytest
from PIL import Image
from support import message, opened, written

from neuralstyle.images.load import is_animation, load_image, load_metadata
from neuralstyle.images.save import save_image

STEP = 1 / 255
SUFFIXES = ["png", "jpg", "tiff", "webp"]


# Kinds of sources and pictures


def test_every_kind_of_source_gives_the_same_array(tmp_path, noise):
    path = tmp_path / "a.png"
    save_image(path, noise)
    expected = load_image(path)
    assert expected.shape == (20, 30, 3) and expected.dtype == np.float32
    for source in (str(path), io.BytesIO(path.read_bytes()), opened(path)):
        np.testing.assert_array_equal(load_image(source), expected)
    with open(path, "rb") as file:
        np.testing.assert_array_equal(load_image(file), expected)


def test_a_file_object_is_read_from_where_it_stands(noise):
    file = io.BytesIO(b"header")
    file.seek(6)
    save_image(file, noise, format="png")
    file.seek(6)
    assert np.abs(load_image(file) - noise).max() <= STEP / 2 + 1e-6


def test_a_single_pixel_loads():
    assert load_image(Image.new("RGB", (1, 1), (255, 0, 51))) == pytest.approx(
        np.array([[[1, 0, 0.2]]])
    )


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, (1, 1, 1)),
        ("L", 51, (0.2, 0.2, 0.2)),
        ("LA", (51, 255), (0.2, 0.2, 0.2)),
        ("RGB", (255, 51, 0), (1, 0.2, 0)),
        ("RGBA", (255, 51, 0, 255), (1, 0.2, 0)),
        ("CMYK", (0, 204, 255, 0), (1, 0.2, 0)),
        ("HSV", (0, 255, 255), (1, 0, 0)),
        ("YCbCr", (51, 128, 128), (0.2, 0.2, 0.2)),
        ("I;16", 13107, (0.2, 0.2, 0.2)),
        ("I", 13107, (0.2, 0.2, 0.2)),
        ("F", 0.2, (0.2, 0.2, 0.2)),
        ("F", 51.0, (0.2, 0.2, 0.2)),
    ],
)
def test_every_mode_becomes_rgb(mode, colour, expected):
    image = load_image(Image.new(mode, (3, 2), colour))
    assert image.shape == (2, 3, 3) and image.dtype == np.float32
    np.testing.assert_allclose(image, np.broadcast_to(expected, (2, 3, 3)), atol=1e-6)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_greyscale_keeps_its_precision(tmp_path, suffix):
    values = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
    path = written(tmp_path / f"deep.{suffix}", Image.fromarray(values))
    image = load_image(path)
    np.testing.assert_allclose(image[..., 1], values / 65535, atol=1e-7)
    assert len(np.unique(image)) == 600


def test_16_bit_greyscale_may_name_a_transparent_value():
    values = np.array([[0, 30000], [30001, 65535]], dtype=np.uint16)
    picture = Image.fromarray(values)
    picture.info["transparency"] = 30000  # as Pillow notes it for a PNG file
    image, alpha = load_image(picture, return_alpha=True)
    np.testing.assert_array_equal(alpha, [[1, 0], [1, 1]])
    np.testing.assert_allclose(image[..., 0], [[0, 1], [30001 / 65535, 1]], atol=1e-7)


@pytest.mark.parametrize("value", [-1.0, 300.0, float("nan")])
def test_float_values_on_no_known_scale_are_refused(value):
    with pytest.raises(ValueError, match="its values range from") as excinfo:
        load_image(Image.new("F", (2, 2), value))
    message(excinfo)


def test_a_cmyk_jpeg_loads_with_its_colours(tmp_path):
    path = written(tmp_path / "a.jpg", Image.new("CMYK", (16, 16), (0, 255, 255, 0)), quality=100)
    np.testing.assert_allclose(load_image(path)[8, 8], [1, 0, 0], atol=0.02)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_of_an_animation_the_first_frame_is_taken_and_that_is_told(tmp_path, caplog, suffix):
    red, blue = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    path = tmp_path / f"a.{suffix}"
    for others in ([], [blue]):
        red.save(path, save_all=True, append_images=others, lossless=True)
        np.testing.assert_allclose(load_image(path)[0, 0], [1, 0, 0], atol=0.01)
        moves = bool(others) and suffix != "tif"  # which has pages
        assert is_animation(path) is moves
        told = f"{str(path)!r}: it is an animation, of which the first frame alone is read"
        assert caplog.messages == [told] * moves


# Orientation


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize(
    ("orientation", "first_row"),
    # The stored corners are, row by row: red green / blue white.
    [
        (1, "red green"),
        (2, "green red"),
        (3, "white blue"),
        (4, "blue white"),
        (5, "red blue"),
        (6, "blue red"),
        (7, "white green"),
        (8, "green white"),
    ],
)
def test_exif_orientation_is_applied_once(tmp_path, orientation, first_row, suffix):
    stored = Image.new("RGB", (48, 32))
    for colour, corner in zip(
        ("red", "lime", "blue", "white"), ((0, 0), (24, 0), (0, 16), (24, 16)), strict=True
    ):
        stored.paste(colour, (*corner, corner[0] + 24, corner[1] + 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = written(tmp_path / f"a.{suffix}", stored, exif=exif, quality=95)
    image = load_image(path)
    assert image.shape == ((48, 32, 3) if orientation > 4 else (32, 48, 3))
    height, width = image.shape[:2]
    colours = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "white": (1, 1, 1)}
    for column, colour in zip((width // 4, width * 3 // 4), first_row.split(), strict=True):
        np.testing.assert_allclose(image[height // 4, column], colours[colour], atol=0.05)


def test_broken_exif_is_ignored_with_a_warning(caplog):
    picture = Image.new("RGB", (4, 3), "red")
    picture.info["exif"] = b"Exif\0\0this is no EXIF data"
    picture.getexif = lambda: Image.Image.getexif(picture)  # parsed anew, as from a file
    with caplog.at_level(logging.WARNING, logger="neuralstyle.images"):
        image = load_image(picture)
    assert image.shape == (3, 4, 3)
    assert "EXIF data is ignored" in caplog.text


# Transparency


def test_transparency_is_laid_on_the_background():
    picture = Image.new("RGBA", (2, 2), (255, 51, 0, 102))  # 40 % opaque
    image, alpha = load_image(picture, background=(0, 1, 0.5), return_alpha=True)
    expected = (0.4 * 1 + 0.6 * 0, 0.4 * 0.2 + 0.6 * 1, 0.4 * 0 + 0.6 * 0.5)
    np.testing.assert_allclose(image[0, 0], expected, atol=1e-6)
    np.testing.assert_allclose(alpha, np.full((2, 2), 0.4), atol=1e-6)
    assert alpha.dtype == np.float32


def test_the_background_is_white_by_default():
    assert load_image(Image.new("LA", (2, 2), (0, 0))).min() == 1


def test_an_opaque_picture_has_no_alpha(noise):
    assert load_image(Image.new("RGB", (2, 2)), return_alpha=True)[1] is None


def test_the_colour_of_transparent_pixels_does_not_bleed_when_resizing():
    picture = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 32, 64))
    image, alpha = load_image(picture, size=8, background=(0, 0, 1), return_alpha=True)
    assert alpha.shape == (8, 8)
    np.testing.assert_allclose(image, np.broadcast_to([0, 0, 1], image.shape), atol=1e-6)


@pytest.mark.parametrize("transparency", [1, b"\xff\x00"], ids=["one index", "table"])
def test_a_palette_may_be_transparent(tmp_path, transparency):
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    path = written(tmp_path / "a.png", picture, transparency=transparency)
    image, alpha = load_image(path, background=(0, 1, 0), return_alpha=True)
    np.testing.assert_array_equal(alpha, [[1, 0]])
    np.testing.assert_array_equal(image, [[[1, 0, 0], [0, 1, 0]]])


@pytest.mark.parametrize("background", [[0, 0.5, 1], np.array([0, 0.5, 1], np.float32)])
def test_a_background_may_be_any_sequence(background):
    image = load_image(Image.new("RGBA", (1, 1)), background=background)
    np.testing.assert_array_equal(image, [[[0, 0.5, 1]]])


@pytest.mark.parametrize(
    ("background", "error"),
    [
        ((0, 0), ValueError),
        ((0, 0, 2), ValueError),
        ((0, 0, -0.1), ValueError),
        ((0, 0, float("nan")), ValueError),
        (np.zeros(4), ValueError),
        ("red", TypeError),
        ((0, 0, "1"), TypeError),
        (0.5, TypeError),
        (None, TypeError),
        ({0.1, 0.2, 0.3}, TypeError),
        (iter((0, 0, 0)), TypeError),
        (np.array(0.5), TypeError),
        (np.zeros((3, 1)), TypeError),
    ],
    ids=lambda value: str(value).partition(" at 0x")[0],
)
def test_a_background_is_three_numbers(background, error):
    expected = r"^background: expected three numbers in \[0, 1\], received "
    with pytest.raises(error, match=expected) as excinfo:
        load_image(Image.new("RGB", (2, 2)), background=background)
    message(excinfo)


# Sizes


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (20, 40)),
        ({"size": (7, 9)}, (7, 9)),
        ({"size": 10}, (5, 10)),
        ({"size": 80}, (40, 80)),
        ({"max_size": 10}, (5, 10)),
        ({"max_size": 40}, (20, 40)),
        ({"max_size": 80}, (20, 40)),
    ],
)
def test_the_size_can_be_chosen(options, expected):
    assert load_image(Image.new("RGB", (40, 20)), **options).shape == (*expected, 3)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"size": 8, "max_size": 8}, ValueError),
        ({"size": 0}, ValueError),
        ({"size": (0, 4)}, ValueError),
        ({"size": (1, 2, 3)}, TypeError),
        ({"size": 8.0}, TypeError),
        ({"size": (8.0, 4)}, TypeError),
        ({"size": "a"}, TypeError),
        ({"size": True}, TypeError),
        ({"max_size": -1}, ValueError),
        ({"max_size": (8, 8)}, TypeError),
    ],
)
def test_a_bad_size_is_refused(options, error):
    with pytest.raises(error, match="^(max_)?size: expected .* received ") as excinfo:
        load_image(Image.new("RGB", (4, 4)), **options)
    message(excinfo)


# Errors


@pytest.mark.parametrize("suffix", [*SUFFIXES, "gif", "bmp"])
def test_a_truncated_file_is_refused(tmp_path, noise, suffix):
    path = tmp_path / f"half.{suffix}"
    Image.fromarray(np.rint(noise * 255).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"^cannot read '.*half\.\w+': \w") as excinfo:
        load_image(path)
    message(excinfo)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"Dear reader,\nthis is a text.\n", "it is no picture in a format that neuralstyle reads"),
    ],
)
def test_a_file_which_is_no_picture_is_refused(tmp_path, content, reason):
    path = tmp_path / "text.jpg"
    path.write_bytes(content)
    for load in (load_image, load_metadata):
        with pytest.raises(ValueError) as excinfo:
            load(path)
        assert message(excinfo) == f"cannot read {str(path)!r}: {reason}"
    with pytest.raises(ValueError, match="^cannot read the given file object: "):
        load_image(io.BytesIO(content))


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "none.jpg"
    with pytest.raises(FileNotFoundError) as excinfo:
        load_image(path)
    assert message(excinfo) == f"cannot read {str(path)!r}: No such file or directory"


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(IsADirectoryError) as excinfo:
        load_image(tmp_path)
    assert message(excinfo) == f"cannot read {str(tmp_path)!r}: it is a folder"


@pytest.mark.parametrize("source", [None, 3, np.zeros((2, 2, 3)), io.StringIO("text")])
def test_other_kinds_of_source_are_refused(source):
    received = f"^source: expected .*, received {type(source).__name__}$"
    with pytest.raises(TypeError, match=received) as excinfo:
        load_image(source)
    message(excinfo)


def test_running_out_of_memory_is_not_blamed_on_the_file(monkeypatch):
    def fail(self):
        raise MemoryError

    picture = Image.new("RGB", (2, 2))
    monkeypatch.setattr(Image.Image, "load", fail)
    with pytest.raises(MemoryError):
        load_image(picture)


def test_shorter_side_is_met_exactly() -> None:
    image = Image.new("RGB", (640, 480))
    assert load_image(image, shorter=120).shape == (120, 160, 3)
    assert load_image(image.rotate(90, expand=True), shorter=960).shape == (1280, 960, 3)
    with pytest.raises(ValueError, match=r"^shorter: expected None with max_size=9, received 7$"):
        load_image(image, shorter=7, max_size=9)
    with pytest.raises(TypeError, match=r"^shorter: expected a whole number"):
        load_image(image, shorter=7.5)  # type: ignore[call-overload]
