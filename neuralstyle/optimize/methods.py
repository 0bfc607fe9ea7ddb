"""The methods of `minimize`: objects that say what they can do, and drive a `Run`.

Importing this imports neither Keras nor TensorFlow: the command line lists `METHODS` for its help.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import takes, whole_number
from neuralstyle.optimize.base import Method, State, not_by_hand
from neuralstyle.optimize.keras_method import KerasMethod, adam
from neuralstyle.optimize.result import Halt, Status

if TYPE_CHECKING:
    import keras

    from neuralstyle.optimize.run import Run
    from neuralstyle.optimize.vectors import Vector

__all__ = [
    "LBFGS",
    "LBFGSB",
    "METHODS",
    "KerasMethod",
    "Method",
    "MethodLike",
    "as_method",
    "parse_method",
]

FLAT = 3
"""Iterations running without a lower value, after which `LBFGS` looks whether there is one."""

FIRST_STEP = 0.01
"""Root mean square change of the pixels that the first step of L-BFGS tries, about."""


@dataclass(frozen=True, repr=False)
class _QuasiNewton(Method):
    """What both L-BFGS take."""

    maxcor: int = 10
    maxls: int = 20

    def __post_init__(self) -> None:
        for option in fields(self):
            value = getattr(self, option.name)
            if value is not None or option.default is not None:
                whole_number(option.name, value, 1)

    def __repr__(self) -> str:
        """Describe it as it is made."""
        given = {option.name: getattr(self, option.name) for option in fields(self)}
        shown = ", ".join(f"{k}={v}" for k, v in given.items() if v is not None)
        return f"{type(self).__name__}({shown})"

    def __str__(self) -> str:
        """Describe it as `parse_method` reads it."""
        given = {option.name: getattr(self, option.name) for option in fields(self)}
        changed = [f"{k}={v}" for k, v in given.items() if v != getattr(type(self), k)]
        return self.name + (f":{','.join(changed)}" if changed else "")


@final
@dataclass(frozen=True, repr=False)
class LBFGSB(_QuasiNewton):
    """SciPy's L-BFGS-B: one call of `scipy.optimize.fmin_l_bfgs_b`, in float64, with bounds.

    Parameters
    ----------
    maxcor : int, default 10
        Corrections that it remembers. With them it takes (2 maxcor + 5) * 8 bytes for each of the
        H * W * 3 numbers.
    maxls : int, default 20
        Evaluations in one line search at the most.

    Raises
    ------
    TypeError, ValueError
        If an option is not a whole number of at least 1.

    Notes
    -----
    Its state cannot be read, so no run goes on from another. Bounds are exact, but cost three times
    the time per iteration.

    Examples
    --------
    >>> LBFGSB(maxcor=20)
    LBFGSB(maxcor=20, maxls=20)
    """

    name = "l-bfgs-b"
    bounds = True

    def run(self, run: Run, state: State | None = None) -> None:
        """Let SciPy make the whole run, in one call.

        SciPy sees points divided by a unit and values multiplied by a scale, such that its first
        step, which has the length of the gradient that it sees, or 1 without bounds, is
        `FIRST_STEP`.
        """
        from scipy.optimize import fmin_l_bfgs_b

        # A power of two scales the pixels without rounding them.
        unit = 2.0 ** np.round(np.log2(FIRST_STEP * np.sqrt(run.x.size)))
        scale = 1.0 / (unit * float(np.linalg.norm(run.gradient)))

        def function(y: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            value, gradient = run.evaluate(y * unit)
            return value * scale, gradient * (unit * scale)

        bounds = None if run.bounds is None else [tuple(np.divide(run.bounds, unit))] * run.x.size
        # SciPy's own tests are not relative for small values, and its limits give way to a line
        # search: the run stops itself.
        _, _, info = fmin_l_bfgs_b(
            function,
            run.x / unit,
            bounds=bounds,
            m=self.maxcor,
            factr=0.0,
            pgtol=0.0,
            maxiter=np.iinfo(np.int32).max,
            maxfun=np.inf,
            maxls=self.maxls,
            callback=lambda y: run.accept(y * unit),
        )
        if info["warnflag"] == Status.CONVERGED:
            raise Halt(
                Status.CONVERGED, "converged: the gradient is zero, or the loss stands still"
            )
        raise _stuck(run, info["task"])


@final
@not_by_hand
@dataclass(frozen=True, repr=False)
class LBFGS(_QuasiNewton):
    """The library's own L-BFGS: SciPy's steps in float32, without bounds, with a state.

    Parameters
    ----------
    maxcor : int, default 10
        Corrections that it remembers. They take maxcor * 8 bytes for each of the H * W * 3 numbers.
    maxls : int, default 20
        Evaluations in one line search at the most.
    restart : int, optional
        Begin anew after so many iterations, without what was learnt of the curvature: with the
        weights of then, where a `schedule` changes them by iteration.

    Raises
    ------
    TypeError, ValueError
        If an option is not a whole number of at least 1.

    See Also
    --------
    ManualLBFGS : the same, driven by hand.

    Notes
    -----
    It takes a fifth of the time that SciPy's takes beside the evaluations.

    Examples
    --------
    >>> LBFGS(maxcor=50)
    LBFGS(maxcor=50, maxls=20)
    """

    restart: int | None = None

    name = "l-bfgs"
    resumes = True

    @property
    def reweighs(self) -> bool:
        """Whether weights may change by iteration: if it begins anew."""
        return self.restart is not None

    def run(self, run: Run, state: State | None = None) -> None:
        """Iterate for as long as there is a lower value to be found."""
        from neuralstyle.optimize.lbfgs import ManualLBFGS, on_device
        from neuralstyle.optimize.standstill import standstill

        # The gradient of a picture's loss is tiny for each pixel: float32 has no room for its
        # square.
        if state is None:
            scale = 1.0 / float(np.linalg.norm(run.gradient))
        else:
            scale = float(state["scale"])

        def function(x: Vector) -> tuple[float, Vector]:
            value, gradient = run.evaluate(x)
            return value * scale, gradient * np.float32(scale)

        optimizer = ManualLBFGS(
            function,
            on_device(run.x),
            run.first * scale,
            on_device(run.gradient) * np.float32(scale),
            maxcor=self.maxcor,
            maxls=self.maxls,
            first_step=FIRST_STEP * run.x.size**0.5,
        )
        if state is not None:
            optimizer.restore(state)
        counts = (0, 0) if state is None else (state.get("flat", 0), state.get("since", 0))
        flat, since = map(int, counts)
        lowest = optimizer.value
        run.state = lambda: {
            "scale": np.array(scale),
            "flat": np.array(flat),
            "since": np.array(since),
            **optimizer.state(),
        }
        while True:
            if since == self.restart:
                run.reweigh()
                optimizer.restart(*function(optimizer.x))
                lowest, flat, since = optimizer.value, 0, 0
            if not optimizer.iterate():
                if since == 0 or self.restart is None:
                    break
                since = self.restart  # other weights may have a lower value near
                continue
            since += 1
            flat = 0 if optimizer.value < lowest else flat + 1
            lowest = min(lowest, optimizer.value)
            run.accept(optimizer.x)
            # Values that differ by rounding alone may go up and down for ever.
            if flat >= FLAT and (halt := standstill(run)) is not None:
                raise halt
        raise _stuck(run, "no step along the gradient either")


METHODS: dict[str, Callable[..., Method]] = {"l-bfgs-b": LBFGSB, "l-bfgs": LBFGS, "adam": adam}
"""The methods that have a name, each with what makes it; options are its keywords."""

MethodLike: TypeAlias = "Method | str | keras.optimizers.Optimizer"
"""What `as_method` takes."""


def as_method(value: MethodLike) -> Method:
    """Return the method that an argument stands for.

    Parameters
    ----------
    value : Method, str or keras.optimizers.Optimizer
        A name of `METHODS`, in any case, stands for that with its defaults, or with the options of
        a text such as ``"l-bfgs:maxcor=50"``; an optimiser for a `KerasMethod`.

    Returns
    -------
    Method

    Raises
    ------
    TypeError, ValueError
        If it is none.

    Examples
    --------
    >>> as_method("L-BFGS")
    LBFGS(maxcor=10, maxls=20)
    """
    if isinstance(value, Method):
        takes(f"{type(value).__name__}.run", value.run, "run", "state")
        return value
    if isinstance(value, str):
        if value.partition(":")[0].strip().lower() in METHODS:
            return parse_method(value)
    elif not isinstance(value, type):
        import keras

        if isinstance(value, keras.optimizers.Optimizer):
            return KerasMethod(value)
    names = ", ".join(repr(name) for name in METHODS)
    kind = ValueError if isinstance(value, str) else TypeError
    hint = ""
    if isinstance(value, type) and issubclass(value, Method):
        hint = f"; call it: {value.__name__}()"
    raise kind(
        f"method: expected {names}, a Method or an optimizer of Keras, received {value!r}{hint}"
    )


def parse_method(text: str) -> Method:
    """Read a method from text, such as ``l-bfgs`` or ``l-bfgs:maxcor=50,maxls=10``.

    Parameters
    ----------
    text : str
        A name of `METHODS`, in any case; after a colon options, with commas between them.

    Returns
    -------
    Method

    Raises
    ------
    TypeError, ValueError
        If there is no such method or option, or the option's value is none; the message names the
        option.

    Examples
    --------
    >>> parse_method("l-bfgs:maxcor=50")
    LBFGS(maxcor=50, maxls=20)
    >>> parse_method("l-bfgs:momentum=0.9")
    Traceback (most recent call last):
    ValueError: method: expected maxcor, maxls or restart as options of l-bfgs, received 'momentum'
    """
    name, colon, rest = text.partition(":")
    name = name.strip().lower()
    if name not in METHODS:
        raise ValueError(f"method: expected {', '.join(METHODS)}, received {name!r}")
    known = list(inspect.signature(METHODS[name]).parameters)
    options: dict[str, Any] = {}
    for part in rest.split(",") if colon else []:
        option, equals, value = (word.strip() for word in part.partition("="))
        if option not in known:
            raise ValueError(
                f"method: expected {', '.join(known[:-1])} or {known[-1]} as options of {name}, "
                f"received {option!r}"
            )
        if not equals or option in options:
            problem = "received it twice" if option in options else "received none"
            raise ValueError(f"method: expected one value for {option}, {problem}")
        try:
            options[option] = ast.literal_eval(value.capitalize())  # true is True
        except (SyntaxError, ValueError):
            options[option] = value  # which its check refuses by name
    return METHODS[name](**options)


def _stuck(run: Run, why: str) -> Halt:
    from neuralstyle.optimize.standstill import standstill

    halt = standstill(run, str(why))
    assert halt is not None
    return halt
