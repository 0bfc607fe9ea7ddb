"""Pictures side by side on one page, each with its label."""

from __future__ import annotations

import functools
import math
import re
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
WIDEST = 160  # line of a label in pixels, beside a picture that is narrower


def labelled(rows: Sequence[Sequence[Cell]]) -> Sheet:
    """Lay labelled pictures out in rows.

    Parameters
    ----------
    rows : sequence of sequences of (str, array)
        A label, of one line or several, and a picture (H, W, 3), floating, RGB in [0, 1], each.
        Pictures may differ in size. A column is as wide as its widest picture, and no narrower than
        labels of up to `WIDEST` pixels; what is longer is broken, after a ``=`` or a space if it
        has any.

    Returns
    -------
    array, shape (H, W, 3), float32

    Examples
    --------
    >>> labelled([[("a", np.zeros((8, 8, 3))), ("b", np.ones((8, 8, 3)))]]).shape
    (28, 22, 3)
    """
    across = range(max(map(len, rows)))
    widths = [max(_least(row[k]) for row in rows if k < len(row)) for k in across]
    texts = [
        [_lines(label, width) for (label, _), width in zip(row, widths, strict=False)]
        for row in rows
    ]
    bars = [4 + LINE * max(map(len, row)) for row in texts]
    heights = [max(picture.shape[0] for _, picture in row) for row in rows]
    size = sum(widths) + GAP * (len(widths) - 1), sum(bars) + sum(heights)
    page = Pillow.new("RGB", size, "white")
    draw, font, top = ImageDraw.Draw(page), _font(), 0
    for row, lines, bar, height in zip(rows, texts, bars, heights, strict=True):
        left = 0
        for (_, picture), text, width in zip(row, lines, widths, strict=False):
            draw.text((left, top + 2), "\n".join(text), "black", font, spacing=LINE - TEXT)
            page.paste(Pillow.fromarray(to_uint8(picture)), (left, top + bar))
            left += width + GAP
        top += bar + height
    return Sheet(np.asarray(page, np.float32) / np.float32(255))


def _least(cell: Cell) -> int:
    """Return the width that a picture and its label need."""
    label, picture = cell
    longest = max(map(text_width, label.split("\n")))
    return max(int(picture.shape[1]), min(longest, WIDEST))


def _lines(label: str, width: int) -> list[str]:
    """Return a label in lines that are no wider than its column."""
    lines = []
    for line in label.split("\n"):
        begun = ""
        for word in _words(line, width):
            if begun and text_width(begun + word) > width:
                lines.append(begun)
                begun = ""
            begun += word
        lines.append(begun)
    return lines


def _words(line: str, width: int) -> list[str]:
    """Return the parts of a line between which it may be broken, none wider than a column."""
    words = []
    for word in re.split(r"(?<=[= ])(?=[^= ])", line):
        while text_width(word) > width and len(word) > 1:
            fit = max(k for k in range(1, len(word)) if k == 1 or text_width(word[:k]) <= width)
            fit = max(word.rfind(mark, 0, fit) + 1 for mark in "_-") or fit
            words.append(word[:fit])
            word = word[fit:]
        words.append(word)
    return words


def text_width(text: str) -> int:
    """Return the width of a text in pixels, without the space at its end."""
    return math.ceil(_font().getlength(text.rstrip()))


@functools.cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(TEXT)
