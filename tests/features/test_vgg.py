"""The VGG networks, layer by layer, against Keras' own."""

from __future__ import annotations

import gc
import warnings
import weakref
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import tensorflow as tf
from support import noise
from weight_files import FAMILY

import neuralstyle as ns
from neuralstyle.features.architectures import NETWORKS, VGG16
from neuralstyle.features.vgg.weights import load_weights

REAL = Path(__file__).parents[3] / "shared/weights/vgg16-imagenet.npz"
"""The real VGG16, beside the repository where it is at hand."""

CONTENT = Path(__file__).parents[2] / "docs/examples/content.png"


def layers(name: str) -> tuple[str, ...]:
    counts = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}[name]
    return tuple(
        f"block{block}_{layer}"
        for block, count in enumerate(counts, start=1)
        for layer in (*(f"conv{i}" for i in range(1, count + 1)), "pool")
    )


def keras_own(name: str) -> keras.Model:
    kind = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[name]
    return kind(include_top=False, weights=None)


def prepared(image: np.ndarray) -> np.ndarray:
    return keras.applications.vgg16.preprocess_input(image.copy()[None] * 255.0)


@pytest.fixture(scope="module", params=NETWORKS)
def of_keras(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, keras.Model, Path]:
    """Keras' own full networks with random weights and biases, and the files that it saves."""
    name = request.param
    path = tmp_path_factory.mktemp("keras") / f"{name}.weights.h5"
    keras.utils.set_random_seed(0)
    model = keras_own(name)
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
    return name, model, path


def assert_equals_keras(ours: ns.Features, model: keras.Model, image: np.ndarray) -> None:
    names = list(ours)[1:]
    theirs = keras.Model(model.input, [model.get_layer(name).output for name in names])
    for name, expected in zip(names, theirs(prepared(image)), strict=True):
        expected = np.asarray(expected)
        assert expected.std() > 0
        error = np.abs(np.asarray(ours[name]) - expected).max()
        assert error <= 1e-5 * np.abs(expected).max(), name


def test_every_layer_equals_keras_own_network_at_an_odd_size(
    of_keras: tuple[str, keras.Model, Path],
) -> None:
    name, model, path = of_keras
    image = noise(37, 51)
    ours = FAMILY[name](path)(image)
    assert tuple(ours) == ("input", *layers(name))
    assert_equals_keras(ours, model, image)


