"""Networks whose channels have mean activation 1: measured, from tables, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support import NARROW, noise, picture
from weight_files import FAMILY, archive, plain

import neuralstyle as ns
from neuralstyle.features.architectures import NETWORKS, VGG16, Pooling, Weights
from neuralstyle.features.vgg import normalization
from neuralstyle.features.vgg import weights as sources
from neuralstyle.features.vgg.normalization import Means, mean_activations, norms, rescaled
from neuralstyle.features.vgg.plain import random_weights

REAL = Path(__file__).parents[3] / "shared/weights/vgg16-imagenet.npz"
POOLINGS: tuple[Pooling, ...] = ("avg", "max")
PICTURES = [picture(0, (40, 33)), noise(24, 47), picture(1, (17, 64), 12)]


def weights_of(name: str, pooling: Pooling = "avg", dead: bool = True) -> Weights:
    """Draw a narrow network with biases, of activations of many sizes; one channel never fires."""
    random = np.random.default_rng(1)
    weights = random_weights(NETWORKS[name], 0, pooling, NARROW, 64)
    for layer, (kernel, bias) in weights.items():
        size = np.exp(random.normal(size=bias.shape)).astype(np.float32)
        weights[layer] = (kernel * size, bias * size)
    if dead:
        kernel, bias = weights["block2_conv2"]
        bias[1] = -1e6
    return weights


def write(path: Path, weights: Weights, **means: Mapping[str, Any]) -> Path:
    """Write a file of weights, with a table for each pooling that is given."""
    arrays = archive(weights)
    for pooling, table in means.items():
        arrays |= {f"{name}/mean_{pooling}": mean for name, mean in table.items()}
    np.savez(path, **arrays)
    return path


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A name, and a file without a table."""
    return request.param, write(tmp_path / "vgg.npz", weights_of(request.param))


def seen_by_keras(weights: Weights, image: np.ndarray, pooling: Pooling) -> dict[str, np.ndarray]:
    """Return all activations, by a network that is built of Keras' own layers alone."""
    tensor = inputs = keras.Input((None, None, 3))
    pool = {"max": keras.layers.MaxPooling2D, "avg": keras.layers.AveragePooling2D}[pooling]
    outputs = {}
    for name in plain(weights).layers[1:]:
        if name.name in weights:
            kernel, bias = weights[name.name]
            layer = keras.layers.Conv2D(len(bias), 3, padding="same", activation="relu")
            tensor = outputs[name.name] = layer(tensor)
            layer.set_weights([kernel, bias])
        else:
            tensor = pool(2)(tensor)
    model = keras.Model(inputs, outputs)
    prepared = keras.applications.vgg16.preprocess_input(image.copy()[None] * 255.0)
    return {name: np.asarray(found)[0] for name, found in model(prepared).items()}


# Measured


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_feature_is_what_keras_sees_divided_by_its_channels_mean(
    network: tuple[str, Path], pooling: Pooling
) -> None:
    name, path = network
    vgg = FAMILY[name](path, pooling)
    image = noise(33, 49, 5)
    seen = [seen_by_keras(vgg._arrays, one, pooling) for one in PICTURES]
    features, expected = vgg.normalized(PICTURES)(image), seen_by_keras(vgg._arrays, image, pooling)
    for layer, one in expected.items():
        positions = np.concatenate([of[layer].reshape(-1, one.shape[-1]) for of in seen])
        means = positions.astype(np.float64).mean(axis=0)
        divided = one / np.where(means > 0, means, 1)
        error = np.abs(np.asarray(features[layer])[0] - divided).max(axis=(0, 1))
        assert (error <= 1e-4 * np.abs(divided).max()).all(), layer
    assert (np.asarray(features["block2_conv2"])[..., 1] == 0).all()


@pytest.mark.parametrize(
    ("options", "pooling"),
    [
        pytest.param(options, pooling, marks=pytest.mark.slow if more and options else ())
        for options in ({}, {"fast": "low-memory"}, {"fast": False}, {"dtype": "float64"})
        for more, pooling in enumerate(POOLINGS)
    ],
    ids=str,
)
def test_channels_have_mean_1_over_what_they_were_measured_on(
    network: tuple[str, Path], pooling: Pooling, options: dict[str, Any]
) -> None:
    name, path = network
    vgg = FAMILY[name](path, pooling, **options).normalized(PICTURES)
    assert (type(vgg), vgg.pooling, vgg.dtype) == (
        FAMILY[name], pooling, options.get("dtype", "float32")
    )  # fmt: skip
    seen = [vgg(one) for one in PICTURES]
    for layer in vgg.architecture.convolutions:
        positions = np.concatenate(
            [np.asarray(f[layer])[0].reshape(-1, f[layer].shape[-1]) for f in seen]
        )
        means = positions.mean(axis=0)
        np.testing.assert_allclose(means[means > 0], 1, rtol=1e-3, err_msg=layer)
        assert positions.dtype == vgg.dtype
    assert vgg.model.get_layer("block1_conv1").output.shape[-1] == NARROW[0]


