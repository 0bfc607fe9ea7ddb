"""The weights of an evaluator, which can be changed between its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle.losses.weights import term_weight


@final
class LiveWeights(Mapping[str, float]):
    """A mapping from the names of an evaluator's terms to their weights, which can be set.

    Parameters
    ----------
    weights : mapping from str to float
        At first. Which names there are does not change.

    Attributes
    ----------
    vector : array, shape (terms,), float64
        What a call of the evaluator reads, once. It is never written to: another takes its place.

    Examples
    --------
    >>> weights = LiveWeights({"content": 1.0, "style": 2.0})
    >>> weights["style"] = 3
    >>> weights.update(content=0.5)
    >>> weights
    {'content': 0.5, 'style': 3.0}
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._places = {name: place for place, name in enumerate(weights)}
        self._runs = 0
        self.vector: NDArray[np.float64] = np.array([*weights.values()], np.float64)

    def __getitem__(self, name: str) -> float:
        """Return a weight."""
        return float(self.vector[self._place(name)])

    def __setitem__(self, name: str, value: float) -> None:
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

    def update(self, weights: Mapping[str, float] = {}, /, **named: float) -> None:  # noqa: B006
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
                "other; change them between two runs"
            )
        vector = self.vector.copy()
        for name, value in {**weights, **named}.items():
            vector[self._place(name)] = term_weight(value, f"weights[{name!r}]")
        self.vector = vector

    @contextmanager
    def held(self) -> Iterator[None]:
        """Refuse changes for as long as a run takes."""
        self._runs += 1
        try:
            yield
        finally:
            self._runs -= 1

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
