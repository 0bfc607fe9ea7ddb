"""Pictures that `stylize` and its kin read themselves: paths and PIL images."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painting import Noted, quick
from PIL import Image as Pillow
from support import noise

import neuralstyle as ns
from neuralstyle.transfer.checkpoint import of_content


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    seeds = {"content": 0, "style": 1}
    for name, seed in seeds.items():
        ns.save_image(tmp_path / f"{name}.png", noise(40, 48, seed))
    return {name: tmp_path / f"{name}.png" for name in seeds}


def pil(path: Path) -> Pillow.Image:
    with Pillow.open(path) as image:
        image.load()
        return image


@pytest.mark.parametrize("given", [str, Path, pil])
def test_paths_and_pil_images_paint_as_arrays_do(files: dict[str, Path], given: Any) -> None:
    content, style = (ns.load_image(path) for path in files.values())
    direct = quick(*(given(path) for path in files.values()), scales=1)
    assert np.array_equal(direct.image, quick(content, style, scales=1).image)


def test_what_is_transparent_in_a_file_is_left_out(tmp_path: Path) -> None:
    alpha = np.linspace(0, 1, 48, dtype=np.float32) * np.ones((40, 1), np.float32)
    ns.save_image(tmp_path / "a.png", noise(40, 48), alpha=alpha)
    pixels = np.asarray(pil(tmp_path / "a.png"), np.float32) / np.float32(255)
    result = quick(tmp_path / "a.png", scales=1)
    assert np.allclose(result.image, quick(pixels, scales=1).image, atol=1e-4)


def test_regions_scores_and_checkpoints_take_them_too(files: dict[str, Path]) -> None:
    paths = list(files.values())
    content, style = (ns.load_image(path) for path in paths)
    assert np.array_equal(ns.Region(np.ones((40, 48)), paths[1]).style, style)
    assert ns.score(content, *paths) == ns.score(content, content, style)
    assert of_content(paths[0]) == of_content(content)


def test_checkpoints_tell_contents_by_their_opacity_too() -> None:
    shades = [np.dstack([noise(8, 8), np.full((8, 8), a, np.float32)]) for a in (0.5, 0.7, 1)]
    assert len({of_content(shade) for shade in shades}) == 3
    assert of_content(shades[2]) == of_content(noise(8, 8))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("content", lambda file: ns.stylize(file, noise(8, 8))),
        (r"style\[0\]", lambda file: ns.stylize(noise(8, 8), [file])),
        ("init", lambda file: ns.stylize(noise(8, 8), noise(8, 8), init=file)),
        ("style", lambda file: ns.Region(np.ones((8, 8)), file)),
        ("mask", lambda file: ns.Region(file, noise(8, 8))),
        ("picture", lambda file: ns.score(file, noise(8, 8), noise(8, 8))),
    ],
)
def test_a_file_object_is_answered_with_what_reads_it(name: str, call: Any) -> None:
    with pytest.raises(TypeError, match=f"^{name}: .*received BytesIO; load_image reads it$"):
        call(io.BytesIO())


def test_a_function_with_regions_is_answered_with_a_recipe_that_has_it_added() -> None:
    region = ns.Region(np.ones((8, 8)), noise(8, 8))
    with pytest.raises(ValueError, match=r"^regions: .* recipe=ns\.recipes\.default\(\) \+ func"):
        ns.stylize(noise(8, 8), [], regions=[region], objective=Noted())


def test_a_file_that_is_not_there_is_named_with_its_argument() -> None:
    with pytest.raises(FileNotFoundError, match=r"^content: cannot read 'nowhere.png'"):
        quick("nowhere.png")
    with pytest.raises(FileNotFoundError, match=r"^style\[1\]: cannot read 'nowhere.png'"):
        quick(style=[noise(40, 40), "nowhere.png"])
