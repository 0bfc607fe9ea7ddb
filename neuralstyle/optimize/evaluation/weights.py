"""The weights of an evaluator, which can be changed between its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._types import Number
from neuralstyle.losses.schedule import ITERATION, Schedule
from neuralstyle.losses.weights import term_weight


@final
class LiveWeights(Mapping[str, float]):
    """A mapping from the names of an evaluator's terms to their weights, which can be set.

    Parameters
    ----------
    weights : mapping from str to float
        At first. Which names there are does not change.
    schedules : mapping from str to sequence of Schedule, optional
        What else multiplies the weights during a run.

    Attributes
    ----------
    vector : array, shape (terms,), float64
        What a call of the evaluator reads, once: the weights, times their schedules' factors. It is
        never written to: another takes its place.
    moving : list of str
        The names of those that change by iteration.

    Examples
    --------
    >>> weights = LiveWeights({"content": 1.0, "style": 2.0})
    >>> weights["style"] = 3
    >>> weights.update(content=0.5)
    >>> weights
    {'content': 0.5, 'style': 3.0}
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        schedules: Mapping[str, Sequence[Schedule]] = MappingProxyType({}),
    ) -> None:
        self._places = {name: place for place, name in enumerate(weights)}
        self._schedules = schedules
        self._runs = 0
        self._own: NDArray[np.float64] = np.array([*weights.values()], np.float64)
        self.vector: NDArray[np.float64] = self._own
        self.moving: list[str] = [
            n for n, of in schedules.items() if any(s.by == ITERATION for s in of)
        ]

    def __getitem__(self, name: str) -> float:
        """Return a weight."""
        return float(self._own[self._place(name)])

    def __setitem__(self, name: str, value: Number) -> None:
        """Set a weight.

        Raises
        ------
        KeyError
            If there is no term of that name.
        TypeError, ValueError
            If the value is no weight.
        RuntimeError
            During a run of `minimize`.
        """
        self.update({name: value})

    def update(self, weights: Mapping[str, Number] = {}, /, **named: Number) -> None:  # noqa: B006
        """Set several weights, all of them or, if one is wrong, none.

        Parameters
        ----------
        weights : mapping from str to float, optional
        **named : float

        Raises
        ------
        KeyError, TypeError, ValueError, RuntimeError
            As for a single one.
        """
        if self._runs:
            raise RuntimeError(
                "weights: expected no change during a run, whose values are compared with each "
                "other; change them between two runs, or on the way by a schedule or by "
                "Progress.reweigh"
            )
        self.replace(self.checked({**weights, **named}))

    def checked(self, weights: Mapping[str, Number]) -> dict[str, float]:
        """Return all weights with some of them changed, having checked these; set none.

        Raises
        ------
        KeyError, TypeError, ValueError
            As for a single one.
        """
        changed = {n: term_weight(value, f"weights[{n!r}]") for n, value in weights.items()}
        for name in changed:
            self._place(name)
        return {**self, **changed}

    def replace(self, weights: Mapping[str, float]) -> dict[str, float]:
        """Set all weights, also during a run, which then begins anew; return those before."""
        before = dict(self)
        self._own = self.vector = np.array([weights[name] for name in self], np.float64)
        return before

    def follow(self, step: int, steps: int) -> bool:
        """Take the factors of schedules at an iteration; return whether anything has changed.

        Parameters
        ----------
        step : int
            Iterations that are made.
        steps : int
            Iterations at the most.
        """
        before, vector = self.vector, self._own.copy()
        for name, of in self._schedules.items():
            for schedule in of:
                moves = schedule.by == ITERATION
                vector[self._place(name)] *= schedule.at(*((step, steps) if moves else (0, 1)))
        self.vector = vector
        return not np.array_equal(before, vector)

    def in_force(self) -> dict[str, float]:
        """Return the weights that evaluations have now: times the factors of schedules."""
        return dict(zip(self, self.vector.tolist(), strict=True))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Refuse changes for as long as a run takes, and take back those that it made itself."""
        own = self._own
        self._runs += 1
        try:
            yield
        finally:
            self._runs -= 1
            self._own = self.vector = own

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the order of the terms."""
        return iter(self._places)

    def __len__(self) -> int:
        """Return the number of terms."""
        return len(self._places)

    def __repr__(self) -> str:
        """Draw it as a dict."""
        return repr(dict(self))

    def _place(self, name: Any) -> int:
        if name not in self._places:
            raise KeyError(f"weights: there is no term {name!r}; there are {', '.join(self)}")
        return self._places[name]
