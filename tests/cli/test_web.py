"""``--web``: a page for as long as a picture is painted, told on standard error."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

import neuralstyle as ns
from neuralstyle.cli.main import main
from neuralstyle.optimize.showing import live_page
from neuralstyle.optimize.showing.live_page import LivePage

pytestmark = pytest.mark.usefixtures("shallow")

Run = Callable[..., int]
Made = Callable[[], list[str]]


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let every page ask at once for a picture to be saved and for an end; return them."""
    found: list[Any] = []

    def asking(*args: Any, **options: Any) -> LivePage:
        page = LivePage(*args, **options)
        if options["save"]:
            page._board._keep(None)
        page._board._stop(None)
        found.append(page)
        return page

    monkeypatch.setattr(live_page, "LivePage", asking)
    return found


def test_page_is_told_saves_and_stops_and_is_gone_afterwards(
    run: Run, made: Made, pages: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--web", "--iterations", "9") == 0
    assert made() == ["out.png", "out_0001.png"]
    said = capsys.readouterr().err
    (url,) = re.findall(r"the picture grows at (http://127\.0\.0\.1:\d+/\S{32}/)\n", said)
    assert url == pages[0].url and "stopped on the page" in said
    assert ns.load_metadata("out_0001.png")["neuralstyle"].find('"running"') > 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url)


def test_a_texture_has_a_page_too_and_standard_output_no_place_to_save(
    folder: Any, pages: list[Any], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    short = "--size 32 --iterations 9 --scales 1".split()
    assert main(["texture", "style.png", "-o", "-", "--web", *short]) == 0
    assert [page._save for page in pages] == [None]
    assert capfdbinary.readouterr().out.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--web --quiet", "--web: expected it without --quiet, which would not tell its address"),
        ("--web --sheet style", "--web: expected it without --sheet, whose cells are many"),
        ("--web x", "--web: expected a whole number of at least 0, received 'x'"),
        ("--web 70000", "--web: expected at most 65535, received 70000"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(
    flags: str, message: str, run: Run, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*flags.split()) == 2
    assert message in capsys.readouterr().err
    assert made() == []


def test_one_page_is_about_one_picture(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--web", inputs="content.png ./style.png --style style.png", out="made") == 2
    assert "--web: expected one CONTENT" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with LivePage() as other:
        port = other.url.split(":")[2].partition("/")[0]
        assert run("--web", port) == 2
    assert f"--web: expected one that is free, received {port}: " in capsys.readouterr().err
