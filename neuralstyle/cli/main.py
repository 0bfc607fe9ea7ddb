"""The command line: ``neuralstyle CONTENT STYLE [STYLE ...] -o OUT``.

Importing TensorFlow takes seconds, so whatever can be wrong with the arguments, the pictures or the
place of the result is found out before; names that the library knows are listed once more in
`neuralstyle.arguments`.
"""

from __future__ import annotations

import argparse
import inspect
import logging
import os
import shlex
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from neuralstyle import __version__
from neuralstyle._files import check_place, reason
from neuralstyle.cli.arguments import (
    DEFAULT_SIZE,
    NETWORKS,
    SHEET_SIZE,
    STARTS,
    Failure,
    arrange,
    parser,
    recipe_options,
    region_options,
)
from neuralstyle.cli.outputs import STANDARD, Output, sentence, tell
from neuralstyle.images.labels import label_masks
from neuralstyle.images.load import load_image
from neuralstyle.images.save import check_target

if TYPE_CHECKING:
    from neuralstyle._types import Floats


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, those of the process by default.

    Returns
    -------
    int
        The exit code: 0 done, 1 failed, 2 wrong use or unreadable input, 130 interrupted.

    Examples
    --------
    >>> main(["--version"])  # doctest: +ELLIPSIS
    neuralstyle ...
    0
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        args = parser().parse_args(argv)
        with _plain_messages(args.quiet):
            return _run(args, shlex.join(["neuralstyle", *argv]))
    except Failure as failure:
        tell(str(failure))
        return failure.code
    except KeyboardInterrupt:
        tell("interrupted before a picture was saved")
        return 130
    except SystemExit as done:  # argparse has shown its help or the version
        return int(done.code or 0)


# The run


def _run(args: argparse.Namespace, command: str) -> int:
    recipe = recipe_options(args)
    contents, styles = arrange(args)
    jobs = _jobs(args, contents)
    try:
        _check(args, jobs, styles)
        output = Output(args, command, len(jobs) > 1)
        first = _load(args, jobs[0][0])
        loaded = [load_image(_source(style)) for style in styles]
        regions = _regions(args, loaded)
        if args.labels:
            loaded = []
        init = args.init
        if isinstance(init, str) and init not in STARTS:
            init = load_image(init)
    except (OSError, TypeError, ValueError) as error:
        raise Failure(sentence(error)) from error
    with _silent_start():
        from neuralstyle.transfer.recipes import RECIPES
    preset = RECIPES[args.preset]
    size = args.size
    if not contents:
        recipe = {"content_weight": 0.0, **recipe}
        size = size or min(DEFAULT_SIZE, max((regions[0][0] if regions else loaded[0]).shape[:2]))
    elif args.strength is not None:
        usual = inspect.signature(preset).parameters["content_weight"].default
        recipe["content_weight"] = usual * 100 ** (0.5 - args.strength)
    given = ("maxcor", "ftol", "xtol")
    options: dict[str, Any] = {
        "style_weights": args.style_weights,
        "regions": regions,
        "weights": None if args.weights == "random" else args.weights,
        "pooling": args.pooling,
        "size": size,
        "style_scale": args.style_scale,
        "style_fit": args.style_fit,
        "color": args.color,
        "shares": None if args.shares is None else dict(args.shares),
        "scales": args.scales,
        "maxiter": args.iterations,
        "init": init,
        "seed": args.seed,
        "callback": output.snapshot if args.save_every else None,
        "progress": not args.quiet,
        "method": args.method,
        **{name: value for name in given if (value := getattr(args, name)) is not None},
    }
    if args.sheet:
        options = {**options, **recipe, "recipe": preset, "size": args.size or SHEET_SIZE}
        output.begin(jobs[0][1], None)
        return _sheet(args, first[0], loaded, options, output)
    options["objective"] = preset(**recipe)
    pictures = _pictures(args, jobs, first, output)
    return _paint(args, pictures, loaded, options, output)


