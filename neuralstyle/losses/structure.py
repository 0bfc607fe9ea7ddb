"""A loss at a size, in two halves: what fixes its graph, and the arrays that the graph reads.

Objectives whose losses agree in the first half share compiled code, which takes the second half.
What a loss saves is its target; what is compiled reads tables and masks at a size: neither serves
for the other.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, final

import keras
import numpy as np
from keras import ops

from neuralstyle._types import Tensor
from neuralstyle.losses.masks import Mask
from neuralstyle.losses.objective import Combination, Loss
from neuralstyle.losses.parts import assembled, leaves, tree, weights_within
from neuralstyle.losses.shapes import Shapes, shape_of

Nest: TypeAlias = Any
"""Arrays, tensors and floats in dicts, lists and tuples."""

Compute: TypeAlias = Callable[[Mapping[str, Tensor], Nest], Tensor]

Made = TypeVar("Made", bound=Loss)


@dataclass(frozen=True)
class Built:
    """A loss at a size.

    Attributes
    ----------
    options : hashable
        What its graph depends on, beside the structure of the arrays: the class first.
    arrays : nest of tensors
        Exactly what the graph reads.
    compute : callable
        Takes the features and the arrays, or stand-ins for these, and returns the loss. It depends
        on nothing but the options.
    """

    options: Hashable
    arrays: Nest
    compute: Compute


class Opaque(Exception):
    """Says that the library cannot see into a loss."""


class StructuredLoss(Loss):
    """A loss of the library's, which says what its graph depends on and what that reads.

    Attributes that are public are options; the others are the target's, and are seen in `arrays`
    alone.
    """

    @abstractmethod
    def arrays(self, shapes: Shapes) -> Nest:
        """Check that features of these shapes fit, and return what a call reads at this size."""

    @abstractmethod
    def compute(self, features: Mapping[str, Tensor], arrays: Nest) -> Tensor:
        """Return the loss, of nothing but the features, the arrays and the options."""

    def options(self) -> dict[str, Any]:
        """Return the attributes that fix the graph."""
        kept = ("name", "layers", "mask")  # what of these matters is seen in the arrays
        return {k: v for k, v in vars(self).items() if not k.startswith("_") and k not in kept}

    def build(self, shapes: Shapes) -> Built:
        """Make what a call needs at a size; nothing of it is kept here."""
        options = self.options()
        return Built(
            (type(self), _split(options, _Found([], []), shapes)),
            self.arrays(shapes),
            bare(self, options).compute,
        )

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of `features` as a scalar tensor."""
        arrays = self.arrays(Shapes(features))
        return bare(self, self.options()).compute(features, arrays)


def bare(loss: Made, options: Mapping[str, Any]) -> Made:
    """Return a loss with nothing but its options: code that is compiled with it holds no target."""
    made = object.__new__(type(loss))
    vars(made).update(options)
    return made


def build(loss: Loss, shapes: Shapes) -> Built:
    """Build a loss for the features of images of one size.

    Parameters
    ----------
    loss : Loss
    shapes : Shapes
        Of the features.

    Returns
    -------
    Built

    Raises
    ------
    Opaque
        If the loss is a function, or of a class that does not promise `reuse`, or keeps what cannot
        be compared.
    TypeError, ValueError, KeyError
        If the loss does not fit the features.
    """
    kind = type(loss)
    if isinstance(loss, Combination):
        return _combination(loss, shapes)
    if kind.__module__.startswith("neuralstyle.") and hasattr(loss, "build"):
        return loss.build(shapes)  # type: ignore[no-any-return]
    if not loss.reuse:
        raise Opaque(f"{kind.__name__} does not promise to be the same at every call")
    if any(vars(base).get("__slots__") for base in kind.__mro__):
        raise Opaque(f"{kind.__name__} has attributes that are not in its __dict__")
    found = _Found([], [])
    options = _split(vars(loss), found, shapes)
    attributes, computes = vars(loss), found.computes

    def compute(features: Mapping[str, Tensor], arrays: Nest) -> Tensor:
        copy = bare(loss, _joined(attributes, iter(arrays), iter(computes)))
        return copy(features)

    return Built((kind, options), found.arrays, compute)


