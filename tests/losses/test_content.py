"""Content losses: features compared position by position."""

from __future__ import annotations

import numpy as np
import pytest
from support import (
    compare,
    permuted,
    random_map,
    says,
    value,
)

import neuralstyle as ns

TARGET = {"a": random_map(0, 5, 6, 3), "b": random_map(1, 3, 4, 4), "c": random_map(2, 2, 2, 2)}


def test_content_and_total_variation_depend_on_where_things_are() -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    assert compare(ns.ContentLoss, permuted(f), s) != pytest.approx(
        compare(ns.ContentLoss, f, s), rel=1e-3
    )
    variation = ns.TotalVariationLoss()
    assert value(variation, {"input": permuted(f)}) != pytest.approx(
        value(variation, {"input": f}), rel=1e-3
    )


@pytest.mark.parametrize("shape", [(1, 6, 5, 3), (1, 1, 1, 3), (1, 30, 1, 3)])
def test_content_of_another_shape_is_a_value_error_that_names_the_loss(
    shape: tuple[int, ...],
) -> None:
    loss = ns.ContentLoss(TARGET, "a", name="sky")
    with says(ValueError, "'sky'", "expected", r"\(1, 5, 6, 3\)", "'a'", f"received .{shape[0]}, "):
        loss({"a": np.ones(shape)})


@pytest.mark.parametrize("channels", [1, 4])
def test_content_of_other_channels_is_a_value_error_that_names_the_loss(channels: int) -> None:
    with says(ValueError, "'content'", "expected 3 channels", "'a'", f"received {channels}"):
        ns.ContentLoss(TARGET, "a")({"a": np.ones((1, 5, 6, channels))})