def _sheet(
    args: argparse.Namespace,
    content: Floats | None,
    styles: Sequence[Floats],
    options: dict[str, Any],
    output: Output,
) -> int:
    """Make a contact sheet; return the exit code."""
    with _silent_start():
        from neuralstyle.transfer.contact_sheet import contact_sheet
    vary = {name: styles if name == "style" else values for name, values in args.sheet}
    try:
        image = contact_sheet(content, styles, vary, **options)
        output.save(image, {"neuralstyle": __version__, "command": output.command})
    except Exception as error:
        raise _failure(error) from error
    return 0


def _paint(
    args: argparse.Namespace,
    pictures: Iterator[Floats | None],
    styles: Sequence[Floats],
    options: dict[str, Any],
    output: Output,
) -> int:
    """Paint one picture after another; return the exit code."""
    with _silent_start():
        from neuralstyle.transfer.frames import stylize_frames
        from neuralstyle.transfer.stylize import stylize_many
    while True:
        try:
            if args.flows:
                flows = (_load_flow(name) for name in args.flows)
                options["temporal_weight"] = args.temporal_weight
                results = stylize_frames(pictures, styles, flows, **options)
            else:
                results = stylize_many(pictures, styles, **options)
        except Exception as error:
            raise _failure(error) from error
        try:
            for result in results:
                output.finish(result)
            return output.code
        except KeyboardInterrupt:
            if output.code != 130:
                raise
            return output.code
        except Failure:
            raise
        except Exception as error:
            partial = getattr(error, "partial_result", None)
            if partial is not None:
                output.finish(partial)
            if not output.several or args.flows:
                raise _failure(error) from error
            output.fail(error)


def _failure(error: Exception) -> Failure:
    """Return how an error ends the program.

    What fails before the first iteration is mostly a wish that cannot be met.
    """
    begun = getattr(error, "partial_result", None) is not None
    wrong = not begun and isinstance(error, KeyError | TypeError | ValueError)
    return Failure(sentence(error), 2 if wrong else 1)


Job: TypeAlias = tuple[str | None, Path]


def _jobs(args: argparse.Namespace, contents: Sequence[str]) -> list[Job]:
    """Return every content with the place of its result; a texture has none."""
    folder = len(contents) > 1 or args.output.endswith(("/", os.sep)) or os.path.isdir(args.output)
    if not contents or args.output == str(STANDARD):
        return [(name, Path(args.output)) for name in (contents or (None,))]
    if not folder:
        return [(contents[0], Path(args.output))]
    stems: Counter[str] = Counter()
    jobs: list[Job] = []
    for content in contents:
        stem = Path(content).stem
        stems[stem] += 1
        name = stem if stems[stem] == 1 else f"{stem}_{stems[stem]}"
        jobs.append((content, Path(args.output, f"{name}.png")))
    return jobs


def _check(args: argparse.Namespace, jobs: Sequence[Job], styles: Sequence[str]) -> None:
    """Make sure that inputs are there, and that results can be written without harm to them."""
    contents = [content for content, _ in jobs if content is not None]
    _check_combinations(args, [*contents, *styles], len(jobs))
    for content in contents[1:]:
        if not os.path.isfile(content):
            raise FileNotFoundError(f"cannot read {content!r}: No such file or directory")
    # A start may be overwritten: a run can go on from its own result.
    of_regions = (file for *files, _ in region_options(args) for file in files if file)
    read = (*contents, *styles, *of_regions, *(args.labels or ()))
    taken = {os.path.realpath(path) for path in read}
    if len(jobs) > 1 or args.output.endswith(("/", os.sep)):
        os.makedirs(args.output, exist_ok=True)
    results = [path for _, path in jobs if path != STANDARD]
    for path in results:
        check_target(path)
    if args.log is not None:
        check_place(args.log)
        results.append(Path(args.log))
    for written in results:
        if os.path.realpath(written) in taken:
            raise Failure(f"{str(written)!r} would be overwritten")
        taken.add(os.path.realpath(written))
    if args.weights not in NETWORKS and not os.path.isfile(args.weights):
        names = ", ".join(NETWORKS)
        raise Failure(f"--weights: {args.weights!r} is no file, nor one of {names}")
    if args.style_weights is not None and len(args.style_weights) != len(styles):
        given = len(args.style_weights)
        raise Failure(f"--style-weights: expected {len(styles)}, one a STYLE, received {given}")
    if args.flows and len(args.flows) != len(contents) - 1:
        raise Failure(
            f"--flows: expected {max(len(contents) - 1, 0)}, one for each frame after the first, "
            f"received {len(args.flows)}"
        )


