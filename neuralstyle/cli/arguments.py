"""The arguments of the commands that paint, made from the library's own lists without Keras.

Flags of options come from `Options`, those of weights and layers from the signatures of `RECIPES`.
A run hands on what was given and nothing else, so that every default is the library's.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neuralstyle._checks import number, shown, whole_number
from neuralstyle.cli.messages import Failure
from neuralstyle.cli.parser import Gone, Keep, Parser, Read
from neuralstyle.cli.wording import flag
from neuralstyle.images.load import MAX_PIXELS
from neuralstyle.images.save import save_image
from neuralstyle.transfer.options import words
from neuralstyle.transfer.options.names import did_you_mean
from neuralstyle.transfer.options.options import Option, options
from neuralstyle.transfer.recipes import RECIPES

DEFAULT_SIZE = 512
"""Longer side of a result at the most, unless a size is given."""

_LAYERS = (str, Mapping, list, tuple)
"""Kinds of defaults of those keywords of recipes that are layers."""

_GONE = {
    "--weights": "--network {}",
    "--preset": "--recipe {}",
    "--shares": "--balance {}",
    "--maxcor": "--method l-bfgs:maxcor={}",
}
"""Flags of version 0.1, and what is written now."""


def reading(
    parse: Callable[[str], Any],
    check: Callable[[str, Any], Any] | None = None,
    collect: Callable[[list[Any]], Any] | None = None,
    several: bool = False,
) -> Read:
    """Return what reads a flag's words: each is parsed, they are collected, the value is checked.

    Examples
    --------
    >>> reading(int, several=True)("--sizes", ["1", "2"])
    [1, 2]
    """

    def read(flag: str, texts: Sequence[str]) -> Any:
        try:
            values = [parse(text) for text in texts]
            value = values if several else values[0]
            if collect is not None:
                value = collect(values)
        except ValueError as error:
            raise ValueError(f"{flag}: {error}") from error
        return value if check is None else check(flag, value)

    return read


def of_option(option: Option) -> Read:
    """Return what reads an option's words."""
    return reading(_parse(option), option.check, option.collect, several=option.nargs is not None)


def _parse(option: Option) -> Callable[[str], Any]:
    """Return what reads a word of an option: None, which a check may take, has no word."""
    return words.among(option.choices) if option.choices else option.parse or str


def of_sheet(option: Option) -> Read:
    """Return what reads an option's value from one word, and leaves it as it was written."""
    read = reading(_parse(option), collect=option.collect)

    def as_written(flag: str, texts: Sequence[str]) -> Any:
        value = read(flag, texts)
        option.check(flag, value)
        return value

    return as_written


def of_keyword(default: Any) -> Read:
    """Return what reads a keyword of a recipe: a weight, or layers with weights or without."""
    if isinstance(default, _LAYERS):
        return reading(str, collect=_layers, several=True)
    return reading(words.amount)


def keywords() -> dict[str, dict[str, Any]]:
    """Return the keywords of all recipes, each with its default in every recipe that takes it."""
    found: dict[str, dict[str, Any]] = {}
    for name, recipe in RECIPES.items():
        for keyword, parameter in inspect.signature(recipe).parameters.items():
            found.setdefault(keyword, {})[name] = parameter.default
    return found


def add_painting(parser: Parser) -> None:
    """Add what every command that paints takes: options, recipe, regions, and about the output."""
    parser.set_defaults(options={}, keywords={})
    for name, option in options().items():
        if option.flag is not None:
            parser.group(f"the {option.group}").add_argument(
                option.flag,
                dest=name,
                action=Keep,
                read=of_option(option),
                into="options",
                nargs=option.nargs,
                metavar=option.metavar or option.choices and f"{{{','.join(option.choices)}}}",
                help=option.short_help,
            )
    add = parser.group("the recipe").add_argument
    recipes = f"what to minimise: {', '.join(RECIPES)} (default: {next(iter(RECIPES))})"
    add("--recipe", choices=RECIPES, default=next(iter(RECIPES)), metavar="NAME", help=recipes)
    for name, defaults in keywords().items():
        layers = any(isinstance(value, _LAYERS) for value in defaults.values())
        of = ", ".join(k if layers else f"{v:g} in {k}" for k, v in defaults.items())
        add(
            flag(name),
            dest=name,
            action=Keep,
            read=of_keyword(next(iter(defaults.values()))),
            into="keywords",
            nargs="+" if layers else None,
            metavar="LAYER[:WEIGHT]" if layers else "W",
            help=f"in {of}" if layers else of,
        )

    add = parser.group("parts of the picture with styles of their own").add_argument
    region = "MASK STYLE [STYLE_MASK] [WEIGHT], once for each part: paint as STYLE, or as its part "
    region += "that is white in STYLE_MASK, where MASK is white"
    add("--region", nargs="+", action="append", default=[], metavar=("MASK", "STYLE"), help=region)
    labels = "pictures of plain colours, the same for what belongs together in CONTENT and STYLE"
    add("--labels", nargs=2, metavar=("OF_CONTENT", "OF_STYLE"), help=labels)

    add_max_pixels(parser)
    add = parser.group("the output").add_argument
    add("--json", action="store_true", help="print what was made, and how, on standard output")
    every = reading(words.whole())
    of = "keep the picture of every Nth iteration"
    add("--save-every", action=Keep, read=every, metavar="N", help=of)
    add("--log", metavar="FILE", help="write settings, versions and losses to a JSON file")
    page = "write a page about the run; for several pictures FILE_NAME.html for each"
    add("--report", metavar="FILE.html", help=page)
    film = "write a film of the picture as it was painted: .gif, .webp, or, with ffmpeg, .mp4"
    add("--making-of", metavar="FILE", help=film)
    quality = reading(words.whole(), lambda name, value: whole_number(name, value, 1, 100))
    usual = inspect.signature(save_image).parameters["quality"].default
    of = f"of .jpg and .webp (default: {usual})"
    add("--quality", action=Keep, read=quality, default=usual, metavar="N", help=of)
    for gone, now in _GONE.items():
        parser.add_argument(gone, action=Gone, now=now)
    parser.epilog = f"Without --size a result has at most {DEFAULT_SIZE} pixels on its longer side."


