"""Winograd's convolution is the convolution; its matrices are Toom and Cook's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf
from support import transient_memory

from neuralstyle._kernels import winograd

# Lavin and Gray 2016, section 4.1: F(4 x 4, 3 x 3).
INPUTS = [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
]
KERNEL = [
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
]
OUTPUTS = [
    [1, 1, 1, 1, 1, 0],
    [0, 1, -1, 2, -2, 0],
    [0, 1, 1, 4, 4, 0],
    [0, 1, -1, 8, -8, 1],
]


def test_the_matrices_for_the_points_of_lavin_and_gray_are_theirs() -> None:
    inputs, kernel, outputs = winograd.transforms((0, 1, -1, 2, -2))
    # The sign of a row may stand in the inputs' or in the kernel's matrix.
    signs = np.sign(np.sum(inputs * INPUTS, axis=1, keepdims=True))
    np.testing.assert_allclose(signs * inputs, INPUTS, atol=1e-12)
    np.testing.assert_allclose(signs * kernel, KERNEL, atol=1e-15)
    np.testing.assert_array_equal(outputs, OUTPUTS)


def test_the_matrices_filter_in_rational_arithmetic() -> None:
    # Every bilinear term of every output, exactly: sum over the products of A^T G B^T.
    points = tuple(Fraction(p) for p in winograd.POINTS)
    inputs, kernel, outputs = (
        np.vectorize(lambda x: Fraction(x).limit_denominator(10**6))(matrix)
        for matrix in winograd.transforms(winograd.POINTS)
    )
    assert len(set(points)) == 5
    for output in range(4):
        for coefficient in range(3):
            for datum in range(6):
                product = sum(outputs[output] * kernel[:, coefficient] * inputs[:, datum])
                assert product == (datum == output + coefficient)


def test_rounding_errors_are_less_than_half_of_those_with_the_points_of_lavin_and_gray() -> None:
    random = np.random.default_rng(0)
    image = np.maximum(random.normal(size=(1, 32, 32, 32)), 0).astype(np.float32)
    kernel = random.normal(size=(3, 3, 32, 8)).astype(np.float32)
    exact = tf.nn.conv2d(image.astype(np.float64), kernel.astype(np.float64), 1, "SAME")

    def error() -> float:
        ours = winograd.convolve(image, winograd.transform_kernel(kernel)).numpy()
        return float(np.sqrt(np.mean((ours - exact.numpy()) ** 2)))

    ours = error()
    with pytest.MonkeyPatch.context() as patch:
        names = ("INPUT_TRANSFORM", "KERNEL_TRANSFORM", "OUTPUT_TRANSFORM")
        for name, matrix in zip(names, winograd.transforms((0, 1, -1, 2, -2)), strict=True):
            patch.setattr(winograd, name, matrix)
        assert ours < 0.6 * error()


def test_one_tile_of_one_dimension_is_filtered_exactly() -> None:
    random = np.random.default_rng(0)
    data, kernel = random.normal(size=6), random.normal(size=3)
    products = (winograd.KERNEL_TRANSFORM @ kernel) * (winograd.INPUT_TRANSFORM @ data)
    np.testing.assert_allclose(
        winograd.OUTPUT_TRANSFORM @ products, np.correlate(data, kernel), atol=1e-12
    )


@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 7, 8, 13])
@pytest.mark.parametrize("width", [1, 3, 4, 6, 9, 16])
def test_every_size_agrees_with_the_direct_convolution(height: int, width: int) -> None:
    random = np.random.default_rng(height * 100 + width)
    image = random.normal(size=(1, height, width, 5)).astype(np.float32)
    kernel = random.normal(size=(3, 3, 5, 7)).astype(np.float32)
    ours = winograd.convolve(image, winograd.transform_kernel(kernel))
    direct = tf.nn.conv2d(image.astype(np.float64), kernel.astype(np.float64), 1, "SAME")
    assert ours.shape == direct.shape
    np.testing.assert_allclose(ours, direct, atol=2e-5 * np.abs(direct).max())


@pytest.mark.parametrize("onednn", [True, False])
def test_with_and_without_onednn_it_is_the_direct_convolution(
    onednn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    image = random.normal(size=(1, 21, 30, 16)).astype(np.float32)
    kernel = random.normal(size=(3, 3, 16, 24)).astype(np.float32)
    monkeypatch.setattr(winograd, "uses_onednn", lambda: onednn)
    compiled = tf.function(winograd.convolve, autograph=False).get_concrete_function(
        tf.TensorSpec(image.shape), winograd.transform_kernel(kernel)
    )
    kinds = [operation.type for operation in compiled.graph.get_operations()]
    assert (kinds.count("MatMul") >= 36) == (not onednn)
    ours = compiled(tf.constant(image), winograd.transform_kernel(kernel))
    direct = tf.nn.conv2d(image.astype(np.float64), kernel.astype(np.float64), 1, "SAME")
    np.testing.assert_allclose(ours, direct, atol=2e-5 * np.abs(direct).max())


@pytest.mark.parametrize("strip", [1, 5, 12, 1000])
@pytest.mark.parametrize("shape", [(13, 17), (32, 9), (40, 24), (5, 61)])
def test_working_in_strips_does_not_change_the_result(
    shape: tuple[int, int], strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    image = random.normal(size=(1, *shape, 5)).astype(np.float32)
    kernel = random.normal(size=(3, 3, 5, 7)).astype(np.float32)
    direct = tf.nn.conv2d(image.astype(np.float64), kernel.astype(np.float64), 1, "SAME")
    transformed = winograd.transform_kernel(kernel)
    monkeypatch.setattr(winograd, "STRIP", strip)
    for convolve in (winograd.convolve, tf.function(winograd.convolve, autograph=False)):
        ours = convolve(tf.constant(image), transformed)
        assert ours.shape == direct.shape
        np.testing.assert_allclose(ours, direct, atol=2e-5 * np.abs(direct).max())


def test_strips_bound_the_memory_between_input_and_output() -> None:
    kernel = winograd.transform_kernel(np.ones((3, 3, 8, 8), np.float32))
    image = tf.zeros((1, 512, 512, 8))
    convolve = tf.function(lambda: winograd.convolve(image, kernel), autograph=False)
    convolve()
    peak = transient_memory(convolve)
    # The strips, their concatenation, and a few strips' worth of transforms; the transformed image
    # as a whole would be 2.25 times the image, before and after the product.
    assert peak < 2.5 * 4 * 512 * 512 * 8
