"""Any Keras model as an extractor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import keras

from neuralstyle._types import Tensor
from neuralstyle.features.base import Features, image_tensor


@final
class KerasFeatures:
    """An extractor made from a Keras model with named layers.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, with one image input. Its layers' names become the features'.
    preprocess : callable, optional
        Turns the image tensor, ``(1, H, W, 3)`` RGB in [0, 1], into the model's input. The default
        passes it on.

    Attributes
    ----------
    layers : tuple of str
        Names of the model's layers from the input on.
    traces : list
        Evaluations that `Evaluator` has compiled with this extractor, to be used again.

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
    >>> KerasFeatures(model)(np.zeros((8, 8, 3), np.float32))["c"].shape
    TensorShape([1, 6, 6, 4])
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
        self._inputs = inputs
        self._outputs = {
            name: output for name, output in outputs.items() if output is not inputs[0]
        }
        self.dtype = keras.backend.standardize_dtype(inputs[0].dtype)
        if "float" not in self.dtype:
            raise ValueError(f"model: expected a floating-point input, received {self.dtype}")
        if preprocess is not None and not callable(preprocess):
            raise TypeError(f"preprocess: expected a callable, received {preprocess!r}")
        self._name = model.name
        self._preprocess = preprocess or (lambda image: image)
        self._functions: dict[tuple[str, ...], keras.Function] = {}
        self.traces: list[Any] = []

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the input on."""
        return tuple(self._outputs)

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
        return Features(image_tensor(image, self.dtype), self.layers, self.compute)

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"KerasFeatures({self._name!r}, {len(self._outputs)} layers)"

    def compute(self, known: Mapping[str, Tensor], layer: str) -> dict[str, Tensor]:
        """Compute a layer from the activations that are known, and those between."""
        names = (*(name for name in known if name != "input"), layer)
        if names not in self._functions:
            symbols = [self._outputs[name] for name in names]
            inputs = [*self._inputs, *symbols[:-1]]
            way = keras.Function(inputs, symbols[-1])
            passed = [o.name for o in way.operations if o.name in self._outputs]
            outputs = {name: self._outputs[name] for name in passed if name not in names[:-1]}
            self._functions[names] = keras.Function(inputs, outputs)
        values = [known[name] for name in names[:-1]]
        passed = self._functions[names]([self._preprocess(known["input"]), *values])
        return passed  # type: ignore[no-any-return]
