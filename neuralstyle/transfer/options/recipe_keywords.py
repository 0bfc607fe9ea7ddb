"""Recipes that are made of their keywords, which are given among the options of `stylize`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neuralstyle._checks import shown
from neuralstyle.transfer.options.names import keywords_of
from neuralstyle.transfer.options.options import Options
from neuralstyle.transfer.options.signatures import read_options
from neuralstyle.transfer.recipes import RECIPES, Recipe


def recipe_maker(recipe: Any) -> Callable[..., Recipe]:
    """Return the function that makes a recipe."""
    if isinstance(recipe, str) and recipe in RECIPES:
        return RECIPES[recipe]
    if not callable(recipe) or isinstance(recipe, Recipe):
        raise TypeError(
            f"recipe: expected one of {', '.join(RECIPES)}, or a function that makes a recipe, "
            f"received {shown(recipe)}"
        )
    maker: Callable[..., Recipe] = recipe
    return maker


def with_recipe(function: str, make: Callable[..., Any], given: Mapping[str, Any]) -> Options:
    """Return the options of `stylize` among what was given to a function, with the recipe.

    Parameters
    ----------
    function : str
        Its name, for errors.
    make : callable
        What makes the recipe of those that are its keywords.
    given : mapping from str to object

    Returns
    -------
    Options
    """
    of_recipe = keywords_of(make)
    keywords = {name: value for name, value in given.items() if name in of_recipe}
    others = {name: value for name, value in given.items() if name not in of_recipe}
    return read_options(function, {**others, "recipe": make(**keywords)})
