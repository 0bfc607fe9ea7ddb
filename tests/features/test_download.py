"""The ImageNet weights: found in Keras' cache, or downloaded into it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.server
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support import NARROW, assert_same_weights
from weight_files import write_notop

import neuralstyle as ns
from neuralstyle.features.architectures import NETWORKS, VGG16, VGG19, Architecture, Weights
from neuralstyle.features.vgg import download
from neuralstyle.features.vgg import weights as sources
from neuralstyle.features.vgg.plain import random_weights


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
        name = VGG19.imagenet_url.rpartition("/")[2]
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    @property
    def network(self) -> Architecture:
        """VGG19 as it would be if Keras' weights lay here."""
        md5 = hashlib.md5(self.payload).hexdigest()
        return dataclasses.replace(VGG19, imagenet_url=self.url, imagenet_md5=md5)

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
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, narrow: Weights) -> Iterator[Server]:
    """A server of a narrow network's weights in the place of Keras', with an empty cache."""
    source = tmp_path / "source.h5"
    write_notop(source, narrow)
    server = Server(source.read_bytes())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setattr(ns.VGG19Features, "architecture", server.network)
    monkeypatch.setattr(download, "_STALL_SECONDS", 0.5)
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


def assert_helpful(error: OSError, cached: Path, network: Architecture) -> None:
    message = str(error)
    assert repr(str(cached)) in message
    assert network.imagenet_url in message
    assert "put it there" in message
    assert 'weights="compact"' in message


FAILURES = ["not found", "silent", "wrong", "short", "stalls", "trickles"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_addresses_are_those_of_keras_own_networks(name: str) -> None:
    # The module that defines them is private to Keras; its text is not hard to find.
    source = Path(keras.__file__ or "").parent / "src" / "applications" / f"{name}.py"
    joined = re.sub(r'"\s*\n\s*"', "", source.read_text())
    network = NETWORKS[name]
    assert network.imagenet_url in joined
    assert network.imagenet_md5 in joined
    assert network.imagenet_url.rpartition("/")[2] in source.read_text()


def test_imagenet_weights_are_downloaded_into_keras_cache_and_used(
    server: Server, cached: Path, narrow: Weights
) -> None:
    assert_same_weights(sources.load_weights(server.network, "imagenet"), narrow)
    assert cached.read_bytes() == server.payload
    assert server.requests == [f"/{cached.name}"]
    assert list(cached.parent.iterdir()) == [cached]


def test_imagenet_is_what_an_extractor_takes_by_default(server: Server, narrow: Weights) -> None:
    kernel, _ = ns.VGG19Features().model.get_layer("block2_conv1").get_weights()
    np.testing.assert_array_equal(kernel, narrow["block2_conv1"][0])
    assert len(server.requests) == 1


def test_the_second_time_the_server_is_not_asked(
    server: Server, cached: Path, narrow: Weights
) -> None:
    sources.load_weights(server.network, "imagenet")
    server.behaviour = "not found"
    assert_same_weights(sources.load_weights(server.network, "imagenet"), narrow)
    assert len(server.requests) == 1


def test_the_checksum_of_a_file_is_computed_once_for_as_long_as_it_stays_the_same(
    server: Server, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources.load_weights(server.network, "imagenet")
    read: list[int] = []
    md5 = download._md5
    monkeypatch.setattr(download, "_md5", lambda data: read.append(len(data)) or md5(data))
    for _ in range(3):
        sources.load_weights(server.network, "imagenet")
    assert read == [len(server.payload)]
    cached.write_bytes(server.payload[::-1])  # of the same size
    os.utime(cached, ns=(0, 0))
    sources.load_weights(server.network, "imagenet")
    assert cached.read_bytes() == server.payload
    assert len(server.requests) == 2


def test_threads_that_want_the_same_weights_download_them_once(
    server: Server, cached: Path, narrow: Weights
) -> None:
    with ThreadPoolExecutor(8) as pool:
        loads = [pool.submit(sources.load_weights, server.network, "imagenet") for _ in range(8)]
    for load in loads:
        assert_same_weights(load.result(), narrow)
    assert len(server.requests) == 1
    assert list(cached.parent.iterdir()) == [cached]


def test_vgg16_has_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = random_weights(VGG16, widths=NARROW)
    path = tmp_path / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    path.parent.mkdir()
    write_notop(path, weights)
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    network = dataclasses.replace(VGG16, imagenet_md5=md5)
    monkeypatch.setattr(ns.VGG16Features, "architecture", network)
    kernel, _ = ns.VGG16Features("imagenet").model.get_layer("block5_conv3").get_weights()
    np.testing.assert_array_equal(kernel, weights["block5_conv3"][0])


def test_a_file_put_into_the_cache_by_hand_is_used(
    server: Server, cached: Path, narrow: Weights
) -> None:
    cached.parent.mkdir(parents=True)
    cached.write_bytes(server.payload)
    assert_same_weights(sources.load_weights(server.network, "imagenet"), narrow)
    assert server.requests == []


def test_a_damaged_file_in_the_cache_is_downloaded_again(
    server: Server, cached: Path, narrow: Weights
) -> None:
    cached.parent.mkdir(parents=True)
    cached.write_bytes(server.payload[:1000])
    assert_same_weights(sources.load_weights(server.network, "imagenet"), narrow)
    assert cached.read_bytes() == server.payload
    assert list(cached.parent.iterdir()) == [cached]


def test_a_damaged_file_that_cannot_be_replaced_is_called_damaged(
    server: Server, cached: Path
) -> None:
    server.behaviour = "not found"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"half a file")
    with pytest.raises(OSError, match="is damaged") as caught:
        sources.load_weights(server.network, "imagenet")
    assert_helpful(caught.value, cached, server.network)
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
    assert_helpful(caught.value, cached, server.network)
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
        sources.load_weights(server.network, "imagenet")


def test_a_download_can_succeed_after_one_that_failed(server: Server, narrow: Weights) -> None:
    server.behaviour = "short"
    with pytest.raises(OSError):
        sources.load_weights(server.network, "imagenet")
    server.behaviour = "good"
    assert_same_weights(sources.load_weights(server.network, "imagenet"), narrow)


def test_a_refused_connection_says_what_to_do(server: Server, cached: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/{cached.name}"
        network = dataclasses.replace(VGG19, imagenet_url=address)
        with pytest.raises(OSError, match="refused") as caught:
            sources.load_weights(network, "imagenet")
    assert_helpful(caught.value, cached, network)
    assert list(cached.parent.iterdir()) == []


def test_a_cache_that_cannot_be_written_to_says_what_to_do(
    server: Server, cached: Path, tmp_path: Path
) -> None:
    (tmp_path / "keras").write_text("a file where the folder should be")
    with pytest.raises(OSError) as caught:
        sources.load_weights(server.network, "imagenet")
    assert_helpful(caught.value, cached, server.network)


@pytest.mark.parametrize("behaviour", ["good", "not found"])
def test_a_download_prints_nothing(
    behaviour: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.behaviour = behaviour
    with contextlib.suppress(OSError):
        sources.load_weights(server.network, "imagenet")
    assert len(server.requests) == 1
    assert capsys.readouterr() == ("", "")


def test_a_download_is_logged(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="neuralstyle"):
        sources.load_weights(server.network, "imagenet")
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert server.url in caplog.text


def test_the_compact_network_needs_no_server(server: Server) -> None:
    assert sources.load_weights(VGG16, "compact").keys() == set(VGG16.convolutions)
    assert server.requests == []
