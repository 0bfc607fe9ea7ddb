"""The fast network is the plain Keras network, value and gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from support import picture as soft_picture
from support import transient_memory

import neuralstyle as ns
from neuralstyle._kernels import convolution as fast
from neuralstyle._kernels import winograd
from neuralstyle.features.architectures import VGG19
from neuralstyle.features.vgg import weights as checkpoints
from neuralstyle.features.vgg.plain import random_weights

SIZES = [(32, 32), (33, 47), (48, 64), (50, 35), (64, 17), (16, 80), (61, 61), (96, 72)]


@pytest.fixture
def winograd_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small test networks would not be wide enough."""
    monkeypatch.setattr(fast, "ways", lambda: fast.Ways(4, 0, as_gradients=False))


def picture(shape: tuple[int, int], seed: int) -> np.ndarray:
    return soft_picture(seed, shape, cells=9)


def value_and_gradient(shape: tuple[int, int], **options: Any) -> tuple[float, np.ndarray]:
    extractor = ns.VGG16Features(weights="compact", **options)
    content, style = extractor(picture(shape, 1)), extractor(picture((48, 40), 2))
    objective = ns.ContentLoss(content) + ns.StyleLoss(style)
    objective += ns.HistogramLoss(style, ["block1_conv1", "block3_conv1"])
    return ns.Evaluator(objective, extractor, shape)(picture(shape, 3))


# Further sizes differ in what the last tiles hold.
CASES = [
    (SIZES[1], True, "max"),
    pytest.param(SIZES[3], "low-memory", "avg", marks=pytest.mark.slow),
    *(
        pytest.param(size, fast, pooling, marks=pytest.mark.slow)
        for size in SIZES
        for fast in (True, "low-memory")
        for pooling in ("max", "avg")
        if (size, fast, pooling) not in ((SIZES[1], True, "max"), (SIZES[3], "low-memory", "avg"))
        and (fast is True or size in SIZES[3:5])
    ),
]


