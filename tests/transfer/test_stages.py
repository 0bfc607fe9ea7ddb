"""Recipes that see what a scale starts from, go on at full size, and treat colours."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from painting import PIXELS, Runs, of_pixels, quick
from support import Array, noise, picture, says

import neuralstyle as ns


def looking(seen: list[Array], share: float, **changes: Any) -> ns.Recipe:
    """Return a recipe without a network that keeps the sources that it is shown."""
    plain = of_pixels([])

    def style(content: Any, style: Any, source: Any = None, **masks: Any) -> Any:
        seen.append(np.asarray(source["input"])[0])
        return plain.style(content, style, **masks)

    return dataclasses.replace(plain, style=style, source=share, **changes)


# The source


def test_the_source_is_the_start_of_every_scale_mixed_with_the_content(runs: Runs) -> None:
    content, seen = noise(80, 120), []
    quick(content, recipe=looking(seen, 0.25))
    assert [source.shape[:2] for source in seen] == [(40, 60), (80, 120)]
    for source, run in zip(seen, runs, strict=True):
        expected = 0.75 * run.start + 0.25 * ns.resize(content, run.start.shape[:2])
        np.testing.assert_allclose(source, expected, atol=1e-6)
    assert np.abs(runs[1].start - content).max() > 0.01  # it was painted


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_nothing_or_all_is_the_start_or_the_content(share: float, runs: Runs) -> None:
    content, seen = noise(80, 120), []
    quick(content, recipe=looking(seen, share), init="noise")
    expected = content if share else runs[-1].start
    np.testing.assert_allclose(seen[-1], expected, atol=1e-6)


def test_terms_that_see_a_source_are_made_for_every_content() -> None:
    seen: list[Array] = []
    contents = [noise(40, 40, seed) for seed in (1, 2)]
    options: dict[str, Any] = {"network": PIXELS, "recipe": looking(seen, 1.0)}
    for _ in ns.stylize_many(contents, noise(40, 40), **options):
        pass
    np.testing.assert_allclose(seen, contents, atol=1e-6)


def test_textures_have_no_content_in_their_source() -> None:
    seen: list[Array] = []
    quick_options: dict[str, Any] = {"network": PIXELS, "maxiter": 1, "init": "noise"}
    plain = looking(seen, 0.0)
    without = dataclasses.replace(plain, content=lambda content: [])
    ns.stylize(None, noise(40, 40), recipe=without, **quick_options)
    assert len(seen) == 1
    with says(ValueError, "content: expected an image for the recipe pixels"):
        mixed = dataclasses.replace(without, source=0.1)
        ns.stylize(None, noise(40, 40), recipe=mixed, **quick_options)


def test_a_recipe_called_by_hand_takes_the_content_for_the_source() -> None:
    seen: list[Array] = []
    content = noise(8, 8)
    looking(seen, 0.3)(PIXELS(content), PIXELS(noise(8, 8, 1)))
    np.testing.assert_array_equal(seen, [content])


# Stages


def staged(*later: ns.Recipe, **changes: Any) -> ns.Recipe:
    then = later[0] if later else None
    last = dataclasses.replace(of_pixels([]), name="last", maxiter=(4, 9), then=then)
    return of_pixels([], then=last, **changes)


def test_a_last_stage_goes_on_from_what_was_painted_at_full_size(runs: Runs) -> None:
    result = quick(recipe=staged(), maxiter=None)
    assert [run.start.shape[:2] for run in runs] == [(40, 60), (80, 120), (80, 120)]
    assert [run.options["maxiter"] for run in runs] == [2, 2, 4]
    assert result.settings["shapes"] == [(40, 60), (80, 120), (80, 120)]
    assert result.settings["recipe"] == "pixels"
    assert result.nit == sum(result.settings["maxiter"]) == 8
    before = ns.minimize(*runs[1][:3], **{**runs[1].options, "callback": None}).image
    np.testing.assert_allclose(runs[2].start, before, atol=1e-6)
    assert {record.scale for record in result.history} == {0, 1, 2}


def test_stages_follow_one_another(runs: Runs) -> None:
    quick(recipe=staged(staged(maxiter=(3,))), scales=1, maxiter=None)
    assert [run.options["maxiter"] for run in runs] == [2, 4, 3, 4]


def test_iterations_are_given_for_scales_and_stages(runs: Runs) -> None:
    quick(recipe=staged(), maxiter=(3, 1, 2))
    quick(recipe=staged(), maxiter=(3, 1))
    assert [run.options["maxiter"] for run in runs] == [3, 1, 2, 3, 1, 1]
    with says(ValueError, "maxiter: expected at most 3 numbers", "received 4"):
        quick(recipe=staged(), maxiter=(1, 1, 1, 1))


def test_every_stage_has_its_own_terms(runs: Runs) -> None:
    last = ns.Recipe("last", lambda content: [], lambda content, style: [ns.TotalVariationLoss()])
    quick(recipe=of_pixels([], then=last), scales=1)
    assert [list(run.objective.weights) for run in runs] == [
        ["content", "covariance"],
        ["total_variation"],
    ]


def test_a_run_from_a_picture_leaves_out_coarse_scales_and_no_stage(runs: Runs) -> None:
    recipe = staged(min_size=60)
    quick(recipe=recipe, init=noise(80, 120, 4), scales=None, maxiter=None)
    assert [run.options["maxiter"] for run in runs] == [2, 4]


# Colours


def test_a_recipe_treats_colours_where_nothing_else_is_asked_for() -> None:
    recipe = of_pixels([], color="content")
    content, style = picture(0), picture(1)
    plain = quick(content, style, recipe=of_pixels([]))
    treated = quick(content, style, recipe=recipe)
    assert treated.settings["color"] == "content" and plain.settings["color"] is None
    expected = ns.color.with_chroma(plain.image, content)
    np.testing.assert_allclose(treated.image, expected, atol=1e-6)
    for color in ("only", ns.ColorTreatment()):
        asked, same = (
            quick(content, style, recipe=r, color=color) for r in (recipe, of_pixels([]))
        )
        np.testing.assert_array_equal(asked.image, same.image)


def test_a_treatment_may_end_with_the_styles_that_were_given() -> None:
    seen: list[Any] = []

    def finish(image: Array, content: Array, styles: list[Array]) -> Array:
        seen.append((image, content, styles))
        return image / 2

    content, styles = picture(0), [picture(1), picture(2, (24, 20))]
    color = ns.ColorTreatment(style=lambda style, content: 0 * style, finish=finish)
    recipe = of_pixels([])
    result = quick(content, styles, recipe=recipe, color=color, scales=1)
    (image, beside, given) = seen[-1]
    np.testing.assert_array_equal(result.image, image / 2)
    np.testing.assert_allclose(beside, content, atol=1e-6)
    for ours, theirs in zip(given, styles, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    seen.clear()
    region = ns.Region(np.ones((40, 32)), styles[1])
    quick(content, [], recipe=recipe, regions=[region], color=color, scales=1)
    np.testing.assert_array_equal(seen[-1][2], [styles[1]])


# The recipe of nearest neighbours


@pytest.mark.slow
def test_nnst_freezes_matches_per_scale_and_ends_layer_by_layer(runs: Runs) -> None:
    result = ns.stylize(
        picture(0, (64, 80)), picture(1, (40, 50)), network="random", recipe="nnst", maxiter=1
    )
    losses = [run.objective.terms[0].loss for run in runs]
    assert [(loss.frozen, loss.turns) for loss in losses] == [(True, 4), (False, 1)]
    assert result.settings["color"] == "oklab"
    assert [list(run.objective.weights) for run in runs] == [["nearest"]] * 2


def test_the_contents_weight_in_nnst_is_beside_1_of_what_was_painted() -> None:
    shares = [ns.recipes.nnst(content_weight=weight).source for weight in (0, 1, 3)]
    assert shares == [0, 0.5, 0.75]
    assert ns.recipes.nnst().source == pytest.approx(0.25)
    with says(ValueError, "content_weight: expected", "-0.1"):
        ns.recipes.nnst(content_weight=-0.1)
