"""What a run reports on the way, to callbacks."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuralstyle._types import Image, Number
from neuralstyle.images.show import png, shown
from neuralstyle.optimize.iteration import Iteration


def _no_state() -> None:
    """Stand for the state of a run that is over."""


def _no_run(changes: Mapping[str, Number]) -> None:
    """Stand for the weights of a run that is over."""
    raise RuntimeError("reweigh: expected a record of a run that goes on, received a copy")


@dataclass(frozen=True, eq=False)
class Progress:
    """What a callback gets, once per accepted iteration.

    Attributes
    ----------
    nit, nfev : int
        Iterations and evaluations so far, over all scales.
    fun : float
        The objective's value.
    losses : dict from str to float
        Every loss, before weighing.
    seconds : float
        Since the call.
    scale, scales : int
        Which scale of a coarse-to-fine run this is, from 0, and how many there are.
    shape : (int, int, 3)
        Of the image at this scale.
    maxiter : int
        Iterations that the whole run will make at the most.
    work_left : float
        Iterations to come at the most, counted in this scale's: one at a scale of four times the
        pixels counts four.
    settings : dict
        The arguments of the run, and the versions of the libraries, as in the result.
    pace : float
        Seconds that an iteration of this scale takes, measured from its first one on: before, code
        was compiled. NaN at that one.
    parts : dict from str to float
        What products, powers and maxima among the losses are made of, before weighing.
    """

    nit: int
    nfev: int
    fun: float
    losses: dict[str, float]
    seconds: float
    shape: tuple[int, int, int]
    maxiter: int
    work_left: float
    scale: int = 0
    scales: int = 1
    settings: dict[str, Any] = field(repr=False, default_factory=dict)
    pace: float = math.nan
    parts: dict[str, float] = field(default_factory=dict)
    _image: Callable[[], Image] = field(repr=False, default=lambda: np.empty((0, 0, 3), np.float32))
    _state: Callable[[], dict[str, NDArray[Any]] | None] = field(repr=False, default=_no_state)
    _reweigh: Callable[[Mapping[str, Number]], None] = field(repr=False, default=_no_run)

    def reweigh(self, weights: Mapping[str, Number] = {}, /, **named: Number) -> None:  # noqa: B006
        """Let the run go on with other weights: those of terms, by name.

        Parameters
        ----------
        weights : mapping from str to float, optional
        **named : float

        Raises
        ------
        KeyError
            If there is no term of that name.
        TypeError, ValueError
            If a value is no weight.
        RuntimeError
            If the record is a copy, without a run.

        Notes
        -----
        After the callbacks the optimiser begins anew where the picture is, which costs it an
        evaluation and what it has learnt of the curvature: values under other weights do not
        compare. Of `stylize` the change is for the scale that is at work. The result's settings
        list the changes as ``"reweighed"``; it has no ``state``, nor is the scale kept in a
        checkpoint before it is finished, and no run goes on from the middle of it.

        Examples
        --------
        >>> from neuralstyle import ContentLoss, TotalVariationLoss, minimize
        >>> def smoother(now):
        ...     if now.nit == 2:
        ...         now.reweigh(total_variation=5)
        >>> noisy = np.random.default_rng(0).uniform(size=(8, 8, 3)).astype(np.float32)
        >>> objective = TotalVariationLoss() + ContentLoss({"input": noisy[None]}, "input")
        >>> look = lambda image: {"input": image}
        >>> result = minimize(objective, look, noisy / 2, maxiter=4, callback=smoother)
        >>> result.settings["weights"], result.settings["reweighed"]
        ({'total_variation': 5.0, 'content': 1.0}, [[2, {'total_variation': 5.0}]])
        """
        self._reweigh({**weights, **named})

    @property
    def image(self) -> Image:
        """The picture so far: a new float32 array (H, W, 3) in [0, 1], made when asked for."""
        image: Image = self._image().copy()
        return image

    @property
    def elapsed(self) -> float:
        """Seconds since the call: `seconds` by another name."""
        return self.seconds

    @property
    def remaining(self) -> float:
        """Seconds to come at the most, as an estimate by the pace; NaN while there is none."""
        return self.work_left * self.pace

    def _iteration(self) -> Iteration:
        """Return what a history has of it."""
        step = self.nit, self.nfev, self.fun, self.losses, self.seconds
        return Iteration(*step, self.scale, self.parts)

    def _repr_png_(self) -> bytes:
        """Show the picture in a notebook."""
        return png(self._image())

    def _repr_html_(self) -> str:
        """Show the picture, its losses, and how far it is."""
        return shown(
            self._image(),
            [("objective", self.fun), *self.losses.items()],
            f"iteration {self.nit} of {self.maxiter}, {self.seconds:.1f} s",
        )

    def __getstate__(self) -> dict[str, Any]:
        """Hold the picture in copies, which do without the run."""
        picture = functools.partial(np.copy, self._image())
        return {**vars(self), "_image": picture, "_state": _no_state, "_reweigh": _no_run}


Callback: TypeAlias = Callable[[Progress], object]


def ends(returned: object) -> bool:
    """Return whether what a callback returned ends the run: True itself, Python's or NumPy's."""
    return isinstance(returned, bool | np.bool_) and bool(returned)
