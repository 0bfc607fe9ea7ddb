"""Why a run ended, and what ends one."""

from __future__ import annotations

import enum
from typing import Any, final


class Status(enum.IntEnum):
    """Why a run ended. The first three are SciPy's numbers."""

    CONVERGED = 0
    """A tolerance (`ftol`, `gtol` or `xtol`) was met, or no picture near has a lower value, as far
    as float32 can tell: the start was the optimum already, say, or a huge weight holds it there."""
    LIMIT = 1
    """`maxiter` iterations or `maxfun` evaluations were made."""
    ABNORMAL = 2
    """The line search found no lower value (a corner, or a gradient that is not the loss's own); or
    the run failed, in what an exception carries as its partial result."""
    CALLBACK = 3
    """The callback returned True or raised `StopIteration`."""
    INTERRUPTED = 4
    """Ctrl-C."""
    NONFINITE = 5
    """A loss, the gradient or the picture became infinite or not a number; the result is the best
    picture before."""


@final
class Halt(Exception):
    """Ends a run from within; `minimize` returns the best image so far.

    `Run` raises it when a run is over, and a `Method` when it knows no way on.

    Parameters
    ----------
    status : Status
    message : str
        Why, for the result.

    Examples
    --------
    >>> Halt(Status.ABNORMAL, "no lower value was found").status
    <Status.ABNORMAL: 2>
    """

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle both arguments, where an exception's ``args`` are the message alone."""
        return type(self), (self.status, *self.args)
