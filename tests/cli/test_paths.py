"""No input is written, and nothing twice: every option that writes, times every one that reads."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import neuralstyle as ns
from neuralstyle.cli.inputs import places
from neuralstyle.cli.main import COMMANDS, main, parser
from neuralstyle.cli.paths import MAY_MEET, READS, WRITES, Snapshots

pytestmark = pytest.mark.usefixtures("shallow")

FORMS = {
    "paint": "{pictures} -o {output}",
    "film": "film {frames} --style {style} --flows {flows} -o {output}",
    "texture": "texture {styles} -o {output}",
    "slim": "slim --network {network} --images {images} --widths 2,2,2,2,2 -o {output}",
}
"""Calls of the commands that write; what is not to meet is called as in `USUAL`."""

USUAL = {
    "pictures": "content.png style.png",
    "frames": "content.png style.png",
    "styles": "style.png",
    "style": "style.png",
    "flows": "flow.npy",
    "network": "style.png",
    "images": "style.png",
    "output": "out.png",
}

READING = {
    "pictures": ["{} style.png", "content.png {}"],
    "frames": ["{} content.png", "content.png {}"],
    "styles": ["{}", "style.png {}"],
    "style": ["{}", "style.png {}"],
    "flows": ["{}"],
    "region": ["{} style.png", "content.png {}", "content.png style.png {} 0.5"],
    "labels": ["{} style.png", "content.png {}"],
    "init": ["{}"],
    "network": ["{}"],
    "sheet": ["network={}", "init=noise,{}"],
    "images": ["{}", "style.png {}"],
    "start": ["{}"],
}
"""Words for an option that reads a file."""

WRITING = {
    "output": [("", "w.png")],
    "log": [("--log w.json", "w.json")],
    "report": [("--report w.html", "w.html")],
    "making_of": [("--making-of w.gif", "w.gif")],
    "checkpoint": [("--checkpoint w.npz", "w.npz")],
    "save_every": [("--save-every 5", "w_0050.png"), ("--save-every 1", "w_10001.png")],
    "web": [("--web", "w_0050.png")],
    "auto": [("--auto", "w_sheet.png")],
    "choose": [("--choose", "w_sheet.png")],
}
"""Flags that write, beside ``-o w.png``, and what they write."""

NOT_TOGETHER = {("sheet", "auto"), ("sheet", "choose"), ("sheet", "web")}
"""Refused as they are."""

NO_FILES = {"content_layers", "style_layers", "licence"}
"""Options that take any word, and mean no file by it."""


def dests(command: str) -> set[str]:
    return {action.dest for action in parser(command)._actions if action.help != "==SUPPRESS=="}


def flag_of(command: str, dest: str) -> str:
    (action,) = (one for one in parser(command)._actions if one.dest == dest)
    return max(action.option_strings, key=len, default="")


OF_FILM = {
    "output": [("", "w/content.png")],
    "log": [("--log w.json", "w.json")],
    "report": [("--report w.html", "w_content.html")],
    "making_of": [("--making-of w.gif", "w_content.gif")],
    "checkpoint": [("--checkpoint w.npz", "w.npz")],
    "save_every": [("--save-every 5", "w/content_snapshots/0050.png")],
}
OF_SLIM = {
    "output": [("", "w.npz"), ("", "w.md")],
    "resume": [("--resume w.state", "w.state")],
}
WRITTEN_BY = {"paint": WRITING, "texture": WRITING, "film": OF_FILM, "slim": OF_SLIM}
OUTPUT = {"paint": "w.png", "texture": "w.png", "film": "w", "slim": "w.npz"}


def cases(command: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield an option that reads, words for it, flags that write, and what they write."""
    for reading in sorted(dests(command) & READS.keys()):
        for writing in sorted(dests(command) & WRITES.keys()):
            if (reading, writing) not in MAY_MEET | NOT_TOGETHER:
                for words in READING[reading]:
                    for flags, written in WRITTEN_BY[command][writing]:
                        yield reading, words, flags, written


