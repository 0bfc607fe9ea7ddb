"""Weights that callbacks change on the way: values do not compare then, and a run begins anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

from neuralstyle._types import Number
from neuralstyle.optimize.evaluation.weights import LiveWeights


class Anew(Exception):
    """Leaves a method whose run goes on with other weights: another optimiser takes over."""


@final
class Reweighing:
    """What callbacks have asked for, and what was made of it.

    Parameters
    ----------
    weights : LiveWeights

    Attributes
    ----------
    changes : list of [int, dict from str to float]
        After which iterations which weights became what.
    """

    def __init__(self, weights: LiveWeights) -> None:
        self.changes: list[list[Any]] = []
        self._weights = weights
        self._wanted: dict[str, float] | None = None

    def ask(self, changes: Mapping[str, Number]) -> None:
        """Note weights to go on with, all of them or none; a later wish adds to those before."""
        checked = self._weights.checked(changes)
        if not changes:
            return
        self._wanted = {**(self._wanted or {}), **{name: checked[name] for name in changes}}

    def look(self) -> None:
        """Raise `Anew` if there are weights to go on with."""
        if self._wanted is not None:
            raise Anew

    @contextmanager
    def taken(self, iterations: int) -> Iterator[None]:
        """Put them in force, for good unless what is done with them first fails."""
        changed = dict(self._wanted or {})
        before = self._weights.replace({**self._weights, **changed})
        self._wanted = None
        try:
            yield
        except BaseException:  # the picture so far is that of the weights before
            self._weights.replace(before)
            raise
        self.changes.append([iterations, changed])

    def told(self) -> dict[str, Any]:
        """Return what settings say of weights: those in force, and the changes, if any."""
        changes = {"reweighed": list(self.changes)} if self.changes else {}
        return {"weights": self._weights.in_force(), **changes}
