"""What pictures of one content and style have in common that differ in weights alone."""

from __future__ import annotations

from collections.abc import Hashable
from concurrent.futures import Executor
from typing import final

from neuralstyle.features.base import Extractor
from neuralstyle.losses.objective import Loss, StyleObjective
from neuralstyle.optimize.evaluation.evaluator import Evaluator

KEPT = 16
"""Evaluators that are kept, the latest ones: of a few scales, with and without a term."""


@final
class Studio:
    """Losses and evaluators, for painters that are given the same but for weights of a recipe.

    Attributes
    ----------
    losses : dict from hashable to Loss
        By their places in the recipe: see `recipes.recipe.remembering`.
    """

    def __init__(self) -> None:
        self.losses: dict[Hashable, Loss] = {}
        self._evaluators: dict[Hashable, Evaluator] = {}

    def evaluator(
        self,
        place: Hashable,
        objective: StyleObjective,
        extractor: Extractor,
        shape: tuple[int, ...],
        tile: int | None,
        executor: Executor | None,
    ) -> Evaluator:
        """Return an evaluator of an objective, by preference one that was made at that place.

        It serves again if the losses are the very same, and then has the objective's weights.
        """
        losses = [(term.name, id(term.loss)) for term in objective.terms]
        key = place, tile, id(executor), id(extractor), *losses
        if key in self._evaluators:
            self._evaluators[key].weights.update(objective.weights)
        else:  # it keeps alive whose identities are in the key
            self._evaluators[key] = Evaluator(
                objective, extractor, shape, tile=tile, executor=executor
            )
            if len(self._evaluators) > KEPT:
                del self._evaluators[next(iter(self._evaluators))]
        return self._evaluators[key]
