"""Names of types that all wings use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image as Pillow

Tensor: TypeAlias = Any
"""Whatever `keras.ops` computes with: a tensor of the backend, or a NumPy array."""

Floats: TypeAlias = NDArray[np.float32]

Image: TypeAlias = NDArray[np.float32]
"""A picture: shape (H, W, 3), RGB in [0, 1]."""

Padding: TypeAlias = Literal["zeros", "reflect", "wrap"]
"""What a network sees beyond the border of a picture: nothing, its mirror image, or the other side.
"""

PADDINGS: tuple[Padding, ...] = get_args(Padding)

Dtype: TypeAlias = Literal["float32", "bfloat16", "float16"]
"""Precision of a network: single, or half with the range of single or with more digits."""

DTYPES: tuple[Dtype, ...] = get_args(Dtype)

PathLike: TypeAlias = str | os.PathLike[str]

Number: TypeAlias = "float | np.floating[Any] | np.integer[Any]"
"""A number of Python's or NumPy's."""


class SupportsArray(Protocol):
    """An array, or what NumPy makes one of: a tensor of any library."""

    def __array__(self) -> np.ndarray[Any, Any]:
        """Return it as an array."""
        ...


PictureLike: TypeAlias = "SupportsArray | Pillow.Image | PathLike"
"""What a picture is given as: an array, a PIL image or a file."""
