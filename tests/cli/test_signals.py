"""Signals end the command line in order: what there is is saved, the exit code tells of them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import near, noise, pixels

import neuralstyle as ns
from neuralstyle import __main__ as program
from neuralstyle.cli import outputs
from neuralstyle.cli.ending import ENDING
from neuralstyle.cli.messages import Failure, silent_start
from neuralstyle.images.load import read_picture
from neuralstyle.optimize.interruption import interruption
from neuralstyle.transfer import stylize

pytestmark = pytest.mark.usefixtures("shallow")

Run = Callable[..., int]
Made = Callable[[], list[str]]

every_signal = pytest.mark.parametrize("number", ENDING)
ROOT = Path(__file__).parents[2]
BEFORE = "neuralstyle: interrupted before a picture was saved\n"


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    """Give signals the meaning that they have in a program, whatever the tests run in."""
    usual = {number: signal.SIG_DFL for number in ENDING}
    usual[signal.SIGINT] = signal.default_int_handler  # type: ignore[assignment]
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    after = {number: signal.signal(number, handler) for number, handler in before.items()}
    assert after == usual


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Paint without a network; the pictures that were painted come into the list."""
    result = ns.minimize(near(noise()), pixels, noise()[::-1], maxiter=1)
    seen: list[Any] = []

    def many(contents: Any, style: Any, **options: Any) -> Iterator[ns.StyleResult]:
        for content in contents:
            seen.append(content)
            yield result

    monkeypatch.setattr(stylize, "stylize_many", many)
    return seen


def press_while_saving(monkeypatch: pytest.MonkeyPatch, number: int, nth: int = 1) -> None:
    """Send a signal several times while a picture is written, before and after."""
    save, count = outputs.save_image, []

    def pressed(*args: Any, **options: Any) -> None:
        count.append(1)
        for step in (lambda: None, lambda: save(*args, **options)):
            if len(count) == nth:
                for _ in range(3):
                    signal.raise_signal(number)
            step()

    monkeypatch.setattr(outputs, "save_image", pressed)


