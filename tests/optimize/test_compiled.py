"""Evaluations are traced once for all objectives that differ in nothing but their targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import neuralstyle as ns
from neuralstyle.transfer import recipes as presets
from neuralstyle.optimize import compiled as tracing

SHAPE = (40, 32)


def picture(seed: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    cells = np.random.default_rng(seed).uniform(size=(7, 7, 3)).astype(np.float32)
    return ns.resize(cells, shape)


@pytest.fixture
def vgg() -> ns.VGG19Features:
    return ns.VGG19Features("compact")


def default(vgg: ns.VGG19Features, seed: int) -> ns.StyleObjective:
    return presets.default()(vgg(picture(seed)), vgg(picture(seed + 1, (36, 48))))


def test_another_pictures_objective_uses_the_trace_and_is_its_own(vgg: ns.VGG19Features) -> None:
    evaluators = [ns.Evaluator(default(vgg, seed), vgg, SHAPE) for seed in (0, 10, 20)]
    assert len(vgg.traces) == 1
    # In turn, and the first again after the others.
    for seed, evaluator in [(0, evaluators[0]), *zip((0, 10, 20), evaluators, strict=True)]:
        fresh = ns.Evaluator(default(vgg, seed), lambda image: vgg(image), SHAPE)
        value, gradient = evaluator(picture(5))
        expected_value, expected = fresh(picture(5))
        assert value == expected_value
        np.testing.assert_array_equal(gradient, expected)
        assert evaluator.losses == fresh.losses


def test_other_weights_use_the_trace(vgg: ns.VGG19Features) -> None:
    style, variation = ns.StyleLoss(vgg(picture(1))), ns.TotalVariationLoss()
    for weights in ((1, 2), (3, 1), (0.5, -1)):
        objective = weights[0] * style + weights[1] * variation
        shared = ns.Evaluator(objective, vgg, SHAPE)(picture(2))
        fresh = ns.Evaluator(objective, lambda image: vgg(image), SHAPE)(picture(2))
        assert shared[0] == fresh[0]
        np.testing.assert_array_equal(shared[1], fresh[1])
    assert len(vgg.traces) == 1


@pytest.mark.parametrize(
    "kind",
    [
        ns.ContentLoss,
        ns.StyleLoss,
        ns.CovarianceLoss,
        ns.MomentLoss,
        ns.GaussianWassersteinLoss,
        ns.HistogramLoss,
        ns.SlicedWassersteinLoss,
        pytest.param(ns.PatchLoss, marks=pytest.mark.slow),
        ns.RelaxedEMDLoss,
        ns.SelfSimilarityLoss,
    ],
)
def test_every_loss_of_ours_uses_the_trace_of_one_of_its_kind(
    kind: type[Any], vgg: ns.VGG19Features
) -> None:
    values = []
    for seed in (0, 10):
        layers = "conv3_1" if kind is ns.PatchLoss else ("conv1_1", "conv3_1")
        loss = kind(vgg(picture(seed)), layers)
        values.append(ns.Evaluator(loss, vgg, SHAPE)(picture(5))[0])
        fresh = ns.Evaluator(loss, lambda image: vgg(image), SHAPE)
        assert fresh(picture(5))[0] == values[-1]
    assert len(vgg.traces) == 1
    assert values[0] != values[1]


@pytest.mark.parametrize("extractor", ["low-memory", "plain", "keras"])
def test_every_extractor_of_ours_keeps_traces(extractor: str) -> None:
    network: Any = {
        "low-memory": lambda: ns.VGG19Features("compact", fast="low-memory"),
        "plain": lambda: ns.VGG19Features("compact", fast=False),
        "keras": lambda: ns.KerasFeatures(ns.VGG19Features("compact").model),
    }[extractor]()
    values = []
    for seed in (0, 1, 2):
        objective = ns.StyleLoss(network(picture(seed))) + ns.ContentLoss(network(picture(3)))
        values.append(ns.Evaluator(objective, network, SHAPE)(picture(4))[0])
    assert len(network.traces) == 1
    assert len(set(values)) == 3


Maker = Callable[[ns.VGG19Features], Any]


def scaled(factor: float) -> ns.Loss:
    return ns.loss(lambda features: factor * ops.mean(features["input"] ** 2))


def clipped(limit: float) -> ns.Loss:
    @ops.custom_gradient
    def identity(x: Any) -> Any:
        return x, lambda *args, upstream=None: ops.clip(args[0], -limit, limit)

    return ns.loss(lambda features: ops.sum(identity(features["input"]) ** 2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda f: ns.StyleLoss(f), lambda f: ns.StyleLoss(f, normalize="paper")),
        (lambda f: ns.StyleLoss(f, "conv1_1"), lambda f: ns.StyleLoss(f, "conv1_2")),
        (lambda f: ns.StyleLoss(f, "conv1_1"), lambda f: ns.StyleLoss(f, ["conv1_1", "conv2_1"])),
        (lambda f: ns.HistogramLoss(f), lambda f: ns.HistogramLoss(f, normalize="mean")),
        (lambda f: ns.TotalVariationLoss(), lambda f: ns.TotalVariationLoss(exponent=1)),
        (lambda f: scaled(1.0), lambda f: scaled(2.0)),
        (lambda f: clipped(1.0), lambda f: clipped(0.1)),
    ],
)
def test_another_computation_gets_a_trace_of_its_own(
    one: Maker, other: Maker, vgg: ns.VGG19Features
) -> None:
    gradients = []
    for make in (one, other):
        objective = ns.StyleObjective(make(vgg(picture(1))))
        shared = ns.Evaluator(objective, vgg, SHAPE)(picture(2))
        fresh = ns.Evaluator(objective, lambda image: vgg(image), SHAPE)(picture(2))
        assert shared[0] == fresh[0]
        np.testing.assert_array_equal(shared[1], fresh[1])
        gradients.append(shared[1])
    assert len(vgg.traces) == 2
    assert not np.array_equal(*gradients)


def test_another_shape_or_target_size_that_matters_is_another_computation(
    vgg: ns.VGG19Features,
) -> None:
    style = vgg(picture(1, (36, 48)))
    for shape in (SHAPE, (32, 40), SHAPE):
        ns.Evaluator(ns.StyleLoss(style), vgg, shape)
    assert len(vgg.traces) == 2


def test_losses_that_ask_which_features_there_are_are_traced_every_time(
    vgg: ns.VGG19Features,
) -> None:
    @ns.loss
    def first_layer(features: Any) -> Any:
        return ops.mean(features[list(features)[1]])

    @ns.loss
    def whatever_there_is(features: Any) -> Any:
        return ops.mean(features["depth" if "depth" in features else "input"])

    for loss in (first_layer, first_layer, whatever_there_is, whatever_there_is):
        ns.Evaluator(loss, vgg, SHAPE)
    assert len(vgg.traces) == 4


def test_new_losses_are_traced_once_however_many_traces_there_are(
    vgg: ns.VGG19Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = ns.StyleLoss(vgg(picture(1)))
    for exponent in (1, 2, 3):
        ns.Evaluator(loss + ns.TotalVariationLoss(exponent), vgg, SHAPE)
    traced: list[Any] = []
    trace_losses = tracing._trace_losses
    monkeypatch.setattr(
        tracing, "_trace_losses", lambda *args: traced.append(args[0]) or trace_losses(*args)
    )
    new = loss + ns.TotalVariationLoss(4)
    ns.Evaluator(new, vgg, SHAPE)
    assert sum(weighed.objective.terms == new.terms for weighed in traced) == 1
    assert len(vgg.traces) == 4


def test_only_the_latest_traces_are_kept(vgg: ns.VGG19Features) -> None:
    loss = ns.TotalVariationLoss()
    sides = list(range(4, 4 + tracing.TRACES + 3))
    for side in sides:
        ns.Evaluator(loss, vgg, (side, 4))
    ns.Evaluator(loss, vgg, (7, 4))
    assert [t.image.shape[1] for t in vgg.traces] == [*sides[4:], 7]


def test_a_failed_trace_is_not_kept(vgg: ns.VGG19Features) -> None:
    content = ns.ContentLoss(vgg(picture(1, (16, 16))))
    with pytest.raises(ValueError, match="content"):
        ns.Evaluator(content, vgg, SHAPE)
    assert vgg.traces == []


def test_kept_numbers_come_from_outside_a_graph() -> None:
    values = [tracing.kept(np.float32(3)), tracing.kept(np.ones(200, np.float32))]
    function = tf.function(lambda: values[0] + values[1], autograph=False)
    assert len(function.get_concrete_function().graph.external_captures) == 2


def test_a_second_stylize_traces_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    init = tracing.Trace.__init__
    monkeypatch.setattr(
        tracing.Trace, "__init__", lambda self, *args: made.append(self) or init(self, *args)
    )
    options: dict[str, Any] = {"size": 64, "maxiter": [2], "weights": "compact"}
    first = ns.stylize(picture(1), picture(2), **options)
    count = len(made)
    second = ns.stylize(picture(3), picture(4), **options)
    assert len(made) == count
    again = ns.stylize(picture(1), picture(2), **options)
    np.testing.assert_array_equal(first.image, again.image)
    assert np.abs(first.image - second.image).max() > 0.1
