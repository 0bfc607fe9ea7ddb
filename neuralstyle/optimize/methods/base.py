"""What a method of `minimize` is."""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from numpy.typing import NDArray

from neuralstyle.optimize.methods.budget import OTHERS

if TYPE_CHECKING:
    from neuralstyle.optimize.run import Run

State: TypeAlias = Mapping[str, NDArray[Any]]

M = TypeVar("M", bound="Method")


class Method(ABC):
    """How the pixels are moved: what `minimize` takes as its ``method``.

    The library's are `LBFGSB`, `LBFGS` and `KerasMethod`. One of your own is a subclass with a
    `run`: see the example.

    Attributes
    ----------
    name : str
        As results and states call it. A class that does not set it is called after itself:
        ``ConjugateGradients`` is ``"conjugate-gradients"``.
    bounds : bool, default False
        Whether it keeps its iterates within `Run.bounds`. One that does not is never given any.
    resumes : bool, default False
        Whether it goes on from a state: see `Run.state`. One that does not is never given any.
    reweighs : bool, default False
        Whether weights may change by iteration, as by a `schedule`: whether it calls `Run.reweigh`.

    Examples
    --------
    Nonlinear conjugate gradients, by SciPy:

    >>> import scipy.optimize
    >>> import neuralstyle as ns
    >>> class ConjugateGradients(ns.Method):
    ...     def run(self, run, state):
    ...         # SciPy's first step is about as long as the gradient that it sees.
    ...         scale = 0.01 * run.x.size**0.5 / np.linalg.norm(run.gradient)
    ...
    ...         def function(x):
    ...             value, gradient = run.evaluate(x)
    ...             return scale * value, scale * gradient
    ...
    ...         found = scipy.optimize.minimize(
    ...             function, run.x, jac=True, method="CG", callback=run.accept, options={"gtol": 0}
    ...         )
    ...         raise ns.Halt(ns.Status.ABNORMAL, found.message)
    >>> noisy = np.random.default_rng(0).uniform(size=(8, 8, 3)).astype(np.float32)
    >>> pixels = lambda image: {"input": image}
    >>> smooth = ns.minimize(
    ...     ns.TotalVariationLoss(), pixels, noisy, method=ConjugateGradients(), maxiter=5
    ... )
    >>> smooth.nit, smooth.fun < smooth.history[0].fun, smooth.settings["method"]
    (5, True, 'conjugate-gradients')
    """

    name: str
    bounds: bool = False
    resumes: bool = False

    @property
    def reweighs(self) -> bool:
        """Whether weights may change by iteration."""
        return False

    def bytes_per_number(self, bounded: bool = False, iterations: int | None = None) -> int:
        """Return how much memory a run takes at its peak, beside its evaluations.

        Parameters
        ----------
        bounded : bool, default False
            Whether there are bounds.
        iterations : int, optional
            How many it makes at the most: before ``maxcor`` of them L-BFGS remembers fewer.

        Returns
        -------
        int
            In bytes for each number that is moved, of which a picture has H * W * 3. A method that
            does not say otherwise is taken to keep some dozen vectors in double precision, beside
            what the run itself keeps.

        Examples
        --------
        >>> import neuralstyle as ns
        >>> ns.LBFGSB().bytes_per_number(), ns.LBFGS().bytes_per_number()
        (344, 124)
        >>> ns.LBFGS(pairs="bfloat16").bytes_per_number(), ns.LBFGS().bytes_per_number(iterations=2)
        (84, 60)
        """
        return OTHERS

    def check_size(self, size: int) -> None:  # noqa: B027
        """Refuse as many numbers as it cannot move, before anything is evaluated: none by default.

        Parameters
        ----------
        size : int

        Raises
        ------
        ValueError
            If it cannot; the message says what can.
        """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Name the class after itself."""
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            words = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
            cls.name = re.sub(words, "-", cls.__name__).lower()

    @abstractmethod
    def run(self, run: Run, state: State | None) -> None:
        """Move the pixels until `Halt` is raised; returning ends the run as converged.

        Parameters
        ----------
        run : Run
            Where to start, what to evaluate with, and what to tell of every accepted iteration.
        state : mapping from str to array, or None
            What `Run.state` returned, to go on from; None unless the method resumes.
        """

    def __repr__(self) -> str:
        """Describe it as it is made."""
        return f"{type(self).__name__}()"

    def __str__(self) -> str:
        """Describe it as settings record it."""
        return self.name


def not_by_hand(method: type[M]) -> type[M]:
    """Refuse what the class of this name took in version 0.1: a function to be minimised."""
    initialise = method.__init__

    @functools.wraps(initialise)
    def checked(self: M, *options: Any, **named: Any) -> None:
        if any(map(callable, options)):
            raise TypeError("LBFGS: the optimiser that is driven by hand is now ManualLBFGS")
        initialise(self, *options, **named)

    method.__init__ = checked  # type: ignore[method-assign, assignment]
    return method
