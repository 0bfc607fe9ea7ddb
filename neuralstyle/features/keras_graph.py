"""The graph of a Keras model: which calls of its layers lead from some tensors to another.

Keras has no public name for it, and `keras.Function` starts at nothing but whole inputs in its
earlier versions.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any


def calls_to(tensor: Any, known: Container[int]) -> list[Any]:
    """Return the calls that a symbolic tensor needs, in an order in which they can be made.

    Parameters
    ----------
    tensor : keras.KerasTensor
    known : container of int
        The `id` of symbolic tensors that need not be computed.

    Returns
    -------
    list
        Keras' nodes, each with an ``operation``, ``input_tensors``, ``outputs`` and ``arguments``.

    Examples
    --------
    >>> import keras
    >>> image = keras.Input((8, 8, 3))
    >>> first = keras.layers.ReLU(name="first")(image)
    >>> last = keras.layers.Add(name="last")([first, image])
    >>> [call.operation.name for call in calls_to(last, {id(image)})]
    ['first', 'last']
    """
    calls: dict[int, Any] = {}
    ahead = [(_call_of(tensor), False)] if id(tensor) not in known else []
    while ahead:  # no recursion: networks may be deeper than Python's stack
        call, ready = ahead.pop()
        if id(call) in calls:
            continue
        if ready:
            calls[id(call)] = call
            continue
        ahead.append((call, True))
        ahead += [(_call_of(one), False) for one in call.input_tensors if id(one) not in known]
    return list(calls.values())


def _call_of(tensor: Any) -> Any:
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]
