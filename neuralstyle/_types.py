"""Names of types that all wings use."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Tensor: TypeAlias = Any
"""Whatever `keras.ops` computes with: a tensor of the backend, or a NumPy array."""

Floats: TypeAlias = NDArray[np.float32]

Image: TypeAlias = NDArray[np.float32]
"""A picture: shape (H, W, 3), RGB in [0, 1]."""

PathLike: TypeAlias = str | os.PathLike[str]
