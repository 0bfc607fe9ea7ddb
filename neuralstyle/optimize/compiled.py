"""Compiled evaluations, used again by objectives of the same structure.

Tracing an evaluation into a graph takes about a second, as long as tens of evaluations of a small
image. But what differs between two photographs, two paintings or two weights are numbers. So the
losses are split (`neuralstyle.losses.structure`): what fixes the graph is the key under which
compiled code is found, and the arrays are its arguments (`neuralstyle.optimize.kept`). What the
library cannot see into is compiled anew for every evaluator.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, final

import keras
import tensorflow as tf

from neuralstyle._kernels.device import TRACING, check_process
from neuralstyle._types import Tensor
from neuralstyle.features.base import Extractor
from neuralstyle.losses.evaluation import scalar, weighted_sum
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.losses.parts import Leaf, assembled, leaves, tree, weights_within
from neuralstyle.losses.shapes import Shapes
from neuralstyle.losses.structure import Built, Opaque, build, filled, structure
from neuralstyle.optimize.kept import Store, store_of

logger: logging.Logger = logging.getLogger(__name__)

RANDOM = ("Random", "Multinomial", "ParameterizedTruncatedNormal", "TruncatedNormal")
"""How the names of operations begin that draw other numbers each time."""


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
            self._code, self._arrays = _found(objective, extractor, image)
        # Variables are read at every evaluation; what else there is does not change any more.
        self._variables = [
            k for k, array in enumerate(self._arrays) if isinstance(array, keras.Variable)
        ]

    def __call__(self, image: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return value, gradient, and the losses in the order of the terms, then their parts.

        Parameters
        ----------
        image : tensor, shape (1, H, W, 3)
        weights : tensor, float64, shape (terms,)
        """
        check_process()
        arrays = self._arrays
        if self._variables:
            arrays = list(arrays)
            for k in self._variables:
                arrays[k] = tf.convert_to_tensor(arrays[k])
        value, gradient, losses = self._code(image, weights, *arrays)
        return value, gradient, losses


def _found(
    objective: StyleObjective, extractor: Extractor, image: tf.TensorSpec
) -> tuple[Flat, list[Any]]:
    """Return code for an objective and the arrays that it takes; compile it if there is none."""
    store = store_of(extractor)
    try:
        if store is None:
            raise Opaque("the extractor does not promise to be the same at every call")
        terms = _built(objective, extractor, image, store)
    except Opaque:
        return _compile(objective, None, [], extractor, image), []
    kinds, read = structure(_nest(objective, terms))
    arrays = [as_tensor(leaf) for leaf in read]
    options = tuple(term.options for term in terms)
    key = (tuple(image.shape), image.dtype, _trees(objective), options, kinds)
    code = store.code(key, lambda: _compile(objective, terms, arrays, extractor, image))
    return code, arrays


def _trees(objective: StyleObjective) -> tuple[Any, ...]:
    return tuple(tree(term.loss) for term in objective.terms)


def _nest(objective: StyleObjective, terms: Sequence[Built]) -> tuple[Any, list[float]]:
    """Return what the graph reads: the arrays of the losses, and the weights within terms."""
    return [term.arrays for term in terms], weights_within(objective.terms)


def as_tensor(leaf: Any) -> Tensor:
    """Return what a graph is given for what a loss reads: a tensor, but variables as they are."""
    if isinstance(leaf, keras.Variable):
        return leaf
    return tf.constant(leaf, tf.float64) if isinstance(leaf, float) else tf.convert_to_tensor(leaf)


def _compile(
    objective: StyleObjective,
    terms: Sequence[Built] | None,
    arrays: Sequence[Tensor],
    extractor: Extractor,
    image: tf.TensorSpec,
) -> Flat:
    """Trace an evaluation with arrays like those given; without `terms`, of losses as they are."""
    looking = leaves(objective.terms)
    trees, within = _trees(objective), weights_within(objective.terms)
    nest = None if terms is None else _nest(objective, terms)
    noisy: set[str] = set()

    def evaluate(image: Tensor, weights: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        features = extractor(image)
        if terms is None:
            inner: Any = within
            values = [_traced(term, features, noisy) for term in looking]
        else:
            read, inner = filled(nest, iter(given))
            values = [
                scalar(leaf.name, _with(term, own), features)
                for leaf, term, own in zip(looking, terms, read, strict=True)
            ]
        parts: list[Tensor] = []
        losses = assembled(trees, iter(values), iter(inner), parts)
        total = weighted_sum(tf.unstack(weights, len(losses)), losses)
        (gradient,) = tf.gradients(total, [image])
        if gradient is None:
            raise ValueError(
                "the objective does not depend on the image: expected losses that are computed "
                "with keras.ops from the features that they are called with, received "
                f"{', '.join(objective.weights)}"
            )
        # Gathering losses have sparse gradients.
        gradient = tf.convert_to_tensor(gradient)
        told = [tf.cast(value, tf.float64) for value in (*losses, *parts)]
        return total, gradient, tf.stack(told)

    specs = [
        tf.TensorSpec(array.shape, keras.backend.standardize_dtype(array.dtype)) for array in arrays
    ]
    weights = tf.TensorSpec((len(trees),), tf.float64)
    function = tf.function(evaluate, autograph=False).get_concrete_function(image, weights, *specs)
    for name in sorted(noisy):
        logger.warning(
            "the loss %r draws random numbers or changes a variable at every evaluation: no line "
            "search finds a lower value of what is another function each time; draw once, in the "
            "constructor, from a seed",
            name,
        )
    return Flat(function)


def _traced(term: Leaf, features: Mapping[str, Tensor], noisy: set[str]) -> Tensor:
    """Trace a loss as it is, and note its name if it would be another at every evaluation."""
    graph = tf.compat.v1.get_default_graph()
    before = len(graph.get_operations())
    value = scalar(term.name, term.loss, features)
    kinds = {operation.type for operation in graph.get_operations()[before:]}
    if any(kind.startswith(RANDOM) or "Assign" in kind for kind in kinds):
        noisy.add(term.name)
    return value


def _with(term: Built, arrays: Any) -> Callable[[Mapping[str, Tensor]], Tensor]:
    return lambda features: term.compute(features, arrays)


@final
class Flat:
    """A concrete function called with a flat list of tensors.

    Parameters
    ----------
    function : ConcreteFunction

    Notes
    -----
    Calling it as usual checks each of a hundred arrays against its specification, at a tenth of the
    time of a small image's evaluation; they have been made for it.
    """

    def __init__(self, function: Any) -> None:
        self._function = function  # what is called belongs to it
        self._call = function.inference_fn.call_flat
        self._captured = function.captured_inputs

    @functools.cached_property
    def operations(self) -> int:
        """Of how many it is made, those within loops too."""
        graph = self._function.graph.as_graph_def()
        return len(graph.node) + sum(len(inner.node_def) for inner in graph.library.function)

    def __call__(self, *tensors: Tensor) -> Sequence[Tensor]:
        """Return what the function returns."""
        result: Sequence[Tensor] = self._call(*tensors, *self._captured)
        return result


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
        with known.looking_at(extractor(image)):
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
