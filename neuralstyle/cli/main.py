"""The command line: ``neuralstyle CONTENT STYLE -o OUT``, or a command and what it takes.

Importing TensorFlow takes seconds, so whatever can be wrong with the arguments, the pictures or the
place of the result is found out before. A command is one file here with the parts of
`Command`, and a name in `COMMANDS`.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import Protocol

from neuralstyle import __version__
from neuralstyle.cli import doctor, film, paint, score, slim, texture
from neuralstyle.cli.ending import ending_in_order
from neuralstyle.cli.messages import Failure, plain_messages, sentence, tell
from neuralstyle.cli.parser import Parser


class Command(Protocol):
    """What a command's file holds."""

    SUMMARY: str
    """What it does, for the list of commands."""

    USAGE: tuple[str, ...]
    """How it is called, one form a line."""

    def add_arguments(self, parser: Parser) -> None:
        """Add what it takes."""

    def run(self, args: argparse.Namespace, command: str) -> int:
        """Do it, and return the exit code; `command` is the whole line as it was typed."""


COMMANDS: dict[str, Command] = {
    "paint": paint,
    "film": film,
    "texture": texture,
    "score": score,
    "slim": slim,
    "doctor": doctor,
}
"""The commands by name; the first stands for itself where none is named."""


@ending_in_order
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, those of the process by default.

    Returns
    -------
    int
        The exit code: 0 done, 1 failed, 2 wrong use or unreadable input, 130 interrupted by Ctrl-C,
        143 by SIGTERM, 129 by SIGHUP.

    Examples
    --------
    >>> main(["--version"])  # doctest: +ELLIPSIS
    neuralstyle ...
    0
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        if argv and argv[0] in ("-h", "--help", "--version"):
            overview().parse_args(argv)
        named = bool(argv) and argv[0] in COMMANDS
        name = argv[0] if named else next(iter(COMMANDS))
        args = parser(name).parse_args(argv[1:] if named else argv)
        with plain_messages(args.quiet):
            return COMMANDS[name].run(args, shlex.join(["neuralstyle", *argv]))
    except Failure as failure:
        tell(str(failure))
        return failure.code
    except (MemoryError, OSError) as error:
        tell(sentence(error))
        return 1
    except SystemExit as done:  # argparse has shown its help or the version
        return int(done.code or 0)


def overview() -> Parser:
    """Return what shows the commands."""
    commands = "\n".join(f"  {name:9} {of.SUMMARY}" for name, of in COMMANDS.items())
    default, *others = COMMANDS
    made = Parser(
        prog="neuralstyle",
        usage=f"{_lines(COMMANDS[default].USAGE)}\n       neuralstyle COMMAND ...",
        description=f"Paint photographs in the style of paintings.\n\ncommands:\n{commands}",
        epilog="neuralstyle COMMAND --help shows what a command takes. A picture that is called "
        f"like a command\nis written ./{others[0]}.",
    )
    made.add_argument("--version", action="version", version=f"neuralstyle {__version__}")
    return made


def parser(name: str) -> Parser:
    """Return the parser of a command."""
    command = COMMANDS[name]
    made = Parser(
        prog=f"neuralstyle {name}", usage=_lines(command.USAGE), description=command.SUMMARY
    )
    command.add_arguments(made)
    made.add_argument("--quiet", action="store_true", help="say nothing unless something is wrong")
    made.add_argument("--version", action="version", version=f"neuralstyle {__version__}")
    return made


def _lines(usage: Sequence[str]) -> str:
    """Return forms of a call below each other."""
    return "\n       ".join(usage)