def add_max_pixels(parser: Parser) -> None:
    """Add up to which size pictures are read."""
    read = reading(words.whole())
    of = f"refuse pictures of more pixels (default: {MAX_PIXELS})"
    parser.add_argument(
        "--max-pixels", action=Keep, read=read, default=MAX_PIXELS, metavar="N", help=of
    )


def add_output(parser: Parser, help: str) -> None:
    """Add where the result goes."""
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help=help)


def add_strength(parser: Parser) -> None:
    """Add a plain word for the weight of the content."""
    strength = "0 keeps the photograph, 1 frees the brush (default: 0.5, the recipe's weights)"
    read = reading(words.amount, lambda name, value: number(name, value, 0, most=1))
    add = parser.group("the recipe").add_argument
    add("--strength", action=Keep, read=read, metavar="F", help=strength)


def add_sheet(parser: Parser) -> None:
    """Add what makes a contact sheet."""
    sheet = "a sheet of small results over one setting or two; style stands for each STYLE"
    add = parser.group("the output").add_argument
    add("--sheet", nargs="+", metavar="SETTING=VALUE,VALUE,...", help=sheet)


def add_web(parser: Parser) -> None:
    """Add what shows the picture in a browser while it is painted."""
    read = reading(words.whole(0))
    web = "show the picture as it grows in a browser of this machine, with buttons to stop, save "
    web += "and change weights; at a port that is free, or at PORT"
    add = parser.group("the output").add_argument
    add("--web", action=Keep, read=read, nargs="?", const="0", metavar="PORT", help=web)


def add_auto(parser: Parser) -> None:
    """Add what tries some settings before it paints."""
    auto = "try three stroke sizes and three content weights small, and paint with the best; the "
    auto += "sheet of them is saved beside OUT"
    choose = "the same, but the choice is yours, by the number in the sheet"
    add = parser.group("the output").add_argument
    add("--auto", action="store_true", help=auto)
    add("--choose", action="store_true", help=choose)


def add_dry_run(parser: Parser) -> None:
    """Add the option that asks what a run would take."""
    dry = "tell what memory and time it would take, and paint nothing"
    parser.add_argument("--dry-run", action="store_true", help=dry)


def explores(args: argparse.Namespace) -> bool:
    """Return whether settings are tried before anything is painted."""
    return getattr(args, "auto", False) or getattr(args, "choose", False)


def recipe_keywords(args: argparse.Namespace) -> dict[str, Any]:
    """Return the weights and layers that were given, if the recipe takes them."""
    takes = inspect.signature(RECIPES[args.recipe]).parameters
    given = dict(args.keywords)
    for name in given:
        if name not in takes:
            raise Failure(
                f"{flag(name)} does not go with the recipe {args.recipe}; "
                f"it takes {', '.join(map(flag, takes))}"
            )
    strength = getattr(args, "strength", None)
    if strength is not None:
        if "content_weight" in given:
            raise Failure("--strength: expected it without --content-weight")
        given["content_weight"] = takes["content_weight"].default * 100 ** (0.5 - strength)
    return given


def sheet_settings(args: argparse.Namespace, styles: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """Return the settings of a contact sheet with their values, read as their flags read them."""
    known: dict[str, Read] = {
        name: of_sheet(option)
        for name, option in options().items()
        if option.flag is not None and name != "checkpoint"
    }
    for name, parameter in inspect.signature(RECIPES[args.recipe]).parameters.items():
        known[name] = of_keyword(parameter.default)
    flags = {option.flag: name for name, option in options().items()}
    settings: dict[str, Sequence[Any]] = {}
    for text in args.sheet:
        given, _, values = text.partition("=")
        name = flags.get(flag(given), given.replace("-", "_"))
        if (name == "style") == bool(values):
            raise Failure(
                f"--sheet: expected SETTING=VALUE,VALUE,... or style, received {shown(text)}"
            )
        if name == "style":
            settings[name] = styles
        elif name in known:
            read = known[name]
            settings[name] = [_or_none(read, name, value) for value in values.split(",")]
        else:
            raise Failure(
                f"--sheet: there is no setting {given!r}; there are style, {', '.join(known)}"
                f"{did_you_mean(name, ['style', *known])}"
            )
    return settings


def _or_none(read: Read, name: str, text: str) -> Any:
    """Read a value of a sheet's setting."""
    return None if text == "none" else read(f"--sheet {name}", [text])


def _layers(texts: Sequence[str]) -> list[str] | dict[str, float]:
    """Return layers, all with a weight or none."""
    pairs = [item.partition(":") for text in texts for item in text.split(",")]
    names = [name for name, _, _ in pairs]
    weights = {name: words.amount(weight) for name, colon, weight in pairs if colon}
    if len(set(names)) < len(names) or (weights and len(weights) < len(pairs)):
        raise ValueError("expected different layers, all with a weight or none")
    return weights or names
