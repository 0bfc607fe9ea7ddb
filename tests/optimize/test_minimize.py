"""`minimize` moves the pixels downhill, and reports what it did."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from support import Evaluators, Reusable, near, noise

import neuralstyle as ns

Pictures = tuple[np.ndarray, np.ndarray]
PIXELS = Reusable()


def painting(vgg: ns.VGG16Features, pictures: Pictures) -> ns.StyleObjective:
    content, style = map(vgg, pictures)
    layers = ("block1_conv1", "block2_conv1", "block3_conv1")
    return (
        ns.ContentLoss(content, "block2_conv2")
        + 2.0 * ns.StyleLoss(style, layers)
        + 0.1 * ns.TotalVariationLoss()
    )


def run(image: np.ndarray | None = None, **options: Any) -> ns.StyleResult:
    """A run without a network, from the mirrored image."""
    image = noise() if image is None else image
    return ns.minimize(near(image), PIXELS, image[::-1], **{"maxiter": 8, **options})


# Descent


def test_from_the_target_itself_the_loss_is_zero_and_nothing_moves(
    vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    image = pictures[0]
    features = vgg(image)
    objective = ns.ContentLoss(features) + ns.StyleLoss(features) + ns.HistogramLoss(features)
    result = ns.minimize(objective, vgg, image, maxiter=5)
    assert result.fun < 1e-10
    np.testing.assert_allclose(result.image, image, atol=1e-4)


def test_a_gradient_of_exactly_zero_is_convergence() -> None:
    grey = np.full((8, 8, 3), 0.5, np.float32)
    result = ns.minimize(ns.TotalVariationLoss(), PIXELS, grey)
    assert (result.fun, result.nit, result.nfev) == (0.0, 0, 1)
    assert result.status is ns.Status.CONVERGED and result.success
    np.testing.assert_array_equal(result.image, grey)


def test_the_loss_falls_at_every_accepted_iteration(
    vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    result = ns.minimize(painting(vgg, pictures), vgg, pictures[0], maxiter=25)
    values = [record.fun for record in result.history]
    assert len(values) == 25
    assert all(later < earlier for earlier, later in zip(values, values[1:], strict=False))
    assert values[-1] < 0.5 * values[0]


def test_the_known_minimum_is_found() -> None:
    target = 0.1 + 0.8 * noise()
    loss = ns.ContentLoss(PIXELS(target), "input")
    result = ns.minimize(loss, PIXELS, "noise", shape=(8, 12))
    np.testing.assert_allclose(result.image, target, atol=1e-3)
    assert result.status is ns.Status.CONVERGED


def test_default_tolerances_let_a_badly_scaled_loss_fall_to_the_end_of_float32() -> None:
    target = 0.2 + 0.6 * noise()[None]
    weights = np.geomspace(1.0, 1e-3, target.size, dtype=np.float32).reshape(target.shape)
    bowl = ns.loss(lambda f: ops.mean(weights * ops.square(f["input"] - target)))
    result = ns.minimize(bowl, PIXELS, "noise", shape=(8, 12), maxiter=400)
    assert result.fun < 1e-11 * result.history[0].fun
    np.testing.assert_allclose(result.image, target[0], atol=1e-5)


def test_the_same_seed_gives_the_same_bits(vgg: ns.VGG16Features, pictures: Pictures) -> None:
    objective = painting(vgg, pictures)
    first, again, other = (
        ns.minimize(objective, vgg, "noise", shape=(48, 64), seed=seed, maxiter=6)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first.image, again.image)
    assert first.fun == again.fun
    assert [record.fun for record in first.history] == [record.fun for record in again.history]
    assert not np.array_equal(first.image, other.image)


@pytest.fixture(scope="module")
def unscaled(vgg: ns.VGG16Features, pictures: Pictures) -> ns.StyleResult:
    return ns.minimize(painting(vgg, pictures), vgg, pictures[0], maxiter=20)


@pytest.mark.parametrize("weight", [2.0**-27, 2.0**27])
def test_the_weight_of_the_whole_objective_does_not_change_the_path_by_a_bit(
    weight: float, unscaled: ns.StyleResult, vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    scaled = ns.minimize(weight * painting(vgg, pictures), vgg, pictures[0], maxiter=20)
    assert scaled.status is ns.Status.LIMIT
    assert scaled.nit == unscaled.nit == 20
    np.testing.assert_array_equal(scaled.image, unscaled.image)
    assert scaled.fun == weight * unscaled.fun


@pytest.mark.parametrize("weight", [1e-8, 1e8])
def test_default_tolerances_do_not_stop_early_at_any_weight(
    weight: float, unscaled: ns.StyleResult, vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    scaled = ns.minimize(weight * painting(vgg, pictures), vgg, pictures[0], maxiter=20)
    assert scaled.status is ns.Status.LIMIT
    assert scaled.nit == unscaled.nit == 20
    # Rounding grows from iteration to iteration.
    values = [record.fun / weight for record in scaled.history[:8]]
    np.testing.assert_allclose(values, [r.fun for r in unscaled.history[:8]], rtol=1e-3)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), None])
def test_the_first_step_moves_the_pixels_by_about_a_hundredth(
    bounds: tuple[float, float] | None, evaluators: Evaluators
) -> None:
    run(0.25 + 0.5 * noise(16, 20), bounds=bounds)
    (start, _), (second, _) = evaluators.calls[:2]
    # The unit of the pixels is a power of two.
    assert 0.01 / 1.5 < np.sqrt(np.mean((second - start) ** 2)) < 0.01 * 1.5


# Results


def test_a_result_has_scipys_names_and_the_right_types() -> None:
    result = run()
    assert result.image.shape == (8, 12, 3) and result.image.dtype == np.float32
    assert type(result.fun) is float
    assert list(result.losses) == ["content", "total_variation"]
    assert all(isinstance(record, ns.Iteration) for record in result.history)
    assert isinstance(result.history, tuple)
    assert result.nit == len(result.history) == 8
    assert result.nfev >= 9
    assert result.seconds > 0
    assert result.success is True
    assert result.status is ns.Status.LIMIT
    assert "maxiter = 8" in result.message


def test_a_result_its_records_and_progress_are_frozen() -> None:
    seen: list[ns.Progress] = []
    result = run(callback=seen.append)
    for record, name in ((result, "fun"), (result.history[0], "nit"), (seen[0], "nit")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, name, 0)


def test_settings_hold_the_arguments_and_the_versions() -> None:
    settings = run(method=ns.LBFGSB(maxcor=5), ftol=1e-7, seed=4).settings
    expected = {
        "maxiter": 8,
        "maxfun": None,
        "method": "l-bfgs-b:maxcor=5",
        "ftol": 1e-7,
        "gtol": 0.0,
        "bounds": None,
        "seed": 4,
        "shape": (8, 12, 3),
        "init": "image",
    }
    assert {name: settings[name] for name in expected} == expected
    assert settings["objective"] == str(near(noise()))
    assert settings["versions"]["numpy"] == np.__version__
    assert settings["versions"]["tensorflow"] == tf.__version__


def test_a_result_describes_itself_without_its_pixels() -> None:
    description = repr(run())
    assert "fun=" in description and "image" not in description and "history" not in description


def test_the_history_is_consistent_with_itself_and_with_the_result() -> None:
    objective = near(noise())
    result = run()
    history = result.history
    assert [record.nit for record in history] == list(range(1, 9))
    assert all(record.scale == 0 for record in history)
    for name in ("nfev", "seconds"):
        numbers = [getattr(record, name) for record in history]
        assert numbers == sorted(numbers) and numbers[0] > 0
        assert numbers[-1] <= getattr(result, name)
    assert len({record.nfev for record in history}) == 8
    for record in (*history, result):
        total = sum(objective.weights[name] * loss for name, loss in record.losses.items())
        assert record.fun == pytest.approx(total, rel=1e-12)
    assert result.fun == min(record.fun for record in history)


def test_evaluations_are_counted(evaluators: Evaluators) -> None:
    result = run()
    assert result.nfev == len(evaluators.calls)
    assert result.history[-1].nfev == result.nfev


def test_the_start_is_evaluated_only_once(evaluators: Evaluators) -> None:
    run()
    (first, _), *rest = evaluators.calls
    assert not any(np.array_equal(first, x) for x, _ in rest)


def test_the_image_is_the_one_whose_value_and_losses_are_given(
    vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    objective = painting(vgg, pictures)
    result = ns.minimize(objective, vgg, pictures[0], maxiter=5)
    evaluator = ns.Evaluator(objective, vgg, result.image.shape)
    assert evaluator(result.image)[0] == result.fun
    assert evaluator.losses == result.losses


def test_the_image_is_the_best_of_all_that_were_evaluated(
    evaluators: Evaluators,
) -> None:
    result = run(maxiter=15)
    x, value = min(evaluators.calls, key=lambda call: call[1])
    assert result.fun == value
    np.testing.assert_array_equal(result.image.ravel(), x.astype(np.float32))


def test_the_best_image_is_kept_when_later_ones_are_worse(evaluators: Evaluators) -> None:
    expected = run(maxiter=3)
    first_bad = expected.nfev + 1
    evaluators.answer(lambda n, value, g: (value if n < first_bad else value + 1e3 * n, g))
    result = run()
    assert result.nfev > expected.nfev
    assert (result.fun, result.losses) == (expected.fun, expected.losses)
    np.testing.assert_array_equal(result.image, expected.image)


def test_a_gradient_that_is_not_the_losses_own_leaves_the_image_where_it_was(
    evaluators: Evaluators,
) -> None:
    # What it tries against the gradient is always worse.
    evaluators.answer(lambda n, value, g: (value + 1e-3 * (n - 1), -g))
    start = 0.25 + 0.5 * noise()
    result = ns.minimize(near(noise(seed=1)), PIXELS, start)
    assert result.nfev > 3
    np.testing.assert_array_equal(result.image, start)


def test_a_line_search_that_fails_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(function: Any, x: np.ndarray, **options: Any) -> Any:
        value, gradient = function(x)
        x[:] = 0.0  # an optimiser may use its array again
        return x, value, {"warnflag": 2, "task": "ABNORMAL: ", "grad": gradient}

    monkeypatch.setattr("scipy.optimize.fmin_l_bfgs_b", give_up)
    result = run()
    assert result.status is ns.Status.ABNORMAL
    assert not result.success
    assert "line search" in result.message and "ABNORMAL" in result.message
    assert (result.nit, result.nfev) == (0, 2)  # a step straight down shows that there is one
