"""Arrays from ``.npy`` and ``.npz`` files that anybody may have written.

NumPy's own reader takes the memory that a header promises, parses the header as Python, and advises
to unpickle what it does not know. Here the header is read as text and compared with the length of
what follows before any memory is taken; objects are refused, and a file that is anything else leads
to a `ValueError` that says why, or an `OSError` if it cannot be read at all.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._files import reason
from neuralstyle._types import PathLike

SLACK, DENSEST = 64 * 2**20, 20
"""A file may hold so many bytes, and this times its own size, unpacked. Real numbers are packed to
a half or a tenth; to a thousandth only what is made to fill the memory."""

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 2**16
_DESCR = re.compile(r"'descr':\s*'([<>|=]?[a-zA-Z?]\d*)'\s*[,}]")
_ORDER = re.compile(r"'fortran_order':\s*(True|False)\s*[,}]")
_SHAPE = re.compile(r"'shape':\s*\(((?:\d{1,20}L?,?\s*)*)\)\s*[,}]")

Header: TypeAlias = tuple[np.dtype[Any], tuple[int, ...], bool]
"""An array's type, its shape, and whether its first index changes fastest."""


def most_bytes(size: int) -> int:
    """Return how many bytes a file of a size may hold when unpacked."""
    return SLACK + DENSEST * size


@final
class Archive(Mapping[str, NDArray[Any]]):
    """The arrays of an open ``.npz`` file, each read when asked for.

    Parameters
    ----------
    stream : binary file
        That can be sought in.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(stream)
        self._left = most_bytes(stream.seek(0, io.SEEK_END))
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in self._zip.infolist():
            name = member.filename.removesuffix(".npy")
            if name in self._members:
                raise ValueError(f"it holds {name!r} twice")
            self._members[name] = member

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Read an array."""
        member = self._members[name]
        self._left -= member.file_size
        if self._left < 0:
            raise ValueError(
                f"its array {name!r} would take {member.file_size} bytes of memory, far more than "
                "a file of its size may hold"
            )
        with self._zip.open(member) as stream:
            return read_array(stream, member.file_size, f"its array {name!r}")

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such an array."""
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        """Go through the arrays' names, in the file's order."""
        return iter(self._members)

    def __len__(self) -> int:
        """Return how many arrays there are."""
        return len(self._members)


def read_array(stream: IO[bytes], size: int, what: str = "it") -> NDArray[Any]:
    """Read one array, as ``np.save`` writes it.

    Parameters
    ----------
    stream : binary file
    size : int
        The bytes that it holds, header and all.
    what : str, default "it"
        What messages call it.

    Returns
    -------
    array

    Raises
    ------
    ValueError
        If it is no array of numbers or text, or not as long as its header says.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> np.save(file, [1.0, 2.0])
    >>> size = file.tell()
    >>> _ = file.seek(0)
    >>> read_array(file, size).tolist()
    [1.0, 2.0]
    """
    (dtype, shape, by_columns), length = _header(stream, what)
    promised = math.prod(shape) * dtype.itemsize
    if promised != size - length:
        raise ValueError(f"{what} promises {promised} bytes of numbers and has {size - length}")
    array: NDArray[Any] = np.empty(shape[::-1] if by_columns else shape, dtype)
    data, filled = array.reshape(-1).view(np.uint8) if promised else np.empty(0, np.uint8), 0
    while filled < promised:
        part = stream.read(min(promised - filled, 2**20))
        if not part:
            raise ValueError(f"{what} ends before its last number")
        data[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
        filled += len(part)
    if stream.read(1):  # which also has an archive compare the checksum
        raise ValueError(f"{what} goes on behind its last number")
    return array.transpose() if by_columns else array


def _header(stream: IO[bytes], what: str) -> tuple[Header, int]:
    """Return what a header says, and how many bytes it takes."""
    start = stream.read(8)
    if len(start) < 8 or start[:6] != _MAGIC or start[6] not in (1, 2, 3):
        raise ValueError(f"{what} is no array")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    text = stream.read(min(length, _LONGEST_HEADER)).decode("latin1")
    kind, order, shape = (pattern.search(text) for pattern in (_DESCR, _ORDER, _SHAPE))
    if "'descr': [" in text:
        raise ValueError(f"{what} has values of a structured type, expected plain numbers")
    if kind is None or order is None or shape is None or len(text) != length:
        raise ValueError(f"{what} has a header that is damaged")
    if kind[1].lstrip("<>|=") == "O":
        raise ValueError(f"{what} holds pickled objects, which are never read")
    try:
        dtype = np.dtype(kind[1])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} has a header that is damaged") from error
    if dtype.kind not in "fiubcUS":
        raise ValueError(f"{what} has values of the type {dtype}, expected plain numbers")
    sides = tuple(int(side.rstrip("L")) for side in re.split(r"[,\s]+", shape[1]) if side)
    return (dtype, sides, order[1] == "True"), 8 + width + length


@contextmanager
def opened(path: PathLike) -> Iterator[Archive]:
    """Open an ``.npz`` file for reading.

    Parameters
    ----------
    path : str or path-like

    Yields
    ------
    Archive

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no such file, or damaged; the message says why and does not name it.
    """
    with _in_a_sentence(), open(path, "rb") as stream:
        yield Archive(stream)


def load(path: PathLike) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """Read the array of an ``.npy`` file, or all arrays of an ``.npz`` file, whatever its name.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    array, or dict from str to array

    Raises
    ------
    OSError, ValueError
        As `opened` says.
    """
    check_kind(path)
    with _in_a_sentence(), open(path, "rb") as stream:
        if stream.read(len(_MAGIC)) == _MAGIC:
            stream.seek(0)
            return read_array(stream, os.fstat(stream.fileno()).st_size)
        return dict(Archive(stream))


def check_kind(path: PathLike) -> None:
    """Check by its first bytes that a file is one that `load` reads, or raise as it does."""
    with open(path, "rb") as stream:
        if not stream.read(len(_MAGIC)).startswith((_MAGIC, b"PK")):
            raise ValueError("it is neither an .npy nor an .npz file")


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return what tells whether anything of the arrays of a file was changed or lost.

    Parameters
    ----------
    arrays : mapping from str to array

    Returns
    -------
    str
        Hexadecimal.
    """
    hashed = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        hashed.update(f"{name!r} {array.dtype.str} {array.shape} ".encode())
        hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, MemoryError):
        raise
    except Exception as error:  # on damaged data the decoders raise nearly anything
        raise ValueError(reason(error)) from error
