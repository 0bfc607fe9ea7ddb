"""The processor that TensorFlow will find, told without importing anything heavy."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from neuralstyle._kernels.groups import control_groups

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
"""The variable that turns oneDNN on or off. TensorFlow reads it once, when it is imported."""

ONEDNN_ISA = "ONEDNN_MAX_CPU_ISA"
"""The variable that keeps oneDNN from some of the processor's instructions."""

CPUINFO = Path("/proc/cpuinfo")
"""Where Linux tells."""

NEURAL = frozenset(
    ("avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"),
)
"""TensorFlow on Linux uses oneDNN by itself where the processor has one of these."""

VECTORS = ("sse4_2", "avx", "avx2", "fma", "avx512f", *sorted(NEURAL), "asimd", "sve")
"""The features that matter to how fast a picture is painted."""


class Processor(NamedTuple):
    """A processor's name, and its features as Linux spells them; empty where unknown."""

    name: str
    features: frozenset[str]


@functools.cache
def processor() -> Processor:
    """Return what the system tells of the processor.

    Examples
    --------
    >>> len(processor().name) > 0
    True
    """
    name, features = "", ""
    if CPUINFO.exists():
        name, features = read_cpuinfo(CPUINFO.read_text(encoding="utf-8", errors="replace"))
    elif sys.platform == "darwin":
        name, features = (
            _sysctl("brand_string"),
            f"{_sysctl('features')} {_sysctl('leaf7_features')}",
        )
    words = frozenset(features.lower().replace(".", "_").split())
    return Processor(name or platform.processor() or platform.machine() or "unknown", words)


def read_cpuinfo(text: str) -> tuple[str, str]:
    r"""Return the name and the features of the first processor in the text of ``/proc/cpuinfo``.

    Examples
    --------
    >>> read_cpuinfo("model name : Some Processor\nflags : fpu avx avx2\n\nmodel name : Other")
    ('Some Processor', 'fpu avx avx2')
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        found.setdefault(key.strip().lower(), value.strip())
    # Processors of ARM have no name there, and other words for the rest.
    return found.get("model name", ""), found.get("flags", found.get("features", ""))


def onednn_by_default() -> bool | None:
    """Return whether TensorFlow uses oneDNN unless told otherwise; None where that is unknown.

    Known are processors of the x86 family under Linux.
    """
    features = processor().features
    if not sys.platform.startswith("linux") or "sse4_2" not in features:
        return None
    return bool(features & NEURAL)


def onednn_has_avx2_alone() -> bool:
    """Return whether oneDNN, where it is in force, computes with AVX2 and nothing wider."""
    features = processor().features
    kept_from_more = os.environ.get(ONEDNN_ISA, "").upper().startswith("AVX2")
    return "avx2" in features and (kept_from_more or "avx512f" not in features)


def ask_for_onednn() -> None:
    """Turn oneDNN on for the whole process, unless the user has decided or it is too late."""
    if "tensorflow" not in sys.modules:
        os.environ.setdefault(ONEDNN, "1")


def cores() -> int:
    """Return how many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share() -> float | None:
    """Return how many processors' time the process may have, by the limits of its container.

    Returns
    -------
    float or None
        None where there is no limit.
    """
    found = [_quota(place, second) for place, second in control_groups("cpu")]
    return min((of for of in found if of is not None), default=None)


def _quota(group: Path, second: bool) -> float | None:
    """Return the limit of a control group."""
    try:
        if second:
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = (
                (group / f"cpu.cfs_{of}_us").read_text().strip() for of in ("quota", "period")
            )
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # it is not there, or "max"
        return None


def _sysctl(name: str) -> str:
    """Ask macOS; empty where it does not know."""
    command = ["sysctl", "-n", f"machdep.cpu.{name}"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout.strip()
