"""Masks: how they reach the layers, and what losses make of them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import Array, random_map, value, value_and_gradient

import neuralstyle as ns
from neuralstyle.features.architectures import VGG19, Weights
from neuralstyle.features.plain import build
from neuralstyle.losses import statistics

LEFT = np.arange(8) < np.full((6, 1), 4)
"""The left half of a map of 6 x 8 positions."""

SOFT = np.random.default_rng(9).uniform(0.1, 1.0, size=(6, 8))

ONE_SIDED: dict[str, Callable[..., ns.Loss]] = {
    "content": lambda t, **o: ns.ContentLoss(t, "a", **o),
    "content-paper": lambda t, **o: ns.ContentLoss(t, "a", normalize="paper", **o),
    "similarity": lambda t, **o: ns.SelfSimilarityLoss(t, "a", **o),
    "similarity-sampled": lambda t, **o: ns.SelfSimilarityLoss(t, "a", samples=5, **o),
    "temporal": lambda t, **o: ns.TemporalLoss({"input": t["a"]}, **o),
    "temporal-paper": lambda t, **o: ns.TemporalLoss({"input": t["a"]}, normalize="paper", **o),
    "variation": lambda t, **o: ns.TotalVariationLoss(**o),
    "variation-paper": lambda t, **o: ns.TotalVariationLoss(1.5, normalize="paper", **o),
    "laplacian": lambda t, **o: ns.LaplacianLoss({"input": t["a"]}, (1, 2), **o),
    "laplacian-paper": lambda t, **o: ns.LaplacianLoss(
        {"input": t["a"]}, 1, normalize="paper", **o
    ),
}
"""Losses that compare images of one size, with one mask."""

TWO_SIDED: dict[str, Callable[..., ns.Loss]] = {
    "style": lambda t, **o: ns.StyleLoss(t, "a", **o),
    "style-shifted": lambda t, **o: ns.StyleLoss(t, "a", shift=-1, normalize="paper", **o),
    "covariance": lambda t, **o: ns.CovarianceLoss(t, "a", **o),
    "moment": lambda t, **o: ns.MomentLoss(t, "a", **o),
    "gaussian": lambda t, **o: ns.GaussianWassersteinLoss(t, "a", **o),
    "histogram": lambda t, **o: ns.HistogramLoss(t, "a", **o),
    "histogram-paper": lambda t, **o: ns.HistogramLoss(t, "a", normalize="paper", **o),
    "sliced": lambda t, **o: ns.SlicedWassersteinLoss(t, "a", **o),
    "patches": lambda t, **o: ns.SlicedWassersteinLoss(t, "a", patch_size=3, **o),
    "patches-pooled": lambda t, **o: ns.SlicedWassersteinLoss(t, "a", pool=2, **o),
    "patch": lambda t, **o: ns.PatchLoss(t, "a", patch_size=1, **o),
    "patch-3": lambda t, **o: ns.PatchLoss(t, "a", normalize="paper", **o),
    "emd": lambda t, **o: ns.RelaxedEMDLoss(t, "a", **o),
    "emd-sampled": lambda t, **o: ns.RelaxedEMDLoss(
        t, "a", samples=7, distance="euclidean", normalize="mean", **o
    ),
}
"""Losses that compare images of any sizes, with a mask for each."""

BY_WEIGHT = ("style", "style-shifted", "covariance", "moment", "gaussian")
NEIGHBOURS = ("laplacian", "laplacian-paper", "patches", "patch-3")
"""Those that see beyond a region's edge, by a position or a square."""

TARGET = {"a": random_map(0, 6, 8, 3)}
IMAGE = random_map(1, 6, 8, 3)


def make(name: str, target: Any = TARGET, mask: Any = None, target_mask: Any = None) -> ns.Loss:
    if name in ONE_SIDED:
        return ONE_SIDED[name](target, mask=mask)
    return TWO_SIDED[name](target, mask=mask, target_mask=target_mask)


