"""``neuralstyle doctor``: what pictures are made with here."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os

from neuralstyle._kernels.processor import ONEDNN
from neuralstyle.cli.messages import check_out, failure, out, silent_start
from neuralstyle.cli.parser import Parser

SUMMARY = "tell versions, processor, oneDNN, weights and speed, for reports of faults"
USAGE: tuple[str, ...] = ("neuralstyle doctor [--json]",)


def add_arguments(parser: Parser) -> None:
    """Add what the command takes."""
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace, command: str) -> int:
    """Print what was found; return the exit code."""
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
        found = dataclasses.replace(found, why=why)
    told = json.dumps(dataclasses.asdict(found), indent=2) if args.json else str(found)
    out(f"{told}\n")
    return 0
