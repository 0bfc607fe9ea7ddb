"""``neuralstyle film``: frames painted along the optical flow, so that strokes stay."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import cast

from neuralstyle._types import Floats
from neuralstyle.cli import painting
from neuralstyle.cli.arguments import (
    add_output,
    add_painting,
    add_strength,
    reading,
    recipe_keywords,
)
from neuralstyle.cli.inputs import load_flow, photographs, places, read_inputs
from neuralstyle.cli.messages import Failure, failure, refusing, silent_start
from neuralstyle.cli.outputs import Output
from neuralstyle.cli.parser import Keep, Parser
from neuralstyle.cli.paths import STANDARD
from neuralstyle.images.load import is_animation
from neuralstyle.transfer.options import words
from neuralstyle.transfer.recipes import RECIPES

SUMMARY = "paint the frames of a film such that what moves keeps its strokes"
USAGE: tuple[str, ...] = (
    "neuralstyle film FRAME [FRAME ...] --style STYLE [STYLE ...] --flows FLOW [FLOW ...] "
    "-o FOLDER [options]",
)


def add_arguments(parser: Parser) -> None:
    """Add what the command takes."""
    add = parser.add_argument
    add("frames", metavar="FRAME", nargs="+", help="the frames in order, all of one size")
    add("--style", metavar="STYLE", nargs="+", required=True, help="the painting or paintings")
    flows = ".npy or .npz files, one for each frame after the first: see the documentation"
    add("--flows", nargs="+", default=[], metavar="FLOW", help=flows)
    add_output(parser, "a folder for a .png of each FRAME")
    steady = "of the loss that holds strokes where they are: more is steadier"
    read = reading(words.amount)
    add("--temporal-weight", action=Keep, read=read, metavar="W", help=steady)
    add_painting(parser)
    add_strength(parser)


def run(args: argparse.Namespace, command: str) -> int:
    """Paint the frames; return the exit code."""
    keywords = recipe_keywords(args)
    first = args.frames[0]
    with refusing():
        if first != str(STANDARD) and is_animation(first, args.max_pixels):
            raise Failure(
                f"FRAME: expected a picture for each frame, received the animation {first!r}; "
                "take it apart first, by ffmpeg, say"
            )
    if len(args.flows) != len(args.frames) - 1:
        raise Failure(
            f"--flows: expected {len(args.frames) - 1}, one for each frame after the first, "
            f"received {len(args.flows)}"
        )
    if args.output == str(STANDARD):
        raise Failure("-o: expected a folder, received -")
    jobs = places(args.frames, args.output, folder=True)
    inputs = read_inputs(args, jobs, args.style)
    output = Output(args, command, several=True)
    options = painting.settings(args, inputs, output)
    if args.temporal_weight is not None:
        options["temporal_weight"] = args.temporal_weight
    with silent_start():
        from neuralstyle.transfer.frames import stylize_frames
    frames = cast("Iterator[Floats]", photographs(args, inputs, output, skip=False))
    flows = (load_flow(name) for name in args.flows)
    try:
        recipe = RECIPES[args.recipe](**keywords)
        results = stylize_frames(frames, inputs.styles, flows, recipe=recipe, **options)
        return painting.finish(results, output)
    except Failure:
        raise
    except Exception as error:
        raise failure(error) from error
