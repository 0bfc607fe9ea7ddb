"""Where pictures are read from: paths, pipes and file objects, as seekable binary files."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, TypeAlias

from neuralstyle._files import quoted, reason

PathOrFile: TypeAlias = str | os.PathLike[str] | IO[bytes]

BYTES_A_PIXEL = 8
"""What a stored pixel takes at the most: four channels of 16 bits."""

HEADERS = 1 << 24
"""What is allowed for besides pixels: metadata, profiles, previews."""

_CHUNK = 1 << 20
_REFUSED = {
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
    stat.S_IFSOCK: "it is a socket",
}


@contextmanager
def opened(source: PathOrFile, max_pixels: int) -> Iterator[tuple[str, IO[bytes]]]:
    """Open what a picture is read from.

    Parameters
    ----------
    source : str, path-like or binary file object
        A file object, and a pipe that has a path, are read to their ends at once.
    max_pixels : int
        Of what has no size beforehand, no more is read than so many pixels can take.

    Yields
    ------
    name : str
        What messages call it.
    file : binary file
        At its start, seekable.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, OSError
        If the file cannot be opened.
    TypeError
        If `source` is of the wrong kind.
    ValueError
        If it is a device or a socket, or if there is more to read than `max_pixels` allow.
    """
    if not isinstance(source, str | os.PathLike):
        name = _name(source)
        yield name, _whole(source, name, max_pixels)
        return
    name = quoted(source)
    try:
        # Whatever can be told without opening is: that might wait for ever, or start something.
        kind = stat.S_IFMT(os.stat(source).st_mode)
        if kind == stat.S_IFDIR:  # Windows would speak of permission
            raise IsADirectoryError("it is a folder")
        if kind in _REFUSED:
            raise ValueError(_REFUSED[kind])
        file = open(source, "rb")
    except (OSError, ValueError) as error:
        raise type(error)(f"cannot read {name}: {reason(error)}") from error
    with file:
        yield name, file if kind == stat.S_IFREG else _whole(file, name, max_pixels)


def _name(source: Any) -> str:
    if not hasattr(source, "read") or isinstance(source, io.TextIOBase):
        raise TypeError(
            "source: expected a path, a binary file object or a PIL image, "
            f"received {type(source).__name__}"
        )
    label = getattr(source, "name", None)
    return repr(label) if isinstance(label, str) else "the given file object"


def _whole(source: IO[bytes], name: str, max_pixels: int) -> IO[bytes]:
    """Read to the end, in pieces: one large request would take its memory before it is known."""
    most, read = BYTES_A_PIXEL * max_pixels + HEADERS, io.BytesIO()
    while piece := source.read(_CHUNK):
        if not isinstance(piece, bytes | bytearray | memoryview):
            raise TypeError(
                f"source: expected a binary file object, received {type(source).__name__}, "
                f"which gives {type(piece).__name__}"
            )
        if read.tell() + len(piece) > most:
            raise ValueError(
                f"cannot read {name}: there are more than the {most} bytes that a picture of "
                f"max_pixels={max_pixels} may take"
            )
        read.write(piece)
    read.seek(0)
    return read
