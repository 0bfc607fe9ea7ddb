"""The live page: what it shows, what it does, and whom it answers."""

from __future__ import annotations

import base64
import http.client
import io
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from browser import BROKEN, CONTRASTS, Browser, browser
from support import noise, picture, pixels

import neuralstyle as ns

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no browser to hear of the end: here is none that asks again."""
    monkeypatch.setattr("neuralstyle.optimize.showing.page.board.GRACE", 0.01)


@pytest.fixture
def page() -> Iterator[ns.LivePage]:
    with ns.LivePage(save=lambda now: f"{now.nit}.png", title="<b>Hills</b>") as page:
        yield page


def get(page: ns.LivePage, name: str = "") -> bytes:
    with OPENER.open(f"{page.url}{name}", timeout=10) as answer:
        return bytes(answer.read())


def state(page: ns.LivePage) -> Any:
    return json.loads(get(page, "state"))


def post(page: ns.LivePage, name: str, value: Any = None, **headers: str) -> int:
    request = urllib.request.Request(f"{page.url}{name}", json.dumps(value).encode(), headers)
    with OPENER.open(request, timeout=10) as answer:
        return int(answer.status)


def ask(page: ns.LivePage, method: str, path: str, body: str | None = None, **headers: str) -> int:
    """Ask for a path, with other headers than usual; return the status."""
    connection = http.client.HTTPConnection(page.url.split("/")[2], timeout=10)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(None if body is None else body.encode())
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def token(page: ns.LivePage) -> str:
    return "/" + page.url.split("/", 3)[3]


def progress(nit: int, wishes: dict[str, float] | None = None, **changes: Any) -> ns.Progress:
    """Make what a callback gets; weights that are asked for go into a dict."""
    image = changes.pop("image", picture(nit, (30, 40)))
    settings = {"weights": {"style": 2.0}}
    usual: dict[str, Any] = {"maxiter": 9, "work_left": 9 - nit, "settings": settings}
    losses = {"style": 1.0 / nit}
    given = {**usual, **changes, "_image": lambda: image}
    if wishes is not None:
        given["_reweigh"] = wishes.update
    return ns.Progress(nit, nit, 2.0 / nit, losses, 0.1 * nit, image.shape, **given)


# What it shows


def test_page_shows_picture_losses_and_weights_to_who_looks(page: ns.LivePage) -> None:
    assert state(page)["picture"] is None
    page(progress(1))
    shown = state(page)
    assert shown["facts"] == "iteration 1 of 9 · 40 x 30 · 0.1 s"
    data = base64.b64decode(shown["picture"].removeprefix("data:image/jpeg;base64,"))
    assert np.abs(ns.load_image(io.BytesIO(data)) - picture(1, (30, 40))).mean() < 0.02
    objective, style = shown["losses"]
    assert (objective["name"], objective["weight"]) == ("objective", None)
    assert (style["name"], style["weight"], style["now"]) == ("style", 2.0, "1")
    assert "<svg" in shown["curves"]
    assert b"&lt;b&gt;Hills&lt;/b&gt;" in get(page) and b"<b>" not in get(page)


def test_nothing_is_drawn_while_nobody_looks(page: ns.LivePage) -> None:
    def never() -> Any:
        raise AssertionError("drawn for nobody")

    for nit in range(1, 10):
        now = progress(nit)
        page(ns.Progress(**{**vars(now), "_image": never}))


def test_last_iteration_is_drawn_however_soon_it_comes(page: ns.LivePage) -> None:
    for nit in (1, 9):
        state(page)
        page(progress(nit))
    assert state(page)["facts"].startswith("iteration 9 of 9")


def test_who_waits_hears_of_the_end(page: ns.LivePage) -> None:
    version, heard = state(page)["version"], []
    waiting = threading.Thread(target=lambda: heard.append(get(page, f"state?after={version}")))
    waiting.start()
    while not page._board.watched:
        time.sleep(0.01)
    page.close()
    waiting.join(10)
    assert json.loads(heard[0])["over"] is True
    page(progress(1))  # a closed page does nothing
    assert "closed" in repr(page)
    with pytest.raises(urllib.error.URLError):
        get(page)


def test_large_pictures_are_made_smaller(page: ns.LivePage) -> None:
    state(page)
    page(progress(1, image=picture(0, (600, 2000))))
    data = base64.b64decode(state(page)["picture"].partition(",")[2])
    assert ns.load_image(io.BytesIO(data)).shape == (307, 1024, 3)


# What it does


def test_stop_ends_a_run_that_returns_its_result(page: ns.LivePage) -> None:
    def callback(now: ns.Progress) -> None:
        if now.nit == 2:
            assert post(page, "stop") == 204
        page(now)

    given: Any = {"extractor": pixels, "init": noise(), "callback": callback}
    result = ns.minimize(ns.TotalVariationLoss(), **given)
    assert (result.nit, result.status) == (2, ns.Status.CALLBACK)
    assert result.message == "halted by the callback: stopped on the page"


def test_weight_changes_at_the_next_iteration(page: ns.LivePage) -> None:
    def callback(now: ns.Progress) -> None:
        if now.nit == 2:
            assert post(page, "weights", {"total_variation": 3}) == 204
        page(now)

    given: Any = {"extractor": pixels, "init": noise(), "maxiter": 3, "callback": callback}
    result = ns.minimize(1.0 * ns.TotalVariationLoss(exponent=1.5), **given)
    assert result.settings["reweighed"] == [[2, {"total_variation": 3.0}]]


def test_changed_weights_hold_at_the_scales_to_come_but_not_in_another_run(
    page: ns.LivePage,
) -> None:
    post(page, "weights", {"style": 5})
    for nit, scale, expected in [(1, 0, 5), (2, 0, None), (3, 1, 5), (1, 0, None), (2, 1, None)]:
        wishes: dict[str, float] = {}
        page(progress(nit, wishes, scale=scale))
        assert wishes == ({"style": expected} if expected else {})


def test_a_weight_that_is_none_is_told_and_the_run_goes_on(page: ns.LivePage) -> None:
    def callback(now: ns.Progress) -> None:
        post(page, "weights", {"total_variation": 1e40} if now.nit == 1 else {"gone": 1})
        page(now)
        assert ("expected 0 or" if now.nit == 1 else "no term 'gone'") in state(page)["notes"]

    given: Any = {"extractor": pixels, "init": noise(), "maxiter": 2, "callback": callback}
    result = ns.minimize(1.0 * ns.TotalVariationLoss(exponent=1.5), **given)
    assert result.nit == 2 and "reweighed" not in result.settings


def test_save_is_done_once_and_told(page: ns.LivePage) -> None:
    post(page, "save")
    page(progress(1))
    assert state(page)["notes"] == "Saved as 1.png."
    page(progress(2))
    assert state(page)["notes"] == "Saved as 1.png."


def test_what_cannot_be_saved_is_told_and_the_run_goes_on() -> None:
    def full(now: ns.Progress) -> None:
        raise OSError(28, "No space left on device")

    with ns.LivePage(save=full) as page:
        post(page, "save")
        page(progress(1))
        assert "No space left" in state(page)["notes"]


def test_without_a_place_there_is_no_button_to_save() -> None:
    with ns.LivePage() as page:
        assert b'id="save"' not in get(page) and b'id="stop"' in get(page)


# Whom it answers


def test_nobody_is_answered_without_the_token(page: ns.LivePage) -> None:
    own = token(page)
    for path in ("/", "/state", "/x/state", own[:-2] + "/", own.upper(), "//", "", "*"):
        assert ask(page, "GET", path) == 403, path
        assert ask(page, "POST", path, "{}") == 403, path
    assert ask(page, "GET", own) == 200
    assert len(own) > 30 and token(ns.LivePage()) != own


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", ""])
def test_no_other_host_is_answered(host: str, page: ns.LivePage) -> None:
    port = page.url.split("/")[2].partition(":")[2]
    assert ask(page, "GET", token(page), Host=host.format(port=port)) == 403
    assert ask(page, "GET", token(page), Host=f"localhost:{port}") == 200


def test_actions_are_posted_by_the_page_alone(page: ns.LivePage) -> None:
    stop = f"{token(page)}stop"
    assert ask(page, "GET", stop) == 405
    assert ask(page, "POST", f"{token(page)}state", "{}") == 405
    assert ask(page, "POST", stop, "{}", Origin="http://evil.example") == 403
    assert ask(page, "POST", stop, "{}", Origin="null") == 403
    assert ask(page, "GET", f"{token(page)}../state") == 404
    page(progress(1))  # nothing has stopped it
    assert ask(page, "POST", stop, "{}", Origin=page.url.rsplit("/", 2)[0]) == 204
    with pytest.raises(StopIteration, match="stopped on the page"):
        page(progress(2))


@pytest.mark.parametrize("body", ["", "{", "[1]", '{"style": "a"}', '{"style": NaN}', '"\xff'])
def test_nonsense_is_refused(body: str, page: ns.LivePage) -> None:
    assert ask(page, "POST", f"{token(page)}weights", body) == 400
    assert ask(page, "POST", f"{token(page)}weights", "1" * 20_000) == 413
    assert ask(page, "POST", f"{token(page)}weights") == 411


def test_every_answer_forbids_what_the_page_does_not_need(page: ns.LivePage) -> None:
    for name in ("", "live.css", "live.js", "state"):
        with OPENER.open(f"{page.url}{name}", timeout=10) as answer:
            assert (
                "default-src 'none'; script-src 'self'" in answer.headers["Content-Security-Policy"]
            )
            assert answer.headers["Cache-Control"] == "no-store"
    assert b"<script>" not in get(page) and b" style=" not in get(page)


def test_a_browser_that_goes_away_is_harmless(
    page: ns.LivePage, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = http.client.HTTPConnection(page.url.split("/")[2])
    connection.request("GET", f"{token(page)}state?after=0")
    while not page._board.watched:
        time.sleep(0.01)
    connection.close()
    page(progress(1))
    page(progress(9))
    assert state(page)["picture"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": -1}, "^port: expected at least 0"),
        ({"port": 70_000}, "^port: expected at most 65535, received 70000"),
        ({"port": "80"}, "^port: "),
        ({"save": "out.png"}, "^save: expected a callable or None, received 'out.png'"),
        ({"save": lambda: None}, "^save: "),
        ({"title": 3}, "^title: expected a string, received 3"),
    ],
)
def test_wrong_arguments_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        ns.LivePage(**options)


def test_what_was_wished_of_a_run_that_is_over_is_not_done_to_the_next(page: ns.LivePage) -> None:
    page(progress(9))
    post(page, "stop")
    changed: dict[str, float] = {}
    post(page, "weights", {"style": 3.0})
    page(progress(1, changed))
    assert changed == {}


def test_what_cannot_be_drawn_is_told_and_the_run_goes_on(page: ns.LivePage) -> None:
    def full() -> Any:
        raise MemoryError("no room for a copy")

    state(page)
    page(ns.Progress(**{**vars(progress(1)), "_image": full}))
    assert state(page)["notes"] == "Not shown: no room for a copy"


def test_a_port_can_be_used_again_at_once() -> None:
    with ns.LivePage() as first:
        port = int(first.url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(f"GET {token(first)} HTTP/1.0\r\n\r\n".encode())
            while connection.recv(2**16):  # the server hangs up first, so its side lingers
                pass
    with ns.LivePage(port) as second:
        assert f":{port}/" in second.url and get(second)


def test_a_port_that_is_taken_is_named(page: ns.LivePage) -> None:
    port = int(page.url.split(":")[2].partition("/")[0])
    with pytest.raises(OSError, match=f"^port: expected one that is free, received {port}: "):
        ns.LivePage(port)


# In a browser


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as window:
        yield window


def text(window: Browser, id: str) -> str:
    return str(window.run(f"return document.getElementById('{id}').textContent"))


def until(window: Browser, script: str) -> Any:
    """Wait until a script returns what is true."""
    for _ in range(300):
        if found := window.run(script):
            return found
        time.sleep(0.1)
    raise AssertionError(f"never so: {script}")


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 960, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_picture_grows_and_buttons_work_in_a_browser(
    window: Browser, width: int, scheme: str
) -> None:
    saved: list[Any] = []
    with ns.LivePage(save=lambda now: saved.append(now.image), title="a" * 80) as page:

        def slowly(now: ns.Progress) -> None:
            time.sleep(0.02)
            page(now)

        def run() -> None:
            given: Any = {"extractor": pixels, "init": noise(48, 64), "callback": slowly}
            content = ns.ContentLoss(pixels(picture(1, (48, 64))), "input")
            limits: Any = {"maxiter": 100_000, "ftol": 0.0, "method": "adam"}
            results.append(
                ns.minimize(content + ns.TotalVariationLoss(exponent=1.5), **given, **limits)
            )

        results: list[ns.StyleResult] = []
        window.show(page.url, width, scheme)
        assert text(window, "facts") == "Waiting for the first iteration."
        running = threading.Thread(target=run)
        running.start()
        try:
            first = until(window, "return document.images[0].complete && document.images[0].src")
            until(window, f"return document.images[0].src !== {json.dumps(first)}")
            assert window.run("return document.documentElement.scrollWidth") == width
            assert [of for of in window.run(CONTRASTS) if of[0] < 4.5] == []
            assert window.run(BROKEN) == []
            window.click("#save")
            until(window, "return document.getElementById('notes').textContent === 'Saved.'")
            assert len(saved) == 1
            window.keys("input[data-name=content]", "\ue009a\ue000" + "7\ue007")
            until(window, "return document.getElementById('notes').textContent.endsWith(' 7.')")
            window.click("#stop")
            running.join(20)
        finally:
            page._board._stop(None)
            running.join(20)
        page.close()
        until(window, "return document.querySelector('button') === null")
        assert "The run has ended." in text(window, "notes")
        (result,) = results
        assert result.status is ns.Status.CALLBACK
        assert result.settings["weights"]["content"] == 7.0
        assert window.console() == []
