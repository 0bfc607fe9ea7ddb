"""An image seen through a network: lazily, by name, without touching the caller's array."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import tensorflow as tf
from keras import ops
from PIL import Image

import neuralstyle as ns
from neuralstyle.features import weights as checkpoints

LAYERS = tuple(
    f"block{block}_{layer}"
    for block, count in enumerate((2, 2, 4, 4, 4), start=1)
    for layer in (*(f"conv{i}" for i in range(1, count + 1)), "pool")
)


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


class Chain:
    """Layers a, b, c, each the one before plus 1, that count how often they are computed."""

    def __init__(self) -> None:
        self.computed: list[str] = []

    def __call__(self, known: Mapping[str, Any], layer: str) -> Any:
        self.computed.append(layer)
        return {layer: known["input"] + 1.0 + "abc".index(layer)}

    def features(self) -> ns.Features:
        return ns.Features(ops.zeros((1, 2, 4, 3)), "abc", self, {"first": "a"})


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


@pytest.fixture(scope="module")
def keras_vgg(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    """Keras' own full VGG19 with random weights and biases, and the file that it saves."""
    path = tmp_path_factory.mktemp("keras") / "vgg19.weights.h5"
    keras.utils.set_random_seed(0)
    model = keras.applications.VGG19(include_top=False, weights=None)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            spread = np.sqrt(2 / np.prod(kernel.shape[:3])) / kernel.std()
            layer.set_weights([kernel * spread, random.normal(size=bias.shape)])
    with warnings.catch_warnings():
        # Keras hands NumPy 2 arrays of the older protocol when it writes them.
        warnings.simplefilter("ignore", DeprecationWarning)
        model.save_weights(path)
    return model, path


def test_a_layer_is_computed_when_it_is_first_asked_for_and_only_then() -> None:
    chain = Chain()
    features = chain.features()
    assert chain.computed == []
    first = features["b"]
    assert features["b"] is first
    assert chain.computed == ["b"]


def test_names_length_membership_and_description_compute_nothing() -> None:
    chain = Chain()
    features = chain.features()
    assert list(features) == ["input", "a", "b", "c"]
    assert len(features) == 4
    assert "c" in features and "first" in features and "input" in features
    assert "d" not in features and None not in features
    assert repr(features) == "Features(1 x 2 x 4 x 3, computed: input)"
    assert chain.computed == []


def test_features_are_a_mapping_that_cannot_be_written_to() -> None:
    features = Chain().features()
    assert isinstance(features, Mapping)
    with pytest.raises(TypeError):
        features["a"] = 0  # type: ignore[index]
    with pytest.raises(TypeError):
        del features["a"]  # type: ignore[attr-defined]


def test_all_values_of_a_mapping_come_in_the_order_of_its_names() -> None:
    values = [float(np.mean(value)) for value in Chain().features().values()]
    assert values == [0.0, 1.0, 2.0, 3.0]


def test_an_alias_gives_the_very_same_tensor() -> None:
    features = Chain().features()
    assert features["first"] is features["a"]


def test_a_network_runs_no_deeper_than_the_layer_asked_for(noting: ns.KerasFeatures) -> None:
    features = noting(picture(4, 4))
    Noted.ran.clear()
    features["two"]
    assert Noted.ran == ["one", "two"]


def test_a_network_goes_on_from_what_is_already_known(noting: ns.KerasFeatures) -> None:
    features = noting(picture(4, 4))
    features["two"]
    Noted.ran.clear()
    deepest = features["four"]
    assert Noted.ran == ["three", "four"]
    np.testing.assert_allclose(deepest, features["input"] + 4.0, rtol=1e-6)


def test_a_layer_asked_for_again_is_not_run_again(noting: ns.KerasFeatures) -> None:
    features = noting(picture(4, 4))
    features["three"]
    Noted.ran.clear()
    features["three"], features["input"]
    assert Noted.ran == []


