"""The objective at each size of a run; a style's targets are made once for contents of one size."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

import numpy as np

from neuralstyle._types import Image
from neuralstyle.features.base import Extractor, image_tensor, name_picture
from neuralstyle.images.arrays import crop, resize, tile
from neuralstyle.images.color import ColorTreatment
from neuralstyle.losses import ContentLoss
from neuralstyle.losses.masks import Mask
from neuralstyle.losses.objective import Loss, StyleObjective
from neuralstyle.transfer.options import Options
from neuralstyle.transfer.plan import Plan, Shape
from neuralstyle.transfer.recipes import RECIPES, Recipe, combined
from neuralstyle.transfer.regions import Region
from neuralstyle.transfer.scales import style_size

FITS = {"crop": crop, "tile": tile}
"""What can be done with a style image that is larger, or smaller, than the content."""

REMEMBERED = 16
"""Shapes of contents for which a style's targets are remembered, the latest ones."""


@final
class Targets:
    """Makes objectives, and remembers what of them belongs to the styles.

    Parameters
    ----------
    options : Options
    extractor : callable
    shares : sequence of float
        Of the styles, not of those of regions.
    treatment : ColorTreatment
        If it gives styles the colours of a content, their targets serve for that alone.
    """

    def __init__(
        self,
        options: Options,
        extractor: Extractor,
        shares: Sequence[float],
        treatment: ColorTreatment,
    ) -> None:
        self._options = options
        self._extractor = extractor
        self._shares = shares
        self._lasting = treatment.style is ColorTreatment.style
        self._remembered: dict[tuple[Shape, int], list[list[StyleObjective]]] = {}

    def objective(self, plan: Plan, number: int, start: Image) -> StyleObjective | Loss:
        """Make the objective of a stage, given what it starts from."""
        shape, recipe = plan.shapes[number], plan.stages[number]
        if self._options.objective is not None:
            seen = None if plan.content is None else self._features(plan.content, shape)
            styles = [self._fitted(style, shape, name) for name, style in named(plan.styles)]
            return self._options.objective(seen, *styles)
        # Without a content, recipes still ask for the sizes of its features.
        grey = np.full((*shape, 3), 0.5, np.float32)
        seen = self._features(grey if plan.content is None else plan.content, shape)
        with _layers_of(plan.recipe):
            terms = recipe.content(seen)
        if plan.content is None and (
            recipe.source
            or any(isinstance(term.loss, ContentLoss) for part in terms for term in part.terms)
        ):
            raise ValueError(
                f"content: expected an image for the recipe {plan.recipe.name}, received None; "
                "without its content loss (content_weight=0) it makes textures"
            )
        shares = [*self._shares, *(region.share for region in plan.regions)]
        if recipe.source is not None:
            source = self._mixed(plan.content, start, recipe.source)
            return combined(
                terms, self._of_styles(plan, recipe, shape, seen, source=source), shares
            )
        key = shape, len(recipe.later)  # stages may have one name
        made = self._remembered.get(key) or self._of_styles(plan, recipe, shape, seen)
        if self._lasting:
            self._remembered[key] = made
            if len(self._remembered) > REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
        return combined(terms, made, shares)

    def pictures(self, plan: Plan) -> list[Image]:
        """Return the content, if there is one, and the styles, as they are seen at the end."""
        shape = plan.shapes[-1]
        styles = [*plan.styles, *(region.style for region in plan.regions)]
        seen = [self._sized(style, shape) for style in styles]
        return seen if plan.content is None else [resize(plan.content, shape), *seen]

    def _of_styles(
        self, plan: Plan, recipe: Recipe, shape: Shape, seen: Any, **source: Any
    ) -> list[list[StyleObjective]]:
        """Make the terms of every style and region."""
        style = functools.partial(recipe.style, seen, **source)
        with _layers_of(plan.recipe):
            made = [style(self._fitted(one, shape, name)) for name, one in named(plan.styles)]
            made += [
                style(
                    self._fitted(region.style, shape, f"regions[{i}].style"),
                    **self._masks(region, shape),
                )
                for i, region in enumerate(plan.regions)
            ]
        return made

    def _mixed(self, content: Image | None, start: Image, share: float) -> Any:
        """Return the features of a picture between a start and the content."""
        if content is not None:
            start = start + np.float32(share) * (resize(content, start.shape[:2]) - start)
        return self._extractor(image_tensor(np.clip(start, 0, 1)))

    def _features(self, picture: Image, shape: Shape) -> Any:
        return name_picture(self._extractor(image_tensor(resize(picture, shape))), "content")

    def _fitted(self, style: Image, shape: Shape, name: str) -> Any:
        return name_picture(self._extractor(image_tensor(self._sized(style, shape))), name)

    def _sized(self, style: Image, shape: Shape) -> Image:
        scaled = resize(style, style_size(style, shape, self._options.style_scale))
        return self._fit(scaled, shape)

    def _fit(self, scaled: Image, shape: Shape) -> Image:
        fit = self._options.style_fit
        return FITS[fit](scaled, shape) if fit else scaled

    def _masks(self, region: Region, shape: Shape) -> dict[str, Mask | None]:
        """Return a region's masks at a size; that of its style goes where its style goes."""
        target = region.style_mask
        if target is not None:
            size = style_size(region.style, shape, self._options.style_scale)
            grey = np.repeat(target.resized(size).values[..., None], 3, axis=2)
            values = self._fit(grey.astype(np.float32), shape)[..., 0]
            target = Mask(values, target.propagation, target.name)
        return {"mask": region.mask.resized(shape), "target_mask": target}


def named(styles: Sequence[Image]) -> list[tuple[str, Image]]:
    """Return styles with what messages call them."""
    if len(styles) == 1:
        return [("style", styles[0])]
    return [(f"style[{i}]", style) for i, style in enumerate(styles)]


@contextmanager
def _layers_of(recipe: Recipe) -> Iterator[None]:
    """Say what to do where a recipe asks for a layer that the network does not have."""
    try:
        yield
    except KeyError as error:
        make = RECIPES.get(recipe.name)
        options = inspect.signature(make).parameters if make else ()
        takes = " and ".join(f"{name}=" for name in options if name.endswith("_layers"))
        do = f"{takes} of the recipe" if takes else "KerasFeatures(..., aliases=) of the network"
        raise KeyError(
            f"{error.args[0] if error.args else error}. The recipe {recipe.name} asks for it; {do} "
            "can name others"
        ) from error
