"""VGG networks as chains of the convolutions that are fast on a processor."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np

from neuralstyle._kernels.convolution import Convolution, recomputed
from neuralstyle._kernels.device import has_gpu, uses_onednn
from neuralstyle._kernels.pooling import max_pool
from neuralstyle._types import Floats, Padding, Tensor
from neuralstyle.features.architectures import Architecture, Pooling, Weights
from neuralstyle.features.vgg.plain import MEANS, pool, preprocess


@final
class FastVGG:
    """The convolutions and pooling layers of a VGG network, one after another.

    Parameters
    ----------
    architecture : Architecture
    weights : dict from str to (kernel, bias)
        See `neuralstyle.features.vgg.weights.load_weights`.
    pooling : {"max", "avg"}
    padding : {"zeros", "reflect", "wrap"}, default "zeros"
    low_memory : bool, default False
        Compute again what would take memory to keep.
    dtype : {"float32", "bfloat16", "float16"}, default "float32"
        What activations are rounded to. The arithmetic of the first convolution, which sees the
        pixels, is float32.

    Attributes
    ----------
    layers : tuple of str

    Examples
    --------
    >>> from neuralstyle.features.architectures import VGG16
    >>> from neuralstyle.features.vgg.weights import load_weights
    >>> network = FastVGG(VGG16, load_weights(VGG16, "compact"), "avg")
    >>> image = np.zeros((1, 32, 48, 3), np.float32)
    >>> passed = network.compute({"input": image}, "block2_conv1")
    >>> list(passed)
    ['block1_conv1', 'block1_conv2', 'block1_pool', 'block2_conv1']
    """

    def __init__(
        self,
        architecture: Architecture,
        weights: Weights,
        pooling: Pooling,
        *,
        padding: Padding = "zeros",
        low_memory: bool = False,
        dtype: str = "float32",
    ) -> None:
        self.layers: tuple[str, ...] = architecture.layers
        self._low_memory = low_memory
        self._dtype = dtype
        self._pool: Callable[[Tensor], Tensor] = functools.partial(pool, pooling=pooling)
        if pooling == "max" and not uses_onednn() and not has_gpu():
            self._pool = max_pool
        if dtype != "float32" and pooling == "max":
            # The gradient of a maximum looks at what it was of.
            self._pool = recomputed(self._pool, dtype=dtype)
        options: Any = {"keep": not low_memory, "dtype": dtype}
        first = self.layers[0]
        self._convolutions = {
            name: Convolution(*pair, **options, whole=name == first)
            for name, pair in weights.items()
        }
        # What is beyond the border is preprocessed too, so the first convolution can do it all.
        self._first = Convolution(*_of_pixels(*weights[first]), **options, whole=True)
        self._take(padding)

    def _take(self, padding: Padding) -> None:
        self._preprocess = padding == "zeros"
        self._steps: dict[str, Callable[[Tensor], Tensor]] = {
            name: self._convolutions[name].with_padding(padding)
            if name in self._convolutions
            else self._pool
            for name in self.layers
        }
        if not self._preprocess:
            self._steps[self.layers[0]] = self._first.with_padding(padding)

    def with_padding(self, padding: Padding) -> FastVGG:
        """Return the same network with another padding; they share all kernels."""
        changed = copy.copy(self)
        changed._take(padding)
        return changed

    def compute(self, known: Mapping[str, Tensor], layer: str) -> dict[str, Tensor]:
        """Compute a layer from the deepest known one before it, and those between."""
        names = self.layers[: self.layers.index(layer) + 1]
        start = max((i for i, name in enumerate(names) if name in known), default=-1)
        tensor = known[names[start]] if start >= 0 else known["input"]
        if start < 0 and self._preprocess:
            tensor = preprocess(tensor)
        passed = {}
        ahead = list(names[start + 1 :])
        while ahead:
            name = ahead.pop(0)
            step = self._steps[name]
            if self._low_memory and ahead and ahead[0].endswith("pool"):
                name = ahead.pop(0)
                step = recomputed(step, self._steps[name], dtype=self._dtype)
            tensor = passed[name] = step(tensor)
        return passed


def _of_pixels(kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Return the first convolution's weights for RGB in [0, 1] that was not preprocessed.

    Reversing the channels alone takes as long as the convolution.
    """
    exact = kernel.astype(np.float64)
    shift = np.einsum("hwio,i->o", exact, np.asarray(MEANS))
    turned = np.ascontiguousarray(255 * exact[:, :, ::-1], np.float32)
    return turned, (bias - shift).astype(np.float32)
