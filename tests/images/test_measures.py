"""What pictures are compared by, against closed forms and another library."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm
from skimage.metrics import structural_similarity
from support import noise

from neuralstyle.images.measures import (
    PATCH,
    QUANTILES,
    SAMPLES,
    WINDOW,
    color_quantiles,
    edges,
    patch_directions,
    patch_quantiles,
    quantiles,
    similarity,
)


def distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.sqrt(np.mean((first - second) ** 2)))


def test_one_dimension_is_compared_by_sorting() -> None:
    random = np.random.default_rng(0)
    first = random.normal(size=QUANTILES)
    second = random.exponential(size=QUANTILES)
    expected = math.sqrt(np.mean((np.sort(first) - np.sort(second)) ** 2))
    found = [quantiles(of[:, None], np.eye(1)) for of in (first, second)]
    assert distance(*found) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("counts", [(1000, 5000), (30_000, 7000)])
def test_samples_of_different_numbers_have_the_distance_of_their_distributions(
    counts: tuple[int, int],
) -> None:
    # The quantiles themselves, so that nothing is left to chance: of a Gaussian, and of another.
    mean, deviation = 0.3, 1.7
    first, second = (norm.ppf((np.arange(n) + 0.5) / n)[:, None] for n in counts)
    found = [quantiles(of, np.eye(1)) for of in (first, mean + deviation * second)]
    assert distance(*found) == pytest.approx(math.hypot(mean, deviation - 1), rel=0.01)


def test_bases_see_every_shift_alike_and_colours_are_left_out_of_texture() -> None:
    random = np.random.default_rng(3)
    samples, whole = random.normal(size=(500, 75)), 75
    directions = patch_directions()
    for shift in random.normal(size=(2, 75)):
        found = [quantiles(of, directions) for of in (samples, samples + shift)]
        length = np.linalg.norm(shift)
        assert distance(*(of[:whole] for of in found)) == pytest.approx(length / 75**0.5, rel=1e-5)
        left = shift.reshape(3, 25) - shift.reshape(3, 25).mean(axis=1, keepdims=True)
        length = np.linalg.norm(left)
        assert distance(*(of[whole:] for of in found)) == pytest.approx(length / 72**0.5, rel=1e-5)


@pytest.mark.parametrize("shape", [(40, 50), (11, 90)])
def test_similarity_is_that_of_scikit_image(shape: tuple[int, int]) -> None:
    first, second = np.random.default_rng(0).uniform(size=(2, *shape)) * [[[1.0]], [[0.6]]]
    mean, whole = structural_similarity(
        first,
        second,
        gaussian_weights=True,
        sigma=WINDOW,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )
    assert mean < 0.5
    np.testing.assert_allclose(similarity(first, second), whole, atol=1e-12)


def test_edges_are_gradients_of_the_luminance() -> None:
    slope = np.array([0.3, -0.2]) / 50
    rows, columns = np.mgrid[:20, :30]
    plane = (0.5 + slope[0] * rows + slope[1] * columns)[..., None].repeat(3, axis=2)
    # Sobel's sums are eight times the derivative, and a step is within two of them.
    np.testing.assert_allclose(edges(plane)[1:-1, 1:-1], 2 * np.hypot(*slope), rtol=1e-6)


def test_patches_are_those_of_the_picture_and_of_its_halves() -> None:
    image = noise(20, 26)
    found = patch_quantiles(image, 2)
    half = image.reshape(10, 2, 13, 2, 3).mean(axis=(1, 3))
    for octave, seen in enumerate((image, half)):
        rows, columns = (side - PATCH + 1 for side in seen.shape[:2])
        patches = [
            np.moveaxis(seen[y : y + PATCH, x : x + PATCH], 2, 0).ravel()
            for y in range(rows)
            for x in range(columns)
        ]
        expected = quantiles(np.stack(patches), patch_directions())
        np.testing.assert_allclose(found[octave], expected, atol=1e-5)


def test_of_large_pictures_some_patches_stand_for_all() -> None:
    image = noise(400, 100).cumsum(axis=0) / 400
    assert (400 - PATCH + 1) * (100 - PATCH + 1) > SAMPLES
    found = patch_quantiles(image, 1)[0]
    windows = np.lib.stride_tricks.sliding_window_view(image, (PATCH, PATCH), (0, 1))
    expected = quantiles(windows.reshape(-1, 75), patch_directions())
    assert distance(found, expected) < 0.01 * distance(expected, 0 * expected)


def test_colors_are_compared_in_oklab() -> None:
    greys = [np.full((6, 6, 3), value, np.float32) for value in (0.0, 1.0)]
    # From black to white, lightness goes from 0 to 1, and every basis sees a third of its square.
    assert distance(*map(color_quantiles, greys)) == pytest.approx(3**-0.5, rel=1e-3)
