"""Gradients that go back through half precision, against those of single precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from neuralstyle._kernels.half import through_half


def gradients(factor: float, dtype: str) -> tuple[Any, Any]:
    """Return the gradient of ``factor * sum(tanh(x)**2 + 3 x)``, through a type and without."""

    def halves(x: Any) -> list[Any]:
        y = tf.tanh(x)
        return [y, 3 * x]

    start = tf.constant(np.random.default_rng(0).uniform(size=50).astype(np.float32))
    found = []
    for outputs in (lambda x: through_half(halves, [x], [dtype]), halves):
        with tf.GradientTape() as tape:
            tape.watch(start)
            squared, linear = outputs(start)
            assert squared.dtype == linear.dtype == tf.float32
            total = factor * (tf.reduce_sum(squared**2) + tf.reduce_sum(linear))
        found.append(np.asarray(tape.gradient(total, start)))
    return found[0], found[1]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("factor", [1e-30, 1e-9, 1.0, 1e9, 1e30])
def test_gradients_of_any_size_survive(factor: float, dtype: str) -> None:
    through, expected = gradients(factor, dtype)
    digits = {"float16": 2e-3, "bfloat16": 2e-2}[dtype]
    np.testing.assert_allclose(through, expected, rtol=2 * digits, atol=0)


def test_a_gradient_of_zero_stays_zero() -> None:
    through, _ = gradients(0.0, "float16")
    np.testing.assert_array_equal(through, 0)


def test_scaling_changes_no_digit() -> None:
    one, two = gradients(1.0, "float16")[0], gradients(2.0**-40, "float16")[0]
    np.testing.assert_array_equal(one, two * np.float32(2.0**40))


def test_it_goes_back_in_compiled_graphs_and_through_two_of_them() -> None:
    @tf.function
    def slope(x: Any) -> Any:
        (first,) = through_half(lambda x: [x * x], [x], ["float16"])
        (second,) = through_half(lambda x: [x + 1], [first], ["float16"])
        return tf.gradients(1e-9 * tf.reduce_sum(first) + 1e-3 * tf.reduce_sum(second), [x])[0]

    x = tf.constant([0.5, 2.0])
    np.testing.assert_allclose(slope(x), 2 * x * (1e-9 + 1e-3), rtol=2e-3)
