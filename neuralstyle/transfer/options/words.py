"""Options as words: what a command line or a form hands over, one word at a time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from neuralstyle._checks import shown
from neuralstyle.features.tiles import LEAST
from neuralstyle.optimize.methods.methods import Method, parse_method
from neuralstyle.transfer.start import STARTS


def whole(least: int = 1) -> Callable[[str], int]:
    """Return what reads a whole number of at least `least`.

    Examples
    --------
    >>> whole()("12")
    12
    >>> whole()("0")
    Traceback (most recent call last):
    ValueError: expected a whole number of at least 1, received '0'
    """

    def read(text: str) -> int:
        if re.fullmatch("[0-9]{10,}", text):
            raise ValueError(f"expected at most 999999999, received {shown(text)}")
        value = int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
        if value < least:
            raise ValueError(f"expected a whole number of at least {least}, received {shown(text)}")
        return value

    return read


def tile(text: str) -> int | str:
    """Read the side of a tile, or ``auto``.

    Examples
    --------
    >>> tile("512"), tile("auto")
    (512, 'auto')
    """
    return text if text == "auto" else whole(LEAST)(text)


def among(choices: Sequence[str]) -> Callable[[str], str]:
    """Return what reads one of a few names.

    Examples
    --------
    >>> among(("avg", "max"))("mean")
    Traceback (most recent call last):
    ValueError: expected avg or max, received 'mean'
    """

    def read(text: str) -> str:
        if text not in choices:
            *others, last = choices
            raise ValueError(f"expected {', '.join(others)} or {last}, received {shown(text)}")
        return text

    return read


def number(text: str) -> float:
    """Read a number, which may be infinite.

    Examples
    --------
    >>> number("1e-3")
    0.001
    """
    value = _float(text)
    if math.isnan(value):
        raise ValueError(f"expected a number, received {shown(text)}")
    return value


def amount(text: str) -> float:
    """Read a finite number of at least 0."""
    value = _float(text)
    if not 0 <= value < math.inf:
        raise ValueError(f"expected a number of at least 0, received {shown(text)}")
    return value


def one_or_more(values: list[float]) -> float | tuple[float, ...]:
    """Return the only number, or all of them."""
    return values[0] if len(values) == 1 else tuple(values)


def positive(text: str) -> float:
    """Read a finite number above 0."""
    value = _float(text)
    if not 0 < value < math.inf:
        raise ValueError(f"expected a number above 0, received {shown(text)}")
    return value


def share(text: str) -> tuple[str, float]:
    """Read the share of a term.

    Examples
    --------
    >>> share("content:0.5")
    ('content', 0.5)
    """
    name, colon, value = text.rpartition(":")
    if not colon or not name:
        raise ValueError(f"expected TERM:SHARE, received {shown(text)}")
    return name, amount(value)


def by_name(pairs: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Put shares together; each is given once."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"expected each term once, received {shown(name)} twice")
    return dict(pairs)


def start(text: str) -> str | dict[str, float] | Path:
    """Read where to start: a name, a mixture of names, or else a file.

    Examples
    --------
    >>> start("noise"), start("content:0.8,noise:0.2")
    ('noise', {'content': 0.8, 'noise': 0.2})
    """
    if text in STARTS:
        return text
    pairs = [item.partition(":") for item in text.split(",")]
    if not all(name in STARTS and colon for name, colon, _ in pairs):
        return Path(text)
    return {name: amount(value) for name, _, value in pairs}


def method(text: str) -> Method:
    """Read a method with its options.

    Examples
    --------
    >>> method("l-bfgs:maxcor=50")
    LBFGS(maxcor=50, maxls=20)
    """
    try:
        return parse_method(text)
    except (TypeError, ValueError) as error:
        raise ValueError(str(error).removeprefix("method: ")) from None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
