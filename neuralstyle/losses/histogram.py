"""Style as every channel's distribution of values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from keras import ops

from neuralstyle._checks import whole_number
from neuralstyle._types import Tensor
from neuralstyle.losses.layers import Layers, Normalize
from neuralstyle.losses.masks import MaskLike, as_mask
from neuralstyle.losses.quantiles import QuantileLoss
from neuralstyle.losses.statistics import positions

FEW = 4
"""Channels of which values are sorted where they are: turned, pixels would take their memory again,
while every column of many channels would be as long a way through memory as all of them."""


@final
class HistogramLoss(QuantileLoss):
    r"""Squared Wasserstein distance of every channel's values: the histogram loss.

    .. math:: L = \sum_l w_l\, c_l \operatorname{mean}_c W_2^2(F^l_c, S^l_c), \qquad
              W_2^2(F_c, S_c) = \int_0^1 \left(F_c^{-1}(t) - S_c^{-1}(t)\right)^2 dt

    with :math:`F_c^{-1}` the sorted values of a channel as a step function, and :math:`c_l = 1 /
    \operatorname{mean} S^2` (``"relative"``), 1 (``"mean"``) or :math:`NM` (``"paper"``: the sum
    over channels and positions).

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the style image, of any size.
    layers : str, sequence of str or mapping from str to float
        Default ``("block1_conv1", "block4_conv1")``, fine detail and coarse.
    normalize : {"relative", "mean", "paper"}, default "relative"
    mask, target_mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region of the generated image, and that of the style image, that are compared: the
        positions where the mask is above 1/2.
    seed : int, default 0
        Chooses the fixed random order in which equal values are matched.
    name : str, default "histogram"

    Raises
    ------
    KeyError
        If the target has no such layer.
    TypeError, ValueError
        If a feature map is not a batch of one, if `layers`, `normalize`, `seed`, `mask` or
        `target_mask` is not of the form above, or, when called, if a region vanishes at every
        layer.

    Notes
    -----
    With images of one size this is :math:`\operatorname{mean} (O - R(O))^2` of Risser et al., with
    R the exact matching by rank instead of by 256 bins, and :math:`2 (O - R(O)) / NM` is its true
    gradient, not an approximation. Unequal sizes are matched through the mean of the target's
    quantiles over each cell, which gives the exact distance and gradient too; it does not reach
    zero then, for a picture of fewer positions cannot hold every value of a larger one.

    Values that are equal, as zeros after a ReLU, are ordered by a permutation that `seed` fixes,
    never by scan order: see `neuralstyle.statistics.sorted_values`.

    References
    ----------
    Risser, Wilmot and Barnes, Stable and Controllable Neural Texture Synthesis and Style Transfer
    Using Histogram Losses, arXiv 1701.08893, 2017.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0], [0.0, 1.0]]]])}
    >>> image = {"features": np.array([[[[1.0, 3.0], [2.0, 4.0]]]])}
    >>> float(HistogramLoss(target, layers="features", normalize="mean")(image))
    5.0
    """

    _published_as_sum = True

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = ("block1_conv1", "block4_conv1"),
        *,
        normalize: Normalize = "relative",
        mask: MaskLike | None = None,
        target_mask: MaskLike | None = None,
        seed: int = 0,
        name: str = "histogram",
    ) -> None:
        self.seed: int = whole_number("seed", seed, 0)
        shapes = self._look_at(target, layers, normalize, name, mask)
        self._keep(target, as_mask(target_mask, "target_mask"), shapes)

    def _values(self, feature: Tensor, view: Mapping[str, Any]) -> tuple[Tensor, bool]:
        values = positions(feature)
        columns = feature.shape[-1] <= FEW
        return (values if columns else ops.transpose(values)), columns
