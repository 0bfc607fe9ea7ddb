"""The algebra of losses: `Loss`, the `loss` decorator, and their weighted sum `StyleObjective`."""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import keras
from keras import ops

from neuralstyle._checks import number
from neuralstyle._types import Tensor

_weight = functools.partial(number, "weight")


class _Summable:
    """What losses and objectives share: adding them and weighing them gives an objective."""

    __array_ufunc__ = None  # an array times a loss is refused, not spread over the array

    def __add__(self, other: Loss | StyleObjective | int) -> StyleObjective:
        """Add the terms of `other`."""
        if isinstance(other, int) and not isinstance(other, bool) and other == 0:
            return StyleObjective(self)  # sum() starts from 0
        return StyleObjective(self, other)

    __radd__ = __add__

    def __mul__(self, weight: float) -> StyleObjective:
        """Multiply every term's weight."""
        factor = _weight(weight)
        return StyleObjective(
            *(Term(t.name, _weight(t.weight * factor), t.loss) for t in StyleObjective(self).terms)
        )

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> StyleObjective:
        """Divide every term's weight."""
        if _weight(divisor) == 0:
            raise ValueError("divisor: expected a number other than 0, received 0")
        return self * (1.0 / divisor)

    def __neg__(self) -> StyleObjective:
        """Turn every term's sign, to maximise it."""
        return self * -1.0


class Loss(_Summable, ABC):
    """A scalar of an image's features, to be made small.

    A loss takes the features of its target in its constructor and keeps only the statistic that it
    needs; calling it with the features of the generated image gives a scalar tensor. Subclasses
    write ``__call__`` in `keras.ops`, and are done: weights come from ``*``, sums from ``+``.

    Attributes
    ----------
    name : str
        How the term is called in tables, histories and errors. A class that does not set it is
        called after itself: ``EdgeLoss`` is ``"edge"``.
    reuse : bool
        Whether compiled code may be used again for other losses of the class: True promises that
        what it computes depends on nothing but its attributes. Numbers, texts and NumPy arrays
        among these are compared, tensors and `keras.Variable` s are passed (Variables are read at
        every evaluation), lists, dicts, losses and masks looked into. False by default: code is
        compiled anew for every evaluator, and no change ever meets old code.

    See Also
    --------
    loss : makes a loss from a function.

    Examples
    --------
    >>> from keras import ops
    >>> class BrightnessLoss(Loss):
    ...     def __init__(self, target):
    ...         self.mean = ops.mean(target["input"])
    ...     def __call__(self, features):
    ...         return (ops.mean(features["input"]) - self.mean) ** 2
    >>> term = BrightnessLoss({"input": np.full((1, 2, 2, 3), 0.5)})
    >>> float(term({"input": np.zeros((1, 2, 2, 3))}))
    0.25
    >>> print(2 * term)
    name        weight  loss
    brightness       2  BrightnessLoss()
    """

    name: str = "loss"
    reuse: bool = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Name the class after itself."""
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            stem = cls.__name__.removesuffix("Loss") or cls.__name__
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", stem).lower()

    @abstractmethod
    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of the generated image as a scalar tensor."""

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"{type(self).__name__}()"


@final
class _FunctionLoss(Loss):
    """The loss that the `loss` decorator makes."""

    def __init__(self, function: Callable[[Mapping[str, Tensor]], Tensor]) -> None:
        self.name = getattr(function, "__name__", "function").replace("<lambda>", "function")
        self.__doc__ = function.__doc__
        self._function = function

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        return self._function(features)

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"loss({self.name})"


def loss(function: Callable[[Mapping[str, Tensor]], Tensor]) -> Loss:
    """Make a loss from a function of the generated image's features.

    Parameters
    ----------
    function : callable
        Takes a mapping from layer name to tensor (``features["input"]`` is the image, shape
        ``(1, H, W, 3)``) and returns a scalar tensor, computed with `keras.ops`.

    Returns
    -------
    Loss
        Named after the function.

    Raises
    ------
    TypeError
        If `function` cannot be called.

    Examples
    --------
    >>> from keras import ops
    >>> @loss
    ... def contrast(features):
    ...     return -ops.std(features["input"])
    >>> contrast
    loss(contrast)
    >>> print(0.5 * contrast)
    name      weight  loss
    contrast     0.5  loss(contrast)
    """
    if isinstance(function, (Loss, StyleObjective)) or not callable(function):
        raise TypeError(f"function: expected a function of features, received {function!r}")
    return _FunctionLoss(function)


@dataclass(frozen=True)
class Term:
    """One term of a `StyleObjective`.

    Attributes
    ----------
    name : str
        Unique within its objective.
    weight : float
        Factor of the loss in the sum.
    loss : Loss
    """

    name: str
    weight: float
    loss: Loss

    def __post_init__(self) -> None:
        """Check the weight."""
        _weight(self.weight)


