"""When a run is done: its tolerances, and what they compare with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle.optimize.result import Halt, Status

STILL = 3
"""Iterations running that have to change the picture by less than `xtol`."""


@final
class Tolerances:
    """The limits of `minimize`, and the numbers of a run that they are about.

    Parameters
    ----------
    limits : mapping from str to object
        ``maxiter``, ``ftol``, ``gtol`` and ``xtol`` of `minimize`.

    Attributes
    ----------
    largest : float
        The largest derivative at the start of the run.
    previous : float
        The value before the last accepted iteration; not a number as long as there is none.
    changes : list of float
        By how much the last iterations changed the picture on average, in grey levels: no more of
        them than it takes, and none without an `xtol`.
    """

    def __init__(self, limits: Mapping[str, Any]) -> None:
        self.limits = limits
        self.largest: float = 0.0
        self.previous: float = np.nan
        self.changes: list[float] = []

    def note(self, previous: float, change: float | None) -> None:
        """Note an accepted iteration: the value before, and how the picture changed, if asked."""
        self.previous = previous
        if change is not None:
            self.changes = [*self.changes, change][-STILL:]

    def check(self, iterations: int, value: float, steepest: float) -> None:
        """Raise `Halt` if one of the tolerances is met, or the last iteration made.

        Parameters
        ----------
        iterations : int
            That were made.
        value : float
            Now.
        steepest : float
            The largest derivative in a direction that the bounds leave open.
        """
        limits, previous = self.limits, self.previous
        if 0 <= previous - value <= limits["ftol"] * max(abs(previous), abs(value)):
            raise Halt(
                Status.CONVERGED,
                f"converged: the loss falls by less than {limits['ftol']:g} of itself",
            )
        if limits["gtol"] > 0 and steepest <= limits["gtol"] * self.largest:
            raise Halt(
                Status.CONVERGED,
                f"converged: no derivative exceeds {limits['gtol']:g} of the largest at the start",
            )
        if len(self.changes) == STILL and max(self.changes) < limits["xtol"]:
            raise Halt(
                Status.CONVERGED,
                f"converged: {STILL} iterations running changed the picture by less than "
                f"{limits['xtol']:g} grey levels on average",
            )
        if iterations >= limits["maxiter"]:
            raise Halt(Status.LIMIT, f"made maxiter = {limits['maxiter']} iterations")

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the numbers as arrays by name."""
        return {
            "largest": np.array(self.largest),
            "previous": np.array(self.previous),
            "changes": np.array(self.changes),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the numbers of a state."""
        self.largest, self.previous = float(state["largest"]), float(state["previous"])
        self.changes = [float(change) for change in state["changes"]]
