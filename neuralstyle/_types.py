"""Names of types that all wings use."""

from __future__ import annotations

import os
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

Tensor: TypeAlias = Any
"""Whatever `keras.ops` computes with: a tensor of the backend, or a NumPy array."""

Floats: TypeAlias = NDArray[np.float32]

Image: TypeAlias = NDArray[np.float32]
"""A picture: shape (H, W, 3), RGB in [0, 1]."""

Padding: TypeAlias = Literal["zeros", "reflect", "wrap"]
"""What a network sees beyond the border of a picture: nothing, its mirror image, or the other side.
"""

PADDINGS: tuple[Padding, ...] = get_args(Padding)

PathLike: TypeAlias = str | os.PathLike[str]
