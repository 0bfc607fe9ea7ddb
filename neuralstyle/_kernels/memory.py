"""How much memory a process has, and how much there is, as far as the system tells."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from neuralstyle._kernels.groups import control_groups

_HERE = Path("/proc")


def anonymous_memory() -> int | None:
    """Return the bytes that this process has of its own: without files and shared libraries.

    Returns
    -------
    int or None
        None where the system does not tell, as outside of Linux.
    """
    return _field(_HERE / "self/status", "RssAnon")


def available_memory() -> int | None:
    """Return the bytes that this process can still have without swapping.

    Those of its control group where that has a limit, as in a container.

    Returns
    -------
    int or None
        None where the system does not tell.
    """
    found = [_field(_HERE / "meminfo", "MemAvailable"), *_left_in_groups()]
    known = [number for number in found if number is not None]
    return min(known) if known else _all_of_it()


def reusable_memory() -> int:
    """Return the bytes that TensorFlow holds for tensors on the processor, and has none in.

    With oneDNN it keeps what it once had; what is computed next goes there. Without, that is not
    known, and 0.
    """
    import tensorflow as tf

    try:
        held = tf.config.experimental.get_memory_info("CPU:0")
    except ValueError:
        return 0
    return int(held["peak"] - held["current"])


def _field(file: Path, name: str) -> int | None:
    """Return a number of kilobytes that a file of the kernel has in a line of its own, in bytes."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _left_in_groups() -> Iterable[int]:
    """Yield what the limits of the process's control groups leave, of both versions of these."""
    for place, second in control_groups("memory"):
        limit, used = ("max", "current") if second else ("limit_in_bytes", "usage_in_bytes")
        left = _left(place, f"memory.{limit}", f"memory.{used}")
        if left is not None:
            yield left


def _left(place: Path, limit: str, used: str) -> int | None:
    try:
        allowed, taken = (place / limit).read_text(), int((place / used).read_text())
        files = re.search(r"^inactive_file (\d+)", (place / "memory.stat").read_text(), re.M)
    except (OSError, ValueError):
        return None
    if not allowed.strip().isdigit():  # "max"
        return None
    cached = int(files[1]) if files else 0  # the kernel gives that back where memory is short
    return max(0, int(allowed) - taken + cached)


def _all_of_it() -> int | None:
    """Return all memory of the machine, where nothing tells how much is free."""
    if sys.platform == "win32":  # pragma: no cover
        return _of_windows()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _of_windows() -> int | None:  # pragma: no cover
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", *"abcde")),
        ]

    status = Status(length=ctypes.sizeof(Status))
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    return int(status.free) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None
