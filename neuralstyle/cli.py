"""The command line: ``neuralstyle CONTENT STYLE [STYLE ...] -o OUT``.

Importing TensorFlow takes seconds, so whatever can be wrong with the arguments, the pictures or the
place of the result is found out before; names that the library knows are listed once more in
`neuralstyle.arguments`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import re
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
from neuralstyle.arguments import (
    DEFAULT_SIZE,
    NETWORKS,
    PRESETS,
    STARTS,
    Failure,
    arrange,
    parser,
    recipe_options,
    region_options,
)
from neuralstyle.files import check_place, reason, replacing
from neuralstyle.images import check_target, load_image, resize, save_image
from neuralstyle.labels import label_masks

if TYPE_CHECKING:
    from neuralstyle.images import Floats
    from neuralstyle.result import Progress, StyleResult


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
        _tell(str(failure))
        return failure.code
    except KeyboardInterrupt:
        _tell("interrupted before a picture was saved")
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
        output = _Output(args, command, len(jobs) > 1)
        first = _load(args, jobs[0][0])
        loaded = [load_image(style) for style in styles]
        regions = _regions(args, loaded)
        if args.labels:
            loaded = []
        init = args.init
        if isinstance(init, str) and init not in STARTS:
            init = load_image(init)
    except (OSError, TypeError, ValueError) as error:
        raise Failure(_sentence(error)) from error
    with _silent_start():
        from neuralstyle.presets import RECIPES
        from neuralstyle.sequence import stylize_frames
        from neuralstyle.transfer import stylize_many
    size = args.size
    if not contents:
        size = size or min(DEFAULT_SIZE, max((regions[0][0] if regions else loaded[0]).shape[:2]))
    given = ("maxcor", "ftol", "xtol")
    if not contents and "content_weight" in PRESETS[args.preset]:
        recipe = {"content_weight": 0.0, **recipe}
    options: dict[str, Any] = {
        "style_weights": args.style_weights,
        "regions": regions,
        "objective": RECIPES[args.preset](**recipe),
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
    pictures = _pictures(args, jobs, first, output)
    while True:
        try:
            if args.flows:
                flows = (_load_flow(name) for name in args.flows)
                options["temporal_weight"] = args.temporal_weight
                results = stylize_frames(pictures, loaded, flows, **options)
            else:
                results = stylize_many(pictures, loaded, **options)
        except Exception as error:
            raise Failure(_sentence(error)) from error
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
            # What fails before the first iteration is mostly a wish that cannot be met.
            wrong = partial is None and isinstance(error, KeyError | TypeError | ValueError)
            if len(jobs) == 1 or args.flows:
                raise Failure(_sentence(error), 2 if wrong else 1) from error
            output.fail(error)


Job: TypeAlias = tuple[str | None, Path]


def _jobs(args: argparse.Namespace, contents: Sequence[str]) -> list[Job]:
    """Return every content with the place of its result; a texture has none."""
    folder = len(contents) > 1 or args.output.endswith(("/", os.sep)) or os.path.isdir(args.output)
    if not contents:
        return [(None, Path(args.output))]
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
    for content in contents[1:]:
        if not os.path.isfile(content):
            raise FileNotFoundError(f"cannot read {content!r}: No such file or directory")
    # A start may be overwritten: a run can go on from its own result.
    of_regions = (file for *files, _ in region_options(args) for file in files if file)
    read = (*contents, *styles, *of_regions, *(args.labels or ()))
    taken = {os.path.realpath(path) for path in read}
    if len(jobs) > 1 or args.output.endswith(("/", os.sep)):
        os.makedirs(args.output, exist_ok=True)
    for _, path in jobs:
        check_target(path)
    if args.log is not None:
        check_place(args.log)
    for written in filter(None, (*(path for _, path in jobs), args.log)):
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


def _load(args: argparse.Namespace, name: str | None) -> tuple[Floats | None, Floats | None]:
    """Read a content and its opacity, no larger than is needed."""
    if name is None:
        return None, None
    return load_image(name, max_size=None if args.size else DEFAULT_SIZE, return_alpha=True)


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
    output: _Output,
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


class _Output:
    """What a run leaves behind: pictures, the log, and a line on standard error."""

    def __init__(self, args: argparse.Namespace, command: str, several: bool) -> None:
        self.args = args
        self.command = command
        self.several = several
        self.logs: list[dict[str, Any]] = []
        self.code = 0

    def begin(self, path: Path, alpha: Floats | None) -> None:
        """Turn to the next picture."""
        self.path = path
        self.alpha = None if path.suffix.lower() in (".jpg", ".jpeg") else alpha

    def fail(self, error: Exception) -> None:
        """Tell of a picture that could not be made, among several."""
        _tell(_sentence(error))
        self.code = 1

    def snapshot(self, now: Progress) -> None:
        """Save the picture so far, if it is its turn."""
        if now.nit % self.args.save_every == 0:
            name = f"{self.path.stem}_{now.nit:04d}{self.path.suffix}"
            self._save(self.path.with_name(name), now.image, {})

    def finish(self, result: StyleResult) -> None:
        """Save the result and the log, and note how it ended."""
        from neuralstyle.result import Status

        about: dict[str, Any] = {
            "neuralstyle": __version__,
            "command": self.command,
            "status": result.status.name.lower(),
            "message": result.message,
            "iterations": result.nit,
            "evaluations": result.nfev,
            "seconds": result.seconds,
            "loss": result.fun,
            "losses": result.losses,
            "settings": result.settings,
        }
        try:
            self._save(self.path, result.image, about)
            if self.args.log is not None:
                history = [dataclasses.asdict(iteration) for iteration in result.history]
                self.logs.append({**about, "history": history})
                with replacing(self.args.log) as file:
                    log = _json(self.logs if self.several else self.logs[0], indent=1)
                    file.write(log.encode(errors="replace") + b"\n")
        except (OSError, ValueError) as error:
            raise Failure(_sentence(error), 1) from error
        codes = {Status.INTERRUPTED: 130, Status.NONFINITE: 1}
        code = codes.get(result.status, 0)
        self.code = code or self.code
        if code == 1 or not self.args.quiet:
            _tell(self._summary(result), prefix="")

    def _save(self, path: Path, image: Floats, about: dict[str, Any]) -> None:
        alpha = None if self.alpha is None else resize(self.alpha, image.shape[:2])
        metadata = {"neuralstyle": _json(about)} if about else None
        save_image(path, image, alpha=alpha, quality=self.args.quality, metadata=metadata)

    def _summary(self, result: StyleResult) -> str:
        height, width, _ = result.image.shape
        losses = ", ".join(f"{name} {value:.3g}" for name, value in result.losses.items())
        line = (
            f"{self.path}: {width} x {height}, {result.nit} iterations, {result.nfev} evaluations, "
            f"{result.seconds:.1f} s, loss {result.fun:.4g} ({losses})"
        )
        return line if result.status.value < 2 else f"{line}; {result.message}"


def _json(content: Any, indent: int | None = None) -> str:
    return json.dumps(content, indent=indent, ensure_ascii=False, default=str)


# The messages


def _tell(sentence: str, prefix: str = "neuralstyle: ") -> None:
    print(f"{prefix}{sentence}", file=sys.stderr, flush=True)


def _sentence(error: BaseException) -> str:
    """Return the first line of an error's message; a KeyError's own form has it in quotes."""
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error).strip()
    text = re.sub("^maxiter:", "--iterations:", text)
    return text.splitlines()[0] if text else type(error).__name__


class _Teller(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _tell(record.getMessage())


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
