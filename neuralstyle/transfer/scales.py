"""Coarse to fine: which sizes a picture is worked at, and what has been done at them."""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neuralstyle._checks import describe, shown
from neuralstyle._types import Image
from neuralstyle.images.arrays import resize, scaled_size
from neuralstyle.optimize.origin import Origin
from neuralstyle.optimize.result import Callback, Progress, Status, StyleResult, ends

SHORTEST_SIDE = 32
"""No scale of a coarse-to-fine run has a side below this, unless the picture has."""

STEP = 16
"""Of the deepest convolutions of VGG: sides of a torus are multiples of its layers' steps."""


def target_size(sides: Sequence[int], size: int | tuple[int, int] | None) -> tuple[int, int]:
    """Return (height, width), given both, or the longer of them and a picture's `sides`."""
    if isinstance(size, tuple):
        return size
    if not sides:
        raise ValueError(
            "size: expected (height, width) where there is neither content nor style, "
            f"received {shown(size)}"
        )
    return scaled_size(sides, size or max(sides[:2]))


def pyramid(
    shape: tuple[int, int], scales: int | None, min_size: int | None, torus: bool = False
) -> list[tuple[int, int]]:
    """Return the shapes to work at, coarse to fine, each half of the next.

    Of a torus about half: a network's layers have whole positions there, if they have at the last.

    Examples
    --------
    >>> pyramid((240, 400), 3, None), pyramid((240, 400), 3, None, torus=True)
    ([(60, 100), (120, 200), (240, 400)], [(64, 96), (128, 192), (240, 400)])
    """
    step = math.gcd(STEP, *shape) if torus else 1
    shapes = [shape]
    while len(shapes) < (scales or 99):
        factor = 2 ** len(shapes)
        half = in_steps(shape[0] / factor, step), in_steps(shape[1] / factor, step)
        too_coarse = scales is None and (min_size is None or max(half) < min_size)
        if too_coarse or min(half) < SHORTEST_SIDE:
            break
        shapes.append(half)
    return shapes[::-1]


def in_steps(length: float, step: int) -> int:
    """Return the multiple of a step that is nearest to a length, and not zero."""
    return max(1, round(length / step)) * step


def iterations_at(
    maxiter: tuple[int, ...] | None, default: tuple[int, ...], shapes: list[tuple[int, int]]
) -> list[int]:
    """Return the iterations at each scale; the last number given repeats."""
    scales = len(shapes)
    counts = maxiter or default[:scales]
    if len(counts) > scales:
        raise ValueError(
            f"maxiter: expected at most {scales} number{'s' * (scales > 1)}, one for each scale ("
            f"{', '.join(map(describe, shapes))}), "
            f"received {len(counts)}"
        )
    return [counts[min(scale, len(counts) - 1)] for scale in range(scales)]


def enlarged(image: Image, shape: tuple[int, int], content: Image | None) -> Image:
    """Return the start of the next scale, with the detail that the content gains there."""
    larger: Image = resize(image, shape)
    if content is None:
        return larger
    fine = resize(content, shape)
    detail = fine - resize(resize(content, image.shape[:2]), shape)
    start: Image = np.clip(larger + detail, 0.0, 1.0)
    return start


