"""A recipe with more terms is a recipe."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painting import of_pixels, quick
from support import half_mask, noise, pixels, says

import neuralstyle as ns

GRAIN = ns.TotalVariationLoss(name="grain")
ON_PIXELS: dict[str, Any] = {
    "content_layers": "input",
    "style_layers": "input",
    "color_weight": 0,
    "patch_weight": 0,
}
FEATURES = pixels(noise(8, 6)[None]), pixels(noise(8, 6, seed=1)[None])


def moments(content: Any, style: Any, **masks: Any) -> ns.Loss:
    return ns.MomentLoss(style, "input", **masks)


def test_terms_are_added_to_what_a_recipe_makes_and_it_stays_as_it_is() -> None:
    plain = of_pixels([])
    more = plain + 2 * GRAIN + moments + (lambda content, style: 3 * ns.ContentLoss(style, "input"))
    assert isinstance(more, ns.Recipe)
    assert more.name == "pixels + grain + moments + function"
    assert more(*FEATURES).weights == {
        "content": 1,
        "grain": 2,
        "covariance": 1,
        "moment": 1,
        "content_1": 3,
    }
    assert list(plain(*FEATURES)) == ["content", "covariance"]
    assert plain.added == ()


def test_what_is_made_for_a_style_is_weighed_by_its_share() -> None:
    content, style = FEATURES
    objective = (of_pixels([]) + moments)(content, style, content, style_weights=[3, 1])
    assert objective.weights == {
        "content": 1,
        "covariance": 0.75,
        "moment": 0.75,
        "covariance_1": 0.25,
        "moment_1": 0.25,
    }


def test_functions_are_called_at_each_scale_and_stage_for_each_style() -> None:
    seen = []

    def mine(content: Any, style: Any) -> ns.Loss:
        seen.append((content["input"].shape[1:3], style["input"].shape[1:3]))
        return ns.CovarianceLoss(style, "input", name="mine")

    recipe = of_pixels([], then=of_pixels([])) + mine + 0.1 * GRAIN
    style = [noise(40, 40, seed=1), noise(30, 40, seed=2)]
    result = quick(style=style, recipe=recipe)
    assert [tuple(map(tuple, pair)) for pair in seen] == [
        (content, style)
        for content, *styles in (
            ((40, 60), (40, 40), (30, 40)),
            ((80, 120), (40, 40), (30, 40)),
            ((80, 120), (40, 40), (30, 40)),
        )
        for style in styles
    ]
    assert {"mine", "mine_1", "grain"} < set(result.losses)
    assert all("mine" in now.losses for now in result.history)
    assert result.settings["recipe"] == "pixels + mine + grain"


def test_a_function_sees_each_of_many_contents() -> None:
    def toward(content: Any, style: Any) -> ns.Loss:
        return ns.CovarianceLoss(content, "input", name="toward")

    pictures = [noise(40, 60, seed) for seed in (3, 4)]
    options: dict[str, Any] = {"recipe": of_pixels([]) + 5 * GRAIN + toward, "scales": 1}
    many = list(ns.stylize_many(pictures, noise(40, 40, 1), network=pixels, maxiter=2, **options))
    for content, result in zip(pictures, many, strict=True):
        alone = quick(content, noise(40, 40, 1), maxiter=2, **options)
        assert result.losses == alone.losses


def test_regions_give_functions_their_masks_and_refuse_those_that_take_none() -> None:
    left = half_mask((80, 120))
    regions = [ns.Region(left, noise(40, 40, 1)), ns.Region(~left, noise(40, 40, 2))]
    recipe = of_pixels([]) + moments
    result = quick(style=[], regions=regions, recipe=recipe, maxiter=1)
    assert {"moment", "moment_1"} < set(result.losses)

    def blind(content: Any, style: Any) -> ns.Loss:
        return ns.MomentLoss(style, "input")

    with says(TypeError, "recipe: expected the function blind that was added to take mask="):
        quick(style=[], regions=regions, recipe=recipe + blind, maxiter=1)


def test_what_is_no_loss_is_refused() -> None:
    for wrong in (3, None, "tv", of_pixels([]), ns.TotalVariationLoss):
        with says(TypeError, "expected a loss, an objective or a function", "received"):
            of_pixels([]) + wrong
    with says(TypeError, r"function \(content, style\)", "decorator @neuralstyle.loss"):
        of_pixels([]) + (lambda features: features["input"])  # type: ignore[arg-type, misc]
    with says(TypeError, "received the class TotalVariationLoss: call it"):
        of_pixels([]) + ns.TotalVariationLoss
    with says(TypeError, "add the loss, not its value"):
        of_pixels([]) + GRAIN(FEATURES[0])
    with says(TypeError, "recipe: expected a loss or an objective from the function nothing"):

        def nothing(content: Any, style: Any) -> None:
            pass

        (of_pixels([]) + nothing)(*FEATURES)
    with says(TypeError, "received the recipe pixels", r"recipe \+ loss is a recipe"):
        GRAIN + of_pixels([])


def test_a_content_loss_of_a_function_needs_a_content() -> None:
    def keep(content: Any, style: Any) -> ns.Loss:
        return ns.ContentLoss(content, "input") * GRAIN  # type: ignore[return-value]

    recipe = ns.recipes.default(content_weight=0, **ON_PIXELS) + keep
    with says(ValueError, "content: expected an image for the recipe default . keep"):
        ns.stylize(None, noise(40, 40), recipe=recipe, size=(40, 40), network=pixels)


def test_a_sum_is_pickled_and_told_from_others_by_what_was_added(tmp_path: Path) -> None:
    recipe = ns.recipes.default() + 2 * GRAIN + moments
    again = pickle.loads(pickle.dumps(recipe))
    assert (again.name, len(again.added)) == (recipe.name, 2)
    target = pixels(noise(8, 8)[None])
    options: dict[str, Any] = {"maxiter": 1, "checkpoint": tmp_path / "a.npz"}

    def painted(weight: float) -> ns.StyleResult:
        style = weight * ns.CovarianceLoss(target, "input")
        recipe = ns.recipes.default(**ON_PIXELS) + style
        return quick(recipe=recipe, network=PIXELS, **options)

    first = painted(1.0)
    np.testing.assert_array_equal(painted(1.0).image, first.image)
    with pytest.raises(ValueError, match="recipe.added"):
        painted(2.0)


class Pixels:
    """Pixels with a name for checkpoints."""

    checkpoint_name = "pixels"

    def __call__(self, image: Any) -> Any:
        return pixels(image)


PIXELS = Pixels()
