"""Reading, writing and checking pictures."""

import io
import json
import logging
import os
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from neuralstyle.images.load import (
    check_image,
    check_target,
    load_image,
    load_metadata,
    resize,
    save_image,
    scaled_size,
)

STEP = 1 / 255
SUFFIXES = ["png", "jpg", "tiff", "webp"]


@pytest.fixture
def noise():
    """Return a picture with every row, column and channel different."""
    return np.random.default_rng(0).random((20, 30, 3), dtype=np.float32)


def message(excinfo):
    text = str(excinfo.value)
    assert text and "\n" not in text
    return text


def written(path, picture, **options):
    picture.save(path, **options)
    return path


def opened(path):
    return Image.open(io.BytesIO(path.read_bytes()))


# Reading: kinds of sources and pictures


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
    with pytest.raises(ValueError, match="grey values range from") as excinfo:
        load_image(Image.new("F", (2, 2), value))
    message(excinfo)


def test_a_cmyk_jpeg_loads_with_its_colours(tmp_path):
    path = written(tmp_path / "a.jpg", Image.new("CMYK", (16, 16), (0, 255, 255, 0)), quality=100)
    np.testing.assert_allclose(load_image(path)[8, 8], [1, 0, 0], atol=0.02)


def test_of_an_animation_the_first_frame_is_taken(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(load_image(path)[0, 0], [1, 0, 0])


# Reading: orientation


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


# Reading: colour profiles


def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def linear_profile():
    """Return the sRGB profile with its tone curve made a gamma of 1."""
    data = srgb_profile()
    curve = data.index(b"para", 128 + 12 * 20)
    gamma_one = b"para" + bytes(4) + struct.pack(">HHi", 0, 0, 1 << 16)
    return data[:curve] + gamma_one + data[curve + len(gamma_one) :]


def grey_profile(gamma):
    """Return a greyscale profile made by hand, of a white point and a tone curve."""
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    curve = b"curv" + bytes(4) + struct.pack(">IHH", 1, round(gamma * 256), 0)
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, len(white), b"kTRC", 176, len(curve))
    header = bytearray(128)
    header[0:4] = struct.pack(">I", 128 + len(tags) + len(white) + len(curve))
    header[8:12] = bytes([2, 0x40, 0, 0])
    header[12:24] = b"mntrGRAYXYZ "
    header[36:40] = b"acsp"
    header[68:80] = white[8:]
    return bytes(header) + tags + white + curve


def srgb_encoded(linear):
    return 1.055 * linear ** (1 / 2.4) - 0.055


def test_the_srgb_profile_changes_nothing(tmp_path, noise):
    pixels = Image.fromarray(np.rint(noise * 255).astype(np.uint8))
    path = written(tmp_path / "a.png", pixels, icc_profile=srgb_profile())
    np.testing.assert_array_equal(load_image(path), load_image(pixels))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_another_profile_is_converted_to_srgb(tmp_path, mode):
    picture = Image.new("RGB", (4, 4), (153, 153, 153)).convert(mode)
    path = written(tmp_path / "a.png", picture, icc_profile=linear_profile())
    np.testing.assert_allclose(load_image(path), srgb_encoded(153 / 255), atol=STEP)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_a_greyscale_profile_is_converted_to_srgb(tmp_path, mode):
    colour = {"L": 128, "LA": (128, 255), "I;16": 128 * 257}[mode]
    picture = Image.new(mode, (4, 4), colour)
    path = written(tmp_path / "a.png", picture, icc_profile=grey_profile(1.0))
    np.testing.assert_allclose(load_image(path), srgb_encoded(128 / 255), atol=STEP)


@pytest.mark.parametrize(
    "profile",
    [
        b"this is no profile",
        srgb_profile()[:200],
        grey_profile(1.0),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    ],
    ids=["garbage", "truncated", "grey", "lab"],
)
def test_a_profile_that_cannot_apply_is_ignored_with_a_warning(tmp_path, caplog, profile):
    picture = Image.new("RGB", (4, 4), (255, 51, 0))
    path = written(tmp_path / "a.png", picture, icc_profile=profile)
    with caplog.at_level(logging.WARNING, logger="neuralstyle.images"):
        image = load_image(path)
    np.testing.assert_allclose(image[0, 0], [1, 0.2, 0], atol=1e-6)
    assert "colour profile is ignored" in caplog.text and "a.png" in caplog.text


