"""``neuralstyle paint``: what it makes is what the library makes."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.cli import inputs
from neuralstyle.transfer.comparing import contact_sheet
from neuralstyle.transfer.recipes import RECIPES

Run = Callable[..., int]


def assert_made(path: str, expected: np.ndarray) -> None:
    np.testing.assert_allclose(ns.load_image(path), expected, atol=0.5 / 255 + 1e-6)


def test_picture_and_one_line_about_it(
    run: Run, made: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    assert ns.load_image("out.png").shape == (48, 64, 3)
    assert made() == ["out.png"]
    out, err = capsys.readouterr()
    assert not out
    *_, line = err.splitlines()
    assert line.startswith("out.png: 64 x 48, 2 iterations, ")
    for part in (" evaluations, ", " s, loss ", "(content ", "covariance "):
        assert part in line


def test_default_command_may_be_named(run: Run, calls: list[dict[str, Any]]) -> None:
    assert run("--size", "32") == 0
    assert run("--size", "32", inputs="paint content.png style.png") == 0
    unnamed, named = calls
    assert named.keys() == unnamed.keys()
    np.testing.assert_array_equal(named["contents"][0], unnamed["contents"][0])


def test_picture_is_the_librarys(run: Run) -> None:
    options = ["--size", "40", "--scales", "1", "--seed", "3", "--init", "noise", "--pooling"]
    tuning = ["--style-scale", "0.9", "--style-layers", "conv1_1,conv2_1"]
    tuning += ["--method", "adam", "--xtol", "0.001", "--network", "compact"]
    assert run(*options, "max", *tuning, "--content-weight", "0.5") == 0
    result = ns.stylize(
        ns.load_image("content.png", max_size=40),
        ns.load_image("style.png"),
        recipe=RECIPES["default"](content_weight=0.5, style_layers=["conv1_1", "conv2_1"]),
        pooling="max",
        size=40,
        style_scale=0.9,
        scales=1,
        maxiter=2,
        init="noise",
        seed=3,
        method="adam",
        xtol=0.001,
    )
    assert_made("out.png", result.image)


def test_controls_are_the_librarys(run: Run) -> None:
    shares = "content:2 covariance:4 color:1 patches:1 total_variation:1".split()
    options = "--init content:3,noise:1 --color match --style-scale 0.7 --style-fit tile".split()
    assert run(*options, "--balance", *shares) == 0
    result = ns.stylize(
        ns.load_image("content.png"),
        ns.load_image("style.png"),
        maxiter=2,
        init={"content": 3, "noise": 1},
        color="match",
        style_scale=0.7,
        style_fit="tile",
        balance={name: float(share) for name, share in (pair.split(":") for pair in shares)},
    )
    assert_made("out.png", result.image)


def test_large_content_is_shrunk_unless_a_size_is_given(
    run: Run, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "DEFAULT_SIZE", 48)
    assert run() == 0
    assert run("--size", "72") == 0
    assert [call["contents"][0].shape for call in calls] == [(36, 48, 3), (48, 64, 3)]
    assert [call.get("size") for call in calls] == [None, 72]


def test_several_styles_with_shares_and_a_picture_to_start_from(run: Run) -> None:
    options = ["--style-weights", "3", "1", "--init", "style.png", "--log", "run.json"]
    assert run(*options, inputs="content.png style.png content.png") == 0
    settings = json.loads(Path("run.json").read_text())["settings"]
    assert settings["style_weights"] == [3, 1]
    assert settings["init"] == "image"
    assert "covariance_1" in settings["objective"]


@pytest.mark.parametrize(
    "recipe",
    [pytest.param(name, marks=() if name == "gatys2016" else pytest.mark.slow) for name in RECIPES],
)
def test_every_recipe_runs_with_its_own_weights(run: Run, recipe: str) -> None:
    assert run("--recipe", recipe, "--content-weight", "2", "--log", "run.json") == 0
    assert json.loads(Path("run.json").read_text())["settings"]["recipe"] == recipe


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(("strength", "factor"), [("0", 10), ("0.5", 1), ("1", 0.1)])
def test_strength_is_a_word_for_the_weight_of_the_content(
    run: Run,
    calls: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
    strength: str,
    factor: float,
) -> None:
    seen: list[float] = []
    original = RECIPES[recipe]

    @functools.wraps(original)
    def spy(*, content_weight: float) -> ns.Recipe:
        seen.append(content_weight)
        return original(content_weight=content_weight)

    monkeypatch.setitem(RECIPES, recipe, spy)
    assert run("--recipe", recipe, "--strength", strength) == 0
    usual = inspect.signature(original).parameters["content_weight"].default
    assert seen == pytest.approx([factor * usual])


def test_layers_with_weights(run: Run) -> None:
    layers = ["--content-layers", "relu2_2:0.5", "pool3:2", "--style-layers", "input"]
    assert run(*layers, "--log", "run.json") == 0
    objective = json.loads(Path("run.json").read_text())["settings"]["objective"]
    assert "{'relu2_2': 0.5, 'pool3': 2.0}" in objective


def test_several_contents_go_into_a_folder(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    picture = ns.load_image("content.png")
    Path("more").mkdir()
    for name, other in (("a.png", picture[:, ::-1]), ("more/a.jpg", picture[:40])):
        ns.save_image(name, other)
    Path("broken.png").write_text("no picture")
    inputs = "content.png a.png broken.png more/a.jpg --style style.png"
    assert run("--log", "run.json", inputs=inputs, out="made/") == 1
    assert sorted(path.name for path in Path("made").iterdir()) == [
        "a.png",
        "a_2.png",
        "content.png",
    ]
    assert ns.load_image("made/a_2.png").shape == (40, 64, 3)
    told = [line for line in capsys.readouterr().err.splitlines() if "iteration " not in line]
    assert [line.split(":")[0] for line in told] == [
        *("made/content.png", "made/a.png", "neuralstyle", "made/a_2.png")
    ]
    assert len(json.loads(Path("run.json").read_text())) == 3
    assert run(inputs="a.png style.png", out="alone.png") == 0
    np.testing.assert_array_equal(ns.load_image("alone.png"), ns.load_image("made/a.png"))


def test_a_picture_that_cannot_be_read_does_not_end_the_others_wherever_it_stands(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.png").write_text("no picture")
    assert run(inputs="broken.png content.png --style style.png", out="made") == 1
    assert [path.name for path in Path("made").iterdir()] == ["content.png"]
    assert "cannot read 'broken.png'" in capsys.readouterr().err
    for wrong, why in (("none.png", "No such file"), (".", "Is a directory")):
        for names in (f"{wrong} content.png", f"content.png {wrong}"):
            assert run(inputs=f"{names} --style style.png", out="other") == 2
            assert f"cannot read '{wrong}': {why}" in capsys.readouterr().err
    assert not Path("other").exists()


def test_a_picture_that_cannot_be_painted_does_not_end_the_others(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    ns.save_image("tiny.png", np.zeros((4, 4, 3), np.float32))
    assert run(inputs="tiny.png content.png --style style.png", out="made") == 1
    assert [path.name for path in Path("made").iterdir()] == ["content.png"]
    assert "CONTENT: expected at least 8 x 8 pixels" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sheet_shows_two_settings(run: Run) -> None:
    sheet = ["--sheet", "content-weight=0.1,1", "color=none,content", "--size", "64"]
    assert run(*sheet) == 0
    expected = ns.contact_sheet(
        ns.load_image("content.png"),
        ns.load_image("style.png"),
        {"content_weight": [0.1, 1.0], "color": [None, "content"]},
        size=64,
        maxiter=2,
    )
    assert_made("out.png", expected)


def test_a_sheet_that_an_error_ends_is_saved_as_far_as_it_came(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*args: Any, **options: Any) -> Any:
        error = RuntimeError("the disk is gone")
        error.partial_result = np.zeros((4, 6, 3), np.float32)  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr(contact_sheet, "contact_sheet", failing)
    assert run("--sheet", "content-weight=0.1,1") == 1
    assert ns.load_image("out.png").shape == (4, 6, 3)
    said = capsys.readouterr().err
    assert "broken off; out.png has what was painted until then" in said
    assert "the disk is gone" in said


def test_a_sheet_shows_several_styles(run: Run) -> None:
    assert run("--sheet", "style", "--size", "48", inputs="content.png style.png content.png") == 0
    assert ns.load_image("out.png").shape == (20 + 36, 2 * 48 + 6, 3)
