"""What cannot be computed says why: the true reason first, the size only where that is it."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from support import noise

import neuralstyle as ns
from neuralstyle.features.failures import said, unknown_layer


def sequential(*steps: layers.Layer, shape: Any = (None, None, 3)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *steps])


def conv(name: str = "c", size: int = 3, **options: Any) -> layers.Layer:
    return layers.Conv2D(4, size, name=name, **options)


class Failing(layers.Layer):
    """Raises an error whenever it computes."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(name="failing")
        self.error = error

    def call(self, tensor: Any) -> Any:
        if tf.executing_eagerly():
            raise self.error
        return tensor


OUT_OF_MEMORY = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating [9000,9000]")
INVALID = tf.errors.InvalidArgumentError(
    None, None, "{{function_node __wrapped__X_device_/job:localhost}} No such kernel [Op:X] name: "
)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OUT_OF_MEMORY, MemoryError, "not enough memory for layer 'failing' of an image of 9 x 8"),
        (MemoryError("no more"), MemoryError, r"not enough memory .*MemoryError: no more"),
        (INVALID, RuntimeError, "^InvalidArgumentError: No such kernel; layer 'failing' of an"),
        (TypeError("no float"), TypeError, "^TypeError: no float; layer 'failing'"),
        (AttributeError("no shape"), RuntimeError, "^AttributeError: no shape; layer"),
        (RuntimeError("broken"), RuntimeError, "^RuntimeError: broken; layer 'failing'"),
    ],
)
def test_the_true_reason_comes_first_with_its_kind(
    error: Exception, kind: type[Exception], message: str
) -> None:
    features = ns.KerasFeatures(sequential(Failing(error)))(noise(8, 9))
    with pytest.raises(kind, match=message) as caught:
        features["failing"]
    assert "small" not in str(caught.value) and "expected at least" not in str(caught.value)
    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)


def test_what_nobody_should_catch_is_not_caught() -> None:
    features = ns.KerasFeatures(sequential(Failing(KeyboardInterrupt())))(noise(8, 9))
    with pytest.raises(KeyboardInterrupt):
        features["failing"]


