"""What pictures can be compared by: distributions of patches and colours, and structure."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuralstyle._types import Floats, Image
from neuralstyle.images.color import LUMINANCE
from neuralstyle.images.oklab import to_oklab

Array: TypeAlias = NDArray[np.floating[Any]]

PATCH = 5
"""Side of the patches, in pixels of each octave."""

OCTAVES = 4
"""Sizes at which patches are looked at, each half of the one before."""

SAMPLES = 2**15
"""Patches of a picture that are looked at in each octave at the most, evenly spread."""

QUANTILES = 2**11
"""Points at which distributions are compared."""

WINDOW = 1.5
"""Standard deviation, in pixels, of the windows in which structure is compared."""


def quantiles(samples: Array, directions: Array) -> Array:
    """Return the quantiles of samples (M, N) along directions (D, N): (D, `QUANTILES`).

    They are at the middles of as many cells, so that the mean of their squared differences is the
    squared Wasserstein distance.

    Examples
    --------
    >>> quantiles(np.array([[3.0], [1.0]]), np.eye(1))[:, [0, -1]].tolist()
    [[1.0, 3.0]]
    """
    values = directions @ samples.T
    values.sort(axis=1)
    ranks = (np.arange(QUANTILES) + 0.5) / QUANTILES * len(samples)
    chosen: Array = values[:, ranks.astype(np.intp)]
    return chosen


def octaves_within(*images: Image) -> int:
    """Return in how many octaves all images hold a patch, up to `OCTAVES`.

    Examples
    --------
    >>> octaves_within(np.zeros((400, 300, 3)), np.zeros((12, 15, 3)))
    2
    """
    least = min(min(image.shape[:2]) for image in images)
    return min(OCTAVES, int(math.log2(least / PATCH)) + 1)


def patch_quantiles(image: Image, octaves: int) -> Array:
    """Return the quantiles of an image's patches: (octaves, 75 + 72, `QUANTILES`).

    The first 75 directions are a basis of all patches, the others of those whose mean is zero in
    red, green and blue.
    """
    found = []
    for _ in range(octaves):
        windows = np.lib.stride_tricks.sliding_window_view(image, (PATCH, PATCH), (0, 1))
        height, width = windows.shape[:2]
        places = _spread(height * width)
        patches = windows[places // width, places % width].reshape(len(places), -1)
        found.append(quantiles(patches, patch_directions()))
        image = _halved(image)
    return np.stack(found)


def color_quantiles(image: Image) -> Array:
    """Return the quantiles of an image's colours in OkLab, along four bases of directions."""
    pixels = image.reshape(-1, 3)
    return quantiles(to_oklab(pixels[_spread(len(pixels))]), np.concatenate(_bases(3, 4)))


def edges(image: Image) -> Array:
    """Return the size of the luminance's gradient at every pixel, 1 at a step from black to white.

    Examples
    --------
    >>> edges(np.repeat([[[0.0], [0.0], [1.0], [1.0]]], 3, axis=2)).round(3).tolist()
    [[0.0, 1.0, 1.0, 0.0]]
    """
    # SciPy's submodules take a while to import.
    from scipy.ndimage import sobel

    luminance = image.astype(np.float64) @ LUMINANCE
    size: Array = np.hypot(sobel(luminance, 0), sobel(luminance, 1)) / 4
    return size


def similarity(first: Array, second: Array) -> Array:
    """Return the structural similarity of two maps at every pixel, for values in [0, 1].

    Examples
    --------
    >>> ramp = np.linspace(0, 1, 64).reshape(8, 8)
    >>> [round(float(similarity(ramp, other).mean()), 2) for other in (ramp, 1 - ramp)]
    [1.0, -0.63]
    """
    from scipy.ndimage import gaussian_filter

    mean = functools.partial(gaussian_filter, sigma=WINDOW, truncate=3.5)
    of_first, of_second = mean(first), mean(second)
    squares, product = of_first**2 + of_second**2, of_first * of_second
    variances = mean(first**2) + mean(second**2) - squares
    covariance = mean(first * second) - product
    c1, c2 = 0.01**2, 0.03**2
    similar: Array = (
        (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    )
    return similar


def _halved(image: Image) -> Image:
    """Return the means of squares of 2 x 2 pixels; an odd last row or column is left out."""
    height, width = (side // 2 for side in image.shape[:2])
    even = image[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3)
    halved: Image = even.mean(axis=(1, 3))
    return halved


def _spread(count: int) -> NDArray[np.intp]:
    """Return `SAMPLES` numbers below `count`, evenly spread; all if there are no more."""
    most = min(count, SAMPLES)
    return np.arange(most, dtype=np.int64) * count // most


def _bases(dimensions: int, count: int) -> Sequence[Floats]:
    """Draw orthonormal bases."""
    random = np.random.default_rng(0)
    return [
        np.linalg.qr(random.normal(size=(dimensions, dimensions)))[0].astype(np.float32)
        for _ in range(count)
    ]


@functools.cache
def patch_directions() -> Floats:
    """Return the directions of patches: a basis of all, and one of those without a colour."""
    pixels = PATCH * PATCH
    (every,) = _bases(3 * pixels, 1)
    drawn = np.random.default_rng(1).normal(size=(3, pixels, 3 * (pixels - 1)))
    drawn -= drawn.mean(axis=1, keepdims=True)
    colorless = np.linalg.qr(drawn.reshape(3 * pixels, -1))[0]
    return np.concatenate([every, colorless.T.astype(np.float32)])
