"""What a run offers to a method of a user's own, and how it treats one that is careless."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import Evaluators, Reusable, near, noise, says

import neuralstyle as ns

PIXELS = Reusable()

Body = Callable[[ns.Run, Any], None]


class Own(ns.Method):
    """A method that does what a function says."""

    def __init__(self, body: Body, bounds: bool = False, resumes: bool = False) -> None:
        self.body, self.bounds, self.resumes = body, bounds, resumes

    def run(self, run: ns.Run, state: Any) -> None:
        self.body(run, state)


def minimize(body: Body, *, bounds: Any = None, resumes: bool = False, **options: Any) -> Any:
    method = Own(body, bounds is not None, resumes)
    options = {"maxiter": 5, "bounds": bounds, **options}
    return ns.minimize(near(noise()), PIXELS, noise(seed=1), method=method, **options)


def descend(run: ns.Run, state: Any) -> None:
    x, gradient, step = run.x, run.gradient, 0.01 / np.abs(run.gradient).max()
    while True:
        x = x - step * gradient
        _, gradient = run.evaluate(x)
        run.accept(x)


def test_a_method_starts_with_the_image_its_value_and_its_gradient() -> None:
    start = np.clip(noise(seed=1), 0.25, 0.75)
    seen: list[Any] = []

    def note(run: ns.Run, state: Any) -> None:
        seen.append((run.x.copy(), run.first, run.gradient.copy(), run.bounds, state))
        raise ns.Halt(ns.Status.ABNORMAL, "seen enough")

    result = minimize(note, bounds=(0.25, 0.75))
    ((x, first, gradient, bounds, state),) = seen
    np.testing.assert_array_equal(x, start.ravel())
    value, slopes = ns.Evaluator(near(noise()), PIXELS, (8, 12))(x)
    assert (first, bounds, state) == (value, (0.25, 0.75), None)
    np.testing.assert_array_equal(gradient, slopes)
    assert (result.message, result.status) == ("seen enough", ns.Status.ABNORMAL)


def test_a_method_that_returns_has_converged() -> None:
    def one_step(run: ns.Run, state: Any) -> None:
        run.accept(run.x - 0.01 * np.sign(run.gradient))

    result = minimize(one_step)
    assert result.status is ns.Status.CONVERGED and result.nit == 1
    assert "own came to its end" in result.message


def test_gradient_descent_is_a_method_of_six_lines() -> None:
    result = minimize(descend)
    values = [record.fun for record in result.history]
    assert values == sorted(values, reverse=True) and result.nfev == 6
    assert result.settings["method"] == "own"


def test_the_point_that_was_evaluated_last_is_not_evaluated_again(evaluators: Evaluators) -> None:
    def twice(run: ns.Run, state: Any) -> None:
        first = run.evaluate(run.x)
        assert first[0] == run.first
        np.testing.assert_array_equal(first[1], run.gradient)
        x = 0.9 * run.x
        value, gradient = run.evaluate(x)
        kept = gradient.copy()
        gradient *= 2  # the caller's own
        for again in (run.evaluate(x), run.evaluate(x.copy())):
            assert again[0] == value
            np.testing.assert_array_equal(again[1], kept)
        assert run.evaluate(np.float32(x))[1].dtype == np.float32

    result = minimize(twice)
    assert result.nfev == len(evaluators.calls) == 3


def test_an_iterate_that_was_not_evaluated_last_is_evaluated_so_that_the_history_is_true() -> None:
    seen: list[ns.Progress] = []

    def wander(run: ns.Run, state: Any) -> None:
        for factor in (0.9, 0.8, 0.7):
            x = factor * run.x
            run.evaluate(x)
            run.evaluate(0.1 * run.x)
            run.accept(x)

    minimize(wander, callback=seen.append)
    evaluator = ns.Evaluator(near(noise()), PIXELS, (8, 12))
    assert len(seen) == 3
    for progress in seen:
        assert evaluator(progress.image)[0] == pytest.approx(progress.fun, rel=1e-6)
        assert evaluator.losses == pytest.approx(progress.losses, rel=1e-6)


def test_a_method_may_write_to_its_arrays() -> None:
    def careless(run: ns.Run, state: Any) -> None:
        x, gradient, step = run.x, run.gradient, 0.01 / np.abs(run.gradient).max()
        while True:
            gradient *= step
            x -= gradient
            _, gradient = run.evaluate(x)
            run.accept(x)

    seen: list[ns.Progress] = []
    spoiled, expected = minimize(careless, callback=seen.append, gtol=1e-9), minimize(descend)
    np.testing.assert_array_equal(spoiled.image, expected.image)
    assert [r.fun for r in spoiled.history] == [r.fun for r in expected.history]
    evaluator = ns.Evaluator(near(noise()), PIXELS, (8, 12))
    assert evaluator(seen[0].image)[0] == pytest.approx(seen[0].fun, rel=1e-6)


def test_a_method_of_ones_own_may_have_a_state() -> None:
    def resume(run: ns.Run, state: Any) -> None:
        x, gradient = run.x, run.gradient
        step = 0.01 / np.abs(gradient).max() if state is None else float(state["step"])
        run.state = lambda: {"x": x, "step": np.array(step)}
        while True:
            moved = x - step * gradient
            _, gradient = run.evaluate(moved)
            x = moved
            run.accept(x)

    straight = minimize(resume, resumes=True, maxiter=5)
    first = minimize(resume, resumes=True, maxiter=2)
    second = minimize(resume, resumes=True, maxiter=3, state=first.state)
    np.testing.assert_array_equal(second.image, straight.image)
    assert set(first.state) >= {"x", "step", "method", "objective", "shape"}


def test_a_method_of_ones_own_may_offer_an_average() -> None:
    target = noise()

    def far(run: ns.Run, state: Any) -> None:
        run.average = target.ravel().astype(np.float64)
        run.accept(0.9 * run.x)

    result = minimize(far)
    assert result.fun < result.history[-1].fun
    np.testing.assert_allclose(result.image, target, atol=1e-6)


def test_bounds_are_refused_for_a_method_that_does_not_say_that_it_takes_them() -> None:
    with says(ValueError, r"bounds: expected None with the method Own\(\), which takes none"):
        ns.minimize(near(noise()), PIXELS, noise(), method=Own(descend), bounds=(0.0, 1.0))


def test_a_method_without_a_run_cannot_be_made() -> None:
    class Idle(ns.Method):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Idle()  # type: ignore[abstract]


def test_a_method_is_called_after_its_class_or_as_it_says() -> None:
    class NelderMead(Own):
        pass

    class Named(Own):
        name = "downhill"

    assert (NelderMead(descend).name, Named(descend).name) == ("nelder-mead", "downhill")
