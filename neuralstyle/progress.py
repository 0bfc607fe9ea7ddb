"""A live progress display on standard error, drawn only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(enabled: bool = True) -> Iterator[Callable[[Any], None] | None]:
    """Show a run's progress: iteration, loss per term, speed and remaining time.

    Parameters
    ----------
    enabled : bool, default True

    Yields
    ------
    callable or None
        A callback that draws a `Progress`; None if not enabled.

    Examples
    --------
    >>> with progress_bar(False) as draw:
    ...     print(draw)
    None
    """
    if not enabled:
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.fields[scale]}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[losses]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as display:
        task = display.add_task("", scale="", speed="", losses="starting", total=None)

        def draw(now: Any) -> None:
            height, width, _ = now.shape
            losses = "  ".join(f"{name} {value:.3g}" for name, value in now.losses.items())
            display.update(
                task,
                total=now.maxiter,
                completed=now.nit,
                scale=f"{width} x {height}",
                speed=f"{now.nfev / max(now.seconds, 1e-9):.1f} evaluations/s",
                losses=f"loss {now.fun:.4g}  {losses}",
            )

        yield draw
