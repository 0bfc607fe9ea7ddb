"""Features of large pictures, computed tile by tile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, final

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._types import Image, Padding, Tensor
from neuralstyle.features.base import image_dtype, image_tensor, name_picture
from neuralstyle.features.fields import Field
from neuralstyle.features.tiles import LEAST, field_of, tiles_of


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
        return field_of(layer, self._some, self._extractor)

    def turned(self, quarters: int) -> FeaturesInTiles:
        """Return the features of the turned image."""
        turned = np.ascontiguousarray(np.rot90(self._image, quarters))
        return FeaturesInTiles(self._extractor, turned, self._tile)

    def __getitem__(self, layer: str) -> Tensor:
        """Return a layer, computing it tile by tile."""
        if layer == "input":
            return image_tensor(self._image, self._dtype)
        field = self.receptive_field(layer)
        size = self._image.shape[0], self._image.shape[1]
        torus = self.padding == "wrap"
        whole: NDArray[Any] | None = None
        for tile in reversed(tiles_of(self._extractor, size, {layer: field}, self._tile, torus)):
            window = image_tensor(tile.window(self._image), self._dtype)
            seen = np.asarray(name_picture(self._extractor(window), self.picture)[layer])[0]
            spans = tile.rows, tile.columns
            offsets = [span.begin // field.step for span in spans]
            if whole is None:  # the last tile has the end of the layer
                ends = [
                    span.first // field.step + side - offset
                    for span, side, offset in zip(spans, seen.shape[:2], offsets, strict=True)
                ]
                if torus:
                    ends = [side // field.step for side in size]
                whole = np.empty((*ends, seen.shape[2]), seen.dtype)
            rows, columns = (
                span.places(field.step, side)
                for span, side in zip(spans, whole.shape[:2], strict=True)
            )
            core = seen[offsets[0] :, offsets[1] :]
            whole[rows, columns] = core[: rows.stop - rows.start, : columns.stop - columns.start]
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
