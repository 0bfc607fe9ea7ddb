"""Moving the pixels: `minimize`."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle.evaluate import Evaluator, image_shape
from neuralstyle.features import Extractor
from neuralstyle.images import check_image
from neuralstyle.objective import Loss, StyleObjective
from neuralstyle.progress import progress_bar
from neuralstyle.result import Callback, Image, Iteration, Progress, Status, StyleResult, as_image

logger = logging.getLogger(__name__)

FIRST_STEP = 0.01
"""Root mean square change of the pixels that the first step of a run tries, about."""


@final
class _Halt(Exception):
    """Ends SciPy's run from within."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


def minimize(
    objective: StyleObjective | Loss,
    extractor: Extractor,
    init: Any,
    *,
    shape: tuple[int, ...] | None = None,
    seed: int = 0,
    maxiter: int = 300,
    maxfun: int | None = None,
    maxcor: int = 10,
    ftol: float = 1e-9,
    gtol: float = 0.0,
    maxls: int = 20,
    bounds: tuple[float, float] | None = None,
    callback: Callback | None = None,
    progress: bool = False,
) -> StyleResult:
    r"""Minimise an objective over the pixels of an image, by L-BFGS-B.

    Parameters
    ----------
    objective : StyleObjective or Loss
    extractor : callable
        Turns an image tensor into features: a `VGG19Features`, for instance.
    init : array, shape (H, W, 3), floating, RGB in [0, 1], or "noise"
        Where to start; it is not written to. ``"noise"`` is uniform noise around grey, of `shape`
        and from `seed`.
    shape : (int, int), optional
        Height and width for ``init="noise"``.
    seed : int, default 0
        For ``init="noise"``.
    maxiter : int, default 300
        Iterations at the most.
    maxfun : int, optional
        Evaluations at the most. There is no limit by default; an iteration takes little more than
        one.
    maxcor : int, default 10
        Corrections that L-BFGS remembers. Its memory is about ``(2 * maxcor + 5) * 8`` bytes for
        each of the H * W * 3 numbers.
    ftol : float, default 1e-9
        Stop when an iteration lowers the value by less than this fraction of it.
    gtol : float, default 0
        Stop when no pixel's derivative exceeds this times the largest at the start.
    maxls : int, default 20
        Evaluations in one line search at the most.
    bounds : (float, float) or None, default None
        Range that pixels are kept in at every iteration, or None for none. The returned image is
        clipped to [0, 1] in either case, and its value is that after clipping (one more
        evaluation, if there is anything to clip).
    callback : callable, optional
        Called with a `Progress` after every accepted iteration. If it raises `StopIteration` the
        run ends and returns its result.
    progress : bool, default False
        Draw a progress bar on standard error.

    Returns
    -------
    StyleResult
        With the best finite iterate. Ctrl-C during the run returns it too, as does a loss that
        stops being finite (then ``success`` is False).

    Raises
    ------
    TypeError, ValueError, KeyError
        If an argument is not as above, or the objective does not fit the extractor and the image.
    ValueError
        If a loss or the gradient is not finite at the start; the message names the terms.
    Exception
        What the callback raises passes through, with the result so far in its attribute
        ``partial_result``.

    Notes
    -----
    This is one call of `scipy.optimize.fmin_l_bfgs_b`, with one function that returns value and
    gradient together; nothing restarts it, which would lose its curvature history. SciPy sees
    pixels and objective times constants, chosen at the start such that the first step it tries
    moves the pixels by about a hundredth in the root mean square; the bare objective, whose
    gradient is 1e-6 per pixel or less, would make it creep at first and then meet SciPy's
    tolerances at once. `ftol` and `gtol` are relative at every size and weighting.

    Bounds are exact, but cost SciPy three times the time per iteration: a fifth of a run with VGG19
    at 512 px, where free pixels cost a twentieth. Style transfer hardly leaves the range by itself;
    pictures clipped at the end are the same to the eye, with losses within 1 % of those in the box.
    Give bounds where a loss has no minimum, such as ``-brightness``, or must not see other values.

    Examples
    --------
    >>> from neuralstyle import TotalVariationLoss
    >>> noisy = np.random.default_rng(0).uniform(size=(8, 8, 3)).astype(np.float32)
    >>> result = minimize(TotalVariationLoss(), lambda image: {"input": image}, noisy, maxiter=5)
    >>> result.nit, result.status, result.fun < result.history[0].fun
    (5, <Status.LIMIT: 1>, True)
    """
    started = time.perf_counter()
    limits = check_limits(maxiter, maxfun, maxcor, maxls, ftol, gtol, bounds)
    check_callback(callback)
    start = initial_image(init, shape=shape, seed=seed)
    evaluator = Evaluator(objective, extractor, start.shape)
    settings = {
        "objective": str(evaluator.objective),
        "extractor": repr(extractor),
        "init": init if isinstance(init, str) else "image",
        "shape": evaluator.shape,
        "seed": seed,
        **limits,
        "versions": _versions(),
    }
    x = start.ravel().astype(np.float64)
    if limits["bounds"] is not None:
        x = np.clip(x, *limits["bounds"])
    with progress_bar(progress) as draw:
        callbacks = [c for c in (draw, callback) if c is not None]
        run = _Run(evaluator, limits, callbacks, started)
        try:
            status, message = run.minimize(x)
        except Exception as error:
            if run.history:
                message = f"{type(error).__name__} in the callback or a loss"
                partial = run.result(Status.ABNORMAL, message, settings)
                error.partial_result = partial  # type: ignore[attr-defined]
            raise
    logger.info("%s; %d iterations, %d evaluations", message, len(run.history), run.nfev)
    return run.result(status, message, settings)


