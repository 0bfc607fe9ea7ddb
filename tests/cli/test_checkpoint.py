"""``--checkpoint``: the same command goes on, and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.transfer import painter

pytestmark = pytest.mark.usefixtures("shallow")

Run: TypeAlias = Callable[..., int]

MINIMIZE = painter.minimize


def test_the_same_command_goes_on_and_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def cut(*args: Any, **options: Any) -> ns.StyleResult:
        def halt(progress: ns.Progress) -> None:
            if progress.nit == 2:
                raise KeyboardInterrupt

        return MINIMIZE(*args, **{**options, "callback": halt})

    options = "--iterations", "3", "--scales", "1", "--size", "32", "--save-every", "5"
    assert run(*options, out="whole.png") == 0
    with monkeypatch.context() as patch:
        patch.setattr(painter, "minimize", cut)
        assert run(*options, "--checkpoint", "run.npz") == 130
    capsys.readouterr()
    assert run(*options, "--checkpoint", "run.npz") == 0
    assert (
        "neuralstyle: run.npz: going on at 32 x 24, after 2 iterations" in capsys.readouterr().err
    )
    np.testing.assert_array_equal(ns.load_image("out.png"), ns.load_image("whole.png"))
    assert run(*options[2:], "--checkpoint", "run.npz", "--quiet", "--iterations", "4") == 2
    assert capsys.readouterr().err == (
        "neuralstyle: --checkpoint: expected one of this run, received 'run.npz' of a run that "
        "differs in its maxiter (maxiter[0] 3, here 4); give this run a file or a folder of its "
        "own, or delete that one to begin anew\n"
    )
    assert run(*options, "--checkpoint", "run.npz", "--quiet", out="again.png") == 0
    assert capsys.readouterr().err == ""
    np.testing.assert_array_equal(ns.load_image("again.png"), ns.load_image("whole.png"))


def test_an_input_is_no_checkpoint_and_stays(run: Run) -> None:
    before = Path("content.png").read_bytes()
    assert run("--checkpoint", "content.png") == 2
    assert Path("content.png").read_bytes() == before


def test_a_sheet_has_none(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--checkpoint", "run.npz", "--sheet", "style") == 2
    assert "--sheet: expected it without --save-every, --checkpoint" in capsys.readouterr().err


def test_one_photograph_has_a_file_and_several_have_a_folder(
    run: Run, calls: list[dict[str, Any]]
) -> None:
    assert run("--checkpoint", "kept") == 0
    several = "content.png content.png --style style.png"
    assert run("--checkpoint", "kept", inputs=several, out="out/") == 0
    assert [len(call["contents"]) for call in calls] == [1, 2]
    assert [call["checkpoint"] for call in calls] == ["kept", "kept"]


def test_that_of_a_photograph_is_a_file_also_where_the_result_goes_into_a_folder(
    run: Run, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--checkpoint", ".", out="out/") == 2
    assert "it is a folder" in capsys.readouterr().err
    assert not calls
