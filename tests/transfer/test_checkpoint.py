"""The same call goes on from its checkpoint, and ends as if nothing had happened."""

from __future__ import annotations

import dataclasses
import errno
import logging
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painting import STYLE, Noted, of_pixels
from support import Reusable, assert_same_result, half_mask, noise

import neuralstyle as ns
from neuralstyle import _files
from neuralstyle.transfer import checkpoint, painter

PIXELS = Reusable()
PIXELS.checkpoint_name = "pixels"  # type: ignore[attr-defined]
OBJECTIVE = Noted()
OBJECTIVE.checkpoint_name = "noted"  # type: ignore[attr-defined]


class Killed(BaseException):
    """Ends a run without anything being done about it."""


@pytest.fixture(autouse=True)
def after_every_iteration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    monkeypatch.chdir(tmp_path)


def named(recipe: ns.Recipe) -> ns.Recipe:
    for part in (recipe.content, recipe.style):
        part.checkpoint_name = "of pixels"  # type: ignore[attr-defined]
    return recipe if recipe.then is None else dataclasses.replace(recipe, then=named(recipe.then))


def looking(made: list[str], **changes: Any) -> ns.Recipe:
    """Return a recipe whose styles see what each scale starts from."""
    plain = of_pixels(made)

    def style(content: Any, style: Any, source: Any, **masks: Any) -> Any:
        return [*plain.style(content, style, **masks), 0.1 * ns.ContentLoss(source, "input")]

    return dataclasses.replace(plain, style=style, **changes)


STAGES = named(looking([], source=0.25, then=of_pixels([], maxiter=(3,)), color="oklab"))
REGIONS = [ns.Region(half_mask((80, 120)), STYLE), ns.Region(~half_mask((80, 120)), 1 - STYLE)]

RUNS: dict[str, dict[str, Any]] = {
    "l-bfgs": {},
    "adam": {"method": "adam"},
    "tolerances": {"ftol": 0.05, "xtol": 2.0, "gtol": 0.01, "maxiter": 20},
    "evaluations": {"maxfun": 6},
    "bounds": {"method": "adam", "bounds": (0.2, 0.8)},
    "scipy": {"method": "l-bfgs-b"},
    "stages": {"recipe": STAGES, "objective": None, "maxiter": (4, 3, 2)},
    "regions": {"style": [], "recipe": named(of_pixels([])), "regions": REGIONS},
    "balance": {"balance": {"content": 1, "total_variation": 1, "covariance": 2}},
    "texture": {"content": None, "size": (80, 120)},
    "colours": {"color": "match"},
    "start": {"init": {"content": 0.5, "noise": 0.5}, "seed": 3},
    "fitted style": {"style_scale": 0.5, "style_fit": "tile"},
}


def paint(name: str, **options: Any) -> ns.StyleResult:
    given = {"maxiter": (5, 4), "network": PIXELS, "scales": 2, **RUNS[name], **options}
    content = given.pop("content", noise(80, 120))
    style = given.pop("style", noise(40, 40, seed=1))
    if "recipe" not in given:
        given["objective"] = OBJECTIVE
    return ns.stylize(content, style, **given)