NETWORKS = {
    "filters": ([conv("a", 11, strides=4), layers.MaxPooling2D(3, 2), conv("c", 5)], 51),
    "poolings": ([layers.MaxPooling2D(2), layers.MaxPooling2D(2, name="c")], 4),
    "same padding": ([conv("a", padding="same"), layers.AveragePooling2D(3, name="c")], 3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_least_side_that_is_named_works_and_the_next_smaller_does_not(name: str) -> None:
    steps, least = NETWORKS[name]
    extractor = ns.KerasFeatures(sequential(*steps))
    assert 0 not in extractor(noise(least, least))["c"].shape
    for height, width in ((least - 1, least + 9), (1, 1), (least + 9, 1)):
        wanted = f"^image: expected at least {least} x {least} pixels for layer 'c', received"
        with pytest.raises(ValueError, match=f"{wanted} {width} x {height}$"):
            extractor(noise(height, width))["c"]


def test_a_size_at_fault_is_found_in_a_graph_too() -> None:
    extractor = ns.KerasFeatures(sequential(conv(size=5)))
    with pytest.raises(ValueError, match="expected at least 5 x 5 pixels for layer 'c'"):
        ns.Evaluator(ns.loss(lambda features: ops.mean(features["c"])), extractor, (3, 9))


def test_messages_call_a_picture_what_it_is() -> None:
    features: Any = ns.VGG16Features("compact")(noise(4, 4))
    features.picture = "content"
    with pytest.raises(ValueError, match="^content: expected at least 8 x 8 pixels"):
        features["block4_conv1"]
    octaves: Any = ns.Pyramid(ns.VGG16Features("compact"), 2)(noise(15, 15))
    octaves.picture = "style"
    assert octaves.picture == "style"
    with pytest.raises(ValueError, match="^style, octave 1: expected at least 8 x 8.*6 x 6$"):
        octaves["octave1/block4_conv1"]


def test_a_model_of_fixed_size_says_which_and_how_to_build_it_again() -> None:
    model = sequential(conv(), layers.Flatten(), layers.Dense(2, name="d"), shape=(20, 16, 3))
    extractor = ns.KerasFeatures(model)
    assert extractor(noise(20, 16))["d"].shape == (1, 2)
    assert extractor(noise(9, 9))["c"].shape == (1, 7, 7, 4)  # what works at any size does
    with pytest.raises(ValueError, match=r"9 x 8 pixels: .*built for 16 x 20 alone.*None, None, 3"):
        extractor(noise(8, 9))["d"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: sequential(conv(data_format="channels_first"), shape=(3, None, None)), "first"),
        (
            lambda: sequential(layers.Permute((3, 1, 2)), conv(data_format="channels_first")),
            "received 'c', which is channels_first",
        ),
        (lambda: sequential(conv(), shape=(None, None, 1)), "3 channels, received one of 1.*mean"),
        (lambda: sequential(layers.Dense(2), shape=(7,)), r"channels-last images.*\(7,\)"),
    ],
    ids=["channels first", "a channels-first layer", "grey", "no images"],
)
def test_a_model_of_other_images_is_refused_when_it_is_given(model: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^model: expected .*{message}"):
        ns.KerasFeatures(model())


def test_a_grey_model_works_with_what_makes_grey() -> None:
    model = sequential(conv(), shape=(None, None, 1))
    extractor = ns.KerasFeatures(model, lambda image: ops.mean(image, -1, keepdims=True))
    assert extractor(noise(8, 9))["c"].shape == (1, 6, 7, 4)


def test_a_model_of_keras_2_is_named() -> None:
    old = type("Functional", (), {"__module__": "tf_keras.src.engine.functional"})()
    with pytest.raises(TypeError, match="^model: expected a model of Keras 3, .*tf_keras"):
        ns.KerasFeatures(old)


@pytest.mark.parametrize(
    ("preprocess", "kind", "message"),
    [
        (lambda image: np.asarray(image) * 2, TypeError, "one that returns ndarray"),
        (lambda image: None, TypeError, "one that returns NoneType"),
        (lambda image: image[..., :1], ValueError, r"\(1, H, W, 3\).*returns \(1, 8, 9, 1\)"),
        (lambda image: image[0], ValueError, r"returns \(8, 9, 3\)"),
    ],
    ids=["NumPy", "nothing", "channels", "no batch"],
)
def test_preprocessing_that_does_not_fit_is_named(
    preprocess: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f"^preprocess: expected a function .*{message}"):
        ns.KerasFeatures(sequential(conv()), preprocess)(noise(8, 9))["c"]
    with pytest.raises(kind, match="^preprocess: expected a function"):
        ns.StyleLoss(ns.KerasFeatures(sequential(conv()), preprocess)(noise(8, 9)), "c")


def test_preprocessing_by_numpy_is_named_in_a_graph_too() -> None:
    extractor = ns.KerasFeatures(
        sequential(conv()), lambda image: ops.convert_to_tensor(np.asarray(image)[..., ::-1])
    )
    with pytest.raises(TypeError, match="^preprocess: .*keras.ops.*a tensor refuses"):
        ns.Evaluator(ns.loss(lambda features: ops.mean(features["c"])), extractor, (8, 9))


def test_memory_that_ends_in_an_evaluation_is_a_memory_error() -> None:
    evaluator: Any = ns.Evaluator(ns.TotalVariationLoss(), lambda x: {"input": x}, (8, 9))

    def exhausted(*_: Any) -> Any:
        raise OUT_OF_MEMORY

    evaluator._compute = exhausted
    with pytest.raises(MemoryError, match="evaluate an image of 9 x 8 pixels .*OOM when"):
        evaluator(np.zeros(8 * 9 * 3))


# Words


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("no\nmore", "ValueError: no"),
        ("", "ValueError"),
        (
            "Exception encountered when calling Conv2D.call().\n\n\x1b[1mNo size.\x1b[0m\n\nArgs",
            "ValueError: No size.",
        ),
        ("could not\n\nconfig={}.\n\nException encountered: No class 'A'.", "ValueError: No class"),
    ],
)
def test_what_was_said_is_the_first_sentence_of_the_first_error(
    message: str, expected: str
) -> None:
    assert said(ValueError(message)).startswith(expected)


def test_of_few_layers_all_are_named_and_of_many_the_nearest() -> None:
    few = unknown_layer("conv2", ("input", "conv1", "conv3"))
    assert few.args[0].startswith("there is no layer 'conv2'; the layers are input, conv1, conv3")
    assert "the nearest are 'conv3', 'conv1'" in few.args[0]
    many = tuple(f"stage{math.floor(n / 9)}_block{n % 9}" for n in range(150))
    text = unknown_layer("stage3_blok4", many).args[0]
    assert "there are 150" in text and "nearest are 'stage3_block4'" in text and len(text) < 200
    assert "nearest" not in unknown_layer("zzz", many).args[0]
