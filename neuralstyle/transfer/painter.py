"""What `stylize` and its kin do: one style, looked at once, and any number of contents."""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias, final

from neuralstyle._types import Image, PathLike
from neuralstyle.features.base import Extractor
from neuralstyle.images.arrays import resize
from neuralstyle.images.color import ColorTreatment, treatment
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.losses.schedule import at_scale
from neuralstyle.optimize.interruption import (
    EVALUATION,
    NOTHING_BEGUN,
    interruption,
    look,
    note,
    patience,
)
from neuralstyle.optimize.methods.methods import LBFGSB, Method
from neuralstyle.optimize.minimize import minimize
from neuralstyle.optimize.result import Status, StyleResult, interrupted
from neuralstyle.optimize.showing.progress import progress_bar
from neuralstyle.transfer.balancing import balanced, check_balance
from neuralstyle.transfer.checkpoint import Checkpoint
from neuralstyle.transfer.estimate import Estimate, Estimates, Look
from neuralstyle.transfer.identity import described, described_network
from neuralstyle.transfer.network import load_network, unwrapped, with_padding
from neuralstyle.transfer.options.options import Options, looked_at, options, sees_torus
from neuralstyle.transfer.origin import origin_of
from neuralstyle.transfer.parts import Part, make_parts, picture
from neuralstyle.transfer.plan import Plan, Shape, check_together, make_plan
from neuralstyle.transfer.recipes import RECIPES, Recipe
from neuralstyle.transfer.record import NO_SETTINGS, PASSED_ON, settings
from neuralstyle.transfer.scales import Scales, enlarged, name_both
from neuralstyle.transfer.studio import Studio
from neuralstyle.transfer.targets import Targets

logger: logging.Logger = logging.getLogger(__name__)

Before: TypeAlias = Callable[[Image], tuple[Image, Sequence[StyleObjective]]]


class Painted(NamedTuple):
    """A result, and its picture as the optimiser left it, before its colours were treated."""

    result: StyleResult
    untreated: Image


