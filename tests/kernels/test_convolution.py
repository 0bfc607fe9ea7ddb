"""The fast network is the plain Keras network, value and gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from support import transient_memory

import neuralstyle as ns
from neuralstyle.features import weights as checkpoints
from neuralstyle._kernels import convolution as fast
from neuralstyle.features.architectures import VGG19
from neuralstyle.features.plain import random_weights
from neuralstyle._kernels import winograd

SIZES = [(32, 32), (33, 47), (48, 64), (50, 35), (64, 17), (16, 80), (61, 61), (96, 72)]


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
@pytest.mark.parametrize(
    ("shape", "fast"),
    [
        *((size, True) for size in SIZES[:3]),
        *((size, "low-memory") for size in SIZES[3:4]),
        # Further sizes differ in what the last tiles hold.
        *(pytest.param(size, True, marks=pytest.mark.slow) for size in SIZES[3:]),
        pytest.param(SIZES[4], "low-memory", marks=pytest.mark.slow),
    ],
)
@pytest.mark.usefixtures("winograd_everywhere")
def test_value_and_gradient_are_the_plain_networks_in_float64_up_to_rounding(
    shape: tuple[int, int], pooling: str, fast: Any
) -> None:
    exact_value, exact = value_and_gradient(shape, pooling=pooling, dtype="float64")
    _, plain = value_and_gradient(shape, pooling=pooling, fast=False)
    value, ours = value_and_gradient(shape, pooling=pooling, fast=fast)
    rms = np.sqrt(np.mean(exact**2))
    assert value == pytest.approx(exact_value, rel=1e-5)
    assert np.median(np.abs(ours - exact)) <= 2e-5 * rms
    # In float32 some ReLUs and maxima decide otherwise than in float64, in either network.
    flips = np.sqrt(np.mean((plain - exact) ** 2))
    assert np.sqrt(np.mean((ours - exact) ** 2)) <= max(20 * flips, 1e-2 * rms)


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize("fast", [True, "low-memory"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_every_layer_is_the_plain_networks(
    pooling: str, fast: Any, everywhere: bool, request: pytest.FixtureRequest
) -> None:
    if everywhere:
        request.getfixturevalue("winograd_everywhere")
    image = picture((45, 67), 0)
    ours = ns.VGG19Features(weights="compact", pooling=pooling, fast=fast)(image)
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
    ("channels", "side", "transformed"), [(128, 64, True), (128, 16, False), (32, 256, False)]
)
def test_winograd_is_used_where_channels_and_positions_suffice(
    channels: int, side: int, transformed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[bool] = []
    convolve = winograd.convolve
    monkeypatch.setattr(winograd, "convolve", lambda *args: called.append(True) or convolve(*args))
    kernel = np.zeros((3, 3, channels, channels), np.float32)
    fast._Kernel(lambda: kernel, True).convolve(tf.zeros((1, side, side, channels)), channels)
    assert called == ([True] if transformed else [])


def test_graphs_of_several_sizes_share_the_kernels() -> None:
    extractor = ns.VGG19Features(weights="compact")
    captured = []
    for shape in ((32, 32), (48, 64)):
        target = extractor(picture(shape, 0))
        evaluator = ns.Evaluator(ns.StyleLoss(target), extractor, shape)
        evaluator(picture(shape, 1))
        captured.append({id(t) for t in extractor.traces[-1].graph.external_captures})
        constants = [n for n in extractor.traces[-1].graph.as_graph_def().node if n.op == "Const"]
        assert sum(node.ByteSize() for node in constants) < 20_000
    # Kernels and their turned forms up to block5_conv1, and the biases.
    assert len(captured[0] & captured[1]) >= 3 * 13


@pytest.mark.usefixtures("winograd_everywhere")
@pytest.mark.parametrize("fast", [True, "low-memory"])
@pytest.mark.parametrize("layer", VGG19.convolutions)
def test_gradient_through_every_layer_is_exact_where_nothing_flips(
    layer: str, fast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Biases outweigh what the kernels can add, so that every ReLU is open: with average pooling the
    # network is smooth.
    weights = {}
    for name, (kernel, bias) in random_weights(VGG19, 0, "avg", (4, 4, 8, 8, 8), 32).items():
        largest = 256 if name == "block1_conv1" else 2
        reach = np.abs(kernel).sum((0, 1, 2)) * largest
        weights[name] = (0.8 * kernel / reach, np.ones_like(bias))
    monkeypatch.setattr(checkpoints, "load_weights", lambda *args: weights)
    image = tf.constant(picture((40, 36), 3)[None])

    def gradient(**options: Any) -> np.ndarray:
        extractor = ns.VGG19Features(pooling="avg", **options)
        pixels = tf.cast(image, extractor.dtype)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            feature = extractor(pixels)[layer]
            pattern = np.random.default_rng(1).normal(size=feature.shape)
            total = tf.reduce_sum(feature * tf.cast(pattern, extractor.dtype))
        assert tf.reduce_min(feature) > 0
        return tape.gradient(total, pixels).numpy()

    exact = gradient(dtype="float64")
    np.testing.assert_allclose(gradient(fast=fast), exact, atol=1e-4 * np.abs(exact).max())


@pytest.mark.usefixtures("winograd_everywhere")
def test_low_memory_keeps_no_transformed_kernels_and_fewer_activations() -> None:
    def transient_and_outside(fast: Any) -> tuple[int, int]:
        extractor = ns.VGG19Features("compact", fast=fast)
        objective = ns.StyleLoss(extractor(picture((256, 256), 0)))
        evaluator = ns.Evaluator(objective, extractor, (256, 256))
        evaluator(picture((256, 256), 1))
        transient = transient_memory(lambda: evaluator(picture((256, 256), 1)))
        outside = extractor.traces[0].outside
        return transient, sum(int(tf.size(tensor)) for tensor in outside)

    transient, outside = transient_and_outside(True)
    lower_transient, lower_outside = transient_and_outside("low-memory")
    # A transformed kernel is four times the kernel, and there are two of them.
    assert lower_outside < 0.2 * outside
    assert lower_transient < 0.9 * transient, (lower_transient, transient)


def test_low_memory_is_a_word_of_its_own() -> None:
    with pytest.raises(ValueError, match='fast: expected True, False or "low-memory"'):
        ns.VGG19Features("compact", fast="slow")  # type: ignore[arg-type]


PHOTO, PAINTING = (
    Path(__file__).parents[1] / "docs/examples" / name for name in ("content.png", "style.png")
)
LARGE = [
    (160, 160),
    (131, 97),
    (200, 150),
    (193, 257),
    (256, 256),
    (240, 320),
    (301, 203),
    (384, 256),
]


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_the_full_network_on_pictures_is_as_exact_as_the_plain_one(pooling: Any) -> None:
    photo, painting = (ns.load_image(path) for path in (PHOTO, PAINTING))
    errors, typical = [], []
    for shape in LARGE:
        content, style = ns.resize(photo, shape), ns.resize(painting, shape[::-1])
        start = 0.9 * content + 0.1 * ns.resize(painting, shape)

        def evaluate(**options: Any) -> tuple[float, np.ndarray]:
            extractor = ns.VGG19Features(None, pooling, **options)
            objective = ns.ContentLoss(extractor(content)) + ns.StyleLoss(extractor(style))  # noqa: B023
            return ns.Evaluator(objective, extractor, shape)(start)  # noqa: B023

        exact_value, exact = evaluate(dtype="float64")
        value, ours = evaluate()
        _, plain = evaluate(fast=False)
        rms = np.sqrt(np.mean(exact**2))
        medians = [np.median(np.abs(gradient - exact)) / rms for gradient in (ours, plain)]
        errors.append(
            [np.sqrt(np.mean((gradient - exact) ** 2)) / rms for gradient in (ours, plain)]
        )
        print(f"\n{pooling} {shape}: value {abs(value / exact_value - 1):.0e},", end=" ")
        print(f"median {medians[0]:.1e} (plain {medians[1]:.1e}),", end=" ")
        print(f"L2 {errors[-1][0]:.1e} (plain {errors[-1][1]:.1e})")
        assert value == pytest.approx(exact_value, rel=1e-6)
        typical.append(medians[0])
    # Which ReLUs and maxima flip is chance, in either network: one size alone says little.
    assert np.median(typical) <= 1e-5
    ours_l2, plain_l2 = np.sqrt(np.mean(np.square(errors), axis=0))
    assert ours_l2 <= 1.5 * plain_l2
