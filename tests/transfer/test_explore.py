"""Exploring: what is tried, how it is rated, and that the best can be painted."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from painting import PAINT, PIXELS, Look, Noted, Runs, of_pixels
from support import noise

import neuralstyle as ns
from neuralstyle.transfer.comparing import cells, explore
from neuralstyle.transfer.comparing.sheet import GAP, LINE, text_width
from neuralstyle.transfer.options.signatures import read_options
from neuralstyle.transfer.recipes import RECIPES
from neuralstyle.transfer.recipes.recipe import weighted

CONTENT, STYLE = noise(18, 24), 0.5 * noise(40, 40, 1)
GIVEN: dict[str, Any] = {**PAINT, "cell_size": 12}


def recipe(*, content_weight: float = 0.5, style_weight: float = 1.0) -> ns.Recipe:
    """A recipe without a network."""
    return ns.Recipe(
        "test",
        lambda c: [content_weight * ns.ContentLoss(c, "input")],
        lambda c, s, **masks: [style_weight * ns.CovarianceLoss(s, "input", **masks)],
        maxiter=(4,),
    )


def settings(found: ns.Exploration) -> list[tuple[float, ...]]:
    return [tuple(cell.settings.values()) for cell in found.cells]


def scored(monkeypatch: pytest.MonkeyPatch, *pairs: tuple[float, float]) -> None:
    """Let the cells have these styles and contents as their scores, in turn."""
    turn: Iterator[tuple[float, float]] = itertools.cycle(pairs)

    def of_turn(*pictures: Any, **options: Any) -> ns.Score:
        style, content = next(turn)
        return ns.Score(style, style, content, style, None, (9, 12))

    monkeypatch.setattr(explore, "score", of_turn)


def columns(found: ns.Exploration) -> list[int]:
    """Return the widths of the sheet's columns: captions are wider than cells."""
    captions = [explore.caption(k, cell, k == found.best) for k, cell in enumerate(found.cells)]
    lines = ["\n".join(captions[k::3]).split("\n") for k in range(3)]
    return [max(map(text_width, column)) for column in lines]


def test_content_weights_go_down_and_stroke_sizes_across_around_the_recipes_own() -> None:
    found = ns.explore(CONTENT, STYLE, recipe=recipe, **GIVEN)
    down, across = (0.17, 0.5, 1.5), (0.67, 1.0, 1.5)
    assert settings(found) == list(itertools.product(down, across))
    assert [cell.image.shape for cell in found.cells] == [(9, 12, 3)] * 9
    assert found.sheet.shape == (3 * (4 + 3 * LINE + 9), sum(columns(found)) + 2 * GAP, 3)


def test_progress_tells_the_number_and_the_settings_of_every_cell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: list[int] = []
    options = {
        **GIVEN,
        "content_weight": 0.5,
        "progress": True,
        "callback": lambda p: seen.append(1),
    }
    found = ns.explore(CONTENT, STYLE, recipe=recipe, **options)
    told = capsys.readouterr().err
    assert len(seen) >= len(found.cells) == 3
    for k, cell in enumerate(found.cells):
        assert f"{k + 1} of 3, style_scale={cell.settings['style_scale']:g}" in told


def test_a_cell_is_what_its_settings_paint_small_in_half_the_iterations() -> None:
    given = {**GIVEN, "maxiter": 7}
    found = ns.explore(CONTENT, STYLE, recipe=recipe, **given)
    last = found.cells[-1]
    alone = ns.stylize(
        CONTENT,
        STYLE,
        recipe=recipe(content_weight=1.5),
        style_scale=1.5,
        size=12,
        network=PIXELS,
        maxiter=4,
    )
    np.testing.assert_allclose(last.image, alone.image, atol=1e-6)
    cell = found.sheet[-9:, -columns(found)[-1] :][:, :12]
    np.testing.assert_allclose(cell, alone.image, atol=0.5 / 255 + 1e-6)
    assert last.score == ns.score(alone.image, CONTENT, STYLE, style_scale=1.5)
    small = ns.resize(STYLE, (9, 12))
    gone = ns.score(small, CONTENT, STYLE).content
    kept = (last.score.content - gone) / (1 - gone)
    style = last.score.style
    assert last.rating == pytest.approx(max(kept, 0) * max((1 - style) / style, 0) ** 0.5)


def test_a_cells_options_paint_it_at_full_size() -> None:
    found = ns.explore(CONTENT, STYLE, recipe=recipe, style_weight=0.7, size=20, seed=3, **GIVEN)
    cell = found.cells[0]
    assert cell.settings == {"content_weight": 0.17, "style_scale": 0.67}
    result = ns.stylize(CONTENT, STYLE, **cell.options)
    assert result.image.shape == (15, 20, 3)
    assert (result.settings["style_scale"], result.settings["seed"]) == (0.67, 3)
    assert result.settings["maxiter"] == [2]
    for weight in ("0.17", "0.7"):
        assert weight in result.settings["objective"]


