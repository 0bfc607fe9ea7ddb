"""The table of networks: that it is one place, and what its layers see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import neuralstyle as ns
from neuralstyle.features.architectures import NETWORKS, VGG19, Architecture
from neuralstyle.features.vgg import vgg
from neuralstyle.features.vgg.plain import build
from neuralstyle.features.vgg.weights import DATA

ROOT = Path(__file__).parents[2]


def test_the_table_is_read_without_keras() -> None:
    code = (
        "import sys; import neuralstyle.features.architectures as a; a.NETWORKS;"
        "sys.exit(', '.join(m for m in ('tensorflow', 'keras') if m in sys.modules) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_of_the_table_has_a_public_extractor(name: str) -> None:
    kind = f"{NETWORKS[name].name}Features"
    assert hasattr(vgg, kind), f"write a class {kind} in neuralstyle/features/vgg/vgg.py"
    assert getattr(vgg, kind).architecture is NETWORKS[name]
    assert kind in ns.__all__, f"put {kind} into neuralstyle/__init__.pyi"


@pytest.mark.parametrize("name", NETWORKS)
def test_a_slim_network_that_the_table_names_is_in_the_package(name: str) -> None:
    compact = NETWORKS[name].compact
    assert compact is None or (DATA / compact).is_file()


def test_fields_grow_from_layer_to_layer_as_they_do_on_paper() -> None:
    expected = {
        "input": (0, 1, 1),
        "block1_conv1": (-1, 3, 1),
        "block1_conv2": (-2, 5, 1),
        "block1_pool": (-2, 6, 2),
        "relu2_1": (-4, 10, 2),
        "pool2": (-6, 16, 4),
        "conv3_1": (-10, 24, 4),
    }
    for network in NETWORKS.values():
        assert {layer: network.receptive_field(layer) for layer in expected} == expected
    assert VGG19.receptive_field("conv5_1")[1:] == (156, 16)
    with pytest.raises(KeyError, match="no layer 'conv6_1' in VGG19"):
        VGG19.receptive_field("conv6_1")


@pytest.fixture(scope="module", params=NETWORKS)
def positive(request: pytest.FixtureRequest) -> tuple[Architecture, Any]:
    """A network in which no ReLU hides a pixel and no pooling chooses one."""
    network = NETWORKS[request.param]
    weights = {
        name: (
            np.full((3, 3, 3 if name == "block1_conv1" else 1, 1), 1 / 9, np.float32),
            np.ones(1, np.float32),
        )
        for name in network.convolutions
    }
    return network, build(network, weights, "avg", "float64")


def test_receptive_fields_are_where_the_gradient_of_a_unit_is(
    positive: tuple[Architecture, Any],
) -> None:
    network, model = positive
    size = 192
    strip = tf.random.stateless_uniform((1, 33, size, 3), (0, 1), dtype=tf.float64)
    for layer in network.layers:
        if layer.startswith("block5") and not layer.endswith(("conv1", "pool")):
            continue  # further ones see still more of the same strip
        start, length, step = network.receptive_field(layer)
        unit = size // step // 2
        with tf.GradientTape() as tape:
            tape.watch(strip)
            tensor = strip
            for name in network.layers[: network.layers.index(layer) + 1]:
                tensor = model.get_layer(name)(tensor)
            value = tf.reduce_sum(tensor[:, :, unit])
        seen = np.flatnonzero(np.any(tape.gradient(value, strip)[0], axis=(0, 2)))
        first = start + unit * step
        expected = (max(first, 0), min(first + length, size) - 1)
        assert (seen[0], seen[-1]) == expected, layer
