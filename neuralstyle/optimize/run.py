"""One run of `minimize`: what every method sees, notes and stops at, whichever it is."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import Stays, stays
from neuralstyle._types import Image
from neuralstyle.optimize.callbacks import call
from neuralstyle.optimize.evaluation.evaluator import Evaluator
from neuralstyle.optimize.evaluation.finite import check_start, not_finite
from neuralstyle.optimize.idle import check_products
from neuralstyle.optimize.interruption import EVALUATION, begin, look, patience
from neuralstyle.optimize.parametrizations import Parametrization
from neuralstyle.optimize.points import Points, first_point
from neuralstyle.optimize.result import Callback, Halt, Iteration, Progress, Status, StyleResult
from neuralstyle.optimize.reweighing import Reweighing
from neuralstyle.optimize.tolerances import Tolerances
from neuralstyle.optimize.vectors import (
    NOTHING,
    Best,
    Values,
    Vector,
    all_finite,
    host,
    own,
    projected,
    same,
)


@final
class Run:
    """One run, as a `Method` sees it; `minimize` makes it.

    A method asks for values and gradients with `evaluate`, and calls `accept` with every iterate.
    Either raises `Halt` when the run is over, which a method lets pass.

    Parameters
    ----------
    evaluator : Evaluator
    parametrization : Parametrization or None
    start : array, shape (H, W, 3), float32
    limits : mapping from str to object
        ``maxiter``, ``maxfun``, ``ftol``, ``gtol``, ``xtol`` and ``bounds`` of `minimize`, these
        of what is moved.
    callbacks : sequence of callable, default none
    started : float, optional
        When the call began, by `time.perf_counter`: now, by default.
    settings : mapping from str to object, optional
        What callbacks are told of them.

    Attributes
    ----------
    x : array, flat, float64
        Where to start: pixels, or parameters if there is a parametrisation. A method that has its
        own vectors may set this and `gradient` to `NOTHING`: nothing else reads them.
    first, gradient : float, and array, flat, float64
        The value and the gradient there.
    limits : mapping from str to object
        As given; the run sees to them, but for the bounds.
    bounds : (float, float) or None
        What every iterate has to lie in.
    average : vector or None
        A method may set it: a point beside the iterates that the result may be taken from.
    state : callable or None
        A method that resumes sets it: returns arrays by name, all that its next iterations depend
        on as of the last one that was accepted. ``"x"`` is where it was, and `x` of the run that
        goes on. What the run itself needs is added to that.
    origin : mapping from str to array
        What states say of the run that they come from.
    history : list of Iteration
        The accepted iterations.
    moving : bool
        Whether weights change by iteration: values of two iterations do not compare then.
    """

    __reduce_ex__: ClassVar[Stays] = stays(
        "it is one call of minimize; keep the result's state, and go on from it"
    )

    def __init__(
        self,
        evaluator: Evaluator,
        parametrization: Parametrization | None,
        start: Image,
        limits: Mapping[str, Any],
        callbacks: Sequence[Callback] = (),
        started: float | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.limits = limits
        self._settings = dict(settings or {})
        self.first: float = np.inf
        self.gradient: Vector = NOTHING
        self.average: Vector | None = None
        self.state: Callable[[], Mapping[str, Any]] | None = None
        self.origin: Mapping[str, NDArray[Any]] = {}
        self.history: list[Iteration] = []
        self.nfev: int = 0
        self.moving: bool = bool(evaluator.weights.moving)
        self._evaluator, self._callbacks = evaluator, callbacks
        self._started = time.perf_counter() if started is None else started
        self._tolerances = Tolerances(limits)
        self._unchecked = False  # whether the last accepted iteration may be enough
        self._best: Best | None = None
        first = first_point(parametrization, start)
        self._points = Points(evaluator, parametrization, first.shape)
        self.x: Vector = first.ravel()
        if self.bounds is not None:
            self.x = np.clip(self.x, *self.bounds)
        # The point evaluated last, with its value, gradient and losses, and the one accepted last.
        self._x: Vector = self.x
        self._last: Vector = self.x
        self._value = np.inf
        self._slopes: Vector = self.gradient
        self._values: Values = {}, {}
        # Losses, and the best point so far, where a state is taken.
        self._accepted: tuple[Values, Best | None] = self._values, None
        self._step = self._accepted_step = 0  # whose weights are in force, and were when accepted
        self._before = np.nan  # the value that the next accepted one is compared with
        self._reweighing = Reweighing(evaluator.weights)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """What every iterate has to lie in, if anything."""
        return self.limits["bounds"]  # type: ignore[no-any-return]

    def begin(
        self, state: Mapping[str, NDArray[Any]] | None = None, history: Sequence[Iteration] = ()
    ) -> None:
        """Make the first evaluation, before the method has it: at the start, or where a state is.

        Parameters
        ----------
        state : mapping from str to array, optional
            Of the run to go on from.
        history : sequence of Iteration, default none
            What of that run counts as this one's.
        """
        if state is not None:
            self._restore(state)
        self.history += history
        self._step = int(state["step"]) if history and state and "step" in state else 0
        self._evaluator.weights.follow(self._step, self.limits["maxiter"])
        self._accepted_step = self._step
        self.nfev = self.history[-1].nfev if history else 0  # the run before has made this one
        value, gradient = self._next(self.x)
        self.nfev -= bool(history)
        check_start(self._evaluator, self._points.pixels(self.x), value, gradient)
        self._note(own(self.x), value, gradient)
        begin()
        self._last = self._x
        self._accepted = self._values, self._best
        self._before = self.history[-1].fun if self.history else value
        self.first, self.gradient = value, own(gradient)
        self._tolerances.largest = self._tolerances.largest or float(np.abs(gradient).max())
        stuck = self._tolerances.largest == 0
        check_products(self._evaluator.objective, self._evaluator.parts, stuck)
        self._check_slope()

    def _check_slope(self) -> None:
        if self._tolerances.largest == 0:
            raise Halt(Status.CONVERGED, "converged: the gradient is zero")

    def evaluate(self, x: Vector) -> tuple[float, Vector]:
        """Return value and gradient at a point, and remember the best.

        Parameters
        ----------
        x : array or tensor, flat
            Of any floating precision. The point that was evaluated last is not evaluated again.

        Returns
        -------
        value : float
        gradient : array or tensor, of the kind and precision of `x`

        Raises
        ------
        Halt
            If ``maxfun`` evaluations are made, or the value, the gradient or a pixel is not finite.
        """
        self._visit(x)
        return self._value, own(self._slopes)

    def reweigh(self) -> None:
        """Let weights that change by iteration be those of now: for a method that reweighs."""
        self._step = len(self.history)
        if self._evaluator.weights.follow(self._step, self.limits["maxiter"]):
            self._x = NOTHING

    def accept(self, x: Vector) -> None:
        """Note an iterate, tell the callback of it, and see whether it is enough.

        Parameters
        ----------
        x : array or tensor, flat
            The point that was evaluated last, as a rule; another is evaluated once more.

        Raises
        ------
        Halt
            If a tolerance is met, ``maxiter`` iterations are made, or the callback asks for it.
        """
        self._visit(x)
        change = None
        if self.limits["xtol"] > 0:
            change = self._points.change(self._x, self._last)
        before, self._before, self._last = self._before, self._value, self._x
        if self.moving:
            before, self._best = np.nan, (self._value, self._x, self._values)
        self._accepted_step = self._step
        self._tolerances.note(before, change)
        self._accepted = self._values, self._best
        (losses, parts), seconds = self._values, time.perf_counter() - self._started
        now = Iteration(len(self.history) + 1, self.nfev, self._value, losses, seconds, parts=parts)
        self.history.append(now)
        self._call_back()
        self._reweighing.look()
        self._stop()

    def begin_anew(self) -> None:
        """Go on where it is, as if it began there, with the weights that were asked for."""
        tolerances = Tolerances(self.limits)
        tolerances.check(len(self.history), np.nan, np.inf)
        self.x, self._x = np.asarray(host(self._last), np.float64), NOTHING
        with self._reweighing.taken(len(self.history)):
            self._evaluator.weights.follow(self._step, self.limits["maxiter"])
            self._visit(self.x)
        self._best, self._last, self.average = (self._value, self._x, self._values), self._x, None
        self._accepted, self._before = (self._values, self._best), self._value
        self.first, self.gradient = self._value, own(self._slopes)
        self._tolerances, tolerances.largest = tolerances, float(np.abs(self.gradient).max())
        self._check_slope()

    def snapshot(self) -> dict[str, NDArray[Any]] | None:
        """Return all that the next iterations depend on, or None if no run can go on from it."""
        if self.state is None or self._reweighing.changes:
            return None
        (losses, _), best = self._accepted
        kept = {"losses": np.array([*losses.values()]), **self._tolerances.state()}
        if self.moving:
            kept["step"] = np.array(self._accepted_step)
        if best is not None:
            value, x, (losses, parts) = best
            kept["best"] = host(x)
            kept["best_losses"] = np.array([value, *losses.values(), *parts.values()])
        return {**self.origin, **kept, **self.state()}

    def _restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self.x = np.asarray(state["x"], np.float64).ravel()
        if "best" not in state:
            return  # of an earlier version
        self._tolerances.restore(state)
        self._unchecked = not np.isnan(self._tolerances.previous)
        value, *numbers = (float(number) for number in state["best_losses"])
        self._best = value, np.asarray(state["best"]), self._evaluator.by_name(numbers)

    def _visit(self, x: Vector) -> None:
        if same(x, self._x):
            return
        if self._unchecked:
            self._stop()
        if self.nfev >= (self.limits["maxfun"] or np.inf):
            raise Halt(Status.LIMIT, f"made maxfun = {self.nfev} evaluations")
        value, gradient = self._next(x)
        if not (np.isfinite(value) and all_finite(gradient)):
            what = not_finite(self._evaluator, x, self._points.pixels(x))
            raise Halt(
                Status.NONFINITE,
                f"{what} was not finite at evaluation {self.nfev}; the best image before is kept",
            )
        self._note(own(x), value, gradient)

    def _next(self, x: Vector) -> tuple[float, Vector]:
        """Evaluate, unless Ctrl-C has come; a second one ends the evaluation itself."""
        look()
        with patience(EVALUATION):
            evaluated = self._points.evaluate(x)
        self.nfev += 1
        return evaluated

    def _note(self, x: Vector, value: float, gradient: Vector) -> None:
        self._x, self._value, self._slopes = x, value, gradient
        self._values = self._evaluator.losses, self._evaluator.parts
        if self._best is None or (value < self._best[0] and not self.moving):
            self._best = (value, x, self._values)

    def _call_back(self) -> None:
        first, now, x = self.history[0], self.history[-1], self._x
        record = Progress(
            **{**vars(now), "losses": dict(now.losses), "parts": dict(now.parts)},
            shape=self._evaluator.shape,
            maxiter=self.limits["maxiter"],
            work_left=self.limits["maxiter"] - now.nit,
            settings={**self._settings, **self._reweighing.told()},
            pace=(now.seconds - first.seconds) / (now.nit - first.nit or math.nan),
            _image=functools.cache(lambda: self._evaluator.image(self._points.pixels(x))),
            _state=self.snapshot,
            _reweigh=self._reweighing.ask,
        )
        call(self._callbacks, record)

    def _stop(self) -> None:
        """Raise `Halt` if the last accepted iteration is enough."""
        self._unchecked = False
        steepest = np.inf
        if self.limits["gtol"] > 0:
            steepest = float(np.abs(projected(self._slopes, self._x, self.bounds)).max())
        self._tolerances.check(len(self.history), self._value, steepest)

    def result(self, status: Status, message: str, settings: dict[str, Any]) -> StyleResult:
        """Put together what `minimize` returns."""
        if self._best is None:
            raise RuntimeError("there is no result before the first evaluation")
        self._evaluator.weights.follow(self._accepted_step, self.limits["maxiter"])
        if self.average is not None and not self.moving:
            value, _ = self._points.evaluate(self.average)
            if value < self._best[0]:
                self._best = (value, self.average, (self._evaluator.losses, self._evaluator.parts))
        value, x, (losses, parts) = self._best
        pixels = self._points.pixels(x)
        if self.bounds is None and (pixels.min() < 0 or pixels.max() > 1):
            # Report the picture that is returned, which is clipped.
            value, _ = self._evaluator.unchecked(np.clip(pixels, 0.0, 1.0))
            losses, parts = self._evaluator.losses, self._evaluator.parts
        return StyleResult(
            image=self._evaluator.image(pixels),
            fun=value,
            losses=losses,
            parts=parts,
            history=tuple(self.history),
            nit=len(self.history),
            nfev=self.nfev,
            seconds=time.perf_counter() - self._started,
            success=status in (Status.CONVERGED, Status.LIMIT, Status.CALLBACK),
            status=status,
            message=message,
            settings={**settings, **self._reweighing.told()},
            state=self.snapshot(),
            objective=self._evaluator.objective,
        )
