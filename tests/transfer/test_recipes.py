"""Recipes: their settings, weights and styles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from painting import total
from support import says

import neuralstyle as ns
from neuralstyle import recipes
from neuralstyle.transfer.recipes import RECIPES


@pytest.mark.parametrize(
    ("make", "pooling", "maxiter", "min_size"),
    [
        (recipes.default, "max", (80, 60, 40, 20, 20, 10, 7), 64),
        (recipes.gatys2016, "avg", (500,), None),
        (recipes.neural_style, "max", (1000,), None),
        (recipes.keras_example, "max", (500,), None),
        (recipes.risser2017, "max", (300,), 128),
        (recipes.nnst, "max", (15, 25, 40, 40), 64),
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
    assert recipes.gatys2016().init == "content"
    assert recipes.keras_example().init == "content"
    assert recipes.risser2017().init == "noise"


FLAGS: list[tuple[Callable[..., ns.Recipe], str, set[str]]] = [
    (recipes.default, "content_weight", {"content"}),
    (recipes.default, "style_weight", {"covariance"}),
    (recipes.default, "color_weight", {"color"}),
    (recipes.default, "patch_weight", {"patches"}),
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


@pytest.mark.parametrize("name", RECIPES)
def test_a_keyword_that_a_recipe_has_not_is_refused_with_those_that_it_has(name: str) -> None:
    make = RECIPES[name]
    words = f"{name}: expected keywords among content_weight, "
    nearest = "received 'content_wieght'; the nearest are 'content_weight'"
    with says(TypeError, words, nearest):
        make(content_wieght=3)
    with says(TypeError, words, nearest):
        ns.stylize("a.png", "b.png", recipe=f"{name}(content_wieght=3)")