def test_it_may_be_measured_on_files_and_folders(network: tuple[str, Path], tmp_path: Path) -> None:
    name, path = network
    for number, image in enumerate(PICTURES):
        ns.save_image(tmp_path / f"{number}.png", image)
    read = [ns.load_image(tmp_path / f"{number}.png") for number in range(3)]
    vgg = FAMILY[name](path)
    expected = vgg.normalized(read).digest
    assert vgg.normalized(tmp_path).digest == expected
    assert vgg.normalized([tmp_path / "0.png", *read[1:]]).digest == expected
    assert vgg.normalized(read[0]).digest == vgg.normalized([read[0]]).digest != expected


def test_the_network_itself_stays_as_it_is(network: tuple[str, Path]) -> None:
    name, path = network
    vgg = FAMILY[name](path, "avg")
    image, digest = noise(20, 20), vgg.digest
    before = np.asarray(vgg(image)["relu3_1"])
    normalized = vgg.normalized(PICTURES)
    assert vgg.digest == digest and vgg.means is None
    np.testing.assert_array_equal(vgg(image)["relu3_1"], before)
    assert normalized.digest != digest
    assert normalized.digest == normalized(image).digest == vgg.normalized(PICTURES).digest
    assert normalized.digest != FAMILY[name](path, "max").normalized(PICTURES).digest
    assert repr(normalized) == f"{vgg!r}.normalized(images)"
    again = normalized.normalized()
    assert again.digest == normalized.digest


# Tables


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_table_in_a_file_is_that_of_its_pooling(dtype: str, tmp_path: Path) -> None:
    weights = weights_of("vgg16")
    tables = {pooling: mean_activations(VGG16, weights, PICTURES, pooling) for pooling in POOLINGS}
    halves = {
        pooling: {name: mean.astype(dtype) for name, mean in table.items()}
        for pooling, table in tables.items()
    }
    path = write(tmp_path / "vgg.npz", weights, **halves)
    digests = set()
    for pooling in POOLINGS:
        vgg = ns.VGG16Features(path, pooling)
        assert vgg.means is not None
        for name, mean in tables[pooling].items():
            np.testing.assert_allclose(vgg.means[name], mean, rtol=1e-3)
        normalized = vgg.normalized()
        assert repr(normalized) == f"{vgg!r}.normalized()"
        for mean in mean_activations(VGG16, normalized._arrays, PICTURES, pooling).values():
            np.testing.assert_allclose(mean[mean > 0], 1, rtol=2e-3)
        if dtype == "float32":
            assert normalized.digest == vgg.normalized(PICTURES).digest
        digests.add(normalized.digest)
    assert len(digests) == 2


def test_a_file_may_have_a_table_for_one_pooling(tmp_path: Path) -> None:
    weights = weights_of("vgg16")
    means = {name: np.full(len(bias), 2, np.float32) for name, (_, bias) in weights.items()}
    path = write(tmp_path / "vgg.npz", weights, avg=means)
    assert ns.VGG16Features(path, "max").means is None
    assert ns.VGG16Features(path, "avg").means is not None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "received none"),
        (np.ones(3, np.float32), r"received float32 of shape \(3,\)"),
        (np.ones(NARROW[2], np.int32), "received int32"),
        (np.full(NARROW[2], np.nan), "expected finite numbers of at least 0"),
        (np.full(NARROW[2], -1.0), "expected finite numbers of at least 0"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(wrong: Any, message: str, tmp_path: Path) -> None:
    weights = weights_of("vgg16")
    means: dict[str, Any] = {name: np.ones(len(bias), "f4") for name, (_, bias) in weights.items()}
    means |= {"block3_conv2": wrong}
    path = write(
        tmp_path / "vgg.npz", weights, avg={k: v for k, v in means.items() if v is not None}
    )
    with pytest.raises(
        ValueError, match=rf"^weights: .*vgg\.npz.* block3_conv2.*{message}|{message}"
    ):
        ns.VGG16Features(path, "avg")


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Weights, Means]:
    """A network whose table comes with the package."""
    weights = weights_of("vgg16", dead=False)
    means = mean_activations(VGG16, weights, PICTURES, "avg")
    arrays = {f"{name}/mean_avg": mean for name, mean in means.items()}
    arrays |= {f"{name}/norm": norms(pair) for name, pair in weights.items()}
    monkeypatch.setattr(normalization, "DATA", tmp_path)
    np.savez(tmp_path / "vgg16-means.npz", **arrays)
    return weights, means


