"""What a convolution sees beyond the border of an image, and what of its gradient comes from there.

Around the image lies one line of positions, each of which has the values of one inside it: its
mirror image, or the one that follows on the other side of a torus. A table says which, and what is
padded is gathered by it.

The gradient goes the other way: what belongs to a position beyond the border is added to the one
that it stands for. Only the outermost positions of the result have anything to do with the line, so
this is four products of matrices as long as the sides, added to the gradient with zeros around.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from neuralstyle._types import Padding, Tensor

Index = NDArray[np.int32]


def continued(size: int, padding: Padding, count: int | None = None) -> Index:
    """Return which positions the values come from, along an axis and one position beyond its ends.

    Parameters
    ----------
    size : int
    padding : {"reflect", "wrap"}
        The mirror stands at the outer edge: of one position, it shows the outermost.
    count : int, optional
        Length of the table, which begins one position before the first; ``size + 2`` by default.
        What it has beyond the first position behind the end means nothing.

    Returns
    -------
    array of int32, shape (count,)

    Examples
    --------
    >>> continued(4, "reflect").tolist(), continued(4, "wrap").tolist()
    ([0, 0, 1, 2, 3, 3], [3, 0, 1, 2, 3, 0])
    """
    places = np.arange(-1, size + 1 if count is None else count - 1, dtype=np.int32)
    return places % size if padding == "wrap" else np.clip(places, 0, size - 1)


def padded(image: Tensor, padding: Padding) -> Tensor:
    """Put the line of positions around an image.

    Parameters
    ----------
    image : tensor, shape (1, H, W, C)
    padding : {"reflect", "wrap"}

    Returns
    -------
    tensor, shape (1, H + 2, W + 2, C)

    Examples
    --------
    >>> row = np.arange(3.0).reshape(1, 1, 3, 1)
    >>> np.asarray(padded(row, "wrap"))[0, 0, :, 0].tolist()
    [2.0, 0.0, 1.0, 2.0, 0.0]
    """
    _, height, width, channels = image.shape
    rows, columns = continued(height, padding), continued(width, padding)
    # One pass over the memory, where padding one axis after the other would take two.
    pixels = ops.reshape(image, (height * width, channels))
    return tf.gather(pixels, rows[:, None] * width + columns)[None]


def sides(kernel: Tensor) -> Tensor:
    """Return the parts of a kernel that reach over the four borders, for `add_beyond`.

    Parameters
    ----------
    kernel : array or tensor, shape (3, 3, Cin, Cout)

    Returns
    -------
    tensor, shape (4, Cout, 3 * Cin)
    """
    four = ops.stack([kernel[0], kernel[2], kernel[:, 0], kernel[:, 2]])
    _, _, inputs, filters = kernel.shape
    return ops.reshape(ops.transpose(four, (0, 3, 1, 2)), (4, filters, 3 * inputs))


def add_beyond(gradient: Tensor, slope: Tensor, kernel_sides: Tensor, padding: Padding) -> Tensor:
    """Add what belongs to the line around an image to the gradient with respect to the image.

    Parameters
    ----------
    gradient : tensor, shape (1, H, W, Cin)
        With respect to the image, were there zeros around it.
    slope : tensor, shape (1, H, W, Cout)
        With respect to the convolved image.
    kernel_sides : tensor
        What `sides` makes of the kernel.
    padding : {"reflect", "wrap"}

    Returns
    -------
    tensor, shape (1, H, W, Cin)
    """
    _, height, width, channels = gradient.shape
    pixels, chosen, places = _beyond(height, width, padding)
    outermost = tf.gather(ops.reshape(slope, (height * width, slope.shape[-1])), pixels)
    products = ops.reshape(ops.matmul(outermost, kernel_sides), (-1, channels))
    return tf.tensor_scatter_nd_add(gradient, places, tf.gather(products, chosen))


@functools.lru_cache(maxsize=64)
def _beyond(height: int, width: int, padding: Padding) -> tuple[Index, Index, Index]:
    """Return the tables of `add_beyond`.

    They are the positions of the four outermost lines of the result, (4, longer side); which of
    what these and each of the three weights that reach over that border give is beyond the border;
    and the positions, (n, 3), that stand for those there.
    """
    rows, columns = continued(height, padding), continued(width, padding)
    side, at, tap = np.indices((4, max(height, width), 3))
    across = side < 2  # the upper and the lower border, and then the left and the right one
    length = np.where(across, width, height)
    along = np.minimum(at, length - 1)
    second = side % 2 == 1
    last = np.where(second, np.where(across, height, width) - 1, 0)
    pixels = np.where(across, last * width + along, along * width + last)[..., 0]
    # In the padded image, whose corners belong to the upper and the lower line.
    here, there = along + tap, np.where(second, np.where(across, height, width) + 1, 0)
    chosen = (at < length) & (across | ((here > 0) & (here <= height)))
    y, x = np.where(across, there, here)[chosen], np.where(across, here, there)[chosen]
    places = np.stack([0 * y, rows[y], columns[x]], axis=-1)
    tables = (pixels, np.flatnonzero(chosen), places)
    return tuple(table.astype(np.int32) for table in tables)  # type: ignore[return-value]
