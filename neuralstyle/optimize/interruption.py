"""Ctrl-C during a run: noted when it comes, and looked at where nothing is lost by it.

Python raises `KeyboardInterrupt` between any two steps of the main thread, so also between the last
iteration and the place where its picture is kept. A run therefore notes signals instead, from its
first step to its last (`interruption`), and looks at the note where it may end (`look`). How many
signals are only noted depends on what would be lost (`patience`).
"""

from __future__ import annotations

import functools
import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar, cast, final

F = TypeVar("F", bound=Callable[..., Any])

HELD = math.inf
"""Patience of what must not be cut short: a result that is put together, a file."""

EVALUATION = 1
"""Patience of what may be cut short and costs time: a second signal ends it, and the first one as
long as there is no result to keep."""

NOTHING_BEGUN = 0
"""Patience of what comes before the first iteration: a signal ends it at once, as it usually does.
"""


@final
class Signals:
    """The signals of one run, and of all runs within it.

    Attributes
    ----------
    received : list of int
        Their numbers, in order.
    patience : float
        How many are only noted. The next one raises `KeyboardInterrupt` where it comes.
    begun : bool
        Whether there is a result to keep.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self.patience: float = HELD
        self.begun = False

    def handle(self, number: int, frame: FrameType | None = None) -> None:
        """Note a signal; raise `KeyboardInterrupt` where patience is at its end."""
        self.received.append(number)
        if len(self.received) > self.patience:
            # What ends now is not to be cut short once more on its way.
            self.patience = HELD
            raise KeyboardInterrupt


class _Here(threading.local):
    """What the run of this thread has noted, if there is one."""

    signals: Signals | None = None


_here = _Here()


@contextmanager
def interruption(*numbers: int) -> Iterator[Signals]:
    """Note signals, in place of Python's own handlers, for as long as a run takes.

    Parameters
    ----------
    *numbers : int
        The signals, `signal.SIGINT` by default. Only a handler that is the usual one is replaced,
        and only in the main thread: who has set another one wants that to be called.

    Yields
    ------
    Signals
        Those of the outermost run, which puts the handlers back at its end. What came until then
        is there afterwards, too.

    Examples
    --------
    >>> with interruption() as signals:
    ...     signal.raise_signal(signal.SIGINT)
    ...     print("the step is completed")
    the step is completed
    >>> signals.received == [signal.SIGINT]
    True
    """
    if _here.signals is not None:
        with patience(HELD):
            yield _here.signals
        return
    signals, replaced = Signals(), {}
    try:
        _here.signals = signals
        for number in numbers or (signal.SIGINT,):
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            if _may_set_handlers() and signal.getsignal(number) == usual:
                replaced[number] = usual
                signal.signal(number, signals.handle)
        yield signals
    finally:
        # Until the very end signals are noted: whoever asks for them afterwards misses none.
        _here.signals = None
        for number, before in replaced.items():
            if signal.getsignal(number) == signals.handle:
                signal.signal(number, before)


@contextmanager
def patience(number: float) -> Iterator[None]:
    """Note so many signals within a run, and let the next one raise `KeyboardInterrupt`.

    Parameters
    ----------
    number : float
        `HELD`, `EVALUATION` or `NOTHING_BEGUN`.

    Raises
    ------
    KeyboardInterrupt
        At once, if more than that have come already.
    """
    signals = _here.signals
    if signals is None:
        yield
        return
    before = signals.patience
    if number == EVALUATION and not signals.begun:
        number = NOTHING_BEGUN
    try:
        signals.patience = number
        if len(signals.received) > number:
            raise KeyboardInterrupt
        yield
    finally:
        signals.patience = before


def look() -> None:
    """Raise `KeyboardInterrupt` if a signal has come during this thread's run.

    Examples
    --------
    >>> with interruption():
    ...     look()
    ...     signal.raise_signal(signal.SIGINT)
    ...     try:
    ...         look()
    ...     except KeyboardInterrupt:
    ...         print("ends here")
    ends here
    """
    if _here.signals is not None and _here.signals.received:
        raise KeyboardInterrupt


def begin() -> None:
    """Say that there is a result to keep from now on."""
    if _here.signals is not None:
        _here.signals.begun = True


def note() -> None:
    """Note a `KeyboardInterrupt` that came another way: by a callback, or a host's own handler.

    With it all runs that this one is part of end, too.
    """
    if _here.signals is not None and not _here.signals.received:
        _here.signals.received.append(signal.SIGINT)


def held(function: F) -> F:
    """Let a function come to its end, whatever signals come."""

    @functools.wraps(function)
    def completed(*args: Any, **options: Any) -> Any:
        with patience(HELD):
            return function(*args, **options)

    return cast(F, completed)


def _may_set_handlers() -> bool:
    return threading.current_thread() is threading.main_thread()
