"""Averages of losses: one that pulls like the weighted sum of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from neuralstyle._checks import check_shares
from neuralstyle.losses.objective import Loss, StyleObjective, Term
from neuralstyle.losses.storage import Saved


def average(losses: Sequence[Saved], weights: Sequence[float] | None = None) -> Saved:
    r"""Average the targets of losses: one loss that pulls like the weighted sum of them all.

    .. math:: \nabla \bar L = \sum_k w_k \nabla L_k, \qquad \sum_k w_k = 1

    Parameters
    ----------
    losses : sequence of Loss, or of StyleObjective
        All of one class, with the same layers and options; or objectives of such terms with the
        same weights.
    weights : sequence of float, optional
        Shares of the targets, equal by default. They are divided by their sum.

    Returns
    -------
    Loss or StyleObjective
        It costs what one of them costs, however many there are.

    Raises
    ------
    TypeError
        If `losses` are not of one class, or of one that cannot be averaged.
    ValueError
        If there are none, or their options, their terms or the shapes of their targets differ.

    Notes
    -----
    A sum of squared distances from several targets is, up to a constant, the squared distance from
    their mean; so this holds for the losses that are squared distances of a statistic: content,
    Gram, covariance and histogram losses. In the relative form each target counts in units of its
    own size. The constant is what the targets differ among themselves, which no picture can remove:
    it is left out.

    It does not hold where a loss takes the nearest of several things (patches, relaxed earth
    mover's distance) or is no square (Gaussian Wasserstein distance); those are refused.

    Examples
    --------
    >>> from neuralstyle import StyleLoss
    >>> paintings = np.random.default_rng(0).uniform(size=(2, 1, 8, 8, 3))
    >>> both = average([StyleLoss({"input": painting}, "input") for painting in paintings])
    >>> both
    StyleLoss(layers='input')
    """
    if isinstance(losses, str) or not isinstance(losses, Sequence):
        raise TypeError(f"losses: expected a sequence of losses, received {losses!r}")
    if not losses:
        raise ValueError("losses: expected at least one, received none")
    shares = check_shares(weights, len(losses), "weights", "losses")
    first = losses[0]
    if not isinstance(first, StyleObjective):
        averaged: Saved = _averaged(losses, shares)
        return averaged
    terms = [loss.terms for loss in losses if isinstance(loss, StyleObjective)]
    if len(terms) < len(losses) or any(loss.weights != first.weights for loss in losses):
        raise ValueError("losses: expected objectives of the same terms and weights")
    return StyleObjective(
        *(
            Term(same[0].name, same[0].weight, _averaged([term.loss for term in same], shares))
            for same in zip(*terms, strict=True)
        )
    )


def _averaged(losses: Sequence[Any], shares: Sequence[float]) -> Any:
    first = losses[0]
    if not isinstance(first, Loss) or any(type(loss) is not type(first) for loss in losses):
        kinds = ", ".join(sorted({type(loss).__name__ for loss in losses}))
        raise TypeError(f"losses: expected losses of one class, received {kinds}")
    if not hasattr(first, "averaged") and _has_target(first):
        raise TypeError(f"losses: the targets of a {type(first).__name__} cannot be averaged")
    options = [_options(loss) for loss in losses]
    if any(others != options[0] for others in options):
        raise ValueError(f"losses: expected the same layers and options, received {options}")
    return first.averaged(losses, shares) if hasattr(first, "averaged") else first


def _has_target(loss: Loss) -> bool:
    return any(
        name.startswith("_") or isinstance(value, np.ndarray) or keras.ops.is_tensor(value)
        for name, value in vars(loss).items()
    )


def _options(loss: Loss) -> dict[str, Any]:
    return {k: v for k, v in vars(loss).items() if not k.startswith("_") and k != "name"}
