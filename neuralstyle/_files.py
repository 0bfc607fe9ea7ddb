"""Files that appear whole or not at all, and which of their names are one file's."""

from __future__ import annotations

import errno
import io
import os
import re
import socket
import time
import unicodedata
import zlib
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from neuralstyle._types import PathLike

ABANDONED = 24 * 3600.0
"""Seconds after which a temporary file is nobody's, even if it cannot be told whose it was."""

_HOST = f"{zlib.crc32(socket.gethostname().encode(errors='replace')):08x}"
_open: set[str] = set()
"""Names of the temporary files of this process."""


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
    ValueError
        If `target` is no path: with a null character, say.

    Notes
    -----
    The bytes are on the disk before the file takes its place. What processes that were killed
    have left of their temporary files for this target is removed.

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
        file.flush()
        try:
            os.fsync(file.fileno())
        except OSError as error:  # some file systems know no such wish
            if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
                raise
        file.close()  # Windows renames no open file
        os.replace(file.name, path)


def write_all(file: Any, data: bytes) -> None:
    """Write bytes to a binary file object, and see to it that all have left.

    Parameters
    ----------
    file : binary file object
        Buffered or not: an unbuffered one may take a part of what it is given.
    data : bytes

    Raises
    ------
    OSError
        If not all can be written.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> write_all(file, b"all of it")
    >>> file.getvalue()
    b'all of it'
    """
    left = memoryview(data)
    while left:
        count = file.write(left)
        if count is None and isinstance(file, io.RawIOBase):
            count = 0  # a descriptor that does not wait, and is not ready
        if not isinstance(count, int):  # an object that tells nothing has taken all
            break
        if count <= 0:
            done = len(data) - len(left)
            raise OSError(f"only {done:,} of {len(data):,} bytes could be written")
        left = left[count:]
    if hasattr(file, "flush"):
        file.flush()


def write_to(target: Any, data: bytes) -> None:
    """Write bytes to a file, which appears whole or not at all, or to a binary file object.

    Parameters
    ----------
    target : str, path-like or binary file object
    data : bytes

    Raises
    ------
    OSError
        If not all can be written.
    """
    if isinstance(target, str | os.PathLike):
        with replacing(target) as file:
            write_all(file, data)
    else:
        write_all(target, data)


def put(stream: Any, data: str | bytes) -> None:
    """Write to a standard stream past its buffer: all of it, or an error now.

    What a buffer cannot get rid of is tried again when the interpreter ends, which then says so by
    an exit code of its own.

    Parameters
    ----------
    stream : text stream or None
        Such as `sys.stdout`, which is None where it was closed before the program began.
    data : str or bytes

    Raises
    ------
    OSError
        If not all can be written.
    """
    if stream is None or getattr(stream, "closed", False):
        raise OSError("the stream is closed")
    stream.flush()
    binary = getattr(stream, "buffer", None)
    if binary is None:  # what stands in for it takes text alone
        stream.write(data)
        return
    if isinstance(data, str):
        text = data.replace("\n", os.linesep)
        data = text.encode(stream.encoding or "utf-8", "backslashreplace")
    write_all(getattr(binary, "raw", binary), data)


def check_target_kind(target: Any) -> None:
    """Check that there is something to write to: a path, or a binary file object.

    Examples
    --------
    >>> check_target_kind(io.StringIO())
    Traceback (most recent call last):
    TypeError: target: expected a path or a binary file object, received StringIO
    """
    file = hasattr(target, "write") and not isinstance(target, io.TextIOBase)
    if not file and not isinstance(target, str | os.PathLike):
        raise TypeError(
            f"target: expected a path or a binary file object, received {type(target).__name__}"
        )


def check_place(target: PathLike) -> None:
    """Check, before any long work, that a file could be written.

    Parameters
    ----------
    target : str or path-like

    Raises
    ------
    FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, OSError
        If the file cannot be written there; its name may be too long.
    ValueError
        If `target` is a device or the like, or no path.

    Notes
    -----
    The folder is tried with an empty temporary file, which is removed at once.

    Examples
    --------
    >>> check_place("nowhere/a.png")
    Traceback (most recent call last):
    FileNotFoundError: cannot write 'nowhere/a.png': the folder 'nowhere' does not exist
    """
    cannot = f"cannot write {quoted(_checked(target))}"
    folder = os.path.dirname(target)
    if os.path.isdir(target):
        raise IsADirectoryError(f"{cannot}: it is a folder")
    if folder and not os.path.exists(folder):
        raise FileNotFoundError(f"{cannot}: the folder {folder!r} does not exist")
    if os.path.exists(target) and not os.path.isfile(target):
        raise ValueError(f"{cannot}: it is not a regular file")
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise PermissionError(f"{cannot}: the file is read-only")
    with _temporary_beside(target) as (_, path):
        # Temporary names are short, so a name that is too long shows only here.
        with suppress(FileNotFoundError):
            os.lstat(path)


