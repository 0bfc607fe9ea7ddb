"""The optimisers that `minimize` offers, each a function that drives a `Descent`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle.optimize.lbfgs import LBFGS
from neuralstyle.optimize.result import Status
from neuralstyle.optimize.run import Descent, Halt, Vector

State: TypeAlias = Mapping[str, NDArray[Any]]
Method: TypeAlias = Callable[[Descent, "State | None"], None]
"""Runs until `Halt` is raised; goes on from a state, if it is given one."""

FIRST_STEP = 0.01
"""Root mean square change of the pixels that the first step of L-BFGS tries, about."""

AVERAGED = 0.99
"""How much of the running average of its iterates a Keras optimiser keeps in every step."""


def l_bfgs_b(run: Descent, state: State | None = None) -> None:
    """Let SciPy's L-BFGS-B make the whole run, in one call.

    SciPy sees points divided by a unit and values multiplied by a scale, such that its first step,
    which has the length of the gradient that it sees, or 1 without bounds, is `FIRST_STEP`.
    """
    from scipy.optimize import fmin_l_bfgs_b

    run.begin()
    x, limits = run.x, run.limits
    # A power of two scales the pixels without rounding them.
    unit = 2.0 ** np.round(np.log2(FIRST_STEP * np.sqrt(x.size)))
    scale = 1.0 / (unit * float(np.linalg.norm(run.gradient)))
    start = x / unit

    def function(y: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        if run.nfev == 1 and np.array_equal(start, y):  # the evaluation that has just been made
            value, gradient = run.first, run.gradient
        else:
            value, gradient = run.evaluate(y * unit)
        return value * scale, gradient * (unit * scale)

    bounds = limits["bounds"]
    # SciPy's own tests are not relative for small values, and its limits give way to a line search:
    # the run stops itself.
    _, _, info = fmin_l_bfgs_b(
        function,
        start,
        bounds=None if bounds is None else [tuple(np.divide(bounds, unit))] * x.size,
        m=limits["maxcor"],
        factr=0.0,
        pgtol=0.0,
        maxiter=np.iinfo(np.int32).max,
        maxfun=np.inf,
        maxls=limits["maxls"],
        callback=lambda y: run.accept(y * unit),
    )
    if info["warnflag"] == Status.CONVERGED:
        raise Halt(Status.CONVERGED, "converged: the gradient is zero, or the loss stands still")
    raise _stuck(info["task"])


def l_bfgs(run: Descent, state: State | None = None) -> None:
    """Minimise by the library's own L-BFGS, in float32."""
    run.begin(None if state is None else np.asarray(state["x"], np.float64))
    # The gradient of a picture's loss is tiny for each pixel: float32 has no room for its square.
    if state is None:
        scale = 1.0 / float(np.linalg.norm(run.gradient))
    else:
        scale = float(state["scale"])

    def function(x: Vector) -> tuple[float, Vector]:
        value, gradient = run.evaluate(x)
        return value * scale, gradient * np.float32(scale)

    optimizer = LBFGS(
        function,
        _on_device(run.x),
        run.first * scale,
        _on_device(run.gradient) * np.float32(scale),
        maxcor=run.limits["maxcor"],
        maxls=run.limits["maxls"],
        first_step=FIRST_STEP * run.x.size**0.5,
    )
    if state is not None:
        optimizer.restore(state)
    run.state = lambda: {"method": np.array("l-bfgs"), "scale": scale, **optimizer.state()}
    while optimizer.iterate():
        run.accept(optimizer.x)
    raise _stuck("no step along the gradient either")


def keras_optimizer(optimizer: Any) -> Method:
    """Return the method that moves the pixels by an optimiser of Keras.

    Gradients are divided by the root mean square of those at the start, so that learning rates and
    epsilons mean the same for every objective. The average of the iterates is noted beside them.
    """

    def method(run: Descent, state: State | None = None) -> None:
        import keras

        run.begin(None if state is None else np.asarray(state["x"], np.float64))
        own = type(optimizer).from_config(optimizer.get_config())  # an optimiser serves only once
        variable = keras.Variable(run.x, dtype="float32")
        own.build([variable])
        scale = run.x.size**0.5 / float(np.linalg.norm(run.gradient))
        average = np.zeros((), np.float32)
        count = 0
        if state is not None:
            scale, average, count = float(state["scale"]), state["average"], int(state["count"])
            for i, kept in enumerate(own.variables):
                kept.assign(state[f"variable_{i}"])
        run.state = lambda: {
            "method": np.array(own.name),
            "x": _copied(variable),
            "scale": np.array(scale),
            "average": _copied(average),
            "count": np.array(count),
            **{f"variable_{i}": _copied(v) for i, v in enumerate(own.variables)},
        }
        gradient = _on_device(run.gradient)
        while True:
            own.apply([ops.convert_to_tensor(gradient * np.float32(scale))], [variable])
            if run.limits["bounds"] is not None:
                variable.assign(ops.clip(variable, *run.limits["bounds"]))
            x = _on_device(ops.copy(variable))
            _, gradient = run.evaluate(x)
            count += 1
            average = AVERAGED * average + (1 - AVERAGED) * x
            # Divided by the sum of its weights, as it began with zero.
            run.average = average / (1 - AVERAGED**count)
            run.accept(x)

    return method


METHODS: dict[str, Method] = {"l-bfgs-b": l_bfgs_b, "l-bfgs": l_bfgs}
"""The methods that have a name, but for those of Keras."""


def named(method: Any) -> tuple[str, Method]:
    """Return a method's name and function, given a name or an optimiser of Keras."""
    if isinstance(method, str):
        if method in METHODS:
            return method, METHODS[method]
        if method == "adam":
            import keras

            # As style-transfer-pytorch has it.
            adam = keras.optimizers.Adam(0.02, beta_1=0.9, beta_2=0.99, name="adam")
            return method, keras_optimizer(adam)
    else:
        import keras

        if isinstance(method, keras.optimizers.Optimizer):
            return str(method.name), keras_optimizer(method)
    names = ", ".join(repr(name) for name in (*METHODS, "adam"))
    kind = ValueError if isinstance(method, str) else TypeError
    raise kind(f"method: expected {names} or an optimizer of Keras, received {method!r}")


def _stuck(why: str) -> Halt:
    return Halt(Status.ABNORMAL, f"the line search found no lower value ({why})")


def _on_device(x: Any) -> Vector:
    """Return a float32 vector: an array on a processor, else a tensor on the device."""
    import tensorflow as tf

    if tf.config.list_logical_devices("GPU"):
        return ops.convert_to_tensor(x, "float32")
    return np.asarray(ops.convert_to_numpy(x), np.float32)


def _copied(x: Any) -> NDArray[Any]:
    return np.array(ops.convert_to_numpy(ops.copy(x)))
