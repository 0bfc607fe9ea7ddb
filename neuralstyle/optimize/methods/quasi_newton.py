"""Both L-BFGS as methods of `minimize`: SciPy's, and the library's own.

Importing this imports neither Keras nor SciPy.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import choice, shown, whole_number
from neuralstyle.optimize.methods.base import Method, State, not_by_hand
from neuralstyle.optimize.methods.budget import (
    OFFSETS,
    OWN_LBFGS,
    PAIRS,
    SCIPYS_BOUNDS,
    SCIPYS_LBFGSB,
    lbfgsb_workspace,
)
from neuralstyle.optimize.result import Halt, Status

if TYPE_CHECKING:
    from neuralstyle.optimize.run import Run
    from neuralstyle.optimize.vectors import Vector

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
        whole_number("maxcor", self.maxcor, 1)
        whole_number("maxls", self.maxls, 1)

    def __repr__(self) -> str:
        """Describe it as it is made."""
        shown = {"maxcor": self.maxcor, "maxls": self.maxls, **self._changed()}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in shown.items())})"

    def __str__(self) -> str:
        """Describe it as `parse_method` reads it."""
        changed = [f"{k}={v}" for k, v in self._changed().items()]
        return self.name + (f":{','.join(changed)}" if changed else "")

    def _changed(self) -> dict[str, Any]:
        """Return the options that are not the defaults."""
        given = {option.name: getattr(self, option.name) for option in fields(self)}
        return {k: v for k, v in given.items() if v != getattr(type(self), k)}

    def _pairs(self, iterations: int | None) -> int:
        """Return how many corrections there are after so many iterations."""
        return self.maxcor if iterations is None else min(self.maxcor, iterations)


@final
@dataclass(frozen=True, repr=False)
class LBFGSB(_QuasiNewton):
    """SciPy's L-BFGS-B: one call of `scipy.optimize.fmin_l_bfgs_b`, in float64, with bounds.

    Parameters
    ----------
    maxcor : int, default 10
        Corrections that it remembers. Its workspace takes (2 maxcor + 5) * 8 bytes for each of the
        H * W * 3 numbers, and has to have less than 2^31 numbers: see `check_size`.
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

    def bytes_per_number(self, bounded: bool = False, iterations: int | None = None) -> int:
        """Return how much memory a run takes: (2 maxcor + 5) * 8 bytes, and eighteen vectors."""
        return (2 * self._pairs(iterations) + 5) * 8 + SCIPYS_LBFGSB + SCIPYS_BOUNDS * bounded

    def check_size(self, size: int) -> None:
        """Refuse what SciPy would count wrong, or crash with: its offsets have 32 bits.

        Parameters
        ----------
        size : int

        Raises
        ------
        ValueError
            If (2 maxcor + 5) * size comes to 2^31; the message says which maxcor does not.

        Examples
        --------
        >>> LBFGSB().check_size(3 * 4096**2)
        >>> LBFGSB().check_size(3 * 8192**2)
        Traceback (most recent call last):
        ValueError: method: expected maxcor=2 at the most, or the method 'l-bfgs', for \
201326592 numbers, as L-BFGS-B counts no more than 2147483647 in its workspace, received \
LBFGSB(maxcor=10, maxls=20)
        """
        if lbfgsb_workspace(self.maxcor, size) < OFFSETS:
            return
        fits = [m for m in range(1, self.maxcor) if lbfgsb_workspace(m, size) < OFFSETS]
        fitting = f"maxcor={fits[-1]} at the most, or the method" if fits else "the method"
        raise ValueError(
            f"method: expected {fitting} {LBFGS.name!r}, for {size} numbers, as L-BFGS-B counts no "
            f"more than {OFFSETS - 1} in its workspace, received {shown(self)}"
        )

    def run(self, run: Run, state: State | None = None) -> None:
        """Let SciPy make the whole run, in one call.

        SciPy sees points divided by a unit and values multiplied by a scale, such that its first
        step, which has the length of the gradient that it sees, or 1 without bounds, is
        `FIRST_STEP`.
        """
        from scipy.optimize import fmin_l_bfgs_b

        from neuralstyle.optimize.vectors import NOTHING, norm

        # A power of two scales the pixels without rounding them.
        unit = 2.0 ** np.round(np.log2(FIRST_STEP * np.sqrt(run.x.size)))
        scale = 1.0 / (unit * norm(run.gradient))

        def function(y: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            value, gradient = run.evaluate(y * unit)
            gradient *= unit * scale
            return value * scale, gradient

        bounds = None if run.bounds is None else [tuple(np.divide(run.bounds, unit))] * run.x.size
        start = run.x / unit
        run.x = run.gradient = NOTHING
        # SciPy's own tests are not relative for small values, and its limits give way to a line
        # search: the run stops itself.
        _, _, info = fmin_l_bfgs_b(
            function,
            start,
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
        Corrections that it remembers: pairs of vectors, which take 8 bytes each for every one of
        the H * W * 3 numbers.
    maxls : int, default 20
        Evaluations in one line search at the most.
    restart : int, optional
        Begin anew after so many iterations, without what was learnt of the curvature: with the
        weights of then, where a `schedule` changes them by iteration.
    pairs : {"float32", "bfloat16", "disk"}, default "float32"
        What the corrections are kept in. In bfloat16, with 8 bits of 24, they take half the memory,
        and the loss after some iterations differs by less than a hundredth, up or down. With
        ``"disk"`` they are in a temporary file, in float32: the steps are the same to the bit, and
        the system keeps as much of it in memory as there is room for. All else is in float32.

    Raises
    ------
    TypeError, ValueError
        If a number is not a whole one of at least 1, or `pairs` none of these; in a run on a GPU,
        if `pairs` is ``"disk"``.
    OSError
        In a run, if there is no room for the temporary file.

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
    pairs: str = "float32"

    name = "l-bfgs"
    resumes = True

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        if self.restart is not None:
            whole_number("restart", self.restart, 1)
        choice("pairs", self.pairs, PAIRS)

    def bytes_per_number(self, bounded: bool = False, iterations: int | None = None) -> int:
        """Return how much memory a run takes: 2 maxcor numbers of `pairs`, and eleven vectors."""
        return 2 * self._pairs(iterations) * PAIRS[self.pairs] + OWN_LBFGS

    @property
    def reweighs(self) -> bool:
        """Whether weights may change by iteration: if it begins anew."""
        return self.restart is not None

    def run(self, run: Run, state: State | None = None) -> None:
        """Iterate for as long as there is a lower value to be found."""
        from neuralstyle.optimize.methods.lbfgs import ManualLBFGS, on_device
        from neuralstyle.optimize.methods.standstill import standstill
        from neuralstyle.optimize.vectors import NOTHING, norm

        # The gradient of a picture's loss is tiny for each pixel: float32 has no room for its
        # square.
        if state is None:
            scale = 1.0 / norm(run.gradient)
        else:
            scale = float(state["scale"])

        def function(x: Vector) -> tuple[float, Vector]:
            value, gradient = run.evaluate(x)
            gradient *= np.float32(scale)  # in place, where it is an array
            return value * scale, gradient

        x, gradient = on_device(run.x), on_device(run.gradient) * np.float32(scale)
        run.x = run.gradient = NOTHING
        optimizer = ManualLBFGS(
            function,
            x,
            run.first * scale,
            gradient,
            maxcor=self.maxcor,
            maxls=self.maxls,
            first_step=FIRST_STEP * x.shape[0] ** 0.5,
            pairs=self.pairs,
        )
        del x, gradient
        if state is not None:
            optimizer.restore(state)
        counts = (0, 0) if state is None else (state.get("flat", 0), state.get("since", 0))
        flat, since = map(int, counts)
        lowest = optimizer.value
        run.state = lambda: {
            "scale": np.array(scale),
            "flat": np.array(flat),
            "since": np.array(since),
            **optimizer.state(copy=False),
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


def _stuck(run: Run, why: str) -> Halt:
    from neuralstyle.optimize.methods.standstill import standstill

    halt = standstill(run, str(why))
    assert halt is not None
    return halt
