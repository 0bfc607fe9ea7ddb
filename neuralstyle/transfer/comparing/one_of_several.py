"""The progress of a run that is one of several: of a sweep, or of an exploration."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import final

from neuralstyle.optimize.result import Callback, Progress, StyleResult
from neuralstyle.optimize.showing.progress import progress_bar


@final
class _Told:
    """A callback that passes a run's progress on, as one of several."""

    def __init__(self, draw: Callback | None, callback: Callback | None, left: int) -> None:
        self._draw, self._callback, self._left = draw, callback, left

    def __call__(self, now: Progress) -> object:
        if self._draw is not None:
            left = now.work_left + self._left * now.maxiter
            self._draw(dataclasses.replace(now, work_left=left))
        return None if self._callback is None else self._callback(now)

    def after_scale(self, result: StyleResult) -> None:
        after_scale = getattr(self._callback, "after_scale", None)
        if after_scale is not None:
            after_scale(result)


@contextmanager
def one_of_several(
    progress: bool, callback: Callback | None, number: int, count: int, words: Sequence[str]
) -> Iterator[Callback | None]:
    """Draw the progress of a run with its number, from 0; yield who is told of it, if anyone.

    Parameters
    ----------
    progress : bool
        Whether to draw it.
    callback : callable or None
        Who is told of it too.
    number, count : int
        Of the run, and how many there are.
    words : sequence of str
        What tells it from the others.
    """
    label = ", ".join([f"{number + 1} of {count}", *words])
    with progress_bar(progress, label=label) as draw:
        nobody = draw is None and callback is None
        yield None if nobody else _Told(draw, callback, count - number - 1)
