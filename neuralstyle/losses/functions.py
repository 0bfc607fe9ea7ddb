"""Losses made of functions."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, final, overload

from neuralstyle._checks import shown, takes
from neuralstyle._types import Tensor
from neuralstyle.losses.objective import Loss, StyleObjective
from neuralstyle.losses.terms import checked_name

Function: TypeAlias = Callable[[Mapping[str, Tensor]], Tensor]


@final
class _FunctionLoss(Loss):
    """The loss that the `loss` decorator makes."""

    def __init__(self, function: Function) -> None:
        self.name = getattr(function, "__name__", "function").replace("<lambda>", "function")
        self.__doc__ = function.__doc__
        self._function = function

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return what the function returns."""
        return self._function(features)

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"loss({self.name})"

    @property
    def _undecorated(self) -> Function:
        """The function under a name by which it can be found, as its own name finds the loss."""
        kept: Function | None = vars(self).get("_found")
        if kept is None:
            of: Any = self._function
            kept = types.FunctionType(
                of.__code__, of.__globals__, of.__name__, of.__defaults__, of.__closure__
            )
            kept.__kwdefaults__, kept.__doc__ = of.__kwdefaults__, of.__doc__
            kept.__module__ = of.__module__
            kept.__qualname__ = f"{of.__qualname__}._undecorated"
            vars(self)["_found"] = kept
        return kept

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the function by its place in its module, whether or not that holds the loss."""
        function = self._function
        found = _named(function) if isinstance(function, types.FunctionType) else None
        if isinstance(found, _FunctionLoss) and found._function is function:
            function = found._undecorated  # of the loss in the module, whatever this one's name is
        return loss, (function,), {"name": self.name}


def is_function(loss: Loss) -> bool:
    """Tell whether a loss was made of a function."""
    return isinstance(loss, _FunctionLoss)


def _named(function: types.FunctionType) -> Any:
    """Return what is found under the name of a function."""
    found: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found


@overload
def loss(function: Function, *, name: str | None = None) -> Loss: ...


@overload
def loss(*, name: str) -> Callable[[Function], Loss]: ...


def loss(function: Function | None = None, *, name: str | None = None) -> Any:
    """Make a loss from a function of the generated image's features.

    Parameters
    ----------
    function : callable
        Takes a mapping from layer name to tensor (``features["input"]`` is the image, shape
        ``(1, H, W, 3)``) and returns a scalar tensor, computed with `keras.ops`. Without it, a
        decorator is returned: ``@loss(name="sky")``.
    name : str, optional
        Of the loss: the function's, by default.

    Returns
    -------
    Loss

    Raises
    ------
    TypeError, ValueError
        If `function` cannot be called, or `name` is no text, is empty, or has a ``/``.

    Examples
    --------
    >>> from keras import ops
    >>> @loss
    ... def contrast(features):
    ...     return -ops.std(features["input"])
    >>> contrast
    loss(contrast)
    >>> print(0.5 * contrast)
    name      weight  loss
    contrast     0.5  loss(contrast)
    >>> @loss(name="sky")
    ... def brightness_at_the_top(features):
    ...     return -ops.mean(features["input"][:, :8])
    >>> brightness_at_the_top.weights
    {'sky': 1.0}
    """
    if name is not None:
        checked_name(name)
        if function is None:
            return functools.partial(loss, name=name)
    if isinstance(function, Loss | StyleObjective | type) or not callable(function):
        hint = "; a class of losses is called to make one" if isinstance(function, type) else ""
        hint = ": write @neuralstyle.loss, without brackets" if function is None else hint
        raise TypeError(
            f"function: expected a function of features, received {shown(function)}{hint}"
        )
    takes("function", function, "features")
    made = _FunctionLoss(function)
    return made if name is None else made.named(name)
