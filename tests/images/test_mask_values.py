"""Masks as people have them are all the same mask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neuralstyle as ns

SHARP = np.random.default_rng(3).uniform(size=(6, 8)) > 0.5

LEVELS = np.random.default_rng(4).integers(256, size=(6, 8)).astype(np.uint8)


@pytest.mark.parametrize(
    "given",
    [
        SHARP.astype(int),
        SHARP.astype(np.float32),
        SHARP.astype(np.uint8),
        SHARP.astype(np.uint8) * 255,
        SHARP[..., None],
        np.repeat(SHARP[..., None], 3, axis=2).astype(np.float32),
        np.ma.masked_array(np.ones((6, 8)), ~SHARP),
        SHARP.tolist(),
        Image.fromarray(SHARP),
        Image.fromarray(SHARP.astype(np.uint8)),
        Image.fromarray(SHARP.astype(np.uint8) * 255).convert("RGB"),
    ],
)
def test_whatever_a_sharp_mask_is_kept_in_it_is_the_same(given: Any) -> None:
    np.testing.assert_array_equal(ns.Mask(given).values, SHARP)


def test_soft_masks_of_a_byte_are_shares_of_255(tmp_path: Path) -> None:
    for name in ("mask.png", "mask.tif"):
        Image.fromarray(LEVELS).save(tmp_path / name)
    given = [LEVELS, LEVELS[..., None], Image.fromarray(LEVELS), tmp_path / "mask.png"]
    for kind in [*given, str(tmp_path / "mask.tif")]:
        np.testing.assert_allclose(ns.Mask(kind).values, LEVELS / 255, atol=1e-7)


def test_what_is_transparent_is_not_of_the_region() -> None:
    white = Image.new("RGBA", (8, 6), (255, 255, 255, 255))
    white.putalpha(Image.fromarray(LEVELS))
    np.testing.assert_allclose(ns.Mask(white).values, LEVELS / 255, atol=1e-6)


def test_masks_are_taken_alike_wherever_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(SHARP).save(path)
    style = np.zeros((6, 8, 3), np.float32)
    region = ns.Region(path, style, SHARP.astype(np.uint8) * 255)
    loss = ns.TotalVariationLoss(mask=str(path))
    assert region.mask == region.style_mask == loss.mask == ns.Mask(SHARP)


def test_a_mask_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="^style_mask: cannot read 'nowhere.png'"):
        ns.Region(SHARP, np.zeros((6, 8, 3), np.float32), "nowhere.png")
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(ValueError, match="^mask: cannot read .*no.png"):
        ns.StyleLoss({"input": np.zeros((1, 6, 8, 3))}, "input", mask=tmp_path / "no.png")
    with pytest.raises(ValueError, match="from 0 to 1, or uint8, received int64 from 0 to 7"):
        ns.Mask(np.arange(48, dtype=np.int64).reshape(6, 8) // 6)


def test_a_picture_with_colours_in_the_place_of_a_mask_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blobs = np.kron(SHARP, np.ones((16, 16), bool))
    for name, levels in (("grey.png", LEVELS), ("grey.jpg", blobs * np.uint8(255))):
        Image.fromarray(levels).convert("RGB").save(tmp_path / name)
        ns.Mask(tmp_path / name)
    assert caplog.messages == []
    red = Image.new("RGB", blobs.shape[::-1])
    red.paste((255, 0, 0), (0, 0, 16, 16))
    red.save(tmp_path / "red.png")
    np.testing.assert_allclose(ns.Mask(tmp_path / "red.png").values.max(), 1 / 3, atol=1e-6)
    (said,) = caplog.messages
    assert said.startswith("mask: expected white, black and grey, received a picture with colours")
