"""Linear maps that give colours the mean and the covariance of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

FLAT = 1 / (12 * 255**2)
"""A variance that is no colour: that of rounding to one of 256 levels."""


def mean_and_covariance(image: NDArray[np.floating[Any]]) -> tuple[Array, Array]:
    """Return mean and covariance of an image's channels."""
    flat = image.reshape(-1, image.shape[-1]).astype(np.float64)
    mean = flat.mean(0)
    return mean, (flat - mean).T @ (flat - mean) / len(flat)


def _power(covariance: Array, exponent: float, floor: float = 0.0) -> Array:
    """Return a power of a covariance, without the directions of a variance up to `floor`."""
    values, vectors = np.linalg.eigh(covariance)
    powers = np.zeros_like(values)
    np.power(values, exponent, out=powers, where=values > floor)
    power: Array = (vectors * powers) @ vectors.T
    return power


def _still(covariance: Array) -> Array:
    """Return the projection on the directions that do not vary."""
    return np.eye(len(covariance)) - _power(covariance, 0.0, FLAT)


def _monge_kantorovich(covariance: Array, wanted: Array) -> Array:
    root, inverse = (_power(covariance, exponent, FLAT) for exponent in (0.5, -0.5))
    return inverse @ _power(root @ wanted @ root, 0.5) @ inverse + _still(covariance)


def _symmetric(covariance: Array, wanted: Array) -> Array:
    return _power(wanted, 0.5) @ _power(covariance, -0.5, FLAT) + _still(covariance)


def _cholesky(covariance: Array, wanted: Array) -> Array:
    # The QR of a square root gives a lower triangular factor of singular covariances too.
    factor, wanted_factor = (
        _lower(_power(c, 0.5, floor)) for c, floor in ((covariance, FLAT), (wanted, 0.0))
    )
    return wanted_factor @ np.linalg.pinv(factor, rcond=1e-6) + _still(covariance)


def _lower(root: Array) -> Array:
    upper = np.linalg.qr(root)[1]
    lower: Array = (upper * np.where(np.diag(upper) < 0, -1.0, 1.0)[:, None]).T
    return lower


MAPS: dict[str, Callable[[Array, Array], Array]] = {
    "monge-kantorovich": _monge_kantorovich,
    "symmetric": _symmetric,
    "cholesky": _cholesky,
}
"""By the names that `match_color` knows: what takes two covariances, and returns the matrix that
makes the first the second."""
