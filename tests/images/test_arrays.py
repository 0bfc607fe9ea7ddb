"""Pictures as arrays: checked, resized, cropped and tiled."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates, zoom
from support import message
from support import noise as make_noise

from neuralstyle.images import arrays
from neuralstyle.images.arrays import check_image, crop, resize, scaled_size, tile

# Checking


def test_a_good_array_is_returned_as_it_is(noise):
    assert check_image(noise) is noise
    assert np.shares_memory(check_image(noise[np.newaxis]), noise)


def test_nothing_is_written_about_a_good_array(noise, monkeypatch):
    def written(value):
        raise AssertionError("it takes ten times as long as the check")

    monkeypatch.setattr(arrays, "shown", written)
    assert check_image(noise) is noise


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_other_floats_become_float32(noise, dtype):
    image = check_image(noise.astype(dtype))
    assert image.dtype == np.float32 and image.shape == (20, 30, 3)
    np.testing.assert_allclose(image, noise, atol=1e-3)


def test_whatever_numpy_makes_an_array_of_is_accepted(noise):
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return noise

    assert check_image(Tensor()).shape == (20, 30, 3)
    assert check_image([[[0.0, 0.5, 1.0]]]).shape == (1, 1, 3)


def test_values_within_the_tolerance_are_clipped_in_a_copy(noise):
    noise[0, 0], noise[0, 1] = -0.0009, 1.0009
    before = noise.copy()
    image = check_image(noise)
    assert image.min() == 0 and image.max() == 1
    np.testing.assert_array_equal(noise, before)


@pytest.mark.parametrize(
    ("image", "error", "text"),
    [
        (np.zeros((2, 2, 3), np.uint8), TypeError, "uint8; divide by 255 or use as_image"),
        (np.zeros((2, 2, 3), np.int64), TypeError, "int64; divide by 255 or use as_image"),
        (np.zeros((2, 2, 3), bool), TypeError, "bool$"),
        (np.zeros((2, 2, 3), complex), TypeError, "complex128$"),
        (Image.new("RGB", (2, 2)), TypeError, "received Image; use as_image"),
        ("a.png", TypeError, "received 'a.png'; use as_image$"),
        (Path("a.png"), TypeError, "; use as_image$"),
        (None, TypeError, "received None$"),
        (3, TypeError, "received int of int64"),
        (object(), TypeError, "received object of object$"),
        ([[0.0], [0.0, 1.0]], TypeError, "received list"),
        (np.zeros((2, 2)), ValueError, r"received \(2, 2\); as_image makes"),
        (np.zeros((2, 2, 1)), ValueError, r"received \(2, 2, 1\); as_image makes"),
        (np.zeros((2, 2, 4)), ValueError, r"received \(2, 2, 4\)$"),
        (np.zeros((3, 8, 8)), ValueError, r"received \(3, 8, 8\)$"),
        (np.zeros((2, 8, 8, 3)), ValueError, r"received \(2, 8, 8, 3\)$"),
        (np.zeros((0, 8, 3)), ValueError, r"received \(0, 8, 3\)$"),
        (
            np.array([[[0, np.nan, np.inf]]]),
            ValueError,
            "finite values, received 2 that are NaN or infinite$",
        ),
        (np.array([[[0, 0, 1.002]]]), ValueError, "received values from 0 to 1.002$"),
        (np.array([[[-0.5, 0, 1]]]), ValueError, "received values from -0.5 to 1$"),
        (np.array([[[0, 0, 255.0]]]), ValueError, "from 0 to 255; divide by 255$"),
        (np.array([[[0, 0, 1e300]]]), ValueError, r"from 0 to 1e\+300"),
    ],
)
def test_what_is_no_picture_is_refused(image, error, text):
    with pytest.raises(error, match=f"^style: expected .*{text}") as excinfo:
        check_image(image, "style")
    message(excinfo)


# Resizing


@pytest.mark.parametrize("size", [(5, 7), (50, 70), (5, 70)])
@pytest.mark.parametrize("channels", [(), (1,), (3,), (5,)])
def test_resizing_keeps_a_flat_picture_flat(size, channels):
    image = resize(np.full((20, 30, *channels), 0.3, np.float32), size)
    assert image.shape == (*size, *channels) and image.dtype == np.float32
    np.testing.assert_allclose(image, 0.3, atol=1e-6)


def test_shrinking_averages_instead_of_skipping():
    checks = np.indices((64, 64)).sum(axis=0) % 2
    np.testing.assert_allclose(resize(checks.astype(np.float32), (8, 8)), 0.5, atol=0.02)


def test_overshoot_at_edges_is_clipped():
    edge = np.zeros((16, 16), np.float32)
    edge[:, 8:] = 1
    for size in ((40, 40), (12, 12)):
        image = resize(edge, size)
        assert image.min() == 0 and image.max() == 1


def test_channels_and_axes_stay_in_place(noise):
    expected = [resize(noise[..., channel], (10, 12)) for channel in range(3)]
    np.testing.assert_array_equal(resize(noise, (10, 12)), np.stack(expected, axis=2))
    ramp = np.tile(np.linspace(0, 1, 30, dtype=np.float32), (20, 1))
    assert (np.diff(resize(ramp, (10, 15)), axis=1) > 0).all()


def test_resizing_to_the_same_size_copies(noise):
    image = resize(noise, (20, 30))
    np.testing.assert_array_equal(image, noise)
    assert not np.shares_memory(image, noise)


@pytest.mark.parametrize(
    ("image", "size", "error"),
    [
        (np.zeros((2, 2, 3), np.uint8), (1, 1), TypeError),
        (np.zeros(4, np.float32), (1, 1), ValueError),
        (np.zeros((1, 2, 2, 3), np.float32), (1, 1), ValueError),
        (np.zeros((2, 2), np.float32), 4, TypeError),
        (np.zeros((2, 2), np.float32), (4, 0), ValueError),
    ],
)
def test_resize_checks_its_arguments(image, size, error):
    with pytest.raises(error, match="^(image|size): expected .* received ") as excinfo:
        resize(image, size)
    message(excinfo)


# Resizing by filter

SIZES = [(5, 7), (40, 60), (9, 45), (13, 30), (1, 1)]
every_size = pytest.mark.parametrize("size", SIZES)
every_filter = pytest.mark.parametrize("filter", ["lanczos", "mean", "linear"])


@every_filter
@every_size
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_channels_are_resized_each_by_itself(filter, size, channels):
    image = np.random.default_rng(0).random((20, 30, channels))
    expected = [resize(channel, size, filter) for channel in np.moveaxis(image, 2, 0)]
    resized = resize(image, size, filter)
    np.testing.assert_array_equal(resized, np.stack(expected, axis=2))
    assert resized.dtype == (np.float32 if filter == "lanczos" else np.float64)


@every_filter
def test_the_same_size_is_a_copy_whatever_the_filter(filter, noise):
    same = resize(noise, (20, 30), filter)
    np.testing.assert_array_equal(same, noise)
    assert not np.shares_memory(same, noise)


@every_size
def test_pictures_are_resized_as_by_pillow(noise, size):
    shrinks = size[0] < 20 or size[1] < 30
    method = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    resized = resize(noise, size)
    for channel in range(3):
        by_pillow = Image.fromarray(noise[..., channel]).resize(size[::-1], method)
        expected = np.clip(np.asarray(by_pillow), 0, 1)
        np.testing.assert_array_equal(resized[..., channel], expected)
    # Of bytes Pillow clips and rounds between rows and columns, so without overshoot.
    muted = 0.3 + 0.4 * noise
    in_bytes = Image.fromarray(np.rint(255 * muted).astype(np.uint8)).resize(size[::-1], method)
    np.testing.assert_allclose(255 * resize(muted, size), np.asarray(in_bytes), atol=2)


@every_size
def test_masks_have_the_exact_mean_of_what_each_cell_covers(size):
    mask = np.random.default_rng(1).random((20, 30))
    # Repeated until cells of both sizes are whole numbers of entries.
    fine = mask.repeat(size[0], axis=0).repeat(size[1], axis=1)
    expected = fine.reshape(size[0], 20, size[1], 30).mean(axis=(1, 3))
    resized = resize(mask, size, "mean")
    np.testing.assert_allclose(resized, expected, rtol=1e-12)
    assert resized.mean() == pytest.approx(mask.mean(), rel=1e-12)


def test_masks_that_share_an_image_still_do():
    parts = np.random.default_rng(2).dirichlet((1, 1, 1, 1), size=(20, 30))
    np.testing.assert_allclose(resize(parts, (7, 11), "mean").sum(axis=2), 1, rtol=1e-12)


def test_means_of_nothing_are_exactly_nothing():
    mask = np.zeros((30, 40))
    mask[:10, :10] = 1 / 3
    resized = resize(mask, (7, 9), "mean")
    assert np.all(resized[3:] == 0) and np.all(resized[:, 3:] == 0)


@every_size
def test_fields_are_resized_as_by_scipy(size):
    field = np.random.default_rng(3).normal(size=(20, 30, 2))
    resized = resize(field, size, "linear")
    factors = size[0] / 20, size[1] / 30
    # The middle of every new cell, in old cells.
    y, x = (
        (np.arange(new) + 0.5) * old / new - 0.5 for new, old in zip(size, (20, 30), strict=True)
    )
    for channel in range(2):
        values = field[..., channel]
        zoomed = zoom(values, factors, order=1, mode="nearest", grid_mode=True)
        np.testing.assert_array_equal(resized[..., channel], zoomed)
        grid = np.meshgrid(y, x, indexing="ij")
        expected = map_coordinates(values, grid, order=1, mode="nearest")
        np.testing.assert_allclose(resized[..., channel], expected, atol=1e-12)


@every_filter
@pytest.mark.parametrize("size", [(40, 60), (10, 15)])
def test_a_ramp_stays_where_it_is(filter, size):
    ramp = np.tile((np.arange(30) + 0.5) / 30, (20, 1))
    expected = np.tile((np.arange(size[1]) + 0.5) / size[1], (size[0], 1))
    inside = slice(size[1] // 5, -size[1] // 5)
    tolerance = 1 / 60 if filter == "mean" else 1e-5  # steps stay steps
    resized = resize(ramp, size, filter)
    np.testing.assert_allclose(resized[:, inside], expected[:, inside], atol=tolerance)


@pytest.mark.parametrize("filter", ["nearest", "Mean", "", None, 3])
def test_what_is_no_filter_is_refused_by_name(filter, noise):
    with pytest.raises(ValueError, match="^filter: expected .*linear.* received ") as excinfo:
        resize(noise, (4, 4), filter)
    message(excinfo)


def test_values_out_of_range_are_kept_in_masks_and_fields():
    # Only pictures have a range; that of a mask is checked where it becomes one.
    wide = np.array([[-3.0, 5.0]])
    np.testing.assert_array_equal(resize(wide, (1, 1), "mean"), [[1.0]])
    np.testing.assert_array_equal(resize(wide, (1, 4), "linear"), [[-3, -1, 3, 5]])


# Sizes


@pytest.mark.parametrize(
    ("shape", "longer_side", "expected"),
    [
        ((480, 640), 320, (240, 320)),
        ((640, 480, 3), 1280, (1280, 960)),
        ((100, 3), 10, (10, 1)),
        ((1000, 1), 10, (10, 1)),
        ((333, 1000), 512, (170, 512)),
        ((7, 7), 1, (1, 1)),
    ],
)
def test_scaling_keeps_the_aspect(shape, longer_side, expected):
    assert scaled_size(shape, longer_side) == expected


@pytest.mark.parametrize(
    ("shape", "longer_side", "error"),
    [
        ((4,), 2, ValueError),
        ((1, 4, 4, 3), 2, ValueError),
        ((0, 4), 2, ValueError),
        ((4, 4), 0, ValueError),
        ((4, 4), 2.5, TypeError),
    ],
)
def test_scaled_size_checks_its_arguments(shape, longer_side, error):
    with pytest.raises(error, match="^(shape|longer_side): expected .* received ") as excinfo:
        scaled_size(shape, longer_side)
    message(excinfo)


@pytest.mark.parametrize(
    ("shape", "wanted", "expected"),
    [((7, 9), (4, 9), (4, 9)), ((7, 9), (20, 3), (7, 3)), ((8, 8), (3, 5), (3, 5))],
)
def test_cropping_cuts_the_middle_out(shape, wanted, expected):
    image = make_noise(*shape)
    cut = crop(image, wanted)
    top, left = ((side - kept) // 2 for side, kept in zip(shape, expected, strict=True))
    np.testing.assert_array_equal(cut, image[top : top + expected[0], left : left + expected[1]])


def test_tiles_are_mirrored_at_every_seam(noise):
    tiled = tile(noise, (50, 31))
    assert tiled.shape == (50, 31, 3)
    np.testing.assert_array_equal(tiled[:20, :30], noise)
    np.testing.assert_array_equal(tiled[20:40, :30], noise[::-1])
    np.testing.assert_array_equal(tiled[40:, :30], noise[:10])
    np.testing.assert_array_equal(tiled[:20, 30], noise[:, 29])
    np.testing.assert_array_equal(tile(noise, (3, 4)), noise)
