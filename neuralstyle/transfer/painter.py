"""What `stylize` and its kin do: one style, looked at once, and any number of contents."""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, final

from neuralstyle._types import Image
from neuralstyle.features.base import Extractor
from neuralstyle.images.arrays import resize
from neuralstyle.images.color import treatment
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.optimize.balance import weighed
from neuralstyle.optimize.evaluator import gradient_norms
from neuralstyle.optimize.methods import LBFGS, LBFGSB, Method
from neuralstyle.optimize.minimize import check_method, minimize
from neuralstyle.optimize.parametrizations import Parametrization
from neuralstyle.optimize.progress import progress_bar
from neuralstyle.optimize.result import Status, StyleResult
from neuralstyle.transfer.left_out import LeftOut
from neuralstyle.transfer.network import load_network
from neuralstyle.transfer.options import Options, options
from neuralstyle.transfer.parts import make_parts, picture
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


RECORDED_BY_MINIMIZE = (
    *PASSED_ON,
    "parametrization",
    "method",
    "objective",
    "callback",
    "progress",
)
"""Options that the settings of a result have from there, or that are no settings."""


class Painted(NamedTuple):
    """A result, and its picture as the optimiser left it, before its colours were treated."""

    result: StyleResult
    untreated: Image


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
        _check_together(options)
        self.parts = make_parts(style, options)
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
        return Targets(self.options, self.extractor, self.treatment)

    @functools.cached_property
    def method(self) -> Method:
        """The optimiser: the one asked for, or the recipe's if it takes the bounds."""
        options = self.options
        if isinstance(options.method, Method):
            return options.method
        usual = self._recipe(None).method
        return usual if options.bounds is None or usual.bounds else LBFGSB()

    def load(self) -> None:
        """Load the network before the first content is taken: its file may be wrong."""
        _ = self.extractor

    def paint(self, content: Any, *, before: Before = _nothing_before) -> Painted:
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
        Painted
        """
        started = time.perf_counter()
        alpha = None
        if content is not None:
            content, alpha = picture(content, "content", self.options)
        recipe = self._recipe(content)
        plan = make_plan(self.options, recipe, self.treatment, self.parts, content, alpha)
        self._tell(plan)
        extractor, targets = self._seeing(plan)

        def finished(image: Image) -> Image:
            if content is None:
                return image
            beside = resize(content, image.shape[:2])
            styles = [part.style for part in self.parts]
            return self.treatment.finish(self.treatment.after(image, beside), beside, styles)

        run = Scales(plan.shapes, plan.iterations, started, finished)
        with progress_bar(self.options.progress) as draw:
            callbacks = [c for c in (draw, self.options.callback) if c is not None]
            for number, (shape, count) in enumerate(zip(plan.shapes, plan.iterations, strict=True)):
                try:
                    start = plan.start
                    if run.results:
                        start = enlarged(run.results[-1].image, shape, plan.detail)
                    start, terms = before(start)
                    objective = StyleObjective(targets.objective(plan, number, start), *terms)
                    result = minimize(
                        self._balanced(objective, extractor, start, plan.parametrization),
                        extractor,
                        start,
                        method=self.method,
                        maxiter=count,
                        parametrization=plan.parametrization,
                        callback=run.forward(callbacks),
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
                    if run.results:
                        error.partial_result = run.result({})  # type: ignore[attr-defined]
                    raise
                run.results.append(result)
                if result.status in (Status.CALLBACK, Status.INTERRUPTED, Status.NONFINITE):
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
            "regions": [region.weight for region in self.options.regions or ()],
            "shapes": plan.shapes,
            "maxiter": plan.iterations,
            "init": plan.init,
        }

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
        return extractor, Targets(self.options, extractor, self.treatment)

    def _balanced(
        self,
        objective: StyleObjective,
        extractor: Extractor,
        start: Image,
        parametrization: Parametrization | None,
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
        out = {term.name for term in objective.terms if isinstance(term.loss, LeftOut)}
        if any(norms[name] == 0 for name in shares if name not in out):
            moved = minimize(
                objective,
                extractor,
                start,
                method=LBFGS(),
                maxiter=WARM_UP,
                parametrization=parametrization,
            )
            if moved.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            norms = gradient_norms(objective, extractor, moved.image)
        return weighed(objective, norms, shares)

    def _tell(self, plan: Plan) -> None:
        """Log what the user may not expect."""
        longer = max(plan.shapes[-1])
        if any(max(part.style.shape) < round(longer * part.scale) for part in plan.parts):
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
        check_method(options.method, options.bounds, options.parametrization)
