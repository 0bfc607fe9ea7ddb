"""Compiled evaluations, used again by objectives of the same structure.

Tracing an evaluation into a graph takes about a second, as long as tens of evaluations of a small
image. But what differs between two photographs, two paintings or two weights are numbers. So the
losses are split (`neuralstyle.losses.structure`): what fixes the graph is the key under which
compiled code is kept (`kept`), and the arrays are its arguments. What the library cannot see into
is compiled anew for every evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, final

import tensorflow as tf

from neuralstyle._kernels.device import TRACING, check_process
from neuralstyle._types import Tensor
from neuralstyle.features.base import Extractor
from neuralstyle.features.keras_models.checks import features_of
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.losses.parts import leaves, weights_within
from neuralstyle.losses.shapes import Shapes
from neuralstyle.losses.structure import Built, Opaque, build, filled, structure
from neuralstyle.optimize.evaluation.graphs import (
    Flat,
    Read,
    flat,
    slopes_of,
    tell,
    totalled,
    trees,
    value_of,
)
from neuralstyle.optimize.evaluation.kept import Store, store_of
from neuralstyle.optimize.evaluation.memory import OPERATION, Taken


@final
class Compiled:
    """An objective, compiled for images of one size.

    Parameters
    ----------
    objective : StyleObjective
    extractor : callable
    image : TensorSpec
    """

    def __init__(
        self, objective: StyleObjective, extractor: Extractor, image: tf.TensorSpec
    ) -> None:
        with TRACING:
            self._code, self._read = _found(objective, extractor, image)

    @property
    def taken(self) -> Taken:
        """What an evaluation takes."""
        code = OPERATION * self._code.operations
        return Taken(self._read.nbytes, self._code.alive, code=code)

    def __call__(self, image: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return value, gradient, and the losses in the order of the terms, then their parts.

        Parameters
        ----------
        image : tensor, shape (1, H, W, 3)
        weights : tensor, float64, shape (terms,)
        """
        check_process()
        value, gradient, losses = self._code(image, weights, *self._read())
        return value, gradient, losses


def _found(
    objective: StyleObjective, extractor: Extractor, image: tf.TensorSpec
) -> tuple[Flat, Read]:
    """Return code for an objective and what it reads; compile it if there is none."""
    store = store_of(extractor)
    try:
        if store is None:
            raise Opaque("the extractor does not promise to be the same at every call")
        terms = _built(objective, extractor, image, store)
    except Opaque:
        read = Read([])
        return _compile(objective, None, read, extractor, image), read
    kinds, found = structure(_nest(objective, terms))
    read = Read(found)
    options = tuple(term.options for term in terms)
    key = (tuple(image.shape), image.dtype, trees(objective), options, kinds)
    code = store.code(key, lambda: _compile(objective, terms, read, extractor, image))
    return code, read


def _nest(objective: StyleObjective, terms: Sequence[Built]) -> tuple[Any, list[float]]:
    """Return what the graph reads: the arrays of the losses, and the weights within terms."""
    return [term.arrays for term in terms], weights_within(objective.terms)


def _compile(
    objective: StyleObjective,
    terms: Sequence[Built] | None,
    read: Read,
    extractor: Extractor,
    image: tf.TensorSpec,
) -> Flat:
    """Trace an evaluation that takes what `read` gives; without `terms`, of losses as they are."""
    looking = leaves(objective.terms)
    built: Sequence[Built | None] = [None] * len(looking) if terms is None else terms
    without: Any = built, weights_within(objective.terms)
    noisy: set[str] = set()

    def evaluate(image: Tensor, weights: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        features = features_of(extractor, image)
        own, inner = filled(_nest(objective, terms), iter(given)) if terms is not None else without
        values = [value_of(*one, features, noisy) for one in zip(looking, built, own, strict=True)]
        total, told = totalled(objective, weights, values, inner)
        (gradient,) = slopes_of(objective, total, [image])
        return total, gradient, told

    weights = tf.TensorSpec((len(objective),), tf.float64)
    code = flat(evaluate, image, weights, *read.specs)
    tell(noisy)
    return code


def _built(
    objective: StyleObjective,
    extractor: Extractor,
    image: tf.TensorSpec,
    store: Store[Flat, _Known],
) -> list[Built]:
    """Build the losses for images of one size, looking at a trace of the features if need be."""
    known = store.shapes(tuple(image.shape), _Known)

    def losses() -> list[Built]:
        return [build(term.loss, Shapes(known)) for term in leaves(objective.terms)]

    try:
        return losses()
    except _Unseen:
        pass
    built: list[Built] = []

    def look(image: Tensor) -> None:
        with known.looking_at(features_of(extractor, image)):
            built.extend(losses())

    tf.function(look, autograph=False).get_concrete_function(image)
    return built


class _Unseen(Exception):
    """Says that a layer has not been looked at yet."""


@final
class _Known(Mapping[str, tf.TensorSpec]):
    """The feature maps of images of one size, without their values: as far as they were asked for.

    They are noted while a trace is looked at, and known without one from then on.
    """

    def __init__(self) -> None:
        self.digest: str | None = None
        self._padding: list[str | None] = []
        self._maps: dict[str, tf.TensorSpec] = {}
        self._fields: dict[str, Any] = {}
        self._features: Mapping[str, Tensor] | None = None

    @contextmanager
    def looking_at(self, features: Mapping[str, Tensor]) -> Iterator[None]:
        """Take what is not known from features of a graph that is being traced."""
        self._features = features
        self.digest = getattr(features, "digest", None)
        self._padding[:] = [getattr(features, "padding", None)]
        try:
            yield
        finally:
            self._features = None

    @property
    def padding(self) -> str | None:
        if not self._padding:
            raise _Unseen
        return self._padding[0]

    def _traced(self) -> Mapping[str, Tensor]:
        if self._features is None:
            raise _Unseen
        return self._features

    def __getitem__(self, layer: str) -> tf.TensorSpec:
        if layer not in self._maps:
            tensor = self._traced()[layer]
            self._maps[layer] = tf.TensorSpec(tensor.shape, tensor.dtype)
        return self._maps[layer]

    def receptive_field(self, layer: str) -> tuple[int, int, int] | None:
        if layer not in self._fields:
            ask = getattr(self._traced(), "receptive_field", None)
            self._fields[layer] = ask and ask(layer)
        field: tuple[int, int, int] | None = self._fields[layer]
        return field

    def __contains__(self, layer: object) -> bool:
        return layer in self._maps or layer in self._traced()

    def __iter__(self) -> Iterator[str]:
        return iter(self._traced())

    def __len__(self) -> int:
        return len(self._traced())
