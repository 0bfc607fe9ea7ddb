"""Weights from the shares that terms are to have in the pull on the pixels."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from neuralstyle._checks import shown, weights
from neuralstyle._types import SupportsArray
from neuralstyle.features.base import Extractor
from neuralstyle.losses.objective import ObjectiveLike, StyleObjective, Term
from neuralstyle.optimize.evaluation.gradient_norms import gradient_norms

logger: logging.Logger = logging.getLogger(__name__)


def balance(
    objective: ObjectiveLike,
    extractor: Extractor,
    at: SupportsArray,
    shares: Mapping[str, float] | None = None,
) -> StyleObjective:
    r"""Weigh the terms of an objective such that each pulls with the share asked for.

    .. math:: w_i \|\nabla L_i(x)\| = s_i \sum_j w_j \|\nabla L_j(x)\|, \qquad \sum_i s_i = 1

    Parameters
    ----------
    objective : StyleObjective or Loss
        Its weights set the size of the sum on the right, which stays what it is.
    extractor : callable
        Turns an image tensor into features.
    at : array, shape (H, W, 3), floating, RGB in [0, 1]
        Where to measure: an image in the middle of a run, rather than the content, where the
        content loss pulls at nothing.
    shares : mapping from str to float, optional
        The share of every term by its name, equal by default. They are divided by their sum.

    Returns
    -------
    StyleObjective
        The same losses with other weights, fixed from now on: the optimiser sees one function with
        its true gradient.

    Raises
    ------
    TypeError, ValueError
        If `shares` does not name every term, or none of those with a share pulls at all.

    Notes
    -----
    A term whose gradient is zero there keeps its weight, since no weight gives it a share; a
    warning in the log names it, and the others have the shares asked for among themselves.

    Risser et al. balance their losses by their gradients too, but in every evaluation anew, and by
    clipping them, which leaves no function for a line search to follow.

    References
    ----------
    Risser, Wilmot and Barnes, Stable and Controllable Neural Texture Synthesis and Style Transfer
    Using Histogram Losses, arXiv 1701.08893, 2017.

    Examples
    --------
    >>> from neuralstyle import StyleLoss, TotalVariationLoss
    >>> def pixels(image):
    ...     return {"input": image}
    >>> random = np.random.default_rng(0).uniform(size=(2, 8, 8, 3)).astype(np.float32)
    >>> objective = StyleLoss(pixels(random[:1]), "input") + TotalVariationLoss()
    >>> balanced = balance(objective, pixels, random[1], {"style": 3, "total_variation": 1})
    >>> norms = gradient_norms(balanced, pixels, random[1])
    >>> pulls = {name: weight * norms[name] for name, weight in balanced.weights.items()}
    >>> round(pulls["style"] / pulls["total_variation"], 4)
    3.0
    """
    objective = StyleObjective(objective)
    return weighed(objective, gradient_norms(objective, extractor, at), shares)


def weighed(
    objective: StyleObjective, norms: Mapping[str, float], shares: Mapping[str, float] | None
) -> StyleObjective:
    """Weigh the terms by shares, given the norms of their losses' gradients."""
    wanted = _checked(shares, objective)
    infinite = [name for name, norm in norms.items() if not math.isfinite(norm)]
    if infinite:
        raise ValueError(f"at: expected finite gradients there, not so for {', '.join(infinite)}")
    idle = [name for name, share in wanted.items() if share > 0 and norms[name] == 0]
    if idle:
        logger.warning(
            "no gradient where shares are measured: %s; what has none keeps its weight",
            ", ".join(idle),
        )
    pulling = sum(share for name, share in wanted.items() if name not in idle)
    if pulling == 0:
        raise ValueError("at: expected an image at which a term with a share pulls, none does")
    whole = sum(abs(term.weight) * norms[term.name] for term in objective.terms) or 1.0

    def with_share(term: Term) -> Term:
        share = wanted[term.name] / pulling
        weight = share and math.copysign(share * whole / norms[term.name], term.weight)
        return Term(term.name, weight, term.loss)

    return StyleObjective(
        *(term if term.name in idle else with_share(term) for term in objective.terms)
    )


def _checked(shares: Any, objective: StyleObjective) -> dict[str, float]:
    names = [term.name for term in objective.terms]
    if shares is None:
        return dict.fromkeys(names, 1 / len(names))
    if not isinstance(shares, Mapping):
        raise TypeError(f"shares: expected a mapping from term to number, received {shown(shares)}")
    if set(shares) != set(names):
        raise ValueError(
            f"shares: expected one for each of {', '.join(names)}, "
            f"received {', '.join(map(str, shares)) or 'none'}"
        )
    numbers = weights("shares", shares)
    total = sum(numbers.values())
    if total == 0:
        raise ValueError("shares: expected a number above 0 among them, received none")
    return {name: numbers[name] / total for name in names}
