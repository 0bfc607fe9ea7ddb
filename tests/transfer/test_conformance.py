"""Conformance of recipes: every one of `RECIPES` has these properties, and a further one will."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from painting import Scene, total
from support import noise, picture, value_and_gradient

import neuralstyle as ns
from neuralstyle import recipes
from neuralstyle.optimize.methods.methods import Method
from neuralstyle.transfer.recipes import RECIPES

Make = Callable[..., ns.Recipe]

QUICK = ("default", "gatys2016")
"""Recipes that are painted in the default run: the others are made of the same parts."""

every_recipe = pytest.mark.parametrize("make", RECIPES.values(), ids=RECIPES)
every_weight = pytest.mark.parametrize(
    ("make", "flag"),
    [
        pytest.param(make, flag, id=f"{name}-{flag}")
        for name, make in RECIPES.items()
        for flag in inspect.signature(make).parameters
        if flag.endswith("_weight") and (flag != "content_weight" or make().source is None)
    ],
)
"""Of terms: where matches are found for a mixture, the content's weight is its share in that."""

CONTENT, STYLE = picture(0, (36, 48)), picture(1, (40, 36), 15)


def weights(make: Make, scene: Scene, **flags: float) -> dict[str, float]:
    """Return the weights of the terms."""
    content, style, *_ = scene(make().pooling)
    return make(**flags)(content, style).weights


# What it is


@every_recipe
def test_a_recipe_is_called_as_the_function_that_makes_it(make: Make) -> None:
    recipe = make()
    assert isinstance(recipe, ns.Recipe)
    assert RECIPES[recipe.name] is make is getattr(recipes, recipe.name)


@every_recipe
def test_a_recipe_takes_keywords_that_its_documentation_names(make: Make) -> None:
    parameters = inspect.signature(make).parameters
    assert "content_weight" in parameters
    documented = inspect.getdoc(make) or ""
    for name, parameter in parameters.items():
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert parameter.default is not parameter.empty
        assert name in documented
        assert name.endswith(("_weight", "_layers")), "the command line knows these two kinds"


@every_recipe
def test_a_recipe_has_settings_that_run(make: Make) -> None:
    recipe = make()
    assert recipe.pooling in ("avg", "max")
    assert isinstance(recipe.method, Method)
    assert all(isinstance(count, int) and count > 0 for count in recipe.maxiter) and recipe.maxiter
    assert recipe.init in ("content", "style", "noise") or callable(recipe.init)
    assert recipe.min_size is None or recipe.min_size >= 32


@every_recipe
def test_the_librarys_recipes_run_by_its_own_lbfgs(make: Make) -> None:
    assert make().method == ns.LBFGS()


# Pictures


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, marks=() if name in QUICK else pytest.mark.slow, id=name)
        for name, make in RECIPES.items()
    ],
)
def test_a_recipe_paints_the_same_bits_by_its_name_and_better_than_it_began(make: Make) -> None:
    first = ns.stylize(CONTENT, STYLE, recipe=make(), maxiter=3)
    named = ns.stylize(CONTENT, STYLE, recipe=make.__name__, maxiter=3)
    np.testing.assert_array_equal(named.image, first.image)
    assert np.isfinite(first.image).all() and first.image.shape == CONTENT.shape
    assert np.isfinite(list(first.losses.values())).all()
    last = [record.fun for record in first.history if record.scale == first.history[-1].scale]
    assert last[-1] < last[0]
    assert first.settings["recipe"] == make.__name__
    assert first.settings["method"] == str(make().method)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, marks=() if name == "gatys2016" else pytest.mark.slow, id=name)
        for name, make in RECIPES.items()
    ],
)
def test_a_recipe_makes_textures_without_its_content_loss_alone(make: Make) -> None:
    named = ns.stylize(None, STYLE, recipe=make.__name__, maxiter=1)
    made = ns.stylize(None, STYLE, recipe=make(content_weight=0), maxiter=1)
    np.testing.assert_array_equal(named.image, made.image)
    assert named.image.shape == STYLE.shape and "content" not in named.losses
    with pytest.raises(ValueError, match="^content: expected an image for the recipe"):
        ns.stylize(None, STYLE, recipe=make(), maxiter=1)


# Terms


@every_recipe
def test_a_recipe_sees_styles_of_any_size(make: Make, vgg: ns.VGG16Features) -> None:
    content = vgg(CONTENT)
    for shape in ((40, 36), (32, 90)):
        result = make()(content, vgg(picture(1, shape)))(content)
        assert 0 < float(result) < np.inf


@every_weight
def test_a_weight_scales_its_terms_and_leaves_them_out_at_zero(
    make: Make, flag: str, scene: Scene
) -> None:
    without, once, thrice = (weights(make, scene, **{flag: weight}) for weight in (0, 1.0, 3.0))
    concerned = once.keys() - without.keys()
    assert concerned and thrice.keys() == once.keys() > without.keys()
    for name, weight in once.items():
        assert weight > 0
        factor = 3 if name in concerned else 1
        assert thrice[name] == pytest.approx(factor * weight, rel=1e-12)


@every_recipe
def test_two_styles_are_mixed_by_their_weights(make: Make, scene: Scene) -> None:
    content, first, second, generated = scene(make().pooling)
    flags = inspect.signature(make).parameters
    kept = {flag: 0.0 for flag in ("content_weight", "tv_weight") if flag in flags}
    styles_alone = [total(make(**kept), generated, content, style) for style in (first, second)]
    rest = total(make(), generated, content, first) - styles_alone[0]
    for given, shares in (
        (None, (0.5, 0.5)),
        ([1, 3], (0.25, 0.75)),
        ((0.2, 0.2), (0.5, 0.5)),
        (np.array([3.0, 1.0]), (0.75, 0.25)),
        ([0, 2], (0.0, 1.0)),
    ):
        mixed = total(make(), generated, content, first, second, style_weights=given)
        expected = rest + sum(s * alone for s, alone in zip(shares, styles_alone, strict=True))
        assert mixed == pytest.approx(expected, rel=1e-9)


@every_recipe
def test_a_picture_that_is_content_and_style_at_once_is_where_a_recipe_rests(
    make: Make, scene: Scene
) -> None:
    content, *_, generated = scene(make().pooling)
    options = {"tv_weight": 0.0} if "tv_weight" in inspect.signature(make).parameters else {}
    objective = make(**options)(content, content)
    at_rest, gradient = value_and_gradient(objective, content)
    elsewhere, slopes = value_and_gradient(objective, generated)
    assert 0 <= at_rest <= 1e-20 * elsewhere
    steepest = max(np.abs(slope).max() for slope in slopes.values())
    assert max(np.abs(slope).max() for slope in gradient.values()) <= 1e-9 * steepest


@every_recipe
def test_a_recipe_passes_masks_to_all_terms(make: Make, vgg: ns.VGG16Features) -> None:
    features = vgg(noise(64, 64, 0))
    mask = ns.Mask(np.tri(64, 64))
    terms = make().style(features, features, mask=mask, target_mask=mask)
    assert terms
    for objective in terms:
        for term in objective.terms:
            loss: Any = term.loss
            assert loss.mask is mask
            assert float(loss(features)) == pytest.approx(0, abs=1e-6)
            assert float(loss(vgg(noise(64, 64, 1)))) > 0
