"""Optimisers of Keras as methods of `minimize`. Importing this does not import Keras."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import number, shown, truth
from neuralstyle.optimize.methods.base import Method, State
from neuralstyle.optimize.methods.budget import KERAS, KERAS_VARIABLE

if TYPE_CHECKING:
    import keras

    from neuralstyle.optimize.run import Run

NUMBERS = 7
"""Length of a trial vector that no other variable has: those of the optimiser are told by it."""

AVERAGED = 0.99
"""How much of the running average of its iterates a Keras optimiser keeps in every step."""


@final
@dataclass(frozen=True, eq=False, repr=False)
class KerasMethod(Method):
    """An optimiser of Keras, which moves the pixels by the gradient alone.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        It is copied as it is now, and never changed.
    scale_gradients : bool, default True
        Divide gradients by the root mean square of those at the start, so that learning rates and
        epsilons mean the same for every objective. If not, the optimiser gets the bare gradient of
        the objective, which is small for every pixel, and the smaller the larger the picture.

    Raises
    ------
    TypeError
        If `optimizer` is not one of Keras, or `scale_gradients` not a bool.

    Notes
    -----
    It accepts every step, up or down. The result is the best of its iterates and of their running
    average. Bounds are kept by projection.

    Examples
    --------
    >>> import keras
    >>> KerasMethod(keras.optimizers.SGD(0.5, momentum=0.9))
    KerasMethod(SGD(learning_rate=0.5, momentum=0.9))
    """

    optimizer: keras.optimizers.Optimizer
    scale_gradients: bool = True

    bounds = True
    resumes = True
    reweighs = True

    def __post_init__(self) -> None:
        """Check the arguments, and keep the optimiser's settings as they are now."""
        import keras

        if not isinstance(self.optimizer, keras.optimizers.Optimizer):
            raise TypeError(
                f"optimizer: expected an optimizer of Keras, received {shown(self.optimizer)}"
            )
        truth("scale_gradients", self.scale_gradients)
        # Keras numbers the optimisers of a process: sgd, sgd_1, sgd_2.
        object.__setattr__(self, "name", re.sub(r"_\d+$", "", self.optimizer.name))
        object.__setattr__(self, "_config", {**self.optimizer.get_config(), "name": self.name})

    def _key(self) -> tuple[Any, ...]:
        config: Mapping[str, Any] = self._config  # type: ignore[attr-defined]
        return type(self.optimizer), self.scale_gradients, config

    def __eq__(self, other: object) -> bool:
        """Tell whether another has the same optimiser with the same settings."""
        return isinstance(other, KerasMethod) and self._key() == other._key()

    def __hash__(self) -> int:
        """Return the same for those that are equal."""
        return hash((*self._key()[:2], self.name))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy the settings, which make another optimiser."""
        return _made, self._key()

    def __repr__(self) -> str:
        """Describe it with the settings that are not the usual."""
        kind, _, config = self._key()
        shown = []
        for name, parameter in inspect.signature(kind).parameters.items():
            value = config.get(name, parameter.default)
            if isinstance(value, float):
                value = float(f"{value:.6g}")  # Keras keeps float32
            if name != "name" and (name == "learning_rate" or value != parameter.default):
                shown.append(f"{name}={value!r}")
        scaled = "" if self.scale_gradients else ", scale_gradients=False"
        return f"KerasMethod({kind.__name__}({', '.join(shown)}){scaled})"

    def __str__(self) -> str:
        """Describe it by name, where it is one of `METHODS`."""
        return "adam" if self.name == "adam" and self == adam() else repr(self)

    def bytes_per_number(self, bounded: bool = False, iterations: int | None = None) -> int:
        """Return how much memory a run takes, by the variables that the optimiser keeps."""
        import keras

        kind, _, config = self._key()
        own = kind.from_config(config)
        own.build([keras.Variable(np.zeros(NUMBERS), dtype="float32")])
        of_each = [kept for kept in own.variables if tuple(kept.shape) == (NUMBERS,)]
        return KERAS + KERAS_VARIABLE * len(of_each)

    def run(self, run: Run, state: State | None = None) -> None:
        """Step for ever."""
        import keras
        from keras import ops

        from neuralstyle.optimize.methods.lbfgs import on_device
        from neuralstyle.optimize.methods.standstill import standstill
        from neuralstyle.optimize.vectors import NOTHING, norm

        kind, _, config = self._key()
        own = kind.from_config(config)  # an optimiser serves only once
        variable = keras.Variable(run.x, dtype="float32")
        own.build([variable])
        scale = run.x.size**0.5 / norm(run.gradient)
        if not self.scale_gradients:
            scale = 1.0
        x, average, count = on_device(run.x), np.zeros((), np.float32), 0
        if state is not None:
            scale, count = float(state["scale"]), int(state["count"])
            average = on_device(state["average"])
            for kept, value in zip(own.variables, self._variables(state, own), strict=True):
                kept.assign(value)
            if count:
                run.average = average / (1 - AVERAGED**count)
        variables = [ops.copy(value) for value in own.variables]
        run.state = lambda: {
            "x": _copied(x),
            "scale": np.array(scale),
            "average": _copied(average),
            "count": np.array(count),
            **{f"variable_{i}": _copied(value) for i, value in enumerate(variables)},
        }
        gradient = on_device(run.gradient)
        run.x = run.gradient = NOTHING
        while True:
            own.apply([ops.convert_to_tensor(gradient * np.float32(scale))], [variable])
            if run.bounds is not None:
                variable.assign(ops.clip(variable, *run.bounds))
            tried = on_device(ops.copy(variable))
            run.reweigh()
            found, gradient = run.evaluate(tried)
            still = count == 0 and found >= run.first and not run.moving
            if still and (halt := standstill(run)) is not None:
                raise halt  # there is nothing to be found: it would only wander off
            # All that the state is made of moves at once, as a run may be interrupted anywhere.
            x, average, count, variables = (
                tried,
                AVERAGED * average + (1 - AVERAGED) * tried,
                count + 1,
                [ops.copy(value) for value in own.variables],
            )
            # Divided by the sum of its weights, as it began with zero.
            run.average = average / (1 - AVERAGED**count)
            run.accept(x)

    def _variables(self, state: State, own: keras.optimizers.Optimizer) -> list[NDArray[Any]]:
        """Return the values that a state has for an optimiser's variables."""
        values = [state.get(f"variable_{i}") for i in range(len(own.variables))]
        expected = [tuple(kept.shape) for kept in own.variables]
        received = [None if value is None else np.shape(value) for value in values]
        if received != expected:
            raise ValueError(
                f"state: expected one of {self!r}, with variables of shapes {expected}, "
                f"received {received}"
            )
        return [np.asarray(value) for value in values]


def _made(kind: Any, scale_gradients: bool, config: Mapping[str, Any]) -> KerasMethod:
    return KerasMethod(kind.from_config(dict(config)), scale_gradients)


def adam(
    learning_rate: float = 0.02,
    beta_1: float = 0.9,
    beta_2: float = 0.99,
    scale_gradients: bool = True,
) -> KerasMethod:
    """Return Adam with the settings of style-transfer-pytorch."""
    import keras

    number("learning_rate", learning_rate, above=0)
    for name, beta in {"beta_1": beta_1, "beta_2": beta_2}.items():
        number(name, beta, least=0, most=1)
    optimizer = keras.optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, name="adam")
    return KerasMethod(optimizer, scale_gradients)


def _copied(x: Any) -> NDArray[Any]:
    from keras import ops

    return np.array(ops.convert_to_numpy(ops.copy(x)))
