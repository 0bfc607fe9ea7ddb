"""Features as losses see them: a mapping from layer name to feature map, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import keras
import numpy as np
from keras import ops

from neuralstyle._checks import nearest
from neuralstyle._kernels.device import check_process
from neuralstyle._types import Padding, Tensor


class UnknownLayer(KeyError):
    """There is no such layer: an error that knows of what argument it tells."""

    def __init__(self, message: str, argument: str = "", layer: str = "") -> None:
        super().__init__(message)
        self.argument = argument
        self.layer = layer

    def of(self, argument: str) -> UnknownLayer:
        """Return the same error, told of another argument."""
        _, _, reason = self.args[0].partition(": ")
        return UnknownLayer(f"{argument}: {reason}", argument, self.layer)


@final
class Shapes:
    """The shapes of an image's feature maps, and what their units see of the image.

    Parameters
    ----------
    features : mapping from str to tensor
        As an extractor returns it, or what else has a shape under each name. Asked when needed.
    argument : str, default "features"
        What messages call it.
    """

    def __init__(self, features: Mapping[str, Any], argument: str = "features") -> None:
        self._features = features
        self._argument = argument

    def __getitem__(self, layer: str) -> tuple[int, int, int, int]:
        """Return the shape (1, H, W, C) of a layer's feature map."""
        tell = getattr(self._features, "shape_of", None)  # without computing the layer
        shape: Any
        if tell is not None and layer in self._features:
            shape = tell(layer)
        else:
            shape = shape_of(_found(self._features, layer, self._argument))
        if len(shape) != 4 or shape[0] != 1 or 0 in shape:
            raise ValueError(
                f"{self._argument}: expected a feature map of shape (1, H, W, C) at layer "
                f"{layer!r}, received {shape}"
            )
        return shape  # type: ignore[no-any-return]

    def __contains__(self, layer: object) -> bool:
        """Tell whether there is a layer of this name."""
        return layer in self._features

    @property
    def digest(self) -> str | None:
        """What names the network, if the features say so."""
        return getattr(self._features, "digest", None)

    @property
    def padding(self) -> Padding | None:
        """What the network sees beyond the border, if the features say so."""
        return padding_of(self._features)

    @property
    def torus(self) -> bool:
        """Whether the image goes on at its other side, if the features say so."""
        return is_torus(self._features)

    def receptive_field(self, layer: str) -> tuple[int, int, int] | None:
        """Return start, length and step of what a layer's units see, if the features say so."""
        known = getattr(self._features, "receptive_field", None)
        return None if known is None else known(layer)

    def octave(self, prefix: str) -> Shapes:
        """Return the shapes of those layers whose names begin so, under the rest of their names."""
        return Shapes(Prefixed(self._features, prefix), self._argument)


@final
class Prefixed(Mapping[str, Any]):
    """Those features whose names begin alike, under the rest of their names."""

    def __init__(self, features: Mapping[str, Any], prefix: str) -> None:
        self._features = features
        self._prefix = prefix
        self.digest: str | None = getattr(features, "digest", None)
        self.padding: str | None = getattr(features, "padding", None)
        if hasattr(features, "receptive_field"):
            field: Callable[[str], tuple[int, int, int]] = features.receptive_field
            self.receptive_field: Callable[[str], tuple[int, int, int]]
            self.receptive_field = lambda layer: field(prefix + layer)

    def __getitem__(self, name: str) -> Any:
        """Return the feature map of that name."""
        return self._features[self._prefix + name]

    def __iter__(self) -> Any:
        """Iterate over the names."""
        names = (name for name in self._features if name.startswith(self._prefix))
        return (name.removeprefix(self._prefix) for name in names)

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is one of this name."""
        return f"{self._prefix}{name}" in self._features


def is_torus(features: Any) -> bool:
    """Return whether features are those of a torus: their padding wraps around."""
    return padding_of(features) == "wrap"


def padding_of(features: Any) -> Padding | None:
    """Return what the network sees beyond the border, if features say so."""
    padding: Padding | None = getattr(features, "padding", None)
    return padding


def feature_at(
    features: Mapping[str, Tensor], layer: str, argument: str = "features", beyond: int = 0
) -> Tensor:
    """Take one feature map, checking that it is one.

    Of a torus, as many positions `beyond` its lower and its right end are those that follow.
    """
    check_process()
    sides = Shapes(features, argument)[layer][1:3]
    feature = ops.convert_to_tensor(features[layer])
    if beyond and is_torus(features):
        for axis, side in enumerate(sides, start=1):
            feature = ops.take(feature, np.arange(side + beyond) % side, axis=axis)
    return feature


def shape_of(tensor: Any) -> tuple[int, ...]:
    """Return the shape of an array or tensor."""
    shape = getattr(tensor, "shape", None)
    return tuple(np.shape(tensor) if shape is None else shape)


def dtype_of(tensor: Any) -> str:
    """Return the name of an array's or a tensor's type of numbers."""
    name: str = keras.backend.standardize_dtype(getattr(tensor, "dtype", np.asarray(tensor).dtype))
    return name


def _found(features: Mapping[str, Any], layer: str, argument: str) -> Any:
    try:
        return features[layer]
    except KeyError as error:
        known = ", ".join(features) if len(features) < 40 else "see the extractor's layers"
        known += nearest(layer, features)
        own = error.args and error.args[0] != layer  # an extractor's message names the layers
        reason = error.args[0] if own else f"there is no layer {layer!r}; known are: {known}"
        raise UnknownLayer(f"{argument}: {reason}", argument, layer) from None
    except (TypeError, IndexError):
        if isinstance(features, Mapping):
            raise  # what the extractor says, of a function of the user's for instance
        hint = ": of an image write extractor(image)" if hasattr(features, "shape") else ""
        raise TypeError(
            f"{argument}: expected features (a mapping from layer name to tensor, as an extractor "
            f"returns), received {type(features).__name__}{hint}"
        ) from None
