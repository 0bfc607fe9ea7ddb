"""``neuralstyle texture``: the style alone, without a photograph."""

from __future__ import annotations

import argparse
from pathlib import Path

from neuralstyle.cli import estimating, painting
from neuralstyle.cli.arguments import (
    DEFAULT_SIZE,
    add_dry_run,
    add_output,
    add_painting,
    add_sheet,
    add_web,
    recipe_keywords,
)
from neuralstyle.cli.inputs import read_inputs
from neuralstyle.cli.messages import Failure
from neuralstyle.cli.outputs import Output
from neuralstyle.cli.parser import Parser

SUMMARY = "make a texture of one or several pictures"
USAGE: tuple[str, ...] = ("neuralstyle texture STYLE [STYLE ...] -o OUT [options]",)


def add_arguments(parser: Parser) -> None:
    """Add what the command takes."""
    parser.add_argument("styles", metavar="STYLE", nargs="*", help="the painting or paintings")
    add_output(parser, ".png, .jpg, .tif or .webp, or - for standard output")
    add_painting(parser)
    add_sheet(parser)
    add_dry_run(parser)
    add_web(parser)


def run(args: argparse.Namespace, command: str) -> int:
    """Make a texture, or a sheet of some; return the exit code."""
    keywords = {"content_weight": 0.0, **recipe_keywords(args)}
    if args.dry_run:
        estimating.check(args)
    painting.check_web(args, 1)
    if not args.styles and not args.region:
        raise Failure("expected STYLE; see neuralstyle texture --help")
    inputs = read_inputs(args, [(None, Path(args.output))], args.styles)
    output = Output(args, command, several=False)
    options = painting.settings(args, inputs, output)
    if not args.sheet:
        pictures = [region[0] for region in inputs.regions] or inputs.styles
        options.setdefault("size", min(DEFAULT_SIZE, max(pictures[0].shape[:2])))
    make = painting.sheet if args.sheet else painting.paint
    if args.dry_run:
        make = estimating.estimate
    return make(args, inputs, output, options, keywords)
