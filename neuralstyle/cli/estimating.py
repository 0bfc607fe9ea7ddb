"""``--dry-run``: what painting would take of memory and time, and nothing painted."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from neuralstyle.cli.inputs import Inputs, photographs
from neuralstyle.cli.messages import Failure, check_out, failure, out, silent_start
from neuralstyle.cli.outputs import Output
from neuralstyle.transfer.recipes import RECIPES

WITHOUT = ("callback", "progress", "checkpoint")
"""Options of a run that are nothing to its estimate."""


def check(args: argparse.Namespace) -> None:
    """Refuse what is not one picture after another."""
    for flag in ("sheet", "auto", "choose"):
        if getattr(args, flag, None):
            raise Failure(f"--dry-run: expected none of --{flag}, which paints to find out")
    if args.web is not None:
        raise Failure("--web: expected none with --dry-run, which paints nothing to be seen")


def estimate(
    args: argparse.Namespace,
    inputs: Inputs,
    output: Output,
    options: Mapping[str, Any],
    keywords: Mapping[str, Any],
) -> int:
    """Tell of one picture after another what it would take; return the exit code.

    It is 1 if one of them does not fit into memory.
    """
    check_out()
    with silent_start():
        from neuralstyle.transfer.estimate_memory import estimate_memory
    recipe = RECIPES[args.recipe](**keywords)
    rest = {name: value for name, value in options.items() if name not in WITHOUT}
    fit = True
    for content in photographs(args, inputs, output):
        try:
            found = estimate_memory(content, inputs.styles, recipe=recipe, **rest)
        except Exception as error:
            raise failure(error) from error
        told = {**dataclasses.asdict(found), "fits": found.fits}
        out(f"{json.dumps(told) if args.json else found}\n")
        fit = fit and found.fits
    return 0 if fit else 1
