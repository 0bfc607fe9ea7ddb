"""What a live page shows and what it asks for, between the run and the server's threads."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from html import escape
from string import Template
from typing import Any, final

from neuralstyle.optimize.showing.page.page import asset

LOOKING = 3.0
"""Seconds after which a browser that has not asked again is taken to be gone."""

GRACE = 1.0
"""Seconds that the end waits, where a browser is there, for it to hear of the end."""

PATIENCE = 20.0
"""Seconds that a browser waits for news before it hears that there are none."""


@final
class Wishes:
    """What browsers have asked for since an iteration."""

    def __init__(self) -> None:
        self.stop = False
        self.save = False
        self.weights: dict[str, float] = {}


@final
class Board:
    """What the run and the server's threads have in common."""

    def __init__(self, title: str, saves: bool) -> None:
        self._title = title
        self._saves = saves
        self._news = threading.Condition()
        self._wishes = Wishes()
        self._state: dict[str, Any] = {
            "version": 0,
            "facts": "Waiting for the first iteration.",
            "notes": "",
            "picture": None,
            "over": False,
        }
        self.watched: bool = False
        self._seen: float = -math.inf  # when somebody looked last
        self._told: bool = False  # whether somebody knows that it is over

    def pages(self) -> dict[str, tuple[str, Callable[[Mapping[str, str]], bytes]]]:
        """Return what there is to get."""
        styles = asset("page.css") + asset("live.css")
        return {
            "": ("text/html", lambda query: self._page().encode()),
            "live.css": ("text/css", lambda query: styles.encode()),
            "live.js": ("text/javascript", lambda query: asset("live.js").encode()),
            "state": ("application/json", self._wait),
        }

    def actions(self) -> dict[str, Callable[[Any], None]]:
        """Return what there is to do."""
        return {"stop": self._stop, "save": self._keep, "weights": self._reweigh}

    def take(self) -> Wishes:
        """Return the wishes so far, and begin to gather others."""
        with self._news:
            taken, self._wishes = self._wishes, Wishes()
        return taken

    def say(self, text: str) -> None:
        """Tell something beside the picture."""
        self._change(notes=text)

    def show(self, drawn: Mapping[str, Any], facts: str) -> None:
        """Show where the run is, to those who look."""
        self.watched = False  # until somebody asks again
        self._change(**drawn, facts=facts)

    def end(self) -> None:
        """Say that the run is over."""
        notes = self._state["notes"]
        self._change(over=True, notes=f"{notes} The run has ended.".strip())
        with self._news:
            if time.monotonic() - self._seen < LOOKING:
                self._news.wait_for(lambda: self._told, GRACE)

    def _change(self, **changes: Any) -> None:
        with self._news:
            self._state = {**self._state, **changes, "version": self._state["version"] + 1}
            self._news.notify_all()

    def _page(self) -> str:
        save = '<button id="save" type="button">Save as it is now</button>' if self._saves else ""
        return Template(asset("live.html")).substitute(title=escape(self._title), save=save)

    def _wait(self, query: Mapping[str, str]) -> bytes:
        """Return what there is to show, once it is newer than what is known."""
        text = query.get("after", "")
        after = int(text) if text.isdecimal() else -1
        with self._news:
            self.watched = True
            self._seen = math.inf  # somebody is waiting
            self._news.wait_for(lambda: self._state["version"] > after, PATIENCE)
            state, self._seen = self._state, time.monotonic()
            self._told = bool(state["over"])
            self._news.notify_all()
        return json.dumps(state).encode()

    def _stop(self, posted: Any) -> None:
        with self._news:
            self._wishes.stop = True
        self.say("The run ends after this iteration.")

    def _keep(self, posted: Any) -> None:
        with self._news:
            self._wishes.save = True

    def _reweigh(self, posted: Any) -> None:
        if not isinstance(posted, dict) or not all(_is_number(of) for of in posted.values()):
            raise ValueError("weights: expected numbers by name")
        with self._news:
            self._wishes.weights.update(posted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
