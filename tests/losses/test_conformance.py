"""What every loss keeps to. A new loss is one more entry in `CASES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from support import FeatureMaps, random_map, tensors, value, value_and_gradient
from keras import ops

import neuralstyle as ns


def features(seed: int) -> dict[str, np.ndarray]:
    image = np.random.default_rng(seed + 2).uniform(size=(1, 6, 7, 3))
    return {"a": random_map(seed, 5, 6, 3), "b": random_map(seed + 1, 3, 4, 4), "input": image}


TARGET = features(0)
VALID = np.random.default_rng(5).uniform(size=(6, 7))
GENERATED = features(10)
PART = ns.Mask(np.random.default_rng(6).uniform(size=(6, 7)))


def flat(target: FeatureMaps) -> dict[str, np.ndarray]:
    """Make an image of one colour, which has no variation."""
    return {layer: np.full_like(value, 0.3) for layer, value in target.items()}


def same(target: FeatureMaps) -> FeatureMaps:
    return target


@dataclass(frozen=True)
class Case:
    """A loss, made from the features of a target, and where it is zero."""

    label: str
    make: Callable[[Mapping[str, Any]], ns.Loss]
    solution: Callable[[FeatureMaps], FeatureMaps] = same

    @property
    def loss(self) -> ns.Loss:
        return self.make(TARGET)


def brightness_loss(target: Mapping[str, Any]) -> ns.Loss:
    wanted = ops.mean(target["input"])

    @ns.loss
    def brightness(features: Mapping[str, Any]) -> Any:
        return ops.square(ops.mean(features["input"]) - wanted)

    return brightness


class EdgeLoss(ns.Loss):
    """A loss as a user writes it."""

    def __init__(self, target: Mapping[str, Any]) -> None:
        self.edges = self.differences(target["input"])

    def differences(self, image: Any) -> Any:
        return image[:, 1:] - image[:, :-1]

    def __call__(self, features: Mapping[str, Any]) -> Any:
        return ops.mean(ops.square(self.differences(features["input"]) - self.edges))


CASES = [
    *(
        case
        for n in ("relative", "mean", "paper")
        for case in (
            Case(f"content-{n}", lambda t, n=n: ns.ContentLoss(t, ("a", "b"), normalize=n)),
            Case(f"laplacian-{n}", lambda t, n=n: ns.LaplacianLoss(t, (1, 2), normalize=n)),
            Case(
                f"similarity-{n}", lambda t, n=n: ns.SelfSimilarityLoss(t, ("a", "b"), normalize=n)
            ),
            Case(f"style-{n}", lambda t, n=n: ns.StyleLoss(t, ("a", "b"), normalize=n)),
            Case(
                f"shifted-style-{n}",
                lambda t, n=n: ns.StyleLoss(t, ("a", "b"), shift=-1, normalize=n),
            ),
            Case(f"covariance-{n}", lambda t, n=n: ns.CovarianceLoss(t, ("a", "b"), normalize=n)),
            Case(f"moment-{n}", lambda t, n=n: ns.MomentLoss(t, ("a", "b"), normalize=n)),
            Case(
                f"gaussian-{n}",
                lambda t, n=n: ns.GaussianWassersteinLoss(t, ("a", "b"), normalize=n),
            ),
            Case(f"histogram-{n}", lambda t, n=n: ns.HistogramLoss(t, ("a", "b"), normalize=n)),
            Case(f"temporal-{n}", lambda t, n=n: ns.TemporalLoss(t, VALID, normalize=n)),
            Case(
                f"sliced-{n}",
                lambda t, n=n: ns.SlicedWassersteinLoss(t, ("a", "b"), normalize=n),
            ),
            Case(
                f"patches-{n}",
                lambda t, n=n: ns.SlicedWassersteinLoss(t, "input", patch_size=3, normalize=n),
            ),
            Case(
                f"patches-pooled-{n}",
                lambda t, n=n: ns.SlicedWassersteinLoss(
                    t, "input", patch_size=2, pool=2, normalize=n
                ),
            ),
            Case(f"patch-{n}", lambda t, n=n: ns.PatchLoss(t, ("a", "b"), normalize=n)),
            Case(f"emd-{n}", lambda t, n=n: ns.RelaxedEMDLoss(t, ("a", "b"), normalize=n)),
            Case(
                f"emd-euclidean-{n}",
                lambda t, n=n: ns.RelaxedEMDLoss(
                    t, ("a", "b"), samples=9, distance="euclidean", normalize=n
                ),
            ),
            Case(f"variation-{n}", lambda t, n=n: ns.TotalVariationLoss(normalize=n), flat),
            Case(
                f"variation-1.25-{n}",
                lambda t, n=n: ns.TotalVariationLoss(exponent=1.25, normalize=n),
                flat,
            ),
        )
    ),
    Case("laplacian-masked", lambda t: ns.LaplacianLoss(t, (1, 2), mask=PART)),
    Case("variation-masked", lambda t: ns.TotalVariationLoss(mask=PART), flat),
    *(
        Case(f"{kind.name}-masked", lambda t, kind=kind: kind(t, ("a", "b"), mask=PART))
        for kind in (ns.ContentLoss, ns.SelfSimilarityLoss)
    ),
    *(
        Case(
            f"{kind.name}-masked",
            lambda t, kind=kind: kind(t, ("a", "b"), mask=PART, target_mask=PART),
        )
        for kind in (
            ns.StyleLoss,
            ns.CovarianceLoss,
            ns.MomentLoss,
            ns.GaussianWassersteinLoss,
            ns.HistogramLoss,
            ns.SlicedWassersteinLoss,
            ns.PatchLoss,
            ns.RelaxedEMDLoss,
        )
    ),
    Case("function", brightness_loss),
    Case("subclass", EdgeLoss),
]

every_loss = pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)

every_kind = pytest.mark.parametrize(
    "case",
    [
        pytest.param(c, marks=pytest.mark.slow if c.label.endswith(("-mean", "-paper")) else ())
        for c in CASES
    ],
    ids=lambda case: case.label,
)
"""For what takes long: other normalisations, which are other factors, are among the slow tests."""


def test_every_exported_loss_is_in_the_list() -> None:
    exported = {
        name
        for name in ns.__all__
        if isinstance(kind := getattr(ns, name), type)
        and issubclass(kind, ns.Loss)
        and kind is not ns.Loss
    }
    assert len(exported) >= 5
    assert exported <= {type(case.loss).__name__ for case in CASES}


@every_loss
def test_the_value_is_a_finite_positive_scalar(case: Case) -> None:
    result = case.loss(GENERATED)
    assert tuple(result.shape) == ()
    assert 0 < float(result) < np.inf


@every_loss
def test_value_and_gradient_are_zero_at_the_target(case: Case) -> None:
    result, gradient = value_and_gradient(case.loss, case.solution(TARGET))
    assert result == pytest.approx(0, abs=1e-24)
    for slope in gradient.values():
        np.testing.assert_allclose(slope, 0, atol=1e-12)


@every_kind
def test_the_gradient_agrees_with_central_differences(case: Case) -> None:
    step = 1e-6
    compiled = tf.function(case.loss)
    _, gradient = value_and_gradient(case.loss, GENERATED)
    error, norm = 0.0, 0.0
    for layer, slope in gradient.items():
        assert slope.dtype == np.float64
        for index in np.ndindex(slope.shape):
            ends = []
            for sign in (1, -1):
                moved = {name: np.array(array) for name, array in GENERATED.items()}
                moved[layer][index] += sign * step
                ends.append(value(compiled, moved))
            error += ((ends[0] - ends[1]) / (2 * step) - slope[index]) ** 2
            norm += slope[index] ** 2
    assert norm > 0
    assert np.sqrt(error / norm) < 1e-6


@every_kind
def test_eager_and_compiled_agree(case: Case) -> None:
    loss = case.loss
    eager, eager_gradient = value_and_gradient(loss, GENERATED)
    compiled, compiled_gradient = value_and_gradient(tf.function(loss), GENERATED)
    assert compiled == pytest.approx(eager, rel=1e-12)
    for layer, slope in eager_gradient.items():
        np.testing.assert_allclose(compiled_gradient[layer], slope, rtol=1e-12, atol=1e-14)


@every_loss
def test_arrays_and_tensors_give_the_same_value(case: Case) -> None:
    expected = float(case.loss(GENERATED))
    assert float(case.make(tensors(TARGET))(tensors(GENERATED))) == pytest.approx(expected)


@every_loss
def test_target_and_features_are_left_as_they_are(case: Case) -> None:
    target, generated = features(0), features(10)
    case.make(target)(generated)
    for before, after in ((TARGET, target), (GENERATED, generated)):
        assert list(after) == list(before)
        for layer in before:
            np.testing.assert_array_equal(after[layer], before[layer])


@every_loss
def test_the_target_may_change_once_the_loss_is_made(case: Case) -> None:
    target = features(0)
    loss = case.make(target)
    expected = float(loss(GENERATED))
    for array in target.values():
        array[:] = 7.0
    target.clear()
    assert float(loss(GENERATED)) == expected


@every_kind
def test_three_steps_down_the_gradient_improve(case: Case) -> None:
    loss, current = case.loss, GENERATED
    before, gradient = value_and_gradient(loss, current)
    for _ in range(3):
        step = 0.1 * before / sum(np.sum(slope**2) for slope in gradient.values())
        current = {layer: array - step * gradient[layer] for layer, array in current.items()}
        after, gradient = value_and_gradient(loss, current)
        assert after < before
        before = after


@every_loss
def test_it_is_described_in_a_line(case: Case) -> None:
    text = repr(case.loss)
    assert text and "\n" not in text and " object at " not in text


@every_loss
def test_it_has_a_name(case: Case) -> None:
    assert case.loss.name.isidentifier()


@every_kind
def test_float32_stays_float32_and_agrees_with_float64(case: Case) -> None:
    target, generated = (
        {layer: array.astype(np.float32) for layer, array in f.items()} for f in (TARGET, GENERATED)
    )
    loss = case.make(target)
    assert "float32" in str(loss(generated).dtype)
    result, gradient = value_and_gradient(loss, generated)
    expected, expected_gradient = value_and_gradient(case.loss, GENERATED)
    assert result == pytest.approx(expected, rel=1e-4)
    for layer, slope in gradient.items():
        assert slope.dtype == np.float32
        largest = np.abs(expected_gradient[layer]).max()
        np.testing.assert_allclose(slope, expected_gradient[layer], rtol=1e-3, atol=1e-4 * largest)
