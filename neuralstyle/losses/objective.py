# Long because losses, their terms, sums and combinations are made of each other.
"""The algebra of losses: `Loss`, weighted sums (`StyleObjective`), and products, powers, maxima."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, final

from keras import ops

from neuralstyle._checks import choice, number, shown
from neuralstyle._types import Tensor
from neuralstyle.images.show import table
from neuralstyle.losses.evaluation import scalar
from neuralstyle.losses.weights import Factor, Weights
from neuralstyle.losses.weights import term_weight as _weight

Named = TypeVar("Named", bound="Loss")
Of = TypeVar("Of")


class _Summable:
    """What losses and objectives share: whatever is computed with them is an objective."""

    __array_ufunc__ = None  # an array times a loss is refused, not spread over the array

    def __add__(self, other: Loss | StyleObjective | int) -> StyleObjective:
        """Add the terms of `other`."""
        if isinstance(other, int) and not isinstance(other, bool) and other == 0:
            return StyleObjective(self)  # sum() starts from 0
        return StyleObjective(self, other)

    __radd__ = __add__

    def __sub__(self, other: Loss | StyleObjective) -> StyleObjective:
        """Add the terms of `other`, with their signs turned."""
        return StyleObjective(self, -StyleObjective(other))

    def __rsub__(self, other: int) -> StyleObjective:
        """Turn every term's sign: `other` can only be the 0 that sums start from."""
        return -self + other

    def __mul__(self, weight: float | Loss | StyleObjective) -> StyleObjective:
        """Multiply every term's weight; with a loss or an objective, make the product one term."""
        if isinstance(weight, Loss | StyleObjective):
            return _product(StyleObjective(self), StyleObjective(weight))
        if isinstance(weight, Factor):
            return NotImplemented
        factor = _weight(weight)
        return StyleObjective(
            *(Term(t.name, _weight(t.weight * factor), t.loss) for t in StyleObjective(self).terms)
        )

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> StyleObjective:
        """Divide every term's weight."""
        if isinstance(divisor, Loss | StyleObjective):
            raise TypeError(
                f"divisor: expected a number, received {shown(divisor)}: a quotient of losses is "
                "a * b ** -1"
            )
        factor = _weight(divisor, "divisor")
        if factor == 0:
            raise ValueError("divisor: expected a number other than 0, received 0")
        return self * (1.0 / factor)

    def __neg__(self) -> StyleObjective:
        """Turn every term's sign, to maximise it."""
        return self * -1.0

    def __pow__(self, exponent: float) -> StyleObjective:
        """Make one term, `power`, of the sum raised to a power."""
        power = number("exponent", exponent)
        if power == 0:
            raise ValueError("exponent: expected a number other than 0, received 0")
        return StyleObjective(Combination("power", [StyleObjective(self)], power))

    def __tf_tensor__(self, dtype: Any = None, name: Any = None) -> Tensor:
        """Refuse to be a tensor: one that is multiplied by a loss leaves the product to it."""
        raise TypeError(
            f"expected a number or a tensor, received the loss {shown(self)}: call it with "
            "features; its weight is a plain number"
        )


@final
class _OfSum(Generic[Of]):
    """An attribute that a loss has as the sum of itself alone, unless it sets one of that name."""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    def __get__(self, loss: Any, owner: type[Any] | None = None) -> Of:
        value: Of = self if loss is None else getattr(StyleObjective(loss), self._name)  # type: ignore[assignment]
        return value


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
    terms = _OfSum[tuple["Term", ...]]()
    weights = _OfSum[Mapping[str, float]]()

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
        object.__setattr__(self, "weight", _weight(self.weight))
        if not isinstance(self.loss, Loss):
            raise _no_loss(self.loss)


