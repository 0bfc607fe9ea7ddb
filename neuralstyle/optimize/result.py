"""What a run reports on the way, and what it returns."""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._types import Image


def as_image(x: NDArray[np.float64], shape: tuple[int, int, int]) -> Image:
    """Turn an optimiser's vector into an image: float32, clipped to [0, 1]."""
    image: Image = np.clip(x, 0.0, 1.0).reshape(shape).astype(np.float32)
    return image


class Status(enum.IntEnum):
    """Why a run ended. The first three are SciPy's numbers."""

    CONVERGED = 0
    """The tolerances `ftol` or `gtol` were met, or no picture near has a lower value, as far as
    float32 can tell: the start was the optimum already, say, or a huge weight holds it there."""
    LIMIT = 1
    """`maxiter` iterations or `maxfun` evaluations were made."""
    ABNORMAL = 2
    """The line search found no lower value (a corner, or a gradient that is not the loss's own); or
    the run failed, in what an exception carries as its partial result."""
    CALLBACK = 3
    """The callback raised `StopIteration`."""
    INTERRUPTED = 4
    """Ctrl-C."""
    NONFINITE = 5
    """A loss or its gradient became infinite or not a number."""


@final
class Halt(Exception):
    """Ends a run from within; `minimize` returns the best image so far.

    `Run` raises it when a run is over, and a `Method` when it knows no way on.

    Parameters
    ----------
    status : Status
    message : str
        Why, for the result.

    Examples
    --------
    >>> Halt(Status.ABNORMAL, "no lower value was found").status
    <Status.ABNORMAL: 2>
    """

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle both arguments, where an exception's ``args`` are the message alone."""
        return type(self), (self.status, *self.args)


@dataclass(frozen=True)
class Iteration:
    """One accepted iteration of a run.

    Attributes
    ----------
    nit : int
        Iterations so far.
    nfev : int
        Evaluations so far.
    fun : float
        The objective's value.
    losses : dict from str to float
        Every loss, before weighing.
    seconds : float
        Since the call.
    scale : int
        Which scale of a coarse-to-fine run this belongs to, from 0.
    parts : dict from str to float
        What products, powers and maxima among the losses are made of, before weighing, by paths
        such as ``"product/style"``.
    """

    nit: int
    nfev: int
    fun: float
    losses: dict[str, float]
    seconds: float
    scale: int = 0
    parts: dict[str, float] = field(default_factory=dict)


def _no_state() -> None:
    """Stand for the state of a run that is over."""


@dataclass(frozen=True, eq=False)
class Progress:
    """What a callback gets, once per accepted iteration.

    Attributes
    ----------
    nit, nfev : int
        Iterations and evaluations so far, over all scales.
    fun : float
        The objective's value.
    losses : dict from str to float
        Every loss, before weighing.
    seconds : float
        Since the call.
    scale, scales : int
        Which scale of a coarse-to-fine run this is, from 0, and how many there are.
    shape : (int, int, 3)
        Of the image at this scale.
    maxiter : int
        Iterations that the whole run will make at the most.
    work_left : float
        Iterations to come at the most, counted in this scale's: one at a scale of four times the
        pixels counts four.
    settings : dict
        The arguments of the run, and the versions of the libraries, as in the result.
    parts : dict from str to float
        What products, powers and maxima among the losses are made of, before weighing.
    """

    nit: int
    nfev: int
    fun: float
    losses: dict[str, float]
    seconds: float
    shape: tuple[int, int, int]
    maxiter: int
    work_left: float
    scale: int = 0
    scales: int = 1
    settings: dict[str, Any] = field(repr=False, default_factory=dict)
    parts: dict[str, float] = field(default_factory=dict)
    _image: Callable[[], Image] = field(repr=False, default=lambda: np.empty((0, 0, 3), np.float32))
    _state: Callable[[], dict[str, NDArray[Any]] | None] = field(repr=False, default=_no_state)

    @property
    def image(self) -> Image:
        """The picture so far: a new float32 array (H, W, 3) in [0, 1], made when asked for."""
        return self._image()

    def __getstate__(self) -> dict[str, Any]:
        """Hold the picture in copies, which do without the run."""
        picture = functools.partial(np.copy, self.image)
        return {**vars(self), "_image": picture, "_state": _no_state}


Callback: TypeAlias = Callable[[Progress], object]


@dataclass(frozen=True, eq=False)
class StyleResult:
    """What a run returns.

    Attributes
    ----------
    image : array, shape (H, W, 3), float32, in [0, 1]
        The best finite iterate.
    fun : float
        The objective's value there.
    losses : dict from str to float
        Every loss there, before weighing: ``fun`` is the sum of weight times loss.
    history : tuple of Iteration
        The accepted iterations.
    nit, nfev : int
        Numbers of iterations and evaluations.
    seconds : float
        That the call took.
    success : bool
        Whether the run ended as asked: converged, at its limit, or halted by the callback.
    status : Status
        Why it ended.
    message : str
        The same in words.
    settings : dict
        The arguments of the run, and the versions of the libraries.
    state : dict from str to array, or None
        Of the last accepted iteration: what `minimize` goes on from. It holds all that the next
        iterations depend on, the best point so far and the counters of the tolerances among it;
        and the objective's table, the size of the picture, and what else says whose it is. None
        if the method's state cannot be restored (`LBFGSB`).
    parts : dict from str to float
        What products, powers and maxima among the losses are made of, before weighing, by paths
        such as ``"product/style"``.
    """

    image: Image = field(repr=False)
    fun: float
    losses: dict[str, float]
    history: tuple[Iteration, ...] = field(repr=False)
    nit: int
    nfev: int
    seconds: float
    success: bool
    status: Status
    message: str
    settings: dict[str, Any] = field(repr=False)
    state: dict[str, NDArray[Any]] | None = field(repr=False, default=None)
    parts: dict[str, float] = field(default_factory=dict)


def interrupted(result: StyleResult) -> StyleResult:
    """Return a result as one of a run that the user has ended."""
    return dataclasses.replace(
        result, status=Status.INTERRUPTED, success=False, message="interrupted by the user"
    )
