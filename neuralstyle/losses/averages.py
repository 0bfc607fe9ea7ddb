"""Averages of losses: one that pulls like the weighted sum of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from neuralstyle._checks import check_shares, shown
from neuralstyle.losses.functions import is_function
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

    A class of your own says how by a method ``averaged(self, losses, shares)``, which is called on
    the first and returns a loss. Without one it is refused: add such losses, with weights.

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
        raise TypeError(f"losses: expected a sequence of losses, received {shown(losses)}")
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
    made: Any = StyleObjective(
        *(
            Term(same[0].name, same[0].weight, _averaged([term.loss for term in same], shares))
            for same in zip(*terms, strict=True)
        )
    )
    return made  # type: ignore[no-any-return]


def _averaged(losses: Sequence[Any], shares: Sequence[float]) -> Any:
    first = losses[0]
    if not isinstance(first, Loss) or any(type(loss) is not type(first) for loss in losses):
        kinds = ", ".join(sorted({type(loss).__name__ for loss in losses}))
        raise TypeError(f"losses: expected losses of one class, received {kinds}")
    kind = type(first)
    if not kind.__module__.startswith("neuralstyle."):
        return _averaged_own(losses, shares)
    if is_function(first):
        if all(loss is first for loss in losses):
            return first
        raise TypeError(
            "losses: losses made of functions cannot be averaged, as their targets are not seen; "
            "add them, or write a class with a method averaged"
        )
    if not hasattr(first, "averaged") and _has_target(first):
        raise TypeError(f"losses: the targets of a {kind.__name__} cannot be averaged")
    options = [_options(loss) for loss in losses]
    if any(others != options[0] for others in options):
        raise ValueError(f"losses: expected the same layers and options, received {options}")
    return first.averaged(losses, shares) if hasattr(first, "averaged") else first


def _averaged_own(losses: Sequence[Any], shares: Sequence[float]) -> Any:
    """Average losses of a user's class, as far as it says how."""
    kind = type(losses[0])
    of = next((base for base in kind.__mro__ if "averaged" in vars(base)), None)
    # What one of ours averages need not be what a class made of it compares.
    if of is not None and not of.__module__.startswith("neuralstyle."):
        return losses[0].averaged(losses, shares)
    plain = all(isinstance(v, bool | int | float | str | None) for v in vars(losses[0]).values())
    if all(loss is losses[0] or (plain and vars(loss) == vars(losses[0])) for loss in losses):
        return losses[0]
    raise TypeError(
        f"losses: expected a class that says how its targets are averaged, received "
        f"{kind.__name__}: give it a method averaged(self, losses, shares) that returns the loss "
        "whose gradient is that of the sum of shares times losses, or add the losses"
    )


def _has_target(loss: Loss) -> bool:
    return any(
        name.startswith("_") or isinstance(value, np.ndarray) or keras.ops.is_tensor(value)
        for name, value in vars(loss).items()
    )


def _options(loss: Loss) -> dict[str, Any]:
    return {k: v for k, v in vars(loss).items() if not k.startswith("_") and k != "name"}
