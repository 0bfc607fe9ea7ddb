"""Losses of sorted values: sliced along directions and over patches, and averaged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import (
    Array,
    compare,
    from_rows,
    gradient_of,
    orthogonal,
    permuted,
    random_map,
    shuffled,
    to_rows,
    value,
)

import neuralstyle as ns
from neuralstyle.losses import sliced
from neuralstyle.losses.statistics import orthonormal_directions


def sliced_loss(target: Array, **options: Any) -> ns.SlicedWassersteinLoss:
    return ns.SlicedWassersteinLoss({"a": target}, "a", **{"normalize": "mean", **options})


def along(
    directions: Array, generated: Array, target: Array, monkeypatch: pytest.MonkeyPatch
) -> float:
    """Return the sliced loss along directions of one's own."""
    monkeypatch.setattr(sliced, "orthonormal_directions", lambda size, count, seed: directions)
    return value(sliced_loss(target, directions=directions.shape[1]), {"a": generated})


# The sliced loss and the histogram loss


@pytest.mark.parametrize("size", [(5, 6), (4, 3), (9, 7)])
def test_along_the_channels_it_is_the_histogram_loss(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, *size, 3)
    expected = pytest.approx(compare(ns.HistogramLoss, f, s), rel=1e-12)
    assert along(np.eye(3), f, s, monkeypatch) == expected


@pytest.mark.parametrize("normalize", ["mean", "relative"])
def test_it_is_the_histogram_loss_of_the_projected_features(normalize: str) -> None:
    f, s, v = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3), orthonormal_directions(3, 32)
    assert compare(ns.SlicedWassersteinLoss, f, s, normalize) == pytest.approx(
        compare(ns.HistogramLoss, f @ v, s @ v, normalize), rel=1e-10
    )


@pytest.mark.parametrize("directions", [1, 2, 7])
def test_of_one_channel_it_is_the_histogram_loss(directions: int) -> None:
    f, s = random_map(0, 5, 6, 1), random_map(1, 4, 4, 1)
    expected = pytest.approx(compare(ns.HistogramLoss, f, s), rel=1e-12)
    assert value(sliced_loss(s, directions=directions), {"a": f}) == expected


def test_it_sees_how_channels_go_together_and_the_histogram_loss_does_not() -> None:
    f = random_map(0, 6, 6, 3)
    assert compare(ns.HistogramLoss, shuffled(f), f) == 0
    assert compare(ns.SlicedWassersteinLoss, shuffled(f), f) > 1e-2
    assert compare(ns.SlicedWassersteinLoss, permuted(f), f) == pytest.approx(0, abs=1e-24)


def test_it_sees_what_means_and_covariances_do_not() -> None:
    # Uncorrelated both, of mean 0 and variance 1: one on a cross, the other on a square.
    cross = from_rows(2**0.5 * np.array([[1, 0, -1, 0], [0, 1, 0, -1]]))
    square = from_rows([[1, 1, -1, -1], [1, -1, 1, -1]])
    for kind in (ns.StyleLoss, ns.CovarianceLoss, ns.MomentLoss, ns.GaussianWassersteinLoss):
        assert compare(kind, cross, square) == pytest.approx(0, abs=1e-12)
    assert compare(ns.SlicedWassersteinLoss, cross, square) > 1e-2
    # The one is the other turned, which the histogram of each channel sees.
    assert compare(ns.HistogramLoss, cross, square) == pytest.approx(2 - 2**0.5, rel=1e-12)


# Directions


@pytest.mark.parametrize(("channels", "directions"), [(3, 3), (3, 6), (5, 5), (2, 8)])
def test_as_many_directions_as_channels_see_a_shift_exactly(channels: int, directions: int) -> None:
    s, shift = random_map(0, 5, 6, channels), np.linspace(-1, 2, channels)
    assert value(sliced_loss(s, directions=directions), {"a": s + shift}) == pytest.approx(
        np.mean(shift**2), rel=1e-10
    )


def test_turning_both_images_and_the_directions_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    f, s, turn, v = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3), orthogonal(3), orthogonal(3, 1)
    expected = along(v, f, s, monkeypatch)
    assert along(turn.T @ v, f @ turn, s @ turn, monkeypatch) == pytest.approx(expected, rel=1e-10)
    assert along(v, f @ turn, s @ turn, monkeypatch) != pytest.approx(expected, rel=1e-3)


def test_with_many_directions_a_turn_of_both_images_hardly_matters() -> None:
    f, s, turn = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3), orthogonal(3)
    loss, turned = (sliced_loss(x, directions=3000) for x in (s, s @ turn))
    assert value(turned, {"a": f @ turn}) == pytest.approx(value(loss, {"a": f}), rel=0.02)


