"""Content as the edges of the image, without a network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, final

from keras import ops

from neuralstyle._checks import describe
from neuralstyle._types import Tensor
from neuralstyle.images.arrays import resize
from neuralstyle.losses.layers import (
    Normalize,
    StatisticLoss,
    scale,
    weighed,
    weights_of,
)
from neuralstyle.losses.masks import Mask, MaskLike, Values, as_mask, check_squares, where_left
from neuralstyle.losses.shapes import Shapes
from neuralstyle.losses.statistics import laplacian

Pool: TypeAlias = int | Sequence[int] | Mapping[int, float]

FLATNESS = 1e-8
"""Mean square up to which a Laplacian is that of a plain image: a hundredth of a grey level in the
mean. Rounding errors are no scale to measure edges by."""


@final
class LaplacianLoss(StatisticLoss):
    r"""Squared difference of the images' Laplacians: the content loss of Lapstyle.

    .. math:: L = \sum_p w_p\, c_p \operatorname{mean}_{ij} \left(D_p(x)_{ij} -
              D_p(c)_{ij}\right)^2

    with x the generated image, c the target's, :math:`D_p` the Laplacian of the image averaged over
    squares of p x p pixels (see `neuralstyle.statistics.laplacian`), and :math:`c_p = 1 /
    \operatorname{mean} D_p(c)^2` (``"relative"``; 1 if c is plain), 1 (``"mean"``) or the number of
    entries (``"paper"``: the sum).

    Parameters
    ----------
    target : mapping from str to tensor
        Features of the content image, of which ``"input"`` is used: shape (1, H, W, C).
    pool : int, sequence of int or mapping from int to float, default 4
        Side p of the squares in pixels, at least 1; a sequence weighs each 1 / their number, a
        mapping gives the weights. The larger it is, the coarser are the edges that count.
    normalize : {"relative", "mean", "paper"}, default "relative"
    mask : array, shape (H, W), of numbers from 0 to 1, or Mask, optional
        The region that is compared: every entry of a Laplacian is weighed by the mean of the mask
        over the square in its middle.
    name : str, default "laplacian"

    Raises
    ------
    KeyError
        If the target has no ``"input"``.
    TypeError, ValueError
        If `pool`, `normalize` or `mask` is not of the form above, if the image has less than 3
        squares in height or width or none of the region but in its outermost squares, or, when
        called, if the generated image has another size than the target.

    Notes
    -----
    It keeps edges and lines where they are, and leaves colours, and brightness that changes evenly,
    to the style: its value is zero for the content image plus any plane. The authors use it beside
    `ContentLoss`, mostly with squares of 4 or of 4 and 16 pixels. Their code takes the mean over an
    image in [0, 255]: 255 squared times ``"mean"``. Where the target is a torus (features with the
    padding ``"wrap"``), its outermost squares have a Laplacian, too.

    References
    ----------
    Li, Xu, Nie and Chua, Laplacian-Steered Neural Style Transfer, ACM Multimedia 2017.

    Examples
    --------
    >>> image = np.zeros((1, 3, 4, 1))
    >>> spotted = image.copy()
    >>> spotted[0, 1, 1] = 1.0
    >>> float(LaplacianLoss({"input": image}, pool=1, normalize="paper")({"input": spotted}))
    17.0
    """

    torus: bool = False  # what older files do not say

    def __init__(
        self,
        target: Mapping[str, Tensor],
        pool: Pool = 4,
        *,
        normalize: Normalize = "relative",
        mask: MaskLike | None = None,
        name: str = "laplacian",
    ) -> None:
        self.pool: dict[int, float] = weights_of(pool, "pool", int, "size")
        if min(self.pool) < 1:
            raise ValueError(f"pool: expected sizes of at least 1 pixel, received {min(self.pool)}")
        shapes, mask = Shapes(target, "target"), as_mask(mask)
        self._size = shapes["input"][1:3]
        if min(self._size) < 3 * max(self.pool):
            raise ValueError(
                f"target: expected an image of at least {3 * max(self.pool)} pixels in height and "
                f"width, for squares of {max(self.pool)}, received {describe(self._size)} pixels"
            )
        for pool_size in self.pool:
            check_squares("pool", "input", shapes, pool_size)
        self.torus = shapes.torus
        if mask is not None:
            left, _ = where_left(self.pool, lambda pool: mask.view("input", shapes, middles, pool))
            self.pool = {pool: self.pool[pool] for pool in left or self.pool}
        super().__init__(target, "input", normalize, name, mask, mask)

    def options(self) -> dict[str, Any]:
        """Return what fixes the graph: the sizes, whose weights are in the factors."""
        return {**super().options(), "pool": list(self.pool)}

    def view(self, mask: Mask | None, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Return the weights of every Laplacian's entries."""
        views = (layer, shapes, middles)
        masks = [mask and mask.view(*views, pool, self.torus) for pool in self.pool]
        return {"masks": {k: values for k, values in enumerate(masks) if values is not None}}

    def target(self, layer: str, shapes: Shapes) -> dict[str, Any]:
        """Check the size, and return the Laplacians to compare with."""
        size = shapes[layer][1:3]
        if size != self._size:  # which a pooled Laplacian may not show
            raise ValueError(
                f"loss {self.name!r}: expected an image of the target's size, "
                f"{describe(self._size)} pixels, received {describe(size)} pixels"
            )
        if self.torus and not shapes.torus:
            raise ValueError(
                f"loss {self.name!r}: expected features of a torus, as its target's are "
                '(padding="wrap"), received others'
            )
        return super().target(layer, shapes)

    def statistic_of(self, feature: Tensor, view: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Return the Laplacian of every size, weighed by the mask."""
        return tuple(
            weighed(
                laplacian(feature, pool, torus=self.torus), view["masks"].get(k), self.normalize
            )
            for k, pool in enumerate(self.pool)
        )

    def _factors(self, statistics: tuple[Tensor, ...]) -> tuple[Tensor | float, ...]:
        factors = []
        for edges, weight in zip(statistics, self.pool.values(), strict=True):
            plain = ops.mean(ops.square(edges)) <= FLATNESS
            of = ops.where(plain, ops.zeros_like(edges), edges)
            factors.append(scale(self.normalize, of, paper=math.prod(edges.shape), share=weight))
        return tuple(factors)


def middles(values: Values, pool: int, torus: bool = False) -> Values:
    """Return the means of a mask over the squares in the middle of a Laplacian's entries."""
    rows, columns = (side // pool for side in values.shape)
    squares = resize(values[: rows * pool, : columns * pool], (rows, columns), "mean")
    return squares if torus else squares[1:-1, 1:-1]
