"""Nearest neighbours: matches against all pairs, what is frozen, hypercolumns, turns, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import ops
from support import (
    Array,
    FeatureMaps,
    directional_error,
    half_mask,
    noise,
    of_vector,
    random_map,
    says,
    value,
    value_and_gradient,
)

import neuralstyle as ns
from neuralstyle.losses import nearest as module
from neuralstyle.losses.columns import resampled
from neuralstyle.losses.nearest import nearest

LAYERS = ("fine", "even", "coarse")


def maps(seed: int, height: int = 12, width: int = 16) -> dict[str, Array]:
    """Make features of three layers: of the picture's sides, of a quarter, of an eighth."""
    return {
        "input": noise(height, width, seed)[None].astype(np.float64),
        "fine": random_map(seed, height, width, 2),
        "even": random_map(seed + 1, height // 4, width // 4, 5),
        "coarse": random_map(seed + 2, height // 8, width // 8, 3),
    }


def columns(features: FeatureMaps) -> Array:
    """Return hypercolumns, by loops over what each stands for."""
    height, width = (side // 4 for side in features["input"].shape[1:3])
    rows = []
    for i in range(height):
        for j in range(width):
            fine = features["fine"][0, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4].mean((0, 1))
            even = features["even"][0, i, j]
            coarse = features["coarse"][0]
            y, x = (
                np.clip((k + 0.5) * small / large - 0.5, 0, small - 1)
                for k, small, large in ((i, len(coarse), height), (j, coarse.shape[1], width))
            )
            near = [
                coarse[a, b] * max(0, 1 - abs(y - a)) * max(0, 1 - abs(x - b))
                for a in range(len(coarse))
                for b in range(coarse.shape[1])
            ]
            rows.append(np.concatenate([fine / 2, even / 5, sum(near) / 3]))
    return np.stack(rows)


def cosines(a: Array, b: Array) -> Array:
    units = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b)]
    product: Array = units[0] @ units[1].T
    return product


def frozen(style: FeatureMaps, source: FeatureMaps, **options: Any) -> ns.NearestLoss:
    return ns.NearestLoss(style, LAYERS, source=source, **{"turns": 1, **options})


def anew(style: FeatureMaps, layers: Any = LAYERS, **options: Any) -> ns.NearestLoss:
    return ns.NearestLoss(style, layers, **{"frozen": False, "turns": 1, **options})


STYLE, SOURCE, PICTURE = maps(0, 16, 20), maps(10), maps(20)


# Values by hand


def row(*vectors: tuple[float, ...]) -> dict[str, Array]:
    """Make features of a row of positions, of an image of a pixel for each."""
    return {"a": np.array([[vectors]]).reshape(1, 1, len(vectors), -1), "input": np.ones((1, 1, 3))}


def test_a_position_counts_one_minus_the_cosine_of_the_nearest() -> None:
    style, picture = row((1.0, 0.0), (0.0, 2.0)), row((3.0, 4.0), (5.0, 0.0))
    # (3, 4) is nearest to (0, 2), with the cosine 4/5; (5, 0) to (1, 0).
    assert value(anew(style, "a", center=False), picture) == pytest.approx((1 - 0.8) / 2)


def test_centred_vectors_are_compared_as_they_differ_from_their_means() -> None:
    style, picture = row((11.0, 10.0), (10.0, 11.0)), row((7.0, 5.0), (5.0, 7.0))
    assert value(anew(style, "a"), picture) == pytest.approx(0, abs=1e-15)
    assert value(anew(style, "a", center=False), picture) > 1e-3


def test_zero_has_no_distance_from_zero_and_one_from_all_else() -> None:
    nothing, something = row((0.0, 0.0)), row((1.0, 2.0))
    assert value(anew(nothing, "a", center=False), nothing) == 0
    assert value(anew(nothing, "a", center=False), something) == 1
    assert value(anew(something, "a", center=False), nothing) == 1
    for style, picture, expected in ((nothing, nothing, 0), (something, nothing, 1)):
        given = [{**x, "input": np.ones((1, 1, 1, 3))} for x in (style, picture)]
        loss = ns.NearestLoss(given[0], "a", source=given[0], turns=1, pool=1)
        assert value(loss, given[1]) == pytest.approx(expected)


# Frozen matches, against all pairs


@pytest.mark.parametrize("center", [True, False])
def test_matches_are_the_sources_and_the_distance_is_the_pictures(center: bool) -> None:
    style, source, picture = map(columns, (STYLE, SOURCE, PICTURE))
    middles = (source.mean(0), style.mean(0)) if center else (0, 0)
    matches = cosines(source - middles[0], style - middles[1]).argmax(1)
    expected = 1 - np.diag(cosines(picture, style[matches])).mean()
    assert value(frozen(STYLE, SOURCE, center=center), PICTURE) == pytest.approx(expected)


def test_matches_stay_where_the_picture_moves() -> None:
    loss = frozen(STYLE, SOURCE)
    assert value(loss, STYLE | {"input": SOURCE["input"]} | PICTURE) == value(loss, PICTURE)
    assert value(frozen(STYLE, PICTURE), PICTURE) != value(loss, PICTURE)


@pytest.mark.parametrize("block", [1, 500, 2**20])
def test_blocks_find_what_all_pairs_at_once_find(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, others = (np.random.default_rng(s).normal(size=(23, 6)) for s in (0, 1))
    others = others[:17]
    expected = points @ others.T
    monkeypatch.setattr(module, "BLOCK", block)
    found, index = nearest(ops.convert_to_tensor(points), ops.convert_to_tensor(others))
    np.testing.assert_array_equal(index, expected.argmax(1))
    np.testing.assert_allclose(found, expected.max(1), rtol=1e-12)


def test_weights_of_layers_say_which_of_them_decides() -> None:
    def alone(layer: str) -> float:
        return value(ns.NearestLoss(STYLE, layer, source=SOURCE, turns=1), PICTURE)

    def mixed(**weights: float) -> float:
        return value(ns.NearestLoss(STYLE, weights, source=SOURCE, turns=1), PICTURE)

    assert mixed(fine=1.0, even=0.0) == pytest.approx(alone("fine"))
    assert mixed(fine=1.0, even=1e-9) == pytest.approx(alone("fine"))
    assert mixed(fine=1.0, even=1.0) != pytest.approx(alone("fine"))
    assert mixed(fine=3.0, even=1.5) == pytest.approx(mixed(fine=2.0, even=1.0))


# Hypercolumns


@pytest.mark.parametrize(("old", "new"), [((9, 13), (2, 3)), ((7, 5), (3, 4)), ((2, 3), (5, 3))])
def test_resampling_keeps_constants_and_is_exact_for_ramps_inside(
    old: tuple[int, int], new: tuple[int, int]
) -> None:
    flat = np.full((1, *old, 2), 0.7)
    np.testing.assert_allclose(resampled(flat, new), 0.7, rtol=1e-12)
    assert tuple(resampled(flat, new).shape) == (1, *new, 2)


def test_positions_of_a_finer_layer_are_averaged_and_all_of_them_have_a_gradient() -> None:
    _, slopes = value_and_gradient(frozen(STYLE, SOURCE), PICTURE)
    assert np.all(slopes["fine"] != 0)
    assert np.all(slopes["coarse"] != 0) and not slopes["input"].any()


@pytest.mark.parametrize("make", [frozen, lambda style, source: anew(style)])
def test_gradients_agree_with_differences(make: Any) -> None:
    assert directional_error(*of_vector(make(STYLE, SOURCE), PICTURE)) < 1e-6


# Matches found anew


def test_layer_by_layer_every_position_takes_its_own_nearest() -> None:
    loss = anew(STYLE, {"even": 2.0, "coarse": 0.5})
    expected = 0.0
    for layer, weight in (("even", 2.0), ("coarse", 0.5)):
        points, others = (f[layer].reshape(-1, f[layer].shape[-1]) for f in (PICTURE, STYLE))
        all_pairs = cosines(points - points.mean(0), others - others.mean(0))
        expected += weight * (1 - all_pairs.max(1).mean())
    assert value(loss, PICTURE) == pytest.approx(expected)


def test_large_layers_are_seen_on_a_grid_that_the_seed_moves() -> None:
    large = {"a": random_map(0, 70, 140, 3)}
    picture = {"a": random_map(1, 70, 140, 3)}
    grids = []
    for seed in range(4):
        _, slopes = value_and_gradient(anew(large, "a", seed=seed, center=False), picture)
        rows, columns = np.nonzero(slopes["a"][0].any(-1))
        assert len(set(rows)) == 35 and set(np.diff(sorted(set(rows)))) == {2}
        assert len(set(columns)) in (46, 47) and set(np.diff(sorted(set(columns)))) == {3}
        grids.append((rows[0], columns[0]))
    assert len(set(grids)) > 1
    few = {"a": random_map(0, 64, 64, 3)}
    assert value_and_gradient(anew(few, "a", center=False), few)[0] == pytest.approx(0, abs=1e-20)


def test_a_region_beside_the_grid_is_looked_at_all_the_same() -> None:
    picture = {"a": random_map(1, 130, 130, 3)}
    for corner in range(3):
        mask = np.zeros((130, 130))
        mask[corner, corner] = 1
        loss = anew(picture, "a", mask=mask, center=False)
        assert 0 <= value(loss, {"a": random_map(2, 130, 130, 3)}) <= 1


# Turns


class Strokes(dict[str, Any]):
    """Features of one layer that say which way the picture rises, and can be turned."""

    def __init__(self, image: Array) -> None:
        rises = np.stack([np.gradient(image, axis=0), np.gradient(image, axis=1)], axis=-1)
        super().__init__({"a": rises[None], "input": np.repeat(image[None, ..., None], 3, -1)})
        self.image = image

    def turned(self, quarters: int) -> Strokes:
        return Strokes(np.rot90(self.image, quarters))


def ramp(direction: int) -> Array:
    return np.rot90(np.outer(np.arange(5.0), np.ones(5)), direction)


def test_a_style_that_is_turned_has_strokes_of_every_direction() -> None:
    style = Strokes(ramp(0))
    for direction in range(4):
        picture = Strokes(ramp(direction))
        for turns in (1, 2, 3, 4):
            expected = 0 if turns > direction else 1 if direction % 2 else 2
            for options in ({"frozen": False}, {"source": picture, "pool": 1}):
                loss = ns.NearestLoss(style, "a", turns=turns, center=False, **options)
                nearer = min(expected, 1) if turns > 1 else expected
                assert value(loss, picture) == pytest.approx(nearer, abs=1e-15)


@pytest.mark.parametrize("argument", ["center", "frozen"])
def test_switches_are_true_or_false(argument: str) -> None:
    with pytest.raises(TypeError, match=f"^{argument}: expected True or False, received 'no'"):
        ns.NearestLoss(STYLE, "a", **{argument: "no"})


def test_the_mask_of_the_style_is_turned_with_it() -> None:
    image = np.outer(np.arange(6.0), np.ones(6))
    image[:, 3:] = 7.0 * np.arange(3)  # another slope on the right
    left = half_mask((6, 6), 1 / 3)
    picture = Strokes(ramp(1))
    picture["a"] = np.array([[[[0.0, 1.0]] * 5] * 5])
    nearest_is = value(
        ns.NearestLoss(Strokes(image), "a", frozen=False, center=False, turns=4, target_mask=left),
        picture,
    )
    assert nearest_is == pytest.approx(0, abs=1e-15)
    without = ns.NearestLoss(
        Strokes(image), "a", frozen=False, center=False, turns=1, target_mask=left
    )
    assert value(without, picture) == pytest.approx(1)


def test_features_of_the_librarys_networks_can_be_turned(vgg: ns.VGG16Features) -> None:
    image = noise(32, 48)
    for quarters in range(4):
        turned = vgg(image).turned(quarters)
        expected = vgg(np.ascontiguousarray(np.rot90(image, quarters)))
        np.testing.assert_array_equal(turned["input"], expected["input"])
        np.testing.assert_array_equal(turned["block2_conv1"], expected["block2_conv1"])
        assert turned.digest == expected.digest


def test_a_painting_is_nearest_to_itself_turned_or_not(vgg: ns.VGG16Features) -> None:
    style = vgg(noise(32, 48))
    layers = ("block1_conv1", "block3_conv1")
    loss = ns.NearestLoss(style, layers, source=style)
    assert float(loss(style)) == pytest.approx(0, abs=1e-12)


# Masks


def test_masks_choose_which_hypercolumns_are_compared_with_which() -> None:
    mask, target_mask = half_mask((12, 16)), half_mask((16, 20), 0.8)
    style, source, picture = map(columns, (STYLE, SOURCE, PICTURE))
    left = np.flatnonzero(half_mask((3, 4)))
    style = style[np.flatnonzero(half_mask((4, 5), 0.8))]
    source, picture = source[left], picture[left]
    matches = cosines(source - source.mean(0), style - style.mean(0)).argmax(1)
    expected = 1 - np.diag(cosines(picture, style[matches])).mean()
    loss = frozen(STYLE, SOURCE, mask=mask, target_mask=target_mask)
    assert value(loss, PICTURE) == pytest.approx(expected)
    _, slopes = value_and_gradient(loss, PICTURE)
    assert not slopes["fine"][0, :, 8:].any() and slopes["fine"][0, :, :8].all()


# Errors


def test_frozen_matches_need_a_source_and_others_take_none() -> None:
    with says(ValueError, "source: expected features", "received None", "frozen=False"):
        ns.NearestLoss(STYLE, LAYERS, turns=1)
    with says(ValueError, "source: expected None with frozen=False"):
        ns.NearestLoss(STYLE, LAYERS, source=SOURCE, frozen=False, turns=1)


def test_features_that_cannot_be_turned_are_told() -> None:
    with says(ValueError, "turns: expected 1", "turned", "received 4"):
        ns.NearestLoss(STYLE, LAYERS, source=SOURCE)


@pytest.mark.parametrize("turns", [0, 5])
def test_there_are_four_quarters(turns: int) -> None:
    with says(ValueError, "turns: expected from 1 to 4", str(turns)):
        frozen(STYLE, SOURCE, turns=turns)


def test_a_picture_of_another_size_than_the_source_is_refused() -> None:
    with says(ValueError, "loss 'nearest'", "source's size", "12, 16", "16, 20"):
        frozen(STYLE, SOURCE)(STYLE)


def test_squares_larger_than_the_picture_are_refused() -> None:
    with says(ValueError, "pool: expected at most", "16 x 12", "received 13"):
        frozen(STYLE, SOURCE, pool=13)


def test_a_source_of_other_channels_is_refused() -> None:
    other = {**SOURCE, "even": SOURCE["even"][..., :3]}
    with says(ValueError, "expected 5 channels at layer 'even'", "received 3"):
        frozen(STYLE, other)
