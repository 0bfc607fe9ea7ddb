"""`stylize`: a picture from a photograph and paintings in one call, coarse to fine."""

from __future__ import annotations

import dataclasses
import functools
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from neuralstyle import checkpoints, presets
from neuralstyle.features import Extractor, VGG19Features, image_tensor
from neuralstyle.images import check_image, resize, scaled_size
from neuralstyle.objective import Loss, StyleObjective
from neuralstyle.optimize import (
    check_callback,
    check_limits,
    check_method,
    initial_image,
    minimize,
)
from neuralstyle.progress import progress_bar
from neuralstyle.result import Callback, Image, Progress, Status, StyleResult
from neuralstyle.targets import check_shares
from neuralstyle.vgg19 import Pooling

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

ObjectiveFactory: TypeAlias = Callable[..., StyleObjective | Loss]
Init: TypeAlias = Image | Literal["content", "style", "noise"]

SHORTEST_SIDE = 32
"""No scale of a coarse-to-fine run has a side below this, unless the picture has."""


def stylize(
    content: Any,
    style: Any,
    *,
    style_weights: Sequence[float] | None = None,
    objective: presets.Recipe | ObjectiveFactory | None = None,
    extractor: Extractor | None = None,
    weights: str | os.PathLike[str] | None = "auto",
    pooling: Pooling | None = None,
    size: int | tuple[int, int] | None = None,
    style_scale: float = 1.0,
    scales: int | None = None,
    maxiter: int | Sequence[int] | None = None,
    init: Init | None = None,
    seed: int = 0,
    method: str | keras.optimizers.Optimizer | None = None,
    maxfun: int | None = None,
    maxcor: int = 10,
    ftol: float = 1e-9,
    gtol: float = 0.0,
    xtol: float = 0.0,
    maxls: int = 20,
    bounds: tuple[float, float] | None = None,
    callback: Callback | None = None,
    progress: bool = False,
) -> StyleResult:
    """Paint a photograph in the style of one or several pictures.

    Parameters
    ----------
    content : array, shape (H, W, 3), floating, RGB in [0, 1]
        The photograph, as `load_image` returns it.
    style : array like `content`, of any size, or a sequence of such
        The painting or paintings.
    style_weights : sequence of float, optional
        Shares of the styles, equal by default. They are divided by their sum.
    objective : Recipe or callable, optional
        What to minimise: a recipe of `neuralstyle.presets` (``presets.default()`` if left out), or
        a function of the features of the content and of each style, ``lambda c, s: ...``, that
        returns an objective. It is called again at every scale.
    extractor : callable, optional
        The network, if it is not the one that `weights` and `pooling` name.
    weights : {"auto", "imagenet", "compact"}, path or None, default "auto"
        As for `VGG19Features`. ``"auto"`` takes the compact network, with a warning, where the
        ImageNet weights cannot be had.
    pooling : {"avg", "max"}, optional
        The recipe's if left out, and ``"avg"`` for a function.
    size : int or (int, int), optional
        Longer side of the result in pixels, or its (height, width). The content's own size if left
        out.
    style_scale : float, default 1
        Size of the style image over the size of the content: larger gives larger strokes. A style
        image is never enlarged beyond its own size, which would add nothing but blur.
    scales : int, optional
        How many sizes to work at, each twice the one before. The recipe's if left out: from 64
        pixels upwards for the default.
    maxiter : int or sequence of int, optional
        Iterations at every scale, or at each from coarse to fine (the last one repeats). The
        recipe's if left out.
    init : {"content", "style", "noise"} or array, optional
        Where to start. The recipe's if left out.
    seed : int, default 0
        For ``init="noise"`` and ``weights=None``.
    method : str or keras.optimizers.Optimizer, optional
        As for `minimize`. If left out, ``"l-bfgs"``, which makes the same steps as SciPy's
        L-BFGS-B in less time; with `bounds`, ``"l-bfgs-b"``.
    maxfun : int, optional
        Evaluations at every scale at the most.
    maxcor, ftol, gtol, xtol, maxls, bounds
        As for `minimize`, at every scale. The picture is clipped to [0, 1] after each.
    callback : callable, optional
        Called with a `Progress` after every accepted iteration; raising `StopIteration` ends the
        run.
    progress : bool, default False
        Draw a progress bar on standard error.

    Returns
    -------
    StyleResult
        Its history runs over all scales. After Ctrl-C, or a halt by the callback, the image is that
        of the scale that was reached.

    Raises
    ------
    TypeError, ValueError, KeyError, OSError
        If an argument is not as above; the message names it.

    Notes
    -----
    Every scale has its targets made anew from the content and style images at its size, and starts
    from the result of the one before, enlarged. If the run began with the content, what the
    enlarged content lacks of its detail is added: that saves a third of the iterations that the
    next scale needs. Strokes larger than the receptive field of the network's
    layers come from the coarse scales alone.

    The network of the last call is kept for the next one, together with what was compiled for it:
    further pictures of the same size start at once.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> content, style = random.uniform(size=(2, 48, 64, 3)).astype(np.float32)
    >>> result = stylize(content, style, weights="compact", maxiter=2)
    >>> result.image.shape, result.nit
    ((48, 64, 3), 2)
    """
    started = time.perf_counter()
    content = check_image(content, "content")
    styles = _check_styles(style)
    limits = check_limits(1, maxfun, maxcor, maxls, ftol, gtol, xtol, bounds)
    if method is None:
        method = "l-bfgs" if bounds is None else "l-bfgs-b"
    check_method(method, bounds, None)
    check_callback(callback)
    # A function of the user's own runs with the settings of the default recipe.
    recipe = objective if isinstance(objective, presets.Recipe) else presets.default()
    if objective is None or objective is recipe:
        shares = check_shares(style_weights, len(styles), "style_weights", "styles")
        factory: ObjectiveFactory = functools.partial(recipe, style_weights=shares)
    elif _makes_recipes(objective):
        raise TypeError(
            "objective: expected a recipe, received the function that makes one; call it"
        )
    elif not callable(objective) or isinstance(objective, (Loss, StyleObjective)):
        raise TypeError(
            "objective: expected a recipe, or a function that makes an objective of the features "
            f"at each scale, received {objective!r}"
        )
    elif style_weights is not None:
        raise ValueError(
            "style_weights: expected None with a function as objective, which weighs its styles "
            f"itself; received {style_weights!r}"
        )
    else:
        factory = objective
    if isinstance(style_scale, bool) or not isinstance(style_scale, Real):
        raise TypeError(f"style_scale: expected a number, received {style_scale!r}")
    if not 0 < style_scale < np.inf:
        raise ValueError(f"style_scale: expected a number above 0, received {style_scale!r}")
    shapes = _pyramid(_target_size(content, size), scales, recipe.min_size)
    iterations = _iterations(maxiter, recipe.maxiter, shapes)
    first = recipe.init if init is None else init
    start = _start(first, content, styles[0], shapes[0], seed)
    if extractor is None:
        extractor = _network(weights, pooling or recipe.pooling, seed)
    elif pooling is not None:
        raise ValueError("pooling: expected None with an extractor, which has its own")
    if recipe.absolute and getattr(extractor, "weights", None) == "compact":
        logger.warning(
            "the weights of the recipe %s are in units of the ImageNet VGG19's activations; those "
            "of the compact network are much smaller, and the picture will differ from the "
            "published ones",
            recipe.name,
        )
    if any(max(image.shape) < round(max(shapes[-1]) * style_scale) for image in styles):
        logger.info("a style image is smaller than asked for, and keeps its size")

    def objective_at(shape: tuple[int, int]) -> StyleObjective | Loss:
        sizes = [shape, *(_style_size(image, shape, style_scale) for image in styles)]
        pictures = [
            resize(image, size) for image, size in zip([content, *styles], sizes, strict=True)
        ]
        return factory(*(extractor(image_tensor(picture)) for picture in pictures))

    run = _Scales(shapes, iterations, started)
    with progress_bar(progress) as draw:
        callbacks = [c for c in (draw, callback) if c is not None]
        for shape, count in zip(shapes, iterations, strict=True):
            try:
                if run.results:
                    detailed = content if isinstance(first, str) and first == "content" else None
                    start = _enlarged(run.results[-1].image, shape, detailed)
                target = objective_at(shape)
                limits["maxiter"] = count
                forward = run.forward(callbacks)
                result = minimize(
                    target, extractor, start, method=method, callback=forward, **limits
                )
            except KeyboardInterrupt:
                if not run.results:
                    raise
                run.results[-1] = dataclasses.replace(
                    run.results[-1], status=Status.INTERRUPTED, message="interrupted by the user"
                )
                break
            except Exception as error:
                partial = getattr(error, "partial_result", None)
                run.results += [partial] if partial else []
                if run.results:
                    error.partial_result = run.result({})
                raise
            run.results.append(result)
            if result.status in (Status.CALLBACK, Status.INTERRUPTED, Status.NONFINITE):
                break
    return run.result(
        {
            "recipe": recipe.name if objective is None or objective is recipe else "function",
            "style_weights": style_weights,
            "style_scale": style_scale,
            "shapes": shapes,
            "maxiter": iterations,
            "init": first if isinstance(first, str) else "image",
            "seed": seed,
        }
    )