def test_the_functions_behind_vgg19_hold_no_deeper_layer_than_asked_for() -> None:
    extractor = ns.VGG19Features("compact", fast=False)
    features = extractor(picture(16, 16))
    features["block2_conv1"]
    features["block3_conv1"]
    held = [
        {operation.name for operation in function.operations if operation.name in LAYERS}
        for function in extractor._network._functions.values()
    ]
    assert held == [
        {"block1_conv1", "block1_conv2", "block1_pool", "block2_conv1"},
        {"block2_conv2", "block2_pool", "block3_conv1"},
    ]


def test_vgg19_has_kerass_layers_in_order(vgg: ns.VGG19Features) -> None:
    assert vgg.layers == LAYERS
    features = vgg(picture(16, 16))
    assert list(features) == ["input", *LAYERS]
    assert len(features) == 22


@pytest.mark.parametrize(
    ("alias", "layer"),
    [
        ("conv4_2", "block4_conv2"),
        ("relu4_2", "block4_conv2"),
        ("relu1_1", "block1_conv1"),
        ("conv5_4", "block5_conv4"),
        ("pool4", "block4_pool"),
        ("pool1", "block1_pool"),
    ],
)
def test_the_literatures_names_are_understood(
    vgg: ns.VGG19Features, alias: str, layer: str
) -> None:
    features = vgg(picture(16, 16))
    assert alias in features
    assert features[alias] is features[layer]


@pytest.mark.parametrize("name", ["block4_conv5", "conv3_5", "pool6", "fc1", "relu"])
def test_an_unknown_layer_is_a_key_error_that_lists_the_layers(
    vgg: ns.VGG19Features, name: str
) -> None:
    features = vgg(picture(16, 16))
    assert name not in features
    with pytest.raises(KeyError) as caught:
        features[name]
    message = str(caught.value)
    assert repr(name) in message
    assert all(layer in message for layer in ("input", *LAYERS))
    assert "conv4_2" in message


def test_the_input_is_the_image_itself_in_rgb(vgg: ns.VGG19Features) -> None:
    image = picture(16, 20)
    features = vgg(image)
    features["block2_conv1"]
    np.testing.assert_array_equal(features["input"], image[None])


@pytest.mark.parametrize("layer", ["input", "block1_conv1", "block4_conv2"])
def test_the_callers_array_is_never_written_to(vgg: ns.VGG19Features, layer: str) -> None:
    image = picture(16, 20)
    before = image.copy()
    vgg(image)[layer]
    np.testing.assert_array_equal(image, before)
    image.setflags(write=False)
    vgg(image)[layer]


@pytest.mark.parametrize(
    "form",
    [
        lambda image: image[None],
        lambda image: image.astype(np.float64),
        lambda image: tf.constant(image[None]),
        lambda image: tf.constant(image[None], tf.float64),
        lambda image: image.tolist(),
        lambda image: np.asfortranarray(image),
    ],
    ids=["batch", "float64", "tensor", "float64 tensor", "list", "column order"],
)
def test_an_image_may_come_in_several_forms(
    vgg: ns.VGG19Features, form: Callable[[np.ndarray], Any]
) -> None:
    image = picture(16, 20)
    features = vgg(form(image))
    assert features["input"].dtype == tf.float32
    np.testing.assert_array_equal(features["input"], image[None])
    np.testing.assert_array_equal(features["block2_conv1"], vgg(image)["block2_conv1"])


@pytest.mark.parametrize(
    ("image", "kind", "hint"),
    [
        (np.zeros((16, 16, 3), np.uint8), TypeError, "image.*divide by 255"),
        (np.full((16, 16, 3), 255.0), ValueError, "image.*divide by 255"),
        (np.full((16, 16, 3), -0.5), ValueError, r"image.*\[0, 1\]"),
        (np.zeros((2, 16, 16, 3)), ValueError, r"image.*\(2, 16, 16, 3\)"),
        (np.full((16, 16, 3), np.nan), ValueError, "image.*finite"),
        (np.zeros((16, 16)), ValueError, r"image.*\(16, 16\)"),
        (np.zeros((16, 16, 4)), ValueError, r"image.*\(16, 16, 4\)"),
        (np.zeros((0, 16, 3)), ValueError, r"image.*\(0, 16, 3\)"),
        (Image.new("RGB", (16, 16)), TypeError, "image.*load_image"),
        ("photo.jpg", TypeError, "image"),
        (None, TypeError, "image"),
        (tf.zeros((16, 16, 3)), ValueError, r"image.*\(16, 16, 3\)"),
        (tf.zeros((2, 16, 16, 3)), ValueError, r"image.*\(2, 16, 16, 3\)"),
        (tf.zeros((1, 16, 16, 4)), ValueError, r"image.*\(1, 16, 16, 4\)"),
        (tf.zeros((1, 16, 16, 3), tf.uint8), TypeError, "image.*uint8"),
    ],
    ids=[
        "uint8",
        "up to 255",
        "negative",
        "batch of two",
        "not a number",
        "grey",
        "four channels",
        "empty",
        "PIL image",
        "path",
        "none",
        "tensor without batch",
        "tensor of two",
        "tensor of four channels",
        "uint8 tensor",
    ],
)
def test_what_is_no_image_is_refused_with_a_hint(
    vgg: ns.VGG19Features, image: Any, kind: type[Exception], hint: str
) -> None:
    with pytest.raises(kind, match=f"(?s){hint}"):
        vgg(image)


