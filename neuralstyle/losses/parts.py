"""Objectives seen down to the losses that look at features: the parts of their combinations.

The losses that a combination is made of are evaluated as terms are, once; what is left of it is a
tree of plain arithmetic, which holds no target and can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from neuralstyle._types import Tensor
from neuralstyle.losses.evaluation import combined
from neuralstyle.losses.objective import Combination, Loss, StyleObjective, Term

ROUNDING = 1e-10
"""A loss below it is at its minimum, as far as float32 can tell: 1 is what relative losses are for
features that are all zero."""

Tree: TypeAlias = Any
"""None for a loss that looks at features; for a combination its shape, and the trees in it."""


class Leaf(NamedTuple):
    """A loss that looks at features, and its weight where it stands."""

    name: str
    """Its path: unlike the name of a term, with a ``/`` within a combination."""
    weight: float
    loss: Loss


def leaves(terms: Sequence[Term], within: str = "") -> list[Leaf]:
    """Return the losses that look at features, in order, under their paths.

    Examples
    --------
    >>> from neuralstyle import TotalVariationLoss
    >>> grain = TotalVariationLoss(name="grain")
    >>> objective = grain + (grain * TotalVariationLoss(name="lines")) ** 2
    >>> [term.name for term in leaves(objective.terms)]
    ['grain', 'power/product/grain', 'power/product/lines']
    """
    found: list[Leaf] = []
    for term in terms:
        path = within + term.name
        if isinstance(term.loss, Combination):
            found += leaves(term.loss.parts.terms, f"{path}/")
        else:
            found.append(Leaf(path, term.weight, term.loss))
    return found


def tree(loss: Loss) -> Tree:
    """Return the arithmetic of a loss without what it looks at."""
    if not isinstance(loss, Combination):
        return None
    return loss.shape, tuple(tree(term.loss) for term in loss.parts.terms)


def weights_within(terms: Sequence[Term]) -> list[float]:
    """Return the weights of all parts, in the order in which `assembled` takes them."""
    found: list[float] = []
    for term in terms:
        if isinstance(term.loss, Combination):
            parts = term.loss.parts
            found += [*weights_within(parts.terms), *parts.weights.values()]
    return found


def paths(terms: Sequence[Term], within: str = "") -> list[str]:
    """Return the paths of all parts, in the order in which `assembled` gives them.

    Examples
    --------
    >>> from neuralstyle import TotalVariationLoss
    >>> grain = TotalVariationLoss(name="grain")
    >>> paths((grain + (grain * TotalVariationLoss(name="lines")) ** 2).terms)
    ['power/product/grain', 'power/product/lines', 'power/product']
    """
    found: list[str] = []
    for term in terms:
        if isinstance(term.loss, Combination):
            path = f"{within}{term.name}/"
            inner = term.loss.parts.terms
            found += [*paths(inner, path), *(path + part.name for part in inner)]
    return found


def assembled(
    trees: Sequence[Tree], values: Iterator[Tensor], weights: Iterator[Any], parts: list[Tensor]
) -> list[Tensor]:
    """Return the values of terms, given those of their leaves, and note those of all parts.

    Parameters
    ----------
    trees : sequence of tree
        Of the terms' losses.
    values : iterator of tensor
        Of the `leaves`.
    weights : iterator of float or tensor
        As `weights_within` returns them.
    parts : list of tensor
        The values of the parts are appended to it, in the order of `paths`.

    Returns
    -------
    list of tensor
    """
    found = []
    for one in trees:
        if one is None:
            found.append(next(values))
            continue
        shape, inner = one
        of_parts = assembled(inner, values, weights, parts)
        found.append(combined(shape, of_parts, [next(weights) for _ in of_parts]))
        parts += of_parts
    return found


def idle_products(objective: StyleObjective, values: Mapping[str, float]) -> dict[str, list[str]]:
    """Return the products that have no gradient at an image, as a factor of theirs is 0 there.

    Parameters
    ----------
    objective : StyleObjective
    values : mapping from str to float
        Of its parts there, by their paths.

    Returns
    -------
    dict from str to list of str
        The parts of the factors that are 0, by the path of the product.

    Notes
    -----
    A loss that is 0 is at its minimum, where its own gradient is 0 too; and that of every other
    factor is multiplied by it.
    """
    found: dict[str, list[str]] = {}

    def look(terms: Sequence[Term], within: str) -> None:
        for term in terms:
            if not isinstance(term.loss, Combination):
                continue
            path = within + term.name
            names = iter(term.loss.parts)
            for operand in term.loss.operands:
                own = [next(names) for _ in operand]
                pairs = zip(own, operand.weights.values(), strict=True)
                pulls = [weight * values[f"{path}/{name}"] for name, weight in pairs]
                if term.loss.kind == "product" and max(map(abs, pulls)) < ROUNDING:
                    found.setdefault(path, []).extend(own)
            look(term.loss.parts.terms, f"{path}/")

    look(objective.terms, "")
    return found
