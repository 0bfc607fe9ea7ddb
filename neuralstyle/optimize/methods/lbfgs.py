"""L-BFGS in float32 with a strong-Wolfe line search, driven by hand; its state can be restored.

SciPy's optimiser works on float64 vectors with a pass over all remembered corrections for every
number that it needs of them, which costs more than the evaluation itself with a small network or on
a GPU. Here the corrections are the rows of one matrix (`pairs`), and an iteration takes three
products with that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, TypeAlias, final

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._checks import Stays, choice, stays, whole_number
from neuralstyle._kernels.device import has_gpu
from neuralstyle.optimize.methods.budget import PAIRS
from neuralstyle.optimize.methods.pairs import Pairs
from neuralstyle.optimize.vectors import Vector, dot, host, norm

Function: TypeAlias = Callable[[Vector], tuple[float, Vector]]
"""Takes a vector; returns the value there, and the gradient."""

DECREASE = 1e-3
"""A step has to lower the value by this fraction of what the slope promises (as in L-BFGS-B)."""

CURVATURE = 0.9
"""A step has to flatten the slope to this fraction (as in L-BFGS-B)."""

ROUNDING = 1e-7
"""Relative change of a value that may be rounding; the slope decides then."""

LONGEST = 4.0
"""A step that is too short is lengthened by this times its last lengthening at the most."""


@final
class ManualLBFGS:
    """L-BFGS driven by hand: `iterate` until it returns False, or as often as wanted.

    The method `LBFGS` is this one, driven by `minimize`.

    Parameters
    ----------
    function : callable
        Takes a vector; returns the value, a float, and the gradient, a vector.
    x : array or tensor, shape (n,), float32
        Where to start. What the vectors are: NumPy arrays, which are fastest on a processor, or
        tensors, which stay on their device.
    value : float
    gradient : array or tensor, shape (n,), float32
        Those of the function at `x`.
    maxcor : int, default 10
        Corrections to remember; each takes two vectors.
    maxls : int, default 20
        Evaluations in one line search at the most.
    first_step : float, default 1
        Length of the first step that is tried.
    pairs : {"float32", "bfloat16", "disk"}, default "float32"
        What the corrections are kept in; bfloat16 takes half of their memory, and ``"disk"`` none:
        they are in float32 in a temporary file.

    Attributes
    ----------
    x, value, gradient
        Where it is.

    Notes
    -----
    The direction is that of the two-loop recursion [1]_, computed on the coefficients of its
    vectors in float64; the step comes from bracketing and cubic interpolation [2]_ with the
    constants of L-BFGS-B. Near the minimum, where values differ by rounding only, the slope decides
    (the approximate Wolfe conditions of [3]_).

    References
    ----------
    .. [1] Nocedal, Updating quasi-Newton matrices with limited storage, Mathematics of Computation
       35, 1980.
    .. [2] Nocedal and Wright, Numerical Optimization, 2nd edition, 2006, algorithms 3.5 and 3.6.
    .. [3] Hager and Zhang, A new conjugate gradient method with guaranteed descent and an efficient
       line search, SIAM Journal on Optimization 16, 2005.

    Examples
    --------
    >>> scales = np.float32([1, 10, 100])
    >>> bowl = lambda x: (float(scales @ x**2), 2 * scales * x)
    >>> x = np.ones(3, np.float32)
    >>> optimizer = ManualLBFGS(bowl, x, *bowl(x))
    >>> while optimizer.value > 1e-12 and optimizer.iterate():
    ...     pass
    >>> optimizer.value <= 1e-12
    True
    """

    __reduce_ex__: ClassVar[Stays] = stays("keep its state() and restore() that in another")

    def __init__(
        self,
        function: Function,
        x: Vector,
        value: float,
        gradient: Vector,
        *,
        maxcor: int = 10,
        maxls: int = 20,
        first_step: float = 1.0,
        pairs: str = "float32",
    ) -> None:
        self.x: Vector = x
        self.value: float = value
        self.gradient: Vector = gradient
        self._function = function
        self._maxls = whole_number("maxls", maxls, 1)
        self._first_step = first_step
        self._corrections = _Corrections(
            whole_number("maxcor", maxcor, 1), choice("pairs", pairs, PAIRS), x
        )

    def iterate(self) -> bool:
        """Go one step downhill.

        Returns
        -------
        bool
            False if there is no lower value to be found; nothing has changed then.
        """
        remembering = bool(self._corrections.slots)
        while True:
            if remembering:
                direction, length = self._corrections.direction(self.gradient), 1.0
            else:
                direction = -self.gradient
                length = self._first_step / (norm(direction) or 1.0)
            slope = dot(direction, self.gradient)
            found = self._search(direction, slope, length) if slope < 0 else None
            if found is not None:
                break
            if not remembering:
                return False
            remembering = False  # steepest descent may still find one
        if not remembering:
            self._corrections.slots.clear()
        trial, gradient = found
        direction *= trial.step  # in place, where it is an array
        self._corrections.add(direction, gradient - self.gradient)
        self.x, self.value, self.gradient = self.x + direction, trial.value, gradient
        return True

    def restart(self, value: float, gradient: Vector) -> None:
        """Begin anew where it is, with the value and the gradient there of what may be another."""
        self.value, self.gradient = value, gradient
        self._corrections.slots.clear()

    def state(self, copy: bool = True) -> dict[str, NDArray[Any]]:
        """Return all that the next iterations depend on, beside the function.

        Parameters
        ----------
        copy : bool, default True
            Without, the arrays are the optimiser's own, which the next iteration writes to: enough
            to save them at once, or for good when it is done, without as much memory again.

        Returns
        -------
        dict from str to array
            Corrections in bfloat16 are there by their bits, as uint16: NumPy has no bfloat16.
        """
        corrections = self._corrections
        state = {
            "x": host(self.x),
            "corrections": corrections.rows.array(),
            "products": np.stack([corrections.step_change, corrections.change_change]),
            "slots": np.array(corrections.slots, np.int64),
        }
        return {name: array.copy() for name, array in state.items()} if copy else state

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up the curvature of a state, whose `x` the optimiser was made with.

        Raises
        ------
        ValueError
            If the state is that of a vector of another size, or with another `maxcor` or precision.
        """
        corrections = self._corrections
        corrections.rows.restore(np.asarray(state["corrections"]))
        corrections.step_change, corrections.change_change = np.array(state["products"])
        corrections.slots = [int(slot) for slot in state["slots"]]

    def _search(
        self, direction: Vector, slope: float, length: float
    ) -> tuple[_Trial, Vector] | None:
        """Return a step that meets the strong Wolfe conditions, and the gradient there.

        The lowest one found if there are too many trials, and None if none is lower than the start.
        """
        start = low = _Trial(0.0, self.value, slope)
        high: _Trial | None = None
        step = length
        for _ in range(self._maxls):
            value, gradient = self._at(step, direction)
            trial = _Trial(step, value, dot(direction, gradient))
            previous = low
            # There is an acceptable step between `low`, the best so far, and `high`.
            if not trial.is_lower_than(start) or (low is not start and trial.value >= low.value):
                high = trial
            elif abs(trial.slope) <= -CURVATURE * slope:
                return trial, gradient
            else:
                ahead = math.inf if high is None else high.step
                if trial.slope * (ahead - low.step) >= 0:
                    high = low
                low = trial
            step = _beyond(previous, low) if high is None else _between(low, high)
            del gradient  # a vector less while the next one is made
        if low.value >= start.value:
            return None
        # The point that is accepted is the one evaluated last.
        value, gradient = self._at(low.step, direction)
        return low._replace(value=value), gradient

    def _at(self, step: float, direction: Vector) -> tuple[float, Vector]:
        x = step * direction
        x += self.x  # in place, where it is an array
        return self._function(x)