class _Scales:
    """The results of the scales so far, and their sum."""

    def __init__(
        self, shapes: list[tuple[int, int]], iterations: list[int], started: float
    ) -> None:
        self.shapes = shapes
        self.iterations = iterations
        self.started = started
        self.begun: list[float] = []
        self.results: list[StyleResult] = []

    def _before(self, scale: int) -> dict[str, Any]:
        """Sum what had been done before a scale."""
        done = self.results[:scale]
        return {
            "nit": sum(r.nit for r in done),
            "nfev": sum(r.nfev for r in done),
            "seconds": self.begun[scale],
        }

    def _shift(self, record: Any, scale: int, **changes: Any) -> Any:
        before = self._before(scale)
        sums = {name: getattr(record, name) + value for name, value in before.items()}
        return dataclasses.replace(record, scale=scale, **sums, **changes)

    def forward(self, callbacks: Sequence[Callback]) -> Callback | None:
        """Begin a scale; return a callback that passes its progress on as the whole run's."""
        self.begun.append(time.perf_counter() - self.started)
        if not callbacks:
            return None

        scale = len(self.results)
        height, width = self.shapes[scale]
        later = sum(
            count * (h * w) / (height * width)
            for (h, w), count in zip(
                self.shapes[scale + 1 :], self.iterations[scale + 1 :], strict=True
            )
        )

        def passed_on(record: Progress) -> None:
            whole = self._shift(
                record,
                scale,
                scales=len(self.shapes),
                maxiter=sum(self.iterations),
                work_left=record.work_left + later,
            )
            for callback in callbacks:
                callback(whole)

        return passed_on

    def result(self, settings: dict[str, Any]) -> StyleResult:
        """Return the last scale's result with the history and sums of all."""
        last = self.results[-1]
        whole = self._before(len(self.results) - 1)
        whole = {name: value + getattr(last, name) for name, value in whole.items()}
        message = last.message
        if last.status is Status.LIMIT and len(self.results) > 1:
            message = f"made {whole['nit']} iterations at {len(self.results)} scales"
        history = tuple(
            self._shift(record, scale)
            for scale, result in enumerate(self.results)
            for record in result.history
        )
        return dataclasses.replace(
            last,
            history=history,
            settings={**last.settings, **settings},
            message=message,
            success=last.success and last.status is not Status.INTERRUPTED,
            **whole,
        )


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


