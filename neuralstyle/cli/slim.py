"""``neuralstyle slim``: a narrow network whose channels are those of a wide one."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralstyle._files import quoted
from neuralstyle.cli.arguments import add_max_pixels, reading
from neuralstyle.cli.messages import Failure, refusing, sentence, silent_start, tell
from neuralstyle.cli.parser import Keep, Parser
from neuralstyle.cli.paths import check_paths
from neuralstyle.cli.rescue import FAILED, in_temporary_folder
from neuralstyle.cli.wording import flag
from neuralstyle.transfer.options import words

if TYPE_CHECKING:
    from neuralstyle.features.slim.slimmed import Slimmed, SlimProgress

SUMMARY = "make a narrow, fast network out of a wide one"
USAGE: tuple[str, ...] = (
    "neuralstyle slim --network NETWORK --images FOLDER --widths N,N,... -o OUT.npz [options]",
    "neuralstyle slim --network NETWORK --images FOLDER --start OUT.npz --steps N -o BETTER.npz",
)

LINES_EVERY = 20.0
"""Seconds between two lines about how far it has come."""


def add_arguments(parser: Parser) -> None:
    """Add what the command takes."""
    add = parser.add_argument
    network = "vgg16 or vgg19 (ImageNet's weights), or a file with the weights of one"
    add("--network", required=True, help=network)
    images = "folders of pictures, or pictures; what is named twice is taken twice as often"
    add("--images", metavar="FOLDER", nargs="+", required=True, help=images)
    widths = "channels in each of the five blocks, or in every convolution: 24,48,96,192,192"
    add("--widths", action=Keep, read=_widths, metavar="N,N,...", help=widths)
    start = "a slim network to fine-tune further, in place of --widths; of several, their mean"
    add("--start", metavar="FILE", nargs="+", help=start)
    steps = "of fine-tuning after least squares (default: 0)"
    add("--steps", action=Keep, read=reading(words.whole(0)), default=0, metavar="N", help=steps)
    positive = reading(words.positive)
    rate = "of fine-tuning, in units of a layer's typical weight (default: 0.001)"
    add("--rate", action=Keep, read=positive, default=0.001, metavar="R", help=rate)
    fresh = "batches that the wide network looks at in a row (default: 24)"
    add("--fresh", action=Keep, read=reading(words.whole()), default=24, metavar="N", help=fresh)
    reuse = "times that steps cross them: the more, the more is learnt by heart (default: 4)"
    add("--reuse", action=Keep, read=reading(words.whole()), default=4, metavar="N", help=reuse)
    early = "end fine-tuning after so many, even if steps are left"
    add("--minutes", action=Keep, read=positive, metavar="M", help=early)
    seed = reading(words.whole(0))
    add("--seed", action=Keep, read=seed, default=0, metavar="S", help="(default: 0)")
    dtype = "of fine-tuning: float32 (default), or bfloat16, faster where the processor has it"
    add("--dtype", choices=("float32", "bfloat16"), default="float32", help=dtype)
    resume = "keep the state in this file, and go on from it if it is there"
    add("--resume", metavar="FILE", help=resume)
    licence = "a sentence for the card, where the network is a file"
    add_max_pixels(parser)
    add("--licence", metavar="TEXT", help=licence)
    add("-o", "--output", metavar="OUT", required=True, help="an .npz file; its card lies beside")
    parser.epilog = (
        "Least squares take some minutes; 5000 steps of fine-tuning at three eighths of the width\n"
        "about half an hour on two cores. paint --network OUT.npz takes the result."
    )


def run(args: argparse.Namespace, command: str) -> int:
    """Make a slim network; return the exit code."""
    with refusing():
        target = Path(args.output)
        check_paths(args, [target, target.with_suffix(".md")])
    with silent_start():
        from neuralstyle.features.slim import slim, slimmed
    show = _Lines(args.quiet)
    try:
        target = slimmed.checked_target(target)
        made = slim.slim(
            args.network,
            args.images,
            args.widths,
            start=args.start,
            steps=args.steps,
            rate=args.rate,
            fresh=args.fresh,
            reuse=args.reuse,
            minutes=args.minutes,
            seed=args.seed,
            resume=args.resume,
            dtype=args.dtype,
            licence=args.licence,
            callback=show,
            command=command,
            max_pixels=args.max_pixels,
        )
    except (MemoryError, OSError, TypeError, ValueError) as error:
        raise Failure(_flagged(error, args), 2 if show.stage == "" else 1) from error
    code = _save(made, target)
    if not args.quiet:
        tell(_summary(made, args), prefix="")
    return code


def _save(made: Slimmed, target: Path) -> int:
    """Save the network, in a folder for temporary files if need be; return the exit code."""
    try:
        made.save(target)
        return 0
    except FAILED as error:
        tell(sentence(error))
    try:
        place = in_temporary_folder(target.name)
        made.save(place)
    except FAILED as error:
        raise Failure(sentence(error), 1) from error
    tell(f"the network was saved as {quoted(place)}")
    return 1


class _Lines:
    """Lines on standard error about how far it has come, one for every stage and some seconds."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self.stage = ""
        self._next = 0.0

    def __call__(self, now: SlimProgress) -> None:
        """Write a line, if it is time for one."""
        last = now.stage == "training" and now.done == now.total
        due = last or now.stage != self.stage or now.seconds >= self._next
        self.stage = now.stage
        if self._quiet or not due:
            return
        self._next = now.seconds + LINES_EVERY
        line = f"{now.seconds:7.1f} s  {now.stage} {now.done} of {now.total}"
        tell(f"{line}  {_short(now.errors)}".rstrip(), prefix="")


def _flagged(error: Exception, args: argparse.Namespace) -> str:
    """Return an error's sentence, with this command's flags for the names of arguments."""
    name, colon, rest = sentence(error).partition(":")
    name = {"target": "output"}.get(name, name)
    return f"{flag(name)}:{rest}" if colon and name in vars(args) else sentence(error)


def _short(errors: Mapping[str, float]) -> str:
    """Return the errors of all layers in a line: ``3_1 .0312``."""
    return "  ".join(
        f"{name.removeprefix('block').replace('conv', '')} {error:.4f}".replace(" 0.", " .")
        for name, error in errors.items()
    )


def _summary(slimmed: Slimmed, args: argparse.Namespace) -> str:
    early = f" of {args.steps}, ended early" if slimmed.steps < args.steps else ""
    lines = [f"{args.output}: {slimmed.architecture}, {slimmed.steps} steps{early}"]
    lines += [f"{pooling} pooling  {_short(of)}" for pooling, of in slimmed.errors.items()]
    return "\n".join(lines)


def _widths(flag: str, texts: Any) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in texts[0].split(","))
    except ValueError:
        raise ValueError(f"{flag}: expected numbers, N,N,..., received {texts[0]!r}") from None
