"""Valid files made invalid, as accidents and malice do it."""

from __future__ import annotations

import copy
import io
import json
import struct
import zipfile
from collections.abc import Callable

import numpy as np

Random = np.random.Generator

HEADERS = (
    b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000,), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 4), }",
    b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
    b"{'descr': '<c8', 'fortran_order': True, 'shape': (3,), }",
    b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }",
    b"{'descr': '<U1000000000', 'fortran_order': False, 'shape': (), }",
    b"{'descr': '<q99', 'fortran_order': False, 'shape': (2,), }",
    b"{'shape': (99999999999999999999999,), 'descr': '|b1', 'fortran_order': False, }",
    b"[" * 5000,
    b"",
)

VALUES = (None, True, -1, 0, 1e400, -0.5, 10**40, "", "relative", "StyleLoss", [], {}, [[]])


def flipped(data: bytes, random: Random) -> bytes:
    """Turn some bits."""
    array = np.frombuffer(data, np.uint8).copy()
    for at in random.integers(len(data), size=random.integers(1, 9)):
        array[at] ^= 1 << random.integers(8)
    return array.tobytes()


def truncated(data: bytes, random: Random) -> bytes:
    return data[: random.integers(len(data))]


def overwritten(data: bytes, random: Random) -> bytes:
    """Put something else, or a piece from elsewhere, in the place of a piece."""
    start, length = random.integers(len(data)), int(2 ** random.uniform(0, 10))
    fillings = (b"\xff" * length, b"\0" * length, random.bytes(length))
    other = random.integers(len(data))
    fill = (*fillings, data[other : other + length])[random.integers(4)]
    return data[:start] + fill + data[start + len(fill) :]


def spliced(data: bytes, random: Random) -> bytes:
    """Leave a piece out, or put one in twice."""
    first, second = sorted(random.integers(len(data), size=2))
    return data[:second] + data[first:] if random.integers(2) else data[:first] + data[second:]


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def _packed(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


def shuffled(data: bytes, random: Random) -> bytes:
    """Exchange members of an archive, drop one, or give one another name."""
    members = _members(data)
    one, other = random.choice(list(members), 2)
    match random.integers(3):
        case 0:
            members[one], members[other] = members[other], members[one]
        case 1:
            del members[one]
        case _:
            members[one[::-1]] = members.pop(one)
    return _packed(members)


def headed(data: bytes, random: Random) -> bytes:
    """Give an array in an archive another header."""
    members = _members(data)
    name = random.choice(list(members))
    header = HEADERS[random.integers(len(HEADERS))].ljust(117) + b"\n"
    content = members[name]
    body = content[10 + int.from_bytes(content[8:10], "little") :]
    members[name] = b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + body
    return _packed(members)


def poisoned(data: bytes, random: Random) -> bytes:
    """Put numbers into an array of an archive that are none, or all the same, checksums right."""
    members = _members(data)
    name = random.choice(list(members))
    array = np.load(io.BytesIO(members[name])).copy()
    if array.dtype.kind in "fiu" and array.size:
        values = (0, 1e30) if array.dtype.kind in "iu" else (np.nan, np.inf, 0, -1e30)
        with np.errstate(all="ignore"):
            array.flat[random.integers(array.size) :] = np.array(
                values[random.integers(len(values))]
            ).astype(array.dtype)
    kinds = ("f8", "f2", "c8", "i4", "?", "U9")
    if array.dtype.kind != "U" and random.integers(2):
        with np.errstate(all="ignore"):
            array = array.astype(kinds[random.integers(len(kinds))], casting="unsafe")
    stream = io.BytesIO()
    np.save(stream, array if random.integers(4) else array[..., None])
    members[name] = stream.getvalue()
    return _packed(members)


def retold(data: bytes, random: Random) -> bytes:
    """Change something in the text that a saved loss is described by, as of version 0.1.

    Files of that version have no digest, by which all of this would be found.
    """
    members = _members(data)
    told = json.loads(str(np.load(io.BytesIO(members["neuralstyle.npy"]))))
    told["format"] = 1
    for _ in range(random.integers(1, 4)):
        places: list[tuple[object, object]] = []
        _collect(told, places)
        holder, key = places[random.integers(len(places))]
        if isinstance(holder, dict) and random.integers(4) == 0:
            del holder[key]
        else:
            value = copy.deepcopy(VALUES[random.integers(len(VALUES))])
            holder[key] = value  # type: ignore[index]
    stream = io.BytesIO()
    np.save(stream, np.array(json.dumps(told)))
    members["neuralstyle.npy"] = stream.getvalue()
    return _packed(members)


def _collect(value: object, places: list[tuple[object, object]]) -> None:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]
    for key, item in pairs:
        places.append((value, key))
        if isinstance(item, dict | list):
            _collect(item, places)


OF_BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (
    flipped,
    truncated,
    overwritten,
    spliced,
)
OF_ARCHIVES = (*OF_BYTES, shuffled, headed, poisoned)
