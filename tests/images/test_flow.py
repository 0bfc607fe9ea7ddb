"""Pictures moved along a flow, cropped and tiled."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pytest
import scipy.ndimage
from painting import Shape
from support import Array, noise

import neuralstyle as ns

Pictures: TypeAlias = tuple[Array, Array]


def uniform_flow(shape: Shape, right: float, down: float) -> Array:
    return np.full((*shape, 2), (right, down), np.float64)


IMAGE = noise(13, 17)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 0), (0, 2), (-4, 5), (12, -9)])
def test_a_whole_number_of_pixels_moves_them_exactly(right: int, down: int) -> None:
    warped, inside = ns.warp(IMAGE, uniform_flow((13, 17), right, down))
    rows, columns = np.arange(13) + down, np.arange(17) + right
    expected = IMAGE[np.clip(rows, 0, 12)[:, None], np.clip(columns, 0, 16)]
    np.testing.assert_array_equal(warped, expected)
    within = ((rows >= 0) & (rows < 13))[:, None] & ((columns >= 0) & (columns < 17))
    np.testing.assert_array_equal(inside, within)
    assert warped.dtype == np.float32 and inside.dtype == np.float32


@pytest.mark.parametrize(("right", "down"), [(0.5, 0), (0.25, -0.75), (-3.3, 1.9)])
def test_fractions_of_pixels_are_interpolated_linearly(right: float, down: float) -> None:
    warped, inside = ns.warp(IMAGE, uniform_flow((13, 17), right, down))
    expected = scipy.ndimage.shift(IMAGE, (-down, -right, 0), order=1, mode="nearest")
    np.testing.assert_allclose(warped, expected, atol=1e-6)
    rows, columns = np.mgrid[:13, :17]
    within = (rows + down >= 0) & (rows + down <= 12) & (columns + right >= 0)
    np.testing.assert_array_equal(inside, within & (columns + right <= 16))


def test_every_pixel_goes_its_own_way() -> None:
    random = np.random.default_rng(0)
    rows, columns = random.integers(0, 13, (13, 17)), random.integers(0, 17, (13, 17))
    here = np.mgrid[:13, :17]
    flow = np.stack([columns - here[1], rows - here[0]], axis=-1)
    for kind in (np.int64, np.float32, np.float64):
        warped, inside = ns.warp(IMAGE, flow.astype(kind))
        np.testing.assert_allclose(warped, IMAGE[rows, columns], atol=1e-6)
        assert inside.all()


def test_far_outside_the_border_is_continued() -> None:
    warped, inside = ns.warp(IMAGE, uniform_flow((13, 17), 1e6, -1e6))
    np.testing.assert_array_equal(warped, np.broadcast_to(IMAGE[0, -1], IMAGE.shape))
    assert not inside.any()


def test_warping_leaves_its_arguments_as_they_are() -> None:
    image, flow = IMAGE.copy(), uniform_flow((13, 17), 1, 2)
    ns.warp(image, flow)
    np.testing.assert_array_equal(image, IMAGE)
    np.testing.assert_array_equal(flow, uniform_flow((13, 17), 1, 2))


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (uniform_flow((13, 16), 0, 0), r"^flow: expected the image's size \(13, 17\), received"),
        (uniform_flow((17, 13), 0, 0), r"^flow: expected the image's size \(13, 17\), received"),
        (np.zeros((13, 17)), r"^flow: expected an array of displacements of shape"),
        (np.zeros((13, 17, 3)), r"^flow: expected .*received float64 of shape \(13, 17, 3\)"),
        (np.zeros((2, 13, 17)), r"^flow: expected an array of displacements of shape"),
        (np.zeros((13, 17, 2), complex), r"^flow: expected .*received complex128"),
        ("left", r"^flow: expected an array of displacements"),
        (None, r"^flow: expected an array of displacements"),
        (uniform_flow((13, 17), np.nan, 0), r"^flow: expected finite displacements"),
        (uniform_flow((13, 17), 0, np.inf), r"^flow: expected finite displacements"),
    ],
)
def test_what_is_no_flow_is_refused_by_name(flow: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ns.warp(IMAGE, flow)


@pytest.mark.parametrize(
    "function",
    [
        lambda image: ns.warp(image, uniform_flow((13, 17), 0, 0)),
        lambda image: ns.crop(image, (4, 4)),
        lambda image: ns.tile(image, (20, 20)),
    ],
    ids=["warp", "crop", "tile"],
)
def test_what_is_no_image_is_refused_by_name(function: Any) -> None:
    with pytest.raises(TypeError, match="^image: .*255"):
        function((255 * IMAGE).astype(np.uint8))


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        ((13, 17), slice(0, 13), slice(0, 17)),
        ((5, 7), slice(4, 9), slice(5, 12)),
        ((4, 20), slice(4, 8), slice(0, 17)),
        ((30, 1), slice(0, 13), slice(8, 9)),
        ((99, 99), slice(0, 13), slice(0, 17)),
    ],
)
def test_a_crop_is_the_middle(size: Shape, rows: slice, columns: slice) -> None:
    np.testing.assert_array_equal(ns.crop(IMAGE, size), IMAGE[rows, columns])


@pytest.mark.parametrize("size", [(13, 17), (14, 17), (26, 34), (31, 20), (70, 5), (2, 2)])
def test_tiles_are_mirrored_at_every_seam(size: Shape) -> None:
    tiled = ns.tile(IMAGE, size)
    height, width = max(size[0], 13), max(size[1], 17)
    column = np.concatenate([IMAGE, IMAGE[::-1]] * 3)
    expected = np.concatenate([column, column[:, ::-1]] * 2, axis=1)
    np.testing.assert_array_equal(tiled, expected[:height, :width])
    assert tiled.dtype == np.float32
