"""A Keras model is what leads from its input to its outputs, whoever else calls its layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from support import noise

import neuralstyle as ns
from neuralstyle.features.keras_models.graph import Graph, averaging


def image() -> Any:
    return keras.Input((None, None, 3))


def conv(name: str, channels: int = 3, **options: Any) -> layers.Layer:
    return layers.Conv2D(channels, 3, padding="same", name=name, **options)


def assert_sees(extractor: ns.KerasFeatures, layer: str, expected: Any, size: int = 12) -> None:
    """Check a layer's features of a picture, alone, and after all others were computed."""
    features = extractor(noise(size, size))
    np.testing.assert_allclose(features[layer], expected, rtol=1e-5, atol=1e-6)
    features = extractor(noise(size, size))
    for name in reversed(extractor.layers):
        features[name]
    np.testing.assert_allclose(features[layer], expected, rtol=1e-5, atol=1e-6)


def pooled_model() -> keras.Model:
    return keras.Sequential(
        [image(), conv("c1"), layers.MaxPooling2D(2, name="p"), conv("c2"), conv("c3")]
    )


def rewired(model: keras.Model) -> keras.Model:
    """Call a model's layers anew with average pooling, as one does to a VGG."""
    start = tensor = image()
    for layer in model.layers:
        pool = isinstance(layer, layers.MaxPooling2D)
        tensor = (layers.AveragePooling2D(2, name=layer.name) if pool else layer)(tensor)
    return keras.Model(start, tensor)


def test_a_rewired_model_gives_its_own_activations_and_not_those_of_the_first() -> None:
    first = pooled_model()
    second = rewired(first)
    for model in (first, second):
        deepest = model(noise(12, 12)[None])
        extractor = ns.KerasFeatures(model)
        assert extractor.layers == ("c1", "p", "c2", "c3")
        assert_sees(extractor, "c3", deepest)
    assert ns.KerasFeatures(first).digest != ns.KerasFeatures(second).digest


def test_maximum_pooling_may_be_replaced_without_rewiring() -> None:
    model = pooled_model()
    replaced = ns.KerasFeatures(model, replace_max_pooling=True)
    assert_sees(replaced, "c3", rewired(model)(noise(12, 12)[None]))
    assert replaced.receptive_field("c3") == ns.KerasFeatures(model).receptive_field("c3")
    assert replaced.digest != ns.KerasFeatures(model).digest
    pool = layers.MaxPooling2D((3, 2), strides=(2, 1), padding="same", name="p")
    average: Any = averaging(pool)
    settings = ("pool_size", "strides", "padding", "data_format", "name")
    assert isinstance(average, layers.AveragePooling2D)
    assert all(getattr(average, name) == getattr(pool, name) for name in settings)


def test_a_model_cut_out_of_another_has_the_layers_up_to_its_output() -> None:
    whole = pooled_model()
    cut = keras.Model(whole.inputs, whole.get_layer("c2").output)
    assert ns.KerasFeatures(cut).layers == ("c1", "p", "c2")


def test_a_layer_called_twice_has_two_names() -> None:
    start, twice = image(), conv("twice")
    first = twice(start)
    model = keras.Model(start, [twice(ops.tanh(first)), conv("last")(first)])
    extractor = ns.KerasFeatures(model)
    assert extractor.layers == ("twice", "twice_1", "last")
    picture = noise(12, 12)[None]
    assert_sees(extractor, "twice", twice(picture))
    assert_sees(extractor, "twice_1", twice(ops.tanh(twice(picture))))
    assert extractor.receptive_field("twice") == (-1, 3, 1)
    assert extractor.receptive_field("twice_1") == (-2, 5, 1)


def test_a_second_call_whose_name_is_taken_is_refused_by_name() -> None:
    start, twice = image(), conv("c")
    model = keras.Model(start, conv("c_1")(twice(twice(start))))
    with pytest.raises(ValueError, match="^model: layer 'c' is called more.*'c_1' has the name"):
        ns.KerasFeatures(model)