@pytest.fixture(scope="module")
def real() -> tuple[keras.Model, ns.VGG16Features, ns.VGG16Features]:
    """Keras' VGG16 with its ImageNet weights, and ours: fast, and in float64."""
    if not REAL.exists():
        pytest.skip("the ImageNet weights of VGG16 do not lie in ../shared/weights")
    model = keras_own("vgg16")
    with np.load(REAL) as arrays:
        for layer in model.layers:
            if layer.weights:
                pair = (arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"])
                layer.set_weights([array.astype(np.float32) for array in pair])
    return model, ns.VGG16Features(REAL), ns.VGG16Features(REAL, dtype="float64")


def test_every_layer_of_the_real_vgg16_equals_keras_own(
    real: tuple[keras.Model, ns.VGG16Features, ns.VGG16Features],
) -> None:
    model, ours, _ = real
    image = ns.load_image(CONTENT, max_size=75)
    assert_equals_keras(ours(image), model, image)


@pytest.mark.parametrize(
    "size",
    [48, pytest.param(192, marks=pytest.mark.slow), pytest.param(333, marks=pytest.mark.slow)],
)
def test_gradients_of_the_real_vgg16_are_as_exact_as_the_plain_networks(
    size: int, real: tuple[keras.Model, ns.VGG16Features, ns.VGG16Features]
) -> None:
    _, ours, exact = real
    plain = ns.VGG16Features(REAL, fast=False)
    image = ns.load_image(CONTENT, max_size=size)
    pattern = np.random.default_rng(0).normal(size=exact(image)["relu4_2"].shape)

    def gradient(extractor: ns.VGG16Features) -> np.ndarray:
        pixels = tf.constant(image[None], extractor.dtype)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            feature = extractor(pixels)["relu4_2"]
            total = tf.reduce_sum(feature * tf.constant(pattern, extractor.dtype))
        return np.asarray(tape.gradient(total, pixels))

    expected = gradient(exact)
    rms = np.sqrt(np.mean(expected**2))
    # In float32 some ReLUs and maxima decide otherwise than in float64, in either network: each
    # that does changes the gradient at the hundred pixels that it sees.
    ours_error, plain_error = (
        np.quantile(np.abs(gradient(extractor) - expected), 0.9) / rms
        for extractor in (ours, plain)
    )
    assert ours_error <= max(3 * plain_error, 1e-5), (ours_error, plain_error)


def test_the_real_vgg16_sees_photographs_as_it_should(
    real: tuple[keras.Model, ns.VGG16Features, ns.VGG16Features],
) -> None:
    features = real[1](ns.load_image(CONTENT, max_size=192))
    # Mean activations over photographs, as they are known.
    typical = {"relu1_1": 23, "relu2_1": 172, "relu3_1": 228, "relu4_1": 138, "relu5_1": 21}
    for layer, mean in typical.items():
        assert 0.5 < np.mean(features[layer]) / mean < 2, layer


# Names and sizes


@pytest.mark.parametrize(
    ("alias", "layer"),
    [
        ("conv4_2", "block4_conv2"),
        ("relu4_2", "block4_conv2"),
        ("relu1_1", "block1_conv1"),
        ("conv5_3", "block5_conv3"),
        ("pool4", "block4_pool"),
        ("pool1", "block1_pool"),
    ],
)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_literatures_names_are_understood(name: str, alias: str, layer: str) -> None:
    assert NETWORKS[name].aliases[alias] == layer


def test_an_alias_gives_the_layer_itself(vgg: ns.VGG16Features) -> None:
    features = vgg(noise(16, 16))
    assert "conv3_3" in features
    assert features["conv3_3"] is features["block3_conv3"]
    assert vgg.receptive_field("conv3_3") == vgg.receptive_field("block3_conv3")


def test_each_network_has_the_literatures_names_of_its_own_layers() -> None:
    only_19 = {f"{word}{block}_4" for word in ("conv", "relu") for block in (3, 4, 5)}
    assert set(NETWORKS["vgg19"].aliases) - set(NETWORKS["vgg16"].aliases) == only_19
    assert len(NETWORKS["vgg16"].aliases) == 2 * 13 + 5


@pytest.mark.parametrize("name", ["block4_conv5", "conv3_5", "pool6", "fc1", "relu"])
def test_an_unknown_layer_is_a_key_error_that_lists_the_layers(
    vgg: ns.VGG16Features, name: str
) -> None:
    features = vgg(noise(16, 16))
    assert name not in features
    for ask in (features.__getitem__, features.receptive_field, vgg.receptive_field):
        with pytest.raises(KeyError) as caught:
            ask(name)
        message = str(caught.value)
        assert repr(name) in message
        assert all(layer in message for layer in ("input", *layers("vgg16")))
        assert "conv4_2" in message


@pytest.mark.parametrize("size", [(1, 40), (3, 3), (15, 15)])
def test_an_image_too_small_is_refused_at_the_layer_that_loses_it_and_at_the_last(
    vgg: ns.VGG16Features, size: tuple[int, int]
) -> None:
    vanished = 1
    while min(size) >> vanished:
        vanished += 1
    for layer in (f"block{vanished}_pool", "block5_pool"):
        with pytest.raises(ValueError, match=f"{layer}.*{size[1]} x {size[0]}"):
            vgg(noise(*size))[layer]


def test_a_picture_that_leaves_one_pixel_is_large_enough(vgg: ns.VGG16Features) -> None:
    assert tuple(vgg(noise(32, 63))["block5_pool"].shape[:3]) == (1, 1, 1)


def test_average_pooling_is_the_mean_over_two_by_two_pixels() -> None:
    average = ns.VGG16Features("compact", pooling="avg")(noise(37, 50))
    for block, last in ((1, 2), (2, 2), (3, 3)):
        below = np.asarray(average[f"block{block}_conv{last}"])[0].astype(np.float64)
        # The filter's window reaches back, so its odd samples are the means of whole windows.
        means = scipy.ndimage.uniform_filter(below, (2, 2, 1))[1::2, 1::2]
        pooled = np.asarray(average[f"block{block}_pool"])[0]
        assert pooled.shape == means.shape
        np.testing.assert_allclose(pooled, means, rtol=1e-5, atol=1e-6)


def test_maximum_pooling_is_the_default_and_takes_the_largest_of_two_by_two_pixels() -> None:
    features = ns.VGG16Features("compact")(noise(37, 50))
    below = np.asarray(features["block1_conv2"])[0, :36, :50]
    largest = below.reshape(18, 2, 25, 2, -1).max(axis=(1, 3))
    np.testing.assert_array_equal(np.asarray(features["block1_pool"])[0], largest)


def test_a_float64_network_computes_in_float64() -> None:
    image = np.random.default_rng(0).uniform(size=(1, 9, 11, 3))
    extractor = ns.VGG16Features("compact", dtype="float64")
    features = extractor(tf.constant(image))
    assert features["input"].dtype == tf.float64
    assert features["block3_conv1"].dtype == tf.float64
    np.testing.assert_array_equal(features["input"], image)

    kernel, bias = load_weights(VGG16, "compact")["block1_conv1"]
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "mean"}, "pooling.*mean"),
        ({"dtype": "int8"}, "dtype.*int8"),
        ({"fast": "slow"}, "fast.*low-memory.*slow"),
    ],
)
@pytest.mark.parametrize("kind", FAMILY.values())
def test_an_option_that_does_not_exist_is_refused(
    kind: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        kind(None, **options)


def test_a_network_describes_itself_in_a_line(vgg: ns.VGG16Features) -> None:
    assert repr(vgg) == "VGG16Features(weights='compact', pooling='avg')"


def test_a_digest_does_not_depend_on_how_the_network_is_computed() -> None:
    first = ns.VGG16Features("compact").digest
    for options in ({"fast": False}, {"fast": "low-memory"}, {"dtype": "float64"}):
        assert ns.VGG16Features("compact", **options).digest == first
    assert ns.VGG16Features("compact", pooling="avg").digest != first
    assert ns.VGG16Features("compact")(noise(8, 8)).digest == first


def test_features_do_not_keep_what_was_compiled_for_their_network() -> None:
    extractor = ns.VGG16Features("compact")
    features = extractor(noise(8, 8))
    alive = weakref.ref(extractor)
    del extractor
    gc.collect()
    assert alive() is None
    assert features["relu1_1"].shape[1:3] == (8, 8) and features.digest
