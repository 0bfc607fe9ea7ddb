"""Sweeps: one run for every value of a setting, or for all combinations of several."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, ClassVar, Protocol, final

import numpy as np

from neuralstyle._checks import Stays, shown, stays
from neuralstyle.images.show import Sheet, picture, png, table
from neuralstyle.optimize.interruption import interruption, note
from neuralstyle.optimize.result import Callback, Status, StyleResult
from neuralstyle.transfer.comparing.one_of_several import one_of_several
from neuralstyle.transfer.comparing.sheet import labelled

PLAIN = (bool, int, float, str, type(None))
"""What a table holds as it is."""


class Paint(Protocol):
    """Makes one run of a sweep."""

    def __call__(
        self, place: Mapping[str, int], callback: Callback | None, neighbour: StyleResult | None
    ) -> StyleResult:
        """Take which value of every setting, whom to tell, and what to start from if anything."""


@final
class Sweep:
    """The runs of `sweep` or `stylize_sweep`: each is made when it is first asked for.

    Iterating yields (settings, result) as they come: a dict of what was varied, and a `StyleResult`
    without the optimiser's ``state``. What was made is kept, and iterating again begins with it.

    Parameters
    ----------
    vary : mapping from str to sequence
        The values of every setting. The last one changes from run to run.
    paint : callable
        Makes a run.
    warm_start : bool, default False
        Whether a run starts from the result of its neighbour.
    callback : callable, optional
        Of the runs.
    progress : bool, default False

    Attributes
    ----------
    vary : dict from str to list
    interrupted : bool
        Whether Ctrl-C has ended it. The run that was going on is then the last, as far as it came;
        there will be no further ones.
    error : Exception or None
        What a run has raised, which ends it too: whatever asked for that run has passed it on, and
        the runs before it are what there is.

    Examples
    --------
    >>> import neuralstyle as ns
    >>> picture = np.random.default_rng(0).uniform(size=(8, 8, 3)).astype(np.float32)
    >>> pixels = lambda image: {"input": image}
    >>> objective = ns.TotalVariationLoss() + ns.ContentLoss({"input": picture[None]}, "input")
    >>> runs = ns.sweep(objective, pixels, picture, vary={"content": [0.1, 10]}, maxiter=5)
    >>> for settings, result in runs:
    ...     print(settings, result.nit)
    {'content': 0.1} 5
    {'content': 10} 5
    >>> [row["losses.content"] < 0.01 for row in runs.table()]
    [False, True]
    >>> runs.sheet().shape[0]
    28
    """

    __reduce_ex__: ClassVar[Stays] = stays(
        "its runs are made as they are asked for; keep a list of it"
    )

    def __init__(
        self,
        vary: Mapping[str, Sequence[Any]],
        paint: Paint,
        *,
        warm_start: bool = False,
        callback: Callback | None = None,
        progress: bool = False,
    ) -> None:
        self.vary: dict[str, list[Any]] = {name: list(values) for name, values in vary.items()}
        self.interrupted: bool = False
        self.error: Exception | None = None
        self._paint, self._warm_start = paint, warm_start
        self._callback, self._progress = callback, progress
        numbers = map(range, map(len, self.vary.values()))
        self._places = list(itertools.product(*numbers))
        self._runs: list[tuple[dict[str, Any], StyleResult]] = []

    def __iter__(self) -> Iterator[tuple[dict[str, Any], StyleResult]]:
        """Yield (settings, result) of every run."""
        for number in range(len(self._places)):
            if number == len(self._runs) and not self._run():
                return
            settings, result = self._runs[number]
            yield dict(settings), result

    def __len__(self) -> int:
        """Return how many runs it has: all, or those that are there if it has ended before."""
        return len(self._runs if self._ended else self._places)

    @property
    def _ended(self) -> bool:
        return self.interrupted or self.error is not None

    def table(self) -> list[dict[str, Any]]:
        """Return a row for every run, of plain values: what pandas makes a `DataFrame` of.

        Returns
        -------
        list of dict from str to object
            The settings; ``fun``, ``nit``, ``nfev``, ``seconds`` and ``status`` of the result; and
            every loss, as ``losses.style``, None in the rows of recipes without it. A value that is
            no number or text, a picture for instance, is called by its number, from 1: ``style 2``.
        """
        self._run_all()
        return self._rows()

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for place, (_, result) in zip(self._places, self._runs, strict=False):
            settings = self._told(place)
            found = {name: getattr(result, name) for name in ("fun", "nit", "nfev", "seconds")}
            losses = {f"losses.{name}": value for name, value in result.losses.items()}
            rows.append({**settings, **found, "status": result.status.name, **losses, **settings})
        every = dict.fromkeys(name for row in rows for name in row)
        return [{**every, **row} for row in rows]

    def sheet(self) -> Sheet:
        """Lay the results out on one page, each with its settings above it.

        Returns
        -------
        Sheet, an array, shape (H, W, 3), float32
            The last setting goes across, the others down. A picture that is given by its path is
            called by the name of its file.

        Raises
        ------
        ValueError
            If not even the first run has a result.
        """
        self._run_all()
        if not self._runs:
            raise ValueError("sheet: expected at least one result, received none") from self.error
        return self._page()

    def _page(self) -> Sheet:
        cells = [
            (self._caption(place, result), result.image)
            for place, (_, result) in zip(self._places, self._runs, strict=False)
        ]
        across = len([*self.vary.values()][-1])
        return labelled([cells[i : i + across] for i in range(0, len(cells), across)])

    def __repr__(self) -> str:
        """Describe it in a line."""
        counts = ", ".join(f"{len(values)} of {name}" for name, values in self.vary.items())
        ended = f"; ended by {type(self.error).__name__}" if self.error else ""
        return f"Sweep({len(self._runs)} of {len(self._places)} runs made; {counts}{ended})"

    def _repr_png_(self) -> bytes | None:
        """Show the results in a notebook, as far as there are any: showing makes no runs."""
        return png(self._page()) if self._runs else None

    def _repr_html_(self) -> str:
        """Show the results that there are, their settings and losses."""
        line = f"<p>{escape(repr(self))}</p>"
        if not self._runs:
            return f"<div>{line}<p>sheet(), table() and iterating make the runs.</p></div>"
        rows = self._rows()
        cells = (["" if value is None else value for value in row.values()] for row in rows)
        return f"<div>{picture(self._page())}{table([*rows[0]], cells)}{line}</div>"

    def _run_all(self) -> None:
        """Make the runs that are not made yet."""
        for _ in self:
            pass

    def _run(self) -> bool:
        """Make the next run; return whether there is a result."""
        number = len(self._runs)
        if self._ended:
            return False
        place = self._places[number]
        with interruption() as signals:
            try:
                of = number, len(self._places), self._lines(place)
                with one_of_several(self._progress, self._callback, *of) as told:
                    result = self._paint(
                        dict(zip(self.vary, place, strict=True)),
                        told,
                        self._neighbour(place) if self._warm_start else None,
                    )
            except KeyboardInterrupt:
                note()
                if not self._runs:
                    raise
                self.interrupted = True
                return False
            except Exception as error:
                self.error = error
                raise
        chosen = {name: self.vary[name][k] for name, k in zip(self.vary, place, strict=True)}
        self._runs.append((chosen, dataclasses.replace(result, state=None)))
        self.interrupted = result.status is Status.INTERRUPTED or bool(signals.received)
        return True

    def _neighbour(self, place: tuple[int, ...]) -> StyleResult | None:
        """Return the result of the run before along the last setting that has one."""
        for axis in reversed(range(len(place))):
            if place[axis]:
                before = (*place[:axis], place[axis] - 1, *place[axis + 1 :])
                return self._runs[self._places.index(before)][1]
        return None

    def _told(self, place: tuple[int, ...]) -> dict[str, Any]:
        """Return the settings as plain values."""
        chosen = zip(self.vary.items(), place, strict=True)
        return {name: _plain(name, values, k) for (name, values), k in chosen}

    def _lines(self, place: tuple[int, ...]) -> list[str]:
        """Return what each setting is, in words."""
        chosen = zip(self.vary.items(), place, strict=True)
        return [_in_words(name, values, k) for (name, values), k in chosen]

    def _caption(self, place: tuple[int, ...], result: StyleResult) -> str:
        lines = self._lines(place)
        return "\n".join(lines + ["interrupted"] * (result.status is Status.INTERRUPTED))


def check_vary(vary: Any) -> dict[str, list[Any]]:
    """Check settings and their values.

    Parameters
    ----------
    vary : mapping from str to sequence

    Returns
    -------
    dict from str to list

    Raises
    ------
    TypeError
        If it is no such mapping, or has nothing to vary.
    """
    if not isinstance(vary, Mapping) or not vary:
        raise TypeError(f"vary: expected settings with their values, received {shown(vary)}")
    for setting, values in vary.items():
        listed = isinstance(values, Sequence) or (isinstance(values, np.ndarray) and values.ndim)
        if isinstance(values, str) or not listed or not len(values):
            raise TypeError(
                f"vary: expected a sequence of values of {setting!r}, received {shown(values)}"
            )
    return {setting: list(values) for setting, values in vary.items()}


def _plain(name: str, values: Sequence[Any], number: int) -> Any:
    """Return one of the values of a setting as a plain value."""
    value = values[number]
    value = value.item() if isinstance(value, np.generic) else value
    if _is_picture(value):
        return f"{name} {number + 1}"
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if inspect.isfunction(value):
        return value.__name__
    return value if isinstance(value, PLAIN) else shown(value)


def _in_words(name: str, values: Sequence[Any], number: int) -> str:
    """Return a line for one of the values of a setting."""
    plain, value = _plain(name, values, number), values[number]
    if _is_picture(value):
        return str(plain)
    if isinstance(value, Mapping):  # as on the command line
        plain = " ".join(f"{of}:{share:g}" for of, share in value.items())
    elif isinstance(plain, float):
        plain = f"{plain:g}"
    elif _is_path(name, value):
        stems = [Path(of).stem for of in values if _is_path(name, of)]
        plain = Path(value).stem if stems.count(Path(value).stem) == 1 else plain
    return f"{name}={plain}"


def _is_path(name: str, value: Any) -> bool:
    return isinstance(value, os.PathLike) or (name == "style" and isinstance(value, str))


def _is_picture(value: Any) -> bool:
    """Return whether a value is an array, or several."""
    if isinstance(value, list | tuple):
        return any(map(_is_picture, value))
    return not isinstance(value, np.generic) and hasattr(value, "__array__")
