"""The objective at each size of a run; a style's targets are made once for contents of one size."""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, final

import numpy as np

from neuralstyle._checks import takes
from neuralstyle._types import Image
from neuralstyle.features.base import Extractor, image_tensor, name_picture
from neuralstyle.features.tiled import FeaturesInTiles
from neuralstyle.features.tiles import in_tiles
from neuralstyle.images.arrays import crop, resize, tile
from neuralstyle.images.color import ColorTreatment
from neuralstyle.losses import ContentLoss
from neuralstyle.losses.masks import Mask
from neuralstyle.losses.objective import Loss, StyleObjective
from neuralstyle.losses.parts import leaves
from neuralstyle.losses.shapes import UnknownLayer
from neuralstyle.transfer.made import Key, Made, made_of
from neuralstyle.transfer.options.options import Options
from neuralstyle.transfer.parts import Part
from neuralstyle.transfer.plan import Plan, Shape
from neuralstyle.transfer.recipes import RECIPES, Recipe, combined
from neuralstyle.transfer.recipes.recipe import remembering
from neuralstyle.transfer.scales import style_size

FITS = {"crop": crop, "tile": tile}
"""What can be done with a style image that is larger, or smaller, than the content."""

Terms: TypeAlias = list[StyleObjective]

REMEMBERED = 16
"""Shapes of contents for which a style's targets are remembered, the latest ones."""


