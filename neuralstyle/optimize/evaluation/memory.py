"""How much memory evaluations take, read off their graphs before anything is computed.

What a graph keeps for its gradient is what takes the memory of a large picture. Its tensors have
known sizes, and each lives from the operation that makes it to the last that reads it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from neuralstyle._kernels.device import has_gpu
from neuralstyle._kernels.memory import available_memory

SAME = {"Identity", "IdentityN", "Reshape", "Squeeze", "ExpandDims", "StopGradient"}
"""Operations that hand on what they were given."""

IN_PLACE = {
    *("Add", "AddN", "AddV2", "BiasAdd", "Cast", "Maximum", "Minimum", "Mul", "Neg", "RealDiv"),
    *("Relu", "ReluGrad", "SelectV2", "Sqrt", "Square", "Sub"),
}
"""Operations that write over one of their inputs if nothing else reads it."""

GIVEN = {"Const", "Placeholder", "ReadVariableOp"}
"""Operations whose outputs are there anyway."""

ALLOCATED = 1.12
"""What an allocator takes for tensors, by what they hold: workspace of the operations, and gaps.
As measured, with the compact network and VGG16 from 256 to 4096 pixels."""

OPERATION = 32_000
"""What an operation of compiled code adds to a run's peak; less stays of it (`kept`)."""


class Taken(NamedTuple):
    """What an evaluation takes, in bytes.

    Attributes
    ----------
    targets : int
        What the losses read beside the features.
    features : int
        What is alive at once of features, of what the losses make of them, and of slopes; in tiles
        without what is within one.
    layers : int, default 0
        What is gathered from tiles.
    window : int, default 0
        What is alive at once within the largest tile.
    pixels : int, default 0
        Of that tile's window.
    code : int, default 0
        What has been compiled.
    """

    targets: int
    features: int
    layers: int = 0
    window: int = 0
    pixels: int = 0
    code: int = 0

    @property
    def most(self) -> int:
        """What is alive at once at the most, beside the targets."""
        return max(self.features, self.layers + self.window)


def room() -> int | None:
    """Return the bytes that evaluations could have, as far as the system tells.

    Returns
    -------
    int or None
        None where it does not tell, and where they are computed by a GPU, which has its own memory.
    """
    return None if has_gpu() else available_memory()


def alive(graph: Any) -> int:
    """Return the bytes of the tensors that are alive at once in a graph, at the most.

    Parameters
    ----------
    graph : FuncGraph
        Its operations are taken in the order in which they were traced, which is nearly the one
        in which they are run.

    Returns
    -------
    int

    Examples
    --------
    >>> import tensorflow as tf
    >>> twice = tf.function(lambda x: tf.sin(tf.cos(x)))
    >>> alive(twice.get_concrete_function(tf.TensorSpec([1000], tf.float32)).graph)
    8000
    """
    operations = _run(graph)
    readers: Counter[Any] = Counter(t.ref() for t in graph.outputs)
    for operation in operations:
        readers.update({tensor.ref() for tensor in operation.inputs})
    owner: dict[Any, Any] = {}  # of the memory in which a tensor lies
    left: Counter[Any] = Counter()  # readers of a memory that have not run
    held: Counter[Any] = Counter()
    now = most = 0
    for operation in operations:
        inputs = {owner[tensor.ref()] for tensor in operation.inputs}
        for k, tensor in enumerate(operation.outputs):
            own = tensor.ref()
            if operation.type in SAME and inputs:
                handed = operation.inputs[min(k, len(operation.inputs) - 1)]
                owner[own] = owner[handed.ref()]
                left[owner[own]] += readers[own]
                continue
            owner[own], left[own] = own, readers[own]
            if operation.type in GIVEN:
                continue
            held[own] = size(tensor)
            over = [i for i in inputs if left[i] == 1 and held[i] == held[own]]
            if operation.type in IN_PLACE and over:
                held[over[0]] = 0
            else:
                now += held[own]
        most = max(most, now)
        for tensor in operation.outputs:
            if not left[owner[tensor.ref()]]:
                now -= held.pop(tensor.ref(), 0)
        for one in {tensor.ref() for tensor in operation.inputs}:
            left[owner[one]] -= 1
            if not left[owner[one]]:
                now -= held.pop(owner[one], 0)
    return most


def _run(graph: Any) -> list[Any]:
    """Return the operations that outputs come from: others are traced, but never run."""
    wanted: set[Any] = set()
    ahead = [tensor.op for tensor in graph.outputs]
    while ahead:
        operation = ahead.pop()
        if operation not in wanted:
            wanted.add(operation)
            ahead += [tensor.op for tensor in operation.inputs] + operation.control_inputs
    return [operation for operation in graph.get_operations() if operation in wanted]


def size(tensor: Any) -> int:
    """Return the bytes of a tensor, or of what it is like; 0 if that is not known."""
    count = tensor.shape.num_elements()
    return 0 if count is None or not tensor.dtype.size else count * tensor.dtype.size
