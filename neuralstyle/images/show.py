"""What notebooks show: pictures as PNG, and tables and pictures as HTML."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, final

import numpy as np
from PIL import Image as Pillow

from neuralstyle._types import Floats, Image
from neuralstyle.images.arrays import check_image, resize, size_within
from neuralstyle.images.convert import to_pil
from neuralstyle.images.save import save_image
from neuralstyle.images.sources import PathOrFile

SIDE = 768
"""Longer side at the most of a picture within HTML, which a notebook keeps beside the PNG."""


@final
class Sheet(np.ndarray[Any, np.dtype[np.float32]]):
    """A picture, an array like any, that a notebook shows as a picture, and that saves itself.

    Parameters
    ----------
    picture : array, shape (H, W, 3), floating, RGB in [0, 1]

    Examples
    --------
    >>> sheet = Sheet(np.zeros((2, 3, 3)))
    >>> sheet._repr_png_()[1:4], sheet[0]._repr_png_()
    (b'PNG', None)
    >>> sheet.to_pil().size
    (3, 2)
    """

    def __new__(cls, picture: Any) -> Sheet:
        """View a picture as a sheet."""
        return check_image(picture, "picture").view(cls)

    def to_pil(self) -> Pillow.Image:
        """Return the picture as a PIL image of 8 bits a channel."""
        return to_pil(self)

    def save(self, target: PathOrFile, *, format: str | None = None, quality: int = 95) -> None:
        """Write the picture; parameters, and what is raised, as of `save_image`."""
        save_image(target, self, format=format, quality=quality)

    def _repr_png_(self) -> bytes | None:
        """Return it as PNG; nothing of a part that is no picture."""
        return png(self) if self.ndim == 3 and self.shape[2] == 3 and self.size else None


def png(image: Floats) -> bytes:
    """Return a picture as a PNG file."""
    file = io.BytesIO()
    save_image(file, image, format="png")
    return file.getvalue()


def jpeg(image: Floats, longest: int, quality: int) -> bytes:
    """Return a picture, no longer than a side, as a JPEG file."""
    file = io.BytesIO()
    small = resize(image, size_within(image.shape, longest))
    save_image(file, small, format="jpeg", quality=quality)
    return file.getvalue()


def uri(data: bytes, kind: str) -> str:
    """Return a picture's file as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def picture(image: Image) -> str:
    """Return a picture as HTML, of at most `SIDE` pixels a side."""
    height, width = size_within(image.shape, SIDE)
    data = png(resize(image, (height, width)))
    return f'<img src="{uri(data, "png")}" width="{width}" height="{height}">'


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as HTML; numbers have four digits.

    Examples
    --------
    >>> table(["name", "loss"], [["a<b", 0.123456]])
    '<table><tr><th>name</th><th>loss</th></tr><tr><td>a&lt;b</td><td>0.1235</td></tr></table>'
    """

    def cells(tag: str, values: Sequence[object]) -> str:
        texts = (f"{value:.4g}" if isinstance(value, float) else str(value) for value in values)
        return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><tr>{cells('th', header)}</tr>{body}</table>"


def shown(image: Image, losses: Iterable[tuple[str, float]], message: str) -> str:
    """Return a picture with its losses, and a line below, as HTML."""
    about = f"{table(['loss', 'value'], losses)}<p>{escape(message)}</p>"
    return f"<div>{picture(image)}{about}</div>"
