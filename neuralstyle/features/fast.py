"""VGG networks as chains of the convolutions that are fast on a processor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

from keras import ops

from neuralstyle._kernels.convolution import Convolution, recomputed
from neuralstyle._types import Tensor
from neuralstyle.features.architectures import Architecture, Pooling, Weights
from neuralstyle.features.plain import preprocess


@final
class FastVGG:
    """The convolutions and pooling layers of a VGG network, one after another.

    Parameters
    ----------
    architecture : Architecture
    weights : dict from str to (kernel, bias)
        See `neuralstyle.features.weights.load_weights`.
    pooling : {"max", "avg"}
    low_memory : bool, default False
        Compute again what would take memory to keep.

    Attributes
    ----------
    layers : tuple of str

    Examples
    --------
    >>> from neuralstyle.features.architectures import VGG16
    >>> from neuralstyle.features.weights import load_weights
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
        low_memory: bool = False,
    ) -> None:
        pool = ops.max_pool if pooling == "max" else ops.average_pool
        self.layers = architecture.layers
        self._low_memory = low_memory
        self._steps: dict[str, Callable[[Tensor], Tensor]] = {
            name: Convolution(*weights[name], keep=not low_memory)
            if name in weights
            else lambda feature: pool(feature, 2)
            for name in self.layers
        }

    def compute(self, known: Mapping[str, Tensor], layer: str) -> dict[str, Tensor]:
        """Compute a layer from the deepest known one before it, and those between."""
        names = self.layers[: self.layers.index(layer) + 1]
        start = max((i for i, name in enumerate(names) if name in known), default=-1)
        tensor = known[names[start]] if start >= 0 else preprocess(known["input"])
        passed = {}
        ahead = list(names[start + 1 :])
        while ahead:
            name = ahead.pop(0)
            step = self._steps[name]
            if self._low_memory and ahead and ahead[0].endswith("pool"):
                name = ahead.pop(0)
                step = recomputed(step, self._steps[name])
            tensor = passed[name] = step(tensor)
        return passed
