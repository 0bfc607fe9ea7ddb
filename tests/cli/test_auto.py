"""``--auto`` and ``--choose``: a sheet beside the picture, and the picture of one of its cells."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.transfer import stylize
from neuralstyle.transfer.comparing import explore

Run = Callable[..., int]
Made = Callable[[], list[str]]

QUICK = ["--recipe", "quick"]


class Terminal(io.StringIO):
    """Standard input at which someone sits."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a recipe that compares nothing but pixels."""

    def made(*, content_weight: float = 0.3) -> ns.Recipe:
        return ns.Recipe(
            "quick",
            lambda c: [content_weight * ns.ContentLoss(c, "input")],
            lambda c, s, **masks: [1.0 * ns.CovarianceLoss(s, "input", **masks)],
        )

    monkeypatch.setitem(ns.recipes.RECIPES, "quick", made)


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Type at the terminal."""
    return lambda text: monkeypatch.setattr(sys, "stdin", Terminal(text))


def sheet(path: str = "out_sheet.png") -> Any:
    """Return what a sheet tells of itself."""
    return json.loads(ns.load_metadata(path)["neuralstyle"])


def painted(number: int) -> np.ndarray:
    """Return what the library paints with the settings of a cell of the sheet."""
    cell = sheet()["cells"][number - 1]
    return ns.stylize(
        ns.load_image("content.png"),
        ns.load_image("style.png"),
        recipe=ns.recipes.RECIPES["quick"](content_weight=cell["content_weight"]),
        style_scale=cell["style_scale"],
        maxiter=2,
    ).image


def same(path: str, expected: np.ndarray) -> None:
    np.testing.assert_allclose(ns.load_image(path), expected, atol=0.5 / 255 + 1e-6)


def test_the_best_is_painted_and_the_sheet_saved_beside_it(
    run: Run, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--auto", *QUICK, "--log", "run.json") == 0
    assert made() == ["out.png", "out_sheet.png", "run.json"]
    about = sheet()
    ratings = [cell["rating"] for cell in about["cells"]]
    assert len(ratings) == 9
    best = about["best"]
    assert round(ratings[best - 1], 3) == round(max(ratings), 3)
    same("out.png", painted(best))
    cell = about["cells"][best - 1]
    settings = json.loads(Path("run.json").read_text())["settings"]
    for name in ("style_scale", "content_weight"):
        assert settings[name] == cell[name]
    out, err = capsys.readouterr()
    assert not out
    assert err.splitlines()[-1] == (
        f"out.png: number {best} of out_sheet.png: "
        f"--content-weight {cell['content_weight']:g} --style-scale {cell['style_scale']:g}"
    )


def test_the_choice_is_asked_for_until_it_is_a_number_of_the_sheet(
    run: Run,
    made: Made,
    type_in: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    type_in("red\n0\n10\n-1\n9\n1\n")
    assert run("--choose", "--auto", "--quiet", *QUICK) == 0
    assert made() == ["out.png", "out_sheet.png"]
    same("out.png", painted(9))
    question = capsys.readouterr().err
    assert question.count("out_sheet.png: which number from 1 to 9 (Enter for ") == 5


def test_enter_takes_the_best(run: Run, type_in: Callable[[str], None]) -> None:
    type_in("\n")
    assert run("--choose", *QUICK) == 0
    best = sheet()["best"]
    same("out.png", painted(best))


def test_the_end_of_the_input_is_no_choice(
    run: Run, made: Made, type_in: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    type_in("red\n")
    assert run("--choose", *QUICK) == 2
    assert made() == ["out_sheet.png"]
    assert "--choose: expected a number" in capsys.readouterr().err


@pytest.mark.parametrize("stdin", [io.StringIO("1\n"), None])
def test_without_a_terminal_there_is_no_choice(
    run: Run,
    made: Made,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stdin: Any,
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("--choose") == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("neuralstyle: --choose: expected a terminal")
    assert made() == []


@pytest.mark.parametrize(
    ("given", "varied"),
    [
        (["--content-weight", "0.2"], "style_scale"),
        (["--strength", "0.7"], "style_scale"),
        (["--style-scale", "0.8"], "content_weight"),
    ],
)
def test_what_is_given_is_not_varied(run: Run, given: list[str], varied: str) -> None:
    assert run("--auto", *QUICK, *given) == 0
    cells = sheet()["cells"]
    assert [set(cell) for cell in cells] == [{varied, "rating", "score"}] * 3


def test_several_photographs_have_a_sheet_each(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    ns.save_image("other.png", ns.load_image("content.png")[:, ::-1])
    Path("broken.png").write_text("no picture")
    inputs = "content.png broken.png other.png --style style.png"
    assert run("--auto", *QUICK, "--content-weight", "0.2", inputs=inputs, out="made") == 1
    names = sorted(path.name for path in Path("made").iterdir())
    assert names == ["content.png", "content_sheet.png", "other.png", "other_sheet.png"]
    told = capsys.readouterr().err
    assert "broken.png" in told
    for name in ("content", "other"):
        assert f"{name}.png: number " in told and f"{name}_sheet.png: --style-scale " in told


def test_a_photograph_that_cannot_be_painted_does_not_end_the_others(run: Run) -> None:
    ns.save_image("tiny.png", np.zeros((4, 4, 3), np.float32))
    inputs = "tiny.png content.png --style style.png"
    assert run("--auto", *QUICK, "--content-weight", "0.2", inputs=inputs, out="made") == 1
    assert {path.name for path in Path("made").iterdir()} >= {"content.png", "content_sheet.png"}


def test_pictures_kept_on_the_way_are_of_the_picture_alone(run: Run, made: Made) -> None:
    assert run("--auto", *QUICK, "--content-weight", "0.2", "--save-every", "2", out="o.webp") == 0
    assert made() == ["o.webp", "o_0002.webp", "o_sheet.webp"]
    assert ns.load_image("o_0002.webp").shape == ns.load_image("o.webp").shape


def test_the_sheet_is_not_transparent(run: Run) -> None:
    alpha = np.linspace(0, 1, 48 * 64).reshape(48, 64)
    ns.save_image("content.png", ns.load_image("content.png"), alpha=alpha)
    assert run("--auto", *QUICK, "--content-weight", "0.2") == 0
    assert ns.load_image("out.png", return_alpha=True)[1] is not None
    assert ns.load_image("out_sheet.png", return_alpha=True)[1] is None


def test_json_tells_where_the_sheet_is(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--auto", *QUICK, "--content-weight", "0.2", "--json", "--quiet") == 0
    out, err = capsys.readouterr()
    assert not err
    assert json.loads(out)["sheet"] == "out_sheet.png"


def test_a_sheet_goes_over_no_other_result(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    ns.save_image("content_sheet.png", ns.load_image("content.png"))
    inputs = "content.png content_sheet.png --style style.png"
    assert run("--auto", inputs=inputs, out="made/") == 2
    assert "content_sheet.png' would be overwritten" in capsys.readouterr().err
    assert not Path("made").exists()


def test_options_and_keywords_reach_the_library(
    run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    seen: dict[str, Any] = {}

    def spy(style: Any, recipe: Any, cell_size: int, settings: dict[str, Any]) -> None:
        seen.update(settings, recipe=recipe)
        raise ValueError("size: enough")

    monkeypatch.setattr(explore, "Explorer", spy)
    given = ["--size", "40", "--seed", "3", "--color", "match", "--save-every", "1"]
    assert run("--auto", *given, "--content-weight", "2", "--recipe", "gatys2016") == 2
    expected = {"size": 40, "seed": 3, "color": "match", "content_weight": 2.0, "maxiter": (2,)}
    assert seen == {**expected, "recipe": "gatys2016", "progress": True}


def test_control_c_while_cells_are_painted_saves_nothing(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(explore.Explorer, "explore", interrupted)
    assert run("--auto", *QUICK) == 130
    assert capsys.readouterr().err == "neuralstyle: interrupted before a picture was saved\n"
    assert made() == []


def test_an_error_in_a_cell_keeps_the_sheet_of_those_before(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paint, cells = explore.Explorer._cell, itertools.count()

    def failing(self: Any, *args: Any) -> Any:
        if next(cells) == 2:
            raise RuntimeError("the disk is gone")
        return paint(self, *args)

    monkeypatch.setattr(explore.Explorer, "_cell", failing)
    assert run("--auto", *QUICK) == 1
    assert made() == ["out_sheet.png"]
    said = capsys.readouterr().err
    assert "out_sheet.png: broken off, cells finished: 2" in said and "the disk is gone" in said


def test_control_c_in_the_picture_saves_it_and_ends_the_run(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ns.save_image("other.png", ns.load_image("content.png"))
    paint = stylize.stylize

    def ended(*args: Any, **options: Any) -> ns.StyleResult:
        return dataclasses.replace(paint(*args, **options), status=ns.Status.INTERRUPTED)

    monkeypatch.setattr(stylize, "stylize", ended)
    given = [*QUICK, "--content-weight", "0.2"]
    assert run("--auto", *given, inputs="content.png other.png --style style.png", out="m") == 130
    assert sorted(path.name for path in Path("m").iterdir()) == ["content.png", "content_sheet.png"]
