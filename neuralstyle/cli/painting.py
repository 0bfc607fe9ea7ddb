"""What the commands that paint have in common: from what was read to the library's call."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from neuralstyle.cli.arguments import sheet_settings
from neuralstyle.cli.inputs import Inputs, photographs
from neuralstyle.cli.messages import Failure, failure, refusing, silent_start, tell
from neuralstyle.cli.outputs import Output
from neuralstyle.optimize.interruption import held, interruption
from neuralstyle.transfer.recipes import RECIPES

if TYPE_CHECKING:
    from neuralstyle._types import Floats
    from neuralstyle.optimize.result import StyleResult


def settings(args: argparse.Namespace, inputs: Inputs, output: Output) -> dict[str, Any]:
    """Return the options of the library's call, but for the recipe: those that were given.

    Examples
    --------
    >>> args = argparse.Namespace(options={"size": 64}, save_every=None, quiet=True)
    >>> given = settings(args, Inputs([], (None, None), [], []), Output(args, "", False))
    >>> sorted(given)
    ['callback', 'progress', 'size']
    """
    given = {**args.options, "progress": not args.quiet}
    if not getattr(args, "sheet", None):
        given["callback"] = output
    if inputs.regions:
        with silent_start():
            from neuralstyle.transfer.regions import Region
        with refusing():
            given["regions"] = [_region(Region, k, *of) for k, of in enumerate(inputs.regions)]
    return given


def check_web(args: argparse.Namespace, count: int) -> None:
    """Refuse a page about several pictures, and one that nobody is told of."""
    if args.web is None:
        return
    if count > 1:
        raise Failure("--web: expected one CONTENT, as the page is about one picture")
    if args.sheet:
        raise Failure("--web: expected it without --sheet, whose cells are many pictures")
    if args.quiet:
        raise Failure("--web: expected it without --quiet, which would not tell its address")


def _region(make: Callable[..., Any], number: int, *parts: Any) -> Any:
    """Make a region; what is wrong with it is told with its number."""
    try:
        return make(*parts)
    except (TypeError, ValueError) as error:
        raise type(error)(f"regions[{number}], {error}") from error


def paint(
    args: argparse.Namespace,
    inputs: Inputs,
    output: Output,
    options: Mapping[str, Any],
    keywords: Mapping[str, Any],
) -> int:
    """Paint one picture after another; return the exit code."""
    with silent_start():
        from neuralstyle.transfer.stylize import stylize, stylize_many

    def painted(pictures: Iterator[Floats | None]) -> Iterator[StyleResult]:
        recipe = RECIPES[args.recipe](**keywords)
        if "checkpoint" in options and not output.several:  # a file, where several have a folder
            return (stylize(of, inputs.styles, recipe=recipe, **options) for of in pictures)
        return stylize_many(pictures, inputs.styles, recipe=recipe, **options)

    return one_after_another(args, inputs, output, painted)


def one_after_another(
    args: argparse.Namespace,
    inputs: Inputs,
    output: Output,
    painted: Callable[[Iterator[Floats | None]], Iterator[StyleResult]],
) -> int:
    """Save one picture after another; return the exit code.

    Of several, one that cannot be painted is told and left out.

    Parameters
    ----------
    args : Namespace
    inputs : Inputs
    output : Output
    painted : callable
        Takes the photographs that are left, and returns their results. What it raises by itself
        would be so for every photograph.

    Returns
    -------
    int
    """
    pictures = photographs(args, inputs, output)
    with output.shown():
        while True:
            try:
                results = painted(pictures)
            except KeyboardInterrupt:
                return output.interrupted()
            except Exception as error:
                raise failure(error) from error
            try:
                return finish(results, output)
            except Failure:
                raise
            except Exception as error:
                if not output.several:
                    raise failure(error) from error
                output.fail(error)


@held
def finish(results: Iterable[StyleResult], output: Output) -> int:
    """Save one result after another, and what there is of one that an error ended."""
    try:
        for result in results:
            output.finish(result)
            output.saved += 1
    except KeyboardInterrupt:
        return output.interrupted()
    except Exception as error:
        partial = getattr(error, "partial_result", None)
        if partial is not None:
            output.finish(partial)
        raise
    return output.code


def sheet(
    args: argparse.Namespace,
    inputs: Inputs,
    output: Output,
    options: Mapping[str, Any],
    keywords: Mapping[str, Any],
) -> int:
    """Make a contact sheet; return the exit code."""
    if args.save_every or "checkpoint" in options or args.report or args.making_of:
        others = "--save-every, --checkpoint, --report and --making-of"
        raise Failure(f"--sheet: expected it without {others}")
    with refusing():
        vary = sheet_settings(args, inputs.styles)
    with silent_start():
        from neuralstyle.transfer.comparing.contact_sheet import contact_sheet
    ((_, path),) = inputs.jobs
    output.begin(path, None)
    recipe = RECIPES[args.recipe]

    def keep(image: Any, ended: str) -> None:
        output.save(image, output.made_by)
        if ended:
            tell(f"{ended}; {path} has what was painted until then")

    try:
        with interruption() as signals:
            image = contact_sheet(
                inputs.first[0], inputs.styles, vary, recipe=recipe, **keywords, **options
            )
            keep(image, "interrupted" if signals.received else "")
    except Exception as error:
        partial = getattr(error, "partial_result", None)
        if partial is not None:
            keep(partial, "broken off")
        raise failure(error) from error
    return output.code
