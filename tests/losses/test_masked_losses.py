"""What losses make of masks: laws, values, layers, refusals."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from losses.examples import LOSSES, takes
from losses.masked import (
    BY_WEIGHT,
    IMAGE,
    LEFT,
    NEIGHBOURS,
    ONE_SIDED,
    SOFT,
    TARGET,
    TWO_SIDED,
    at,
    make,
    two_sided,
)
from support import Array, Reusable, Seen, noise, pixels, random_map, two_layers, value

import neuralstyle as ns
from neuralstyle.losses import statistics

LAYER_LOSSES = [kind for kind in LOSSES if takes(kind, "layers")]


@pytest.mark.parametrize("kind", [kind for kind in LOSSES if takes(kind, "mask")])
def test_every_loss_with_a_mask_is_here(kind: type[ns.Loss]) -> None:
    kinds = {type(make(name)) for name in (*ONE_SIDED, *TWO_SIDED)}
    table = "TWO_SIDED" if takes(kind, "target_mask") else "ONE_SIDED"
    assert kind in kinds, (
        f"add a line to {table} in tests/losses/masked.py, for the laws of masks: "
        f'"{kind.name}": lambda t, **o: ns.{kind.__name__}(t, "a", **o),'
    )


# Laws


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
def test_a_loss_at_a_layer_takes_the_mask_there(propagation: Any, vgg: ns.VGG16Features) -> None:
    features = vgg(noise(48, 64))
    mask = ns.Mask(np.arange(64) < np.full((48, 1), 40), propagation)
    there = mask.at("block2_conv1", features)
    feature = features["block2_conv1"]
    loss = ns.StyleLoss({"block2_conv1": np.ones_like(feature)}, "block2_conv1", mask=mask)
    gram = np.asarray(statistics.gram_matrix(feature, there))
    assert float(loss(features)) == pytest.approx(np.mean((gram - 1) ** 2), rel=1e-4)


def test_octaves_of_a_pyramid_have_the_mask_too(vgg: ns.VGG16Features) -> None:
    image = noise(64, 80)
    pyramid = ns.Pyramid(vgg, octaves=3)
    mask = np.arange(80) < np.full((64, 1), 40)
    objective = ns.over_octaves(
        lambda f: ns.StyleLoss(f, "block1_conv1", mask=mask, target_mask=mask), pyramid(image)
    )
    other = image.copy()
    other[:, 60:] = 0
    losses = objective.evaluate(pyramid(other))
    assert len(losses) == 3 and max(map(float, losses.values())) < 1e-10
    other[:, :20] = 0
    assert min(map(float, objective.evaluate(pyramid(other)).values())) > 1e-3


def test_masks_are_carried_to_a_layer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    carry = ns.Mask.at

    def noted(mask: ns.Mask, layer: str, seen: Any) -> Any:
        asked.append(layer)
        return carry(mask, layer, seen)

    monkeypatch.setattr(ns.Mask, "at", noted)
    mask = ns.Mask(SOFT)
    losses = [ns.StyleLoss(TARGET, "a", mask=mask), ns.MomentLoss(TARGET, "a", mask=mask)]
    for _ in range(2):
        for loss in losses:
            value(loss, {"a": IMAGE})
    assert asked == ["a"]
    for copied in (copy.deepcopy(losses[0]), pickle.loads(pickle.dumps(mask))):
        assert getattr(copied, "mask", copied) == mask


@pytest.mark.parametrize(
    "kind",
    [
        ns.ContentLoss,
        ns.CovarianceLoss,
        ns.SlicedWassersteinLoss,
        ns.TotalVariationLoss,
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in (
                ns.HistogramLoss,
                ns.RelaxedEMDLoss,
                ns.SelfSimilarityLoss,
                ns.LaplacianLoss,
            )
        ),
    ],
)
def test_code_compiled_for_another_mask_gives_what_new_code_gives(kind: type[Any]) -> None:
    shape, network = (12, 16), Reusable(two_layers)
    alone: dict[Any, Any] = {ns.LaplacianLoss: (pixels(noise(*shape)),), ns.TotalVariationLoss: ()}
    target = alone.get(kind, (two_layers(noise(*shape)), ("first", "second")))
    values = []
    for columns in (slice(0, 8), slice(8, 16)):
        mask = np.zeros(shape)
        mask[:, columns] = 1
        loss = kind(*target, mask=mask)
        values.append(ns.Evaluator(loss, network, shape)(noise(*shape, 2)))
    fresh = ns.Evaluator(loss, Reusable(two_layers), shape)(noise(*shape, 2))
    assert values[1][0] == fresh[0] != values[0][0]
    np.testing.assert_array_equal(values[1][1], fresh[1])


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


# Regions that vanish


@pytest.mark.parametrize("side", ["mask", "target_mask"])
@pytest.mark.parametrize("kind", LAYER_LOSSES)
def test_a_layer_at_which_a_region_vanishes_is_left_out_and_that_is_logged_once(
    kind: type[Any], side: str, caplog: pytest.LogCaptureFixture
) -> None:
    if not takes(kind, side):
        pytest.skip("one mask serves both sides")
    caplog.set_level("INFO", logger="neuralstyle")
    maps = {"input": random_map(5, 12, 16, 3), "layer": TARGET["a"]}
    target = Seen(maps, field=(-4, 10, 2))
    seen = Seen({**maps, "input": random_map(6, 12, 16, 3)}, field=(-4, 10, 2))
    small = np.zeros((12, 16))
    small[1:10, 2:11] = 1
    options: dict[str, Any] = {"frozen": False, "turns": 1} if takes(kind, "frozen") else {}
    mask = ns.Mask(small, "inside", name=side)
    loss = kind(target, {"layer": 2.0, "input": 0.5}, **{side: mask}, **options)
    expected = kind(target, {"input": 0.5}, **{side: mask}, **options)
    for _ in range(2):
        assert float(loss(seen)) == float(expected(seen)) > 0
    (message,) = caplog.messages
    assert message == f"{side}: the region vanishes at layer 'layer', 8 x 6: left out there"


def test_squares_among_which_a_region_vanishes_are_left_out() -> None:
    line = np.zeros((6, 8))
    line[:2, :2] = 1
    line[2, 2] = 1
    loss = ns.LaplacianLoss({"input": TARGET["a"]}, {1: 0.5, 2: 2.0}, mask=line)
    both = ns.LaplacianLoss({"input": TARGET["a"]}, {1: 0.5, 2: 2.0}, mask=np.ones((6, 8)))
    assert (list(loss.pool), list(both.pool)) == ([1, 2], [1, 2])
    line[2, 2] = 0
    only = ns.LaplacianLoss({"input": TARGET["a"]}, {1: 0.5, 2: 2.0}, mask=line)
    expected = ns.LaplacianLoss({"input": TARGET["a"]}, {1: 0.5}, mask=line)
    assert value(only, {"input": IMAGE}) == value(expected, {"input": IMAGE}) > 0


@pytest.mark.parametrize("kind", LAYER_LOSSES)
def test_a_region_that_vanishes_at_every_layer_is_an_error_that_names_mask_and_layer(
    kind: type[Any],
) -> None:
    # Every unit sees more than the nine pixels of the region.
    target = Seen({"layer": TARGET["a"], "input": np.zeros((1, 12, 16, 3))}, field=(-4, 10, 2))
    small = np.zeros((12, 16))
    small[1:10, 2:11] = 1
    mask = ns.Mask(small, "inside")
    options: dict[str, Any] = {"frozen": False, "turns": 1} if takes(kind, "frozen") else {}
    message = r"mask: expected a region .*at layer 'layer', 8 x 6, .*'inside'.*vanishes"
    with pytest.raises(ValueError, match=f"^{message}"):
        kind(target, "layer", mask=mask, **options)(target)
    if takes(kind, "target_mask"):
        named = ns.Mask(small, "inside", name="target_mask")
        with pytest.raises(ValueError, match=f"^target_{message}"):
            kind(target, "layer", target_mask=named, **options)(target)


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
