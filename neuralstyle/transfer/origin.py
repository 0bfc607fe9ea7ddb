"""What a picture was made of, as its result keeps it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from neuralstyle._types import Image
from neuralstyle.images.convert import as_image
from neuralstyle.optimize.origin import Origin, Pixels, Rows, kept
from neuralstyle.transfer.options.flags import command_line
from neuralstyle.transfer.parts import Part
from neuralstyle.transfer.scales import style_size
from neuralstyle.transfer.score import MEANINGS, score


def origin_of(
    content: Image | None,
    parts: Sequence[Part],
    regions: int,
    shape: tuple[int, int],
    settings: Mapping[str, Any],
) -> Origin:
    """Return what a result is made of.

    Parameters
    ----------
    content : array or None
    parts : sequence of Part
        Those of regions last.
    regions : int
        How many those are.
    shape : (int, int)
        Of the result.
    settings : mapping from str to object
        Those of the result.

    Returns
    -------
    Origin
    """
    photograph = None if content is None else kept(content, shape)
    pictures = tuple(kept(of.style, style_size(of.style, shape, of.scale)) for of in parts)
    count = len(parts) - regions
    styles, scales = pictures[:count], tuple(part.scale for part in parts[:count])
    measure = functools.partial(_scores, photograph, styles, scales)
    command = None
    if not settings["not_stored"].keys() - {"callback"}:  # else words do not paint this picture
        command = command_line(settings["options"], max(shape), count, content is not None)
    return Origin(photograph, styles, pictures[count:], command, measure)


def _scores(
    content: Pixels | None, styles: Sequence[Pixels], scales: Sequence[float], picture: Image
) -> list[Rows]:
    """Measure a picture by every style; nothing where there is nothing to measure by."""
    found: list[Rows] = []
    if content is None:
        return found
    for style, scale in zip(styles, scales, strict=True):
        try:
            one = score(picture, as_image(content), as_image(style), style_scale=scale)
        except ValueError:  # the photograph is the painting, or smaller than a patch
            return []
        values = ((name, getattr(one, name), of) for name, of in MEANINGS.items())
        found.append([row for row in values if row[1] is not None])
    return found
