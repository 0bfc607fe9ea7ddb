"""The correction pairs of L-BFGS, most of what it keeps: rows of one matrix, in memory or a file.

They are read and written a block of columns at a time, and only a block is ever in single precision
where they are not.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any, final

import keras
import ml_dtypes
import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._types import Tensor
from neuralstyle.optimize.vectors import Vector, added, blocks, single

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


@final
class Pairs:
    """Rows of numbers in float32 or bfloat16, which are multiplied in float32.

    Parameters
    ----------
    rows : int
    kept : {"float32", "bfloat16", "disk"}
        In which precision; on a disk in float32.
    like : array or tensor, shape (n,), float32
        A vector of as many numbers, of the kind that others will be.

    Raises
    ------
    ValueError
        If rows on a disk are to be multiplied by tensors.
    OSError
        If there is no room for the file.
    """

    def __init__(self, rows: int, kept: str, like: Vector) -> None:
        shape = (rows, like.shape[0])
        self.precision: str = "float32" if kept == "disk" else kept
        self._rows: Tensor
        # On a processor NumPy's products and sums of vectors are several times as fast as single
        # tensor operations. Both kinds are written to in place.
        if isinstance(like, np.ndarray):
            dtype = _BFLOAT16 if kept == "bfloat16" else np.dtype(np.float32)
            self._rows = _in_a_file(shape) if kept == "disk" else np.zeros(shape, dtype)
        elif kept == "disk":
            raise ValueError(
                'pairs: expected "float32" or "bfloat16" on a GPU, which reads no files, received '
                "'disk'"
            )
        else:
            self._rows = keras.Variable("zeros", shape, kept, trainable=False).value

    def rounded(self, vector: Vector) -> Vector:
        """Return a vector as it would be kept, in this precision."""
        if isinstance(vector, np.ndarray):
            return vector.astype(self._rows.dtype, copy=False)
        return ops.cast(vector, self.precision)

    def put(self, index: int, row: Vector) -> None:
        """Write a row, in this precision, over another."""
        if isinstance(self._rows, np.ndarray):
            self._rows[index] = row
        else:
            self._rows[index].assign(row)

    def products(self, vector: Vector) -> NDArray[np.float64]:
        """Return the inner product of every row with a vector, blocks of it summed in float64."""
        if isinstance(vector, np.ndarray):
            return added(single(self._rows[:, b]) @ single(vector[b]) for b in blocks(vector))
        # No matrix product: GPUs may round the numbers of those to 10 bits.
        return added(
            ops.sum(single(self._rows[:, b]) * single(vector[b]), axis=1) for b in blocks(vector)
        )

    def combination(self, weights: NDArray[np.float64], scale: float, vector: Vector) -> Vector:
        """Return the weighted sum of the rows, and a multiple of a vector, in float32."""
        factors, scale = weights.astype(np.float32), np.float32(scale)
        if isinstance(vector, np.ndarray):
            sums = np.empty_like(vector)
            for b in blocks(vector):
                np.matmul(factors, single(self._rows[:, b]), out=sums[b])
                sums[b] += scale * vector[b]
            return sums
        return ops.concatenate(
            [
                ops.sum(factors[:, None] * single(self._rows[:, b]), axis=0) + scale * vector[b]
                for b in blocks(vector)
            ]
        )

    def array(self) -> NDArray[Any]:
        """Return the rows as NumPy knows them: bfloat16 by its bits, in uint16. No copy."""
        rows = self._rows
        array = rows if isinstance(rows, np.ndarray) else rows.numpy()
        return array.view(np.uint16) if self.precision == "bfloat16" else array

    def restore(self, array: NDArray[Any]) -> None:
        """Take the numbers of rows as `array` returns them.

        Raises
        ------
        ValueError
            If they are of another shape or precision.
        """
        count, size = self._rows.shape
        if np.shape(array) != (count, size):
            raise ValueError(
                f"state: expected {count // 2} corrections (maxcor) of {size} numbers, "
                f"received an array of shape {np.shape(array)}"
            )
        received = "bfloat16" if array.dtype == np.uint16 else "float32"
        if received != self.precision:
            raise ValueError(
                f"state: expected corrections in {self.precision} (pairs), received some in "
                f"{received}"
            )
        for index, row in enumerate(array):
            self.put(index, row.view(_BFLOAT16) if received == "bfloat16" else row)


def _in_a_file(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return zeros that are in a file, which has no name and ends with them."""
    size = int(np.prod(shape, dtype=np.int64)) * 4
    with tempfile.TemporaryFile(prefix="neuralstyle-") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk would kill the process later
        return np.asarray(np.memmap(file, np.float32, "w+", shape=shape))
