"""Functions that take the options: their signatures, documentation and errors."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from neuralstyle.transfer.options.names import meant, of_recipe
from neuralstyle.transfer.options.options import Option, Options, options
from neuralstyle.transfer.recipes import RECIPES

F = TypeVar("F", bound=Callable[..., Any])

OTHER_NAMES = {
    "weights": "is now network=",
    "extractor": "is now network=",
    "shares": "is now balance=",
    "maxcor": "is now an option of the method: method=LBFGS(maxcor=...)",
    "maxls": "is now an option of the method: method=LBFGS(maxls=...)",
    "iterations": "is maxiter=",
    "strength": "is the recipe's content_weight, which is larger the weaker the style: "
    "recipe=ns.recipes.default(content_weight=...)",
}
"""Names of version 0.1 and of the command line, and what they are here."""

PLACE = "**options : see ``help(neuralstyle.stylize)``"
"""Where a docstring has the parameters; what editors show that do not run the code."""

_NOT_OF_SWEEPS = {"objective", "extractor", "init", "callback", "progress", "state", "history"}
"""Parameters of `minimize` that are none of a sweep's options."""


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
    >>> read_options("stylize", {"content_weight": 2})
    Traceback (most recent call last):
    TypeError: stylize: content_weight belongs to the recipe: \
recipe=ns.recipes.default(content_weight=2)
    """
    known = options()
    check_names(function, given, known, functools.partial(of_recipe, given=given, known=known))
    return Options(**given)


def check_names(
    function: str,
    given: Iterable[str],
    known: Iterable[str],
    elsewhere: Callable[[str], str | None] = lambda name: None,
) -> None:
    """Check that options exist.

    Parameters
    ----------
    function : str
        Whose they are.
    given, known : iterable of str
    elsewhere : callable, optional
        Returns what is to be said of a name that there is in another place, or None.
    """
    known = list(known)
    for name in given:
        if name in known:
            continue
        if name in OTHER_NAMES:
            raise TypeError(f"{function}: {name} {OTHER_NAMES[name]}")
        near = meant(name, known)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
        told = elsewhere(name) or f"there is no option {name!r}; {hint}"
        raise TypeError(f"{function}: {told}")


def takes_options(*, but: Sequence[str] = (), others: bool = False) -> Callable[[F], F]:
    """Give a function that takes `Options` as keywords the signature and documentation of them.

    Parameters
    ----------
    but : sequence of str, optional
        Options that it does not take, beside those that it names itself.
    others : bool, default False
        Whether it takes further keywords.

    Returns
    -------
    callable
        Decorates a function whose last parameter is ``**options`` or the like.
    """

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        *own, rest = signature.parameters.values()
        left_out = {*but, *(parameter.name for parameter in own)}
        taken = [field for field in dataclasses.fields(Options) if field.name not in left_out]
        made = [
            inspect.Parameter(
                field.name, rest.KEYWORD_ONLY, default=field.default, annotation=field.type
            )
            for field in taken
        ]
        signature = signature.replace(parameters=[*own, *made, *([rest] if others else [])])
        function.__signature__ = signature  # type: ignore[attr-defined]
        if function.__doc__:  # there is none with python -OO
            text = textwrap.indent("\n".join(map(documented, taken)), " " * 4)
            function.__doc__ = function.__doc__.replace(" " * 4 + PLACE, text)
        return function

    return decorate


def documented(field: dataclasses.Field[Any]) -> str:
    """Return an option as the section "Parameters" of a docstring has it."""
    option: Option = field.metadata["option"]
    default = "optional" if field.default is None else f"default {_literal(field.default)}"
    text = textwrap.wrap(option.help, 92, initial_indent="    ", subsequent_indent="    ")
    return "\n".join([f"{field.name} : {option.kind}, {default}", *text])


def typed_dicts() -> str:
    """Return the options as the classes that type checkers read, in ``stylize_options.pyi``."""
    from neuralstyle.optimize.minimize import minimize

    shared = {field.name: str(field.type) for field in dataclasses.fields(Options)}
    own = {name: shared.pop(name) for name in ("recipe", "objective", "size", "checkpoint")}
    keywords: dict[str, str] = {}
    for make in RECIPES.values():
        keywords |= _types(make)
    of_minimize = {n: kind for n, kind in _types(minimize).items() if n not in _NOT_OF_SWEEPS}
    classes = {
        "Shared(TypedDict": shared,
        "StylizeOptions(Shared": own,
        "SheetOptions(Shared": keywords,
        "SweepOptions(SheetOptions": {"size": own["size"]},
        "ExploreOptions(SweepOptions": {"objective": own["objective"]},
        "MinimizeOptions(TypedDict": of_minimize,
    }
    return "\n".join(
        f"class {head}, total=False):\n"
        + "".join(f"    {name}: {kind}\n" for name, kind in fields.items())
        for head, fields in classes.items()
    )


def _types(function: Callable[..., Any]) -> dict[str, str]:
    """Return the types of a function's parameters, as they are written."""
    parameters = inspect.signature(function).parameters.values()
    return {parameter.name: str(parameter.annotation) for parameter in parameters}


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else repr(value)
