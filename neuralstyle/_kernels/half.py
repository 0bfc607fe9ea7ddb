"""Networks in half precision between an image and features in single precision.

Numbers of float16 end at 65504 and have all their digits down to 6e-5, which is less than what
networks need. So a tensor goes into half with a power of two of its own, chosen by its largest
number, which is exact and undone when it comes out again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from neuralstyle._types import Floats, Tensor

HALVES = ("float16", "bfloat16")
"""Precisions below the one that statistics are computed in."""

_LARGEST = 4.0
"""What the largest number of the gradient is made on its way back, up to a factor of 2: there are
13 octaves above it for what grows on the way, and 26 below until float16 has no more numbers."""

_INSIDE = 2.0**7
"""What the largest number of a tensor in half is made, up to a factor of 2."""

_KERNEL = 2.0**8
"""What the largest sum of absolute weights of a channel is made, up to a factor of 2: times the
largest number of the feature map, a convolution in float16 stays below 2**15."""


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


def halved(tensor: Tensor, dtype: str) -> tuple[Tensor, Tensor]:
    """Put a tensor into half precision.

    Parameters
    ----------
    tensor : tensor, float32
    dtype : {"float16", "bfloat16"}

    Returns
    -------
    tensor
        In half.
    scale : tensor, float32, shape ()
        The power of two that it was multiplied by.

    Examples
    --------
    >>> half, scale = halved(tf.constant([1e6, -1.0]), "float16")
    >>> np.asarray(half / tf.cast(scale, "float16"), np.float32).tolist()
    [inf, -1.0]
    >>> np.asarray(tf.cast(half, "float32") / scale).tolist()
    [999936.0, -1.0]
    """
    # The absolute values would be another tensor.
    largest = tf.maximum(tf.reduce_max(tensor), -tf.reduce_min(tensor))
    scale = _power_of_two(largest, _INSIDE)
    return tf.cast(tensor * scale, dtype), scale


def kept(tensor: Tensor, dtype: str) -> Callable[[], Tensor]:
    """Keep a tensor in half precision; return what gives it in float32 again."""
    half, scale = halved(tensor, dtype)
    return lambda: tf.cast(tf.identity(half), tf.float32) / scale


def kernel_scale(kernel: Floats) -> float:
    """Return the power of two to multiply a kernel by, (3, 3, Cin, Cout), for half precision."""
    largest = np.abs(kernel).sum(axis=(0, 1, 2), dtype=np.float64).max()
    return float(2.0 ** np.floor(np.log2(_KERNEL / largest))) if largest > 0 else 1.0


def _power_of_two(largest: Tensor, wanted: float = _LARGEST) -> Tensor:
    """Return the power of two that brings a number near another."""
    exponent = tf.floor(tf.math.log(wanted / largest) / tf.math.log(2.0))
    usable = tf.logical_and(largest > 0, tf.math.is_finite(exponent))
    # Beyond this a power of two, or one divided by it, is no normal number of float32.
    exponent = tf.clip_by_value(tf.where(usable, exponent, tf.zeros_like(exponent)), -100.0, 100.0)
    # By its bits: powers that are computed may be off in the last digit.
    return tf.bitcast((tf.cast(exponent, tf.int32) + 127) * 2**23, tf.float32)
