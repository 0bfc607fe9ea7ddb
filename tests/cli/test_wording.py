"""The library's messages in the command line's words."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from neuralstyle.cli.arguments import keywords
from neuralstyle.cli.wording import reworded
from neuralstyle.features.architectures import VGG16
from neuralstyle.features.failures import LISTED, unknown_layer
from neuralstyle.features.vgg.download import imagenet_file
from neuralstyle.transfer.options.options import options


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("style[1]: expected at least 8", "STYLE 2: expected at least 8"),
        ("frames[0]: expected an image", "FRAME 1: expected an image"),
        ("regions[1], style_mask: expected", "region 2 style_mask: expected"),
        ("regions[0].style: expected", "region 1 style: expected"),
        ("content_layers and style_layers: no", "--content-layers and --style-layers: no"),
        ('image: a torus (padding="wrap")', 'image: a torus (--padding "wrap")'),
        ("layers: no; style_layers= of the recipe", "layers: no; --style-layers of the recipe"),
        ("cannot read 'size=3.png': no file", "cannot read 'size=3.png': no file"),
        ("init: no; another_name=3", "--init: no; another_name=3"),
        ("it broke", "it broke"),
    ],
)
def test_arguments_are_called_what_the_user_wrote(message: str, told: str) -> None:
    assert reworded(message) == told


def test_every_option_and_keyword_is_told_by_its_flag() -> None:
    for name, option in options().items():
        if option.flag:
            assert reworded(f"{name}: expected") == f"{option.flag}: expected"
    for name in keywords():
        assert reworded(f"{name}: expected") == f"--{name.replace('_', '-')}: expected"


def test_the_network_without_a_download_is_told_as_an_option(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    architecture = dataclasses.replace(VGG16, imagenet_url=(tmp_path / "none.h5").as_uri())
    with pytest.raises(OSError) as caught:
        imagenet_file(architecture)
    assert 'VGG16Features(weights="compact")' in str(caught.value)
    told = reworded(str(caught.value))
    assert "or use --network compact, the default, which" in told and "Features" not in told


def test_what_to_do_in_python_is_left_out() -> None:
    many = unknown_layer("conv9", tuple(f"conv{k}" for k in range(10, 20 + LISTED)))
    told = reworded(f"layers: {many.args[0]}")
    assert "`layers`" in str(many) and "extractor" not in told
    assert "there are 70; the nearest are" in told.replace(str(LISTED + 10), "70")
