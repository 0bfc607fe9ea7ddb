"""How the command line reads its words: argparse, with messages and values of our own."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

from neuralstyle.cli.messages import Failure, out, refusing
from neuralstyle.transfer.options.names import meant

Read: TypeAlias = Callable[[str, Sequence[str]], Any]
"""Turns a flag and its words into a value, or raises an error that names the flag."""


class Parser(argparse.ArgumentParser):
    """A parser that ends with a `Failure`, and whose groups are found again by their titles."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,
        )
        self._titled: dict[str, Any] = {}

    def group(self, title: str) -> Any:
        """Return the group of this title."""
        if title not in self._titled:
            self._titled[title] = self.add_argument_group(title)
        return self._titled[title]

    def error(self, message: str) -> NoReturn:
        """End with a sentence."""
        found = re.match(r"unrecognized arguments: --([^\s=]+)", message)
        flags = [flag[2:] for flag in self._option_string_actions if flag.startswith("--")]
        near = meant(found[1].replace("_", "-"), flags) if found else None
        message += f"; did you mean --{near}?" if near else ""
        raise Failure(f"{message}; see {self.prog} --help")

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is None or file is sys.stdout:
            out(message)
        else:
            super()._print_message(message, file)


class Keep(argparse.Action):
    """Reads the words of a flag, and keeps the value: in a mapping of the namespace, if named.

    The words themselves are kept in `words`: they may be files.
    """

    def __init__(
        self,
        option_strings: Sequence[str],
        dest: str,
        read: Read,
        into: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(option_strings, dest, **options)
        self.read = read
        self.into = into
        if into is not None:
            self.default = argparse.SUPPRESS

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Read and keep."""
        with refusing():
            texts = [values] if isinstance(values, str) else values
            namespace.words = {**getattr(namespace, "words", {}), self.dest: texts}
            value = self.read(str(option_string), texts)
        if self.into is None:
            setattr(namespace, self.dest, value)
        else:
            getattr(namespace, self.into)[self.dest] = value


class Gone(argparse.Action):
    """Refuses a flag of version 0.1 with what is written now; ``{}`` stands for its words."""

    def __init__(self, option_strings: Sequence[str], dest: str, now: str) -> None:
        super().__init__(option_strings, dest, nargs="*", help=argparse.SUPPRESS)
        self.now = now

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Refuse."""
        now = self.now.format(shlex.join(values))
        raise Failure(f"{option_string}: since version 0.2 write {now}")
