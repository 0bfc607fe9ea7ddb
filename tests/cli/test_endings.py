"""How a run ends: its exit code, and what is saved of it."""

from __future__ import annotations

import dataclasses
import json
import logging
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import neuralstyle as ns
from neuralstyle.transfer import painter, stylize

pytestmark = pytest.mark.usefixtures("shallow")

Run = Callable[..., int]
Made = Callable[[], list[str]]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("maxiter: expected better\nmore"), 2),
        (KeyError("there is no layer 'conv9'"), 2),
        (OSError("no network"), 1),
        (RuntimeError("it broke"), 1),
    ],
)
def test_exit_code_tells_wrong_use_from_failure(
    run: Run,
    made: Made,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
) -> None:
    def failing(*args: Any, **options: Any) -> Iterator[Any]:
        raise error

    monkeypatch.setattr(stylize, "stylize_many", failing)
    assert run() == code
    (sentence,) = capsys.readouterr().err.splitlines()
    said = str(error.args[0]).splitlines()[0].replace("maxiter", "--iterations")
    assert sentence == f"neuralstyle: {said}"
    assert made() == []


@pytest.mark.filterwarnings("default")  # as outside of tests
def test_warnings_are_sentences_even_if_quiet_and_downloads_unless_quiet(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warning(*args: Any, **options: Any) -> Iterator[Any]:
        warnings.warn("the style is small", stacklevel=1)
        logging.getLogger("neuralstyle.features.vgg.weights").info("downloading %s", "vgg")
        logging.getLogger("neuralstyle.optimize.minimize").info("an iteration")
        return iter(())

    monkeypatch.setattr(stylize, "stylize_many", warning)
    assert run("--quiet") == 0
    assert capsys.readouterr().err == "neuralstyle: the style is small\n"
    assert run() == 0
    assert capsys.readouterr().err.splitlines() == [
        "neuralstyle: the style is small",
        "neuralstyle: downloading vgg",
    ]


@pytest.mark.parametrize(
    "status, code",
    [(ns.Status.NONFINITE, 1), (ns.Status.ABNORMAL, 0), (ns.Status.INTERRUPTED, 130)],
)
def test_exit_code_tells_how_the_run_ended(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: ns.Status,
    code: int,
) -> None:
    paint = stylize.stylize_many

    def ended(*args: Any, **options: Any) -> Iterator[ns.StyleResult]:
        for result in paint(*args, **options):
            yield dataclasses.replace(result, status=status, success=False, message="so it ended")

    monkeypatch.setattr(stylize, "stylize_many", ended)
    assert run("--log", "run.json") == code
    assert capsys.readouterr().err.splitlines()[-1].endswith("; so it ended")
    assert ns.load_image("out.png").shape == (48, 64, 3)
    assert json.loads(Path("run.json").read_text())["status"] == status.name.lower()


def test_interruption_before_the_first_iteration_saves_nothing(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(painter.Painter, "paint", interrupted)
    assert run() == 130
    assert capsys.readouterr().err == "neuralstyle: interrupted before a picture was saved\n"
    assert made() == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_control_c_saves_what_there_is(folder: Path) -> None:
    arguments = "content.png style.png -o out.png --log run.json --save-every 1"
    program = (
        # A process started in the background ignores the signal, and so do its children.
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from neuralstyle.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    endless = ["--iterations", "100000", "--ftol", "0", "--scales", "1"]
    endless += ["--content-layers", "conv1_1", "--style-layers", "conv1_1"]  # compiled soon
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments.split(), *endless],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 50
        while not Path("out_0003.png").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert not out
    bar, line = err.splitlines()  # neither TensorFlow's chatter nor a traceback
    assert bar.startswith("64 x 48: iteration ")
    assert line.startswith("out.png: 64 x 48, ") and line.endswith("; interrupted by the user")
    assert ns.load_image("out.png").shape == (48, 64, 3)
    log = json.loads(Path("run.json").read_text())
    assert log["status"] == "interrupted"
    assert len(log["history"]) == log["iterations"] >= 3
