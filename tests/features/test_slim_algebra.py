"""The linear algebra of slimming: which channels are chosen, and what is fitted to them."""

from __future__ import annotations

import numpy as np
import pytest

from neuralstyle.features.slim.refit import refit
from neuralstyle.features.slim.selection import choose, metric

# The choice of channels


def moments_and_metric(seed: int, channels: int = 7) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    activations = random.normal(size=(channels, 12))
    moments = activations @ activations.T
    return moments, metric(moments, random.normal(size=(3, 3, channels, 4)))


def loss(moments: np.ndarray, weights: np.ndarray, kept: list[int]) -> float:
    """Return what is lost by keeping these channels, with a fresh inverse."""
    inverse = np.linalg.inv(moments[np.ix_(kept, kept)])
    return float(np.trace(weights @ (moments - moments[:, kept] @ inverse @ moments[kept])))


@pytest.mark.parametrize("seed", range(5))
def test_every_channel_takes_the_most_off_the_loss(seed: int) -> None:
    moments, weights = moments_and_metric(seed)
    kept: list[int] = []
    for count in range(1, 6):
        others = (j for j in range(len(moments)) if j not in kept)
        kept.append(min(others, key=lambda j: loss(moments, weights, [*kept, j])))
        assert choose(moments, weights, count).tolist() == sorted(kept)


def test_channels_that_never_fire_come_last() -> None:
    moments = np.diag([0.0, 2.0, 0.0, 1.0])
    assert choose(moments, np.eye(4), 3).tolist() == [0, 1, 3]
    assert choose(np.zeros((3, 3)), np.eye(3), 2).tolist() == [0, 1]


def test_the_next_layer_and_the_channels_themselves_matter_ten_to_three() -> None:
    moments, _ = moments_and_metric(0)
    kernel = np.random.default_rng(1).normal(size=(3, 3, 7, 4))
    own, both = metric(moments, None), metric(moments, kernel)
    assert np.sum(own * moments) == pytest.approx(1)
    assert np.sum(both * moments) == pytest.approx(1.3)
    needed = np.einsum("hwio,hwjo->ij", kernel, kernel)
    expected = needed / np.sum(needed * moments) + 0.3 * own
    np.testing.assert_allclose(both, expected)


# Least squares


def convolution_data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(3, 8, 9, 2)).astype(np.float32)
    targets = random.normal(size=(3, 8, 9, 4)).astype(np.float32)
    return inputs, targets


def patches(inputs: np.ndarray) -> np.ndarray:
    padded = np.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = inputs.shape[1:3]
    taps = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    rows = np.concatenate(taps, axis=-1).reshape(-1, 9 * inputs.shape[-1])
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)


def test_the_fit_is_the_least_squares_one() -> None:
    data = [convolution_data(0), convolution_data(1)]
    kernel, bias = refit(
        data, np.zeros((3, 3, 2, 4), np.float32), np.zeros(4, np.float32), passes=0, ridge=0
    )
    rows = np.concatenate([patches(inputs) for inputs, _ in data])
    targets = np.concatenate([targets.reshape(-1, 4) for _, targets in data])
    expected, *_ = np.linalg.lstsq(rows, targets, rcond=None)
    np.testing.assert_allclose(kernel.reshape(18, 4), expected[:-1], atol=1e-5)
    np.testing.assert_allclose(bias, expected[-1], atol=1e-5)


def test_passes_lower_the_error_after_the_relu() -> None:
    inputs, targets = convolution_data()
    start = np.zeros((3, 3, 2, 4), np.float32), np.zeros(4, np.float32)
    errors = []
    for passes in (0, 1, 4):
        kernel, bias = refit([(inputs, targets)], *start, passes=passes, ridge=0)
        values = patches(inputs) @ np.concatenate([kernel.reshape(18, 4), bias[None]])
        difference = np.maximum(values, 0) - np.maximum(targets.reshape(-1, 4), 0)
        errors.append(float(np.sum(difference**2)))
    assert errors[0] > 1.05 * errors[1] > 1.05 * errors[2]


def test_without_data_the_kernel_stays() -> None:
    kernel, bias = convolution_data()[0][:1, :3, :3].reshape(3, 3, 2, 1), np.ones(1, np.float32)
    nothing = np.zeros((1, 4, 4, 2), np.float32), np.ones((1, 4, 4, 1), np.float32)
    fitted, _ = refit([nothing], kernel, bias)
    np.testing.assert_array_equal(fitted, kernel)
