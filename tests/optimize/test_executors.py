"""Executors: their workers look at tiles, and value and gradient are those of home to the bit."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from typing import Any

import numpy as np
import pytest
from support import blend, picture, pixels, says

import neuralstyle as ns
from neuralstyle.optimize.evaluation import executors
from neuralstyle.optimize.evaluation.executors import Spread

SHAPE = 64, 130
"""Three tiles."""

IMAGE, STYLE = picture(0, SHAPE), picture(1, (70, 60))


def seen(image: Any) -> Any:
    """See the pixels, as a function that a module has."""
    return pixels(image)


def objective() -> ns.StyleObjective:
    content, style = pixels(IMAGE), pixels(STYLE)
    own = ns.loss(lambda features: (features["input"] ** 2)[0, 0, 0, 0], name="own")
    return ns.ContentLoss(content, "input") + ns.CovarianceLoss(style, "input") + own


@pytest.fixture(scope="module")
def at_home() -> tuple[float, Any]:
    return ns.Evaluator(objective(), seen, SHAPE, tile=64)(IMAGE[::-1])


def assert_as_at_home(at_home: tuple[float, Any], executor: Any) -> None:
    evaluator = ns.Evaluator(objective(), seen, SHAPE, tile=64, executor=executor)
    value, gradient = evaluator(IMAGE[::-1])
    assert value == at_home[0]
    np.testing.assert_array_equal(gradient, at_home[1])


class Elsewhere(Executor):
    """Stands for another process: what goes there is pickled, and it knows what came there."""

    def __init__(self, works: int | float = float("inf")) -> None:
        self.works = works
        self.sizes: list[int] = []
        self.pending: list[tuple[Future[Any], bytes]] = []
        self.most = 0
        self.latest_first = False

    def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        if len(self.sizes) >= self.works:
            raise BrokenExecutor("a worker was killed")
        data = pickle.dumps((function, args, options))
        self.sizes.append(len(data))
        future: Future[Any] = Future()
        self.pending.append((future, data))
        self.most = max(self.most, len(self.pending))
        return future

    def work(self) -> None:
        """Do what was submitted."""
        while self.pending:
            future, data = self.pending.pop(-1 if self.latest_first else 0)
            function, args, options = pickle.loads(data)
            try:
                future.set_result(pickle.loads(pickle.dumps(function(*args, **options))))
            except Exception as error:
                future.set_exception(error)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    executor = Elsewhere()

    def wait(running: Any, **options: Any) -> Any:
        executor.work()
        return [future for future in running if future.done()], ()

    monkeypatch.setattr(executors, "wait", wait)
    monkeypatch.setattr(executors, "_here", Nowhere())
    executors._kept.clear()
    yield executor
    executors._kept.clear()


class Nowhere(dict[str, Any]):
    """What this process has spread, as other processes see it."""

    def __setitem__(self, token: str, work: Any) -> None:
        pass


class Doubled:
    """A work without pictures."""

    def __init__(self, weight: bytes = b"", fails: bool = False) -> None:
        self.weight, self.fails = weight, fails

    def named(self) -> dict[str, Any]:
        return {"weight": self.weight}

    def __call__(self, task: Any) -> Any:
        if self.fails and task == 3:
            raise MemoryError("there is none")
        return 2 * task


def test_threads_see_what_home_sees(at_home: tuple[float, Any]) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert_as_at_home(at_home, pool)


def test_other_processes_see_what_home_sees_whatever_ends_first(
    at_home: tuple[float, Any], elsewhere: Elsewhere
) -> None:
    elsewhere.latest_first = True
    assert_as_at_home(at_home, elsewhere)
    assert len(elsewhere.sizes) > 6


def test_a_broken_executor_is_warned_of_once(
    elsewhere: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere.works = 4
    spread = Spread(Doubled(), elsewhere)
    for _ in range(2):
        assert list(spread(range(9))) == [*range(0, 18, 2)]
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "is done in this process from now on: a worker was killed" in caplog.text


def test_a_pool_that_breaks_while_it_works_is_gone_on_from(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(running: Any, **options: Any) -> Any:
        first = next(iter(running))
        first.set_exception(BrokenExecutor("killed"))
        return [first], ()

    monkeypatch.setattr(executors, "wait", wait)
    assert list(Spread(Doubled(), elsewhere)(range(100))) == [*range(0, 200, 2)]


@pytest.mark.parametrize("works", [0, 10, 40, 70])
def test_it_may_break_at_any_task(elsewhere: Elsewhere, works: int) -> None:
    elsewhere.works = works
    assert list(Spread(Doubled(), elsewhere)(range(100))) == [*range(0, 200, 2)]
    assert len(elsewhere.sizes) == works


def test_what_workers_need_goes_to_each_once(elsewhere: Elsewhere) -> None:
    spread = Spread(Doubled(bytes(10_000)), elsewhere)
    assert list(spread(range(100))) == [*range(0, 200, 2)]
    first = len(elsewhere.sizes)
    assert sum(size > 10_000 for size in elsewhere.sizes) == 1
    assert list(spread(range(50))) == [*range(0, 100, 2)]
    assert len(elsewhere.sizes) == first + 50
    executors._kept.clear()  # as in a worker that was started anew
    assert list(spread(range(50))) == [*range(0, 100, 2)]


def test_no_more_is_out_than_was_asked_for(elsewhere: Elsewhere) -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    answers = Spread(Doubled(), elsewhere)(tasks(), 5)
    assert next(answers) == 0
    assert len(taken) == 5
    assert [*answers] == [*range(2, 200, 2)]
    assert elsewhere.most == 5


def test_workers_keep_a_few_works(elsewhere: Elsewhere) -> None:
    for number in range(2 * executors.KEPT):
        assert list(Spread(Doubled(bytes(number)), elsewhere)([1])) == [2]
    assert len(executors._kept) == executors.KEPT


def test_errors_of_workers_come_home(elsewhere: Elsewhere) -> None:
    with pytest.raises(MemoryError, match="there is none"):
        list(Spread(Doubled(fails=True), elsewhere)(range(9)))


def test_lack_of_memory_is_a_memory_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Greedy(Doubled):
        def __call__(self, task: Any) -> Any:
            raise executors.OutOfMemory(None, None, "OOM when allocating tensor")

    executors._kept["greedy"] = Greedy()
    with says(MemoryError, "not enough memory in a worker", "OOM"):
        executors._done("greedy", None, 1)
    executors._kept.clear()


def test_what_cannot_travel_is_refused_before_anything_runs(elsewhere: Elsewhere) -> None:
    with says(TypeError, "extractor: expected what can be pickled", "lambda", "pickle"):
        ns.Evaluator(objective(), lambda image: pixels(image), SHAPE, tile=64, executor=Done())
    with says(TypeError, "extractor: expected what can be pickled"):  # at small scales too
        ns.Evaluator(objective(), lambda image: pixels(image), SHAPE, tile=512, executor=Done())


class Done(Executor):
    """Does at once what is submitted."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args, **options))
        return future


