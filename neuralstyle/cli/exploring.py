"""``--auto`` and ``--choose``: photographs painted with settings that a small sheet has shown."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralstyle.cli.inputs import Inputs
from neuralstyle.cli.messages import Failure, ask, silent_start, tell
from neuralstyle.cli.outputs import Output
from neuralstyle.cli.painting import one_after_another
from neuralstyle.cli.wording import flag

if TYPE_CHECKING:
    from neuralstyle._types import Floats
    from neuralstyle.optimize.result import StyleResult
    from neuralstyle.transfer.comparing.exploration import Exploration


def check(args: argparse.Namespace) -> None:
    """Refuse what does not go with a choice of settings."""
    if args.sheet:
        raise Failure("--sheet: expected it without --auto and --choose, which have their own")
    if args.choose and not (sys.stdin and sys.stdin.isatty()):
        raise Failure("--choose: expected a terminal to ask at; --auto chooses by itself")


def paint(
    args: argparse.Namespace,
    inputs: Inputs,
    output: Output,
    options: Mapping[str, Any],
    keywords: Mapping[str, Any],
) -> int:
    """Explore and paint one photograph after another; return the exit code."""
    with silent_start():
        from neuralstyle.optimize.result import Status
        from neuralstyle.transfer.checkpoint import in_folder, of_content
        from neuralstyle.transfer.comparing.explore import CELL_SIZE, Explorer
        from neuralstyle.transfer.stylize import stylize
    # The pictures to keep of every Nth iteration are those of the picture, not of the cells.
    tried = {n: value for n, value in options.items() if n not in ("callback", "checkpoint")}
    path = options.get("checkpoint")

    def painted(pictures: Iterator[Floats | None]) -> Iterator[StyleResult]:
        place = in_folder(path, of_content) if output.several else lambda content: path
        explorer = Explorer(inputs.styles, args.recipe, CELL_SIZE, {**keywords, **tried})

        def results() -> Iterator[StyleResult]:
            for content in pictures:
                try:
                    found = explorer.explore(content)
                except (KeyboardInterrupt, Exception) as error:
                    partial = vars(error).pop("partial_result", None)  # which is no result to save
                    if partial is not None:
                        sheet = _save(partial, output)
                        why = "broken off" if isinstance(error, Exception) else "interrupted"
                        tell(f"{sheet}: {why}, cells finished: {len(partial.cells)}")
                    raise
                number = _chosen(args, found, output)
                cell = found.cells[number]
                given = {**options, **cell.options, "checkpoint": place(content)}
                result = stylize(content, inputs.styles, **given)
                yield dataclasses.replace(result, settings={**result.settings, **cell.settings})
                if not args.quiet:
                    how = " ".join(f"{flag(name)} {x:g}" for name, x in cell.settings.items())
                    tell(f"{output.path}: number {number + 1} of {output.sheet}: {how}", prefix="")
                if result.status is Status.INTERRUPTED:
                    raise KeyboardInterrupt

        return results()

    return one_after_another(args, inputs, output, painted)


def _save(found: Exploration, output: Output) -> Path:
    """Save the sheet; return its place."""
    cells = [
        {**cell.settings, "rating": cell.rating, "score": dataclasses.asdict(cell.score)}
        for cell in found.cells
    ]
    about = {**output.made_by, "cells": cells, "best": found.best + 1}
    return output.save_beside(found.sheet, about)


def _chosen(args: argparse.Namespace, found: Exploration, output: Output) -> int:
    """Save the sheet; return the index of the cell that is to be painted."""
    sheet, cells = _save(found, output), found.cells
    if not args.choose:
        return found.best
    question = f"{sheet}: which number from 1 to {len(cells)} (Enter for {found.best + 1})?"
    while True:
        answer = ask(question)
        if answer is None:
            raise Failure("--choose: expected a number, received the end of the input")
        if not answer:
            return found.best
        if answer.isdecimal() and 1 <= int(answer) <= len(cells):
            return int(answer) - 1
