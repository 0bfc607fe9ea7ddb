"""What layers of Keras models see, against where the gradients of their units are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import neuralstyle as ns

SIZES = (30, 31, 32, 33, 34, 35)
"""Of images: of all remainders by the strides used here."""


def network(*steps: Callable[[Any], Any]) -> ns.KerasFeatures:
    """Chain layers after an image; the last one is called "last"."""
    image = tensor = keras.Input((None, None, 3))
    for step in steps:
        tensor = step(tensor)
    return ns.KerasFeatures(keras.Model(image, layers.Identity(name="last")(tensor)))


def conv(size: Any = 3, **options: Any) -> layers.Layer:
    # Positive weights hide no pixel.
    return layers.Conv2D(2, size, kernel_initializer="ones", bias_initializer="ones", **options)


def seen(extractor: ns.KerasFeatures, size: int, layer: str = "last") -> tuple[int, int, int]:
    """Find the pixels that a unit in the middle sees: which unit, the first one, and how many."""
    image = tf.random.stateless_uniform((1, size, size, 3), (0, size), 0.2, 0.8)
    with tf.GradientTape() as tape:
        tape.watch(image)
        feature = extractor(image)[layer]
        unit = feature.shape[1] // 2
        value = tf.reduce_sum(feature[0, unit, unit])
    changes = np.any(np.asarray(tape.gradient(value, image))[0], axis=-1)
    rows, columns = np.flatnonzero(changes.any(axis=1)), np.flatnonzero(changes.any(axis=0))
    np.testing.assert_array_equal(rows, columns)
    return unit, int(rows[0]), int(rows[-1] - rows[0] + 1)


EXACT: dict[str, list[Callable[[Any], Any]]] = {
    "convolution": [conv()],
    "convolution that keeps the size": [conv(5, padding="same")],
    "even kernel": [conv(4, padding="same")],
    "strides": [conv(3, strides=2), conv()],
    "strides larger than the kernel": [conv(2, strides=3)],
    "dilation": [conv(3, dilation_rate=2), conv(3, dilation_rate=3, padding="same")],
    "average pooling": [conv(), layers.AveragePooling2D(2), conv()],
    "overlapping pooling": [layers.AveragePooling2D(3, strides=2), conv()],
    "depthwise": [layers.DepthwiseConv2D(3, depthwise_initializer="ones"), conv(1)],
    "separable": [
        layers.SeparableConv2D(
            2, 3, depthwise_initializer="ones", pointwise_initializer="ones", strides=2
        )
    ],
    "padding": [layers.ZeroPadding2D(2), conv(3, strides=2)],
    "cropping": [layers.Cropping2D(((3, 1), (3, 2))), conv(3, strides=2)],
    "position by position": [
        layers.Rescaling(2.0, 0.1),
        conv(),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dropout(0.5),
        layers.Dense(2, kernel_initializer="ones"),
        layers.Activation("softplus"),
    ],
    "normalisation of channels": [layers.LayerNormalization(), conv()],
    "operations": [conv(), lambda x: ops.sqrt(ops.relu(x) * 2.0 + 1.0) / (1.0 + ops.exp(-x))],
    "branches": [lambda x: layers.Concatenate()([x, conv(5, padding="same")(x)]), conv()],
    "around": [conv(2), lambda x: layers.Add()([x, conv(4, padding="same")(x)]), conv(strides=3)],
    "a model inside": [
        conv(3, strides=2),
        keras.Sequential([keras.Input((None, None, 2)), conv(3, strides=2), conv()]),
        conv(2),
    ],
}


@pytest.mark.parametrize("name", EXACT)
def test_a_field_is_where_the_gradient_is(name: str) -> None:
    extractor = network(*EXACT[name])
    start, length, step = extractor.receptive_field("last")
    for size in SIZES:
        unit, first, count = seen(extractor, size)
        assert (first, count) == (start + unit * step, length)


@pytest.mark.parametrize(
    "steps",
    [
        [conv(3, strides=2, padding="same")],
        [conv(4, strides=3, padding="same")],
        [conv(2, strides=3, padding="same")],
        [layers.AveragePooling2D(3, strides=2, padding="same")],
        [conv(3, strides=2, padding="same"), conv(3, strides=2, padding="same"), conv()],
    ],
    ids=["3 by 2", "4 by 3", "2 by 3", "pooling", "twice"],
)
def test_where_padding_depends_on_the_size_a_field_is_what_is_seen_at_any(
    steps: list[Callable[[Any], Any]],
) -> None:
    extractor = network(*steps)
    start, length, step = extractor.receptive_field("last")
    ends = []
    for size in SIZES:
        unit, first, count = seen(extractor, size)
        ends.append((first - unit * step, first - unit * step + count))
    assert start == min(first for first, _ in ends)
    assert start + length == max(end for _, end in ends)


def test_a_layer_that_is_asked_for_does_not_matter_to_others() -> None:
    extractor = network(conv(3, name="one"), conv(3, strides=2, name="two"))
    assert extractor.receptive_field("two") == (0, 5, 2)
    assert extractor.receptive_field("one") == (0, 3, 1)
    assert extractor.receptive_field("input") == (0, 1, 1)
    features = extractor(np.zeros((9, 9, 3), np.float32))
    assert features.receptive_field("two") == (0, 5, 2)


def test_a_network_may_be_deep() -> None:
    extractor = network(*(layers.ReLU() for _ in range(600)))
    assert extractor.receptive_field("last") == (0, 1, 1)


class Mirrored(layers.Conv2D):
    """A kind of convolution of which nothing is known."""

    def call(self, tensor: Any) -> Any:
        return super().call(ops.flip(tensor, axis=1))


OPAQUE: dict[str, tuple[list[Callable[[Any], Any]], str]] = {
    "all of the image": ([layers.GlobalAveragePooling2D(keepdims=True)], "GlobalAveragePooling2D"),
    "a mean": ([lambda x: x - ops.mean(x, axis=(1, 2), keepdims=True)], "Mean"),
    "a kind of one's own": ([Mirrored(2, 3, name="mine")], "'mine' .Mirrored"),
    "a function": ([layers.Lambda(lambda x: x[:, ::-1], name="mine")], "'mine' .Lambda"),
    "finer than pixels": ([layers.UpSampling2D(2)], "UpSampling2D"),
    "other distances": ([conv((3, 5))], "other distances down than across"),
    "groups of positions": ([layers.GroupNormalization(3)], "GroupNormalization"),
    "side by side": ([lambda x: layers.Concatenate(axis=1)([x, x])], "Concatenate"),
}


@pytest.mark.parametrize("name", OPAQUE)
def test_what_cannot_be_seen_through_is_said_by_name(name: str) -> None:
    steps, message = OPAQUE[name]
    extractor = network(*steps)
    with pytest.raises(ValueError, match=f"what layer 'last' sees is not known: .*{message}"):
        extractor.receptive_field("last")


def test_branches_of_different_strides_have_no_field() -> None:
    image = keras.Input((None, None, 3))
    fine, coarse = conv(1, name="fine")(image), conv(2, strides=2, padding="same")(image)
    model = keras.Model(image, layers.Add(name="sum")([fine, layers.Resizing(8, 8)(coarse)]))
    with pytest.raises(ValueError, match="'sum' sees is not known: .*Resizing"):
        ns.KerasFeatures(model).receptive_field("sum")
    broadcast = keras.Input((8, 8, 3))
    one = conv(8, strides=8)(broadcast)  # a single position, added to all of them
    model = keras.Model(broadcast, layers.Add(name="sum")([conv(1)(broadcast), one]))
    with pytest.raises(ValueError, match="'sum' .Add. has inputs of different strides"):
        ns.KerasFeatures(model).receptive_field("sum")


def test_an_unknown_layer_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="no layer 'first'; the layers are input, .*last"):
        network(conv()).receptive_field("first")
