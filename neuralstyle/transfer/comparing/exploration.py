"""What `explore` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neuralstyle._types import Image
from neuralstyle.images.show import Sheet, png
from neuralstyle.transfer.score import Score


@dataclass(frozen=True, eq=False)
class Cell:
    """One small picture of `explore`.

    Attributes
    ----------
    settings : dict from str to float
        Its ``style_scale``, its ``content_weight``, or both: what was varied.
    options : dict from str to object
        All that `stylize` needs to paint it at full size.
    image : array, shape (H, W, 3), float32, in [0, 1]
    score : Score
        The mean over the styles, by their shares.
    rating : float
        How good it is by the rule of `explore`, at least 0; larger is better.
    """

    settings: dict[str, float]
    options: dict[str, Any]
    image: Image
    score: Score
    rating: float


def caption(index: int, cell: Cell, best: bool) -> str:
    """Return what stands above a cell in the sheet."""
    words = {"style_scale": "strokes", "content_weight": "content"}
    first = f"{index + 1}    {cell.rating:.2f}{'  best' if best else ''}"
    return "\n".join([first, *(f"{words[n]} {v:.2g}" for n, v in cell.settings.items())])


@dataclass(frozen=True, eq=False)
class Exploration:
    """What `explore` finds.

    Attributes
    ----------
    cells : tuple of Cell
        In the order of their numbers in the sheet, from 1: stroke sizes go across, content weights
        down.
    best : int
        The index of the cell that was rated best, from 0.
    sheet : Sheet, an array, shape (H, W, 3), float32, in [0, 1]
        The cells, each with its number, its rating and its settings above it.
    """

    cells: tuple[Cell, ...]
    best: int
    sheet: Sheet

    def _repr_png_(self) -> bytes:
        """Show the sheet in a notebook."""
        return png(self.sheet)
