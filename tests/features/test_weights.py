"""Weights of the network, read from files of every kind or fetched."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import re
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support import NARROW, assert_same_weights

import neuralstyle as ns
from neuralstyle.features import weights as checkpoints
from neuralstyle.features import architectures as vgg19

# Reading files


def write_kerass_notop(path: Path, weights: vgg19.Weights) -> None:
    """Write the layout of the file that Keras ships its ImageNet weights in."""
    names = ["input_2"]
    for block, count in enumerate(vgg19.BLOCKS, start=1):
        names += [f"block{block}_conv{index}" for index in range(1, count + 1)]
        names.append(f"block{block}_pool")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([name.encode() for name in names])
        file.attrs["backend"] = b"tensorflow"
        for name in names:
            group = file.create_group(name)
            stored: list[bytes] = []
            if name in weights:
                for letter, array in zip("Wb", weights[name], strict=True):
                    group[f"{name}_{letter}_1:0"] = array
                    stored.append(f"{name}_{letter}_1:0".encode())
            group.attrs["weight_names"] = np.array(stored, dtype="S")


def write_keras_3(path: Path, weights: vgg19.Weights) -> None:
    with quiet_keras():
        vgg19.build(weights).save_weights(path)


def write_keras_3_by_layer_names(path: Path, weights: vgg19.Weights) -> None:
    """Write the layout of .weights.h5 in which layers keep their names, in another order."""
    with h5py.File(path, "w") as file:
        for name, (kernel, bias) in reversed(weights.items()):
            file[f"_layer_checkpoint_dependencies/{name}/vars/0"] = kernel
            file[f"_layer_checkpoint_dependencies/{name}/vars/1"] = bias


def write_saved_model(path: Path, weights: vgg19.Weights) -> None:
    with quiet_keras():
        vgg19.build(weights).save(path)


def with_classifier(weights: vgg19.Weights) -> keras.Model:
    network = vgg19.build(weights)
    tensor = keras.layers.GlobalAveragePooling2D()(network.output)
    for name, width in (("fc1", 12), ("fc2", 12), ("predictions", 5)):
        tensor = keras.layers.Dense(width, name=name)(tensor)
    return keras.Model(network.input, tensor)


def write_classifier(path: Path, weights: vgg19.Weights) -> None:
    with quiet_keras():
        with_classifier(weights).save_weights(path)


def write_saved_classifier(path: Path, weights: vgg19.Weights) -> None:
    with quiet_keras():
        with_classifier(weights).save(path)


def write_trained_model(path: Path, weights: vgg19.Weights) -> None:
    """Write a model together with its optimiser's state, arrays of the kernels' own shapes."""
    model = vgg19.build(weights)
    model.trainable = True
    model.compile(keras.optimizers.Adam(learning_rate=0.0), "mse", run_eagerly=True)
    model.train_on_batch(np.ones((1, 32, 32, 3)), np.ones((1, 1, 1, NARROW[-1])))
    with quiet_keras():
        model.save(path)


def archive(weights: vgg19.Weights) -> dict[str, np.ndarray]:
    return {
        f"{name}/{part}": array
        for name, pair in weights.items()
        for part, array in zip(("kernel", "bias"), pair, strict=True)
    }


def write_npz(path: Path, weights: vgg19.Weights) -> None:
    np.savez(path, **archive(weights))


def write_compressed_npz(path: Path, weights: vgg19.Weights) -> None:
    np.savez_compressed(path, **dict(reversed(archive(weights).items())))


def write_float64_npz(path: Path, weights: vgg19.Weights) -> None:
    np.savez(path, **{name: array.astype(np.float64) for name, array in archive(weights).items()})


@contextlib.contextmanager
def quiet_keras() -> Iterator[None]:
    """Keras hands NumPy 2 arrays of the older protocol when it writes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


