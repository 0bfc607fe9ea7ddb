"""Textures: pictures of a style alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from painting import QUICK, SHALLOW, STYLE, Noted, Runs, Shape, of_pixels, shallow, white_noise
from support import noise

import neuralstyle as ns
from neuralstyle import recipes


def test_a_texture_starts_from_noise_at_the_size_of_the_style(runs: Runs) -> None:
    factory = Noted()
    result = ns.stylize(None, STYLE, seed=4, **{**QUICK, "objective": factory})
    assert result.image.shape == STYLE.shape
    np.testing.assert_array_equal(runs[0].start, white_noise(STYLE.shape[:2], 4))
    assert result.settings["init"] == "noise"
    assert factory.shapes == [[None, STYLE.shape[:2]]]
    assert "content" not in result.losses
    assert result.history[-1].fun < result.history[0].fun


@pytest.mark.parametrize(("size", "shape"), [(48, (48, 40)), ((40, 64), (40, 64))])
def test_a_texture_may_have_any_size(size: Any, shape: Shape) -> None:
    result = ns.stylize(None, [STYLE, noise(99, 99)], size=size, **QUICK)
    assert result.image.shape == (*shape, 3)


def test_a_texture_is_painted_from_coarse_to_fine(runs: Runs) -> None:
    factory = Noted()
    ns.stylize(None, noise(64, 64), scales=2, **{**QUICK, "objective": factory})
    assert factory.shapes == [[None, (32, 32)], [None, (64, 64)]]
    assert [run.start.shape for run in runs] == [(32, 32, 3), (64, 64, 3)]


def test_the_default_texture_is_the_default_recipe_without_its_content_loss(
    vgg: ns.VGG16Features, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(recipes.RECIPES, "default", shallow)
    options: dict[str, Any] = {"network": vgg, "maxiter": 1, "size": 32}
    result = ns.stylize(None, STYLE, **options)
    assert result.settings["recipe"] == "default"
    assert "content" not in result.losses and "covariance" in result.losses
    expected = ns.stylize(None, STYLE, recipe=shallow(content_weight=0), **options)
    np.testing.assert_array_equal(result.image, expected.image)
    np.testing.assert_array_equal(runs[0].start, white_noise(result.image.shape[:2]))


@pytest.mark.parametrize("recipe", [SHALLOW, recipes.gatys2016(), of_pixels([])])
def test_a_recipe_with_a_content_loss_makes_no_texture(
    recipe: recipes.Recipe, vgg: ns.VGG16Features
) -> None:
    message = f"^content: expected an image for the recipe {recipe.name}, received None; .*weight=0"
    with pytest.raises(ValueError, match=message):
        ns.stylize(None, STYLE, recipe=recipe, network=vgg, maxiter=1)


@pytest.mark.parametrize("init", ["content", {"content": 1, "noise": 1}])
def test_a_texture_does_not_start_from_the_content(init: Any) -> None:
    with pytest.raises(ValueError, match="^init: .*that there is, received 'content'"):
        ns.stylize(None, STYLE, init=init, **QUICK)


@pytest.mark.parametrize("init", ["style", noise(20, 20, 3), {"style": 1, "noise": 1}])
def test_a_texture_may_start_from_anything_else(init: Any, runs: Runs) -> None:
    ns.stylize(None, STYLE, init=init, **QUICK)
    if isinstance(init, str):
        np.testing.assert_array_equal(runs[0].start, STYLE)
    elif isinstance(init, dict):
        np.testing.assert_allclose(runs[0].start, (STYLE + white_noise((36, 30))) / 2, atol=1e-6)
    else:
        np.testing.assert_array_equal(runs[0].start, ns.resize(init, (36, 30)))


def test_without_content_and_style_there_has_to_be_a_size() -> None:
    message = r"^size: expected \(height, width\) where there is neither content nor style"
    for size in (None, 48):
        with pytest.raises(ValueError, match=message):
            ns.stylize(None, [], size=size, **QUICK)
    assert ns.stylize(None, [], size=(32, 48), **QUICK).image.shape == (32, 48, 3)
