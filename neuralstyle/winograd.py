r"""Winograd's minimal filtering: 3 x 3 convolutions with a quarter of the multiplications.

A convolution of a 6 x 6 tile d with a 3 x 3 kernel g gives 4 x 4 outputs. Directly that takes 144
multiplications; as

.. math:: Y = A^T \left[ (G g G^T) \odot (B^T d B) \right] A

it takes 36, at the price of the transforms on both sides. Over many channels the products in the
middle become 36 matrix products (tiles x channels in) @ (channels in x channels out), which is what
processors do best, and the transforms, which do not depend on the number of channels on the other
side, matter less the more channels there are.

The matrices evaluate polynomials at the points 0, 1, -1, 2, -2 and infinity, multiply there, and
interpolate (Toom and Cook); a test derives them anew. Rounding errors are about ten times those of
the direct convolution in float32.

References
----------
Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, section 4.
"""

from __future__ import annotations

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle.statistics import Tensor

TILE = 4
"""Outputs of a tile along each axis; its inputs are two more."""

INPUT_TRANSFORM = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    dtype=np.float64,
)
r""":math:`B^T`."""

KERNEL_TRANSFORM = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
"""G."""

OUTPUT_TRANSFORM = np.array(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ],
    dtype=np.float64,
)
r""":math:`A^T`."""


def transform_kernel(kernel: NDArray[np.floating]) -> NDArray[np.float32]:
    r"""Transform a kernel once, for all convolutions with it.

    Parameters
    ----------
    kernel : array, shape (3, 3, Cin, Cout)

    Returns
    -------
    array, shape (36, Cin, Cout), float32
        :math:`G g G^T` for each pair of channels.

    Examples
    --------
    >>> transform_kernel(np.ones((3, 3, 8, 16))).shape
    (36, 8, 16)
    """
    transform = KERNEL_TRANSFORM
    # As two matrix products; the tile's axes end up in front, columns first, as in `convolve`.
    rows = np.tensordot(transform, kernel.astype(np.float64), (1, 0))
    both = np.tensordot(transform, rows, (1, 1))
    return both.reshape(36, *kernel.shape[2:]).astype(np.float32)


def convolve(image: Tensor, transformed: Tensor) -> Tensor:
    """Convolve with a transformed kernel, padding with zeros to keep the size.

    Parameters
    ----------
    image : tensor, shape (1, H, W, Cin)
    transformed : tensor, shape (36, Cin, Cout)
        What `transform_kernel` returned.

    Returns
    -------
    tensor, shape (1, H, W, Cout)

    Notes
    -----
    Every transform is one matrix product from the left, over a leading axis of 6: that keeps the
    number of operations small, and each of them large.

    Examples
    --------
    >>> kernel = transform_kernel(np.ones((3, 3, 1, 1)))
    >>> float(convolve(np.ones((1, 8, 8, 1), np.float32), kernel)[0, 3, 3, 0])
    9.0
    """
    _, height, width, channels = image.shape
    down, across = -(-height // TILE), -(-width // TILE)
    inward = ops.convert_to_tensor(INPUT_TRANSFORM, image.dtype)
    outward = ops.convert_to_tensor(OUTPUT_TRANSFORM, image.dtype)

    # One pixel of padding before, and behind as many as fill the last tile and one tile more, from
    # which the last but one takes its overlap.
    behind = [(1, TILE * count + 3 - size) for count, size in ((down, height), (across, width))]
    padded = ops.pad(image[0], [*behind, (0, 0)])

    # The six rows of each tile are the four of its own and the first two of the next one's.
    rows = ops.reshape(padded, (down + 1, TILE, (across + 1) * TILE * channels))
    rows = ops.concatenate(
        [ops.transpose(rows[:-1], (1, 0, 2)), ops.transpose(rows[1:, :2], (1, 0, 2))]
    )
    rows = ops.matmul(inward, ops.reshape(rows, (6, -1)))

    # And its six columns likewise.
    columns = ops.reshape(rows, (6 * down, across + 1, TILE, channels))
    columns = ops.concatenate(
        [
            ops.transpose(columns[:, :-1], (2, 0, 1, 3)),
            ops.transpose(columns[:, 1:, :2], (2, 0, 1, 3)),
        ]
    )
    columns = ops.matmul(inward, ops.reshape(columns, (6, -1)))

    # Leading axes of `columns` are now column and row within the tile.
    products = ops.matmul(ops.reshape(columns, (36, down * across, channels)), transformed)

    filters = transformed.shape[-1]
    columns = ops.matmul(outward, ops.reshape(products, (6, -1)))
    rows = ops.matmul(outward, ops.reshape(columns, (TILE, 6, -1)))
    tiles = ops.reshape(rows, (TILE, TILE, down, across, filters))
    whole = ops.reshape(
        ops.transpose(tiles, (2, 1, 3, 0, 4)), (1, down * TILE, across * TILE, filters)
    )
    return whole[:, :height, :width]
