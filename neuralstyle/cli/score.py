"""``neuralstyle score``: how much of the style, and of the photograph, a picture has."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys

from neuralstyle.cli.arguments import add_max_pixels, of_option
from neuralstyle.cli.inputs import largest, read
from neuralstyle.cli.messages import check_out, failure, out, refusing, silent_start
from neuralstyle.cli.parser import Keep, Parser
from neuralstyle.images.load import covering
from neuralstyle.transfer.options.options import options
from neuralstyle.transfer.scales import SHORTEST_SIDE
from neuralstyle.transfer.score import score

SUMMARY = "tell how much of the style and of the photograph a picture has"
USAGE: tuple[str, ...] = ("neuralstyle score PICTURE CONTENT STYLE [options]",)

HELP = {
    "network": "compare features too: as paint's, compact for instance (default: none)",
    "size": "longer side at which all are compared (default: PICTURE's or CONTENT's)",
    "style_scale": "as it was painted with (default: 1)",
}
"""The options of `stylize` that are taken, and what they mean here."""


def add_arguments(parser: Parser) -> None:
    """Add what the command takes."""
    parser.set_defaults(options={})
    parser.add_argument("picture", metavar="PICTURE", help="what was painted")
    parser.add_argument("content", metavar="CONTENT", help="the photograph")
    parser.add_argument("style", metavar="STYLE", help="the painting")
    for name, help in HELP.items():
        option = options()[name]
        parser.add_argument(
            str(option.flag),
            dest=name,
            action=Keep,
            read=of_option(option),
            into="options",
            metavar=option.metavar,
            help=help,
        )
    add_max_pixels(parser)
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    parser.epilog = "All numbers are 1 for the photograph itself: nothing done."


def run(args: argparse.Namespace, command: str) -> int:
    """Print the numbers; return the exit code."""
    check_out()
    with refusing():
        size = args.options.get("size", sys.maxsize)
        picture, _ = read(args, args.picture, covering(size))
        # Larger than the picture it is not looked at.
        side = min(size, max(picture.shape[:2]))
        content, _ = read(args, args.content, covering(side))
        scale = max(1.0, largest(args, "style_scale", 1.0))
        style, _ = read(args, args.style, covering(max(SHORTEST_SIDE, math.ceil(side * scale))))
    try:
        if "network" in args.options:
            with silent_start():
                import neuralstyle.features.vgg.vgg  # noqa: F401
        found = score(picture, content, style, **args.options)
    except Exception as error:
        raise failure(error) from error
    if args.json:
        # What is not a number has no name in JSON.
        numbers = dataclasses.asdict(found).items()
        known = {name: of for name, of in numbers if of is not None}
        told = json.dumps({k: None if _is_nan(v) else v for k, v in known.items()}, indent=2)
    else:
        told = str(found)
    out(f"{told}\n")
    return 0


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
