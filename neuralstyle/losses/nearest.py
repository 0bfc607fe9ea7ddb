"""Style as nearest neighbours: every position of the picture is to be like one of the style."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np
from keras import ops

from neuralstyle._checks import truth, whole_number
from neuralstyle._types import Tensor
from neuralstyle.losses.columns import column_parts
from neuralstyle.losses.directions import directions, joint_directions
from neuralstyle.losses.layers import LayeredLoss, Layers
from neuralstyle.losses.masks import Mask, MaskLike, Vanished, as_mask, region_at, where_left
from neuralstyle.losses.names import NEAREST_LAYERS
from neuralstyle.losses.shapes import Shapes, dtype_of, feature_at
from neuralstyle.losses.statistics import positions

BLOCK = 2**28
"""Bytes of the cosines that are computed at a time, where a whole picture is matched."""

SIDE = 64
"""Most positions along a side that are looked at where matches are found anew."""


Seen: TypeAlias = tuple[Mapping[str, Tensor], Mask | None]
"""Features of a picture, and its mask."""


@final
class NearestLoss(LayeredLoss):
    r"""Cosine distance of every position from the nearest of the style: the loss of NNST.

    .. math:: L = \operatorname{mean}_i \left(1 - \cos(\phi_i(x), \phi_{n(i)}(S))\right), \qquad
              n(i) = \operatorname*{argmax}_j
              \cos(\phi_i(x_0) - \bar\phi(x_0), \phi_j(S) - \bar\phi(S))

    where it is frozen, with :math:`\phi_i` the hypercolumn of a position (the features of all
    layers there, those of layer l times :math:`w_l / N_l`, with N channels), S the style and
    :math:`x_0` the source: what is nearest is found once. Else, layer by layer,

    .. math:: L = \sum_l w_l \operatorname{mean}_i \min_j \left(1 -
              \cos(F^l_i - \bar F^l, S^l_j - \bar S^l)\right)

    Parameters
    ----------
    target : mapping from str to tensor, each (1, H, W, C)
        Features of the style image, of any size.
    layers : str, sequence of str or mapping from str to float
        By default the ten layers of VGG16 from ``"block1_conv1"`` to ``"block4_conv3"``.
    source : mapping from str to tensor, optional
        Features of the picture that matches are found for, of the generated image's size: where it
        is to be frozen, and then required. The content, or what was painted so far.
    center : bool, default True
        Subtract the mean from the vectors that are matched; without it all vectors point in nearly
        one direction, and few of them are ever the nearest.
    turns : int from 1 to 4, default 4
        Take vectors of the style as it is, and turned by this many quarters less one: strokes of
        every direction then lie in four. It asks for features that can be turned
        (`Features.turned`); 1 takes any.
    frozen : bool, default True
        Whether matches are found once, for `source`, or anew at every evaluation.
    pool : int, at least 1, default 4
        Side, in pixels, of the squares that hypercolumns stand for.
    seed : int, default 0
        Chooses where the grid of positions begins, where they are too many to match anew.
    mask, target_mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region of the generated image, and that of the style image, that are compared: the
        positions where the mask is above 1/2. Hypercolumns take it as the mean over their square of
        pixels, whatever its propagation.
    name : str, default "nearest"

    Raises
    ------
    KeyError
        If the target has no such layer, or hypercolumns are asked of features without ``"input"``.
    TypeError, ValueError
        If a feature map is not a batch of one, if an option is not of the form above, if there is a
        source where matches are found anew or none where they are frozen, or, when called, if a
        region vanishes or the generated image has another size than the source.

    Notes
    -----
    A frozen match is a target of its own for every position: the loss is smooth, and suits L-BFGS.
    Layers larger than the grid of hypercolumns are averaged over squares, smaller ones interpolated
    linearly. (The authors' code interpolates in both cases, which skips most positions of the
    first layers.) The products of all pairs of positions are computed in blocks of 256 MB.

    A turned picture has other features than the picture, in another arrangement; turning the
    feature maps alone would only rearrange the same vectors. The mean that is subtracted of the
    style is that of the picture as it is, so that its own features are nearest to themselves.

    Where matches are found anew, they are constant in the gradient, as they are in that of any
    minimum. Layers of more than 64 positions along a side are seen, in both images, at every second
    or third position and so on; where the grid begins is drawn once, where the authors draw at
    every step, so that an optimiser sees one function. With ``turns=1`` it is then the loss NNFM of
    stylised radiance fields.

    Cosine distances lie in [0, 2], and in [0, 1] where features are not negative or centred. What
    is zero throughout has the distance 0 from zero and 1 from all else.

    References
    ----------
    Kolkin, Kucera, Paris, Sýkora, Shechtman and Shakhnarovich, Neural Neighbor Style Transfer,
    arXiv 2203.13215, 2022. Zhang et al., ARF: Artistic Radiance Fields, ECCV 2022.

    Examples
    --------
    >>> target = {"features": np.array([[[[1.0, 0.0], [0.0, 1.0]]]])}
    >>> image = {"features": np.array([[[[1.0, 0.0], [3.0, 4.0]]]])}
    >>> loss = NearestLoss(target, "features", frozen=False, center=False, turns=1)
    >>> round(float(loss(image)), 6)
    0.1
    """

    def __init__(
        self,
        target: Mapping[str, Tensor],
        layers: Layers = NEAREST_LAYERS,
        *,
        source: Mapping[str, Tensor] | None = None,
        center: bool = True,
        turns: int = 4,
        frozen: bool = True,
        pool: int = 4,
        seed: int = 0,
        mask: MaskLike | None = None,
        target_mask: MaskLike | None = None,
        name: str = "nearest",
    ) -> None:
        self.center: bool = truth("center", center)
        self.frozen: bool = truth("frozen", frozen)
        self.turns: int = whole_number("turns", turns, 1, 4)
        self.pool: int = whole_number("pool", pool, 1)
        self.seed: int = whole_number("seed", seed, 0)
        shapes = self._look_at(target, layers, "relative", name, mask)
        if self.frozen and source is None:
            raise ValueError(
                "source: expected features of the picture that frozen matches are found for, "
                "received None; frozen=False needs none"
            )
        if not self.frozen and source is not None:
            raise ValueError(
                "source: expected None with frozen=False, which finds matches for the picture "
                "itself, received features"
            )
        styles = turned(target, as_mask(target_mask, "target_mask"), self.turns)
        self._targets: dict[str, Tensor] = {}
        self._matches: list[Tensor] = []
        if source is None:
            self._targets = self._directions_of(list(styles))
        else:
            _ = [shapes[layer] for layer in self.layers]
            seen = Shapes(source, "source")
            self._check_features(seen)
            self._size = seen["input"][1:3]
            found, self._vanished = where_left(
                ["input"], lambda _: self._found(source, seen, styles)
            )
            self._matches = found.get("input", [])

    def _directions_of(self, styles: list[Seen]) -> dict[str, Tensor]:
        """Return the directions of every layer's vectors, of a style and its turns."""

        def found(layer: str) -> Tensor:
            points = [
                _taken(
                    positions(feature_at(style, layer, "target")),
                    self.view(mask, layer, Shapes(style, "target")).get("region"),
                )
                for style, mask in styles
            ]
            middle = ops.mean(points[0], axis=0) if self.center else 0.0
            return directions(ops.concatenate(points) - middle)

        return self._where_left(found)

    def _found(
        self, source: Mapping[str, Tensor], seen: Shapes, styles: Iterator[Seen]
    ) -> list[Tensor]:
        """Return the directions of the hypercolumns that are nearest to those of a source."""

        def columns(features: Mapping[str, Tensor], shapes: Shapes, mask: Mask | None) -> Tensor:
            region = self.view(mask, "input", shapes).get("region")
            return ops.concatenate(column_parts(features, weights, self.pool, region), axis=-1)

        weights = self._column_weights()
        points = columns(source, seen, self.mask)
        keys = directions(points - ops.mean(points, axis=0) if self.center else points)
        del points
        middle: Any = None
        best: Any = None
        chosen: Any = None
        for style, mask in styles:  # one at a time: they are large
            vectors = columns(style, Shapes(style, "target"), mask)
            if middle is None:
                middle = ops.mean(vectors, axis=0) if self.center else 0.0
            cosines, index = nearest(keys, directions(vectors - middle))
            taken = ops.take(vectors, index, axis=0)
            if best is None:
                best, chosen = cosines, taken
            else:
                better = cosines > best
                best = ops.maximum(best, cosines)
                chosen = ops.where(better[:, None], taken, chosen)
        ends = np.cumsum([0, *(self._channels[layer] for layer in self.layers)]).tolist()
        return joint_directions([chosen[:, a:b] for a, b in itertools.pairwise(ends)])

    def _column_weights(self) -> dict[str, float]:
        return {layer: weight / self._channels[layer] for layer, weight in self.layers.items()}

    def view(self, mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the positions to look at, if not all."""
        if self.frozen:
            return region_at(mask, "input", shapes, pool=self.pool) if mask else {}
        region = region_at(mask, layer, shapes).get("region")
        grid = _grid(shapes[layer][1:3], self.seed)
        if grid is None:
            return {} if region is None else {"region": region}
        if region is not None:  # a small one may lie beside the grid
            grid = np.intersect1d(grid, region) if np.isin(grid, region).any() else region
        return {"region": grid[: SIDE**2].astype(np.int32)}

    def target(self, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the directions to compare with."""
        return {"points": self._targets[layer]}

    def arrays(self, shapes: Shapes) -> dict[str, Any]:
        """Check that features of these shapes fit, and return what a call reads at this size."""
        if not self.frozen:
            return super().arrays(shapes)
        if self._vanished:
            raise Vanished(self._vanished)
        self._check_features(shapes)
        size = shapes["input"][1:3]
        if size != tuple(self._size):
            raise ValueError(
                f"loss {self.name!r}: expected features of an image of the source's size "
                f"{tuple(self._size)}, received {size}"
            )
        return {
            "weights": self._column_weights(),
            "view": self.view(self.mask, "input", shapes),
            "points": self._matches,
        }

    def compute(self, features: Mapping[str, Tensor], arrays: Mapping[str, Any]) -> Tensor:
        """Return the loss, of nothing but the features, the arrays and the options."""
        if not self.frozen:
            return super().compute(features, arrays)
        region = arrays["view"].get("region")
        parts = joint_directions(column_parts(features, arrays["weights"], self.pool, region))
        pairs = zip(parts, arrays["points"], strict=True)
        return sum(_distance(part, wanted) for part, wanted in pairs)

    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> Tensor:
        """Return the directions of the vectors at the positions looked at."""
        points = _taken(positions(feature), view.get("region"))
        return directions(points - ops.mean(points, axis=0) if self.center else points)

    def distance_to(self, statistic: Tensor, target: Mapping[str, Any]) -> Tensor:
        """Return the mean cosine distance from what is nearest."""
        others = target["points"]
        # In a graph the search is one product: it is small, and which is nearest is constant.
        products = ops.matmul(ops.stop_gradient(statistic), ops.transpose(others))
        return _distance(statistic, ops.take(others, ops.argmax(products, axis=-1), axis=0))


def turned(features: Mapping[str, Tensor], mask: Mask | None, turns: int) -> Iterator[Seen]:
    """Return an iterator over features of an image and its turns, and its mask turned alike."""
    if turns > 1 and not hasattr(features, "turned"):
        raise ValueError(
            "turns: expected 1 with features that cannot be turned (they have no method turned), "
            f"received {turns}"
        )

    def each() -> Iterator[Seen]:
        yield features, mask
        for quarters in range(1, turns):
            alike = mask and Mask(np.rot90(mask.values, quarters), mask.propagation, mask.name)
            yield features.turned(quarters), alike  # type: ignore[attr-defined]

    return each()


def nearest(points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Find the direction of the greatest cosine for every direction.

    Parameters
    ----------
    points : tensor, shape (N, C), of unit vectors
    others : tensor, shape (M, C), of unit vectors

    Returns
    -------
    cosines : tensor, shape (N,)
    index : tensor of int, shape (N,)
        Of the first of `others` that has it.
    """
    rows = max(1, BLOCK // (others.shape[0] * np.dtype(dtype_of(points)).itemsize))
    blocks = math.ceil(points.shape[0] / rows)
    keys, cosines, index = ops.transpose(others), [], []
    for block in range(blocks):
        products = ops.matmul(points[block * rows : (block + 1) * rows], keys)
        index.append(ops.argmax(products, axis=-1))
        cosines.append(ops.max(products, axis=-1))
    return ops.concatenate(cosines), ops.concatenate(index)


def _distance(points: Tensor, others: Tensor) -> Tensor:
    """Return the mean of half the squared differences: of unit vectors, of 1 - cos.

    One minus a cosine would lose its digits where it is small.
    """
    return ops.sum(ops.square(points - others)) / (2 * points.shape[0])


def _taken(points: Tensor, region: Any) -> Tensor:
    return points if region is None else ops.take(points, region, axis=0)


def _grid(size: Sequence[int], seed: int) -> Any:
    """Return every so manieth position, counted along rows, or None where all are few enough."""
    steps = [math.ceil(side / SIDE) for side in size]
    if max(steps) == 1:
        return None
    random = np.random.default_rng(seed)
    rows, columns = (
        np.arange(random.integers(step), side, step) for side, step in zip(size, steps, strict=True)
    )
    return (rows[:, None] * size[1] + columns).ravel()
