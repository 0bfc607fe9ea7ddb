"""One run of an optimiser: what every method sees, notes and stops at, whichever it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._types import Image, Tensor
from neuralstyle.optimize.evaluator import Evaluator
from neuralstyle.optimize.parametrizations import Parametrization
from neuralstyle.optimize.result import Callback, Iteration, Progress, Status, StyleResult, as_image

Vector: TypeAlias = Tensor
"""A flat array, or a flat tensor on another device."""

STILL = 3
"""Iterations running that have to change the picture by less than `xtol`."""


@final
class Halt(Exception):
    """Ends a run from within."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


@final
class Descent:
    """The state of one run.

    A method asks for values and gradients with `evaluate`, and calls `accept` when it has accepted
    the point that it evaluated last; either raises `Halt` when the run is over.

    Attributes
    ----------
    x : array, flat, float64
        Where the run starts: pixels, or parameters if there is a parametrisation.
    first, gradient
        Value and gradient there, once the run has begun.
    limits : dict from str to object
        What `check_limits` returned.
    average : vector or None
        A point beside the iterates that the result may be taken from, if the method has one.
    state : callable or None
        Returns what the method needs to go on, if it can.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        parametrization: Parametrization | None,
        start: Image,
        limits: Mapping[str, Any],
        callbacks: Sequence[Callback],
        started: float,
    ) -> None:
        self.evaluator = evaluator
        self.limits = limits
        self.history: list[Iteration] = []
        self.nfev = 0
        self.first = np.inf
        self.gradient: Vector = np.empty(0)
        self.average: Vector | None = None
        self.state: Callable[[], dict[str, Any]] | None = None
        self._parametrization = parametrization
        self._callbacks = callbacks
        self._started = started
        self._value = np.inf
        self._largest = 0.0
        self._still = 0
        self._best: tuple[float, Vector, dict[str, float]] | None = None
        if parametrization is None:
            self._shape: tuple[int, ...] = (1, *evaluator.shape)
            self.x = start.ravel().astype(np.float64)
            if limits["bounds"] is not None:
                self.x = np.clip(self.x, *limits["bounds"])
        else:
            parameters = parametrization.parameters(ops.convert_to_tensor(start[None]))
            self._shape = tuple(parameters.shape)
            self.x = ops.convert_to_numpy(parameters).ravel().astype(np.float64)

    def begin(self, x: NDArray[np.float64] | None = None) -> None:
        """Make the first evaluation, at `x` or where the run starts."""
        if x is not None:
            self.x = x
        value, gradient = self._evaluated(self.x)
        self.nfev += 1
        wrong = self._nonfinite_terms()
        if wrong or not np.isfinite(value):
            names = ", ".join(wrong or self.evaluator.losses)
            raise ValueError(f"objective: expected a finite value at the start, see {names}")
        if not np.isfinite(gradient).all():
            raise ValueError(
                "objective: expected a finite gradient at the start, as its value is; the terms "
                f"are {', '.join(self.evaluator.losses)}"
            )
        self._note(value, gradient, self.x)
        self.first, self.gradient = value, gradient
        self._largest = float(np.abs(gradient).max())
        self._before = self.x
        if self._largest == 0:
            raise Halt(Status.CONVERGED, "converged: the gradient is zero")

    def evaluate(self, x: Vector) -> tuple[float, Vector]:
        """Return value and gradient at `x`, in its kind and precision, and remember the best."""
        if self.nfev == self.limits["maxfun"]:
            raise Halt(Status.LIMIT, f"made maxfun = {self.nfev} evaluations")
        value, gradient = self._evaluated(x)
        self.nfev += 1
        if not (np.isfinite(value) and _all_finite(gradient)):
            wrong = self._nonfinite_terms()
            what = f"the loss {', '.join(wrong)}" if wrong else "the gradient"
            raise Halt(
                Status.NONFINITE,
                f"{what} was not finite at evaluation {self.nfev}; the best image before is kept",
            )
        self._note(value, gradient, x)
        return value, gradient

    def accept(self, x: Vector) -> None:
        """Note an accepted iteration, at the point evaluated last, and see whether it is enough."""
        previous = self.history[-1].fun if self.history else self.first
        self.history.append(
            Iteration(
                nit=len(self.history) + 1,
                nfev=self.nfev,
                fun=self._value,
                losses=self.evaluator.losses,
                seconds=time.perf_counter() - self._started,
            )
        )
        self._call_back(x)
        self._stop(x, previous)

    def _evaluated(self, x: Vector) -> tuple[float, Vector]:
        if self._parametrization is None and isinstance(x, np.ndarray):
            return self.evaluator(x)
        tensor = ops.reshape(ops.convert_to_tensor(x, "float32"), self._shape)
        if self._parametrization is None:
            value, gradient = self.evaluator.at(tensor)
        else:
            value, gradient = self.evaluator.through(self._parametrization.pixels, tensor)
        gradient = ops.reshape(gradient, (-1,))
        if isinstance(x, np.ndarray):
            gradient = ops.convert_to_numpy(gradient).astype(x.dtype)
        return value, gradient

    def _nonfinite_terms(self) -> list[str]:
        return [name for name, loss in self.evaluator.losses.items() if not np.isfinite(loss)]

    def _note(self, value: float, gradient: Vector, x: Vector) -> None:
        self._value, self._slopes = value, gradient
        if self._best is None or value < self._best[0]:
            self._best = (value, x, self.evaluator.losses)

    def _pixels(self, x: Vector) -> NDArray[np.float64]:
        """Return the pixels at a point, flat and as they are."""
        if self._parametrization is not None:
            tensor = ops.reshape(ops.convert_to_tensor(x, "float32"), self._shape)
            x = self._parametrization.pixels(tensor)
        return np.asarray(ops.convert_to_numpy(x), np.float64).ravel()

    def _call_back(self, x: Vector) -> None:
        if not self._callbacks:
            return
        now = self.history[-1]
        record = Progress(
            nit=now.nit,
            nfev=now.nfev,
            fun=now.fun,
            losses=dict(now.losses),
            seconds=now.seconds,
            shape=self.evaluator.shape,
            maxiter=self.limits["maxiter"],
            work_left=self.limits["maxiter"] - now.nit,
            _image=lambda: as_image(self._pixels(x), self.evaluator.shape),
        )
        for callback in self._callbacks:
            try:
                callback(record)
            except StopIteration as stop:
                reason = f": {stop.value}" if stop.value is not None else ""
                raise Halt(Status.CALLBACK, f"halted by the callback{reason}") from None

    def _stop(self, x: Vector, previous: float) -> None:
        """Raise `Halt` if one of the tolerances is met, or the last iteration made."""
        limits, value = self.limits, self._value
        if 0 <= previous - value <= limits["ftol"] * max(abs(previous), abs(value)):
            raise Halt(
                Status.CONVERGED,
                f"converged: the loss falls by less than {limits['ftol']:g} of itself",
            )
        if limits["gtol"] > 0 and self._steepest(x) <= limits["gtol"] * self._largest:
            raise Halt(
                Status.CONVERGED,
                f"converged: no derivative exceeds {limits['gtol']:g} of the largest at the start",
            )
        if limits["xtol"] > 0:
            change = 255 * np.abs(self._pixels(x) - self._pixels(self._before)).mean()
            self._before = x
            self._still = self._still + 1 if change < limits["xtol"] else 0
            if self._still == STILL:
                raise Halt(
                    Status.CONVERGED,
                    f"converged: {STILL} iterations running changed the picture by less than "
                    f"{limits['xtol']:g} grey levels on average",
                )
        if len(self.history) == limits["maxiter"]:
            raise Halt(Status.LIMIT, f"made maxiter = {limits['maxiter']} iterations")

    def _steepest(self, x: Vector) -> float:
        """Return the largest derivative in a direction that the bounds leave open."""
        slopes = ops.convert_to_numpy(self._slopes)
        if self.limits["bounds"] is not None:
            low, high = self.limits["bounds"]
            x = ops.convert_to_numpy(x)
            slopes = np.where(((x <= low) & (slopes > 0)) | ((x >= high) & (slopes < 0)), 0, slopes)
        return float(np.abs(slopes).max())

    def result(self, status: Status, message: str, settings: dict[str, Any]) -> StyleResult:
        """Put together what the run returns."""
        if self._best is None:
            raise RuntimeError("there is no result before the first evaluation")
        if self.average is not None and self.history:
            value, _ = self._evaluated(self.average)
            if value < self._best[0]:
                self._best = (value, self.average, self.evaluator.losses)
        value, x, losses = self._best
        pixels = self._pixels(x)
        if self.limits["bounds"] is None and (pixels.min() < 0 or pixels.max() > 1):
            # Report the picture that is returned, which is clipped.
            value, _ = self.evaluator(np.clip(pixels, 0.0, 1.0))
            losses = self.evaluator.losses
        return StyleResult(
            image=as_image(pixels, self.evaluator.shape),
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
            state=None if self.state is None else self.state(),
        )


def _all_finite(vector: Vector) -> bool:
    # The sum has in it what is not finite, and is quicker to make than one answer for each number.
    total = vector.sum() if isinstance(vector, np.ndarray) else ops.sum(vector)
    return bool(np.isfinite(float(total)))
