"""Weights of the networks, from files of every kind, and which files are refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import weight_files
from support import NARROW, assert_same_weights
from weight_files import WRITERS, Writer, write_compressed_npz, write_npz

import neuralstyle as ns
from neuralstyle.features.architectures import NETWORKS, VGG16, VGG19, Architecture, Weights
from neuralstyle.features.vgg import weights as sources
from neuralstyle.features.vgg.plain import random_weights

OTHER = {"VGG16": VGG19, "VGG19": VGG16}


@pytest.fixture(scope="session")
def narrow16() -> Weights:
    return random_weights(VGG16, widths=NARROW)


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> tuple[Architecture, Weights]:
    """Each network with the weights of a narrow one."""
    fixture = {"vgg16": "narrow16", "vgg19": "narrow"}[request.param]
    return NETWORKS[request.param], request.getfixturevalue(fixture)


# Reading files


@pytest.mark.parametrize("kind", WRITERS)
def test_weights_are_read_from_a_file(
    kind: str, tmp_path: Path, network: tuple[Architecture, Weights]
) -> None:
    architecture, weights = network
    name, write = WRITERS[kind]
    write(tmp_path / name, weights)
    assert_same_weights(sources.read_weights(tmp_path / name, architecture), weights)


@pytest.mark.parametrize("kind", [*WRITERS, "torch"])
def test_a_file_says_of_which_network_it_is_and_another_refuses_it_naming_both(
    kind: str, tmp_path: Path, network: tuple[Architecture, Weights]
) -> None:
    architecture, weights = network
    name, write = {**WRITERS, "torch": ("vgg.npz", weight_files.write_torch_npz)}[kind]
    write(tmp_path / name, weights)
    assert sources.architecture_of(tmp_path / name) == architecture.name.lower()
    other = OTHER[architecture.name]
    assert_refused(
        tmp_path / name, f"a {other.name}: it holds those of a {architecture.name}", network=other
    )


@pytest.mark.parametrize("as_text", [False, True])
def test_an_extractor_takes_the_path_of_a_file(
    tmp_path: Path, narrow: Weights, as_text: bool
) -> None:
    path = tmp_path / "vgg19.npz"
    write_npz(path, narrow)
    extractor = ns.VGG19Features(str(path) if as_text else path)
    kernel, bias = extractor.model.get_layer("block3_conv2").get_weights()
    np.testing.assert_array_equal(kernel, narrow["block3_conv2"][0])
    np.testing.assert_array_equal(bias, narrow["block3_conv2"][1])
    assert repr(extractor) == f"VGG19Features(weights={str(path)!r}, pooling='max')"


def test_numbers_of_half_precision_become_float32(tmp_path: Path, narrow: Weights) -> None:
    path = tmp_path / "vgg19.npz"
    halves = {k: (a.astype(np.float16), b.astype(np.float16)) for k, (a, b) in narrow.items()}
    write_npz(path, halves)
    singles = {k: (a.astype(np.float32), b.astype(np.float32)) for k, (a, b) in halves.items()}
    assert_same_weights(sources.read_weights(path, VGG19), singles)


def test_text_beside_the_weights_in_a_file_is_passed_over(tmp_path: Path, narrow: Weights) -> None:
    path = tmp_path / "vgg19.h5"
    weight_files.write_notop(path, narrow)
    with h5py.File(path, "a") as file:
        file["licence"] = "CC BY"
        file["epoch"] = 7
    assert_same_weights(sources.read_weights(path, VGG19), narrow)
    archive = tmp_path / "vgg19.npz"
    np.savez(archive, **weight_files.archive(narrow), licence=np.array("CC BY"), epoch=7)
    assert_same_weights(sources.read_weights(archive, VGG19), narrow)


def normalised(image: np.ndarray) -> np.ndarray:
    """What torchvision's networks are shown."""
    return (image - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]


