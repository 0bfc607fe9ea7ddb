"""Scores: what photograph, painting and what lies between them get."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import noise, picture

import neuralstyle as ns
from neuralstyle.transfer.score import ratio

SIDE = 80


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A smooth photograph and a grainy painting."""
    content = picture(0, (SIDE, 100), 6)
    style = 0.7 * picture(1, (90, 120), 30) + 0.3 * noise(90, 120, 2)
    return content.astype(np.float32), style.astype(np.float32)


def test_a_ratio_without_anything_to_measure_by_is_no_number() -> None:
    same = np.ones(3)
    assert math.isnan(ratio(2 * same, same, same))


def test_the_photograph_has_one_in_every_number(pair: tuple[np.ndarray, np.ndarray]) -> None:
    content, style = pair
    found = ns.score(content, content, style)
    assert (found.style, found.texture, found.color) == (1.0, 1.0, 1.0)
    assert found.content == pytest.approx(1.0, abs=1e-9)
    assert found.features is None


def test_the_painting_has_zero_of_the_distances(pair: tuple[np.ndarray, np.ndarray]) -> None:
    content, _ = pair
    style = noise(*content.shape[:2], seed=5)
    found = ns.score(style, content, style)
    assert (found.style, found.texture, found.color) == (0.0, 0.0, 0.0)
    assert found.content < 0.5


def test_half_of_a_shift_is_half_of_the_style_and_no_texture() -> None:
    content = 0.6 * picture(0, (SIDE, SIDE), 6)
    shift = np.array([0.2, 0.1, 0.3], np.float32)
    found = ns.score(content + shift / 2, content, content + shift)
    assert found.style == pytest.approx(0.5, abs=1e-4)
    assert found.content == pytest.approx(1.0, abs=1e-4)
    assert math.isnan(found.texture)


def test_numbers_follow_a_blend_all_the_way(pair: tuple[np.ndarray, np.ndarray]) -> None:
    content, style = pair
    goal = ns.resize(style, content.shape[:2])
    blends = [content + share * (goal - content) for share in (0, 0.25, 0.5, 0.75, 1)]
    found = [ns.score(blend, content, style) for blend in blends]
    for name in ("style", "texture", "content", "color"):
        values = [getattr(of, name) for of in found]
        assert values == sorted(values, reverse=True), name


