"""Extractors without a network, through which losses are looked at on trial."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, final

import numpy as np
from keras import ops

from neuralstyle._types import Tensor
from neuralstyle.features.fields import Field
from neuralstyle.optimize.evaluation.through import Through


@final
class Dead:
    """An extractor as it is, but for a first channel that is zero throughout in every layer."""

    reuse = False

    def __init__(self, extractor: Any) -> None:
        self._extractor = extractor

    def __call__(self, image: Tensor) -> Mapping[str, Tensor]:
        """Look at an image."""
        return _DeadLayers(self._extractor(image))

    def __getattr__(self, name: str) -> Any:
        """Say what the extractor says."""
        return getattr(self._extractor, name)


@final
class _DeadLayers(Through):
    """The features of `Dead`."""

    def __getitem__(self, layer: str) -> Tensor:
        feature = self._features[layer]
        if layer == "input":
            return feature
        alive = np.arange(feature.shape[-1]) > 0
        return feature * ops.convert_to_tensor(alive, feature.dtype)


@final
class Network:
    """An extractor that has a smooth layer under every name, of half the image's sides."""

    reuse: bool = True
    layers: tuple[str, ...] = ("input",)

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def __call__(self, image: Tensor) -> Mapping[str, Tensor]:
        """Look at an image."""
        return _Layers(image)

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"a network of random layers in {self.dtype}"


@final
class _Layers(Mapping[str, Tensor]):
    """The features of `Network`."""

    def __init__(self, image: Tensor) -> None:
        self._image = image

    def __getitem__(self, layer: str) -> Tensor:
        if layer == "input":
            return self._image
        random = np.random.default_rng(zlib.crc32(layer.encode()))
        mixing = ops.convert_to_tensor(random.normal(size=(3, 4)), self._image.dtype)
        return ops.softplus(ops.tensordot(ops.average_pool(self._image, 2), mixing, 1))

    def receptive_field(self, layer: str) -> Field:
        """Return what the units of a layer see."""
        return Field() if layer == "input" else Field(0, 2, 2)

    def __contains__(self, layer: object) -> bool:
        return isinstance(layer, str)

    def __iter__(self) -> Iterator[str]:
        return iter(("input",))

    def __len__(self) -> int:
        return 1
