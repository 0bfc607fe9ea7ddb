"""What a run leaves behind: pictures, metadata, a log, lines for people and for programs."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import neuralstyle as ns

pytestmark = pytest.mark.usefixtures("shallow")

Run = Callable[..., int]
Made = Callable[[], list[str]]


def test_quiet_says_nothing(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--quiet") == 0
    assert capfd.readouterr() == ("", "")


def test_picture_tells_how_to_repeat_it(run: Run) -> None:
    assert run("--seed", "7", out="out put.jpg") == 0
    about = json.loads(ns.load_metadata("out put.jpg")["neuralstyle"])
    assert about["neuralstyle"] == ns.__version__
    assert about["command"].startswith("neuralstyle content.png style.png -o 'out put.jpg' ")
    assert about["settings"]["seed"] == 7
    assert about["settings"]["versions"]["tensorflow"]


def test_log_holds_settings_versions_and_losses(run: Run, made: Made) -> None:
    assert run("--log", "run.json", "--iterations", "3", "2", "--scales", "2", "--size", "96") == 0
    assert made() == ["out.png", "run.json"]
    log = json.loads(Path("run.json").read_text(encoding="utf-8"))
    assert (log["status"], log["iterations"]) == ("limit", 5)
    assert [(row["nit"], row["scale"]) for row in log["history"]] == [
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 1),
        (5, 1),
    ]
    assert log["history"][-1]["losses"].keys() == log["losses"].keys() >= {"content", "covariance"}
    assert log["settings"]["maxiter"] == [3, 2]
    assert log["settings"]["versions"]["keras"]
    assert log["seconds"] > 0


def test_intermediate_pictures(run: Run, made: Made) -> None:
    assert run("--save-every", "2", "--iterations", "5", out="o.webp") == 0
    assert made() == ["o.webp", "o_0002.webp", "o_0004.webp"]
    assert ns.load_image("o_0002.webp").shape == (48, 64, 3)


def test_quality_is_that_of_the_file(run: Run) -> None:
    assert run("--quality", "5", "--size", "32", "--iterations", "1", out="coarse.jpg") == 0
    assert run("--size", "32", "--iterations", "1", out="fine.jpg") == 0
    assert Path("coarse.jpg").stat().st_size < Path("fine.jpg").stat().st_size - 500


@pytest.mark.parametrize("out, kept", [("out.png", True), ("out.jpg", False)])
def test_transparency_is_put_back_where_the_format_can(run: Run, out: str, kept: bool) -> None:
    alpha = np.linspace(0, 1, 48 * 64).reshape(48, 64)
    ns.save_image("content.png", ns.load_image("content.png"), alpha=alpha)
    assert run("--size", "32", out=out) == 0
    image, opacity = ns.load_image(out, return_alpha=True)
    assert image.shape == (24, 32, 3)
    assert (opacity is not None) == kept
    if opacity is not None:
        expected = ns.resize(alpha.astype(np.float32), (24, 32))
        np.testing.assert_allclose(opacity, expected, atol=0.02)


def test_standard_input_and_output_carry_pictures(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    capsys.readouterr()
    printed = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("content.png").read_bytes()))
    )
    monkeypatch.setattr(sys, "stdout", printed)
    assert run("--quiet", inputs="- style.png", out="-") == 0
    assert capsys.readouterr().err == ""
    picture = ns.load_image(io.BytesIO(printed.buffer.getvalue()))
    np.testing.assert_array_equal(picture, ns.load_image("out.png"))
    assert made() == ["out.png"]


def test_json_tells_a_program_what_was_made(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["output"] == "out.png"
    assert told["iterations"] == 2
    assert told["seconds"] > 0
    assert set(told["losses"]) >= {"content", "covariance"}
    assert told["settings"]["recipe"] == "default"


def test_page_and_film_are_written_beside_the_picture(run: Run, made: Made) -> None:
    assert run("--report", "run.html", "--making-of", "film.gif", "--size", "48") == 0
    assert made() == ["film.gif", "out.png", "run.html"]
    page = Path("run.html").read_text("utf-8")
    assert "<h1>out.png</h1>" in page and "--report run.html --making-of film.gif" in page
    with Pillow.open("film.gif") as film:
        assert film.size == (48, 36) and film.n_frames >= 2


def test_each_of_several_has_its_page_and_its_film(run: Run, made: Made) -> None:
    flags = "--report run.html --making-of film.webp --size 32 --iterations 1 --scales 1".split()
    assert run(*flags, inputs="content.png ./style.png --style style.png", out="made") == 0
    expected = {f"{kind}_{name}" for kind in ("run", "film") for name in ("content", "style")}
    assert {Path(name).stem for name in made()} == {*expected, "made"}
    assert "<h1>style.png</h1>" in Path("run_style.html").read_text("utf-8")


def test_a_page_that_cannot_be_written_costs_no_picture(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(ns.StyleResult, "save_report", fails)
    flags = "--report run.html --making-of film.gif --size 32 --iterations 1 --scales 1".split()
    assert run(*flags) == 1
    assert made() == ["film.gif", "out.png"]
    assert "the disk is full" in capsys.readouterr().err
