"""Colour: maps between the colours of pictures, luminance and chrominance."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from skimage.exposure import match_histograms
from support import chroma, luma, muted, noise

from neuralstyle.images.color import (
    TREATMENTS,
    ColorTreatment,
    luminance,
    match_color,
    treatment,
    with_chroma,
    with_luminance,
)

Array = np.ndarray

LINEAR = ("monge-kantorovich", "symmetric", "cholesky")
METHODS = (*LINEAR, "histogram")

every_linear_method = pytest.mark.parametrize("method", LINEAR)
every_method = pytest.mark.parametrize("method", METHODS)


CUBE = 0.5 + np.array([list(itertools.product((-0.1, 0.1), (-0.2, 0.2), (-0.3, 0.3)))])
"""A picture of eight colours whose channels do not go together at all."""


def moments(image: Array) -> tuple[Array, Array]:
    flat = image.reshape(-1, 3).astype(np.float64)
    return flat.mean(0), np.cov(flat.T, bias=True)


def map_of(image: Array, matched: Array) -> Array:
    """Find the matrix that took the colours of one picture to those of the other."""
    before, after = (
        x.reshape(-1, 3).astype(np.float64) - x.mean((0, 1), np.float64) for x in (image, matched)
    )
    matrix, residual, rank, _ = np.linalg.lstsq(before, after, rcond=None)
    assert rank == 3 and np.all(residual < 1e-8)
    return matrix.T


# Linear maps


@every_linear_method
@pytest.mark.parametrize("size", [(24, 30), (17, 50)])
def test_linear_maps_hit_mean_and_covariance(method: Any, size: tuple[int, int]) -> None:
    reference = muted(1, *size)
    matched = match_color(muted(0), reference, method, clip=False)
    assert matched.shape == (24, 30, 3) and matched.dtype == np.float32
    for ours, wanted in zip(moments(matched), moments(reference), strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-6)


def test_the_three_maps_move_colours_in_the_order_of_the_literature() -> None:
    for seed in range(5):
        image, reference = muted(2 * seed), muted(2 * seed + 1)
        movement = [
            np.mean(np.square(match_color(image, reference, method, clip=False) - image))
            for method in LINEAR
        ]
        assert movement[0] < movement[1] < movement[2]
    assert np.array_equal(match_color(image, reference), match_color(image, reference, LINEAR[0]))


def test_no_rotation_of_a_map_moves_colours_less_than_monge_kantorovich() -> None:
    image, reference = muted(0), muted(1)
    matched = match_color(image, reference, clip=False)
    least = np.mean(np.square(matched - image, dtype=np.float64))
    mean, covariance = moments(reference)
    root = scipy.linalg.sqrtm(covariance)
    for angle, axis in itertools.product((-0.3, -0.03, 0.03, 0.3), np.eye(3)):
        turn = scipy.linalg.expm(angle * np.cross(np.eye(3), axis))
        other = (matched - mean) @ (root @ turn @ np.linalg.inv(root)).T + mean
        np.testing.assert_allclose(moments(other)[1], covariance, atol=1e-6)
        assert np.mean(np.square(other - image)) > least


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (
            "monge-kantorovich",
            lambda a, b, root: (
                np.linalg.inv(root(a)) @ root(root(a) @ b @ root(a)) @ np.linalg.inv(root(a))
            ),
        ),
        ("symmetric", lambda a, b, root: root(b) @ np.linalg.inv(root(a))),
        (
            "cholesky",
            lambda a, b, root: np.linalg.cholesky(b) @ np.linalg.inv(np.linalg.cholesky(a)),
        ),
    ],
)
@pytest.mark.parametrize(
    ("image", "reference"),
    [
        (muted(0), muted(1)),
        (muted(2), muted(3)),
        (CUBE, muted(1)),
        (muted(0), CUBE),
    ],
)
def test_the_map_is_that_of_the_formula(
    method: Any, expected: Any, image: Array, reference: Array
) -> None:
    matrix = map_of(image, match_color(image, reference, method, clip=False))
    wanted = expected(moments(image)[1], moments(reference)[1], scipy.linalg.sqrtm)
    np.testing.assert_allclose(matrix, wanted, atol=1e-4)


@every_method
def test_an_image_that_has_the_colours_keeps_them(method: Any) -> None:
    image = muted(0)
    np.testing.assert_allclose(match_color(image, image, method), image, atol=1e-6)
    turned = image[::-1, ::-1]  # the same colours elsewhere
    np.testing.assert_allclose(match_color(image, turned, method), image, atol=1e-6)


@every_method
def test_matching_again_changes_nothing(method: Any) -> None:
    image, reference = muted(0), muted(1, 31, 40)
    once = match_color(image, reference, method, clip=False)
    twice = match_color(once, reference, method, clip=False)
    np.testing.assert_allclose(twice, once, atol=1e-6 if method in LINEAR else 1e-3)
    assert np.abs(once - image).max() > 0.01


@every_linear_method
def test_the_result_is_clipped_unless_told_otherwise(method: Any) -> None:
    image, reference = muted(0), noise(24, 30, 1)
    reference[:12] = 1.0
    matched = match_color(image, reference, method, clip=False)
    assert matched.max() > 1.0
    clipped = match_color(image, reference, method)
    np.testing.assert_array_equal(clipped, np.clip(matched, 0, 1))
    assert clipped.dtype == np.float32


GREY = np.repeat(muted(3)[..., :1], 3, axis=-1)
DEGENERATE = {
    "colours": muted(0),
    "grey": GREY,
    "black and white": (GREY > 0.5).astype(np.float32),
    "one colour": np.full((24, 30, 3), (0.2, 0.5, 0.7), np.float32),
    "black": np.zeros((24, 30, 3), np.float32),
    "white": np.ones((24, 30, 3), np.float32),
    "one pixel": np.array([[[0.1, 0.9, 0.4]]], np.float32),
    "two pixels": np.array([[[0.1, 0.9, 0.4], [0.3, 0.2, 0.6]]], np.float32),
}


@every_method
@pytest.mark.parametrize("image", DEGENERATE)
@pytest.mark.parametrize("reference", DEGENERATE)
def test_whatever_colours_are_missing_the_result_is_an_image(
    method: Any, image: str, reference: str
) -> None:
    # Warnings, such as those of a division by zero, are errors here.
    matched = match_color(DEGENERATE[image], DEGENERATE[reference], method)
    assert matched.shape == DEGENERATE[image].shape
    assert np.isfinite(matched).all()
    assert matched.min() >= 0 and matched.max() <= 1
    if "white" not in image and "white" not in reference:  # nothing was clipped
        wanted = DEGENERATE[reference].mean((0, 1))
        np.testing.assert_allclose(matched.mean((0, 1)), wanted, atol=1e-2)


@every_linear_method
def test_a_grey_picture_gets_no_colours_that_vary_but_those_of_its_greys(method: Any) -> None:
    matched = match_color(GREY, muted(1), method, clip=False)
    deviations = matched.reshape(-1, 3) - matched.mean((0, 1))
    values = np.linalg.svd(deviations.astype(np.float64), compute_uv=False)
    assert values[0] > 0.1 and values[1] < 1e-4


@every_linear_method
def test_a_grey_reference_makes_a_grey_picture(method: Any) -> None:
    matched = match_color(muted(0), GREY, method, clip=False)
    np.testing.assert_allclose(np.ptp(matched, axis=-1), 0, atol=1e-5)
    for ours, wanted in zip(moments(matched), moments(GREY), strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-6)


@every_linear_method
def test_directions_that_hardly_vary_are_left_as_they_are(method: Any) -> None:
    random = np.random.default_rng(0)
    brightness = random.uniform(-0.3, 0.3, size=(40, 50, 1))
    across = np.array([1.0, -1.0, 0.0])
    faint = 2e-4 * random.choice([-1.0, 1.0], size=(40, 50, 1)) * across
    image = (0.5 + brightness + faint).astype(np.float32)
    matched = match_color(image, muted(1), method, clip=False)

    design = np.column_stack([brightness.ravel(), np.ones(brightness.size)])
    rest = matched.reshape(-1, 3) - design @ np.linalg.lstsq(design, matched.reshape(-1, 3))[0]
    np.testing.assert_allclose(rest, faint.reshape(-1, 3), atol=4e-5)


# Histograms


def shuffled(seed: int, height: int, width: int) -> Array:
    """A picture without equal values in a channel."""
    random = np.random.default_rng(seed)
    levels = np.linspace(0.1, 0.9, height * width) ** 2
    channels = [random.permutation(levels**power) for power in (1, 0.5, 2)]
    return np.stack(channels, axis=-1).reshape(height, width, 3).astype(np.float32)


def test_histograms_of_images_of_one_size_become_the_references_own() -> None:
    image, reference = noise(24, 30, 0), shuffled(1, 30, 24)
    matched = match_color(image, reference, "histogram")
    for channel in range(3):
        np.testing.assert_allclose(
            np.sort(matched[..., channel], axis=None),
            np.sort(reference[..., channel], axis=None),
            atol=1e-6,
        )
        order = np.argsort(image[..., channel], axis=None)
        assert np.all(np.diff(matched[..., channel].ravel()[order]) >= 0)


def test_equal_values_get_the_mean_at_their_ranks() -> None:
    image = np.array([0.0, 0.5, 0.5, 1.0])[None, :, None].repeat(3, axis=-1)
    reference = np.array([0.7, 0.1, 0.4, 0.2])[None, :, None].repeat(3, axis=-1)
    matched = match_color(image, reference, "histogram")
    np.testing.assert_allclose(matched[0, :, 1], [0.1, 0.3, 0.3, 0.7], atol=1e-6)


@pytest.mark.parametrize("size", [(24, 30), (9, 7), (50, 41)])
def test_equal_values_stay_equal_and_the_mean_is_kept_at_any_size(size: tuple[int, int]) -> None:
    levels = (np.floor(noise(24, 30, 0) * 8) / 8).astype(np.float32)
    reference = shuffled(1, *size)
    matched = match_color(levels, reference, "histogram")
    for channel in range(3):
        pairs = np.column_stack([x[..., channel].ravel() for x in (levels, matched)])
        assert len(np.unique(pairs, axis=0)) == len(np.unique(pairs[:, 0])) == 8
    for image in (levels, noise(24, 30, 2)):
        matched = match_color(image, reference, "histogram")
        np.testing.assert_allclose(
            matched.mean((0, 1), np.float64), reference.mean((0, 1), np.float64), atol=1e-6
        )


@pytest.mark.parametrize("size", [(24, 30), (40, 45)])
def test_histograms_are_about_those_of_another_library(size: tuple[int, int]) -> None:
    image, reference = noise(24, 30, 0), shuffled(1, *size)
    expected = match_histograms(image, reference, channel_axis=-1)
    matched = match_color(image, reference, "histogram")
    np.testing.assert_allclose(matched, expected, atol=5e-3)


def test_channels_are_matched_each_to_its_own() -> None:
    reference = np.ones((5, 5, 3)) * (0.1, 0.5, 0.9)
    for method in METHODS:
        matched = match_color(noise(24, 30, 0), reference, method)
        np.testing.assert_allclose(matched, np.broadcast_to((0.1, 0.5, 0.9), (24, 30, 3)), 1e-5)


@pytest.mark.parametrize("method", ["pca", "", None, 3])
def test_what_is_no_method_is_refused_by_name(method: Any) -> None:
    with pytest.raises(ValueError, match='^method: expected "monge-kantorovich", "cholesk'):
        match_color(muted(0), muted(1), method)


@pytest.mark.parametrize("function", [match_color, with_chroma, with_luminance])
def test_what_is_no_image_is_refused_by_name(function: Any) -> None:
    with pytest.raises(TypeError, match="^image: .*255"):
        function((255 * muted(0)).astype(np.uint8), muted(1))
    with pytest.raises(ValueError, match="^reference: .*255"):
        function(muted(0), 255 * muted(1))


# Luminance and chrominance


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((1, 0, 0), 0.299),
        ((0, 1, 0), 0.587),
        ((0, 0, 1), 0.114),
        ((1, 1, 1), 1.0),
        ((0.5, 0.5, 0.5), 0.5),
        ((0.2, 0.4, 0.6), 0.363),
    ],
)
def test_luminance_is_the_sum_of_the_channels_in_their_shares(
    rgb: tuple[float, ...], expected: float
) -> None:
    grey = luminance(np.array([[rgb]], np.float64))
    assert grey.shape == (1, 1, 3) and grey.dtype == np.float32
    np.testing.assert_allclose(grey, expected, atol=1e-6)


def test_with_chroma_keeps_the_chrominance_and_stays_in_range() -> None:
    image, reference = noise(24, 30, 0), noise(24, 30, 1)
    result = with_chroma(image, reference)
    assert result.dtype == np.float32
    assert result.min() >= 0 and result.max() <= 1
    np.testing.assert_allclose(chroma(result), chroma(reference), atol=1e-6)


def test_with_chroma_takes_the_luminance_or_the_nearest_there_is_room_for() -> None:
    image, reference = noise(24, 30, 0), noise(24, 30, 1)
    result = with_chroma(image, reference)
    missed = luma(result) - luma(image)
    wanted = chroma(reference) + luma(image)[..., None]
    fits = (wanted.min(-1) >= 0) & (wanted.max(-1) <= 1)
    assert 0.2 < fits.mean() < 0.8
    np.testing.assert_allclose(missed[fits], 0, atol=1e-6)
    too_bright, too_dark = wanted.max(-1) > 1, wanted.min(-1) < 0
    np.testing.assert_allclose(result.max(-1)[too_bright], 1, atol=1e-6)
    np.testing.assert_allclose(result.min(-1)[too_dark], 0, atol=1e-6)


def test_with_luminance_keeps_the_luminance_and_stays_in_range() -> None:
    image, reference = noise(24, 30, 0), noise(24, 30, 1)
    result = with_luminance(image, reference)
    assert result.dtype == np.float32
    assert result.min() >= 0 and result.max() <= 1
    np.testing.assert_allclose(luma(result), luma(reference), atol=1e-6)


def test_with_luminance_weakens_the_chrominance_only_as_far_as_it_must() -> None:
    image, reference = noise(24, 30, 0), noise(24, 30, 1)
    result = with_luminance(image, reference)
    before, after = chroma(image), chroma(result)
    kept = np.sum(before * after, -1) / np.sum(before * before, -1)
    np.testing.assert_allclose(after, kept[..., None] * before, atol=1e-6)  # in the same hue
    assert kept.min() >= 0 and kept.max() <= 1 + 1e-6
    weaker = kept < 1 - 1e-5
    assert 0.2 < weaker.mean() < 0.8
    to_the_limit = np.minimum(result.min(-1), 1 - result.max(-1))
    np.testing.assert_allclose(to_the_limit[weaker], 0, atol=1e-6)
    wanted = before + luma(reference)[..., None]
    np.testing.assert_allclose(result[~weaker], wanted[~weaker], atol=1e-5)


@pytest.mark.parametrize("function", [with_chroma, with_luminance])
def test_an_image_with_itself_is_itself(function: Any) -> None:
    image = noise(24, 30, 0)
    image[0, :3] = [(0, 0, 0), (1, 1, 1), (1, 0, 0)]
    np.testing.assert_allclose(function(image, image), image, atol=1e-6)


@pytest.mark.parametrize("function", [with_chroma, with_luminance])
def test_images_of_two_sizes_are_refused(function: Any) -> None:
    with pytest.raises(ValueError, match=r"^reference: .*\(24, 30, 3\), received \(24, 29, 3\)"):
        function(noise(24, 30, 0), noise(24, 29, 1))


# By name


@pytest.mark.parametrize("name", TREATMENTS)
def test_every_treatment_has_a_name(name: str) -> None:
    assert treatment(name) is TREATMENTS[name]
    assert treatment(TREATMENTS[name]) is TREATMENTS[name]


def test_no_treatment_leaves_every_picture_as_it_is() -> None:
    none = treatment(None)
    picture = muted(0)
    assert none.content(picture) is picture
    assert none.style(picture, muted(1)) is picture
    assert none.after(picture, muted(1)) is picture


@pytest.mark.parametrize("wrong", [3, True, 0.5, ["match"], match_color])
def test_what_is_no_treatment_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(TypeError, match="^color: expected a name or a ColorTreatment, received"):
        treatment(wrong)


def test_a_treatment_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="^color: expected [^\n]*, received 'lab'$") as caught:
        treatment("lab")
    assert all(f'"{name}"' in str(caught.value) for name in TREATMENTS)
    assert ColorTreatment() == treatment(None)
