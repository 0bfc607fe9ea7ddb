"""What a result tells of how it was painted: settings to read, and options to paint it again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from neuralstyle.images.color import TREATMENTS, ColorTreatment
from neuralstyle.optimize.methods.methods import Method, parse_method
from neuralstyle.transfer.options.options import Options, options
from neuralstyle.transfer.plan import Plan
from neuralstyle.transfer.recipes.recipe import Recipe
from neuralstyle.transfer.recipes.registry import call_of

PASSED_ON = ("maxfun", "ftol", "gtol", "xtol", "bounds")
"""Options that go to `minimize` as they are."""

NO_SETTINGS = ("callback", "progress", "checkpoint", "executor")
"""Options that change no picture, unless a callback ends a run."""

_BY_MINIMIZE = (*PASSED_ON, "parametrization", "method", "objective", *NO_SETTINGS)
"""Options that the settings of a result have from there, or that are no settings."""


class _NotPlain(Exception):
    """Of a value that text cannot hold."""


def settings(of: Options, plan: Plan, color: Any, follows: bool = False) -> dict[str, Any]:
    """Return what the settings of a result have beside those of `minimize`.

    Parameters
    ----------
    of : Options
    plan : Plan
    color : str, ColorTreatment or None
        What is done about colours.
    follows : bool, default False
        Whether the picture is held to one before, as the frames of a film are.

    Returns
    -------
    dict from str to object
        With ``"options"``, in the types of JSON, which paint the picture again, and
        ``"not_stored"``, which names those that are no plain values.
    """
    plain, named = recorded(of)
    return {
        **{name: getattr(of, name) for name in options() if name not in _BY_MINIMIZE},
        "recipe": "function" if of.objective else plan.recipe.name,
        "network": repr(of.network) if callable(of.network) else os.fspath(of.network),
        "color": color,
        "regions": [region.weight for region in of.regions or ()],
        "shapes": plan.shapes,
        "maxiter": plan.iterations,
        "init": plan.init,
        "options": plain,
        "not_stored": {**named, **({"flows": "the frame before"} if follows else {})},
    }


def recorded(of: Options) -> tuple[dict[str, Any], dict[str, str]]:
    """Return options that are plain values, in the types of JSON, and the names of the others.

    Options that are None or empty, and those that change neither picture nor end, are left out.

    Examples
    --------
    >>> plain, named = recorded(Options(size=64, method="adam", maxiter=[3, 2], callback=print))
    >>> plain["size"], plain["method"], plain["maxiter"], named
    (64, 'adam', [3, 2], {'callback': 'function print'})
    """
    plain: dict[str, Any] = {}
    named: dict[str, str] = {}
    for name in options():
        value = getattr(of, name)
        if value is None or name in ("progress", "checkpoint", "executor"):
            continue
        if name == "regions" and not value:
            continue
        try:
            if name == "init" and isinstance(value, os.PathLike):  # a text is the name of a start
                raise _NotPlain
            plain[name] = _plain(value)
        except _NotPlain:
            named[name] = _named(value)
    return plain, named


def _plain(value: Any) -> Any:
    """Return a value in the types of JSON, such that its option takes it for the same."""
    text: str | None = None
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(of) for key, of in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [_plain(of) for of in value]
    if isinstance(value, Recipe):
        text = call_of(value)
    elif isinstance(value, ColorTreatment):
        text = next((name for name, of in TREATMENTS.items() if of is value), None)
    elif isinstance(value, Method):
        text = _text_of(value)
    elif isinstance(value, os.PathLike):
        text = os.fspath(value)
    if text is None:
        raise _NotPlain
    return text


def _text_of(method: Method) -> str | None:
    """Return the text that `parse_method` makes a method of, if there is one."""
    try:
        return str(method) if parse_method(str(method)) == method else None
    except (TypeError, ValueError):
        return None


def _named(value: Any) -> str:
    """Say of what kind a value is."""
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}"
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return ", ".join(dict.fromkeys(map(_named, value)))
    if isinstance(value, Method | Recipe):
        return repr(value)
    if isinstance(value, os.PathLike):
        return f"file {os.fspath(value)}"
    called = getattr(value, "__qualname__", None)
    return f"function {called}" if called else type(value).__name__
