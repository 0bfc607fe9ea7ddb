"""What `stylize` and its kin do: one style, looked at once, and any number of contents."""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

import numpy as np

from neuralstyle._checks import check_shares, number, whole_number
from neuralstyle._types import Image
from neuralstyle.features import weights as checkpoints
from neuralstyle.features.architectures import Pooling
from neuralstyle.features.base import Extractor, image_tensor
from neuralstyle.features.vgg import VGG19Features
from neuralstyle.images.arrays import check_image, crop, resize, tile
from neuralstyle.images.color import ColorTreatment, treatment
from neuralstyle.losses import ContentLoss
from neuralstyle.losses.masks import Mask
from neuralstyle.losses.objective import Loss, StyleObjective
from neuralstyle.optimize.balance import weighed
from neuralstyle.optimize.evaluator import gradient_norms
from neuralstyle.optimize.minimize import check_callback, check_limits, check_method, minimize
from neuralstyle.optimize.progress import progress_bar
from neuralstyle.optimize.result import Callback, Status, StyleResult
from neuralstyle.transfer import recipes as presets
from neuralstyle.transfer.regions import Region, check_regions
from neuralstyle.transfer.scales import (
    Scales,
    check_iterations,
    check_size,
    enlarged,
    iterations_at,
    pyramid,
    style_size,
    target_size,
)
from neuralstyle.transfer.start import Init, check_init, check_there, start_image

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

ObjectiveFactory: TypeAlias = Callable[..., StyleObjective | Loss]
StyleFit: TypeAlias = Literal["crop", "tile"]
Shape: TypeAlias = tuple[int, int]

Before: TypeAlias = Callable[[Image], tuple[Image, Sequence[StyleObjective]]]

FITS = {"crop": crop, "tile": tile}
"""What can be done with a style image that is larger, or smaller, than the content."""

WARM_UP = 10
"""Iterations after which gradients are measured, where a term has none at the start."""

REMEMBERED = 16
"""Shapes of contents for which a style's targets are remembered, the latest ones."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What `stylize` takes beside its pictures; it says what they mean."""

    style_weights: Sequence[float] | None = None
    regions: Sequence[tuple[Any, ...]] | None = None
    objective: presets.Recipe | ObjectiveFactory | None = None
    extractor: Extractor | None = None
    weights: str | os.PathLike[str] | None = "auto"
    pooling: Pooling | None = None
    size: int | tuple[int, int] | None = None
    style_scale: float = 1.0
    style_fit: StyleFit | None = None
    color: str | ColorTreatment | None = None
    shares: Mapping[str, float] | None = None
    scales: int | None = None
    maxiter: int | Sequence[int] | None = None
    init: Init | None = None
    seed: int = 0
    method: str | keras.optimizers.Optimizer | None = None
    maxfun: int | None = None
    maxcor: int = 10
    ftol: float = 1e-9
    gtol: float = 0.0
    xtol: float = 0.0
    maxls: int = 20
    bounds: tuple[float, float] | None = None
    callback: Callback | None = None
    progress: bool = False


def _nothing_before(start: Image) -> tuple[Image, Sequence[StyleObjective]]:
    return start, ()