# Reading: transparency


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


# Reading: sizes


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


# Reading: errors


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
        (b"Dear reader,\nthis is a text.\n", "it is no picture in a format that Pillow knows"),
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


@pytest.mark.parametrize("limit", [150, 80], ids=["warning", "error"])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch, limit):
    path = written(tmp_path / "bomb.png", Image.new("L", (10, 20)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ValueError, match="^cannot read '.*bomb.png': .*200 pixels") as excinfo:
        load_image(path)
    assert message(excinfo).endswith("; if you trust it, raise PIL.Image.MAX_IMAGE_PIXELS")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    assert load_image(path).shape == (20, 10, 3)


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


# Writing


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.tif", "a.tiff"])
def test_lossless_files_round_to_the_nearest_of_256_levels(tmp_path, noise, name):
    save_image(tmp_path / name, noise)
    assert np.abs(load_image(tmp_path / name) - noise).max() <= STEP / 2 + 1e-6


def test_a_second_round_through_a_file_changes_nothing(tmp_path, noise):
    save_image(tmp_path / "a.png", noise)
    first = load_image(tmp_path / "a.png")
    save_image(tmp_path / "b.png", first)
    np.testing.assert_array_equal(load_image(tmp_path / "b.png"), first)


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_alpha_and_the_colour_below_it_come_back(tmp_path, noise, suffix):
    path = tmp_path / f"a.{suffix}"
    opacity = np.linspace(0, 1, 600).reshape(20, 30)
    save_image(path, noise, alpha=opacity, quality=100)
    _, alpha = load_image(path, return_alpha=True)
    assert np.abs(alpha - opacity).max() <= STEP / 2 + 1e-6
    colour = np.asarray(opened(path))[..., :3] / 255
    assert np.abs(colour - noise).max() <= STEP / 2 + 1e-6


@pytest.mark.parametrize(
    ("suffix", "kind"), [("jpg", "JPEG"), ("jpeg", "JPEG"), ("webp", "WEBP"), ("TIF", "TIFF")]
)
def test_the_suffix_chooses_the_format(tmp_path, noise, suffix, kind):
    save_image(tmp_path / f"a.{suffix}", noise)
    assert opened(tmp_path / f"a.{suffix}").format == kind


def test_a_given_format_outranks_the_suffix(tmp_path, noise):
    save_image(tmp_path / "a.part", noise, format="JPEG")
    assert opened(tmp_path / "a.part").format == "JPEG"


def test_jpeg_keeps_the_full_resolution_of_colour(tmp_path):
    stripes = np.zeros((16, 16, 3))
    stripes[:, ::2, 0] = stripes[:, 1::2, 2] = 1
    save_image(tmp_path / "a.jpg", stripes, quality=100)
    assert np.abs(load_image(tmp_path / "a.jpg") - stripes).max() < 0.03


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_quality_trades_size_for_fidelity(tmp_path, noise, suffix):
    sizes = []
    for quality in (10, 60, 100):
        path = tmp_path / f"{quality}.{suffix}"
        save_image(path, noise, quality=quality)
        sizes.append(path.stat().st_size)
    assert sizes == sorted(set(sizes))


def test_a_webp_of_quality_100_is_lossless(tmp_path, noise):
    save_image(tmp_path / "a.webp", noise, quality=100)
    assert np.abs(load_image(tmp_path / "a.webp") - noise).max() <= STEP / 2 + 1e-6


def test_tiff_is_compressed(tmp_path):
    save_image(tmp_path / "a.tif", np.zeros((100, 100, 3)))
    assert (tmp_path / "a.tif").stat().st_size < 1000


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_has_limits(tmp_path, noise, quality):
    with pytest.raises(ValueError, match=f"^quality: expected from 1 to 100, received {quality}$"):
        save_image(tmp_path / "a.jpg", noise, quality=quality)
    with pytest.raises(TypeError, match="^quality: expected a whole number, received "):
        save_image(tmp_path / "a.jpg", noise, quality=float(quality))


@pytest.mark.parametrize(
    ("name", "alpha", "error", "text"),
    [
        ("a.jpg", np.ones((20, 30)), ValueError, "JPEG"),
        ("a.png", np.ones((30, 20)), ValueError, r"\(20, 30\), received \(30, 20\)"),
        ("a.png", np.ones((20, 30, 1)), ValueError, "shape"),
        ("a.png", np.full((20, 30), 1.5), ValueError, "from 1.5 to 1.5"),
        ("a.png", np.ones((20, 30), np.uint8), TypeError, "uint8"),
    ],
)
def test_a_bad_alpha_is_refused(tmp_path, noise, name, alpha, error, text):
    with pytest.raises(error, match=f"^alpha: expected .*{text}") as excinfo:
        save_image(tmp_path / name, noise, alpha=alpha)
    message(excinfo)
    assert os.listdir(tmp_path) == []


def test_a_bad_image_is_refused_before_anything_is_written(tmp_path, noise):
    with pytest.raises(ValueError, match="divide by 255"):
        save_image(tmp_path / "a.png", noise * 255)
    assert os.listdir(tmp_path) == []


def test_a_side_too_long_for_the_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match="^cannot encode the image as WEBP: ") as excinfo:
        save_image(tmp_path / "a.webp", np.zeros((1, 16384, 3)))
    message(excinfo)
    assert os.listdir(tmp_path) == []


