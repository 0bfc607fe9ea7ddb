"""Weights that a callback changes: the run begins anew where it is, and says so."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from keras import ops
from support import noise, pixels

import neuralstyle as ns

SHAPE = (6, 8)
START = noise(*SHAPE, 1)
METHODS: dict[str, Any] = {
    "l-bfgs-b": "l-bfgs-b",
    "l-bfgs": "l-bfgs",
    "restarting": ns.LBFGS(restart=3),
    "adam": "adam",
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def blend(smooth: float = 1.0) -> ns.StyleObjective:
    """Near to a picture but smooth."""
    content = ns.ContentLoss(pixels(noise(*SHAPE)), "input")
    return content + smooth * ns.TotalVariationLoss(exponent=1.5)


def changing(at: int, **weights: Any) -> Any:
    """Return a callback that changes weights after an iteration."""

    def callback(now: ns.Progress) -> None:
        if now.nit == at:
            now.reweigh(weights)

    return callback


def run(**options: Any) -> ns.StyleResult:
    given = {"init": START, "maxiter": 6, "ftol": 0.0, **options}
    return ns.minimize(blend(), pixels, **given)


@every_method
def test_run_goes_on_as_another_would_from_there(method: Any) -> None:
    before = run(method=method, maxiter=3)
    last: dict[int, Any] = {}

    def callback(now: ns.Progress) -> None:
        last[now.nit] = now.image
        changing(3, total_variation=4.0)(now)

    result = run(method=method, callback=callback)
    np.testing.assert_array_equal(last[3], before.image)
    after = ns.minimize(blend(4.0), pixels, last[3], method=method, maxiter=3, ftol=0.0)
    assert result.nit == 6 and result.status is ns.Status.LIMIT
    values = [row.fun for row in result.history[3:]]
    np.testing.assert_allclose(values, [row.fun for row in after.history], rtol=1e-4)
    weighed = result.losses["content"] + 4 * result.losses["total_variation"]
    assert result.fun == pytest.approx(weighed)


def test_the_change_is_told_and_leaves_no_state() -> None:
    seen = []

    def callback(now: ns.Progress) -> None:
        seen.append(now.settings["weights"]["total_variation"])
        changing(2, total_variation=4)(now)

    result = run(method="l-bfgs", maxiter=4, callback=callback)
    assert seen == [1.0, 1.0, 4.0, 4.0]
    assert result.settings["weights"] == {"content": 1.0, "total_variation": 4.0}
    assert result.settings["reweighed"] == [[2, {"total_variation": 4.0}]]
    assert result.state is None and run(method="l-bfgs", maxiter=2).state is not None
    assert "reweighed" not in run(maxiter=1).settings


def test_several_wishes_of_one_iteration_make_one_change() -> None:
    def callback(now: ns.Progress) -> None:
        if now.nit == 1:
            now.reweigh(total_variation=3, content=2)
            now.reweigh({"total_variation": 5})

    changes = run(maxiter=2, callback=callback).settings["reweighed"]
    assert changes == [[1, {"total_variation": 5.0, "content": 2.0}]]


def test_a_loss_that_rises_by_its_weight_is_not_taken_for_standstill() -> None:
    result = run(ftol=0.9, callback=changing(1, content=1.0001), method="l-bfgs")
    assert result.status is ns.Status.CONVERGED and result.nit >= 2


@pytest.mark.parametrize("at", [3, 1])
def test_limits_are_those_of_the_whole_run(at: int) -> None:
    result = run(maxiter=3, callback=changing(at, total_variation=2))
    assert (result.nit, result.status) == (3, ns.Status.LIMIT)
    assert result.settings["weights"]["total_variation"] == (2.0 if at < 3 else 1.0)
    few = run(maxfun=2, callback=changing(1, total_variation=2))
    assert few.nfev == 2 and few.settings["weights"]["total_variation"] == 1.0


def test_an_evaluator_has_its_own_weights_back() -> None:
    evaluator = ns.Evaluator(blend(), pixels, SHAPE)
    ns.minimize(evaluator, init=START, maxiter=3, callback=changing(1, total_variation=9))
    assert evaluator.weights == {"content": 1.0, "total_variation": 1.0}
    assert evaluator(START)[0] == ns.Evaluator(blend(), pixels, SHAPE)(START)[0]


def test_weights_that_make_no_number_end_the_run_with_the_picture_before() -> None:
    @ns.loss
    def large(features: Any) -> Any:
        return 1e20 * ops.mean(features["input"] ** 2)

    given: Any = {"objective": large * 1e-20, "extractor": pixels, "init": START, "maxiter": 6}
    result = ns.minimize(**given, callback=changing(2, large=1e25))
    assert result.status is ns.Status.NONFINITE and result.nit == 2
    assert result.fun == ns.minimize(**{**given, "maxiter": 2}).fun
    assert result.settings["weights"] == {"large": 1e-20}


def test_what_is_wrong_is_refused_at_once_and_changes_nothing() -> None:
    def callback(now: ns.Progress) -> None:
        with pytest.raises(KeyError, match="weights: there is no term 'styl'; there are content"):
            now.reweigh(styl=1, content=7)
        with pytest.raises(ValueError, match=r"^weights\['content'\]: "):
            now.reweigh(content=float("nan"))
        with pytest.raises(RuntimeError, match="^reweigh: expected a record of a run that goes on"):
            copy.copy(now).reweigh(content=1)

    assert "reweighed" not in run(maxiter=2, callback=callback).settings


@every_method
def test_weights_that_leave_nothing_to_do_end_the_run(method: Any) -> None:
    result = run(method=method, callback=changing(2, content=0.0, total_variation=0.0))
    assert result.nit == 2 and result.status is ns.Status.CONVERGED


def test_no_wish_is_no_change() -> None:
    plain = run(method="l-bfgs")
    result = run(method="l-bfgs", callback=lambda now: now.reweigh())
    np.testing.assert_array_equal(result.image, plain.image)
    assert "reweighed" not in result.settings and result.state is not None
