"""The algebra of losses: `Loss`, the `loss` decorator, and their weighted sum `StyleObjective`."""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from keras import ops

from neuralstyle._checks import shown
from neuralstyle._types import Tensor
from neuralstyle.losses.evaluation import scalar
from neuralstyle.losses.weights import Factor, Weights
from neuralstyle.losses.weights import term_weight as _weight


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
        if isinstance(weight, Factor):
            return NotImplemented
        factor = _weight(weight)
        return StyleObjective(
            *(Term(t.name, _weight(t.weight * factor), t.loss) for t in StyleObjective(self).terms)
        )

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> StyleObjective:
        """Divide every term's weight."""
        number = _weight(divisor, "divisor")
        if number == 0:
            raise ValueError("divisor: expected a number other than 0, received 0")
        return self * (1.0 / number)

    def __neg__(self) -> StyleObjective:
        """Turn every term's sign, to maximise it."""
        return self * -1.0

    def __tf_tensor__(self, dtype: Any = None, name: Any = None) -> Tensor:
        """Refuse to be a tensor: one that is multiplied by a loss leaves the product to it."""
        raise TypeError(
            f"expected a number or a tensor, received the loss {shown(self)}: call it with "
            "features; its weight is a plain number"
        )


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

    Raises
    ------
    TypeError, ValueError
        If one of these is not as above.
    """

    name: str
    weight: float
    loss: Loss

    def __post_init__(self) -> None:
        """Check the arguments."""
        if not isinstance(self.name, str):
            raise TypeError(f"name: expected text, received {shown(self.name)}")
        object.__setattr__(self, "weight", _weight(self.weight))
        if not isinstance(self.loss, Loss):
            raise _no_loss(self.loss)


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
        If a part is none of these; the message says what makes a loss of it, where something does.

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
            else:
                raise _no_loss(part)
        if not terms:
            raise ValueError("expected at least one loss, received none")
        self.terms: tuple[Term, ...] = _with_unique_names(terms)

    @property
    def weights(self) -> Mapping[str, float]:
        """The weight of every term, by name; they cannot be set."""
        return Weights({term.name: term.weight for term in self.terms})

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
        KeyError, ValueError, TypeError, RuntimeError
            If a loss raises an error: the message names the term, and the cause is that error.
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


def _no_loss(part: Any) -> TypeError:
    """Return the error that says what was given in place of a loss."""
    what, hint = shown(part), ""
    module = getattr(part if inspect.isroutine(part) else type(part), "__module__", None) or ""
    if isinstance(part, type):
        what, hint = f"the class {part.__name__}", ": call it, to make a loss of that class"
        if not issubclass(part, Loss):
            hint = ", which is no class of losses; a function is made a loss by @neuralstyle.loss"
    elif module.startswith("neuralstyle.transfer.recipes"):
        what = f"the recipe {getattr(part, 'name', None) or part.__name__}"
        hint = ": recipe()(content, style) makes one of features" if inspect.isroutine(part) else ""
        hint = hint or ": called with features, recipe(content, style), it makes an objective"
        hint += "; stylize takes it as recipe="
    elif isinstance(getattr(part, "objective", None), StyleObjective):
        what = f"the {type(part).__name__} of one"
        hint = ": take its .objective"
    elif isinstance(part, StyleObjective):
        what, hint = "an objective", ": a term has one loss; add objectives with +"
    elif isinstance(part, Mapping):
        what = f"a mapping, {type(part).__name__}"
        hint = ": a loss is made of features, StyleLoss(features) for instance"
    elif module.startswith("neuralstyle."):
        pass
    elif callable(part):
        what = f"the function {what}"
        hint = ": make it a loss with the decorator @neuralstyle.loss"
    return TypeError(f"expected a loss or an objective, received {what}{hint}")


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
