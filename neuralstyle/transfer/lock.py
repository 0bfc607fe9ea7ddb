"""One process at a time."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from neuralstyle._files import quoted, reason

if sys.platform == "win32":
    import msvcrt

    BEYOND = 1 << 30
    """Where the lock is: what is locked cannot be read, and the number of the process shall be."""

    def _lock(file: IO[bytes]) -> None:
        file.seek(BEYOND)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep a file for one's own, by a lock on a file beside it, with ``.lock`` at its end.

    The system lets go of the lock when the process ends, however it does: what is left of the
    file never stands in the way.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If it is another's.
    OSError
        If there is no place for the lock.
    """
    beside = path.with_name(f"{path.name}.lock")
    file = _locked(beside, path)
    try:
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        yield
    finally:
        if sys.platform != "win32":  # removed while it is still one's own
            beside.unlink(missing_ok=True)
        file.close()
        with contextlib.suppress(OSError):  # another process has it by now
            if sys.platform == "win32":
                beside.unlink()


def _locked(beside: Path, path: Path) -> IO[bytes]:
    while True:
        try:
            file = open(beside, "a+b")
        except OSError as error:
            raise type(error)(f"cannot write {quoted(beside)}: {reason(error)}") from error
        try:
            _lock(file)
            # Whoever had it may have removed it since it was opened: then it locks nothing.
            if os.path.samestat(os.fstat(file.fileno()), os.stat(beside)):
                return file
        except FileNotFoundError:
            pass
        except OSError:  # EAGAIN or EACCES
            file.seek(0)
            whose = file.read(20).decode(errors="replace")
            file.close()
            raise ValueError(
                f"checkpoint: expected a file that no other run uses, received {quoted(path)}, "
                f"which the process {whose} does"
            ) from None
        file.close()
