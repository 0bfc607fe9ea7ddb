"""What a result was made of, kept small, for the page about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuralstyle._types import Image
from neuralstyle.images.arrays import resize, size_within
from neuralstyle.images.convert import to_uint8

LONGEST = 1024
"""Longer side of a picture that is kept, at the most: all three together take less memory than the
result then, whatever was given."""

Pixels: TypeAlias = NDArray[np.uint8]
Rows: TypeAlias = Sequence[tuple[str, float, str]]
"""Of a score: name, value, and what its best means."""


@dataclass(frozen=True, eq=False)
class Origin:
    """What a result was made of.

    Attributes
    ----------
    content : array, shape (H, W, 3), uint8, or None
        The photograph, of the result's shape.
    styles, regions : tuple of such arrays
        The paintings for the whole picture, and those for parts of it, as small as they were seen.
    command : str or None
        A command line that paints the picture, with words in place of the names of pictures.
    score : callable or None
        Takes a picture, and returns its score by every one of `styles`.
    """

    content: Pixels | None
    styles: tuple[Pixels, ...] = ()
    regions: tuple[Pixels, ...] = ()
    command: str | None = None
    score: Callable[[Image], Sequence[Rows]] | None = None


def kept(picture: Any, shape: Sequence[int]) -> Pixels:
    """Return a picture in 8 bits at this size, or smaller.

    Examples
    --------
    >>> kept(np.zeros((30, 40, 3)), (3000, 4000)).shape
    (768, 1024, 3)
    """
    return to_uint8(resize(picture, size_within(shape, LONGEST)))
