"""The control groups that a process is in on Linux, whose limits a container has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MEMBERSHIP = Path("/proc/self/cgroup")
ROOT = Path("/sys/fs/cgroup")


def control_groups(controller: str) -> Iterator[tuple[Path, bool]]:
    """Yield the folders of the process's groups, each limiting those before it.

    Parameters
    ----------
    controller : str
        What is limited: ``"memory"`` or ``"cpu"``.

    Yields
    ------
    (Path, bool)
        A folder, and whether it is of the second version of control groups. Which of them are there
        is not known: a container sees its own part.
    """
    try:
        lines = MEMBERSHIP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = ROOT / controller if controllers else ROOT
        group = root / path.strip("/")
        for place in (group, *group.parents):
            if not place.is_relative_to(root):
                break
            yield place, not controllers