@pytest.mark.parametrize(("shape", "fast", "pooling"), CASES)
@pytest.mark.usefixtures("winograd_everywhere")
def test_value_and_gradient_are_the_plain_networks_in_float64_up_to_rounding(
    shape: tuple[int, int], fast: Any, pooling: str
) -> None:
    exact_value, exact = value_and_gradient(shape, pooling=pooling, dtype="float64")
    value, ours = value_and_gradient(shape, pooling=pooling, fast=fast)
    rms = np.sqrt(np.mean(exact**2))
    assert value == pytest.approx(exact_value, rel=1e-5)
    assert np.median(np.abs(ours - exact)) <= 2e-5 * rms
    error = np.sqrt(np.mean((ours - exact) ** 2))
    if error > 1e-2 * rms:
        # In float32 some ReLUs and maxima decide otherwise than in float64, in either network.
        _, plain = value_and_gradient(shape, pooling=pooling, fast=False)
        assert error <= 20 * np.sqrt(np.mean((plain - exact) ** 2))


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize("fast", [True, "low-memory"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_every_layer_is_the_plain_networks(
    pooling: str, fast: Any, everywhere: bool, request: pytest.FixtureRequest
) -> None:
    if everywhere:
        request.getfixturevalue("winograd_everywhere")
    image = picture((45, 67), 0)
    ours = ns.VGG16Features(weights="compact", pooling=pooling, fast=fast)(image)
    plain = ns.VGG16Features(weights="compact", pooling=pooling, fast=False)(image)
    assert list(ours) == list(plain)
    for layer in plain:
        scale = np.abs(plain[layer]).max()
        np.testing.assert_allclose(ours[layer], plain[layer], atol=1e-5 * scale, err_msg=layer)


def test_a_layer_alone_is_the_same_as_after_all_those_before_it() -> None:
    extractor = ns.VGG16Features(weights="compact")
    one, all_of_them = extractor(picture((40, 40), 0)), extractor(picture((40, 40), 0))
    for layer in all_of_them:
        all_of_them[layer]
    np.testing.assert_array_equal(one["block4_conv2"], all_of_them["block4_conv2"])


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    "ways",
    [fast.Ways(4, 0, as_gradients=False), fast.WITH_ONEDNN_ON_AVX2],
    ids=["winograd", "as gradients"],
)
def test_gradient_of_one_convolution_is_exact_where_no_relu_is_near_its_corner(
    ways: fast.Ways, keep: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "ways", lambda: ways)
    random = np.random.default_rng(0)
    kernel = random.normal(size=(3, 3, 4, 6)).astype(np.float32)
    convolution = fast.Convolution(kernel, np.full(6, 100.0, np.float32), keep=keep)
    image = tf.constant(random.normal(size=(1, 9, 11, 4)), tf.float32)
    weight = tf.constant(random.normal(size=(1, 9, 11, 6)), tf.float32)

    def eager(function: Any) -> np.ndarray:
        with tf.GradientTape() as tape:
            tape.watch(image)
            total = tf.reduce_sum(weight * function(image))
        return tape.gradient(total, image).numpy()

    @tf.function
    def compiled(x: tf.Tensor) -> tf.Tensor:
        return tf.gradients(convolution(x), x, weight)[0]

    expected = eager(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"))
    for ours in (eager(convolution), compiled(image).numpy()):
        np.testing.assert_allclose(ours, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("channels", "side", "processor", "expected"),
    [
        (128, 64, "oneDNN", "winograd"),
        (128, 64, "Eigen", "winograd"),
        (128, 64, "oneDNN with AVX2", "winograd"),
        (64, 128, "oneDNN", "winograd"),
        (64, 128, "Eigen", "direct"),
        (64, 128, "oneDNN with AVX2", "as a gradient"),
        (128, 40, "oneDNN", "direct"),
        (128, 40, "oneDNN with AVX2", "winograd"),
        (128, 16, "oneDNN", "direct"),
        (128, 16, "oneDNN with AVX2", "as a gradient"),
        (32, 256, "oneDNN", "direct"),
    ],
)
def test_a_convolution_takes_the_way_that_is_fast_on_the_processor(
    channels: int, side: int, processor: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "uses_onednn", lambda: processor != "Eigen")
    monkeypatch.setattr(fast, "onednn_has_avx2_alone", lambda: processor.endswith("AVX2"))
    called: list[str] = []
    for module, name, way in (
        (winograd, "convolve", "winograd"),
        (fast, "_convolved", "direct"),
        (fast, "_as_gradient", "as a gradient"),
    ):
        real = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *args, real=real, way=way: called.append(way) or real(*args)
        )
    kernel = np.zeros((3, 3, channels, channels), np.float32)
    convolution = fast.Convolution(kernel, np.zeros(channels, np.float32))
    convolution(tf.zeros((1, side, side, channels)))
    assert called == [expected]


def captured(convolution: fast.Convolution, shape: tuple[int, int]) -> dict[int, int]:
    """Trace a convolution and its gradient; return the sizes of what is not in the graph."""

    @tf.function
    def both(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        result = convolution(x)
        return result, tf.gradients(result, x)[0]

    graph = both.get_concrete_function(tf.TensorSpec((1, *shape, 32))).graph
    constants = [node for node in graph.as_graph_def().node if node.op == "Const"]
    assert sum(node.ByteSize() for node in constants) < 20_000
    return {id(tensor): int(tf.size(tensor)) for tensor in graph.external_captures}


@pytest.mark.usefixtures("winograd_everywhere")
def test_graphs_of_several_sizes_share_the_kernels_that_are_kept() -> None:
    kernel, bias = np.ones((3, 3, 32, 32), np.float32), np.zeros(32, np.float32)
    kept = fast.Convolution(kernel, bias)
    first, second = captured(kept, (16, 16)), captured(kept, (20, 12))
    # The kernel, the kernel turned, and the bias.
    assert first == second and sorted(first.values()) == [32, 36 * 32 * 32, 36 * 32 * 32]


@pytest.mark.usefixtures("winograd_everywhere")
def test_low_memory_keeps_no_transformed_kernels() -> None:
    kernel, bias = np.ones((3, 3, 32, 32), np.float32), np.zeros(32, np.float32)
    outside = captured(fast.Convolution(kernel, bias, keep=False), (16, 16))
    assert sorted(outside.values()) == [32, 9 * 32 * 32]


@pytest.mark.usefixtures("winograd_everywhere")
@pytest.mark.parametrize(
    ("layer", "fast"),
    [
        pytest.param(layer, fast, marks=() if layer in some else pytest.mark.slow)
        for fast, some in (
            (True, ("block1_conv1", "block1_conv2", "block2_conv1", "block5_conv4")),
            ("low-memory", ("block1_conv1", "block2_conv2")),
        )
        for layer in VGG19.convolutions
    ],
)
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
@pytest.mark.slow
def test_low_memory_needs_less_of_it() -> None:
    def transient(fast: Any) -> int:
        shape = (384, 512)
        extractor = ns.VGG16Features("compact", fast=fast)
        objective = ns.StyleLoss(extractor(picture(shape, 0)))
        evaluator = ns.Evaluator(objective, extractor, shape)
        image = picture(shape, 1)
        evaluator(image)
        # What runs beside what varies from time to time, and in a small picture by as much as this
        # saves.
        return min(transient_memory(lambda: evaluator(image)) for _ in range(4))

    usual, lower = transient(True), transient("low-memory")
    assert lower < 0.9 * usual, (lower, usual)


def test_low_memory_is_a_word_of_its_own() -> None:
    with pytest.raises(ValueError, match='fast: expected True, False or "low-memory"'):
        ns.VGG16Features("compact", fast="slow")  # type: ignore[arg-type]


PHOTO, PAINTING = (
    Path(__file__).parents[2] / "docs/examples" / name for name in ("content.png", "style.png")
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
