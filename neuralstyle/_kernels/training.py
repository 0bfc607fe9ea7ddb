"""What training a network needs of TensorFlow: compiled functions, and gradients inside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from neuralstyle._kernels.device import TRACING
from neuralstyle._kernels.order import gradients, in_order
from neuralstyle._types import Tensor


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays and tensors, once for every set of shapes it is called with.

    Parameters
    ----------
    function : callable
        Of arrays, tensors and nested lists of them; a Python number would be compiled in.

    Returns
    -------
    callable
        Returns tensors, in whatever structure `function` returns them.

    Examples
    --------
    >>> import numpy as np
    >>> double = compiled(lambda x: 2 * x)
    >>> double(np.float32([1, 2])).numpy().tolist()
    [2.0, 4.0]
    """
    traced = tf.function(in_order(function), autograph=False, jit_compile=False)

    def call(*arguments: Any) -> Any:
        given = *arguments, tf.constant(0.0)
        with TRACING:
            traced.get_concrete_function(*given)
        return traced(*given)

    return call


def slopes(value: Tensor, of: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradient of a value with respect to tensors, inside a compiled function.

    Parameters
    ----------
    value : tensor, scalar
    of : sequence of tensor

    Returns
    -------
    list of tensor

    Examples
    --------
    >>> import numpy as np
    >>> square = compiled(lambda x: slopes(x * x, [x])[0])
    >>> float(square(np.float32(3)))
    6.0
    """
    found: list[Tensor] = gradients(value, of)
    return found