def _makes_recipes(objective: Any) -> bool:
    return any(objective is maker for maker in presets.RECIPES.values())


def _check_styles(style: Any) -> list[Image]:
    if isinstance(style, (list, tuple)):
        if not style:
            raise ValueError("style: expected at least one image, received an empty sequence")
        return [check_image(image, f"style[{i}]") for i, image in enumerate(style)]
    return [check_image(style, "style")]


def _target_size(content: Image, size: Any) -> tuple[int, int]:
    if size is None:
        return scaled_size(content.shape, max(content.shape[:2]))
    numbers = size if isinstance(size, (tuple, list)) else (size,)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 1:
            raise ValueError(
                f"size: expected the longer side or (height, width) in pixels, received {size!r}"
            )
    if len(numbers) == 1:
        return scaled_size(content.shape, int(numbers[0]))
    if len(numbers) != 2:
        raise ValueError(f"size: expected the longer side or (height, width), received {size!r}")
    return int(numbers[0]), int(numbers[1])


def _pyramid(
    shape: tuple[int, int], scales: int | None, min_size: int | None
) -> list[tuple[int, int]]:
    """Return the shapes to work at, coarse to fine, each half of the next."""
    if scales is not None and (isinstance(scales, bool) or not isinstance(scales, int)):
        raise TypeError(f"scales: expected a whole number, received {scales!r}")
    if scales is not None and scales < 1:
        raise ValueError(f"scales: expected at least 1, received {scales}")
    shapes = [shape]
    while len(shapes) < (scales or 99):
        factor = 2 ** len(shapes)
        half = (round(shape[0] / factor), round(shape[1] / factor))
        too_coarse = scales is None and (min_size is None or max(half) < min_size)
        if too_coarse or min(half) < SHORTEST_SIDE:
            break
        shapes.append(half)
    return shapes[::-1]


