"""Moving the pixels: `minimize`."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any, Literal

import numpy as np

from neuralstyle._checks import check_callback, gone, interval, number, shown, whole_number
from neuralstyle._kernels.device import backend_version
from neuralstyle._types import SupportsArray
from neuralstyle.features.base import Extractor
from neuralstyle.features.tiles import TileSide
from neuralstyle.losses.objective import ObjectiveLike
from neuralstyle.optimize.beginning import beginning
from neuralstyle.optimize.evaluation.evaluator import Evaluator
from neuralstyle.optimize.interruption import interruption, note
from neuralstyle.optimize.methods.base import Method, State
from neuralstyle.optimize.methods.methods import LBFGSB, MethodLike, as_method
from neuralstyle.optimize.parametrizations import Parametrization
from neuralstyle.optimize.result import (
    Callback,
    Halt,
    Iteration,
    Status,
    StyleResult,
    interrupted,
)
from neuralstyle.optimize.reweighing import Anew
from neuralstyle.optimize.run import Run
from neuralstyle.optimize.showing.progress import progress_bar
from neuralstyle.optimize.states import check_losses, check_state, origin

logger: logging.Logger = logging.getLogger(__name__)

_DEFAULT = LBFGSB()


@gone(
    maxcor="is now an option of the method: method=LBFGSB(maxcor=...)",
    maxls="is now an option of the method: method=LBFGSB(maxls=...)",
)
def minimize(
    objective: ObjectiveLike | Evaluator,
    extractor: Extractor | None = None,
    init: SupportsArray | StyleResult | Literal["noise"] | None = None,
    *,
    shape: tuple[int, ...] | None = None,
    seed: int = 0,
    method: MethodLike = _DEFAULT,
    maxiter: int = 300,
    maxfun: int | None = None,
    ftol: float = 1e-9,
    gtol: float = 0.0,
    xtol: float = 0.0,
    bounds: tuple[float, float] | None = None,
    parametrization: Parametrization | None = None,
    tile: TileSide = None,
    executor: Executor | None = None,
    state: State | None = None,
    history: Sequence[Iteration] = (),
    callback: Callback | None = None,
    progress: bool = False,
) -> StyleResult:
    r"""Minimise an objective over the pixels of an image.

    Parameters
    ----------
    objective : StyleObjective, Loss or Evaluator
        An evaluator that exists is compiled already, and its weights count as they are now. They
        cannot be set before the run is over; `Progress.reweigh` changes them for the run alone.
    extractor : callable
        Turns an image tensor into features: a `VGG16Features`, for instance. An evaluator has its
        own: leave it out then.
    init : array, shape (H, W, 3), floating, RGB in [0, 1], StyleResult or "noise"
        Where to start; it is not written to. A result stands for its image. ``"noise"`` is uniform
        noise around grey, of `shape` and from `seed`.
    shape : (int, int), optional
        Height and width for ``init="noise"``; with an evaluator those of its images.
    seed : int, default 0
        For ``init="noise"``.
    method : Method, str or keras.optimizers.Optimizer, default LBFGSB()
        `LBFGSB` is SciPy's; `LBFGS` the library's own, which makes the same steps in float32,
        without bounds, in a fifth of the time that SciPy takes beside the evaluations; its state
        can be restored. An optimiser of Keras stands for a `KerasMethod`. A name, in any case,
        stands for a method with its defaults: ``"l-bfgs-b"``, ``"l-bfgs"``, or ``"adam"``, which
        is Keras' with the settings of style-transfer-pytorch; options may follow, as in
        ``"l-bfgs:maxcor=50"``. One of your own is a `Method`.
    maxiter : int, default 300
        Iterations at the most.
    maxfun : int, optional
        Evaluations at the most. There is no limit by default; an iteration takes little more than
        one.
    ftol : float, default 1e-9
        Stop when an iteration lowers the value by less than this fraction of it.
    gtol : float, default 0
        Stop when no pixel's derivative exceeds this times the largest at the start.
    xtol : float, default 0
        Stop when three iterations running have changed the pixels by less than this on average, in
        grey levels of 1/255. A picture looks finished at about 0.1.
    bounds : (float, float) or None, default None
        Range that pixels are kept in at every iteration, or None for none: by `LBFGSB`, by
        projection with a `KerasMethod`, or by a method of your own that takes bounds. The returned
        image is clipped to [0, 1] in either case, and ``fun`` and ``losses`` of the result are what
        they are after clipping (one more evaluation, if there is anything to clip): they differ a
        little from the last ones of its ``history``, which has the iterates as they are.
    parametrization : Parametrization, optional
        What to move in place of the pixels: see `neuralstyle.parametrizations`. Tolerances are
        about its parameters then, except for `xtol`; bounds, about the pixels, ask for one that is
        monotone.
    tile : int, at least 64, or "auto", optional
        Evaluate tile by tile, as `Evaluator` does, where memory is short.
    executor : concurrent.futures.Executor, optional
        Whose workers look at the tiles, as for `Evaluator`.
    state : mapping from str to array, optional
        The ``state`` of an earlier result of the same objective, method and size: go on from
        there, to the bit ("The same picture twice" in the guide says on which conditions). `init`
        gives nothing but the size then.
    history : sequence of Iteration, default none
        The ``history`` of that result: its iterations and evaluations then count towards `maxiter`
        and `maxfun`, and the result is that of one run, from its start. Without it, the run begins
        to count anew.
    callback : callable, optional
        Called with a `Progress` after every accepted iteration. If it returns True itself or raises
        `StopIteration`, whose value the message has, the run ends and returns its result. It may
        change weights: `Progress.reweigh`.
    progress : bool, default False
        Draw a progress bar on standard error.

    Returns
    -------
    StyleResult
        With the best finite iterate. Ctrl-C during the run returns it too, as does a loss or a
        picture that stops being finite (then ``success`` is False). Before anything has been
        evaluated Ctrl-C raises `KeyboardInterrupt`.

    Raises
    ------
    TypeError, ValueError, KeyError
        If an argument is not as above, or the objective does not fit the extractor and the image.
    ValueError
        If a loss or the gradient is not finite at the start; the message names the terms. If
        `state` is of another objective, network, method or size; the message says what differs.
    Exception
        What the callback raises passes through, with the result so far in its attribute
        ``partial_result``.

    Notes
    -----
    L-BFGS-B is one call of `scipy.optimize.fmin_l_bfgs_b`, with one function that returns value and
    gradient together; nothing restarts it, which would lose its curvature history. Both L-BFGS see
    the objective times a constant, chosen at the start such that the first step tried moves the
    pixels by about a hundredth in the root mean square; the bare objective, whose gradient is 1e-6
    per pixel or less, would make SciPy creep at first and then meet its tolerances at once.
    Tolerances are relative at every size and weighting.

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

    Again and again, with other weights:

    >>> from neuralstyle import ContentLoss, Evaluator
    >>> objective = TotalVariationLoss() + ContentLoss({"input": noisy[None]}, "input")
    >>> evaluator = Evaluator(objective, lambda image: {"input": image}, noisy.shape)
    >>> for weight in (0.1, 10):
    ...     evaluator.weights["content"] = weight
    ...     result = minimize(evaluator, init=noisy, maxiter=5)
    ...     print(result.settings["weights"])
    {'total_variation': 1.0, 'content': 0.1}
    {'total_variation': 1.0, 'content': 10.0}
    """
    started = time.perf_counter()
    limits = check_limits(maxiter, maxfun, ftol, gtol, xtol, bounds)
    method = check_method(method, bounds, parametrization)
    check_callback(callback)
    evaluator, start = beginning(objective, extractor, init, shape, seed, tile, executor)
    if evaluator.weights.moving and not method.reweighs:
        raise ValueError(
            f"method: expected LBFGS(restart=...) or an optimiser of Keras, such as 'adam', where "
            f"weights change by iteration ({', '.join(evaluator.weights.moving)}), "
            f"received {shown(method)}"
        )
    settings = {
        "objective": str(evaluator.objective),
        "weights": dict(evaluator.weights),
        "extractor": repr(evaluator.extractor),
        "init": init if isinstance(init, str) else "image",
        "shape": evaluator.shape,
        "seed": seed,
        "method": str(method),
        "parametrization": None if parametrization is None else parametrization.name,
        **limits,
        "versions": _versions(),
    }
    if parametrization is not None and bounds is not None:
        limits["bounds"] = parametrization.bounds(*limits["bounds"])
    whose = origin(method, evaluator.objective, evaluator.extractor, evaluator.shape)
    if history and state is None:
        raise ValueError("history: expected none without a state, which it leads to")
    started -= history[-1].seconds if history else 0.0
    with interruption() as signals, evaluator.weights.held(), progress_bar(progress) as draw:
        callbacks = [c for c in (draw, callback) if c is not None]
        run = Run(evaluator, parametrization, start, limits, callbacks, started, settings)
        run.origin = whose
        method.check_size(run.x.size)
        if state is not None:
            check_state(state, method, run.x.size, whose)
        try:
            run.begin(state, history)
            if state is not None:
                check_losses(state, evaluator.objective, evaluator.losses)
            _move(run, method, state)
            status, message = Status.CONVERGED, f"converged: {method.name} came to its end"
        except Halt as halt:
            status, message = halt.status, str(halt)
        except KeyboardInterrupt:
            note()
            if run.nfev == 0:
                raise
            status, message = Status.INTERRUPTED, "interrupted"
        except Exception as error:
            if run.history:
                message = f"{type(error).__name__} in the callback or a loss"
                partial = run.result(Status.ABNORMAL, message, settings)
                error.partial_result = partial  # type: ignore[attr-defined]
            raise
        result = run.result(status, message, settings)
    result = interrupted(result) if signals.received else result
    logger.info("%s; %d iterations, %d evaluations", result.message, result.nit, result.nfev)
    return result


def _move(run: Run, method: Method, state: State | None) -> None:
    """Let a method move the pixels, and begin anew wherever callbacks change weights."""
    while True:
        try:
            return method.run(run, state)
        except Anew:
            state = None
            run.begin_anew()


def check_method(method: Any, bounds: Any, parametrization: Any) -> Method:
    """Return the method, having checked that it goes with the other arguments."""
    method = as_method(method)
    if bounds is not None and not method.bounds:
        raise ValueError(
            f"bounds: expected None with the method {method!r}, which takes none "
            f"({LBFGSB.name!r} does), received {shown(bounds)}"
        )
    if parametrization is not None:
        if not isinstance(parametrization, Parametrization):
            raise TypeError(
                "parametrization: expected a Parametrization or None, "
                f"received {shown(parametrization)}"
            )
        if bounds is not None and not parametrization.monotone:
            raise ValueError(
                "bounds: expected None with a parametrization that is not monotone, whose "
                f"parameters have no bounds, received {shown(bounds)}"
            )
    return method  # type: ignore[no-any-return]


def check_limits(
    maxiter: Any,
    maxfun: Any,
    ftol: Any,
    gtol: Any,
    xtol: Any,
    bounds: Any,
) -> dict[str, Any]:
    """Check the numbers that `minimize` takes, and return them by name."""
    whole_number("maxiter", maxiter, 1)
    if maxfun is not None:
        whole_number("maxfun", maxfun, 1)
    for name, tolerance in {"ftol": ftol, "gtol": gtol, "xtol": xtol}.items():
        number(name, tolerance, 0)
    return {
        "maxiter": maxiter,
        "maxfun": maxfun,
        "ftol": ftol,
        "gtol": gtol,
        "xtol": xtol,
        "bounds": None if bounds is None else interval("bounds", bounds),
    }


def _versions() -> dict[str, str]:
    import keras
    import scipy

    import neuralstyle

    modules = {module.__name__: module.__version__ for module in (neuralstyle, keras, np, scipy)}
    return modules | backend_version()
