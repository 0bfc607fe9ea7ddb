"""What is said of the name of an option, a keyword or a term where there is none of that name."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from neuralstyle._checks import shown
from neuralstyle.transfer.recipes import RECIPES, Recipe
from neuralstyle.transfer.recipes.registry import RecipeFunction

TERMS = (
    ("content", "content_weight"),
    ("covariance", "style_weight"),
    ("style", "style_weight"),
    ("histogram", "style_weight"),
    ("color", "color_weight"),
    ("patches", "patch_weight"),
    ("total_variation", "tv_weight"),
)
"""Terms of the library's recipes, and the keywords that weigh them, for whoever knows one of the
two and is asked for the other."""


def meant(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is nearest to another, as it is written or by what it weighs.

    Examples
    --------
    >>> meant("maxitre", ["maxiter", "tv_weight"])
    'maxiter'
    >>> meant("total_variation_weight", ["maxiter", "tv_weight"])
    'tv_weight'
    >>> meant("tv_weight", ["content", "total_variation"])
    'total_variation'
    """
    known = list(known)
    called = {
        alias: of
        for term, keyword in TERMS
        for of in (term, keyword)
        if of in known
        for alias in (term, f"{term}_weight", keyword, keyword.removesuffix("_weight"))
    }
    called |= {of: of for of in known}
    near = difflib.get_close_matches(name, called, 1)
    return called[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that there is no such name: the nearest one, if any is near.

    Examples
    --------
    >>> did_you_mean("styel", ["content", "style"]), did_you_mean("xyz", ["content"])
    ("; did you mean 'style'?", '')
    """
    near = meant(name, known)
    return f"; did you mean {near!r}?" if near else ""


def keywords_of(make: Callable[..., Any]) -> set[str]:
    """Return the keywords of what makes a recipe."""
    return set(inspect.signature(make).parameters)


def of_recipe(name: str, given: Mapping[str, Any], known: Iterable[str]) -> str | None:
    """Return what is to be said of a name that is, or is near, a keyword of a recipe.

    Parameters
    ----------
    name : str
        That of no option.
    given : mapping from str to object
        All that a function was given, a recipe perhaps among them.
    known : iterable of str
        The options.

    Returns
    -------
    str or None
        None if another option is nearer, or nothing is near.
    """
    known = set(known)
    keywords = {n for make in RECIPES.values() for n in keywords_of(make)} - known
    near = meant(name, [*known, *keywords])
    if near not in keywords:
        return None
    call = _call({near: given[name], **{n: v for n, v in given.items() if n in keywords}}, given)
    if near == name:
        return f"{name} belongs to the recipe: {call}"
    return f"there is no option {name!r}; did you mean {call}?"


def _call(keywords: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Return the recipe with these keywords, or those of them that go together, as it is written.

    It is the recipe that was given, if that has the first of them.
    """
    first = next(iter(keywords))
    asked = given.get("recipe")
    before: Mapping[str, Any] = {}
    if isinstance(asked, Recipe) and isinstance(asked.content, RecipeFunction):
        asked, before, _ = asked.content.made
    makers = {of: make for of, make in RECIPES.items() if first in keywords_of(make)}
    name = asked if isinstance(asked, str) and asked in makers else next(iter(makers))
    fitting = {n: v for n, v in keywords.items() if n in keywords_of(makers[name])}
    merged = {**(before if name == asked else {}), **fitting}
    return f"recipe=ns.recipes.{name}({', '.join(f'{n}={shown(v)}' for n, v in merged.items())})"


def of_other_recipes(name: str) -> str | None:
    """Return what is to be said of a keyword that the recipe in question does not have.

    Examples
    --------
    >>> of_other_recipes("color_weight")
    'color_weight belongs to the recipes default, fast'
    """
    others = [of for of, make in RECIPES.items() if name in keywords_of(make)]
    return f"{name} belongs to the recipes {', '.join(others)}" if others else None
