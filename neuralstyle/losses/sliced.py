"""Style as the joint distribution of features, seen along random directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from keras import ops

from neuralstyle._checks import whole_number
from neuralstyle._types import Tensor
from neuralstyle.losses.layers import STYLE_LAYERS, Layers, Normalize
from neuralstyle.losses.masks import Mask, MaskLike, as_mask
from neuralstyle.losses.quantiles import QuantileLoss
from neuralstyle.losses.shapes import Shapes, dtype_of
from neuralstyle.losses.statistics import orthonormal_directions, projections


@final
class SlicedWassersteinLoss(QuantileLoss):
    r"""Squared Wasserstein distance of the features projected onto random directions.

    .. math:: L = \sum_l w_l\, c_l \operatorname{mean}_d W_2^2(v_d^\top F^l, v_d^\top S^l)

    with :math:`v_d` fixed unit directions, :math:`W_2^2` the squared distance of the sorted
    projections as in `HistogramLoss`, and :math:`c_l = 1 / \operatorname{mean} (v_d^\top S)^2`
    (``"relative"``) or 1 (``"mean"`` and ``"paper"``, which is a mean already).

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the style image, of any size.
    layers : str, sequence of str or mapping from str to float, default `STYLE_LAYERS`
    directions : int, at least 1, default 32
        Number of directions for each layer.
    patch_size : int, at least 1, default 1
        k, for neighbourhoods of k by k positions in place of single ones. On the layer ``"input"``
        these are the patches of the image.
    pool : int, at least 1, default 1
        Side of the squares over which features are averaged first: the same `patch_size` then sees
        larger forms. What the squares leave at the right and the lower edge is not looked at.
    normalize : {"relative", "mean", "paper"}, default "relative"
    mask, target_mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region of the generated image, and that of the style image, that are compared: the
        positions where the mask is above 1/2. Of patches, those
        with their middle there.
    seed : int, default 0
        Draws the directions, and chooses the fixed order in which equal values are matched.
    name : str, default "sliced"

    Raises
    ------
    KeyError
        If the target has no such layer.
    TypeError, ValueError
        If a feature map is not a batch of one or smaller than a patch, if an argument is not of the
        form above, or, when called, if a region vanishes at every layer.

    Notes
    -----
    Along all directions the distances are zero only if the features have the same joint
    distribution: a sliced loss sees both what each channel's values are (as `HistogramLoss`) and
    how channels go together (as `StyleLoss`, in their second moments).

    Heitz et al. draw as many directions as there are channels, anew at every evaluation. Here they
    are drawn once, so that the loss is one function, whose values a line search can compare. Within
    each group of as many as there are dimensions, directions are at right angles; as many as there
    are channels thus see a shift d of all features as exactly :math:`|d|^2 / N`, N the channels.

    The relative form is divided by the mean square of the target's own projections rather than by
    its expectation over all directions, so that it is 1 for features that are zero whatever the
    directions.

    References
    ----------
    Heitz, Vanhoey, Chambon and Belcour, A Sliced Wasserstein Loss for Neural Texture Synthesis,
    CVPR 2021. Patches: Elnekave and Weiss, Generating Natural Images with Direct Patch
    Distributions Matching, ECCV 2022.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0], [0.0, 1.0]]]])}
    >>> shifted = {"features": np.array([[[[3.0, 0.0], [2.0, 1.0]]]])}
    >>> loss = SlicedWassersteinLoss(target, "features", directions=2, normalize="mean")
    >>> round(float(loss(shifted)), 6)
    2.0
    """

    _published_as_sum = False

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = STYLE_LAYERS,
        *,
        directions: int = 32,
        patch_size: int = 1,
        pool: int = 1,
        normalize: Normalize = "relative",
        mask: MaskLike | None = None,
        target_mask: MaskLike | None = None,
        seed: int = 0,
        name: str = "sliced",
    ) -> None:
        self.directions: int = whole_number("directions", directions, 1)
        self.patch_size: int = whole_number("patch_size", patch_size, 1)
        self.pool: int = whole_number("pool", pool, 1)
        self.seed: int = whole_number("seed", seed, 0)
        shapes = self._look_at(target, layers, normalize, name, mask)
        self._kernels = {
            layer: self._kernel(shapes[layer][-1], dtype_of(target[layer])) for layer in self.layers
        }
        self._keep(target, as_mask(target_mask, "target_mask"), shapes)

    def _kernel(self, channels: int, dtype: str) -> Tensor:
        shape = (self.patch_size, self.patch_size, channels)
        vectors = orthonormal_directions(int(np.prod(shape)), self.directions, self.seed)
        return ops.convert_to_tensor(vectors.reshape(*shape, self.directions), dtype)

    def view(self, mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the directions, and the positions to look at, if not all."""
        return {"kernel": self._kernels[layer], **super().view(mask, layer, shapes)}

    def _values(self, feature: Tensor, view: Mapping[str, Any]) -> tuple[Tensor, bool]:
        if self.pool > 1:
            feature = ops.average_pool(feature, self.pool, self.pool, data_format="channels_last")
        return projections(feature, view["kernel"]), False