@final
class StyleObjective(_Summable):
    r"""A flat weighted sum of losses.

    .. math:: L = \sum_i w_i L_i

    Objectives come from the algebra (``a + 2.0 * b``) rather than from this constructor. Addition
    appends terms, multiplication by a number scales their weights, and nothing nests.

    Parameters
    ----------
    *parts : Loss, StyleObjective or Term
        Terms in order. Terms of one name get suffixes: ``style``, ``style_1``, ``style_2``.

    Attributes
    ----------
    terms : tuple of Term

    Raises
    ------
    TypeError
        If a part is none of these; a bare function is refused with a hint to `loss`.

    Examples
    --------
    >>> from neuralstyle import TotalVariationLoss
    >>> objective = TotalVariationLoss() + 0.1 * TotalVariationLoss(exponent=1)
    >>> print(objective)
    name               weight  loss
    total_variation         1  TotalVariationLoss(exponent=2)
    total_variation_1     0.1  TotalVariationLoss(exponent=1)
    >>> objective.weights
    {'total_variation': 1.0, 'total_variation_1': 0.1}
    """

    def __init__(self, *parts: Any) -> None:
        terms: list[Term] = []
        for part in parts:
            if isinstance(part, StyleObjective):
                terms.extend(part.terms)
            elif isinstance(part, Loss):
                terms.append(Term(part.name, 1.0, part))
            elif isinstance(part, Term):
                terms.append(part)
            elif callable(part):
                raise TypeError(
                    f"expected a loss, received the function {part!r}: "
                    "make it a loss with the decorator @neuralstyle.loss"
                )
            else:
                raise TypeError(f"expected a loss or an objective, received {part!r}")
        if not terms:
            raise ValueError("expected at least one loss, received none")
        self.terms: tuple[Term, ...] = _with_unique_names(terms)

    @property
    def weights(self) -> dict[str, float]:
        """The weight of every term, by name."""
        return {term.name: term.weight for term in self.terms}

    def evaluate(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Evaluate every loss, before weighing.

        Parameters
        ----------
        features : mapping from str to tensor
            Of the generated image.

        Returns
        -------
        dict from str to tensor
            Scalars by term name, in order.

        Raises
        ------
        ValueError
            If a loss does not return a scalar.
        TypeError
            If a loss does not return a floating-point tensor, or computes with NumPy what only
            `keras.ops` can.
        """
        return {term.name: scalar(term.name, term.loss, features) for term in self.terms}

    def total(self, values: Mapping[str, Tensor]) -> Tensor:
        """Weigh and sum what `evaluate` returned, in float64.

        Parameters
        ----------
        values : mapping from str to tensor or float

        Returns
        -------
        tensor, scalar, float64

        Notes
        -----
        The terms are float32, but their sum need not be rounded to it: a line search compares
        values that differ in the last digits.
        """
        return weighted_sum(list(self.weights.values()), [values[name] for name in self.weights])

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum at `features` as a float64 scalar tensor."""
        return self.total(self.evaluate(features))

    def __len__(self) -> int:
        """Return the number of terms."""
        return len(self.terms)

    def __repr__(self) -> str:
        """Draw the table of terms: name, weight, loss."""
        rows = [("name", "weight", "loss")]
        rows += [(t.name, f"{t.weight:g}", repr(t.loss)) for t in self.terms]
        name, weight = (max(len(row[i]) for row in rows) for i in (0, 1))
        return "\n".join(f"{row[0]:<{name}}  {row[1]:>{weight}}  {row[2]}" for row in rows)


def scalar(name: str, loss: Callable[[Mapping[str, Tensor]], Any], features: Any) -> Tensor:
    """Evaluate a loss, checking that it is a floating-point scalar."""
    try:
        value = ops.convert_to_tensor(loss(features))
    except NotImplementedError as error:  # NumPy refuses the tensors of a graph
        raise TypeError(
            f"loss {name!r}: expected a computation with keras.ops, received one that "
            f"a tensor refuses: {str(error).splitlines()[0]}"
        ) from error
    if tuple(value.shape) != ():
        raise ValueError(f"loss {name!r}: expected a scalar, received shape {tuple(value.shape)}")
    if "float" not in str(value.dtype):
        dtype = keras.backend.standardize_dtype(value.dtype)
        raise TypeError(f"loss {name!r}: expected a floating-point scalar, received {dtype}")
    return value


def weighted_sum(weights: Sequence[Any], values: Sequence[Tensor]) -> Tensor:
    """Weigh and sum losses in float64."""
    pairs = zip(weights, values, strict=True)
    return sum(weight * ops.cast(value, "float64") for weight, value in pairs)


def _with_unique_names(terms: list[Term]) -> tuple[Term, ...]:
    unique: dict[str, Term] = {}
    for term in terms:
        # A suffix that an earlier sum gave is not part of the name; a name of the user's is.
        suffixed = re.fullmatch(rf"{re.escape(term.loss.name)}_\d+", term.name)
        base = term.loss.name if suffixed else term.name
        count, name = 0, base
        while name in unique:
            count += 1
            name = f"{base}_{count}"
        unique[name] = Term(name, term.weight, term.loss)
    return tuple(unique.values())
