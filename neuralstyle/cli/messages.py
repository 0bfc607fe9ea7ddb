"""What the command line says: sentences on standard error, what was asked for on the output."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from neuralstyle._files import put, reason
from neuralstyle._kernels.processor import ask_for_onednn
from neuralstyle.cli.wording import reworded
from neuralstyle.optimize.interruption import NOTHING_BEGUN, look, patience

TELLING = ("features.vgg.weights", "transfer.checkpoint")
"""Modules whose log is shown beyond warnings."""


class Failure(Exception):
    """Ends the program with a sentence and an exit code: 2 for wrong use, 1 for a failed run."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.code = code


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what is wrong with arguments and files into a `Failure`, before any work."""
    try:
        yield
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise Failure(sentence(error)) from error


def failure(error: Exception) -> Failure:
    """Return how an error of the library ends the program.

    What fails before the first iteration is mostly a wish that cannot be met.
    """
    begun = getattr(error, "partial_result", None) is not None
    wrong = not begun and isinstance(error, KeyError | TypeError | ValueError)
    return Failure(sentence(error), 2 if wrong else 1)


def sentence(error: BaseException) -> str:
    """Return the first line of an error's message, in the command line's words.

    Examples
    --------
    >>> sentence(ValueError("maxiter: expected at least 1, received 0"))
    '--iterations: expected at least 1, received 0'
    """
    # A KeyError's own form has its message in quotes.
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error).strip()
    text = text.splitlines()[0] if text else type(error).__name__
    if isinstance(error, MemoryError):
        return f"there is not enough memory ({text}); a smaller --size takes less"
    return reworded(text)


def tell(text: str, prefix: str = "neuralstyle: ", end: str = "\n") -> None:
    """Write a sentence to standard error; where it cannot be written, it is not."""
    with suppress(OSError):
        put(sys.stderr, f"{prefix}{text}{end}")


def out(text: str | bytes) -> None:
    """Write to standard output: all of it, or a failure."""
    try:
        put(sys.stdout, text)
    except OSError as error:
        raise Failure(f"cannot write to standard output: {reason(error)}", 1) from error


def check_out() -> None:
    """Refuse, before any work, a standard output that is closed."""
    if sys.stdout is None or sys.stdout.closed:
        raise Failure("cannot write to standard output: it is closed")


def ask(question: str) -> str | None:
    """Ask on standard error; return the line of the answer, or None at the end of the input."""
    tell(f"{question} ", prefix="", end="")
    with patience(NOTHING_BEGUN):
        line = sys.stdin.readline()
    return line.strip() if line else None


class _Teller(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tell(record.getMessage())


@contextmanager
def plain_messages(quiet: bool) -> Iterator[None]:
    """Show warnings, and the library's log as far as it matters, as sentences."""
    logger, handler = logging.getLogger("neuralstyle"), _Teller()
    # They tell of a download, which takes its time, and of where a run goes on.
    telling = [logging.getLogger(f"neuralstyle.{name}") for name in TELLING]
    levels = [of.level for of in telling]
    logger.addHandler(handler)
    for of in telling if not quiet else ():
        of.setLevel(logging.INFO)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: logger.warning("%s", message)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            for of, level in zip(telling, levels, strict=True):
                of.setLevel(level)


@contextmanager
def silent_start() -> Iterator[None]:
    """Let TensorFlow be imported with oneDNN, and keep it from chattering meanwhile.

    Both are variables that it reads once, and that the user may have set. By itself it leaves
    oneDNN off on processors where networks are faster with it.

    Logging is silent but for errors; who sets the variable to 0 sees all. Some lines of C++ code
    heed no setting, so the descriptor that they are written to leads nowhere meanwhile.
    """
    ask_for_onednn()
    with _importing(), _silent():
        yield


@contextmanager
def _importing() -> Iterator[None]:
    """Tell in a sentence why what the library computes with cannot be imported."""
    try:
        yield
    except (Failure, MemoryError):
        raise
    except Exception as error:  # a broken installation may raise anything
        look()  # or one whose import was cut short
        backend = os.environ.get("KERAS_BACKEND")
        which = f" with KERAS_BACKEND={backend}" if backend else ""
        why = f"{type(error).__name__}: {sentence(error)}"
        raise Failure(f"Keras cannot be imported{which}: {why}", 1) from error


@contextmanager
def _silent() -> Iterator[None]:
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0" or sys.stderr is None:
        yield
        return
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    except Exception:
        look()  # an import that a signal has cut short may say something else
        raise
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
