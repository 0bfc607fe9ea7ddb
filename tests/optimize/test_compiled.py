"""Evaluations are compiled once for all objectives of the same structure."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from support import half_mask, picture

import neuralstyle as ns
from neuralstyle.optimize.evaluation import kept

SHAPE = (40, 32)

SHALLOW = ["block1_conv1", "block2_conv1"]
"""Layers that are quick to compile, where it does not matter which."""

Maker = Callable[..., Any]


@pytest.fixture
def vgg() -> ns.VGG16Features:
    return ns.VGG16Features("compact")


def default(vgg: ns.VGG16Features, seed: int) -> ns.StyleObjective:
    return ns.recipes.default()(vgg(picture(seed)), vgg(picture(seed + 1, (36, 48))))


def assert_as_if_compiled_alone(evaluator: ns.Evaluator) -> None:
    """Compare with an evaluator whose code was made for it alone, to the bit."""
    key = id(evaluator.extractor)
    store = kept._stores.pop(key)
    alone = ns.Evaluator(evaluator.objective, evaluator.extractor, evaluator.shape)
    kept._stores[key] = store
    x = picture(5, evaluator.shape[:2])
    value, gradient = evaluator(x)
    expected_value, expected = alone(x)
    assert value == expected_value
    np.testing.assert_array_equal(gradient, expected)
    assert evaluator.losses == alone.losses


def test_shared_code_and_losses_called_as_they_are_agree(vgg: ns.VGG16Features) -> None:
    objective, x = default(vgg, 3), picture(5)
    shared = ns.Evaluator(objective, vgg, SHAPE)
    opaque = ns.Evaluator(objective, lambda image: vgg(image), SHAPE)
    (value, gradient), (expected_value, expected) = shared(x), opaque(x)
    assert value == pytest.approx(expected_value, rel=1e-6)
    np.testing.assert_allclose(gradient, expected, atol=1e-4 * np.abs(expected).max())


def test_another_pictures_objective_uses_the_code_and_is_its_own(
    vgg: ns.VGG16Features, compilations: list[Any]
) -> None:
    evaluators = [ns.Evaluator(default(vgg, seed), vgg, SHAPE) for seed in (0, 10, 20)]
    assert len(compilations) == 1
    for evaluator in (evaluators[2], evaluators[0]):  # the first again after the others
        assert_as_if_compiled_alone(evaluator)


def test_other_weights_use_the_code(vgg: ns.VGG16Features, compilations: list[Any]) -> None:
    style, variation = ns.StyleLoss(vgg(picture(1)), SHALLOW), ns.TotalVariationLoss()
    evaluators = [
        ns.Evaluator(a * style + b * variation, vgg, SHAPE) for a, b in ((1, 2), (3, 1), (0.5, -1))
    ]
    assert len(compilations) == 1
    for evaluator in evaluators:
        assert_as_if_compiled_alone(evaluator)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"conv1_1": 1.0, "conv3_1": 2.0}, {"conv1_1": 0.5, "conv3_1": 0.25}),
        (["conv1_1", "conv3_1"], {"conv1_1": 3.0, "conv3_1": 1.0}),
    ],
)
def test_other_weights_of_layers_use_the_code(
    one: Any, other: Any, vgg: ns.VGG16Features, compilations: list[Any]
) -> None:
    style = vgg(picture(1))
    for layers in (one, other):
        evaluator = ns.Evaluator(ns.StyleLoss(style, layers), vgg, SHAPE)
        assert_as_if_compiled_alone(evaluator)
    shared = [objective for objective in compilations if objective.terms[0].loss.layers]
    assert len(shared) == 1 + 2  # one that is shared, and each alone


def test_names_of_terms_are_no_part_of_the_structure(
    vgg: ns.VGG16Features, compilations: list[Any]
) -> None:
    style = vgg(picture(1))
    one = ns.Evaluator(ns.StyleLoss(style, SHALLOW, name="one"), vgg, SHAPE)
    other = ns.Evaluator(ns.StyleLoss(style, SHALLOW, name="other"), vgg, SHAPE)
    assert len(compilations) == 1
    x = picture(2)
    assert one(x)[0] == other(x)[0]
    assert (list(one.losses), list(other.losses)) == (["one"], ["other"])


def test_targets_of_other_sizes_use_the_code_where_the_graph_does_not_read_the_size(
    vgg: ns.VGG16Features, compilations: list[Any]
) -> None:
    for size in ((36, 48), (24, 24), (64, 40)):
        style = vgg(picture(1, size))
        kinds = (ns.StyleLoss, ns.HistogramLoss, ns.MomentLoss)
        objective = ns.StyleObjective(*(kind(style, SHALLOW) for kind in kinds))
        ns.Evaluator(objective, vgg, SHAPE)
    assert len(compilations) == 1
    for size in ((36, 48), (24, 24)):
        ns.Evaluator(ns.PatchLoss(vgg(picture(1, size)), "conv3_1"), vgg, SHAPE)
    assert len(compilations) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            lambda f: ns.StyleLoss(f, "conv2_1"),
            lambda f: ns.StyleLoss(f, "conv2_1", normalize="paper"),
        ),
        (lambda f: ns.StyleLoss(f, "conv1_1"), lambda f: ns.StyleLoss(f, "conv1_2")),
        (lambda f: ns.StyleLoss(f, "conv1_1"), lambda f: ns.StyleLoss(f, ["conv1_1", "conv2_1"])),
        (lambda f: ns.StyleLoss(f, "conv2_1"), lambda f: ns.StyleLoss(f, "conv2_1", shift=-1)),
        (lambda f: ns.StyleLoss(f, "conv2_1"), lambda f: ns.CovarianceLoss(f, "conv2_1")),
        (
            lambda f: ns.HistogramLoss(f, "conv2_1"),
            lambda f: ns.HistogramLoss(f, "conv2_1", normalize="mean"),
        ),
        (
            lambda f: ns.HistogramLoss(f, "conv2_1"),
            lambda f: ns.HistogramLoss(f, "conv2_1", seed=1),
        ),
        (
            lambda f: ns.SlicedWassersteinLoss(f, "conv1_1", patch_size=3),
            lambda f: ns.SlicedWassersteinLoss(f, "conv1_1", patch_size=3, pool=2),
        ),
        (
            lambda f: ns.RelaxedEMDLoss(f, "conv2_1"),
            lambda f: ns.RelaxedEMDLoss(f, "conv2_1", distance="euclidean"),
        ),
        (lambda f: ns.TotalVariationLoss(), lambda f: ns.TotalVariationLoss(exponent=1)),
        (lambda f: ns.TotalVariationLoss(0.0 + 1), lambda f: ns.TotalVariationLoss(1 + 1e-16 * 3)),
    ],
)
def test_another_computation_gets_code_of_its_own(
    one: Maker, other: Maker, vgg: ns.VGG16Features, compilations: list[Any]
) -> None:
    target = vgg(picture(1))
    ns.Evaluator(one(target), vgg, SHAPE)
    assert_as_if_compiled_alone(ns.Evaluator(other(target), vgg, SHAPE))
    assert len(compilations) == 2 + 1


def test_a_mask_is_whole_soft_or_positions(vgg: ns.VGG16Features, compilations: list[Any]) -> None:
    style = vgg(picture(1))
    masks = [None, np.ones(SHAPE), half_mask(SHAPE), half_mask(SHAPE, 0.25)]

    def compiled_for(make: Maker) -> int:
        before = len(compilations)
        evaluators = [ns.Evaluator(make(mask=mask), vgg, SHAPE) for mask in masks]
        count = len(compilations) - before
        assert_as_if_compiled_alone(evaluators[2])
        return count

    # A mask of ones is none; positions are as many as they are, weights all alike.
    assert compiled_for(lambda mask: ns.StyleLoss(style, "conv1_1", mask=mask)) == 2
    assert compiled_for(lambda mask: ns.HistogramLoss(style, "conv1_1", mask=mask)) == 3


def test_octaves_share_the_code_of_losses_like_them(compilations: list[Any]) -> None:
    pyramid = ns.Pyramid(ns.VGG16Features("compact"), octaves=2)
    for seed in (1, 2):
        features = pyramid(picture(seed))
        objective = ns.over_octaves(lambda f: ns.StyleLoss(f, "conv1_1"), features)
        evaluator = ns.Evaluator(objective, pyramid, SHAPE)
    assert len(compilations) == 1
    assert_as_if_compiled_alone(evaluator)


@pytest.mark.parametrize("kind", ["low-memory", "plain", "keras"])
def test_code_is_kept_with_every_extractor_of_ours(kind: str, compilations: list[Any]) -> None:
    network: Any = {
        "low-memory": lambda: ns.VGG16Features("compact", fast="low-memory"),
        "plain": lambda: ns.VGG16Features("compact", fast=False),
        "keras": lambda: ns.KerasFeatures(ns.VGG16Features("compact").model),
    }[kind]()
    values = []
    for seed in (0, 1, 2):
        style, content = network(picture(seed)), network(picture(3))
        objective = ns.StyleLoss(style, SHALLOW) + ns.ContentLoss(content, "block2_conv1")
        values.append(ns.Evaluator(objective, network, SHAPE)(picture(4))[0])
    assert len(compilations) == 1
    assert len(set(values)) == 3


def test_each_extractor_has_code_of_its_own(compilations: list[Any]) -> None:
    for pooling in ("avg", "max"):
        vgg = ns.VGG16Features("compact", pooling)
        style = ns.StyleLoss(vgg(picture(1)), SHALLOW)
        assert_as_if_compiled_alone(ns.Evaluator(style, vgg, SHAPE))
    assert len(compilations) == 2 + 2


def test_extractors_that_are_equal_are_not_the_same(compilations: list[Any]) -> None:
    @dataclass(frozen=True)
    class Gain:
        factor: Any = field(compare=False)
        reuse = True

        def __call__(self, image: Any) -> dict[str, Any]:
            return {"input": self.factor * image}

    mean = ns.TotalVariationLoss()
    values = [ns.Evaluator(mean, Gain(factor), SHAPE)(picture(1))[0] for factor in (1.0, 2.0)]
    assert values[1] == pytest.approx(4 * values[0])
    assert len(compilations) == 2


def test_an_extractor_that_cannot_be_referred_to_weakly_is_compiled_for_anew(
    compilations: list[Any],
) -> None:
    class Slotted:
        __slots__ = ()
        reuse = True

        def __call__(self, image: Any) -> dict[str, Any]:
            return {"input": image}

    extractor = Slotted()
    for _ in range(2):
        ns.Evaluator(ns.TotalVariationLoss(), extractor, SHAPE)
    assert len(compilations) == 2


def test_another_shape_is_another_computation(
    vgg: ns.VGG16Features, compilations: list[Any]
) -> None:
    style = vgg(picture(1, (36, 48)))
    for shape in (SHAPE, (32, 40), SHAPE):
        ns.Evaluator(ns.StyleLoss(style, SHALLOW), vgg, shape)
    assert len(compilations) == 2


def test_code_goes_with_all_operations_that_are_kept(
    vgg: ns.VGG16Features, compilations: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_stores", {})
    other, loss = ns.VGG16Features("compact"), ns.TotalVariationLoss()
    ns.Evaluator(loss, vgg, (4, 4))
    (code,) = [used.code for _, store in kept._stores.values() for used in store._code.values()]
    monkeypatch.setattr(kept, "OPERATIONS", 3 * code.operations)

    def made(*places: tuple[Any, int]) -> int:
        before = len(compilations)
        for network, side in places:
            ns.Evaluator(loss, network, (4, side))
        return len(compilations) - before

    assert made((other, 4), (vgg, 5)) == 2
    assert made((vgg, 4)) == 0  # so that the other one's was used longest ago
    assert made((other, 5)) == 1
    assert made((vgg, 4), (vgg, 5), (other, 5)) == 0
    assert made((other, 4)) == 1
    monkeypatch.setattr(kept, "OPERATIONS", 1)
    assert made((vgg, 6), (vgg, 6)) == 1  # the last one always


def test_operations_within_loops_count(vgg: ns.VGG16Features) -> None:
    from keras import ops

    def operations(deep: int) -> int:
        def row(values: Any) -> Any:
            for _ in range(deep):
                values = values + 1.0
            return ops.sum(values)

        loss = ns.loss(lambda features: ops.sum(ops.map(row, features["input"][0])))
        return int(ns.Evaluator(loss, vgg, (4, 4))._compute._code.operations)

    # Each is in the loop, and in that of the gradient; its number is outside.
    assert operations(9) >= operations(1) + 8 * 3


def test_a_failed_compilation_leaves_nothing_behind(
    vgg: ns.VGG16Features, compilations: list[Any]
) -> None:
    content = ns.ContentLoss(vgg(picture(1, (16, 16))))
    for _ in range(2):
        with pytest.raises(ValueError, match="content"):
            ns.Evaluator(content, vgg, SHAPE)
    assert not compilations
    assert_as_if_compiled_alone(ns.Evaluator(ns.StyleLoss(vgg(picture(1)), SHALLOW), vgg, SHAPE))


def test_code_holds_no_target_and_dies_with_the_extractor() -> None:
    vgg = ns.VGG16Features("compact")
    loss = ns.StyleLoss(vgg(picture(1)), SHALLOW)
    target, extractor = weakref.ref(loss), weakref.ref(vgg)
    evaluator = ns.Evaluator(loss, vgg, SHAPE)
    evaluator(picture(2))
    del evaluator, loss
    gc.collect()
    assert target() is None
    del vgg
    gc.collect()
    assert extractor() is None


def test_a_second_stylize_compiles_nothing(compilations: list[Any]) -> None:
    ns.clear()
    options: dict[str, Any] = {"size": 64, "maxiter": [2]}
    first = ns.stylize(picture(1), picture(2), **options)
    count = len(compilations)
    assert count > 0
    ns.stylize(picture(3), picture(4), **options)
    assert len(compilations) == count
    again = ns.stylize(picture(1), picture(2), **options)
    np.testing.assert_array_equal(first.image, again.image)


def test_an_evaluator_is_a_snapshot(vgg: ns.VGG16Features) -> None:
    loss = ns.StyleLoss(vgg(picture(1)), SHALLOW)
    evaluator = ns.Evaluator(loss, vgg, SHAPE)
    value, _ = evaluator(picture(2))
    loss.layers["block1_conv1"] = 100.0
    loss._targets.clear()
    assert evaluator(picture(2))[0] == value
