"""The command line: ``neuralstyle CONTENT STYLE [STYLE ...] -o OUT``.

Importing TensorFlow takes seconds, so whatever can be wrong with the arguments, the pictures or the
place of the result is found out before; names that the library knows are listed here again.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import logging
import math
import os
import re
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from neuralstyle import __version__
from neuralstyle.files import check_place, replacing
from neuralstyle.images import check_target, load_image, resize, save_image

if TYPE_CHECKING:
    from neuralstyle.images import Floats
    from neuralstyle.result import Progress, StyleResult

DEFAULT_SIZE = 512
NETWORKS = ("auto", "imagenet", "compact", "random")
STARTS = ("content", "style", "noise")
METHODS = ("l-bfgs", "l-bfgs-b", "adam")

_TWO = ("content_weight", "style_weight")
_LAYER_LISTS = ("content_layers", "style_layers", "histogram_layers")
PRESETS = {
    "default": (*_TWO, "histogram_weight", "color_weight", "tv_weight", *_LAYER_LISTS),
    "gatys2016": _TWO,
    "neural_style": (*_TWO, "tv_weight"),
    "keras_example": (*_TWO, "tv_weight"),
    "risser2017": (*_TWO, "tv_weight"),
}
"""The recipes of `neuralstyle.presets` and their parameters."""

# This lets conv1_3 and the like pass, which the library refuses.
LAYER = re.compile(r"input|block[1-5]_(conv[1-4]|pool)|(conv|relu)[1-5]_[1-4]|pool[1-5]")


class _Failure(Exception):
    """Ends the program with a sentence and an exit code: 2 for wrong use, 1 for a failed run."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.code = code


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
        args = _parser().parse_args(argv)
        with _plain_messages(args.quiet):
            return _run(args, shlex.join(["neuralstyle", *argv]))
    except _Failure as failure:
        _tell(str(failure))
        return failure.code
    except KeyboardInterrupt:
        _tell("interrupted before a picture was saved")
        return 130
    except SystemExit as done:  # argparse has shown its help or the version
        return int(done.code or 0)


# The arguments


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Failure(f"{message}; see neuralstyle --help")


