"""Ctrl-C at any moment of a run: no picture is older than the last callback."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, final

import numpy as np
import pytest
from painting import PAINT, STYLE, Noted
from support import noise

import neuralstyle as ns
from neuralstyle.optimize.run import Run
from neuralstyle.transfer.scales import Scales

LIBRARY = str(Path(ns.__file__).parent)
USUAL = signal.default_int_handler
METHODS: list[Any] = ["l-bfgs", "l-bfgs-b", "adam"]


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """Give Ctrl-C the meaning that it has in a program, whatever the tests run in."""
    before = signal.signal(signal.SIGINT, USUAL)
    yield
    signal.signal(signal.SIGINT, before)


@final
class Pressing:
    """Counts the calls that the library makes during a run, and presses Ctrl-C at some of them.

    A run is what happens between the moments in which its handler is set and put back. With `storm`
    Ctrl-C is pressed at every call from the given one on.
    """

    latest: Pressing | None = None

    def __init__(self, at: int = sys.maxsize, storm: bool = False) -> None:
        self.at, self.storm = at, storm
        self.calls: list[str] = []

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        """Look at an event of Python's profiler."""
        code = frame.f_code
        ours = event in ("call", "return") and code.co_filename.startswith(LIBRARY)
        if not ours or signal.getsignal(signal.SIGINT) is USUAL:
            return
        self.calls.append(code.co_name)
        here = len(self.calls) - 1
        if here == self.at or (self.storm and here > self.at):
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def storms_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go on with a storm where a result is put together: what a profiler raises ends its work."""
    for owner in (Run, Scales):

        def result(self: Any, *args: Any, make: Any = owner.result) -> Any:
            if Pressing.latest is not None and Pressing.latest.storm:
                sys.setprofile(Pressing.latest)
            return make(self, *args)

        monkeypatch.setattr(owner, "result", result)


def pressed(pressing: Pressing, run: Callable[[], Any]) -> Any:
    """Run; return what is returned, or None after a `KeyboardInterrupt`."""
    try:
        Pressing.latest = pressing
        sys.setprofile(pressing)
        return run()
    except KeyboardInterrupt:
        return None
    finally:
        sys.setprofile(None)
        assert signal.getsignal(signal.SIGINT) is USUAL


def several_scales(seen: list[ns.Progress], scales: int, **options: Any) -> ns.StyleResult:
    def callback(now: ns.Progress) -> None:
        seen.append(now)

    side = 32 * 2 ** (scales - 1)
    content = 0.25 + 0.5 * noise(side, side)  # far from where pictures are clipped
    given = {**PAINT, "objective": Noted(), "scales": scales, "color": "luminance", **options}
    return ns.stylize(content, STYLE, **given, callback=callback)


def assert_nothing_is_lost(
    result: ns.StyleResult | None, seen: list[ns.Progress], where: str
) -> None:
    if not seen:
        return
    last = seen[-1]
    assert result is not None, where
    assert result.status is ns.Status.INTERRUPTED and not result.success, where
    # A second Ctrl-C may come after an iteration, before its callback.
    assert result.nit == len(result.history) in (last.nit, last.nit + 1), where
    if result.image.shape == last.shape:
        # The best may be a point after it that was not accepted yet, or Adam's average.
        best = min(now.fun for now in seen if now.scale == last.scale)
        assert result.fun <= best * (1 + 1e-6), where
    else:  # the start of the next scale
        assert result.image.shape[0] == 2 * last.shape[0], where


def assert_no_moment_costs_a_picture(moments: int, scales: int, **options: Any) -> None:
    several_scales([], scales, **options)  # compiles
    counted = Pressing()
    complete = pressed(counted, lambda: several_scales([], scales, **options))
    assert complete.status is ns.Status.LIMIT
    calls = counted.calls
    assert {"_next", "accept", "enlarged", "result", "finished"} <= set(calls)
    places = np.unique(np.linspace(0, len(calls) - 1, moments).astype(int)).tolist()
    assert len(places) == moments, "the run is too short for so many"
    for number, place in enumerate(places):
        seen: list[ns.Progress] = []
        pressing = Pressing(place, storm=number % 2 == 1)
        result = pressed(pressing, lambda seen=seen: several_scales(seen, scales, **options))
        where = f"Ctrl-C at call {place} of {len(calls)}, of or from {calls[place]}"
        assert_nothing_is_lost(result, seen, where)


def test_ctrl_c_at_some_moments_of_a_run_costs_no_picture() -> None:
    assert_no_moment_costs_a_picture(10, scales=2)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_ctrl_c_at_200_moments_of_a_run_costs_no_picture(method: Any) -> None:
    assert_no_moment_costs_a_picture(200, scales=3, method=method)