def test_a_worker_that_cannot_unpickle_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with says(TypeError, "executor: expected workers that can unpickle", "ModuleNotFoundError"):
        executors._done("unknown", b"cnowhere\nnothing\n.", 1)


def test_threads_take_what_cannot_be_pickled() -> None:
    class Nameless(Doubled):
        pass

    with ThreadPoolExecutor(2) as pool:
        assert list(Spread(Nameless(), pool)(range(50))) == [*range(0, 100, 2)]


def test_gradient_norms_take_an_executor() -> None:
    variation = ns.TotalVariationLoss()
    expected = ns.gradient_norms(variation, seen, IMAGE, tile=64)
    with ThreadPoolExecutor(2) as pool:
        assert ns.gradient_norms(variation, seen, IMAGE, tile=64, executor=pool) == expected
        with says(ValueError, "executor: expected None without tile="):
            ns.gradient_norms(variation, seen, IMAGE, executor=pool)


@pytest.mark.parametrize("executor", [2, "dask", ThreadPoolExecutor, print])
def test_an_executor_has_a_method_submit(executor: Any) -> None:
    with says(TypeError, "executor: expected a concurrent.futures.Executor or None, received"):
        ns.Evaluator(objective(), seen, SHAPE, tile=64, executor=executor)


def test_an_executor_goes_with_tiles() -> None:
    with says(ValueError, "executor: expected None without tile="):
        ns.minimize(objective(), seen, IMAGE, executor=Done())
    with says(ValueError, "executor: expected None without tile=", "stylize_many"):
        ns.stylize(IMAGE, STYLE, executor=Done())
    with says(TypeError, "executor: expected none with an evaluator"):
        evaluator = ns.Evaluator(ns.TotalVariationLoss(), seen, (8, 8))
        ns.minimize(evaluator, init=IMAGE[:8, :8], executor=Done())


@pytest.mark.slow
def test_processes_see_what_home_sees_and_may_be_killed(caplog: pytest.LogCaptureFixture) -> None:
    vgg = ns.VGG16Features("compact", "avg", padding="reflect")
    terms = ns.recipes.default()(vgg(IMAGE), vgg(STYLE))
    value, gradient = ns.Evaluator(terms, vgg, SHAPE, tile=64)(IMAGE)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        evaluator = ns.Evaluator(terms, vgg, SHAPE, tile=64, executor=pool)
        for kill in (False, True):
            for process in (pool._processes or {}).values() if kill else ():
                process.kill()
            there, slope = evaluator(IMAGE)
            assert there == value
            np.testing.assert_array_equal(slope, gradient)
            assert ("the executor is broken" in caplog.text) == kill


@pytest.mark.slow
def test_dask_sees_what_home_sees_and_a_killed_worker_costs_time_alone() -> None:
    distributed = pytest.importorskip("distributed", reason="dask[distributed] is not installed")
    config = importlib.import_module("dask").config
    given: dict[str, Any] = {"network": pixels, "objective": blend, "tile": 64, "scales": 1}
    given["maxiter"] = 3
    expected = ns.stylize(IMAGE, STYLE, **given)
    # As many threads in NumPy's products as here, so that optimisers there have the same bits.
    threads = {"distributed.nanny.pre-spawn-environ": {}}
    patient = {"death_timeout": 600, "dashboard_address": None, "threads_per_worker": 1}
    killed: list[int] = []

    with (
        config.set({"distributed.comm.timeouts.connect": "600s", **threads}),
        distributed.LocalCluster(n_workers=2, **patient) as cluster,
        distributed.Client(cluster) as client,
    ):

        def kill(now: Any) -> None:
            if not killed:
                nanny = next(iter(cluster.workers.values()))
                killed.append(nanny.pid)
                nanny.process.process.kill()

        there = client.get_executor()
        painted = ns.stylize(IMAGE, STYLE, executor=there, callback=kill, **given)
        whole = {**given, "tile": None}
        many = [*ns.stylize_many([IMAGE, STYLE], STYLE, executor=there, **whole)]
    assert killed
    np.testing.assert_array_equal(painted.image, expected.image)
    assert [record.fun for record in painted.history] == [r.fun for r in expected.history]
    for content, ours in zip([IMAGE, STYLE], many, strict=True):
        np.testing.assert_array_equal(ours.image, ns.stylize(content, STYLE, **whole).image)
