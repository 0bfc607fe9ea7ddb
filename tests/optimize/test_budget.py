"""What methods say of their memory is what they take; what SciPy cannot count is refused before."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pytest
from support import Reusable, near, noise, says

import neuralstyle as ns
from neuralstyle.optimize.methods.methods import METHODS, as_method
from neuralstyle.optimize.run import Run

LARGE = 3 * 8192**2


class Bowl:
    """An evaluator of a quadratic, which takes no memory to speak of beside the gradient."""

    objective = ns.StyleObjective(ns.TotalVariationLoss())
    shape: tuple[int, ...] = (0, 0, 3)
    parts: dict[str, float] = {}
    losses: dict[str, float] = {}
    curvature = np.geomspace(1, 1000, 3000)

    class weights:
        moving: tuple[str, ...] = ()
        follow = in_force = staticmethod(lambda *step: {})

    def unchecked(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        gradient, value = np.empty_like(x), 0.0
        for row, slope in zip(x.reshape(-1, 3000), gradient.reshape(-1, 3000), strict=True):
            slope[:] = self.curvature * (row - 0.3)
            value += float(slope @ (row - 0.3)) / 2
        self.losses = {"bowl": value}
        return value, gradient

    def image(self, x: np.ndarray) -> np.ndarray:
        return np.clip(x.reshape(self.shape), 0, 1).astype(np.float32)


def bowl_run(method: ns.Method, height: int, bounded: bool = False) -> ns.StyleResult:
    """Move 3000 numbers for every row until the method remembers all that it can, and one more."""
    start = noise(height, 1000)
    bounds = (0.0, 1.0) if bounded else None
    limits = {"maxiter": getattr(method, "maxcor", 2) + 2, "maxfun": None, "ftol": 0.0, "gtol": 0.0}
    evaluator = Bowl()
    evaluator.shape = start.shape
    run = Run(evaluator, None, start, {**limits, "xtol": 0.0, "bounds": bounds})  # type: ignore[arg-type]
    with pytest.raises(ns.Halt):
        run.begin()
        method.run(run, None)
    return run.result(ns.Status.LIMIT, "", {})


def at_the_peak(method: ns.Method) -> float:
    """Return the bytes of arrays that there are at once, for each number that is moved."""
    bowl_run(method, 1)  # what is imported on the way does not count
    tracemalloc.start()
    bowl_run(method, 60)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / (60 * 3000)


@pytest.mark.parametrize(
    "method",
    [ns.LBFGS(3), ns.LBFGS(8), ns.LBFGS(8, pairs="bfloat16"), ns.LBFGS(pairs="disk"), ns.LBFGSB(2)],
    ids=str,
)
def test_arrays_at_the_peak_are_what_the_method_says(method: ns.Method) -> None:
    assert at_the_peak(method) == pytest.approx(method.bytes_per_number(), rel=0.1)


def test_the_start_and_its_gradient_are_let_go_with_the_first_step() -> None:
    method = ns.LBFGS(pairs="disk")
    assert at_the_peak(method) < method.bytes_per_number() + 2


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
@pytest.mark.parametrize(
    ("text", "bounded"),
    [
        ("l-bfgs", False),
        ("l-bfgs:pairs=bfloat16", False),
        ("l-bfgs:pairs=disk", False),
        ("l-bfgs:maxcor=3", False),
        ("l-bfgs-b:maxcor=3", False),
        ("l-bfgs-b:maxcor=3", True),
        ("adam", False),
        ("sgd", False),
        ("momentum", True),
    ],
)
def test_the_processs_memory_grows_by_what_the_method_says(text: str, bounded: bool) -> None:
    here = Path(__file__).parent
    path = map(str, (here, here.parent, here.parents[1]))
    code = f"import test_budget; test_budget.tell({text!r}, {bounded})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    taken, said = map(float, done.stdout.split())
    assert taken == pytest.approx(said, rel=0.15)


def named(text: str) -> ns.Method:
    if text == "sgd":
        return ns.KerasMethod(keras.optimizers.SGD(0.01))
    if text == "momentum":
        return ns.KerasMethod(keras.optimizers.SGD(0.01, momentum=0.9))
    return as_method(text)


def tell(text: str, bounded: bool) -> None:
    """Print how many bytes a number a run has taken of this process, and how many it says."""
    method, height, seen = named(text), 3000, [0]
    bowl_run(method, 1, bounded)
    before, done = anonymous(), threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            seen.append(max(seen.pop(), anonymous()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    bowl_run(method, height, bounded)
    done.set()
    watcher.join()
    print((seen[0] - before) / (3000 * height), method.bytes_per_number(bounded))


def anonymous() -> int:
    """Return the bytes of this process that lie in no file."""
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line[:8] == "RssAnon:")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_says_what_it_takes(name: str) -> None:
    assert 40 <= METHODS[name]().bytes_per_number() <= METHODS[name]().bytes_per_number(True) < 400


def test_optimisers_of_keras_take_more_with_every_variable() -> None:
    plain, momentum, adam = (
        ns.KerasMethod(optimizer).bytes_per_number()
        for optimizer in (
            keras.optimizers.SGD(),
            keras.optimizers.SGD(momentum=0.9),
            keras.optimizers.Adam(),
        )
    )
    assert plain < momentum < adam and adam - momentum == momentum - plain


# What SciPy can count


@pytest.mark.parametrize(("maxcor", "size"), [(1, LARGE), (2, LARGE), (10, 85 * 10**6)])
def test_a_workspace_below_2_to_the_31_is_taken(maxcor: int, size: int) -> None:
    ns.LBFGSB(maxcor).check_size(size)


def test_a_workspace_of_2_to_the_31_is_refused_with_what_fits() -> None:
    with says(ValueError, "method: expected maxcor=2 at the most, or the method 'l-bfgs', for 201"):
        ns.LBFGSB().check_size(LARGE)
    with says(ValueError, r"method: expected the method 'l-bfgs', .* received LBFGSB\(maxcor=1, "):
        ns.LBFGSB(1).check_size(2**31 // 7 + 1)
    for method in (ns.LBFGS(50), as_method("adam")):
        method.check_size(10 * LARGE)


@pytest.mark.parametrize("size", [10**6, LARGE])
def test_the_largest_maxcor_that_a_message_names_fits_and_the_next_does_not(size: int) -> None:
    with pytest.raises(ValueError, match="maxcor=") as refused:
        ns.LBFGSB(2**31 // size).check_size(size)
    most = int(str(refused.value).partition("maxcor=")[2].split()[0])
    ns.LBFGSB(most).check_size(size)
    with pytest.raises(ValueError):
        ns.LBFGSB(most + 1).check_size(size)


def test_a_run_is_refused_before_anything_is_evaluated(
    vgg: ns.VGG16Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralstyle.optimize.methods.quasi_newton.OFFSETS", 5000)
    told: list[ns.Progress] = []
    start, pixels = noise(), Reusable()
    with says(ValueError, "method: expected maxcor=5 at the most"):
        ns.minimize(near(start), pixels, noise(seed=1), callback=told.append)
    with says(ValueError, "method: expected maxcor=5 at the most"):
        ns.stylize(start, start, network=vgg, method="l-bfgs-b", callback=told.append)
    assert not told