@final
class Targets:
    """Makes objectives, and remembers what of them belongs to the styles.

    Parameters
    ----------
    options : Options
    extractor : callable
    treatment : ColorTreatment
        If it gives styles the colours of a content, their targets serve for that alone.
    losses : dict from hashable to Loss, optional
        Where losses are kept, and found, by their places in the recipe.

    Attributes
    ----------
    tile : int or None
        In which tiles pictures are looked at that are larger; with "auto" none at first.
    """

    def __init__(
        self,
        options: Options,
        extractor: Extractor,
        treatment: ColorTreatment,
        losses: dict[Hashable, Loss] | None = None,
    ) -> None:
        self._options = options
        self.tile: int | None = None if isinstance(options.tile, str) else options.tile
        self._extractor = extractor
        self._losses = losses
        self._lasting = treatment.style is ColorTreatment.style
        self._remembered: dict[tuple[Shape, int], list[list[StyleObjective]]] = {}
        self._known: tuple[Plan | None, set[Key]] = None, set()

    def objective(self, plan: Plan, number: int, start: Image) -> StyleObjective:
        """Make the objective of a stage, given what it starts from.

        A term of which nothing is left there, as of a small region at a coarse scale, is left out,
        as long as there is anything of its part of the picture at any stage.
        """
        made = self._made(plan, number, start)
        for key, reasons in made.vanished().items():
            if not self._is_left(plan, number, start, key):
                raise ValueError(
                    f"{reasons[0]}, and at all other layers and scales; a larger mask leaves more, "
                    'as do a larger size, values above 1/2, or propagation="average"'
                )
        return made.what_is_left()

    def left(self, plan: Plan, number: int, start: Image) -> StyleObjective:
        """Make what is left of the objective of a stage, whatever is left of it at others."""
        return self._made(plan, number, start).what_is_left()

    def _is_left(self, plan: Plan, number: int, start: Image, key: Key) -> bool:
        """Return whether there is anything of a part of the picture at another stage."""
        if self._known[0] is not plan:
            self._known = plan, set()
        known = self._known[1]
        for other in reversed(range(len(plan.shapes))):  # the finest has most
            if key not in known and other != number:
                made = self._made(plan, other, resize(start, plan.shapes[other]))
                known |= made.parts.keys() - made.vanished().keys()
        return key in known

    def _made(self, plan: Plan, number: int, start: Image) -> Made:
        """Make all terms of a stage."""
        shape, recipe = plan.shapes[number], plan.stages[number]
        if self._options.objective is not None:
            seen = None if plan.content is None else self._features(plan.content, shape)
            styles = [self._fitted(part, shape) for part in plan.parts]
            names = [f"style_{k}" for k in range(1, len(styles) + 1)] if styles[1:] else ["style"]
            takes("objective", self._options.objective, "content", *names[: len(styles)])
            returned = self._options.objective(seen, *styles)
            try:
                return made_of(StyleObjective(returned), seen, [])
            except TypeError as error:  # it is of what the function returned
                raise TypeError(f"objective: its function: {error}") from None
        # Without a content, recipes still ask for the sizes of its features.
        grey = np.full((*shape, 3), 0.5, np.float32)
        seen = self._features(grey if plan.content is None else plan.content, shape)
        place = shape, len(recipe.later)  # stages may have one name
        with _layers_of(plan.recipe), remembering(self._losses, (*place, "content")):
            terms = recipe.content(seen)
        with _layers_of(plan.recipe):
            terms = [*terms, *recipe.added_once()]
        added = [
            recipe.added_for(seen, self._fitted(part, shape), **self._masks(part, shape))
            for part in (plan.parts if recipe.added else ())
        ]
        of_content = [t for part in (*terms, *sum(added, [])) for t in leaves(part.terms)]
        if plan.content is None and (
            recipe.source or any(isinstance(term.loss, ContentLoss) for term in of_content)
        ):
            raise ValueError(
                f"content: expected an image for the recipe {plan.recipe.name}, received None; "
                "without its content loss (content_weight=0) it makes textures"
            )
        shares = [part.share for part in plan.parts]
        if recipe.source is not None:
            source = self._mixed(plan.content, start, recipe.source)
            made = self._of_styles(plan, recipe, shape, seen, source=source)
            return _made_of(terms, made, added, shares, seen)
        known = self._remembered.get(place) if plan.alpha is None else None
        made = known or self._of_styles(plan, recipe, shape, seen)
        if self._lasting and plan.alpha is None:
            self._remembered[place] = made
            if len(self._remembered) > REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
        return _made_of(terms, made, added, shares, seen)

    def pictures(self, plan: Plan) -> list[Image]:
        """Return the content, if there is one, and the styles, as they are seen at the end."""
        shape = plan.shapes[-1]
        seen = [self._sized(part, shape) for part in plan.parts]
        return seen if plan.content is None else [resize(plan.content, shape), *seen]

    def _of_styles(
        self, plan: Plan, recipe: Recipe, shape: Shape, seen: Any, **source: Any
    ) -> list[list[StyleObjective]]:
        """Make the terms of every style and region."""
        made = []
        kept = None if source else self._losses
        for number, part in enumerate(plan.parts):
            place = shape, len(recipe.later), number
            with _layers_of(plan.recipe), remembering(kept, place):
                features, masks = self._fitted(part, shape), self._masks(part, shape)
                made.append(recipe.style(seen, features, **source, **masks))
        return made

    def _mixed(self, content: Image | None, start: Image, share: float) -> Any:
        """Return the features of a picture between a start and the content."""
        if content is not None:
            start = start + np.float32(share) * (resize(content, start.shape[:2]) - start)
        return self._seen(np.clip(start, 0, 1))

    def _features(self, picture: Image, shape: Shape) -> Any:
        return name_picture(self._seen(resize(picture, shape)), "content")

    def _fitted(self, part: Part, shape: Shape) -> Any:
        return name_picture(self._seen(self._sized(part, shape)), part.name)

    def _seen(self, picture: Image) -> Any:
        """Return the features of a picture, of a large one tile by tile if that is asked for."""
        if in_tiles(self.tile, picture.shape):
            return FeaturesInTiles(self._extractor, picture, self.tile)
        return self._extractor(image_tensor(picture))

    def _sized(self, part: Part, shape: Shape) -> Image:
        scaled = resize(part.style, style_size(part.style, shape, part.scale))
        return self._fit(scaled, shape)

    def _fit(self, scaled: Image, shape: Shape) -> Image:
        fit = self._options.style_fit
        return FITS[fit](scaled, shape) if fit else scaled

    def _masks(self, part: Part, shape: Shape) -> dict[str, Mask | None]:
        """Return a part's masks at a size; that of its style goes where its style goes.

        A recipe need not know of masks where there are none.
        """
        mask, target = part.mask, part.style_mask
        if mask is None and target is None:
            return {}
        if target is not None:
            size = style_size(part.style, shape, part.scale)
            grey = np.repeat(target.resized(size).values[..., None], 3, axis=2)
            values = self._fit(grey.astype(np.float32), shape)[..., 0]
            target = Mask(values, target.propagation, target.name)
        return {"mask": mask and mask.resized(shape), "target_mask": target}


def _made_of(terms: Terms, styles: list[Terms], added: list[Terms], shares: Any, seen: Any) -> Made:
    """Put together the terms of a stage, with those of functions that were added for each style."""
    if added:
        styles = [[*style, *more] for style, more in zip(styles, added, strict=True)]
    return made_of(combined(terms, styles, shares), seen, styles)


@contextmanager
def _layers_of(recipe: Recipe) -> Iterator[None]:
    """Say what to do where a recipe asks for a layer that the network does not have."""
    try:
        yield
    except KeyError as error:
        if isinstance(error, UnknownLayer) and error.argument.endswith("_layers"):
            raise  # it names the keyword that was given
        make = RECIPES.get(recipe.name)
        options = inspect.signature(make).parameters if make else ()
        takes = " and ".join(f"{name}=" for name in options if name.endswith("_layers"))
        do = f"{takes} of the recipe" if takes else "KerasFeatures(..., aliases=) of the network"
        do += " can name others"
        told = error.of("network") if isinstance(error, UnknownLayer) else error
        if isinstance(error, UnknownLayer) and error.layer == "input":
            do = "it is the picture itself, which an extractor returns beside its layers"
        raise KeyError(
            f"{told.args[0] if told.args else told}. The recipe {recipe.name} asks for it; {do}"
        ) from error