def _check_combinations(args: argparse.Namespace, inputs: Sequence[str], results: int) -> None:
    """Refuse arguments that do not go together."""
    if inputs.count(str(STANDARD)) > 1:
        raise Failure("expected - for one picture at the most, there is one standard input")
    if args.output == str(STANDARD) and (results > 1 or args.save_every or args.json):
        raise Failure("-o -: expected one picture, and neither --save-every nor --json")
    if args.sheet and (results > 1 or args.flows):
        raise Failure("--sheet: expected one CONTENT, and no --flows")
    if args.strength is not None and args.content_weight is not None:
        raise Failure("--strength: expected it without --content-weight")


def _source(name: str) -> Any:
    """Return what to read a picture from."""
    return sys.stdin.buffer if name == str(STANDARD) else name


def _load(args: argparse.Namespace, name: str | None) -> tuple[Floats | None, Floats | None]:
    """Read a content and its opacity, no larger than is needed."""
    if name is None:
        return None, None
    most = None if args.size else DEFAULT_SIZE
    return load_image(_source(name), max_size=most, return_alpha=True)


def _regions(args: argparse.Namespace, styles: Sequence[Floats]) -> list[tuple[Any, ...]]:
    """Read the regions; those of label images have the style for themselves."""

    def grey(name: str) -> Any:  # where it is transparent, there is no region
        return load_image(name, background=(0.0, 0.0, 0.0)).mean(axis=2)

    regions: list[tuple[Any, ...]] = [
        (grey(mask), load_image(style), style_mask and grey(style_mask), weight)
        for mask, style, style_mask, weight in region_options(args)
    ]
    if args.labels:
        if len(styles) != 1:
            raise Failure(f"--labels: expected one STYLE, received {len(styles)}")
        try:
            pairs = label_masks(*map(load_image, args.labels))
        except ValueError as error:
            raise Failure(f"--labels: {error}") from error
        regions += [(mask, styles[0], style_mask) for mask, style_mask in pairs]
    return regions


def _pictures(
    args: argparse.Namespace,
    jobs: Sequence[Job],
    first: tuple[Floats | None, Floats | None],
    output: Output,
) -> Iterator[Floats | None]:
    """Read the contents one after another; of several, what cannot be read is told and left out."""
    for number, (name, path) in enumerate(jobs):
        try:
            content, alpha = first if number == 0 else _load(args, name)
        except (OSError, ValueError) as error:
            if args.flows:
                raise
            output.fail(error)
            continue
        output.begin(path, alpha)
        yield content


def _load_flow(name: str) -> Any:
    """Read a flow field, or a field ``flow`` and a ``mask``."""
    try:
        file = np.load(name, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            return file
        with file:
            return (file["flow"], file["mask"]) if "mask" in file else file["flow"]
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"cannot read the flow field {name!r}: {reason(error)}") from error


class _Teller(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tell(record.getMessage())


@contextmanager
def _plain_messages(quiet: bool) -> Iterator[None]:
    """Show warnings, and the library's log as far as it matters, as sentences."""
    logger, handler = logging.getLogger("neuralstyle"), _Teller()
    logger.addHandler(handler)
    if not quiet:  # it tells of a download, which takes its time
        logging.getLogger("neuralstyle.checkpoints").setLevel(logging.INFO)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: logger.warning("%s", message)
        try:
            yield
        finally:
            logger.removeHandler(handler)


@contextmanager
def _silent_start() -> Iterator[None]:
    """Keep TensorFlow from chattering while it is imported.

    The variable silences most of it; who sets it to 0 sees all. Some lines of C++ code heed no
    setting, so the descriptor that they are written to leads nowhere meanwhile.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0" or sys.stderr is None:
        yield
        return
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