def style_size(style: Image, shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return the size to which a style image is scaled, beside a content of `shape`.

    Style images are never enlarged: what that would add is blur.
    """
    sides = style.shape[:2]
    least = math.ceil(SHORTEST_SIDE * max(sides) / min(sides))
    longer = min(max(least, round(max(shape) * scale)), max(sides))
    return scaled_size(style.shape, longer)


def name_both(error: Exception, shape: Sequence[int], whole: Sequence[int]) -> None:
    """Let an error about a coarse scale's size name the picture's too, which users have asked for.

    Parameters
    ----------
    error : Exception
    shape, whole : (int, int)
        The scale's, and the picture's.

    Examples
    --------
    >>> error = ValueError("received 40 x 30")
    >>> name_both(error, (30, 40), (60, 80))
    >>> print(error)
    received 40 x 30 (at the scale of 40 x 30 of 80 x 60; with scales=1 there is no coarser one)
    """
    small, large = describe(shape), describe(whole)
    told = str(error)
    about_size = small in told or "torus" in told  # whose positions in a layer are counted, too
    if type(error) is ValueError and small != large and about_size:
        error.args = (
            f"{told} (at the scale of {small} of {large}; with scales=1 there is no coarser one)",
        )


class Scales:
    """The results of the scales so far, and their sum.

    Parameters
    ----------
    shapes : list of (int, int)
    iterations : list of int
    started : float
        When the run began, by `time.perf_counter`.
    finished : callable
        Takes a picture of any scale, and returns what the user is to see of it.
    origin : Origin
        What all is made of.
    """

    def __init__(
        self,
        shapes: list[tuple[int, int]],
        iterations: list[int],
        started: float,
        finished: Callable[[Image], Image],
        origin: Origin,
    ) -> None:
        self.shapes = shapes
        self.iterations = iterations
        self.started = started
        self.finished = finished
        self.origin = origin
        self.begun: list[float] = []
        self.results: list[StyleResult] = []

    def _before(self, scale: int) -> dict[str, Any]:
        """Sum what had been done before a scale."""
        done = self.results[:scale]
        return {
            "nit": sum(r.nit for r in done),
            "nfev": sum(r.nfev for r in done),
            "seconds": self.begun[scale],
        }

    def _shift(self, record: Any, scale: int, **changes: Any) -> Any:
        before = self._before(scale)
        sums = {name: getattr(record, name) + value for name, value in before.items()}
        return dataclasses.replace(record, scale=scale, **sums, **changes)

    def announce(self, callbacks: Sequence[Callback], settings: dict[str, Any]) -> None:
        """Give what was painted so far, if anything, to those callbacks that want it."""
        for callback in callbacks if self.results else ():
            after_scale = getattr(callback, "after_scale", None)
            if after_scale is not None:
                after_scale(self.result(settings))

    def forward(self, callbacks: Sequence[Callback], settings: dict[str, Any]) -> Callback | None:
        """Begin a scale; return a callback that passes its progress on as the whole run's."""
        if len(self.begun) == len(self.results):  # else it goes on from a checkpoint
            self.begun.append(time.perf_counter() - self.started)
            # No run goes on from a coarser scale's state, which has an optimiser's memory.
            self.results = [dataclasses.replace(one, state=None) for one in self.results]
        if not callbacks:
            return None

        scale = len(self.results)
        height, width = self.shapes[scale]
        later = sum(
            count * (h * w) / (height * width)
            for (h, w), count in zip(
                self.shapes[scale + 1 :], self.iterations[scale + 1 :], strict=True
            )
        )

        def passed_on(record: Progress) -> bool:
            whole = self._shift(
                record,
                scale,
                scales=len(self.shapes),
                maxiter=sum(self.iterations),
                work_left=record.work_left + later,
                settings={**record.settings, **settings},
                _image=functools.cache(lambda: self.finished(record.image)),
            )
            # As after a `StopIteration`, those after one that ends the run are not called.
            for callback in callbacks:
                if ends(callback(whole)):
                    return True
            return False

        return passed_on

    def result(self, settings: dict[str, Any]) -> StyleResult:
        """Return the last scale's result with the history and sums of all."""
        last = self.results[-1]
        whole = self._before(len(self.results) - 1)
        whole = {name: value + getattr(last, name) for name, value in whole.items()}
        message = last.message
        if last.status is Status.LIMIT and len(self.results) > 1:
            message = f"made {whole['nit']} iterations at {len(self.results)} scales"
        history = tuple(
            self._shift(record, scale)
            for scale, result in enumerate(self.results)
            for record in result.history
        )
        changes = [
            [self._before(scale)["nit"] + nit, weights]
            for scale, result in enumerate(self.results)
            for nit, weights in result.settings.get("reweighed", ())
        ]
        told = {"reweighed": changes} if changes else {}
        return self.placed(
            dataclasses.replace(
                last,
                image=self.finished(last.image),
                history=history,
                settings={**last.settings, **told, **settings},
                message=message,
                origin=self.origin,
                **whole,
            )
        )

    def placed(self, result: StyleResult) -> StyleResult:
        """Return a result whose message says at which size it is, if that is not the last one."""
        here, asked = result.image.shape[:2], self.shapes[-1]
        if here == asked:
            return result
        message = f"{result.message}, at {describe(here)} of {describe(asked)}"
        return dataclasses.replace(result, message=message)
