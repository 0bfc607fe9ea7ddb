"""Compiled evaluations, used again by objectives that differ in nothing but targets and weights.

Tracing an evaluation into a graph takes about a second, as long as tens of evaluations of a small
image. But what differs between two photographs, or two paintings, or two weights, are tensors that
are `kept`, which the graph takes from outside. So an extractor keeps the traces made with it, and a
new objective that asks for the same computation gets one of them with its own tensors put in.

That it is the same computation is not taken on trust: the losses alone, which is quick, are traced
with stand-ins for the features, and the two graphs compared.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Iterator, Mapping, MutableSequence
from typing import Any, NamedTuple, TypeAlias, final

import keras
import tensorflow as tf

from neuralstyle._types import Tensor

Losses: TypeAlias = Callable[[Mapping[str, Tensor]], Any]
"""Computes losses, in any nest of tensors, from features."""

Compute: TypeAlias = Callable[[Losses, Callable[[Any], Mapping[str, Tensor]], Any], Any]
"""Computes results from losses, an extractor and an image."""

TRACES = 16
"""Traces that an extractor keeps, the latest ones: each scale of a picture has one, and photographs
have a few different shapes."""

COPIED = 128
"""Numbers up to which TensorFlow copies a tensor into a graph instead of taking it from outside."""


def kept(value: Tensor) -> Tensor:
    """Keep a tensor such that graphs take it from outside, whatever its size.

    Parameters
    ----------
    value : array or tensor

    Returns
    -------
    tensor or keras.Variable

    Examples
    --------
    >>> float(kept(2.0) * 3)
    6.0
    """
    # Outside the graph that may be being traced: what is made there ends with it.
    with tf.init_scope():
        value = keras.ops.convert_to_tensor(value)
        if math.prod(value.shape) > COPIED:
            return value
        return keras.Variable(value, dtype=value.dtype, trainable=False)


def trace(
    compute: Compute,
    losses: Losses,
    extractor: Callable[[Any], Mapping[str, Tensor]],
    image: tf.TensorSpec,
) -> Callable[[Tensor], Any]:
    """Trace a computation, or use a trace again that the extractor has of it.

    Parameters
    ----------
    compute : callable
        Called with the losses, the extractor and the image.
    losses : callable
        Takes features and returns tensors.
    extractor : callable
        Traces are kept in its list ``traces``, if it has one.
    image : TensorSpec

    Returns
    -------
    callable
        Takes the image and returns what `compute` returned.
    """
    traces: MutableSequence[Trace] = getattr(extractor, "traces", [])
    # Traces that look at the same features are compared with one trace of the new losses.
    trace_losses = functools.lru_cache(functools.partial(_trace_losses, losses))
    for candidate in traces:
        if candidate.image != image:
            continue
        alone = trace_losses(candidate.read)
        if alone is not None and (bound := candidate.bind(alone)):
            traces.remove(candidate)
            traces.append(candidate)
            return bound
    new = Trace(compute, losses, extractor, image)
    traces.append(new)
    del traces[:-TRACES]
    return functools.partial(new.call, new.outside)


@final
class Trace:
    """A traced computation, and which of the tensors that it takes are an objective's."""

    def __init__(
        self,
        compute: Compute,
        losses: Losses,
        extractor: Callable[[Any], Mapping[str, Tensor]],
        image: tf.TensorSpec,
    ) -> None:
        self.image = image
        self._losses = losses
        self._lock = threading.Lock()
        read: dict[str, tf.TensorSpec] = {}

        def watched(image: Tensor) -> Mapping[str, Tensor]:
            return _Watched(extractor(image), read)

        function = tf.function(lambda image: compute(losses, watched, image), autograph=False)
        self._function = function.get_concrete_function(image)
        self.read = frozenset(read.items())
        self.graph = self._function.graph
        self.outside = self.graph.external_captures

    @functools.cached_property
    def alone(self) -> _Traced | None:
        """The losses alone, traced when others are first compared with them."""
        return _trace_losses(self._losses, self.read)

    def bind(self, others: _Traced) -> Callable[[Tensor], Any] | None:
        """Return the computation for other losses; None if they compute something else."""
        ours = self.alone
        if ours is None or ours.graph != others.graph:
            return None
        exchange = {id(a): b for a, b in zip(ours.outside, others.outside, strict=True)}
        outside = [exchange.get(id(tensor), tensor) for tensor in self.outside]
        return functools.partial(self.call, outside)

    def call(self, outside: list[Tensor], image: Tensor) -> Any:
        """Compute, with these tensors from outside."""
        with self._lock:
            self._function.set_external_captures(outside)
            return self._function(image)


