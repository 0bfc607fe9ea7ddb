"""The slim network that comes with the package: of which form it is, whatever its numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support import picture

import neuralstyle as ns
from neuralstyle.features.architectures import VGG16
from neuralstyle.features.vgg import weights as sources


def test_the_compact_network_comes_with_the_package() -> None:
    weights = sources.load_weights(VGG16, "compact")
    assert tuple(weights) == VGG16.convolutions
    for name, (kernel, bias) in weights.items():
        block = int(name[len("block")]) - 1
        assert kernel.shape[-1] == len(bias) <= VGG16.widths[block]


def test_the_compact_network_is_a_choice_of_the_wide_ones_channels() -> None:
    with np.load(sources.DATA / str(VGG16.compact), allow_pickle=False) as file:
        for name in VGG16.convolutions:
            channels, width = file[f"{name}/channels"], VGG16.widths[int(name[len("block")]) - 1]
            assert len(channels) == len(file[f"{name}/bias"])
            assert np.all(np.diff(channels) > 0) and channels[0] >= 0 and channels[-1] < width


def test_the_compact_networks_activations_have_the_sizes_of_imagenets() -> None:
    # On photographs VGG16's have means of tens to hundreds; those of a network normalised to 1, or
    # of one that takes pixels in [0, 1], are far below.
    features = ns.VGG16Features("compact")(picture(0, (64, 64)))
    for layer in ("conv1_1", "conv2_1", "conv3_1", "conv4_1"):
        assert 10 < float(np.mean(features[layer])) < 2000, layer


def test_the_page_has_the_errors_of_the_networks_card() -> None:
    card = (sources.DATA / str(VGG16.compact)).with_suffix(".md").read_text()
    page = (Path(__file__).parents[2] / "docs" / "slimming.md").read_text()
    rows = [line for line in card.splitlines() if line.startswith("| block")]
    assert len(rows) == len(VGG16.convolutions)
    for row in rows:
        name = row.split()[1]
        assert row.replace(name, f"`{name}`") in page
