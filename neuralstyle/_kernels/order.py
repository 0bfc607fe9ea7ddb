"""Sums within a graph in one order, whatever runs first.

TensorFlow adds three or more tensors in one operation, which writes over the first of them that
nothing else is going to read, and begins the sum with that one. Which that is depends on what has
run before: on how threads were scheduled, or on the order of addresses in memory. So the last bits
differ from call to call, and after some iterations the pictures do. Two tensors have one sum, so
gradients are added two at a time; and what optimises graphs, and would join such sums again, leaves
alone an operation that waits for another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from neuralstyle._types import Tensor

_SUMS = {"Add", "AddN", "AddV2"}


def gradients(
    of: Tensor | Sequence[Tensor], inputs: Sequence[Tensor], slopes: Sequence[Tensor] | None = None
) -> list[Tensor | None]:
    """Return what ``tf.gradients`` does, with sums of two at a time.

    Parameters
    ----------
    of : tensor or sequence of tensor
    inputs : sequence of tensor
    slopes : sequence of tensor, optional
        With respect to what is differentiated.

    Returns
    -------
    list of tensor or None
        One for each input: None if nothing depends on it.
    """
    in_pairs = tf.AggregationMethod.EXPERIMENTAL_TREE
    found: list[Tensor | None]
    found = tf.gradients(of, list(inputs), slopes, aggregation_method=in_pairs)
    return found


def in_order(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that, traced, leaves a graph whose sums are made in the order of tracing.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        With one argument more, behind those of the function: a tensor that is not looked at.

    Examples
    --------
    >>> three = tf.function(in_order(lambda x: x + 1 + x * x))
    >>> float(three(tf.constant(2.0), tf.constant(0.0)))
    7.0
    """

    def traced(*arguments: Any) -> Any:
        *given, waits_for = arguments
        result = function(*given)
        for operation in waits_for.graph.get_operations():
            if operation.type in _SUMS and _is_summed(operation):
                operation._add_control_input(waits_for.op)
        return result

    return traced


def _is_summed(operation: Any) -> bool:
    """Tell whether a sum is a part of another one."""
    return any(reader.type in _SUMS for out in operation.outputs for reader in out.consumers())
