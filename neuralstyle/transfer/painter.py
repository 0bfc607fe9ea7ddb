"""What `stylize` and its kin do: one style, looked at once, and any number of contents."""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, final

from neuralstyle._checks import check_shares
from neuralstyle._files import PathLike
from neuralstyle._types import Image
from neuralstyle.features.base import Extractor
from neuralstyle.images.arrays import check_image, resize
from neuralstyle.images.color import treatment
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.optimize.balance import weighed
from neuralstyle.optimize.evaluator import gradient_norms
from neuralstyle.optimize.methods import LBFGS, LBFGSB, Method
from neuralstyle.optimize.minimize import check_method, minimize
from neuralstyle.optimize.progress import progress_bar
from neuralstyle.optimize.result import Status, StyleResult
from neuralstyle.transfer.checkpoint import Checkpoint
from neuralstyle.transfer.identity import described, described_network
from neuralstyle.transfer.network import load_network
from neuralstyle.transfer.options import Options, options
from neuralstyle.transfer.plan import Plan, make_plan
from neuralstyle.transfer.recipes import RECIPES, Recipe
from neuralstyle.transfer.scales import Scales, enlarged
from neuralstyle.transfer.targets import Targets

logger = logging.getLogger(__name__)

Before: TypeAlias = Callable[[Image], tuple[Image, Sequence[StyleObjective]]]

WARM_UP = 10
"""Iterations after which gradients are measured, where a term has none at the start."""


PASSED_ON = ("maxfun", "ftol", "gtol", "xtol", "bounds")
"""Options that go to `minimize` as they are."""


NO_SETTINGS = ("callback", "progress", "checkpoint")
"""Options that change no picture."""