def inner_model() -> keras.Model:
    return keras.Sequential([image(), conv("a"), layers.ReLU(name="b")], name="inner")


def test_the_layers_of_a_model_in_a_model_are_reached_by_both_names() -> None:
    start, inner = image(), inner_model()
    middle = keras.Sequential([image(), inner], name="middle")
    model = keras.Model(start, conv("head")(middle(ops.tanh(start))))
    extractor = ns.KerasFeatures(model)
    assert extractor.layers == (
        *("middle/inner/a", "middle/inner/b", "middle/inner", "middle", "head"),
    )
    picture = noise(12, 12)[None]
    assert_sees(extractor, "middle/inner/a", inner.get_layer("a")(ops.tanh(picture)))
    assert_sees(extractor, "middle", inner(ops.tanh(picture)))
    assert_sees(extractor, "head", model(picture))
    assert extractor.receptive_field("middle/inner/a") == (-1, 3, 1)
    assert extractor.receptive_field("head") == (-2, 5, 1)


def test_a_model_called_twice_in_a_model_is_seen_both_times() -> None:
    start, inner = image(), inner_model()
    model = keras.Model(start, inner(inner(start)))
    extractor = ns.KerasFeatures(model)
    picture = noise(12, 12)[None]
    assert_sees(extractor, "inner/a", inner.get_layer("a")(picture))
    assert_sees(extractor, "inner_1/a", inner.get_layer("a")(inner(picture)))
    assert_sees(extractor, "inner_1", model(picture))


def test_a_model_inside_gets_what_it_is_given_in_its_own_precision() -> None:
    start, inner = image(), inner_model()
    model = keras.Model(start, inner(conv("half", dtype="float16")(start)))
    extractor = ns.KerasFeatures(model)
    np.testing.assert_allclose(
        extractor(noise(12, 12))["inner/b"], model(noise(12, 12)[None]), rtol=1e-2, atol=1e-2
    )
    assert extractor.receptive_field("inner") == (-2, 5, 1)


class Shifted(keras.Model):
    """A functional model that does something else, too, when it is called."""

    def call(self, tensor: Any, training: bool | None = None) -> Any:
        return super().call(tensor) + 1.0


def test_a_model_inside_that_does_more_than_its_graph_is_one_layer() -> None:
    start, image_inside = image(), image()
    shifted = Shifted(image_inside, conv("a")(image_inside), name="shifted")
    extractor = ns.KerasFeatures(keras.Model(start, shifted(start)))
    assert extractor.layers == ("shifted",)
    assert_sees(extractor, "shifted", shifted(noise(12, 12)[None]))
    dropped = keras.Sequential([image(), layers.Dropout(0.5, name="d")], name="dropped")
    assert Graph(keras.Model(start, dropped(start, training=True))).layers.keys() == {"dropped"}


def test_a_digest_knows_how_layers_are_connected() -> None:
    keras.utils.set_random_seed(0)
    start, one, two = image(), conv("one"), conv("two")
    orders = [keras.Model(start, two(one(start))), keras.Model(start, one(two(start)))]
    doubled = keras.Model(start, two(one(start) * 2.0))
    tripled = keras.Model(start, two(one(start) * 3.0))
    digests = [ns.KerasFeatures(model).digest for model in (*orders, doubled, tripled)]
    assert len(set(digests)) == 4


def test_further_names_of_layers_are_given_by_hand() -> None:
    extractor = ns.KerasFeatures(pooled_model(), aliases={"block1_conv1": "c1"})
    features = extractor(noise(8, 8))
    assert features["block1_conv1"] is features["c1"] and "block1_conv1" in features
    assert extractor.receptive_field("block1_conv1") == (-1, 3, 1)
    with pytest.raises(ValueError, match="^aliases: expected names of layers, received 'x': 'y'"):
        ns.KerasFeatures(pooled_model(), aliases={"x": "y"})
