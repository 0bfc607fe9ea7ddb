"""Checks of what users give: the argument's name, what was expected, what was received."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any, NoReturn, TypeAlias, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

Stays: TypeAlias = Callable[[Any, Any], NoReturn]
"""A ``__reduce_ex__`` that refuses."""

SMALLEST, LARGEST = 1e-25, 1e25
"""Limits of weights other than 0. Gradients are computed in float32, which ends at 1e-38 and 1e38:
a pixel's derivative, a millionth or less, needs room beside the weight."""


LONGEST = 120
"""Of a value in a message, in characters."""


def shown(value: Any) -> str:
    """Return a value as messages show it: in one line, and not long.

    Examples
    --------
    >>> shown("a" * 500)[-8:], shown(10**5000)
    ("aaaa...'", 'an int')
    """
    try:
        text = repr(value)
    except Exception:  # the user's own, or a number of more digits than Python writes
        return f"an {type(value).__name__}"
    if not isinstance(value, str):
        text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]}...{text[-1]}"


def describe(shape: Sequence[int]) -> str:
    """Return the size of a picture or a layer, given height and width first, as messages say it.

    Examples
    --------
    >>> describe((480, 640, 3))
    '640 x 480'
    """
    height, width = shape[:2]
    return f"{width} x {height}"


def nearest(name: Any, known: Iterable[str]) -> str:
    """Return what to add to a message that there is no such name: those that are nearest.

    Examples
    --------
    >>> nearest("conv1_4", ["conv1_1", "conv1_2", "pool"]), nearest("sky", ["conv1_1"])
    ("; the nearest are 'conv1_2', 'conv1_1'", '')
    """
    near = ", ".join(map(repr, get_close_matches(str(name), list(known), 3, 0.5)))
    return f"; the nearest are {near}" if near else ""


def whole_number(argument: str, value: Any, least: int, most: int | None = None) -> int:
    """Check a whole number of at least `least`, and at most `most` if given.

    Examples
    --------
    >>> whole_number("maxcor", 0, 1)
    Traceback (most recent call last):
    ValueError: maxcor: expected at least 1, received 0
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{argument}: expected a whole number, received {shown(value)}")
    whole = int(value)
    if whole < least or (most is not None and whole > most):
        expected = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{argument}: expected {expected}, received {shown(value)}")
    return whole


def number(
    argument: str,
    value: Any,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    of: str = "",
) -> float:
    """Check a finite number: of at least `least`, above `above`, and at most `most`, if given.

    Where the argument has several, `of` says of what it is, as in "for 'style'".

    Examples
    --------
    >>> number("ftol", -1, 0)
    Traceback (most recent call last):
    ValueError: ftol: expected a number of at least 0, received -1
    >>> number("alpha", 1.5, above=0, most=1)
    Traceback (most recent call last):
    ValueError: alpha: expected a number above 0 and at most 1, received 1.5
    """
    of = f" {of}" if of else ""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{argument}: expected a number{of}, received {shown(value)}")
    real = _as_float(value)
    limits = {"of at least": least, "above": above, "at most": most}
    given = [f"{words} {limit}" for words, limit in limits.items() if limit is not None]
    low = (least is not None and real < least) or (above is not None and real <= above)
    if low or (most is not None and real > most) or not math.isfinite(real):
        expected = f"a number {' and '.join(given)}" if given else "a finite number"
        raise ValueError(f"{argument}: expected {expected}{of}, received {shown(value)}")
    return real


def _as_float(value: Real) -> float:
    """Return a number as a float; one that is too large for that is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]


def weight(argument: str, value: Any, least: float | None = None, of: str = "") -> float:
    """Check the weight of a loss or a layer: 0, or a number that float32 can compute with.

    Examples
    --------
    >>> weight("style_weight", None)
    Traceback (most recent call last):
    TypeError: style_weight: expected a number, received None
    >>> weight("weight", 1e-40)
    Traceback (most recent call last):
    ValueError: weight: expected 0 or a number from 1e-25 to 1e+25 in size, received 1e-40
    """
    real = number(argument, value, least, of=of)
    if real != 0 and not SMALLEST <= abs(real) <= LARGEST:
        raise ValueError(
            f"{argument}: expected 0 or a number from {SMALLEST:g} to {LARGEST:g} in size"
            f"{of and ' '}{of}, received {shown(value)}"
        )
    return real


def truth(argument: str, value: Any) -> bool:
    """Check True or False.

    Examples
    --------
    >>> truth("isotropic", 1)
    Traceback (most recent call last):
    TypeError: isotropic: expected True or False, received 1
    """
    if not isinstance(value, bool):
        raise TypeError(f"{argument}: expected True or False, received {shown(value)}")
    return value


def choice(argument: str, value: Any, choices: Collection[str | None]) -> Any:
    """Check that a value is one of a few names, or None if that is among them.

    Examples
    --------
    >>> choice("pooling", "mean", ("max", "avg"))
    Traceback (most recent call last):
    ValueError: pooling: expected "max" or "avg", received 'mean'
    """
    if (value is None or isinstance(value, str)) and value in choices:
        return value
    *names, last = ("None" if name is None else f'"{name}"' for name in choices)
    expected = f"{', '.join(names)} or {last}" if names else last
    raise ValueError(f"{argument}: expected {expected}, received {shown(value)}")


