"""Gradients that go back through half precision, against those of single precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from neuralstyle._kernels.half import halved, kept, kernel_scale, through_half


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


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("size", [0.0, 1e-30, 1.0, 1e9, 1e30])
def test_tensors_of_any_size_go_into_half_and_come_back(size: float, dtype: str) -> None:
    tensor = tf.constant(np.float32(size) * np.linspace(-1, 0.5, 31, dtype=np.float32))
    half, scale = halved(tensor, dtype)
    assert half.dtype == dtype and np.frexp(scale)[0] == 0.5
    digits = {"float16": 2**-11, "bfloat16": 2**-8}[dtype]
    np.testing.assert_allclose(kept(tensor, dtype)(), tensor, rtol=digits, atol=0)


def test_no_convolution_overflows_however_the_signs_fall() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 512, 4)).astype(np.float32) * 1e3
    image, _ = halved(tf.constant(1e9 * np.sign(kernel[None, :, :, :, 0])), "float16")
    scaled = tf.cast(kernel * kernel_scale(kernel), "float16")
    worst = np.asarray(tf.nn.conv2d(image, scaled, 1, "VALID"))
    assert np.isfinite(worst).all() and worst.max() > 2**12
