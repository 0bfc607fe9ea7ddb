"""VGG networks in half precision, against those in float64: values, gradients, and what is kept."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import noise, picture
from weight_files import write_npz

import neuralstyle as ns
from neuralstyle._kernels import convolution
from neuralstyle._kernels.half import HALVES
from neuralstyle.features.vgg.weights import load_weights
from neuralstyle.transfer.options.options import Options
from neuralstyle.transfer.painter import Painter

SHARED = Path(__file__).parents[3] / "shared"
LAYERS = ["block1_conv1", "block2_conv2", "block3_conv1", "block4_conv1"]

halves = pytest.mark.parametrize("dtype", HALVES)


@pytest.fixture(params=["processor", "GPU"])
def arithmetic(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What computes: in float32, or in half, which a processor can too."""
    monkeypatch.setattr(convolution, "has_gpu", lambda: request.param == "GPU")
    return str(request.param)


def seen(extractor: Any, content: Any, style: Any) -> tuple[dict[str, float], np.ndarray]:
    """Return all losses, and the gradient of their sum, off the content.

    Near it, what bfloat16 rounds is more than a hundredth of the content loss.
    """
    objective = (
        ns.ContentLoss(extractor(content), "block4_conv2")
        + 10 * ns.StyleLoss(extractor(style), LAYERS)
        + ns.CovarianceLoss(extractor(style), LAYERS)
        + ns.HistogramLoss(extractor(style), LAYERS[1:3])
    )
    evaluator = ns.Evaluator(objective, extractor, content.shape)
    start = np.clip(content + 0.4 * (noise(*content.shape[:2]) - 0.5), 0, 1)
    value, gradient = evaluator(start.astype(np.float64).ravel())
    return {**evaluator.losses, "value": value}, gradient


def assert_near(single: Any, actual: Any, expected: Any) -> None:
    for name, value in expected[0].items():
        assert actual[0][name] == pytest.approx(value, rel=0.01), name
    one, other = actual[1], expected[1]
    assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) >= 0.99
    assert np.count_nonzero(one) >= np.count_nonzero(single[1])


Expected = tuple[str, Any, Any, Any]


@pytest.fixture(scope="module", params=["avg", pytest.param("max", marks=pytest.mark.slow)])
def expected(request: pytest.FixtureRequest) -> Iterator[Expected]:
    """A pooling, pictures, and what networks in float32 and float64 see of them."""
    pictures = picture(1, (64, 72), 9), picture(2, (64, 48), 24)
    kinds = [
        seen(ns.VGG16Features("compact", request.param, dtype=dtype), *pictures)
        for dtype in ("float32", "float64")
    ]
    yield request.param, pictures, *kinds


@pytest.mark.parametrize(
    ("dtype", "arithmetic"),
    [
        ("bfloat16", "processor"),
        ("float16", "GPU"),
        pytest.param("float16", "processor", marks=pytest.mark.slow),
        pytest.param("bfloat16", "GPU", marks=pytest.mark.slow),
    ],
    indirect=["arithmetic"],
)
def test_losses_and_gradients_are_those_of_float64(
    dtype: str, expected: Expected, arithmetic: str
) -> None:
    pooling, pictures, single, double = expected
    network = ns.VGG16Features("compact", pooling, dtype=dtype)
    assert_near(single, seen(network, *pictures), double)


@pytest.mark.slow
@halves
@pytest.mark.parametrize("padding", ["zeros", "reflect", "wrap"])
def test_so_they_are_with_imagenets_weights_on_photographs(
    dtype: str, padding: Any, arithmetic: str
) -> None:
    weights = SHARED / "weights/vgg16-imagenet.npz"
    files = [SHARED / f"images/{name}.jpg" for name in ("content-tubingen", "style-starry-night")]
    if not all(path.exists() for path in (weights, *files)):
        pytest.skip("ImageNet's weights or the photographs are not at hand")
    pictures = [ns.resize(ns.load_image(path, max_size=512), (128, 160)) for path in files]
    found = [
        seen(ns.VGG16Features(weights, dtype=kind, padding=padding), *pictures)
        for kind in ("float32", dtype, "float64")
    ]
    assert_near(*found)


