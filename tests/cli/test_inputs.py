"""What is read: no more of a picture than is looked at, up to a limit that is an option."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.cli.main import COMMANDS, main, parser
from neuralstyle.cli.paths import READS

Calls = list[dict[str, Any]]


@pytest.fixture
def large(folder: Path) -> Path:
    """The working folder with a wide photograph and a tall painting, larger than is needed."""
    for name, shape in (("wide.png", (200, 400)), ("tall.png", (600, 150))):
        ns.save_image(name, np.full((*shape, 3), 0.5, np.float32))
    return folder


@pytest.mark.parametrize(
    ("options", "content", "style"),
    [
        # Twice what is looked at of the shorter side, as far as it goes.
        ("--size 50", (25, 50), (400, 100)),
        ("--size 50 --style-scale 0.5", (25, 50), (400, 100)),
        ("--size 50 --style-scale 1.4", (25, 50), (560, 140)),
        ("--size 10", (5, 10), (256, 64)),
        ("--size 900", (200, 400), (600, 150)),
        ("", (200, 400), (600, 150)),
        ("--size 20 --sheet style_scale=1,2.5 size=30,40", (20, 40), (600, 150)),
        ("--size 20 --sheet style-scale=0.5,1.5", (10, 20), (256, 64)),
    ],
)
def test_pictures_are_read_no_larger_than_they_are_looked_at(
    large: Path, calls: Calls, options: str, content: tuple[int, int], style: tuple[int, int]
) -> None:
    assert main(["wide.png", "tall.png", "-o", "out.png", *options.split()]) == 0
    (call,) = calls
    assert [picture.shape[:2] for picture in call["contents"]] == [content]
    assert [picture.shape[:2] for picture in call["style"]] == [style]


def test_starts_and_masks_are_made_smaller_too(large: Path, calls: Calls) -> None:
    run = "wide.png tall.png -o out.png --size 50 --init wide.png --region wide.png tall.png"
    assert main([*run.split(), "tall.png"]) == 0
    (call,) = calls
    (region,) = call["regions"]
    assert call["init"].shape == (100, 200, 3)
    assert region.mask.values.shape == (100, 200)
    assert region.style.shape == (400, 100, 3)
    assert region.style_mask.values.shape == (400, 100)


def test_label_pictures_are_read_whole(large: Path, calls: Calls) -> None:
    run = "wide.png tall.png -o out.png --size 50 --labels wide.png tall.png"
    assert main(run.split()) == 0
    assert calls[0]["regions"][0].mask.values.shape == (200, 400)


@pytest.mark.parametrize(
    "arguments",
    [
        "wide.png style.png -o out.png",
        "content.png wide.png -o out.png",
        "content.png style.png -o out.png --init wide.png",
        "content.png style.png -o out.png --region wide.png style.png",
        "content.png style.png -o out.png --region content.png wide.png",
        "content.png style.png -o out.png --labels wide.png style.png",
        "texture wide.png -o out.png",
        "film wide.png --style style.png -o films",
        "score content.png wide.png style.png",
    ],
)
def test_the_limit_is_an_option_that_the_message_names(
    large: Path, arguments: str, capsys: pytest.CaptureFixture[str], made: Callable[[], list[str]]
) -> None:
    assert main([*arguments.split(), "--max-pixels", "79999"]) == 2
    assert capsys.readouterr().err == (
        "neuralstyle: --max-pixels: expected at most 79999 pixels, received 80000 (400 x 200) in "
        "'wide.png'; if you trust it, ask for more\n"
    )
    assert "out.png" not in made()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_reads_pictures_takes_the_limit(command: str) -> None:
    taken = {action.dest for action in parser(command)._actions}
    pictures = taken & (READS.keys() - {"network", "flows", "sheet"})
    assert ("max_pixels" in taken) is bool(pictures), "add_max_pixels(parser)"


def test_up_to_the_limit_all_is_well(large: Path, calls: Calls) -> None:
    assert main("wide.png wide.png -o out.png --max-pixels 80000".split()) == 0
    assert len(calls) == 1
