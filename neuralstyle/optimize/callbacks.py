"""What is called back after every iteration: checked before a run, and called during it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neuralstyle._checks import shown, takes
from neuralstyle.optimize.interruption import EVALUATION, patience
from neuralstyle.optimize.result import Callback, Halt, Progress, Status, ends


def check_callback(callback: Any) -> None:
    """Check that a callback can be called, if there is one."""
    if callback is None:
        return
    if not callable(callback):
        raise TypeError(f"callback: expected a callable, received {shown(callback)}")
    takes("callback", callback, "progress")


def call(callbacks: Sequence[Callback], now: Progress) -> None:
    """Call one after another.

    Raises
    ------
    Halt
        If one asks for it: those after it are not called.
    """
    for callback in callbacks:
        try:
            with patience(EVALUATION):
                if not ends(callback(now)):
                    continue
            reason = ""
        except StopIteration as stop:
            reason = f": {stop.value}" if stop.value is not None else ""
        raise Halt(Status.CALLBACK, f"halted by the callback{reason}")
