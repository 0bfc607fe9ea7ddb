"""The fast network is the plain Keras network, value and gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import neuralstyle as ns
from neuralstyle import fast, vgg19, winograd

SIZES = [(32, 32), (33, 47), (48, 64), (50, 35), (64, 17), (16, 80), (61, 61), (96, 72)]
Weights = vgg19.Weights


@pytest.fixture
def winograd_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small test networks would not be wide enough."""
    monkeypatch.setattr(fast, "WINOGRAD_CHANNELS", 4)
    monkeypatch.setattr(fast, "WINOGRAD_OPERATIONS", 0)


def picture(shape: tuple[int, int], seed: int) -> np.ndarray:
    cells = np.random.default_rng(seed).uniform(size=(9, 9, 3)).astype(np.float32)
    return ns.resize(cells, shape)


def value_and_gradient(shape: tuple[int, int], **options: Any) -> tuple[float, np.ndarray]:
    extractor = ns.VGG19Features(weights="compact", **options)
    content, style = extractor(picture(shape, 1)), extractor(picture((48, 40), 2))
    objective = ns.ContentLoss(content) + ns.StyleLoss(style) + ns.HistogramLoss(style)
    return ns.Evaluator(objective, extractor, shape)(picture(shape, 3))


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.usefixtures("winograd_everywhere")
def test_value_and_gradient_are_the_plain_networks_in_float64_up_to_rounding(
    shape: tuple[int, int], pooling: str
) -> None:
    exact_value, exact = value_and_gradient(shape, pooling=pooling, dtype="float64")
    _, plain = value_and_gradient(shape, pooling=pooling, fast=False)
    value, ours = value_and_gradient(shape, pooling=pooling)
    rms = np.sqrt(np.mean(exact**2))
    assert value == pytest.approx(exact_value, rel=1e-5)
    assert np.median(np.abs(ours - exact)) <= 2e-5 * rms
    # In float32 some ReLUs and maxima decide otherwise than in float64, in either network.
    flips = np.sqrt(np.mean((plain - exact) ** 2))
    assert np.sqrt(np.mean((ours - exact) ** 2)) <= max(20 * flips, 1e-2 * rms)


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_every_layer_is_the_plain_networks(
    pooling: str, everywhere: bool, request: pytest.FixtureRequest
) -> None:
    if everywhere:
        request.getfixturevalue("winograd_everywhere")
    image = picture((45, 67), 0)
    ours = ns.VGG19Features(weights="compact", pooling=pooling)(image)
    plain = ns.VGG19Features(weights="compact", pooling=pooling, fast=False)(image)
    assert list(ours) == list(plain)
    for layer in plain:
        scale = np.abs(plain[layer]).max()
        np.testing.assert_allclose(ours[layer], plain[layer], atol=1e-5 * scale, err_msg=layer)


def test_a_layer_alone_is_the_same_as_after_all_those_before_it() -> None:
    extractor = ns.VGG19Features(weights="compact")
    one, all_of_them = extractor(picture((40, 40), 0)), extractor(picture((40, 40), 0))
    for layer in all_of_them:
        all_of_them[layer]
    np.testing.assert_array_equal(one["block4_conv2"], all_of_them["block4_conv2"])


@pytest.mark.usefixtures("winograd_everywhere")
def test_gradient_of_one_convolution_is_exact_where_no_relu_is_near_its_corner() -> None:
    random = np.random.default_rng(0)
    kernel = random.normal(size=(3, 3, 4, 6)).astype(np.float32)
    convolution = fast._Convolution(kernel, np.full(6, 100.0, np.float32))
    image = tf.constant(random.normal(size=(1, 9, 11, 4)), tf.float32)
    weight = tf.constant(random.normal(size=(1, 9, 11, 6)), tf.float32)

    def gradient(function: Any) -> np.ndarray:
        with tf.GradientTape() as tape:
            tape.watch(image)
            total = tf.reduce_sum(weight * function(image))
        return tape.gradient(total, image).numpy()

    expected = gradient(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"))
    np.testing.assert_allclose(gradient(convolution), expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("channels", "side", "transformed"), [(128, 64, True), (128, 16, False), (64, 128, False)]
)
def test_winograd_is_used_where_channels_and_positions_suffice(
    channels: int, side: int, transformed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[bool] = []
    convolve = winograd.convolve
    monkeypatch.setattr(winograd, "convolve", lambda *args: called.append(True) or convolve(*args))
    kernel = np.zeros((3, 3, channels, channels), np.float32)
    fast._Kernel(kernel).convolve(tf.zeros((1, side, side, channels)))
    assert called == ([True] if transformed else [])


def test_graphs_of_several_sizes_share_the_kernels() -> None:
    extractor = ns.VGG19Features(weights="compact")
    captured = []
    for shape in ((32, 32), (48, 64)):
        target = extractor(picture(shape, 0))
        evaluator = ns.Evaluator(ns.StyleLoss(target), extractor, shape)
        evaluator(picture(shape, 1))
        captured.append({id(t) for t in evaluator._compute.graph.external_captures})
        constants = [n for n in evaluator._compute.graph.as_graph_def().node if n.op == "Const"]
        assert sum(node.ByteSize() for node in constants) < 20_000
    # Kernels and their turned forms up to block5_conv1, and the biases.
    assert len(captured[0] & captured[1]) >= 3 * 13
