"""The table of VGG networks: their layers, what these see, and Keras' files of their weights."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle.features.fields import Field

Pooling: TypeAlias = Literal["max", "avg"]

Weights: TypeAlias = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Kernel (3, 3, Cin, Cout) and bias (Cout,) of every convolution."""

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"


@final
@dataclass(frozen=True)
class Architecture:
    """A network of 3 x 3 convolutions in blocks, each of which ends in a 2 x 2 pooling.

    Parameters
    ----------
    name : str
        As the literature writes it.
    blocks : tuple of int
        Convolutions in each block.
    imagenet_url, imagenet_md5 : str
        Keras' file of the ImageNet weights without the classifier, and its checksum.
    compact : str, optional
        Name of the file with the slim network of this architecture that comes with neuralstyle.
    widths : tuple of int
        Channels of the convolutions in each block of the full network.

    Examples
    --------
    >>> VGG16.layers[-4:]
    ('block5_conv1', 'block5_conv2', 'block5_conv3', 'block5_pool')
    """

    name: str
    blocks: tuple[int, ...]
    imagenet_url: str
    imagenet_md5: str
    compact: str | None = None
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)

    @functools.cached_property
    def fields(self) -> dict[str, Field]:
        """Receptive field of every layer."""
        field, fields = Field(), {}
        for block, count in enumerate(self.blocks, start=1):
            for index in range(1, count + 1):
                field = fields[f"block{block}_conv{index}"] = field.through(3, before=1)
            field = fields[f"block{block}_pool"] = field.through(2, stride=2)
        return fields

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers from the input on, Keras' own."""
        return tuple(self.fields)

    @functools.cached_property
    def convolutions(self) -> tuple[str, ...]:
        """Names of the convolutions."""
        return tuple(name for name in self.fields if "conv" in name)

    @functools.cached_property
    def torch_convolutions(self) -> tuple[str, ...]:
        """Torchvision's names of the convolutions, where ReLUs and poolings are counted too."""
        steps = [step for count in self.blocks for step in ("conv", "relu") * count + ("pool",)]
        return tuple(f"features.{i}" for i, step in enumerate(steps) if step == "conv")

    @functools.cached_property
    def aliases(self) -> dict[str, str]:
        """The literature's names of the layers.

        Keras' convolutions end in the ReLU, so ``conv4_2`` and ``relu4_2`` are both
        ``block4_conv2``.
        """
        convolutions = {
            f"{prefix}{name[len('block') :].replace('_conv', '_')}": name
            for name in self.convolutions
            for prefix in ("conv", "relu")
        }
        pools = {f"pool{block}": f"block{block}_pool" for block in range(1, len(self.blocks) + 1)}
        return convolutions | pools

    def receptive_field(self, layer: str) -> Field:
        """Return which pixels the units of a layer see.

        Parameters
        ----------
        layer : str
            One of the network's, or ``"input"``.

        Returns
        -------
        start, length, step : int
            In either direction, unit i sees the pixels from ``start + i * step`` on, as many as
            `length`. What of them lies outside the image is padding.

        Raises
        ------
        KeyError
            If the network has no such layer.

        Examples
        --------
        >>> VGG19.receptive_field("relu2_1")
        Field(start=-4, length=10, step=2)
        """
        if layer == "input":
            return Field()
        try:
            return self.fields[self.aliases.get(layer, layer)]
        except KeyError:
            raise KeyError(f"there is no layer {layer!r} in {self.name}") from None


VGG16 = Architecture(
    "VGG16",
    blocks=(2, 2, 3, 3, 3),
    imagenet_url=f"{KERAS}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    imagenet_md5="6d6bbae143d832006294945121d1f1fc",
    compact="compact-vgg16.npz",
)

VGG19 = Architecture(
    "VGG19",
    blocks=(2, 2, 4, 4, 4),
    imagenet_url=f"{KERAS}/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
    imagenet_md5="253f8cb515780f3b799900260a226db6",
)

NETWORKS = {architecture.name.lower(): architecture for architecture in (VGG16, VGG19)}
"""All of them, by the names that users write."""