RECORDED_BY_MINIMIZE = (*PASSED_ON, "method", "objective", *NO_SETTINGS)
"""Options that the settings of a result have from there, or that are no settings."""


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
        _check_together(options)
        needed = options.objective is None and not options.regions
        self.styles = _check_styles(style, least=1 if needed else 0)
        self.shares: list[float] = []
        if self.styles or options.style_weights is not None:
            self.shares = check_shares(
                options.style_weights, len(self.styles), "style_weights", "styles"
            )
        self.color = self._recipe(None).color if options.color is None else options.color
        self.treatment = treatment(self.color)

    @functools.cached_property
    def extractor(self) -> Extractor:
        """The network, loaded when first needed."""
        options = self.options
        pooling = options.pooling or self._recipe(None).pooling
        normalized = self._recipe(None).normalized
        return load_network(options.network, pooling, options.seed, normalized)

    @functools.cached_property
    def targets(self) -> Targets:
        """What makes the objectives."""
        return Targets(self.options, self.extractor, self.shares, self.treatment)

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
        if content is not None:
            content = check_image(content, "content")
        plan = make_plan(self.options, self._recipe(content), self.treatment, self.styles, content)
        with Checkpoint(checkpoint, lambda: self._identity(content, before)) as kept:
            return self._painted(content, plan, before, kept, started)

    def _painted(
        self, content: Any, plan: Plan, before: Before, kept: Checkpoint, started: float
    ) -> Painted:
        def finished(picture: Image) -> Image:
            if content is None:
                return picture
            beside = resize(content, picture.shape[:2])
            styles = [*self.styles, *(region.style for region in self.options.regions or ())]
            return self.treatment.finish(self.treatment.after(picture, beside), beside, styles)

        run = Scales(plan.shapes, plan.iterations, started, finished)
        kept.resume(run, self.method.resumes)
        first = len(run.results)
        if first == len(plan.shapes):
            return Painted(run.result(self._settings(plan)), run.results[-1].image)
        self._tell(plan)
        extractor, targets = self._seeing(plan)
        with progress_bar(self.options.progress) as draw:
            callbacks = [c for c in (draw, self.options.callback) if c is not None]
            for number in range(first, len(plan.shapes)):
                shape, count = plan.shapes[number], plan.iterations[number]
                try:
                    start = plan.start
                    if run.results:
                        start = enlarged(run.results[-1].image, shape, plan.detail)
                    start, terms = before(start)
                    objective = StyleObjective(targets.objective(plan, number, start), *terms)
                    within = kept.of_scale()
                    told = run.forward(callbacks)
                    result = minimize(
                        self._balanced(objective, extractor, start),
                        extractor,
                        start,
                        method=self.method,
                        maxiter=count,
                        callback=kept.watching(run, within.get("history", ()), told),
                        **within,
                        **{name: getattr(self.options, name) for name in PASSED_ON},
                    )
                except KeyboardInterrupt:
                    if not run.results:
                        raise
                    run.interrupt()
                    break
                except Exception as error:
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
        return Painted(run.result(self._settings(plan)), run.results[-1].image)

    def _recipe(self, content: Image | None) -> Recipe:
        """Return the recipe; a function of the user's own runs with the default's settings."""
        recipe = self.options.recipe or "default"
        if isinstance(recipe, Recipe):
            return recipe
        make = RECIPES[recipe]
        return make() if content is not None else make(content_weight=0)

    def _settings(self, plan: Plan) -> dict[str, Any]:
        network = self.options.network
        return {
            **{n: getattr(self.options, n) for n in options() if n not in RECORDED_BY_MINIMIZE},
            "recipe": "function" if self.options.objective else plan.recipe.name,
            "network": repr(network) if callable(network) else os.fspath(network),
            "color": self.color,
            "regions": [region.weight for region in plan.regions],
            "shapes": plan.shapes,
            "maxiter": plan.iterations,
            "init": plan.init,
        }

    def _identity(self, content: Image | None, before: Before) -> dict[str, Any]:
        """Return what tells this picture's run from others, in the types of JSON."""
        from neuralstyle import __version__

        given = {
            "neuralstyle": __version__,
            "content": content,
            "style": self.styles,
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
        if known or extractor.means is not None:
            return extractor, self.targets
        logger.info(
            "there is no table of the network's mean activations: they are measured over the "
            "content and the styles, for the recipe %s",
            plan.recipe.name,
        )
        extractor = extractor.normalized(self.targets.pictures(plan))
        return extractor, Targets(self.options, extractor, self.shares, self.treatment)

    def _balanced(
        self, objective: StyleObjective, extractor: Extractor, start: Image
    ) -> StyleObjective:
        shares = self.options.balance
        if shares is None:
            return objective
        names = [term.name for term in objective.terms]
        if set(shares) != set(names):
            raise ValueError(
                f"balance: expected a share for each of {', '.join(names)}, "
                f"received {', '.join(map(str, shares)) or 'none'}"
            )
        norms = gradient_norms(objective, extractor, start)
        if any(norms[name] == 0 for name in shares):
            moved = minimize(objective, extractor, start, method=LBFGS(), maxiter=WARM_UP)
            if moved.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            norms = gradient_norms(objective, extractor, moved.image)
        return weighed(objective, norms, shares)

    def _tell(self, plan: Plan) -> None:
        """Log what the user may not expect."""
        wanted = round(max(plan.shapes[-1]) * self.options.style_scale)
        styles = [*plan.styles, *(region.style for region in plan.regions)]
        if any(max(style.shape) < wanted for style in styles):
            logger.info("a style image is smaller than asked for, and keeps its size")


def _check_together(options: Options) -> None:
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
                    f"its styles itself; received {value!r}"
                )
    if options.pooling is not None and callable(options.network):
        raise ValueError("pooling: expected None with an extractor, which has its own")
    if options.method is not None:
        check_method(options.method, options.bounds, None)


def _check_styles(style: Any, least: int) -> list[Image]:
    if isinstance(style, list | tuple):
        if len(style) < least:
            raise ValueError("style: expected at least one image, received an empty sequence")
        return [check_image(image, f"style[{i}]") for i, image in enumerate(style)]
    return [check_image(style, "style")]
