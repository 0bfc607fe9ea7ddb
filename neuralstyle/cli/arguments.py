"""The arguments of the command line, checked without importing TensorFlow."""

from __future__ import annotations

import argparse
import contextlib
import functools
import math
import re
from typing import Any, NoReturn

from neuralstyle import __version__

DEFAULT_SIZE = 512
SHEET_SIZE = 192
NETWORKS = ("auto", "imagenet", "compact", "random")
STARTS = ("content", "style", "noise")
COLORS = (
    *("match", "match-symmetric", "match-cholesky", "match-histogram"),
    *("luminance", "content", "only"),
)
METHODS = ("l-bfgs", "l-bfgs-b", "adam")

_TWO = ("content_weight", "style_weight")
_LAYER_LISTS = ("content_layers", "style_layers")
PRESETS = {
    "default": (*_TWO, "patch_weight", "color_weight", "tv_weight", *_LAYER_LISTS),
    "gatys2016": _TWO,
    "neural_style": (*_TWO, "tv_weight"),
    "keras_example": (*_TWO, "tv_weight"),
    "risser2017": (*_TWO, "tv_weight"),
}
"""The recipes of `neuralstyle.presets` and their parameters."""

# This lets conv1_3 and the like pass, which the library refuses.
LAYER = re.compile(r"input|block[1-5]_(conv[1-4]|pool)|(conv|relu)[1-5]_[1-4]|pool[1-5]")


