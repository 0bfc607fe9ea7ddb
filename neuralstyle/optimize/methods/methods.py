"""The methods of `minimize`: objects that say what they can do, and drive a `Run`.

Importing this imports neither Keras nor TensorFlow: the command line lists `METHODS` for its help.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from neuralstyle._checks import shown, takes
from neuralstyle.optimize.methods.base import Method
from neuralstyle.optimize.methods.keras_method import KerasMethod, adam
from neuralstyle.optimize.methods.quasi_newton import LBFGS, LBFGSB

if TYPE_CHECKING:
    import keras

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
        f"method: expected {names}, a Method or an optimizer of Keras, "
        f"received {shown(value)}{hint}"
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
    ValueError: method: expected maxcor, maxls, restart or pairs as options of l-bfgs, received \
'momentum'
    """
    name, colon, rest = text.partition(":")
    name = name.strip().lower()
    if name not in METHODS:
        raise ValueError(f"method: expected {', '.join(METHODS)}, received {shown(name)}")
    known = list(inspect.signature(METHODS[name]).parameters)
    options: dict[str, Any] = {}
    for part in rest.split(",") if colon else []:
        option, equals, value = (word.strip() for word in part.partition("="))
        if option not in known:
            raise ValueError(
                f"method: expected {', '.join(known[:-1])} or {known[-1]} as options of {name}, "
                f"received {shown(option)}"
            )
        if not equals or option in options:
            problem = "received it twice" if option in options else "received none"
            raise ValueError(f"method: expected one value for {option}, {problem}")
        try:
            options[option] = ast.literal_eval(value.capitalize())  # true is True
        except (SyntaxError, ValueError):
            options[option] = value  # which its check refuses by name
    return METHODS[name](**options)
