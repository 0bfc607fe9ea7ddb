"""Records, histories and the ends of runs over several scales."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import ops
from painting import PIXELS, Noted, quick
from support import noise

import neuralstyle as ns


def three_scales(**options: Any) -> ns.StyleResult:
    return quick(noise(128, 128), **{"scales": 3, "maxiter": 3, **options})


def test_the_history_runs_over_all_scales() -> None:
    result = three_scales(maxiter=[3, 2, 1])
    history = result.history
    assert [record.nit for record in history] == [1, 2, 3, 4, 5, 6]
    assert [record.scale for record in history] == [0, 0, 0, 1, 1, 2]
    assert result.nit == 6
    for name in ("nfev", "seconds"):
        numbers = [getattr(record, name) for record in history]
        assert all(a < b for a, b in zip(numbers, numbers[1:], strict=False)), name
        assert numbers[-1] <= getattr(result, name)
    # The result's values are those of the picture, which is clipped.
    assert result.fun == pytest.approx(history[-1].fun, rel=0.05)
    assert result.losses.keys() == history[-1].losses.keys()
    assert result.image.shape == (128, 128, 3)


def test_a_callback_sees_the_whole_run() -> None:
    seen: list[ns.Progress] = []
    result = three_scales(maxiter=[3, 2, 1], callback=seen.append)
    assert len(seen) == 6
    for progress, record in zip(seen, result.history, strict=True):
        for name in ("nit", "nfev", "fun", "losses", "scale"):
            assert getattr(progress, name) == getattr(record, name), name
        assert progress.seconds == pytest.approx(record.seconds, abs=0.05)
        assert progress.scales == 3
        assert progress.maxiter == 6
        assert progress.image.shape == progress.shape
    # In iterations of the scale at hand; the next has four times the pixels.
    assert [progress.work_left for progress in seen] == [26, 25, 24, 5, 4, 0]
    assert [progress.shape[0] for progress in seen] == [32, 32, 32, 64, 64, 128]
    np.testing.assert_array_equal(seen[-1].image, result.image)


def test_a_callback_changes_nothing() -> None:
    np.testing.assert_array_equal(quick(callback=lambda p: None).image, quick().image)


def raise_at(nit: int, error: BaseException) -> Callable[[ns.Progress], None]:
    def callback(progress: ns.Progress) -> None:
        if progress.nit == nit:
            raise error

    return callback


def assert_ended_in_the_second_scale(result: ns.StyleResult) -> None:
    expected = three_scales(size=(64, 64), scales=2, maxiter=[3, 2])
    assert result.image.shape == (64, 64, 3)
    assert result.nit == 5
    assert [record.scale for record in result.history] == [0, 0, 0, 1, 1]
    assert result.nfev == expected.nfev
    assert np.isfinite(result.image).all()


def test_stop_iteration_in_the_second_scale_ends_the_whole_run() -> None:
    factory = Noted()
    result = three_scales(objective=factory, callback=raise_at(5, StopIteration("enough")))
    assert result.status is ns.Status.CALLBACK and result.success
    assert result.message == "halted by the callback: enough, at 64 x 64 of 128 x 128"
    assert_ended_in_the_second_scale(result)
    assert len(factory.shapes) == 2


def test_true_in_the_second_scale_ends_the_whole_run(tmp_path: Path) -> None:
    PIXELS.checkpoint_name = "pixels"  # type: ignore[attr-defined]
    factory = Noted()
    factory.checkpoint_name = "noted"  # type: ignore[attr-defined]
    for options in ({}, {"checkpoint": tmp_path / "run.npz"}):
        result = three_scales(objective=factory, callback=lambda now: now.nit == 5, **options)
        assert result.status is ns.Status.CALLBACK and result.nit == 5


def test_an_interrupt_in_the_second_scale_ends_the_whole_run() -> None:
    factory = Noted()
    result = three_scales(objective=factory, callback=raise_at(5, KeyboardInterrupt()))
    assert result.status is ns.Status.INTERRUPTED and not result.success
    assert result.message == "interrupted by the user, at 64 x 64 of 128 x 128"
    assert_ended_in_the_second_scale(result)
    assert len(factory.shapes) == 2


class FailingAt(Noted):
    """Fails when it is called for a given scale."""

    def __init__(self, scale: int, error: BaseException) -> None:
        super().__init__()
        self.scale = scale
        self.error = error

    def __call__(self, *features: Any) -> ns.StyleObjective:
        objective = super().__call__(*features)
        if len(self.seen) == self.scale + 1:
            raise self.error
        return objective


def test_an_interrupt_between_scales_returns_the_result_of_the_last() -> None:
    result = three_scales(objective=FailingAt(1, KeyboardInterrupt()))
    assert result.status is ns.Status.INTERRUPTED and not result.success
    assert result.message == "interrupted by the user, at 32 x 32 of 128 x 128"
    assert result.nit == 3
    expected = three_scales(size=(32, 32), scales=1)
    np.testing.assert_array_equal(result.image, expected.image)
    assert result.fun == expected.fun


def test_a_halt_at_the_size_asked_for_says_no_size() -> None:
    result = three_scales(callback=raise_at(8, StopIteration("enough")))
    assert result.message == "halted by the callback: enough"
    assert result.image.shape == (128, 128, 3)


def test_a_result_that_is_smaller_than_asked_for_is_gone_on_from() -> None:
    halted = three_scales(callback=raise_at(5, StopIteration()))
    result = three_scales(init=halted, scales=None)
    assert result.image.shape == (128, 128, 3)
    assert {record.scale for record in result.history} == {0} and " of " not in result.message


def test_an_interrupt_before_anything_is_done_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        three_scales(objective=FailingAt(0, KeyboardInterrupt()))


def test_an_error_in_a_callback_at_a_later_scale_carries_the_result_so_far() -> None:
    error = LookupError("mine")
    with pytest.raises(LookupError) as caught:
        three_scales(callback=raise_at(5, error))
    assert caught.value is error
    partial = error.partial_result  # type: ignore[attr-defined]
    assert isinstance(partial, ns.StyleResult)
    assert not partial.success
    assert_ended_in_the_second_scale(partial)


def test_an_error_between_scales_carries_the_result_of_the_last() -> None:
    error = LookupError("mine")
    with pytest.raises(LookupError) as caught:
        three_scales(objective=FailingAt(2, error))
    assert caught.value is error
    partial = error.partial_result  # type: ignore[attr-defined]
    assert partial.nit == 6
    assert partial.image.shape == (64, 64, 3)


def test_an_error_before_anything_is_done_carries_nothing() -> None:
    error = LookupError("mine")
    with pytest.raises(LookupError):
        three_scales(objective=FailingAt(0, error))
    assert not hasattr(error, "partial_result")


def test_a_loss_that_stops_being_finite_ends_the_whole_run() -> None:
    factory = Noted()

    def objective(*features: Any) -> ns.StyleObjective:
        factory(*features)

        @ns.loss
        def cliff(features: Any) -> Any:
            mean = ops.mean(features["input"])
            return ops.where(mean > 0.4, ops.square(mean), float("nan"))

        return ns.StyleObjective(cliff)

    result = three_scales(objective=objective, maxiter=30)
    assert result.status is ns.Status.NONFINITE and not result.success
    assert result.image.shape == (32, 32, 3)
    assert len(factory.shapes) == 1


def test_a_scale_that_converges_is_followed_by_the_next() -> None:
    result = three_scales(maxiter=30, ftol=0.5)
    assert {record.scale for record in result.history} == {0, 1, 2}
    assert result.nit < 90
    assert result.image.shape == (128, 128, 3)
