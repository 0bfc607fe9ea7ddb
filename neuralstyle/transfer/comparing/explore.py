"""Which stroke size and content weight suit two pictures: a small sheet, each cell scored."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final, overload

import numpy as np

from neuralstyle._checks import number, whole_number
from neuralstyle._types import Image, PictureLike
from neuralstyle.images.arrays import resize
from neuralstyle.images.measures import edges, similarity
from neuralstyle.images.opacity import opaque
from neuralstyle.optimize.interruption import EVALUATION, interruption, look, note, patience
from neuralstyle.transfer.comparing.cells import (
    Axis,
    cell_shape,
    fewer_iterations,
    rating,
    rounded,
    stroke_sizes,
)
from neuralstyle.transfer.comparing.exploration import Cell, Exploration, caption
from neuralstyle.transfer.comparing.one_of_several import one_of_several
from neuralstyle.transfer.comparing.sheet import labelled
from neuralstyle.transfer.options.names import keywords_of, of_other_recipes
from neuralstyle.transfer.options.options import Options, options, sees_torus
from neuralstyle.transfer.options.recipe_keywords import recipe_maker, with_recipe
from neuralstyle.transfer.options.signatures import check_names, takes_options
from neuralstyle.transfer.painter import Painter
from neuralstyle.transfer.recipes import RECIPES, Recipe, default
from neuralstyle.transfer.scales import target_size
from neuralstyle.transfer.score import TINY, Score, score
from neuralstyle.transfer.studio import Studio

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from neuralstyle.transfer.options.stylize_options import ExploreOptions

STROKES, CONTENT = "style_scale", "content_weight"
"""What is varied: an option of `stylize`, and a keyword of recipes."""

CONTENT_STEP = 3.0
"""From one content weight to the next."""

CELL_SIZE = 192
"""Longer side of a small picture at the most, unless another is asked for."""


@overload
def explore(
    content: PictureLike,
    style: PictureLike | Sequence[PictureLike],
    *,
    recipe: str | Recipe | None = ...,
    cell_size: int = ...,
    **settings: Unpack[ExploreOptions],
) -> Exploration: ...


@overload
def explore(
    content: PictureLike,
    style: PictureLike | Sequence[PictureLike],
    *,
    recipe: Callable[..., Recipe],
    cell_size: int = ...,
    **settings: Any,
) -> Exploration: ...


@takes_options(but=["checkpoint"], others=True)
def explore(
    content: PictureLike,
    style: PictureLike | Sequence[PictureLike],
    *,
    recipe: str | Recipe | Callable[..., Recipe] | None = None,
    cell_size: int = CELL_SIZE,
    **settings: Any,
) -> Exploration:
    r"""Paint a small sheet over stroke size and content weight, and rate every cell of it.

    Parameters
    ----------
    content : array, shape (H, W, 3), floating, RGB in [0, 1]
    style : array or sequence of arrays
        As for `stylize`.
    recipe : str, Recipe or callable, optional
        One of `neuralstyle.recipes`, its name, or a function that makes a recipe from keywords;
        ``recipes.default`` if left out. The weight of the content is only varied of what takes
        ``content_weight``, so not of a `Recipe` that is made already.
    cell_size : int, default 192
        Longer side of the cells in pixels; that of the picture, where it is smaller, and more where
        the shorter one would have less than half of it and than 32.
    **options : see ``help(neuralstyle.stylize)``
    **settings : object
        Keywords of the recipe that are the same for all. With a ``content_weight``, or with
        `balance`, which sets the weights, the sheet is a row of stroke sizes; with a `style_scale`
        it is a row of content weights.

    Returns
    -------
    Exploration

    Raises
    ------
    TypeError, ValueError, KeyError, OSError
        If an argument is not as above, or nothing is left to vary.
    KeyboardInterrupt, Exception
        After Ctrl-C, or what a run raises. The cells that were finished by then, if any, are in its
        attribute ``partial_result``, an `Exploration` of these alone.

    Notes
    -----
    The rating of a cell is the structure that it keeps times the root of the odds of its style,

    .. math:: \frac{\text{content} - c}{1 - c} \sqrt{\frac{1 - \text{style}}{\text{style}}}

    from the numbers of `score` at the size of the cells, with c the content of the painting itself
    in the photograph's place. The largest is the best; of those that are equal to three digits, the
    one nearest to the recipe's own settings. A photograph to which nothing is done has 0, and so
    has a picture in which no more is left of the subject than in the painting; in between, twice
    the structure is worth about four times the distance to the painting's patches. Where a
    treatment of `color` keeps the photograph's colours, distances hardly differ, and structure
    decides.

    Content weights are a third, one and three times the recipe's, stroke sizes two thirds, one and
    one and a half times the usual. No stroke size is larger than the style images have pixels for
    in the picture of full `size`; where that leaves nothing above the usual one, there are two
    below it.

    Cells make half the iterations of the picture at each of their scales. They share the network,
    what is compiled, and, with the library's recipes, the targets of a stroke size. A cell takes
    about a seventh of the time of a picture of 512 pixels, all nine two fifths of that of one of
    1024. Fine strokes look coarser in a cell than they will.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> content, style = random.uniform(size=(2, 32, 48, 3)).astype(np.float32)
    >>> found = explore(content, style, content_weight=0.1, maxiter=1)
    >>> [cell.settings["style_scale"] for cell in found.cells]
    [0.44, 0.67, 1.0]
    >>> from neuralstyle import stylize
    >>> stylize(content, style, **found.cells[found.best].options).image.shape
    (32, 48, 3)
    """
    return Explorer(style, recipe, cell_size, settings).explore(content)


@final
class Explorer:
    """A style and how to explore it, for any number of contents; parameters as of `explore`."""

    def __init__(
        self, style: Any, recipe: Any, cell_size: int, settings: Mapping[str, Any]
    ) -> None:
        made = isinstance(recipe, Recipe) or settings.get("objective") is not None
        self.make: Callable[..., Recipe] = (
            (lambda: recipe) if made else recipe_maker(recipe or default)
        )
        of_recipe = keywords_of(self.make)
        known = of_recipe | options().keys() - {"checkpoint"}
        check_names("explore", settings, sorted(known), of_other_recipes)
        self.cell_size: int = whole_number("cell_size", cell_size, 1)
        self.settings: dict[str, Any] = dict(settings)
        weighs = CONTENT in of_recipe and self.settings.get("balance") is None
        # Content weights go down the sheet, stroke sizes across.
        free = {CONTENT: weighs and CONTENT not in settings, STROKES: STROKES not in settings}
        self.varied: list[str] = [name for name, varies in free.items() if varies]
        if not self.varied:
            raise ValueError(
                f"{STROKES}: expected none where nothing else is left to vary, "
                f"received {settings[STROKES]!r}"
            )
        # What is wrong with the style or the options is found out before the first content.
        painter = Painter(style, self._options({}))
        painter.load()
        self.size: int | tuple[int, int] | None = painter.options.size
        self.style = style
        self.styles: list[Image] = [part.style for part in painter.parts]
        self.shares: list[float] = [part.share for part in painter.parts]
        if not self.styles:
            raise ValueError("style: expected an image to compare pictures with, received none")

    def explore(self, content: Any) -> Exploration:
        """Explore one content."""
        given, content = content, opaque(content, "content")
        full = target_size(content.shape, self.size)
        small = cell_shape(full, self.cell_size, sees_torus(self._options({})))
        gone = self._content_of_styles(resize(content, small))
        axes = [self._axis(name, max(full)) for name in self.varied]
        studios: dict[Any, Studio] = {}
        cells: list[Cell] = []
        places = [*itertools.product(*(axis.values for axis in axes))]
        of_all = self.settings.get("progress", False), self.settings.get("callback")
        with interruption() as signals:
            for k, values in enumerate(places):
                chosen = dict(zip(self.varied, values, strict=True))
                words = [f"{name}={value:g}" for name, value in chosen.items()]
                try:
                    with one_of_several(*of_all, k, len(places), words) as told:
                        cells.append(self._cell(given, gone, full, small, chosen, studios, told))
                    look()
                except KeyboardInterrupt:
                    note()
                    break
                except Exception as error:
                    done = self._exploration(cells, axes) if cells else None
                    error.partial_result = done  # type: ignore[attr-defined]
                    raise
            found = self._exploration(cells, axes) if cells else None
        if found is None or signals.received:
            ended = KeyboardInterrupt(f"explore was interrupted, with {len(cells)} cells finished")
            ended.partial_result = found  # type: ignore[attr-defined]
            raise ended
        return found

    def _exploration(self, cells: Sequence[Cell], axes: Sequence[Axis]) -> Exploration:
        """Choose among the cells, which may be the first few of all."""
        steps = itertools.product(*(axis.steps for axis in axes))
        ranks = [(-round(c.rating, 3), sum(away)) for c, away in zip(cells, steps, strict=False)]
        best = ranks.index(min(ranks))
        captioned = [(caption(k, cell, k == best), cell.image) for k, cell in enumerate(cells)]
        across = len(axes[-1].values)
        rows = [captioned[first : first + across] for first in range(0, len(cells), across)]
        return Exploration(tuple(cells), best, labelled(rows))

    def _options(self, changes: Mapping[str, Any]) -> Options:
        return with_recipe("explore", self.make, {**self.settings, **changes})

    def _axis(self, name: str, side: int) -> Axis:
        """Return what to try of a setting in a picture with that longer side."""
        if name == STROKES:
            return stroke_sizes(max(max(style.shape) for style in self.styles) / side)
        usual = inspect.signature(self.make).parameters[name].default
        usual = number(f"{name} of the recipe", usual, above=0)
        return Axis([rounded(usual / CONTENT_STEP), usual, rounded(usual * CONTENT_STEP)], 1)

    def _cell(
        self,
        content: Any,
        gone: float,
        whole: tuple[int, int],
        shape: tuple[int, int],
        chosen: dict[str, float],
        studios: dict[Any, Studio],
        told: Any,
    ) -> Cell:
        """Paint and rate one cell."""
        full = self._options(chosen)
        less: dict[str, Any] = {"size": shape, "maxiter": fewer_iterations(full, whole, shape)}
        less |= {"progress": False, "callback": told}
        painter = Painter(self.style, self._options({**chosen, **less}))
        if self.make in RECIPES.values():  # others may make their styles by the content's weight
            painter.share(studios.setdefault(full.style_scale, Studio()))
        image = painter.paint(content).result.image
        look()  # only what is finished is rated
        with patience(EVALUATION):
            found = self._score(image, opaque(content), [part.scale for part in painter.parts])
        kept = (found.content - gone) / max(1 - gone, TINY)
        rated = rating(found.style, kept)
        of_recipe = keywords_of(self.make)
        given = {n: v for n, v in {**self.settings, **chosen}.items() if n not in of_recipe}
        if full.recipe is not None:
            given["recipe"] = full.recipe
        return Cell(chosen, given, image, found, rated)

    def _content_of_styles(self, content: Image) -> float:
        """Return the content's score of the styles themselves in the place of a small content."""
        seen = edges(content)
        scores = [
            similarity(edges(resize(style, content.shape[:2])), seen).mean()
            for style in self.styles
        ]
        return float(np.average(scores, weights=self.shares))

    def _score(self, image: Image, content: Image, scales: Sequence[float]) -> Score:
        """Return the mean score over the styles."""
        scores = [
            score(image, content, style, style_scale=scale)
            for style, scale in zip(self.styles, scales, strict=True)
        ]
        means = {
            name: float(np.average([getattr(of, name) for of in scores], weights=self.shares))
            for name in ("style", "texture", "content", "color")
        }
        return Score(**means, features=None, size=scores[0].size)
