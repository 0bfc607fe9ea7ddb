"""What is decided before a run begins: sizes, iterations, the start, colours."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, TypeAlias

import numpy as np

from neuralstyle._checks import shown
from neuralstyle._types import Floats, Image
from neuralstyle.images.color import ColorTreatment, is_colourless, luminance
from neuralstyle.images.load import covering, read_picture
from neuralstyle.optimize.minimize import check_method
from neuralstyle.optimize.parametrizations import Parametrization, grey
from neuralstyle.optimize.result import StyleResult
from neuralstyle.transfer.options.options import Options, sees_torus
from neuralstyle.transfer.parts import Part
from neuralstyle.transfer.recipes import Recipe
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
    parts : list of Part
        The styles of the whole picture and then of its parts.
    alpha : array or None
        The content's opacity, where it is not opaque: it is in the masks already.
    parametrization : Parametrization or None
        What is moved in place of the pixels.
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
    parts: list[Part]
    alpha: Floats | None
    parametrization: Parametrization | None
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
    parts: Sequence[Part],
    content: Image | None,
    alpha: Floats | None = None,
) -> Plan:
    """Decide on sizes, iterations and the start, and treat the colours.

    Parameters
    ----------
    options : Options
    recipe : Recipe
    treatment : ColorTreatment
    parts : sequence of Part
        With styles as they were given, as is the content.
    content : array or None
    alpha : array, shape (H, W), or None
        The content's opacity.

    Returns
    -------
    Plan
    """
    if content is None and options.color is not None:
        raise ValueError(f"color: expected None without a content, received {shown(options.color)}")
    shapes = _shapes(options, recipe, parts, content)
    iterations = stage_iterations(recipe, options, shapes)
    stages = [recipe] * len(shapes) + recipe.later
    shapes += shapes[-1:] * len(recipe.later)
    for part in parts:  # masks refuse other proportions
        if part.mask is not None:
            part.mask.at("input", shapes[-1] if content is None else content.shape[:2])
    parts = [part.within(alpha) for part in parts]
    whole = [part.style for part in parts[: len(parts) - len(options.regions or ())]]

    earlier = options.init
    first: Any = earlier.image if isinstance(earlier, StyleResult) else earlier
    if first is None:
        unfounded = content is None and recipe.init == "content"
        first = "noise" if unfounded else check_init("init", recipe.init)
    if isinstance(first, PathLike):
        first = read_picture(first, covering(max(shapes[-1])))[0]
    check_there(first, content, whole)
    if isinstance(first, np.ndarray) and options.scales is None:
        # An image has the coarse scales behind it.
        coarse = shapes[: -1 - len(recipe.later)]
        done = sum(max(shape) <= max(first.shape[:2]) for shape in coarse)
        shapes, iterations, stages = shapes[done:], iterations[done:], stages[done:]

    used = content
    if content is not None:
        used = treatment.content(content)
        parts = [
            dataclasses.replace(part, style=treatment.style(part.style, content)) for part in parts
        ]
        whole = [part.style for part in parts[: len(whole)]]
        if isinstance(first, np.ndarray):
            first = treatment.content(first)
    parametrization = options.parametrization
    if parametrization is None and _is_grey(options, parts, used):
        parametrization = grey()
        used = None if used is None else luminance(used)
    start = start_image(first, used, whole, shapes[0], options.seed)
    detail = used if isinstance(first, str) and first == "content" else None
    if isinstance(earlier, StyleResult) and earlier.settings.get("init") == "content":
        detail = used
        start = enlarged(first, shapes[0], detail)
    if parametrization is not None and parametrization.name == "grey":
        start = luminance(start)
    return Plan(
        stages=stages,
        content=used,
        parts=list(parts),
        alpha=alpha,
        parametrization=parametrization,
        shapes=shapes,
        iterations=iterations,
        init=first if isinstance(first, str | dict) else "image",
        start=start,
        detail=detail,
    )


def stage_iterations(recipe: Recipe, options: Options, shapes: list[Shape]) -> list[int]:
    """Return the iterations at every scale, and of the stages that follow at the last."""
    later = [stage.maxiter[0] for stage in recipe.later]
    usual = [*iterations_at(None, recipe.maxiter, shapes), *later]
    counts: Any = options.maxiter
    return iterations_at(counts, tuple(usual), shapes + shapes[-1:] * len(later))


def check_together(options: Options) -> None:
    """Refuse options that do not go together."""
    if options.objective is not None:
        given = {
            "recipe": options.recipe,
            "style_weights": options.style_weights,
            "regions": options.regions or None,
        }
        for name, value in given.items():
            if value is not None:
                raise ValueError(
                    f"{name}: expected None with a function as objective, which weighs and masks "
                    f"its styles itself, received {shown(value)}; or add the function to a recipe: "
                    "recipe=ns.recipes.default() + function"
                )
    if options.pooling is not None and callable(options.network):
        raise ValueError("pooling: expected None with an extractor, which has its own")
    if options.dtype != "float32" and callable(options.network):
        raise ValueError(
            f'dtype: expected "float32" with an extractor, which has its own, received '
            f"{options.dtype!r}"
        )
    if options.executor is not None and options.tile is None:
        raise ValueError(
            "executor: expected None without tile=, as its workers look at tiles (stylize_many has "
            f"them paint whole pictures), received {shown(options.executor)}"
        )
    if options.method is not None:
        check_method(options.method, options.bounds, options.parametrization)


def _shapes(
    options: Options, recipe: Recipe, parts: Sequence[Part], content: Image | None
) -> list[Shape]:
    pictures = [part.style for part in parts] if content is None else [content]
    sides = pictures[0].shape if pictures else ()
    if content is None and options.regions:
        sides = options.regions[0].mask.values.shape
    shape = target_size(sides, options.size)
    return pyramid(shape, options.scales, recipe.min_size, sees_torus(options))


def _is_grey(options: Options, parts: Sequence[Part], content: Image | None) -> bool:
    """Return whether a picture is to be grey: as its styles are, and for a function all it sees."""
    pictures = [part.style for part in parts]
    if options.objective is not None and content is not None:
        pictures.append(content)
    return bool(pictures) and all(is_colourless(picture) for picture in pictures)
