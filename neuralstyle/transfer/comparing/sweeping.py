"""`sweep` and `stylize_sweep`: the same again and again, with other weights or settings."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from neuralstyle._checks import check_callback
from neuralstyle._types import PictureLike, SupportsArray
from neuralstyle.features.base import Extractor
from neuralstyle.images.convert import taken
from neuralstyle.losses.objective import ObjectiveLike
from neuralstyle.losses.weights import term_weight
from neuralstyle.optimize.beginning import beginning
from neuralstyle.optimize.evaluation.evaluator import Evaluator
from neuralstyle.optimize.minimize import minimize
from neuralstyle.optimize.result import Callback, StyleResult
from neuralstyle.transfer.comparing.sweep import Sweep, check_vary
from neuralstyle.transfer.options.names import did_you_mean, keywords_of, meant, of_other_recipes
from neuralstyle.transfer.options.options import options
from neuralstyle.transfer.options.recipe_keywords import recipe_maker, with_recipe
from neuralstyle.transfer.options.signatures import check_names, takes_options
from neuralstyle.transfer.painter import Painter
from neuralstyle.transfer.recipes import RECIPES, Recipe, default
from neuralstyle.transfer.studio import Studio

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from neuralstyle.transfer.options.stylize_options import MinimizeOptions, SweepOptions


def sweep(
    objective: ObjectiveLike | Evaluator,
    extractor: Extractor | None = None,
    init: SupportsArray | Literal["noise"] | None = None,
    *,
    vary: Mapping[str, Sequence[float]],
    warm_start: bool = False,
    callback: Callback | None = None,
    progress: bool = False,
    **options: Unpack[MinimizeOptions],
) -> Sweep:
    """Minimise an objective once for every weight of a term, or all combinations of several.

    Parameters
    ----------
    objective : StyleObjective, Loss or Evaluator
    extractor : callable
    init : array, shape (H, W, 3), floating, RGB in [0, 1], or "noise"
        As for `minimize`.
    vary : mapping from str to sequence of float
        Names of terms, and the weights to try: ``{"style": [1, 10, 100]}``. The last name changes
        from run to run. Terms that are not named keep their weights.
    warm_start : bool, default False
        Start every run from the result of its neighbour, in place of `init`: of the run with the
        weight before, of the last name that has one. That takes fewer iterations, but where a run
        ends depends on those before it.
    callback : callable, optional
        Of every run: called with a `Progress`, whose ``settings["weights"]`` say which run it is.
        What it halts is that run.
    progress : bool, default False
        Draw a progress bar on standard error, and leave a line for every run.
    **options : object
        Of `minimize`, the same for all runs: ``maxiter``, ``method`` and so on.

    Returns
    -------
    Sweep
        Runs are made as it is iterated over. Ctrl-C ends it with those that are there.

    Raises
    ------
    TypeError, ValueError, KeyError
        If an argument is not as above, or there is no term of a name.
    KeyboardInterrupt
        While iterating, after Ctrl-C before the first run has a result.

    See Also
    --------
    stylize_sweep : the same for `stylize`.

    Notes
    -----
    One evaluator makes all runs, so there is one compilation. One that is given has its own weights
    again after every run.

    Examples
    --------
    >>> from neuralstyle import TotalVariationLoss
    >>> noisy = np.random.default_rng(0).uniform(size=(8, 8, 3)).astype(np.float32)
    >>> pixels = lambda image: {"input": image}
    >>> weights = {"total_variation": [1, 2]}
    >>> [row["nit"] for row in sweep(TotalVariationLoss(), pixels, noisy, vary=weights, maxiter=3)\
.table()]
    [3, 3]
    """
    known = set(inspect.signature(minimize).parameters) - {"state", "history"}
    check_names("sweep", options, sorted(known))
    checked = check_vary(vary)
    evaluator, _ = beginning(
        objective, extractor, init, options.get("shape"), options.get("seed", 0)
    )
    for name, values in checked.items():
        if name not in evaluator.weights:
            terms = ", ".join(evaluator.weights)
            near = did_you_mean(name, evaluator.weights)
            raise KeyError(f"vary: there is no term {name!r}; there are {terms}{near}")
        for value in values:
            term_weight(value, f"vary[{name!r}]")
    usual = dict(evaluator.weights)

    def paint(
        place: Mapping[str, int], callback: Callback | None, neighbour: StyleResult | None
    ) -> StyleResult:
        given: dict[str, Any] = {**options, "init": init}
        if neighbour is not None:
            given = {**options, "init": neighbour.image, "shape": None}
        evaluator.weights.update({name: checked[name][k] for name, k in place.items()})
        try:
            return minimize(evaluator, callback=callback, **given)
        finally:
            evaluator.weights.update(usual)

    return Sweep(checked, paint, warm_start=warm_start, callback=callback, progress=progress)


@overload
def stylize_sweep(
    content: PictureLike | None,
    style: PictureLike | Sequence[PictureLike],
    vary: Mapping[str, Sequence[Any]],
    *,
    recipe: str = ...,
    warm_start: bool = ...,
    **settings: Unpack[SweepOptions],
) -> Sweep: ...


@overload
def stylize_sweep(
    content: PictureLike | None,
    style: PictureLike | Sequence[PictureLike],
    vary: Mapping[str, Sequence[Any]],
    *,
    recipe: Callable[..., Recipe],
    warm_start: bool = ...,
    **settings: Any,
) -> Sweep: ...


@takes_options(but=["objective", "checkpoint"], others=True)
def stylize_sweep(
    content: PictureLike | None,
    style: PictureLike | Sequence[PictureLike],
    vary: Mapping[str, Sequence[Any]],
    *,
    recipe: str | Callable[..., Recipe] = default,
    warm_start: bool = False,
    **settings: Any,
) -> Sweep:
    """Paint a photograph once for every value of a setting, or all combinations of several.

    Parameters
    ----------
    content : array, shape (H, W, 3), floating, RGB in [0, 1], or None
        As for `stylize`.
    style : array or sequence of arrays
        As for `stylize`.
    vary : mapping from str to sequence
        Settings and the values to try: keywords of the recipe, such as ``content_weight``; options
        of `stylize`, such as ``style_scale`` or ``color``; ``"recipe"``; or ``"style"``, for each
        of several styles by itself. The last one changes from run to run.
    recipe : str or callable, default `recipes.default`
        What makes the recipe from its keywords: one of `neuralstyle.recipes`, or its name.
    warm_start : bool, default False
        Start every run from the result of its neighbour, in place of `init`: of the run with the
        value before, of the last setting that has one. Coarse scales are left out then.
    **options : see ``help(neuralstyle.stylize)``
    **settings : object
        Keywords of the recipe that are the same for all.

    Returns
    -------
    Sweep
        Runs are made as it is iterated over. Ctrl-C ends it with those that are there.

    Raises
    ------
    TypeError, ValueError, KeyError, OSError
        If a setting does not exist, or a value or an image is not as it should be: all are looked
        at before the first run, each value beside the first ones of the other settings, and a
        `balance` beside all that have to do with it.
    KeyboardInterrupt
        After Ctrl-C before the first run has a result.

    See Also
    --------
    sweep : the same for `minimize`.
    contact_sheet : small results on one page, in one call.

    Notes
    -----
    One network is loaded, and runs that differ in nothing but weights share what is compiled; with
    the library's recipes also what is known of the pictures.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> content, style = random.uniform(size=(2, 32, 48, 3)).astype(np.float32)
    >>> weights = {"content_weight": [0.1, 1.0]}
    >>> for settings, result in stylize_sweep(content, style, weights, maxiter=1):
    ...     print(settings, result.image.shape)
    {'content_weight': 0.1} (32, 48, 3)
    {'content_weight': 1.0} (32, 48, 3)
    """
    return painted_sweep("stylize_sweep", content, style, vary, recipe, settings, warm_start)


def painted_sweep(
    function: str,
    content: Any,
    style: Any,
    vary: Any,
    recipe: Any,
    settings: Mapping[str, Any],
    warm_start: bool = False,
) -> Sweep:
    """Make a sweep of `stylize`, for a function of that name; parameters as of `stylize_sweep`."""
    checked = check_vary(vary)
    makers = [recipe_maker(maker) for maker in checked.get("recipe", [recipe])]
    of_recipes = set().union(*map(keywords_of, makers))
    known = sorted(of_recipes | options().keys() - {"recipe", "objective", "checkpoint"})
    varied = [n for n in ("style", "recipe", *known) if n not in ("callback", "progress")]
    for name in checked:
        if name not in varied:
            near = meant(name, varied)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(varied)}"
            told = of_other_recipes(name) or f"there is no setting {name!r}; {hint}"
            raise ValueError(f"vary: {told}")
    check_names(function, settings, known, of_other_recipes)
    check_callback(settings.get("callback"))
    content = None if content is None else taken(content, "content")  # a file is read once
    studios: dict[tuple[int, ...], Studio] = {}

    def painter_at(place: Mapping[str, int], **of_run: Any) -> Painter:
        chosen = {name: checked[name][k] for name, k in place.items()}
        chosen.pop("recipe", None)
        make = makers[place.get("recipe", 0)]
        without = {"content_weight": 0.0} if content is None else {}
        given = {**without, **settings, **chosen, **of_run}
        painter = Painter(given.pop("style", style), with_recipe(function, make, given))
        if make in RECIPES.values():
            # Of the library's recipes those that differ in weights alone have the same losses.
            kind = tuple(k for name, k in place.items() if not _is_weight(name, make))
            painter.share(studios.setdefault(kind, Studio()))
        return painter

    def paint(
        place: Mapping[str, int], callback: Callback | None, neighbour: StyleResult | None
    ) -> StyleResult:
        start = {} if neighbour is None else {"init": neighbour}
        painter = painter_at(place, callback=callback, progress=False, **start)
        return painter.paint(content).result

    # What is wrong with a value is told now, not after the runs before it.
    for place in _places_to_check(checked, of_recipes, settings):
        painter_at(place).check(content)

    return Sweep(
        checked,
        paint,
        warm_start=warm_start,
        callback=settings.get("callback"),
        progress=settings.get("progress", False),
    )


def _places_to_check(
    vary: Mapping[str, Sequence[Any]], of_recipes: set[str], settings: Mapping[str, Any]
) -> list[dict[str, int]]:
    """Return the places of the runs that are looked at beforehand.

    Every value is, beside the first ones of the others. With a `balance`, which has to name the
    terms that there are, so are all combinations of what decides on them.
    """
    first = dict.fromkeys(vary, 0)
    places = [first, *({**first, name: k} for name in vary for k in range(1, len(vary[name])))]
    if "balance" not in vary and settings.get("balance") is None:
        return places
    free = [name for name in vary if name in {*of_recipes, "recipe", "style", "regions", "balance"}]
    for numbers in itertools.product(*(range(len(vary[name])) for name in free)):
        place = {**first, **dict(zip(free, numbers, strict=True))}
        places += [] if place in places else [place]
    return places


def _is_weight(name: str, make: Callable[..., Recipe]) -> bool:
    return name.endswith("_weight") and name in keywords_of(make)
