"""Checks of numbers that users give: the argument's name, what was expected, what was received."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any


def whole_number(argument: str, value: Any, least: int) -> int:
    """Check a whole number of at least `least`.

    Examples
    --------
    >>> whole_number("maxcor", 0, 1)
    Traceback (most recent call last):
    ValueError: maxcor: expected at least 1, received 0
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{argument}: expected a whole number, received {value!r}")
    if value < least:
        raise ValueError(f"{argument}: expected at least {least}, received {value}")
    return int(value)


def number(
    argument: str, value: Any, least: float | None = None, above: float | None = None
) -> float:
    """Check a finite number, of at least `least` or above `above` if one is given.

    Examples
    --------
    >>> number("ftol", -1, 0)
    Traceback (most recent call last):
    ValueError: ftol: expected a number of at least 0, received -1
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{argument}: expected a number, received {value!r}")
    low = (least is not None and value < least) or (above is not None and value <= above)
    if low or not math.isfinite(value):
        expected = "a finite number"
        if least is not None:
            expected = f"a number of at least {least}"
        elif above is not None:
            expected = f"a number above {above}"
        raise ValueError(f"{argument}: expected {expected}, received {value!r}")
    return float(value)


def check_shares(weights: Any, count: int, name: str, of: str) -> list[float]:
    """Return `count` weights that sum to 1."""
    if weights is None:
        return [1.0 / count] * count
    try:
        numbers = [float(weight) for weight in weights if isinstance(weight, Real)]
        proper = len(numbers) == len(weights) and not any(isinstance(w, bool) for w in weights)
    except TypeError:
        proper = False
    if not proper:
        raise TypeError(f"{name}: expected a sequence of numbers, received {weights!r}")
    if len(numbers) != count:
        raise ValueError(f"{name}: expected one for each of {count} {of}, received {len(numbers)}")
    if not all(math.isfinite(n) and n >= 0 for n in numbers) or sum(numbers) == 0:
        raise ValueError(
            f"{name}: expected finite numbers of at least 0, not all 0, received {list(weights)!r}"
        )
    return [n / sum(numbers) for n in numbers]
