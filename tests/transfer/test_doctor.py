"""What `doctor` tells, and the one line of advice about oneDNN."""

from __future__ import annotations

import dataclasses
import logging
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle._kernels import device
from neuralstyle._kernels.processor import ONEDNN
from neuralstyle.features.architectures import NETWORKS, Weights
from neuralstyle.transfer.advice import DEVICES, Facts
from neuralstyle.transfer.advice import advice as advice_for
from neuralstyle.transfer.doctor import places, reason


def test_versions_and_weights_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    found = ns.doctor(timing=False)
    assert {"neuralstyle", "python", "tensorflow", "keras", "numpy", "scipy", "pillow"} == set(
        found.versions
    )
    assert found.versions["neuralstyle"] == ns.__version__
    assert found.cores >= 1
    assert found.evaluation is None
    text = str(found)
    for told in (found.processor, "tensorflow ", "compact-", "vgg16", str(tmp_path), "oneDNN"):
        assert told in text


def test_weights_are_there_when_they_are_in_kerass_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert all(places()[name].startswith("not there") for name in NETWORKS)
    file = tmp_path / "models" / NETWORKS["vgg16"].imagenet_url.rpartition("/")[2]
    file.parent.mkdir()
    file.write_bytes(b"0" * 1_500_000)
    found = places()
    assert found["vgg16"] == f"{file} (1.5 MB)"
    assert found["vgg19"].startswith("not there")
    assert found["compact"].endswith(" MB)")


def test_an_evaluation_is_timed() -> None:
    found = ns.doctor()
    assert found.evaluation is not None
    assert 0 < found.evaluation < 60
    assert f"{found.evaluation:.3f} s" in str(found)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ((True, "1", False), "TF_ENABLE_ONEDNN_OPTS=1"),
        ((False, "0", True), "TF_ENABLE_ONEDNN_OPTS=0"),
        ((False, "1", False), "TF_ENABLE_ONEDNN_OPTS=1 was set after TensorFlow"),
        ((True, None, True), "choice for this processor"),
        ((False, None, False), "=1 before the import makes"),
        ((True, None, None), "choice for this system"),
    ],
)
def test_why_onednn_is_in_force_or_not(
    state: tuple[bool, str | None, bool | None], said: str
) -> None:
    assert said in reason(*state)


@pytest.mark.slow
def test_onednn_is_found_off_where_it_is() -> None:
    program = (
        "from neuralstyle import doctor; found = doctor(timing=False);"
        "print(found.onednn, found.why)"
    )
    environment = {**os.environ, ONEDNN: "0", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert done.stdout == "False TF_ENABLE_ONEDNN_OPTS=0\n", done.stderr


def test_timing_is_true_or_false() -> None:
    with pytest.raises(TypeError, match=r"^timing: expected True or False"):
        ns.doctor(timing=1)  # type: ignore[arg-type]


def test_a_report_has_all_but_the_names_of_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("TF_XLA_FLAGS", f"--cache={tmp_path} --none")
    found = ns.doctor(timing=False)
    text = found.report()
    assert str(tmp_path) in str(found) and "TF_XLA_FLAGS=--cache=... --none" in text
    for private in (
        str(tmp_path),
        str(Path(ns.__file__).parent),
        str(Path.home()),
        os.sep + "models",
    ):
        assert private not in text
    assert platform.node() not in text.replace(found.processor, "").split()
    kept = [line for line in str(found).splitlines() if os.sep not in line]
    assert [line for line in kept if line not in text] == []
    assert text.count("```") == 2 and "What was expected" in text


def test_memory_and_the_shares_of_a_container_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (ns.doctor(timing=False).memory or 0) > 10_000_000 or not Path("/proc/meminfo").exists()
    monkeypatch.setattr("neuralstyle._kernels.memory.available_memory", lambda: 1_500_000_000)
    monkeypatch.setattr("neuralstyle.transfer.doctor.share", lambda: 0.5)
    text = str(ns.doctor(timing=False))
    assert "memory      1.5 GB free\n" in text and ", of which 0.5 may be busy\n" in text
    assert (
        "faster      1.5 GB of memory are free: " in text and "the time of 0.5 processors" in text
    )


FACTS = Facts(
    onednn=True,
    onednn_by_default=True,
    environment={},
    cores=8,
    all_cores=8,
    share=None,
    load=0.5,
    threads=0,
    gpus=0,
    nvidia=False,
    cuda=True,
    memory=9_000_000_000,
)
"""A machine about which there is nothing to say."""


def test_who_has_nothing_to_change_gets_no_advice() -> None:
    assert list(advice_for(FACTS)) == []
    assert list(advice_for(dataclasses.replace(FACTS, memory=None, onednn_by_default=None))) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"onednn": False, "onednn_by_default": False}, "set TF_ENABLE_ONEDNN_OPTS=1 before"),
        ({"onednn": False, "environment": {ONEDNN: "0"}}, r"starts \(it is 0 now\): wide"),
        ({"onednn": False, "onednn_by_default": None}, None),
        ({"cores": 4}, "this process may use 4 of 8 cores"),
        ({"share": 2.5}, "the container grants the time of 2.5 processors, of 8 cores"),
        ({"share": 8.0}, None),
        ({"threads": 3}, "TensorFlow is told to use 3 of 8 cores"),
        ({"threads": 8}, None),
        ({"load": 8.0}, "other programs are at work: 8.0 processes"),
        ({"cores": 2, "all_cores": 2}, "2 processors and no GPU: --recipe fast"),
        ({"cores": 1, "all_cores": 1}, "1 processor and no GPU: --recipe fast"),
        ({"memory": 1_900_000_000}, '1.9 GB of memory are free: tile="auto"'),
        ({"nvidia": True, "environment": {DEVICES: "-1"}}, "CUDA_VISIBLE_DEVICES=-1 hides the GPU"),
        ({"nvidia": True, "environment": {DEVICES: ""}}, "CUDA_VISIBLE_DEVICES= hides the GPU"),
        ({"nvidia": True, "cuda": False}, "this TensorFlow is made for processors alone"),
        ({"nvidia": True}, r"TensorFlow sees none: pip install .tensorflow\[and-cuda\]"),
        ({"nvidia": True, "gpus": 1}, None),
        ({"gpus": 1, "cores": 1, "load": 9.0, "onednn": False, "onednn_by_default": False}, None),
    ],
)
def test_advice_is_given_where_it_is_true(changes: dict[str, Any], said: str | None) -> None:
    given = list(advice_for(dataclasses.replace(FACTS, **changes)))
    assert len(given) == (said is not None)
    assert said is None or re.search(said, given[0])


