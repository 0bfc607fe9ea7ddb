"""Parametrisations are inverses of themselves, differentiate rightly, and help."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import ops

import neuralstyle as ns
from neuralstyle.optimize.parametrizations import (
    BANDS,
    OPPONENT,
    Parametrization,
    grey,
    logistic,
    measured_curvature,
    spectral,
)


def pixels(image: Any) -> dict[str, Any]:
    return {"input": image}


def noise(height: int = 9, width: int = 14, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.uniform(0.1, 0.9, (height, width, 3)).astype(np.float32)


def curvature(seed: int = 0, bands: int = BANDS) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).uniform(-3, 3, (bands, 3)))


PARAMETRIZATIONS = {
    "logistic": logistic(),
    "spectral": spectral((9, 14), curvature()),
    "spectral of a single band": spectral((9, 14, 3), curvature(bands=1)),
    "flat": Parametrization(lambda u: ops.reshape(u, (1, 9, 14, 3)), lambda x: ops.ravel(x)),
}
every_one = pytest.mark.parametrize("name", PARAMETRIZATIONS)


@every_one
def test_the_two_functions_are_inverses(name: str) -> None:
    parametrization, image = PARAMETRIZATIONS[name], noise()[None]
    there = parametrization.parameters(image)
    np.testing.assert_allclose(parametrization.pixels(there), image, atol=1e-5)


@every_one
def test_the_gradient_is_that_of_the_parameters(name: str) -> None:
    """Against central differences along random directions."""
    parametrization = PARAMETRIZATIONS[name]
    target = ops.convert_to_tensor(noise(seed=1)[None])
    evaluator = ns.Evaluator(ns.ContentLoss(pixels(target), "input"), pixels, (9, 14))
    start = parametrization.parameters(ops.convert_to_tensor(noise()[None]))
    value, gradient = evaluator.through(parametrization.pixels, start)
    assert gradient.shape == start.shape
    random = np.random.default_rng(2)
    for _ in range(3):
        direction = random.standard_normal(start.shape).astype(np.float32)
        step = 1e-2
        up, down = (
            evaluator.through(parametrization.pixels, start + sign * step * direction)[0]
            for sign in (1, -1)
        )
        slope = float(np.sum(np.asarray(gradient) * direction))
        assert (up - down) / (2 * step) == pytest.approx(slope, rel=5e-3, abs=1e-4)


@every_one
@pytest.mark.parametrize(
    "method", ["l-bfgs-b", "l-bfgs", pytest.param("adam", marks=pytest.mark.slow)]
)
def test_the_minimum_is_the_same_in_other_parameters(name: str, method: str) -> None:
    target = noise(seed=1)
    result = ns.minimize(
        ns.ContentLoss(pixels(target[None]), "input"),
        pixels,
        noise(),
        method=method,
        parametrization=PARAMETRIZATIONS[name],
        maxiter=600,
    )
    np.testing.assert_allclose(result.image, target, atol=5e-3)


@every_one
def test_the_image_is_the_one_whose_value_is_given(name: str) -> None:
    target, seen = noise(seed=1), []
    objective = ns.ContentLoss(pixels(target[None]), "input") + ns.TotalVariationLoss()
    result = ns.minimize(
        objective,
        pixels,
        noise(),
        method="l-bfgs",
        parametrization=PARAMETRIZATIONS[name],
        maxiter=5,
        callback=seen.append,
    )
    evaluator = ns.Evaluator(objective, pixels, (9, 14))
    assert evaluator(result.image)[0] == pytest.approx(result.fun, rel=1e-5)
    for progress in seen:
        if name != "spectral":  # which may leave the range that images are clipped to
            assert evaluator(progress.image)[0] == pytest.approx(progress.fun, rel=1e-4)


def test_a_restored_run_in_other_parameters_gives_the_same_bits() -> None:
    objective = ns.ContentLoss(pixels(noise(seed=1)[None]), "input") + ns.TotalVariationLoss(1.2)
    options: dict[str, Any] = {
        "method": "l-bfgs",
        "parametrization": PARAMETRIZATIONS["spectral"],
    }
    straight = ns.minimize(objective, pixels, noise(), maxiter=12, **options)
    first = ns.minimize(objective, pixels, noise(), maxiter=5, **options)
    second = ns.minimize(objective, pixels, noise(), maxiter=7, state=first.state, **options)
    assert second.history[-1].fun == straight.history[-1].fun


def test_logistic_pixels_never_leave_the_range() -> None:
    pull = ns.loss(lambda features: ops.mean(ops.square(features["input"] - 3.0)))
    seen: list[float] = []

    def watched(image: Any) -> dict[str, Any]:
        return {"input": image}

    result = ns.minimize(
        pull,
        watched,
        noise(),
        method="l-bfgs",
        parametrization=logistic(),
        maxiter=50,
        callback=lambda progress: seen.append(progress.fun),
    )
    # Those clipped would have lower values on the way.
    assert min(seen) >= 4.0 and result.fun == pytest.approx(4.0, rel=1e-2)


def test_black_and_white_have_finite_logistic_parameters() -> None:
    image = np.array([0.0, 1.0], np.float32)
    assert np.isfinite(logistic().parameters(image)).all()


@pytest.mark.parametrize("wrong", ["spectral", 5, (len, len)])
def test_what_is_no_parametrization_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="^parametrization: expected"):
        ns.minimize(ns.TotalVariationLoss(), pixels, noise(), parametrization=wrong)


@pytest.mark.parametrize("parametrization", [logistic(), grey()], ids=lambda p: p.name)
def test_bounds_of_pixels_hold_in_monotone_parameters(parametrization: Parametrization) -> None:
    seen: list[np.ndarray] = []
    ns.minimize(
        -1.0 * ns.TotalVariationLoss(),
        pixels,
        noise(),
        method="l-bfgs-b",
        parametrization=parametrization,
        bounds=(0.3, 0.6),
        maxiter=5,
        callback=lambda progress: seen.append(progress.image),
    )
    images = np.concatenate([image.ravel() for image in seen])
    assert images.min() == pytest.approx(0.3, abs=1e-5)
    assert images.max() == pytest.approx(0.6, abs=1e-5)


def test_bounds_ask_for_monotone_parameters() -> None:
    flat = PARAMETRIZATIONS["spectral"]
    with pytest.raises(ValueError, match="^bounds: expected None with a parametrization that is"):
        ns.minimize(ns.TotalVariationLoss(), pixels, noise(), parametrization=flat, bounds=(0, 1))


def test_grey_moves_one_channel_of_three_that_are_equal() -> None:
    target = np.repeat(noise(seed=1)[..., :1], 3, axis=2)
    content = ns.ContentLoss(pixels(target[None]), "input")
    result = ns.minimize(content, pixels, noise(), parametrization=grey(), maxiter=60)
    np.testing.assert_allclose(result.image, target, atol=5e-3)
    assert np.ptp(result.image, axis=2).max() == 0
    assert grey().parameters(noise()[None]).shape == (1, 9, 14, 1)
    assert result.settings["parametrization"] == "grey"


# Curvature


def wave(frequency: float, color: int, side: int = 64) -> np.ndarray:
    """A plane wave in one of the opponent colours."""
    values = np.cos(2 * np.pi * frequency * np.arange(side))
    return np.broadcast_to(values, (side, side))[..., None] * OPPONENT[color]


def test_opponent_colours_are_orthonormal() -> None:
    np.testing.assert_allclose(OPPONENT @ OPPONENT.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("color", range(3))
@pytest.mark.parametrize(("frequency", "band"), [(20 / 64, 6), (11 / 64, 5), (1 / 64, 2)])
def test_curvature_is_found_at_its_frequency_and_colour(
    frequency: float, band: int, color: int
) -> None:
    step = wave(frequency, color)
    noise = 1e-6 * np.random.default_rng(0).standard_normal(step.shape)
    found = measured_curvature([step, noise], [50 * step, noise])
    assert found[band, color] == pytest.approx(50, rel=0.01)
    others = np.ones((BANDS, 3), bool)
    others[band, color] = False
    assert found[others].max() < 1.01


def test_curvature_is_positive_whatever_the_steps() -> None:
    step = np.random.default_rng(0).standard_normal((1, 16, 20, 3))
    for change in (-3 * step, 0 * step):
        found = measured_curvature(step, change)
        assert (found > 0).all() and np.isfinite(found).all()
    assert (measured_curvature(0 * step, 0 * step) == 1).all()


def test_a_spectral_wave_is_scaled_by_its_curvatures_power() -> None:
    curvatures = np.ones((BANDS, 3))
    curvatures[5, 1] = 16.0
    parametrization = spectral((64, 64), curvatures, exponent=0.25)
    # The gain of a band is relative to the geometric mean of all.
    mean = np.exp(np.log(curvatures).mean() * 0.25)
    for color, gain in ((1, 0.5), (0, 1.0)):
        step = wave(1 / 6, color, side=66)
        parametrization = spectral((66, 66), curvatures, exponent=0.25)
        scaled = parametrization.pixels(step[None].astype(np.float32))
        np.testing.assert_allclose(scaled[0], step * gain * mean, atol=1e-4)


def test_knowing_the_curvature_saves_iterations() -> None:
    """On a quadratic whose curvature differs a thousandfold between frequencies."""
    side = 32
    target = noise(side, side, seed=1)
    y, x = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    weight = ops.convert_to_tensor((1e-3 + np.hypot(y, x) ** 2)[None].astype(np.float32))

    @ns.loss
    def rough(features: Any) -> Any:
        difference = ops.transpose(features["input"][0] - target, (2, 0, 1))
        real, imaginary = ops.fft2((difference, ops.zeros_like(difference)))
        full = ops.concatenate([weight, ops.flip(weight[..., 1:-1], -1)], -1)
        return ops.mean(full * (ops.square(real) + ops.square(imaginary)))

    first = ns.minimize(rough, pixels, noise(side, side), method="l-bfgs", maxiter=10)
    assert first.state is not None
    steps, changes = np.split(first.state["corrections"].reshape(-1, side, side, 3), 2)
    known = spectral((side, side), measured_curvature(steps, changes), exponent=0.5)
    plain, helped = (
        ns.minimize(rough, pixels, first.image, method="l-bfgs", maxiter=15, parametrization=choice)
        for choice in (None, known)
    )
    assert helped.fun < 0.2 * plain.fun
