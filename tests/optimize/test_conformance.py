"""All methods of `minimize` report, stop, fail and resume alike, and so does one of a user's own.

A method that is added to `METHODS` is tested here without a further line.
"""

from __future__ import annotations

import doctest
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from support import Evaluators, Reusable, near, noise

import neuralstyle as ns
from neuralstyle.optimize.methods.methods import METHODS


def documented() -> ns.Method:
    """Return the method that the documentation writes as an example of a user's own."""
    scope: dict[str, Any] = {"np": np}
    for example in doctest.DocTestParser().get_examples(ns.Method.__doc__ or ""):
        exec(example.source, scope)
        if "ConjugateGradients" in scope:
            method: ns.Method = scope["ConjugateGradients"]()
            return method
    raise AssertionError("the documentation of Method has no such example")


ALL: dict[str, ns.Method] = {
    **{name: make() for name, make in METHODS.items()},
    "sgd": ns.KerasMethod(keras.optimizers.SGD(0.01, momentum=0.9)),
    "a user's own": documented(),
}


def those(ability: str, having: bool = True) -> Any:
    names = [name for name, method in ALL.items() if getattr(method, ability) is having]
    return pytest.mark.parametrize("name", names)


every_method = pytest.mark.parametrize("name", ALL)

PIXELS = Reusable()


def muted(seed: int = 0) -> np.ndarray:
    return 0.2 + 0.6 * noise(seed=seed)


OBJECTIVE = near(muted())


def run(name: str, init: np.ndarray | None = None, **options: Any) -> ns.StyleResult:
    start = muted(1) if init is None else init
    options = {"maxiter": 8, **options}
    return ns.minimize(OBJECTIVE, PIXELS, start, method=ALL[name], **options)


# The descent


@every_method
def test_the_loss_falls(name: str) -> None:
    first, _ = ns.Evaluator(OBJECTIVE, PIXELS, (8, 12))(muted(1))
    result = run(name, maxiter=15)
    assert result.fun < 0.5 * first
    assert result.success


@every_method
def test_a_quadratic_ends_at_its_minimum(name: str) -> None:
    target = muted()
    objective = ns.ContentLoss(PIXELS(target), "input")
    result = ns.minimize(objective, PIXELS, muted(1), method=ALL[name], maxiter=200)
    np.testing.assert_allclose(result.image, target, atol=3e-3)


@every_method
@pytest.mark.parametrize("weight", [2.0**-27, 2.0**27])
def test_the_weight_of_the_whole_objective_does_not_change_the_path_by_a_bit(
    name: str, weight: float
) -> None:
    expected = run(name)
    scaled = ns.minimize(weight * OBJECTIVE, PIXELS, muted(1), method=ALL[name], maxiter=8)
    np.testing.assert_array_equal(scaled.image, expected.image)
    assert scaled.fun == weight * expected.fun


@every_method
def test_the_same_call_gives_the_same_bits(name: str) -> None:
    first, again = run(name), run(name)
    np.testing.assert_array_equal(first.image, again.image)
    assert [r.fun for r in first.history] == [r.fun for r in again.history]


@every_method
def test_the_callers_image_is_not_written_to(name: str) -> None:
    image = muted(1)
    image.setflags(write=False)
    result = run(name, image)
    np.testing.assert_array_equal(image, muted(1))
    assert not np.shares_memory(result.image, image)


# The report


@every_method
def test_settings_name_the_method(name: str) -> None:
    settings = run(name, maxiter=1).settings
    assert settings["method"] == str(ALL[name])


@every_method
def test_the_start_is_evaluated_only_once(name: str, evaluators: Evaluators) -> None:
    run(name)
    (first, _), *rest = evaluators.calls
    assert not any(np.array_equal(first, x) for x, _ in rest)


@every_method
def test_the_image_is_the_one_whose_value_and_losses_are_given(name: str) -> None:
    result = run(name)
    evaluator = ns.Evaluator(OBJECTIVE, PIXELS, (8, 12))
    assert evaluator(result.image)[0] == pytest.approx(result.fun, rel=1e-6)
    assert evaluator.losses == pytest.approx(result.losses, rel=1e-5)


@every_method
def test_the_image_is_no_worse_than_any_iterate(name: str) -> None:
    result = run(name, maxiter=40)
    assert result.fun <= min(record.fun for record in result.history) * (1 + 1e-6)


