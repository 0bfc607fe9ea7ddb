"""The graph of a Keras model: which calls of its layers lead from the image to its outputs.

Keras has no public name for it. A layer that several models share, or that one model calls twice,
has a call for each; those of a model are found by walking back from its outputs. Models inside of
models are looked into, so that the graph is flat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final

import keras

from neuralstyle._types import Tensor

IMAGE = 0
"""The number of the tensor that a graph begins with."""


@final
@dataclass(frozen=True)
class Call:
    """A call of a layer or of another operation, with the numbers of what it takes and returns.

    Attributes
    ----------
    path : str
        What users call it: ``"outer/inner"`` within models.
    operation : callable
    inputs, outputs : tuple of int
    node : keras Node or None
        Knows the other arguments, if there are any.
    """

    path: str
    operation: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    node: Any = None

    def run(self, tensors: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Return what it returns, given tensors by their numbers."""
        given = [tensors[key] for key in self.inputs]
        _check_window(self, given[0].shape)
        if self.node is None:
            arguments, options = given, {}
        else:
            symbols = map(id, self.node.input_tensors)
            arguments, options = self.node.arguments.fill_in(dict(zip(symbols, given, strict=True)))
        returned = keras.tree.flatten(self.operation(*arguments, **options))
        return dict(zip(self.outputs, returned, strict=True))


@final
class Graph:
    """The calls that lead from a model's image to its outputs.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential, of one input.
    replaced : callable, optional
        Takes every operation, and returns what is called in its place.

    Attributes
    ----------
    calls : list of Call
        In an order in which they can be made.
    layers : dict from str to int
        Numbers of the layers' outputs, from the image on. The second call of a layer has ``_1``
        after its name, the third ``_2``; layers of a model inside are ``outer/inner``, and the
        name of the model inside is that of its last layer, too.
    dtypes : dict from int to str
        Types of all tensors.

    Raises
    ------
    ValueError
        If the name of a layer's second call is another layer's.

    Examples
    --------
    >>> image = keras.Input((8, 8, 3))
    >>> relu = keras.layers.ReLU(name="relu")
    >>> model = keras.Model(image, keras.layers.Add(name="sum")([relu(image), relu(relu.output)]))
    >>> list(Graph(model).layers)
    ['relu', 'relu_1', 'sum']
    """

    def __init__(self, model: Any, replaced: Callable[[Any], Any] | None = None) -> None:
        (image,) = model.inputs
        self.calls: list[Call] = []
        self.layers: dict[str, int] = {}
        self.dtypes: dict[int, str] = {IMAGE: _dtype(image)}
        self._replaced = replaced or (lambda operation: operation)
        self._look_into(model, {id(image): IMAGE}, "")

    def calls_to(self, key: int, known: Container[int]) -> list[Call]:
        """Return the calls that a tensor needs, in order, given those tensors that are known."""
        needed, chosen = {key}, []
        for call in reversed(self.calls):
            if key not in known and not needed.isdisjoint(call.outputs):
                chosen.append(call)
                needed.update(one for one in call.inputs if one not in known)
        return chosen[::-1]

    def _look_into(self, model: Any, keys: dict[int, int], prefix: str) -> None:
        """Add the calls of a model, given the numbers of its inputs by their `id`."""
        nodes = _nodes_to(model.outputs, keys)
        names = {node.operation.name for node in nodes}
        calls: Counter[str] = Counter()
        for node in nodes:
            name = node.operation.name
            path = f"{prefix}{name}_{calls[name]}" if calls[name] else f"{prefix}{name}"
            is_layer = isinstance(node.operation, keras.layers.Layer)
            if is_layer and calls[name] and path.removeprefix(prefix) in names:
                raise ValueError(
                    f"model: layer {prefix + name!r} is called more than once, and its call "
                    f"{path!r} has the name of another layer: give one of them another name"
                )
            calls[name] += 1
            inputs = tuple(keys[id(one)] for one in node.input_tensors)
            if _is_seen_through(node):
                outputs = self._within(node, inputs[0], f"{path}/")
            else:
                outputs = tuple(self._new(_dtype(output)) for output in node.outputs)
                operation = self._replaced(node.operation)
                self.calls.append(Call(path, operation, inputs, outputs, node))
            keys |= zip(map(id, node.outputs), outputs, strict=True)
            if is_layer and len(outputs) == 1:
                self.layers[path] = outputs[0]

    def _within(self, node: Any, key: int, prefix: str) -> tuple[int, ...]:
        """Add the calls of a model that is called in a model; return the numbers of its outputs."""
        model = node.operation
        (image,) = model.inputs
        if self.dtypes[key] != _dtype(image):  # a model casts what it is given
            cast = keras.layers.Identity(dtype=_dtype(image))
            before, key = key, self._new(_dtype(image))
            self.calls.append(Call(f"{prefix}{image.name}", cast, (before,), (key,)))
        keys = {id(image): key}
        self._look_into(model, keys, prefix)
        return tuple(keys[id(output)] for output in model.outputs)

    def _new(self, dtype: str) -> int:
        key = len(self.dtypes)
        self.dtypes[key] = dtype
        return key


