"""Recipes for normalised networks: through which network they look."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
from painting import STYLE, Runs
from support import NARROW, noise
from weight_files import archive

import neuralstyle as ns
from neuralstyle.features.architectures import VGG16, Weights
from neuralstyle.features.vgg.normalization import mean_activations
from neuralstyle.features.vgg.plain import random_weights
from neuralstyle.transfer.network import load_network

CONTENT = noise(32, 40)

SHALLOW = ns.Recipe(
    "shallow",
    content=lambda seen: [1.0 * ns.ContentLoss(seen, "block1_conv2")],
    style=lambda seen, style, **masks: [1.0 * ns.StyleLoss(style, "block1_conv2", **masks)],
    pooling="avg",
    init="noise",
    normalized=True,
)
"""What compiles quickly."""


@pytest.fixture(scope="module")
def weights() -> Weights:
    return random_weights(VGG16, 3, "avg", NARROW, 64)


@pytest.fixture
def untabled(weights: Weights, tmp_path: Path) -> Path:
    """A network without a table."""
    np.savez(tmp_path / "untabled.npz", **archive(weights))
    return tmp_path / "untabled.npz"


@pytest.fixture
def tabled(weights: Weights, tmp_path: Path) -> Path:
    """The network with a table for average pooling."""
    means = mean_activations(VGG16, weights, [noise(64, 64, 7)], "avg")
    tables = {f"{name}/mean_avg": mean for name, mean in means.items()}
    np.savez(tmp_path / "tabled.npz", **archive(weights), **tables)
    return tmp_path / "tabled.npz"


def digests(runs: Runs) -> list[str]:
    """Return which networks were looked through."""
    return [call.extractor.digest for call in runs]


def test_a_network_with_a_table_is_normalised_by_it_and_kept(
    tabled: Path, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    for style in (STYLE, noise(24, 24, 3)):
        with caplog.at_level(logging.INFO):
            result = ns.stylize(CONTENT, style, network=tabled, recipe="gatys2016", maxiter=1)
    assert result.settings["extractor"].endswith(".normalized()")
    expected = ns.VGG16Features(tabled, "avg", padding="reflect").normalized().digest
    assert digests(runs) == [expected, expected]
    assert runs[0].extractor is runs[1].extractor
    assert "measured" not in caplog.text


def test_without_a_table_it_is_measured_over_content_and_styles_as_they_are_seen(
    untabled: Path, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        result = ns.stylize(
            CONTENT, [STYLE, CONTENT[::-1]], network=untabled, recipe=SHALLOW, maxiter=1
        )
    (line,) = (record for record in caplog.records if "measured" in record.message)
    assert line.levelname == "INFO" and line.name == "neuralstyle.transfer.painter"
    assert "shallow" in line.message
    assert result.settings["extractor"].endswith(".normalized(images)")
    network = ns.VGG16Features(untabled, "avg", padding="reflect")
    expected = network.normalized([CONTENT, STYLE, CONTENT[::-1]])
    larger, painting = noise(48, 60), noise(64, 64, 2)
    ns.stylize(larger, painting, network=untabled, recipe=SHALLOW, maxiter=1, size=40)
    looked = [ns.resize(larger, (32, 40)), ns.resize(painting, (40, 40))]
    assert digests(runs) == [expected.digest, network.normalized(looked).digest]


def test_of_many_contents_each_is_painted_as_if_alone(untabled: Path, runs: Runs) -> None:
    contents = [CONTENT, noise(32, 40, 5)]
    options = {"network": untabled, "recipe": SHALLOW, "maxiter": 2}
    together = [one.image for one in ns.stylize_many(contents, STYLE, **options)]
    alone = [ns.stylize(content, STYLE, **options).image for content in contents]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one, other)
    first, second, *again = digests(runs)
    assert first != second and again == [first, second]


def test_textures_and_regions_are_measured_over_their_styles(untabled: Path, runs: Runs) -> None:
    network = ns.VGG16Features(untabled, "avg", padding="reflect")
    texture = dataclasses.replace(SHALLOW, content=lambda seen: [])
    ns.stylize(None, CONTENT, network=untabled, recipe=texture, maxiter=1)
    region = ns.Region(np.ones((32, 40)), CONTENT[:, ::-1])
    ns.stylize(CONTENT, [], network=untabled, recipe=SHALLOW, regions=[region], maxiter=1)
    expected = [network.normalized(CONTENT), network.normalized([CONTENT, CONTENT[:, ::-1]])]
    assert digests(runs) == [one.digest for one in expected]


def test_shares_are_balanced_through_the_normalised_network(untabled: Path, runs: Runs) -> None:
    options = {"network": untabled, "recipe": SHALLOW, "maxiter": 1}
    ns.stylize(CONTENT, STYLE, balance={"content": 1, "style": 1}, **options)
    (call,) = runs
    norms = ns.gradient_norms(call.objective, call.extractor, call.start)
    pulls = {name: weight * norms[name] for name, weight in call.objective.weights.items()}
    assert pulls["content"] == pytest.approx(pulls["style"], rel=1e-4)


def test_an_extractor_is_taken_as_it_is(untabled: Path, tabled: Path, runs: Runs) -> None:
    for network in (ns.VGG16Features(untabled, "avg"), ns.VGG16Features(tabled, "avg")):
        ns.stylize(CONTENT, STYLE, network=network, recipe=SHALLOW, maxiter=1)
        assert runs[-1].extractor is network


def test_other_recipes_look_through_the_network_itself(tabled: Path, runs: Runs) -> None:
    plain = dataclasses.replace(SHALLOW, normalized=False)
    ns.stylize(CONTENT, STYLE, network=tabled, recipe=plain, maxiter=1)
    assert digests(runs) == [ns.VGG16Features(tabled, "avg", padding="reflect").digest]
    assert load_network(tabled, "avg") is not load_network(tabled, "avg", normalized=True)


def test_only_the_source_with_the_normalised_network_asks_for_it() -> None:
    made = {name: make() for name, make in ns.recipes.RECIPES.items()}
    assert [name for name, recipe in made.items() if recipe.normalized] == ["gatys2016"]