# Writing: where to

KNOWN = "jpg, jpeg, png, tif, tiff, webp"


def same_error_before_and_at_saving(target, error, format=None):
    with pytest.raises(error) as early:
        check_target(target, format)
    with pytest.raises(error) as late:
        save_image(target, np.zeros((2, 2, 3)), format=format)
    assert message(early) == message(late)
    return message(early)


@pytest.mark.parametrize("name", ["a.gif", "a", "png", ".png"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path, name):
    text = same_error_before_and_at_saving(tmp_path / name, ValueError)
    assert text == f"target: expected a suffix among {KNOWN}, received {str(tmp_path / name)!r}"


def test_an_unknown_format_is_refused(tmp_path):
    text = same_error_before_and_at_saving(tmp_path / "a.png", ValueError, "gif")
    assert text == f"format: expected one of {KNOWN}, received 'gif'"


@pytest.mark.parametrize("format", [3, b"png", ["png"]])
def test_a_format_is_a_string(tmp_path, format):
    for target in (tmp_path / "a.png", io.BytesIO()):
        text = same_error_before_and_at_saving(target, TypeError, format)
        assert text == f"format: expected a string, received {format!r}"


def test_a_file_object_needs_a_format():
    text = same_error_before_and_at_saving(io.BytesIO(), ValueError)
    assert text == f"format: expected one of {KNOWN} with a file object, received None"


@pytest.mark.parametrize("target", [None, 3, io.StringIO()])
def test_other_kinds_of_target_are_refused(target):
    text = same_error_before_and_at_saving(target, TypeError, "png")
    received = type(target).__name__
    assert text == f"target: expected a path or a binary file object, received {received}"


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "none" / "a.png"
    text = same_error_before_and_at_saving(path, FileNotFoundError)
    assert str(path) in text and f"the folder {str(path.parent)!r} does not exist" in text


def test_a_folder_cannot_be_written_over(tmp_path):
    path = tmp_path / "a.png"
    path.mkdir()
    text = same_error_before_and_at_saving(path, IsADirectoryError)
    assert text == f"cannot write {str(path)!r}: it is a folder"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    text = same_error_before_and_at_saving(tmp_path / "file" / "a.png", NotADirectoryError)
    assert str(tmp_path / "file" / "a.png") in text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_only_a_regular_file_is_replaced(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert "it is not a regular file" in same_error_before_and_at_saving(
        tmp_path / "a.png", ValueError
    )


def test_a_read_only_file_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"mine")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may do anything
    text = same_error_before_and_at_saving(tmp_path / "a.png", PermissionError)
    assert text == f"cannot write {str(tmp_path / 'a.png')!r}: the file is read-only"


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("neuralstyle.files.open", refuse, raising=False)
    text = same_error_before_and_at_saving(tmp_path / "a.png", PermissionError)
    assert text == f"cannot write {str(tmp_path / 'a.png')!r}: Permission denied"


def test_checking_a_target_leaves_no_trace(tmp_path):
    check_target(tmp_path / "new.png")
    (tmp_path / "old.png").write_bytes(b"old")
    check_target(tmp_path / "old.png")
    assert os.listdir(tmp_path) == ["old.png"]
    assert (tmp_path / "old.png").read_bytes() == b"old"


def test_a_bare_name_is_written_to_the_current_folder(tmp_path, monkeypatch, noise):
    monkeypatch.chdir(tmp_path)
    save_image("a.png", noise)
    assert os.listdir(tmp_path) == ["a.png"]


# Writing: whole or not at all


@pytest.mark.parametrize("failing", ["replace", "write"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_old_file_and_no_other(
    tmp_path, monkeypatch, noise, failing, error
):
    def fail(*arguments):
        raise error

    class FailingFile(io.FileIO):
        def write(self, data):
            super().write(data[:10])
            raise error

    path = tmp_path / "a.png"
    save_image(path, noise)
    before = path.read_bytes()
    if failing == "replace":
        monkeypatch.setattr(os, "replace", fail)
    else:
        monkeypatch.setattr("neuralstyle.files.open", FailingFile, raising=False)
    with pytest.raises(type(error)) as excinfo:
        save_image(path, 1 - noise)
    if isinstance(error, OSError):
        assert message(excinfo) == f"cannot write {str(path)!r}: No space left on device"
    assert os.listdir(tmp_path) == ["a.png"]
    assert path.read_bytes() == before


def test_a_new_file_has_the_usual_permissions(tmp_path, noise):
    (tmp_path / "usual").write_bytes(b"")
    save_image(tmp_path / "a.png", noise)
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_symbolic_link_is_written_through(tmp_path, noise):
    (tmp_path / "link.png").symlink_to(tmp_path / "file.png")
    save_image(tmp_path / "link.png", noise)
    assert (tmp_path / "link.png").is_symlink()
    assert not (tmp_path / "file.png").is_symlink() and load_image(tmp_path / "file.png").size


# Metadata

TEXTS = {"Software": "neuralstyle", "seed": "7", "weights": 'Größe → "1e4"\nline 2', "empty": ""}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_metadata_comes_back(tmp_path, noise, suffix):
    save_image(tmp_path / f"a.{suffix}", noise, metadata=TEXTS)
    assert load_metadata(tmp_path / f"a.{suffix}") == TEXTS
    assert load_image(tmp_path / f"a.{suffix}").shape == noise.shape


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_without_metadata_there_is_none(tmp_path, noise, suffix):
    save_image(tmp_path / f"a.{suffix}", noise)
    assert load_metadata(tmp_path / f"a.{suffix}") == {}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_name_which_is_no_text_is_no_obstacle(tmp_path, noise, suffix):
    save_image(tmp_path / f"a.{suffix}", noise, metadata={"content": "caf\udce9.jpg"})
    assert load_metadata(tmp_path / f"a.{suffix}") == {"content": "caf?.jpg"}


@pytest.mark.parametrize("comment", [b"made by hand", b"[1]", b"\xff\xfe\xfd", b"7"])
def test_the_comment_of_another_program_is_no_metadata(tmp_path, comment):
    path = written(tmp_path / "a.jpg", Image.new("RGB", (8, 8)), comment=comment)
    assert load_metadata(path) == {}


def test_other_programs_can_read_the_metadata(tmp_path, noise):
    for suffix in SUFFIXES:
        save_image(tmp_path / f"a.{suffix}", noise, metadata=TEXTS)
    assert opened(tmp_path / "a.png").text == TEXTS
    assert json.loads(opened(tmp_path / "a.jpg").info["comment"]) == TEXTS
    assert json.loads(opened(tmp_path / "a.tiff").tag_v2[270]) == TEXTS
    assert json.loads(opened(tmp_path / "a.webp").getexif()[270]) == TEXTS


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"": "x"}, ValueError),
        ({" seed": "x"}, ValueError),
        ({"seed ": "x"}, ValueError),
        ({"two\nlines": "x"}, ValueError),
        ({"größe": "x"}, ValueError),
        ({"k" * 80: "x"}, ValueError),
        ({"seed": 7}, TypeError),
        ({7: "seed"}, TypeError),
        (3, TypeError),
        (0, TypeError),
        ("seed", TypeError),
        ([("seed", "7")], TypeError),
    ],
)
def test_metadata_is_checked(tmp_path, noise, metadata, error):
    with pytest.raises(error, match="^metadata: expected .* received ") as excinfo:
        save_image(tmp_path / "a.tif", noise, metadata=metadata)
    message(excinfo)
    assert os.listdir(tmp_path) == []


