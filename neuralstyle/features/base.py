"""Extractors and what they return: an image seen through a network, layer by layer.

An *extractor* is anything that can be called with an image, a tensor of shape ``(1, H, W, 3)`` with
RGB in [0, 1], and returns a mapping from layer name to tensor. `VGG19Features` is the one to use;
`KerasFeatures` makes one from any Keras model; ``lambda image: {"input": image}`` is one too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, final

import keras
from keras import ops

from neuralstyle._types import Tensor
from neuralstyle.images.arrays import check_image

Extractor: TypeAlias = Callable[[Tensor], Mapping[str, Tensor]]
"""Turns an image into features."""


@final
class Features(Mapping[str, Tensor]):
    """One image's features: a lazy, read-only mapping from layer name to activation.

    A layer is computed when it is first asked for, from the layers below it that are already
    there; nothing deeper than the deepest layer asked for is ever computed. The image itself is
    ``"input"``.

    Parameters
    ----------
    image : tensor, shape (1, H, W, 3), RGB in [0, 1]
    layers : sequence of str
        Names of the layers that can be asked for.
    compute : callable
        Takes the mapping of what is known and the name of a layer, and returns the activations of
        that layer and of those that it passed on the way, by name.
    aliases : mapping from str to str, optional
        Further names of layers.

    Examples
    --------
    >>> features = VGG19Features(weights="compact")(np.zeros((32, 48, 3), np.float32))
    >>> features["input"].shape, features["relu2_1"].shape
    (TensorShape([1, 32, 48, 3]), TensorShape([1, 16, 24, 32]))
    >>> features
    Features(1 x 32 x 48 x 3, computed: input, block2_conv1)
    """

    def __init__(
        self,
        image: Tensor,
        layers: Sequence[str],
        compute: Callable[[Mapping[str, Tensor], str], Mapping[str, Tensor]],
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self._layers = ("input", *layers)
        self._compute = compute
        self._aliases = aliases or {}
        self._tensors = {"input": image}

    def __getitem__(self, name: str) -> Tensor:
        """Return the activation of a layer, computing it if need be."""
        layer = self._aliases.get(name, name)
        if layer not in self._layers:
            raise KeyError(
                f"there is no layer {name!r}; the layers are {', '.join(self._layers)}"
                + (
                    ", or by the literature's names conv4_2, relu4_2, pool4"
                    if self._aliases
                    else ""
                )
            )
        if layer not in self._tensors:
            passed = self._walk_to(layer)
            # In a graph that is being traced, keeping what was passed costs nothing and saves
            # walking the same way again; in eager mode it would cost memory.
            traced = not hasattr(passed[layer], "numpy")
            self._tensors.update(passed if traced else {layer: passed[layer]})
        return self._tensors[layer]

    def _walk_to(self, layer: str) -> Mapping[str, Tensor]:
        height, width = self._tensors["input"].shape[1:3]
        problem = f"layer {layer!r} cannot be computed for an image of {width} x {height} pixels"
        try:
            passed = self._compute(self._tensors, layer)
        except Exception as error:  # networks fail in many ways when nothing is left to compute
            reason = str(error).strip().split("\n")[0]
            raise ValueError(f"{problem}, which may be too small for it ({reason})") from error
        if 0 in passed[layer].shape[1:3]:
            raise ValueError(f"{problem}: nothing is left of it there")
        return passed

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of all layers, computed or not."""
        return iter(self._layers)

    def __len__(self) -> int:
        """Return the number of layers, the input included."""
        return len(self._layers)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a layer of this name or alias, without computing it."""
        return name in self._layers or name in self._aliases

    def __repr__(self) -> str:
        """Describe it in a line."""
        shape = " x ".join(map(str, self._tensors["input"].shape))
        return f"Features({shape}, computed: {', '.join(self._tensors)})"


def image_tensor(image: Any, dtype: str = "float32") -> Tensor:
    """Turn an image into a tensor of shape (1, H, W, 3), checking it."""
    if not ops.is_tensor(image):
        image = check_image(image)[None]
    elif len(image.shape) != 4 or image.shape[0] != 1 or image.shape[-1] != 3:
        raise ValueError(
            f"image: expected a tensor of shape (1, H, W, 3), received {tuple(image.shape)}"
        )
    elif "float" not in keras.backend.standardize_dtype(image.dtype):
        raise TypeError(
            f"image: expected a floating-point tensor with values in [0, 1], received {image.dtype}"
            "; divide by 255"
        )
    return ops.convert_to_tensor(ops.cast(image, dtype))
