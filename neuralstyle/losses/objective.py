"""Losses, their weighted sums, and the losses that combine others: they are made of each other."""

from __future__ import annotations

import copy
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, TypeVar, final

from neuralstyle._checks import choice, number, shown
from neuralstyle._types import Tensor
from neuralstyle.losses.algebra import OfSum, Operand
from neuralstyle.losses.evaluation import combined
from neuralstyle.losses.refusals import no_loss
from neuralstyle.losses.terms import Terms, checked_name, with_unique_names
from neuralstyle.losses.weights import term_weight

Named = TypeVar("Named", bound="Loss")


class _Summable(Operand["StyleObjective"]):
    """What losses and objectives share."""

    def _sum_of(self, *parts: Any) -> StyleObjective:
        return StyleObjective(*parts)

    def _product(self, other: Operand[StyleObjective]) -> StyleObjective:
        """Multiply; the weights of factors of one term are that of the product."""
        weight = 1.0
        operands: list[StyleObjective] = []
        for factor in (self._sum_of(self), self._sum_of(other)):
            first, *more = factor.terms
            if more:
                operands.append(factor)
                continue
            weight *= first.weight
            inner = first.loss
            if isinstance(inner, Combination) and inner.kind == first.name == "product":
                operands += inner.operands
            else:
                operands.append(StyleObjective(replace(first, weight=1.0)))
        return StyleObjective(Term("product", weight, Combination("product", operands)))

    def _power(self, exponent: float) -> StyleObjective:
        return StyleObjective(Combination("power", [self._sum_of(self)], exponent))


class Loss(_Summable):
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
    terms, weights
        As those of the `StyleObjective` of this loss alone.

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
    terms: OfSum[tuple[Term, ...]] = OfSum()
    weights: OfSum[Mapping[str, float]] = OfSum()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Name the class after itself."""
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            stem = cls.__name__.removesuffix("Loss") or cls.__name__
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", stem).lower()

    @abstractmethod
    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of the generated image as a scalar tensor."""

    def named(self: Named, name: str) -> Named:
        """Return this loss under another name.

        Parameters
        ----------
        name : str

        Returns
        -------
        Loss
            Of the same class; this one keeps its name.

        Raises
        ------
        TypeError, ValueError
            If `name` is no text, is empty, or has a ``/``, which paths of parts are written with.

        Examples
        --------
        >>> from neuralstyle import TotalVariationLoss
        >>> print(0.5 * TotalVariationLoss().named("grain"))
        name   weight  loss
        grain     0.5  TotalVariationLoss(exponent=2)
        """
        renamed = copy.copy(self)
        renamed.name = checked_name(name)
        return renamed

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"{type(self).__name__}()"


