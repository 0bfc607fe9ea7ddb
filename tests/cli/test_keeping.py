"""A finished picture finds a place, and what goes wrong on the way ends no run."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.cli import messages, outputs
from neuralstyle.cli.main import main
from neuralstyle.images.save import save_image
from neuralstyle.optimize.result import Progress, Status, StyleResult
from neuralstyle.transfer import stylize

pytestmark = pytest.mark.usefixtures("shallow")

Run = Callable[..., int]
Made = Callable[[], list[str]]
Saved = Callable[..., list[str]]

IMAGE = np.full((6, 8, 3), 0.5, np.float32)
FULL = OSError(28, "No space left on device")
needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


def so_far(nit: int, **settings: Any) -> StyleResult:
    return StyleResult(
        IMAGE, 1.5, {"style": 1.5}, (), nit, nit, 0.1, True, Status.LIMIT, "made them", settings
    )


@pytest.fixture(autouse=True)
def painted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pictures come without painting: at two scales, of two iterations each."""

    def many(contents: Any, style: Any, callback: Any = None, **options: Any) -> Any:
        for _ in contents:
            for scale in range(2):
                for nit in (2 * scale + 1, 2 * scale + 2):
                    now = so_far(nit, seed=3)
                    shared = (nit, nit, 1.5, now.losses, 0.1, IMAGE.shape, 4, 1.0, scale, 2)
                    callback(Progress(*shared, settings=now.settings, _image=lambda: IMAGE))
                if scale == 0:
                    callback.after_scale(so_far(2, seed=3))
            yield so_far(4, seed=3)

    monkeypatch.setattr(stylize, "stylize_many", many)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Saved:
    """Make saving fail for some paths; the list tells which were tried, in order."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def set_up(fails: Callable[[str, dict[str, Any]], bool], error: Exception = FULL) -> list[str]:
        tried: list[str] = []

        def save(target: Any, image: Any, **options: Any) -> None:
            name = str(target).replace(str(tmp_path), "")
            tried.append(name)
            if fails(name, options):
                raise error
            save_image(target, image, **options)

        monkeypatch.setattr(outputs, "save_image", save)
        return tried

    return set_up


def about(path: str | Path) -> Any:
    return json.loads(ns.load_metadata(path)["neuralstyle"])


# On the way


def test_each_finished_scale_is_at_the_place_of_the_result(
    run: Run, failing: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = failing(lambda name, options: False)
    assert run("--save-every", "2") == 0
    assert tried == ["out_0002.png", "out.png", "out_0004.png", "out.png"]


@pytest.mark.parametrize("name", ["out.png", "out_0002.png"])
def test_what_is_saved_on_the_way_tells_its_settings_as_results_do(
    run: Run, failing: Saved, name: str
) -> None:
    kept = {}

    def look(path: str, options: Any) -> bool:
        kept.setdefault(path, json.loads(options["metadata"]["neuralstyle"]))
        return False

    failing(look)
    assert run("--save-every", "2") == 0
    assert kept[name]["status"] == "running"
    assert kept[name]["settings"] == {"seed": 3}
    assert kept[name]["iterations"] == 2
    assert kept[name].keys() == about("out.png").keys()
    assert about("out.png")["status"] == "limit"


def test_what_cannot_be_saved_on_the_way_ends_no_run_and_is_told_once(
    run: Run, failing: Saved, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = failing(lambda name, options: tried.count("out.png") < 2)
    assert run("--save-every", "1", "--quiet") == 1
    assert capsys.readouterr().err == (
        "neuralstyle: [Errno 28] No space left on device; the run goes on\n"
    )
    assert tried[-1] == "out.png" and about("out.png")["status"] == "limit"


def test_nothing_but_the_result_goes_to_standard_output(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", printed)
    assert run(out="-") == 0
    assert ns.load_image(io.BytesIO(printed.buffer.getvalue())).shape == IMAGE.shape
    assert printed.buffer.getvalue().count(b"IHDR") == 1
    assert made() == []


# In the end


def test_a_comment_that_is_too_long_is_left_out(
    run: Run, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = ",".join(f"block{block}_conv{conv}" for block in (1, 2) for conv in (1, 2))
    words = ["--style-layers", layers] * 1200
    assert run("--quiet", *words, out="out.jpg") == 1
    assert made() == ["out.jpg"]
    assert ns.load_metadata("out.jpg") == {}
    *_, first, last = capsys.readouterr().err.splitlines()
    assert "Comment is too long" in first
    assert last == "neuralstyle: out.jpg was saved without its settings"


@pytest.mark.parametrize("error", [FULL, MemoryError("no more"), ValueError("cannot encode")])
def test_it_is_saved_in_the_working_folder_over_no_other_file(
    run: Run, failing: Saved, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    Path("made").mkdir()
    Path("out.jpg").write_bytes(b"mine")
    failing(lambda name, options: name.startswith("made"), error)
    assert run("--json", "--quiet", out="made/out.jpg") == 1
    assert Path("out.jpg").read_bytes() == b"mine"
    out, err = capsys.readouterr()
    assert err.splitlines()[-1] == "neuralstyle: the picture was saved as 'out_2.jpg'"
    assert about("out_2.jpg")["status"] == "limit"
    assert json.loads(out)["output"] == "out_2.jpg"


def test_or_else_as_png_in_a_temporary_folder(
    run: Run, made: Made, failing: Saved, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = failing(lambda name, options: not name.startswith("/temporary"))
    assert run("--quiet", out="out.jpg") == 1
    path = capsys.readouterr().err.splitlines()[-1].partition("saved as ")[2].strip("'")
    assert Path(path).name == "out.png" and "neuralstyle-" in path
    assert about(path)["settings"] == {"seed": 3}
    assert tried[-4:-1] == ["out.jpg", "out.jpg", "out.jpg"]
    assert made() == ["temporary"]


def test_where_there_is_no_place_at_all_nothing_is_left(
    run: Run, made: Made, failing: Saved, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(lambda name, options: True)
    assert run("--quiet") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "neuralstyle: there is no place where the picture could be saved"
    assert made() == ["temporary"]
    assert os.listdir("temporary") == []


def test_others_are_painted_all_the_same(run: Run, failing: Saved) -> None:
    failing(lambda name, options: name == "made/content.png")
    inputs = "content.png style.png --style style.png"
    assert run("--log", "run.json", inputs=inputs, out="made") == 1
    assert Path("content_2.png").exists() and Path("made/style.png").exists()
    assert len(json.loads(Path("run.json").read_text())) == 2


def test_a_log_that_cannot_be_written_is_told(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*args: Any) -> None:
        raise FULL

    monkeypatch.setattr(outputs, "write_all", full)
    assert run("--log", "run.json") == 1
    assert made() == ["out.png"]
    assert "cannot write 'run.json': No space left on device" in capsys.readouterr().err


# Before the run


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("-o out.jpg --size 65501", "--size: expected at most 65500 pixels a side for JPEG"),
        ("-o out.webp --size 16384", "--size: expected at most 16383 pixels a side for WEBP"),
        (f"-o {'a' * 252}.png", "File name too long"),
        (f"-o {'a' * 248}.png --save-every 1", "File name too long"),
        (f"-o {'a' * 248}.png --auto", "File name too long"),
        ("-o content.png/out.png", "'content.png/out.png'"),
        ("-o content.png/", "cannot make the folder 'content.png'"),
        ("-o out.png --sheet style --save-every 2", "--sheet"),
    ],
)
def test_what_can_be_known_is_refused_before(
    folder: Path, made: Made, capsys: pytest.CaptureFixture[str], arguments: str, complaint: str
) -> None:
    assert main(["content.png", "style.png", *arguments.split()]) == 2
    assert complaint in capsys.readouterr().err
    assert made() == []


@pytest.mark.parametrize("closed", [None, "closed"])
@pytest.mark.parametrize(
    "arguments",
    [
        "content.png style.png -o -",
        "content.png style.png -o out.png --json",
        "score content.png content.png style.png",
        "doctor",
    ],
)
def test_a_closed_standard_output_is_refused_before(
    folder: Path, made: Made, monkeypatch: pytest.MonkeyPatch, arguments: str, closed: Any
) -> None:
    said: list[str] = []
    stream = io.TextIOWrapper(io.BytesIO())
    stream.close()
    monkeypatch.setattr(sys, "stdout", closed and stream)
    monkeypatch.setattr(messages, "put", lambda stream, text: said.append(text))
    assert main(arguments.split()) == 2
    assert said == ["neuralstyle: cannot write to standard output: it is closed\n"]
    assert made() == []


# Standard streams


@needs_full
@pytest.mark.parametrize(
    ("options", "argument"), [([], "--help"), (["-u"], "--version")], ids=["buffered", "unbuffered"]
)
def test_what_cannot_be_printed_is_a_failure(options: list[str], argument: str) -> None:
    program = [sys.executable, *options, "-m", "neuralstyle", argument]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "neuralstyle: cannot write to standard output: No space left on device\n"
    )


@needs_full
@pytest.mark.parametrize("buffering", [0, -1])
def test_a_picture_that_standard_output_cannot_take_is_kept(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch, buffering: int
) -> None:
    with open("/dev/full", "wb", buffering=buffering) as full:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(full, write_through=True))
        assert run("--quiet", out="-") == 1
    assert made() == ["neuralstyle.png"]
    assert about("neuralstyle.png")["status"] == "limit"


@needs_full
def test_numbers_that_cannot_be_printed_are_a_failure_and_the_picture_is_kept(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert run("--quiet", "--json") == 1
    assert capsys.readouterr().err == (
        "neuralstyle: cannot write to standard output: No space left on device\n"
    )
    assert made() == ["out.png"]


def test_a_reader_that_has_gone_costs_no_picture(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb", buffering=0) as pipe:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe, write_through=True))
        assert run("--quiet", out="-") == 1
    assert made() == ["neuralstyle.png"]


@needs_full
def test_what_cannot_be_told_costs_no_picture(
    run: Run, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert run() == 0
    monkeypatch.setattr(sys, "stderr", None)
    assert run(out="second.png") == 0
    assert made() == ["out.png", "second.png"]
