"""Label images: regions as colours, painted by hand."""

from __future__ import annotations

import logging
import os
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from neuralstyle._types import PictureLike
from neuralstyle.images.arrays import check_image
from neuralstyle.images.load import load_image

logger: logging.Logger = logging.getLogger(__name__)

TOLERANCE = 16
"""Levels of 255 by which red, green and blue may differ within one label."""

NEAR = 48
"""Levels within which a colour may be what JPEG has made of another one."""

BETWEEN = 24
"""Labels, the most frequent ones, between which a colour may lie."""

RARE = 1e-3
"""Share of a picture below which a colour is rare."""

Pair: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.bool_]]


def label_masks(content_labels: PictureLike, style_labels: PictureLike) -> list[Pair]:
    """Return the regions that two label images have in common.

    Parameters
    ----------
    content_labels, style_labels : array, shape (H, W, 3), path or PIL.Image.Image
        A content and a style, every region of which is filled with a colour, the same in both. They
        need not be of one size. Arrays are RGB in [0, 1], or uint8.

    Returns
    -------
    list of (array, array)
        For every colour where it is in the one and in the other, as bool, shape (H, W) each. The
        largest regions come first.

    Raises
    ------
    TypeError, ValueError
        If they are no images, or if a colour is in one of them alone; the message says how much of
        the picture has it.
    OSError
        If a file cannot be read.

    Notes
    -----
    Colours that differ by at most 16 of 255 levels from the most frequent of them are one. Those of
    smooth edges, of JPEG and of resizing go to the nearest label; how many pixels these are is
    logged. A colour is a label if two of three things hold: it fills a square of 3 x 3 pixels
    somewhere; it lies neither near a more frequent label nor between two of them; it has at least
    a thousandth of the picture, or, near a label, a hundredth and a tenth of that label. Only a
    colour of all three that is in one picture alone is an error.

    Examples
    --------
    >>> red, blue = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    >>> content, style = np.array([[red, red, blue]]), np.array([[blue], [red]])
    >>> [(mask.tolist(), style_mask.tolist()) for mask, style_mask in label_masks(content, style)]
    [([[True, True, False]], [[False], [True]]), ([[False, False, True]], [[True], [False]])]
    """
    names = ("content_labels", "style_labels")
    images = [_bytes(v, n) for v, n in zip((content_labels, style_labels), names, strict=True)]
    levels, indices = _clusters(images)
    labels = [_labels(index, levels) for index in indices]
    for name, other, mine, theirs, index in zip(
        names, names[::-1], labels, labels[::-1], indices[::-1], strict=True
    ):
        missing = [label for label, sure in theirs.items() if sure and label not in mine]
        if missing:
            shares = ", ".join(
                f"#{''.join(f'{level:02x}' for level in levels[label])} "
                f"({100 * np.mean(index == label):.3g} % of the pixels there)"
                for label in missing[:4]
            )
            more = f" and {len(missing) - 4} more" if len(missing) > 4 else ""
            raise ValueError(
                f"{name}: expected every colour of {other}, received none like {shares}{more}"
            )
    common = sorted(labels[0].keys() & labels[1].keys())
    snapped = [
        _snapped(index, common, levels, name) for index, name in zip(indices, names, strict=True)
    ]
    masks = [(snapped[0] == label, snapped[1] == label) for label in common]
    return sorted(masks, key=lambda pair: -pair[0].mean())


def _bytes(labels: Any, name: str) -> NDArray[np.int64]:
    """Return a label image in levels of 255, reading what is a picture."""
    if isinstance(labels, str | os.PathLike | Pillow.Image):
        labels = load_image(labels)
    elif getattr(labels, "dtype", None) == np.uint8:
        labels = np.asarray(labels, np.float32) / 255
    return np.rint(255 * check_image(labels, name)).astype(np.int64)


def _clusters(images: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Return colours, the most frequent first, and which of them every pixel is about."""
    # A colour as one number: such are found and counted in a moment.
    codes = np.concatenate([(image @ (1 << 16, 1 << 8, 1)).ravel() for image in images])
    colors, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    every = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1).astype(np.int16)
    middles: list[NDArray[np.int16]] = []
    cluster = np.empty(colors.size, np.int64)
    rest = np.argsort(-counts, kind="stable")
    while rest.size:
        middles.append(every[rest[0]])
        near = np.abs(every[rest] - middles[-1]).max(axis=1) <= TOLERANCE
        cluster[rest[near]] = len(middles) - 1
        rest = rest[~near]
    ends = np.cumsum([image[..., 0].size for image in images])[:-1]
    parts = np.split(cluster[inverse.ravel()], ends)
    shaped = [part.reshape(i.shape[:2]) for part, i in zip(parts, images, strict=True)]
    return np.array(middles, np.int64), shaped


def _labels(index: NDArray[np.int64], levels: NDArray[np.int64]) -> dict[int, bool]:
    """Return which of the colours are labels of an image, and whether that is sure."""
    counts = np.bincount(index.ravel(), minlength=len(levels))
    middle = index[1:-1, 1:-1]
    filled = np.ones(middle.shape, bool)
    for y in range(3):
        for x in range(3):
            filled &= index[y : y + len(middle), x : x + middle.shape[1]] == middle
    squares = set((middle[filled] if middle.size else index).ravel().tolist())
    labels: dict[int, bool] = {}
    for color in np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].tolist():
        near, between = _place(levels[color], levels[list(labels)])
        beside = counts[list(labels)][near].sum()
        least = max(10 * RARE * index.size, beside / 10) if beside else RARE * index.size
        rare = counts[color] < least
        signs = (color in squares) + (not near.any() and not between) + (not rare)
        if not labels or signs >= 2:
            labels[color] = not labels or signs == 3
    return labels


def _place(color: NDArray[np.int64], labels: NDArray[np.int64]) -> tuple[NDArray[np.bool_], bool]:
    """Return which of some labels a colour is near, and whether it is between two."""
    near = np.abs(labels - color).max(axis=-1) <= NEAR
    labels = labels[:BETWEEN]
    first, second = labels[:, None], labels[None]
    way = second - first
    length = np.maximum((way**2).sum(axis=-1), 1)
    share = np.clip(((color - first) * way).sum(axis=-1) / length, 0, 1)
    off = np.abs(first + share[..., None] * way - color).max(axis=-1)
    return near, bool((off <= 2 * TOLERANCE).any())


def _snapped(
    index: NDArray[np.int64], labels: list[int], levels: NDArray[np.int64], name: str
) -> NDArray[np.int64]:
    """Return the nearest label of every pixel."""
    distances = ((levels[:, None] - levels[labels]) ** 2).sum(axis=-1)
    nearest = np.array(labels)[distances.argmin(axis=1)]
    nearest[labels] = labels
    snapped: NDArray[np.int64] = nearest[index]
    moved = np.mean(snapped != index)
    if moved:
        logger.info(
            "%s: %.3g %% of the pixels have colours that are no labels; they go to the nearest of "
            "the %d labels",
            name,
            100 * moved,
            len(labels),
        )
    return snapped
