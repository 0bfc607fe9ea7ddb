"""Every option of `stylize` and its kin, written once: default, check, help, and command line.

The signatures of `stylize`, `stylize_many`, `stylize_frames` and `contact_sheet`, the list of
parameters in their documentation, the ``TypedDict`` for type checkers and the flags of the command
line are all made from `Options`, or compared with it by a test. A further option is one field here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Literal, TypeAlias

from neuralstyle.images.color import TREATMENTS
from neuralstyle.transfer import checks, words
from neuralstyle.transfer.network import NETWORKS
from neuralstyle.transfer.option import Option as Option
from neuralstyle.transfer.option import option
from neuralstyle.transfer.start import STARTS, Init

if TYPE_CHECKING:
    import keras

    from neuralstyle.features.architectures import Pooling
    from neuralstyle.features.base import Extractor
    from neuralstyle.images.color import ColorTreatment
    from neuralstyle.losses.objective import Loss, StyleObjective
    from neuralstyle.optimize.methods import Method
    from neuralstyle.optimize.result import Callback
    from neuralstyle.transfer.recipes import Recipe
    from neuralstyle.transfer.regions import Region

StyleFit: TypeAlias = Literal["crop", "tile"]
ObjectiveFactory: TypeAlias = "Callable[..., StyleObjective | Loss]"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `stylize` and its kin take beside their pictures, checked and in normal form.

    Examples
    --------
    >>> Options(maxiter=[30, 10]).maxiter
    (30, 10)
    >>> Options(size=0)
    Traceback (most recent call last):
    ValueError: size: expected at least 1, received 0
    """

    style_weights: Sequence[float] | None = option(
        None,
        "sequence of float",
        "Shares of the styles, equal by default. They are divided by their sum.",
        checks.weights,
        flag="--style-weights",
        short_help="shares of the STYLEs",
        example="1 2.5",
        parse=words.amount,
        nargs="+",
        metavar="W",
        group="style",
    )
    regions: Sequence[Region] | None = option(
        None,
        "sequence of Region",
        "Parts of the picture with styles of their own, besides `style`. `label_masks` makes masks "
        "of label images.",
        checks.regions,
        why_no_flag="--region and --labels make them from files",
    )
    recipe: str | Recipe | None = option(
        None,
        "str or Recipe",
        "What to minimise: one of `neuralstyle.recipes`, or its name; ``recipes.default()`` if "
        "left out.",
        checks.recipe,
        why_no_flag="--recipe makes it, with the weights and layers that it takes",
    )
    objective: ObjectiveFactory | None = option(
        None,
        "callable",
        "In place of a recipe, a function of the features of the content and of each style, "
        "``lambda c, s: ...``, that returns an objective. It is called again at every scale; c is "
        "None without a content.",
        checks.objective,
        why_no_flag="a function has no words",
    )
    network: str | PathLike[str] | Extractor = option(
        "compact",
        "str, path or callable",
        'What to look through: ``"compact"`` (a slim VGG16 that comes with neuralstyle), '
        '``"vgg16"`` or ``"vgg19"`` (Keras\' ImageNet weights, downloaded once), ``"random"`` '
        "(a VGG19 of random weights from `seed`), a file of the weights of either, or an "
        "extractor.",
        checks.network,
        flag="--network",
        short_help=f"{', '.join(NETWORKS)}, or a file of weights (default: compact)",
        example="vgg16",
        parse=str,
        metavar="NETWORK",
    )
    pooling: Pooling | None = option(
        None,
        '{"avg", "max"}',
        'Of the network. The recipe\'s if left out, and ``"avg"`` for a function.',
        checks.pooling,
        flag="--pooling",
        short_help="of the network (default: the recipe's)",
        example="max",
        parse=str,
        choices=("avg", "max"),
    )
    size: int | tuple[int, int] | None = option(
        None,
        "int or (int, int)",
        "Longer side of the result in pixels, or its (height, width). The content's own size if "
        "left out, and the first style's for a texture.",
        checks.size,
        flag="--size",
        short_help="longer side of the result in pixels",
        example="64",
        parse=words.whole(),
        metavar="N",
    )
    style_scale: float = option(
        1.0,
        "float",
        "Size of the style image over the size of the content: larger gives larger strokes. A "
        "style image is never enlarged beyond its own size, which would add nothing but blur.",
        checks.positive,
        flag="--style-scale",
        short_help="larger gives larger strokes (default: 1)",
        example="0.5",
        parse=words.positive,
        metavar="F",
        group="style",
    )
    style_fit: StyleFit | None = option(
        None,
        '{"crop", "tile"}',
        "Cut a style image that is then larger than the content to its size, or repeat a smaller "
        "one, mirrored, until it fills that. Left as it is by default.",
        checks.style_fit,
        flag="--style-fit",
        short_help="cut a STYLE that is larger than CONTENT, or repeat one that is smaller",
        example="tile",
        parse=str,
        choices=("crop", "tile"),
        group="style",
    )
    color: str | ColorTreatment | None = option(
        None,
        "str or ColorTreatment",
        'What to do about colours, such as ``"match"`` (the style gets the content\'s before) or '
        '``"content"`` (the result gets the content\'s after): see `neuralstyle.color.TREATMENTS`. '
        "None leaves it to the recipe: of the library's, `nnst` alone does something.",
        checks.color,
        flag="--color",
        short_help="what to do about colours: see the documentation",
        example="match",
        parse=str,
        choices=tuple(TREATMENTS),
        group="style",
    )
    balance: Mapping[str, float] | None = option(
        None,
        "mapping from str to float",
        "The share that every term of the objective, by its name, is to have in the pull on the "
        "pixels: `neuralstyle.balance` sets the weights at the start of every scale. Where a term "
        "does not pull there, as the content does not at the content, after 10 iterations with the "
        "recipe's.",
        checks.balance,
        flag="--balance",
        short_help="shares of the terms in the pull on the pixels, in place of weights",
        example="content:1 covariance:2.5",
        parse=words.share,
        nargs="+",
        collect=words.by_name,
        metavar="TERM:SHARE",
        group="style",
    )
    scales: int | None = option(
        None,
        "int",
        "How many sizes to work at, each twice the one before. The recipe's if left out: from 64 "
        "pixels upwards for the default.",
        checks.count,
        flag="--scales",
        short_help="sizes to work at, each twice the one before",
        example="2",
        parse=words.whole(),
        metavar="N",
    )
    maxiter: int | Sequence[int] | None = option(
        None,
        "int or sequence of int",
        "Iterations at every scale, or at each from coarse to fine (the last one repeats). The "
        "recipe's if left out.",
        checks.iterations,
        flag="--iterations",
        short_help="at every scale, or at each from coarse to fine; the last number repeats",
        example="30 10",
        parse=words.whole(),
        nargs="+",
        metavar="N",
    )
    init: Init | None = option(
        None,
        "str, array, mapping, path or StyleResult",
        'Where to start: ``"content"``, ``"style"``, ``"noise"``, shares of these, such as '
        '``{"content": 0.8, "noise": 0.2}``, an image, its file (a `pathlib.Path`), or an earlier '
        "result. The recipe's if left out. From an image, the scales up to its size are left out, "
        "unless `scales` is given: a small result is gone on from at a larger size.",
        checks.init,
        flag="--init",
        short_help=f"{', '.join(STARTS)}, a mixture such as content:0.8,noise:0.2, or a picture",
        example="content:0.8,noise:0.2",
        parse=words.start,
        metavar="START",
    )
    seed: int = option(
        0,
        "int",
        'For noise, and for ``network="random"``.',
        checks.seed,
        flag="--seed",
        short_help="for noise, and for the random network (default: 0)",
        example="5",
        parse=words.whole(0),
        metavar="N",
    )
    method: str | Method | keras.optimizers.Optimizer | None = option(
        None,
        "str, Method or keras.optimizers.Optimizer",
        "As for `minimize`. If left out the recipe's, which is `LBFGS` for those of the library; "
        "with `bounds`, `LBFGSB`.",
        checks.method,
        flag="--method",
        short_help="the optimiser, such as l-bfgs:maxcor=50 (default: the recipe's, l-bfgs)",
        example="l-bfgs:maxcor=50",
        parse=words.method,
        metavar="NAME[:OPTION=VALUE,...]",
    )
    maxfun: int | None = option(
        None,
        "int",
        "Evaluations at every scale at the most.",
        checks.count,
        flag="--maxfun",
        short_help="evaluations at every scale at the most",
        example="100",
        parse=words.whole(),
        metavar="N",
    )
    ftol: float = option(
        1e-9,
        "float",
        "Stop a scale when an iteration lowers the value by less than this fraction of it.",
        checks.amount,
        flag="--ftol",
        short_help="stop when the loss falls by less than F of it",
        example="1e-5",
        parse=words.amount,
        metavar="F",
    )
    gtol: float = option(
        0.0,
        "float",
        "Stop a scale when no pixel's derivative exceeds this times the largest at the start.",
        checks.amount,
        flag="--gtol",
        short_help="stop when no derivative exceeds F of the largest at the start",
        example="1e-4",
        parse=words.amount,
        metavar="F",
    )
    xtol: float = option(
        0.0,
        "float",
        "Stop a scale when three iterations running have changed the pixels by less than this on "
        "average, in grey levels of 1/255.",
        checks.amount,
        flag="--xtol",
        short_help="stop when the picture changes by less than F grey levels on average",
        example="0.1",
        parse=words.amount,
        metavar="F",
    )
    bounds: tuple[float, float] | None = option(
        None,
        "(float, float)",
        "Range that pixels are kept in at every iteration. There is none by default; the picture "
        "is clipped to [0, 1] after each scale in either case.",
        checks.bounds,
        flag="--bounds",
        short_help="range that pixels are kept in at every iteration, such as 0 1",
        example="0 1",
        parse=words.number,
        nargs=2,
        collect=tuple,
        metavar=("LOW", "HIGH"),
    )
    callback: Callback | None = option(
        None,
        "callable",
        "Called with a `Progress` after every accepted iteration; raising `StopIteration` ends the "
        "run.",
        checks.callback,
        why_no_flag="--save-every makes one",
    )
    progress: bool = option(
        False,
        "bool",
        "Draw a progress bar on standard error.",
        checks.truth,
        why_no_flag="it is drawn unless --quiet is given",
    )

    def __post_init__(self) -> None:
        """Check every option, and keep its normal form."""
        for name, of in options().items():
            object.__setattr__(self, name, of.check(name, getattr(self, name)))


def options() -> dict[str, Option]:
    """Return what there is to know of every option, by its name.

    Returns
    -------
    dict from str to Option

    Examples
    --------
    >>> options()["maxiter"].flag
    '--iterations'
    """
    return {field.name: field.metadata["option"] for field in dataclasses.fields(Options)}