@dataclass(frozen=True)
class Term:
    """One term of a `StyleObjective`.

    Attributes
    ----------
    name : str
        Unique within its objective. Not empty, and without ``/``, which paths of parts are written
        with.
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
        checked_name(self.name)
        object.__setattr__(self, "weight", term_weight(self.weight))
        if not isinstance(self.loss, Loss):
            raise no_loss(self.loss)


@final
class StyleObjective(Terms[Term], _Summable):
    r"""A flat weighted sum of losses.

    .. math:: L = \sum_i w_i L_i

    Objectives come from the algebra (``a + 2.0 * b - c``) rather than from this constructor.
    Addition appends terms, multiplication by a number scales their weights, and nothing nests. A
    product (``a * b``), a power (``a ** 2``) and a `maximum` are one term each, made of parts.

    It can be asked for its terms as a dict is: ``objective["style"]`` is a `Term`, and ``in``,
    ``len`` and iteration are about their names. It cannot be changed; what changes a part of it,
    as `with_weights` does, returns another one.

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
    >>> objective["total_variation"].weight, "style" in objective, len(objective)
    (1.0, False, 2)
    """

    def __init__(self, *parts: ObjectiveLike | Term) -> None:
        terms: list[Term] = []
        for part in parts:
            if isinstance(part, StyleObjective):
                terms.extend(part.terms)
            elif isinstance(part, Loss):
                terms.append(Term(part.name, 1.0, part))
            elif isinstance(part, Term):
                terms.append(part)
            else:
                raise no_loss(part)
        if not terms:
            raise ValueError("expected at least one loss, received none")
        self.terms: tuple[Term, ...] = with_unique_names(terms)


ObjectiveLike: TypeAlias = "StyleObjective | Loss | Literal[0]"
"""What is minimised. Type checkers take the sum of an empty list for 0, which is refused."""


@final
class Combination(Loss):
    """A product, a power or the maximum of weighted sums: one term, made of parts.

    It comes from ``a * b``, ``a ** 2`` and `maximum`.

    Parameters
    ----------
    kind : {"product", "power", "maximum"}
    operands : sequence of StyleObjective
        One for a power.
    exponent : float, default 1
        Of a power.
    """

    def __init__(
        self, kind: str, operands: Sequence[StyleObjective], exponent: float = 1.0
    ) -> None:
        for term in StyleObjective(*operands).terms:
            if getattr(term.loss, "schedule", None) is not None:
                raise TypeError(
                    f"{kind}: expected parts with fixed weights, received a schedule of "
                    f"{term.name!r}; give it to the whole: ns.schedule(...) * ({kind} of losses)"
                )
        self.name = kind
        self.kind: str = kind
        self.operands: list[StyleObjective] = list(operands)
        self.exponent = exponent

    @property
    def parts(self) -> StyleObjective:
        """The terms of all operands, in order, with unique names."""
        return StyleObjective(*self.operands)

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Evaluate the parts and combine them, in float64."""
        parts = self.parts
        values, weights = parts.evaluate(features).values(), parts.weights.values()
        return combined(self.shape, list(values), list(weights))

    @property
    def shape(self) -> tuple[str, float, tuple[int, ...]]:
        """What of it is neither a loss nor a weight: kind, exponent, terms in each operand."""
        return self.kind, self.exponent, tuple(map(len, self.operands))

    def check(self) -> None:
        """Check what a file says."""
        choice("kind", self.kind, ("product", "power", "maximum"))
        number("exponent", self.exponent)
        if not all(isinstance(operand, StyleObjective) for operand in self.operands):
            raise TypeError(f"operands: expected objectives, received {shown(self.operands)}")
        if (self.kind == "power") is not (len(self.operands) == 1) or not self.operands:
            raise ValueError(f"operands: expected others, received {len(self.operands)}")

    def __repr__(self) -> str:
        """Write it as it is made."""
        written = [_written(operand) for operand in self.operands]
        if self.kind == "maximum":
            return f"maximum({', '.join(text for text, _ in written)})"
        factors = [text if simple else f"({text})" for text, simple in written]
        if self.kind == "power":
            return f"{factors[0]} ** {self.exponent:g}"
        return " * ".join(factors)


def _written(objective: StyleObjective) -> tuple[str, bool]:
    """Return an objective in a line, and whether it can be a factor as it stands."""
    parts = [f"{'' if t.weight == 1 else f'{t.weight:g} * '}{t.loss!r}" for t in objective.terms]
    (first, *more) = objective.terms
    simple = not more and first.weight == 1 and not isinstance(first.loss, Combination)
    return " + ".join(parts), simple


def maximum(*losses: ObjectiveLike) -> StyleObjective:
    r"""Make one term of the largest of several losses.

    .. math:: L = \max_i L_i

    Parameters
    ----------
    *losses : Loss or StyleObjective
        Two at least; weigh them so that they are of one size.

    Returns
    -------
    StyleObjective
        Of one term, ``maximum``.

    Raises
    ------
    TypeError, ValueError
        If they are no losses, or fewer than two.

    Notes
    -----
    The gradient is that of the largest alone, and jumps where another becomes the largest: a line
    search has to find its way along such edges, in smaller steps. At a tie the first one counts.

    Examples
    --------
    >>> from neuralstyle import TotalVariationLoss, loss
    >>> grain, lines = TotalVariationLoss(), TotalVariationLoss(exponent=1)
    >>> worst = maximum(grain, 0.5 * lines)
    >>> print(worst)
    name     weight  loss
    maximum       1  maximum(TotalVariationLoss(exponent=2), 0.5 * TotalVariationLoss(exponent=1))
    """
    operands = [StyleObjective(loss) for loss in losses]
    if len(operands) < 2:
        raise ValueError(f"losses: expected at least two, received {len(operands)}")
    return StyleObjective(Combination("maximum", operands))