def test_nothing_done_and_a_subject_that_is_gone_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = ns.score(ns.resize(STYLE, (9, 12)), CONTENT, STYLE).content
    scored(monkeypatch, (1.0, 1.0), (0.2, gone + 0.5 * (1 - gone)), (0.01, gone))
    found = ns.explore(CONTENT, STYLE, recipe=recipe, content_weight=1.0, **GIVEN)
    assert [cell.rating for cell in found.cells] == pytest.approx([0, 1, 0])
    assert found.best == 1


@pytest.mark.parametrize("better", [(0.19, 0.5), (0.2, 0.52)])
def test_nearer_to_the_painting_or_to_the_photograph_is_better(
    monkeypatch: pytest.MonkeyPatch, better: tuple[float, float]
) -> None:
    scored(monkeypatch, *[(0.2, 0.5)] * 6, better, *[(0.2, 0.5)] * 2)
    assert ns.explore(CONTENT, STYLE, recipe=recipe, **GIVEN).best == 6


@pytest.mark.parametrize("pair", [(0.2, 0.9), (0.2, 0.0), (1.2, 0.9)])
def test_of_equals_the_recipes_own_settings_are_best(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[float, float]
) -> None:
    scored(monkeypatch, pair)
    assert ns.explore(CONTENT, STYLE, recipe=recipe, **GIVEN).best == 4
    small = STYLE[:24, :24]  # no stroke size is above the usual one
    assert ns.explore(CONTENT, small, recipe=recipe, **GIVEN).best == 5


@pytest.mark.parametrize("side, sizes", [(30, [0.67, 1.0, 1.2]), (24, [0.44, 0.67, 1.0])])
def test_no_strokes_are_larger_than_the_painting_has_pixels_for(
    side: int, sizes: list[float]
) -> None:
    painting = STYLE[:side, :side]
    found = ns.explore(CONTENT, painting, recipe=recipe, content_weight=1.0, **GIVEN)
    assert [cell.settings for cell in found.cells] == [{"style_scale": size} for size in sizes]


def test_a_picture_larger_than_the_painting_has_strokes_as_large_as_can_be() -> None:
    found = ns.explore(CONTENT, STYLE, recipe=recipe, content_weight=1.0, size=80, **GIVEN)
    assert [cell.settings["style_scale"] for cell in found.cells] == [0.22, 0.33, 0.5]


@pytest.mark.parametrize(
    "given",
    [
        {"recipe": recipe, "content_weight": 0.2},
        {"recipe": recipe, "balance": {"content": 1, "covariance": 1}},
        {"recipe": of_pixels([])},
        {"objective": Noted()},
    ],
)
def test_where_the_weights_are_fixed_the_sheet_is_a_row_of_stroke_sizes(
    given: dict[str, Any],
) -> None:
    found = ns.explore(CONTENT, STYLE, **given, **GIVEN)
    assert [list(cell.settings) for cell in found.cells] == [["style_scale"]] * 3
    assert found.sheet.shape[1] == sum(columns(found)) + 2 * GAP
    assert ns.stylize(CONTENT, STYLE, **found.cells[0].options).image.shape == CONTENT.shape


def test_with_a_stroke_size_the_sheet_is_a_row_of_content_weights() -> None:
    found = ns.explore(CONTENT, STYLE, recipe=recipe, style_scale=0.8, **GIVEN)
    assert [cell.settings for cell in found.cells] == [
        {"content_weight": weight} for weight in (0.17, 0.5, 1.5)
    ]
    assert {cell.options["style_scale"] for cell in found.cells} == {0.8}


@pytest.mark.parametrize("given", [{"content_weight": 1.0}, {"balance": {"content": 1}}])
def test_a_sheet_of_nothing_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^style_scale: expected none .*, received 0\.8"):
        ns.explore(CONTENT, STYLE, recipe=recipe, style_scale=0.8, **given, **GIVEN)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"recipe": lambda *, content_weight=0.0: recipe()}, "content_weight of the recipe: "),
        ({"cell_size": 0}, "cell_size: "),
        ({"recipe": "picasso"}, "recipe: "),
        ({"style_weight": 2.0, "recipe": "gatys2016", "style_weights": [1, 2]}, "style_weights: "),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        ns.explore(CONTENT, STYLE, **{**GIVEN, "recipe": recipe, **given})


def test_a_texture_has_no_structure_to_rate() -> None:
    with pytest.raises(TypeError, match="^content: "):
        ns.explore(None, STYLE, recipe=recipe, **GIVEN)


