"""``--dry-run``: what a run would take, and nothing painted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import neuralstyle as ns
from neuralstyle.transfer import estimate_memory as told

Run = Callable[..., int]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Put a spy in the place of `estimate_memory`; nothing wider than 60 pixels fits."""
    seen: list[dict[str, Any]] = []

    def spy(content: Any, style: Any, **options: Any) -> ns.Estimate:
        seen.append({**options, "content": content, "style": style})
        size = options["size"]
        return ns.Estimate((size, size), None, 0, 0, 0, 0, 0, size, 60, 1.0)

    monkeypatch.setattr(told, "estimate_memory", spy)
    return seen


def test_it_tells_and_paints_nothing(run: Run, capsys: Any, made: Callable[[], list[str]]) -> None:
    assert run("--dry-run", "--size", "48", "--log", "log.json") == 0
    table = capsys.readouterr().out
    assert re.match(r"48 x \d+ as a whole\nprocess +\d+\.\d\d GB\n", table)
    assert re.search(r"\npeak +\d+\.\d\d GB of \d+\.\d\d GB\ntime +", table)
    assert made() == []


def test_in_json_it_is_a_line_for_each_picture(
    run: Run, capsys: Any, asked: list[dict[str, Any]]
) -> None:
    assert run("--dry-run", "--json", "--size", "48") == 0
    assert json.loads(capsys.readouterr().out) == {
        **dict.fromkeys(("process", "pictures", "targets", "features", "optimizer"), 0),
        **{"shape": [48, 48], "tile": None, "peak": 48, "available": 60},
        **{"seconds": 1.0, "fits": True},
    }


def test_the_options_of_the_run_are_those_of_the_question(
    run: Run, asked: list[dict[str, Any]], made: Callable[[], list[str]]
) -> None:
    given = ["--tile", "auto", "--method", "adam", "--style-scale", "2", "--checkpoint", "run.npz"]
    assert run("--dry-run", "--size", "48", "--content-weight", "3", *given) == 0
    (one,) = asked
    assert one["tile"] == "auto" and one["method"].name == "adam" and one["style_scale"] == 2
    assert one["recipe"] == ns.recipes.default(content_weight=3) and tuple(one["maxiter"]) == (2,)
    assert not {"checkpoint", "callback", "progress"} & set(one)
    assert made() == []


def test_of_several_photographs_each_is_told(
    run: Run, asked: list[dict[str, Any]], capsys: Any
) -> None:
    pictures = "content.png style.png --style style.png"
    assert run("--dry-run", "--size", "48", inputs=pictures, out="painted") == 0
    assert capsys.readouterr().out.count("48 x 48") == len(asked) == 2
    assert not Path("painted").exists()


def test_the_exit_code_says_whether_it_fits(run: Run, asked: list[dict[str, Any]]) -> None:
    assert run("--dry-run", "--size", "60") == 0
    assert run("--dry-run", "--size", "61") == 1


def test_of_a_texture_it_tells_too(run: Run, asked: list[dict[str, Any]]) -> None:
    assert run("--dry-run", "--size", "48", inputs="texture style.png") == 0
    assert asked[0]["content"] is None


@pytest.mark.parametrize("flags", [["--sheet", "seed=1,2"], ["--auto"], ["--choose"]])
def test_what_paints_to_find_out_is_refused(
    run: Run, flags: list[str], capsys: Any, made: Callable[[], list[str]]
) -> None:
    assert run("--dry-run", *flags) == 2
    assert f"--dry-run: expected none of {flags[0]}" in capsys.readouterr().err
    assert made() == []


def test_there_is_no_page_of_what_is_not_painted(run: Run, capsys: Any) -> None:
    assert run("--dry-run", "--web") == 2
    assert "--web: expected none with --dry-run" in capsys.readouterr().err


def test_what_is_wrong_with_the_run_is_told(run: Run, capsys: Any) -> None:
    assert run("--dry-run", "--network", "nothing-of-the-kind") == 2
    assert "network" in capsys.readouterr().err