@final
class _Corrections:
    """The latest steps and the changes of the gradient along them.

    Rows 0 to m - 1 of a matrix are steps, the others changes; `slots` says which rows are in use,
    from the oldest to the latest.
    """

    def __init__(self, maxcor: int, precision: str, like: Vector) -> None:
        self.rows = Pairs(2 * maxcor, precision, like)
        self.step_change = np.zeros((maxcor, maxcor))
        self.change_change = np.zeros((maxcor, maxcor))
        self.slots: list[int] = []

    def add(self, step: Vector, change: Vector) -> None:
        """Remember a correction in place of the oldest, if the curvature along it is positive.

        As it is kept: the directions of rounded corrections are those of a method of its own, and
        lead downhill as long as that holds.
        """
        step, change = self.rows.rounded(step), self.rows.rounded(change)
        if dot(step, change) <= np.finfo(np.float32).eps * dot(change, change):
            return
        maxcor = len(self.step_change)
        slot = len(self.slots) if len(self.slots) < maxcor else self.slots.pop(0)
        self.slots.append(slot)
        self.rows.put(slot, step)
        self.rows.put(maxcor + slot, change)
        products = self.rows.products(change)
        # Of the products of steps and changes only those of a change with earlier steps are used.
        self.step_change[:, slot] = products[:maxcor]
        self.change_change[slot] = self.change_change[:, slot] = products[maxcor:]

    def direction(self, gradient: Vector) -> Vector:
        """Return minus the gradient times the inverse Hessian, as far as it is known."""
        maxcor = len(self.step_change)
        with_step, with_change = np.split(self.rows.products(gradient), 2)
        steps, changes = np.zeros(maxcor), np.zeros(maxcor)  # the direction's coefficients
        first = np.zeros(maxcor)
        for slot in reversed(self.slots):
            product = -with_step[slot] + self.step_change[slot] @ changes
            first[slot] = product / self.step_change[slot, slot]
            changes[slot] = -first[slot]
        latest = self.slots[-1]
        scale = self.step_change[latest, latest] / self.change_change[latest, latest]
        changes *= scale
        for slot in self.slots:
            product = (
                -scale * with_change[slot]
                + self.change_change[slot] @ changes
                + self.step_change[:, slot] @ steps
            )
            steps[slot] = first[slot] - product / self.step_change[slot, slot]
        return self.rows.combination(np.concatenate([steps, changes]), -scale, gradient)