@halves
def test_activations_are_rounded_to_half_and_are_float32(dtype: str, arithmetic: str) -> None:
    features = ns.VGG16Features("compact", dtype=dtype)(noise(32, 40))
    assert features["input"].dtype == "float32"
    np.testing.assert_array_equal(features["input"][0], noise(32, 40))
    digits = {"float16": 11, "bfloat16": 8}[dtype]
    for layer in ("block1_conv1", "block3_conv2", "block4_pool"):
        feature = np.asarray(features[layer])
        assert feature.dtype == np.float32
        large = feature[feature > feature.max() / 100]
        mantissa = np.frexp(large)[0] * 2**digits
        np.testing.assert_array_equal(mantissa, np.round(mantissa))


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_float16_neither_overflows_nor_vanishes(
    factor: float, arithmetic: str, tmp_path: Path
) -> None:
    weights = load_weights(ns.VGG16Features.architecture, "compact")
    first, (kernel, bias) = next(iter(weights.items()))
    for name in weights:
        weights[name] = weights[name][0], weights[name][1] * np.float32(factor)
    weights[first] = kernel * np.float32(factor), bias * np.float32(factor)
    write_npz(tmp_path / "scaled.npz", weights)
    image = noise(32, 32)
    usual = ns.VGG16Features("compact")(image)["block4_conv1"]
    half = ns.VGG16Features(tmp_path / "scaled.npz", dtype="float16")(image)["block4_conv1"]
    np.testing.assert_allclose(np.asarray(half) / factor, usual, atol=0.01 * np.max(usual))


@pytest.mark.parametrize("pooling", ["avg", pytest.param("max", marks=pytest.mark.slow)])
def test_it_takes_less_memory(pooling: Any) -> None:
    taken = {}
    for dtype in ("float32", *HALVES):
        network = ns.VGG16Features("compact", pooling, dtype=dtype)
        objective = ns.StyleLoss(network(noise(64, 64)), "block4_conv1")
        taken[dtype] = ns.Evaluator(objective, network, (128, 128)).taken.features
    assert taken["float16"] == taken["bfloat16"] < 0.85 * taken["float32"]


@halves
def test_it_is_named_copied_and_changed_as_others_are(dtype: str) -> None:
    network = ns.VGG16Features("compact", "avg", dtype=dtype)
    assert repr(network).endswith(f"dtype='{dtype}')")
    usual = ns.VGG16Features("compact", "avg")
    assert network.digest == network(noise(8, 8)).digest == f"{usual.digest}-{dtype}"
    torus = network.with_padding("wrap")
    assert (torus.dtype, torus.digest) == (dtype, f"{usual.digest}-wrap-{dtype}")
    assert network.normalized().dtype == dtype
    assert network.model.input.dtype == "float32"
    image = noise(16, 20)
    expected = np.asarray(network(image)["block2_conv2"])
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert other.digest == network.digest
        np.testing.assert_array_equal(other(image)["block2_conv2"], expected)


def test_a_target_may_be_of_another_precision() -> None:
    single = ns.VGG16Features("compact", "avg")
    half = ns.VGG16Features("compact", "avg", dtype="float16")
    image = noise(32, 32)
    loss = ns.ContentLoss(single(image), "block3_conv1")
    assert 0 < float(loss(half(image))) < 1e-4


@pytest.mark.parametrize("fast", [True, pytest.param("low-memory", marks=pytest.mark.slow)])
def test_tiles_give_what_the_whole_gives(fast: Any) -> None:
    network = ns.VGG16Features("compact", "avg", dtype="float16", fast=fast)
    objective = ns.StyleLoss(network(picture(3, (64, 64))), LAYERS[:3])
    start = picture(4, (96, 128), 20).ravel()
    (whole, slope), (value, other) = (
        ns.Evaluator(objective, network, (96, 128), tile=tile)(start) for tile in (None, 64)
    )
    assert value == pytest.approx(whole, rel=1e-4)
    assert np.linalg.norm(other - slope) < 0.02 * np.linalg.norm(slope)


@halves
def test_users_extractors_in_half_are_given_images_in_float32(dtype: str) -> None:
    class Own:
        def __init__(self) -> None:
            self.dtype = dtype

        def __call__(self, image: Any) -> dict[str, Any]:
            assert image.dtype == "float32"
            return {"input": image}

    variation = ns.TotalVariationLoss()
    for extractor in (Own(), ns.Pyramid(Own(), 2), ns.Join(own=Own())):
        value, gradient = ns.Evaluator(variation, extractor, (16, 16))(noise(16, 16).ravel())
        assert value > 0 and gradient.dtype == np.float32


def test_the_plain_model_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"^fast: expected .* received False: .* overflow"):
        ns.VGG16Features("compact", dtype="float16", fast=False)


@halves
def test_stylize_takes_it_for_networks_of_vgg(dtype: Any) -> None:
    painter = Painter(noise(40, 48), Options(dtype=dtype))
    assert isinstance(painter.extractor, ns.VGG16Features)
    assert painter.extractor.dtype == dtype
    for network, reason in ((lambda image: {"input": image}, "its own"), ("resnet50", "VGG")):
        with pytest.raises(ValueError, match=rf"^dtype: expected \"float32\" .*{reason}"):
            Painter(noise(40, 48), Options(dtype=dtype, network=network)).extractor  # noqa: B018
