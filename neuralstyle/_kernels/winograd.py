r"""Winograd's minimal filtering: 3 x 3 convolutions with a quarter of the multiplications.

A convolution of a 6 x 6 tile d with a 3 x 3 kernel g gives 4 x 4 outputs. Directly that takes 144
multiplications; as

.. math:: Y = A^T \left[ (G g G^T) \odot (B^T d B) \right] A

it takes 36, at the price of the transforms on both sides. Over many channels the products in the
middle become 36 matrix products (tiles x channels in) @ (channels in x channels out), which is what
processors do best, and the transforms, which do not depend on the number of channels on the other
side, matter less the more channels there are.

The matrices evaluate polynomials at a few points, multiply there, and interpolate (Toom and Cook).
Rounding errors depend on the points: with 0, 5/8, -5/8, 3/2, -3/2 and infinity they are less than
half of those with Lavin and Gray's 0, 1, -1, 2, -2 and infinity, and about three times those of the
direct convolution in float32.

References
----------
Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, section 4.

Barabasz, Anderson, Soodhalter and Gregg, Error Analysis and Improving the Accuracy of Winograd
Convolution for Deep Neural Networks, ACM Transactions on Mathematical Software, 2020.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from neuralstyle._kernels import borders
from neuralstyle._kernels.borders import Index
from neuralstyle._kernels.device import uses_onednn
from neuralstyle._types import Padding, Tensor

TILE = 4
"""Outputs of a tile along each axis; its inputs are two more."""

STRIP = 256
"""Tiles worked on at a time: enough for large matrix products, few enough for the cache."""

POINTS = (0, 5 / 8, -5 / 8, 3 / 2, -3 / 2)
"""Where polynomials are evaluated, beside infinity; exact in binary, as are the first powers."""


def transforms(points: tuple[float, ...]) -> tuple[NDArray[np.float64], ...]:
    r"""Return the matrices :math:`B^T`, :math:`G` and :math:`A^T` of filters of three coefficients.

    Parameters
    ----------
    points : tuple of float
        Distinct; as many as outputs of a tile and one more.

    Returns
    -------
    inputs : array, shape (P + 1, P + 1), for P points
    kernel : array, shape (P + 1, 3)
    outputs : array, shape (P - 1, P + 1)

    Notes
    -----
    Evaluating at a point multiplies with its powers, at infinity it picks the highest coefficient;
    interpolating multiplies with the coefficients of Lagrange's polynomials. A filter is the
    transpose of a polynomial product: its outputs are evaluated and its inputs interpolated.

    Examples
    --------
    >>> inputs, kernel, outputs = transforms((0, 1, -1))
    >>> products = (kernel @ [1, 10, 100]) * (inputs @ [1, 2, 3, 4])
    >>> (outputs @ products).tolist()
    [321.0, 432.0]
    """
    count = len(points)
    scales = [math.prod(p - other for other in points if other != p) for p in points]
    lagrange = [np.poly([other for other in points if other != p])[::-1] for p in points]
    rows = [*(np.append(row, 0) for row in lagrange), np.poly(points)[::-1]]
    inputs = np.array(rows, np.float64)
    kernel = np.vander([*points, 0], 3, increasing=True) / [[s] for s in (*scales, 1)]
    outputs = np.vander([*points, 0], count - 1, increasing=True).T
    kernel[-1], outputs[:, -1] = (0, 0, 1), [0] * (count - 2) + [1]
    return inputs, kernel, outputs


INPUT_TRANSFORM, KERNEL_TRANSFORM, OUTPUT_TRANSFORM = transforms(POINTS)


def transform_kernel(kernel: Tensor) -> Tensor:
    r"""Transform a kernel once, for all convolutions with it.

    Parameters
    ----------
    kernel : array or tensor, shape (3, 3, Cin, Cout)

    Returns
    -------
    tensor, shape (36, Cin, Cout)
        :math:`G g G^T` for each pair of channels.

    Examples
    --------
    >>> transform_kernel(np.ones((3, 3, 8, 16), np.float32)).shape
    TensorShape([36, 8, 16])
    """
    transform = ops.convert_to_tensor(KERNEL_TRANSFORM, kernel.dtype)
    # As two matrix products; the tile's axes end up in front, columns first, as in `convolve`.
    turned = ops.transpose(kernel, (1, 0, 2, 3))
    columns = ops.matmul(transform, ops.reshape(turned, (3, -1)))
    both = ops.matmul(transform, ops.reshape(columns, (6, 3, -1)))
    return ops.reshape(both, (36, *kernel.shape[2:]))


def convolve(image: Tensor, transformed: Tensor, padding: Padding = "zeros") -> Tensor:
    """Convolve with a transformed kernel, padding to keep the size.

    Parameters
    ----------
    image : tensor, shape (1, H, W, Cin)
    transformed : tensor, shape (36, Cin, Cout)
        What `transform_kernel` returned.
    padding : {"zeros", "reflect", "wrap"}, default "zeros"

    Returns
    -------
    tensor, shape (1, H, W, Cout)

    Notes
    -----
    The transformed image takes 2.25 times the image's memory, and moving it is most of the work
    beside the products. So one strip of tiles after another is transformed, multiplied and
    transformed back: what is in between stays in the processor's cache and takes no memory worth
    mentioning.

    Tiles are gathered from the image. Where what lies beyond the border is in the image, too,
    nothing has to be put around it.

    Examples
    --------
    >>> kernel = transform_kernel(np.ones((3, 3, 1, 1), np.float32))
    >>> round(float(convolve(np.ones((1, 8, 8, 1), np.float32), kernel)[0, 3, 3, 0]), 4)
    9.0
    """
    height, width = image.shape[1:3]
    filters = transformed.shape[-1]
    down, across = -(-height // TILE), -(-width // TILE)
    strips = max(1, down * across // STRIP)
    down = -(-down // strips)
    strips = -(-height // (TILE * down))
    rows, columns = _overlapping(down), _overlapping(across)
    if padding != "zeros":
        there = borders.continued(height, padding, TILE * down * strips + 2)
        columns = borders.continued(width, padding, TILE * across + 2)[columns]

    def strip(index: Tensor | int) -> Tensor:
        # One pixel more than the outputs before and behind, as far as there are any.
        first = TILE * down * index
        if padding != "zeros":
            return _convolve_tiles(image[0], tf.gather(there, first + rows), columns, transformed)
        before = first - 1
        behind = before + TILE * down + 2
        top, bottom = tf.maximum(before, 0), tf.minimum(behind, height)
        around = [(top - before, behind - bottom), (1, TILE * across + 1 - width), (0, 0)]
        padded = tf.pad(image[0, top:bottom], around)
        shape = (TILE * down + 2, TILE * across + 2, image.shape[-1])
        return _convolve_tiles(tf.ensure_shape(padded, shape), rows, columns, transformed)

    if strips == 1:
        whole = strip(0)
    else:
        result = tf.TensorSpec((TILE * down, TILE * across, filters), image.dtype)
        # `ops.map` would compute several strips at a time.
        whole = tf.map_fn(
            strip, tf.range(strips), fn_output_signature=result, parallel_iterations=1
        )
        whole = ops.reshape(whole, (-1, TILE * across, filters))
    return whole[None, :height, :width]


def _convolve_tiles(image: Tensor, rows: Any, columns: Index, transformed: Tensor) -> Tensor:
    """Convolve whole tiles, of which `rows` and `columns` of the image are the inputs.

    Both transforms along both axes are one matrix product from the left each, over a leading axis
    of 6: that keeps the number of operations small, and each of them large.
    """
    _, width, channels = image.shape
    down, across = rows.shape[0] // 6, columns.shape[0] // 6
    filters = transformed.shape[-1]
    inward = ops.convert_to_tensor(INPUT_TRANSFORM, image.dtype)
    outward = ops.convert_to_tensor(OUTPUT_TRANSFORM, image.dtype)

    lines = tf.gather(image, rows)
    lines = ops.matmul(inward, ops.reshape(lines, (6, -1)))

    # Of every row the six columns of each tile; gathering the single pixels brings the axis of the
    # columns to the front on the way.
    pixels = width * ops.arange(6 * down)[:, None] + columns.reshape(6, 1, across)
    tiles = tf.gather(ops.reshape(lines, (-1, channels)), pixels)
    tiles = ops.matmul(inward, ops.reshape(tiles, (6, -1)))

    products = _products(ops.reshape(tiles, (36, down * across, channels)), transformed)

    tiles = ops.matmul(outward, ops.reshape(products, (6, -1)))
    lines = ops.matmul(outward, ops.reshape(tiles, (TILE, 6, -1)))
    tiles = ops.reshape(lines, (TILE, TILE, down, across, filters))
    return ops.reshape(ops.transpose(tiles, (2, 1, 3, 0, 4)), (down * TILE, across * TILE, filters))


def _products(tiles: Tensor, transformed: Tensor) -> Tensor:
    """Multiply the matrices of two stacks, each with each.

    TensorFlow's own product of stacks is oneDNN's, or for want of it takes up to twice as long as
    those of the matrices one by one.
    """
    if uses_onednn():
        return ops.matmul(tiles, transformed)
    pairs = zip(tf.unstack(tiles), tf.unstack(transformed), strict=True)
    return tf.stack([ops.matmul(left, right) for left, right in pairs])


def _overlapping(tiles: int) -> Index:
    """Return where the inputs of tiles lie along an axis: their first ones, their second ones..."""
    starts = TILE * np.arange(tiles, dtype=np.int32)
    return (np.arange(6, dtype=np.int32)[:, None] + starts).ravel()
