"""``neuralstyle score``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.cli.main import main


@pytest.fixture
def painted(folder: Path) -> np.ndarray:
    """A picture in the folder: the photograph, darker."""
    picture = (0.6 * ns.load_image("content.png")).astype(np.float32)
    ns.save_image("painted.png", picture)
    return ns.load_image("painted.png")


RUN = ("score", "painted.png", "content.png", "style.png")


def test_the_table_of_the_library_is_printed(
    painted: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(RUN) == 0
    expected = ns.score(painted, ns.load_image("content.png"), ns.load_image("style.png"))
    assert capsys.readouterr().out == f"{expected}\n"


def test_json_has_every_number_and_options_reach_the_library(
    painted: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    given = "--json --network compact --size 40 --style-scale 0.9".split()
    assert main([*RUN, *given]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = ns.score(
        painted,
        ns.load_image("content.png", max_size=64),
        ns.load_image("style.png"),
        network="compact",
        size=40,
        style_scale=0.9,
    )
    assert found.pop("size") == list(expected.size)
    assert found == {name: pytest.approx(getattr(expected, name)) for name in found}
    assert set(found) == {"style", "texture", "content", "color", "features"}


def test_a_photograph_larger_than_the_picture_is_reduced(
    painted: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    ns.save_image("large.png", ns.resize(ns.load_image("content.png"), (96, 128)))
    assert main(["score", "painted.png", "large.png", "style.png", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["size"] == [48, 64]


def test_what_is_no_number_is_null(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, grey in (("a.png", 0.2), ("b.png", 0.4), ("c.png", 0.6)):
        ns.save_image(name, np.full((20, 20, 3), grey, np.float32))
    assert main(["score", "b.png", "a.png", "c.png", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["texture"] is None


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["score", "absent.png", "content.png", "style.png"], "cannot read 'absent.png'"),
        ([*RUN, "--size", "0"], "--size: expected a whole number"),
        ([*RUN, "--network", "vgg11"], "--network: expected"),
        (["score", "painted.png", "content.png", "content.png"], "STYLE: expected a painting oth"),
        (["score", "painted.png"], "the following arguments are required"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(
    argv: list[str], said: str, painted: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"neuralstyle: {said}")
    assert captured.err.count("\n") == 1
