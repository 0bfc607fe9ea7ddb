"""Contact sheets: many small results side by side, to choose by eye."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from neuralstyle._types import Image
from neuralstyle.images.convert import to_uint8
from neuralstyle.images.show import Sheet
from neuralstyle.optimize.interruption import interruption, note
from neuralstyle.optimize.result import Status, StyleResult
from neuralstyle.transfer.options import Options, options
from neuralstyle.transfer.painter import Painter
from neuralstyle.transfer.recipes import RECIPES, Recipe, default
from neuralstyle.transfer.signatures import check_names, read_options, takes_options

Cell: TypeAlias = tuple[str, Image]

TEXT = 13  # height of the letters in pixels
LINE = 16  # from one line of a label to the next
GAP = 6  # between two pictures


@takes_options(but=["objective", "checkpoint"], others=True)
def contact_sheet(
    content: Any,
    style: Any,
    vary: Mapping[str, Sequence[Any]],
    *,
    recipe: str | Callable[..., Recipe] = default,
    size: int | tuple[int, int] = 192,
    **settings: Any,
) -> Sheet:
    """Paint one small result for every value of a setting, or of two, on one labelled picture.

    Parameters
    ----------
    content : array, shape (H, W, 3), floating, RGB in [0, 1], or None
        As for `stylize`.
    style : array or sequence of arrays
        As for `stylize`.
    vary : mapping from str to sequence
        One setting or two and the values to try: keywords of the recipe, such as
        ``content_weight``, or of `stylize`, such as ``style_scale`` or ``color``; or ``"style"``,
        for each of several styles by itself: ``{"style": [a, b], "content_weight": [0.1, 0.4]}``.
        The first setting goes down the page if there are two, the last across.
    recipe : str or callable, default `recipes.default`
        What makes the recipe from its keywords: one of `neuralstyle.recipes`, or its name.
    size : int or (int, int), default 192
        Of each result.
    {options}
    **settings : object
        Keywords of the recipe that are the same for all.

    Returns
    -------
    Sheet, an array, shape (H, W, 3), float32
        The sheet, each result with its settings above it; a notebook shows it as a picture. Ctrl-C
        ends it early: the result that was being painted is the last, as far as it has come and with
        a note above it, and what would have come after it is left out.

    Raises
    ------
    TypeError, ValueError, KeyError
        If a setting does not exist, or its values or the images are not as they should be.
    KeyboardInterrupt
        After Ctrl-C before the first result was begun.

    Notes
    -----
    One network is loaded, and results that differ in nothing but weights share what is compiled.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> content, style = random.uniform(size=(2, 32, 48, 3)).astype(np.float32)
    >>> weights = {"content_weight": [0.1, 1.0]}
    >>> contact_sheet(content, style, weights, size=48, maxiter=1).shape
    (52, 102, 3)
    """
    if not isinstance(vary, Mapping) or not 1 <= len(vary) <= 2:
        raise TypeError(f"vary: expected one setting or two with their values, received {vary!r}")
    for setting, values in vary.items():
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise TypeError(
                f"vary: expected a sequence of values of {setting!r}, received {values!r}"
            )
    make = recipe_maker(recipe)
    of_stylize = options().keys() - {"recipe", "objective", "checkpoint"}
    known = sorted(keywords_of(make) | of_stylize)
    for name in vary:
        if name not in {*known, "style"} - {"callback", "progress"}:
            raise ValueError(
                f"vary: there is no setting {name!r}; there are style, {', '.join(known)}"
            )
    check_names("contact_sheet", settings, known)

    def painted(changes: dict[str, Any]) -> StyleResult:
        without = {"content_weight": 0.0} if content is None else {}
        given: dict[str, Any] = {"size": size, **without, **settings, **changes}
        painter = Painter(given.pop("style", style), with_recipe("contact_sheet", make, given))
        return painter.paint(content).result

    cells: list[Cell] = []
    (*_, across) = vary.values()
    with interruption() as signals:
        for numbers in itertools.product(*(range(len(values)) for values in vary.values())):
            chosen = {name: vary[name][k] for name, k in zip(vary, numbers, strict=True)}
            label = [
                f"style {k + 1}" if name == "style" else f"{name}={chosen[name]}"
                for name, k in zip(vary, numbers, strict=True)
            ]
            try:
                result = painted(chosen)
            except KeyboardInterrupt:
                note()
                if not cells:
                    raise
                break
            label += ["interrupted"] if result.status is Status.INTERRUPTED else []
            cells.append(("\n".join(label), result.image))
            if signals.received:
                break
        return labelled([cells[i : i + len(across)] for i in range(0, len(cells), len(across))])


def recipe_maker(recipe: Any) -> Callable[..., Recipe]:
    """Return the function that makes a recipe."""
    if isinstance(recipe, str) and recipe in RECIPES:
        return RECIPES[recipe]
    if not callable(recipe) or isinstance(recipe, Recipe):
        raise TypeError(
            f"recipe: expected one of {', '.join(RECIPES)}, or a function that makes a recipe, "
            f"received {recipe!r}"
        )
    maker: Callable[..., Recipe] = recipe
    return maker


def keywords_of(make: Callable[..., Any]) -> set[str]:
    """Return the keywords of what makes a recipe."""
    return set(inspect.signature(make).parameters)


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


def labelled(rows: Sequence[Sequence[Cell]]) -> Sheet:
    """Lay labelled pictures out in rows.

    Parameters
    ----------
    rows : sequence of sequences of (str, array)
        A label, of one line or several, and a picture (H, W, 3), floating, RGB in [0, 1], each.
        Pictures may differ in size. What of a label is wider than its picture is cut off.

    Returns
    -------
    array, shape (H, W, 3), float32

    Examples
    --------
    >>> labelled([[("a", np.zeros((8, 8, 3))), ("b", np.ones((8, 8, 3)))]]).shape
    (28, 22, 3)
    """
    bars = [4 + LINE * max(label.count("\n") + 1 for label, _ in row) for row in rows]
    heights = [max(picture.shape[0] for _, picture in row) for row in rows]
    widths = [sum(picture.shape[1] + GAP for _, picture in row) - GAP for row in rows]
    page = Pillow.new("RGB", (max(widths), sum(bars) + sum(heights)), "white")
    font, top = ImageFont.load_default(TEXT), 0
    for row, bar, height in zip(rows, bars, heights, strict=True):
        left = 0
        for label, picture in row:
            above = Pillow.new("RGB", (picture.shape[1], bar), "white")
            ImageDraw.Draw(above).text((0, 2), label, "black", font, spacing=LINE - TEXT)
            pixels = to_uint8(picture)
            page.paste(above, (left, top))
            page.paste(Pillow.fromarray(pixels), (left, top + bar))
            left += picture.shape[1] + GAP
        top += bar + height
    return Sheet(np.asarray(page, np.float32) / np.float32(255))
