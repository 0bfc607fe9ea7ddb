"""What a run reads and what it will write: no file is both, and none is written twice.

An option that names files has its line in `READS` or `WRITES`, and nowhere else.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from neuralstyle._files import check_place, identity, name_in, quoted, reason
from neuralstyle.cli.messages import Failure
from neuralstyle.images.moving import check_moving
from neuralstyle.images.save import check_target

STANDARD = Path("-")
"""Stands for standard input and output."""


class Place(NamedTuple):
    """A file, and the option that it is there for; `called` is what messages call that."""

    option: str
    called: str
    path: Path


class Snapshots:
    """The pictures of every Nth iteration: as many as there will be.

    Those of one picture lie beside it. Of several, whose names may look like these, each has a
    folder for its own.

    Parameters
    ----------
    result : Path
        The place of the result.
    every : int
        They are of every so many iterations.
    several : bool
        Whether the run makes several pictures.
    called : str, optional
        What one of them is called in messages.

    Examples
    --------
    >>> Snapshots(Path("made/out.jpg"), 50, several=False).place(50).as_posix()
    'made/out_0050.jpg'
    >>> Snapshots(Path("made/a.png"), 50, several=True).place(50).as_posix()
    'made/a_snapshots/0050.png'
    """

    def __init__(
        self,
        result: Path,
        every: int,
        several: bool,
        called: str = "a picture of --save-every",
    ) -> None:
        self.every = every
        self.called: str = called
        self.suffix: str = result.suffix
        self.folder: Path = result.parent / f"{result.stem}_snapshots" if several else result.parent
        self.stem: str = "" if several else f"{result.stem}_"

    def place(self, iteration: int) -> Path:
        """Return the place of an iteration's picture."""
        return self.folder / f"{self.stem}{iteration:04d}{self.suffix}"

    def meet(self, path: Path) -> bool:
        """Return whether a path is the place of one of them."""
        name, stem, suffix = (
            name_in(self.folder, name) for name in (path.name, self.stem, self.suffix)
        )
        match = re.fullmatch(f"{re.escape(stem)}([0-9]{{4,}}){re.escape(suffix)}", name)
        number = int(match[1]) if match else 0
        if not match or match[1] != f"{number:04d}" or not number or number % self.every:
            return False
        return identity(path.parent) == identity(self.folder)

    def there(self) -> Iterator[Path]:
        """Find those places at which there is a file."""
        if self.folder.is_dir():
            yield from (path for path in self.folder.iterdir() if self.meet(path))


Written: TypeAlias = "Place | Snapshots"


def sheet_beside(path: Path) -> Path:
    """Return where the sheet goes from which a picture was chosen.

    Examples
    --------
    >>> sheet_beside(Path("made/out.jpg")).as_posix()
    'made/out_sheet.jpg'
    """
    return path.with_name(f"{path.stem}_sheet{path.suffix}")


def several(args: argparse.Namespace, results: Sequence[Path]) -> bool:
    """Return whether a run makes several pictures: a film does, even of one frame."""
    return len(results) > 1 or hasattr(args, "frames")


def beside_result(path: str, result: Path, several: bool) -> Path:
    """Return where that goes of which every picture has its own: of several, with its name.

    Examples
    --------
    >>> beside_result("run.html", Path("made/a.png"), several=False).as_posix()
    'run.html'
    >>> beside_result("run.html", Path("made/a.png"), several=True).as_posix()
    'run_a.html'
    """
    place = Path(path)
    return place.with_name(f"{place.stem}_{result.stem}{place.suffix}") if several else place


# What options read: the words that may be files


def _as_given(words: Any) -> Iterator[str]:
    """Return the words of an option: one, several, or several each time."""
    if isinstance(words, str | os.PathLike):
        yield os.fspath(words)
    else:
        for word in words or ():
            yield from _as_given(word)


def _if_there(words: Any) -> Iterator[str]:
    """Return those words that are files, and not the names of something else."""
    yield from filter(os.path.exists, _as_given(words))


def _of_sheet(words: Any) -> Iterator[str]:
    """Return the values of a sheet's settings: networks and starts may be files."""
    for word in _as_given(words):
        yield from _if_there(word.partition("=")[2].split(","))


def _in_folders(words: Any) -> Iterator[str]:
    """Return pictures, and those in folders."""
    from neuralstyle.features.crops import SUFFIXES

    for word in _as_given(words):
        yield word
        for folder, _, names in os.walk(word):
            yield from (os.path.join(folder, n) for n in names if n.lower().endswith(SUFFIXES))


READS: Mapping[str, tuple[str, Callable[[Any], Iterator[str]]]] = {
    "pictures": ("CONTENT or STYLE", _as_given),
    "frames": ("FRAME", _as_given),
    "styles": ("STYLE", _as_given),
    "style": ("STYLE", _as_given),
    "content": ("CONTENT", _as_given),
    "picture": ("PICTURE", _as_given),
    "flows": ("--flows", _as_given),
    "region": ("--region", _as_given),
    "labels": ("--labels", _as_given),
    "init": ("--init", _if_there),
    "network": ("--network", _if_there),
    "sheet": ("--sheet", _of_sheet),
    "images": ("--images", _in_folders),
    "start": ("--start", _as_given),
}
"""Options that read files, by their names in the namespace."""


# What options write: a list of places, for the places of the results


