"""What is not finite is never a result: pictures count, not only what losses see of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from support import Reusable, noise, says

import neuralstyle as ns
from neuralstyle.optimize.vectors import all_finite

SHAPE = (12, 16)
GREY = np.full((*SHAPE, 3), 0.5, np.float32)


def blind(image: Any) -> dict[str, Any]:
    """See nothing where a pixel is not a number, as networks with ReLU do."""
    return {"input": image, "conv": ops.where(ops.isfinite(image), ops.relu(image), 0.0)}


EXTRACTOR = Reusable(blind)


@ns.loss
def darkness(features: Any) -> Any:
    return ops.mean(features["conv"])


class Astray(ns.Method):
    """Makes one good step, and then what a factor makes of the picture."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def run(self, run: Any, state: Any) -> None:
        x = run.x - 0.01
        while True:
            run.evaluate(x)
            run.accept(x)
            x = x * self.factor


@pytest.mark.parametrize("factor", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "parametrization",
    [
        None,
        # One that loses what is not finite, as a network may.
        ns.Parametrization(lambda u: ops.where(ops.isfinite(u), u, 0.0), lambda x: x),
    ],
    ids=["pixels", "parameters"],
)
def test_a_picture_that_is_not_finite_ends_a_run_with_the_one_before(
    factor: float, parametrization: Any
) -> None:
    options: dict[str, Any] = {"method": Astray(factor), "parametrization": parametrization}
    result = ns.minimize(darkness, EXTRACTOR, GREY, **options, maxiter=5)
    assert result.status is ns.Status.NONFINITE and not result.success
    assert result.message == (
        "the picture was not finite at evaluation 3; the best image before is kept"
    )
    np.testing.assert_allclose(result.image, 0.49)
    assert result.fun == pytest.approx(0.49)


def test_so_it_does_with_a_network(vgg: ns.VGG16Features) -> None:
    style = ns.StyleLoss(vgg(noise(*SHAPE)), ["block1_conv1"])
    result = ns.minimize(style, vgg, GREY, method=Astray(np.nan), maxiter=3)
    assert result.status is ns.Status.NONFINITE
    assert np.isfinite(result.image).all()


CALLS: dict[str, Callable[[ns.Evaluator, np.ndarray], tuple[float, Any]]] = {
    "flat": lambda evaluator, x: evaluator(x.ravel()),
    "in its shape": lambda evaluator, x: evaluator.value_and_gradient(x),
    "unchecked": lambda evaluator, x: evaluator.unchecked(x.ravel()),
    "a tensor": lambda evaluator, x: evaluator.at(tf.constant(x[None], tf.float32)),
    "through": lambda evaluator, x: evaluator.through(ops.relu, tf.constant(x[None], tf.float32)),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_value_of_a_picture_that_is_not_finite_is_nan_and_so_is_all_of_it(call: str) -> None:
    objective = darkness + ns.TotalVariationLoss() * darkness
    evaluator = ns.Evaluator(objective, EXTRACTOR, SHAPE)
    good, slopes = CALLS[call](evaluator, GREY)
    assert np.isfinite(good) and np.isfinite(slopes).all()
    for wrong in (np.nan, np.inf):
        x = GREY.copy()
        x[3, 4, 1] = wrong
        value, gradient = CALLS[call](evaluator, x)
        assert np.isnan(value) and np.isnan(gradient).all()
        assert gradient.shape == slopes.shape and gradient.dtype == slopes.dtype
        told = {**evaluator.losses, **evaluator.parts}
        assert len(told) == 4 and np.isnan(list(told.values())).all()
    assert CALLS[call](evaluator, GREY)[0] == good


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_no_picture_is_made_of_what_is_not_finite(wrong: float) -> None:
    x = GREY.copy()
    x[0, 0] = wrong
    with says(ValueError, "^x: expected finite values, received 3 that are NaN or infinite"):
        ns.Evaluator(darkness, EXTRACTOR, SHAPE).image(x)


def test_a_state_that_is_not_finite_is_refused() -> None:
    options: dict[str, Any] = {"method": "l-bfgs", "maxiter": 1}
    state = ns.minimize(darkness, EXTRACTOR, GREY, **options).state
    assert state is not None
    for name in ("x", "best"):
        wrong = {**state, name: np.full_like(state[name], np.nan)}
        with says(ValueError, "state: expected finite numbers"):
            ns.minimize(darkness, EXTRACTOR, GREY, **options, state=wrong)


def test_a_large_sum_of_finite_numbers_is_finite() -> None:
    assert all_finite(tf.fill((70000,), tf.constant(1.0, tf.float16)))
    assert all_finite(np.full(2, 1e308))
    assert not all_finite(np.array([np.inf, -np.inf]))


# Starts


@ns.loss
def root(features: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(features["input"] - 0.5)))


@pytest.mark.parametrize("tile", [None, 64])
def test_the_loss_whose_gradient_is_not_finite_is_named_with_the_usual_cause(
    tile: int | None,
) -> None:
    with says(ValueError, "objective: expected a finite gradient at the start", "see root: sqrt"):
        ns.minimize(darkness + root, EXTRACTOR, GREY, tile=tile)


def test_a_parametrization_at_fault_is_named() -> None:
    nowhere = ns.Parametrization(lambda u: u / 0.0, lambda x: x)
    with says(ValueError, "parametrization: expected finite pixels at the start"):
        ns.minimize(darkness, EXTRACTOR, GREY, parametrization=nowhere)
    steep = ns.Parametrization(lambda u: 0.5 - ops.sqrt(u), lambda x: 0 * x)
    with says(ValueError, "parametrization: expected a finite gradient at the start"):
        ns.minimize(darkness, EXTRACTOR, GREY, parametrization=steep)
