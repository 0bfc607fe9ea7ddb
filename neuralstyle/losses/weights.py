"""The weights of an objective's terms: how they are checked, and what shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, final

import keras
import numpy as np
from keras import ops

from neuralstyle._checks import weight


class Factor:
    """What weighs losses and is no number: a loss that meets one leaves the product to it."""

    __array_ufunc__ = None


def term_weight(value: Any, argument: str = "weight") -> float:
    """Check a weight: a number, or an array or tensor that is one."""
    if isinstance(value, keras.Variable) or hasattr(value, "assign"):
        raise TypeError(
            f"{argument}: expected a number, received a Variable, whose changes a weight would not "
            "follow: write float(variable)"
        )
    if ops.is_tensor(value) or isinstance(value, np.ndarray):
        if tuple(value.shape) != () or not hasattr(value, "__array__"):
            raise TypeError(
                f"{argument}: expected a number, received an array or tensor of shape "
                f"{tuple(value.shape)}"
            )
        try:
            value = np.asarray(value)[()]
        except (NotImplementedError, TypeError):
            raise TypeError(
                f"{argument}: expected a number, received a tensor of a graph, which has no value"
            ) from None
    return weight(argument, value)


@final
class Weights(dict[str, float]):
    """The weights of an objective by name, to be read: an objective does not change.

    Examples
    --------
    >>> Weights(style=1.0)["style"] = 2.0
    Traceback (most recent call last):
    TypeError: weights: expected no change of an objective's, which are fixed; make another \
objective with *, or change those of an evaluator: evaluator.weights['style'] = 2.0
    """

    def __setitem__(self, name: str, value: float) -> NoReturn:
        """Say what to change in its place."""
        raise TypeError(
            "weights: expected no change of an objective's, which are fixed; make another "
            f"objective with *, or change those of an evaluator: evaluator.weights[{name!r}] = "
            f"{value!r}"
        )

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("weights: expected no change of an objective's, which are fixed")

    if not TYPE_CHECKING:  # for type checkers a Mapping, which has none of these
        __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy it as a whole: pickle would set one after the other."""
        return Weights, (dict(self),)
