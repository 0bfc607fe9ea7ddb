"""One run of `minimize`: what every method sees, notes and stops at, whichever it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._checks import stays
from neuralstyle._types import Image, Tensor
from neuralstyle.optimize.evaluator import Evaluator
from neuralstyle.optimize.interruption import EVALUATION, begin, look, patience
from neuralstyle.optimize.parametrizations import Parametrization
from neuralstyle.optimize.result import (
    Callback,
    Halt,
    Iteration,
    Progress,
    Status,
    StyleResult,
    as_image,
)

Vector: TypeAlias = Tensor
"""A flat array, or a flat tensor on another device."""

STILL = 3
"""Iterations running that have to change the picture by less than `xtol`."""


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
        When the call began, on the clock of `time.perf_counter`: now, by default.
    settings : mapping from str to object, optional
        What callbacks are told of them.

    Attributes
    ----------
    x : array, flat, float64
        Where to start: pixels, or parameters if there is a parametrisation.
    first : float
        The value there.
    gradient : array, flat, float64
        The gradient there.
    limits : mapping from str to object
        As given; the run sees to them, but for the bounds.
    bounds : (float, float) or None
        What every iterate has to lie in.
    average : vector or None
        A method may set it: a point beside the iterates that the result may be taken from.
    state : callable or None
        A method that resumes sets it: returns arrays by name, all that the next iterations depend
        on as of the last one that was accepted. ``"x"`` is where it was, and `x` of the run that
        goes on.
    """

    __reduce_ex__ = stays("it is one call of minimize; keep the result's state, and go on from it")

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
        self.first = np.inf
        self.gradient: Vector = np.empty(0)
        self.average: Vector | None = None
        self.state: Callable[[], Mapping[str, Any]] | None = None
        self.history: list[Iteration] = []
        self.nfev = 0
        self._evaluator = evaluator
        self._parametrization = parametrization
        self._callbacks = callbacks
        self._started = time.perf_counter() if started is None else started
        self._largest, self._still = 0.0, 0
        self._best: tuple[float, Vector, dict[str, float]] | None = None
        if parametrization is None:
            self._shape: tuple[int, ...] = (1, *evaluator.shape)
            self.x = start.ravel().astype(np.float64)
        else:
            parameters = parametrization.parameters(ops.convert_to_tensor(start[None]))
            self._shape = tuple(parameters.shape)
            self.x = ops.convert_to_numpy(parameters).ravel().astype(np.float64)
        if self.bounds is not None:
            self.x = np.clip(self.x, *self.bounds)
        # The point that was evaluated last, with its value, gradient and losses.
        self._x: Vector = self.x
        self._value = np.inf
        self._slopes: Vector = self.gradient
        self._losses: dict[str, float] = {}
        self._accepted: dict[str, float] = {}  # losses, where a state is taken

    @property
    def bounds(self) -> tuple[float, float] | None:
        """What every iterate has to lie in, if anything."""
        bounds: tuple[float, float] | None = self.limits["bounds"]
        return bounds

    def begin(self, x: NDArray[np.float64] | None = None) -> None:
        """Make the first evaluation, at `x` or where the run starts: before the method has it."""
        if x is not None:
            self.x = x
        value, gradient = self._next(self.x)
        wrong = self._nonfinite_terms()
        if wrong or not np.isfinite(value):
            names = ", ".join(wrong or self._evaluator.losses)
            raise ValueError(f"objective: expected a finite value at the start, see {names}")
        if not np.isfinite(gradient).all():
            raise ValueError(
                "objective: expected a finite gradient at the start, as its value is; the terms "
                f"are {', '.join(self._evaluator.losses)}"
            )
        self._note(_own(self.x), value, gradient)
        begin()
        self._accepted = self._losses
        self.first, self.gradient = value, _own(gradient)
        self._largest = float(np.abs(gradient).max())
        self._before = self._x
        if self._largest == 0:
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
        gradient : array or tensor, flat
            In the kind and precision of `x`.

        Raises
        ------
        Halt
            If ``maxfun`` evaluations are made, or something is not finite.
        """
        self._visit(x)
        return self._value, _own(self._slopes)

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
        previous = self.history[-1].fun if self.history else self.first
        self._accepted = self._losses
        self.history.append(
            Iteration(
                nit=len(self.history) + 1,
                nfev=self.nfev,
                fun=self._value,
                losses=self._losses,
                seconds=time.perf_counter() - self._started,
            )
        )
        self._call_back()
        self._stop(previous)

    def _visit(self, x: Vector) -> None:
        if _same(x, self._x):
            return
        if self.nfev == self.limits["maxfun"]:
            raise Halt(Status.LIMIT, f"made maxfun = {self.nfev} evaluations")
        value, gradient = self._next(x)
        if not (np.isfinite(value) and _all_finite(gradient)):
            wrong = self._nonfinite_terms()
            what = f"the loss {', '.join(wrong)}" if wrong else "the gradient"
            raise Halt(
                Status.NONFINITE,
                f"{what} was not finite at evaluation {self.nfev}; the best image before is kept",
            )
        self._note(_own(x), value, gradient)

    def _next(self, x: Vector) -> tuple[float, Vector]:
        """Evaluate, unless Ctrl-C has come; a second one ends the evaluation itself."""
        look()
        with patience(EVALUATION):
            evaluated = self._evaluated(x)
        self.nfev += 1
        return evaluated

    def _evaluated(self, x: Vector) -> tuple[float, Vector]:
        if self._parametrization is None and isinstance(x, np.ndarray):
            return self._evaluator(x)
        tensor = ops.reshape(ops.convert_to_tensor(x, "float32"), self._shape)
        if self._parametrization is None:
            value, gradient = self._evaluator.at(tensor)
        else:
            value, gradient = self._evaluator.through(self._parametrization.pixels, tensor)
        gradient = ops.reshape(gradient, (-1,))
        if isinstance(x, np.ndarray):
            gradient = ops.convert_to_numpy(gradient).astype(x.dtype)
        return value, gradient

    def _nonfinite_terms(self) -> list[str]:
        return [name for name, loss in self._evaluator.losses.items() if not np.isfinite(loss)]

    def _note(self, x: Vector, value: float, gradient: Vector) -> None:
        self._x, self._value, self._slopes = x, value, gradient
        self._losses = self._evaluator.losses
        if self._best is None or value < self._best[0]:
            self._best = (value, x, self._losses)

    def _pixels(self, x: Vector) -> NDArray[np.float64]:
        """Return the pixels at a point, flat and as they are."""
        if self._parametrization is not None:
            tensor = ops.reshape(ops.convert_to_tensor(x, "float32"), self._shape)
            x = self._parametrization.pixels(tensor)
        return np.asarray(ops.convert_to_numpy(x), np.float64).ravel()

    def _call_back(self) -> None:
        now, x = self.history[-1], self._x
        record = Progress(
            nit=now.nit,
            nfev=now.nfev,
            fun=now.fun,
            losses=dict(now.losses),
            seconds=now.seconds,
            shape=self._evaluator.shape,
            maxiter=self.limits["maxiter"],
            work_left=self.limits["maxiter"] - now.nit,
            settings=self._settings,
            _image=lambda: as_image(self._pixels(x), self._evaluator.shape),
        )
        for callback in self._callbacks:
            try:
                with patience(EVALUATION):
                    callback(record)
            except StopIteration as stop:
                reason = f": {stop.value}" if stop.value is not None else ""
                raise Halt(Status.CALLBACK, f"halted by the callback{reason}") from None

    def _stop(self, previous: float) -> None:
        """Raise `Halt` if one of the tolerances is met, or the last iteration made."""
        limits, value = self.limits, self._value
        if 0 <= previous - value <= limits["ftol"] * max(abs(previous), abs(value)):
            raise Halt(
                Status.CONVERGED,
                f"converged: the loss falls by less than {limits['ftol']:g} of itself",
            )
        if limits["gtol"] > 0 and self._steepest() <= limits["gtol"] * self._largest:
            raise Halt(
                Status.CONVERGED,
                f"converged: no derivative exceeds {limits['gtol']:g} of the largest at the start",
            )
        if limits["xtol"] > 0:
            change = 255 * np.abs(self._pixels(self._x) - self._pixels(self._before)).mean()
            self._before = self._x
            self._still = self._still + 1 if change < limits["xtol"] else 0
            if self._still == STILL:
                raise Halt(
                    Status.CONVERGED,
                    f"converged: {STILL} iterations running changed the picture by less than "
                    f"{limits['xtol']:g} grey levels on average",
                )
        if len(self.history) == limits["maxiter"]:
            raise Halt(Status.LIMIT, f"made maxiter = {limits['maxiter']} iterations")

    def _steepest(self) -> float:
        """Return the largest derivative in a direction that the bounds leave open."""
        slopes = ops.convert_to_numpy(self._slopes)
        if self.bounds is not None:
            low, high = self.bounds
            x = ops.convert_to_numpy(self._x)
            slopes = np.where(((x <= low) & (slopes > 0)) | ((x >= high) & (slopes < 0)), 0, slopes)
        return float(np.abs(slopes).max())

    def result(
        self,
        status: Status,
        message: str,
        settings: dict[str, Any],
        origin: Mapping[str, NDArray[Any]],
    ) -> StyleResult:
        """Put together what `minimize` returns; `origin` is what a state says of its run."""
        if self._best is None:
            raise RuntimeError("there is no result before the first evaluation")
        if self.average is not None and self.history:
            value, _ = self._evaluated(self.average)
            if value < self._best[0]:
                self._best = (value, self.average, self._evaluator.losses)
        value, x, losses = self._best
        pixels = self._pixels(x)
        if self.bounds is None and (pixels.min() < 0 or pixels.max() > 1):
            # Report the picture that is returned, which is clipped.
            value, _ = self._evaluator(np.clip(pixels, 0.0, 1.0))
            losses = self._evaluator.losses
        state = None
        if self.state is not None:
            state = {**origin, "losses": np.array([*self._accepted.values()]), **self.state()}
        return StyleResult(
            image=as_image(pixels, self._evaluator.shape),
            fun=value,
            losses=losses,
            history=tuple(self.history),
            nit=len(self.history),
            nfev=self.nfev,
            seconds=time.perf_counter() - self._started,
            success=status in (Status.CONVERGED, Status.LIMIT, Status.CALLBACK),
            status=status,
            message=message,
            settings=settings,
            state=state,
        )


def _own(x: Vector) -> Vector:
    """Return a copy of what its owner may write to."""
    return x.copy() if isinstance(x, np.ndarray) else x


def _same(a: Vector, b: Vector) -> bool:
    if type(a) is not type(b) or a.dtype != b.dtype or a.shape != b.shape:
        return False
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(ops.all(ops.equal(a, b)))


def _all_finite(vector: Vector) -> bool:
    # The sum has in it what is not finite, and is quicker to make than one answer for each number.
    total = vector.sum() if isinstance(vector, np.ndarray) else ops.sum(vector)
    return bool(np.isfinite(float(total)))
