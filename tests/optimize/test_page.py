"""The page about a run: one file, nothing from outside, all that is needed, all of it escaped."""

from __future__ import annotations

import dataclasses
import html
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import BROKEN, CONTRASTS, Browser, browser
from support import noise, picture, pixels

import neuralstyle as ns
from neuralstyle.optimize.origin import LONGEST, Origin, kept
from neuralstyle.optimize.showing.page.curves import chart, lines
from neuralstyle.optimize.showing.page.page import MOST

EVIL = "<script>alert('x')</script>&\"'.jpg"


def history(scales: int = 2, each: int = 3, terms: int = 2) -> tuple[ns.Iteration, ...]:
    """Make a history whose losses fall at every scale."""
    rows = []
    for nit in range(1, scales * each + 1):
        losses = {f"term {k}": 10.0 ** -(k % 5) / nit for k in range(terms)}
        rows.append(ns.Iteration(nit, nit, sum(losses.values()), losses, 0.1, (nit - 1) // each))
    return tuple(rows)


def result(shape: tuple[int, int] = (40, 60), **changes: Any) -> ns.StyleResult:
    """Make a result as `stylize` returns it."""
    settings = {
        "objective": "name  weight  loss\nterm 0     1  Loss()",
        "weights": {"term 0": 0.5},
        "shapes": [(20, 30), (40, 60)],
        "options": {"seed": 3, "network": EVIL},
        "not_stored": {"init": "array of shape (4, 4, 3)", "callback": "function seen"},
        "bounds": None,
        "versions": {"keras": "3.99"},
    }
    rows = changes.pop("history", history())
    usual = ns.StyleResult(
        picture(1, shape), 0.25, dict(rows[-1].losses) if rows else {}, rows, len(rows), 9, 1.5,
        True, ns.Status.LIMIT, "made 6 iterations at 2 scales", settings,
    )  # fmt: skip
    seen = [kept(picture(seed, shape), shape) for seed in (2, 3, 4)]
    rated = [("style", 0.25, "0 the painting's"), ("color", float("nan"), "0 the painting's")]
    origin = Origin(seen[0], (seen[1],), (seen[2],), "neuralstyle CONTENT", lambda image: [rated])
    return dataclasses.replace(usual, **{"origin": origin, **changes})


def page(of: ns.StyleResult, **options: Any) -> str:
    """Write the page about a result, and read it."""
    file = io.BytesIO()
    of.save_report(file, **options)
    return file.getvalue().decode()


class Parts(HTMLParser):
    """All elements of a page, and what of it is text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data

    def count(self, tag: str) -> int:
        """Count elements."""
        return sum(name == tag for name, _ in self.elements)


def test_call_on_the_page_runs_with_the_names_of_the_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[Any] = []
    monkeypatch.setattr(ns, "stylize", lambda *args, **options: called.append((args, options)))
    one, two = (kept(picture(seed), (40, 60)) for seed in (1, 2))
    for origin in (Origin(one, (two,)), Origin(None, (one, two)), Origin(one, (), (two,))):
        text = page(result(origin=origin), command="neuralstyle a.jpg b.jpg -o c.png")
        call = re.search(r"<h3>In Python</h3><pre>(.*?)</pre>", text, re.DOTALL)
        assert call and "makes pictures smaller" in text
        exec(html.unescape(call[1]), {})
    assert [args for args, _ in called] == [
        ("CONTENT", "STYLE"),
        (None, ["STYLE_1", "STYLE_2"]),
        ("CONTENT", []),
    ]
    assert [options for _, options in called] == [{"size": 60, "seed": 3, "network": EVIL}] * 3


def test_page_asks_for_nothing_from_outside() -> None:
    text = page(result())
    parts = Parts(text)
    for _, attributes in parts.elements:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert re.findall(r"@import|url\((?!\"data:)", text) == []
    assert parts.count("link") == 1 and "default-src 'none'" in text


def test_page_tells_all_that_is_needed_to_paint_the_picture_again() -> None:
    text = Parts(page(result(), command="neuralstyle a.jpg b.jpg -o c.png")).text
    for told in (
        "neuralstyle a.jpg b.jpg -o c.png",
        "seed=3,",
        "init (array of shape (4, 4, 3))",
        "3.99",
        "term 0     1  Loss()",
        "60 x 40 pixels · 6 iterations · 9 evaluations",
        "made 6 iterations at 2 scales",
        "style0.25",
        "colornot known",
    ):
        assert told in text, told
    assert "callback" not in text and "bounds" not in text


def test_a_callback_that_ended_the_run_is_told() -> None:
    assert "callback (function seen)" in page(result(status=ns.Status.CALLBACK))
    changing = result()
    changing.settings["reweighed"] = [[2, {"term 0": 3.0}]]
    assert "callback (function seen)" in page(changing)


def test_page_shows_content_styles_and_result_with_a_slider() -> None:
    parts = Parts(page(result()))
    alts = [of["alt"] for tag, of in parts.elements if tag == "img"]
    assert alts == [
        *("The result", "The photograph"),
        *("Content", "Style", "Style of region 1", "Result"),
    ]
    assert [of["type"] for tag, of in parts.elements if tag == "input"] == ["range"]


def test_a_texture_has_no_slider() -> None:
    parts = Parts(page(result(origin=Origin(None, (kept(noise(), (8, 12)),)))))
    assert parts.count("input") == 0
    assert [of["alt"] for tag, of in parts.elements if tag == "img"] == [
        *("The result", "Style", "Result"),
    ]


def test_whatever_comes_from_outside_is_escaped() -> None:
    rows = tuple(dataclasses.replace(row, losses={EVIL: 1.0, "$script": 2.0}) for row in history())
    evil = result(history=rows, message=EVIL, losses={EVIL: 1.0})
    evil.settings.update({EVIL: EVIL, "versions": {EVIL: EVIL}, "not_stored": {EVIL: EVIL}})
    parts = Parts(page(evil, title=EVIL, command=f"neuralstyle {EVIL} \udce9"))
    assert parts.count("script") == 1
    assert parts.text.count(EVIL) >= 9 and "$script" in parts.text


def test_result_of_minimize_takes_its_pictures_from_the_call() -> None:
    made = ns.minimize(ns.TotalVariationLoss(), pixels, noise(), maxiter=1)
    parts = Parts(page(made))
    assert parts.count("img") == 1 and "made again by the program that made it" in parts.text
    parts = Parts(page(made, content=picture(1), style=[noise(), picture(2)]))
    assert parts.count("img") == 6 and "Style 2" in parts.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"content": 3}, "^content: "),
        ({"style": [noise(), 3]}, r"^style\[1\]: "),
        ({"title": 3}, "^title: expected a string, received 3"),
        ({"command": ["a"]}, "^command: expected a string, received "),
    ],
)
def test_wrong_arguments_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        result().save_report(io.BytesIO(), **options)


@pytest.mark.parametrize("target", [3, io.StringIO()])
def test_a_target_that_takes_no_bytes_is_refused(target: Any) -> None:
    with pytest.raises(TypeError, match="^target: expected a path or a binary file object"):
        result().save_report(target)


def test_a_page_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "run.html").write_text("before")
    with pytest.raises(TypeError):
        result().save_report(tmp_path / "run.html", content=3)
    with pytest.raises(OSError, match="does not exist"):
        result().save_report(tmp_path / "gone" / "run.html")
    assert (tmp_path / "run.html").read_text() == "before"


@pytest.mark.slow
def test_the_hardest_pictures_keep_within_the_size() -> None:
    grain = noise(1100, 1400)
    styles = tuple(kept(noise(1024, 1024, seed), (1024, 1024)) for seed in range(6))
    hard = result(image=grain, origin=Origin(kept(grain, grain.shape), styles))
    hard.settings["long"] = list(range(100_000))
    assert MOST / 4 < len(page(hard)) <= MOST


def test_origin_is_kept_small() -> None:
    assert kept(np.zeros((10, 2000, 3)), (10, 2000)).shape == (5, LONGEST, 3)


# Curves


def test_the_name_of_a_scale_that_has_just_begun_does_not_cross_the_edge() -> None:
    first, *rest = history(scales=2, each=10)
    just_begun = chart([first, *rest[:10]], ["100 x 100", "2000 x 2000"])
    assert 'style="left:100.00%;transform:translateX(-100%)">2000 x 2000<' in just_begun
    assert 'style="left:0.00%">100 x 100<' in just_begun


def test_every_loss_has_a_line_for_each_scale() -> None:
    drawn = chart(history(scales=3, terms=2), ["1 x 1", "2 x 2"])
    assert len(re.findall('class="line', drawn)) == 3 * 3
    assert drawn.count('class="mark"') == 2
    assert "1 x 1" in drawn and "2 x 2" in drawn


def test_lines_fall_as_the_losses_do_on_a_logarithmic_axis() -> None:
    rows = [ns.Iteration(k, k, 10.0**-k, {}, 0.0) for k in range(4)]
    (path,) = re.findall('class="line whole" d="M([^"]*)"', chart(rows, []))
    points = np.array([point.split() for point in path.split("L")], float)
    np.testing.assert_allclose(points[:, 0], [0, 1000 / 3, 2000 / 3, 1000], atol=0.1)
    np.testing.assert_allclose(points[:, 1], [0, 400 / 3, 800 / 3, 400], atol=0.1)


@pytest.mark.parametrize("values", [(0.0, 1.0, 2.0), (1.0, float("inf"), 2.0), (3.0, 3.0, 3.0)])
def test_what_has_no_logarithm_is_left_out(values: tuple[float, ...]) -> None:
    rows = [ns.Iteration(k, k, value, {"a": value}, 0.0) for k, value in enumerate(values)]
    drawn = chart(rows, [])
    assert "nan" not in drawn and "inf" not in drawn and 'class="line' in drawn


def test_losses_without_any_logarithm_are_told() -> None:
    assert "no loss above zero" in chart([ns.Iteration(1, 1, -1.0, {"a": 0.0}, 0.0)], [])
    assert "made no iteration" in page(result(history=()))


def test_long_histories_are_thinned_out_to_their_ends() -> None:
    rows = [ns.Iteration(k, k, 1.0 + 1 / k, {}, 0.0) for k in range(1, 5000)]
    drawn = chart(rows, [])
    assert len(drawn) < 15_000 and "L1000.0 400.0" in drawn
    assert len(lines(rows)[0].points) == 4999


# In a browser


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as window:
        yield window


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("page") / "run.html"
    rows = history(terms=12)
    losses = {f"a_long_name_of_a_term_without_spaces_{k}": 1.0 for k in range(12)}
    rows += (dataclasses.replace(rows[-1], nit=7, losses=losses),)
    result(history=rows).save_report(place, title=EVIL, command=f"neuralstyle {'long' * 60}")
    return place.as_uri()


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 960, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_whole_in_a_browser(window: Browser, url: str, width: int, scheme: str) -> None:
    window.show(url, width, scheme)
    assert window.console() == []
    assert window.run("return document.documentElement.scrollWidth") == width
    loaded = "return [...document.images].map((image) => image.complete && image.naturalWidth)"
    assert min(window.run(loaded)) > 0
    paper = window.run("return getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(paper) < 128) == (scheme == "dark")
    low = [of for of in window.run(CONTRASTS) if of[0] < 4.5]
    assert low == []
    assert window.run(BROKEN) == []


@pytest.mark.slow
def test_slider_moves_by_keyboard_mouse_and_finger(window: Browser, url: str) -> None:
    window.show(url, 390)
    cut = "return getComputedStyle(document.querySelector('.before')).clipPath"
    right, end = "\ue014", "\ue010"
    assert window.run(cut) == "inset(0px 50% 0px 0px)"
    window.keys(".compare input", right * 4)
    assert window.run(cut) == "inset(0px 48% 0px 0px)"
    window.click(".compare input", 0.2)
    assert window.run(cut) == "inset(0px 80% 0px 0px)"
    window.click(".compare input", 0.7, "touch")
    assert window.run(cut) == "inset(0px 30% 0px 0px)"
    window.keys(".compare input", end)
    assert window.run(cut) == "inset(0px 0% 0px 0px)"
    assert window.console() == []
