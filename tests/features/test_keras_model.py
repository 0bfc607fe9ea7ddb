"""Any Keras model as an extractor."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from support import noise

import neuralstyle as ns


class Noted(keras.layers.Layer):
    """Passes its input on, and notes that it ran."""

    ran: list[str] = []

    def call(self, tensor: Any) -> Any:
        if tf.executing_eagerly():  # not while Keras infers shapes
            Noted.ran.append(self.name)
        return tensor + 1.0


@pytest.fixture
def noting() -> ns.KerasFeatures:
    layers = [Noted(name=name) for name in ("one", "two", "three", "four")]
    model = keras.Sequential([keras.Input((None, None, 3)), *layers])
    Noted.ran.clear()
    return ns.KerasFeatures(model)


def test_a_network_runs_no_deeper_than_the_layer_asked_for(noting: ns.KerasFeatures) -> None:
    features = noting(noise(4, 4))
    Noted.ran.clear()
    features["two"]
    assert Noted.ran == ["one", "two"]


def test_a_network_goes_on_from_what_is_already_known(noting: ns.KerasFeatures) -> None:
    features = noting(noise(4, 4))
    features["two"]
    Noted.ran.clear()
    deepest = features["four"]
    assert Noted.ran == ["three", "four"]
    np.testing.assert_allclose(deepest, features["input"] + 4.0, rtol=1e-6)


def test_a_layer_asked_for_again_is_not_run_again(noting: ns.KerasFeatures) -> None:
    features = noting(noise(4, 4))
    features["three"]
    Noted.ran.clear()
    features["three"], features["input"]
    assert Noted.ran == []


def residual_model() -> keras.Model:
    """Convolutions around which the input goes, a raw operation, and layers after the sum."""
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3))
    stem = keras.layers.Conv2D(4, 3, padding="same", name="stem")(image)
    inner = keras.layers.Conv2D(4, 3, padding="same", name="inner")(ops.relu(stem) * 2.0)
    total = keras.layers.Add(name="add")([stem, inner])
    scaled = ops.tanh(total) - ops.mean(stem, axis=(1, 2), keepdims=True)
    return keras.Model(image, keras.layers.Conv2D(2, 3, strides=2, name="head")(scaled))


@pytest.mark.parametrize("order", list(itertools.permutations(["stem", "inner", "add", "head"])))
def test_a_residual_model_gives_the_same_in_whatever_order_it_is_asked(
    order: tuple[str, ...],
) -> None:
    model, image = residual_model(), noise(9, 12)
    expected = keras.Model(model.input, {name: model.get_layer(name).output for name in order})
    features = ns.KerasFeatures(model)(image)
    known = expected(image[None])
    for name in order:
        np.testing.assert_allclose(features[name], known[name], rtol=1e-5, atol=1e-6)


def test_a_model_has_its_layers_names_without_the_input() -> None:
    assert ns.KerasFeatures(residual_model()).layers == ("stem", "inner", "add", "head")
    features = ns.KerasFeatures(residual_model())(noise(9, 12))
    assert list(features) == ["input", "stem", "inner", "add", "head"]
    with pytest.raises(KeyError, match="stem, inner, add, head"):
        features["conv4_2"]


def test_a_sequential_model_gives_its_layers_activations() -> None:
    random = np.random.default_rng(0)
    first = keras.layers.Conv2D(5, 3, activation="relu", name="first")
    second = keras.layers.Conv2D(2, 1, name="second")
    model = keras.Sequential([keras.Input((None, None, 3)), first, second])
    second.set_weights([random.normal(size=w.shape) for w in second.get_weights()])
    image = noise(8, 10)
    features = ns.KerasFeatures(model)(image)
    np.testing.assert_allclose(features["second"], model(image[None]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(features["first"], first(image[None]), rtol=1e-5, atol=1e-6)


def test_preprocessing_concerns_the_network_and_not_the_input() -> None:
    model, image = residual_model(), noise(9, 12)
    features = ns.KerasFeatures(model, preprocess=lambda tensor: 3.0 * tensor - 1.0)(image)
    features["stem"]
    expected = model(3.0 * image[None] - 1.0)
    np.testing.assert_allclose(features["head"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(features["input"], image[None])


def test_a_model_inside_a_model_is_one_layer() -> None:
    inner = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3, name="c")], name="inner"
    )
    outer = keras.Input((None, None, 3))
    model = keras.Model(outer, keras.layers.Conv2D(2, 1, name="head")(inner(2.0 * outer)))
    image = noise(8, 8)
    features = ns.KerasFeatures(model)(image)
    np.testing.assert_allclose(features["inner"], inner(2.0 * image[None]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(features["head"], model(image[None]), rtol=1e-5, atol=1e-6)


def test_a_model_is_looked_through_as_in_inference() -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Dropout(0.5, name="d")])
    image = noise(8, 8)
    np.testing.assert_array_equal(ns.KerasFeatures(model)(image)["d"], image[None])


def test_an_image_smaller_than_a_models_filter_is_refused_naming_the_layer() -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 5, name="c")])
    features = ns.KerasFeatures(model)(noise(3, 4))
    with pytest.raises(ValueError, match="'c'.*4 x 3"):
        features["c"]


class Subclassed(keras.Model):
    """A model whose graph is nowhere written down."""

    def call(self, image: Any) -> Any:
        return image


@pytest.mark.parametrize(
    "model",
    [
        None,
        "vgg19",
        lambda image: image,
        keras.layers.ReLU(),
        keras.Sequential([keras.layers.ReLU()]),
        Subclassed(),
    ],
    ids=["none", "text", "function", "layer", "unbuilt", "subclassed"],
)
def test_what_is_no_model_with_a_graph_is_refused(model: Any) -> None:
    with pytest.raises(TypeError, match="model: expected a functional or sequential Keras model"):
        ns.KerasFeatures(model)


def test_a_model_of_two_inputs_is_refused() -> None:
    first, second = keras.Input((None, None, 3)), keras.Input((None, None, 3))
    model = keras.Model([first, second], keras.layers.Add()([first, second]))
    with pytest.raises(ValueError, match="model: expected a model of one input, received 2"):
        ns.KerasFeatures(model)


def test_a_model_of_whole_numbers_is_refused_since_it_would_see_black() -> None:
    model = keras.Sequential(
        [keras.Input((None, None, 3), dtype="uint8"), keras.layers.Rescaling(2)]
    )
    with pytest.raises(ValueError, match="^model: expected a floating-point input"):
        ns.KerasFeatures(model)


def test_what_is_no_preprocessing_is_refused() -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.ReLU()])
    with pytest.raises(TypeError, match="^preprocess: expected"):
        ns.KerasFeatures(model, preprocess=3)  # type: ignore[arg-type]


def convolution(**options: Any) -> keras.Model:
    """Make a network of one convolution, always the same but for the options."""
    keras.utils.set_random_seed(0)
    layer = keras.layers.Conv2D(4, 3, **{"name": "c", **options})
    return keras.Sequential([keras.Input((None, None, 3)), layer])


def test_a_digest_is_the_same_for_the_same_network_and_another_for_others() -> None:
    first = ns.KerasFeatures(convolution()).digest
    assert first == ns.KerasFeatures(convolution()).digest
    others = [convolution(strides=2), convolution(activation="relu"), convolution()]
    kernel, bias = others[-1].get_weights()
    others[-1].set_weights([kernel, bias + 1])
    assert len({first, *(ns.KerasFeatures(other).digest for other in others)}) == 4


def test_names_that_keras_counts_up_are_no_part_of_a_digest() -> None:
    first, second = convolution(name=None), convolution(name=None)
    assert first.layers[0].name != second.layers[0].name
    assert ns.KerasFeatures(first).digest == ns.KerasFeatures(second).digest


def test_a_function_before_the_network_is_another_every_time() -> None:
    extractor = ns.KerasFeatures(convolution(), preprocess=lambda image: 2 * image)
    assert not extractor.reuse and extractor.digest is None
    assert extractor(noise(8, 8)).digest is None
    plain = ns.KerasFeatures(convolution())
    assert plain.reuse and plain(noise(8, 8)).digest == plain.digest


def test_preprocessing_runs_only_where_the_image_is_needed() -> None:
    seen: list[bool] = []
    image = keras.Input((None, None, 3))
    first = keras.layers.Conv2D(4, 3, name="c")(image)
    model = keras.Model(image, keras.layers.ReLU(name="r")(first))
    features = ns.KerasFeatures(model, lambda image: seen.append(True) or image)(noise(8, 8))
    features["c"]
    features["r"]
    assert seen == [True]


def test_a_digest_may_be_asked_for_while_a_graph_is_built() -> None:
    extractor, asked = ns.KerasFeatures(convolution()), []
    tf.function(lambda: asked.append(extractor.digest))()
    assert asked == [extractor.digest]
