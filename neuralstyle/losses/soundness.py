"""Whether a loss that comes from a file is one that a constructor could have made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, final

import keras
import numpy as np

from neuralstyle._checks import shown, weights, whole_number
from neuralstyle.losses.layers import normalization
from neuralstyle.losses.masks import Mask
from neuralstyle.losses.objective import Combination, Loss
from neuralstyle.losses.octaves import OctaveLoss
from neuralstyle.losses.shapes import Shapes
from neuralstyle.losses.structure import StructuredLoss, structure

SIDE = 16
"""Of the picture for which arrays are made on trial."""


def check_finite(name: str, state: Mapping[str, Any]) -> None:
    """Check that all numbers of a loss are finite ones.

    Parameters
    ----------
    name : str
        Of the loss.
    state : mapping from str to object
        Its attributes.

    Raises
    ------
    ValueError
        If not.
    """
    for attribute, whole in state.items():
        for value in _leaves(whole):
            if isinstance(value, float | np.generic | np.ndarray) or keras.ops.is_tensor(value):
                array = np.asarray(value)
                if attribute == "_barred":  # minus infinity bars a patch
                    array = array[~np.isneginf(array)]
                if array.dtype.kind in "fc" and not np.isfinite(array).all():
                    raise ValueError(f"loss {name!r}: expected finite numbers in {attribute!r}")


def check_sound(loss: Loss) -> None:
    """Check a loss of the library's: its options, its numbers, and that nothing is missing.

    Parameters
    ----------
    loss : Loss

    Raises
    ------
    Exception
        Of any kind, if it is not sound.
    """
    state = vars(loss)
    if not isinstance(loss.name, str):
        raise TypeError(f"name: expected text, received {shown(loss.name)}")
    methods = [name for name in state if callable(getattr(type(loss), name, None))]
    if methods:
        raise ValueError(f"it keeps what is no attribute of a {type(loss).__name__}: {methods}")
    check_finite(loss.name, state)
    for name, value in state.items():
        for number in (leaf for leaf in _leaves(value) if type(leaf) is int):
            whole_number(name, number, 0 if name == "seed" else 1)
    if isinstance(loss, Combination):
        loss.check()
    repr(loss)  # which asks for every option
    if isinstance(loss, Combination):
        return
    if isinstance(loss, OctaveLoss):
        if not isinstance(loss.loss, Loss):
            raise TypeError(f"loss: expected a loss, received {shown(loss.loss)}")
        return
    if "normalize" in state:
        normalization(state["normalize"])
    if "layers" in state:
        weights("layers", state["layers"])
    if not isinstance(state.get("mask"), Mask | None):
        raise TypeError(f"mask: expected a Mask or None, received {state['mask']!r}")
    assert isinstance(loss, StructuredLoss)
    try:
        arrays = loss.arrays(Shapes(_Blank(state.get("_channels", {}))))
    except ValueError:  # of another size, or a mask of other proportions: what a call would say
        return
    for leaf in structure(arrays)[1]:
        if not isinstance(leaf, float) and np.asarray(leaf).dtype.kind not in "fiub":
            raise TypeError(f"expected numbers, received {leaf.dtype}")


@final
class _Blank(Mapping[str, Any]):
    """Features with nothing but shapes."""

    def __init__(self, channels: Mapping[str, int]) -> None:
        self._channels = channels

    def __getitem__(self, layer: str) -> Any:
        return np.broadcast_to(0.0, (1, SIDE, SIDE, self._channels.get(layer, 3)))

    def __iter__(self) -> Iterator[str]:
        return iter(self._channels)

    def __len__(self) -> int:
        return len(self._channels)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(key)
            yield from _leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
