"""The points of a run: pixels, or parameters that make them."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._types import Image, Tensor
from neuralstyle.optimize.evaluator import Evaluator
from neuralstyle.optimize.parametrizations import Parametrization
from neuralstyle.optimize.vectors import Vector


@final
class Points:
    """What is moved, as flat vectors of any floating precision.

    Parameters
    ----------
    evaluator : Evaluator
    parametrization : Parametrization or None
    start : array, shape (H, W, 3), float32

    Attributes
    ----------
    start : array, flat, float64
        The point of the image to start from.
    """

    def __init__(
        self, evaluator: Evaluator, parametrization: Parametrization | None, start: Image
    ) -> None:
        self._evaluator, self._parametrization = evaluator, parametrization
        parameters: Any = start[None]
        if parametrization is not None:
            parameters = parametrization.parameters(ops.convert_to_tensor(parameters))
        self._shape = tuple(parameters.shape)
        self.start: Vector = ops.convert_to_numpy(parameters).ravel().astype(np.float64)

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
            gradient = ops.convert_to_numpy(gradient).astype(x.dtype)
        return value, gradient

    def pixels(self, x: Vector) -> NDArray[np.float64]:
        """Return the pixels at a point, flat and as they are."""
        if self._parametrization is not None:
            x = self._parametrization.pixels(self._tensor(x))
        return np.asarray(ops.convert_to_numpy(x), np.float64).ravel()

    def change(self, x: Vector, before: Vector) -> float:
        """Return how the pixels differ at two points, on average, in grey levels."""
        return float(255 * np.abs(self.pixels(x) - self.pixels(before)).mean())

    def _tensor(self, x: Vector) -> Tensor:
        return ops.reshape(ops.convert_to_tensor(x, "float32"), self._shape)
