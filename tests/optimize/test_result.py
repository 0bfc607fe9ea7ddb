"""What results and sheets write: to paths, to file objects and to open files, alike."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import noise, pixels

import neuralstyle as ns
from neuralstyle.images.show import Sheet


@pytest.fixture(scope="module")
def result() -> ns.StyleResult:
    return ns.minimize(ns.TotalVariationLoss(), pixels, noise(6, 8), maxiter=1)


@pytest.fixture(params=["result", "sheet"])
def saves(request: pytest.FixtureRequest, result: ns.StyleResult) -> Any:
    """What saves itself."""
    return result if request.param == "result" else Sheet(noise(6, 8))


@pytest.mark.parametrize("format", ["png", "jpeg", "tiff", "webp"])
def test_a_file_object_gets_the_bytes_of_a_file(saves: Any, format: str, tmp_path: Path) -> None:
    file = io.BytesIO()
    saves.save(file, format=format, quality=90)
    saves.save(tmp_path / f"a.{format}", quality=90)
    assert file.getvalue() == (tmp_path / f"a.{format}").read_bytes()


def test_an_open_file_says_its_format_by_its_name(saves: Any, tmp_path: Path) -> None:
    with open(tmp_path / "a.webp", "wb") as file:
        saves.save(file)
    named = io.BytesIO()
    named.name = "b.webp"
    saves.save(named)
    assert named.getvalue() == (tmp_path / "a.webp").read_bytes()
    assert named.getvalue()[8:12] == b"WEBP"


def test_a_file_object_without_a_name_asks_for_format(saves: Any, tmp_path: Path) -> None:
    odd = io.BytesIO()
    odd.name = "picture.xyz"
    with tempfile.TemporaryFile() as unnamed:  # its name is a number
        for file in (io.BytesIO(), odd, unnamed):
            with pytest.raises(ValueError, match="^format: expected one of .* with a file object"):
                saves.save(file)
            saves.save(file, format="png")


def test_a_format_that_is_named_counts_more_than_a_suffix(saves: Any, tmp_path: Path) -> None:
    saves.save(tmp_path / "a.jpg", format="png")
    assert (tmp_path / "a.jpg").read_bytes()[1:4] == b"PNG"
    with pytest.raises(ValueError, match="^format: expected one of"):
        saves.save(tmp_path / "b.png", format="gif")
    assert not (tmp_path / "b.png").exists()


def test_a_file_object_holds_the_settings_too(result: ns.StyleResult) -> None:
    file = io.BytesIO()
    result.save(file, format="png")
    told = ns.load_metadata(io.BytesIO(file.getvalue()))
    assert "total_variation" in told["neuralstyle"]


def test_a_picture_becomes_a_pil_image(saves: Any) -> None:
    image = np.asarray(saves.to_pil())
    picture = saves if isinstance(saves, Sheet) else saves.image
    np.testing.assert_array_equal(image, ns.to_uint8(picture))


def test_every_sheet_of_the_library_saves_itself(tmp_path: Path) -> None:
    vary = {"total_variation": [1.0, 2.0]}
    sheet = ns.sweep(ns.TotalVariationLoss(), pixels, noise(6, 8), vary=vary, maxiter=1).sheet()
    sheet.save(tmp_path / "sheet.png")
    assert ns.load_image(tmp_path / "sheet.png").shape == sheet.shape