def test_metadata_too_long_for_a_jpeg_comment_is_refused(tmp_path, noise):
    with pytest.raises(ValueError, match="^cannot encode the image as JPEG: "):
        save_image(tmp_path / "a.jpg", noise, metadata={"log": "x" * 70_000})


# Checking


def test_a_good_array_is_returned_as_it_is(noise):
    assert check_image(noise) is noise
    assert np.shares_memory(check_image(noise[np.newaxis]), noise)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_other_floats_become_float32(noise, dtype):
    image = check_image(noise.astype(dtype))
    assert image.dtype == np.float32 and image.shape == (20, 30, 3)
    np.testing.assert_allclose(image, noise, atol=1e-3)


def test_whatever_numpy_makes_an_array_of_is_accepted(noise):
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return noise

    assert check_image(Tensor()).shape == (20, 30, 3)
    assert check_image([[[0.0, 0.5, 1.0]]]).shape == (1, 1, 3)


def test_values_within_the_tolerance_are_clipped_in_a_copy(noise):
    noise[0, 0], noise[0, 1] = -0.0009, 1.0009
    before = noise.copy()
    image = check_image(noise)
    assert image.min() == 0 and image.max() == 1
    np.testing.assert_array_equal(noise, before)


@pytest.mark.parametrize(
    ("image", "error", "text"),
    [
        (np.zeros((2, 2, 3), np.uint8), TypeError, "uint8; divide by 255 or use load_image"),
        (np.zeros((2, 2, 3), np.int64), TypeError, "int64; divide by 255 or use load_image"),
        (np.zeros((2, 2, 3), bool), TypeError, "bool$"),
        (np.zeros((2, 2, 3), complex), TypeError, "complex128$"),
        (Image.new("RGB", (2, 2)), TypeError, "received Image; use load_image"),
        ("a.png", TypeError, "received str"),
        (None, TypeError, "received NoneType"),
        ([[0.0], [0.0, 1.0]], TypeError, "received list"),
        (np.zeros((2, 2)), ValueError, r"received \(2, 2\)$"),
        (np.zeros((2, 2, 1)), ValueError, r"received \(2, 2, 1\)$"),
        (np.zeros((2, 2, 4)), ValueError, r"received \(2, 2, 4\)$"),
        (np.zeros((3, 8, 8)), ValueError, r"received \(3, 8, 8\)$"),
        (np.zeros((2, 8, 8, 3)), ValueError, r"received \(2, 8, 8, 3\)$"),
        (np.zeros((0, 8, 3)), ValueError, r"received \(0, 8, 3\)$"),
        (
            np.array([[[0, np.nan, np.inf]]]),
            ValueError,
            "finite values, received 2 that are NaN or infinite$",
        ),
        (np.array([[[0, 0, 1.002]]]), ValueError, "received values from 0 to 1.002$"),
        (np.array([[[-0.5, 0, 1]]]), ValueError, "received values from -0.5 to 1$"),
        (np.array([[[0, 0, 255.0]]]), ValueError, "from 0 to 255; divide by 255$"),
        (np.array([[[0, 0, 1e300]]]), ValueError, r"from 0 to 1e\+300"),
    ],
)
def test_what_is_no_picture_is_refused(image, error, text):
    with pytest.raises(error, match=f"^style: expected .*{text}") as excinfo:
        check_image(image, "style")
    message(excinfo)


