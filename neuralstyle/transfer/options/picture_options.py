"""Options of `stylize` and its kin that say what is painted, and what it is to look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Literal, TypeAlias

from neuralstyle._types import DTYPES, PADDINGS
from neuralstyle.images.color import TREATMENTS
from neuralstyle.transfer.network import NETWORKS, network_word
from neuralstyle.transfer.options import checks, words
from neuralstyle.transfer.options.option import option

if TYPE_CHECKING:
    from neuralstyle._types import Dtype, Padding
    from neuralstyle.features.architectures import Pooling
    from neuralstyle.features.base import Extractor
    from neuralstyle.images.color import ColorTreatment
    from neuralstyle.losses.objective import ObjectiveLike
    from neuralstyle.transfer.recipes import Recipe
    from neuralstyle.transfer.regions import Region

StyleFit: TypeAlias = Literal["crop", "tile"]
Alpha: TypeAlias = Literal["ignore", "paint"]
ObjectiveFactory: TypeAlias = "Callable[..., ObjectiveLike]"


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """The first half of `Options`."""

    style_weights: Sequence[float] | None = option(
        None,
        "sequence of float",
        "Shares of the styles, equal by default. They are divided by their sum, so that of a "
        "single style has no effect: how much style there is, is up to the recipe's weights.",
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
        "(a VGG19 of random weights from `seed`), a network of `keras.applications` by its name, "
        '``"resnet50"``, a file of the weights of VGG16 or VGG19, or an extractor.',
        checks.network,
        flag="--network",
        short_help=f"{', '.join(NETWORKS)}, one of Keras', such as resnet50, or a file of weights "
        "(default: compact)",
        example="vgg16",
        parse=network_word,
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
    padding: Padding | None = option(
        None,
        '{"zeros", "reflect", "wrap"}',
        "Of the network: what it sees beyond the border of a picture. The mirror image if left "
        'out, or an extractor\'s own. With ``"wrap"`` the picture is a torus: its copies fit '
        "together side by side. Content and styles are none. Its sides must be multiples of the "
        "deepest layer's step at every scale: 16 with the default recipe.",
        checks.padding,
        flag="--padding",
        short_help="beyond the border: zeros, reflect (default) or wrap, for pictures to be tiled",
        example="zeros",
        parse=str,
        choices=PADDINGS,
    )
    dtype: Dtype = option(
        "float32",
        '{"float32", "bfloat16", "float16"}',
        "Precision of the network: in half, a VGG network takes less memory, and on a GPU less "
        "time. Pixels, statistics and losses are float32 in any.",
        checks.dtype,
        flag="--dtype",
        short_help="precision of the network (default: float32)",
        example="bfloat16",
        parse=str,
        choices=DTYPES,
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
    style_scale: float | Sequence[float] = option(
        1.0,
        "float or sequence of float",
        "Size of the style image over the size of the content: larger gives larger strokes. Or one "
        "for each style, those of `regions` last. A style image is never enlarged beyond its own "
        "size, which would add nothing but blur.",
        checks.scale,
        flag="--style-scale",
        short_help="larger gives larger strokes; one for all or for each STYLE (default: 1)",
        example="0.5",
        parse=words.positive,
        nargs="+",
        collect=words.one_or_more,
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
    alpha: Alpha = option(
        "ignore",
        '{"ignore", "paint"}',
        'What to do where a picture of four channels, RGBA, is transparent. ``"ignore"`` leaves '
        "out what is not seen: nothing is painted there, nothing is learnt of it, and the colours "
        'there are filled from around it. ``"paint"`` takes the colours that are there.',
        checks.alpha,
        flag="--alpha",
        short_help="leave out what is transparent (default: ignore), or paint the colours there",
        example="paint",
        parse=str,
        choices=("ignore", "paint"),
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
