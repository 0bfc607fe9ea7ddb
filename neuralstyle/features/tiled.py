"""Features of large pictures, computed tile by tile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, final

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._kernels.device import shape_traced
from neuralstyle._types import Image, Padding, Tensor
from neuralstyle.features.base import image_dtype, image_tensor, name_picture
from neuralstyle.features.fields import Field
from neuralstyle.features.tiles import LEAST, tiled_field, tiles_of


@final
class FeaturesInTiles(Mapping[str, Tensor]):
    """Features of a picture that are computed tile by tile, each time that they are asked for.

    They are the same as without tiles, but no more than a layer and what computes one tile of it is
    in memory at a time.

    Parameters
    ----------
    extractor : callable
        With ``receptive_field``.
    image : array, shape (H, W, 3), RGB in [0, 1]
    tile : int
        As for `Tiles`.

    Attributes
    ----------
    picture : str
        What messages call the image.

    Examples
    --------
    >>> from neuralstyle import VGG16Features
    >>> vgg = VGG16Features("compact")
    >>> image = np.random.default_rng(0).random((150, 130, 3)).astype(np.float32)
    >>> tiled = FeaturesInTiles(vgg, image, 64)["block2_conv1"]
    >>> assert np.allclose(tiled, vgg(image)["block2_conv1"], rtol=1e-3, atol=1e-2)
    """

    def __init__(self, extractor: Any, image: Image, tile: int) -> None:
        self._extractor, self._image, self._tile = extractor, image, tile
        self.picture = "image"
        # Nothing of these is computed: they tell which layers there are.
        self._some = extractor(image_tensor(image[:LEAST, :LEAST], self._dtype))
        self._shapes: dict[str, tuple[int, ...]] = {}

    @property
    def _dtype(self) -> str:
        return image_dtype(self._extractor)

    @property
    def digest(self) -> str | None:
        """What names the network."""
        return getattr(self._some, "digest", None)

    @property
    def padding(self) -> Padding | None:
        """What the network sees beyond the border."""
        return getattr(self._some, "padding", None)

    def receptive_field(self, layer: str) -> Field:
        """Return what the units of a layer see."""
        return tiled_field(self._some, layer)

    def turned(self, quarters: int) -> FeaturesInTiles:
        """Return the features of the turned image."""
        turned = np.ascontiguousarray(np.rot90(self._image, quarters))
        return FeaturesInTiles(self._extractor, turned, self._tile)

    def shape_of(self, layer: str) -> tuple[int, ...]:
        """Return a layer's shape, without computing it."""
        size = 1, *self._image.shape
        if layer == "input":
            return size
        if layer not in self._shapes:

            def look(image: Tensor) -> Tensor:
                return self._extractor(image)[layer]

            self._shapes[layer] = tuple(shape_traced(look, size, self._dtype))
        return self._shapes[layer]

    def parts(self, layer: str) -> Iterator[tuple[tuple[slice, slice], Tensor]]:
        """Yield the parts of a layer that tiles have: their rows and columns, and (1, h, w, C).

        Every position of the layer is in one of them.
        """
        if layer == "input":
            yield (slice(None), slice(None)), image_tensor(self._image, self._dtype)
            return
        field, sides = self.receptive_field(layer), self.shape_of(layer)[1:3]
        size = self._image.shape[0], self._image.shape[1]
        torus = self.padding == "wrap"
        for tile in tiles_of(self._extractor, size, {layer: field}, self._tile, torus):
            window = image_tensor(tile.window(self._image), self._dtype)
            seen = name_picture(self._extractor(window), self.picture)[layer]
            spans = tile.rows, tile.columns
            rows, columns = (
                span.places(field.step, side) for span, side in zip(spans, sides, strict=True)
            )
            top, left = (span.begin // field.step for span in spans)
            height, width = rows.stop - rows.start, columns.stop - columns.start
            yield (rows, columns), seen[:, top : top + height, left : left + width]

    def __getitem__(self, layer: str) -> Tensor:
        """Return a layer, computing it tile by tile."""
        if layer == "input":
            return image_tensor(self._image, self._dtype)
        whole: NDArray[Any] | None = None
        for place, part in self.parts(layer):
            if whole is None:
                dtype = keras.backend.standardize_dtype(part.dtype)
                whole = np.empty(self.shape_of(layer)[1:], dtype)
            whole[place] = part[0]
        return ops.convert_to_tensor(whole)[None]

    def __contains__(self, layer: object) -> bool:
        """Tell whether there is a layer of this name."""
        return layer in self._some

    def __iter__(self) -> Iterator[str]:
        """Iterate over the layers' names."""
        return iter(self._some)

    def __len__(self) -> int:
        """Return how many layers there are."""
        return len(self._some)
