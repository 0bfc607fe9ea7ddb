"""What a run will take, told before it begins."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from support import picture, says

import neuralstyle as ns
from neuralstyle.optimize.evaluation import memory
from neuralstyle.transfer import estimate as estimates
from neuralstyle.transfer.options.signatures import read_options
from neuralstyle.transfer.painter import Painter

CONTENT, STYLE = picture(0, (60, 80)), picture(1, (64, 64))
SHALLOW = ns.recipes.default(
    content_weight=0, color_weight=0, patch_weight=0, style_layers=["block1_conv1"]
)
QUICK: dict[str, Any] = {"recipe": SHALLOW, "maxiter": 1}

MEASURED = """
import json, sys, threading, time
import numpy as np
import neuralstyle as ns
from neuralstyle._kernels.memory import anonymous_memory
side, options = int(sys.argv[1]), {"maxiter": 2, **json.loads(sys.argv[2])}
shape, rng = (side * 3 // 4, side), np.random.default_rng(0)
content, style = (ns.resize(rng.random((48, 64, 3)).astype("float32"), shape) for _ in "ab")
if sys.argv[3] == "told":
    print(ns.estimate_memory(content, style, **options).peak)
else:
    peak, done = [0], []
    def watch():
        while not done:
            peak[0] = max(peak[0], anonymous_memory())
            time.sleep(0.003)
    thread = threading.Thread(target=watch)
    thread.start()
    ns.stylize(content, style, **options)
    done.append(1)
    thread.join()
    print(peak[0])
"""


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[float | None], None]:
    def set_to(count: float | None) -> None:
        monkeypatch.setattr(estimates, "room", lambda: count)

    monkeypatch.setattr(estimates, "SAMPLES", (130, 160))
    # What the process has is what other tests have left.
    monkeypatch.setattr(estimates, "anonymous_memory", lambda: 300_000_000)
    monkeypatch.setattr(estimates, "reusable_memory", lambda: 0)
    return set_to


def told(size: int, **options: Any) -> ns.Estimate:
    return ns.estimate_memory(CONTENT, STYLE, size=size, **{**QUICK, **options})


def test_an_estimate_grows_with_the_pixels(free: Any, monkeypatch: Any) -> None:
    # A clock on which building and evaluating take one each, however busy the machine.
    clock = SimpleNamespace(perf_counter=itertools.count().__next__)
    monkeypatch.setattr(estimates, "time", clock)
    small, large = told(160), told(1600)
    assert large.shape == (1200, 1600)
    for part in ("pictures", "features", "optimizer", "seconds"):
        ratio = getattr(large, part) / getattr(small, part)
        assert 60 < ratio < 140, part
    assert large.peak > large.process > 0


def test_tiles_take_less(free: Any) -> None:
    whole, tiled = told(1600), told(1600, tile=256)
    assert (whole.tile, tiled.tile) == (None, 256)
    assert tiled.features < whole.features / 2
    assert "1600 x 1200 in tiles of 256" in str(tiled) and "as a whole" in str(whole)


def test_a_picture_that_is_no_larger_than_a_tile_is_taken_whole(free: Any) -> None:
    assert told(80, tile=512).tile is None


def test_the_optimiser_is_part_of_it(free: Any) -> None:
    of = {m: told(160, method=m).optimizer for m in ("l-bfgs", "l-bfgs:pairs=bfloat16", "l-bfgs-b")}
    assert of["l-bfgs:pairs=bfloat16"] < of["l-bfgs"] < of["l-bfgs-b"]


def test_pairs_that_no_iteration_makes_are_not_counted(free: Any) -> None:
    few, some, many = (told(160, maxiter=count).optimizer for count in (2, 10, 100))
    assert few < some == many


def test_it_fits_what_there_is(free: Any) -> None:
    free(1e13)
    assert told(160).fits
    free(0)
    assert not told(1600).fits
    free(None)
    assert told(1600).fits and told(1600).available is None


def test_auto_takes_the_largest_tiles_that_fit(free: Any) -> None:
    free(1e13)
    assert told(1600, tile="auto").tile is None
    whole, small = told(1600), told(1600, tile=128)
    free((whole.peak + small.peak) / 2 - whole.process)
    found = told(1600, tile="auto")
    assert found.tile in estimates.SIDES and found.fits


def test_a_run_that_does_not_fit_says_so_before_it_starts_with_what_would(free: Any) -> None:
    seen: list[ns.Progress] = []
    whole = told(1600)
    free(0.7 * (whole.peak - whole.process))
    with says(MemoryError, r"1600 x 1200 pixels as a whole: it would take .* GB; tile=\d+ would"):
        ns.stylize(CONTENT, STYLE, size=1600, callback=seen.append, **QUICK)
    free(0)
    with says(MemoryError, "a smaller size would fit"):
        ns.stylize(CONTENT, STYLE, size=1600, tile=128, callback=seen.append, **QUICK)
    assert seen == []


def test_a_run_of_auto_is_painted_in_the_tiles_that_fit(
    free: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates.Estimates, "fitting", lambda self, tile: 64)
    result = ns.stylize(CONTENT, STYLE, size=100, scales=1, tile="auto", **QUICK)
    plain = ns.stylize(CONTENT, STYLE, size=100, scales=1, tile=64, **QUICK)
    assert (result.image == plain.image).all()
    assert result.settings["tile"] == "auto"


def test_pictures_that_fit_by_far_are_not_looked_at(
    free: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(1e13)
    monkeypatch.setattr(estimates.Estimates, "of", None)
    assert ns.stylize(CONTENT, STYLE, scales=1, tile="auto", **QUICK).nit == 1


def test_regions_textures_and_masks_are_estimated(free: Any) -> None:
    half = (picture(3, (60, 80))[..., 0] > 0.5).astype("float32")
    region = ns.Region(half, STYLE)
    assert ns.estimate_memory(CONTENT, STYLE, size=400, regions=[region], **QUICK).features > 0
    assert ns.estimate_memory(None, STYLE, size=400, **QUICK).shape == (400, 400)
    with says(TypeError, "estimate_memory: there is no option 'maxitre'"):
        ns.estimate_memory(CONTENT, STYLE, maxitre=1)  # type: ignore[call-arg]


def test_a_torus_is_estimated_at_sizes_that_it_may_have(free: Any) -> None:
    content = picture(0, (80, 112))  # 64 x 46 and 80 x 57 are none
    assert ns.estimate_memory(content, STYLE, size=1120, padding="wrap", **QUICK).features > 0


def test_pictures_of_one_kind_are_estimated_once(
    free: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []
    usual = estimates.Estimates.fitting

    def fitting(self: Any, tile: Any) -> int | None:
        looked.append(tile)
        return usual(self, tile)

    monkeypatch.setattr(estimates.Estimates, "fitting", fitting)
    free(1e13)
    contents = [CONTENT, CONTENT, CONTENT[:48]]
    assert len(list(ns.stylize_many(contents, STYLE, scales=1, tile="auto", **QUICK))) == 3
    assert looked == ["auto", "auto"]


def test_what_was_tried_small_is_no_part_of_the_run(free: Any) -> None:
    painter = Painter(STYLE, read_options("stylize", {"size": 400, **QUICK}))
    assert painter.estimate(CONTENT).shape == (300, 400)
    assert painter.targets._remembered == {}
    painter.check(CONTENT)
    assert len(painter.targets._remembered) == 1


def test_workers_have_tiles_that_are_smaller_than_the_picture(free: Any) -> None:
    free(1e13)
    with ThreadPoolExecutor(1) as pool:
        painter = Painter(
            STYLE, read_options("stylize", {"executor": pool, "tile": "auto", **QUICK})
        )
        for shape, side in (((60, 300), 256), ((60, 80), 1024)):
            content = picture(0, shape)
            _, _, plan = painter._plan(content)
            assert painter._tile(content, plan) == side


def test_a_gpu_has_its_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "has_gpu", lambda: True)
    assert memory.room() is None


def test_what_cannot_be_told_ends_no_run(free: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def vanishes(self: Any, *_: Any) -> None:
        raise ValueError("region: nothing is left of it")

    free(0)
    monkeypatch.setattr(estimates.Estimates, "_looked", vanishes)
    assert ns.stylize(CONTENT, STYLE, scales=1, tile="auto", **QUICK).nit == 1
    with says(ValueError, "region: nothing is left"):
        ns.estimate_memory(CONTENT, STYLE, **QUICK)


def test_an_estimate_is_a_plain_record() -> None:
    one = ns.Estimate((60, 80), None, 10, 10, 10, 10, 10, 50, None, 3700.0)
    assert dataclasses.asdict(one)["peak"] == 50
    assert str(one).splitlines()[-1] == "time          1 h 1 min 40 s"


CONFIGURATIONS = [
    (256, {}),
    (512, {"maxiter": 12}),
    (512, {"method": "l-bfgs-b", "maxiter": 12}),
    (768, {"recipe": "gatys2016"}),
    (1024, {}),
    (1024, {"tile": 512}),
    (1024, {"method": "l-bfgs:pairs=bfloat16", "tile": 256}),
    (1536, {"method": "l-bfgs-b"}),
    (2048, {"tile": 512}),
    (4096, {"tile": 512, "method": "l-bfgs:maxcor=3"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("side", "options"), CONFIGURATIONS, ids=str)
def test_the_peak_is_within_15_percent_of_what_is_measured(
    side: int, options: dict[str, Any]
) -> None:
    if not os.path.exists("/proc/self/status"):
        pytest.skip("this system does not tell what memory a process has")

    def run(what: str) -> float:
        command = [sys.executable, "-c", MEASURED, str(side), json.dumps(options), what]
        return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    told, measured = run("told"), run("measured")
    assert 0.85 < told / measured < 1.15, (told, measured)
