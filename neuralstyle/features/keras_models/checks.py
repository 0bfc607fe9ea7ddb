"""Which Keras models can be looked through, and what names them."""

from __future__ import annotations

import hashlib
from typing import Any

import keras
import numpy as np

from neuralstyle._checks import shown
from neuralstyle._kernels.device import outside_graph
from neuralstyle.features.base import Extractor
from neuralstyle.features.failures import FAILURES, Refused, said
from neuralstyle.features.keras_models.graph import IMAGE, Graph


def check_extractor(name: str, value: Any, which: str = "") -> Extractor:
    """Check that something can be called with an image, and is no bare model.

    Parameters
    ----------
    name : str
        Of the argument.
    value : callable
    which : str, optional
        Words for the message, of what makes it the right one.

    Returns
    -------
    callable

    Raises
    ------
    TypeError
        If it cannot be called, or is a class, a layer or a model, which returns no mapping.

    Examples
    --------
    >>> check_extractor("network", keras.Sequential(name="mine"))
    Traceback (most recent call last):
    TypeError: network: expected an extractor, received the Keras model 'mine': write \
KerasFeatures(model, preprocess), with what it is to be given of RGB in [0, 1]
    """
    _refuse_old_keras(name, value)
    if isinstance(value, keras.layers.Layer):
        raise TypeError(
            f"{name}: expected an extractor, received the Keras model {value.name!r}: write "
            "KerasFeatures(model, preprocess), with what it is to be given of RGB in [0, 1]"
        )
    if isinstance(value, type):
        raise TypeError(
            f"{name}: expected an extractor, received the class {value.__name__}: call it"
        )
    if not callable(value):
        raise TypeError(
            f'{name}: expected an extractor, such as VGG16Features(weights="compact"){which}, '
            f"received {shown(value)}"
        )
    extractor: Extractor = value
    return extractor


def features_of(extractor: Extractor, image: Any) -> Any:
    """Return the features of an image, having checked that they are a mapping."""
    features = extractor(image)
    if not hasattr(features, "keys"):
        raise TypeError(
            "extractor: expected one that returns a mapping from layer name to tensor, received "
            f"one that returns {type(features).__name__}"
        )
    return features


def image_shape(model: Any, preprocess: Any) -> tuple[int | None, int | None, int | None]:
    """Check that a model is one, with an image for its input, and return (H, W, C)."""
    _refuse_old_keras("model", model)
    try:
        inputs, outputs = list(model.inputs), list(model.outputs)
    except (AttributeError, TypeError, ValueError) as error:
        raise _no_graph(model) from error
    if not isinstance(model, keras.Model) or not outputs:
        raise _no_graph(model)
    if len(inputs) != 1:
        raise ValueError(f"model: expected a model of one input, received {len(inputs)} inputs")
    shape = tuple(inputs[0].shape)
    first = len(shape) == 4 and shape[1] == 3 and shape[3] != 3
    if len(shape) != 4 or first:
        kind = "channels-first images" if first else "something else"
        raise ValueError(
            "model: expected a model of channels-last images, (None, None, 3), received one of "
            f"{kind}, {shape[1:]}"
        )
    if preprocess is None and shape[3] not in (3, None):
        raise ValueError(
            f"model: expected a model of 3 channels, received one of {shape[3]}, and no "
            "preprocess= that makes them of RGB, as keras.ops.mean(image, -1, keepdims=True) does "
            "for 1"
        )
    return shape[1:]


def of_fixed_size(
    wanted: tuple[int | None, ...], shape: tuple[int, ...], layer: str, error: Exception
) -> Refused | None:
    """Return the reason that a model was built for images of another size, if it was."""
    height, width = shape[1:3]
    if all(one in (None, side) for one, side in zip(wanted[:2], (height, width), strict=True)):
        return None
    return Refused(
        ValueError(
            f"layer {layer!r} cannot be computed for an image of {width} x {height} pixels: the "
            f"model was built for {wanted[1]} x {wanted[0]} alone. Build it again without its "
            "classifier and with input_shape=(None, None, 3), or give it pictures of that size "
            f"({said(error)})"
        )
    )


def _refuse_old_keras(name: str, value: Any) -> None:
    if any(kind.__module__.split(".")[0] == "tf_keras" for kind in type(value).__mro__):
        raise TypeError(
            f"{name}: expected a model of Keras 3, received one of tf_keras, which is Keras 2: "
            f"build it with keras, and take its weights over; received {shown(value)}"
        )


def _no_graph(model: Any) -> TypeError:
    return TypeError(
        "model: expected a functional or sequential Keras model that is built, "
        f"received {shown(model)}"
    )


def check_layout(graph: Graph) -> None:
    """Refuse channels-first layers by name."""
    for call in graph.calls:
        if getattr(call.operation, "data_format", None) == "channels_first":
            raise ValueError(
                f"model: expected channels-last layers, received {shown(call.path)}, which is "
                "channels_first: build the model again with "
                'keras.config.set_image_data_format("channels_last")'
            )


_SHAPES_WHAT_IS_COMPUTED = (
    *("kernel_size", "pool_size", "strides", "padding", "dilation_rate", "groups"),
    *("data_format", "epsilon", "negative_slope", "scale", "offset"),
)


def digest_of(graph: Graph, before: str) -> str:
    """Hash the calls of a graph, by what says the same in every version of Keras, and weights."""
    hashed, seen = hashlib.sha256(before.encode()), dict[int, int]()
    for call in graph.calls:
        layer = call.operation
        known = seen.setdefault(id(layer), len(seen))
        facts = [getattr(layer, name, None) for name in _SHAPES_WHAT_IS_COMPUTED]
        activation = getattr(getattr(layer, "activation", None), "__name__", None)
        arguments = () if call.node is None else call.node.arguments
        facts += keras.tree.flatten([arguments.args, arguments.kwargs]) if arguments else []
        plain = [fact if isinstance(fact, (str, int, float, tuple)) else None for fact in facts]
        kind = type(layer).__name__, activation, plain
        hashed.update(repr((known, kind, call.inputs, call.outputs)).encode())
        if known == len(seen) - 1 and isinstance(layer, keras.layers.Layer):
            for weight in layer.weights:
                with outside_graph():  # a graph that is being traced has no values yet
                    array = np.asarray(weight)
                hashed.update(repr((array.shape, array.dtype.str)).encode())
                hashed.update(np.ascontiguousarray(array).data)
    return hashed.hexdigest()


def compute_alike(one: Graph, other: Graph, shape: tuple[int | None, ...]) -> bool:
    """Return whether two graphs have the same layers and weights, and compute the same.

    What a layer of the user's own keeps is known to nobody, so both look at a picture of noise.
    """
    if digest_of(one, "") != digest_of(other, ""):
        return False
    size = [fixed or usual for fixed, usual in zip(shape, (64, 64, 3), strict=True)]
    noise = np.random.default_rng(0).uniform(size=(1, *size))
    image = keras.ops.convert_to_tensor(noise, one.dtypes[IMAGE])
    first, second = {IMAGE: image}, {IMAGE: image}
    for call, again in zip(one.calls, other.calls, strict=True):
        try:
            first |= call.run(first)
        except FAILURES:  # the picture may be too small for what is left of the network
            return True
        try:
            second |= again.run(second)
        except FAILURES:
            return False
        for key in call.outputs:
            wanted, made = (
                np.asarray(keras.ops.cast(of[key], "float32")) for of in (first, second)
            )
            if not np.allclose(made, wanted, 1e-3, 1e-3 * np.max(np.abs(wanted)), equal_nan=True):
                return False
    return True
