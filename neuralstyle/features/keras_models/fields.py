"""Receptive fields of Keras models: the graph walked from a layer back to the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import layers

from neuralstyle.features.fields import Field
from neuralstyle.features.keras_models.graph import IMAGE, Graph

# Kinds are compared exactly, as a subclass may do anything.
_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
_POOLINGS = (layers.MaxPooling2D, layers.AveragePooling2D)
_POSITION_BY_POSITION = (
    *(layers.Activation, layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU),
    *(layers.BatchNormalization, layers.Rescaling, layers.Dense, layers.Identity),
    *(layers.Dropout, layers.SpatialDropout2D, layers.GaussianDropout, layers.GaussianNoise),
    *(layers.Add, layers.Subtract, layers.Multiply, layers.Average),
    *(layers.Maximum, layers.Minimum, layers.ActivityRegularization),
)
_OPERATIONS = frozenset(
    "Absolute Abs Add Cast Celu Clip Divide Elu Exp Gelu HardSigmoid HardSilu HardTanh LeakyRelu"
    " Log Maximum Minimum Multiply Negative Power Relu Relu6 Selu Sigmoid Silu Softplus Softsign"
    " Sqrt Square Subtract Tanh TrueDivide".split()
)
"""Of `keras.ops`, what treats each position alone."""


def field_of(graph: Graph, key: int) -> Field:
    """Return what the units of a tensor see.

    Parameters
    ----------
    graph : Graph
    key : int
        The tensor's number.

    Returns
    -------
    Field

    Raises
    ------
    ValueError
        If there is an operation on the way that cannot be seen through.

    Examples
    --------
    >>> import keras
    >>> image = keras.Input((None, None, 3))
    >>> pooled = layers.MaxPooling2D(2, name="p")(layers.Conv2D(4, 5, padding="same")(image))
    >>> graph = Graph(keras.Model(image, pooled))
    >>> field_of(graph, graph.layers["p"])
    Field(start=-2, length=6, step=2)
    """
    fields = {IMAGE: Field()}
    for call in graph.calls_to(key, fields):
        field = _through(call.operation, [fields[one] for one in call.inputs])
        fields |= dict.fromkeys(call.outputs, field)
    return fields[key]


def _through(operation: Any, fields: Sequence[Field]) -> Field:
    """Return what the output of an operation sees, given what its inputs see."""
    kind = type(operation)
    channels_last = getattr(operation, "data_format", "channels_last") == "channels_last"
    if kind in (*_CONVOLUTIONS, *_POOLINGS) and channels_last:
        return _window(operation, fields[0], _reach(operation))
    if kind is layers.ZeroPadding2D and channels_last:
        return fields[0].through(1, before=_same_both_ways(_firsts(operation.padding), operation))
    if kind is layers.Cropping2D and channels_last:
        return fields[0].through(1, before=-_same_both_ways(_firsts(operation.cropping), operation))
    axes = np.ravel(getattr(operation, "axis", ()))
    along_channels = len(axes) == 1 and axes[0] in (-1, 3)
    if kind in (layers.Concatenate, layers.LayerNormalization, layers.Softmax) and along_channels:
        return _together(fields, operation)
    of_keras = kind.__module__.startswith("keras.") and kind.__name__ in _OPERATIONS
    if fields and (kind in _POSITION_BY_POSITION or of_keras):
        return _together(fields, operation)
    raise _opaque(operation, "is not known to look at positions alone or through a window")


def shifting(graph: Graph) -> list[str]:
    """Return the layers that begin elsewhere in images whose sides their strides do not divide.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    list of str
        Names of convolutions and poolings with strides and the padding ``"same"``.

    Examples
    --------
    >>> import keras
    >>> image = keras.Input((None, None, 3))
    >>> halved = layers.Conv2D(4, 3, strides=2, padding="same", name="halved")(image)
    >>> shifting(Graph(keras.Model(image, layers.MaxPooling2D(2, padding="same")(halved))))
    ['halved']
    """
    return [
        str(call.operation.name)
        for call in graph.calls
        if type(call.operation) in (*_CONVOLUTIONS, *_POOLINGS)
        and call.operation.padding == "same"
        and len(set(_padding(call.operation, _reach(call.operation)))) > 1
    ]


def _window(operation: Any, field: Field, size: int) -> Field:
    """Return what a convolution or a pooling sees."""
    stride = _same_both_ways(operation.strides, operation)
    if operation.padding == "valid":
        return field.through(size, stride=stride)
    # The field is that of all cases.
    most, least = _padding(operation, size)
    return field.through(size + most - least, stride=stride, before=most)


def _reach(operation: Any) -> int:
    """Return the side of the window of a convolution or a pooling."""
    if type(operation) in _POOLINGS:
        return _same_both_ways(operation.pool_size, operation)
    dilation = _same_both_ways(operation.dilation_rate, operation)
    return dilation * (_same_both_ways(operation.kernel_size, operation) - 1) + 1


def _padding(operation: Any, size: int) -> tuple[int, int]:
    """Return the most and the least that there may be before the image, of "same" padding.

    TensorFlow divides the padding evenly, and takes more where the stride does not divide the size
    of the image.
    """
    stride = _same_both_ways(operation.strides, operation)
    return (size - 1) // 2, max(size - stride, 0) // 2


def _together(fields: Sequence[Field], operation: Any) -> Field:
    """Return what sees all that several see."""
    if len({field.step for field in fields}) > 1:
        raise _opaque(operation, "has inputs of different strides")
    start = min(field.start for field in fields)
    end = max(field.start + field.length for field in fields)
    return Field(start, end - start, fields[0].step)


def _firsts(sides: Any) -> tuple[int, int]:
    (top, _), (left, _) = sides
    return top, left


def _same_both_ways(pair: Any, operation: Any) -> int:
    vertical, horizontal = pair
    if vertical != horizontal:
        raise _opaque(operation, "sees other distances down than across")
    return int(vertical)


def _opaque(operation: Any, reason: str) -> ValueError:
    return ValueError(f"{operation.name!r} ({type(operation).__name__}) {reason}")
