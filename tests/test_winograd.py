"""Winograd's convolution is the convolution; its matrices are Toom and Cook's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf

from neuralstyle import winograd

POINTS = (0, 1, -1, 2, -2)


def powers(point: int, count: int) -> list[Fraction]:
    return [Fraction(point) ** power for power in range(count)]


def at_infinity(count: int) -> list[Fraction]:
    """Evaluation at infinity: the leading coefficient."""
    return [Fraction(0)] * (count - 1) + [Fraction(1)]


def test_matrices_are_those_of_toom_and_cook_at_the_points_named() -> None:
    # A filter computes a transposed polynomial product, so its matrices are the transposes of
    # evaluation and interpolation of a product of 6 coefficients (Lavin and Gray, section 4).
    outputs = np.array([*(powers(p, 4) for p in POINTS), at_infinity(4)]).T
    scale = [np.prod([Fraction(p - other) for other in POINTS if other != p]) for p in POINTS] + [
        Fraction(1)
    ]
    kernel = np.array([*(powers(p, 3) for p in POINTS), at_infinity(3)])
    kernel = np.array([row / s for row, s in zip(kernel, scale, strict=True)])
    # The product of (t - other) over the other points, whose value at p is the scale.
    lagrange = [
        np.poly([other for other in POINTS if other != p])[::-1].round().astype(int) for p in POINTS
    ]
    inputs = np.array([[*row, 0] for row in lagrange] + [np.poly(POINTS)[::-1].round().astype(int)])

    # The signs of a row may move between a kernel's and an input's.
    signs = np.sign(
        [
            float(np.dot(ours, theirs))
            for ours, theirs in zip(winograd.INPUT_TRANSFORM, inputs.astype(float), strict=True)
        ]
    )
    np.testing.assert_array_equal(winograd.OUTPUT_TRANSFORM, outputs.astype(float))
    np.testing.assert_allclose(winograd.INPUT_TRANSFORM, signs[:, None] * inputs.astype(float))
    np.testing.assert_allclose(
        winograd.KERNEL_TRANSFORM, signs[:, None] * kernel.astype(float), atol=1e-15
    )


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
