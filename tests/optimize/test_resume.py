"""A run that was broken off and gone on with is the run that was not, to the bit."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from support import Evaluators, Reusable, assert_same_result, near, noise, says

import neuralstyle as ns

PIXELS = Reusable()
TARGET, START = 0.2 + 0.6 * noise(4, 6), 0.2 + 0.6 * noise(4, 6, seed=1)
OBJECTIVE = near(TARGET)

METHODS: dict[str, Any] = {
    "l-bfgs": "l-bfgs",
    "l-bfgs of three": ns.LBFGS(maxcor=3, maxls=4),
    "adam in large steps": keras.optimizers.Adam(0.1),  # up and down: the best is not the last
    "sgd with momentum": keras.optimizers.SGD(0.05, momentum=0.9),
}
LIMITS: dict[str, dict[str, Any]] = {
    "maxiter": {},
    "ftol": {"ftol": 0.02},
    "gtol": {"gtol": 0.4},
    "xtol": {"xtol": 3.0},
    "maxfun": {"maxfun": 11},
    "bounds": {"bounds": (0.25, 0.7)},
}
PRODUCT = [
    (method, limit)
    for method in METHODS
    for limit in LIMITS
    if limit != "bounds" or not method.startswith("l-bfgs")
]
"""L-BFGS of the library's own takes no bounds."""

LONG = 12


def run(method: str, limit: str, objective: Any = OBJECTIVE, **options: Any) -> ns.StyleResult:
    options = {"maxiter": LONG, **LIMITS[limit], **options}
    return ns.minimize(objective, PIXELS, START, method=METHODS[method], **options)


@functools.cache
def straight(method: str, limit: str) -> ns.StyleResult:
    return run(method, limit)


def gone_on_with(first: ns.StyleResult, *names: str, **options: Any) -> ns.StyleResult:
    assert first.state is not None
    return run(*names, state=first.state, history=first.history, **options)


def assert_same_run(ours: ns.StyleResult, expected: ns.StyleResult) -> None:
    assert_same_result(ours, expected)
    assert (ours.message, ours.success) == (expected.message, expected.success)
    assert ours.state is not None and expected.state is not None
    assert ours.state.keys() == expected.state.keys()
    for name, value in expected.state.items():
        np.testing.assert_array_equal(ours.state[name], value, err_msg=name)


@pytest.mark.parametrize(("method", "limit"), PRODUCT)
def test_a_run_gone_on_with_is_the_one_that_was_not_broken_off(method: str, limit: str) -> None:
    expected = straight(method, limit)
    for broken_off in (1, 5, expected.nit):
        first = run(method, limit, maxiter=broken_off)
        assert_same_run(gone_on_with(first, method, limit), expected)


@pytest.mark.parametrize("limit", [name for name in LIMITS if name not in ("maxiter", "bounds")])
def test_every_limit_ends_some_run_of_the_product(limit: str) -> None:
    ended = [straight(m, name) for m, name in PRODUCT if name == limit]
    assert any(result.nit < LONG for result in ended)


def test_the_best_of_some_run_of_the_product_is_not_its_last() -> None:
    values = [record.fun for record in straight("adam in large steps", "maxiter").history]
    assert min(values[:4]) < values[4]


@pytest.mark.parametrize("method", METHODS)
def test_a_run_that_is_broken_off_at_every_iteration_is_still_the_same(method: str) -> None:
    def enough(progress: ns.Progress) -> None:
        raise StopIteration

    result = run(method, "xtol", callback=enough)
    while result.status is ns.Status.CALLBACK:
        result = gone_on_with(result, method, "xtol", callback=enough)
    assert_same_run(result, straight(method, "xtol"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("evaluation", [2, 6])
def test_an_evaluation_that_was_interrupted_is_made_again(
    method: str, evaluation: int, evaluators: Evaluators
) -> None:
    evaluators.interrupt(evaluation)
    first = run(method, "xtol")
    assert first.status is ns.Status.INTERRUPTED
    evaluators.answer(lambda number, value, gradient: (value, gradient))
    assert_same_run(gone_on_with(first, method, "xtol"), straight(method, "xtol"))


def test_a_line_search_that_finds_nothing_leaves_the_state_as_it_was() -> None:
    def wrong(features: Any) -> Any:  # the gradient points uphill soon
        far = ops.mean(ops.abs(features["input"] - TARGET) ** 1.5)
        return ops.where(far > 0.01, far, 2 * ops.stop_gradient(far) - far)

    objective = ns.StyleObjective(ns.loss(wrong))
    expected = run("l-bfgs", "maxiter", objective)
    assert expected.status is ns.Status.ABNORMAL and expected.nit > 1
    assert_same_run(gone_on_with(expected, "l-bfgs", "maxiter", objective=objective), expected)


def test_more_iterations_may_be_asked_for() -> None:
    first = run("l-bfgs", "maxiter", maxiter=4)
    assert_same_run(gone_on_with(first, "l-bfgs", "maxiter"), straight("l-bfgs", "maxiter"))


def test_a_converged_run_is_not_gone_on_with_unless_more_is_asked_of_it() -> None:
    first = straight("l-bfgs", "ftol")
    assert first.status is ns.Status.CONVERGED
    again = run("l-bfgs", "ftol", state=first.state)
    assert (again.nit, again.status, again.message) == (0, first.status, first.message)
    np.testing.assert_array_equal(again.image, first.image)
    assert run("l-bfgs", "ftol", state=first.state, ftol=1e-9).nit > 0


def test_without_the_history_iterations_are_counted_anew() -> None:
    first = run("sgd with momentum", "maxiter", maxiter=5)
    second = run("sgd with momentum", "maxiter", state=first.state, maxiter=LONG - 5)
    np.testing.assert_array_equal(second.image, straight("sgd with momentum", "maxiter").image)
    assert second.nit == LONG - 5


def test_a_history_without_a_state_is_refused() -> None:
    with says(ValueError, "history: expected none without a state"):
        run(
            "sgd with momentum", "maxiter", history=straight("sgd with momentum", "maxiter").history
        )


def test_a_state_with_a_best_point_of_another_size_is_refused() -> None:
    first = straight("sgd with momentum", "maxiter")
    with says(ValueError, "state: expected one of 72 numbers, .* received one of 3"):
        run("sgd with momentum", "maxiter", state={**(first.state or {}), "best": np.zeros(3)})
