"""A live progress display on standard error, drawn only when asked for."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any, cast

from neuralstyle._checks import describe
from neuralstyle._files import put

if TYPE_CHECKING:
    from rich.console import Console

    from neuralstyle.optimize.result import Progress

EVERY = 0.2
"""Seconds between two messages to a notebook, at the least."""


@contextmanager
def progress_bar(
    enabled: bool = True, console: Console | None = None, label: str = ""
) -> Iterator[Callable[[Progress], None] | None]:
    """Show a run's progress: size, iteration, speed, remaining time, and the loss per term.

    Parameters
    ----------
    enabled : bool, default True
    console : rich.console.Console, optional
        Where to draw: standard error by default.
    label : str, optional
        What the run is called.

    Yields
    ------
    callable or None
        A callback that draws a `Progress`; None if not enabled.

    Notes
    -----
    A terminal shows a bar while the run goes on, and so does a notebook with ipywidgets; one
    without shows a line that changes. What stays, and all that a file gets, is one line for each
    scale.

    Examples
    --------
    >>> with progress_bar(False) as draw:
    ...     print(draw)
    None
    """
    if not enabled:
        yield None
        return
    # Only who asks for a bar waits for the import.
    from rich.console import Console

    if console is None:
        stderr = sys.stderr and cast(IO[str], _Lenient(sys.stderr))
        console = Console(file=stderr, stderr=True)
    label = f"{label}: " if label else ""
    # In a notebook a bar is a widget.
    bare = console.is_jupyter and find_spec("ipywidgets") is None
    display = _Line(console.file, label) if bare else _Display(console, label)
    with display.live:
        try:
            yield display.draw
        finally:
            display.finish_scale()


class _Lenient:
    """A stream that ends no run: what it cannot take is lost."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            put(self._stream, text)
        return len(text)

    def flush(self) -> None:
        """There is nothing left to write."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Line:
    """A line that is written over, for notebooks without widgets."""

    def __init__(self, stream: IO[str], label: str) -> None:
        self.live: AbstractContextManager[Any] = nullcontext()
        self._stream, self._label = stream, label
        self._first: Progress | None = None
        self._last: Progress | None = None
        self._width = 0
        self._next = 0.0

    def draw(self, now: Progress) -> None:
        """Show where the run is, a few times a second at the most: each is a message."""
        if self._first is None or self._first.scale != now.scale:
            self.finish_scale()
            self._first = now
        self._last = now
        if time.monotonic() >= self._next:
            pace = _pace(self._first, now)
            self._write(f"{_summary(now)}{pace and ', '}{pace}")
            self._next = time.monotonic() + EVERY

    def finish_scale(self) -> None:
        """Leave the line about the scale that was drawn last, and begin another."""
        if self._last is not None:
            self._write(_summary(self._last))
            self._stream.write("\n")
            self._last, self._width = None, 0

    def _write(self, text: str) -> None:
        text = self._label + text
        self._stream.write(f"\r{text.ljust(self._width)}")
        self._stream.flush()
        self._width = len(text)


class _Display:
    """A bar with the losses below it, and a line above it for each scale that is done."""

    def __init__(self, console: Console, label: str) -> None:
        from rich.console import Group
        from rich.live import Live
        from rich.padding import Padding
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Bar
        from rich.text import Text

        self.console = console
        self.label = label
        self.first: Progress | None = None
        self.last: Progress | None = None
        self.bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            console=console,
        )
        self.task = self.bar.add_task("starting", total=None, pace="")
        self.losses = Text(no_wrap=True, overflow="ellipsis")
        # In a full line the echo of Ctrl-C would begin another, and the bar could not be erased.
        below = Padding(self.losses, (0, 4, 0, 0))
        # Transient, it draws nothing in a file, where every redrawing would stay.
        self.live = Live(Group(self.bar, below), console=console, transient=True)

    def draw(self, now: Progress) -> None:
        """Show where the run is."""
        if self.first is None or self.first.scale != now.scale:
            self.finish_scale()
            # The pace is measured from here: before, TensorFlow traced this scale's graph.
            self.first = now
        self.last = now
        terms = ", ".join(f"{name} {value:.3g}" for name, value in now.losses.items())
        self.losses.plain = f"loss {now.fun:.4g} ({terms})"
        self.bar.update(
            self.task,
            description=self.label + describe(now.shape),
            completed=now.nit,
            total=now.maxiter,
            pace=_pace(self.first, now),
        )

    def finish_scale(self) -> None:
        """Leave a line about the scale that was drawn last."""
        if self.last is not None:
            self.console.print(self.label + _summary(self.last), highlight=False, soft_wrap=True)


def _summary(now: Progress) -> str:
    return f"{describe(now.shape)}: iteration {now.nit} of {now.maxiter}, loss {now.fun:.4g}"


def _pace(first: Progress, now: Progress) -> str:
    """Tell the speed since `first`, of the same scale, and about when the run will be over."""
    if now.nit == first.nit or math.isnan(now.remaining):
        return ""
    speed = (now.nfev - first.nfev) / max(now.seconds - first.seconds, 1e-9)
    return f"{speed:.3g} evaluations/s, {left(now)}"


def left(now: Progress) -> str:
    """Tell how long the run may go on, once that is known."""
    minutes, rest = divmod(math.ceil(now.remaining), 60)
    return f"{minutes}:{rest:02d} left"
