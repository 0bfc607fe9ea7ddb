"""Style as patches: every one of the image's should be one of the style's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np
from keras import ops

from neuralstyle._checks import whole_number
from neuralstyle._types import Tensor
from neuralstyle.losses.layers import (
    LayeredLoss,
    Layers,
    Normalize,
    mean_squared,
    scale,
)
from neuralstyle.losses.masks import Mask, MaskLike, as_mask, region_at
from neuralstyle.losses.shapes import Shapes
from neuralstyle.losses.statistics import positions

BLOCK = 2**20
"""Correlations that are computed at a time: of as many rows of positions as make about these. A few
arrays of this size are the memory that the search takes."""


@final
class PatchLoss(LayeredLoss):
    r"""Squared difference of every patch from the most similar of the style: the MRF loss.

    .. math:: L = \sum_l w_l\, c_l \operatorname{mean}_i \left\|\Psi_i(F^l) -
              \Psi_{n(i)}(S^l)\right\|^2, \qquad
              n(i) = \operatorname*{argmax}_j \frac{\langle\Psi_i(F^l), \Psi_j(S^l)\rangle}
              {\|\Psi_i(F^l)\| \|\Psi_j(S^l)\|}

    with :math:`\Psi_i` the features of k x k neighbouring positions, :math:`c_l = 1 /
    \operatorname{mean}_j \|\Psi_j(S^l)\|^2` (``"relative"``), :math:`1 / (k^2 N)` (``"mean"``) or
    the number of patches of the generated image (``"paper"``: the sum).

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the style image, of any size.
    layers : str, sequence of str or mapping from str to float
        Default ``("block3_conv1", "block4_conv1")``.
    patch_size : int, at least 1, default 3
        Height and width k of a patch, in positions.
    stride : int, at least 1, default 1
        Step from patch to patch in either direction, in both images. 2 is about four times as
        fast, and what the authors' code uses.
    normalize : {"relative", "mean", "paper"}, default "relative"
    mask, target_mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region of the generated image, and that of the style image, that are compared: the
        patches in the middle of which the mask is above 1/2.
    name : str, default "patch"

    Raises
    ------
    KeyError
        If the target has no such layer.
    TypeError, ValueError
        If a feature map is not a batch of one or smaller than a patch, if `layers`, `patch_size`,
        `stride`, `normalize`, `mask` or `target_mask` is not of the form above, or, when
        called, if a region vanishes at every layer.

    Notes
    -----
    Which patch is the most similar is constant in the gradient, which is exact wherever that does
    not change; where it does, the value may jump, for the search goes by direction and the loss by
    difference. A patch that is all zero has no direction and is compared with the style's first; so
    the relative form is not 1 for features that are all zero, but for patches that are as far from
    their matches as the style's are from zero, in the mean.

    The search compares all pairs: the work grows with the product of the images' areas, and soon
    exceeds the network's. The products of all positions are computed once and summed along patches,
    block by block, so that its memory stays at some tens of MB however large the images are.

    References
    ----------
    Li and Wand, Combining Markov Random Fields and Convolutional Neural Networks for Image
    Synthesis, CVPR 2016.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0], [0.0, 2.0]]]])}
    >>> image = {"features": np.array([[[[3.0, 1.0], [2.0, 1.0], [0.0, 3.0]]]])}
    >>> float(PatchLoss(target, "features", patch_size=1, normalize="paper")(image))
    8.0
    """

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = ("block3_conv1", "block4_conv1"),
        *,
        patch_size: int = 3,
        stride: int = 1,
        normalize: Normalize = "relative",
        mask: MaskLike | None = None,
        target_mask: MaskLike | None = None,
        name: str = "patch",
    ) -> None:
        self.patch_size: int = whole_number("patch_size", patch_size, 1)
        self.stride: int = whole_number("stride", stride, 1)
        self._targets: dict[str, Tensor] = {}
        self._inverse_norms: dict[str, Tensor] = {}
        self._barred: dict[str, Tensor] = {}
        self._scales: dict[str, Tensor | float] = {}
        shapes = self._look_at(target, layers, normalize, name, mask)
        target_mask = as_mask(target_mask, "target_mask")
        for layer in self.layers:
            self._check_size(layer, shapes, "target")
        views = self._where_left(lambda layer: self.view(target_mask, layer, shapes))
        for layer, view in views.items():
            feature = self._feature(target, layer, "target")
            parts = self._parts(feature[0]).values()
            means = sum(ops.mean(ops.square(part), axis=-1) for part in parts) / len(parts)
            lengths = ops.sqrt(means)
            self._targets[layer] = feature[0]
            self._inverse_norms[layer] = ops.where(lengths > 0, 1 / lengths, lengths)
            if view:
                barred = np.full(lengths.shape, -math.inf, np.asarray(lengths).dtype)
                barred.flat[view["region"]] = 0.0
                self._barred[layer] = ops.convert_to_tensor(barred)
                lengths = ops.take(lengths, view["region"])
            self._scales[layer] = scale(normalize, lengths, paper=1)

    @property
    def beyond(self) -> int:
        """How many positions behind its first a patch reaches."""
        return self.patch_size - 1

    def view(self, mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the patches to look at, if not all."""
        return region_at(mask, layer, shapes, self.patch_size, self.stride)

    def target(self, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Check the size, and return the style's features and what the search needs of them."""
        self._check_size(layer, shapes, "features")
        barred = {"barred": self._barred[layer]} if layer in self._barred else {}
        return {
            "style": self._targets[layer],
            "inverse_norms": self._inverse_norms[layer],
            "factor": self._scales[layer],
            **barred,
        }

    def statistic_of(
        self, feature: Tensor, view: Mapping[str, Any]
    ) -> tuple[Tensor, Tensor | None]:
        """Return the features themselves, and which patches of them are compared."""
        return feature[0], view.get("region")

    def distance_to(
        self, statistic: tuple[Tensor, Tensor | None], target: Mapping[str, Any]
    ) -> Tensor:
        """Return the squared difference of every patch from the most similar of the style."""
        image, region = statistic
        style = target["style"]
        corners = most_similar(
            ops.stop_gradient(image),
            style,
            target["inverse_norms"],
            self.patch_size,
            self.stride,
            target.get("barred"),
        )
        flat, parts = positions(style), self._parts(image)
        if region is not None:
            corners = ops.take(corners, region)
            parts = {at: ops.take(positions(part), region, axis=0) for at, part in parts.items()}
        distance = sum(
            mean_squared(part, ops.take(flat, corners + (y * style.shape[1] + x), axis=0))
            for (y, x), part in parts.items()
        ) / len(parts)
        if self.normalize == "paper":
            distance = distance * sum(math.prod(part.shape) for part in parts.values())
        return ops.convert_to_tensor(target["factor"], distance.dtype) * distance

    def _parts(self, feature: Tensor) -> dict[tuple[int, int], Tensor]:
        """Return, for every place within a patch, what all patches have there: (rows, columns, C).

        Together they are the patches; never put together, they take less memory.
        """
        height, width = (size - self.patch_size + 1 for size in feature.shape[:2])
        return {
            (y, x): feature[y : y + height : self.stride, x : x + width : self.stride]
            for y, x in itertools.product(range(self.patch_size), repeat=2)
        }

    def _check_size(self, layer: str, shapes: Shapes, argument: str) -> None:
        height, width = shapes[layer][1:3]
        if min(height, width) < self.patch_size:
            raise ValueError(
                f"{argument}: expected at least {self.patch_size} x {self.patch_size} positions, "
                f"one patch, at layer {layer!r}, received {width} x {height}"
            )


def most_similar(
    image: Tensor,
    style: Tensor,
    inverse_norms: Tensor,
    size: int,
    stride: int,
    barred: Tensor | None = None,
) -> Tensor:
    """Find the most similar patch of a style for every patch of an image.

    Parameters
    ----------
    image : tensor, shape (H, W, C)
    style : tensor, shape (I, J, C)
    inverse_norms : tensor
        What to multiply products with each patch of the style by, shape (its rows, its columns).
    size, stride : int
    barred : tensor, of the shape of `inverse_norms`, optional
        Minus infinity for patches of the style that are not to be found, 0 for the others.

    Returns
    -------
    tensor of int32, shape (rows, columns)
        For each patch of the image, the upper left position of the style's, counted along rows.
    """
    (rows, columns), (style_rows, style_columns) = (
        tuple((n - size) // stride + 1 for n in feature.shape[:2]) for feature in (image, style)
    )
    block, style_block = block_rows(rows, image, stride), block_rows(style_rows, style, stride)
    style_blocks = -(-style_rows // style_block)
    steps = -(-rows // block) * style_blocks

    def unfinished(step: Tensor, best: Tensor, corners: Tensor) -> Tensor:
        # The second is always so, but has to wait for the step before: TensorFlow would otherwise
        # begin many steps at once, and hold their products in memory.
        return ops.logical_and(step < steps, best[0, 0] < math.inf)

    def compare(step: Tensor, best: Tensor, corners: Tensor) -> tuple[Tensor, ...]:
        # The last blocks overlap those before, so that all are of one shape.
        row = ops.minimum(step // style_blocks * block, rows - block)
        style_row = ops.minimum(step % style_blocks * style_block, style_rows - style_block)
        products = patch_products(
            rows_of(image, row * stride, (block - 1) * stride + size),
            rows_of(style, style_row * stride, (style_block - 1) * stride + size),
            size,
            stride,
        )
        scores = products * ops.reshape(rows_of(inverse_norms, style_row, style_block), (-1,))
        if barred is not None:
            scores = scores + ops.reshape(rows_of(barred, style_row, style_block), (-1,))
        index = ops.cast(ops.argmax(scores, axis=-1), "int32")
        corner = (index // style_columns + style_row) * style.shape[1] + index % style_columns
        score = ops.max(scores, axis=-1)
        before = rows_of(best, row, block)
        better = score > before
        corner = ops.where(better, corner * stride, rows_of(corners, row, block))
        return (
            step + 1,
            ops.slice_update(best, (row, 0), ops.maximum(score, before)),
            ops.slice_update(corners, (row, 0), corner),
        )

    start = (
        ops.convert_to_tensor(0),
        ops.full((rows, columns), -math.inf, image.dtype),
        ops.zeros((rows, columns), "int32"),
    )
    _, _, corners = ops.while_loop(unfinished, compare, start)
    return corners


def patch_products(image: Tensor, style: Tensor, size: int, stride: int) -> Tensor:
    """Return the inner products of all patches: (rows, columns, the style's patches).

    One matrix product of positions serves all patches that hold them: summing it along a patch's
    rows and columns is much less work than multiplying patches that overlap.
    """
    rows, columns, style_rows, style_columns = (
        (n - size) // stride + 1 for n in (*image.shape[:2], *style.shape[:2])
    )
    total = 0.0
    # Only positions at the same place within their patches meet; with a stride there are classes.
    for y, x in itertools.product(range(min(size, stride)), repeat=2):
        a, b = image[y::stride, x::stride], style[y::stride, x::stride]
        product = ops.matmul(positions(a), ops.transpose(positions(b)))
        product = ops.reshape(product, (*a.shape[:2], *b.shape[:2]))
        product = sum(
            product[i : i + rows, :, i : i + style_rows] for i in range(len(range(y, size, stride)))
        )
        total += sum(
            product[:, i : i + columns, :, i : i + style_columns]
            for i in range(len(range(x, size, stride)))
        )
    return ops.reshape(total, (rows, columns, -1))


def block_rows(rows: int, feature: Tensor, stride: int) -> int:
    """Return how many rows of patches to look at together: as equally many as can be."""
    patches_of_row = feature.shape[1] / stride
    blocks: int = min(rows, math.ceil(rows * patches_of_row / math.sqrt(BLOCK)))
    return math.ceil(rows / blocks)


def rows_of(tensor: Tensor, start: Tensor, count: int) -> Tensor:
    """Return some rows of a tensor."""
    return ops.slice(tensor, (start, *(0,) * (len(tensor.shape) - 1)), (count, *tensor.shape[1:]))