Writer = Callable[[Path, vgg19.Weights], None]
WRITERS: dict[str, tuple[str, Writer]] = {
    "Keras' notop": ("vgg19_notop.h5", write_kerass_notop),
    "Keras 3": ("vgg19.weights.h5", write_keras_3),
    "Keras 3 by names": ("vgg19.weights.h5", write_keras_3_by_layer_names),
    "saved model": ("vgg19.h5", write_saved_model),
    "classifier": ("vgg19.weights.h5", write_classifier),
    "saved classifier": ("vgg19.h5", write_saved_classifier),
    "trained model": ("vgg19.h5", write_trained_model),
    "npz": ("vgg19.npz", write_npz),
    "compressed npz": ("vgg19.npz", write_compressed_npz),
    "float64 npz": ("vgg19.npz", write_float64_npz),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_weights_are_read_from_a_file(kind: str, tmp_path: Path, narrow: vgg19.Weights) -> None:
    name, write = WRITERS[kind]
    write(tmp_path / name, narrow)
    assert_same_weights(checkpoints.read_weights(tmp_path / name), narrow)


@pytest.mark.parametrize("as_text", [False, True])
def test_an_extractor_takes_the_path_of_a_file(
    tmp_path: Path, narrow: vgg19.Weights, as_text: bool
) -> None:
    path = tmp_path / "vgg19.npz"
    write_npz(path, narrow)
    extractor = ns.VGG19Features(str(path) if as_text else path)
    kernel, bias = extractor.model.get_layer("block3_conv2").get_weights()
    np.testing.assert_array_equal(kernel, narrow["block3_conv2"][0])
    np.testing.assert_array_equal(bias, narrow["block3_conv2"][1])
    assert repr(extractor) == f"VGG19Features(weights={str(path)!r}, pooling='max')"


def test_text_beside_the_weights_in_a_file_is_passed_over(
    tmp_path: Path, narrow: vgg19.Weights
) -> None:
    path = tmp_path / "vgg19.h5"
    write_kerass_notop(path, narrow)
    with h5py.File(path, "a") as file:
        file["licence"] = "CC BY"
        file["epoch"] = 7
    assert_same_weights(checkpoints.read_weights(path), narrow)


def assert_refused(path: Path, *parts: str) -> None:
    with pytest.raises(ValueError) as caught:
        checkpoints.load_weights(path)
    message = str(caught.value)
    assert message.startswith("weights: ")
    assert repr(str(path)) in message
    assert "\n" not in message
    assert len(message) < 600
    for part in parts:
        assert part in message


@pytest.mark.parametrize("kind", ["Keras' notop", "Keras 3", "npz", "compressed npz"])
@pytest.mark.parametrize("kept", [1, 4, 10, 100, 2048, 0.3, 0.5, 0.9, -100, -1])
def test_a_truncated_file_is_refused_in_one_sentence(
    kind: str, kept: float, tmp_path: Path, narrow: vgg19.Weights
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
    write: Writer, place: float, tmp_path: Path, narrow: vgg19.Weights
) -> None:
    path = tmp_path / "vgg19.npz"
    write(path, narrow)
    data = bytearray(path.read_bytes())
    start = int(place * len(data))
    data[start : start + 64] = b"\xff" * 64
    path.write_bytes(data)
    assert_refused(path)


@pytest.mark.parametrize("name", ["vgg19.h5", "vgg19.weights.h5", "vgg19.npz", "vgg19"])
@pytest.mark.parametrize("text", ["", "<!DOCTYPE html>\n<title>404 Not Found</title>\n" * 50])
def test_an_empty_file_and_a_text_file_are_refused(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert_refused(path)


def test_a_single_array_under_the_name_of_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vgg19.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    assert_refused(path)


@pytest.mark.parametrize("name", ["folder", "folder.npz"])
def test_a_folder_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.mkdir()
    assert_refused(path)


@pytest.mark.parametrize("name", ["vgg19.h5", "vgg19.npz"])
def test_a_file_that_does_not_exist_is_not_found(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=re.escape(repr(str(tmp_path / name)))):
        ns.VGG19Features(tmp_path / name)


@pytest.mark.parametrize("name", ["vgg19.h5", "vgg19.npz"])
@pytest.mark.parametrize("missing", ["block1_conv1", "block3_conv2", "block5_conv4"])
def test_a_missing_convolution_is_refused(
    name: str, missing: str, tmp_path: Path, narrow: vgg19.Weights
) -> None:
    path = tmp_path / name
    rest = {layer: pair for layer, pair in narrow.items() if layer != missing}
    (write_npz if name.endswith("npz") else write_keras_3_by_layer_names)(path, rest)
    assert_refused(path, "16 convolutions", "15")


def test_the_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.weights.h5"
    layers = [keras.layers.Conv2D(4, 3) for _ in range(3)]
    with quiet_keras():
        keras.Sequential([keras.Input((None, None, 3)), *layers]).save_weights(path)
    assert_refused(path, "16 convolutions", "3")


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
    ],
)
def test_kernels_of_wrong_shapes_are_refused_naming_the_layer(
    layer: str,
    kernel: tuple[int, ...],
    bias: tuple[int, ...],
    tmp_path: Path,
    narrow: vgg19.Weights,
) -> None:
    path = tmp_path / "vgg19.npz"
    write_npz(path, {**narrow, layer: (np.zeros(kernel, "f"), np.zeros(bias, "f"))})
    assert_refused(path, layer, str(kernel), str(bias))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("part", [0, 1])