@every_signal
def test_a_picture_that_is_being_saved_is_saved(
    run: Run, made: Made, painted: list[Any], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    press_while_saving(monkeypatch, number)
    assert run("--log", "run.json", "--quiet") == 128 + number
    assert made() == ["out.png", "run.json"]
    assert ns.load_image("out.png").shape == (8, 12, 3)


@pytest.mark.parametrize(("nth", "said"), [(1, "1 picture was"), (2, "2 pictures were")])
def test_of_several_pictures_those_that_are_finished_are_reported(
    run: Run,
    painted: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    nth: int,
    said: str,
) -> None:
    for name in ("b.png", "c.png"):
        ns.save_image(name, noise())
    press_while_saving(monkeypatch, signal.SIGTERM, nth)
    assert run(inputs="content.png b.png c.png --style style.png", out="made") == 143
    *lines, last = capsys.readouterr().err.splitlines()
    assert last == f"neuralstyle: interrupted after {said} saved"
    assert len(lines) == len(painted) == len(list(Path("made").iterdir())) == nth


def test_a_signal_between_two_pictures_ends_the_run_at_once(
    run: Run,
    painted: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ns.save_image("b.png", noise())
    load = read_picture

    def pressed(name: Any, *wanted: Any, **options: Any) -> Any:
        if name == "b.png":
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("not cut short")
        return load(name, *wanted, **options)

    monkeypatch.setattr("neuralstyle.cli.inputs.read_picture", pressed)
    assert run("--quiet", inputs="content.png b.png --style style.png", out="made") == 130
    assert capsys.readouterr().err == "neuralstyle: interrupted after 1 picture was saved\n"


@every_signal
def test_before_the_first_picture_a_signal_is_told_without_a_traceback(
    run: Run,
    made: Made,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    monkeypatch.setattr(
        "neuralstyle.cli.inputs.read_picture", lambda *_, **__: signal.raise_signal(number)
    )
    assert run() == 128 + number
    assert capsys.readouterr().err == BEFORE
    assert made() == []


def test_a_failure_to_save_what_was_interrupted_is_told_as_that(
    run: Run,
    painted: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*args: Any, **options: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        raise OSError("cannot write: the disk is full")

    monkeypatch.setattr(outputs, "save_image", full)
    assert run() == 1
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "neuralstyle: cannot write: the disk is full"
    assert last == "neuralstyle: there is no place where the picture could be saved"


def test_a_signal_that_the_parent_has_switched_off_stays_off(
    run: Run, painted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    press_while_saving(monkeypatch, ENDING[-1])
    before = signal.signal(ENDING[-1], signal.SIG_IGN)  # as nohup does
    try:
        assert run("--quiet") == 0
    finally:
        signal.signal(ENDING[-1], before)


def test_an_import_that_was_cut_short_is_told_as_an_interruption() -> None:
    with pytest.raises(KeyboardInterrupt), interruption(), silent_start():
        signal.raise_signal(signal.SIGINT)
        raise ImportError("initialization failed")
    with pytest.raises(Failure), interruption(), silent_start():
        raise ImportError("initialization failed")


def test_ctrl_c_while_the_command_line_is_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = "neuralstyle.cli.main"

    class Pressing:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == home:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.delitem(sys.modules, home)
    monkeypatch.setattr(sys, "meta_path", [Pressing(), *sys.meta_path])
    assert program.main() == 130
    assert capsys.readouterr().err == BEFORE


def test_ctrl_c_before_that_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Pressing:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == "neuralstyle.cli.ending":
                signal.raise_signal(signal.SIGINT)

    monkeypatch.delitem(sys.modules, "neuralstyle.cli.ending")
    monkeypatch.setattr(sys, "meta_path", [Pressing(), *sys.meta_path])
    assert program.run() == 130
    assert capsys.readouterr().err == ""


def test_what_a_program_is_started_with_imports_next_to_nothing() -> None:
    """Ctrl-C while this is imported is Python's to tell, with a traceback."""
    program = """
import sys
before = set(sys.modules)
import neuralstyle.__main__
print(*sorted(set(sys.modules) - before))
"""
    # Without site-packages, whose .pth files may import anything.
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, cwd=ROOT
    )
    ours = ["neuralstyle", "neuralstyle.__main__", "neuralstyle._lazy"]
    assert done.stdout.split() == ["__future__", *ours], done.stderr


def test_a_sheet_is_saved_as_far_as_it_has_come(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def sheet(*args: Any, **options: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return np.zeros((4, 4, 3), np.float32)

    monkeypatch.setattr("neuralstyle.transfer.comparing.contact_sheet.contact_sheet", sheet)
    assert run("--sheet", "content_weight=0.1,0.2") == 143
    assert ns.load_image("out.png").shape == (4, 4, 3)
    said = "neuralstyle: interrupted; out.png has what was painted until then\n"
    assert capsys.readouterr().err == said


@pytest.mark.filterwarnings("error")
def test_a_terminal_that_is_gone_costs_no_picture(
    run: Run, made: Made, painted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

        def flush(self) -> None:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Gone())
    assert run() == 0
    assert made() == ["out.png"]


def test_of_cells_that_are_explored_the_finished_ones_are_saved(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = np.zeros((4, 4, 3), np.float32)
    scores = ns.Score(0.1, 0.1, 0.5, 0.1, None, (4, 4))
    cell = ns.Cell({"style_scale": 1.0}, {}, picture, scores, 0.5)

    def interrupted(*args: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        error = KeyboardInterrupt()
        error.partial_result = ns.Exploration((cell,), 0, picture)  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr("neuralstyle.transfer.comparing.explore.Explorer.explore", interrupted)
    assert run("--auto", "--quiet") == 130
    assert made() == ["out_sheet.png"]
    cells = "neuralstyle: out_sheet.png: interrupted, cells finished: 1\n"
    assert capsys.readouterr().err == cells + BEFORE
