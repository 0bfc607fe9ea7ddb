"""Label images become pairs of masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuralstyle as ns

RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 1.0)


def painted(numbers: Any, *colors: tuple[float, float, float]) -> np.ndarray:
    return np.array(colors, np.float32)[np.array(numbers)]


def test_labels_become_pairs_of_masks_the_largest_first() -> None:
    numbers = np.array([[0, 0, 1, 2], [2, 2, 2, 1]])
    pairs = ns.label_masks(
        painted(numbers, RED, GREEN, BLUE), painted([[2, 1, 0]], RED, GREEN, BLUE)
    )
    assert [mask.sum() for mask, _ in pairs] == [4, 2, 2]
    found = {tuple(style_mask[0].tolist()): mask for mask, style_mask in pairs}
    for number, place in ((0, 2), (1, 1), (2, 0)):
        np.testing.assert_array_equal(found[tuple(i == place for i in range(3))], numbers == number)
    assert all(mask.dtype == style_mask.dtype == bool for mask, style_mask in pairs)
    np.testing.assert_array_equal(sum(mask.astype(int) for mask, _ in pairs), 1)


def test_colours_that_hardly_differ_are_one() -> None:
    shades = [tuple(np.array(RED) * f) for f in (1.0, 0.97, 0.95)]
    labels = painted([[0, 0, 0, 1, 2, 3]], *shades, BLUE)
    pairs = ns.label_masks(labels, painted([[0, 1]], shades[2], BLUE))
    assert [mask.tolist() for mask, _ in pairs] == [[[True] * 5 + [False]], [[False] * 5 + [True]]]
    assert [style_mask.tolist() for _, style_mask in pairs] == [[[True, False]], [[False, True]]]


def test_a_colour_in_one_alone_is_an_error_that_names_it() -> None:
    both, one = painted([[0, 1]], RED, BLUE), painted([[0]], BLUE)
    message = "^style_labels: expected every colour of content_labels, received none like #ff0000"
    with pytest.raises(ValueError, match=message):
        ns.label_masks(both, one)
    message = "^content_labels: expected every colour of style_labels, received none like #ff0000"
    with pytest.raises(ValueError, match=message):
        ns.label_masks(one, both)
    # 17 levels apart are two.
    dark = (238 / 255, 0.0, 0.0)
    with pytest.raises(ValueError, match="none like #ee0000|none like #ff0000"):
        ns.label_masks(painted([[0]], RED), painted([[0]], dark))
    with pytest.raises((TypeError, ValueError), match="^style_labels: expected"):
        ns.label_masks(both, np.zeros((4, 4)))