def test_a_palette_alone_brings_style_and_color_but_no_texture(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    content, style = pair
    found = ns.score(ns.color.match_color(content, style), content, style)
    assert found.color < found.style < 0.6
    assert found.texture > 0.8


def test_blur_costs_structure(pair: tuple[np.ndarray, np.ndarray]) -> None:
    sharp = noise(SIDE, SIDE)
    blurred = ns.resize(ns.resize(sharp, (SIDE // 2, SIDE // 2)), (SIDE, SIDE))
    assert ns.score(blurred, sharp, pair[1]).content < 0.9


def test_the_same_pictures_have_the_same_numbers(pair: tuple[np.ndarray, np.ndarray]) -> None:
    content, style = pair
    blend = 0.5 * content + 0.2
    assert ns.score(blend, content, style) == ns.score(blend, content, style)


# Sizes


def test_all_are_compared_at_the_smaller_size_unless_told(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    content, style = pair
    small = ns.resize(content, (40, 50))
    assert ns.score(small, content, style).size == (40, 50)
    assert ns.score(content, small, style).size == (40, 50)
    assert ns.score(content, content, style, size=60).size == (48, 60)
    assert ns.score(small, content, style) == ns.score(small, small, style)


def test_the_painting_is_scaled_as_stylize_scales_it(pair: tuple[np.ndarray, np.ndarray]) -> None:
    content, style = pair
    # 90 x 120, beside a content whose longer side is 100.
    scaled = ns.resize(style, (38, 50))
    assert ns.score(content, content, style, style_scale=0.5).style == 1.0
    assert ns.score(scaled, content, style, size=50, style_scale=1.0).style < 0.1
    found = ns.score(0.9 * content, content, style, style_scale=0.5)
    assert found == ns.score(0.9 * content, content, scaled)


def test_small_pictures_have_fewer_octaves(pair: tuple[np.ndarray, np.ndarray]) -> None:
    content, style = pair
    assert 0 < ns.score(0.5 * content[:6, :8], content[:6, :8], style).style
    with pytest.raises(ValueError, match=r"picture: expected at least 5 x 5 .* received 8 x 4"):
        ns.score(content[:4, :8], content[:4, :8], style)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"picture": noise(4, 8)}, "picture: expected at least 5 x 5 .* received 8 x 4$"),
        ({"content": noise(4, 8)}, "content: expected at least 5 x 5 .* received 8 x 4$"),
        ({"style": noise(4, 8)}, "style: expected at least 5 x 5 .* received 8 x 4$"),
        ({"size": 4}, "picture: expected .* received 4 x 3, reduced from 20 x 16$"),
    ],
)
def test_a_picture_without_a_patch_is_called_what_it_is(given: dict[str, Any], told: str) -> None:
    pictures = {name: noise(16, 20, k) for k, name in enumerate(("picture", "content", "style"))}
    with pytest.raises(ValueError, match=f"^{told}"):
        ns.score(**(pictures | given))


# Features


def test_features_are_compared_where_a_network_is_given(
    pair: tuple[np.ndarray, np.ndarray], vgg: ns.VGG16Features
) -> None:
    content, style = pair
    goal = ns.resize(style, content.shape[:2])
    done = [
        ns.score(content + share * (goal - content), content, style, network=vgg).features
        for share in (0.0, 0.5, 1.0)
    ]
    assert done[0] == 1.0
    assert done[0] > done[1] > done[2]


def test_features_are_the_mean_of_the_layers_by_weight(
    pair: tuple[np.ndarray, np.ndarray], vgg: ns.VGG16Features
) -> None:
    content, style = pair

    def of(layers: Any) -> float:
        found = ns.score(0.7 * content, content, style, network=vgg, layers=layers)
        assert found.features is not None
        return found.features

    first, second = of("block1_conv1"), of("block3_conv1")
    both = of({"block1_conv1": 3.0, "block3_conv1": 1.0})
    assert both == pytest.approx(0.75 * first + 0.25 * second, rel=1e-5)


def test_what_is_transparent_is_laid_on_white(
    pair: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    pictures = [pair[0], 0.8 * pair[0], pair[1]]
    opacity = np.linspace(0.2, 1, pair[0].shape[1])[None, :, None]
    rgba = [
        np.dstack([of, np.broadcast_to(opacity, (*of.shape[:2], 1))])
        for of in (ns.resize(one, pair[0].shape[:2]) for one in pictures)
    ]
    laid = ns.score(*[1 - of[..., 3:] * (1 - of[..., :3]) for of in rgba])
    assert dataclasses.astuple(ns.score(*rgba))[:4] == pytest.approx(
        dataclasses.astuple(laid)[:4], rel=1e-5
    )
    files = [tmp_path / f"{k}.png" for k in range(3)]
    for file, of in zip(files, rgba, strict=True):
        Image.fromarray(np.round(255 * of).astype(np.uint8)).save(file)
    assert dataclasses.astuple(ns.score(*files))[:4] == pytest.approx(
        dataclasses.astuple(laid)[:4], abs=0.01
    )


# What it says


def test_the_text_is_a_table_of_what_was_measured(pair: tuple[np.ndarray, np.ndarray]) -> None:
    content, style = pair
    found = ns.score(0.5 * content, content, style)
    lines = str(found).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["style", "texture", "content", "color"]
    assert lines[1].split()[1:3] == [f"{found.style:.3f}", "1"]
    assert "features" in str(dataclasses.replace(found, features=0.5))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"picture": np.zeros((9, 9))}, "picture: "),
        ({"content": np.full((9, 9, 3), 2.0)}, "content: "),
        ({"style": "painting.jpg"}, "style: "),
        ({"size": 0}, "size: "),
        ({"style_scale": 0}, "style_scale: "),
        ({"network": "vgg11"}, "network: "),
        ({"network": "compact", "layers": []}, "layers: "),
        ({"layers": "block1_conv1"}, "layers: expected None without a network, received "),
        ({"network": "compact", "size": 12}, "content: expected at least 16 x 16 pixels for layer"),
        (
            {"network": "compact", "style": np.eye(12)[..., None].repeat(3, axis=2)},
            "style: expected at least 16 x 16 pixels for layer",
        ),
        (
            {"network": "compact", "layers": {"block1_conv1": 0}},
            "layers: expected a weight above 0",
        ),
    ],
)
def test_errors_name_the_argument(
    changed: dict[str, Any], error: str, pair: tuple[np.ndarray, np.ndarray]
) -> None:
    given = {"picture": pair[0], "content": pair[0], "style": pair[1], **changed}
    with pytest.raises((TypeError, ValueError, OSError)) as raised:
        ns.score(**given)
    assert str(raised.value).startswith(error)


def test_the_photograph_is_no_painting(pair: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"^style: expected a painting other than the content"):
        ns.score(pair[1], pair[0], pair[0])


def test_without_a_network_there_is_no_keras() -> None:
    program = (
        "import sys; import numpy as np; import neuralstyle as ns;"
        "a, b = np.random.default_rng(0).uniform(size=(2, 20, 20, 3)); ns.score(a, a, b);"
        "sys.exit(', '.join({'tensorflow', 'keras'} & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