# Resizing


@pytest.mark.parametrize("size", [(5, 7), (50, 70), (5, 70)])
@pytest.mark.parametrize("channels", [(), (1,), (3,), (5,)])
def test_resizing_keeps_a_flat_picture_flat(size, channels):
    image = resize(np.full((20, 30, *channels), 0.3, np.float32), size)
    assert image.shape == (*size, *channels) and image.dtype == np.float32
    np.testing.assert_allclose(image, 0.3, atol=1e-6)


def test_shrinking_averages_instead_of_skipping():
    checks = np.indices((64, 64)).sum(axis=0) % 2
    np.testing.assert_allclose(resize(checks.astype(np.float32), (8, 8)), 0.5, atol=0.02)


def test_overshoot_at_edges_is_clipped():
    edge = np.zeros((16, 16), np.float32)
    edge[:, 8:] = 1
    for size in ((40, 40), (12, 12)):
        image = resize(edge, size)
        assert image.min() == 0 and image.max() == 1


def test_channels_and_axes_stay_in_place(noise):
    expected = [resize(noise[..., channel], (10, 12)) for channel in range(3)]
    np.testing.assert_array_equal(resize(noise, (10, 12)), np.stack(expected, axis=2))
    ramp = np.tile(np.linspace(0, 1, 30, dtype=np.float32), (20, 1))
    assert (np.diff(resize(ramp, (10, 15)), axis=1) > 0).all()