def test_iterations_at_more_scales_than_a_cell_has(runs: Runs) -> None:
    found = ns.explore(
        noise(64, 64),
        STYLE,
        recipe=recipe,
        content_weight=1.0,
        network=PIXELS,
        scales=2,
        maxiter=(9, 5),
        cell_size=40,
    )
    assert [(run.start.shape[0], run.options["maxiter"]) for run in runs] == [(40, 5)] * 3
    assert ns.stylize(noise(64, 64), STYLE, **found.cells[0].options).settings["maxiter"] == [9, 5]


def test_a_recipes_last_stages_have_half_of_their_own_iterations() -> None:
    def halved(*counts: int, cell: tuple[int, int] = (64, 64)) -> list[int]:
        given = {"recipe": ns.recipes.nnst(), "maxiter": counts or None}
        return cells.fewer_iterations(read_options("stylize", given), (256, 256), cell)

    whole = halved(20, 16, 12, 2, cell=(256, 256))
    assert whole == [10, 8, 6, 1] and halved(20, 16, 12, 2) == [10, 1]
    assert halved(20, 16) == [10, 8]  # the last number repeats
    assert halved()[-1] == halved(cell=(256, 256))[-1]


def test_cells_of_a_long_picture_are_no_thinner_than_scales() -> None:
    found = ns.explore(
        noise(20, 260), STYLE, recipe=recipe, content_weight=1.0, **{**GIVEN, "cell_size": 60}
    )
    assert found.cells[0].image.shape == (20, 260, 3)
    found = ns.explore(
        noise(40, 400), STYLE, recipe=recipe, content_weight=1.0, **{**GIVEN, "cell_size": 60}
    )
    assert found.cells[0].image.shape == (30, 300, 3)


def test_several_styles_and_regions_are_scored_by_their_shares() -> None:
    styles = [STYLE, 0.8 * noise(30, 30, 2)]
    left = np.arange(24) < np.full((18, 1), 12)
    region = ns.Region(left, 1 - STYLE, weight=0.5)
    found = ns.explore(
        CONTENT,
        styles,
        recipe=recipe,
        content_weight=1.0,
        style_weights=[3, 1],
        regions=[region],
        **GIVEN,
    )
    cell = found.cells[1]
    scores = [ns.score(cell.image, CONTENT, style).style for style in [*styles, region.style]]
    expected = np.average(scores, weights=[0.75, 0.25, region.share])
    assert cell.score.style == pytest.approx(expected)


def test_targets_of_a_stroke_size_are_shared_with_the_librarys_recipes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []

    def counted(*, content_weight: float = 1.0) -> ns.Recipe:
        def style(seen: Any, style: Any) -> list[ns.StyleObjective]:
            def loss() -> ns.Loss:
                made.append("style")
                return ns.CovarianceLoss(style, "input")

            return weighted((1.0, loss))

        return dataclasses.replace(of_pixels([]), style=style)

    own = ns.explore(CONTENT, STYLE, recipe=counted, **GIVEN)
    assert made.count("style") == 9
    made.clear()
    monkeypatch.setitem(RECIPES, "counted", counted)
    shared = ns.explore(CONTENT, STYLE, recipe="counted", **GIVEN)
    assert made.count("style") == 3
    for ours, theirs in zip(shared.cells, own.cells, strict=True):
        np.testing.assert_array_equal(ours.image, theirs.image)


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_of_the_library_makes_of_a_style_is_the_same_for_all_contents_weights(
    name: str, see: Look
) -> None:
    features = see(noise(32, 32), "max")
    made = [RECIPES[name](content_weight=weight).style(features, features) for weight in (0.5, 2.0)]
    assert repr(made[0]) == repr(made[1])


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
def test_what_ends_all_cells_carries_those_that_were_finished(kind: type[BaseException]) -> None:
    complete = ns.explore(CONTENT, STYLE, recipe=recipe, **GIVEN).cells
    for ended in (1, 2):  # in the first cell, and in the second
        seen: list[int] = []

        def interrupt(now: ns.Progress, seen: list[int] = seen, ended: int = ended) -> None:
            seen.append(now.nit)
            if len(seen) == ended:
                raise kind

        with pytest.raises(kind) as caught:
            ns.explore(CONTENT, STYLE, recipe=recipe, callback=interrupt, **GIVEN)
        assert len(seen) == ended
        found = caught.value.partial_result  # type: ignore[attr-defined]
        if ended == 1:
            assert found is None
        else:
            assert [cell.settings for cell in found.cells] == [complete[0].settings]
            assert found.best == 0
            np.testing.assert_array_equal(found.cells[0].image, complete[0].image)
