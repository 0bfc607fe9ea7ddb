"""Vectors as points on the unit sphere, where distances are about their angles."""

from __future__ import annotations

from collections.abc import Sequence

from keras import ops

from neuralstyle._types import Tensor


def directions(points: Tensor) -> Tensor:
    """Return points on the unit sphere; zero becomes a direction of its own, at right angles.

    Examples
    --------
    >>> directions(np.array([[3.0, 4.0], [0.0, 0.0]])).numpy().tolist()
    [[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]
    """
    return ops.concatenate(_on_sphere([points], lengths(points)), axis=-1)


def joint_directions(parts: Sequence[Tensor]) -> list[Tensor]:
    """Return the parts of the directions of vectors, given the parts of these.

    The vectors are never put together, which spares the memory.
    """
    return _on_sphere(parts, lengths(ops.stack([lengths(part) for part in parts], axis=-1)))


def lengths(points: Tensor) -> Tensor:
    """Return Euclidean norms, with the gradient zero at zero."""
    squared = ops.sum(ops.square(points), axis=-1)
    positive = squared > 0
    safe = ops.where(positive, squared, ops.ones_like(squared))
    return ops.where(positive, ops.sqrt(safe), ops.zeros_like(squared))


def _on_sphere(parts: Sequence[Tensor], norms: Tensor) -> list[Tensor]:
    """Return the parts of vectors divided by their norms, and what is 1 where these are 0."""
    norms = norms[:, None]
    zero = norms == 0
    one = ops.ones_like(norms)
    safe = ops.where(zero, one, norms)
    return [*(part / safe for part in parts), ops.where(zero, one, 0 * one)]