def test_values_that_are_not_finite_are_refused_naming_the_layer(
    value: float, part: int, tmp_path: Path, narrow: vgg19.Weights
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
def test_pickled_objects_in_an_archive_are_refused_and_never_unpickled(
    key: str, tmp_path: Path, narrow: vgg19.Weights
) -> None:
    path = tmp_path / "vgg19.npz"
    trap = np.empty(1, dtype=object)
    trap[0] = Trap()
    np.savez(path, **{**archive(narrow), key: trap})
    Trap.sprung = False
    assert_refused(path)
    assert not Trap.sprung
    np.load(path, allow_pickle=True)[key]
    assert Trap.sprung  # the trap works


# The ImageNet weights


class Server(http.server.ThreadingHTTPServer):
    """Serves one file on this machine, or fails at it in a chosen way."""

    daemon_threads = True

    def __init__(self, payload: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.payload = payload
        self.behaviour = "good"
        self.requests: list[str] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{checkpoints.IMAGENET_FILE}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of these tests."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        behaviour, payload = self.server.behaviour, self.server.payload
        self.server.requests.append(self.path)
        if behaviour == "not found":
            return self.send_error(404)
        if behaviour == "silent":
            self.server.released.wait(10)
            return None
        self.send_response(200)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if behaviour == "good":
            self.wfile.write(payload)
        elif behaviour == "wrong":
            self.wfile.write(payload[::-1])
        else:
            self.wfile.write(payload[: len(payload) // 2])
            self.wfile.flush()
            if behaviour == "stalls":
                self.server.released.wait(10)
            for _ in range(200 if behaviour == "trickles" else 0):  # ten seconds
                if self.server.released.wait(0.05):
                    break
                self.wfile.write(b"x")
                self.wfile.flush()
        return None


@pytest.fixture
def server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, narrow: vgg19.Weights
) -> Iterator[Server]:
    """A server of a narrow network's weights in the place of Keras', with an empty cache."""
    source = tmp_path / "source.h5"
    write_kerass_notop(source, narrow)
    server = Server(source.read_bytes())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setattr(checkpoints, "IMAGENET_URL", server.url)
    monkeypatch.setattr(checkpoints, "IMAGENET_MD5", hashlib.md5(server.payload).hexdigest())
    monkeypatch.setattr(checkpoints, "_STALL_SECONDS", 0.5)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cached(server: Server, tmp_path: Path) -> Path:
    """The place of the weights in Keras' cache."""
    return tmp_path / "keras" / "models" / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"


def assert_helpful(error: OSError, cached: Path) -> None:
    message = str(error)
    assert repr(str(cached)) in message
    assert checkpoints.IMAGENET_URL in message
    assert "put it there" in message
    assert 'weights="compact"' in message


FAILURES = ["not found", "silent", "wrong", "short", "stalls", "trickles"]


def test_the_addresses_are_those_of_keras_own_vgg19() -> None:
    # The module that defines them is private to Keras; its text is not hard to find.
    source = Path(keras.__file__ or "").parent / "src" / "applications" / "vgg19.py"
    joined = re.sub(r'"\s*\n\s*"', "", source.read_text())
    assert checkpoints.IMAGENET_URL in joined
    assert checkpoints.IMAGENET_MD5 in joined
    assert checkpoints.IMAGENET_FILE in joined


def test_imagenet_weights_are_downloaded_into_keras_cache_and_used(
    server: Server, cached: Path, narrow: vgg19.Weights
) -> None:
    assert_same_weights(checkpoints.load_weights("imagenet"), narrow)
    assert cached.read_bytes() == server.payload
    assert server.requests == [f"/{checkpoints.IMAGENET_FILE}"]
    assert list(cached.parent.iterdir()) == [cached]


def test_imagenet_is_what_an_extractor_takes_by_default(
    server: Server, narrow: vgg19.Weights
) -> None:
    kernel, _ = ns.VGG19Features().model.get_layer("block2_conv1").get_weights()
    np.testing.assert_array_equal(kernel, narrow["block2_conv1"][0])
    assert len(server.requests) == 1


def test_the_second_time_the_server_is_not_asked(
    server: Server, cached: Path, narrow: vgg19.Weights
) -> None:
    checkpoints.load_weights("imagenet")
    server.behaviour = "not found"
    assert_same_weights(checkpoints.load_weights("imagenet"), narrow)
    assert len(server.requests) == 1


def test_a_file_put_into_the_cache_by_hand_is_used(
    server: Server, cached: Path, narrow: vgg19.Weights
) -> None:
    cached.parent.mkdir(parents=True)
    cached.write_bytes(server.payload)
    assert_same_weights(checkpoints.load_weights("imagenet"), narrow)
    assert server.requests == []


def test_a_damaged_file_in_the_cache_is_downloaded_again(
    server: Server, cached: Path, narrow: vgg19.Weights
) -> None:
    cached.parent.mkdir(parents=True)
    cached.write_bytes(server.payload[:1000])
    assert_same_weights(checkpoints.load_weights("imagenet"), narrow)
    assert cached.read_bytes() == server.payload
    assert list(cached.parent.iterdir()) == [cached]


def test_a_damaged_file_that_cannot_be_replaced_is_called_damaged(
    server: Server, cached: Path
) -> None:
    server.behaviour = "not found"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"half a file")
    with pytest.raises(OSError, match="is damaged") as caught:
        checkpoints.load_weights("imagenet")
    assert_helpful(caught.value, cached)
    assert list(cached.parent.iterdir()) == [cached]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_download_says_what_to_do_and_leaves_nothing_behind(
    failure: str, server: Server, cached: Path
) -> None:
    server.behaviour = failure
    started = time.monotonic()
    with pytest.raises(OSError, match="is missing") as caught:
        ns.VGG19Features("imagenet")
    assert time.monotonic() - started < 5
    assert_helpful(caught.value, cached)
    assert list(cached.parent.iterdir()) == []
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("not found", "404"),
        ("silent", "stalled|timed out"),
        ("stalls", "stalled|timed out"),
        ("trickles", "stalled"),
        ("wrong", "checksum"),
    ],
)
def test_a_failed_download_says_why(failure: str, reason: str, server: Server) -> None:
    server.behaviour = failure
    with pytest.raises(OSError, match=reason):
        checkpoints.load_weights("imagenet")


