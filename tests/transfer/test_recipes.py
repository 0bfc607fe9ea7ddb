"""Recipes: their settings, weights and styles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from painting import total
from support import Array, value_and_gradient

import neuralstyle as ns
from neuralstyle import recipes
from neuralstyle.transfer.recipes import RECIPES

every_recipe = pytest.mark.parametrize("make", RECIPES.values(), ids=lambda make: make.__name__)


@pytest.mark.parametrize(
    ("make", "pooling", "maxiter", "min_size"),
    [
        (recipes.default, "avg", (80, 60, 40, 30), 64),
        (recipes.gatys2016, "avg", (500,), None),
        (recipes.neural_style, "max", (1000,), None),
        (recipes.keras_example, "max", (500,), None),
        (recipes.risser2017, "max", (300,), 128),
    ],
)
def test_a_recipe_has_its_settings(
    make: Callable[[], ns.Recipe], pooling: str, maxiter: tuple[int, ...], min_size: int | None
) -> None:
    recipe = make()
    assert recipe.name == make.__name__
    assert (recipe.pooling, recipe.maxiter, recipe.min_size) == (pooling, maxiter, min_size)


def test_a_recipe_starts_where_its_source_does() -> None:
    assert recipes.default().init == "content"
    assert recipes.gatys2016().init == "noise"
    assert recipes.keras_example().init == "content"
    assert recipes.risser2017().init == "noise"


def test_recipes_are_known_by_name() -> None:
    assert {name: make() for name, make in RECIPES.items()}.keys() == {
        "default",
        "gatys2016",
        "neural_style",
        "keras_example",
        "risser2017",
    }
    for name, make in RECIPES.items():
        assert make is getattr(recipes, name)
        assert make().name == name


@every_recipe
def test_a_recipe_builds_through_the_network_at_styles_of_any_size(
    make: Callable[[], ns.Recipe], vgg: ns.VGG19Features, pictures: tuple[Array, Array]
) -> None:
    content, style = (vgg(picture) for picture in pictures)
    result = make()(content, style)(content)
    assert 0 < float(result) < np.inf


FLAGS: list[tuple[Callable[..., ns.Recipe], str, set[str]]] = [
    (recipes.default, "content_weight", {"content"}),
    (recipes.default, "style_weight", {"covariance", "sliced"}),
    (
        recipes.default,
        "patch_weight",
        {"sliced_patches", "sliced_patches_half", "sliced_patches_quarter"},
    ),
    (recipes.default, "color_weight", {"color", "color_histogram"}),
    (recipes.default, "tv_weight", {"total_variation"}),
    (recipes.gatys2016, "content_weight", {"content"}),
    (recipes.gatys2016, "style_weight", {"style"}),
    (recipes.neural_style, "content_weight", {"content"}),
    (recipes.neural_style, "style_weight", {"style"}),
    (recipes.neural_style, "tv_weight", {"total_variation"}),
    (recipes.keras_example, "content_weight", {"content"}),
    (recipes.keras_example, "style_weight", {"style"}),
    (recipes.keras_example, "tv_weight", {"total_variation"}),
    (recipes.risser2017, "content_weight", {"content"}),
    (recipes.risser2017, "style_weight", {"style", "histogram"}),
    (recipes.risser2017, "tv_weight", {"total_variation"}),
]


every_flag = pytest.mark.parametrize(("make", "flag", "concerned"), FLAGS)


def test_every_flag_of_every_recipe_is_tested() -> None:
    flags = {(make, flag) for make, flag, _ in FLAGS}
    for make in RECIPES.values():
        assert make.__kwdefaults__ is not None
        for flag in make.__kwdefaults__:
            assert (make, flag) in flags or flag.endswith("_layers")


@every_flag
def test_a_weight_scales_its_terms_and_no_others(
    make: Callable[..., ns.Recipe], flag: str, concerned: set[str], scene: Any
) -> None:
    content, style, *_ = scene(make().pooling)
    once = make(**{flag: 1.0})(content, style).weights
    thrice = make(**{flag: 3.0})(content, style).weights
    assert once.keys() == thrice.keys() >= concerned
    for name, weight in once.items():
        assert weight > 0
        factor = 3 if name in concerned else 1
        assert thrice[name] == pytest.approx(factor * weight, rel=1e-12)


@every_flag
def test_a_term_of_weight_zero_is_left_out(
    make: Callable[..., ns.Recipe], flag: str, concerned: set[str], scene: Any
) -> None:
    content, style, *_ = scene(make().pooling)
    some = make(**{flag: 1.0})(content, style).weights.keys()
    without = make(**{flag: 0})(content, style).weights.keys()
    assert without == some - concerned


def test_a_recipe_without_any_term_is_refused(scene: Any) -> None:
    content, style, *_ = scene("avg")
    with pytest.raises(ValueError, match="at least one loss"):
        recipes.gatys2016(content_weight=0, style_weight=0)(content, style)


@every_recipe
def test_two_styles_are_mixed_by_their_weights(make: Callable[..., ns.Recipe], scene: Any) -> None:
    content, first, second, generated = scene(make().pooling)
    kept = {flag: 0.0 for flag in make.__kwdefaults__ if flag in ("content_weight", "tv_weight")}
    styles_alone = [total(make(**kept), generated, content, style) for style in (first, second)]
    rest = total(make(), generated, content, first) - styles_alone[0]
    for weights, shares in (
        (None, (0.5, 0.5)),
        ([1, 3], (0.25, 0.75)),
        ((0.2, 0.2), (0.5, 0.5)),
        (np.array([3.0, 1.0]), (0.75, 0.25)),
        ([0, 2], (0.0, 1.0)),
    ):
        mixed = total(make(), generated, content, first, second, style_weights=weights)
        expected = rest + sum(s * alone for s, alone in zip(shares, styles_alone, strict=True))
        assert mixed == pytest.approx(expected, rel=1e-9)


def test_one_style_needs_no_weight_and_any_positive_one_is_the_same(scene: Any) -> None:
    content, style, _, generated = scene("avg")
    recipe = recipes.gatys2016()
    assert total(recipe, generated, content, style, style_weights=[7.0]) == total(
        recipe, generated, content, style
    )


def test_a_recipe_without_a_style_is_refused(scene: Any) -> None:
    content, *_ = scene("avg")
    with pytest.raises(ValueError, match="styles: expected .* at least one style, received none"):
        recipes.default()(content)


@pytest.mark.parametrize(
    ("weights", "error", "received"),
    [
        ([1.0], ValueError, "received 1"),
        ([1.0, 2.0, 3.0], ValueError, "received 3"),
        ([], ValueError, "received 0"),
        ([1.0, -1.0], ValueError, "received .*-1.0"),
        ([0.0, 0.0], ValueError, "received .*0.0, 0.0"),
        ([1.0, float("nan")], ValueError, "received .*nan"),
        ([float("inf"), 1.0], ValueError, "received .*inf"),
        (0.5, TypeError, "received 0.5"),
        (["a", "b"], TypeError, "received .*'a'"),
        ("12", TypeError, "received '12'"),
        ([None, 1.0], TypeError, "received .*None"),
        ([True, False], TypeError, "received .*True"),
    ],
    ids=repr,
)
def test_weights_of_styles_of_another_form_are_an_error(
    weights: Any, error: type[Exception], received: str, scene: Any
) -> None:
    content, first, second, _ = scene("avg")
    with pytest.raises(error, match=f"^style_weights: expected .*{received}"):
        recipes.gatys2016()(content, first, second, style_weights=weights)


@every_recipe
def test_a_picture_that_is_content_and_style_at_once_is_where_a_recipe_rests(
    make: Callable[..., ns.Recipe], scene: Any
) -> None:
    content, *_, generated = scene(make().pooling)
    options = {"tv_weight": 0.0} if "tv_weight" in make.__kwdefaults__ else {}
    objective = make(**options)(content, content)
    at_rest, gradient = value_and_gradient(objective, content)
    elsewhere, slopes = value_and_gradient(objective, generated)
    assert 0 <= at_rest <= 1e-20 * elsewhere
    steepest = max(np.abs(slope).max() for slope in slopes.values())
    assert max(np.abs(slope).max() for slope in gradient.values()) <= 1e-9 * steepest
