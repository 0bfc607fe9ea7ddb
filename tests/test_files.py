"""Files that appear whole or not at all: every byte, no trace of what failed, one name a file."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neuralstyle import _files
from neuralstyle._files import check_place, identity, put, replacing, write_all

PLACES = [check_place, identity, lambda path: replacing(path).__enter__()]
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


class Sparing(io.RawIOBase):
    """An unbuffered file that takes a few bytes at once, and `room` in all."""

    def __init__(self, room: int, at_once: int = 3, full: Any = 0) -> None:
        self.room, self.at_once, self.full, self.taken = room, at_once, full, b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> Any:
        taken = bytes(data[: min(self.at_once, self.room - len(self.taken))])
        self.taken += taken
        return len(taken) or self.full


def test_what_takes_a_part_is_given_the_rest() -> None:
    file = Sparing(10)
    write_all(file, b"0123456789")
    assert file.taken == b"0123456789"


@pytest.mark.parametrize("full", [0, None])
def test_what_takes_no_more_is_an_error(full: Any) -> None:
    with pytest.raises(OSError, match="^only 8 of 10 bytes could be written$"):
        write_all(Sparing(8, full=full), b"0123456789")


def test_an_object_that_tells_nothing_has_taken_all() -> None:
    class Silent:
        taken = b""

        def write(self, data: Any) -> None:
            self.taken += bytes(data)

    file = Silent()
    write_all(file, b"0123456789")
    assert file.taken == b"0123456789"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("buffering", [0, 2**20])
def test_a_full_disk_is_an_error_at_once(buffering: int) -> None:
    file = open("/dev/full", "wb", buffering=buffering)
    with pytest.raises(OSError, match="No space left"):
        write_all(file, b"0123456789")
    with pytest.raises(OSError, match="No space left") if buffering else open(os.devnull):
        file.close()


def test_a_file_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def fsync(descriptor: int) -> None:
        seen.append((os.fstat(descriptor).st_size, os.path.exists(tmp_path / "a")))

    monkeypatch.setattr(os, "fsync", fsync)
    with replacing(tmp_path / "a") as file:
        file.write(b"0123456789")
    assert seen == [(10, False)]


@pytest.mark.parametrize("name", ["a.png", "ä" * 127, "[a]*?.png"])
def test_a_temporary_file_tells_its_target_and_process(tmp_path: Path, name: str) -> None:
    with replacing(tmp_path / name):
        (temporary,) = os.listdir(tmp_path)
    assert f"-{os.getpid()}-" in temporary
    assert temporary.startswith(f".{name}." if len(name) < 100 else ".")
    assert os.listdir(tmp_path) == [name]


@posix
@pytest.mark.parametrize("name", ["a.png", "b" * 255])
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path, name: str) -> None:
    program = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[2])\n"
        "from neuralstyle._files import replacing\n"
        "with replacing(sys.argv[1]): os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = str(Path(_files.__file__).parents[1])
    subprocess.run([sys.executable, "-c", program, str(tmp_path / name), root])
    (left,) = os.listdir(tmp_path)
    check_place(tmp_path / "other.png")
    assert os.listdir(tmp_path) == [left]
    with replacing(tmp_path / name):
        assert left not in os.listdir(tmp_path)
    assert os.listdir(tmp_path) == [name]


@posix
def test_what_is_still_being_written_stays(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.png") as own:
        (name,) = os.listdir(tmp_path)
        others = [
            name.replace(f"-{os.getpid()}-", f"-{os.getppid()}-"),  # alive
            name.replace(_files._HOST, "0a0b0c0d"),  # on another machine: it cannot be asked for
        ]
        for other in others:
            (tmp_path / other).write_bytes(b"")
        same = tmp_path / f"{name[:-12]}01234567.tmp"  # an earlier process of this number
        same.write_bytes(b"")
        check_place(tmp_path / "a.png")
        assert sorted(os.listdir(tmp_path)) == sorted([name, *others])
        for other in others:
            os.utime(tmp_path / other, (1e9, 1e9))
        check_place(tmp_path / "a.png")
        assert os.listdir(tmp_path) == [name]
        own.write(b"all of it")
    assert (tmp_path / "a.png").read_bytes() == b"all of it"


# Names


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["a\0b.png", "\ud800.png"])
def test_what_can_be_no_name_is_refused_in_a_sentence(place: Any, name: str) -> None:
    if name == "\ud800.png" and os.name != "posix":
        return
    with pytest.raises(ValueError, match=r"^'.*' cannot be a file's name: ") as caught:
        place(name)
    assert caught.type is ValueError


def test_a_name_that_is_too_long_for_the_disk_is_refused_before(tmp_path: Path) -> None:
    check_place(tmp_path / ("a" * 251 + ".png"))
    with pytest.raises(OSError, match="^cannot write .*: File name too long$"):
        check_place(tmp_path / ("a" * 252 + ".png"))


def test_one_file_has_one_identity_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("a").write_bytes(b"")
    os.link("a", "hard")
    os.symlink("a", "soft")
    os.symlink("folder", "elsewhere")
    os.symlink("folder/none", "dangling")
    names = ["a", "./a", "folder/../a", tmp_path / "a", "hard", "soft"]
    assert len({identity(name) for name in names}) == 1
    new = ["folder/none", "elsewhere/none", tmp_path / "folder" / "none", "dangling"]
    assert len({identity(name) for name in new}) == 1
    deep = ["no/such/place", "./no/such/place", "no/such/../such/place"]
    assert len({identity(name) for name in deep}) == 1
    assert len({identity(name) for name in ("a", "folder", "none", "no/such/place")}) == 4


@pytest.mark.parametrize("ignoring", [False, True])
def test_letters_are_told_apart_as_the_disk_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignoring: bool
) -> None:
    (tmp_path / "file").write_bytes(b"")
    if ignoring:  # what such a disk answers
        monkeypatch.setattr(os.path, "lexists", lambda path: True)
        monkeypatch.setattr(os.path, "samefile", lambda one, other: True)
    same = [identity(tmp_path / name) for name in ("NEW.png", "new.png", "n\u00e9", "ne\u0301")]
    assert len(set(same)) == (2 if ignoring else 4)


# Standard streams


def test_what_is_put_passes_the_buffer_and_keeps_the_order() -> None:
    raw = Sparing(100)
    stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding="ascii", newline="")
    stream.write("before, ")
    put(stream, "one é\ud800")
    assert raw.taken == rb"before, one \xe9\ud800"
    put(stream, b"\x00")
    assert raw.taken.endswith(b"\x00")


def test_what_stands_in_for_a_stream_takes_text() -> None:
    stream = io.StringIO()
    put(stream, "a line\n")
    assert stream.getvalue() == "a line\n"


def test_a_closed_stream_takes_nothing() -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        with pytest.raises(OSError, match="^the stream is closed$"):
            put(stream, "a line\n")