def at(loss: ns.Loss, image: Array) -> tuple[float, Array]:
    """Return the value and the gradient of a loss at a map, which is the layer and the image."""
    result, slopes = value_and_gradient(lambda f: loss({"input": f["a"], **f}), {"a": image})
    return result, slopes["a"]


every_loss = pytest.mark.parametrize("name", [*ONE_SIDED, *TWO_SIDED])
two_sided = pytest.mark.parametrize("name", TWO_SIDED)


def test_every_loss_with_a_mask_is_here() -> None:
    kinds = {type(make(name)) for name in (*ONE_SIDED, *TWO_SIDED)}
    losses = [k for n in ns.__all__ if isinstance(k := getattr(ns, n), type)]
    assert kinds == {k for k in losses if issubclass(k, ns.Loss) and k is not ns.Loss}


# How masks reach the layers


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((2, 4), [[1, 0.5, 0, 0], [0.5, 0.25, 0, 0.25]]),
        ((4, 8), [[1, 1, 1, 0, 0, 0, 0, 0]] * 3 + [[0, 0, 0, 0, 0, 0, 0, 1]]),
        ((1, 2), [[0.5625, 0.0625]]),
        ((2, 3), [[1, 0.125, 0], [0.5, 0.0625, 0.1875]]),
        ((8, 16), None),
    ],
)
def test_averages_are_those_of_what_a_cell_covers(size: tuple[int, int], expected: Any) -> None:
    mask = np.zeros((4, 8))
    mask[:3, :3] = 1
    mask[3, 7] = 1
    at_layer = ns.Mask(mask).at("anything", size)
    if expected is None:
        expected = np.kron(mask, np.ones((2, 2)))
    np.testing.assert_allclose(at_layer, expected, atol=1e-15)


@pytest.mark.parametrize("size", [(7, 9), (3, 4), (29, 40), (15, 20)])
def test_averages_keep_the_mean_and_partitions(size: tuple[int, int]) -> None:
    mask = np.random.default_rng(0).uniform(size=(30, 40))
    resized = statistics.resize_mask(mask, size)
    assert resized.mean() == pytest.approx(mask.mean())
    np.testing.assert_allclose(resized + statistics.resize_mask(1 - mask, size), 1)


def test_averages_of_nothing_are_nothing() -> None:
    mask = np.zeros((30, 40))
    mask[:10, :10] = 1 / 3
    resized = statistics.resize_mask(mask, (7, 9))
    assert np.all(resized[3:] == 0) and np.all(resized[:, 3:] == 0)


