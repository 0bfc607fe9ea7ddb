"""Ctrl-C: what notes it, what looks at it, and whose handlers are left alone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from support import Reusable, near, noise

import neuralstyle as ns
from neuralstyle.optimize.interruption import (
    EVALUATION,
    HELD,
    NOTHING_BEGUN,
    interruption,
    look,
    note,
    patience,
)

PIXELS = Reusable()
USUAL = signal.default_int_handler


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """Give Ctrl-C the meaning that it has in a program, whatever the tests run in."""
    before = signal.signal(signal.SIGINT, USUAL)
    yield
    signal.signal(signal.SIGINT, before)


def press(times: int = 1) -> None:
    for _ in range(times):
        signal.raise_signal(signal.SIGINT)


def test_a_signal_is_noted_and_looked_at() -> None:
    with interruption() as signals:
        look()
        press(3)
        with pytest.raises(KeyboardInterrupt):
            look()
    assert signals.received == 3 * [signal.SIGINT]
    look()
    with pytest.raises(KeyboardInterrupt):
        press()


@pytest.mark.parametrize(
    ("kind", "begun", "count"),
    [(NOTHING_BEGUN, True, 1), (EVALUATION, True, 2), (EVALUATION, False, 1)],
)
def test_patience_comes_to_its_end(kind: float, begun: bool, count: int) -> None:
    with interruption() as signals:
        signals.begun = begun
        with pytest.raises(KeyboardInterrupt), patience(kind):
            press(count)
            raise AssertionError("not cut short")
        press()
        with pytest.raises(KeyboardInterrupt), patience(kind):
            raise AssertionError("begun after it was ended")
    with interruption() as signals:
        signals.begun = begun
        with patience(kind):
            press(count - 1)
        with patience(HELD):
            press(9)


def test_a_nested_run_shares_the_outer_ones_note_and_is_held() -> None:
    with interruption() as outer, patience(NOTHING_BEGUN):
        with interruption() as inner:
            assert inner is outer
            press()
        assert signal.getsignal(signal.SIGINT) == outer.handle
        with pytest.raises(KeyboardInterrupt):
            look()
    assert signal.getsignal(signal.SIGINT) is USUAL


def test_an_interrupt_that_came_another_way_is_noted_once() -> None:
    note()
    with interruption() as signals:
        note()
        note()
        assert signals.received == [signal.SIGINT]


def run(callback: Callable[[ns.Progress], object], **options: Any) -> ns.StyleResult:
    start = noise()[::-1]
    return ns.minimize(near(noise()), PIXELS, start, callback=callback, maxiter=8, **options)


def handlers(before: Any) -> list[Any]:
    """Return the handlers during a run and after it."""
    signal.signal(signal.SIGINT, before)
    seen: list[Any] = []
    run(lambda now: seen.append(signal.getsignal(signal.SIGINT)))
    return [seen[0], signal.getsignal(signal.SIGINT)]


def test_a_run_puts_pythons_handler_back_whatever_ends_it() -> None:
    during, after = handlers(USUAL)
    assert during is not USUAL and after is USUAL

    def fail(now: ns.Progress) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        run(fail)
    assert signal.getsignal(signal.SIGINT) is USUAL


@pytest.mark.parametrize("own", [lambda number, frame: None, signal.SIG_IGN, signal.SIG_DFL])
def test_the_handler_of_a_host_is_left_alone(own: Any) -> None:
    assert handlers(own) == [own, own]


def test_a_handler_that_is_set_during_a_run_stays() -> None:
    def own(number: int, frame: Any) -> None: ...

    run(lambda now: signal.signal(signal.SIGINT, own))
    assert signal.getsignal(signal.SIGINT) is own


def test_another_thread_sets_no_handler_and_knows_nothing_of_this_ones_signals() -> None:
    seen: list[Any] = []

    def work() -> None:
        result = run(lambda now: seen.append(signal.getsignal(signal.SIGINT)), seed=1)
        seen.append(result.status)

    with interruption() as signals:
        press()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == 8 * [signals.handle] + [ns.Status.LIMIT]


@pytest.mark.parametrize("presses", [1, 5])
def test_a_signal_in_the_callback_ends_the_run_with_that_iteration(presses: int) -> None:
    seen: list[ns.Progress] = []

    def callback(now: ns.Progress) -> None:
        seen.append(now)
        if now.nit == 3:
            press(presses)

    result = run(callback)
    assert result.status is ns.Status.INTERRUPTED and not result.success
    assert len(seen) == result.nit == 3
    np.testing.assert_array_equal(result.image, seen[-1].image)


def test_a_signal_in_the_last_iteration_is_told_of_although_the_run_is_complete() -> None:
    result = run(lambda now: press() if now.nit == 8 else None)
    assert result.nit == 8 and result.status is ns.Status.INTERRUPTED


def test_an_interrupt_of_a_run_within_a_callback_ends_the_outer_one() -> None:
    def callback(now: ns.Progress) -> None:
        inner = run(lambda _: press())
        assert inner.nit == 1 and inner.status is ns.Status.INTERRUPTED

    result = run(callback)
    assert result.nit == 1 and result.status is ns.Status.INTERRUPTED
