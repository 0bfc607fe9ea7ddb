"""Runs of `minimize` end in good order: by callbacks, Ctrl-C, limits, and what is not finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from keras import ops
from support import Evaluators, Reusable, near, noise

import neuralstyle as ns

PIXELS = Reusable()


def run(image: np.ndarray | None = None, **options: Any) -> ns.StyleResult:
    """A run without a network, from the mirrored image."""
    image = noise() if image is None else image
    return ns.minimize(near(image), PIXELS, image[::-1], **{"maxiter": 8, **options})


# Values that are not finite


def test_a_loss_that_is_not_finite_at_the_start_is_named() -> None:
    broken = ns.loss(lambda features: ops.sqrt(ops.mean(features["input"]) - 10.0))
    broken.name = "broken"
    with pytest.raises(ValueError, match="finite value at the start.*broken") as caught:
        ns.minimize(ns.TotalVariationLoss() + broken, PIXELS, noise())
    assert "total_variation" not in str(caught.value)
    assert not hasattr(caught.value, "partial_result")


def test_a_gradient_that_is_not_finite_at_the_start_is_told_apart() -> None:
    root = ns.loss(lambda features: ops.sqrt(ops.sum(ops.square(features["input"] - 0.5))))
    with pytest.raises(ValueError, match="finite gradient at the start"):
        ns.minimize(root, PIXELS, np.full((4, 4, 3), 0.5))


@ns.loss
def cliff(features: Mapping[str, Any]) -> Any:
    """Falls towards black, and is not a number from a mean of 0.4 on."""
    mean = ops.mean(features["input"])
    return ops.where(mean > 0.4, ops.square(mean), float("nan"))


def test_a_loss_that_stops_being_finite_ends_the_run_with_the_best_image_before() -> None:
    start = np.full((8, 12, 3), 0.6, np.float32)
    result = ns.minimize(cliff + 0.1 * ns.TotalVariationLoss(), PIXELS, start)
    assert result.status is ns.Status.NONFINITE
    assert not result.success
    assert "cliff" in result.message and "total_variation" not in result.message
    assert np.isfinite(result.image).all() and np.isfinite(result.fun)
    assert 0.4 < result.image.mean() < 0.6
    assert result.fun == pytest.approx(result.image.mean() ** 2, rel=1e-4)
    assert np.isfinite(list(result.losses.values())).all()


def test_a_gradient_that_stops_being_finite_ends_the_run_likewise(
    evaluators: Evaluators,
) -> None:
    evaluators.answer(lambda n, value, g: (value, g if n < 4 else g * np.nan))
    result = run()
    assert result.status is ns.Status.NONFINITE
    assert not result.success
    assert "gradient" in result.message and "evaluation 4" in result.message
    assert result.nfev == 4
    assert np.isfinite(result.image).all()


def test_an_infinite_value_is_never_the_best(evaluators: Evaluators) -> None:
    evaluators.answer(lambda n, value, g: (value if n < 4 else -np.inf, g))
    result = run()
    assert result.status is ns.Status.NONFINITE
    assert np.isfinite(result.fun)


# Callbacks and the ends of runs


def test_a_callback_gets_one_record_for_every_accepted_iteration() -> None:
    seen: list[ns.Progress] = []
    result = run(callback=seen.append)
    assert len(seen) == result.nit
    for progress, record in zip(seen, result.history, strict=True):
        assert isinstance(progress, ns.Progress)
        for name in ("nit", "nfev", "fun", "losses", "seconds", "scale"):
            assert getattr(progress, name) == getattr(record, name), name
        assert (progress.scale, progress.scales, progress.maxiter) == (0, 1, 8)
        assert progress.work_left == 8 - progress.nit
        assert progress.shape == (8, 12, 3)


def test_the_image_of_a_record_is_that_of_its_iteration_even_afterwards() -> None:
    seen: list[ns.Progress] = []
    run(callback=seen.append, bounds=(0.0, 1.0))  # images of records are clipped
    evaluator = ns.Evaluator(near(noise()), PIXELS, (8, 12))
    for progress in seen:
        assert evaluator(progress.image)[0] == progress.fun
        assert evaluator.losses == progress.losses


def test_the_image_of_a_record_is_new_each_time_and_the_callers_to_write_to() -> None:
    images: list[np.ndarray] = []

    def spoil(progress: ns.Progress) -> None:
        image = progress.image
        assert image.dtype == np.float32 and image.shape == (8, 12, 3)
        assert image.min() >= 0 and image.max() <= 1
        images.append(image.copy())
        image[:] = np.nan
        np.testing.assert_array_equal(progress.image, images[-1])

    result = run(callback=spoil)
    np.testing.assert_array_equal(result.image, run().image)
    assert len(images) == 8


@pytest.mark.parametrize("nit", [1, 3])
def test_a_callback_that_returns_true_halts_the_run(nit: int) -> None:
    result = run(callback=lambda progress: np.equal(progress.nit, nit) or None)
    assert (result.status, result.nit) == (ns.Status.CALLBACK, nit)
    assert result.message == "halted by the callback" and result.success


@pytest.mark.parametrize("value", [False, None, 1, np.ones(2), "stop"])
def test_whatever_else_a_callback_returns_is_of_no_account(value: object) -> None:
    assert run(callback=lambda progress: value).nit == 8


def stop_at(nit: int, error: BaseException) -> Callable[[ns.Progress], None]:
    def callback(progress: ns.Progress) -> None:
        if progress.nit == nit:
            raise error

    return callback


@pytest.mark.parametrize("nit", [1, 3])
def test_stop_iteration_in_a_callback_halts_the_run(nit: int) -> None:
    seen: list[ns.Progress] = []

    def callback(progress: ns.Progress) -> None:
        seen.append(progress)
        if progress.nit == nit:
            raise StopIteration

    result = run(callback=callback)
    assert result.status is ns.Status.CALLBACK and result.success
    assert result.nit == len(seen) == nit
    assert result.fun == seen[-1].fun
    np.testing.assert_array_equal(result.image, seen[-1].image)
    assert result.message == "halted by the callback"


def test_the_reason_given_to_stop_iteration_is_in_the_message() -> None:
    result = run(callback=stop_at(2, StopIteration("good enough")))
    assert result.message == "halted by the callback: good enough"


@pytest.mark.parametrize("nit", [1, 3])
def test_an_error_in_a_callback_passes_through_with_the_result_so_far(nit: int) -> None:
    error = LookupError("mine")
    with pytest.raises(LookupError) as caught:
        run(callback=stop_at(nit, error))
    assert caught.value is error
    partial = error.partial_result  # type: ignore[attr-defined]
    assert isinstance(partial, ns.StyleResult)
    assert partial.nit == len(partial.history) == nit
    assert not partial.success
    assert "LookupError" in partial.message
    np.testing.assert_array_equal(partial.image, run(maxiter=nit).image)


@pytest.mark.parametrize("nit", [1, 3])
def test_an_interrupt_in_a_callback_returns_the_best_image(nit: int) -> None:
    result = run(callback=stop_at(nit, KeyboardInterrupt()))
    assert result.status is ns.Status.INTERRUPTED
    assert not result.success
    assert result.nit == nit
    assert "interrupted" in result.message
    np.testing.assert_array_equal(result.image, run(maxiter=nit).image)


def test_an_interrupt_during_an_evaluation_returns_the_best_image(
    evaluators: Evaluators,
) -> None:
    expected = run(maxiter=3)
    evaluators.interrupt(expected.nfev + 1)
    result = run()
    assert result.status is ns.Status.INTERRUPTED
    assert result.nit == 3
    np.testing.assert_array_equal(result.image, expected.image)


def test_an_interrupt_during_the_first_line_search_returns_the_start(
    evaluators: Evaluators,
) -> None:
    evaluators.interrupt(2)
    result = run()
    assert result.status is ns.Status.INTERRUPTED
    assert result.nit == 0
    np.testing.assert_array_equal(result.image, noise()[::-1])


def test_an_interrupt_before_anything_was_evaluated_passes_through(
    evaluators: Evaluators,
) -> None:
    evaluators.interrupt(1)
    with pytest.raises(KeyboardInterrupt):
        run()


@pytest.mark.parametrize("maxiter", [1, 2, 5, np.int64(4)])
def test_a_run_makes_maxiter_iterations(maxiter: int) -> None:
    result = run(maxiter=maxiter)
    assert result.nit == maxiter
    assert result.status is ns.Status.LIMIT and result.success
    assert f"maxiter = {maxiter}" in result.message


@pytest.mark.parametrize("maxfun", [1, 2, 3, 4, 5, 9])
def test_a_run_makes_no_more_than_maxfun_evaluations(maxfun: int, evaluators: Evaluators) -> None:
    result = run(maxfun=maxfun, maxiter=50)
    assert result.status is ns.Status.LIMIT and result.success
    assert f"maxfun = {maxfun}" in result.message
    # One more gives the value of the clipped picture.
    assert len(evaluators.calls) in (result.nfev, result.nfev + 1)
    assert result.nfev <= maxfun


def test_a_loose_ftol_ends_a_run_early() -> None:
    result = run(ftol=0.2, maxiter=50)
    assert result.status is ns.Status.CONVERGED and result.success
    assert 1 <= result.nit < 50
    assert "0.2" in result.message


def test_a_loose_gtol_ends_a_run_early() -> None:
    result = run(gtol=0.5, maxiter=50)
    assert result.status is ns.Status.CONVERGED and result.success
    assert result.nit < 50
    evaluator = ns.Evaluator(near(noise()), PIXELS, (8, 12))
    _, first = evaluator(noise()[::-1])
    _, last = evaluator(result.image)
    inner = (result.image.ravel() > 0) & (result.image.ravel() < 1)
    assert np.abs(last[inner]).max() <= 0.5 * np.abs(first).max() * (1 + 1e-6)


# Silence


def test_a_run_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    run(callback=lambda progress: None)
    assert capfd.readouterr() == ("", "")


def test_progress_is_drawn_on_standard_error_when_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: list[ns.Progress] = []
    result = run(progress=True, callback=seen.append)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err != ""
    assert len(seen) == 8
    np.testing.assert_array_equal(result.image, run().image)
