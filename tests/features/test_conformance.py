"""What every extractor of the library keeps to: the list is all that a further one needs here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import NARROW, noise
from weight_files import FAMILY, write_npz

import neuralstyle as ns
from neuralstyle.features.architectures import NETWORKS
from neuralstyle.features.base import image_dtype
from neuralstyle.features.vgg.plain import random_weights

SIZE = 48
UNKNOWN = "conv9_9"


class Example(NamedTuple):
    """An extractor, and layers of it whose fields lie well inside an image of `SIZE` pixels."""

    make: Callable[[Path], Any]
    layers: tuple[str, ...]


def narrow_network(name: str, **options: Any) -> Callable[[Path], Any]:
    """Make what reads a narrow network from a file."""

    def make(folder: Path) -> Any:
        path = folder / f"{name}.npz"
        write_npz(path, random_weights(NETWORKS[name], widths=NARROW, size=32))
        return FAMILY[name](path, **options)

    return make


def keras_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3))
    stem = keras.layers.Conv2D(6, 3, strides=2, padding="same", name="stem")(image)
    inner = keras.layers.Conv2D(6, 3, padding="same", activation="tanh", name="inner")(stem)
    total = keras.layers.Add(name="sum")([stem, inner])
    pooled = keras.layers.AveragePooling2D(3, strides=2, name="pooled")(total)
    return keras.Model(image, keras.layers.Conv2D(4, 3, dilation_rate=2, name="last")(pooled))


SHALLOW = ("conv1_1", "relu1_2", "pool1", "block2_conv2", "block3_conv1")
MODEL = ("stem", "inner", "sum", "pooled", "last")

EXAMPLES = {
    **{
        f"{name}{suffix}": Example(narrow_network(name, pooling=pooling, **options), SHALLOW)
        for name in NETWORKS
        for suffix, pooling, options in (
            (" average", "avg", {}),
            (" maximum", "max", {}),
            (" low memory", "avg", {"fast": "low-memory"}),
            (" plain", "avg", {"fast": False}),
            (" float64", "max", {"dtype": "float64"}),
            (" float16", "max", {"dtype": "float16"}),
        )
    },
    "compact": Example(lambda _: ns.VGG16Features("compact", "avg"), SHALLOW),
    "keras": Example(lambda _: ns.KerasFeatures(keras_model()), MODEL),
    "keras prepared": Example(
        lambda _: ns.KerasFeatures(keras_model(), lambda image: 2 * image - 1), MODEL
    ),
    "pyramid": Example(
        lambda _: ns.Pyramid(ns.VGG16Features("compact", "avg"), 2),
        ("conv1_1", "octave1/input", "octave1/conv1_1", "octave1/relu2_1"),
    ),
    "join": Example(
        lambda _: ns.Join(
            vgg=ns.VGG16Features("compact", "avg"), other=ns.VGG16Features("compact", "max")
        ),
        ("vgg/conv1_1", "vgg/relu2_1", "other/relu2_1"),
    ),
    "pyramid of keras": Example(
        lambda _: ns.Pyramid(ns.KerasFeatures(keras_model()), 2), ("inner", "octave1/sum")
    ),
}


@pytest.fixture(scope="module", params=EXAMPLES)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, tuple[str, ...], Callable[[], Any]]:
    """An extractor, its layers, and what makes it again."""
    example = EXAMPLES[request.param]
    folder = tmp_path_factory.mktemp("weights")
    return example.make(folder), example.layers, lambda: example.make(folder)


Made = tuple[Any, tuple[str, ...], Callable[[], Any]]


def gradient(extractor: Any, image: np.ndarray, value: Callable[[Any], Any]) -> np.ndarray:
    pixels = tf.constant(image[None], image_dtype(extractor))
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        total = tf.reduce_sum(value(extractor(pixels)))
    return np.asarray(tape.gradient(total, pixels))[0]


def test_a_call_returns_a_mapping_from_names_to_tensors(made: Made) -> None:
    extractor, layers, _ = made
    image = noise(SIZE, SIZE)
    features = extractor(image)
    assert isinstance(features, Mapping)
    np.testing.assert_array_equal(features["input"], image[None])
    assert all(name in features for name in ("input", *layers))
    assert len(list(features)) == len(features)
    for layer in layers:
        tensor = features[layer]
        assert tensor.shape[0] == 1 and len(tensor.shape) == 4
        assert tensor.dtype == image_dtype(extractor)
        assert features[layer] is tensor


def test_arrays_and_tensors_are_seen_alike_and_never_written_to(made: Made) -> None:
    extractor, layers, _ = made
    image = noise(SIZE, SIZE)
    before = image.copy()
    first = [np.asarray(extractor(image)[layer]) for layer in layers]
    tensor = tf.constant(image[None])
    for layer, expected in zip(layers, first, strict=True):
        np.testing.assert_array_equal(extractor(tensor)[layer], expected)
    np.testing.assert_array_equal(image, before)


def test_what_is_no_image_is_refused(made: Made) -> None:
    extractor, _, _ = made
    with pytest.raises(TypeError, match="^image: .*divide by 255"):
        extractor(np.zeros((SIZE, SIZE, 3), np.uint8))
    with pytest.raises(ValueError, match="^image: "):
        extractor(tf.zeros((2, SIZE, SIZE, 3)))


def test_layers_are_computed_when_they_are_asked_for_and_no_sooner(made: Made) -> None:
    extractor, layers, _ = made
    features = extractor(noise(SIZE, SIZE))
    assert "computed: input)" in repr(features)
    features[layers[0]]
    for name in features:
        features.receptive_field(name.rpartition("/")[0] + "/input" if "/" in name else "input")
    computed = repr(features).rpartition("computed: ")[2]
    assert computed.count(",") <= 1


def test_a_layer_alone_is_what_it_is_after_others(made: Made) -> None:
    extractor, layers, _ = made
    image = noise(SIZE, SIZE)
    together = extractor(image)
    for layer in layers:
        together[layer]
    for layer in layers:
        np.testing.assert_allclose(
            extractor(image)[layer], together[layer], rtol=1e-4, atol=1e-5 * np.ptp(together[layer])
        )


def test_a_compiled_graph_sees_the_same_as_eager_code(made: Made) -> None:
    extractor, layers, _ = made
    image, layer = noise(SIZE, SIZE), layers[-1]
    expected = np.asarray(extractor(image)[layer])
    compiled = tf.function(lambda tensor: extractor(tensor)[layer])(
        tf.constant(image[None], image_dtype(extractor))
    )
    rounding = 1e-2 if extractor.dtype == "float16" else 1e-5
    np.testing.assert_allclose(compiled, expected, rtol=1e-3, atol=rounding * np.ptp(expected))


def test_a_unit_sees_its_receptive_field_and_nothing_else(made: Made) -> None:
    extractor, layers, _ = made
    features = extractor(noise(SIZE, SIZE))
    for layer in layers:
        start, length, step = extractor.receptive_field(layer)
        assert features.receptive_field(layer) == (start, length, step)
        unit = features[layer].shape[1] // 2
        seen = np.zeros((SIZE, SIZE), bool)
        for seed in range(3):  # a ReLU or a maximum hides pixels, others in other images
            slope = gradient(
                extractor,
                noise(SIZE, SIZE, seed),
                lambda features: features[layer][0, unit, unit],  # noqa: B023
            )
            seen |= np.any(slope, axis=-1)
        first = start + unit * step
        for axis in (0, 1):
            where = np.flatnonzero(seen.any(axis=axis))
            assert where[0] >= first and where[-1] < first + length, layer
            # Padding that depends on the size of the image may leave the ends out.
            slack = step if layer in MODEL or "sum" in layer else 0
            assert where[-1] - where[0] + 1 >= length - slack, layer


def test_an_unknown_layer_is_a_key_error_everywhere(made: Made) -> None:
    extractor, _, _ = made
    features = extractor(noise(SIZE, SIZE))
    assert UNKNOWN not in features
    for ask in (features.__getitem__, features.receptive_field, extractor.receptive_field):
        with pytest.raises(KeyError, match=f"there is no layer {UNKNOWN!r}; the layers are input"):
            ask(UNKNOWN)


def test_a_digest_names_the_network(made: Made) -> None:
    extractor, _, again = made
    digest = extractor.digest
    assert extractor(noise(SIZE, SIZE)).digest == digest
    assert again().digest == digest
    assert digest is None or re.fullmatch("[0-9a-f]{64}(-float16)?", digest)


def test_only_what_has_a_name_promises_to_stay_as_it_is(made: Made) -> None:
    extractor, _, _ = made
    assert extractor.reuse is (extractor.digest is not None)


def test_it_describes_itself_in_a_line(made: Made) -> None:
    text = repr(made[0])
    assert text.startswith(type(made[0]).__name__ + "(") and "\n" not in text


def test_a_loss_goes_down_whatever_looks(made: Made) -> None:
    extractor, layers, _ = made
    style, start = noise(SIZE, SIZE, 1) ** 2, noise(SIZE, SIZE, 2)
    objective = ns.StyleLoss(extractor(style), layers[0])
    result = ns.minimize(objective, extractor, init=start, maxiter=3)
    assert result.fun < ns.Evaluator(objective, extractor, start.shape)(start)[0]


def test_digests_tell_networks_apart(tmp_path: Path) -> None:
    digests = {name: example.make(tmp_path).digest for name, example in EXAMPLES.items()}
    kinds = {
        digests[f"{network} {pooling}"]
        for network in NETWORKS
        for pooling in ("average", "maximum")
    } | {digests["compact"], digests["keras"]}
    assert len(kinds) == 2 * len(NETWORKS) + 2
    assert digests["pyramid"] == digests["compact"]


def test_a_function_is_an_extractor() -> None:
    extractor: ns.Extractor = lambda image: {"input": image}  # noqa: E731
    image = noise(8, 8)
    result = ns.minimize(
        ns.TotalVariationLoss(), extractor, init=image, maxiter=2, bounds=(0.0, 1.0)
    )
    assert result.fun < ns.Evaluator(ns.TotalVariationLoss(), extractor, (8, 8))(image)[0]
