"""What is called back after every iteration."""

from __future__ import annotations

from collections.abc import Sequence

from neuralstyle.optimize.interruption import EVALUATION, patience
from neuralstyle.optimize.result import Callback, Halt, Progress, Status, ends


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
