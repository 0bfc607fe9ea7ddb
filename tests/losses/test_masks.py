"""Masks: how they reach the layers, and what is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from losses.masked import (
    IMAGE,
    LEFT,
    ONE_SIDED,
    SOFT,
    TARGET,
    TWO_SIDED,
    make,
)
from support import Seen

import neuralstyle as ns


@pytest.fixture(scope="module")
def compact() -> ns.VGG16Features:
    """A network whose receptive fields are those of VGG16."""
    return ns.VGG16Features("compact")


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
    propagation: Any, layer: str, columns: list[int], compact: ns.VGG16Features
) -> None:
    features = compact(np.zeros((12, 12, 3), np.float32))
    mask = ns.Mask(np.arange(12) < np.full((12, 1), 5), propagation)
    np.testing.assert_array_equal(mask.at(layer, features), [columns] * len(columns))
    turned = ns.Mask(mask.values.T, propagation)
    expected = np.transpose([columns] * len(columns))
    np.testing.assert_array_equal(turned.at(layer, features), expected)


def test_a_mask_of_another_size_is_resized_before_fields_are_looked_at(
    compact: ns.VGG16Features,
) -> None:
    features = compact(np.zeros((24, 32, 3), np.float32))
    small = ns.Mask(LEFT, "inside")
    large = ns.Mask(np.kron(LEFT, np.ones((4, 4))), "inside")
    expected = large.at("block2_conv1", features)
    assert expected is not None and expected.shape == (12, 16)
    np.testing.assert_array_equal(small.at("block2_conv1", features), expected)
    # Of 25 x 33 pixels, pooling drops one.
    odd = ns.Mask(np.arange(33) < np.full((25, 1), 16), "inside")
    seen = compact(np.zeros((25, 33, 3), np.float32))
    np.testing.assert_array_equal(odd.at("block2_conv1", seen), expected)


def test_fields_are_those_that_the_features_tell() -> None:
    # Units that see one pixel to either side; and units that see two pixels each, alone.
    mask = np.arange(6) < np.full((6, 1), 3)
    touching = Seen(
        {"layer": np.zeros((1, 6, 6, 4)), "input": np.zeros((1, 6, 6, 3))}, field=(-1, 3, 1)
    )
    apart = Seen(
        {"layer": np.zeros((1, 3, 3, 4)), "input": np.zeros((1, 6, 6, 3))}, field=(0, 2, 2)
    )
    for propagation, features, columns in [
        ("inside", touching, [1, 1, 0, 0, 0, 0]),
        ("all", touching, [1, 1, 1, 1, 0, 0]),
        ("inside", apart, [1, 0, 0]),
        ("all", apart, [1, 1, 0]),
    ]:
        there = ns.Mask(mask, propagation).at("layer", features)  # type: ignore[arg-type]
        np.testing.assert_array_equal(there, [columns] * len(columns))


@pytest.mark.parametrize("propagation", ["inside", "all"])
def test_features_that_do_not_tell_what_they_see_are_refused_by_name(propagation: Any) -> None:
    mask = ns.Mask(SOFT, propagation, name="sky")
    message = f"^sky: expected features that tell .*propagation='{propagation}'.*average"
    with pytest.raises(ValueError, match=message):
        mask.at("a", TARGET)
    with pytest.raises(ValueError, match=message):
        ns.StyleLoss(TARGET, "a", mask=mask)(TARGET)
    # The pixels see themselves, and averages need no field.
    np.testing.assert_allclose(mask.at("input", (6, 8)), SOFT)
    np.testing.assert_allclose(ns.Mask(SOFT).at("a", TARGET), SOFT)


@pytest.mark.parametrize("propagation", ["average", "inside", "all"])
@pytest.mark.parametrize("size", [(6, 8), (3, 4), (5, 7), (19, 25)])
def test_ones_are_no_mask(propagation: Any, size: tuple[int, int]) -> None:
    seen = Seen(
        {"layer": np.zeros((1, *size, 4)), "input": np.zeros((1, *size, 3))}, field=(-1, 3, 1)
    )
    for ones in (np.ones((6, 8)), np.ones((6, 8), bool)):
        assert ns.Mask(ones, propagation).at("layer", seen) is None


def test_a_mask_keeps_its_values_and_changes_size() -> None:
    values = SOFT.copy()
    mask = ns.Mask(values, "inside")
    values[:] = 0
    np.testing.assert_array_equal(mask.values, SOFT)
    with pytest.raises(ValueError, match="read-only"):
        mask.values[0, 0] = 0
    smaller = mask.resized((3, 4))
    np.testing.assert_array_equal(smaller.values, ns.resize(SOFT, (3, 4), "mean"))
    assert smaller.propagation == "inside"
    assert mask == ns.Mask(SOFT, "inside")
    assert mask != ns.Mask(SOFT) and mask != ns.Mask(SOFT**2, "inside") and mask != "mask"
    assert (
        repr(mask) == "Mask(shape=(6, 8), propagation='inside')"
        and repr(ns.Mask(SOFT)) == "Mask(shape=(6, 8))"
    )


def test_what_the_sides_of_layers_leave_over_is_no_error() -> None:
    mask = ns.Mask(np.tri(255, 193))
    for step in (2, 4, 8, 16, 32):
        size = (255 // step, 193 // step)
        values = mask.at("anything", size)
        assert values is not None and values.shape == size


# Refusals


@pytest.mark.parametrize(
    ("mask", "error"),
    [
        (np.array([["a"]]), TypeError),
        (np.ones((6, 8), complex), TypeError),
        (True, ValueError),
        (np.ones(6), ValueError),
        (np.ones((6, 8, 2)), ValueError),
        (IMAGE[0], ValueError),
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


def test_other_propagations_and_layers_are_refused(compact: ns.VGG16Features) -> None:
    for propagation in ("nearest", None, 1):
        with pytest.raises(ValueError, match='^propagation: expected "average"'):
            ns.Mask(SOFT, propagation)  # type: ignore[arg-type]
    features = compact(np.zeros((12, 16, 3), np.float32))
    for layer in ("a", "block3_conv9"):
        with pytest.raises(KeyError, match=f"there is no layer '{layer}'"):
            ns.Mask(SOFT, "inside").at(layer, features)