class Failure(Exception):
    """Ends the program with a sentence and an exit code: 2 for wrong use, 1 for a failed run."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.code = code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Failure(f"{message}; see neuralstyle --help")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    takes = "\n".join(f"  {name}: {' '.join(_flags(*names))}" for name, names in PRESETS.items())
    made = _Parser(
        prog="neuralstyle",
        usage="%(prog)s CONTENT STYLE [STYLE ...] -o OUT [options]\n"
        "       %(prog)s [CONTENT ...] --style STYLE [STYLE ...] -o OUT [options]",
        description="Paint photographs in the style of one or several pictures. Several CONTENTs "
        "go into a folder; with none, the result is a texture of the style.",
        epilog=f"the presets, and which weights and layers each of them takes:\n{takes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("pictures", metavar="CONTENT", nargs="*", help="the photograph, or several with --style")
    add("--style", metavar="STYLE", nargs="+", help="the painting or paintings")
    out = ".png, .jpg, .tif or .webp, - for standard output, or a folder for a .png of each CONTENT"
    add("-o", "--output", metavar="OUT", required=True, help=out)
    add("--version", action="version", version=f"neuralstyle {__version__}")

    add = made.add_argument_group("the run").add_argument
    size = f"longer side of the result (default: CONTENT's, but {DEFAULT_SIZE} at most)"
    add("--size", type=_whole, metavar="N", help=size)
    each = "at every scale, or at each from coarse to fine; the last number repeats"
    add("--iterations", type=_whole, nargs="+", metavar="N", help=each)
    add("--scales", type=_whole, metavar="N", help="sizes to work at, each twice the one before")
    networks = f"{', '.join(NETWORKS)}, or a file (default: auto, imagenet if it can be had)"
    add("--weights", default="auto", metavar="NETWORK", help=networks)
    add("--pooling", choices=("avg", "max"))
    start = f"{', '.join(STARTS)}, a mixture such as content:0.8,noise:0.2, or a picture"
    add("--init", type=_start, metavar="START", help=start)
    add("--seed", type=functools.partial(_whole, least=0), default=0, metavar="N")
    add("--method", choices=METHODS, help="the optimiser (default: l-bfgs)")
    add("--maxcor", type=_whole, metavar="N", help="corrections that L-BFGS remembers")
    add("--ftol", type=_number, metavar="F", help="stop when the loss falls by less than F of it")
    still = "stop when the picture changes by less than F grey levels on average"
    add("--xtol", type=_number, metavar="F", help=still)

    add = made.add_argument_group("the style").add_argument
    add("--preset", choices=PRESETS, default="default", help="the losses to minimise: see below")
    for name in PRESETS["default"]:
        if name in _LAYER_LISTS:
            add(*_flags(name), type=_layers, nargs="+", metavar="LAYER[:WEIGHT]")
        else:
            add(*_flags(name), type=_number, metavar="W")
    strength = "0 keeps the photograph, 1 frees the brush (default: 0.5, the preset's weights)"
    add("--strength", type=_fraction, metavar="F", help=strength)
    add("--style-weights", type=_number, nargs="+", metavar="W", help="shares of the STYLEs")
    strokes = "larger gives larger strokes (default: 1)"
    add("--style-scale", type=_positive, default=1.0, metavar="F", help=strokes)
    fit = "cut a STYLE that is larger than CONTENT, or repeat one that is smaller"
    add("--style-fit", choices=("crop", "tile"), help=fit)
    add("--color", choices=COLORS, help="what to do about colours: see the documentation")
    shares = "shares of the terms in the pull on the pixels, in place of weights"
    add("--shares", type=_share, nargs="+", metavar="TERM:SHARE", help=shares)

    add = made.add_argument_group("parts of the picture with styles of their own").add_argument
    region = "MASK STYLE [STYLE_MASK] [WEIGHT], once for each part: paint as STYLE, or as its part "
    region += "that is white in STYLE_MASK, where MASK is white"
    add("--region", nargs="+", action="append", default=[], metavar=("MASK", "STYLE"), help=region)
    labels = "pictures of plain colours, the same for what belongs together in CONTENT and STYLE"
    add("--labels", nargs=2, metavar=("OF_CONTENT", "OF_STYLE"), help=labels)

    add = made.add_argument_group("a film, of which the CONTENTs are the frames").add_argument
    flows = ".npy or .npz files, one for each frame after the first: see the documentation"
    add("--flows", nargs="+", metavar="FLOW", help=flows)
    add("--temporal-weight", type=_number, default=1.0, metavar="W", help="steadiness (default: 1)")

    add = made.add_argument_group("the output").add_argument
    sheet = "a sheet of small results over one setting or two; style stands for each STYLE"
    add("--sheet", type=_setting, nargs="+", metavar="SETTING=VALUE,VALUE,...", help=sheet)
    add("--json", action="store_true", help="print what was made, and how, on standard output")
    add("--save-every", type=_whole, metavar="N", help="keep the picture of every Nth iteration")
    add("--log", metavar="FILE", help="write settings, versions and losses to a JSON file")
    quality = functools.partial(_whole, most=100)
    add("--quality", type=quality, default=95, metavar="N", help="of .jpg and .webp (default: 95)")
    add("--quiet", action="store_true", help="say nothing unless something is wrong")
    return made


def _flags(*names: str) -> list[str]:
    return [f"--{name.replace('_', '-')}" for name in names]


def _whole(text: str, least: int = 1, most: int | None = None) -> int:
    number = int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
    if number < least or (most is not None and number > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise argparse.ArgumentTypeError(f"expected a whole number {limits}, received {text!r}")
    return number


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, received {text!r}")
    return number


def _positive(text: str) -> float:
    if _number(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, received {text!r}")
    return float(text)


def _fraction(text: str) -> float:
    if _number(text) > 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, received {text!r}")
    return float(text)


def _setting(text: str) -> tuple[str, list[Any]]:
    """Return the name of a setting and the values to try: numbers, where they are."""
    name, _, values = text.partition("=")
    name = name.removeprefix("--").replace("-", "_")
    if (name == "style") == bool(values):
        raise argparse.ArgumentTypeError(
            f"expected SETTING=VALUE,VALUE,... or style, received {text!r}"
        )
    return name, [_value(value) for value in values.split(",")]


def _value(text: str) -> Any:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return None if text == "none" else text


def _share(text: str) -> tuple[str, float]:
    name, colon, share = text.rpartition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"expected TERM:SHARE, received {text!r}")
    return name, _number(share)


def _start(text: str) -> str | dict[str, float]:
    """Return a name, a file, or a mixture of names."""
    pairs = [item.partition(":") for item in text.split(",")]
    if not all(name in STARTS and share for name, _, share in pairs):
        return text
    return {name: _number(share) for name, _, share in pairs}


def _layers(text: str) -> list[tuple[str, float | None]]:
    pairs = [item.partition(":") for item in text.split(",")]
    for name, _, _ in pairs:
        if not LAYER.fullmatch(name):
            raise argparse.ArgumentTypeError(
                f"there is no layer {name!r}; there are input, block1_conv1 to block5_conv4 and "
                "block1_pool to block5_pool, or conv4_2, relu4_2, pool4 in the literature's names"
            )
    return [(name, _number(weight) if colon else None) for name, colon, weight in pairs]


def arrange(args: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return the names of the contents and of the styles."""
    if args.style is not None:
        return args.pictures, args.style
    if len(args.pictures) < 2 and not args.region:
        raise Failure("expected CONTENT and STYLE, or --style STYLE; see neuralstyle --help")
    return args.pictures[:1], args.pictures[1:]


def region_options(args: argparse.Namespace) -> list[tuple[str, str, str | None, float]]:
    """Return the files of every region's mask, style and style's mask, and its weight."""
    regions = []
    for mask, *given in args.region:
        weight = 1.0
        # The last may be a number; a file that is called like one has a folder: ./2
        if len(given) > 1 and re.fullmatch(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", given[-1]):
            weight = float(given.pop())
        if not 1 <= len(given) <= 2:
            raise Failure("--region: expected MASK STYLE [STYLE_MASK] [WEIGHT]")
        regions.append((mask, given[0], given[1] if len(given) > 1 else None, weight))
    return regions


def recipe_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the weights and layers that were given, if the preset takes them."""
    given = {k: v for k in PRESETS["default"] if (v := getattr(args, k)) is not None}
    for name, value in given.items():
        (flag,) = _flags(name)
        if name not in PRESETS[args.preset]:
            takes = ", ".join(_flags(*PRESETS[args.preset]))
            raise Failure(f"{flag} does not go with the preset {args.preset}; it takes {takes}")
        if name in _LAYER_LISTS:
            pairs = [pair for several in value for pair in several]
            weights = {layer: weight for layer, weight in pairs if weight is not None}
            if weights and len(weights) < len(pairs):
                raise Failure(f"{flag}: expected different layers, all with a weight or none")
            given[name] = weights or [layer for layer, _ in pairs]
    return given