@final
class Painter:
    """A style and how to paint in it; the targets of both are made once for contents of one size.

    Parameters
    ----------
    style : array or sequence of arrays
    options : Options
    """

    def __init__(self, style: Any, options: Options) -> None:
        self.options = options
        self.function = _function(options)
        self.regions = check_regions(options.regions)
        self.styles = _check_styles(style, least=0 if self.function or self.regions else 1)
        self.shares: list[float] = []
        if self.function is not None:
            for name in ("style_weights", "regions"):
                if getattr(options, name) is not None:
                    raise ValueError(
                        f"{name}: expected None with a function as objective, which weighs and "
                        f"masks its styles itself; received {getattr(options, name)!r}"
                    )
        elif self.styles or options.style_weights is not None:
            self.shares = check_shares(
                options.style_weights, len(self.styles), "style_weights", "styles"
            )
        numbers = ("maxfun", "maxcor", "maxls", "ftol", "gtol", "xtol", "bounds")
        self.limits = check_limits(1, **{name: getattr(options, name) for name in numbers})
        self.method = options.method
        if self.method is None:
            self.method = "l-bfgs" if options.bounds is None else "l-bfgs-b"
        check_method(self.method, options.bounds, None)
        check_callback(options.callback)
        self.treatment = treatment(options.color)
        number("style_scale", options.style_scale, above=0)
        if options.style_fit is not None and options.style_fit not in FITS:
            raise ValueError(
                f'style_fit: expected "crop", "tile" or None, received {options.style_fit!r}'
            )
        if options.shares is not None and not isinstance(options.shares, Mapping):
            raise TypeError(
                f"shares: expected a mapping from term to number, received {options.shares!r}"
            )
        if options.extractor is not None and options.pooling is not None:
            raise ValueError("pooling: expected None with an extractor, which has its own")
        check_size(options.size)
        check_iterations(options.maxiter)
        if options.scales is not None:
            whole_number("scales", options.scales, 1)
        whole_number("seed", options.seed, 0)
        # A file is read once, however many contents there are.
        init: Any = options.init
        init = check_init("init", init)
        self.init = init.image if isinstance(init, StyleResult) else init
        self.unfinished: Image | None = None
        """The last picture as the optimiser left it, before its colours were treated."""
        self._remembered: dict[Shape, list[list[StyleObjective]]] = {}

    def load(self) -> None:
        """Load the network before the first content is taken: `weights` may be wrong."""
        _ = self.extractor

    def paint(self, content: Any, *, before: Before = _nothing_before) -> StyleResult:
        """Paint one content.

        Parameters
        ----------
        content : array or None
            None makes a texture.
        before : callable, optional
            Takes the start of every scale, and returns it as it is to be after what was painted
            before, with terms that hold the picture to that.

        Returns
        -------
        StyleResult
        """
        started = time.perf_counter()
        if content is not None:
            content = check_image(content, "content")
        plan = self._plan(content)
        self._tell(plan)

        def finished(picture: Image) -> Image:
            if content is None:
                return picture
            return self.treatment.after(picture, resize(content, picture.shape[:2]))

        run = Scales(plan.shapes, plan.iterations, started, finished)
        with progress_bar(self.options.progress) as draw:
            callbacks = [c for c in (draw, self.options.callback) if c is not None]
            for shape, count in zip(plan.shapes, plan.iterations, strict=True):
                try:
                    start = plan.start
                    if run.results:
                        start = enlarged(run.results[-1].image, shape, plan.detail)
                    start, terms = before(start)
                    objective = StyleObjective(self._objective(plan, shape), *terms)
                    result = minimize(
                        self._balanced(objective, start),
                        self.extractor,
                        start,
                        method=self.method,
                        callback=run.forward(callbacks),
                        **{**self.limits, "maxiter": count},
                    )
                except KeyboardInterrupt:
                    if not run.results:
                        raise
                    run.interrupt()
                    break
                except Exception as error:
                    partial = getattr(error, "partial_result", None)
                    run.results += [partial] if partial else []
                    if run.results:
                        error.partial_result = run.result({})  # type: ignore[attr-defined]
                    raise
                run.results.append(result)
                if result.status in (Status.CALLBACK, Status.INTERRUPTED, Status.NONFINITE):
                    break
        self.unfinished = run.results[-1].image
        return run.result(self._settings(plan))

    def _plan(self, content: Image | None) -> _Plan:
        """Decide on sizes, iterations and the start, and treat the colours."""
        options = self.options
        if content is None and options.color is not None:
            raise ValueError(f"color: expected None without a content, received {options.color!r}")
        recipe = self._recipe(content)
        pictures = self.styles if content is None else [content]
        sides = pictures[0].shape if pictures else ()
        if content is None and self.regions:
            sides = self.regions[0].mask.values.shape
        shapes = pyramid(target_size(sides, options.size), options.scales, recipe.min_size)
        iterations = iterations_at(options.maxiter, recipe.maxiter, shapes)
        for region in self.regions:  # masks refuse other proportions
            region.mask.at("input", shapes[-1] if content is None else content.shape[:2])

        first = self.init
        if first is None:
            unfounded = content is None and recipe.init == "content"
            first = "noise" if unfounded else check_init("init", recipe.init)
        check_there(first, content, self.styles)
        if isinstance(first, np.ndarray) and options.scales is None:
            # An image has the coarse scales behind it.
            done = sum(max(shape) <= max(first.shape[:2]) for shape in shapes[:-1])
            shapes, iterations = shapes[done:], iterations[done:]

        used, styles, regions = content, self.styles, self.regions
        if content is not None:
            used = self.treatment.content(content)
            styles = [self.treatment.style(style, content) for style in styles]
            if isinstance(first, np.ndarray):
                first = self.treatment.content(first)
            regions = [r._replace(style=self.treatment.style(r.style, content)) for r in regions]
        start = start_image(first, used, styles, shapes[0], options.seed)
        detail = used if isinstance(first, str) and first == "content" else None
        earlier = options.init
        if isinstance(earlier, StyleResult) and earlier.settings.get("init") == "content":
            detail = used
            start = enlarged(first, shapes[0], detail)
        return _Plan(
            recipe=recipe,
            content=used,
            styles=styles,
            regions=regions,
            shapes=shapes,
            iterations=iterations,
            init=first if isinstance(first, str | dict) else "image",
            start=start,
            detail=detail,
        )

    def _settings(self, plan: _Plan) -> dict[str, Any]:
        named = ("style_weights", "style_scale", "style_fit", "color", "shares", "seed")
        return {
            "recipe": "function" if self.function else plan.recipe.name,
            **{name: getattr(self.options, name) for name in named},
            "regions": [region.weight for region in plan.regions],
            "shapes": plan.shapes,
            "maxiter": plan.iterations,
            "init": plan.init,
        }

    @functools.cached_property
    def extractor(self) -> Extractor:
        """The network, made when first needed."""
        options = self.options
        if options.extractor is not None:
            return options.extractor
        recipe = self._recipe(None)
        return _network(options.weights, options.pooling or recipe.pooling, options.seed)

    def _recipe(self, content: Image | None) -> presets.Recipe:
        """Return the recipe; a function of the user's own runs with the default's settings."""
        if isinstance(self.options.objective, presets.Recipe):
            return self.options.objective
        return presets.default() if content is not None else presets.default(content_weight=0)

    def _objective(self, plan: _Plan, shape: Shape) -> StyleObjective | Loss:
        """Make the objective at a size."""

        def features(picture: Image, size: Shape) -> Any:
            return self.extractor(image_tensor(resize(picture, size)))

        def fit(scaled: Image) -> Image:
            fit = self.options.style_fit
            return FITS[fit](scaled, shape) if fit else scaled

        def fitted(style: Image) -> Any:
            scaled = resize(style, style_size(style, shape, self.options.style_scale))
            return self.extractor(image_tensor(fit(scaled)))

        def masks(region: Region) -> dict[str, Mask | None]:
            target = region.style_mask
            if target is not None:
                size = style_size(region.style, shape, self.options.style_scale)
                grey = np.repeat(target.resized(size).values[..., None], 3, axis=2)
                values = fit(grey.astype(np.float32))[..., 0]
                target = Mask(values, target.propagation, target.name)
            return {"mask": region.mask.resized(shape), "target_mask": target}

        if self.function is not None:
            seen = None if plan.content is None else features(plan.content, shape)
            return self.function(seen, *map(fitted, plan.styles))
        # Without a content, recipes still ask for the sizes of its features.
        grey = np.full((*shape, 3), 0.5, np.float32)
        seen = features(grey if plan.content is None else plan.content, shape)
        terms = plan.recipe.content(seen)
        if plan.content is None and any(
            isinstance(term.loss, ContentLoss) for part in terms for term in part.terms
        ):
            raise ValueError(
                f"content: expected an image for the recipe {plan.recipe.name}, received None; "
                "without its content loss (content_weight=0) it makes textures"
            )
        made = self._remembered.get(shape)
        if made is None:
            made = [plan.recipe.style(seen, fitted(style)) for style in plan.styles]
            made += [plan.recipe.style(seen, fitted(r.style), **masks(r)) for r in plan.regions]
            if self.treatment.style is ColorTreatment.style:  # else it has this content's colours
                self._remembered[shape] = made
                if len(self._remembered) > REMEMBERED:
                    del self._remembered[next(iter(self._remembered))]
        shares = [*self.shares, *(region.share for region in plan.regions)]
        return presets.combined(terms, made, shares)

    def _balanced(self, objective: StyleObjective, start: Image) -> StyleObjective:
        shares = self.options.shares
        if shares is None:
            return objective
        norms = gradient_norms(objective, self.extractor, start)
        if any(norms[name] == 0 for name in shares if name in norms):
            moved = minimize(objective, self.extractor, start, method="l-bfgs", maxiter=WARM_UP)
            if moved.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            norms = gradient_norms(objective, self.extractor, moved.image)
        return weighed(objective, norms, shares)

    def _tell(self, plan: _Plan) -> None:
        """Log what the user may not expect."""
        wanted = round(max(plan.shapes[-1]) * self.options.style_scale)
        styles = [*plan.styles, *(region.style for region in plan.regions)]
        if any(max(style.shape) < wanted for style in styles):
            logger.info("a style image is smaller than asked for, and keeps its size")
        if plan.recipe.absolute and getattr(self.extractor, "weights", None) == "compact":
            logger.warning(
                "the weights of the recipe %s are in units of the ImageNet VGG19's activations; "
                "those of the compact network are much smaller, and the picture will differ from "
                "the published ones",
                plan.recipe.name,
            )


