"""VGG19 evaluated faster than its Keras model does, with the same results up to rounding.

Four things are done differently, chosen for each layer from its shape:

* The gradient of a convolution with respect to its input is the convolution of the masked gradient
  with the kernel turned by half and its channels exchanged. Computed so, it runs at the speed of
  the forward convolution, where TensorFlow's own operation may take twice as long.
* The ReLU's mask is read off its output, so nothing else has to be kept for the gradient.
* Where there are channels and positions enough, both convolutions are Winograd's. (On a GPU the
  vendor's library chooses the algorithm.)
* With oneDNN on a processor that has AVX2 but no AVX-512, TensorFlow's gradient is up to four times
  as fast as its convolution. There all others are computed as the gradient of the convolution with
  the kernel turned, which is the same.

What lies beyond the border is zero, or gathered from within (`neuralstyle._kernels.borders`).

In half precision, what a convolution returns is rounded to half, and in place of it a mask is kept
for the gradient. The arithmetic is in half too where there is a GPU; a processor does it in float32
faster.

It can be told to save memory: then kernels are transformed at every evaluation anew, and the last
convolution of every block, whose activations are the largest that most losses do not look at, is
computed a second time for the gradient instead of being kept.

The Keras model stays the reference: ``VGG19Features(..., fast=False)``.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from neuralstyle._kernels import borders, gradients, half, winograd
from neuralstyle._kernels.device import has_gpu, outside_graph, uses_onednn
from neuralstyle._kernels.processor import onednn_has_avx2_alone
from neuralstyle._types import Padding, Tensor


class Ways(NamedTuple):
    """Which ways to convolve are fast on a kind of processor.

    Attributes
    ----------
    channels : int
        On both sides, from which on Winograd's convolution pays.
    operations : float
        Of the direct convolution, from which on Winograd's pays; with fewer, its many small steps
        take longer than they save.
    as_gradients : bool
        Whether other convolutions are faster as gradients of the convolution with the kernel
        turned.
    """

    channels: int
    operations: float
    as_gradients: bool


WITH_ONEDNN = Ways(64, 0.6e9, as_gradients=False)

WITH_ONEDNN_ON_AVX2 = Ways(96, 0.32e9, as_gradients=True)

WITHOUT_ONEDNN = Ways(128, 0.6e9, as_gradients=False)
"""Products of small matrices are slower there, and direct convolutions faster."""


def ways() -> Ways:
    """Return what is fast on this processor."""
    if not uses_onednn():
        return WITHOUT_ONEDNN
    return WITH_ONEDNN_ON_AVX2 if onednn_has_avx2_alone() else WITH_ONEDNN


def recomputed(*steps: Callable[[Tensor], Tensor], dtype: str) -> Callable[[Tensor], Tensor]:
    """Chain steps so that what is between them is computed anew for the gradient.

    Of what goes in, no more than half precision is kept if that is the `dtype`.
    """

    def chain(feature: Tensor) -> Tensor:
        for step in steps:
            feature = step(feature)
        return feature

    keep = functools.partial(half.kept, dtype=dtype) if dtype in half.HALVES else None
    return functools.partial(gradients.recomputed, chain, keep=keep)


class Convolution:
    """A 3 x 3 convolution with bias and ReLU, and its gradient.

    Feature maps are float32 in any `dtype`. With `whole` the arithmetic is too.
    """

    def __init__(
        self,
        kernel: NDArray[np.float32],
        bias: NDArray[np.float32],
        *,
        keep: bool = True,
        dtype: str = "float32",
        whole: bool = False,
    ) -> None:
        self._dtype = dtype if dtype in half.HALVES else None
        inside = None if whole else self._dtype
        exchanged = kernel.swapaxes(2, 3)
        # Forms that are kept are made of the array, when first needed; others in the graph.
        source = kernel if keep else ops.convert_to_tensor(kernel)
        self._kernels = (
            _Kernel(lambda: source, keep, inside, half.kernel_scale(kernel)),
            _Kernel(
                lambda: _turned(source),
                keep,
                inside,
                half.kernel_scale(exchanged),
            ),
        )
        self._channels = kernel.shape[2:]
        self._bias = ops.convert_to_tensor(bias)
        self._padding: Padding = "zeros"

    def with_padding(self, padding: Padding) -> Convolution:
        """Return the same convolution with another padding; they share all that is kept."""
        changed = copy.copy(self)
        changed._padding = padding
        return changed

    def __call__(self, feature: Tensor) -> Tensor:
        forward, backward = self._kernels
        inputs, filters = self._channels
        padding = self._padding

        def convolution(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
            output = ops.relu(forward.convolve(x, filters, padding) + self._bias)
            if self._dtype:
                active = output > 0
                output = half.kept(output, self._dtype)()

            def gradient(slope: Tensor) -> Tensor:
                if self._dtype:
                    masked = tf.where(active, slope, tf.zeros([], slope.dtype))
                else:
                    masked = tf.raw_ops.ReluGrad(gradients=slope, features=output)
                inside = backward.convolve(masked, inputs)
                if padding == "zeros":
                    return inside
                return borders.add_beyond(inside, masked, forward.sides(masked), padding)

            return output, gradient

        return gradients.with_gradient(convolution, feature)


class _Kernel:
    """A kernel in the forms that convolutions need it in, kept or made every time."""

    def __init__(
        self, source: Callable[[], Tensor], keep: bool, dtype: str | None, scale: float
    ) -> None:
        self._source = source
        self._keep = keep
        self._dtype = dtype
        self._scale = scale
        self._kept: dict[Any, Tensor] = {}

    def convolve(self, feature: Tensor, filters: int, padding: Padding = "zeros") -> Tensor:
        """Convolve in the way that is fastest for this shape, keeping the size."""
        if not has_gpu():
            return self._on_processor(feature, filters, padding)
        if self._dtype:
            feature, scale = half.halved(feature, self._dtype)
            kernel = self._form(feature, self._halved)
            return ops.cast(_convolved(feature, kernel, padding), "float32") / scale / self._scale
        return _convolved(feature, self._form(feature, None), padding)

    def _on_processor(self, feature: Tensor, filters: int, padding: Padding) -> Tensor:
        fast, channels = ways(), (feature.shape[-1], filters)
        operations = 18 * math.prod(feature.shape[1:3]) * math.prod(channels)
        if min(channels) >= fast.channels and operations >= fast.operations:
            transformed = self._form(feature, winograd.transform_kernel)
            return winograd.convolve(feature, transformed, padding)
        if fast.as_gradients:
            return _as_gradient(feature, self._form(feature, _turned), padding)
        return _convolved(feature, self._form(feature, None), padding)

    def _halved(self, kernel: Tensor) -> Tensor:
        return ops.cast(kernel * self._scale, self._dtype)

    def sides(self, slope: Tensor) -> Tensor:
        """Return the parts that reach over the borders, for what comes with this slope."""
        return self._form(slope, borders.sides)

    def _form(self, feature: Tensor, change: Callable[[Tensor], Tensor] | None) -> Tensor:
        def make() -> Tensor:
            return change(self._source()) if change else self._source()

        if not self._keep:
            # Not before it is needed, or all kernels would be there together.
            with tf.control_dependencies([feature]):
                return make()
        if change not in self._kept:
            # Outside the graph that may be being traced, so that all graphs share one tensor.
            with outside_graph():
                self._kept[change] = ops.convert_to_tensor(make())
        return self._kept[change]


def _turned(kernel: Tensor) -> Tensor:
    """Turn a kernel by half and exchange its channels."""
    return ops.transpose(tf.reverse(kernel, (0, 1)), (0, 1, 3, 2))


def _as_gradient(feature: Tensor, turned: Tensor, padding: Padding) -> Tensor:
    """Convolve, by the gradient of the convolution with the turned kernel."""
    if padding != "zeros":
        feature = borders.padded(feature, padding)
    shape = (*feature.shape[:3], turned.shape[2])
    result = tf.nn.conv2d_transpose(feature, turned, shape, 1, "SAME")
    return result if padding == "zeros" else result[:, 1:-1, 1:-1]


def _convolved(feature: Tensor, kernel: Tensor, padding: Padding) -> Tensor:
    if padding == "zeros":
        return ops.conv(feature, kernel, padding="same", data_format="channels_last")
    feature = borders.padded(feature, padding)
    return ops.conv(feature, kernel, padding="valid", data_format="channels_last")