def nothing_before(start: Image) -> tuple[Image, Sequence[StyleObjective]]:
    """Take a start as it is."""
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
        check_together(options)
        self.parts: list[Part] = make_parts(style, options)
        self.color: str | ColorTreatment | None = (
            self._recipe(None).color if options.color is None else options.color
        )
        self.treatment: ColorTreatment = treatment(self.color)
        self._studio: Studio | None = None
        self._tiles: dict[Any, int | None] = {}

    @functools.cached_property
    def extractor(self) -> Extractor:
        """The network, loaded when first needed."""
        options = self.options
        pooling = options.pooling or self._recipe(None).pooling
        normalized = self._recipe(None).normalized
        network = load_network(options.network, pooling, options.seed, normalized, options.dtype)
        return network if options.padding is None else with_padding(network, options.padding)

    @functools.cached_property
    def targets(self) -> Targets:
        """What makes the objectives."""
        return self._targets(self.extractor)

    def _targets(self, extractor: Extractor) -> Targets:
        losses = None if self._studio is None else self._studio.losses
        return Targets(self.options, unwrapped(extractor), self.treatment, losses)

    def estimate(self, content: Any) -> Estimate:
        """Tell what a content will take, before it is painted."""
        content, _, plan = self._plan(content)
        with patience(NOTHING_BEGUN):
            return self._estimates(content, plan).of(self.options.tile)

    def _estimates(self, content: Image | None, plan: Plan) -> Estimates:
        def look(shape: Shape, tile: int | None) -> Iterator[Look]:
            few: dict[str, Any] = {"scales": 1, "maxiter": None, "executor": None, "tile": tile}
            options = dataclasses.replace(self.options, size=shape, **few)
            about = self._recipe(content), self.treatment, self.parts, content, plan.alpha
            small = make_plan(options, *about)
            extractor, _ = self._seeing(small)
            targets = Targets(options, unwrapped(extractor), self.treatment)
            for number in range(len(small.shapes)):
                yield targets.left(small, number, small.start), extractor, small.start

        bounded, alone = self.options.bounds is not None, self.options.executor is None
        return Estimates(plan, self.method, bounded, look, whole=alone)

    def _tile(self, content: Image | None, plan: Plan) -> int | None:
        """Return the tiles that there is memory for, once for all pictures of a kind."""
        key = tuple(plan.shapes), content is None, plan.alpha is None
        if key not in self._tiles:
            self._tiles[key] = self._estimates(content, plan).fitting(self.options.tile)
        return self._tiles[key]

    def share(self, studio: Studio) -> None:
        """Have what is known of the pictures in common with other painters, before any painting.

        Parameters
        ----------
        studio : Studio
            Of those that are to paint the same contents with the same options, but for the weights
            of one of the library's recipes.
        """
        self._studio = studio

    @functools.cached_property
    def method(self) -> Method:
        """The optimiser: the one asked for, or the recipe's if it takes the bounds."""
        options = self.options
        if isinstance(options.method, Method):
            return options.method
        usual = self._recipe(None).method
        return usual if options.bounds is None or usual.bounds else LBFGSB()

    def load(self) -> None:
        """Load the network before the first content is taken: its file may be wrong.

        Not if there are checkpoints: all may be finished.
        """
        if self.options.checkpoint is None:
            with patience(NOTHING_BEGUN):
                _ = self.extractor

    def paint(
        self,
        content: Any,
        *,
        before: Before = nothing_before,
        checkpoint: PathLike | None = None,
    ) -> Painted:
        """Paint one content.

        Parameters
        ----------
        content : array or None
            None makes a texture.
        before : callable, optional
            Takes the start of every scale, and returns it as it is to be after what was painted
            before, with terms that hold the picture to that.
        checkpoint : str or path-like, optional
            Where this picture's is.

        Returns
        -------
        Painted
        """
        started = time.perf_counter()
        content, alpha, plan = self._plan(content)
        about = functools.partial(self._identity, content, alpha, before)
        with Checkpoint(checkpoint, about) as kept:
            return self._painted(content, plan, before, kept, started)

    def check(self, content: Any) -> None:
        """Find out what is wrong with the pictures and the options, short of painting.

        Parameters
        ----------
        content : array or None
        """
        content, _, plan = self._plan(content)
        with patience(NOTHING_BEGUN):
            _, targets = self._seeing(plan)
            targets.tile = self._tile(content, plan)
            check_balance(targets.objective(plan, 0, plan.start), plan.recipe, self.options.balance)

    def _plan(self, content: Any) -> tuple[Image | None, Image | None, Plan]:
        """Return what there is to see of a content, its opacity, and what is to be done."""
        alpha = None
        if content is not None:
            content, alpha = picture(content, "content", self.options)
        with patience(NOTHING_BEGUN):
            recipe = self._recipe(content)
            plan = make_plan(self.options, recipe, self.treatment, self.parts, content, alpha)
        return content, alpha, plan

    def _painted(
        self, content: Any, plan: Plan, before: Before, kept: Checkpoint, started: float
    ) -> Painted:
        beside = functools.cache(functools.partial(resize, content))  # once at every scale
        torus = {"wrap": True} if self.treatment.wraps and sees_torus(self.options) else {}

        def finished(image: Image) -> Image:
            if content is None or not self.treatment.finishes:
                return image
            below, styles = beside(image.shape[:2]), [part.style for part in self.parts]
            return self.treatment.finish(self.treatment.after(image, below), below, styles, **torus)

        for height, width in plan.shapes:
            self.method.check_size(3 * height * width)
        about = settings(self.options, plan, self.color, before is not nothing_before)
        regions, shape = len(self.options.regions or ()), plan.shapes[-1]
        origin = origin_of(content, self.parts, regions, shape, about)
        run = Scales(plan.shapes, plan.iterations, started, finished, origin)
        kept.resume(run, self.method.resumes)
        first = len(run.results)
        if first == len(plan.shapes):
            return Painted(run.result(about), run.results[-1].image)
        with patience(NOTHING_BEGUN):
            self._tell(plan)
            extractor, targets = self._seeing(plan)
            targets.tile = tile = self._tile(content, plan)
            options = dataclasses.replace(self.options, tile=tile)
        with interruption() as signals, progress_bar(self.options.progress) as draw:
            callbacks = [c for c in (draw, self.options.callback) if c is not None]
            for number in range(first, len(plan.shapes)):
                shape, count = plan.shapes[number], plan.iterations[number]
                try:
                    run.announce(callbacks, about)
                    with patience(EVALUATION):
                        start = plan.start
                        if run.results:
                            start = enlarged(run.results[-1].image, shape, plan.detail)
                        start, terms = before(start)
                        look()
                        objective = StyleObjective(targets.objective(plan, number, start), *terms)
                        look()
                        objective = balanced(objective, extractor, start, plan, options)
                        objective = at_scale(objective, number, len(plan.shapes))
                        what: dict[str, Any] = {"objective": objective, "extractor": extractor}
                        what |= looked_at(options)
                        if self._studio is not None:
                            place = shape, len(plan.shapes) - number
                            evaluator = self._studio.evaluator(place, shape=start.shape, **what)
                            what = {"objective": evaluator, "extractor": None}
                    within = kept.of_scale()
                    told = run.forward(callbacks, about)
                    result = minimize(
                        **what,
                        init=start,
                        method=self.method,
                        maxiter=count,
                        parametrization=plan.parametrization,
                        callback=kept.watching(run, within.get("history", ()), told),
                        **within,
                        **{name: getattr(self.options, name) for name in PASSED_ON},
                    )
                except KeyboardInterrupt:
                    note()
                    if not run.results:
                        raise
                    break
                except Exception as error:
                    name_both(error, shape, plan.shapes[-1])
                    partial = getattr(error, "partial_result", None)
                    run.results += [partial] if partial else []
                    if partial:
                        kept.keep(run, broken=True)
                    if run.results:
                        error.partial_result = run.result({})  # type: ignore[attr-defined]
                    raise
                run.results.append(result)
                broken = result.status in (Status.CALLBACK, Status.INTERRUPTED, Status.NONFINITE)
                kept.keep(run, broken)
                if broken:
                    break
            whole = run.result(about)
        whole = run.placed(interrupted(whole)) if signals.received else whole
        return Painted(whole, run.results[-1].image)

    def _recipe(self, content: Image | None) -> Recipe:
        """Return the recipe; a function of the user's own runs with the default's settings."""
        recipe = self.options.recipe or "default"
        if isinstance(recipe, Recipe):
            return recipe
        make = RECIPES[recipe]
        return make() if content is not None else make(content_weight=0)

    def _identity(
        self, content: Image | None, alpha: Image | None, before: Before
    ) -> dict[str, Any]:
        """Return what tells this picture's run from others, in the types of JSON."""
        from neuralstyle import __version__

        given = {
            "neuralstyle": __version__,
            "size": self.options.size,  # before the content, which may be shrunk for it
            "content": content,
            "content's opacity": alpha,
            "style": self.parts[: len(self.parts) - len(self.options.regions or ())],
            **{n: getattr(self.options, n) for n in options() if n not in NO_SETTINGS},
            "recipe": None if self.options.objective else self._recipe(content),
            "color": self.treatment,
            "method": self.method,
            "the frame before": before,
        }
        network = described_network(given.pop("network"))
        return {**{n: described(n, value) for n, value in given.items()}, "network": network}

    def _seeing(self, plan: Plan) -> tuple[Extractor, Targets]:
        """Return the network, normalised if the recipe asks for it, and what makes objectives."""
        extractor: Any = self.extractor
        known = not plan.recipe.normalized or callable(self.options.network)
        if known or getattr(extractor, "means", None) is not None:
            return extractor, self.targets
        if not hasattr(extractor, "normalized"):
            logger.info(
                "the recipe %s is for a normalised network, which %s cannot be made: its weights "
                "mean something else there",
                plan.recipe.name,
                self.options.network,
            )
            return extractor, self.targets
        logger.info(
            "there is no table of the network's mean activations: they are measured over the "
            "content and the styles, for the recipe %s",
            plan.recipe.name,
        )
        extractor = extractor.normalized(self.targets.pictures(plan))
        return extractor, self._targets(extractor)

    def _tell(self, plan: Plan) -> None:
        """Log what the user may not expect."""
        longer = max(plan.shapes[-1])
        if any(max(part.style.shape) < round(longer * part.scale) for part in plan.parts):
            logger.info("a style image is smaller than asked for, and keeps its size")