@final
class StyleObjective(_Summable):
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

    def with_weights(self, weights: Mapping[str, float] = {}, /, **more: float) -> StyleObjective:  # noqa: B006
        """Return this objective with other weights of some terms.

        Parameters
        ----------
        weights : mapping from str to float, optional
            By the names of terms.
        **more : float
            The same as keywords.

        Returns
        -------
        StyleObjective
            What is not named keeps its weight.

        Raises
        ------
        KeyError
            If there is no term of such a name.
        TypeError, ValueError
            If a weight is not a number, or beyond what float32 can compute with.

        Examples
        --------
        >>> from neuralstyle import TotalVariationLoss
        >>> objective = TotalVariationLoss(name="fine") + TotalVariationLoss(name="coarse")
        >>> objective.with_weights(fine=3).weights
        {'fine': 3.0, 'coarse': 1.0}
        """
        if not isinstance(weights, Mapping):
            raise TypeError(
                f"weights: expected a mapping from term to number, received {shown(weights)}"
            )
        wanted = {**weights, **more}
        for name, value in wanted.items():
            self[name]  # raises if there is no such term
            wanted[name] = _weight(value, name)
        return self._of(
            [dataclasses.replace(t, weight=wanted.get(t.name, t.weight)) for t in self.terms]
        )

    def without(self, *names: str) -> StyleObjective:
        """Return this objective without some terms.

        Parameters
        ----------
        *names : str

        Returns
        -------
        StyleObjective
            The other terms keep their names.

        Raises
        ------
        KeyError
            If there is no term of such a name.
        ValueError
            If nothing would be left.

        Examples
        --------
        >>> from neuralstyle import TotalVariationLoss
        >>> objective = TotalVariationLoss(name="fine") + TotalVariationLoss(name="coarse")
        >>> list(objective.without("fine"))
        ['coarse']
        """
        gone = {self[name].name for name in names}
        left = [term for term in self.terms if term.name not in gone]
        if not left:
            raise ValueError(
                f"names: expected to leave a term, received all of them: {', '.join(gone)}"
            )
        return self._of(left)

    def named(self, name: str) -> StyleObjective:
        """Return this objective of one term with that term under another name.

        Parameters
        ----------
        name : str

        Returns
        -------
        StyleObjective

        Raises
        ------
        TypeError, ValueError
            If `name` is none for a loss, or there are several terms.

        Examples
        --------
        >>> from neuralstyle import TotalVariationLoss
        >>> (2 * TotalVariationLoss()).named("grain").weights
        {'grain': 2.0}
        """
        if len(self) > 1:
            raise ValueError(
                f"name: expected an objective of one term, received {len(self)}: name the losses "
                "before they are added"
            )
        (term,) = self.terms
        return StyleObjective(Term(name, term.weight, term.loss.named(name)))

    @classmethod
    def _of(cls, terms: Sequence[Term]) -> StyleObjective:
        """Return the objective of terms that have unique names already."""
        made = object.__new__(cls)
        made.terms = tuple(terms)
        return made

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

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        rows = [(t.name, f"{t.weight:g}", repr(t.loss)) for t in self.terms]
        return table(["name", "weight", "loss"], rows)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the terms."""
        return (term.name for term in self.terms)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a term of this name."""
        return any(term.name == name for term in self.terms)

    def __getitem__(self, name: str) -> Term:
        """Return the term of this name."""
        for term in self.terms:
            if term.name == name:
                return term
        raise KeyError(f"there is no term {shown(name)}; the terms are {', '.join(self)}")

    def __repr__(self) -> str:
        """Draw the table of terms: name, weight, loss."""
        rows = [("name", "weight", "loss")]
        rows += [(t.name, f"{t.weight:g}", repr(t.loss)) for t in self.terms]
        name, weight = (max(len(row[i]) for row in rows) for i in (0, 1))
        return "\n".join(f"{row[0]:<{name}}  {row[1]:>{weight}}  {row[2]}" for row in rows)


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
        self.name = self.kind = kind
        self.operands = list(operands)
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
            raise TypeError(f"operands: expected objectives, received {self.operands!r}")
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


def combined(
    shape: tuple[str, float, tuple[int, ...]], values: Sequence[Tensor], weights: Sequence[Any]
) -> Tensor:
    """Combine the values of a combination's parts, as its `shape` says, in float64."""
    kind, exponent, counts = shape
    pairs = iter(list(zip(weights, values, strict=True)))
    operands = [
        weighted_sum(*zip(*(next(pairs) for _ in range(count)), strict=True)) for count in counts
    ]
    result, *others = operands
    if kind == "power":
        return result**exponent
    for other in others:
        result = result * other if kind == "product" else ops.maximum(result, other)
    return result


def _product(*factors: StyleObjective) -> StyleObjective:
    """Make one term of a product; the weights of factors of one term are its weight."""
    weight, operands = 1.0, []
    for factor in factors:
        if len(factor) > 1:
            operands.append(factor)
            continue
        (term,) = factor.terms
        weight *= term.weight
        inner = term.loss
        if isinstance(inner, Combination) and inner.kind == term.name == "product":
            operands += inner.operands
        else:
            operands.append(StyleObjective(dataclasses.replace(term, weight=1.0)))
    return StyleObjective(Term("product", weight, Combination("product", operands)))


def maximum(*losses: Loss | StyleObjective) -> StyleObjective:
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


def checked_name(name: Any) -> str:
    """Check the name of a loss."""
    if not isinstance(name, str):
        raise TypeError(f"name: expected text, received {shown(name)}")
    # Paths of parts are written with it: product/style.
    if not name.strip() or "/" in name:
        raise ValueError(f"name: expected text without /, and not empty, received {shown(name)}")
    return name


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
        hint += "; stylize takes it as recipe=, and recipe + loss is a recipe"
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
