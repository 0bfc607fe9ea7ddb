"""What is no loss, and what to do to make one of it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

from neuralstyle._checks import shown
from neuralstyle.losses.algebra import Operand


def no_loss(part: Any) -> TypeError:
    """Return the error that says what was given in place of a loss."""
    return TypeError(f"expected a loss or an objective, {received(part)}")


def received(part: Any) -> str:
    """Return what was given in place of a loss, and what to do, as the end of a message.

    Examples
    --------
    >>> received({"conv1_1": None})
    'received a mapping, dict: a loss is made of features, StyleLoss(features) for instance'
    """
    what, hint = shown(part), ""
    module = getattr(part if inspect.isroutine(part) else type(part), "__module__", None) or ""
    if isinstance(part, type):
        what, hint = f"the class {part.__name__}", ": call it, to make a loss of that class"
        if not issubclass(part, Operand):
            hint = ", which is no class of losses: derive it from neuralstyle.Loss"
    elif module.startswith("neuralstyle.transfer.recipes"):
        what = f"the recipe {getattr(part, 'name', None) or part.__name__}"
        hint = ": recipe()(content, style) makes one of features" if inspect.isroutine(part) else ""
        hint = hint or ": called with features, recipe(content, style), it makes an objective"
        hint += "; stylize takes it as recipe=, and recipe + loss is a recipe"
    elif isinstance(getattr(part, "objective", None), Operand):
        what = f"the {type(part).__name__} of one"
        hint = ": take its .objective"
    elif isinstance(part, Operand):
        what, hint = "an objective", ": a term has one loss; add objectives with +"
    elif isinstance(part, Mapping):
        what = f"a mapping, {type(part).__name__}"
        hint = ": a loss is made of features, StyleLoss(features) for instance"
    elif module.startswith("neuralstyle."):
        pass
    elif inspect.isroutine(part) or isinstance(part, functools.partial):
        what = f"the function {what}"
        hint = ": make it a loss with the decorator @neuralstyle.loss"
    elif callable(part):
        hint = ": derive its class from neuralstyle.Loss"
    elif hasattr(part, "dtype"):
        hint = ": add the loss, not its value"
    return f"received {what}{hint}"
