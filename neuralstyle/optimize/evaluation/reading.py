"""What the losses of an objective read of a picture's features, found without computing these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import keras
import tensorflow as tf

from neuralstyle._types import Tensor
from neuralstyle.features.base import Extractor
from neuralstyle.features.fields import Field
from neuralstyle.features.keras_models.checks import features_of
from neuralstyle.features.tiles import tiled_field
from neuralstyle.losses.additive import Additive
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.losses.parts import Leaf, leaves
from neuralstyle.losses.shapes import Shapes
from neuralstyle.losses.structure import Built, Opaque, build
from neuralstyle.optimize.evaluation.graphs import value_of
from neuralstyle.optimize.evaluation.through import Through

SAID = ("digest", "padding", "receptive_field")
"""What features may say of themselves, beside the layers."""


@dataclass(frozen=True)
class Part:
    """A loss that looks at features.

    Attributes
    ----------
    term : Leaf
    built : Built or None
        None if the library cannot see into the loss.
    layers : tuple of str
        What it reads.
    """

    term: Leaf
    built: Built | None
    layers: tuple[str, ...]

    @property
    def additive(self) -> bool:
        """Whether sums over the positions are enough."""
        return self.built is not None and isinstance(self.term.loss, Additive)

    @property
    def behind(self) -> int:
        """How many positions behind a part of a layer its sums look at."""
        return self.term.loss.behind if isinstance(self.term.loss, Additive) else 0


@dataclass(frozen=True)
class Layer:
    """A layer of the whole picture, but for its values.

    Attributes
    ----------
    shape : tuple of int, (1, H, W, C)
    dtype : str
    field : Field
    """

    shape: tuple[int, ...]
    dtype: str
    field: Field

    @property
    def spec(self) -> tf.TensorSpec:
        """What a graph takes for it."""
        return tf.TensorSpec(self.shape, self.dtype)


@dataclass(frozen=True)
class Reading:
    """What the losses of an objective read.

    Attributes
    ----------
    parts : list of Part
    layers : dict from str to Layer
        All that are read.
    said : dict
        What the features say of themselves.
    """

    parts: list[Part]
    layers: dict[str, Layer]
    said: dict[str, Any]


def reading(objective: StyleObjective, extractor: Extractor, image: tf.TensorSpec) -> Reading:
    """Build the losses for images of one size, and find what they read.

    Parameters
    ----------
    objective : StyleObjective
    extractor : callable
    image : TensorSpec

    Returns
    -------
    Reading

    Raises
    ------
    TypeError, ValueError, KeyError
        If the objective does not fit the extractor and the size.
    ValueError
        If the extractor does not tell what the units of a layer see that a loss reads.
    """
    found = Reading([], {}, {})

    def look(image: Tensor) -> None:
        features = features_of(extractor, image)
        for term in leaves(objective.terms):
            found.parts.append(_part(term, features))
        found.said.update((n, getattr(features, n)) for n in SAID if hasattr(features, n))
        for name in dict.fromkeys(name for part in found.parts for name in part.layers):
            tensor = features[name]
            dtype = keras.backend.standardize_dtype(tensor.dtype)
            field = tiled_field(features, name)
            found.layers[name] = Layer(tuple(tensor.shape), dtype, field)

    tf.function(look, autograph=False).get_concrete_function(image)
    return found


def _part(term: Leaf, features: Mapping[str, Tensor]) -> Part:
    try:
        built = build(term.loss, Shapes(features))
    except Opaque:
        built = None
    if built is not None and isinstance(term.loss, Additive):
        return Part(term, built, tuple(built.arrays))
    noted = _Noted(features)
    value_of(term, built, built and built.arrays, noted, set())
    return Part(term, built, tuple(noted.read))


@final
class _Noted(Through):
    """Features that note which of them are read."""

    def __init__(self, features: Mapping[str, Tensor]) -> None:
        super().__init__(features)
        self.read: dict[str, None] = {}

    def __getitem__(self, layer: str) -> Tensor:
        tensor = self._features[layer]
        self.read[layer] = None
        return tensor


@final
class Gathered(dict[str, Tensor]):
    """Features of the whole picture, as far as they were gathered.

    Parameters
    ----------
    tensors : mapping from str to tensor
    said : mapping
        What the picture's features say of themselves.
    """

    def __init__(self, tensors: Mapping[str, Tensor], said: Mapping[str, Any]) -> None:
        super().__init__(tensors)
        vars(self).update(said)
