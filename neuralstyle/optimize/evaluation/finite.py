"""What is not finite, and whose fault it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuralstyle.optimize.evaluation.evaluator import Evaluator
from neuralstyle.optimize.evaluation.gradient_norms import gradient_norms
from neuralstyle.optimize.vectors import Vector, all_finite


def not_finite(evaluator: Evaluator, x: Vector, pixels: NDArray[np.float64]) -> str:
    """Return what was not finite at the last evaluation: the picture, a loss or the gradient.

    Parameters
    ----------
    evaluator : Evaluator
    x : array
        Where it was.
    pixels : array
        The picture there.
    """
    if not (all_finite(x) and all_finite(pixels)):
        return "the picture"
    wrong = _losses(evaluator)
    return f"the loss {', '.join(wrong)}" if wrong else "the gradient"


def check_start(
    evaluator: Evaluator, pixels: NDArray[np.float64], value: float, gradient: Vector
) -> None:
    """Check that all is finite at the start of a run, which has just been evaluated.

    Parameters
    ----------
    evaluator : Evaluator
    pixels : array
        The picture there.
    value : float
    gradient : array
        With respect to what is moved.

    Raises
    ------
    ValueError
        If not; the message names the terms that are at fault, or the parametrisation.
    """
    if not all_finite(pixels):
        raise ValueError("parametrization: expected finite pixels at the start, received others")
    wrong = _losses(evaluator)
    if wrong or not np.isfinite(value):
        names = ", ".join(wrong or evaluator.losses)
        raise ValueError(f"objective: expected a finite value at the start, see {names}")
    if all_finite(gradient):
        return
    if all_finite(evaluator.unchecked(pixels)[1]):
        raise ValueError(
            "parametrization: expected a finite gradient at the start, as that of the objective is"
        )
    picture = np.clip(pixels.reshape(evaluator.shape), 0, 1)
    norms = gradient_norms(evaluator.objective, evaluator.extractor, picture, tile=evaluator.tile)
    wrong = [name for name, norm in norms.items() if not np.isfinite(norm)]
    raise ValueError(
        "objective: expected a finite gradient at the start, as its value is; see "
        f"{', '.join(wrong or norms)}: sqrt, a power or a division at 0?"
    )


def _losses(evaluator: Evaluator) -> list[str]:
    return [name for name, loss in evaluator.losses.items() if not np.isfinite(loss)]
