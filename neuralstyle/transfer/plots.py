"""Plots, as matplotlib's figures: how losses fell, what layers keep, where losses pull.

Nothing here touches pyplot: no window opens, and no setting changes. A figure is saved by its
`savefig`, and shown by a notebook after ``%matplotlib inline``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from neuralstyle._checks import choice, describe, whole_number
from neuralstyle._types import PathLike, PictureLike, SupportsArray
from neuralstyle.features.base import Extractor
from neuralstyle.images.arrays import check_image, resize, size_within
from neuralstyle.images.convert import taken
from neuralstyle.losses.content import ContentLoss
from neuralstyle.losses.moments import StyleLoss
from neuralstyle.losses.names import STYLE_LAYERS
from neuralstyle.losses.objective import ObjectiveLike, StyleObjective
from neuralstyle.optimize.beginning import initial_image
from neuralstyle.optimize.evaluation.evaluator import Evaluator
from neuralstyle.optimize.minimize import minimize
from neuralstyle.optimize.result import StyleResult
from neuralstyle.optimize.showing.making_of import MakingOf, spaced
from neuralstyle.optimize.showing.page.curves import lines
from neuralstyle.transfer.network import check_network, load_network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Keeps: TypeAlias = Literal["content", "style"]


def plot_history(result: StyleResult) -> Figure:
    """Plot every loss, before weighing, and the objective over the iterations.

    Parameters
    ----------
    result : StyleResult
        Of `minimize` or `stylize`. Where one scale follows another, there is a dotted line.

    Returns
    -------
    matplotlib.figure.Figure
        With a logarithmic axis, on which a value of 0 or below has no place.

    Raises
    ------
    TypeError
        If `result` is none.
    ImportError
        Without matplotlib: ``pip install ".[plot]"`` in the checkout of neuralstyle.

    Examples
    --------
    >>> from neuralstyle import Iteration, TotalVariationLoss, minimize
    >>> start = np.random.default_rng(0).uniform(size=(16, 24, 3))
    >>> result = minimize(TotalVariationLoss(), lambda image: {"input": image}, start, maxiter=3)
    >>> figure = plot_history(result)
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['objective', 'total_variation']
    """
    figure = _figure(7.0, 4.0)
    if not isinstance(result, StyleResult):
        raise TypeError(f"result: expected a StyleResult, received {type(result).__name__}")
    axes = figure.add_subplot()
    axes.set_yscale("log", nonpositive="mask")
    for number, line in enumerate(lines(result.history)):
        x: list[float] = []
        y: list[float] = []
        before = None
        for scale, nit, value in line.points:
            if before not in (None, scale):  # a gap, where the picture became another
                x, y = [*x, nit - 0.5], [*y, np.nan]
            x, y, before = [*x, nit], [*y, value], scale
        style = {"color": "black", "linewidth": 2.5, "zorder": 3} if number == 0 else {}
        axes.plot(x, y, label=line.name, **style)  # type: ignore[arg-type]
    shapes = result.settings.get("shapes") or ()
    for one, following in zip(result.history, result.history[1:], strict=False):
        if one.scale != following.scale:
            axes.axvline(following.nit - 0.5, color="0.5", linewidth=0.8, linestyle=":")
    scales = dict.fromkeys(one.scale for one in result.history)
    for scale in scales if len(scales) > 1 else ():
        first = next(one.nit for one in result.history if one.scale == scale)
        name = describe(shapes[scale]) if scale < len(shapes) else f"scale {scale + 1}"
        place = axes.get_xaxis_transform()
        axes.text(first, 1.01, name, transform=place, fontsize="small", color="0.35")
    axes.set_xlabel("iterations")
    axes.set_ylabel("loss, before weighing")
    axes.grid(axis="y", color="0.9")
    if result.history:
        axes.legend(frameon=False, bbox_to_anchor=(1.01, 1), loc="upper left")
    return figure


def plot_layers(
    picture: PictureLike,
    *,
    network: str | PathLike | Extractor = "compact",
    layers: Sequence[str] = STYLE_LAYERS,
    keeps: Keeps = "content",
    maxiter: int = 60,
    size: int = 128,
    seed: int = 0,
) -> Figure:
    r"""Show what each layer of a network keeps of a picture, by painting it again from noise.

    .. math:: x_l = \arg\min_x L_l(x)

    with the `ContentLoss` or the `StyleLoss` (Gram) of layer l alone.

    Parameters
    ----------
    picture : array, shape (H, W, 3), floating, RGB in [0, 1], or path or PIL image
    network : str, path or extractor, default "compact"
        As for `stylize`, with average pooling.
    layers : sequence of str
        By default the five style layers of Gatys et al.
    keeps : {"content", "style"}, default "content"
        What is kept of the features: themselves, or their Gram matrices.
    maxiter : int, default 60
        Iterations for each layer. Deep layers need more.
    size : int, default 128
        Longer side in pixels at the most.
    seed : int, default 0
        For the noise.

    Returns
    -------
    matplotlib.figure.Figure
        The picture, and what was painted for each layer.

    Raises
    ------
    TypeError, ValueError, KeyError
        If an argument is not as above, or there is no such layer.
    ImportError
        Without matplotlib.

    Notes
    -----
    One loss is compiled and minimised for each layer: about a minute for all by default.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> figure = plot_layers(random.uniform(size=(32, 32, 3)), layers=["block1_conv1"], maxiter=2)
    >>> [axes.get_title() for axes in figure.axes]
    ['picture', 'block1_conv1']
    """
    image = check_image(taken(picture, "picture"), "picture")
    check_network("network", network)
    choice("keeps", keeps, ("content", "style"))
    names = [layers] if isinstance(layers, str) else list(layers)
    image = resize(image, size_within(image.shape, whole_number("size", size, 1)))
    pictures: dict[str, Any] = {"picture": image}
    figure = _grid(len(names) + 1, image.shape)
    extractor = load_network(network, "avg", seed)
    features = extractor(image)
    start = initial_image("noise", shape=image.shape[:2], seed=whole_number("seed", seed, 0))
    for name in names:
        loss: Any = (ContentLoss if keeps == "content" else StyleLoss)(features, name)
        pictures[name] = minimize(loss, extractor, start, maxiter=maxiter).image
    for axes, (name, shown) in zip(figure.axes, pictures.items(), strict=True):
        _show(axes, shown, name)
    return figure


def plot_gradient(objective: ObjectiveLike, extractor: Extractor, at: SupportsArray) -> Figure:
    r"""Show where each term of an objective pulls at the pixels of an image.

    .. math:: m_i(p) = \Bigl(\sum_c (w_i \partial L_i / \partial x_{pc})^2\Bigr)^{1/2}

    Parameters
    ----------
    objective : StyleObjective or Loss
        With its weights; for one of `stylize`, the result's `objective`.
    extractor : callable
        Turns an image tensor into features. That of `stylize` is, by default,
        ``VGG16Features(weights="compact", pooling="max")``: the result's settings name it.
    at : array, shape (H, W, 3), floating, RGB in [0, 1]

    Returns
    -------
    matplotlib.figure.Figure
        The image, and a map for each term: from black, where it does not pull, to white. Each map
        has a scale of its own; the share of the term in the sum of all gradients' norms is above.

    Raises
    ------
    TypeError, ValueError, KeyError
        If the objective does not fit the extractor and the image.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from neuralstyle import TotalVariationLoss
    >>> image = np.random.default_rng(0).uniform(size=(16, 24, 3))
    >>> figure = plot_gradient(TotalVariationLoss(), lambda image: {"input": image}, image)
    >>> [axes.get_title() for axes in figure.axes]
    ['image', 'total_variation, 100 %']
    """
    image = check_image(at, "at")
    whole = StyleObjective(objective)
    names = [term.name for term in whole.terms]
    figure = _grid(len(names) + 1, image.shape)
    evaluator = Evaluator(whole, extractor, image.shape)
    weights = dict(evaluator.weights)
    maps = {}
    for name in names:  # a weight of 0 leaves a term out, and nothing is compiled again
        evaluator.weights.update({other: 0.0 for other in names} | {name: weights[name]})
        _, gradient = evaluator.value_and_gradient(image)
        maps[name] = np.linalg.norm(gradient, axis=2)
    norms = {name: float(np.linalg.norm(pull)) for name, pull in maps.items()}
    total = sum(norms.values())
    first, *others = figure.axes
    _show(first, image, "image")
    for axes, (name, pull) in zip(others, maps.items(), strict=True):
        # A few single pixels would leave all others black.
        bright = float(np.quantile(pull, 0.995)) or float(pull.max())
        share = 100 * norms[name] / total if total else 0.0
        axes.imshow(pull, cmap="magma", vmin=0, vmax=bright or 1.0)
        _bare(axes, f"{name}, {share:.0f} %")
    return figure


def plot_snapshots(film: MakingOf | Mapping[Any, PictureLike], count: int = 5) -> Figure:
    """Show pictures on the way beside each other.

    Parameters
    ----------
    film : MakingOf or mapping from int to picture
        The callback of a run; or pictures by the numbers of their iterations, or by any names.
    count : int, default 5
        How many at the most, evenly spaced from the first to the last; one is the last.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If `film` is neither, or has no picture.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> figure = plot_snapshots({1: np.zeros((4, 6, 3)), 20: np.ones((4, 6, 3))})
    >>> [axes.get_title() for axes in figure.axes]
    ['1', '20']
    """
    whole_number("count", count, 1)
    if isinstance(film, MakingOf):
        pictures: dict[Any, Any] = {
            f"iteration {nit}": one for nit, one in film.pictures(count).items()
        }
    elif isinstance(film, Mapping):
        pictures = dict(spaced(list(film.items()), count))
    else:
        raise TypeError(f"film: expected a MakingOf or a mapping, received {type(film).__name__}")
    if not pictures:
        raise ValueError("film: expected at least one picture, received none")
    images = {
        name: check_image(taken(one, f"film[{name!r}]"), f"film[{name!r}]")
        for name, one in pictures.items()
    }
    figure = _grid(len(images), next(iter(images.values())).shape, columns=6)
    for axes, (name, image) in zip(figure.axes, images.items(), strict=True):
        _show(axes, image, str(name))
    return figure


def _figure(width: float, height: float) -> Figure:
    """Make a figure, which pyplot does not know of."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            'plots need matplotlib: in the checkout of neuralstyle, pip install ".[plot]"',
            name="matplotlib",
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def _grid(count: int, shape: Sequence[int], columns: int = 3) -> Figure:
    """Make a figure with so many places for pictures of a shape."""
    columns = min(count, columns)
    rows = -(-count // columns)
    width = 2.6
    figure = _figure(columns * width, rows * (width * shape[0] / shape[1] + 0.35))
    for number in range(count):
        figure.add_subplot(rows, columns, number + 1)
    return figure


def _show(axes: Axes, image: Any, title: str) -> None:
    axes.imshow(np.asarray(image, np.float32), interpolation="nearest")
    _bare(axes, title)


def _bare(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize="medium")
    axes.set_axis_off()
