"""What the system tells of the processor, and what TensorFlow will do by itself on it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from neuralstyle._kernels import processor as module
from neuralstyle._kernels.processor import NEURAL, Processor, onednn_by_default, read_cpuinfo

INTEL = """processor\t: 0
model name\t: Some CPU @ 2.00GHz
flags\t\t: fpu sse4_2 avx avx2 fma
bugs\t\t: one two

processor\t: 1
model name\t: Another
flags\t\t: fpu
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd sve\nCPU part\t: 0xd0c\n"


def test_linux_tells_name_and_features_of_the_first_processor() -> None:
    assert read_cpuinfo(INTEL) == ("Some CPU @ 2.00GHz", "fpu sse4_2 avx avx2 fma")
    assert read_cpuinfo(ARM) == ("", "fp asimd sve")
    assert read_cpuinfo("") == ("", "")


@pytest.mark.parametrize(
    ("system", "features", "expected"),
    [
        ("linux", "sse4_2 avx avx2 fma", False),
        ("linux", "sse4_2 avx avx2 fma avx512f", False),
        *(("linux", f"sse4_2 avx {feature}", True) for feature in sorted(NEURAL)),
        ("linux", "asimd sve", None),
        ("linux", "", None),
        ("darwin", "sse4_2 avx avx2", None),
        ("win32", "", None),
    ],
)
def test_what_tensorflow_does_by_itself_is_known_for_linux_on_x86(
    system: str, features: str, expected: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Processor("", frozenset(features.split()))
    monkeypatch.setattr(module, "processor", lambda: known)
    monkeypatch.setattr(module.sys, "platform", system)
    assert onednn_by_default() is expected


@pytest.mark.parametrize(
    ("features", "kept_to", "expected"),
    [
        ("avx avx2 fma", None, True),
        ("avx avx2 fma avx512f", None, False),
        ("avx avx2 fma avx512f", "AVX2", True),
        ("avx avx2 fma avx512f", "avx2_vnni", True),
        ("avx avx2 fma avx512f", "AVX512_CORE", False),
        ("avx", None, False),
        ("asimd sve", None, False),
        ("", None, False),
    ],
)
def test_onednn_has_what_the_processor_has_and_the_user_leaves_it(
    features: str, kept_to: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Processor("", frozenset(features.split()))
    monkeypatch.setattr(module, "processor", lambda: known)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    if kept_to:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", kept_to)
    assert module.onednn_has_avx2_alone() is expected


def test_a_system_that_tells_nothing_has_no_features(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(module, "CPUINFO", module.Path(str(tmp_path), "absent"))
    monkeypatch.setattr(module.sys, "platform", "other")
    found = module.processor.__wrapped__()
    assert found.name
    assert found.features == frozenset()


def test_asking_imports_nothing_heavy() -> None:
    program = (
        "import sys; from neuralstyle._kernels.processor import onednn_by_default, cores;"
        "onednn_by_default(); assert cores() >= 1;"
        "sys.exit(', '.join({'tensorflow', 'keras', 'numpy'} & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
