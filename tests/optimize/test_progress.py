"""What the progress display shows, and where."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from support import near, noise, pixels

import neuralstyle as ns
from neuralstyle.optimize.result import Progress
from neuralstyle.optimize.showing import progress
from neuralstyle.optimize.showing.progress import _pace, progress_bar


def record(nit: int, seconds: float = 0.0, scale: int = 0, scales: int = 1, **others: Any):
    """A moment of a run of 100 iterations with two evaluations each."""
    side = 32 * 2**scale
    values: dict[str, Any] = {
        "nit": nit,
        "nfev": 2 * nit,
        "fun": 0.5,
        "losses": {"content": 0.25, "[style]": 0.125},
        "seconds": seconds,
        "shape": (side, 2 * side, 3),
        "maxiter": 100,
        "work_left": 100 - nit,
        "scale": scale,
        "scales": scales,
    }
    return Progress(**{**values, **others})


def drawn(records: Sequence[Progress], **console: Any) -> str:
    file = io.StringIO()
    with progress_bar(console=Console(file=file, **console)) as draw:
        assert draw is not None
        for now in records:
            draw(now)
    return file.getvalue()


RUN = [
    record(1, 1.0, 0, 2),
    record(50, 50.0, 0, 2),
    record(51, 60.0, 1, 2, fun=0.25),
    record(61, 80.0, 1, 2, fun=0.125, pace=2.0),
]


def test_terminal_shows_size_iteration_losses_speed_and_time() -> None:
    text = drawn(RUN, force_terminal=True, width=120, color_system=None)
    for part in ("128 x 64", "61/100", "1 evaluations/s", "1:18 left", "loss 0.125"):
        assert part in text
    assert "(content 0.25, [style] 0.125)" in text


def test_narrow_terminal_is_never_filled_to_its_edge() -> None:
    text = drawn(RUN, force_terminal=True, width=40, color_system=None)
    (losses, *_) = [line for line in text.split("\n") if line.startswith("loss 0.125")]
    assert "…" in losses[:36]


def test_file_gets_a_plain_line_for_each_scale() -> None:
    assert drawn(RUN, width=20).splitlines() == [
        "64 x 32: iteration 50 of 100, loss 0.5",
        "128 x 64: iteration 61 of 100, loss 0.125",
    ]


def test_run_that_ends_before_its_first_iteration_leaves_no_line() -> None:
    assert drawn([]) == ""


def test_last_line_is_left_when_the_run_fails() -> None:
    file = io.StringIO()
    with pytest.raises(KeyboardInterrupt), progress_bar(console=Console(file=file)) as draw:
        assert draw is not None
        draw(record(7))
        raise KeyboardInterrupt
    assert file.getvalue() == "64 x 32: iteration 7 of 100, loss 0.5\n"


def test_default_console_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as draw:
        assert draw is not None
        draw(record(7))
    out, err = capsys.readouterr()
    assert not out
    assert err == "64 x 32: iteration 7 of 100, loss 0.5\n"


def test_notebook_without_widgets_gets_a_line_that_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    text = drawn(RUN, force_jupyter=True)
    assert "ipywidgets" not in text
    lines = [line.split("\r") for line in text.removesuffix("\n").split("\n")]
    assert [line[-1].rstrip() for line in lines] == [
        "64 x 32: iteration 50 of 100, loss 0.5",
        "128 x 64: iteration 61 of 100, loss 0.125",
    ]
    assert "64 x 32: iteration 1 of 100, loss 0.5" in lines[0][1]
    assert "1 evaluations/s, 1:18 left" in lines[1][2]
    assert len(lines[1][3]) >= len(lines[1][2])  # nothing is left of what was longer


@pytest.mark.parametrize("jupyter", [False, True])
def test_a_run_that_has_a_name_is_told_by_it(
    jupyter: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    file = io.StringIO()
    console = Console(file=file, force_jupyter=jupyter)
    with progress_bar(console=console, label="1 of 9, style_scale=0.67") as draw:
        assert draw is not None
        draw(record(7))
    assert "1 of 9, style_scale=0.67: 64 x 32: iteration 7 of 100, loss 0.5\n" in file.getvalue()


def test_notebook_gets_a_few_messages_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    text = drawn([record(nit) for nit in range(1, 100)], force_jupyter=True)
    assert text.count("\r") < 12


def test_disabled_bar_draws_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(False) as draw:
        assert draw is None
    assert capsys.readouterr() == ("", "")


def test_pace_is_measured_from_the_scales_first_iteration() -> None:
    assert _pace(record(1, 30.0), record(1, 30.0)) == ""
    assert _pace(record(1, 30.0), record(11, 35.0, pace=0.5)) == "4 evaluations/s, 0:45 left"
    assert _pace(record(1, 30.0), record(100, 35.0, pace=0.05)).endswith("0:00 left")


def test_time_that_remains_is_the_work_left_at_the_pace_since_the_first_iteration() -> None:
    seen: list[Progress] = []
    ns.minimize(near(noise()), pixels, noise(seed=1), maxiter=4, callback=seen.append)
    first, *_, last = seen
    assert np.isnan(first.remaining)
    for now in seen[1:]:
        pace = (now.seconds - first.seconds) / (now.nit - 1)
        assert now.remaining == pytest.approx((4 - now.nit) * pace)
        assert now.elapsed == now.seconds
    assert last.remaining == 0


def test_picture_on_the_way_is_made_once_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    image = ns.Evaluator.image
    monkeypatch.setattr(ns.Evaluator, "image", lambda *given: made.append(0) or image(*given))
    seen: list[Progress] = []
    ns.minimize(near(noise()), pixels, noise(seed=1), maxiter=3, callback=seen.append)
    asked = len(made)
    assert asked == 1  # for the result
    assert np.array_equal(seen[0].image, seen[0].image)
    assert len(made) == asked + 1


@pytest.mark.parametrize("terminal", [False, True])
def test_a_standard_error_that_takes_nothing_ends_no_run(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    class Gone(io.StringIO):
        def isatty(self) -> bool:
            return terminal

        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stderr", Gone())
    with progress_bar() as draw:
        assert draw is not None
        for now in RUN:
            draw(now)