@pytest.mark.parametrize(
    ("size", "layer"),
    [((10, 12), "block5_conv1"), ((31, 40), "block5_pool"), ((1, 1), "block1_pool")],
)
def test_an_image_too_small_for_a_layer_is_refused_naming_both(
    vgg: ns.VGG19Features, size: tuple[int, int], layer: str
) -> None:
    features = vgg(picture(*size))
    with pytest.raises(ValueError, match=f"{layer}.*{size[1]} x {size[0]}"):
        features[layer]


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 3), (15, 15)])
def test_an_image_too_small_is_refused_at_every_layer_past_the_one_that_loses_it(
    vgg: ns.VGG19Features, size: tuple[int, int]
) -> None:
    vanished = 1
    while min(size) >> vanished:
        vanished += 1
    for layer in LAYERS[LAYERS.index(f"block{vanished}_pool") :]:
        with pytest.raises(ValueError, match=f"{layer}.*{size[1]} x {size[0]}"):
            vgg(picture(*size))[layer]


def test_a_picture_that_leaves_one_pixel_is_large_enough(vgg: ns.VGG19Features) -> None:
    assert tuple(vgg(picture(32, 63))["block5_pool"].shape) == (1, 1, 1, 128)


def test_every_layer_equals_keras_vgg19_at_an_odd_size(
    keras_vgg: tuple[keras.Model, Path],
) -> None:
    model, path = keras_vgg
    image = picture(37, 51)
    prepared = keras.applications.vgg19.preprocess_input(image.copy()[None] * 255.0)
    theirs = keras.Model(model.input, [model.get_layer(layer).output for layer in LAYERS])
    ours = ns.VGG19Features(path)(image)
    for layer, expected in zip(LAYERS, theirs(prepared), strict=True):
        expected = np.asarray(expected)
        assert expected.std() > 0
        error = np.abs(np.asarray(ours[layer]) - expected).max()
        assert error <= 1e-5 * np.abs(expected).max(), layer


def test_average_pooling_is_the_mean_over_two_by_two_pixels() -> None:
    average = ns.VGG19Features("compact", pooling="avg")(picture(37, 50))
    for block, last in ((1, 2), (2, 2), (3, 4)):
        below = np.asarray(average[f"block{block}_conv{last}"])[0].astype(np.float64)
        # The filter's window reaches back, so its odd samples are the means of whole windows.
        means = scipy.ndimage.uniform_filter(below, (2, 2, 1))[1::2, 1::2]
        pooled = np.asarray(average[f"block{block}_pool"])[0]
        assert pooled.shape == means.shape
        np.testing.assert_allclose(pooled, means, rtol=1e-5, atol=1e-6)


def test_maximum_pooling_is_the_default_and_takes_the_largest_of_two_by_two_pixels() -> None:
    features = ns.VGG19Features("compact")(picture(37, 50))
    below = np.asarray(features["block1_conv2"])[0, :36, :50]
    largest = below.reshape(18, 2, 25, 2, -1).max(axis=(1, 3))
    np.testing.assert_array_equal(np.asarray(features["block1_pool"])[0], largest)


