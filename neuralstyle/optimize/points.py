"""The points of a run: pixels, or parameters that make them."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._types import Image, Tensor
from neuralstyle.optimize.evaluation.evaluator import Evaluator
from neuralstyle.optimize.parametrizations import Parametrization
from neuralstyle.optimize.vectors import Vector, added, blocks, host


def first_point(parametrization: Parametrization | None, image: Image) -> NDArray[np.float64]:
    """Return what makes an image, in the shape that it has: the pixels, (1, H, W, 3), or others."""
    if parametrization is None:
        return image[None].astype(np.float64)
    return host(parametrization.parameters(ops.convert_to_tensor(image[None]))).astype(np.float64)


@final
class Points:
    """What is moved, as flat vectors of any floating precision.

    Parameters
    ----------
    evaluator : Evaluator
    parametrization : Parametrization or None
    shape : tuple of int
        Of what is moved.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        parametrization: Parametrization | None,
        shape: tuple[int, ...],
    ) -> None:
        self._evaluator, self._parametrization = evaluator, parametrization
        self._shape = shape

    def evaluate(self, x: Vector) -> tuple[float, Vector]:
        """Return value and gradient at a point, in its kind and precision."""
        if self._parametrization is None and isinstance(x, np.ndarray):
            return self._evaluator.unchecked(x)
        tensor = self._tensor(x)
        if self._parametrization is None:
            value, gradient = self._evaluator.at(tensor)
        else:
            value, gradient = self._evaluator.through(self._parametrization.pixels, tensor)
        gradient = ops.reshape(gradient, (-1,))
        if isinstance(x, np.ndarray):
            gradient = host(gradient).astype(x.dtype)
        return value, gradient

    def pixels(self, x: Vector) -> NDArray[Any]:
        """Return the pixels at a point, flat and as they are, in whatever precision."""
        if self._parametrization is not None:
            x = self._parametrization.pixels(self._tensor(x))
        return host(x).ravel()

    def change(self, x: Vector, before: Vector) -> float:
        """Return how the pixels differ at two points, on average, in grey levels."""
        now, then = self.pixels(x), self.pixels(before)
        total = added(
            np.abs(np.subtract(now[b], then[b], dtype=np.float64)).sum() for b in blocks(now)
        )
        return 255 * float(total) / now.size

    def _tensor(self, x: Vector) -> Tensor:
        return ops.reshape(ops.convert_to_tensor(x, "float32"), self._shape)
