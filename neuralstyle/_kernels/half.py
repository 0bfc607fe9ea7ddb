"""Networks in half precision between an image and features in single precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from neuralstyle._types import Tensor

HALVES = ("float16", "bfloat16")
"""Precisions below the one that statistics are computed in."""

_LARGEST = 4.0
"""What the largest number of the gradient is made on its way back, up to a factor of 2: there are
13 octaves above it for what grows on the way, and 26 below until float16 has no more numbers."""


def through_half(
    function: Callable[..., Sequence[Tensor]], tensors: Sequence[Tensor], dtypes: Sequence[str]
) -> list[Tensor]:
    """Compute a function in whatever precision it has; values and gradients are float32 outside.

    Parameters
    ----------
    function : callable
        Takes as many tensors, of these types, and returns some of any precision.
    tensors : sequence of tensor
        In float32 or more.
    dtypes : sequence of str
        What the function wants them in.

    Returns
    -------
    list of tensor

    Notes
    -----
    Gradients of means over a feature map are below the smallest number of float16. They are linear
    in what comes back, so they are multiplied by a power of two there, which is exact, and divided
    by it at the end. It is chosen by what comes back, anew at every evaluation.
    """
    outside = [tensor.dtype for tensor in tensors]

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def computed(*given: Tensor) -> Any:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            inside = [tf.cast(one, dtype) for one, dtype in zip(given, dtypes, strict=True)]
            tape.watch(inside)
            results = list(function(*inside))

        def backward(*upstream: Tensor, variables: Any = None) -> Any:
            powers = [tf.reduce_max(tf.abs(tf.cast(one, tf.float32))) for one in upstream]
            scale = _power_of_two(tf.reduce_max(tf.stack(powers)))
            scaled = [
                tf.cast(tf.cast(one, tf.float32) * scale, result.dtype)
                for one, result in zip(upstream, results, strict=True)
            ]
            zero = tf.UnconnectedGradients.ZERO
            slopes = tape.gradient(results, inside, scaled, unconnected_gradients=zero)
            gradients = [
                tf.cast(tf.cast(slope, tf.float32) / scale, dtype)
                for slope, dtype in zip(slopes, outside, strict=True)
            ]
            return (gradients, [None] * len(variables)) if variables else gradients

        raised = [tf.cast(one, tf.float32) if one.dtype in HALVES else one for one in results]
        return raised, backward

    returned: list[Tensor] = list(computed(*tensors))
    return returned


def _power_of_two(largest: Tensor) -> Tensor:
    """Return the power of two that brings a number near `_LARGEST`."""
    exponent = tf.floor(tf.math.log(_LARGEST / largest) / tf.math.log(2.0))
    usable = tf.logical_and(largest > 0, tf.math.is_finite(exponent))
    # Beyond this a power of two, or one divided by it, is no normal number of float32.
    exponent = tf.clip_by_value(tf.where(usable, exponent, tf.zeros_like(exponent)), -100.0, 100.0)
    # By its bits: powers that are computed may be off in the last digit.
    return tf.bitcast((tf.cast(exponent, tf.int32) + 127) * 2**23, tf.float32)
