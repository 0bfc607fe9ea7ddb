"""What is decided before a run begins: sizes, iterations, the start, colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, TypeAlias

import numpy as np

from neuralstyle._types import Image
from neuralstyle.images.color import ColorTreatment
from neuralstyle.images.load import covering, read_picture
from neuralstyle.optimize.result import StyleResult
from neuralstyle.transfer.options import Options
from neuralstyle.transfer.recipes import Recipe
from neuralstyle.transfer.regions import Region
from neuralstyle.transfer.scales import enlarged, iterations_at, pyramid, target_size
from neuralstyle.transfer.start import check_init, check_there, start_image

Shape: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """A run that is about to begin.

    Attributes
    ----------
    stages : list of Recipe
        At each of `shapes`; the first gives the settings.
    content : array or None
        With its colours treated, as are the styles.
    styles : list of arrays
    regions : list of Region
    shapes : list of (int, int)
        From coarse to fine; further stages of a recipe have the last one again.
    iterations : list of int
        At each of them.
    init : str or dict
        What the start is called.
    start : array
        At the coarsest size.
    detail : array or None
        Whose detail is added where a result is enlarged.
    """

    stages: list[Recipe]
    content: Image | None
    styles: list[Image]
    regions: list[Region]
    shapes: list[Shape]
    iterations: list[int]
    init: str | dict[str, float]
    start: Image
    detail: Image | None

    @property
    def recipe(self) -> Recipe:
        """What gives the settings."""
        return self.stages[0]


def make_plan(
    options: Options,
    recipe: Recipe,
    treatment: ColorTreatment,
    styles: Sequence[Image],
    content: Image | None,
) -> Plan:
    """Decide on sizes, iterations and the start, and treat the colours.

    Parameters
    ----------
    options : Options
    recipe : Recipe
    treatment : ColorTreatment
    styles : sequence of arrays
        As they were given, as is the content.
    content : array or None

    Returns
    -------
    Plan
    """
    if content is None and options.color is not None:
        raise ValueError(f"color: expected None without a content, received {options.color!r}")
    regions = list(options.regions or ())
    shapes = _shapes(options, recipe, styles, content)
    counts: Any = options.maxiter
    usual = iterations_at(None, recipe.maxiter, shapes)
    stages = [recipe] * len(shapes) + recipe.later
    shapes += shapes[-1:] * len(recipe.later)
    usual += [stage.maxiter[0] for stage in recipe.later]
    iterations = iterations_at(counts, tuple(usual), shapes)
    for region in regions:  # masks refuse other proportions
        region.mask.at("input", shapes[-1] if content is None else content.shape[:2])

    earlier = options.init
    first: Any = earlier.image if isinstance(earlier, StyleResult) else earlier
    if first is None:
        unfounded = content is None and recipe.init == "content"
        first = "noise" if unfounded else check_init("init", recipe.init)
    if isinstance(first, PathLike):
        first = read_picture(first, covering(max(shapes[-1])))[0]
    check_there(first, content, styles)
    if isinstance(first, np.ndarray) and options.scales is None:
        # An image has the coarse scales behind it.
        coarse = shapes[: -1 - len(recipe.later)]
        done = sum(max(shape) <= max(first.shape[:2]) for shape in coarse)
        shapes, iterations, stages = shapes[done:], iterations[done:], stages[done:]

    used, styles = content, list(styles)
    if content is not None:
        used = treatment.content(content)
        styles = [treatment.style(style, content) for style in styles]
        if isinstance(first, np.ndarray):
            first = treatment.content(first)
        regions = [
            Region(r.mask, treatment.style(r.style, content), r.style_mask, r.weight)
            for r in regions
        ]
    start = start_image(first, used, styles, shapes[0], options.seed)
    detail = used if isinstance(first, str) and first == "content" else None
    if isinstance(earlier, StyleResult) and earlier.settings.get("init") == "content":
        detail = used
        start = enlarged(first, shapes[0], detail)
    return Plan(
        stages=stages,
        content=used,
        styles=styles,
        regions=regions,
        shapes=shapes,
        iterations=iterations,
        init=first if isinstance(first, str | dict) else "image",
        start=start,
        detail=detail,
    )


def _shapes(
    options: Options, recipe: Recipe, styles: Sequence[Image], content: Image | None
) -> list[Shape]:
    pictures = styles if content is None else [content]
    sides = pictures[0].shape if pictures else ()
    if content is None and options.regions:
        sides = options.regions[0].mask.values.shape
    return pyramid(target_size(sides, options.size), options.scales, recipe.min_size)
