"""``neuralstyle doctor``: what pictures are made with here."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os

from neuralstyle._kernels.processor import ONEDNN, onednn_by_default
from neuralstyle.cli.messages import Failure, check_out, failure, out, silent_start
from neuralstyle.cli.parser import Parser

SUMMARY = "tell versions, processor, memory, weights and speed, and what would be faster"
USAGE: tuple[str, ...] = ("neuralstyle doctor [--json | --issue]",)


def add_arguments(parser: Parser) -> None:
    """Add what the command takes."""
    add = parser.add_argument
    add("--json", action="store_true", help="print it as JSON")
    add("--issue", action="store_true", help="print a text for a report of a fault, without paths")


def run(args: argparse.Namespace, command: str) -> int:
    """Print what was found; return the exit code."""
    if args.json and args.issue:
        raise Failure("--issue: expected it without --json")
    check_out()
    by_user = ONEDNN in os.environ
    with silent_start():
        from neuralstyle.transfer.doctor import doctor

        try:
            found = doctor()
        except Exception as error:
            raise failure(error) from error
    if not by_user and ONEDNN in os.environ:
        why = f"{found.why}, set by the command line; other programs have TensorFlow's choice"
        variables = {name: of for name, of in found.environment.items() if name != ONEDNN}
        found = dataclasses.replace(found, why=why, environment=variables)
        if onednn_by_default() is False and not found.gpus:
            mine = f"in programs of your own set {ONEDNN}=1 before TensorFlow is imported"
            found = dataclasses.replace(found, advice=(mine, *found.advice))
    told = found.report() if args.issue else str(found)
    if args.json:
        told = json.dumps(dataclasses.asdict(found), indent=2)
    out(f"{told}\n")
    return 0
