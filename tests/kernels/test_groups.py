"""Limits of containers: of memory and of processors, in both versions of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuralstyle._kernels import groups, memory
from neuralstyle._kernels.processor import share

SECOND = "0::/pod/app"
FIRST = "9:name=systemd:/\n4:memory:/pod/app\n2:cpu,cpuacct:/pod/app\n0::/"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of the kernel's, and no process in a group yet."""
    monkeypatch.setattr(groups, "ROOT", tmp_path / "groups")
    monkeypatch.setattr(groups, "MEMBERSHIP", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "_HERE", tmp_path)
    (tmp_path / "meminfo").write_text("MemTotal: 90 kB\nMemAvailable:    8000 kB\n")
    return tmp_path


def put(root: Path, **texts: str) -> None:
    for name, text in texts.items():
        place = root / "groups" / name.replace("__", "/").replace("_of_", ".")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{text}\n")


def test_without_groups_there_is_no_limit(root: Path) -> None:
    assert share() is None
    assert memory.available_memory() == 8000 * 1024


def test_the_tightest_group_limits_in_the_second_version(root: Path) -> None:
    (root / "cgroup").write_text(SECOND)
    put(root, pod__app__cpu_of_max="max 100000", pod__cpu_of_max="150000 100000")
    put(root, pod__memory_of_max="900000", pod__memory_of_current="500000")
    put(root, pod__memory_of_stat="active_file 1\ninactive_file 200000")
    assert share() == 1.5
    assert memory.available_memory() == 600_000


def test_the_tightest_group_limits_in_the_first_version(root: Path) -> None:
    (root / "cgroup").write_text(FIRST)
    put(root, cpu__pod__app__cpu_of_cfs_quota_us="-1", cpu__pod__app__cpu_of_cfs_period_us="100000")
    assert share() is None
    put(root, cpu__cpu_of_cfs_quota_us="250000", cpu__cpu_of_cfs_period_us="100000")
    put(root, memory__pod__memory_of_limit_in_bytes="700", memory__pod__memory_of_stat="")
    put(root, memory__pod__memory_of_usage_in_bytes="900")
    assert share() == 2.5
    assert memory.available_memory() == 0
