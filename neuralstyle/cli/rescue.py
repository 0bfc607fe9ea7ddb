"""Another place for what is finished and cannot be saved where it was to be."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from neuralstyle.cli.messages import Failure

FAILED = (MemoryError, OSError, ValueError)
"""What saving may raise: the disk is full, the folder is gone, or a format cannot hold it."""


def elsewhere(path: Path, save: Callable[[Path], None]) -> Path:
    """Save a picture at another place than `path`, over no other file.

    Parameters
    ----------
    path : Path
        Where it could not be saved.
    save : callable
        Saves it at the place that it is given, or raises one of `FAILED`.

    Returns
    -------
    Path
        Where it is: under a new name in the working folder, or as PNG in a new folder of the
        system's for temporary files.

    Raises
    ------
    Failure
        If there is no place.
    """
    for find, name in ((_in_working_folder, path.name), (in_temporary_folder, f"{path.stem}.png")):
        place = None
        try:
            place = find(name)
            save(place)
            return place
        except FAILED:
            if place is not None:
                with suppress(OSError):
                    place.unlink(missing_ok=True)
                    if find is in_temporary_folder:
                        place.parent.rmdir()
    raise Failure("there is no place where the picture could be saved", 1)


def in_temporary_folder(name: str) -> Path:
    """Return a place in a new folder among the system's for temporary files."""
    return Path(tempfile.mkdtemp(prefix="neuralstyle-"), name)


def _in_working_folder(name: str) -> Path:
    """Return a place in the working folder, now taken by an empty file: it was free before."""
    stem, suffix = os.path.splitext(name)
    numbered = (f"{stem}_{number}{suffix}" for number in itertools.count(2))
    for free in itertools.chain([name], numbered):
        try:
            with open(free, "xb"):
                return Path(free)
        except FileExistsError:
            continue
    raise AssertionError("numbers do not end")
