"""Whether a point that a method cannot leave is the minimum, as far as float32 can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuralstyle.optimize.result import Halt, Status
from neuralstyle.optimize.vectors import host, projected

if TYPE_CHECKING:
    from neuralstyle.optimize.run import Run

FIRST, SHORTER, LAST = 0.01, 1 / 8, 6e-8
"""Root mean square changes of the pixels that are tried: the first, each by the one before, and the
one from which on float32 holds no change of a pixel any more."""

MEASURABLE = 2e-6
"""A promised decrease under this fraction of the value is lost in the rounding of its float32
terms."""

SETTLED = "converged: no picture near it has a lower value, as far as float32 can tell"


def standstill(run: Run, why: str | None = None) -> Halt | None:
    """Tell why no lower value was found, by looking straight down the gradient from the best point.

    Parameters
    ----------
    run : Run
    why : str, optional
        What the method says of its failure. A method without says nothing, as it may go on.

    Returns
    -------
    Halt or None
        Converged, if every step that promises a measurable decrease leads up, and the shortest in
        the way that the gradients at its two ends say: it leads across a valley that is too narrow
        for float32. If not, there is a lower value, a corner, or a gradient that is not the loss's
        own: abnormal, or None if the method may go on.

    Notes
    -----
    It makes eight evaluations at the most. A picture that is the optimum already, or is held where
    it is by a term of huge weight, is one and the same outcome for every method so.
    """
    assert run._best is not None
    value, x = run._best[:2]
    start = host(x).astype(np.float64)
    _, slopes = _at(run, start)
    if _is_minimum(run, value, start, projected(slopes, start, run.bounds)):
        return Halt(Status.CONVERGED, SETTLED)
    if why is None:
        return None
    return Halt(Status.ABNORMAL, f"the line search found no lower value ({why})")


def _is_minimum(
    run: Run, value: float, start: NDArray[np.float64], slopes: NDArray[np.float64]
) -> bool:
    size = float(np.linalg.norm(slopes))
    if size == 0:
        return True
    length, expected_rise = FIRST, True
    while True:
        x = start - slopes * (length * start.size**0.5 / size)
        if run.bounds is not None:
            x = np.clip(x, *run.bounds)
        step = start - x
        promised = float(slopes @ step)
        if promised <= MEASURABLE * abs(value):
            return expected_rise
        found, there = _at(run, x)
        rise = found - value
        if rise < 0:
            return False
        if length <= LAST:  # is the value itself made of the rounding of pixels?
            return expected_rise or rise >= abs(value) / 2
        # Of a smooth function the rise is the mean of the slopes at both ends times the step.
        expected = -float((slopes + there) @ step) / 2
        expected_rise = abs(rise - expected) <= max(rise, promised) / 2
        length = max(length * SHORTER, LAST)


def _at(run: Run, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    value, gradient = run.evaluate(x)
    return value, np.asarray(gradient, np.float64)