def identity(path: PathLike) -> Hashable:
    """Return what two paths have in common if and only if they lead to one file.

    A file that is not there yet is told by its folder and its name.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    hashable

    Raises
    ------
    ValueError
        If `path` is no path.

    Examples
    --------
    >>> identity("a.png") == identity("./a.png")
    True
    """
    return _identity(os.path.realpath(_checked(path)))


def _identity(real: str) -> Hashable:
    try:
        found = os.stat(real)
        return (found.st_dev, found.st_ino)
    except OSError:
        folder, name = os.path.split(real)
        if not name or folder == real:
            return real
        return (_identity(folder), name_in(folder, name))


def name_in(folder: PathLike, name: str) -> str:
    """Return a name such that two are equal if they are one file's in this folder.

    There are file systems to which ``a`` and ``A`` are one, or accents are written in two ways.
    """
    alike = _ignores_case(os.path.realpath(folder))
    return unicodedata.normalize("NFC", name).casefold() if alike else name


def _ignores_case(folder: str) -> bool:
    """Return whether small and capital letters are one, as a file in the folder shows."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            other = os.path.join(folder, entry.name.swapcase())
            if other != os.path.join(folder, entry.name):
                return os.path.lexists(other) and os.path.samefile(entry.path, other)
    above, name = os.path.split(folder)
    return bool(name) and _ignores_case(above)


@contextmanager
def _temporary_beside(target: PathLike) -> Iterator[tuple[IO[bytes], Path]]:
    """Open a file in the folder of `target`, to be renamed or else removed when done."""
    path = Path(os.path.realpath(_checked(target)))  # replace what a link points to, not the link
    _remove_abandoned(path)
    temporary = path.with_name(f"{_prefix(path)}{_HOST}-{os.getpid()}-{uuid4().hex[:8]}.tmp")
    _open.add(temporary.name)
    try:
        # Unlike the files of `tempfile`, which are private, it gets the usual permissions.
        with open(temporary, "xb") as file:
            yield file, path
    except OSError as error:
        raise type(error)(f"cannot write {quoted(target)}: {reason(error)}") from error
    finally:
        _open.discard(temporary.name)
        if os.path.exists(temporary):
            os.remove(temporary)


def _checked(path: PathLike) -> PathLike:
    """Return a path that the system can take."""
    try:
        if b"\0" not in os.fsencode(path):
            return path
        why = "it has a null character"
    except UnicodeEncodeError as error:
        why = reason(error)
    raise ValueError(f"{quoted(path)} cannot be a file's name: {why}")


def _prefix(path: Path) -> str:
    """Return how the names of temporary files for a target begin: with its own, if that is short.

    Then come the machine and the process.
    """
    name = os.fsencode(path.name)
    return f".{path.name if len(name) < 100 else format(zlib.crc32(name), '08x')}."


def _remove_abandoned(path: Path) -> None:
    """Remove the temporary files that dead processes have left beside a target."""
    name = re.compile(re.escape(_prefix(path)) + r"([0-9a-f]{8})-([0-9]+)-[0-9a-f]{8}\.tmp")
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            match = name.fullmatch(entry.name)
            with suppress(OSError):
                if match and _is_abandoned(entry, match[1], int(match[2])):
                    os.remove(entry.path)


def _is_abandoned(entry: os.DirEntry[str], host: str, process: int) -> bool:
    if time.time() - entry.stat().st_mtime > ABANDONED:
        return True
    if host != _HOST or os.name != "posix":
        return False  # there is no asking after the process
    if process == os.getpid():  # or one before it that had its number, as in containers
        return entry.name not in _open
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        pass  # another user's
    return False


def reason(error: BaseException) -> str:
    """Return what an error says, as part of a sentence."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__


def quoted(path: PathLike) -> str:
    """Return a path as it is written in messages."""
    return repr(os.fspath(path))
