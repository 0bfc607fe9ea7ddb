"""Feature maps, values and gradients for the tests of statistics and losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from neuralstyle.features import architectures as vgg19

Array: TypeAlias = NDArray[np.floating[Any]]
FeatureMaps: TypeAlias = Mapping[str, Array]
Function: TypeAlias = Callable[[Mapping[str, Any]], Any]


def from_rows(rows: ArrayLike) -> Array:
    """Make the feature map (1, 1, M, N) of a matrix of N channels by M positions."""
    return np.array(rows, dtype=np.float64).T[None, None]


def to_rows(feature: Array) -> Array:
    """Undo `from_rows`, for a map of any height."""
    return feature.reshape(-1, feature.shape[-1]).T


def random_map(seed: int, *shape: int) -> Array:
    """Make a feature map whose channels differ in mean and deviation and have no ties."""
    random = np.random.default_rng(seed)
    channels = np.arange(shape[-1])
    return (random.normal(size=(1, *shape)) + 0.5) * (1 + channels / 2) + 0.3 * channels


def tensors(features: FeatureMaps) -> dict[str, Any]:
    return {layer: tf.convert_to_tensor(value) for layer, value in features.items()}


def value(function: Function, features: FeatureMaps) -> float:
    return float(function(tensors(features)))


def value_and_gradient(
    function: Function, features: FeatureMaps
) -> tuple[float, dict[str, NDArray[Any]]]:
    """Evaluate a function and differentiate it with respect to every feature map."""
    watched = tensors(features)
    with tf.GradientTape() as tape:
        tape.watch(list(watched.values()))
        result = function(watched)
    gradient = tape.gradient(result, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return float(result), {layer: slope.numpy() for layer, slope in gradient.items()}


def squared_wasserstein(a: Array, b: Array) -> float:
    """Compute W2 squared of two samples, by repeating both to the same number and sorting."""
    size = int(np.lcm(a.size, b.size))
    repeated = [np.sort(np.repeat(x.ravel(), size // x.size)) for x in (a, b)]
    return float(np.mean((repeated[0] - repeated[1]) ** 2))


def compare(
    kind: Callable[..., Any], generated: Array, target: Array, normalize: str = "mean"
) -> float:
    """Return the loss of one feature map against another."""
    return value(kind({"a": target}, "a", normalize=normalize), {"a": generated})


def gradient_of(loss: Callable[[Mapping[str, Any]], Any], generated: Array) -> Array:
    return value_and_gradient(loss, {"a": generated})[1]["a"]


def orthogonal(size: int, seed: int = 0) -> Array:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def permuted(feature: Array, seed: int = 0) -> Array:
    """Move the positions, all channels alike."""
    order = np.random.default_rng(seed).permutation(feature.shape[1] * feature.shape[2])
    return feature.reshape(-1, feature.shape[-1])[order].reshape(feature.shape)


def shuffled(feature: Array, seed: int = 0) -> Array:
    """Move the positions, each channel in its own way."""
    rows = np.random.default_rng(seed).permuted(to_rows(feature), axis=1)
    return rows.T.reshape(feature.shape)


NARROW = (8, 8, 16, 16, 16)
"""Widths of a network that is narrow enough for small files."""


def assert_same_weights(actual: vgg19.Weights, expected: vgg19.Weights) -> None:
    assert tuple(actual) == vgg19.CONVOLUTIONS
    for name in vgg19.CONVOLUTIONS:
        for ours, theirs in zip(actual[name], expected[name], strict=True):
            assert ours.dtype == np.float32
            np.testing.assert_array_equal(ours, theirs, err_msg=name)


def transient_memory(function: Callable[[], object]) -> int:
    """Run a function and return the bytes that it needed at most beside what stays."""
    try:
        tf.config.experimental.reset_memory_stats("CPU:0")
    except ValueError:
        pytest.skip("TensorFlow counts the memory of a processor only where it uses oneDNN")
    function()
    info = tf.config.experimental.get_memory_info("CPU:0")
    return int(info["peak"] - info["current"])
