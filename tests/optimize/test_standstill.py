"""A start that is the optimum, or is held there, is one outcome for every method: success."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import ops
from support import Evaluators, Reusable, noise, pixels

import neuralstyle as ns
from neuralstyle.optimize.methods.methods import METHODS

PIXELS = Reusable()
START, OTHER = (0.25 + 0.5 * noise(8, 12, seed) for seed in (0, 1))
CONTENT = ns.ContentLoss(pixels(START), "input")
STYLE = ns.StyleLoss(pixels(OTHER), "input")

every_method = pytest.mark.parametrize("method", METHODS)


def run(objective: Any, method: str, **options: Any) -> ns.StyleResult:
    return ns.minimize(objective, PIXELS, START, method=method, **{"maxiter": 20, **options})


@every_method
@pytest.mark.parametrize("weight", [1e8, 1e12, 1e20])
def test_a_start_that_a_huge_weight_holds_is_a_success_that_leaves_it(
    method: str, weight: float
) -> None:
    result = run(weight * CONTENT + STYLE + 0.1 * ns.TotalVariationLoss(), method)
    assert result.status is ns.Status.CONVERGED and result.success
    assert result.message.startswith("converged: ")
    np.testing.assert_allclose(result.image, START, atol=1e-6)
    assert result.nit <= 3 and result.nfev <= 40


@every_method
def test_a_start_without_a_gradient_is_a_success(method: str) -> None:
    result = run(CONTENT + 0.5 * CONTENT, method)
    assert (result.status, result.nit, result.nfev) == (ns.Status.CONVERGED, 0, 1)
    np.testing.assert_array_equal(result.image, START)


@every_method
def test_a_start_that_is_the_optimum_up_to_rounding_is_a_success(method: str) -> None:
    style = ns.StyleLoss(pixels(START[:, ::-1]), "input")  # the same sums in another order
    assert ns.Evaluator(style, PIXELS, (8, 12))(START)[0] < 1e-12
    result = run(1.0 * style, method)
    assert result.success and result.status in (ns.Status.CONVERGED, ns.Status.LIMIT)
    assert result.fun < 1e-12
    np.testing.assert_allclose(result.image, START, atol=1e-6)


@every_method
def test_a_weight_that_leaves_room_does_not_stop_a_run_early(method: str) -> None:
    result = run(10.0 * CONTENT + STYLE, method, maxiter=40)
    assert result.nit > 3
    assert result.fun < 0.999 * ns.Evaluator(10.0 * CONTENT + STYLE, PIXELS, (8, 12))(START)[0]


@pytest.mark.parametrize("method", ["l-bfgs-b", "l-bfgs"])
def test_a_gradient_that_is_not_the_losses_own_is_no_success(
    method: str, evaluators: Evaluators
) -> None:
    evaluators.answer(lambda n, value, g: (value, -g))
    result = run(1.0 * STYLE, method)
    assert result.status is ns.Status.ABNORMAL and not result.success
    assert "line search" in result.message
    np.testing.assert_array_equal(result.image, START)


def test_within_bounds_what_they_bar_is_no_way_down() -> None:
    brighter = ns.loss(lambda features: -ops.mean(features["input"]))
    result = ns.minimize(
        1.0 * brighter, pixels, np.ones((4, 4, 3), np.float32), bounds=(0.0, 1.0), maxiter=5
    )
    assert result.status is ns.Status.CONVERGED
    assert (result.image == 1).all()