def test_torchvisions_first_convolution_sees_what_torchvision_shows_it(
    tmp_path: Path, network: tuple[Architecture, Weights]
) -> None:
    architecture, weights = network
    path = tmp_path / "vgg.npz"
    weight_files.write_torch_npz(path, weights)
    with np.load(path) as state:
        kernel, bias = state["features.0.weight"].astype(np.float64), state["features.0.bias"]
    image = np.random.default_rng(0).uniform(size=(9, 11, 3)).astype(np.float32)
    padded = np.pad(normalised(image), ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    theirs = np.maximum(np.einsum("yxchw,ochw->yxo", windows, kernel) + bias, 0)
    extractor = weight_files.FAMILY[architecture.name.lower()](path)
    ours = np.asarray(extractor(image)["conv1_1"])[0]
    scale = theirs.max()
    np.testing.assert_allclose(ours[1:-1, 1:-1], theirs[1:-1, 1:-1], atol=1e-5 * scale)
    # At the border the zeros around the image are another grey, by half a level in 255.
    assert 1e-6 * scale < np.abs(ours - theirs).max() < 1e-2 * scale


def test_torchvisions_other_convolutions_have_their_axes_turned(
    tmp_path: Path, network: tuple[Architecture, Weights]
) -> None:
    architecture, weights = network
    path = tmp_path / "vgg.npz"
    weight_files.write_torch_npz(path, weights)
    read = sources.read_weights(path, architecture)
    for name in architecture.convolutions[1:]:
        np.testing.assert_array_equal(read[name][0], weights[name][0])
        np.testing.assert_array_equal(read[name][1], weights[name][1])
    np.testing.assert_allclose(
        read["block1_conv1"][0], weights["block1_conv1"][0], rtol=1e-5, atol=1e-7
    )


def test_torchvisions_names_are_known() -> None:
    sixteen = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    nineteen = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
    assert VGG16.torch_convolutions == tuple(f"features.{i}" for i in sixteen)
    assert VGG19.torch_convolutions == tuple(f"features.{i}" for i in nineteen)


def test_a_torch_network_with_batch_normalisation_is_refused(
    tmp_path: Path, narrow: Weights
) -> None:
    path = tmp_path / "vgg19_bn.npz"
    state = {}
    for i, (kernel, bias) in enumerate(narrow.values()):
        state[f"features.{3 * i}.weight"] = kernel.transpose(3, 2, 0, 1)
        state[f"features.{3 * i}.bias"] = bias
        state[f"features.{3 * i + 1}.weight"] = state[f"features.{3 * i + 1}.bias"] = bias
    np.savez(path, **state)
    assert_refused(path, "16 convolutions", "32")


# Refusing files


def assert_refused(path: Path, *parts: str, network: Architecture = VGG19) -> None:
    with pytest.raises(ValueError) as caught:
        sources.load_weights(network, path)
    message = str(caught.value)
    assert message.startswith("weights: ")
    assert repr(str(path)) in message
    assert "\n" not in message
    assert len(message) < 600
    for part in parts:
        assert part in message


@pytest.mark.parametrize("kind", ["Keras' notop", "Keras' archive", "npz", "compressed npz"])
@pytest.mark.parametrize("kept", [1, 4, 10, 100, 2048, 0.3, 0.5, 0.9, -100, -1])
def test_a_truncated_file_is_refused_in_one_sentence(
    kind: str, kept: float, tmp_path: Path, narrow: Weights
) -> None:
    name, write = WRITERS[kind]
    path = tmp_path / name
    write(path, narrow)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    assert_refused(path)


@pytest.mark.parametrize("place", [0.1, 0.25, 0.4, 0.55, 0.7, 0.85])
@pytest.mark.parametrize("write", [write_npz, write_compressed_npz])
def test_an_archive_with_damaged_bytes_is_refused_in_one_sentence(
    write: Writer, place: float, tmp_path: Path, narrow: Weights
) -> None:
    path = tmp_path / "vgg19.npz"
    write(path, narrow)
    data = bytearray(path.read_bytes())
    start = int(place * len(data))
    data[start : start + 64] = b"\xff" * 64
    path.write_bytes(data)
    assert_refused(path)


@pytest.mark.parametrize(
    "name", ["vgg19.h5", "vgg19.weights.h5", "vgg19.keras", "vgg19.npz", "vgg19"]
)
@pytest.mark.parametrize("text", ["", "<!DOCTYPE html>\n<title>404 Not Found</title>\n" * 50])
def test_an_empty_file_and_a_text_file_are_refused(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert_refused(path)
    with pytest.raises(ValueError, match="^network: .*is not a readable weights file"):
        sources.architecture_of(path)


def test_a_single_array_under_the_name_of_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vgg19.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    assert_refused(path)


@pytest.mark.parametrize("name", ["folder", "folder.npz", "folder.keras"])
def test_a_folder_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.mkdir()
    assert_refused(path)


@pytest.mark.parametrize("name", ["vgg19.h5", "vgg19.npz"])
def test_a_file_that_does_not_exist_is_not_found(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"^weights: .*{re.escape(str(tmp_path / name))}"):
        ns.VGG19Features(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="^network: "):
        sources.architecture_of(tmp_path / name)


@pytest.mark.parametrize("name", ["vgg19.h5", "vgg19.npz"])
@pytest.mark.parametrize("missing", ["block1_conv1", "block3_conv2", "block5_conv4"])
def test_a_missing_convolution_is_refused(
    name: str, missing: str, tmp_path: Path, narrow: Weights
) -> None:
    path = tmp_path / name
    rest = {layer: pair for layer, pair in narrow.items() if layer != missing}
    write = write_npz if name.endswith("npz") else weight_files.write_keras_3_by_layer_names
    write(path, rest)
    assert_refused(path, "16 convolutions", "15")


def test_a_convolution_that_is_there_twice_is_refused(tmp_path: Path, narrow: Weights) -> None:
    path = tmp_path / "vgg19.h5"
    weight_files.write_keras_3_by_layer_names(path, narrow)
    with h5py.File(path, "a") as file:
        file.copy("_layer_checkpoint_dependencies/block2_conv1", "averages/block2_conv1")
    assert_refused(path, "16 convolutions", "17")


def test_the_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.weights.h5"
    layers = [keras.layers.Conv2D(4, 3) for _ in range(3)]
    with weight_files.quiet_keras():
        keras.Sequential([keras.Input((None, None, 3)), *layers]).save_weights(path)
    assert_refused(path, "16 convolutions", "3")
    with pytest.raises(ValueError, match="VGG16 or VGG19: expected 13 or 16 .*, received 3"):
        sources.architecture_of(path)


def test_a_file_without_any_convolution_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dense.npz"
    np.savez(path, **{"dense/kernel": np.zeros((3, 4)), "dense/bias": np.zeros(4)})
    assert_refused(path, "16 convolutions", "0")


@pytest.mark.parametrize(
    ("layer", "kernel", "bias"),
    [
        ("block1_conv1", (5, 5, 3, 8), (8,)),
        ("block1_conv1", (3, 3, 1, 8), (8,)),
        ("block2_conv2", (3, 3, 8, 8), (9,)),
        ("block3_conv3", (3, 3, 8, 16), (16,)),
        ("block5_conv4", (1, 3, 16, 16), (16,)),
        ("block5_conv4", (), (16,)),
    ],
)
def test_kernels_of_wrong_shapes_are_refused_naming_the_layer(
    layer: str, kernel: tuple[int, ...], bias: tuple[int, ...], tmp_path: Path, narrow: Weights
) -> None:
    path = tmp_path / "vgg19.npz"
    write_npz(path, {**narrow, layer: (np.zeros(kernel, "f"), np.zeros(bias, "f"))})
    assert_refused(path, layer, str(kernel), str(bias))


def test_whole_numbers_are_refused_naming_the_layer(tmp_path: Path, narrow: Weights) -> None:
    path = tmp_path / "vgg19.npz"
    kernel, bias = narrow["block4_conv3"]
    write_npz(path, {**narrow, "block4_conv3": (kernel.astype(np.int8), bias)})
    assert_refused(path, "block4_conv3", "int8", "floating-point")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("part", [0, 1])
def test_values_that_are_not_finite_are_refused_naming_the_layer(
    value: float, part: int, tmp_path: Path, narrow: Weights
) -> None:
    path = tmp_path / "vgg19.npz"
    pair = [array.copy() for array in narrow["block4_conv3"]]
    pair[part].ravel()[2] = value
    write_npz(path, {**narrow, "block4_conv3": (pair[0], pair[1])})
    assert_refused(path, "block4_conv3", "not finite")


class Trap:
    """Notes when it is unpickled."""

    sprung = False

    @staticmethod
    def spring() -> int:
        Trap.sprung = True
        return 0

    def __reduce__(self) -> Any:
        return Trap.spring, ()


@pytest.mark.parametrize("key", ["block1_conv1/kernel", "note"])
def test_pickled_objects_in_an_archive_are_never_unpickled(
    key: str, tmp_path: Path, narrow: Weights
) -> None:
    path = tmp_path / "vgg19.npz"
    trap = np.empty(1, dtype=object)
    trap[0] = Trap()
    np.savez(path, **{**weight_files.archive(narrow), key: trap})
    Trap.sprung = False
    if key == "note":
        sources.load_weights(VGG19, path)  # which does not look at it
    else:
        assert_refused(path)
    assert not Trap.sprung
    np.load(path, allow_pickle=True)[key]
    assert Trap.sprung  # the trap works


# Sources by name


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("compact", ValueError, r'.*: write VGG16Features\("compact"\), or network="compact"'),
        ("auto", ValueError, 'received "auto", which is gone since version 0.2'),
        ("random", FileNotFoundError, "received 'random', which does not exist"),
        (3, TypeError, "received 3"),
        (b"vgg16.npz", TypeError, "received b'vgg16.npz'"),
    ],
)
def test_what_are_no_weights_is_refused_with_what_there_is(
    source: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f'^weights: expected "imagenet", a file or None, {message}'):
        ns.VGG19Features(source)


def test_vgg16_names_the_compact_network_among_what_there_is() -> None:
    with pytest.raises(ValueError, match='^weights: expected "imagenet", "compact", a file or'):
        ns.VGG16Features("auto")


# Digests


def test_a_digest_is_the_same_for_the_same_weights_and_another_for_others(
    narrow: Weights, narrow16: Weights
) -> None:
    copied = {name: (kernel.copy(), bias.copy()) for name, (kernel, bias) in narrow.items()}
    first = sources.digest(VGG19, narrow, "max")
    assert first == sources.digest(VGG19, dict(reversed(copied.items())), "max")
    assert re.fullmatch("[0-9a-f]{64}", first)
    others = {sources.digest(VGG19, narrow, "avg"), sources.digest(VGG16, narrow16, "max")}
    for part in (0, 1):
        pair = [array.copy() for array in narrow["block5_conv4"]]
        pair[part].ravel()[-1] += 1
        others.add(sources.digest(VGG19, {**narrow, "block5_conv4": (pair[0], pair[1])}, "max"))
    assert len(others | {first}) == 5