def weights(argument: str, mapping: Mapping[Any, Any]) -> dict[Any, float]:
    """Check a mapping from names to finite numbers of at least 0.

    Examples
    --------
    >>> weights("layers", {"conv1_1": 1, "conv2_1": -1})
    Traceback (most recent call last):
    ValueError: layers: expected a number of at least 0 for 'conv2_1', received -1
    """
    return {name: weight(argument, w, 0, f"for {name!r}") for name, w in mapping.items()}


def check_shares(weights: Any, count: int | None, name: str, of: str) -> list[float]:
    """Return `count` weights that sum to 1, or as many as there are."""
    if weights is None:
        return [1.0 / count] * count if count else []
    try:
        numbers = [_as_float(weight) for weight in weights if isinstance(weight, Real)]
        proper = len(numbers) == len(weights) and not any(isinstance(w, bool) for w in weights)
    except TypeError:
        proper = False
    if not proper:
        raise TypeError(f"{name}: expected a sequence of numbers, received {shown(weights)}")
    if count is not None and len(numbers) != count:
        raise ValueError(f"{name}: expected one for each of {count} {of}, received {len(numbers)}")
    total = sum(numbers)
    if not all(n >= 0 for n in numbers) or not 0 < total < math.inf:
        raise ValueError(
            f"{name}: expected finite numbers of at least 0, not all 0, "
            f"received {shown(list(weights))}"
        )
    return [n / total for n in numbers]


def interval(argument: str, value: Any) -> tuple[float, float]:
    """Check a range: two numbers, the lower one first; they may be infinite.

    Examples
    --------
    >>> interval("bounds", (1, 0))
    Traceback (most recent call last):
    ValueError: bounds: expected low below high, received (1, 0)
    """
    try:
        pair = list(value)
    except TypeError:
        pair = []
    if len(pair) != 2 or not all(isinstance(bound, Real) for bound in pair):
        raise TypeError(f"{argument}: expected (low, high) or None, received {shown(value)}")
    low, high = map(_as_float, pair)
    if not low < high:
        raise ValueError(f"{argument}: expected low below high, received {shown(value)}")
    return low, high


def executor(name: str, value: Any) -> Executor | None:
    """Check an executor, or None: whatever has the method ``submit`` is one.

    Examples
    --------
    >>> executor("executor", 2)
    Traceback (most recent call last):
    TypeError: executor: expected a concurrent.futures.Executor or None, received 2
    """
    if value is None or (callable(getattr(value, "submit", None)) and not isinstance(value, type)):
        return value
    raise TypeError(
        f"{name}: expected a concurrent.futures.Executor or None, received {shown(value)}"
    )


def stays(hint: str) -> Stays:
    """Return a ``__reduce_ex__`` for what cannot be copied or pickled, which says so at once.

    Examples
    --------
    >>> class Engine:
    ...     __reduce_ex__ = stays("make another")
    >>> import copy
    >>> copy.deepcopy(Engine())
    Traceback (most recent call last):
    TypeError: Engine: cannot be copied or pickled: make another
    """

    def refuse(self: Any, protocol: Any) -> NoReturn:
        raise TypeError(f"{type(self).__name__}: cannot be copied or pickled: {hint}")

    return refuse


def takes(what: str, function: Callable[..., Any], *names: str) -> None:
    """Check that a function can be called with as many arguments as are named.

    Examples
    --------
    >>> takes("callback", lambda: None, "progress")
    Traceback (most recent call last):
    TypeError: callback: expected callback(progress), received callback()
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of one that is not written in Python
        return
    try:
        signature.bind(*names)
    except TypeError:
        given = ", ".join(signature.parameters)
        raise TypeError(
            f"{what}: expected {what}({', '.join(names)}), received {what}({given})"
        ) from None


def check_callback(callback: Any) -> None:
    """Check that a callback can be called with a progress, if there is one."""
    if callback is None:
        return
    if not callable(callback):
        raise TypeError(f"callback: expected a callable, received {shown(callback)}")
    takes("callback", callback, "progress")


def gone(**hints: str) -> Callable[[F], F]:
    """Refuse keywords that a function took in an earlier version, and say what to write now.

    Examples
    --------
    >>> @gone(shade="is now the argument tint")
    ... def paint(tint=0.5):
    ...     return tint
    >>> paint(shade=0.1)
    Traceback (most recent call last):
    TypeError: paint: shade is now the argument tint
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def checked(*args: Any, **options: Any) -> Any:
            for name in options:
                if name in hints:
                    raise TypeError(f"{function.__name__}: {name} {hints[name]}")
            return function(*args, **options)

        return cast(F, checked)  # type checkers know nothing of the keywords that are gone

    return decorate


def image_shape(shape: Any) -> tuple[int, int, int]:
    """Return (height, width, 3), given that or (height, width)."""
    # A tensor's shape, TensorFlow's TensorShape, is no Sequence.
    listed = isinstance(shape, Sequence) or hasattr(shape, "as_list")
    numbers = tuple(shape) if listed else ()
    whole = all(isinstance(n, Integral) and not isinstance(n, bool) for n in numbers)
    if not whole or len(numbers) not in (2, 3) or min(numbers) < 1 or numbers[2:] not in ((), (3,)):
        raise ValueError(
            f"shape: expected (height, width) or (height, width, 3), received {shown(shape)}"
        )
    return int(numbers[0]), int(numbers[1]), 3
