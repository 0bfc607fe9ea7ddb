"""Weights that change on the way: by scale, or by iteration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, final, overload

from neuralstyle._checks import choice, shown
from neuralstyle._types import Number, Tensor
from neuralstyle.losses.objective import Loss, StyleObjective, Term
from neuralstyle.losses.shapes import Shapes
from neuralstyle.losses.structure import Built, build
from neuralstyle.losses.weights import Factor, term_weight

By: TypeAlias = Literal["scale", "iteration"]

SCALE, ITERATION = "scale", "iteration"


@final
@dataclass(frozen=True)
class Schedule(Factor):
    """A weight that changes on the way: what `schedule` returns, to be multiplied with a loss.

    Attributes
    ----------
    function : callable
        Takes how many steps are made, and how many there are; returns the factor.
    by : {"scale", "iteration"}
        What a step is.
    factor : float
        What numbers it was multiplied with.
    """

    function: Callable[[int, int], float]
    by: By
    factor: float = 1.0

    def at(self, step: int, steps: int) -> float:
        """Return the weight after so many steps.

        Parameters
        ----------
        step : int
            From 0.
        steps : int
            How many there are.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError
            If the function does not return a weight.
        """
        return self.factor * term_weight(self.function(step, steps), "schedule")

    @overload
    def __mul__(self, other: Loss | StyleObjective) -> StyleObjective: ...

    @overload
    def __mul__(self, other: Number) -> Schedule: ...

    def __mul__(self, other: Any) -> Any:
        """Weigh every term of a loss or an objective, or multiply the schedule by a number."""
        if isinstance(other, Loss | StyleObjective):
            terms = StyleObjective(other).terms
            return StyleObjective(*(Term(t.name, t.weight, Scheduled(t.loss, self)) for t in terms))
        return replace(self, factor=self.factor * term_weight(other, "factor"))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        """Describe it in a line."""
        name = getattr(self.function, "__name__", None) or shown(self.function)
        factor = "" if self.factor == 1 else f"{self.factor:g} * "
        return f"{factor}schedule({name}, by={self.by!r})"


def schedule(function: Callable[[int, int], float], by: By = "scale") -> Schedule:
    r"""Make a weight that changes on the way, to be multiplied with a loss.

    .. math:: L = \sum_i w_i f_i(s) L_i

    Parameters
    ----------
    function : callable
        Takes the number s of steps that are made, from 0, and the number of all; returns the factor
        :math:`f_i`: ``lambda step, steps: 1 - step / steps`` falls in a line.
    by : {"scale", "iteration"}, default "scale"
        What a step is. With ``"scale"`` a scale of `stylize`, for every method: `minimize` works at
        one. With ``"iteration"`` an iteration of `minimize`, or of one scale of `stylize`, for
        `KerasMethod` ("adam") at every iteration, and for ``LBFGS(restart=N)`` at its restarts.

    Returns
    -------
    Schedule
        ``schedule(f) * loss`` is an objective, and so is ``schedule(f) * objective``.

    Raises
    ------
    TypeError, ValueError
        If the function cannot be called, or `by` is something else.

    Notes
    -----
    The value and the gradient of an evaluation always belong together. L-BFGS compares values and
    gradients of several iterations, so it begins anew where weights change. Where they change by
    iteration, values of different iterations do not compare: the result is the last iterate, not
    the lowest, and `ftol` does not count. ``settings["weights"]`` has the weights of the result.

    Outside of runs, in an `Evaluator` called by hand, the factor is 1.

    Examples
    --------
    >>> from neuralstyle import TotalVariationLoss
    >>> smoother = schedule(lambda step, steps: step / steps, by="iteration") * TotalVariationLoss()
    >>> print(2 * smoother)
    name             weight  loss
    total_variation       2  schedule(<lambda>, by='iteration') * TotalVariationLoss(exponent=2)
    """
    if not callable(function):
        raise TypeError(
            f"function: expected a function of (step, steps), received {shown(function)}"
        )
    return Schedule(function, choice("by", by, (SCALE, ITERATION)))


@final
class Scheduled(Loss):
    """A loss whose weight a schedule multiplies; itself it is the loss, before weighing."""

    def __init__(self, loss: Loss, schedule: Schedule) -> None:
        self.loss: Loss = loss
        self.schedule: Schedule = schedule
        self.name: str = loss.name

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss."""
        return self.loss(features)

    def build(self, shapes: Shapes) -> Built:
        """Make what a call needs at a size: what the loss needs."""
        return build(self.loss, shapes)

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"{self.schedule!r} * {self.loss!r}"


def schedules(loss: Loss) -> Iterator[Schedule]:
    """Yield the schedules that multiply a term's weight, given its loss."""
    while isinstance(loss, Scheduled):
        yield loss.schedule
        loss = loss.loss


def at_scale(objective: StyleObjective, scale: int, scales: int) -> StyleObjective:
    """Return an objective with the weights of a scale, fixed; what goes by iteration stays.

    Parameters
    ----------
    objective : StyleObjective
    scale : int
        From 0.
    scales : int
        How many there are.

    Returns
    -------
    StyleObjective
    """
    terms = []
    for term in objective.terms:
        weight, loss = term.weight, term.loss
        while isinstance(loss, Scheduled):
            loss = loss.loss
        for of in reversed([*schedules(term.loss)]):
            if of.by == SCALE:
                weight *= of.at(scale, scales)
            else:
                loss = Scheduled(loss, of)
        terms.append(Term(term.name, weight, loss))
    return StyleObjective(*terms)
