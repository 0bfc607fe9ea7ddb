"""A result of `stylize` knows what it was made of, small, and words that paint it again."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
from painting import Noted, of_pixels, quick
from support import half_mask, noise, picture

import neuralstyle as ns
from neuralstyle.transfer.flags import command_line

CONTENT, STYLE = picture(0, (40, 60)), picture(1, (30, 30))


def test_words_are_made_only_where_they_paint_the_picture() -> None:
    assert command_line({"size": (30, 40)}, 40) is None
    line = command_line({}, 40, styles=2, content=False)
    assert line == "neuralstyle texture STYLE_1 STYLE_2 -o OUT.png --size 40"
    origin = quick(CONTENT, STYLE, scales=1).origin
    assert origin is not None and origin.command is None  # it has a function as its objective


def test_a_result_knows_its_pictures_and_its_score() -> None:
    result = quick(CONTENT, [STYLE, 1 - STYLE], recipe=of_pixels([]), style_scale=0.8, size=50)
    origin = result.origin
    assert origin is not None and origin.content is not None and origin.score is not None
    assert np.array_equal(origin.content, ns.to_uint8(ns.resize(CONTENT, (33, 50))))
    assert [style.shape for style in origin.styles] == [(30, 30, 3)] * 2  # never enlarged
    first, second = origin.score(result.image)
    expected = ns.score(result.image, CONTENT, STYLE, style_scale=0.8)
    assert [name for name, *_ in first] == ["style", "texture", "content", "color"]
    assert first[0][1] == pytest.approx(expected.style, rel=0.05)
    assert first != second


def test_regions_have_styles_of_their_own() -> None:
    region = ns.Region(half_mask((40, 60)), 1 - STYLE)
    result = quick(CONTENT, STYLE, recipe=of_pixels([]), regions=[region], scales=1)
    assert result.origin is not None
    assert len(result.origin.styles) == len(result.origin.regions) == 1
    file = io.BytesIO()
    result.save_report(file)
    assert b"Style of region 1" in file.getvalue()


def test_where_there_is_nothing_to_measure_by_the_page_has_no_score() -> None:
    for content, style in ((CONTENT, CONTENT), (None, STYLE), (noise(4, 4), noise(4, 4, 1))):
        result = ns.stylize(
            content, style, objective=Noted(), network=lambda x: {"input": x}, maxiter=1, scales=1
        )
        assert result.origin is not None and result.origin.score is not None
        assert result.origin.score(result.image) == []
        file = io.BytesIO()
        result.save_report(file)
        assert b"There is none" in file.getvalue()


def test_copies_tell_the_same() -> None:
    result = quick(CONTENT, STYLE, scales=1)
    files = io.BytesIO(), io.BytesIO()
    for file, of in zip(files, (result, pickle.loads(pickle.dumps(result))), strict=True):
        of.save_report(file)
    assert files[0].getvalue() == files[1].getvalue()