@every_method
def test_the_history_counts_iterations_and_evaluations(name: str, evaluators: Evaluators) -> None:
    seen: list[ns.Progress] = []
    result = run(name, callback=seen.append)
    assert [record.nit for record in result.history] == list(range(1, 9))
    assert [p.fun for p in seen] == [record.fun for record in result.history]
    assert [p.nfev for p in seen] == [record.nfev for record in result.history]
    assert result.history[-1].nfev == result.nfev >= 9
    # The value of a clipped picture, or of the average of iterates, is no evaluation of the run.
    assert len(evaluators.calls) - result.nfev in (0, 1, 2)


@every_method
def test_the_image_of_a_record_is_that_of_its_iteration_even_afterwards(name: str) -> None:
    seen: list[ns.Progress] = []
    run(name, callback=seen.append)
    evaluator = ns.Evaluator(OBJECTIVE, PIXELS, (8, 12))
    for progress in seen:
        assert evaluator(progress.image)[0] == pytest.approx(progress.fun, rel=1e-6)
        assert evaluator.losses == pytest.approx(progress.losses, rel=1e-5)


@every_method
def test_a_run_prints_nothing(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    run(name)
    assert capfd.readouterr() == ("", "")


# The ends


@every_method
@pytest.mark.parametrize("maxfun", [1, 2, 5])
def test_a_run_makes_no_more_than_maxfun_evaluations(name: str, maxfun: int) -> None:
    result = run(name, maxfun=maxfun, maxiter=50)
    assert result.status is ns.Status.LIMIT and result.success
    assert result.nfev == maxfun and f"maxfun = {maxfun}" in result.message


@every_method
@pytest.mark.parametrize("maxiter", [1, 5])
def test_a_run_makes_maxiter_iterations(name: str, maxiter: int) -> None:
    result = run(name, maxiter=maxiter)
    assert result.nit == maxiter and f"maxiter = {maxiter}" in result.message
    assert result.status is ns.Status.LIMIT and result.success


@every_method
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ftol": 0.3}, "falls by less than 0.3 of itself"),
        ({"gtol": 0.7}, "no derivative exceeds 0.7 of the largest"),
        ({"xtol": 5.0}, "less than 5 grey levels"),
    ],
    ids=["ftol", "gtol", "xtol"],
)
def test_a_loose_tolerance_ends_a_run_and_says_which(
    name: str, options: dict[str, float], words: str
) -> None:
    result = run(name, maxiter=300, **options)
    assert result.status is ns.Status.CONVERGED and result.success
    assert result.nit < 300 and words in result.message


@every_method
def test_xtol_is_the_mean_change_in_grey_levels_three_times_running(name: str) -> None:
    seen: list[np.ndarray] = [muted(1)]
    run(name, maxiter=60, callback=lambda progress: seen.append(progress.image))
    changes = [255 * np.abs(b - a).mean() for a, b in zip(seen, seen[1:], strict=False)]
    limit = 1.001 * float(np.median(changes))  # rounding does not decide
    small = [change < limit for change in changes]
    expected = next(i for i in range(3, 61) if all(small[i - 3 : i]))
    assert run(name, maxiter=60, xtol=limit).nit == expected


@every_method
def test_a_gradient_of_exactly_zero_is_convergence(name: str) -> None:
    grey = np.full((8, 8, 3), 0.5, np.float32)
    result = ns.minimize(ns.TotalVariationLoss(), PIXELS, grey, method=ALL[name])
    assert (result.nit, result.nfev, result.status) == (0, 1, ns.Status.CONVERGED)


@every_method
def test_stop_iteration_in_a_callback_halts_the_run(name: str) -> None:
    def stop(progress: ns.Progress) -> None:
        if progress.nit == 3:
            raise StopIteration("good enough")

    result = run(name, callback=stop)
    assert result.nit == 3 and result.status is ns.Status.CALLBACK and result.success
    assert result.message == "halted by the callback: good enough"


@every_method
def test_an_error_in_a_callback_passes_through_with_the_result_so_far(name: str) -> None:
    def fail(progress: ns.Progress) -> None:
        if progress.nit == 3:
            raise LookupError("mine")

    with pytest.raises(LookupError) as caught:
        run(name, callback=fail)
    partial = caught.value.partial_result  # type: ignore[attr-defined]
    assert partial.nit == 3 and not partial.success
    np.testing.assert_array_equal(partial.image, run(name, maxiter=3).image)


@every_method
def test_an_interrupt_during_an_evaluation_returns_the_best_image(
    name: str, evaluators: Evaluators
) -> None:
    expected = run(name, maxiter=3)
    evaluators.interrupt(expected.nfev + 1)
    result = run(name)
    assert result.status is ns.Status.INTERRUPTED and not result.success and result.nit == 3
    np.testing.assert_array_equal(result.image, expected.image)


