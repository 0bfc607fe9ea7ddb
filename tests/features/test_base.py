"""An image seen through a network: lazily, by name, without touching the caller's array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from PIL import Image
from support import noise

import neuralstyle as ns
from neuralstyle._kernels.device import TRACING
from neuralstyle.features.fields import Field


class Chain:
    """Layers a, b, c, each the one before plus 1, that count how often they are computed."""

    def __init__(self) -> None:
        self.computed: list[str] = []

    def __call__(self, known: Mapping[str, Any], layer: str) -> Any:
        self.computed.append(layer)
        return {layer: known["input"] + 1.0 + "abc".index(layer)}

    def features(self) -> ns.Features:
        return ns.Features(ops.zeros((1, 2, 4, 3)), "abc", self, {"first": "a"})


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
    assert repr(features) == "Features((1, 2, 4, 3), computed: input)"
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


def test_an_unknown_layer_is_a_key_error_wherever_it_is_named() -> None:
    features = Chain().features()
    for ask in (features.__getitem__, features.receptive_field):
        with pytest.raises(KeyError, match="no layer 'd'; the layers are input, a, b, c, or by"):
            ask("d")


def test_what_a_layer_sees_is_what_the_extractor_says_of_it() -> None:
    features = ns.Features(
        ops.zeros((1, 2, 4, 3)),
        "abc",
        Chain(),
        {"first": "a"},
        receptive_field={"a": (-1, 3, 1), "b": (-3, 8, 2)}.__getitem__,
    )
    assert features.receptive_field("input") == (0, 1, 1)
    assert features.receptive_field("first") == features.receptive_field("a") == (-1, 3, 1)
    assert features.receptive_field("b") == (-3, 8, 2)


def test_what_a_layer_sees_may_not_be_known() -> None:
    features = Chain().features()
    assert features.receptive_field("input") == Field(0, 1, 1)
    with pytest.raises(ValueError, match="'b' sees is not known: its extractor does not say"):
        features.receptive_field("b")


def test_a_digest_is_computed_when_it_is_asked_for() -> None:
    asked: list[bool] = []
    features = ns.Features(
        ops.zeros((1, 2, 4, 3)), "abc", Chain(), digest=lambda: asked.append(True) or "5eed"
    )
    features["a"]
    assert asked == []
    assert features.digest == "5eed"
    assert Chain().features().digest is None


# Graphs


def test_features_can_be_taken_inside_a_compiled_graph(vgg: ns.VGG16Features) -> None:
    image = noise(16, 20)
    compiled = tf.function(lambda tensor: vgg(tensor)["block3_conv1"])
    expected = np.asarray(vgg(image)["block3_conv1"])
    np.testing.assert_allclose(compiled(image[None]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fast", [True, False, "low-memory"])
def test_a_target_that_is_first_read_in_a_graph_is_no_part_of_it(fast: Any) -> None:
    extractor = ns.VGG16Features("compact", fast=fast)
    target, image = extractor(noise(16, 20)), noise(16, 20, 1)

    @tf.function
    def difference(tensor: Any) -> Any:
        return extractor(tensor)["relu2_1"] - target["relu2_1"]

    first = difference(image[None])
    expected = extractor(noise(16, 20))["relu2_1"]
    np.testing.assert_array_equal(target["relu2_1"], expected)
    np.testing.assert_allclose(
        first, extractor(image)["relu2_1"] - expected, atol=1e-4 * np.max(expected)
    )
    # Nor does a later graph, or none, find what belongs to the first one.
    np.testing.assert_array_equal(tf.function(lambda: target["relu2_1"] + 0.0)(), expected)


def test_an_array_looked_at_in_a_graph_is_looked_at_once(vgg: ns.VGG16Features) -> None:
    kept: list[ns.Features] = []

    @tf.function
    def difference(tensor: Any) -> Any:
        kept.append(vgg(noise(16, 20)))
        return vgg(tensor)["relu2_1"] - kept[-1]["relu2_1"]

    difference(noise(16, 20, 1)[None])
    np.testing.assert_array_equal(kept[0]["relu2_1"], vgg(noise(16, 20))["relu2_1"])


@pytest.mark.parametrize("fast", [True, False])
def test_a_tape_sees_how_features_depend_on_the_image(fast: bool) -> None:
    extractor = ns.VGG16Features("compact", fast=fast)
    image = tf.constant(noise(16, 20)[None])
    with tf.GradientTape() as tape:
        tape.watch(image)
        total = tf.reduce_sum(extractor(image)["relu2_1"])
    assert np.any(tape.gradient(total, image))


# Images


def test_the_input_is_the_image_itself_in_rgb(vgg: ns.VGG16Features) -> None:
    image = noise(16, 20)
    features = vgg(image)
    features["block2_conv1"]
    np.testing.assert_array_equal(features["input"], image[None])


@pytest.mark.parametrize("layer", ["input", "block1_conv1", "block4_conv2"])
def test_the_callers_array_is_never_written_to(vgg: ns.VGG16Features, layer: str) -> None:
    image = noise(16, 20)
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
    vgg: ns.VGG16Features, form: Callable[[np.ndarray], Any]
) -> None:
    image = noise(16, 20)
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
        (Image.new("RGB", (16, 16)), TypeError, "image.*as_image"),
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
    vgg: ns.VGG16Features, image: Any, kind: type[Exception], hint: str
) -> None:
    with pytest.raises(kind, match=f"(?s){hint}"):
        vgg(image)


@pytest.mark.parametrize(
    ("size", "layer"),
    [((10, 12), "block5_conv1"), ((31, 40), "block5_pool"), ((1, 1), "block1_pool")],
)
def test_an_image_too_small_for_a_layer_is_refused_naming_both(
    vgg: ns.VGG16Features, size: tuple[int, int], layer: str
) -> None:
    features = vgg(noise(*size))
    with pytest.raises(ValueError, match=f"{layer}.*{size[1]} x {size[0]}"):
        features[layer]


# Threads


def test_threads_may_make_networks_read_features_and_trace_at_once() -> None:
    image, target = noise(16, 20), ns.VGG16Features("compact")(noise(16, 20, 1))

    def work(number: int) -> np.ndarray:
        extractor = ns.VGG16Features("compact", fast=number % 2 == 0)
        if number % 3 == 0:
            return np.asarray(extractor(image)["relu2_1"]) - target["relu2_1"]
        compiled = tf.function(lambda x: extractor(x)["relu2_1"] - target["relu2_1"])
        with TRACING:
            compiled.get_concrete_function(tf.TensorSpec((1, 16, 20, 3)))
        return np.asarray(compiled(image[None]))

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(12)))
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], atol=1e-4 * np.ptp(results[0]))
