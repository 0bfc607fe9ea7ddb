"""Maximum pooling and its gradient are TensorFlow's."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from neuralstyle._kernels.pooling import max_pool
from neuralstyle.features.architectures import VGG16
from neuralstyle.features.vgg import fast
from neuralstyle.features.vgg.weights import load_weights


def slope_of(pooled: tf.Tensor) -> tf.Tensor:
    random = np.random.default_rng(1)
    return tf.constant(random.normal(size=pooled.shape), pooled.dtype)


@pytest.mark.parametrize("shape", [(1, 8, 6, 3), (1, 7, 9, 2), (1, 2, 2, 5), (1, 3, 16, 1)])
@pytest.mark.parametrize("levels", [1, 3, 10**6])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_and_gradient_are_tensorflows_with_ties_too(
    shape: tuple[int, ...], levels: int, dtype: str
) -> None:
    feature = tf.constant(np.random.default_rng(0).integers(0, levels, shape), dtype)
    expected = tf.nn.max_pool2d(feature, 2, 2, "VALID")
    slope = slope_of(expected)
    theirs = tf.raw_ops.MaxPoolGrad(
        orig_input=feature,
        orig_output=expected,
        grad=slope,
        ksize=[1, 2, 2, 1],
        strides=[1, 2, 2, 1],
        padding="VALID",
    )

    def both(feature: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pooled = max_pool(feature)
        return pooled, tf.gradients(pooled, feature, slope)[0]

    pooled, ours = tf.function(both, autograph=False)(feature)
    np.testing.assert_array_equal(pooled, expected)
    np.testing.assert_array_equal(ours, theirs)
    with tf.GradientTape() as tape:
        tape.watch(feature)
        pooled = max_pool(feature)
    np.testing.assert_array_equal(tape.gradient(pooled, feature, slope), theirs)


@pytest.mark.parametrize(
    ("onednn", "gpu", "own"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_networks_take_it_on_processors_without_onednn(
    onednn: bool, gpu: bool, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "uses_onednn", lambda: onednn)
    monkeypatch.setattr(fast, "has_gpu", lambda: gpu)
    called: list[bool] = []
    monkeypatch.setattr(fast, "max_pool", lambda x: called.append(True) or max_pool(x))
    image = {"input": tf.zeros((1, 16, 16, 3))}
    network = fast.FastVGG(VGG16, load_weights(VGG16, "compact"), "max")
    network.compute(image, "block2_conv1")
    assert called == [True] * own
    fast.FastVGG(VGG16, load_weights(VGG16, "compact"), "avg").compute(image, "block2_conv1")
    assert called == [True] * own