def _results(args: argparse.Namespace, results: Sequence[Path]) -> list[Written]:
    return [Place("output", "-o", path) for path in results]


def _sheets(args: argparse.Namespace, results: Sequence[Path]) -> list[Written]:
    called = "the sheet of --auto or --choose"
    return [Place("auto", called, sheet_beside(path)) for path in results]


def _snapshots(args: argparse.Namespace, results: Sequence[Path]) -> list[Written]:
    return [Snapshots(path, args.save_every, several(args, results)) for path in results]


def _moments(args: argparse.Namespace, results: Sequence[Path]) -> list[Written]:
    return [Snapshots(path, 1, False, "a picture saved on the page of --web") for path in results]


def _log(args: argparse.Namespace, results: Sequence[Path]) -> list[Written]:
    return [Place("log", "--log", Path(args.log))]


def _of_each(option: str, called: str) -> Callable[..., list[Written]]:
    def places(args: argparse.Namespace, results: Sequence[Path]) -> list[Written]:
        many = several(args, results)
        given = getattr(args, option)
        return [
            Place(option, called, beside_result(given, result, many))
            for result in results or [STANDARD]
        ]

    return places


def _checkpoint(args: argparse.Namespace, results: Sequence[Path]) -> list[Written]:
    return [Place("checkpoint", "--checkpoint", Path(args.words["checkpoint"][0]))]


def _resume(args: argparse.Namespace, results: Sequence[Path]) -> list[Written]:
    return [Place("resume", "--resume", Path(args.resume))]


WRITES: Mapping[str, Callable[[argparse.Namespace, Sequence[Path]], list[Written]]] = {
    "output": _results,
    "auto": _sheets,
    "choose": _sheets,
    "save_every": _snapshots,
    "web": _moments,
    "log": _log,
    "report": _of_each("report", "--report"),
    "making_of": _of_each("making_of", "--making-of"),
    "checkpoint": _checkpoint,
    "resume": _resume,
}
"""Options that write files, by their names in the namespace. A state that is gone on from is read
too, by the option that writes it: that is no harm."""

MAY_MEET = {("init", "output")}
"""What is read and may be written all the same: a run can go on from its own result."""


def reads(args: argparse.Namespace) -> list[Place]:
    """Return all files that options name to be read."""
    words = {**vars(args), **getattr(args, "words", {})}
    return [
        Place(name, called, Path(path))
        for name, (called, files) in READS.items()
        for path in files(words.get(name))
        if path != str(STANDARD)
    ]


def writes(args: argparse.Namespace, results: Sequence[Path]) -> list[Written]:
    """Return all that is going to be written; a result on standard output has no place."""
    results = [path for path in results if path != STANDARD]
    words = {**vars(args), **getattr(args, "words", {})}
    given = {name: value for name, value in words.items() if value}
    if "auto" in given:
        given.pop("choose", None)  # one sheet serves both
    return [place for name, of in WRITES.items() if name in given for place in of(args, results)]


def check_paths(args: argparse.Namespace, results: Sequence[Path]) -> None:
    """Refuse a run that would write a file which it reads, or one file twice.

    Parameters
    ----------
    args : Namespace
    results : sequence of Path
        What ``-o`` stands for.

    Raises
    ------
    Failure
        Naming both.
    """
    read, written = reads(args), writes(args, results)
    taken: dict[Hashable, list[Place]] = {}
    for place in read:
        taken.setdefault(identity(place.path), []).append(place)
    for place in (one for one in written if isinstance(one, Place)):
        here = taken.setdefault(identity(place.path), [])
        for other in here:
            if (other.option, place.option) not in MAY_MEET:
                _refuse(other, place.called, place.path)
        here.append(place)
    for many in (one for one in written if isinstance(one, Snapshots)):
        for places in taken.values():
            for place in places:
                if many.meet(place.path):
                    _refuse(place, many.called, place.path)
        for path in many.there():
            for place in taken.get(identity(path), ()):
                _refuse(place, many.called, path)


def _refuse(place: Place, writer: str, path: Path) -> None:
    raise Failure(
        f"{quoted(place.path)} would be overwritten: it is {place.called}, "
        f"and {quoted(path)} is {writer}"
    )


def make_folders(args: argparse.Namespace, results: Sequence[Path]) -> None:
    """Make the folders of results that are to lie in one, and check that all can be written.

    Parameters
    ----------
    args : Namespace
    results : sequence of Path

    Raises
    ------
    OSError, ValueError
        If something cannot be written.
    """
    many = several(args, results)
    if many or args.output.endswith(("/", os.sep)):
        _make(Path(args.output))
    side = getattr(args, "options", {}).get("size")
    for one in writes(args, results):
        if isinstance(one, Snapshots):
            _make(one.folder)
            check_target(one.place(0))
        elif one.option == "output":
            _named("-o", check_target, one.path, side=side)
        elif one.option == "auto":
            check_target(one.path)
        elif one.option == "making_of":
            _named("--making-of", check_moving, one.path)
        elif one.option != "checkpoint" or not many:  # of several pictures it is a folder
            check_place(one.path)


def _named(flag: str, check: Callable[..., None], path: Path, **options: Any) -> None:
    """Check a target, which messages are to call by its flag."""
    try:
        check(path, **options)
    except ValueError as error:
        raise ValueError(str(error).replace("target:", f"{flag}:", 1)) from error


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(f"cannot make the folder {quoted(folder)}: {reason(error)}") from error
