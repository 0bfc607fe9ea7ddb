"""What notebooks show of pictures, runs, objectives and recipes."""

from __future__ import annotations

import base64
import io
import pickle
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image as Pillow
from support import Array, near, noise, pixels

import neuralstyle as ns
from neuralstyle.images.show import Sheet, picture
from neuralstyle.transfer.comparing.sheet import labelled

VOID = {"img"}


class Text(HTMLParser):
    """The text of HTML, all of whose elements are closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(data: bytes) -> Array:
    return ns.load_image(io.BytesIO(data))


def embedded(html: str) -> Array:
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return read(base64.b64decode(data))


@pytest.fixture(scope="module")
def run() -> tuple[ns.StyleResult, ns.Progress]:
    seen: list[ns.Progress] = []
    objective = near(noise()) + 0.5 * ns.TotalVariationLoss(name="a<b")
    result = ns.minimize(objective, pixels, noise(seed=1), maxiter=2, callback=seen.append)
    return result, seen[-1]


def test_results_and_progress_show_picture_losses_and_how_they_stand(
    run: tuple[ns.StyleResult, ns.Progress],
) -> None:
    for shown, line in zip(
        run, ("made maxiter = 2 iterations; 2", "iteration 2 of 2"), strict=True
    ):
        html = shown._repr_html_()
        for seen in (read(shown._repr_png_()), embedded(html)):
            np.testing.assert_allclose(seen, shown.image, atol=0.5 / 255 + 1e-6)
        words = Text(html).words
        for name, value in {"objective": shown.fun, **shown.losses}.items():
            assert words[words.index(name) + 1] == f"{value:.4g}"
        assert "a<b" in words and words[-1].startswith(line)


def test_objectives_show_their_table() -> None:
    objective = 3.0 * ns.TotalVariationLoss(name="grain") + ns.TotalVariationLoss(name="<i>")
    words = Text(objective._repr_html_()).words
    assert words[:6] == ["name", "weight", "loss", "grain", "3", repr(objective.terms[0].loss)]
    assert "<i>" in words


@pytest.mark.parametrize("name", ns.recipes.RECIPES)
def test_recipes_show_their_keywords_and_no_address(name: str) -> None:
    words = Text(ns.recipes.RECIPES[name](content_weight=0.5)._repr_html_()).words
    assert words[0] == f"{name}(content_weight=0.5)"
    assert not any("0x" in word for word in words)


def test_large_pictures_are_made_smaller_within_html() -> None:
    assert embedded(picture(np.zeros((100, 1536, 3), np.float32))).shape == (50, 768, 3)


def test_sheets_are_arrays_that_show_themselves() -> None:
    sheet = labelled([[("a", noise(8, 8)), ("b", noise(8, 8, 1))]])
    assert isinstance(sheet, Sheet) and ns.as_image(sheet).shape == sheet.shape
    data = sheet._repr_png_()
    assert data is not None
    np.testing.assert_allclose(read(data), sheet, atol=1e-6)
    assert sheet[..., 0]._repr_png_() is None
    assert np.array_equal(pickle.loads(pickle.dumps(sheet)), sheet)
    found = ns.Exploration((), 0, sheet)
    assert Pillow.open(io.BytesIO(found._repr_png_())).size == sheet.shape[1::-1]
