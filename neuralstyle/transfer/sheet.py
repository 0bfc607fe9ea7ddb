"""Pictures side by side on one page, each with its label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from neuralstyle._types import Image
from neuralstyle.images.convert import to_uint8
from neuralstyle.images.show import Sheet

Cell: TypeAlias = tuple[str, Image]

TEXT = 13  # height of the letters in pixels
LINE = 16  # from one line of a label to the next
GAP = 6  # between two pictures


def labelled(rows: Sequence[Sequence[Cell]]) -> Sheet:
    """Lay labelled pictures out in rows.

    Parameters
    ----------
    rows : sequence of sequences of (str, array)
        A label, of one line or several, and a picture (H, W, 3), floating, RGB in [0, 1], each.
        Pictures may differ in size. What of a label is wider than its picture is cut off.

    Returns
    -------
    array, shape (H, W, 3), float32

    Examples
    --------
    >>> labelled([[("a", np.zeros((8, 8, 3))), ("b", np.ones((8, 8, 3)))]]).shape
    (28, 22, 3)
    """
    bars = [4 + LINE * max(label.count("\n") + 1 for label, _ in row) for row in rows]
    heights = [max(picture.shape[0] for _, picture in row) for row in rows]
    widths = [sum(picture.shape[1] + GAP for _, picture in row) - GAP for row in rows]
    page = Pillow.new("RGB", (max(widths), sum(bars) + sum(heights)), "white")
    font, top = ImageFont.load_default(TEXT), 0
    for row, bar, height in zip(rows, bars, heights, strict=True):
        left = 0
        for label, picture in row:
            above = Pillow.new("RGB", (picture.shape[1], bar), "white")
            ImageDraw.Draw(above).text((0, 2), label, "black", font, spacing=LINE - TEXT)
            pixels = to_uint8(picture)
            page.paste(above, (left, top))
            page.paste(Pillow.fromarray(pixels), (left, top + bar))
            left += picture.shape[1] + GAP
        top += bar + height
    return Sheet(np.asarray(page, np.float32) / np.float32(255))
