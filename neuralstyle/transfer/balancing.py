"""The option `balance`: the terms of a stage, weighed such that each has its share in the pull."""

from __future__ import annotations

from collections.abc import Mapping

from neuralstyle._types import Image
from neuralstyle.features.base import Extractor
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.optimize.balance import weighed
from neuralstyle.optimize.evaluation.gradient_norms import gradient_norms
from neuralstyle.optimize.interruption import look
from neuralstyle.optimize.methods.methods import LBFGS
from neuralstyle.optimize.minimize import minimize
from neuralstyle.transfer.left_out import LeftOut
from neuralstyle.transfer.options.names import TERMS, did_you_mean
from neuralstyle.transfer.options.options import Options, looked_at
from neuralstyle.transfer.plan import Plan
from neuralstyle.transfer.recipes import Recipe
from neuralstyle.transfer.recipes.registry import RecipeFunction

WARM_UP = 10
"""Iterations after which gradients are measured, where a term has none at the start."""


def check_balance(
    objective: StyleObjective, recipe: Recipe, shares: Mapping[str, float] | None
) -> None:
    """Check that every term has a share, and every share a term.

    Parameters
    ----------
    objective : StyleObjective
    recipe : Recipe
        That made it.
    shares : mapping from str to float, or None
        None is right for all.
    """
    names = [term.name for term in objective.terms]
    if shares is None or set(shares) == set(names):
        return
    without = _left_out(recipe)
    unknown = [name for name in shares if name not in names]
    told = [
        f"; with {without[name]}=0 there is no {name}"
        if name in without
        else did_you_mean(name, names)
        for name in unknown
    ]
    said = {without.get(name) for name in unknown}
    others = [keyword for keyword in dict.fromkeys(without.values()) if keyword not in said]
    told += [f"; {keyword}=0 leaves its term out" for keyword in others]
    raise ValueError(
        f"balance: expected a share for each of {', '.join(names)}, "
        f"received {', '.join(map(str, shares)) or 'none'}{''.join(told)}"
    )


def balanced(
    objective: StyleObjective, extractor: Extractor, start: Image, plan: Plan, options: Options
) -> StyleObjective:
    """Return the objective of a stage with the weights that the option asks for, if it does.

    Parameters
    ----------
    objective : StyleObjective
    extractor : callable
    start : array
        What the stage begins with.
    plan : Plan
    options : Options

    Returns
    -------
    StyleObjective
    """
    shares, looking = options.balance, looked_at(options)
    if shares is None:
        return objective
    check_balance(objective, plan.recipe, shares)
    norms = gradient_norms(objective, extractor, start, **looking)
    out = {term.name for term in objective.terms if isinstance(term.loss, LeftOut)}
    if any(norms[name] == 0 for name in shares if name not in out):
        moved = minimize(
            objective,
            extractor,
            start,
            method=LBFGS(),
            maxiter=WARM_UP,
            parametrization=plan.parametrization,
            **looking,
        )
        look()
        norms = gradient_norms(objective, extractor, moved.image, **looking)
    return weighed(objective, norms, shares)


def _left_out(recipe: Recipe) -> dict[str, str]:
    """Return the terms that one of the library's recipes was told to leave out, and by what."""
    if not isinstance(recipe.content, RecipeFunction):
        return {}
    _, given, _ = recipe.content.made
    return {term: keyword for term, keyword in TERMS if given.get(keyword, 1) == 0}
