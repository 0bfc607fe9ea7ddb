"""Texts that pictures carry."""

import json
import os

import pytest
from PIL import Image
from support import message, opened, written

from neuralstyle.images.load import load_image, load_metadata
from neuralstyle.images.save import save_image

SUFFIXES = ["png", "jpg", "tiff", "webp"]


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
