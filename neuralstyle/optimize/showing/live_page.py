"""A page that shows a picture while it is painted, and takes wishes."""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, final

from neuralstyle._checks import Stays, describe, shown, stays, takes
from neuralstyle._files import reason
from neuralstyle._types import Image
from neuralstyle.images.show import jpeg, uri
from neuralstyle.optimize.iteration import Iteration
from neuralstyle.optimize.showing.page.board import Board
from neuralstyle.optimize.showing.page.curves import chart, lines, swatch
from neuralstyle.optimize.showing.page.server import Server
from neuralstyle.optimize.showing.progress import left

if TYPE_CHECKING:
    from neuralstyle.optimize.record import Progress

SIDE = 1024
"""Longer side of the picture on the page at the most."""

EVERY = 0.3
"""Seconds between two pictures of the page, at the least."""

SHARE = 0.05
"""Of a run's time, at the most, that goes into what the page shows."""


@final
class LivePage:
    """A callback that serves a page with the growing picture, its losses, and buttons.

    Parameters
    ----------
    port : int, from 0 to 65535, default 0
        Where to serve it; 0 takes a port that is free.
    save : callable, optional
        Called with a `Progress` when the page's button asks for it; what it returns is told as the
        place of the picture. Without it there is no such button.
    title : str, optional
        The page's heading.

    Attributes
    ----------
    url : str
        The page's address: of this machine alone, and with a random token, without which nothing
        is answered.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    OSError
        If the port is taken.

    Notes
    -----
    The server is there from the beginning until `close`, or the end of a ``with`` statement. It
    works in threads of its own and never holds the run up; nothing is drawn while no browser looks.
    What the page asks for is done after the next iteration: to stop, which ends the run as
    `StopIteration` from a callback does; to save; or to change a weight, for the rest of the run:
    see `Progress.reweigh`.

    Examples
    --------
    >>> import numpy as np
    >>> from neuralstyle import TotalVariationLoss, minimize
    >>> start = np.random.default_rng(0).uniform(size=(16, 24, 3))
    >>> with LivePage() as page:
    ...     print(page.url)  # doctest: +ELLIPSIS
    ...     look = lambda image: {"input": image}
    ...     result = minimize(TotalVariationLoss(), look, start, maxiter=3, callback=page)
    http://127.0.0.1:.../
    """

    __reduce_ex__: ClassVar[Stays] = stays("it serves a page here")

    def __init__(
        self,
        port: int = 0,
        *,
        save: Callable[[Progress], object] | None = None,
        title: str | None = None,
    ) -> None:
        if save is not None:
            if not callable(save):
                raise TypeError(f"save: expected a callable or None, received {shown(save)}")
            takes("save", save, "progress")
        if title is not None and not isinstance(title, str):
            raise TypeError(f"title: expected a string, received {shown(title)}")
        self._save = save
        self._board = board = Board(title or "A picture, as it is painted", save is not None)
        self._server = Server(port, board.pages(), board.actions())
        self._end = weakref.finalize(self, _end, board, self._server)
        self._history: list[Iteration] = []
        self._sizes: dict[int, str] = {}
        self._weights: dict[str, float] = {}
        self._next = 0.0

    @property
    def url(self) -> str:
        """The page's address."""
        return self._server.url

    def __call__(self, now: Progress) -> None:
        """Do what the page has asked for, and show where the run is.

        Raises
        ------
        StopIteration
            If the page has asked for an end.
        """
        if not self._end.alive:
            return
        if self._history and now.nit <= self._history[-1].nit:  # another run
            self._history, self._sizes, self._weights = [], {}, {}
            self._board.take()  # what was wished of that one
        new_scale = now.scale not in self._sizes
        self._sizes[now.scale] = describe(now.shape)
        self._history.append(now._iteration())
        board = self._board
        wishes = board.take()
        self._reweigh(now, wishes.weights, self._weights if new_scale else {})
        if wishes.save and self._save is not None:
            board.say(_saved(self._save, now))
        if board.watched and (time.monotonic() >= self._next or now.nit == now.maxiter):
            started = time.monotonic()
            try:
                board.show(self._drawn(now), _facts(now))
            except (MemoryError, OSError, ValueError) as error:  # the run goes on
                board.say(f"Not shown: {error}")
            self._next = time.monotonic() + max(EVERY, (time.monotonic() - started) / SHARE)
        if wishes.stop:
            raise StopIteration("stopped on the page")

    def close(self) -> None:
        """End the server; browsers keep what they show."""
        self._end()

    def __enter__(self) -> LivePage:
        """Return the page, which is there already."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the server."""
        self.close()

    def __repr__(self) -> str:
        """Tell where it is."""
        return f"LivePage({self.url!r}{'' if self._end.alive else ', closed'})"

    def _reweigh(
        self, now: Progress, wanted: Mapping[str, float], before: Mapping[str, float]
    ) -> None:
        """Change weights: those that are wanted now, and at a new scale those wanted before."""
        weights = now.settings.get("weights", {})
        again = {n: of for n, of in before.items() if n in weights and weights[n] != of}
        if again:
            now.reweigh(again)
        try:
            if wanted:
                now.reweigh(wanted)
                self._weights.update(wanted)
                told = ", ".join(f"{name} {value:g}" for name, value in wanted.items())
                self._board.say(f"From iteration {now.nit + 1} on: {told}.")
        except (KeyError, TypeError, ValueError) as error:
            self._board.say(str(error.args[0]))

    def _drawn(self, now: Progress) -> dict[str, Any]:
        """Return what the page shows of an iteration."""
        weights = now.settings.get("weights", {})
        losses = [
            {
                "name": line.name,
                "swatch": swatch(number),
                "weight": float(f"{weights[line.name]:.6g}") if line.name in weights else None,
                "first": f"{line.points[0][2]:.3g}",
                "now": f"{line.points[-1][2]:.3g}",
            }
            for number, line in enumerate(lines(self._history))
        ]
        sizes = [self._sizes.get(scale, "") for scale in range(max(self._sizes) + 1)]
        curves = chart(self._history, sizes)
        return {"picture": _packed(now.image), "curves": curves, "losses": losses}


def _end(board: Board, server: Server) -> None:
    """Tell browsers that it is over, and end the server."""
    board.end()
    server.close()


def _saved(save: Callable[[Progress], object], now: Progress) -> str:
    """Save a picture; return what there is to say of it."""
    try:
        place = save(now)
    except (MemoryError, OSError, ValueError) as error:  # the run goes on
        return f"Not saved: {reason(error)}"
    return f"Saved as {place}." if place is not None else "Saved."


def _facts(now: Progress) -> str:
    """Return a line about where the run is."""
    facts = [f"iteration {now.nit} of {now.maxiter}", describe(now.shape), f"{now.seconds:.1f} s"]
    if not math.isnan(now.remaining):
        facts.append(f"{left(now)} at the most")
    return " · ".join(facts)


def _packed(image: Image) -> str:
    """Return a picture as a URI."""
    return uri(jpeg(image, SIDE, 88), "jpeg")