def initial_image(init: Any, *, shape: tuple[int, ...] | None = None, seed: int = 0) -> Image:
    """Return the image that a run starts from: a copy of an image, or seeded noise.

    Parameters
    ----------
    init : array, shape (H, W, 3), floating, RGB in [0, 1], or "noise"
    shape : (int, int), optional
        Height and width of the noise.
    seed : int, default 0

    Returns
    -------
    array, shape (H, W, 3), float32

    Raises
    ------
    TypeError, ValueError
        If `init` is neither, or if noise is asked for without a shape.

    Examples
    --------
    >>> initial_image("noise", shape=(4, 6)).shape
    (4, 6, 3)
    """
    if not isinstance(init, str):
        if shape is not None:
            raise ValueError(f"shape: expected None with an image as init, received {shape!r}")
        image: Image = check_image(init, "init").copy()
        return image
    if init != "noise":
        raise ValueError(
            f'init: expected an image or "noise", received {init!r}'
            + (" (only stylize knows that image)" if init in ("content", "style") else "")
        )
    if shape is None:
        raise ValueError('shape: expected (height, width) with init="noise", received None')
    noise = np.random.default_rng(seed).uniform(0.35, 0.65, image_shape(shape))
    return noise.astype(np.float32)


@final
class _Run:
    """The state of one run: what SciPy's function and callback see and leave behind."""

    def __init__(
        self,
        evaluator: Evaluator,
        limits: Mapping[str, Any],
        callbacks: Sequence[Callback],
        started: float,
    ) -> None:
        self.evaluator = evaluator
        self.limits = limits
        self.callbacks = callbacks
        self.started = started
        self.nfev = 0
        self.history: list[Iteration] = []
        self.first = self.fun = np.inf
        # SciPy sees pixels divided by `unit` and values multiplied by `scale`.
        self.unit = 1.0
        self.scale = 1.0
        self.best: tuple[float, NDArray[np.float64], dict[str, float]] | None = None

    def minimize(self, x: NDArray[np.float64]) -> tuple[Status, str]:
        """Run SciPy from `x`; everything that it finds is in the attributes."""
        from scipy.optimize import fmin_l_bfgs_b

        limits = self.limits
        bounds = limits["bounds"]
        try:
            first = self.start(x)
            start = x / self.unit
            _, _, info = fmin_l_bfgs_b(
                # SciPy's first evaluation is the one that has just been made.
                lambda y: first if self.nfev == 1 and np.array_equal(start, y) else self.scaled(y),
                start,
                bounds=None if bounds is None else [tuple(np.divide(bounds, self.unit))] * x.size,
                m=limits["maxcor"],
                factr=0.0,  # SciPy's test is not relative for small values: see `accept`
                pgtol=limits["gtol"] * float(np.abs(first[1]).max()),
                maxiter=limits["maxiter"],
                maxfun=np.inf,  # SciPy's limit gives way to a line search: see `scaled`
                maxls=limits["maxls"],
                callback=self.accept,
            )
        except _Halt as halt:
            return halt.status, str(halt)
        except KeyboardInterrupt:
            if self.best is None:
                raise
            return Status.INTERRUPTED, "interrupted by the user"
        return self._ending(info)

    def start(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Make the first evaluation, and choose the scales of all from it."""
        fun, gradient = self.evaluator(x)
        self.nfev += 1
        wrong = self._nonfinite_terms()
        if wrong or not np.isfinite(fun):
            names = ", ".join(wrong or self.evaluator.losses)
            raise ValueError(f"objective: expected a finite value at the start, see {names}")
        if not np.isfinite(gradient).all():
            raise ValueError(
                "objective: expected a finite gradient at the start, as its value is; the terms "
                f"are {', '.join(self.evaluator.losses)}"
            )
        self.first = fun
        self._note(fun, x)
        # SciPy's first step has the length of the gradient that it sees, or 1 without bounds: make
        # both the same. A power of two scales the pixels without rounding them.
        norm = float(np.linalg.norm(gradient))
        if norm > 0:
            self.unit = 2.0 ** np.round(np.log2(FIRST_STEP * np.sqrt(x.size)))
            self.scale = 1.0 / (self.unit * norm)
        return fun * self.scale, gradient * (self.unit * self.scale)

    def scaled(self, y: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Give SciPy the scaled value and gradient, and remember the best point."""
        if self.nfev == self.limits["maxfun"]:
            raise _Halt(Status.LIMIT, f"made maxfun = {self.nfev} evaluations")
        x = y * self.unit
        fun, gradient = self.evaluator(x)
        self.nfev += 1
        if not (np.isfinite(fun) and np.isfinite(gradient).all()):
            wrong = self._nonfinite_terms()
            what = f"the loss {', '.join(wrong)}" if wrong else "the gradient"
            raise _Halt(
                Status.NONFINITE,
                f"{what} was not finite at evaluation {self.nfev}; the best image before is kept",
            )
        self._note(fun, x)
        gradient *= self.unit * self.scale
        return fun * self.scale, gradient

    def _nonfinite_terms(self) -> list[str]:
        return [name for name, loss in self.evaluator.losses.items() if not np.isfinite(loss)]

    def _note(self, fun: float, x: NDArray[np.float64]) -> None:
        self.fun = fun
        if self.best is None or fun < self.best[0]:
            self.best = (fun, x, self.evaluator.losses)

    def accept(self, y: NDArray[np.float64]) -> None:
        """Note an accepted iteration (the last point evaluated) and call the callbacks."""
        previous = self.history[-1].fun if self.history else self.first
        self.history.append(
            Iteration(
                nit=len(self.history) + 1,
                nfev=self.nfev,
                fun=self.fun,
                losses=self.evaluator.losses,
                seconds=time.perf_counter() - self.started,
            )
        )
        if self.callbacks:
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
                _x=y * self.unit,
            )
            for callback in self.callbacks:
                try:
                    callback(record)
                except StopIteration as stop:
                    reason = f": {stop.value}" if stop.value is not None else ""
                    raise _Halt(Status.CALLBACK, f"halted by the callback{reason}") from None
        ftol = self.limits["ftol"]
        fall = previous - self.fun
        if 0 <= fall <= ftol * max(abs(previous), abs(self.fun)):
            raise _Halt(
                Status.CONVERGED, f"converged: the loss falls by less than {ftol:g} of itself"
            )

    def _ending(self, info: Mapping[str, Any]) -> tuple[Status, str]:
        status = Status(info["warnflag"])
        if status is Status.CONVERGED:
            return status, "converged: the gradient is as small as asked, or the loss stands still"
        if status is Status.LIMIT:
            return status, f"made maxiter = {self.limits['maxiter']} iterations"
        return status, f"the line search found no lower value ({info['task']})"

    def result(self, status: Status, message: str, settings: dict[str, Any]) -> StyleResult:
        """Put together what the run returns."""
        if self.best is None:
            raise RuntimeError("there is no result before the first evaluation")
        fun, x, losses = self.best
        if self.limits["bounds"] is None and (x.min() < 0 or x.max() > 1):
            # Report the picture that is returned, which is clipped.
            fun, _ = self.evaluator(np.clip(x, 0.0, 1.0))
            losses = self.evaluator.losses
        return StyleResult(
            image=as_image(x, self.evaluator.shape),
            fun=fun,
            losses=losses,
            history=tuple(self.history),
            nit=len(self.history),
            nfev=self.nfev,
            seconds=time.perf_counter() - self.started,
            success=status in (Status.CONVERGED, Status.LIMIT, Status.CALLBACK),
            status=status,
            message=message,
            settings=settings,
        )


