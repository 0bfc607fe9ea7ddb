"""Contact sheets: every result where its label says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from painting import PAINT, PIXELS
from support import noise

import neuralstyle as ns
from neuralstyle import recipes
from neuralstyle.transfer.comparing.sheet import GAP, LINE, WIDEST, labelled, text_width

BAR = 4 + LINE
CONTENT, STYLE = noise(8, 8), noise(8, 8, 1)


def recipe(*, content_weight: float = 1.0) -> ns.Recipe:
    """A recipe without a network."""
    return ns.Recipe(
        "test",
        lambda c: [content_weight * ns.ContentLoss(c, "input")] if content_weight else [],
        lambda c, s, **masks: [1.0 * ns.CovarianceLoss(s, "input")],
        maxiter=(2,),
    )


def test_pictures_stand_below_their_labels_in_rows() -> None:
    grey = [np.full((10, 12, 3), level / 10) for level in range(3)]
    page = labelled([[("a", grey[0]), ("b\nc", grey[1])], [("d", grey[2])]])
    assert page.shape == (BAR + LINE + 10 + BAR + 10, 2 * 12 + GAP, 3)
    top = BAR + LINE
    np.testing.assert_allclose(page[top : top + 10, :12], grey[0], atol=0.5 / 255)
    np.testing.assert_allclose(page[top : top + 10, 12 + GAP :], grey[1], atol=0.5 / 255)
    np.testing.assert_allclose(page[-10:, :12], grey[2], atol=0.5 / 255)
    np.testing.assert_array_equal(page[-10:, 12:], 1)


LABELS = ["content_weight=0.25", "balance=content:1 covariance:3 color:1.5", "style=" + "a" * 90]


@pytest.mark.parametrize("side", [1, 64, 96, 128, 512])
@pytest.mark.parametrize("label", LABELS)
def test_a_label_is_there_whole_and_does_not_run_into_the_next(side: int, label: str) -> None:
    picture = np.ones((4, side, 3))
    pages = [labelled([[(text, picture), ("", picture)]]) for text in (label, label[:-1])]
    column = pages[0].shape[1] - GAP - side
    assert column == max(side, min(text_width(label), WIDEST))
    for page in pages:
        assert page[:-4, :column].min() < 0.5
        np.testing.assert_array_equal(page[:, column:], 1)
    rows = min(page.shape[0] for page in pages)
    assert pages[0].shape != pages[1].shape or not np.array_equal(pages[0][:rows], pages[1][:rows])


def test_columns_are_as_wide_as_their_widest_label_in_all_rows() -> None:
    dark = np.zeros((10, 12, 3))
    page = labelled([[("a", dark), ("b", dark)], [("a wide label", dark), ("b", dark)]])
    left, bar = text_width("a wide label") + GAP, BAR
    for top in (bar, 2 * bar + 10):
        np.testing.assert_array_equal(page[top : top + 10, left:], 0)


def test_two_settings_go_down_and_across() -> None:
    vary: dict[str, Any] = {"content_weight": [0.1, 5.0], "style": [STYLE, CONTENT]}
    options = {**PAINT, "size": 8}
    page = ns.contact_sheet(CONTENT, STYLE, vary, recipe=recipe, **options)
    bar = BAR + LINE
    for row, weight in enumerate(vary["content_weight"]):
        for column, painting in enumerate(vary["style"]):
            made = recipe(content_weight=weight)
            alone = ns.stylize(CONTENT, painting, recipe=made, **options)
            top, left = row * (bar + 8) + bar, column * (text_width("content_weight=0.1") + GAP)
            shown = page[top : top + 8, left : left + 8]
            np.testing.assert_allclose(shown, alone.image, atol=0.5 / 255 + 1e-6)


def test_what_is_the_same_for_all_may_be_of_the_recipe_or_an_option() -> None:
    given: dict[str, Any] = {"content_weight": 0.1, "style_scale": 0.5, **PAINT, "size": 8}
    page = ns.contact_sheet(CONTENT, STYLE, {"seed": [1]}, recipe=recipe, **given)
    del given["content_weight"]
    alone = ns.stylize(CONTENT, STYLE, recipe=recipe(content_weight=0.1), **given)
    np.testing.assert_allclose(page[BAR:, :8], alone.image, atol=0.5 / 255 + 1e-6)


def test_a_sheet_of_textures_needs_no_content() -> None:
    page = ns.contact_sheet(None, STYLE, {"seed": [1, 2]}, recipe=recipe, **PAINT, size=8)
    column = text_width("seed=1")
    assert page.shape == (BAR + 8, 2 * column + GAP, 3)
    assert not np.array_equal(page[BAR:, :8], page[BAR:, column + GAP :][:, :8])


def test_a_recipe_may_be_named() -> None:
    content, style = noise(32, 32), noise(32, 32, 1)
    sheets = [
        ns.contact_sheet(content, style, {"style_weight": [10.0]}, recipe=r, size=32, maxiter=1)
        for r in ("gatys2016", recipes.gatys2016)
    ]
    np.testing.assert_array_equal(*sheets)


@pytest.mark.parametrize(
    ("vary", "kind"),
    [
        ({}, TypeError),
        ({"size": [8], "seed": [1], "scales": [1]}, TypeError),
        ({"color": "match"}, TypeError),
        ({"color": []}, TypeError),
        ({"colour": ["match"]}, ValueError),
        ({"callback": [None]}, ValueError),
        ({"objective": [recipe]}, ValueError),
    ],
)
def test_what_are_no_settings_is_refused_by_name(vary: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="^vary"):
        ns.contact_sheet(CONTENT, STYLE, vary, network=PIXELS)


@pytest.mark.parametrize("wrong", ["gatys", recipes.default(), 3])
def test_what_makes_no_recipe_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(TypeError, match="^recipe: expected one of default, .*, or a function"):
        ns.contact_sheet(CONTENT, STYLE, {"seed": [1]}, recipe=wrong, network=PIXELS)


@pytest.mark.parametrize("ended", range(1, 7))
def test_ctrl_c_ends_a_sheet_with_the_results_so_far(ended: int) -> None:
    seen: list[int] = []

    def interrupt(now: ns.Progress) -> None:
        seen.append(now.nit)
        if len(seen) == ended:
            raise KeyboardInterrupt

    vary = {"content_weight": [0.1, 1.0, 5.0]}
    options = {**PAINT, "size": 8, "callback": interrupt}
    page = ns.contact_sheet(CONTENT, STYLE, vary, recipe=recipe, **options)
    assert len(seen) == ended
    count = (ended + 1) // 2
    assert page.shape[0] == BAR + LINE + 8
    columns = [text_width(f"content_weight={weight:g}") + GAP for weight in vary["content_weight"]]
    assert page.shape[1] == sum(columns[:count]) - GAP


@pytest.mark.parametrize("ended", [1, 3, 5])
def test_an_error_carries_the_results_before_it(ended: int) -> None:
    seen: list[int] = []

    def fail(now: ns.Progress) -> None:
        seen.append(now.nit)
        if len(seen) == ended:
            raise RuntimeError("no more")

    vary = {"content_weight": [0.1, 1.0, 5.0]}
    options = {**PAINT, "size": 8, "callback": fail}
    with pytest.raises(RuntimeError, match="no more") as caught:
        ns.contact_sheet(CONTENT, STYLE, vary, recipe=recipe, **options)
    kept = caught.value.partial_result  # type: ignore[attr-defined]
    if ended == 1:
        assert kept is None
        return
    done = {"content_weight": vary["content_weight"][: ended // 2]}
    expected = ns.contact_sheet(CONTENT, STYLE, done, recipe=recipe, **PAINT, size=8)
    np.testing.assert_array_equal(kept, expected)


def test_ctrl_c_before_the_first_result_of_a_sheet_passes_through() -> None:
    def interrupted(**keywords: float) -> ns.Recipe:
        return ns.Recipe("test", refuse, lambda c, s, **masks: [], maxiter=(2,))

    def refuse(content: Any) -> list[Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ns.contact_sheet(CONTENT, STYLE, {"seed": [0, 1]}, recipe=interrupted, **PAINT, size=8)
