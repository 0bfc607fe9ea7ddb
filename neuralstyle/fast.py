"""VGG19 evaluated faster than its Keras model does, with the same results up to rounding.

Three things are done differently, chosen for each layer from its shape:

* The gradient of a convolution with respect to its input is the convolution of the masked gradient
  with the kernel turned by half and its channels exchanged. Computed so, it runs at the speed of
  the forward convolution, where TensorFlow's own operation may take twice as long.
* The ReLU's mask is read off its output, so nothing else has to be kept for the gradient.
* Where there are channels and positions enough, both convolutions are Winograd's.

The Keras model stays the reference: ``VGG19Features(..., fast=False)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from neuralstyle import vgg19, winograd
from neuralstyle.statistics import Tensor

WINOGRAD_CHANNELS = 128
"""Channels on both sides from which on Winograd's convolution pays."""

WINOGRAD_OPERATIONS = 0.6e9
"""Operations of the direct convolution from which on Winograd's pays; with fewer, its many small
steps take longer than they save."""


@final
class FastVGG19:
    """The convolutions and pooling layers of VGG19, one after another.

    Parameters
    ----------
    weights : dict from str to (kernel, bias)
        See `neuralstyle.checkpoints.load_weights`.
    pooling : {"max", "avg"}

    Attributes
    ----------
    layers : tuple of str

    Examples
    --------
    >>> from neuralstyle.checkpoints import load_weights
    >>> network = FastVGG19(load_weights("compact"), "avg")
    >>> image = np.zeros((1, 32, 48, 3), np.float32)
    >>> passed = network.compute({"input": image}, "block2_conv1")
    >>> list(passed)
    ['block1_conv1', 'block1_conv2', 'block1_pool', 'block2_conv1']
    """

    def __init__(self, weights: vgg19.Weights, pooling: vgg19.Pooling) -> None:
        pool = ops.max_pool if pooling == "max" else ops.average_pool
        self._steps: dict[str, Callable[[Tensor], Tensor]] = {}
        for block, count in enumerate(vgg19.BLOCKS, start=1):
            for index in range(1, count + 1):
                name = f"block{block}_conv{index}"
                self._steps[name] = _Convolution(*weights[name])
            self._steps[f"block{block}_pool"] = lambda feature: pool(feature, 2)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the input on."""
        return tuple(self._steps)

    def compute(self, known: Mapping[str, Tensor], layer: str) -> dict[str, Tensor]:
        """Compute a layer from the deepest known one before it, and those between."""
        names = self.layers[: self.layers.index(layer) + 1]
        start = max((i for i, name in enumerate(names) if name in known), default=-1)
        tensor = known[names[start]] if start >= 0 else vgg19.preprocess(known["input"])
        passed = {}
        for name in names[start + 1 :]:
            tensor = passed[name] = self._steps[name](tensor)
        return passed


class _Convolution:
    """A 3 x 3 convolution with bias and ReLU, and its gradient."""

    def __init__(self, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        # A view; what convolutions need is made of it when they need it.
        turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
        self._kernels = (_Kernel(kernel), _Kernel(turned))
        self._bias = ops.convert_to_tensor(bias)

    def __call__(self, feature: Tensor) -> Tensor:
        forward, backward = self._kernels

        @ops.custom_gradient  # type: ignore[untyped-decorator]
        def convolution(x: Tensor) -> tuple[Tensor, Callable[..., Tensor]]:
            output = ops.relu(forward.convolve(x) + self._bias)

            def gradient(*args: Any, upstream: Tensor | None = None) -> Tensor:
                received = args[0] if upstream is None else upstream
                return backward.convolve(ops.where(output > 0, received, 0.0))

            return output, gradient

        return convolution(feature)


class _Kernel:
    """A kernel in the two forms that convolutions need it in, each made when first needed."""

    def __init__(self, kernel: NDArray[np.float32]) -> None:
        self._kernel = kernel
        self._forms: dict[str, Tensor] = {}

    def convolve(self, feature: Tensor) -> Tensor:
        """Convolve in the way that is faster for this shape, keeping the size."""
        channels = self._kernel.shape[2:]
        operations = 18 * math.prod(feature.shape[1:3]) * math.prod(channels)
        if min(channels) >= WINOGRAD_CHANNELS and operations >= WINOGRAD_OPERATIONS:
            return winograd.convolve(feature, self._form("winograd", winograd.transform_kernel))
        return ops.conv(feature, self._form("direct", np.ascontiguousarray), padding="same")

    def _form(
        self, name: str, make: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    ) -> Tensor:
        if name not in self._forms:
            # Outside the graph that may be being traced, so that all graphs share one tensor.
            with tf.init_scope():
                self._forms[name] = ops.convert_to_tensor(make(self._kernel))
        return self._forms[name]