# Advice of the log


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor on which TensorFlow leaves oneDNN off, in a process that has no advice yet."""
    monkeypatch.delenv(ONEDNN, raising=False)
    monkeypatch.setattr(device, "onednn_by_default", lambda: False)
    monkeypatch.setattr(device, "gpu_names", tuple)
    device.advise_onednn.cache_clear()


def advice(
    caplog: pytest.LogCaptureFixture, narrow: Path, count: int = 1, **options: object
) -> int:
    with caplog.at_level(logging.INFO, "neuralstyle"):
        for _ in range(count):
            ns.VGG19Features(narrow, **options)  # type: ignore[arg-type]
    device.advise_onednn.cache_clear()
    records = [record for record in caplog.records if ONEDNN in record.getMessage()]
    assert all(record.levelno == logging.INFO for record in records)
    assert ONEDNN not in os.environ or os.environ[ONEDNN] == "0"
    return len(records)


@pytest.fixture
def file(tmp_path: Path, narrow: Weights) -> Path:
    """A narrow network in a file."""
    arrays = {}
    for name, (kernel, bias) in narrow.items():
        arrays |= {f"{name}/kernel": kernel, f"{name}/bias": bias}
    np.savez(tmp_path / "narrow.npz", **arrays)
    return tmp_path / "narrow.npz"


def test_the_library_advises_once_where_onednn_is_left_off(
    slow: None, caplog: pytest.LogCaptureFixture, file: Path
) -> None:
    assert advice(caplog, file, count=2) == 1


def test_no_advice_for_who_has_decided(
    slow: None, caplog: pytest.LogCaptureFixture, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ONEDNN, "0")
    assert advice(caplog, file) == 0


@pytest.mark.parametrize("known", [True, None])
def test_no_advice_where_it_is_on_or_nothing_is_known(
    known: bool | None,
    slow: None,
    caplog: pytest.LogCaptureFixture,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device, "onednn_by_default", lambda: known)
    assert advice(caplog, file) == 0


def test_no_advice_with_a_gpu_or_off_the_fast_path(
    slow: None, caplog: pytest.LogCaptureFixture, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert advice(caplog, file, fast=False) == 0
    monkeypatch.setattr(device, "gpu_names", lambda: ("a GPU",))
    assert advice(caplog, file) == 0
