"""Operations with gradients of their own, in graphs that can be freed.

`tf.custom_gradient` enters a new name into a registry for every call in every graph, and the entry
holds the graph for ever. Here all calls share one name; what the gradient is hangs on the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import tensorflow as tf

from neuralstyle._kernels.order import gradients
from neuralstyle._types import Tensor

Differentiable: TypeAlias = Callable[[Tensor], tuple[Tensor, Callable[[Tensor], Tensor]]]
"""Takes a tensor; returns the result, and the function from the result's slope to the tensor's."""

_NAME = "NeuralstyleGradient"
_KEPT = "_neuralstyle_gradients"


@tf.RegisterGradient(_NAME)  # type: ignore[untyped-decorator]
def _gradient(operation: Any, slope: Tensor, _: Tensor) -> tuple[None, Tensor]:
    return None, getattr(operation.graph, _KEPT)[operation.name](slope)


def with_gradient(function: Differentiable, x: Tensor) -> Tensor:
    """Compute a function of one tensor that has a gradient of its own.

    Parameters
    ----------
    function : callable
        Takes a tensor; returns the result, and a function from the slope with respect to the result
        to that with respect to the tensor.
    x : tensor

    Returns
    -------
    tensor

    Notes
    -----
    In a graph the gradient is what ``tf.gradients`` gives. A tape there does not see it, and
    differentiates the function's own operations: the same up to rounding.

    Examples
    --------
    >>> x = tf.constant(3.0)
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = with_gradient(lambda x: (x * x, lambda slope: 10 * slope), x)
    >>> float(y), float(tape.gradient(y, x))
    (9.0, 10.0)
    """
    if tf.executing_eagerly():
        result: Tensor = tf.custom_gradient(function)(x)
        return result
    x = tf.convert_to_tensor(x)
    value, gradient = function(x)
    graph = value.graph
    with graph.gradient_override_map({"IdentityN": _NAME}):
        result, _ = tf.identity_n([value, x])
    if not hasattr(graph, _KEPT):
        setattr(graph, _KEPT, {})
    getattr(graph, _KEPT)[result.op.name] = gradient
    return result


def recomputed(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    keep: Callable[[Tensor], Callable[[], Tensor]] | None = None,
) -> Tensor:
    """Compute a function such that what lies inside is computed again for the gradient.

    Parameters
    ----------
    function : callable
    x : tensor
    keep : callable, optional
        Takes `x` and returns what gives it again for the gradient; by default it is kept as it is.

    Returns
    -------
    tensor
    """

    def twice(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        restored = keep(x) if keep else lambda: tf.identity(x)

        def gradient(slope: Tensor) -> Tensor:
            # Not before the slope is there, or both would be computed together.
            with tf.control_dependencies([slope]):
                again = restored()
            if not tf.executing_eagerly():
                return gradients(function(again), [again], [slope])[0]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(again)
                result = function(again)
            return tape.gradient(result, again, slope)

        return function(x), gradient

    return with_gradient(twice, x)
