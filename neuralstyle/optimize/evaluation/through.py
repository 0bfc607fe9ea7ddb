"""Features that are seen through something: those of another mapping, but for what is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from neuralstyle._types import Tensor


class Through(Mapping[str, Tensor]):
    """The layers of other features; a subclass says what reading one of them gives.

    Parameters
    ----------
    features : mapping from str to tensor
        What they say of themselves is said here.
    """

    def __init__(self, features: Mapping[str, Tensor]) -> None:
        self._features = features

    def __getattr__(self, name: str) -> Any:
        """Say what the features say."""
        return getattr(self._features, name)

    def __contains__(self, layer: object) -> bool:
        """Tell whether there is a layer of this name."""
        return layer in self._features

    def __iter__(self) -> Iterator[str]:
        """Iterate over the layers' names."""
        return iter(self._features)

    def __len__(self) -> int:
        """Return how many layers there are."""
        return len(self._features)
