"""Averages of losses: one that pulls like the weighted sum of many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import ops
from losses.examples import (
    GENERATED,
    TARGET,
    EdgeLoss,
    every_normalization,
    in_float32,
)
from losses.saving import saved_and_loaded
from support import (
    Array,
    random_map,
    value,
    value_and_gradient,
)

import neuralstyle as ns

MAKERS: dict[str, Callable[..., ns.Loss]] = {
    "content": ns.ContentLoss,
    "style": ns.StyleLoss,
    "covariance": ns.CovarianceLoss,
    "moment": ns.MomentLoss,
    "histogram": ns.HistogramLoss,
    "sliced": ns.SlicedWassersteinLoss,
}

SHARES = (1.0, 2.0, 5.0)

every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def target(seed: int, height: int = 5, width: int = 6) -> dict[str, Array]:
    """Features whose size grows with the seed."""
    maps = {"a": random_map(seed, height, width, 3), "b": random_map(seed + 50, 3, 4, 4)}
    return {layer: (1 + seed) * array for layer, array in maps.items()}


def weighted_sum(losses: Any, shares: Any) -> Callable[[Mapping[str, Any]], Any]:
    return lambda features: sum(
        share / sum(shares) * loss(features) for share, loss in zip(shares, losses, strict=True)
    )


def assert_same_gradient(average: Any, expected: Any, rtol: float = 1e-10) -> None:
    features = target(20)
    _, gradient = value_and_gradient(average, features)
    _, wanted = value_and_gradient(expected, features)
    for layer, slope in wanted.items():
        largest = np.abs(slope).max()
        assert largest > 0
        np.testing.assert_allclose(gradient[layer], slope, rtol=rtol, atol=rtol * largest)


def objective(seed: int, **changes: Any) -> ns.StyleObjective:
    weights = {"content": 0.5, "style": 3.0, "variation": 0.1, **changes}
    features = target(seed)
    return ns.StyleObjective(
        weights["content"] * ns.ContentLoss(features, "a"),
        weights["style"] * ns.StyleLoss(features, ("a", "b"), name="strokes"),
        2.0 * ns.CovarianceLoss(features, "b", normalize="mean"),
        1.0 * ns.StyleLoss(features, "a", name="strokes"),
        weights["variation"] * ns.TotalVariationLoss(),
    )


class NearestLoss(ns.Loss):
    """The smallest difference: not what a mean of targets has."""

    def __init__(self, target: Mapping[str, Any]) -> None:
        self._wanted = ops.convert_to_tensor(target["a"])

    def __call__(self, features: Mapping[str, Any]) -> Any:
        return ops.min(ops.square(features["a"] - self._wanted))


# What an average is


@every_maker
@every_normalization
def test_the_average_pulls_like_the_weighted_sum(
    make: Callable[..., ns.Loss], normalize: str
) -> None:
    layers = {"a": 0.3, "b": 0.9}
    losses = [make(target(seed), layers, normalize=normalize) for seed in range(3)]
    average = ns.average(losses, SHARES)
    assert type(average) is type(losses[0])
    assert repr(average) == repr(losses[0])
    assert_same_gradient(average, weighted_sum(losses, SHARES))


@every_maker
@every_normalization
def test_the_average_is_the_weighted_sum_without_what_no_picture_can_remove(
    make: Callable[..., ns.Loss], normalize: str
) -> None:
    losses = [make(target(seed), ("a", "b"), normalize=normalize) for seed in range(3)]
    average, expected = ns.average(losses, SHARES), weighted_sum(losses, SHARES)
    left_out = [value(expected, target(s)) - value(average, target(s)) for s in (20, 21, 0)]
    assert left_out[0] > 0
    np.testing.assert_allclose(left_out, left_out[0], rtol=1e-9)


def test_style_images_of_several_sizes_are_averaged() -> None:
    for make in (kind for kind in MAKERS.values() if kind is not ns.ContentLoss):
        losses = [make(target(k, 4 + k, 7 - k), "a") for k in range(3)]
        average, expected = ns.average(losses), weighted_sum(losses, (1, 1, 1))
        features = {"a": random_map(9, 5, 5, 3)}
        gradients = [value_and_gradient(f, features)[1]["a"] for f in (average, expected)]
        np.testing.assert_allclose(*gradients, rtol=1e-10, atol=1e-14)


@every_maker
def test_weights_are_shares_and_equal_by_default(make: Callable[..., ns.Loss]) -> None:
    losses = [make(target(seed), ("a", "b")) for seed in range(2)]
    features = target(20)
    assert value(ns.average(losses, [1, 3]), features) == value(
        ns.average(losses, (0.25, 0.75)), features
    )
    assert value(ns.average(losses), features) == value(ns.average(losses, [2, 2]), features)
    assert_same_gradient(ns.average(losses, [0, 4]), losses[1])
    assert value(ns.average(losses), features) != value(ns.average(losses, [1, 3]), features)


@every_maker
def test_the_average_of_one_or_of_equals_is_that_one(make: Callable[..., ns.Loss]) -> None:
    loss = make(target(1), ("a", "b"), name="mine")
    for average in (ns.average([loss]), ns.average((loss, loss, loss), [1, 1, 3])):
        assert average.name == "mine"
        assert value(average, target(20)) == pytest.approx(value(loss, target(20)), rel=1e-12)
        assert_same_gradient(average, loss)


def test_averages_stay_in_the_precision_of_their_targets() -> None:
    losses = [ns.CovarianceLoss(in_float32(target(seed)), ("a", "b")) for seed in range(3)]
    average = ns.average(losses, SHARES)
    features = in_float32(target(20))
    assert "float32" in str(average(features).dtype)
    _, gradient = value_and_gradient(average, features)
    _, expected = value_and_gradient(weighted_sum(losses, SHARES), features)
    for layer, slope in expected.items():
        np.testing.assert_allclose(gradient[layer], slope, rtol=1e-3, atol=1e-5 * slope.max())


def test_averaging_leaves_the_losses_as_they_were() -> None:
    losses = [ns.StyleLoss(target(seed), ("a", "b")) for seed in range(2)]
    before = [value(loss, target(20)) for loss in losses]
    ns.average(losses, [1, 3])
    assert [value(loss, target(20)) for loss in losses] == before


def test_averages_can_be_averaged_and_saved(path: Path) -> None:
    losses = [ns.CovarianceLoss(target(seed), "a") for seed in range(3)]
    first = ns.average(losses[:2], [1, 2])
    loaded = saved_and_loaded(path, first)
    whole = ns.average([loaded, losses[2]], [3, 5])
    features = target(20)
    _, gradient = value_and_gradient(whole, features)
    _, expected = value_and_gradient(ns.average(losses, SHARES), features)
    np.testing.assert_allclose(gradient["a"], expected["a"], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("kind", [ns.StyleLoss, ns.CovarianceLoss, ns.ContentLoss])
def test_an_average_is_no_larger_than_one_of_its_losses(kind: type[Any], path: Path) -> None:
    losses = [kind(target(seed), ("a", "b")) for seed in range(4)]
    ns.save_loss(path, losses[0])
    one = path.stat().st_size
    ns.save_loss(path, ns.average(losses))
    assert path.stat().st_size < 1.1 * one


def test_objectives_are_averaged_term_by_term() -> None:
    objectives = [objective(seed) for seed in range(3)]
    average = ns.average(objectives, SHARES)
    assert isinstance(average, ns.StyleObjective)
    assert average.weights == objectives[0].weights
    assert list(average.weights) == [
        "content",
        "strokes",
        "covariance",
        "strokes_1",
        "total_variation",
    ]
    for k, term in enumerate(average.terms[:4]):
        losses = [of.terms[k].loss for of in objectives]
        features = target(20)
        _, gradient = value_and_gradient(term.loss, features)
        _, expected = value_and_gradient(weighted_sum(losses, SHARES), features)
        for layer, slope in expected.items():
            np.testing.assert_allclose(gradient[layer], slope, rtol=1e-10, atol=1e-14)


def test_a_loss_without_a_target_is_returned_as_it_is() -> None:
    variations = [ns.TotalVariationLoss(1.5) for _ in range(3)]
    assert repr(ns.average(variations, SHARES)) == repr(variations[0])
    assert value(ns.average(variations), GENERATED) == value(variations[0], GENERATED)


# What has none


@pytest.mark.parametrize(
    "make",
    [
        NearestLoss,
        lambda t: ns.GaussianWassersteinLoss(t, "a"),
        lambda t: ns.PatchLoss(t, "a"),
        lambda t: ns.RelaxedEMDLoss(t, "a"),
        lambda t: ns.SelfSimilarityLoss(t, "a"),
    ],
)
def test_what_is_no_squared_distance_is_not_averaged(make: Callable[[Any], ns.Loss]) -> None:
    losses = [make(target(seed)) for seed in range(2)]
    message = f"^losses: .*{type(losses[0]).__name__}(: give it | cannot be averaged)"
    with pytest.raises(TypeError, match=message):
        ns.average(losses)
    with pytest.raises(TypeError, match=message):
        ns.average([ns.TotalVariationLoss() + loss for loss in losses])


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (ns.HistogramLoss, {"seed": 1}),
        (ns.HistogramLoss, {"normalize": "mean"}),
        (ns.SlicedWassersteinLoss, {"seed": 1}),
        (ns.SlicedWassersteinLoss, {"directions": 5}),
        (ns.SlicedWassersteinLoss, {"patch_size": 2}),
        (ns.SlicedWassersteinLoss, {"pool": 2}),
    ],
)
def test_losses_that_sort_otherwise_have_no_average(kind: type[Any], options: Any) -> None:
    one, other = kind(target(0), "a"), kind(target(0), "a", **options)
    with pytest.raises(ValueError, match="^losses: expected the same layers and options"):
        ns.average([one, other])


@pytest.mark.parametrize(
    ("losses", "kind", "message"),
    [
        ([], ValueError, "^losses: expected at least one, received none"),
        ((), ValueError, "^losses: expected at least one, received none"),
        (
            [ns.StyleLoss(TARGET, "first"), ns.CovarianceLoss(TARGET, "first")],
            TypeError,
            "^losses: expected losses of one class, received CovarianceLoss, StyleLoss",
        ),
        ([1, 2], TypeError, "^losses: expected losses of one class, received int"),
        (
            [ns.StyleLoss(TARGET, "first"), ns.StyleLoss(TARGET, "second")],
            ValueError,
            "^losses: expected the same layers and options",
        ),
        (
            [ns.StyleLoss(TARGET, {"first": 1.0}), ns.StyleLoss(TARGET, {"first": 2.0})],
            ValueError,
            "^losses: expected the same layers and options",
        ),
        (
            [ns.StyleLoss(TARGET, "first"), ns.StyleLoss(TARGET, "first", normalize="mean")],
            ValueError,
            "^losses: expected the same layers and options",
        ),
        (
            [ns.TotalVariationLoss(), ns.TotalVariationLoss(1)],
            ValueError,
            "^losses: expected the same layers and options",
        ),
        (
            [ns.ContentLoss(target(0), "a"), ns.ContentLoss(target(1, 5, 7), "a")],
            ValueError,
            "shape",
        ),
        (
            [objective(0), objective(1, style=2.0)],
            ValueError,
            "^losses: expected objectives of the same terms and weights",
        ),
        (
            [objective(0), objective(1) + ns.TotalVariationLoss()],
            ValueError,
            "^losses: expected objectives of the same terms and weights",
        ),
        (
            [2.0 * ns.StyleLoss(TARGET, "first"), ns.StyleLoss(TARGET, "first")],
            ValueError,
            "^losses: expected objectives of the same terms and weights",
        ),
        (
            [ns.StyleLoss(TARGET, "first"), 2.0 * ns.StyleLoss(TARGET, "first")],
            TypeError,
            "^losses: expected losses of one class, received StyleLoss, StyleObjective",
        ),
        (
            [1.0 * ns.StyleLoss(TARGET, "first", name="x"), 1.0 * EdgeLoss(TARGET)],
            ValueError,
            "^losses: expected objectives of the same terms and weights",
        ),
    ],
)
def test_losses_that_have_no_average_are_refused(
    losses: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        ns.average(losses)


@pytest.mark.parametrize(
    "weights", [[1.0], [1, 1, 1], [1, -1], [0, 0], [1, float("nan")], [1, float("inf")], 3, "ab"]
)
def test_what_are_no_weights_is_refused_by_name(weights: Any) -> None:
    losses = [ns.StyleLoss(target(seed), "a") for seed in range(2)]
    with pytest.raises((TypeError, ValueError), match="^weights: expected"):
        ns.average(losses, weights)


def test_targets_of_other_shapes_and_what_is_no_sequence_have_no_average() -> None:
    small, large = ({"input": np.full((1, n, n, 3), 0.5)} for n in (1, 4))
    with pytest.raises(ValueError, match="^losses: expected targets of one shape"):
        ns.average([ns.ContentLoss(small, "input"), ns.ContentLoss(large, "input")])
    for wrong in (5, ns.ContentLoss(small, "input")):
        with pytest.raises(TypeError, match="^losses: expected a sequence"):
            ns.average(wrong)


class Own(EdgeLoss):
    """A class of a user's that says nothing of averages."""