def _iterations(maxiter: Any, default: tuple[int, ...], shapes: list[tuple[int, int]]) -> list[int]:
    """Return the iterations at each scale; the last number given repeats."""
    scales = len(shapes)
    if maxiter is None:
        maxiter = default[:scales]
    if isinstance(maxiter, str) or not isinstance(maxiter, Sequence):
        maxiter = [maxiter]
    if not maxiter:
        raise ValueError("maxiter: expected at least one number, received none")
    if len(maxiter) > scales:
        raise ValueError(
            f"maxiter: expected at most {scales} number{'s' * (scales > 1)}, one for each scale ("
            f"{', '.join(f'{width} x {height}' for height, width in shapes)}), "
            f"received {len(maxiter)}"
        )
    for count in maxiter:
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(f"maxiter: expected whole numbers of at least 1, received {count!r}")
    return [int(maxiter[min(scale, len(maxiter) - 1)]) for scale in range(scales)]


def _start(
    init: Any, content: Image, style: Image, shape: tuple[int, int], seed: int
) -> Image | str:
    if callable(init):
        return init(shape, seed)  # type: ignore[no-any-return]
    if isinstance(init, str):
        if init == "noise":
            return initial_image("noise", shape=shape, seed=seed)
        if init not in ("content", "style"):
            raise ValueError(
                f'init: expected an image, "content", "style" or "noise", received {init!r}'
            )
        return resize(content if init == "content" else style, shape)
    return resize(check_image(init, "init"), shape)


def _enlarged(image: Image, shape: tuple[int, int], content: Image | None) -> Image:
    """Return the start of the next scale, with the detail that the content gains there."""
    larger: Image = resize(image, shape)
    if content is None:
        return larger
    fine = resize(content, shape)
    detail = fine - resize(resize(content, image.shape[:2]), shape)
    return np.clip(larger + detail, 0.0, 1.0)


def _style_size(style: Image, shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return the size to which a style image is scaled, beside a content of `shape`.

    Style images are never enlarged: what that would add is blur.
    """
    sides = style.shape[:2]
    least = math.ceil(SHORTEST_SIDE * max(sides) / min(sides))
    longer = min(max(least, round(max(shape) * scale)), max(sides))
    return scaled_size(style.shape, longer)
