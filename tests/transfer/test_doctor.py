"""What `doctor` tells, and the one line of advice about oneDNN."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle._kernels import device
from neuralstyle._kernels.processor import ONEDNN
from neuralstyle.features.architectures import NETWORKS, Weights
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


# Advice


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