def test_a_float64_network_computes_in_float64() -> None:
    image = np.random.default_rng(0).uniform(size=(1, 9, 11, 3))
    extractor = ns.VGG19Features("compact", dtype="float64")
    features = extractor(tf.constant(image))
    assert features["input"].dtype == tf.float64
    assert features["block3_conv1"].dtype == tf.float64
    np.testing.assert_array_equal(features["input"], image)

    kernel, bias = checkpoints.load_weights("compact")["block1_conv1"]
    prepared = image[0, :, :, ::-1] * 255.0 - [103.939, 116.779, 123.68]
    expected = np.stack(
        [
            bias[channel]
            + sum(
                scipy.signal.correlate2d(prepared[..., c], kernel[..., c, channel], mode="same")
                for c in range(3)
            )
            for channel in range(kernel.shape[-1])
        ],
        axis=-1,
    )
    actual = np.asarray(features["block1_conv1"])[0]
    np.testing.assert_allclose(actual, np.maximum(expected, 0), rtol=1e-10, atol=1e-10)


def test_features_can_be_taken_inside_a_compiled_graph(vgg: ns.VGG19Features) -> None:
    image = picture(16, 20)
    compiled = tf.function(lambda tensor: vgg(tensor)["block3_conv1"])
    expected = np.asarray(vgg(image)["block3_conv1"])
    np.testing.assert_allclose(compiled(image[None]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"pooling": "mean"}, "pooling.*mean"), ({"dtype": "float16"}, "dtype.*float16")],
)
def test_an_option_of_vgg19_that_does_not_exist_is_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ns.VGG19Features("compact", **options)


def test_vgg19_describes_itself_in_a_line(vgg: ns.VGG19Features) -> None:
    assert repr(vgg) == "VGG19Features(weights='compact', pooling='avg')"


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
    model, image = residual_model(), picture(9, 12)
    expected = keras.Model(model.input, {name: model.get_layer(name).output for name in order})
    features = ns.KerasFeatures(model)(image)
    known = expected(image[None])
    for name in order:
        np.testing.assert_allclose(features[name], known[name], rtol=1e-5, atol=1e-6)


def test_a_model_has_its_layers_names_without_the_input() -> None:
    assert ns.KerasFeatures(residual_model()).layers == ("stem", "inner", "add", "head")
    features = ns.KerasFeatures(residual_model())(picture(9, 12))
    assert list(features) == ["input", "stem", "inner", "add", "head"]
    with pytest.raises(KeyError, match="stem, inner, add, head"):
        features["conv4_2"]


def test_a_sequential_model_gives_its_layers_activations() -> None:
    random = np.random.default_rng(0)
    first = keras.layers.Conv2D(5, 3, activation="relu", name="first")
    second = keras.layers.Conv2D(2, 1, name="second")
    model = keras.Sequential([keras.Input((None, None, 3)), first, second])
    second.set_weights([random.normal(size=w.shape) for w in second.get_weights()])
    image = picture(8, 10)
    features = ns.KerasFeatures(model)(image)
    np.testing.assert_allclose(features["second"], model(image[None]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(features["first"], first(image[None]), rtol=1e-5, atol=1e-6)


def test_preprocessing_concerns_the_network_and_not_the_input() -> None:
    model, image = residual_model(), picture(9, 12)
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
    image = picture(8, 8)
    features = ns.KerasFeatures(model)(image)
    np.testing.assert_allclose(features["inner"], inner(2.0 * image[None]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(features["head"], model(image[None]), rtol=1e-5, atol=1e-6)


def test_a_model_is_looked_through_as_in_inference() -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Dropout(0.5, name="d")])
    image = picture(8, 8)
    np.testing.assert_array_equal(ns.KerasFeatures(model)(image)["d"], image[None])


def test_an_image_smaller_than_a_models_filter_is_refused_naming_the_layer() -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 5, name="c")])
    features = ns.KerasFeatures(model)(picture(3, 4))
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


def test_what_is_no_preprocessing_is_refused(noting: ns.KerasFeatures) -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.ReLU()])
    with pytest.raises(TypeError, match="^preprocess: expected"):
        ns.KerasFeatures(model, preprocess=3)  # type: ignore[arg-type]
