"""``neuralstyle paint``: photographs in the style of paintings."""

from __future__ import annotations

import argparse
import shlex

from neuralstyle.cli import estimating, exploring, painting
from neuralstyle.cli.arguments import (
    add_auto,
    add_dry_run,
    add_output,
    add_painting,
    add_sheet,
    add_strength,
    add_web,
    explores,
    recipe_keywords,
)
from neuralstyle.cli.inputs import places, read_inputs
from neuralstyle.cli.messages import Failure
from neuralstyle.cli.outputs import Output
from neuralstyle.cli.parser import Gone, Parser

SUMMARY = "paint photographs in the style of one or several pictures (the default)"
USAGE: tuple[str, ...] = (
    "neuralstyle [paint] CONTENT STYLE [STYLE ...] -o OUT [options]",
    "neuralstyle [paint] CONTENT [CONTENT ...] --style STYLE [STYLE ...] -o OUT [options]",
)

_FILM = "neuralstyle film FRAME ... --style STYLE ... --flows FLOW ... -o FOLDER"
_GONE = {"--flows": _FILM, "--temporal-weight": f"{_FILM} --temporal-weight {{}}"}


def add_arguments(parser: Parser) -> None:
    """Add what the command takes."""
    add = parser.add_argument
    add("pictures", metavar="CONTENT", nargs="*", help="the photograph, or several with --style")
    add("--style", metavar="STYLE", nargs="+", help="the painting or paintings")
    out = ".png, .jpg, .tif or .webp, - for standard output, or a folder for a .png of each CONTENT"
    add_output(parser, out)
    add_painting(parser)
    add_strength(parser)
    add_sheet(parser)
    add_auto(parser)
    add_dry_run(parser)
    add_web(parser)
    for gone, now in _GONE.items():
        add(gone, action=Gone, now=now)


def run(args: argparse.Namespace, command: str) -> int:
    """Paint; return the exit code."""
    keywords = recipe_keywords(args)
    if args.dry_run:
        estimating.check(args)
    if explores(args):
        exploring.check(args)
    contents, styles = _arranged(args)
    jobs = places(contents, args.output)
    if args.sheet and len(jobs) > 1:
        raise Failure("--sheet: expected one CONTENT")
    painting.check_web(args, len(jobs))
    inputs = read_inputs(args, jobs, styles)
    output = Output(args, command, several=len(jobs) > 1)
    options = painting.settings(args, inputs, output)
    make = painting.sheet if args.sheet else painting.paint
    if explores(args):
        make = exploring.paint
    if args.dry_run:
        make = estimating.estimate
    return make(args, inputs, output, options, keywords)


def _arranged(args: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return the names of the contents and of the styles."""
    if args.style is None:
        if len(args.pictures) < 2 and not (args.pictures and args.region):
            raise Failure("expected CONTENT and STYLE; see neuralstyle --help")
        return args.pictures[:1], args.pictures[1:]
    if not args.pictures:
        texture = shlex.join(["neuralstyle", "texture", *args.style, "-o", args.output])
        raise Failure(f"expected CONTENT; for a texture, since version 0.2 write {texture}")
    return args.pictures, args.style