def _parser() -> _Parser:
    takes = "\n".join(f"  {name}: {' '.join(_flags(*names))}" for name, names in PRESETS.items())
    parser = _Parser(
        prog="neuralstyle",
        usage="%(prog)s CONTENT STYLE [STYLE ...] -o OUT [options]",
        description="Paint a photograph in the style of one or several pictures.",
        epilog=f"the presets, and which weights and layers each of them takes:\n{takes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("content", metavar="CONTENT", help="the photograph")
    add("styles", metavar="STYLE", nargs="+", help="the painting or paintings")
    add("-o", "--output", metavar="OUT", required=True, help=".png, .jpg, .tif or .webp")
    add("--version", action="version", version=f"neuralstyle {__version__}")

    add = parser.add_argument_group("the run").add_argument
    size = f"longer side of the result (default: CONTENT's, but {DEFAULT_SIZE} at most)"
    add("--size", type=_whole, metavar="N", help=size)
    each = "at every scale, or at each from coarse to fine; the last number repeats"
    add("--iterations", type=_whole, nargs="+", metavar="N", help=each)
    add("--scales", type=_whole, metavar="N", help="sizes to work at, each twice the one before")
    networks = f"{', '.join(NETWORKS)}, or a file (default: auto, imagenet if it can be had)"
    add("--weights", default="auto", metavar="NETWORK", help=networks)
    add("--pooling", choices=("avg", "max"))
    add("--init", metavar="START", help=f"{', '.join(STARTS)}, or a picture to start from")
    add("--seed", type=functools.partial(_whole, least=0), default=0, metavar="N")
    add("--method", choices=METHODS, help="the optimiser (default: l-bfgs)")
    add("--maxcor", type=_whole, metavar="N", help="corrections that L-BFGS remembers")
    add("--ftol", type=_number, metavar="F", help="stop when the loss falls by less than F of it")
    still = "stop when the picture changes by less than F grey levels on average"
    add("--xtol", type=_number, metavar="F", help=still)

    add = parser.add_argument_group("the style").add_argument
    add("--preset", choices=PRESETS, default="default", help="the losses to minimise: see below")
    for name in PRESETS["default"]:
        if name in _LAYER_LISTS:
            add(*_flags(name), type=_layers, nargs="+", metavar="LAYER[:WEIGHT]")
        else:
            add(*_flags(name), type=_number, metavar="W")
    add("--style-weights", type=_number, nargs="+", metavar="W", help="shares of the STYLEs")
    strokes = "larger gives larger strokes (default: 1)"
    add("--style-scale", type=_positive, default=1.0, metavar="F", help=strokes)

    add = parser.add_argument_group("the output").add_argument
    add("--save-every", type=_whole, metavar="N", help="keep the picture of every Nth iteration")
    add("--log", metavar="FILE", help="write settings, versions and losses to a JSON file")
    quality = functools.partial(_whole, most=100)
    add("--quality", type=quality, default=95, metavar="N", help="of .jpg and .webp (default: 95)")
    add("--quiet", action="store_true", help="say nothing unless something is wrong")
    return parser


def _flags(*names: str) -> list[str]:
    return [f"--{name.replace('_', '-')}" for name in names]


def _whole(text: str, least: int = 1, most: int | None = None) -> int:
    number = int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
    if number < least or (most is not None and number > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise argparse.ArgumentTypeError(f"expected a whole number {limits}, received {text!r}")
    return number


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, received {text!r}")
    return number


def _positive(text: str) -> float:
    if _number(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, received {text!r}")
    return float(text)


def _layers(text: str) -> list[tuple[str, float | None]]:
    pairs = [item.partition(":") for item in text.split(",")]
    for name, _, _ in pairs:
        if not LAYER.fullmatch(name):
            raise argparse.ArgumentTypeError(
                f"there is no layer {name!r}; there are input, block1_conv1 to block5_conv4 and "
                "block1_pool to block5_pool, or conv4_2, relu4_2, pool4 in the literature's names"
            )
    return [(name, _number(weight) if colon else None) for name, colon, weight in pairs]


def _recipe_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the weights and layers that were given, if the preset takes them."""
    given = {k: v for k in PRESETS["default"] if (v := getattr(args, k)) is not None}
    for name, value in given.items():
        (flag,) = _flags(name)
        if name not in PRESETS[args.preset]:
            takes = ", ".join(_flags(*PRESETS[args.preset]))
            raise _Failure(f"{flag} does not go with the preset {args.preset}; it takes {takes}")
        if name in _LAYER_LISTS:
            pairs = [pair for several in value for pair in several]
            weights = {layer: weight for layer, weight in pairs if weight is not None}
            if weights and len(weights) < len(pairs):
                raise _Failure(f"{flag}: expected different layers, all with a weight or none")
            given[name] = weights or [layer for layer, _ in pairs]
    return given


# The run


def _run(args: argparse.Namespace, command: str) -> int:
    options = _recipe_options(args)
    content, alpha, styles, init = _load(args)
    output = _Output(args, command, alpha)
    try:
        with _silent_start():
            from neuralstyle.presets import RECIPES
            from neuralstyle.transfer import stylize
        result = stylize(
            content,
            styles,
            style_weights=args.style_weights,
            objective=RECIPES[args.preset](**options),
            weights=None if args.weights == "random" else args.weights,
            pooling=args.pooling,
            size=args.size or min(DEFAULT_SIZE, max(content.shape[:2])),
            style_scale=args.style_scale,
            scales=args.scales,
            maxiter=args.iterations,
            init=init,
            seed=args.seed,
            callback=output.snapshot if args.save_every else None,
            progress=not args.quiet,
            method=args.method,
            **{k: v for k in ("maxcor", "ftol", "xtol") if (v := getattr(args, k)) is not None},
        )
    except Exception as error:
        partial = getattr(error, "partial_result", None)
        if partial is not None:
            output.finish(partial)
        # What fails before the first iteration is mostly a wish that cannot be met.
        wrong = partial is None and isinstance(error, KeyError | TypeError | ValueError)
        raise _Failure(_sentence(error), 2 if wrong else 1) from error
    return output.finish(result)


def _load(args: argparse.Namespace) -> tuple[Floats, Floats | None, list[Floats], Any]:
    """Read content, its opacity, styles and start; make sure that the result can be written."""
    try:
        check_target(args.output)
        if args.log is not None:
            check_place(args.log)
        content, alpha = load_image(args.content, return_alpha=True)
        styles = [load_image(style) for style in args.styles]
        init = args.init if args.init in (None, *STARTS) else load_image(args.init)
    except (OSError, TypeError, ValueError) as error:
        raise _Failure(_sentence(error)) from error
    # A start may be overwritten: a run can go on from its own result.
    taken = [os.path.realpath(path) for path in (args.content, *args.styles)]
    for path in filter(None, (args.output, args.log)):
        if os.path.realpath(path) in taken:
            raise _Failure(f"{path!r} would be overwritten")
        taken.append(os.path.realpath(path))
    if args.weights not in NETWORKS and not os.path.isfile(args.weights):
        names = ", ".join(NETWORKS)
        raise _Failure(f"--weights: {args.weights!r} is no file, nor one of {names}")
    if args.style_weights is not None and len(args.style_weights) != len(styles):
        given = len(args.style_weights)
        raise _Failure(f"--style-weights: expected {len(styles)}, one a STYLE, received {given}")
    return content, alpha, styles, init


class _Output:
    """What a run leaves behind: pictures, the log, and a line on standard error."""

    def __init__(self, args: argparse.Namespace, command: str, alpha: Floats | None) -> None:
        self.args = args
        self.path = Path(args.output)
        self.command = command
        self.alpha = None if self.path.suffix.lower() in (".jpg", ".jpeg") else alpha

    def snapshot(self, now: Progress) -> None:
        """Save the picture so far, if it is its turn."""
        if now.nit % self.args.save_every == 0:
            name = f"{self.path.stem}_{now.nit:04d}{self.path.suffix}"
            self._save(self.path.with_name(name), now.image, {})

    def finish(self, result: StyleResult) -> int:
        """Save the result and the log; return the exit code."""
        from neuralstyle.result import Status

        about = {
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
                with replacing(self.args.log) as file:
                    log = _json({**about, "history": history}, indent=1)
                    file.write(log.encode(errors="replace") + b"\n")
        except (OSError, ValueError) as error:
            raise _Failure(_sentence(error), 1) from error
        codes = {Status.INTERRUPTED: 130, Status.NONFINITE: 1}
        code = codes.get(result.status, 0)
        if code == 1 or not self.args.quiet:
            _tell(self._summary(result), prefix="")
        return code

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


def _json(content: dict[str, Any], indent: int | None = None) -> str:
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