@pytest.mark.parametrize(
    ("propagation", "layer", "columns"),
    [
        ("inside", "input", [1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]),
        ("all", "input", [1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]),
        ("inside", "block1_conv1", [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("all", "block1_conv1", [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]),
        # A unit of pool1 sees two pixels beyond its two on either side.
        ("inside", "relu1_2", [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("inside", "block1_pool", [1, 0, 0, 0, 0, 0]),
        ("all", "pool1", [1, 1, 1, 1, 0, 0]),
        # And one of conv2_1 four.
        ("all", "conv2_1", [1, 1, 1, 1, 1, 0]),
    ],
)
def test_receptive_fields_that_are_inside_or_see_a_region(
    propagation: Any, layer: str, columns: list[int]
) -> None:
    mask = ns.Mask(np.arange(12) < np.full((12, 1), 5), propagation)
    size = (len(columns), len(columns))
    np.testing.assert_array_equal(mask.at(layer, size), [columns] * size[0])
    turned = ns.Mask(mask.values.T, propagation)
    np.testing.assert_array_equal(turned.at(layer, size), np.transpose([columns] * size[0]))


def test_a_mask_of_another_size_is_resized_before_fields_are_looked_at() -> None:
    small = ns.Mask(LEFT, "inside")
    large = ns.Mask(np.kron(LEFT, np.ones((4, 4))), "inside")
    expected = large.at("block2_conv1", (12, 16))
    np.testing.assert_array_equal(small.at("block2_conv1", (12, 16)), expected)
    # Of 25 x 33 pixels, pooling drops one.
    odd = ns.Mask(np.arange(33) < np.full((25, 1), 16), "inside")
    np.testing.assert_array_equal(odd.at("block2_conv1", (12, 16)), expected)


def test_receptive_fields_are_where_the_gradient_of_a_unit_is() -> None:
    # All weights positive, so that no ReLU hides a pixel.
    weights: Weights = {
        name: (np.full((3, 3, 3 if name == "block1_conv1" else 1, 1), 1 / 9), np.ones(1))
        for name in VGG19.convolutions
    }
    model = build(VGG19, weights, "avg")
    names = [layer.name for layer in model.layers[1:]]
    layers = keras.Model(model.input, [model.get_layer(name).output for name in names])
    image = tf.ones((1, 352, 32, 3))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(image)
        units = [
            (name, row, tf.reduce_sum(feature[0, row]))
            for name, feature in zip(names, layers(image), strict=True)
            for row in (0, feature.shape[1] // 2)
        ]
    for name, row, unit in units:
        seen = np.flatnonzero(np.any(tape.gradient(unit, image), axis=(0, 2, 3)))
        start, length, step = VGG19.receptive_field(name)
        first = start + row * step
        assert (seen[0], seen[-1] + 1) == (max(first, 0), min(first + length, 352)), (name, row)
    assert VGG19.receptive_field("conv5_1")[1] == 156


@pytest.mark.parametrize("propagation", ["average", "inside", "all"])
@pytest.mark.parametrize("size", [(6, 8), (3, 4), (5, 7), (19, 25)])
def test_ones_are_no_mask(propagation: Any, size: tuple[int, int]) -> None:
    assert ns.Mask(np.ones((6, 8)), propagation).at("block1_conv1", size) is None
    assert ns.Mask(np.ones((6, 8), bool), propagation).at("block2_conv1", (3, 4)) is None


def test_a_mask_keeps_its_values_and_changes_size() -> None:
    values = SOFT.copy()
    mask = ns.Mask(values, "inside")
    values[:] = 0
    np.testing.assert_array_equal(mask.values, SOFT)
    with pytest.raises(ValueError, match="read-only"):
        mask.values[0, 0] = 0
    smaller = mask.resized((3, 4))
    np.testing.assert_array_equal(smaller.values, statistics.resize_mask(SOFT, (3, 4)))
    assert smaller.propagation == "inside"
    assert mask == ns.Mask(SOFT, "inside")
    assert mask != ns.Mask(SOFT) and mask != ns.Mask(SOFT**2, "inside") and mask != "mask"
    assert (
        repr(mask) == "Mask(6 x 8, propagation='inside')" and repr(ns.Mask(SOFT)) == "Mask(6 x 8)"
    )


# What losses make of them: laws


@every_loss
@pytest.mark.parametrize("ones", [np.ones((6, 8)), np.ones((6, 8), bool), np.ones((3, 4))])
def test_a_mask_of_ones_changes_nothing_to_the_bit(name: str, ones: Array) -> None:
    expected, slopes = at(make(name), IMAGE)
    result, masked_slopes = at(make(name, mask=ones, target_mask=ns.Mask(ones)), IMAGE)
    assert result == expected
    np.testing.assert_array_equal(masked_slopes, slopes)


@pytest.mark.parametrize("name", [n for n in (*ONE_SIDED, *TWO_SIDED) if n not in NEIGHBOURS])
def test_the_mask_of_a_rectangle_is_the_loss_of_what_is_in_it(name: str) -> None:
    loss = make(name, mask=LEFT, target_mask=LEFT)
    cropped = make(name, {"a": TARGET["a"][:, :, :4]})
    result, slopes = at(loss, IMAGE)
    expected, cropped_slopes = at(cropped, IMAGE[:, :, :4])
    if name == "temporal-paper":  # divided by the number of all pixels
        expected, cropped_slopes = expected / 2, cropped_slopes / 2
    assert result == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(slopes[:, :, :4], cropped_slopes, rtol=1e-6, atol=1e-12)
    np.testing.assert_array_equal(slopes[:, :, 4:], 0)


@pytest.mark.parametrize("name", [n for n in (*ONE_SIDED, *TWO_SIDED) if n not in NEIGHBOURS])
def test_what_is_outside_a_mask_does_not_matter(name: str) -> None:
    other, other_target = IMAGE.copy(), TARGET["a"].copy()
    other[:, ~LEFT] = other_target[:, ~LEFT] = 7.0
    expected = at(make(name, mask=LEFT, target_mask=LEFT), IMAGE)
    result = at(make(name, {"a": other_target}, mask=LEFT, target_mask=LEFT), other)
    assert result[0] == pytest.approx(expected[0], rel=1e-9)
    np.testing.assert_allclose(result[1], expected[1], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_neighbourhoods_count_by_their_middle(name: str) -> None:
    reach = 2 if name == "laplacian" else 1
    loss = make(name, mask=LEFT, target_mask=LEFT)
    _, slopes = at(loss, IMAGE)
    assert np.all(slopes[:, :, 4 : 4 + reach].any(axis=(0, 1, 3)))
    np.testing.assert_array_equal(slopes[:, :, 4 + reach :], 0)
    moved = {"a": TARGET["a"].copy()}
    moved["a"][:, :, 4 + reach :] += 1.0
    assert at(make(name, moved, LEFT, LEFT), IMAGE)[0] == pytest.approx(at(loss, IMAGE)[0])
    moved["a"][:, :, 4] += 1.0
    assert at(make(name, moved, LEFT, LEFT), IMAGE)[0] != pytest.approx(at(loss, IMAGE)[0])


def test_a_matched_patch_is_of_the_region_even_for_a_patch_without_direction() -> None:
    target = {"a": np.concatenate([np.ones((1, 1, 4, 1)), np.full((1, 1, 4, 1), 3.0)], axis=2)}
    right = np.arange(8)[None] >= 4
    loss = ns.PatchLoss(target, "a", patch_size=1, normalize="mean", target_mask=right)
    assert value(loss, {"a": np.zeros((1, 1, 2, 1))}) == 9.0
    # All that is in the region points the other way.
    target["a"][:, :, 4:] *= -1
    loss = ns.PatchLoss(target, "a", patch_size=1, normalize="mean", target_mask=right)
    assert value(loss, {"a": np.ones((1, 1, 2, 1))}) == 16.0


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_patches_of_a_region_are_those_whose_middle_is_there(size: int, stride: int) -> None:
    mask, target_mask = SOFT, SOFT[::-1]
    options: dict[str, Any] = {"patch_size": size, "stride": stride, "normalize": "mean"}
    loss = ns.PatchLoss(TARGET, "a", mask=mask, target_mask=target_mask, **options)

    def patches(image: Array, region: Array) -> Array:
        rows, columns = (range(0, n - size + 1, stride) for n in image.shape[1:3])
        middles = [(r, c) for r in rows for c in columns]
        chosen = [(r, c) for r, c in middles if region[r + size // 2, c + size // 2] > 0.5]
        assert 0 < len(chosen) < len(middles)
        return np.array([image[0, r : r + size, c : c + size].ravel() for r, c in chosen])

    ours, theirs = patches(IMAGE, mask), patches(TARGET["a"], target_mask)
    unit = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
    expected = np.mean((ours - theirs[np.argmax(ours @ unit.T, axis=1)]) ** 2)
    assert value(loss, {"a": IMAGE}) == pytest.approx(expected)


def test_squares_of_a_region_are_those_of_which_it_has_more_than_half() -> None:
    mask, target_mask = SOFT, SOFT[::-1]
    options: dict[str, Any] = {"pool": 2, "normalize": "mean"}
    masks = {"mask": mask, "target_mask": target_mask}
    loss = ns.SlicedWassersteinLoss(TARGET, "a", **masks, **options)

    def squares(values: Array) -> Array:
        return values.reshape(3, 2, 4, 2, -1).mean(axis=(1, 3))

    def chosen(image: Array, region: Array) -> dict[str, Array]:
        inside = squares(region)[..., 0] > 0.5
        assert 0 < inside.sum() < inside.size
        return {"a": squares(image[0])[inside][None, None]}

    expected = ns.SlicedWassersteinLoss(chosen(TARGET["a"], target_mask), "a", normalize="mean")
    result = value(loss, {"a": IMAGE})
    assert result == pytest.approx(value(expected, chosen(IMAGE, mask)))


@two_sided
def test_the_sides_have_masks_of_their_own(name: str) -> None:
    results = [
        at(make(name, mask=mask, target_mask=target_mask), IMAGE)[0]
        for mask, target_mask in ((None, None), (LEFT, None), (None, LEFT), (LEFT, ~LEFT))
    ]
    assert len({round(result, 9) for result in results}) == 4


@pytest.mark.parametrize("name", [*BY_WEIGHT, *(n for n in ONE_SIDED if "similarity" not in n)])
def test_weights_are_relative(name: str) -> None:
    expected, slopes = at(make(name, mask=SOFT, target_mask=SOFT), IMAGE)
    result, scaled_slopes = at(make(name, mask=SOFT / 4, target_mask=SOFT / 8), IMAGE)
    factor = 4 if name.endswith("-paper") else 1  # sums
    assert factor * result == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(factor * scaled_slopes, slopes, rtol=1e-6, atol=1e-12)


def test_partitions_add_up_to_the_raw_gram_matrix() -> None:
    parts = np.random.default_rng(3).integers(4, size=(6, 8)) == np.arange(4)[:, None, None]
    raw = sum(
        np.sum(part) * np.asarray(statistics.gram_matrix(IMAGE, part.astype(float)))
        for part in parts
    )
    np.testing.assert_allclose(raw, 48 * np.asarray(statistics.gram_matrix(IMAGE)))
    # So do soft ones whose squares add up to 1.
    angle = np.random.default_rng(4).uniform(0, np.pi / 2, size=(6, 8))
    soft = sum(
        np.sum(part**2) * np.asarray(statistics.gram_matrix(IMAGE, part))
        for part in (np.sin(angle), np.cos(angle))
    )
    np.testing.assert_allclose(soft, raw)


def test_partitions_add_up_to_the_paper_content_loss() -> None:
    whole = ns.ContentLoss(TARGET, "a", normalize="paper")
    parts = [
        value(ns.ContentLoss(TARGET, "a", normalize="paper", mask=mask), {"a": IMAGE})
        for mask in (SOFT, 1 - SOFT)
    ]
    assert sum(parts) == pytest.approx(value(whole, {"a": IMAGE}))


def test_a_masked_gram_matrix_is_covariance_and_mean() -> None:
    mean, covariance = map(np.asarray, statistics.mean_and_covariance(IMAGE, SOFT))
    gram = np.asarray(statistics.gram_matrix(IMAGE, SOFT))
    np.testing.assert_allclose(gram, covariance + np.outer(mean, mean))
    same_mean, deviation = map(np.asarray, statistics.mean_and_deviation(IMAGE, SOFT))
    np.testing.assert_array_equal(same_mean, mean)
    np.testing.assert_allclose(deviation**2, np.diag(covariance))
    weights = SOFT.ravel() ** 2 / np.sum(SOFT**2)
    rows = IMAGE.reshape(-1, 3)
    np.testing.assert_allclose(gram, rows.T @ (weights[:, None] * rows))
    np.testing.assert_allclose(covariance, np.cov(rows.T, aweights=weights, ddof=0))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        # Features 1 and 3, mask 1 and 1/2: squares weigh 4/5 and 1/5.
        (lambda t, m: ns.StyleLoss(t, "a", normalize="mean", mask=m), (0.8 + 0.2 * 9) ** 2),
        (lambda t, m: ns.MomentLoss(t, "a", normalize="mean", mask=m), 1.4**2 + 0.8**2),
        (lambda t, m: ns.ContentLoss(t, "a", normalize="mean", mask=m), (1 + 0.5 * 9) / 1.5),
        (lambda t, m: ns.ContentLoss(t, "a", normalize="paper", mask=m), 0.5 * (1 + 0.5 * 9)),
        (lambda t, m: ns.HistogramLoss(t, "a", normalize="mean", mask=m), 1.0),
        (lambda t, m: ns.HistogramLoss(t, "a", normalize="mean", mask=m * 0.9 + 0.1), 5.0),
    ],
)
def test_literal_values(loss: Callable[[Any, Any], ns.Loss], expected: float) -> None:
    target = {"a": np.zeros((1, 1, 2, 1))}
    image = {"a": np.array([1.0, 3.0]).reshape(1, 1, 2, 1)}
    assert value(loss(target, np.array([[1.0, 0.5]])), image) == pytest.approx(expected)


def test_literal_values_of_the_image() -> None:
    image = np.array([[0.0, 1.0, 5.0], [2.0, 4.0, 9.0]]).reshape(1, 2, 3, 1)
    mask = np.array([[1.0, 0.5, 1.0], [1.0, 1.0, 1.0]])
    # Of 1 + 4 and 16 + 9, weighed by 1/2 (the least of 1, 1/2 and 1) and 1/2.
    assert value(ns.TotalVariationLoss(mask=mask), {"input": image}) == 15.0
    mask[0, 2] = 0.25
    paper = ns.TotalVariationLoss(mask=mask, normalize="paper")
    assert value(paper, {"input": image}) == 0.5 * 5 + 0.25 * 25
    # Laplacians of an impulse: 4 in its place and -1 beside it.
    spot = np.zeros((1, 3, 4, 1))
    spot[0, 1, 1] = 1.0
    mask = np.array([[0, 0, 0, 0], [0, 1, 0.5, 0], [0, 0, 0, 1.0]])
    loss = ns.LaplacianLoss({"input": 0 * spot}, 1, normalize="mean", mask=mask)
    assert value(loss, {"input": spot}) == pytest.approx((16 + 0.5) / 1.5)


def test_a_relative_form_is_relative_to_the_region() -> None:
    nothing = np.zeros_like(IMAGE)
    for name in ("content", "temporal", "style", "covariance", "moment", "gaussian", "histogram"):
        assert at(make(name, mask=SOFT, target_mask=SOFT), nothing)[0] == pytest.approx(1), name


# At layers


@pytest.mark.parametrize("propagation", ["average", "inside", "all"])
def test_a_loss_at_a_layer_takes_the_mask_there(propagation: Any, vgg: ns.VGG19Features) -> None:
    image = np.random.default_rng(0).uniform(size=(48, 64, 3)).astype(np.float32)
    features = vgg(image)
    mask = ns.Mask(np.arange(64) < np.full((48, 1), 40), propagation)
    there = mask.at("block2_conv1", (24, 32))
    target = {"block2_conv1": np.ones((1, 24, 32, 32), np.float32)}
    loss = ns.StyleLoss(target, "block2_conv1", mask=mask)
    feature = features["block2_conv1"]
    gram = np.asarray(statistics.gram_matrix(feature, there))
    assert float(loss(features)) == pytest.approx(np.mean((gram - 1) ** 2), rel=1e-4)


def test_octaves_of_a_pyramid_have_the_mask_too(vgg: ns.VGG19Features) -> None:
    image = np.random.default_rng(0).uniform(size=(64, 80, 3)).astype(np.float32)
    pyramid = ns.Pyramid(vgg, octaves=3)
    mask = np.arange(80) < np.full((64, 1), 40)
    objective = pyramid.objective(
        lambda f: ns.StyleLoss(f, "block1_conv1", mask=mask, target_mask=mask), image
    )
    other = image.copy()
    other[:, 60:] = 0
    losses = objective.evaluate(pyramid(other))
    assert len(losses) == 3 and max(map(float, losses.values())) < 1e-10
    other[:, :20] = 0
    assert min(map(float, objective.evaluate(pyramid(other)).values())) > 1e-3


# Kept


def test_masks_are_carried_to_a_layer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = ns.Mask(SOFT)
    losses = [ns.StyleLoss(TARGET, "a", mask=mask), ns.HistogramLoss(TARGET, "a", mask=mask)]
    expected = [value(loss, {"a": IMAGE}) for loss in losses]
    monkeypatch.setattr(ns.Mask, "at", None)
    assert [value(loss, {"a": IMAGE}) for loss in losses] == expected
    for copied in (copy.deepcopy(losses[0]), pickle.loads(pickle.dumps(losses[0].mask))):
        assert getattr(copied, "mask", copied)._kept == {}


SHAPE = (40, 48)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(*SHAPE, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "kind",
    [
        ns.ContentLoss,
        ns.CovarianceLoss,
        ns.HistogramLoss,
        ns.SlicedWassersteinLoss,
        ns.RelaxedEMDLoss,
        ns.SelfSimilarityLoss,
        ns.LaplacianLoss,
        ns.TotalVariationLoss,
    ],
)
def test_other_masks_use_the_trace_and_count(kind: type[Any]) -> None:
    vgg = ns.VGG19Features("compact")
    image = {ns.LaplacianLoss: ({"input": noise(1)[None]},), ns.TotalVariationLoss: ()}
    target = image.get(kind, (vgg(noise(1)), ("conv1_1", "conv3_1")))
    values = []
    for columns in (slice(0, 24), slice(24, 48)):
        mask = np.zeros(SHAPE)
        mask[:, columns] = 1
        loss = kind(*target, mask=mask)
        values.append(ns.Evaluator(loss, vgg, SHAPE)(noise(2)))
        fresh = ns.Evaluator(loss, lambda image: vgg(image), SHAPE)(noise(2))
        assert values[-1][0] == fresh[0]
        np.testing.assert_array_equal(values[-1][1], fresh[1])
    assert len(vgg.traces) == 1
    assert values[0][0] != values[1][0]


@every_loss
def test_a_masked_loss_is_saved_and_loaded_to_the_bit(name: str, tmp_path: Path) -> None:
    loss = make(name, mask=SOFT, target_mask=~LEFT)
    ns.save_loss(tmp_path / "loss.npz", loss)
    loaded = ns.load_loss(tmp_path / "loss.npz")
    assert repr(loaded) == repr(loss) and "mask=Mask(6 x 8)" in repr(loss)
    assert loaded.mask == loss.mask and loaded.mask.name == loss.mask.name
    expected, slopes = at(loss, IMAGE)
    result, loaded_slopes = at(loaded, IMAGE)
    assert result == expected
    np.testing.assert_array_equal(loaded_slopes, slopes)


@pytest.mark.parametrize("name", ["content", "temporal", "laplacian", "style", "histogram"])
def test_losses_of_one_mask_are_averaged(name: str) -> None:
    targets = [{"a": random_map(seed, 6, 8, 3)} for seed in (2, 3)]
    masks = (LEFT, LEFT) if name in ONE_SIDED else (LEFT, ~LEFT)
    losses = [make(name, t, SOFT, m) for t, m in zip(targets, masks, strict=True)]
    slopes = [at(loss, IMAGE)[1] for loss in losses]
    _, averaged = at(ns.average(losses), IMAGE)
    np.testing.assert_allclose(averaged, np.mean(slopes, axis=0), rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="expected the same layers and options"):
        ns.average([losses[0], make(name, targets[1], LEFT, LEFT)])


# Refusals

LAYER_LOSSES = (
    *(ns.ContentLoss, ns.SelfSimilarityLoss, ns.StyleLoss, ns.CovarianceLoss, ns.MomentLoss),
    *(ns.GaussianWassersteinLoss, ns.HistogramLoss, ns.SlicedWassersteinLoss, ns.PatchLoss),
    ns.RelaxedEMDLoss,
)


@pytest.mark.parametrize("kind", LAYER_LOSSES)
def test_a_region_that_vanishes_is_an_error_that_names_mask_and_layer(kind: type[Any]) -> None:
    target = {"block2_conv1": TARGET["a"]}
    small = np.zeros((12, 16))
    small[1:10, 2:11] = 1
    mask = ns.Mask(small, "inside")  # but every unit sees ten pixels
    message = r"mask: expected a region .*at layer 'block2_conv1', 6 x 8, .*'inside'.*vanishes"
    with pytest.raises(ValueError, match=f"^{message}"):
        kind(target, "block2_conv1", mask=mask)(target)
    if kind not in (ns.ContentLoss, ns.SelfSimilarityLoss):
        named = ns.Mask(small, "inside", name="target_mask")
        with pytest.raises(ValueError, match=f"^target_{message}"):
            kind(target, "block2_conv1", target_mask=named)


@pytest.mark.parametrize("name", ["similarity", "histogram", "sliced", "patch", "emd"])
def test_a_region_that_has_half_of_no_position_vanishes(name: str) -> None:
    stripes = np.zeros((6, 16))
    stripes[:, ::2] = 1
    with pytest.raises(ValueError, match="^mask: expected a region .*'a'"):
        at(make(name, mask=np.repeat(stripes, 2, axis=0)), IMAGE)


@pytest.mark.parametrize("name", ["laplacian", "variation"])
def test_a_region_without_a_neighbourhood_vanishes(name: str) -> None:
    corner = np.zeros((6, 8))
    corner[-1, -1] = 1
    with pytest.raises(ValueError, match="^mask: expected a region .*'input'"):
        at(make(name, mask=corner), IMAGE)


@every_loss
@pytest.mark.parametrize("mask", [np.ones((12, 4)), np.ones((30, 8))])
def test_other_proportions_are_an_error(name: str, mask: Array) -> None:
    with pytest.raises(ValueError, match=r"^mask: expected .*proportions of layer '(a|input)'"):
        at(make(name, mask=mask), IMAGE)
    if name in TWO_SIDED:
        with pytest.raises(ValueError, match="^target_mask: expected .*layer 'a', 6 x 8, received"):
            make(name, target_mask=mask)


def test_what_the_sides_of_layers_leave_over_is_no_error() -> None:
    mask = ns.Mask(np.tri(255, 193))
    for layer in ("block1_pool", "block2_pool", "block3_pool", "block4_pool", "block5_pool"):
        step = VGG19.receptive_field(layer)[2]
        size = (255 // step, 193 // step)
        values = mask.at(layer, size)
        assert values is not None and values.shape == size


@pytest.mark.parametrize(
    ("mask", "error"),
    [
        ("sky.png", TypeError),
        (np.array([["a"]]), TypeError),
        (np.ones((6, 8), complex), TypeError),
        (True, ValueError),
        (np.ones(6), ValueError),
        (np.ones((6, 8, 1)), ValueError),
        (np.ones((0, 8)), ValueError),
        (np.zeros((6, 8)), ValueError),
        (np.full((6, 8), 255), ValueError),
        (-np.ones((6, 8)), ValueError),
        (np.full((6, 8), np.nan), ValueError),
    ],
)
def test_what_is_no_mask_is_refused_by_name(mask: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="^mask: expected"):
        ns.Mask(mask)
    for name in (*ONE_SIDED, *TWO_SIDED):
        with pytest.raises(error, match="^mask: expected"):
            make(name, mask=mask)
    for name in TWO_SIDED:
        with pytest.raises(error, match="^target_mask: expected"):
            make(name, target_mask=mask)


def test_other_propagations_and_layers_are_refused() -> None:
    for propagation in ("nearest", None, 1):
        with pytest.raises(ValueError, match='^propagation: expected "average"'):
            ns.Mask(SOFT, propagation)  # type: ignore[arg-type]
    for layer in ("a", "block3_conv9", "octave1/block1_conv1"):
        with pytest.raises(KeyError, match=f"there is no layer '{layer}'"):
            ns.Mask(SOFT, "inside").at(layer, (6, 8))
    with pytest.raises(KeyError, match="sky: there is no layer 'a' in VGG19"):
        ns.StyleLoss(TARGET, "a", mask=ns.Mask(SOFT, "all", name="sky"))(TARGET)
