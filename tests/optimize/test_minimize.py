"""`minimize` moves the pixels downhill, reports truly on the way, and ends in good order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import neuralstyle as ns
from neuralstyle.optimize import minimize as optimize

Pictures = tuple[np.ndarray, np.ndarray]


def pixels(image: Any) -> dict[str, Any]:
    """The extractor without a network."""
    return {"input": image}


def noise(height: int = 8, width: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


def near(image: np.ndarray) -> ns.StyleObjective:
    """Close to an image but smooth, in the sense of absolute differences: many iterations."""
    kept = ns.ContentLoss(pixels(image[None]), "input", normalize="mean")
    return kept + 0.05 * ns.TotalVariationLoss(exponent=1.2)


def painting(vgg: ns.VGG19Features, pictures: Pictures) -> ns.StyleObjective:
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
    return ns.minimize(near(image), pixels, image[::-1], **{"maxiter": 8, **options})


class Recorded:
    """Stands for the evaluator, keeps what it was asked and answered, and can be made to fail."""

    def __init__(self, evaluator: ns.Evaluator) -> None:
        self._evaluator = evaluator
        self.calls: list[tuple[np.ndarray, float]] = []
        self.change: Callable[[int, float, np.ndarray], tuple[float, np.ndarray]] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._evaluator, name)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = self._evaluator(x)
        self.calls.append((x.copy(), value))
        if self.change is not None:
            value, gradient = self.change(len(self.calls), value, gradient)
        return value, gradient


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    """The evaluators that runs make, recorded."""
    made: list[Recorded] = []

    def make(*args: Any) -> Recorded:
        made.append(Recorded(ns.Evaluator(*args)))
        return made[-1]

    monkeypatch.setattr(optimize, "Evaluator", make)
    return made


def change(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    """Let evaluations return what `function` makes of their number, value and gradient."""

    def make(*args: Any) -> Recorded:
        evaluator = Recorded(ns.Evaluator(*args))
        evaluator.change = function
        return evaluator

    monkeypatch.setattr(optimize, "Evaluator", make)


# Descent


def test_from_the_target_itself_the_loss_is_zero_and_nothing_moves(
    vgg: ns.VGG19Features, pictures: Pictures
) -> None:
    image = pictures[0]
    features = vgg(image)
    objective = ns.ContentLoss(features) + ns.StyleLoss(features) + ns.HistogramLoss(features)
    result = ns.minimize(objective, vgg, image, maxiter=5)
    assert result.fun < 1e-10
    np.testing.assert_allclose(result.image, image, atol=1e-4)


def test_a_gradient_of_exactly_zero_is_convergence() -> None:
    grey = np.full((8, 8, 3), 0.5, np.float32)
    result = ns.minimize(ns.TotalVariationLoss(), pixels, grey)
    assert (result.fun, result.nit, result.nfev) == (0.0, 0, 1)
    assert result.status is ns.Status.CONVERGED and result.success
    np.testing.assert_array_equal(result.image, grey)


def test_the_loss_falls_at_every_accepted_iteration(
    vgg: ns.VGG19Features, pictures: Pictures
) -> None:
    result = ns.minimize(painting(vgg, pictures), vgg, pictures[0], maxiter=25)
    values = [record.fun for record in result.history]
    assert len(values) == 25
    assert all(later < earlier for earlier, later in zip(values, values[1:], strict=False))
    assert values[-1] < 0.5 * values[0]


def test_the_known_minimum_is_found() -> None:
    target = 0.1 + 0.8 * noise()
    loss = ns.ContentLoss(pixels(target[None]), "input")
    result = ns.minimize(loss, pixels, "noise", shape=(8, 12))
    np.testing.assert_allclose(result.image, target, atol=1e-3)
    assert result.status is ns.Status.CONVERGED


def test_default_tolerances_let_a_badly_scaled_loss_fall_to_the_end_of_float32() -> None:
    target = 0.2 + 0.6 * noise()[None]
    weights = np.geomspace(1.0, 1e-3, target.size, dtype=np.float32).reshape(target.shape)
    bowl = ns.loss(lambda f: ops.mean(weights * ops.square(f["input"] - target)))
    result = ns.minimize(bowl, pixels, "noise", shape=(8, 12), maxiter=400)
    assert result.fun < 1e-11 * result.history[0].fun
    np.testing.assert_allclose(result.image, target[0], atol=1e-5)


def test_the_same_seed_gives_the_same_bits(vgg: ns.VGG19Features, pictures: Pictures) -> None:
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
def unscaled(vgg: ns.VGG19Features, pictures: Pictures) -> ns.StyleResult:
    return ns.minimize(painting(vgg, pictures), vgg, pictures[0], maxiter=20)


@pytest.mark.parametrize("weight", [2.0**-27, 2.0**27])
def test_the_weight_of_the_whole_objective_does_not_change_the_path_by_a_bit(
    weight: float, unscaled: ns.StyleResult, vgg: ns.VGG19Features, pictures: Pictures
) -> None:
    scaled = ns.minimize(weight * painting(vgg, pictures), vgg, pictures[0], maxiter=20)
    assert scaled.status is ns.Status.LIMIT
    assert scaled.nit == unscaled.nit == 20
    np.testing.assert_array_equal(scaled.image, unscaled.image)
    assert scaled.fun == weight * unscaled.fun


@pytest.mark.parametrize("weight", [1e-8, 1e8])
def test_default_tolerances_do_not_stop_early_at_any_weight(
    weight: float, unscaled: ns.StyleResult, vgg: ns.VGG19Features, pictures: Pictures
) -> None:
    scaled = ns.minimize(weight * painting(vgg, pictures), vgg, pictures[0], maxiter=20)
    assert scaled.status is ns.Status.LIMIT
    assert scaled.nit == unscaled.nit == 20
    # Rounding grows from iteration to iteration.
    values = [record.fun / weight for record in scaled.history[:8]]
    np.testing.assert_allclose(values, [r.fun for r in unscaled.history[:8]], rtol=1e-3)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), None])
def test_the_first_step_moves_the_pixels_by_about_a_hundredth(
    bounds: tuple[float, float] | None, recorded: list[Recorded]
) -> None:
    run(0.25 + 0.5 * noise(16, 20), bounds=bounds)
    (start, _), (second, _) = recorded[0].calls[:2]
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
    settings = run(maxcor=5, ftol=1e-7, seed=4).settings
    expected = {
        "maxiter": 8,
        "maxfun": None,
        "maxcor": 5,
        "maxls": 20,
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


def test_evaluations_are_counted(recorded: list[Recorded]) -> None:
    result = run()
    assert result.nfev == len(recorded[0].calls)
    assert result.history[-1].nfev == result.nfev


def test_the_start_is_evaluated_only_once(recorded: list[Recorded]) -> None:
    run()
    (first, _), *rest = recorded[0].calls
    assert not any(np.array_equal(first, x) for x, _ in rest)


def test_the_image_is_the_one_whose_value_and_losses_are_given(
    vgg: ns.VGG19Features, pictures: Pictures
) -> None:
    objective = painting(vgg, pictures)
    result = ns.minimize(objective, vgg, pictures[0], maxiter=5)
    evaluator = ns.Evaluator(objective, vgg, result.image.shape)
    assert evaluator(result.image)[0] == result.fun
    assert evaluator.losses == result.losses


def test_the_image_is_the_best_of_all_that_were_evaluated(
    recorded: list[Recorded],
) -> None:
    result = run(maxiter=15)
    x, value = min(recorded[0].calls, key=lambda call: call[1])
    assert result.fun == value
    np.testing.assert_array_equal(result.image.ravel(), x.astype(np.float32))


def test_the_best_image_is_kept_when_later_ones_are_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(maxiter=3)
    first_bad = expected.nfev + 1
    change(monkeypatch, lambda n, value, g: (value if n < first_bad else value + 1e3 * n, g))
    result = run()
    assert result.nfev > expected.nfev
    assert (result.fun, result.losses) == (expected.fun, expected.losses)
    np.testing.assert_array_equal(result.image, expected.image)


def test_a_gradient_that_is_not_the_losses_own_leaves_the_image_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What it tries against the gradient is always worse.
    change(monkeypatch, lambda n, value, g: (value + 1e-3 * (n - 1), -g))
    start = 0.25 + 0.5 * noise()
    result = ns.minimize(near(noise(seed=1)), pixels, start)
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
    assert (result.nit, result.nfev) == (0, 1)
    np.testing.assert_array_equal(result.image, noise()[::-1])


# Where runs start and stay


def test_the_callers_image_is_not_written_to() -> None:
    image = noise()
    before = image.copy()
    image.setflags(write=False)
    result = ns.minimize(near(noise(seed=1)), pixels, image, maxiter=3)
    np.testing.assert_array_equal(image, before)
    assert not np.array_equal(result.image, before)
    assert not np.shares_memory(result.image, image)


@pytest.mark.parametrize(
    "form",
    [
        lambda image: image[None],
        lambda image: image.astype(np.float64),
        lambda image: image.tolist(),
        lambda image: tf.constant(image),
    ],
    ids=["batch", "float64", "list", "tensor"],
)
def test_a_start_may_come_in_several_forms(form: Callable[[np.ndarray], Any]) -> None:
    image = noise(seed=1)
    expected = ns.minimize(near(noise()), pixels, image, maxiter=3)
    result = ns.minimize(near(noise()), pixels, form(image), maxiter=3)
    np.testing.assert_array_equal(result.image, expected.image)


@pytest.mark.parametrize(
    ("init", "options", "kind", "message"),
    [
        ("noise", {}, ValueError, r"^shape: expected \(height, width\)"),
        ("noise", {"shape": (8,)}, ValueError, "^shape: expected"),
        ("noise", {"shape": (8, 0)}, ValueError, "^shape: expected"),
        ("noise", {"shape": (8, 12, 1)}, ValueError, "^shape: expected"),
        ("noise", {"shape": 8}, (TypeError, ValueError), "^shape: expected"),
        (noise(), {"shape": (4, 4)}, ValueError, "^shape: "),
        ("content", {}, ValueError, "^init: .*content.*stylize"),
        ("black", {}, ValueError, "^init: .*black"),
        (None, {}, TypeError, "^init"),
        (np.zeros((8, 12, 3), np.uint8), {}, TypeError, "^init.*divide by 255"),
        (np.full((8, 12, 3), 255.0), {}, ValueError, "^init.*divide by 255"),
        (np.full((8, 12, 3), np.nan), {}, ValueError, "^init.*finite"),
        (np.zeros((8, 12)), {}, ValueError, r"^init.*\(8, 12\)"),
        (np.zeros((2, 8, 12, 3)), {}, ValueError, r"^init.*\(2, 8, 12, 3\)"),
    ],
)
def test_what_is_no_start_is_refused(
    init: Any, options: dict[str, Any], kind: Any, message: str
) -> None:
    with pytest.raises(kind, match=message):
        ns.minimize(ns.TotalVariationLoss(), pixels, init, maxiter=1, **options)


def test_noise_is_around_grey_and_of_the_shape_asked_for() -> None:
    start = optimize.initial_image("noise", shape=(40, 50), seed=2)
    assert start.shape == (40, 50, 3) and start.dtype == np.float32
    assert 0.3 < start.min() < 0.4 < 0.6 < start.max() < 0.7
    assert start.mean() == pytest.approx(0.5, abs=0.01)
    np.testing.assert_array_equal(start, optimize.initial_image("noise", shape=(40, 50), seed=2))


def test_a_starting_image_is_a_copy() -> None:
    image = noise()
    start = optimize.initial_image(image)
    np.testing.assert_array_equal(start, image)
    assert not np.shares_memory(start, image)


def test_pixels_stay_within_the_bounds(recorded: list[Recorded]) -> None:
    result = run(bounds=(0.25, 0.5))
    asked = np.stack([x for x, _ in recorded[0].calls])
    assert asked.min() >= 0.25 and asked.max() <= 0.5
    assert result.image.min() == np.float32(0.25) and result.image.max() == np.float32(0.5)
    assert result.nit == 8


def test_bounds_of_zero_and_one_keep_a_pull_to_white_from_leaving(recorded: list[Recorded]) -> None:
    pull = ns.loss(lambda features: ops.mean(ops.square(features["input"] - 3.0)))
    result = ns.minimize(pull, pixels, noise(), bounds=(0.0, 1.0))
    assert max(x.max() for x, _ in recorded[0].calls) == 1.0
    np.testing.assert_array_equal(result.image, 1.0)


def test_by_default_pixels_move_freely_and_only_the_image_is_clipped(
    recorded: list[Recorded],
) -> None:
    pull = ns.loss(lambda features: ops.mean(ops.square(features["input"] - 3.0)))
    result = ns.minimize(pull, pixels, noise())
    assert max(x.max() for x, _ in recorded[0].calls) > 2.9
    np.testing.assert_array_equal(result.image, 1.0)
    # The value is that of the image returned, (1 - 3) squared.
    assert result.fun == result.losses["function"] == pytest.approx(4.0)


# Values that are not finite


def test_a_loss_that_is_not_finite_at_the_start_is_named() -> None:
    broken = ns.loss(lambda features: ops.sqrt(ops.mean(features["input"]) - 10.0))
    broken.name = "broken"
    with pytest.raises(ValueError, match="finite value at the start.*broken") as caught:
        ns.minimize(ns.TotalVariationLoss() + broken, pixels, noise())
    assert "total_variation" not in str(caught.value)
    assert not hasattr(caught.value, "partial_result")


def test_a_gradient_that_is_not_finite_at_the_start_is_told_apart() -> None:
    root = ns.loss(lambda features: ops.sqrt(ops.sum(ops.square(features["input"] - 0.5))))
    with pytest.raises(ValueError, match="finite gradient at the start"):
        ns.minimize(root, pixels, np.full((4, 4, 3), 0.5))


@ns.loss
def cliff(features: Mapping[str, Any]) -> Any:
    """Falls towards black, and is not a number from a mean of 0.4 on."""
    mean = ops.mean(features["input"])
    return ops.where(mean > 0.4, ops.square(mean), float("nan"))


def test_a_loss_that_stops_being_finite_ends_the_run_with_the_best_image_before() -> None:
    start = np.full((8, 12, 3), 0.6, np.float32)
    result = ns.minimize(cliff + 0.1 * ns.TotalVariationLoss(), pixels, start)
    assert result.status is ns.Status.NONFINITE
    assert not result.success
    assert "cliff" in result.message and "total_variation" not in result.message
    assert np.isfinite(result.image).all() and np.isfinite(result.fun)
    assert 0.4 < result.image.mean() < 0.6
    assert result.fun == pytest.approx(result.image.mean() ** 2, rel=1e-4)
    assert np.isfinite(list(result.losses.values())).all()


def test_a_gradient_that_stops_being_finite_ends_the_run_likewise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(monkeypatch, lambda n, value, g: (value, g if n < 4 else g * np.nan))
    result = run()
    assert result.status is ns.Status.NONFINITE
    assert not result.success
    assert "gradient" in result.message and "evaluation 4" in result.message
    assert result.nfev == 4
    assert np.isfinite(result.image).all()


def test_an_infinite_value_is_never_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, lambda n, value, g: (value if n < 4 else -np.inf, g))
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
    evaluator = ns.Evaluator(near(noise()), pixels, (8, 12))
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


def test_what_a_callback_returns_is_of_no_account() -> None:
    assert run(callback=lambda progress: True).nit == 8


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


def interrupt_at(evaluation: int) -> Callable[[int, float, np.ndarray], tuple[float, np.ndarray]]:
    def function(number: int, value: float, gradient: np.ndarray) -> tuple[float, np.ndarray]:
        if number == evaluation:
            raise KeyboardInterrupt
        return value, gradient

    return function


def test_an_interrupt_during_an_evaluation_returns_the_best_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = run(maxiter=3)
    change(monkeypatch, interrupt_at(expected.nfev + 1))
    result = run()
    assert result.status is ns.Status.INTERRUPTED
    assert result.nit == 3
    np.testing.assert_array_equal(result.image, expected.image)


def test_an_interrupt_during_the_first_line_search_returns_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(monkeypatch, interrupt_at(2))
    result = run()
    assert result.status is ns.Status.INTERRUPTED
    assert result.nit == 0
    np.testing.assert_array_equal(result.image, noise()[::-1])


def test_an_interrupt_before_anything_was_evaluated_passes_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(monkeypatch, interrupt_at(1))
    with pytest.raises(KeyboardInterrupt):
        run()


@pytest.mark.parametrize("maxiter", [1, 2, 5, np.int64(4)])
def test_a_run_makes_maxiter_iterations(maxiter: int) -> None:
    result = run(maxiter=maxiter)
    assert result.nit == maxiter
    assert result.status is ns.Status.LIMIT and result.success
    assert f"maxiter = {maxiter}" in result.message


@pytest.mark.parametrize("maxfun", [1, 2, 3, 4, 5, 9])
def test_a_run_makes_no_more_than_maxfun_evaluations(maxfun: int, recorded: list[Recorded]) -> None:
    result = run(maxfun=maxfun, maxiter=50)
    assert result.status is ns.Status.LIMIT and result.success
    assert f"maxfun = {maxfun}" in result.message
    # One more gives the value of the clipped picture.
    assert len(recorded[0].calls) in (result.nfev, result.nfev + 1)
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
    evaluator = ns.Evaluator(near(noise()), pixels, (8, 12))
    _, first = evaluator(noise()[::-1])
    _, last = evaluator(result.image)
    inner = (result.image.ravel() > 0) & (result.image.ravel() < 1)
    assert np.abs(last[inner]).max() <= 0.5 * np.abs(first).max() * (1 + 1e-6)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"maxiter": 0}, ValueError),
        ({"maxiter": -1}, ValueError),
        ({"maxiter": 2.5}, TypeError),
        ({"maxiter": True}, TypeError),
        ({"maxiter": "3"}, TypeError),
        ({"maxiter": None}, TypeError),
        ({"maxfun": 0}, ValueError),
        ({"maxfun": 1.5}, TypeError),
        ({"maxcor": 0}, ValueError),
        ({"maxcor": 1.5}, TypeError),
        ({"maxls": 0}, ValueError),
        ({"maxls": "many"}, TypeError),
        ({"ftol": -1e-9}, ValueError),
        ({"ftol": float("nan")}, ValueError),
        ({"ftol": "loose"}, TypeError),
        ({"ftol": None}, TypeError),
        ({"gtol": -1e-9}, ValueError),
        ({"gtol": float("inf")}, ValueError),
        ({"gtol": True}, TypeError),
        ({"bounds": (1.0, 0.0)}, ValueError),
        ({"bounds": (0.5, 0.5)}, ValueError),
        ({"bounds": (float("nan"), 1.0)}, ValueError),
        ({"bounds": 5}, TypeError),
        ({"bounds": (0, 1, 2)}, (TypeError, ValueError)),
        ({"bounds": "ab"}, TypeError),
        ({"callback": 5}, TypeError),
    ],
)
def test_an_argument_out_of_range_is_refused_by_name(
    options: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=f"^{next(iter(options))}: expected"):
        run(**options)


def test_a_keyword_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="learning_rate"):
        run(learning_rate=0.1)


def test_numbers_of_numpy_are_numbers() -> None:
    options = {"maxiter": np.int32(3), "maxfun": np.int64(90), "ftol": np.float32(1e-9)}
    assert run(**options, gtol=np.float64(0)).nit == 3


def test_an_objective_that_does_not_fit_is_refused_before_the_first_evaluation(
    vgg: ns.VGG19Features, pictures: Pictures, recorded: list[Recorded]
) -> None:
    with pytest.raises(ValueError, match="same size"):
        ns.minimize(ns.ContentLoss(vgg(pictures[0])), vgg, pictures[1])
    with pytest.raises(KeyError, match="block4_conv2"):
        ns.minimize(ns.ContentLoss(vgg(pictures[0])), pixels, pictures[0])
    assert recorded == []


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
