"""Style and content as similarities between positions: the losses of STROTSS."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, final

import numpy as np
from keras import ops

from neuralstyle._checks import choice, whole_number
from neuralstyle._types import Tensor
from neuralstyle.losses.directions import directions, lengths
from neuralstyle.losses.layers import STYLE_LAYERS, LayeredLoss, Layers, Normalize
from neuralstyle.losses.masks import Mask, MaskLike, as_mask, region_at
from neuralstyle.losses.shapes import Shapes, feature_at
from neuralstyle.losses.statistics import positions

Distance: TypeAlias = Literal["cosine", "euclidean"]

FLATNESS = 1e-6
"""Lower limit of a position's mean distance from all, which it is divided by: the rounding errors
of positions that are all alike are no distances."""


@final
class RelaxedEMDLoss(LayeredLoss):
    r"""Relaxed earth mover's distance of the positions: the style loss of STROTSS.

    .. math:: L = \sum_l w_l\, c_l \max\left(
              \operatorname{mean}_i \min_j d(F^l_i, S^l_j),
              \operatorname{mean}_j \min_i d(F^l_i, S^l_j) \right)

    with i and j positions of the generated image and of the target, and d one minus the cosine of
    the angle between their features, or the Euclidean distance of these.

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the style image, of any size.
    layers : str, sequence of str or mapping from str to float, default `STYLE_LAYERS`
    samples : int, at least 1, default 1024
        Positions of each image that are looked at, drawn at random; all if there are not more.
    distance : {"cosine", "euclidean"}, default "cosine"
    normalize : {"relative", "mean", "paper"}, default "relative"
        Of Euclidean distances: :math:`c_l = 1 / \operatorname{mean}_j \|S^l_j\|` (``"relative"``),
        :math:`1 / \sqrt N` (``"mean"``: the root of the mean over channels, as in the authors'
        code) or 1 (``"paper"``). Cosines have no scale: 1.
    mask, target_mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region of the generated image, and that of the style image, that are compared: the
        positions where the mask is above 1/2.
    seed : int, default 0
        Chooses the positions, which depend on nothing else but an image's size and mask.
    name : str, default "relaxed_emd"

    Raises
    ------
    KeyError
        If the target has no such layer.
    TypeError, ValueError
        If a feature map is not a batch of one, if `layers`, `samples`, `distance`, `normalize`,
        `mask` or `target_mask` is not of the form above, or, when called, if a region vanishes at
        every layer.

    Notes
    -----
    The first mean asks that everything in the picture be found in the style, the second that
    everything in the style be found in the picture. Cosine distances of features that are not
    negative lie in [0, 1]; 1 is that of features that are all zero, and so is the relative form of
    Euclidean ones. (Zero has no direction: its cosine counts as 1 with zero and 0 with others.)

    Positions are drawn once, where the authors draw anew, so that an optimiser sees one function.
    Layers are compared one by one; the authors' code puts all layers of a position together.

    References
    ----------
    Kolkin, Salavon and Shakhnarovich, Style Transfer by Relaxed Optimal Transport and
    Self-Similarity, CVPR 2019.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0]]]])}
    >>> image = {"features": np.array([[[[1.0, 0.0], [0.0, 1.0]]]])}
    >>> float(RelaxedEMDLoss(target, "features")(image))
    0.5
    """

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = STYLE_LAYERS,
        *,
        samples: int = 1024,
        distance: Distance = "cosine",
        normalize: Normalize = "relative",
        mask: MaskLike | None = None,
        target_mask: MaskLike | None = None,
        seed: int = 0,
        name: str = "relaxed_emd",
    ) -> None:
        self.distance: Distance = choice("distance", distance, ("cosine", "euclidean"))
        self.samples: int = whole_number("samples", samples, 1)
        self.seed: int = whole_number("seed", seed, 0)
        self._targets: dict[str, Tensor] = {}
        self._scales: dict[str, Tensor | float] = {}
        shapes = self._look_at(target, layers, normalize, name, mask)
        target_mask = as_mask(target_mask, "target_mask")
        views = self._where_left(lambda layer: self.view(target_mask, layer, shapes))
        for layer, view in views.items():
            feature = feature_at(target, layer, "target")
            points = self.statistic_of(feature, view)
            self._targets[layer] = points
            self._scales[layer] = 1.0
            if distance == "euclidean" and normalize == "mean":
                self._scales[layer] = 1 / math.sqrt(feature.shape[-1])
            elif distance == "euclidean" and normalize == "relative":
                norm = ops.mean(lengths(points))
                self._scales[layer] = 1 / ops.where(norm > 0, norm, ops.ones_like(norm))

    def view(self, mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the positions to draw from, if not all."""
        return region_at(mask, layer, shapes)

    def target(self, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the target's points."""
        return {"points": self._targets[layer], "factor": self._scales[layer]}

    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> Tensor:
        """Return the features, or their directions, at the positions drawn."""
        points = sampled(feature, self.samples, self.seed, view.get("region"))
        return directions(points) if self.distance == "cosine" else points

    def distance_to(self, statistic: Tensor, target: Mapping[str, Any]) -> Tensor:
        """Return the larger of the two mean distances to what is nearest."""
        points, others = statistic, target["points"]
        # Which is the nearest is constant in the gradient of a minimum; so the distances of all
        # pairs, which lose digits where they are small, only have to tell which it is.
        squares = [ops.sum(ops.square(x), axis=-1) for x in (points, others)]
        products = ops.matmul(points, ops.transpose(others))
        apart = squares[0][:, None] + squares[1] - 2 * products
        to = points - ops.take(others, ops.argmin(apart, axis=1), axis=0)
        fro = ops.take(points, ops.argmin(apart, axis=0), axis=0) - others
        nearest = ops.maximum(*map(self._mean_length, (to, fro)))
        return ops.convert_to_tensor(target["factor"], nearest.dtype) * nearest

    def _mean_length(self, differences: Tensor) -> Tensor:
        if self.distance == "euclidean":
            return ops.mean(lengths(differences))
        # Half the squared difference of two directions is one minus their cosine.
        return ops.mean(ops.sum(ops.square(differences), axis=-1)) / 2


@final
class SelfSimilarityLoss(LayeredLoss):
    r"""Difference of the similarities among an image's positions: the content loss of STROTSS.

    .. math:: L = \sum_l w_l\, c_l \operatorname{mean}_{ij} \left|
              \frac{D^F_{ij}}{\sum_i D^F_{ij}} - \frac{D^P_{ij}}{\sum_i D^P_{ij}} \right|

    with :math:`D^F_{ij}` one minus the cosine of the angle between the features of the positions i
    and j of the generated image, :math:`D^P` the same of the target, and :math:`c_l` the number n
    of positions (``"relative"``) or 1 (``"mean"`` and ``"paper"``).

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the content image.
    layers : str, sequence of str or mapping from str to float, default "block4_conv2"
    samples : int, at least 1, default 1024
        Positions that are looked at, drawn at random, the same of both images; all if there are not
        more.
    normalize : {"relative", "mean", "paper"}, default "relative"
    mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region that is compared: the positions where it is above 1/2.
    seed : int, default 0
        Chooses the positions, which depend on nothing else but the image's size and the mask.
    name : str, default "self_similarity"

    Raises
    ------
    KeyError
        If the target has no such layer.
    TypeError, ValueError
        If a feature map is not a batch of one, if `layers`, `samples`, `normalize` or `mask` is not
        of the form above, or, when called, if the region vanishes at every layer or the generated
        image's features have another height or width than the target's.

    Notes
    -----
    What is alike in the content shall be alike in the picture, whatever it looks like: features may
    change, as a style wants, as long as they change together.

    Every column of D sums to 1, so its mean entry is 1 / n: the relative form is the authors' code,
    which multiplies by n. It lies in [0, 2], and is 1 for features that are all alike (or all
    zero), as nothing differs then.

    References
    ----------
    Kolkin, Salavon and Shakhnarovich, Style Transfer by Relaxed Optimal Transport and
    Self-Similarity, CVPR 2019.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]]])}
    >>> image = {"features": np.array([[[[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]]])}
    >>> round(float(SelfSimilarityLoss(target, "features")(image)), 6)
    1.333333
    """

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = "block4_conv2",
        *,
        samples: int = 1024,
        normalize: Normalize = "relative",
        mask: MaskLike | None = None,
        seed: int = 0,
        name: str = "self_similarity",
    ) -> None:
        self.samples: int = whole_number("samples", samples, 1)
        self.seed: int = whole_number("seed", seed, 0)
        shapes = self._look_at(target, layers, normalize, name, mask)
        self._sizes = {layer: shapes[layer][1:3] for layer in self.layers}
        views = self._where_left(lambda layer: self.view(self.mask, layer, shapes))
        self._targets = {
            layer: self.statistic_of(feature_at(target, layer, "target"), view)
            for layer, view in views.items()
        }

    def view(self, mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the positions to draw from, if not all."""
        return region_at(mask, layer, shapes)

    def target(self, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Check the size, and return the similarities to compare with."""
        size = shapes[layer][1:3]
        if size != tuple(self._sizes[layer]):
            raise ValueError(
                f"loss {self.name!r}: expected features of the target's size {self._sizes[layer]} "
                f"at layer {layer!r}, received {size}; content image and generated image must have "
                "the same size"
            )
        return {"similarities": self._targets[layer]}

    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> Tensor:
        """Return the distances among the positions drawn, divided by their sums."""
        points = directions(sampled(feature, self.samples, self.seed, view.get("region")))
        apart = 1 - ops.matmul(points, ops.transpose(points))
        floor = FLATNESS * apart.shape[0]
        return apart / ops.maximum(ops.sum(apart, axis=0), floor)

    def distance_to(self, statistic: Tensor, target: Mapping[str, Any]) -> Tensor:
        """Return the mean absolute difference."""
        total = ops.sum(ops.abs(statistic - target["similarities"]))
        count = statistic.shape[0]
        return total / (count if self.normalize == "relative" else count**2)


def sampled(feature: Tensor, count: int, seed: int, region: Tensor | None) -> Tensor:
    """Return the features of at most so many of a region's positions, which a seed chooses.

    They are of shape (positions, C).
    """
    points = positions(feature)
    if region is not None:
        points = ops.take(points, region, axis=0)
    if points.shape[0] <= count:
        return points
    chosen = np.random.default_rng(seed).choice(points.shape[0], count, replace=False)
    return ops.take(points, chosen, axis=0)