def killing(after: int) -> Callable[[Any], None]:
    left = iter(range(after))

    def callback(progress: ns.Progress) -> None:
        if next(left, None) is None:
            raise Killed

    return callback


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(name: str) -> None:
    expected = paint(name)
    early = [1, expected.nit // 2] if name in ("l-bfgs", "stages") else []
    for after in (*early, expected.nit - 2):
        file = f"{after}.npz"
        with pytest.raises(Killed):
            paint(name, checkpoint=file, callback=killing(after))
        resumed: list[ns.Progress] = []
        result = paint(name, checkpoint=file, callback=resumed.append)
        assert_same_result(result, expected)
        assert (result.message, result.success) == (expected.message, expected.success)
        if name != "scipy":  # which begins the scale anew
            assert [now.nit for now in resumed] == list(range(after + 2, expected.nit + 1))
        again = paint(name, checkpoint=file, callback=killing(0))
        assert_same_result(again, expected)
        assert again.state is None


def test_a_run_that_is_killed_after_every_iteration_still_comes_to_its_end() -> None:
    expected = paint("tolerances")
    for _ in range(expected.nit):
        with pytest.raises(Killed):
            paint("tolerances", checkpoint="run.npz", callback=killing(0))
    assert_same_result(paint("tolerances", checkpoint="run.npz"), expected)


@pytest.mark.parametrize("complete", [False, True])
def test_a_run_that_is_killed_at_any_writing_ends_the_same(
    complete: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = paint("l-bfgs")

    class Writing:
        """Writes files up to the one that is its last."""

        def __init__(self, target: Any) -> None:
            self.whole = _files.replacing(target)

        def __enter__(self) -> Any:
            return self.whole.__enter__()

        def __exit__(self, *error: Any) -> None:
            if next(left, None) is not None:
                self.whole.__exit__(*error)
                return
            if complete:
                self.whole.__exit__(None, None, None)
            raise Killed  # the temporary file stays

    for number in (0, 1, 4, 5, expected.nit + 1):  # with the writing at the end of two scales
        left = iter(range(number))
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(checkpoint, "replacing", Writing)
            paint("l-bfgs", checkpoint=f"{number}.npz")
        assert_same_result(paint("l-bfgs", checkpoint=f"{number}.npz"), expected)


def test_times_go_on_too() -> None:
    with pytest.raises(Killed):
        paint("l-bfgs", checkpoint="run.npz", callback=killing(7))
    result = paint("l-bfgs", checkpoint="run.npz")
    seconds = [record.seconds for record in result.history]
    assert seconds == sorted(seconds) and seconds[-1] <= result.seconds


# What else ends a run


@pytest.mark.parametrize("error", [KeyboardInterrupt, StopIteration, RuntimeError])
def test_what_ends_a_run_writes_its_checkpoint(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 60.0)

    def callback(progress: ns.Progress) -> None:
        if progress.nit == 7:
            raise error

    try:
        first = paint("l-bfgs", checkpoint="run.npz", callback=callback)
        assert first.status in (ns.Status.INTERRUPTED, ns.Status.CALLBACK)
    except RuntimeError:
        pass
    resumed: list[ns.Progress] = []
    result = paint("l-bfgs", checkpoint="run.npz", callback=resumed.append)
    assert_same_result(result, paint("l-bfgs"))
    assert resumed[0].nit == 8


def test_within_a_scale_it_is_written_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 60.0)
    with pytest.raises(Killed):
        paint("l-bfgs", checkpoint="run.npz", callback=killing(7))
    resumed: list[ns.Progress] = []
    paint("l-bfgs", checkpoint="run.npz", callback=resumed.append)
    assert resumed[0].nit == 6  # the second scale


def test_a_full_disk_ends_no_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(target: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "replacing", full)
    assert_same_result(paint("l-bfgs", checkpoint="run.npz"), paint("l-bfgs"))
    assert "No space left on device; the run goes on without" in caplog.text


# What is told, and what is left


def test_where_a_run_goes_on_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "neuralstyle.transfer.checkpoint")
    with pytest.raises(Killed):
        paint("l-bfgs", checkpoint="run.npz", callback=killing(6))
    assert caplog.messages == []
    paint("l-bfgs", checkpoint="run.npz")
    paint("l-bfgs", checkpoint="run.npz")
    assert caplog.messages == [
        "run.npz: going on at 120 x 80, after 7 iterations",
        "run.npz: the picture is finished",
    ]
    caplog.clear()
    paint("scipy", checkpoint="scipy.npz")
    assert "keeps no state" in caplog.text and "boundaries of scales" in caplog.text


def test_a_finished_picture_loads_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = paint("l-bfgs", checkpoint="run.npz")

    def none(*args: Any) -> Any:
        raise AssertionError("a network is loaded")

    monkeypatch.setattr(painter, "load_network", none)
    assert_same_result(paint("l-bfgs", checkpoint="run.npz"), expected)


def test_nothing_else_is_left_and_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    dead = 2**22 + 1  # more than there are
    Path(f".run.npz.{_files._HOST}-{dead}-0123abcd.tmp").touch()
    Path("run.npz.lock").touch()
    Path(".other.tmp").touch()
    paint("l-bfgs", checkpoint="run.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.tmp", "run.npz"]


# Several pictures

CONTENTS = [noise(40, 48, seed) for seed in range(3)]
SEVERAL: dict[str, Any] = {"network": PIXELS, "objective": OBJECTIVE, "maxiter": 3}


def many(contents: Any = CONTENTS, **options: Any) -> Iterator[ns.StyleResult]:
    return ns.stylize_many(contents, STYLE, **SEVERAL, **options)


def film(frames: Any = CONTENTS, **options: Any) -> Iterator[ns.StyleResult]:
    flows = [np.full((40, 48, 2), (2.0, 1.0))] * 2
    return ns.stylize_frames(frames, STYLE, flows, color="oklab", **SEVERAL, **options)


@pytest.mark.parametrize("several", [many, film])
@pytest.mark.parametrize("after", [1, 4, 8])
def test_finished_pictures_are_skipped_and_still_yielded(several: Any, after: int) -> None:
    expected = list(several())
    with pytest.raises(Killed):
        list(several(checkpoint="folder", callback=killing(after)))
    resumed: list[ns.Progress] = []
    results = list(several(checkpoint="folder", callback=resumed.append))
    assert len(resumed) == 9 - after - 1
    for ours, theirs in zip(results, expected, strict=True):
        assert_same_result(ours, theirs)
    assert len(list(Path("folder").iterdir())) == 3


def test_photographs_are_told_by_what_they_show() -> None:
    first = list(many(CONTENTS[1:], checkpoint="folder"))
    painted: list[ns.Progress] = []
    results = list(many(CONTENTS, checkpoint="folder", callback=painted.append))
    assert len(painted) == 3  # of the new one
    for ours, theirs in zip(results[1:], first, strict=True):
        assert_same_result(ours, theirs)
