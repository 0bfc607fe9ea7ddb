"""Executors in `stylize` and `stylize_many`: tiles of large pictures, or whole pictures."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import blend, picture, pixels, says

import neuralstyle as ns

CONTENTS = [picture(seed, (24, 30)) for seed in range(5)]
STYLE = picture(9, (20, 20))
QUICK: dict[str, Any] = {"network": pixels, "objective": blend, "scales": 1, "maxiter": 2}


class Counting(ThreadPoolExecutor):
    """Counts what it is given to do."""

    tasks = 0

    def submit(self, *args: Any, **options: Any) -> Any:
        self.tasks += 1
        return super().submit(*args, **options)


@pytest.fixture(scope="module")
def at_home() -> list[ns.StyleResult]:
    return list(ns.stylize_many(CONTENTS, STYLE, **QUICK))


def test_threads_paint_whole_pictures_as_home_does(at_home: list[ns.StyleResult]) -> None:
    with Counting(2) as pool:
        painted = list(ns.stylize_many(iter(CONTENTS), STYLE, executor=pool, **QUICK))
    assert pool.tasks == len(CONTENTS)
    for ours, expected in zip(painted, at_home, strict=True):
        np.testing.assert_array_equal(ours.image, expected.image)
        assert ours.fun == expected.fun
        assert "executor" not in {**ours.settings["options"], **ours.settings["not_stored"]}


@pytest.mark.parametrize("reader", ["worker", "home"])
def test_what_was_painted_before_an_error_is_yielded(reader: str) -> None:
    def contents() -> Any:
        yield CONTENTS[0]
        if reader == "home":
            raise OSError("unreadable")
        yield "nowhere.png"

    with Counting(2) as pool:
        results = ns.stylize_many(contents(), STYLE, executor=pool, **QUICK)
        assert next(results).nit == QUICK["maxiter"]
        with pytest.raises(OSError, match=r"unreadable|nowhere\.png"):
            next(results)


def look(image: Any) -> Any:
    return pixels(image)


def mix(content: Any, *styles: Any) -> ns.StyleObjective:
    return blend(content, *styles)


look.checkpoint_name = mix.checkpoint_name = "of these tests"  # type: ignore[attr-defined]


def test_pictures_have_their_checkpoints(tmp_path: Path, at_home: list[ns.StyleResult]) -> None:
    given = {**QUICK, "network": look, "objective": mix, "checkpoint": tmp_path}
    with ThreadPoolExecutor(1) as pool:
        one, again = (
            next(ns.stylize_many(CONTENTS[:1], STYLE, executor=pool, **given)) for _ in range(2)
        )
    assert len(list(tmp_path.glob("*.npz"))) == 1
    for painted in (one, again):
        np.testing.assert_array_equal(painted.image, at_home[0].image)


@pytest.mark.parametrize("given", [{"callback": lambda now: None}, {"progress": True}])
def test_what_happens_here_is_refused_where_workers_paint(given: dict[str, Any]) -> None:
    (name,) = given
    with ThreadPoolExecutor(1) as pool, says(ValueError, f"{name}: expected none with an executor"):
        ns.stylize_many(CONTENTS, STYLE, executor=pool, **given, **QUICK)


def test_tiles_of_a_large_picture_are_looked_at_as_home_does() -> None:
    large = picture(1, (40, 90))
    given = {**QUICK, "tile": 64, "maxiter": 1}
    expected = ns.stylize(large, STYLE, **given)
    with Counting(2) as pool:
        painted = ns.stylize(large, STYLE, executor=pool, **given)
    assert pool.tasks >= 2 * 2 * painted.nfev  # passes over two tiles
    np.testing.assert_array_equal(painted.image, expected.image)


@pytest.mark.slow
def test_what_cannot_go_to_other_processes_is_named_before_anything_is_painted() -> None:
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, context) as pool,
        says(TypeError, "objective: expected what can be pickled", "lambda"),
    ):
        given = {**QUICK, "objective": lambda content, *styles: blend(content, *styles)}
        ns.stylize_many(CONTENTS, STYLE, executor=pool, **given)


@pytest.mark.slow
def test_processes_paint_whole_pictures_as_home_does() -> None:
    given: dict[str, Any] = {"scales": 1, "maxiter": 2, "recipe": "gatys2016"}
    expected = [one.image for one in ns.stylize_many(CONTENTS, STYLE, **given)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        painted = list(ns.stylize_many(CONTENTS, STYLE, executor=pool, **given))
    for ours, wanted in zip(painted, expected, strict=True):
        np.testing.assert_array_equal(ours.image, wanted)
        assert ours.objective is None
