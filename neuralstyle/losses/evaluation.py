"""A loss called with features, a scalar or an error that says what to do; and scalars combined."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from neuralstyle._checks import shown
from neuralstyle._kernels.device import OperationError, check_process
from neuralstyle._types import Tensor

_KINDS = (KeyError, ValueError, TypeError)
"""Kinds that an error keeps; another becomes a `RuntimeError`."""

PRECISION = r"(double|float|half) tensor but is a|does not match type|conversion requested dtype"
"""What the backend says of tensors of different precisions."""

CAST = "cast constants to the features' precision, as by ops.cast(kernel, features.dtype)"

_USUAL = (
    (PRECISION, CAST),
    (
        r"as a Python `bool`|truth value",
        "a Python `if`, `and` or `while` cannot look at a tensor: use keras.ops.where",
    ),
    (
        r"Iterating over",
        "a Python loop or `a, b = ...` cannot go through a tensor: index it, or use keras.ops",
    ),
    (
        r"(float|int|complex)\(\) argument|must be real number|__index__",
        "a tensor is no number before it is computed: leave out float(), int() and math, and use "
        "keras.ops",
    ),
    (
        r"Tensor'? object has no attribute '(?!numpy')",
        "tensors have no methods of NumPy: use keras.ops, keras.ops.mean(x) for x.mean()",
    ),
    (
        r"symbolic tf.Tensor .* to a numpy array",
        "NumPy cannot compute with tensors: use keras.ops, which knows the gradient too; or, of a "
        "tensor and an array, do their shapes not fit?",
    ),
    (
        r"numpy",
        "NumPy cannot compute with tensors, nor do they have a method numpy(): use keras.ops, "
        "which knows the gradient too",
    ),
    (
        r"singleton tf\.Variables|tf\.function-decorated function tried to create",
        "it makes a variable at every call, as keras.random does for its seed: draw random numbers "
        "and make variables once, in the constructor or outside the function",
    ),
)
"""What messages of the backend say of what users do most, and what to do."""


def scalar(name: str, loss: Callable[[Mapping[str, Tensor]], Any], features: Any) -> Tensor:
    """Evaluate a loss, checking that it is a floating-point scalar.

    Parameters
    ----------
    name : str
        Of the term.
    loss : callable
    features : mapping from str to tensor

    Returns
    -------
    tensor, scalar

    Raises
    ------
    KeyError, ValueError, TypeError
        If the loss raises one, or does not return such.
    RuntimeError
        If it raises something else; from whatever it was.
    """
    check_process()
    try:
        returned = loss(features)
        odd = returned is None or isinstance(returned, type)
        value = None if odd else ops.convert_to_tensor(returned)
    except MemoryError:
        raise
    except Exception as error:
        if str(error).startswith((f"loss {name!r}", "preprocess:")):
            raise  # it says so itself, or is the network's
        raise named_error(name, error) from error
    if value is None:
        hint = "call it" if returned else "does it return what it computes?"
        raise TypeError(f"loss {name!r}: expected a scalar, received {shown(returned)}: {hint}")
    if tuple(value.shape) != ():
        raise ValueError(f"loss {name!r}: expected a scalar, received shape {tuple(value.shape)}")
    if "float" not in str(value.dtype):
        dtype = keras.backend.standardize_dtype(value.dtype)
        raise TypeError(f"loss {name!r}: expected a floating-point scalar, received {dtype}")
    return value


def named_error(name: str, error: Exception) -> Exception:
    """Return an error that says in which loss another one was raised, and what to do."""
    argument = error.args[0] if isinstance(error, KeyError) and error.args else error
    said = (str(argument).strip() or type(error).__name__).splitlines()[0]
    said = re.split(r"(?<=[a-z)][.!?]) ", said)[0]
    if isinstance(error, KeyError) and " " not in said:
        said = f"there is no {argument!r}"
    usual = (TypeError, ValueError, AttributeError, NotImplementedError, OperationError)
    if isinstance(error, usual):
        for pattern, hint in _USUAL:
            if re.search(pattern, str(error)):
                kind = ValueError if isinstance(error, ValueError) else TypeError
                return kind(f"loss {name!r}: {hint} ({said})")
    for kept in _KINDS:
        if isinstance(error, kept):
            return kept(f"loss {name!r}: {said}")
    return RuntimeError(f"loss {name!r}: {type(error).__name__}: {said}")


def weighted_sum(weights: Sequence[Any], values: Sequence[Tensor]) -> Tensor:
    """Weigh and sum losses in float64."""
    pairs = zip(weights, values, strict=True)
    return sum(weight * ops.cast(value, "float64") for weight, value in pairs)


def combined(
    shape: tuple[str, float, tuple[int, ...]], values: Sequence[Tensor], weights: Sequence[Any]
) -> Tensor:
    """Combine the values of a combination's parts, as its `shape` says, in float64."""
    kind, exponent, counts = shape
    pairs = iter(list(zip(weights, values, strict=True)))
    operands = [
        weighted_sum(*zip(*(next(pairs) for _ in range(count)), strict=True)) for count in counts
    ]
    result, *others = operands
    if kind == "power":
        return result**exponent
    for other in others:
        result = result * other if kind == "product" else ops.maximum(result, other)
    return result