def test_resizing_to_the_same_size_copies(noise):
    image = resize(noise, (20, 30))
    np.testing.assert_array_equal(image, noise)
    assert not np.shares_memory(image, noise)


@pytest.mark.parametrize(
    ("image", "size", "error"),
    [
        (np.zeros((2, 2, 3), np.uint8), (1, 1), TypeError),
        (np.zeros(4, np.float32), (1, 1), ValueError),
        (np.zeros((1, 2, 2, 3), np.float32), (1, 1), ValueError),
        (np.zeros((2, 2), np.float32), 4, TypeError),
        (np.zeros((2, 2), np.float32), (4, 0), ValueError),
    ],
)
def test_resize_checks_its_arguments(image, size, error):
    with pytest.raises(error, match="^(image|size): expected .* received ") as excinfo:
        resize(image, size)
    message(excinfo)


@pytest.mark.parametrize(
    ("shape", "longer_side", "expected"),
    [
        ((480, 640), 320, (240, 320)),
        ((640, 480, 3), 1280, (1280, 960)),
        ((100, 3), 10, (10, 1)),
        ((1000, 1), 10, (10, 1)),
        ((333, 1000), 512, (170, 512)),
        ((7, 7), 1, (1, 1)),
    ],
)
def test_scaling_keeps_the_aspect(shape, longer_side, expected):
    assert scaled_size(shape, longer_side) == expected


@pytest.mark.parametrize(
    ("shape", "longer_side", "error"),
    [
        ((4,), 2, ValueError),
        ((1, 4, 4, 3), 2, ValueError),
        ((0, 4), 2, ValueError),
        ((4, 4), 0, ValueError),
        ((4, 4), 2.5, TypeError),
    ],
)
def test_scaled_size_checks_its_arguments(shape, longer_side, error):
    with pytest.raises(error, match="^(shape|longer_side): expected .* received ") as excinfo:
        scaled_size(shape, longer_side)
    message(excinfo)
