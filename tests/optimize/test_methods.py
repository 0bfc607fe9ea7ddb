"""All methods of `minimize` report, stop, fail and resume alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import neuralstyle as ns
from neuralstyle.optimize import methods
from neuralstyle.optimize import minimize as optimize

METHODS = {
    "l-bfgs-b": "l-bfgs-b",
    "l-bfgs": "l-bfgs",
    "adam": "adam",
    "rmsprop": keras.optimizers.RMSprop(0.003, name="rmsprop"),
    "sgd": keras.optimizers.SGD(0.01, momentum=0.9, name="sgd"),
}
QUASI_NEWTON = ("l-bfgs-b", "l-bfgs")
RESTORABLE = [name for name in METHODS if name != "l-bfgs-b"]

every_method = pytest.mark.parametrize("method", METHODS)


def pixels(image: Any) -> dict[str, Any]:
    """The extractor without a network."""
    return {"input": image}


def noise(seed: int = 0, low: float = 0.2, high: float = 0.8) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, (8, 12, 3)).astype(np.float32)


def near(image: np.ndarray) -> ns.StyleObjective:
    """Close to an image but smooth."""
    kept = ns.ContentLoss(pixels(image[None]), "input", normalize="mean")
    return kept + 0.05 * ns.TotalVariationLoss(exponent=1.2)


def run(method: str, init: np.ndarray | None = None, **options: Any) -> ns.StyleResult:
    start = noise(1) if init is None else init
    return ns.minimize(
        near(noise()), pixels, start, method=METHODS[method], **{"maxiter": 8, **options}
    )


class Changed:
    """Stands for the evaluator, and returns what a function makes of its answers."""

    def __init__(self, evaluator: ns.Evaluator, change: Any) -> None:
        self._evaluator, self._change, self.calls = evaluator, change, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._evaluator, name)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.calls += 1
        return self._change(self.calls, *self._evaluator(x))  # type: ignore[no-any-return]


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[Changed]]:
    def patch(function: Any) -> list[Changed]:
        made: list[Changed] = []

        def make(*args: Any) -> Changed:
            made.append(Changed(ns.Evaluator(*args), function))
            return made[-1]

        monkeypatch.setattr(optimize, "Evaluator", make)
        return made

    return patch


# The descent


@every_method
def test_the_loss_falls(method: str) -> None:
    result = run(method, maxiter=60)
    assert result.fun < 0.5 * result.history[0].fun
    assert result.success
    assert result.settings["method"] == method


@every_method
def test_a_quadratic_ends_at_its_minimum(method: str) -> None:
    target = noise()
    result = ns.minimize(
        ns.ContentLoss(pixels(target[None]), "input"),
        pixels,
        noise(1),
        method=METHODS[method],
        maxiter=600,
    )
    np.testing.assert_allclose(result.image, target, atol=3e-3)


@every_method
@pytest.mark.parametrize("weight", [2.0**-27, 2.0**27])
def test_the_weight_of_the_whole_objective_does_not_change_the_path_by_a_bit(
    method: str, weight: float
) -> None:
    expected = run(method)
    scaled = ns.minimize(
        weight * near(noise()), pixels, noise(1), method=METHODS[method], maxiter=8
    )
    np.testing.assert_array_equal(scaled.image, expected.image)
    assert scaled.fun == weight * expected.fun


@every_method
def test_the_same_call_gives_the_same_bits(method: str) -> None:
    first, again = run(method), run(method)
    np.testing.assert_array_equal(first.image, again.image)
    assert [r.fun for r in first.history] == [r.fun for r in again.history]


def test_an_optimiser_of_keras_is_left_as_it_was() -> None:
    adam = keras.optimizers.Adam(0.02)
    ns.minimize(near(noise()), pixels, noise(1), method=adam, maxiter=3)
    assert not adam.built
    assert int(adam.iterations.numpy()) == 0


def test_the_own_lbfgs_takes_the_path_of_scipys() -> None:
    ours, scipys = (run(method, maxiter=6) for method in ("l-bfgs", "l-bfgs-b"))
    # SciPy's first step is longer or shorter by up to the root of 2: its unit is a power of 2.
    np.testing.assert_allclose(
        [r.fun for r in ours.history[1:]], [r.fun for r in scipys.history[1:]], rtol=0.05
    )


def test_both_lbfgs_reach_the_same_minimum_of_a_style_objective(
    vgg: ns.VGG19Features, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    content, style = map(vgg, pictures)
    layers = ("block1_conv1", "block2_conv1", "block3_conv1")
    objective = ns.ContentLoss(content, "block2_conv2") + ns.StyleLoss(style, layers)
    ours, scipys = (
        ns.minimize(objective, vgg, pictures[0], method=method, maxiter=150)
        for method in ("l-bfgs", "l-bfgs-b")
    )
    assert ours.fun == pytest.approx(scipys.fun, rel=0.02)
    assert ours.nfev <= 1.1 * scipys.nfev


# The report


@every_method
def test_the_image_is_the_one_whose_value_and_losses_are_given(method: str) -> None:
    result = run(method)
    evaluator = ns.Evaluator(near(noise()), pixels, (8, 12))
    assert evaluator(result.image)[0] == pytest.approx(result.fun, rel=1e-6)
    assert evaluator.losses == pytest.approx(result.losses, rel=1e-5)


@every_method
def test_the_image_is_no_worse_than_any_iterate(method: str) -> None:
    result = run(method, maxiter=40)
    assert result.fun <= min(record.fun for record in result.history) * (1 + 1e-6)


@every_method
def test_the_history_counts_iterations_and_evaluations(method: str) -> None:
    seen: list[ns.Progress] = []
    result = run(method, callback=seen.append)
    assert [record.nit for record in result.history] == list(range(1, 9))
    assert [p.fun for p in seen] == [record.fun for record in result.history]
    assert [p.nfev for p in seen] == [record.nfev for record in result.history]
    assert result.history[-1].nfev == result.nfev >= 9


@every_method
def test_the_image_of_a_record_is_that_of_its_iteration_even_afterwards(method: str) -> None:
    seen: list[ns.Progress] = []
    run(method, callback=seen.append)
    evaluator = ns.Evaluator(near(noise()), pixels, (8, 12))
    for progress in seen:
        assert evaluator(progress.image)[0] == pytest.approx(progress.fun, rel=1e-6)


@every_method
def test_a_run_prints_nothing(method: str, capfd: pytest.CaptureFixture[str]) -> None:
    run(method)
    assert capfd.readouterr() == ("", "")


def test_the_result_of_a_noisy_path_is_its_average() -> None:
    target = noise()
    steps = keras.optimizers.SGD(0.9)  # of gradients around 1: to and fro
    sharp = ns.loss(lambda f: ops.mean(ops.abs(f["input"] - target[None]) ** 1.05))
    result = ns.minimize(sharp, pixels, noise(1), method=steps, maxiter=200)
    assert result.fun < 0.9 * min(record.fun for record in result.history)


# The ends


@every_method
@pytest.mark.parametrize("maxfun", [1, 2, 5])
def test_a_run_makes_no_more_than_maxfun_evaluations(method: str, maxfun: int) -> None:
    result = run(method, maxfun=maxfun, maxiter=50)
    assert result.status is ns.Status.LIMIT and result.success
    assert result.nfev == maxfun and f"maxfun = {maxfun}" in result.message


@every_method
@pytest.mark.parametrize("maxiter", [1, 5])
def test_a_run_makes_maxiter_iterations(method: str, maxiter: int) -> None:
    result = run(method, maxiter=maxiter)
    assert result.nit == maxiter and f"maxiter = {maxiter}" in result.message


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
    method: str, options: dict[str, float], words: str
) -> None:
    result = run(method, maxiter=300, **options)
    assert result.status is ns.Status.CONVERGED and result.success
    assert result.nit < 300 and words in result.message


@every_method
def test_xtol_is_the_mean_change_in_grey_levels_three_times_running(method: str) -> None:
    seen: list[np.ndarray] = [noise(1)]
    run(method, maxiter=60, callback=lambda progress: seen.append(progress.image))
    changes = [255 * np.abs(b - a).mean() for a, b in zip(seen, seen[1:], strict=False)]
    limit = float(np.median(changes))
    small = [change < limit for change in changes]
    expected = next(i for i in range(3, 61) if all(small[i - 3 : i]))
    result = run(method, maxiter=60, xtol=limit)
    assert result.nit == expected


@every_method
def test_a_gradient_of_exactly_zero_is_convergence(method: str) -> None:
    grey = np.full((8, 8, 3), 0.5, np.float32)
    result = ns.minimize(ns.TotalVariationLoss(), pixels, grey, method=METHODS[method])
    assert (result.nit, result.nfev, result.status) == (0, 1, ns.Status.CONVERGED)


@every_method
def test_stop_iteration_in_a_callback_halts_the_run(method: str) -> None:
    def stop(progress: ns.Progress) -> None:
        if progress.nit == 3:
            raise StopIteration("good enough")

    result = run(method, callback=stop)
    assert result.nit == 3 and result.status is ns.Status.CALLBACK and result.success
    assert result.message == "halted by the callback: good enough"


@every_method
def test_an_error_in_a_callback_passes_through_with_the_result_so_far(method: str) -> None:
    def fail(progress: ns.Progress) -> None:
        if progress.nit == 3:
            raise LookupError("mine")

    with pytest.raises(LookupError) as caught:
        run(method, callback=fail)
    partial = caught.value.partial_result  # type: ignore[attr-defined]
    assert partial.nit == 3 and not partial.success
    np.testing.assert_array_equal(partial.image, run(method, maxiter=3).image)


@every_method
def test_an_interrupt_during_an_evaluation_returns_the_best_image(
    method: str, change: Callable[[Any], list[Changed]]
) -> None:
    expected = run(method, maxiter=3)

    def interrupt(call: int, value: float, gradient: Any) -> Any:
        if call == expected.nfev + 1:
            raise KeyboardInterrupt
        return value, gradient

    change(interrupt)
    result = run(method)
    assert result.status is ns.Status.INTERRUPTED and not result.success and result.nit == 3
    np.testing.assert_array_equal(result.image, expected.image)


@ns.loss
def cliff(features: Mapping[str, Any]) -> Any:
    """Falls towards black, and is not a number from a mean of 0.4 on."""
    mean = ops.mean(features["input"])
    return ops.where(mean > 0.4, ops.square(mean), float("nan"))


@every_method
def test_a_loss_that_stops_being_finite_ends_the_run_with_the_best_image_before(
    method: str,
) -> None:
    start = np.full((8, 12, 3), 0.6, np.float32)
    result = ns.minimize(cliff, pixels, start, method=METHODS[method], maxiter=500)
    assert result.status is ns.Status.NONFINITE and not result.success
    assert "cliff" in result.message or "function" in result.message
    assert np.isfinite(result.image).all() and np.isfinite(result.fun)
    assert 0.4 < result.image.mean() < 0.6


@every_method
def test_a_gradient_that_stops_being_finite_ends_the_run_likewise(
    method: str, change: Callable[[Any], list[Changed]]
) -> None:
    def spoil(call: int, value: float, gradient: np.ndarray) -> Any:
        gradient = gradient.copy()
        if call == 4:
            gradient[17] = np.inf
        return value, gradient

    change(spoil)
    result = run(method)
    assert result.status is ns.Status.NONFINITE and result.nfev == 4
    assert "gradient" in result.message and np.isfinite(result.image).all()


# Bounds


@pytest.mark.parametrize("method", [name for name in METHODS if name != "l-bfgs"])
def test_pixels_stay_within_the_bounds(method: str, change: Callable[[Any], list[Changed]]) -> None:
    pull = ns.loss(lambda features: ops.mean(ops.square(features["input"] - 3.0)))
    seen: list[np.ndarray] = []
    options = {"method": METHODS[method], "maxiter": 150, "bounds": (0.25, 0.5)}
    result = ns.minimize(pull, pixels, noise(), callback=lambda p: seen.append(p.image), **options)
    assert min(image.min() for image in seen) >= 0.25
    assert max(image.max() for image in seen) == 0.5
    np.testing.assert_array_equal(result.image, np.float32(0.5))


def test_bounds_and_the_own_lbfgs_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="^bounds: expected None.*l-bfgs-b"):
        run("l-bfgs", bounds=(0.0, 1.0))


@pytest.mark.parametrize("method", ["l-bfgs-b", "adam"])
def test_gtol_looks_at_what_the_bounds_leave_open(method: str) -> None:
    pull = ns.loss(lambda features: ops.mean(ops.square(features["input"] - 3.0)))
    options = {"method": method, "bounds": (0.0, 1.0), "gtol": 1e-3, "maxiter": 400, "ftol": 0.0}
    result = ns.minimize(pull, pixels, noise(), **options)
    assert result.status is ns.Status.CONVERGED
    np.testing.assert_array_equal(result.image, 1.0)


# States


@pytest.mark.parametrize("method", RESTORABLE)
def test_a_restored_run_gives_the_bits_of_one_that_was_not_interrupted(
    method: str, tmp_path: Any
) -> None:
    straight = run(method, maxiter=15)
    first = run(method, maxiter=6)
    np.savez(tmp_path / "state.npz", **first.state)
    with np.load(tmp_path / "state.npz") as saved:
        second = run(method, init=first.image, maxiter=9, state=dict(saved))
    assert second.history[-1].fun == straight.history[-1].fun
    for name, array in straight.state.items():
        np.testing.assert_array_equal(second.state[name], array, err_msg=name)


def test_a_restored_run_of_a_style_objective_gives_the_same_bits(
    vgg: ns.VGG19Features, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    content, style = map(vgg, pictures)
    objective = ns.ContentLoss(content) + ns.StyleLoss(style)
    options: dict[str, Any] = {"method": "l-bfgs"}
    straight = ns.minimize(objective, vgg, pictures[0], maxiter=12, **options)
    first = ns.minimize(objective, vgg, pictures[0], maxiter=5, **options)
    second = ns.minimize(objective, vgg, pictures[0], maxiter=7, state=first.state, **options)
    np.testing.assert_array_equal(second.image, straight.image)
    assert second.fun == straight.fun


def test_scipys_state_cannot_be_read() -> None:
    assert run("l-bfgs-b").state is None


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda state: 5, TypeError, "^state: expected that of an earlier result"),
        (lambda state: {}, TypeError, "^state: expected that of an earlier result"),
        (
            lambda state: {**state, "method": np.array("adam")},
            ValueError,
            "^state: expected one of the method 'l-bfgs', received one of 'adam'",
        ),
        (lambda state: {**state, "x": np.zeros(3)}, ValueError, "^state: .*288.*received .* 3"),
        (
            lambda state: {**state, "corrections": np.zeros((4, 288))},
            ValueError,
            "^state: expected 10 corrections",
        ),
    ],
)
def test_what_is_no_state_is_refused(make: Any, kind: type[Exception], message: str) -> None:
    state = run("l-bfgs").state
    with pytest.raises(kind, match=message):
        run("l-bfgs", state=make(state))


# Names


@pytest.mark.parametrize(
    ("method", "kind"),
    [("newton", ValueError), ("L-BFGS", ValueError), (None, TypeError), (3, TypeError)],
)
def test_a_method_that_does_not_exist_is_refused_with_those_that_do(
    method: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="^method: expected 'l-bfgs-b', 'l-bfgs', 'adam' or an optim"):
        ns.minimize(near(noise()), pixels, noise(1), method=method)


def test_adam_has_the_settings_of_style_transfer_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(methods, "keras_optimizer", seen.append)
    methods.named("adam")
    config = seen[0].get_config()
    assert config["learning_rate"] == pytest.approx(0.02)
    assert (config["beta_1"], config["beta_2"]) == (0.9, 0.99)
