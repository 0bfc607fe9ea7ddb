"""Maximum pooling with a gradient that a processor computes fast without oneDNN, too.

TensorFlow's own looks for the maximum of every window once more, number by number, which takes
longer than a convolution. Here the four places of all windows are compared with what was found, one
place after another.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from neuralstyle._kernels.gradients import with_gradient
from neuralstyle._types import Tensor


def max_pool(feature: Tensor) -> Tensor:
    """Take the maximum of every square of 2 x 2; what is left over at odd sides is not looked at.

    Parameters
    ----------
    feature : tensor, shape (1, H, W, C)

    Returns
    -------
    tensor, shape (1, H // 2, W // 2, C)

    Notes
    -----
    Of equal maxima the first one has the gradient, row by row, as in TensorFlow.

    Examples
    --------
    >>> max_pool(tf.reshape(tf.range(15.0), (1, 3, 5, 1)))[0, ..., 0].numpy().tolist()
    [[6.0, 8.0]]
    """

    def pool(feature: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        pooled = tf.nn.max_pool2d(feature, 2, 2, "VALID")
        return pooled, lambda slope: _slope(feature, pooled, slope)

    return with_gradient(pool, feature)


def _slope(feature: Tensor, pooled: Tensor, slope: Tensor) -> Tensor:
    """Give the slope of every square to the first of its four that is the maximum."""
    _, height, width, channels = feature.shape
    down, across = height // 2, width // 2
    squares = tf.reshape(feature[:, : 2 * down, : 2 * across], (1, down, 2, across, 2 * channels))
    none = tf.zeros([], slope.dtype)
    lines = []
    for row in (0, 1):
        places = []
        for place in tf.split(squares[:, :, row], 2, axis=-1):
            found = tf.equal(place, pooled)
            places.append(tf.where(found, slope, none))
            slope = tf.where(found, none, slope)
        lines.append(tf.concat(places, axis=-1))
    whole = tf.reshape(tf.stack(lines, axis=2), (1, 2 * down, 2 * across, channels))
    return tf.pad(whole, [(0, 0), (0, height % 2), (0, width % 2), (0, 0)])
