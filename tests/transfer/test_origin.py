"""A result of `stylize` knows what it was made of, small, and words that paint it again."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest
from painting import PIXELS, of_pixels, quick
from support import half_mask, noise, picture

import neuralstyle as ns
from neuralstyle.optimize.origin import Origin
from neuralstyle.transfer.options.flags import command_line
from neuralstyle.transfer.options.options import Options
from neuralstyle.transfer.origin import origin_of
from neuralstyle.transfer.parts import make_parts

CONTENT, STYLE = picture(0, (40, 60)), picture(1, (30, 30))
PLAIN: dict[str, Any] = {"options": {}, "not_stored": {}}


def origin(content: Any, styles: Any, shape: tuple[int, int] = (40, 60), **options: Any) -> Origin:
    """Make the origin of a result of this shape."""
    settings = {**PLAIN, **options.pop("settings", {})}
    given = Options(network=PIXELS, **options)
    parts = make_parts(styles, given)
    return origin_of(content, parts, len(given.regions or ()), shape, settings)


def test_words_are_made_only_where_they_paint_the_picture() -> None:
    assert command_line({"size": (30, 40)}, 40) is None
    of_two = origin(None, [STYLE, STYLE])
    assert of_two.command == "neuralstyle texture STYLE_1 STYLE_2 -o OUT.png --size 60"
    watched = {"not_stored": {"callback": "function print"}}
    assert origin(CONTENT, STYLE, settings=watched).command == (
        "neuralstyle CONTENT STYLE -o OUT.png --size 60"
    )
    assert origin(CONTENT, STYLE, settings={"not_stored": {"init": "array"}}).command is None


def test_pictures_are_kept_at_the_sizes_at_which_they_were_seen() -> None:
    of = origin(CONTENT, [STYLE, picture(2, (200, 100))], (20, 30), style_scale=1.5)
    assert of.content is not None
    np.testing.assert_array_equal(of.content, ns.to_uint8(ns.resize(CONTENT, (20, 30))))
    assert [style.shape for style in of.styles] == [(30, 30, 3), (64, 32, 3)]


def test_score_is_that_of_every_style() -> None:
    of = origin(CONTENT, [STYLE, 1 - STYLE], style_scale=0.8)
    assert of.score is not None
    first, second = of.score(1 - CONTENT)
    expected = ns.score(1 - CONTENT, CONTENT, STYLE, style_scale=0.8)
    assert [name for name, *_ in first] == ["style", "texture", "content", "color"]
    for name, value, meaning in first:
        assert value == pytest.approx(getattr(expected, name), rel=0.05) and meaning
    assert first != second


@pytest.mark.parametrize(
    ("content", "style", "shape"),
    [(CONTENT, CONTENT, (40, 60)), (None, STYLE, (40, 60)), (noise(4, 4), STYLE, (4, 4))],
    ids=["same", "texture", "tiny"],
)
def test_where_there_is_nothing_to_measure_by_there_is_no_score(
    content: Any, style: Any, shape: tuple[int, int]
) -> None:
    of = origin(content, style, shape)
    assert of.score is not None and of.score(noise(*shape)) == []


def test_regions_have_styles_of_their_own() -> None:
    region = ns.Region(half_mask((40, 60)), 1 - STYLE)
    of = origin(CONTENT, STYLE, regions=[region])
    assert len(of.styles) == len(of.regions) == 1


def test_a_result_knows_its_origin_and_so_does_its_copy() -> None:
    result = quick(CONTENT, STYLE, recipe=of_pixels([]), scales=1)
    assert result.origin is not None and result.origin.content is not None
    files = io.BytesIO(), io.BytesIO()
    for file, of in zip(files, (result, pickle.loads(pickle.dumps(result))), strict=True):
        of.save_report(file)
    assert files[0].getvalue() == files[1].getvalue()
    assert b"nothing" not in files[0].getvalue() and b'class="score"' in files[0].getvalue()
