"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import platform
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeAlias
from uuid import uuid4

PathLike: TypeAlias = str | os.PathLike[str]


@contextmanager
def replacing(target: PathLike) -> Iterator[IO[bytes]]:
    """Open a temporary file that takes the target's place when it has been written.

    Parameters
    ----------
    target : str or path-like

    Yields
    ------
    binary file

    Raises
    ------
    OSError
        If the file cannot be written; an existing one is left as it was.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(path) as file:
    ...     _ = file.write(b"all of it")
    >>> path.read_text()
    'all of it'
    """
    with _temporary_beside(target) as (file, path):
        yield file
        file.close()  # Windows renames no open file
        os.replace(file.name, path)


def check_place(target: PathLike) -> None:
    """Check, before any long work, that a file could be written.

    Parameters
    ----------
    target : str or path-like

    Raises
    ------
    FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError
        If the file cannot be written there.
    ValueError
        If `target` is a device or the like.

    Notes
    -----
    The folder is tried with an empty temporary file, which is removed at once.

    Examples
    --------
    >>> check_place("nowhere/a.png")
    Traceback (most recent call last):
    FileNotFoundError: cannot write 'nowhere/a.png': the folder 'nowhere' does not exist
    """
    cannot = f"cannot write {quoted(target)}"
    folder = os.path.dirname(target)
    if os.path.isdir(target):
        raise IsADirectoryError(f"{cannot}: it is a folder")
    if folder and not os.path.exists(folder):
        raise FileNotFoundError(f"{cannot}: the folder {folder!r} does not exist")
    if os.path.exists(target) and not os.path.isfile(target):
        raise ValueError(f"{cannot}: it is not a regular file")
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise PermissionError(f"{cannot}: the file is read-only")
    with _temporary_beside(target):
        pass


@contextmanager
def _temporary_beside(target: PathLike) -> Iterator[tuple[IO[bytes], Path]]:
    """Open a file in the folder of `target`, to be renamed or else removed when done."""
    path = Path(os.path.realpath(target))  # replace what a symbolic link points to, not the link
    with suppress(OSError):  # the folder may not be there, and another process be as quick
        _tidy(path)
    temporary = path.with_name(f"{_mark(path)}{os.getpid()}-{uuid4().hex[:8]}.tmp")
    try:
        # Unlike the files of `tempfile`, which are private, it gets the usual permissions.
        with open(temporary, "xb") as file:
            yield file, path
    except OSError as error:
        raise type(error)(f"cannot write {quoted(target)}: {reason(error)}") from error
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def _mark(path: Path) -> str:
    """Return how names of temporary files begin: with the target's, and a number for the host."""
    host = zlib.crc32(platform.node().encode(errors="replace"))
    return f".{path.name[:40]}.{host:08x}-"


def _tidy(path: Path) -> None:
    """Remove temporary files for a target that dead processes of this host have left behind."""
    mark = _mark(path)
    for entry in os.scandir(path.parent):
        if entry.name.startswith(mark) and entry.name.endswith(".tmp"):
            process = entry.name[len(mark) :].partition("-")[0]
            if process.isdecimal() and not _alive(int(process)):
                os.remove(entry.path)


def _alive(process: int) -> bool:
    """Tell whether there is a process; where that cannot be asked, there is."""
    if os.name == "nt":  # which ends the process that is asked for
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def reason(error: BaseException) -> str:
    """Return what an error says, as part of a sentence."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__


def quoted(path: PathLike) -> str:
    """Return a path as it is written in messages."""
    return repr(os.fspath(path))
