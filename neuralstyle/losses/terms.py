"""Weighed and named terms in order: read as a dict is, evaluated, shown, and changed in part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from neuralstyle._checks import shown
from neuralstyle._types import Number, Tensor
from neuralstyle.images.show import table
from neuralstyle.losses.evaluation import scalar, weighted_sum
from neuralstyle.losses.weights import Weights, term_weight


class Named(Protocol):
    """A frozen dataclass: a loss with its name and weight in a sum."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str:
        """Unique in its sum."""

    @property
    def weight(self) -> float:
        """Factor of the loss in the sum."""

    @property
    def loss(self) -> Any:
        """What is weighed."""


One = TypeVar("One", bound=Named)
Whole = TypeVar("Whole", bound="Terms[Any]")


class Terms(Generic[One]):
    """What a sum of losses is beside the algebra."""

    terms: tuple[One, ...]

    @property
    def weights(self) -> Mapping[str, float]:
        """The weight of every term, by name; they cannot be set."""
        return Weights({term.name: term.weight for term in self.terms})

    def with_weights(self: Whole, weights: Mapping[str, Number] = {}, /, **more: Number) -> Whole:  # noqa: B006
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
        wanted: dict[str, float] = {}
        for name, value in {**weights, **more}.items():
            self[name]  # raises if there is no such term
            wanted[name] = term_weight(value, name)
        return self._of([replace(t, weight=wanted.get(t.name, t.weight)) for t in self.terms])

    def without(self: Whole, *names: str) -> Whole:
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

    def named(self: Whole, name: str) -> Whole:
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
        return self._of([replace(term, name=name, loss=term.loss.named(name))])

    def _of(self: Whole, terms: Sequence[Any]) -> Whole:
        """Return the objective of terms that have unique names already."""
        made = object.__new__(type(self))
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

    def __getitem__(self, name: str) -> One:
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


def checked_name(name: Any) -> str:
    """Check the name of a loss."""
    if not isinstance(name, str):
        raise TypeError(f"name: expected text, received {shown(name)}")
    # Paths of parts are written with it: product/style.
    if not name.strip() or "/" in name:
        raise ValueError(f"name: expected text without /, and not empty, received {shown(name)}")
    return name


def with_unique_names(terms: Sequence[One]) -> tuple[One, ...]:
    """Give suffixes to terms of one name."""
    unique: dict[str, One] = {}
    for term in terms:
        # A suffix that an earlier sum gave is not part of the name; a name of the user's is.
        suffixed = re.fullmatch(rf"{re.escape(term.loss.name)}_\d+", term.name)
        base = term.loss.name if suffixed else term.name
        count, name = 0, base
        while name in unique:
            count += 1
            name = f"{base}_{count}"
        unique[name] = replace(term, name=name)
    return tuple(unique.values())