@ns.loss
def cliff(features: Mapping[str, Any]) -> Any:
    """Falls towards black, and is not a number from a mean of 0.4 on."""
    mean = ops.mean(features["input"])
    return ops.where(mean > 0.4, ops.square(mean), float("nan"))


@every_method
def test_a_loss_that_stops_being_finite_ends_the_run_with_the_best_image_before(
    name: str,
) -> None:
    start = np.full((8, 12, 3), 0.6, np.float32)
    result = ns.minimize(cliff, PIXELS, start, method=ALL[name], maxiter=500)
    assert result.status is ns.Status.NONFINITE and not result.success
    assert "cliff" in result.message
    assert np.isfinite(result.image).all() and np.isfinite(result.fun)
    assert 0.4 < result.image.mean() < 0.6


@every_method
def test_a_gradient_that_stops_being_finite_ends_the_run_likewise(
    name: str, evaluators: Evaluators
) -> None:
    def spoil(call: int, value: float, gradient: np.ndarray) -> Any:
        gradient = gradient.copy()
        if call == 4:
            gradient[17] = np.inf
        return value, gradient

    evaluators.answer(spoil)
    result = run(name)
    assert result.status is ns.Status.NONFINITE and result.nfev == 4
    assert "gradient" in result.message and np.isfinite(result.image).all()


# Bounds

pull = ns.loss(lambda features: ops.mean(ops.square(features["input"] - 3.0)))


@those("bounds")
def test_pixels_stay_within_the_bounds(name: str) -> None:
    seen: list[np.ndarray] = []
    options: dict[str, Any] = {"method": ALL[name], "maxiter": 150, "bounds": (0.25, 0.5)}
    result = ns.minimize(pull, PIXELS, noise(), callback=lambda p: seen.append(p.image), **options)
    assert min(image.min() for image in seen) >= 0.25
    assert max(image.max() for image in seen) == 0.5
    np.testing.assert_array_equal(result.image, np.float32(0.5))


@those("bounds")
def test_gtol_looks_at_what_the_bounds_leave_open(name: str) -> None:
    options: dict[str, Any] = {"bounds": (0.0, 1.0), "gtol": 1e-3, "maxiter": 600, "ftol": 0.0}
    result = ns.minimize(pull, PIXELS, noise(), method=ALL[name], **options)
    assert result.status is ns.Status.CONVERGED
    np.testing.assert_array_equal(result.image, 1.0)


@those("bounds", False)
def test_bounds_that_a_method_does_not_take_are_refused_in_a_sentence(
    name: str, evaluators: Evaluators
) -> None:
    with pytest.raises(ValueError, match=r"^bounds: expected None with the method .*, received"):
        run(name, bounds=(0.0, 1.0))
    assert evaluators.made == []


# States


@those("resumes")
def test_a_restored_run_gives_the_bits_of_one_that_was_not_interrupted(
    name: str, tmp_path: Any
) -> None:
    straight = run(name, maxiter=15)
    first = run(name, maxiter=6)
    assert first.state is not None and straight.state is not None
    np.savez(tmp_path / "state.npz", **first.state)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as saved:
        second = run(name, init=first.image, maxiter=9, state=dict(saved))
    assert second.history[-1].fun == straight.history[-1].fun
    assert second.state is not None and second.state.keys() == straight.state.keys()
    for entry, array in straight.state.items():
        np.testing.assert_array_equal(second.state[entry], array, err_msg=entry)


@those("resumes")
@pytest.mark.parametrize("maxfun", [1, 7])
def test_a_state_is_that_of_the_last_accepted_iteration_however_the_run_ended(
    name: str, maxfun: int
) -> None:
    seen = [muted(1)]
    first = run(name, maxfun=maxfun, callback=lambda progress: seen.append(progress.image))
    assert first.state is not None
    state = first.state["x"].reshape(8, 12, 3)
    np.testing.assert_allclose(np.clip(state, 0, 1), seen[-1], atol=1e-7)
    assert run(name, state=first.state).nit == 8


@those("resumes", False)
def test_a_state_is_refused_in_a_sentence_by_a_method_that_has_none(name: str) -> None:
    assert run(name, maxiter=1).state is None
    with pytest.raises(ValueError, match="^state: expected None with the method .*, received"):
        run(name, state=run("l-bfgs", maxiter=1).state)
