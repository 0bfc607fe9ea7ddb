"""What is kept for extractors, to be used again: compiled evaluations, and shapes of features.

It hangs on the extractor, and dies with it. But a program may hold many extractors, and paint
pictures of other sizes for days. Compiled code takes memory by the number of its operations, about
25 kB each, in Python, TensorFlow and oneDNN. So this number is bounded, for all
extractors together.
"""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, final

OPERATIONS = 16_000
"""Operations of all code that is kept, about 400 MB: two shapes of photographs at four scales each,
by the default recipe, or four scales of a picture by the largest recipe with regions. With twice as
many, the allocator's fragments of what came and went between them grew as well."""

SHAPES = 16
"""Sizes of images, the latest ones, of which an extractor's feature maps are known."""


class Code(Protocol):
    """Compiled code."""

    @property
    def operations(self) -> int:
        """Of how many operations it is made."""


C = TypeVar("C", bound=Code)
S = TypeVar("S")


@dataclass(frozen=True)
class _Used(Generic[C]):
    code: C
    time: int = field(default_factory=itertools.count().__next__)


@final
class Store(Generic[C, S]):
    """What is known of an extractor: code, and the shapes of its features.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> store = Store()
    >>> first = store.code("small", lambda: SimpleNamespace(operations=10))
    >>> store.code("small", lambda: SimpleNamespace(operations=10)) is first
    True
    """

    def __init__(self) -> None:
        self._code: dict[Hashable, _Used[C]] = {}
        self._shapes: OrderedDict[tuple[int, ...], S] = OrderedDict()

    def code(self, key: Hashable, compiled: Callable[[], C]) -> C:
        """Return the code of a key; where there is none, compile it.

        What was used longest ago, for whatever extractor, goes for it if there is too much.
        """
        known = self._code.get(key)
        self._code[key] = used = _Used(known.code if known else compiled())
        if not known:
            _let_go(but=used)
        return used.code

    def shapes(self, size: tuple[int, ...], unknown: Callable[[], S]) -> S:
        """Return what is known of the feature maps of images of a size."""
        known = self._shapes.pop(size) if size in self._shapes else unknown()
        self._shapes[size] = known
        while len(self._shapes) > SHAPES:
            self._shapes.popitem(last=False)
        return known


_stores: dict[int, tuple[weakref.ref[Any], Store[Any, Any]]] = {}
"""By the identity of extractors: one that is equal to another may still compute something else."""


def store_of(extractor: Any) -> Store[Any, Any] | None:
    """Return what is kept for an extractor; None if nothing may be.

    Parameters
    ----------
    extractor : callable

    Returns
    -------
    Store or None

    Examples
    --------
    >>> store_of(lambda image: {"input": image}) is None
    True
    """
    if not getattr(extractor, "reuse", False):
        return None
    key = id(extractor)
    if key not in _stores:
        try:
            # The dict itself: its name may be gone when an interpreter ends.
            stores = _stores
            alive = weakref.ref(extractor, lambda _: stores.pop(key, None))
        except TypeError:  # it cannot be referred to weakly, so its code could not die with it
            return None
        _stores[key] = alive, Store()
    return _stores[key][1]


def kept_code(extractor: Any, key: Hashable, compiled: Callable[[], C]) -> C:
    """Return the code of a key, as `Store.code` does, or compile it if nothing may be kept."""
    store = store_of(extractor)
    return compiled() if store is None else store.code(key, compiled)


def _let_go(but: _Used[Any]) -> None:
    """Let go of what was used longest ago, but never of `but`."""
    # A copy, because an extractor may die meanwhile.
    entries = [
        (used.time, store, key, used)
        for _, store in list(_stores.values())
        for key, used in store._code.items()
    ]
    operations = 0
    for _, store, key, used in sorted(entries, key=lambda entry: entry[0], reverse=True):
        operations += used.code.operations
        if operations > OPERATIONS and used is not but:
            del store._code[key]