class _Traced(NamedTuple):
    """Losses as a graph, and the tensors that it takes from outside."""

    graph: bytes
    outside: list[Tensor]


def _trace_losses(losses: Losses, read: frozenset[tuple[str, tf.TensorSpec]]) -> _Traced | None:
    """Trace the losses alone; None if they want to see more of the features than stand-ins."""

    def alone(features: dict[str, Tensor]) -> Any:
        return losses(_Exactly(features))

    try:
        graph = tf.function(alone, autograph=False).get_concrete_function(dict(read)).graph
    except Exception:  # the whole evaluation, traced anew, will say it better
        return None
    definition = graph.as_graph_def()
    # What comes from outside has a new name each time, which does not matter. (Gradients that a
    # user wrote have new names too; their insides are not in this graph, so they do matter.)
    names = {tensor.op.name: f"outside {i}" for i, tensor in enumerate(graph.internal_captures)}
    for node in definition.node:
        if node.name in names:
            node.name = names[node.name]
            node.attr.pop("_user_specified_name", None)
        node.input[:] = [names.get(name, name) for name in node.input]
    functions = _functions(definition)
    nodes = definition.SerializeToString(deterministic=True)
    return _Traced(nodes + functions, graph.external_captures)


def _functions(definition: Any) -> bytes:
    """Take the functions out of a graph, such as the insides of loops, under names of their own.

    Those that TensorFlow gives them are numbered anew each time.
    """
    bodies = {function.signature.name: function for function in definition.library.function}
    names: dict[str, str] = {}

    def visit(nodes: Any) -> None:
        for node in nodes:
            for _, value in sorted(node.attr.items()):
                for called in (value.func, *value.list.func):
                    name = called.name
                    if name in bodies and name not in names:
                        names[name] = f"function {len(names)}"
                        visit(bodies[name].node_def)
                    if name in names:
                        called.name = names[name]

    visit(definition.node)
    text = "".join(str(bodies[name]) for name in names)
    for name in sorted(names, key=len, reverse=True):  # a name may be the beginning of another
        text = text.replace(name, names[name])
    definition.ClearField("library")
    return text.encode()


@final
class _Watched(Mapping[str, Tensor]):
    """Features that note which of them are asked for."""

    def __init__(self, features: Mapping[str, Tensor], read: dict[str, tf.TensorSpec]) -> None:
        self._features = features
        self._read = read

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._features[name]
        self._read[name] = tf.TensorSpec(tensor.shape, tensor.dtype)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._features)

    def __len__(self) -> int:
        return len(self._features)

    def __contains__(self, name: object) -> bool:
        return name in self._features

    def __repr__(self) -> str:
        return repr(self._features)


@final
class _Exactly(Mapping[str, Tensor]):
    """Stand-ins for the features that a trace asked for; whoever asks for more is not like it."""

    def __init__(self, features: dict[str, Tensor]) -> None:
        self._features = features

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._features:
            raise LookupError(name)
        return self._features[name]

    def __iter__(self) -> Iterator[str]:
        raise LookupError

    def __len__(self) -> int:
        raise LookupError

    def __contains__(self, name: object) -> bool:
        if name not in self._features:
            raise LookupError(name)
        return True