@dataclasses.dataclass(frozen=True)
class _Plan:
    """A run that is about to begin."""

    recipe: presets.Recipe
    content: Image | None
    """With its colours treated, as are the styles."""
    styles: list[Image]
    regions: list[Region]
    shapes: list[Shape]
    iterations: list[int]
    init: str | dict[str, float]
    start: Image
    detail: Image | None
    """Whose detail is added where a result is enlarged."""


def _function(options: Options) -> ObjectiveFactory | None:
    """Return the function that makes the objective, if it is not a recipe."""
    objective = options.objective
    if objective is None or isinstance(objective, presets.Recipe):
        return None
    makers: Sequence[object] = list(presets.RECIPES.values())
    if objective in makers:
        raise TypeError(
            "objective: expected a recipe, received the function that makes one; call it"
        )
    if not callable(objective) or isinstance(objective, Loss | StyleObjective):
        raise TypeError(
            "objective: expected a recipe, or a function that makes an objective of the features "
            f"at each scale, received {objective!r}"
        )
    return objective


def _check_styles(style: Any, least: int) -> list[Image]:
    if isinstance(style, list | tuple):
        if len(style) < least:
            raise ValueError("style: expected at least one image, received an empty sequence")
        return [check_image(image, f"style[{i}]") for i, image in enumerate(style)]
    return [check_image(style, "style")]


def _network(weights: Any, pooling: Any, seed: int) -> VGG19Features:
    """Return a network: that of the last call, with what is compiled for it, if it is the same."""
    if weights == "auto":
        weights = checkpoints.choose_weights()
    changed = None
    if isinstance(weights, (str, os.PathLike)) and os.path.exists(weights):
        changed = os.stat(weights).st_mtime_ns
    try:
        return _latest_network(weights, pooling, seed if weights is None else 0, changed)
    except TypeError:  # what is not hashable is not a network's argument; it will say so itself
        return VGG19Features(weights, pooling, seed=seed)


@functools.lru_cache(maxsize=1)
def _latest_network(weights: Any, pooling: Any, seed: int, changed: int | None) -> VGG19Features:
    return VGG19Features(weights, pooling, seed=seed)