def check_callback(callback: Any) -> None:
    """Check that a callback can be called, if there is one."""
    if callback is not None and not callable(callback):
        raise TypeError(f"callback: expected a callable, received {callback!r}")


def check_limits(
    maxiter: Any, maxfun: Any, maxcor: Any, maxls: Any, ftol: Any, gtol: Any, bounds: Any
) -> dict[str, Any]:
    """Check the numbers that `minimize` takes, and return them by name."""
    counts = {"maxiter": maxiter, "maxfun": maxfun, "maxcor": maxcor, "maxls": maxls}
    for name, count in counts.items():
        if count is None and name == "maxfun":
            continue
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)):
            raise TypeError(f"{name}: expected a whole number, received {count!r}")
        if count < 1:
            raise ValueError(f"{name}: expected at least 1, received {count}")
    for name, tolerance in {"ftol": ftol, "gtol": gtol}.items():
        if isinstance(tolerance, bool) or not isinstance(tolerance, Real):
            raise TypeError(f"{name}: expected a number, received {tolerance!r}")
        if not 0 <= float(tolerance) < np.inf:
            raise ValueError(f"{name}: expected a number of at least 0, received {tolerance!r}")
    if bounds is not None:
        try:
            low, high = (float(bound) for bound in bounds)
        except (TypeError, ValueError):
            raise TypeError(f"bounds: expected (low, high) or None, received {bounds!r}") from None
        if not low < high:
            raise ValueError(f"bounds: expected low below high, received {bounds!r}")
        bounds = (low, high)
    return {**counts, "ftol": ftol, "gtol": gtol, "bounds": bounds}


def _versions() -> dict[str, str]:
    import keras
    import scipy
    import tensorflow

    import neuralstyle

    modules = (neuralstyle, tensorflow, keras, np, scipy)
    return {module.__name__: module.__version__ for module in modules}
