"""What there is to know of one option."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """What there is to know of one option beside its default and type.

    Attributes
    ----------
    kind : str
        The type as the documentation writes it.
    help : str
        What it does, in plain words: the text of the documentation.
    check : callable
        Takes the name and a value; returns the value's normal form, or raises what names it.
    flag : str or None
        Of the command line.
    short_help : str
        A phrase for ``--help``.
    parse : callable or None
        Turns one word into a value, or raises a `ValueError`: "expected ..., received ...".
    nargs : "+", int or None
        None for a single word, else how many; then there is a list of what `parse` returns.
    collect : callable or None
        Turns that list into the option's value, where it is not the list itself.
    metavar : str, tuple of str or None
        What the words are called in ``--help``.
    choices : tuple of str or None
        All values, where they are a few names.
    example : str
        Words that may follow the flag.
    group : str
        Under which heading ``--help`` shows it.
    why_no_flag : str
        How the command line sets it, where there is no flag.
    """

    kind: str
    help: str
    check: Callable[[str, Any], Any]
    flag: str | None = None
    short_help: str = ""
    parse: Callable[[str], Any] | None = None
    nargs: str | int | None = None
    collect: Callable[[list[Any]], Any] | None = None
    metavar: str | tuple[str, ...] | None = None
    choices: tuple[str, ...] | None = None
    example: str = ""
    group: str = "run"
    why_no_flag: str = ""


def option(
    default: Any, kind: str, help: str, check: Callable[[str, Any], Any], **rest: Any
) -> Any:
    """Make a field of `Options`."""
    return dataclasses.field(
        default=default, metadata={"option": Option(kind, help, check, **rest)}
    )
