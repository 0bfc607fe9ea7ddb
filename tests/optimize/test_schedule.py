"""Weights on the way: value and gradient belong together, and the result is the last iterate."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from keras import ops
from support import noise, pixels

import neuralstyle as ns
from neuralstyle.losses.schedule import at_scale

SHAPE = (6, 8)
X = noise(*SHAPE, 1)
MOVING: dict[str, Any] = {"adam": "adam", "l-bfgs": ns.LBFGS(restart=3)}
every_method = pytest.mark.parametrize("method", MOVING.values(), ids=MOVING)


def falling(step: int, steps: int) -> float:
    return 4.0 * (1 - step / steps)


def near(function: Any = None, by: Any = "iteration", **options: Any) -> ns.StyleObjective:
    """Near to a picture but smooth; how smooth, changes."""
    smooth: Any = ns.TotalVariationLoss(exponent=1.5)
    if function is not None:
        smooth = ns.schedule(function, by) * smooth
    return ns.ContentLoss(pixels(noise(*SHAPE)), "input") + 0.5 * smooth


def test_a_schedule_multiplies_losses_objectives_and_numbers() -> None:
    moving = ns.schedule(falling)
    loss = ns.TotalVariationLoss()
    for made in (moving * loss, loss * moving, 2 * moving * loss / 2, moving * (1.0 * loss)):
        assert list(made.weights) == ["total_variation"] and "schedule(falling" in repr(made)
        assert at_scale(made, 1, 2).weights == {"total_variation": 2.0}
    both = moving * (loss + 3 * ns.ContentLoss(pixels(X), "input"))
    assert at_scale(both, 1, 4).weights == {"total_variation": 3.0, "content": 9.0}
    assert at_scale(moving * (moving * loss), 1, 4).weights == {"total_variation": 9.0}
    assert loss.name == "total_variation"  # no operand is changed
    with pytest.raises(TypeError, match="factor: expected a number"):
        moving * "a"


def test_what_is_no_schedule_is_refused_by_name() -> None:
    wrong: Any = 3
    with pytest.raises(TypeError, match=r"^function: expected a function of \(step, steps\)"):
        ns.schedule(wrong)
    with pytest.raises(ValueError, match='^by: expected "scale" or "iteration"'):
        ns.schedule(falling, by="time")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="^schedule: expected a number, received None"):
        ns.minimize(near(lambda step, steps: None), pixels, X, method="adam", maxiter=2)


def test_outside_of_runs_the_factor_is_one() -> None:
    moving, plain = (ns.Evaluator(o, pixels, SHAPE) for o in (near(falling), near()))
    assert moving(X)[0] == plain(X)[0]
    assert moving.losses == plain.losses and moving.weights == plain.weights
    ns.minimize(moving, init=X, method="adam", maxiter=2)
    assert moving(X)[0] == plain(X)[0]
    assert float(near(falling)(pixels(X))) == pytest.approx(plain(X)[0])


def test_minimize_works_at_the_only_scale() -> None:
    found = ns.minimize(near(falling, "scale"), pixels, X, maxiter=3)
    smooth = 2.0 * ns.TotalVariationLoss(exponent=1.5)
    expected = ns.minimize(
        ns.ContentLoss(pixels(noise(*SHAPE)), "input") + smooth, pixels, X, maxiter=3
    )
    np.testing.assert_array_equal(found.image, expected.image)
    assert found.fun == expected.fun
    assert found.settings["weights"] == {"content": 1.0, "total_variation": 2.0}


@pytest.mark.parametrize("method", ["l-bfgs-b", "l-bfgs"])
def test_a_method_that_does_not_begin_anew_refuses_weights_by_iteration(method: str) -> None:
    with pytest.raises(ValueError, match=r"^method: expected LBFGS\(restart.*total_variation"):
        ns.minimize(near(falling), pixels, X, method=method)


@every_method
def test_weights_that_stay_change_nothing_but_which_iterate_it_is(method: Any) -> None:
    moving = ns.minimize(near(lambda *_: 1.0), pixels, X, method=method, maxiter=7)
    plain = ns.minimize(near(), pixels, X, method=method, maxiter=7)
    assert [i.fun for i in moving.history] == [i.fun for i in plain.history]


@every_method
def test_every_iterations_value_is_of_the_weights_of_its_time(method: Any) -> None:
    maxiter = 8
    result = ns.minimize(near(falling), pixels, X, method=method, maxiter=maxiter)
    every = 1 if method == "adam" else method.restart
    assert result.nit == maxiter
    for made in result.history:
        step = (made.nit - 1) // every * every
        weight = 0.5 * falling(step, maxiter)
        value = made.losses["content"] + weight * made.losses["total_variation"]
        assert made.fun == pytest.approx(value, rel=1e-6)
    weights = result.settings["weights"]
    assert weights == {"content": 1.0, "total_variation": 0.5 * falling(step, maxiter)}
    total = sum(weights[name] * loss for name, loss in result.losses.items())
    assert result.fun == pytest.approx(total, rel=1e-12)


@every_method
def test_the_result_is_the_last_iterate(method: Any) -> None:
    seen: list[Any] = []

    def rising(step: int, steps: int) -> float:
        return 1.0 + step

    result = ns.minimize(
        near(rising), pixels, X, method=method, maxiter=7, callback=lambda now: seen.append(now)
    )
    assert result.nit == 7  # although values rise
    assert result.fun > min(made.fun for made in result.history)
    np.testing.assert_array_equal(result.image, seen[-1].image)
    assert seen[-1].settings["weights"] == result.settings["weights"]


def test_a_restart_begins_anew_with_the_weights_of_then() -> None:
    calls: list[tuple[int, int]] = []

    def noted(step: int, steps: int) -> float:
        calls.append((step, steps))
        return falling(step, steps)

    halves = ns.minimize(near(noted), pixels, X, method=ns.LBFGS(restart=4), maxiter=8)
    assert {step for step, _ in calls} == {0, 4} and {steps for _, steps in calls} == {8}
    first = ns.minimize(near(lambda *_: 4.0), pixels, X, method=ns.LBFGS(restart=4), maxiter=4)
    assert [i.fun for i in halves.history[:4]] == [i.fun for i in first.history]


def test_a_restart_without_a_schedule_forgets_the_curvature() -> None:
    plain, anew = (
        ns.minimize(near(), pixels, X, method=ns.LBFGS(restart=restart), maxiter=9)
        for restart in (None, 3)
    )
    assert [i.fun for i in plain.history[:3]] == [i.fun for i in anew.history[:3]]
    assert plain.history[5].fun != anew.history[5].fun
    assert str(ns.LBFGS(restart=3)) == "l-bfgs:restart=3"


@pytest.mark.parametrize("wrong", [0, 2.5, "3", True])
def test_a_restart_is_a_number_of_iterations(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="^restart: expected"):
        ns.LBFGS(restart=wrong)


@every_method
@pytest.mark.parametrize("at", [2, 3, 5])
def test_a_run_is_gone_on_with_to_the_bit(method: Any, at: int) -> None:
    states: dict[int, Any] = {}

    def keep(now: ns.Progress) -> None:
        states[now.nit] = {name: np.array(array) for name, array in now._state().items()}

    whole = ns.minimize(near(falling), pixels, X, method=method, maxiter=8, callback=keep)
    again = ns.minimize(
        near(falling),
        pixels,
        X,
        method=method,
        maxiter=8,
        state=states[at],
        history=whole.history[:at],
    )
    np.testing.assert_array_equal(again.image, whole.image)
    assert again.fun == whole.fun and again.settings["weights"] == whole.settings["weights"]
    assert [i.fun for i in again.history] == [i.fun for i in whole.history]


def test_ctrl_c_gives_the_last_accepted_iterate_with_its_weights() -> None:
    counts = itertools.count()

    @ns.loss
    def second(features: Any) -> Any:
        return ops.mean(ops.square(features["input"]))

    def press(now: ns.Progress) -> None:
        if next(counts) == 2:
            raise KeyboardInterrupt

    moving = near() + ns.schedule(falling, "iteration") * second
    result = ns.minimize(moving, pixels, X, method="adam", maxiter=9, callback=press)
    assert result.status is ns.Status.INTERRUPTED and result.nit == 3
    total = sum(result.settings["weights"][name] * loss for name, loss in result.losses.items())
    assert result.fun == pytest.approx(total, rel=1e-12)


def test_a_scheduled_loss_shares_compiled_code(compilations: list[Any]) -> None:
    vgg = ns.VGG16Features("compact")
    target = vgg(noise(32, 32))
    losses = [ns.StyleLoss(target, "block1_conv1")]
    for made in (1.0 * losses[0], ns.schedule(falling) * losses[0]):
        ns.Evaluator(made, vgg, (32, 32))
    assert len(compilations) == 1


def test_a_schedule_is_not_saved(tmp_path: Any) -> None:
    with pytest.raises(TypeError, match="loss"):
        ns.save_loss(tmp_path / "loss.npz", near(falling))


@every_method
def test_ftol_does_not_count_where_values_do_not_compare(method: Any) -> None:
    options: dict[str, Any] = {"method": method, "maxiter": 6, "ftol": 0.9}
    assert ns.minimize(near(), pixels, X, **options).nit < 6
    assert ns.minimize(near(lambda *_: 1.0), pixels, X, **options).nit == 6


def test_a_trial_that_was_not_accepted_is_no_result() -> None:
    class Trying(ns.Method):
        reweighs = True

        def run(self, run: ns.Run, state: Any) -> None:
            first = run.x - 0.1 * run.gradient
            run.evaluate(first)
            run.accept(first)
            value, _ = run.evaluate(run.x - run.gradient)
            assert value < run.history[0].fun
            raise ns.Halt(ns.Status.LIMIT, "enough")

    moving = near(lambda *_: 1.0)
    result = ns.minimize(moving, pixels, X, method=Trying())
    assert result.fun == result.history[0].fun and result.losses == result.history[0].losses


def test_a_part_of_a_product_has_no_schedule_but_a_product_may() -> None:
    coarse, fine = ns.TotalVariationLoss(name="coarse"), ns.TotalVariationLoss(name="fine")
    rising = ns.schedule(lambda step, steps: (step + 1) / steps)
    for combine in (lambda: (rising * coarse) * fine, lambda: ns.maximum(fine, rising * coarse)):
        with pytest.raises(TypeError, match="expected parts with fixed weights"):
            combine()
    whole = rising * (coarse * fine)
    image = np.random.default_rng(0).uniform(size=(6, 8, 3))
    value, _ = ns.Evaluator(whole, lambda picture: {"input": picture}, (6, 8))(image)
    plain, _ = ns.Evaluator(coarse * fine, lambda picture: {"input": picture}, (6, 8))(image)
    assert value == pytest.approx(plain)