class _Trial(NamedTuple):
    """A step along the direction, with the value and the slope there."""

    step: float
    value: float
    slope: float

    def is_lower_than(self, start: _Trial) -> bool:
        """Whether the value is as low as the slope at the start promises."""
        if self.value <= start.value + DECREASE * self.step * start.slope:
            return True
        within_rounding = self.value <= start.value + ROUNDING * abs(start.value)
        return within_rounding and self.slope <= (2 * DECREASE - 1) * start.slope


def _cubic(a: _Trial, b: _Trial) -> float:
    """Return the minimum of the cubic through two trials; not a number if it has none."""
    mean = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
    square = mean**2 - a.slope * b.slope
    if square < 0:
        return math.nan
    root = math.copysign(math.sqrt(square), b.step - a.step)
    bend = b.slope - a.slope + 2 * root
    if bend == 0:
        return math.nan
    return b.step - (b.step - a.step) * (b.slope + root - mean) / bend


def _between(low: _Trial, high: _Trial) -> float:
    """Return the step to try between two, not too near to either."""
    width = abs(high.step - low.step)
    step = _cubic(low, high)
    if math.isnan(step):
        return (low.step + high.step) / 2
    near, far = sorted((low.step, high.step))
    return min(max(step, near + 0.1 * width), far - 0.1 * width)


def _beyond(previous: _Trial, low: _Trial) -> float:
    """Return the step to try beyond the last one, which was too short."""
    width = low.step - previous.step
    step = _cubic(previous, low)
    longest = low.step + LONGEST * width
    if math.isnan(step) or step <= low.step:
        return longest
    return min(max(step, low.step + 1.1 * width), longest)


def on_device(x: Any) -> Vector:
    """Return a float32 vector: an array on a processor, else a tensor on the device."""
    if has_gpu():
        return ops.convert_to_tensor(x, "float32")
    return np.asarray(host(x), np.float32)
