"""Crops of pictures: which are drawn, which are left out, what is refused before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.features.crops import TRAINING, VALIDATION, Crops
from tests.support import picture, says

PICTURES = [picture(seed, (48, 40)) for seed in range(6)]


def test_batches_depend_on_their_number_and_the_seed() -> None:
    crops, again, other = (Crops(PICTURES, (16, 24), 2048, seed=seed) for seed in (0, 0, 1))
    last = again.batch(TRAINING, 3)
    np.testing.assert_array_equal(crops.batch(TRAINING, 0), again.batch(TRAINING, 0))
    np.testing.assert_array_equal(crops.batch(TRAINING, 3), last)
    assert not np.array_equal(crops.batch(TRAINING, 2), crops.batch(TRAINING, 0))
    assert not np.array_equal(other.batch(TRAINING, 0), crops.batch(TRAINING, 0))
    assert other.validation == crops.validation  # to go on with another seed
    assert [crops.batch(TRAINING, i).shape for i in range(2)] == [(8, 16, 16, 3), (4, 24, 24, 3)]


def test_pictures_left_out_are_seen_by_validation_alone() -> None:
    plain = [np.full((20, 20, 3), value, np.float32) for value in np.linspace(0, 1, 8)]
    crops = Crops(plain, (16,), 4096, every=4)
    assert len(crops.validation) == 2 and len(crops.training) == 6
    assert not set(crops.validation) & set(crops.training)
    drawn: list[int] = []
    read = crops._picture
    crops._picture = lambda index: drawn.append(index) or read(index)  # type: ignore
    crops.batch(TRAINING, 0)
    assert set(drawn) <= set(crops.training)
    drawn.clear()
    crops.batch(VALIDATION, 0)
    assert set(drawn) <= set(crops.validation)


def test_folders_are_searched_and_names_repeated_count(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for name in ("a.png", "more/b.png"):
        ns.save_image(tmp_path / name, PICTURES[0])
    (tmp_path / "notes.txt").write_text("no picture")
    crops = Crops([tmp_path, tmp_path / "a.png"], (16,), 1024)
    assert len(crops) == 2
    assert crops._times == [2, 1]
    (tmp_path / "._a.png").write_bytes(b"what macOS notes on a.png")
    (tmp_path / "folder.png").mkdir()
    assert len(Crops(tmp_path, (16,), 1024)) == 2


@pytest.mark.parametrize("index", range(2))
def test_what_is_no_picture_is_refused_before_any_work(tmp_path: Path, index: int) -> None:
    for name in "ab":
        ns.save_image(tmp_path / f"{name}.png", PICTURES[0])
    with says(ValueError, "max_pixels: expected at most 9 pixels", "received", ".png'"):
        Crops(tmp_path, (16,), 1024, max_pixels=9)
    (tmp_path / f"{'ab'[index]}.png").write_bytes(b"no picture")
    with says(ValueError, "images: cannot read", f"{'ab'[index]}.png'"):
        Crops(tmp_path, (16,), 1024)


def test_a_damaged_picture_among_those_left_out_is_refused_before_any_work(tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.png" for name in "ab"]
    for file in files:
        ns.save_image(file, PICTURES[0])
    (left_out,) = Crops(tmp_path, (16,), 1024).validation
    files[left_out].write_bytes(files[left_out].read_bytes()[:500])
    with says(ValueError, "images: cannot read", files[left_out].name):
        Crops(tmp_path, (16,), 1024)


def test_pictures_are_told_from_others(tmp_path: Path) -> None:
    def told(images: Any) -> str:
        return Crops(images, (16,), 1024).digest

    for name in "abc":
        ns.save_image(tmp_path / f"{name}.png", PICTURES[0])
    a, b, c = sorted(tmp_path.iterdir())
    different = [PICTURES[:2], PICTURES[1:3], [a, b], [a, c], [a, b, b], tmp_path]
    assert len({told(images) for images in different}) == len(different)
    assert told(tmp_path) == told([a, b, c]) and told(PICTURES) == told(list(PICTURES))
