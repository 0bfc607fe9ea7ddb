"""Operations with gradients of their own: eager, in graphs, computed again, and freed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops as internals

from neuralstyle._kernels.gradients import recomputed, with_gradient

X = np.array([0.5, -1.0, 2.0])


def tenfold(x: Any) -> tuple[Any, Callable[[Any], Any]]:
    """A square whose gradient is said to be ten times the slope."""
    return x * x, lambda slope: 10 * slope


def eager(function: Callable[[Any], Any]) -> tuple[np.ndarray, np.ndarray]:
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        result = function(x)
    return result.numpy(), tape.gradient(result, x).numpy()


def compiled(function: Callable[[Any], Any]) -> tuple[np.ndarray, np.ndarray]:
    @tf.function
    def both(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        result = function(x)
        return result, tf.gradients(result, x)[0]

    result, gradient = both(tf.constant(X))
    return result.numpy(), gradient.numpy()


either_way = pytest.mark.parametrize("run", [eager, compiled])


@either_way
def test_the_gradient_is_the_one_that_was_given(run: Any) -> None:
    result, gradient = run(lambda x: with_gradient(tenfold, x))
    np.testing.assert_array_equal(result, X**2)
    np.testing.assert_array_equal(gradient, [10, 10, 10])


@either_way
def test_several_in_one_graph_have_each_their_own(run: Any) -> None:
    def threefold(x: Any) -> tuple[Any, Callable[[Any], Any]]:
        return x + 1, lambda slope: 3 * slope

    _, gradient = run(lambda x: with_gradient(threefold, with_gradient(tenfold, x)))
    np.testing.assert_array_equal(gradient, [30, 30, 30])


@either_way
def test_what_is_computed_again_has_the_same_value_and_gradient(run: Any) -> None:
    calls: list[int] = []

    def function(x: Any) -> Any:
        calls.append(1)
        return tf.exp(x) * tf.sin(x)

    result, gradient = run(lambda x: recomputed(function, x))
    np.testing.assert_allclose(result, np.exp(X) * np.sin(X), rtol=1e-12)
    np.testing.assert_allclose(gradient, np.exp(X) * (np.sin(X) + np.cos(X)), rtol=1e-12)
    assert len(calls) == 2


def test_graphs_leave_nothing_behind() -> None:
    def graph() -> weakref.ref[Any]:
        function = tf.function(lambda x: tf.gradients(with_gradient(tenfold, x), x)[0])
        concrete = function.get_concrete_function(tf.TensorSpec((3,), tf.float64))
        np.testing.assert_array_equal(concrete(tf.constant(X)), [10, 10, 10])
        return weakref.ref(concrete.graph)

    graph()
    before = len(internals.gradient_registry.list())
    graphs = [graph() for _ in range(5)]
    gc.collect()
    assert len(internals.gradient_registry.list()) == before
    assert [kept() for kept in graphs] == [None] * 5
