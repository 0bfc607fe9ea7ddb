"""Contact sheets: every result where its label says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.transfer.contact_sheet import GAP, LINE, labelled

BAR = 4 + LINE


def pixels(image: Any) -> dict[str, Any]:
    return {"input": image}


def test_pictures_stand_below_their_labels_in_rows() -> None:
    grey = [np.full((10, 12, 3), level / 10) for level in range(3)]
    page = labelled([[("a", grey[0]), ("b\nc", grey[1])], [("d", grey[2])]])
    assert page.shape == (BAR + LINE + 10 + BAR + 10, 2 * 12 + GAP, 3)
    top = BAR + LINE
    np.testing.assert_allclose(page[top : top + 10, :12], grey[0], atol=0.5 / 255)
    np.testing.assert_allclose(page[top : top + 10, 12 + GAP :], grey[1], atol=0.5 / 255)
    np.testing.assert_allclose(page[-10:, :12], grey[2], atol=0.5 / 255)
    np.testing.assert_array_equal(page[-10:, 12:], 1)


def test_a_label_does_not_run_into_the_next() -> None:
    picture = np.ones((4, 30, 3))
    page = labelled([[("a very long label", picture), ("", picture)]])
    assert page[:BAR, :30].min() < 0.5
    np.testing.assert_array_equal(page[:, 30:], 1)


def test_two_settings_go_down_and_across() -> None:
    content, style = np.random.default_rng(0).uniform(size=(2, 8, 8, 3)).astype(np.float32)

    def recipe(*, content_weight: float = 1.0) -> ns.Recipe:
        return ns.Recipe(
            "test",
            lambda c: [content_weight * ns.ContentLoss(c, "input")],
            lambda c, s, **masks: [1.0 * ns.CovarianceLoss(s, "input")],
            maxiter=(2,),
        )

    options: dict[str, Any] = {"extractor": pixels, "size": 8}
    vary = {"content_weight": [0.1, 5.0], "style": [style, content]}
    page = ns.contact_sheet(content, style, vary, recipe=recipe, **options)
    bar = BAR + LINE
    for row, weight in enumerate(vary["content_weight"]):
        for column, painting in enumerate(vary["style"]):
            alone = ns.stylize(
                content, painting, objective=recipe(content_weight=weight), **options
            )
            top, left = row * (bar + 8) + bar, column * (8 + GAP)
            shown = page[top : top + 8, left : left + 8]
            np.testing.assert_allclose(shown, alone.image, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(
    ("vary", "kind"),
    [
        ({}, TypeError),
        ({"size": [8], "seed": [1], "scales": [1]}, TypeError),
        ({"color": "match"}, TypeError),
        ({"color": []}, TypeError),
        ({"colour": ["match"]}, ValueError),
    ],
)
def test_what_are_no_settings_is_refused_by_name(vary: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="^vary"):
        ns.contact_sheet(np.zeros((8, 8, 3)), np.zeros((8, 8, 3)), vary, extractor=pixels)