class Saying(EdgeLoss):
    """A class of a user's that says how its targets are averaged."""

    def averaged(self, losses: Any, shares: Any) -> ns.Loss:
        average = Saying({"input": np.zeros((1, 2, 2, 3))})
        average.edges = sum(s * loss.edges for s, loss in zip(shares, losses, strict=True))
        return average


class Tenfold(ns.StyleLoss):  # type: ignore[misc]
    """A class made of one of ours, which compares something else."""

    def __call__(self, features: Any) -> Any:
        return super().__call__(features) ** 2


@pytest.mark.parametrize("kind", [Own, lambda maps: Tenfold(maps, "input")])
def test_a_class_that_does_not_say_how_is_refused_with_what_to_write(kind: Any) -> None:
    targets = [{"input": random_map(seed, 4, 5, 3)} for seed in range(2)]
    with pytest.raises(TypeError, match=r"^losses: .* (Own|Tenfold): give it a method averaged"):
        ns.average([kind(target) for target in targets])
    one = kind(targets[0])
    assert ns.average([one, one]) is one


def test_a_class_that_says_how_is_averaged() -> None:
    targets = [{"input": random_map(seed, 4, 5, 3)} for seed in range(2)]
    image = {"input": random_map(7, 4, 5, 3)}
    losses = [Saying(target) for target in targets]
    average = ns.average(losses, [1, 3])
    slopes = [value_and_gradient(loss, image)[1]["input"] for loss in (*losses, average)]
    np.testing.assert_allclose(slopes[2], 0.25 * slopes[0] + 0.75 * slopes[1])


def test_losses_of_functions_are_refused_with_what_to_do() -> None:
    losses = [ns.loss(lambda features: features["input"][0, 0, 0, 0]) for _ in range(2)]
    with pytest.raises(TypeError, match="^losses: losses made of functions cannot be averaged"):
        ns.average(losses)
    assert ns.average([losses[0]] * 3) is losses[0]
