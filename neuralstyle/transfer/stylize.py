"""`stylize` and `stylize_many`: pictures from photographs and paintings in one call."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neuralstyle.features.architectures import Pooling
from neuralstyle.features.base import Extractor
from neuralstyle.images.color import ColorTreatment
from neuralstyle.optimize.result import Callback, Status, StyleResult
from neuralstyle.transfer import recipes as presets
from neuralstyle.transfer.painter import ObjectiveFactory, Options, Painter, StyleFit
from neuralstyle.transfer.start import Init

if TYPE_CHECKING:
    import keras


def stylize(
    content: Any,
    style: Any,
    *,
    style_weights: Sequence[float] | None = None,
    regions: Sequence[tuple[Any, ...]] | None = None,
    objective: presets.Recipe | ObjectiveFactory | None = None,
    extractor: Extractor | None = None,
    weights: str | os.PathLike[str] | None = "auto",
    pooling: Pooling | None = None,
    size: int | tuple[int, int] | None = None,
    style_scale: float = 1.0,
    style_fit: StyleFit | None = None,
    color: str | ColorTreatment | None = None,
    shares: Mapping[str, float] | None = None,
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
    content : array, shape (H, W, 3), floating, RGB in [0, 1], or None
        The photograph, as `load_image` returns it. With None the result is a texture: the style
        alone, from noise, without the recipe's content loss.
    style : array like `content`, of any size, or a sequence of such
        The painting or paintings for the whole picture. The sequence may be empty if there are
        `regions`, or if `objective` is a function.
    style_weights : sequence of float, optional
        Shares of the styles, equal by default. They are divided by their sum.
    regions : sequence of tuples (mask, style, style_mask, weight), optional
        Parts of the picture with styles of their own, besides `style`: where in the content, an
        array (H, W) of numbers from 0 to 1 in its proportions, or a `Mask`; a painting; where in
        the painting, everywhere if None or left out; and how strongly, 1 if left out: then each
        pixel is pulled as by a style of the whole picture. `label_masks` makes masks of colours.
    objective : Recipe or callable, optional
        What to minimise: a recipe of `neuralstyle.presets` (``presets.default()`` if left out), or
        a function of the features of the content and of each style, ``lambda c, s: ...``, that
        returns an objective. It is called again at every scale; c is None without a content.
    extractor : callable, optional
        The network, if it is not the one that `weights` and `pooling` name.
    weights : {"auto", "imagenet", "compact"}, path or None, default "auto"
        As for `VGG19Features`. ``"auto"`` takes the compact network, with a warning, where the
        ImageNet weights cannot be had.
    pooling : {"avg", "max"}, optional
        The recipe's if left out, and ``"avg"`` for a function.
    size : int or (int, int), optional
        Longer side of the result in pixels, or its (height, width). The content's own size if left
        out, and the first style's for a texture.
    style_scale : float, default 1
        Size of the style image over the size of the content: larger gives larger strokes. A style
        image is never enlarged beyond its own size, which would add nothing but blur.
    style_fit : {"crop", "tile"}, optional
        Cut a style image that is then larger than the content to its size, or repeat a smaller one,
        mirrored, until it fills that. Left as it is by default.
    color : str or ColorTreatment, optional
        What to do about colours, such as ``"match"`` (the style gets the content's before) or
        ``"content"`` (the result gets the content's after): see `neuralstyle.color.TREATMENTS`.
    shares : mapping from str to float, optional
        The share that every term of the objective, by its name, is to have in the pull on the
        pixels: `balance` sets the weights at the start of every scale. Where a term does not pull
        there, as the content does not at the content, after 10 iterations with the recipe's.
    scales : int, optional
        How many sizes to work at, each twice the one before. The recipe's if left out: from 64
        pixels upwards for the default.
    maxiter : int or sequence of int, optional
        Iterations at every scale, or at each from coarse to fine (the last one repeats). The
        recipe's if left out.
    init : str, array, mapping, path or StyleResult, optional
        Where to start: ``"content"``, ``"style"``, ``"noise"``, shares of these, such as
        ``{"content": 0.8, "noise": 0.2}``, an image, its file (a `pathlib.Path`), or an earlier
        result. The recipe's if left out. From an image, the scales up to its size are left out,
        unless `scales` is given: a small result is gone on from at a larger size.
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
    The masks of regions are averaged at every scale. A small region vanishes at deep layers of
    coarse scales, which is an error that says so; then fewer `scales` help, or a larger mask. A
    region's terms are those of the recipe with the masks, called ``style_1`` and so on where there
    are several; `color` treats its style by the whole content.

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
    options = {k: v for k, v in locals().items() if k not in ("content", "style")}
    return Painter(style, Options(**options)).paint(content)


def stylize_many(contents: Iterable[Any], style: Any, **options: Any) -> Iterator[StyleResult]:
    """Paint many photographs in one style, with one network, looking at the style once.

    Parameters
    ----------
    contents : iterable of arrays, each (H, W, 3), floating, RGB in [0, 1]
        The photographs, of any sizes. They are taken one at a time, so a generator that loads them
        keeps no more than one in memory.
    style : array or sequence of arrays
        As for `stylize`.
    **options
        As for `stylize`.

    Yields
    ------
    StyleResult
        In the order of `contents`, each as soon as it is done. The same as from `stylize`.

    Raises
    ------
    TypeError, ValueError, KeyError, OSError
        If an argument is not as above: at once for all but `contents`.
    KeyboardInterrupt
        After Ctrl-C, when the picture that it ended has been yielded.

    Notes
    -----
    Photographs of one size and shape share what is compiled for it, and the targets of the style.
    With a treatment of `color` that matches the style to each content, those are made anew.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> photos = random.uniform(size=(2, 32, 48, 3)).astype(np.float32)
    >>> painting = random.uniform(size=(40, 40, 3)).astype(np.float32)
    >>> results = stylize_many(photos, painting, weights="compact", maxiter=2)
    >>> [result.image.shape for result in results]
    [(32, 48, 3), (32, 48, 3)]
    """
    painter = Painter(style, Options(**options))
    painter.load()

    def results() -> Iterator[StyleResult]:
        for content in contents:
            result = painter.paint(content)
            yield result
            if result.status is Status.INTERRUPTED:
                raise KeyboardInterrupt

    return results()
