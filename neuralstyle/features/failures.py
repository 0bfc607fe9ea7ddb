"""Why an image has no features at a layer: the true reason, and the size only if that is it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import final

from neuralstyle._checks import nearest
from neuralstyle._kernels.device import OperationError, OutOfMemory, shape_traced
from neuralstyle._types import Tensor


@final
class Refused(Exception):
    """Carries an error whose message says all that there is to say.

    Parameters
    ----------
    told : Exception
    """

    def __init__(self, told: Exception) -> None:
        super().__init__(str(told))
        self.told = told


FAILURES = (
    *(ValueError, TypeError, RuntimeError, ArithmeticError, LookupError, AttributeError),
    *(MemoryError, OperationError, Refused),
)
"""What networks, and functions before them, raise where they cannot do their work."""

LARGEST = 4096
"""Side up to which a size that a network can work at is looked for."""

LISTED = 24
"""Layers up to which all of them are named beside one that there is not."""

_COLOURS = re.compile("\x1b\\[[0-9;]*m")
_AROUND = re.compile(r"^\{\{.*?\}\} |\s*\[Op:.*$", re.DOTALL)


def explained(
    error: Exception,
    picture: str,
    size: tuple[int, int],
    layer: str,
    look: Callable[[Tensor], Tensor],
    dtype: str,
    guess: int = 1,
) -> Exception:
    """Return the error that says why a layer of an image cannot be computed.

    Parameters
    ----------
    error : Exception
        What was raised.
    picture : str
        What the image is called.
    size : (int, int)
        Its height and width.
    layer : str
    look : callable
        Takes an image, and returns its features at that layer.
    dtype : str
        Of images.
    guess : int, default 1
        The least side that there are features of, perhaps.

    Returns
    -------
    Exception
        Of the error's own kind, as far as that is one of Python's. A size that is too small is a
        `ValueError`, and no memory a `MemoryError`.
    """
    height, width = size
    where = f"layer {layer!r} of {_indefinite(picture)} of {width} x {height} pixels"
    if isinstance(error, Refused):
        return error.told
    if isinstance(error, MemoryError | OutOfMemory):
        return MemoryError(f"not enough memory for {where} ({said(error)})")
    least = _least_side(look, size, dtype, guess)
    if least is not None:
        return ValueError(
            f"{picture}: expected at least {least} x {least} pixels for layer {layer!r}, received "
            f"{width} x {height}"
        )
    kind = next((k for k in (TypeError, ValueError) if isinstance(error, k)), RuntimeError)
    return kind(f"{said(error)}; {where} cannot be computed")


def said(error: Exception) -> str:
    r"""Return the kind of an error and the first sentence of its own words.

    Examples
    --------
    >>> said(ValueError("Exception encountered when calling Conv2D.call().\n\nNo size.\n\nArgs:"))
    'ValueError: No size.'
    """
    text = _AROUND.sub("", _COLOURS.sub("", str(error))).strip()
    text = text.rpartition("\nException encountered: ")[2]  # Keras' own, around the first one
    if text.startswith("Exception encountered when calling"):
        text = text.partition("\n")[2].strip()
    first = _AROUND.sub("", text).split("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def no_torus(
    picture: str,
    shape: tuple[int, int],
    layer: str,
    layers: Sequence[str],
    receptive_field: Callable[[str], tuple[int, int, int]],
) -> ValueError:
    """Return the error that a layer cannot see round a picture's borders: which sizes all can.

    Parameters
    ----------
    picture : str
        What to call it.
    shape : tuple of int
        Its height and width.
    layer : str
    layers : sequence of str
        All there are; those that do not say what they see are left out.
    receptive_field : callable
        Says what the units of a layer see.
    """
    steps = []
    for name in layers:
        with suppress(ValueError):
            steps.append(receptive_field(name)[2])
    height, width = shape
    return ValueError(
        f"{picture}: expected sides in multiples of {receptive_field(layer)[2]} pixels, with which "
        f'layer {layer!r} sees a torus (padding="wrap"; all layers with multiples of '
        f"{math.lcm(*steps)}), received {width} x {height}"
    )


def unknown_layer(name: str, layers: tuple[str, ...], aliases: tuple[str, ...] = ()) -> KeyError:
    """Return the error that there is no such layer, which lists them, or the nearest of many."""
    if len(layers) > LISTED:
        known = f"there are {len(layers)}, which the extractor's `layers` names"
    else:
        known = f"the layers are {', '.join(layers)}"
        known += ", or by the literature's names conv4_2, relu4_2, pool4" if aliases else ""
    return KeyError(f"there is no layer {name!r}; {known}{nearest(name, [*layers, *aliases])}")


def _indefinite(picture: str) -> str:
    return "an image" if picture == "image" else f"{picture},"


def _least_side(
    look: Callable[[Tensor], Tensor], size: tuple[int, int], dtype: str, guess: int
) -> int | None:
    """Return the least side of images that there are features of; None if size is not at fault."""

    def works(height: int, width: int) -> bool:
        try:
            shape = shape_traced(look, (1, height, width, 3), dtype)
        except FAILURES:
            return False
        return 0 not in shape[1:3]

    below = min(size)
    least = max(guess, below + 1)
    while not works(least, least):
        if least >= LARGEST:
            return None
        below, least = least, 2 * least
    if works(*size):
        return None
    middle = least - 1  # mostly the guess is right
    while least - below > 1:
        if works(middle, middle):
            least = middle
        else:
            below = middle
        middle = (below + least) // 2
    return least
