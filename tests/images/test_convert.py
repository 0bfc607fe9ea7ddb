"""Pictures as other programs have them: read for what they are, refused where that is unclear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Pillow
from support import Array, message, noise

import neuralstyle as ns

BYTES = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
FLOATS = BYTES.astype(np.float32) / np.float32(255)


class Torch:
    """What is asked of a tensor of PyTorch that has a gradient, on another device."""

    def __init__(self, array: Array, at: str = "device") -> None:
        self.array, self.at = array, at

    def detach(self) -> Torch:
        return Torch(self.array, "detached")

    def cpu(self) -> Torch:
        return Torch(self.array, "here" if self.at == "detached" else "tracked")

    def is_floating_point(self) -> bool:
        return self.array.dtype.kind == "f"

    def float(self) -> Torch:
        return Torch(self.array.astype(np.float32), self.at)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        if self.at != "here":
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.array


@pytest.mark.parametrize(
    "x",
    [
        FLOATS,
        FLOATS.tolist(),
        FLOATS.astype(np.float64),
        FLOATS[None],
        BYTES,
        (BYTES * np.uint16(257)),
        np.moveaxis(BYTES, 2, 0),
        Pillow.fromarray(BYTES),
        tf.constant(FLOATS),
        tf.constant(np.moveaxis(FLOATS, 2, 0)[None]),
        Torch(np.moveaxis(FLOATS, 2, 0)[None]),
        Torch(BYTES),
        np.dstack([BYTES, np.full((5, 7), 255, np.uint8)]),
    ],
)
def test_whatever_holds_a_picture_gives_the_same_one(x: Any) -> None:
    image = ns.as_image(x)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, FLOATS, rtol=0, atol=1e-7)


def test_half_precision_is_read() -> None:
    image = ns.as_image(tf.cast(FLOATS, "bfloat16"))
    np.testing.assert_allclose(image, FLOATS, rtol=0, atol=1 / 256)


def test_files_are_read_as_by_load_image(tmp_path: Path) -> None:
    ns.save_image(tmp_path / "a.png", FLOATS)
    with (tmp_path / "a.png").open("rb") as file:
        for source in (tmp_path / "a.png", str(tmp_path / "a.png"), file):
            assert np.array_equal(ns.as_image(source), FLOATS)


def test_blue_comes_first_where_it_is_said_to() -> None:
    assert np.array_equal(ns.as_image(BYTES[..., ::-1], bgr=True), FLOATS)
    opaque = np.dstack([BYTES[..., ::-1], np.full((5, 7), 255, np.uint8)])
    assert np.array_equal(ns.as_image(opaque, bgr=True), FLOATS)


@pytest.mark.parametrize("grey", [FLOATS[..., 0], FLOATS[..., :1], FLOATS[None, ..., 0]])
def test_grey_has_three_equal_channels(grey: Array) -> None:
    assert np.array_equal(ns.as_image(grey), np.repeat(FLOATS[..., :1], 3, axis=2))


def test_a_shape_that_can_be_read_twice_is_asked_about() -> None:
    x = noise(3, 9)
    with pytest.raises(ValueError, match=r'^channels: expected "first" or "last"') as excinfo:
        ns.as_image(x)
    message(excinfo)
    assert ns.as_image(x, channels="last").shape == (3, 9, 3)
    assert ns.as_image(x, channels="first").shape == (9, 3, 3)


def test_transparency_is_laid_on_white_or_kept() -> None:
    opacity = np.linspace(0, 1, 35).reshape(5, 7, 1)
    x = np.dstack([FLOATS, opacity])
    np.testing.assert_allclose(ns.as_image(x), 1 + opacity * (FLOATS - 1), atol=1e-6)
    np.testing.assert_allclose(ns.as_image(x, alpha=True), x, atol=1e-6)
    assert ns.as_image(FLOATS, alpha=True).shape == (5, 7, 3)


def test_transparency_of_a_file_is_kept_with_its_own_colours() -> None:
    x = np.dstack([BYTES, np.full((5, 7), 100, np.uint8)])
    kept = ns.as_image(Pillow.fromarray(x), alpha=True)
    np.testing.assert_allclose(kept, ns.as_image(x, alpha=True), atol=1e-6)


@pytest.mark.parametrize(
    ("x", "options", "error", "words"),
    [
        (BYTES.astype(np.int64), {}, TypeError, "x: expected uint8, uint16, or floats"),
        (np.zeros((4, 6, 3), bool), {}, TypeError, "received ndarray of bool"),
        (None, {}, TypeError, "received None"),
        (BYTES.astype(np.float32), {}, ValueError, "divide by 255"),
        (FLOATS * np.nan, {}, ValueError, "NaN"),
        (np.stack([FLOATS] * 2), {}, ValueError, "one more axis of length 1"),
        (np.zeros((8, 9, 5)), {}, ValueError, "1, 3 or 4 channels"),
        (FLOATS, {"channels": "first"}, ValueError, "1, 3 or 4 channels"),
        (FLOATS, {"channels": "middle"}, ValueError, "channels: expected"),
        (FLOATS, {"bgr": 1}, TypeError, "bgr: expected True or False"),
        (Pillow.fromarray(BYTES), {"bgr": True}, ValueError, "bgr: expected none with a file"),
        ("nowhere.png", {}, FileNotFoundError, "nowhere.png"),
    ],
)
def test_what_is_no_picture_is_refused(
    x: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as excinfo:
        ns.as_image(x, **options)
    assert words in str(excinfo.value)


def test_whole_numbers_come_back() -> None:
    assert np.array_equal(ns.to_uint8(ns.as_image(BYTES)), BYTES)
    with pytest.raises(TypeError, match="use as_image"):
        ns.to_uint8(BYTES)
