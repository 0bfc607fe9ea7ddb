"""Label images: regions as colours, painted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralstyle.images.arrays import check_image

TOLERANCE = 16
"""Levels of 255 by which red, green and blue may differ within one label."""


def label_masks(
    content_labels: Any, style_labels: Any
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return the regions that two label images have in common.

    Parameters
    ----------
    content_labels, style_labels : array, shape (H, W, 3), floating, RGB in [0, 1]
        A content and a style, every region of which is filled with a colour, the same in both. They
        need not be of one size.

    Returns
    -------
    list of (array, array)
        For every colour where it is in the one and in the other, as bool, shape (H, W) each. The
        largest regions come first.

    Raises
    ------
    TypeError, ValueError
        If they are no images, or if a colour is in one of them alone.

    Notes
    -----
    Colours that differ by at most 16 of 255 levels from the most frequent of them are one. Save
    label images without loss, and paint them without smooth edges: those are colours too.

    Examples
    --------
    >>> red, blue = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    >>> content, style = np.array([[red, red, blue]]), np.array([[blue], [red]])
    >>> [(mask.tolist(), style_mask.tolist()) for mask, style_mask in label_masks(content, style)]
    [([[True, True, False]], [[False], [True]]), ([[False, False, True]], [[True], [False]])]
    """
    names = ("content_labels", "style_labels")
    images = [
        np.rint(255 * check_image(labels, name)).astype(np.int64)
        for labels, name in zip((content_labels, style_labels), names, strict=True)
    ]
    # A colour as one number: such are found and counted in a moment.
    codes = [image @ (1 << 16, 1 << 8, 1) for image in images]
    colors, counts = np.unique(np.concatenate([c.ravel() for c in codes]), return_counts=True)
    levels = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1)
    masks = []
    while colors.size:
        near = np.abs(levels - levels[counts.argmax()]).max(axis=1) <= TOLERANCE
        found = [np.isin(code, colors[near]) for code in codes]
        for name, mask, other in zip(names, found, names[::-1], strict=True):
            if not mask.any():
                color = f"#{colors[counts.argmax()]:06x}"
                raise ValueError(
                    f"{name}: expected every colour of {other}, received none like {color}"
                )
        masks.append((found[0], found[1]))
        colors, counts, levels = colors[~near], counts[~near], levels[~near]
    return sorted(masks, key=lambda pair: -pair[0].mean())