def takes_any_word(action: Any) -> bool:
    """Return whether a word may be a file's name for all that the parser knows."""
    if action.nargs == 0 or action.choices is not None or not hasattr(action, "read"):
        return action.nargs != 0 and action.choices is None
    count = action.nargs if isinstance(action.nargs, int) else 1
    try:
        action.read(action.dest, ["content.png"] * count)
    except (KeyError, TypeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_that_may_name_a_file_has_its_line(folder: Path, command: str) -> None:
    able = {
        action.dest
        for action in parser(command)._actions
        if takes_any_word(action) and action.help != "==SUPPRESS=="
    }
    known = READS.keys() | WRITES.keys() | NO_FILES
    assert able - known == set(), "name these in READS or WRITES, or here in NO_FILES"


def test_every_line_is_an_options() -> None:
    assert READS.keys() | WRITES.keys() <= set().union(*map(dests, COMMANDS))
    assert {name for name in COMMANDS if dests(name) & WRITES.keys()} == FORMS.keys()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be someone to choose."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)


def contents(folder: Path) -> dict[Path, Any]:
    return {
        path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("linked", [None, os.symlink, os.link], ids=["same", "soft", "hard"])
@pytest.mark.parametrize("command", FORMS)
def test_no_input_is_written(
    folder: Path,
    terminal: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    linked: Callable[[Any, Any], None] | None,
) -> None:
    """Whatever is written is there already, and is what is read, by one name or by two."""
    for number, (reading, words, flags, written) in enumerate(cases(command)):
        run = folder / str(number)
        (run / Path(written).parent).mkdir(parents=True)
        for name in ("content.png", "style.png", "flow.npy"):
            os.link(folder / "style.png", run / name)
        monkeypatch.chdir(run)
        read = "read.png" if linked else written
        shutil.copy("style.png", read)
        if linked:
            linked(Path(read).absolute(), written)
        given = words.format(f"./{read}")
        usual = {**USUAL, "output": OUTPUT[command], reading: given}
        if (command, reading) == ("paint", "style"):
            usual["pictures"] = "content.png"
        line = FORMS[command].format(**usual).split()
        if f"{{{reading}}}" not in FORMS[command]:
            line += [flag_of(command, reading), *given.split()]
        before = contents(run)
        assert main([*line, *flags.split()]) == 2, line
        (sentence,) = capsys.readouterr().err.splitlines()
        assert " would be overwritten: it is " in sentence, line
        assert Path(read).name in sentence and Path(written).name in sentence, line
        assert contents(run) == before, line


@pytest.mark.parametrize(
    "flags",
    [
        "--log out.png",
        "--log ./out.png",
        "--log out_0002.png --save-every 2",
        "--log out_sheet.png --auto",
        "--log soft.json",
        "--report run.html --log run.html",
        "--report film.gif --making-of film.gif",
    ],
)
def test_nothing_is_written_twice(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: str
) -> None:
    os.symlink("out.png", "soft.json")
    before = contents(folder)
    assert main(["content.png", "style.png", "-o", "out.png", *flags.split()]) == 2
    assert " would be overwritten: it is " in capsys.readouterr().err
    assert contents(folder) == before


def test_a_start_may_be_gone_on_from_in_place(folder: Path, calls: list[dict[str, Any]]) -> None:
    shutil.copy("content.png", "out.png")
    assert main("content.png style.png -o out.png --init ./out.png".split()) == 0
    assert len(calls) == 1


def test_what_only_looks_alike_is_let_be(folder: Path, calls: list[dict[str, Any]]) -> None:
    for name in ("out_0003.png", "out_00020.png", "xout_0002.png", "out_0002.jpg", "compact"):
        shutil.copy("content.png", name)
    Path("made").mkdir()
    shutil.copy("content.png", "made/out_0002.png")
    names = "out_0003.png --style out_00020.png xout_0002.png out_0002.jpg made/out_0002.png"
    assert main([*names.split(), *"-o out.png --save-every 2 --log noise".split()]) == 0
    assert len(calls) == 1


# Names of several


@pytest.mark.parametrize("flags", ["--report out.html", "--making-of out.gif"])
def test_what_each_of_several_has_is_not_written_over_a_picture(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: str
) -> None:
    suffix = flags[-5:].lstrip("t")
    shutil.copy("content.png", f"out_content{suffix}")
    names = f"content.png out_content{suffix} --style style.png -o made"
    assert main([*names.split(), *flags.split()]) == 2
    assert f"'out_content{suffix}' would be overwritten" in capsys.readouterr().err


def test_results_of_photographs_of_one_name_differ() -> None:
    names = ["a.jpg", "b/a.jpg", "A.png", "a_2.png", "n\u00e9.jpg", "ne\u0301.jpg"]
    results = [path.name for _, path in places(names, "made/")]
    assert results == ["a.png", "a_2.png", "A_3.png", "a_2_2.png", "n\u00e9.png", "ne\u0301_2.png"]


def test_snapshots_of_several_meet_no_results_and_no_others() -> None:
    stems = ["a", "a_0050", "a_snapshots", "0050", "a_snapshots.png", "b"]
    results = [path for _, path in places([f"{stem}.jpg" for stem in stems], "made/")]
    written = [str(path) for path in results]
    for result in results:
        of = Snapshots(result, 50, several=True)
        written += [str(of.folder), str(of.place(50)), str(of.place(100))]
    assert len({name.casefold() for name in written}) == len(written)


def test_snapshots_of_several_have_a_folder_each(
    run: Callable[..., int], made: Callable[[], list[str]]
) -> None:
    shutil.copy("content.png", "content_0001.png")
    inputs = "content.png content_0001.png --style style.png"
    flags = "--save-every 1 --iterations 1 --size 32".split()
    assert run(*flags, inputs=inputs, out="made") == 0
    assert made() == ["content_0001.png", "made"]
    assert sorted(str(path.relative_to("made")) for path in Path("made").rglob("*.png")) == [
        "content.png",
        "content_0001.png",
        "content_0001_snapshots/0001.png",
        "content_snapshots/0001.png",
    ]
    assert ns.load_image("made/content_snapshots/0001.png").shape == (24, 32, 3)


# Names that are none


@pytest.mark.parametrize("name", ["a\0b.png", "\ud800.png"], ids=["null", "surrogate"])
@pytest.mark.parametrize("command", [*FORMS, "score"])
def test_a_name_that_no_file_can_have_is_told_in_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    Path("flow.npy").write_bytes(b"")
    form = {**FORMS, "score": "score {picture} {content} {style}"}[command]
    usual = {**USUAL, "picture": "content.png", "content": "content.png"}
    usual["output"] = OUTPUT.get(command, "")
    reading = {**READING, **dict.fromkeys(["picture", "content"], ["{}"])}
    if command == "score":
        reading["style"] = ["{}"]
    writing = {"output": ["{}", "{}/"], "log": ["{}"], "resume": ["{}"]}
    for dest in sorted(dests(command) & (reading.keys() | writing.keys())):
        for words in {**reading, **writing}[dest]:
            texts = {**usual, dest: words}
            line = form.format(**texts).split()
            if f"{{{dest}}}" not in form:
                line += [flag_of(command, dest), *words.split()]
            assert main([word.replace("{}", name) for word in line]) == 2, line
            (sentence,) = capsys.readouterr().err.splitlines()
            assert sentence.startswith("neuralstyle: "), line
