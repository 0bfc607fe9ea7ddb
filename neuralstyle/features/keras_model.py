"""Any Keras model as an extractor."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, final

import keras
import numpy as np

from neuralstyle._kernels.device import outside_graph
from neuralstyle._types import Tensor
from neuralstyle.features.base import Features, image_tensor, unknown_layer
from neuralstyle.features.fields import Field
from neuralstyle.features.keras_fields import field_of
from neuralstyle.features.keras_graph import calls_to


@final
class KerasFeatures:
    """An extractor made from a Keras model with named layers.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, with one image input. Its layers' names become the features'.
    preprocess : callable, optional
        Turns the image tensor, ``(1, H, W, 3)`` RGB in [0, 1], into the model's input, pixel by
        pixel. The default passes it on.

    Attributes
    ----------
    layers : tuple of str
        Names of the model's layers from the input on.
    dtype : str
        Precision of the model's input.
    reuse : bool
        Whether compiled code may be kept: a function in `preprocess` may be another each time.
    digest : str or None
        Names the model's layers and their weights of now; None with a function in `preprocess`,
        which has no name.

    Raises
    ------
    TypeError
        If `model` is not a Keras model whose graph is known.

    Examples
    --------
    >>> import keras
    >>> model = keras.Sequential(
    ...     [keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3, name="c")]
    ... )
    >>> extractor = KerasFeatures(model)
    >>> extractor(np.zeros((8, 8, 3), np.float32))["c"].shape
    TensorShape([1, 6, 6, 4])
    >>> extractor.receptive_field("c")
    Field(start=0, length=3, step=1)
    """

    def __init__(
        self, model: keras.Model, preprocess: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        try:
            inputs = list(model.inputs)
            outputs = {layer.name: layer.output for layer in model.layers}
        except (AttributeError, TypeError, ValueError) as error:
            raise TypeError(
                "model: expected a functional or sequential Keras model that is built, "
                f"received {model!r}"
            ) from error
        if len(inputs) != 1:
            raise ValueError(f"model: expected a model of one input, received {len(inputs)} inputs")
        self._input = inputs[0]
        self._outputs = {
            name: output for name, output in outputs.items() if output is not self._input
        }
        self.dtype = keras.backend.standardize_dtype(self._input.dtype)
        if "float" not in self.dtype:
            raise ValueError(f"model: expected a floating-point input, received {self.dtype}")
        if preprocess is not None and not callable(preprocess):
            raise TypeError(f"preprocess: expected a callable, received {preprocess!r}")
        self._model = model
        self._preprocess = preprocess

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the input on."""
        return tuple(self._outputs)

    @property
    def reuse(self) -> bool:
        """Whether features depend on nothing but the image and this extractor."""
        return self._preprocess is None

    @functools.cached_property
    def digest(self) -> str | None:
        """What names the layers, in their order, and their weights when it is first asked for."""
        return None if self._preprocess else _digest(self._model)

    def __call__(self, image: Any) -> Features:
        """Look at an image.

        Parameters
        ----------
        image : array, shape (H, W, 3) or (1, H, W, 3), floating, RGB in [0, 1]
            Or a tensor of shape (1, H, W, 3), whose range is not checked.

        Returns
        -------
        Features

        Raises
        ------
        TypeError, ValueError
            If `image` is not such an image.
        """
        return Features(
            image_tensor(image, self.dtype),
            self.layers,
            self.compute,
            receptive_field=self.receptive_field,
            digest=lambda: self.digest,
        )

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"KerasFeatures({self._model.name!r}, {len(self._outputs)} layers)"

    def receptive_field(self, layer: str) -> Field:
        """Return which pixels of the model's input the units of a layer see.

        Parameters
        ----------
        layer : str

        Returns
        -------
        start, length, step : int
            In either direction, unit i sees the pixels from ``start + i * step`` on, as many as
            `length`. Where the padding depends on the size of the image (``"same"`` with strides),
            as many as it may be.

        Raises
        ------
        KeyError
            If the model has no such layer.
        ValueError
            If there is a layer on the way that cannot be seen through: one whose units see the
            whole image, or of a kind that is not known.
        """
        if layer == "input":
            return Field()
        if layer not in self._outputs:
            raise unknown_layer(layer, ("input", *self._outputs))
        try:
            return field_of(self._outputs[layer], {id(self._input): Field()})
        except ValueError as error:
            raise ValueError(f"what layer {layer!r} sees is not known: {error}") from None

    def compute(self, known: Mapping[str, Tensor], layer: str) -> dict[str, Tensor]:
        """Compute a layer from the activations that are known, and those between."""
        symbols = {"input": self._input} | self._outputs
        tensors = {id(symbols[name]): tensor for name, tensor in known.items()}
        calls = calls_to(symbols[layer], tensors)
        read = {id(one) for call in calls for one in call.input_tensors}
        if self._preprocess and id(self._input) in read:
            tensors[id(self._input)] = self._preprocess(known["input"])
        for call in calls:
            arguments, options = call.arguments.fill_in(tensors)
            outputs = keras.tree.flatten(call.operation(*arguments, **options))
            tensors |= {id(s): t for s, t in zip(call.outputs, outputs, strict=True)}
        return {
            name: tensors[id(symbol)]
            for name, symbol in self._outputs.items()
            if id(symbol) in tensors and name not in known
        }


_SHAPES_WHAT_IS_COMPUTED = (
    *("kernel_size", "pool_size", "strides", "padding", "dilation_rate", "groups"),
    *("data_format", "epsilon", "negative_slope", "scale", "offset"),
)


def _digest(model: keras.Model) -> str:
    """Hash a model's layers, by what says the same in every version of Keras, and their weights."""
    hashed = hashlib.sha256()
    for layer in model.layers:
        facts = [getattr(layer, name, None) for name in _SHAPES_WHAT_IS_COMPUTED]
        activation = getattr(getattr(layer, "activation", None), "__name__", None)
        plain = [fact if isinstance(fact, (str, int, float, tuple)) else None for fact in facts]
        hashed.update(repr((type(layer).__name__, activation, plain)).encode())
        for weight in layer.weights:
            with outside_graph():  # a graph that is being traced has no values yet
                array = np.asarray(weight)
            hashed.update(repr((array.shape, array.dtype.str)).encode())
            hashed.update(np.ascontiguousarray(array).data)
    return hashed.hexdigest()
