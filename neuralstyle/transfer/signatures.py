"""Functions that take the options: their signatures, documentation and errors."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from neuralstyle.transfer.options import Options, options

Function = TypeVar("Function", bound=Callable[..., Any])

GONE = {
    "weights": "is now network=",
    "extractor": "is now network=",
    "shares": "is now balance=",
    "maxcor": "is now an option of the method: method=LBFGS(maxcor=...)",
    "maxls": "is now an option of the method: method=LBFGS(maxls=...)",
}
"""Names of version 0.1, and what became of them."""

PLACE = "{options}"
"""Where a docstring has the parameters."""


def read_options(function: str, given: Mapping[str, Any]) -> Options:
    """Check keywords that were given to a function.

    Parameters
    ----------
    function : str
        Its name, for the error.
    given : mapping from str to object

    Returns
    -------
    Options

    Raises
    ------
    TypeError
        If there is no option of a name; the message has the nearest one.
    TypeError, ValueError, OSError
        If a value is not what its option takes; the message names it.

    Examples
    --------
    >>> read_options("stylize", {"maxitre": 3})
    Traceback (most recent call last):
    TypeError: stylize: there is no option 'maxitre'; did you mean 'maxiter'?
    """
    check_names(function, given, options())
    return Options(**given)


def check_names(function: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Check that options exist."""
    known = list(known)
    for name in given:
        if name in known:
            continue
        if name in GONE:
            raise TypeError(f"{function}: {name} {GONE[name]}")
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise TypeError(f"{function}: there is no option {name!r}; {hint}")


def takes_options(function: Function) -> Function:
    """Give a function that takes `Options` as keywords the signature and documentation of them.

    Parameters
    ----------
    function : callable
        With ``**options`` as its last parameter; those that it has itself are left alone. If it
        has ``**settings``, it takes others too.

    Returns
    -------
    callable
        The same.
    """
    signature = inspect.signature(function)
    *own, rest = signature.parameters.values()
    named = {parameter.name for parameter in own}
    made = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=field.type,
        )
        for field in dataclasses.fields(Options)
        if field.name not in named
    ]
    others = [rest] if rest.name == "settings" else []
    function.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*own, *made, *others]
    )
    if function.__doc__ and PLACE in function.__doc__:  # there is none with python -OO
        place = " " * 4 + PLACE
        function.__doc__ = function.__doc__.replace(place, textwrap.indent(parameters(), " " * 4))
    return function


def parameters() -> str:
    """Return the options as the section "Parameters" of a docstring has them."""
    lines = []
    for field in dataclasses.fields(Options):
        of = options()[field.name]
        default = "optional" if field.default is None else f"default {_literal(field.default)}"
        lines.append(f"{field.name} : {of.kind}, {default}")
        lines += textwrap.wrap(of.help, 92, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def typed_dict() -> str:
    """Return the options as the class that type checkers read, in ``stylize_options.pyi``."""
    lines = ["class StylizeOptions(TypedDict, total=False):"]
    lines += [f"    {field.name}: {field.type}" for field in dataclasses.fields(Options)]
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else repr(value)