def test_directions_are_fixed_by_the_seed() -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    first, again, other = (sliced_loss(s, directions=4, seed=seed) for seed in (0, 0, 1))
    expected = value(first, {"a": f})
    assert value(first, {"a": f}) == value(again, {"a": f}) == expected
    assert value(other, {"a": f}) != pytest.approx(expected, rel=1e-3)


def test_the_gradient_is_the_match_along_each_direction_put_together() -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    expected = np.zeros((3, 30))
    for v in orthonormal_directions(3, 7).T:
        projected, match = v @ to_rows(f), np.empty(30)
        match[np.argsort(projected)] = np.sort(v @ to_rows(s))
        expected += 2 / (7 * 30) * np.outer(v, projected - match)
    gradient = to_rows(gradient_of(sliced_loss(s, directions=7), f))
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-14)


# Patches


def patches(feature: Array, size: int) -> Array:
    """Make a channel of each value of every neighbourhood."""
    windows = np.lib.stride_tricks.sliding_window_view(feature[0], (size, size), axis=(0, 1))
    flat = np.moveaxis(windows, 2, -1)  # height, width, size, size, channels
    return flat.reshape(1, *flat.shape[:2], -1)


@pytest.mark.parametrize("normalize", ["relative", "mean", "paper"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_patches_are_features_of_their_own(normalize: str, size: int) -> None:
    f, s = random_map(0, 5, 6, 2), random_map(1, 4, 7, 2)
    loss = sliced_loss(s, patch_size=size, normalize=normalize)
    expected = sliced_loss(patches(s, size), normalize=normalize)
    assert value(loss, {"a": f}) == pytest.approx(value(expected, {"a": patches(f, size)}))


def test_patches_see_where_things_are_and_positions_do_not() -> None:
    f = random_map(0, 6, 6, 3)
    mirrored = f[:, :, ::-1].copy()
    assert value(sliced_loss(f), {"a": mirrored}) == pytest.approx(0, abs=1e-24)
    assert value(sliced_loss(f, patch_size=2), {"a": mirrored}) > 1e-3


def squares(feature: Array, pool: int) -> Array:
    """Average over squares; what they leave at the right and the lower edge is cut off."""
    _, height, width, channels = feature.shape
    height, width = height // pool, width // pool
    cut = feature[0, : height * pool, : width * pool]
    return cut.reshape(1, height, pool, width, pool, channels).mean(axis=(2, 4))


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("pool", [2, 3])
def test_with_a_pool_features_are_averaged_over_squares_first(pool: int, size: int) -> None:
    f, s = random_map(0, 8, 9, 2), random_map(1, 7, 11, 2)
    loss = sliced_loss(s, patch_size=size, pool=pool)
    expected = sliced_loss(squares(s, pool), patch_size=size)
    assert value(loss, {"a": f}) == pytest.approx(value(expected, {"a": squares(f, pool)}))


def test_features_smaller_than_a_patch_of_squares_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="expected .*6 x 6.*received 9 x 5"):
        sliced_loss(np.ones((1, 5, 9, 3)), patch_size=3, pool=2)


@pytest.mark.parametrize("shape", [(1, 2, 5, 3), (1, 5, 2, 3)])
def test_features_smaller_than_a_patch_are_a_value_error(shape: tuple[int, ...]) -> None:
    message = f"'sliced'.*expected .*3 x 3.*'a'.*received {shape[2]} x {shape[1]}"
    with pytest.raises(ValueError, match=message):
        sliced_loss(np.ones(shape), patch_size=3)
    with pytest.raises(ValueError, match=message):
        sliced_loss(np.ones((1, 5, 5, 3)), patch_size=3)({"a": np.ones(shape)})


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"directions": 0}, ValueError),
        ({"directions": 2.0}, TypeError),
        ({"directions": True}, TypeError),
        ({"patch_size": 0}, ValueError),
        ({"patch_size": "3"}, TypeError),
        ({"pool": 0}, ValueError),
        ({"pool": 1.5}, TypeError),
        ({"seed": -1}, ValueError),
        ({"seed": None}, TypeError),
    ],
)
def test_options_that_are_no_such_whole_numbers_are_an_error(
    options: dict[str, Any], error: type[Exception]
) -> None:
    ((name, received),) = options.items()
    with pytest.raises(error, match=f"^{name}: expected .*, received {received!r}$"):
        sliced_loss(np.ones((1, 5, 5, 3)), **options)
    if name == "seed":
        with pytest.raises(error, match="^seed: expected"):
            ns.HistogramLoss({"a": np.ones((1, 5, 5, 3))}, "a", **options)
