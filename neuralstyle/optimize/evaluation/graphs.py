"""Objectives as TensorFlow's graphs: what these take, what is traced, and code that is compiled."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import keras
import tensorflow as tf

from neuralstyle._kernels.order import gradients, in_order
from neuralstyle._types import Tensor
from neuralstyle.losses.evaluation import scalar, weighted_sum
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.losses.parts import Leaf, assembled, tree
from neuralstyle.losses.structure import Built
from neuralstyle.optimize.evaluation.memory import alive, size

logger: logging.Logger = logging.getLogger(__name__)

RANDOM = ("Random", "Multinomial", "ParameterizedTruncatedNormal", "TruncatedNormal")
"""How the names of operations begin that draw other numbers each time."""


@final
class Read:
    """What losses read, as a graph takes it.

    Parameters
    ----------
    leaves : sequence
        Arrays, tensors, floats and variables.

    Attributes
    ----------
    specs : list of TensorSpec
    """

    def __init__(self, leaves: Sequence[Any]) -> None:
        self._arrays = [_as_tensor(leaf) for leaf in leaves]
        # Variables are read at every evaluation; what else there is does not change any more.
        self._variables = [
            k for k, array in enumerate(self._arrays) if isinstance(array, keras.Variable)
        ]
        self.specs: list[tf.TensorSpec] = [spec(array) for array in self._arrays]

    @property
    def nbytes(self) -> int:
        """Bytes of it all."""
        return sum(map(size, self.specs))

    def __call__(self) -> list[Tensor]:
        """Return tensors, of variables with their values of now."""
        if not self._variables:
            return self._arrays
        arrays = list(self._arrays)
        for k in self._variables:
            arrays[k] = tf.convert_to_tensor(arrays[k])
        return arrays


def _as_tensor(leaf: Any) -> Tensor:
    if isinstance(leaf, keras.Variable):
        return leaf
    return tf.constant(leaf, tf.float64) if isinstance(leaf, float) else tf.convert_to_tensor(leaf)


def spec(array: Any) -> tf.TensorSpec:
    """Return what a graph takes for an array."""
    return tf.TensorSpec(array.shape, keras.backend.standardize_dtype(array.dtype))


def trees(objective: StyleObjective) -> tuple[Any, ...]:
    """Return the arithmetic of all terms."""
    return tuple(tree(term.loss) for term in objective.terms)


def value_of(
    term: Leaf, built: Built | None, arrays: Any, features: Mapping[str, Tensor], noisy: set[str]
) -> Tensor:
    """Trace a loss.

    Parameters
    ----------
    term : Leaf
    built : Built or None
        None for a loss as it is.
    arrays : nest
        What the built loss reads.
    features : mapping from str to tensor
    noisy : set of str
        The name of a loss that would be another at every evaluation is added to it.
    """
    if built is None:
        return _traced(term, features, noisy)
    return scalar(term.name, lambda seen: built.compute(seen, arrays), features)


def totalled(
    objective: StyleObjective, weights: Tensor, values: Sequence[Tensor], inner: Sequence[Any]
) -> tuple[Tensor, Tensor]:
    """Return the value of an objective, and all that is told: the losses, then their parts.

    Parameters
    ----------
    objective : StyleObjective
    weights : tensor, float64, shape (terms,)
    values : sequence of tensor
        Of its `leaves`.
    inner : sequence of float or tensor
        As `weights_within` returns them.
    """
    parts: list[Tensor] = []
    losses = assembled(trees(objective), iter(values), iter(inner), parts)
    total = weighted_sum(tf.unstack(weights, len(losses)), losses)
    return total, tf.stack([tf.cast(value, tf.float64) for value in (*losses, *parts)])


def slopes_of(objective: StyleObjective, total: Tensor, seen: Sequence[Tensor]) -> list[Any]:
    """Return the slopes of an objective's value, or None, with respect to what is seen.

    Raises
    ------
    ValueError
        If it depends on none of that.
    """
    slopes = gradients(total, seen)
    if all(slope is None for slope in slopes):
        raise ValueError(
            "the objective does not depend on the image: expected losses that are computed with "
            "keras.ops from the features that they are called with, received "
            f"{', '.join(objective.weights)}"
        )
    # Gathering losses have sparse ones.
    return [slope if slope is None else tf.convert_to_tensor(slope) for slope in slopes]


def tell(noisy: set[str]) -> None:
    """Log which losses would be others at every evaluation."""
    for name in sorted(noisy):
        logger.warning(
            "the loss %r draws random numbers or changes a variable at every evaluation: no line "
            "search finds a lower value of what is another function each time; draw once, in the "
            "constructor, from a seed",
            name,
        )


def _traced(term: Leaf, features: Mapping[str, Tensor], noisy: set[str]) -> Tensor:
    """Trace a loss as it is, and note its name if it would be another at every evaluation."""
    graph = tf.compat.v1.get_default_graph()
    before = len(graph.get_operations())
    value = scalar(term.name, term.loss, features)
    kinds = {operation.type for operation in graph.get_operations()[before:]}
    if any(kind.startswith(RANDOM) or "Assign" in kind for kind in kinds):
        noisy.add(term.name)
    return value


@final
class Flat:
    """A concrete function called with a flat list of tensors.

    Parameters
    ----------
    function : ConcreteFunction
        Of what `in_order` returns.

    Notes
    -----
    Calling it as usual checks each of a hundred arrays against its specification, at a tenth of the
    time of a small image's evaluation; they have been made for it.
    """

    def __init__(self, function: Any) -> None:
        self._function = function  # what is called belongs to it
        self._call = function.inference_fn.call_flat
        # Behind the arguments is the one that nothing looks at.
        self._rest = [tf.constant(0.0), *function.captured_inputs]

    @functools.cached_property
    def operations(self) -> int:
        """Of how many it is made, those within loops too."""
        graph = self._function.graph.as_graph_def()
        return len(graph.node) + sum(len(inner.node_def) for inner in graph.library.function)

    @functools.cached_property
    def alive(self) -> int:
        """Bytes of the tensors that are alive at once, at the most."""
        return alive(self._function.graph)

    def __call__(self, *tensors: Tensor) -> Sequence[Tensor]:
        """Return what the function returns."""
        result: Sequence[Tensor] = self._call(*tensors, *self._rest)
        return result


def flat(function: Callable[..., Any], *specs: tf.TensorSpec) -> Flat:
    """Compile a function of tensors."""
    traced = tf.function(in_order(function), autograph=False)
    return Flat(traced.get_concrete_function(*specs, tf.TensorSpec((), tf.float32)))
