"""Options as a command line: what `words` reads, written."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from neuralstyle.transfer.options.options import Options, options
from neuralstyle.transfer.recipes.recipe import Recipe
from neuralstyle.transfer.recipes.registry import RecipeFunction, recipe_of


def command_line(
    plain: Mapping[str, Any], size: int, styles: int = 1, content: bool = True
) -> str | None:
    """Return a command line that paints with these options, if there is one.

    Parameters
    ----------
    plain : mapping from str to object
        Options as `recorded` returns them; those at their defaults are left out.
    size : int
        Longer side of the result: the command line has a default of its own.
    styles : int, default 1
        How many there are.
    content : bool, default True
        Whether there is one; else it is a texture's.

    Returns
    -------
    str or None
        With words in place of the names of pictures. A height and a width have no words.

    Examples
    --------
    >>> command_line({"seed": 0, "recipe": "gatys2016(style_weight=50)"}, 256)
    'neuralstyle CONTENT STYLE -o OUT.png --recipe gatys2016 --style-weight 50 --size 256'
    """
    if not isinstance(plain.get("size", size), int):
        return None
    names = ["STYLE"] if styles == 1 else [f"STYLE_{k}" for k in range(1, styles + 1)]
    words = ["neuralstyle", *(["CONTENT"] if content else ["texture"]), *names, "-o", "OUT.png"]
    usual = Options()
    given = {**plain, "size": size}
    for name in (name for name in options() if name in given):
        flag, value = options()[name].flag, given[name]
        if name == "recipe":
            words += _recipe(value)
        elif flag is not None and value != getattr(usual, name):
            words += [flag, *_words(name, value)]
    return shlex.join(words)


def _recipe(text: str) -> list[str]:
    """Write a recipe with its keywords."""
    made: Recipe = recipe_of(text)
    assert isinstance(made.content, RecipeFunction)
    name, keywords, _ = made.content.made
    words = ["--recipe", name]
    for keyword, value in keywords.items():
        words += [f"--{keyword.replace('_', '-')}", *_words(keyword, value)]
    return words


def _words(name: str, value: Any) -> list[str]:
    """Write a value as words."""
    if isinstance(value, Mapping):
        pairs = [f"{key}:{_word(of)}" for key, of in value.items()]
        return [",".join(pairs)] if name == "init" else pairs
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_word(of) for of in value]
    return [_word(value)]


def _word(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)