def changed(weights: Weights, how: str) -> Weights:
    kernel, bias = weights["block4_conv2"]
    other = {
        "scaled": (1.01 * kernel, 1.01 * bias),
        "other biases": (kernel, bias + 1),
        "channels in another order": (kernel[..., ::-1], bias[::-1]),
    }
    return weights | {"block4_conv2": other[how]}


def test_weights_of_which_a_table_is_known_are_recognised_in_any_file_and_precision(
    known: tuple[Weights, Means], tmp_path: Path
) -> None:
    weights, means = known
    rounded = {n: (k.astype(np.float16), b.astype(np.float16)) for n, (k, b) in weights.items()}
    for kind in (weights, rounded):
        found = ns.VGG16Features(write(tmp_path / "any.npz", kind), "avg").means  # type: ignore
        assert found is not None
        for name, mean in means.items():
            np.testing.assert_array_equal(found[name], mean)


@pytest.mark.parametrize("how", ["scaled", "other biases", "channels in another order"])
def test_weights_that_differ_in_one_layer_are_others(
    how: str, known: tuple[Weights, Means], tmp_path: Path
) -> None:
    path = write(tmp_path / "any.npz", changed(known[0], how))
    assert ns.VGG16Features(path, "avg").means is None
    rescaled_path = write(tmp_path / "b.npz", rescaled(*known))
    assert ns.VGG16Features(rescaled_path, "avg").means is None


def test_the_table_that_comes_with_the_package_is_of_the_full_vgg16() -> None:
    with np.load(normalization.DATA / "vgg16-means.npz") as table:
        for name in VGG16.convolutions:
            width = VGG16.widths[int(name[len("block")]) - 1]
            assert all(table[f"{name}/{part}"].shape == (width,) for part in ("mean_avg", "norm"))
            assert (table[f"{name}/mean_max"] >= 0).all()
        # Activations over photographs, as they are known.
        typical = {
            "block1_conv1": 23,
            "block2_conv1": 172,
            "block3_conv1": 228,
            "block4_conv1": 138,
        }
        for name, mean in typical.items():
            assert table[f"{name}/mean_max"].mean() == pytest.approx(mean, rel=0.15)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("weights", ["compact", REAL], ids=["compact", "ImageNet's"])
def test_the_compact_network_and_imagenets_vgg16_have_their_tables(
    weights: str | Path, pooling: Pooling
) -> None:
    if isinstance(weights, Path) and not weights.exists():
        pytest.skip("the ImageNet weights of VGG16 do not lie in ../shared/weights")
    vgg = ns.VGG16Features(weights, pooling).normalized()
    content = ns.load_image(Path(__file__).parents[2] / "docs/examples/content.png", max_size=192)
    features = vgg(content)
    for layer in ("relu1_1", "relu2_1", "relu3_1", "relu4_1"):
        assert 0.5 < np.mean(features[layer]) < 2, layer


# Refusals


@pytest.mark.parametrize("kind", FAMILY.values())
def test_without_a_table_pictures_are_asked_for(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = kind.architecture.name.lower()
    monkeypatch.setattr(sources, "random_weights", lambda *_: weights_of(name))
    for vgg in (kind(write(tmp_path / "a.npz", weights_of(name))), kind(None, seed=2)):
        assert vgg.means is None
        with pytest.raises(ValueError, match=r"^images: .* there is no table .*Features\("):
            vgg.normalized()


@pytest.mark.parametrize(
    ("images", "error"),
    [
        ("nowhere", FileNotFoundError),
        (3, TypeError),
        ([], ValueError),
        (np.zeros((20, 20)), ValueError),
        (noise(15, 30), ValueError),
    ],
)
def test_what_are_no_pictures_is_refused(
    images: Any, error: type[Exception], vgg: ns.VGG16Features
) -> None:
    with pytest.raises(error, match="^images: "):
        vgg.normalized(images)