def _combination(loss: Combination, shapes: Shapes) -> Built:
    """Build the parts of a combination that lies within another loss."""
    built = [build(leaf.loss, shapes) for leaf in leaves(loss.terms)]
    computes, plan = [part.compute for part in built], tree(loss)

    def compute(features: Mapping[str, Tensor], arrays: Nest) -> Tensor:
        own, weights = arrays
        values = (of(features, read) for of, read in zip(computes, own, strict=True))
        (value,) = assembled([plan], values, iter(weights), [])
        return value

    options = Combination, plan, *(part.options for part in built)
    return Built(options, ([part.arrays for part in built], weights_within(loss.terms)), compute)


def structure(nest: Nest) -> tuple[Hashable, list[Any]]:
    """Return how a nest is built, with the kind and shape of every array; and its leaves in order.

    Examples
    --------
    >>> structure({"a": (np.zeros(3), 1.0)})
    (('dict', ('a', ('tuple', ('float64', (3,)), 'float'))), [array([0., 0., 0.]), 1.0])
    """
    if isinstance(nest, Mapping):
        parts = [(key, *structure(value)) for key, value in nest.items()]
        leaves = [leaf for _, _, inner in parts for leaf in inner]
        return ("dict", *((key, kind) for key, kind, _ in parts)), leaves
    if isinstance(nest, list | tuple):
        pairs = [structure(value) for value in nest]
        leaves = [leaf for _, inner in pairs for leaf in inner]
        return (type(nest).__name__, *(kind for kind, _ in pairs)), leaves
    if isinstance(nest, float):
        return "float", [nest]
    return (keras.backend.standardize_dtype(nest.dtype), shape_of(nest)), [nest]


def filled(nest: Nest, leaves: Iterator[Any]) -> Nest:
    """Return a nest of the same structure with other leaves.

    Examples
    --------
    >>> filled({"a": (1.0, 2.0)}, iter("xy"))
    {'a': ('x', 'y')}
    """
    if isinstance(nest, Mapping):
        return {key: filled(value, leaves) for key, value in nest.items()}
    if isinstance(nest, list | tuple):
        return type(nest)(filled(value, leaves) for value in nest)
    return next(leaves)


@dataclass(frozen=True)
class _Found:
    """What is found in a loss's attributes: arrays, and how losses among them are computed."""

    arrays: list[Nest]
    computes: list[Compute]


@final
class _Inner(Loss):
    """Stands for a loss within a loss, with arrays that are passed."""

    def __init__(self, loss: Loss, compute: Compute, arrays: Nest) -> None:
        self._loss, self._compute, self._arrays = loss, compute, arrays
        self.name = loss.name

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        return self._compute(features, self._arrays)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loss, name)


def _split(value: Any, found: _Found, shapes: Shapes) -> Hashable:
    """Return what of an attribute fixes the graph, and put aside what the graph reads."""
    kind = type(value)
    if value is None or kind in (bool, int, str, bytes):
        return kind, value
    if kind is float:
        return kind, value.hex()  # by its bits: -0.0 is not 0.0, and NaN is NaN
    if isinstance(value, np.generic | np.ndarray) and value.dtype != object:
        data = np.ascontiguousarray(value)
        return kind, data.dtype.str, value.shape, hashlib.sha256(data.tobytes()).hexdigest()
    if isinstance(value, keras.Variable) or ops.is_tensor(value):
        found.arrays.append(value)
        return "tensor"
    if kind is dict:
        items = [(_split(k, found, shapes), _split(v, found, shapes)) for k, v in value.items()]
        return kind, *items
    if kind in (list, tuple):
        return kind, *(_split(item, found, shapes) for item in value)
    if isinstance(value, Mask):
        return kind, _split(value.values, found, shapes), value.propagation
    if isinstance(value, Loss):
        built = build(value, shapes)
        found.arrays.append(built.arrays)
        found.computes.append(built.compute)
        return "loss", built.options
    raise Opaque(f"it keeps {value!r}")


def _joined(value: Any, arrays: Iterator[Nest], computes: Iterator[Compute]) -> Any:
    """Return an attribute with other tensors in place of its own."""
    kind = type(value)
    if isinstance(value, keras.Variable) or ops.is_tensor(value):
        return next(arrays)
    if kind is dict:
        return {key: _joined(item, arrays, computes) for key, item in value.items()}
    if kind in (list, tuple):
        return kind(_joined(item, arrays, computes) for item in value)
    if isinstance(value, Loss):
        return _Inner(value, next(computes), next(arrays))
    return value
