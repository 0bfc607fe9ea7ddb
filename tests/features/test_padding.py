"""What networks see beyond the border: zeros, the mirror image, or the other side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest
import scipy.ndimage
from numpy.typing import NDArray
from support import NARROW, noise, picture, says

import neuralstyle as ns
from neuralstyle._kernels import convolution
from neuralstyle._types import PADDINGS, Padding
from neuralstyle.features.architectures import VGG16, Weights
from neuralstyle.features.base import Features
from neuralstyle.features.slim.activations import activations
from neuralstyle.features.vgg.fast import FastVGG
from neuralstyle.features.vgg.plain import build, preprocess, random_weights

SCIPY = {"zeros": "constant", "reflect": "reflect", "wrap": "wrap"}
"""SciPy's names of the paddings."""

LAYERS = VGG16.layers[: VGG16.layers.index("block3_conv2") + 1]


@pytest.fixture(scope="module")
def weights() -> Weights:
    return random_weights(VGG16, 0, "avg", NARROW, 32)


def convolved(weights: Weights, image: NDArray[Any], padding: str) -> dict[str, NDArray[Any]]:
    """Compute the layers with SciPy's convolutions, in float64."""
    feature = np.asarray(preprocess(image[None].astype(np.float64)))[0]
    found = {}
    for layer in LAYERS:
        if layer in weights:
            kernel, bias = (array.astype(np.float64) for array in weights[layer])
            planes = [
                sum(
                    scipy.ndimage.correlate(
                        feature[..., i], kernel[..., i, o], mode=SCIPY[padding], cval=0.0
                    )
                    for i in range(kernel.shape[2])
                )
                for o in range(kernel.shape[3])
            ]
            feature = np.maximum(np.stack(planes, axis=-1) + bias, 0)
        else:
            height, width = (side // 2 * 2 for side in feature.shape[:2])
            halves = feature[:height, :width].reshape(height // 2, 2, width // 2, 2, -1)
            feature = halves.mean(axis=(1, 3))
        found[layer] = feature
    return found


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("way", ["direct", "winograd", "as a gradient"])
@pytest.mark.parametrize("shape", [(24, 36), (21, 34), (9, 5)])
def test_every_layer_is_that_of_scipys_convolutions_with_this_border(
    padding: Padding,
    way: str,
    shape: tuple[int, int],
    weights: Weights,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ways = {
        "direct": convolution.WITHOUT_ONEDNN,
        "winograd": convolution.Ways(4, 0, as_gradients=False),
        "as a gradient": convolution.WITH_ONEDNN_ON_AVX2,
    }
    monkeypatch.setattr(convolution, "ways", lambda: ways[way])
    image = noise(*shape)
    expected = convolved(weights, image, padding)
    fast = FastVGG(VGG16, weights, "avg", padding=padding)
    networks = [fast.compute({"input": keras.ops.convert_to_tensor(image[None])}, LAYERS[-1])]
    if way == "direct":
        networks.append(
            ns.KerasFeatures(build(VGG16, weights, "avg", padding=padding), preprocess)(image)
        )
    for layer, exact in expected.items():
        for features in networks:
            error = np.abs(np.asarray(features[layer])[0] - exact).max()
            assert error <= 1e-5 * np.abs(exact).max(), layer


def evaluated(shape: tuple[int, int], padding: Padding, **options: Any) -> tuple[float, Any]:
    vgg = ns.VGG16Features("compact", "avg", padding=padding, **options)
    objective = ns.ContentLoss(vgg(picture(1, shape)), "conv4_2") + ns.StyleLoss(
        vgg(picture(2, (32, 48))), ["conv1_1", "conv3_1", "conv5_1"]
    )
    return ns.Evaluator(objective, vgg, shape).value_and_gradient(picture(3, shape))


@pytest.mark.parametrize(
    ("fast", "padding", "shape"),
    [
        (True, "reflect", (37, 21)),
        pytest.param("low-memory", "wrap", (48, 32), marks=pytest.mark.slow),
        pytest.param("low-memory", "reflect", (16, 64), marks=pytest.mark.slow),
        pytest.param(True, "wrap", (16, 64), marks=pytest.mark.slow),
    ],
)
def test_the_fast_networks_gradient_is_that_of_the_plain_one_in_float64(
    fast: Any, padding: Padding, shape: tuple[int, int]
) -> None:
    value, gradient = evaluated(shape, padding, fast=fast)
    exact_value, exact = evaluated(shape, padding, dtype="float64")
    assert value == pytest.approx(exact_value, rel=2e-5)
    error = np.abs(gradient - exact)
    size = np.sqrt(np.mean(exact**2))
    assert np.median(error) <= 2e-5 * size
    # The outermost pixels, whose gradient is put together otherwise, are as exact.
    edge = np.concatenate([error[[0, -1]].ravel(), error[:, [0, -1]].ravel()])
    assert np.median(edge) <= 2e-5 * size


# One network, several paddings


def test_networks_that_differ_in_padding_share_weights_but_no_name() -> None:
    vgg = ns.VGG16Features("compact")
    views = [vgg.with_padding(padding) for padding in PADDINGS]
    assert [view.padding for view in views] == list(PADDINGS)
    assert views[0] is vgg and vgg.with_padding("wrap") is views[2]
    assert len({view.digest for view in views}) == 3
    assert {view.digest.split("-")[0] for view in views} == {vgg.digest}
    assert views[1].digest == ns.VGG16Features("compact", padding="reflect").digest
    assert "padding='wrap'" in repr(views[2]) and "padding" not in repr(vgg)
    image = noise(32, 16)
    for view, other in zip(views, views[1:] + views[:1], strict=True):
        assert not np.allclose(view(image)["conv1_1"], other(image)["conv1_1"])
        np.testing.assert_allclose(  # which is what an extractor of its own gives
            view(image)["conv2_1"],
            ns.VGG16Features("compact", padding=view.padding)(image)["conv2_1"],
        )


def test_a_normalised_network_keeps_its_padding_and_has_means_of_one() -> None:
    image = noise(32, 48)
    for padding in ("reflect", "zeros"):
        vgg = ns.VGG16Features("compact", "avg").with_padding(padding)  # type: ignore[arg-type]
        normalized = vgg.normalized(image)
        assert normalized.padding == padding
        means = np.mean(normalized(image)["conv1_1"], axis=(0, 1, 2))
        np.testing.assert_allclose(means[means > 0], 1, rtol=1e-3)
        assert normalized.with_padding("wrap").with_padding(padding).digest == normalized.digest  # type: ignore[arg-type]


def test_a_padding_is_one_of_three() -> None:
    with says(ValueError, "padding", '"zeros", "reflect" or "wrap"', "'same'"):
        ns.VGG16Features("compact", padding="same")  # type: ignore[arg-type]
    with says(ValueError, "padding", '"zeros", "reflect" or "wrap"', "None"):
        ns.VGG16Features("compact").with_padding(None)  # type: ignore[arg-type]


# The torus


def test_features_of_a_torus_roll_with_the_picture() -> None:
    vgg = ns.VGG16Features("compact", padding="wrap", dtype="float64")
    image = noise(32, 48).astype(np.float64)
    still, rolled = vgg(image), vgg(np.roll(image, (16, -32), (0, 1)))
    for layer, step in (("conv1_2", 1), ("conv3_1", 4), ("conv5_1", 16)):
        expected = np.roll(still[layer], (16 // step, -32 // step), (1, 2))
        np.testing.assert_allclose(rolled[layer], expected, rtol=1e-10, atol=1e-10)


def test_the_sides_of_a_torus_are_multiples_of_the_deepest_layers_step() -> None:
    features = ns.VGG16Features("compact", padding="wrap")(noise(36, 24))
    assert features["conv3_1"].shape[1:3] == (9, 6)
    with says(ValueError, "image", "multiples of 8", "'block4_conv1'", "of 32", "24 x 36"):
        features["conv4_1"]


def test_a_layer_that_does_not_say_what_it_sees_keeps_no_other_from_a_torus() -> None:
    def field(layer: str) -> tuple[int, int, int]:
        if layer == "whole":
            raise ValueError("it sees the whole image")
        return 0, 2, 2

    def compute(known: Mapping[str, Any], layer: str) -> dict[str, Any]:
        return {layer: known["input"][:, ::2, ::2]}

    def features(height: int) -> Features:
        image = keras.ops.zeros((1, height, 8, 3))
        layers = ("half", "whole")
        return Features(image, layers, compute, receptive_field=field, padding="wrap")

    assert features(6)["half"].shape[1:3] == (3, 4)
    with says(ValueError, "image", "multiples of 2", "'half'", "8 x 7"):
        features(7)["half"]


def test_octaves_of_a_torus_are_tori() -> None:
    vgg = ns.VGG16Features("compact", dtype="float64")
    pyramid = ns.Pyramid(vgg, 3).with_padding("wrap")
    image = noise(32, 64).astype(np.float64)
    still, rolled = pyramid(image), pyramid(np.roll(image, (8, -16), (0, 1)))
    assert still.padding == pyramid.padding == "wrap"  # type: ignore[attr-defined]
    for layer in ("octave1/conv2_1", "octave2/input", "octave2/conv1_2"):
        steps = [32 // side for side in still[layer].shape[1:2]]
        expected = np.roll(still[layer], (8 // steps[0], -16 // steps[0]), (1, 2))
        np.testing.assert_allclose(rolled[layer], expected, rtol=1e-10, atol=1e-10)
    assert pyramid.receptive_field("octave1/input") == (-2, 5, 2)
    with says(ValueError, "image", "multiples of 4", "30 x 32"):
        pyramid(noise(32, 30))


# The layout that Keras is set to


def test_nothing_depends_on_the_layout_that_keras_is_set_to() -> None:
    def values() -> list[Any]:
        found = []
        image, style = noise(32, 48), picture(1, (40, 36))
        for options in ({}, {"dtype": "float64"}, {"padding": "reflect"}):
            vgg = ns.VGG16Features("compact", "avg", **options)  # type: ignore[arg-type]
            c, s, x = vgg(image), vgg(style), vgg(image[::-1])
            losses = [
                ns.CovarianceLoss(s, ["conv1_1", "conv5_1"]),
                ns.SlicedWassersteinLoss(s, "conv2_1", patch_size=3, pool=2),
                ns.PatchLoss(s, "conv3_1"),
                ns.LaplacianLoss(c),
                ns.NearestLoss(s, ["conv1_1", "conv3_1"], source=c, turns=2),
                ns.TotalVariationLoss(),
            ]
            found.append([loss(x) for loss in losses])
        content = ns.ContentLoss(c, "conv2_1")
        found.append(ns.Evaluator(content, vgg, (32, 48)).value_and_gradient(image[::-1]))
        weights = random_weights(VGG16, 1, "max", NARROW, 32)
        found.append([array for pair in weights.values() for array in pair])
        found.append([activations(VGG16, weights, image[None], "max")["block5_conv1"]])
        found.append([ns.resize(image, (20, 30))])
        return found

    usual = keras.config.image_data_format()
    expected = values()
    keras.config.set_image_data_format("channels_first")
    try:
        found = values()
    finally:
        keras.config.set_image_data_format(usual)
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
