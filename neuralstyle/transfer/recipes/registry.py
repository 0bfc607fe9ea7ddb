"""The recipes by name: how one is added, checked, written as the call that makes it, and copied."""

from __future__ import annotations

import ast
import functools
import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast, final

import numpy as np

from neuralstyle._checks import nearest, shown, weight
from neuralstyle.transfer.recipes.recipe import FeatureMap, Recipe

if TYPE_CHECKING:
    from neuralstyle.losses.objective import StyleObjective

Make = TypeVar("Make", bound=Callable[..., Recipe])

RECIPES: dict[str, Callable[..., Recipe]] = {}
"""What makes each recipe, by its name, with keywords for its weights."""


def named(make: Make) -> Make:
    """Add what makes a recipe to `RECIPES`, under its own name.

    The function takes keywords alone, each with a default; ``content_weight=0`` makes textures.
    Those that end in ``_weight`` are checked, and what it makes can be copied and pickled.
    """
    known = inspect.signature(make).parameters

    @functools.wraps(make)
    def checked(**options: Any) -> Recipe:
        for name, value in options.items():
            if name not in known:
                raise TypeError(
                    f"{make.__name__}: expected keywords among {', '.join(known)}, "
                    f"received {shown(name)}{nearest(name, known)}"
                )
            if name.endswith("_weight"):
                weight(name, value, 0)
        return _with_parts(make(**options), make.__name__, options)

    RECIPES[make.__name__] = checked
    return cast(Make, checked)


@final
class RecipeFunction:
    """A function of a recipe, which a copy in another process makes anew, by the recipe's name."""

    def __init__(
        self, function: Callable[..., Any], name: str, options: Mapping[str, Any], place: str
    ) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self.made: tuple[str, dict[str, Any], str] = name, dict(options), place

    def __call__(self, *features: FeatureMap, **masks: Any) -> list[StyleObjective]:
        """Make the terms."""
        try:
            terms: list[StyleObjective] = self._function(*features, **masks)
        except KeyError as error:
            layer = getattr(error, "layer", None)  # of losses, which are imported where needed
            asked = [name for name, layers in self.made[1].items() if _names(layers, layer)]
            if layer is None or not asked:
                raise
            raise error.of(" and ".join(asked)) from None  # type: ignore[attr-defined]
        return terms

    def call_of(self, recipe: Recipe) -> str | None:
        """Return the call that makes a recipe of which it is a part, as text."""
        return call_of(recipe)

    def __repr__(self) -> str:
        """Describe it by the call that makes the recipe."""
        name, options, place = self.made
        given = ", ".join(f"{option}={value!r}" for option, value in options.items())
        return f"{name}({given}).{place}"

    def __eq__(self, other: object) -> bool:
        """Compare what it is made from."""
        return isinstance(other, RecipeFunction) and self.made == other.made

    def __hash__(self) -> int:
        """Hash the recipe's name and the place in it."""
        return hash(self.made[::2])

    def __reduce__(self) -> tuple[Any, ...]:
        """Make it anew where it is unpickled."""
        return _part, self.made


def _names(layers: Any, layer: str | None) -> bool:
    """Return whether a keyword's value names a layer: by itself, among others, or with a weight."""
    if isinstance(layers, str):
        return layers == layer
    return isinstance(layers, Mapping | Sequence) and layer in layers


def _part(name: str, options: Mapping[str, Any], place: str) -> Any:
    """Return a function of the recipe that keywords make."""
    return operator.attrgetter(place)(RECIPES[name](**options))


def _with_parts(recipe: Recipe, name: str, options: Mapping[str, Any], at: str = "") -> Recipe:
    """Return a recipe, and its later stages, with functions that can be pickled."""
    then = recipe.then and _with_parts(recipe.then, name, options, f"{at}then.")
    content = RecipeFunction(recipe.content, name, options, f"{at}content")
    style = RecipeFunction(recipe.style, name, options, f"{at}style")
    return replace(recipe, content=content, style=style, then=then)


def call_of(recipe: Recipe) -> str | None:
    """Return the call that makes a recipe, as text; None if there is none.

    Examples
    --------
    >>> from neuralstyle import recipes
    >>> call_of(recipes.gatys2016()), call_of(recipes.gatys2016(style_weight=50))
    ('gatys2016', 'gatys2016(style_weight=50)')
    >>> call_of(recipe_of("gatys2016(style_weight=50)"))
    'gatys2016(style_weight=50)'
    """
    if not isinstance(recipe.content, RecipeFunction):
        return None
    name, options, _ = recipe.content.made
    given = ", ".join(f"{option}={_literal(value)!r}" for option, value in options.items())
    text = f"{name}({given})" if given else name
    try:
        return text if recipe_of(text) == recipe else None  # a copy may have been changed
    except (TypeError, ValueError):
        return None


def _literal(value: Any) -> Any:
    """Return a value whose text is Python's for it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: _literal(of) for key, of in value.items()}
    return value


def recipe_of(text: str) -> Recipe:
    """Make the recipe of a call that is written as text: its name, and keywords in brackets."""
    name, bracket, rest = text.partition("(")
    if name not in RECIPES or bool(bracket) != rest.endswith(")"):
        raise ValueError(f"expected one of {', '.join(RECIPES)}")
    try:
        call = ast.parse(text if bracket else f"{text}()", mode="eval").body
        if not isinstance(call, ast.Call) or call.args or not all(of.arg for of in call.keywords):
            raise ValueError
        keywords = {str(of.arg): ast.literal_eval(of.value) for of in call.keywords}
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # as of what is no literal
        raise ValueError(f"expected keywords of {name} in brackets, with plain values") from None
    return RECIPES[name](**keywords)


def check_recipe(argument: str, value: Any) -> str | Recipe:
    """Check a recipe or the name of one.

    Parameters
    ----------
    argument : str
        Its name.
    value : str or Recipe
        The text may be a call: ``"gatys2016(style_weight=50)"``.

    Returns
    -------
    str or Recipe

    Raises
    ------
    TypeError, ValueError
        If it is neither.

    Examples
    --------
    >>> check_recipe("recipe", ["gatys2016"])
    Traceback (most recent call last):
    TypeError: recipe: expected a recipe or its name, received ['gatys2016']
    """
    if isinstance(value, Recipe) or (isinstance(value, str) and value in RECIPES):
        return value
    if isinstance(value, str):
        try:
            return recipe_of(value)
        except ValueError as error:
            raise ValueError(f"{argument}: {error}, received {shown(value)}") from None
    if value in list(RECIPES.values()):
        raise TypeError(
            f"{argument}: expected a recipe or its name, received the function that makes one; "
            "call it"
        )
    hint = "; objective= takes a function (content, style) -> loss" if callable(value) else ""
    if hasattr(value, "terms"):  # of losses and objectives, which are imported where needed
        hint = ": a recipe with it is ns.recipes.default() + loss"
    raise TypeError(f"{argument}: expected a recipe or its name, received {shown(value)}{hint}")