_WINDOWED = (
    *(keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D),
    *(keras.layers.MaxPooling2D, keras.layers.AveragePooling2D),
)


def _check_window(call: Call, shape: tuple[int | None, ...]) -> None:
    """Refuse what is smaller than the window that is to go over it.

    Keras looks at that when a layer is built, for another size, and oneDNN not at all: what it then
    returns is whatever was in memory, or it ends the process.
    """
    operation = call.operation
    if not isinstance(operation, _WINDOWED) or operation.padding != "valid":
        return
    window = getattr(operation, "kernel_size", None) or operation.pool_size
    dilation = getattr(operation, "dilation_rate", (1, 1))
    needed = [rate * (side - 1) + 1 for rate, side in zip(dilation, window, strict=True)]
    sides = shape[1:3]
    if any(side is not None and side < least for side, least in zip(sides, needed, strict=True)):
        raise ValueError(
            f"layer {call.path!r} looks through {needed[1]} x {needed[0]} units, and there are "
            f"{sides[1]} x {sides[0]}"
        )


def _is_seen_through(node: Any) -> bool:
    """Return whether a call is of a model that can be looked into: nothing but its graph counts."""
    model = node.operation
    return (
        isinstance(model, keras.Model)
        and bool(getattr(model, "outputs", None))
        and len(model.inputs) == len(node.input_tensors) == 1
        and type(model).call.__module__.startswith("keras.")
        # training=True would change what it does.
        and all(value is None or value is False for value in node.arguments.kwargs.values())
    )


def _nodes_to(tensors: Iterable[Any], known: Container[int]) -> list[Any]:
    """Return Keras' nodes that symbolic tensors need, in an order in which they can be computed."""
    nodes: dict[int, Any] = {}
    ahead = [(_node_of(one), False) for one in tensors if id(one) not in known][::-1]
    while ahead:  # no recursion: networks may be deeper than Python's stack
        node, ready = ahead.pop()
        if id(node) in nodes:
            continue
        if ready:
            nodes[id(node)] = node
            continue
        ahead.append((node, True))
        before = [(_node_of(one), False) for one in node.input_tensors if id(one) not in known]
        ahead += before[::-1]
    return list(nodes.values())


def _node_of(tensor: Any) -> Any:
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]


def _dtype(tensor: Any) -> str:
    name: str = keras.backend.standardize_dtype(tensor.dtype)
    return name


def averaging(operation: Any) -> Any:
    """Return the average pooling for a maximum pooling; all else as it is."""
    if type(operation) is not keras.layers.MaxPooling2D:
        return operation
    return keras.layers.AveragePooling2D(
        operation.pool_size,
        operation.strides,
        operation.padding,
        operation.data_format,
        name=operation.name,
        dtype=operation.dtype_policy,
    )
