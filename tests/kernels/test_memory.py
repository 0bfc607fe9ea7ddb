"""What the system says of memory: of the process, of the machine, of control groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuralstyle._kernels import groups, memory

GB = 2**30


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which the files of a system are: 8 GB of it are free."""
    monkeypatch.setattr(memory, "_HERE", tmp_path / "proc")
    monkeypatch.setattr(groups, "ROOT", tmp_path / "cgroup")
    monkeypatch.setattr(groups, "MEMBERSHIP", tmp_path / "proc/self/cgroup")
    write(tmp_path / "proc/meminfo", f"MemTotal: 99 kB\nMemAvailable:  {8 * GB // 1024} kB\n")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def group(folder: Path, names: tuple[str, str], limit: object, used: int, cached: int = 0) -> None:
    write(folder / names[0], f"{limit}\n")
    write(folder / names[1], f"{used}\n")
    write(folder / "memory.stat", f"anon 1\ninactive_file {cached}\n")


NEW = "memory.max", "memory.current"
OLD = "memory.limit_in_bytes", "memory.usage_in_bytes"


def test_the_memory_of_the_process_grows_with_what_it_holds() -> None:
    before = memory.anonymous_memory()
    if before is None:
        pytest.skip("this system does not tell")
    held = np.ones(25_000_000)
    after = memory.anonymous_memory()
    assert after is not None and abs(after - before - held.nbytes) < 2e7


def test_what_is_available_is_less_than_all(system: Path) -> None:
    assert memory.available_memory() == 8 * GB


def test_a_control_group_limits_what_is_available(system: Path) -> None:
    write(system / "proc/self/cgroup", "0::/box/inner\n")
    group(system / "cgroup/box/inner", NEW, "max", GB)
    assert memory.available_memory() == 8 * GB
    group(system / "cgroup/box", NEW, 4 * GB, 3 * GB, cached=GB // 2)
    assert memory.available_memory() == GB + GB // 2


def test_a_control_group_of_the_first_version_limits_it_too(system: Path) -> None:
    write(system / "proc/self/cgroup", "5:devices:/box\n4:memory:/box\n")
    group(system / "cgroup/memory/box", OLD, 2 * GB, GB // 2)
    assert memory.available_memory() == 2 * GB - GB // 2


def test_a_container_sees_its_own_group_as_the_root(system: Path) -> None:
    write(system / "proc/self/cgroup", "0::/elsewhere/that/is/not/there\n")
    group(system / "cgroup", NEW, GB, 2 * GB)
    assert memory.available_memory() == 0


def test_where_the_system_says_nothing_all_memory_counts(system: Path) -> None:
    (system / "proc/meminfo").unlink()
    assert memory.anonymous_memory() is None
    found = memory.available_memory()
    assert found is None or found > 2**28
