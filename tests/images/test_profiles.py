"""Reading pictures: what is made of their colour profiles."""

import logging
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms
from support import written

from neuralstyle.images.load import load_image

STEP = 1 / 255


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
