"""L-BFGS in float32 with a strong-Wolfe line search, driven by hand; its state can be restored.

SciPy's optimiser works on float64 vectors with a pass over all remembered corrections for every
number that it needs of them, which costs more than the evaluation itself with a small network or on
a GPU. Here the corrections are the rows of one matrix, and an iteration takes three products with
that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, TypeAlias, final

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._checks import Stays, stays, whole_number
from neuralstyle._kernels.device import has_gpu
from neuralstyle._types import Tensor
from neuralstyle.optimize.vectors import Vector

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
    ) -> None:
        self.x: Vector = x
        self.value: float = value
        self.gradient: Vector = gradient
        self._function = function
        self._maxls = whole_number("maxls", maxls, 1)
        self._first_step = first_step
        self._corrections = _Corrections(whole_number("maxcor", maxcor, 1), x)

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
                length = self._first_step / (_dot(direction, direction) ** 0.5 or 1.0)
            slope = _dot(direction, self.gradient)
            found = self._search(direction, slope, length) if slope < 0 else None
            if found is not None:
                break
            if not remembering:
                return False
            remembering = False  # steepest descent may still find one
        if not remembering:
            self._corrections.slots.clear()
        step = found.step * direction
        self._corrections.add(step, found.gradient - self.gradient)
        self.x, self.value, self.gradient = self.x + step, found.value, found.gradient
        return True

    def restart(self, value: float, gradient: Vector) -> None:
        """Begin anew where it is, with the value and the gradient there of what may be another."""
        self.value, self.gradient = value, gradient
        self._corrections.slots.clear()

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that the next iterations depend on, beside the function: copies."""
        corrections = self._corrections
        return {
            "x": _copy(self.x),
            "corrections": _copy(corrections.rows),
            "products": np.stack([corrections.step_change, corrections.change_change]),
            "slots": np.array(corrections.slots, np.int64),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up the curvature of a state, whose `x` the optimiser was made with.

        Raises
        ------
        ValueError
            If the state is that of a vector of another size, or with another `maxcor`.
        """
        corrections = self._corrections
        shape = tuple(corrections.rows.shape)
        if np.shape(state["corrections"]) != shape:
            raise ValueError(
                f"state: expected {shape[0] // 2} corrections (maxcor) of {shape[1]} numbers, "
                f"received an array of shape {np.shape(state['corrections'])}"
            )
        corrections.rows = _like(state["corrections"], self.x)
        corrections.step_change, corrections.change_change = np.array(state["products"])
        corrections.slots = [int(slot) for slot in state["slots"]]

    def _search(self, direction: Vector, slope: float, length: float) -> _Trial | None:
        """Return a step that meets the strong Wolfe conditions.

        The lowest one found if there are too many trials, and None if none is lower than the start.
        """
        start = low = _Trial(0.0, self.value, slope, self.gradient)
        high: _Trial | None = None
        step = length
        for _ in range(self._maxls):
            value, gradient = self._function(self.x + step * direction)
            trial = _Trial(step, value, _dot(direction, gradient), gradient)
            previous = low
            # There is an acceptable step between `low`, the best so far, and `high`.
            if not trial.is_lower_than(start) or (low is not start and trial.value >= low.value):
                high = trial
            elif abs(trial.slope) <= -CURVATURE * slope:
                return trial
            else:
                ahead = math.inf if high is None else high.step
                if trial.slope * (ahead - low.step) >= 0:
                    high = low
                low = trial
            step = _beyond(previous, low) if high is None else _between(low, high)
        if low.value >= start.value:
            return None
        # The point that is accepted is the one evaluated last.
        value, gradient = self._function(self.x + low.step * direction)
        return _Trial(low.step, value, low.slope, gradient)


@final
class _Corrections:
    """The latest steps and the changes of the gradient along them.

    Rows 0 to m - 1 of a matrix are steps, the others changes; `slots` says which rows are in use,
    from the oldest to the latest.
    """

    def __init__(self, maxcor: int, like: Vector) -> None:
        self.rows = _like(np.zeros((2 * maxcor, like.shape[0]), np.float32), like)
        self.step_change = np.zeros((maxcor, maxcor))
        self.change_change = np.zeros((maxcor, maxcor))
        self.slots: list[int] = []

    def add(self, step: Vector, change: Vector) -> None:
        """Remember a correction in place of the oldest, if the curvature along it is positive."""
        if _dot(step, change) <= np.finfo(np.float32).eps * _dot(change, change):
            return
        maxcor = len(self.step_change)
        slot = len(self.slots) if len(self.slots) < maxcor else self.slots.pop(0)
        self.slots.append(slot)
        self.rows = _put(_put(self.rows, slot, step), maxcor + slot, change)
        products = _products(self.rows, change)
        # Of the products of steps and changes only those of a change with earlier steps are used.
        self.step_change[:, slot] = products[:maxcor]
        self.change_change[slot] = self.change_change[:, slot] = products[maxcor:]

    def direction(self, gradient: Vector) -> Vector:
        """Return minus the gradient times the inverse Hessian, as far as it is known."""
        maxcor = len(self.step_change)
        with_step, with_change = np.split(_products(self.rows, gradient), 2)
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
        weights = np.concatenate([steps, changes]).astype(np.float32)
        return _combination(weights, self.rows) - np.float32(scale) * gradient


class _Trial(NamedTuple):
    """A step along the direction, with the value, the slope and the gradient there."""

    step: float
    value: float
    slope: float
    gradient: Vector

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


# Vectors are arrays or tensors. On a processor NumPy's products and sums of vectors are several
# times as fast as single tensor operations, and only arrays can be written to in place; other
# devices have memory to spare for a copy, in microseconds.


def on_device(x: Any) -> Vector:
    """Return a float32 vector: an array on a processor, else a tensor on the device."""
    if has_gpu():
        return ops.convert_to_tensor(x, "float32")
    return np.asarray(ops.convert_to_numpy(x), np.float32)


def _dot(a: Vector, b: Vector) -> float:
    return float(a @ b) if isinstance(a, np.ndarray) else float(ops.sum(a * b))


def _products(rows: Tensor, vector: Vector) -> NDArray[np.float64]:
    if isinstance(rows, np.ndarray):
        return np.asarray(rows @ vector, np.float64)
    return np.asarray(ops.convert_to_numpy(ops.matmul(rows, vector)), np.float64)


def _combination(weights: NDArray[np.float32], rows: Tensor) -> Vector:
    return weights @ rows if isinstance(rows, np.ndarray) else ops.matmul(weights, rows)


def _put(rows: Tensor, index: int, row: Vector) -> Tensor:
    if not isinstance(rows, np.ndarray):
        return ops.slice_update(rows, (index, 0), row[None])
    rows[index] = row
    return rows


def _like(array: NDArray[Any], vector: Vector) -> Tensor:
    if not isinstance(vector, np.ndarray):
        return ops.convert_to_tensor(array, "float32")
    return np.array(array, np.float32)


def _copy(tensor: Tensor) -> NDArray[Any]:
    return np.array(tensor if isinstance(tensor, np.ndarray) else ops.convert_to_numpy(tensor))