def test_a_download_can_succeed_after_one_that_failed(
    server: Server, narrow: vgg19.Weights
) -> None:
    server.behaviour = "short"
    with pytest.raises(OSError):
        checkpoints.load_weights("imagenet")
    server.behaviour = "good"
    assert_same_weights(checkpoints.load_weights("imagenet"), narrow)


def test_a_refused_connection_says_what_to_do(
    server: Server, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/{checkpoints.IMAGENET_FILE}"
        monkeypatch.setattr(checkpoints, "IMAGENET_URL", address)
        with pytest.raises(OSError, match="refused") as caught:
            checkpoints.load_weights("imagenet")
    assert_helpful(caught.value, cached)
    assert list(cached.parent.iterdir()) == []


def test_a_cache_that_cannot_be_written_to_says_what_to_do(
    server: Server, cached: Path, tmp_path: Path
) -> None:
    (tmp_path / "keras").write_text("a file where the folder should be")
    with pytest.raises(OSError) as caught:
        checkpoints.load_weights("imagenet")
    assert_helpful(caught.value, cached)


def test_auto_takes_imagenet_where_it_can_be_had(server: Server, narrow: vgg19.Weights) -> None:
    extractor = ns.VGG19Features("auto")
    kernel, _ = extractor.model.get_layer("block2_conv1").get_weights()
    np.testing.assert_array_equal(kernel, narrow["block2_conv1"][0])
    assert extractor.weights == "imagenet"


@pytest.mark.parametrize(
    ("failure", "reason"), [("not found", "404"), ("wrong", "checksum"), ("stalls", "")]
)
def test_auto_falls_back_to_the_compact_network_with_one_warning_that_says_why(
    failure: str, reason: str, server: Server
) -> None:
    server.behaviour = failure
    with pytest.warns(UserWarning) as caught:
        extractor = ns.VGG19Features("auto")
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "ImageNet" in message and "compact network" in message and reason in message
    assert caught[0].filename == __file__
    assert extractor.weights == "compact"
    compact, _ = checkpoints.load_weights("compact")["block1_conv1"]
    kernel, _ = extractor.model.get_layer("block1_conv1").get_weights()
    np.testing.assert_array_equal(kernel, compact)
    assert len(server.requests) == 1


@pytest.mark.parametrize("behaviour", ["good", "not found"])
def test_a_download_prints_nothing(
    behaviour: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.behaviour = behaviour
    with contextlib.suppress(OSError):
        checkpoints.load_weights("imagenet")
    assert len(server.requests) == 1
    assert capsys.readouterr() == ("", "")


def test_the_compact_network_needs_no_server(server: Server) -> None:
    weights = checkpoints.load_weights("compact")
    assert weights["block5_conv1"][0].shape[-1] == 128
    assert server.requests == []
