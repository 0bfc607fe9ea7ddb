"""Label images: regions as colours, painted by hand."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from typing import Any, NamedTuple, TypeAlias

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

OFF = 4
"""Levels by which the pixels of plain colours differ from those at the most, but for some."""

MIXED = 0.6
"""Share of a picture from which on pixels that differ by more are too many for plain colours.

Measured of pictures of 4 to 10 plain colours in 5 to 100 shapes with smooth edges, as they are and
as JPEG of quality 50 to 95, whole and shrunk by 2 to 6 to as few as 85 pixels: at most 0.45, mostly
below 0.3. Of photographs and paintings of 85 to 1024 pixels: at least 0.73, mostly above 0.85. The
share of pixels that go to the nearest label tells nothing: up to 0.24 here, from 0.09 there."""

Pair: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.bool_]]


class _Picture(NamedTuple):
    """A label image as colours: those of all images, each with how many of its pixels have it."""

    colors: NDArray[np.int64]
    counts: NDArray[np.int64]
    clusters: NDArray[np.int64]
    """Of every colour."""
    pixels: NDArray[np.int64]
    """Of every pixel its cluster."""


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
        If they are no images, or none of plain colours, such as a photograph, or if a colour is in
        one of them alone; the message says how much of the picture has it.
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

    A picture more than 60 % of which differs by more than 4 levels from the most frequent colour of
    every label is none of plain colours: of label images with smooth edges, saved as JPEG of
    quality 50 and shrunk by 6, less than half does; of photographs, more than 70 %.

    Examples
    --------
    >>> red, blue = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    >>> content, style = np.array([[red, red, blue]]), np.array([[blue], [red]])
    >>> [(mask.tolist(), style_mask.tolist()) for mask, style_mask in label_masks(content, style)]
    [([[True, True, False]], [[False], [True]]), ([[False, False, True]], [[True], [False]])]
    """
    names = ("content_labels", "style_labels")
    images = [_bytes(v, n) for v, n in zip((content_labels, style_labels), names, strict=True)]
    levels, pictures = _clusters(images)
    indices = [picture.pixels for picture in pictures]
    labels = [_labels(index, levels) for index in indices]
    for name, picture, own in zip(names, pictures, labels, strict=True):
        _check_plain(name, picture, own)
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


def _clusters(images: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], list[_Picture]]:
    """Return the middles of clusters of colours, the most frequent first, and what has which."""
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
    pictures = [
        _Picture(
            every.astype(np.int64),
            np.bincount(part, minlength=colors.size),
            cluster,
            cluster[part].reshape(image.shape[:2]),
        )
        for part, image in zip(np.split(inverse.ravel(), ends), images, strict=True)
    ]
    return np.array(middles, np.int64), pictures


def _check_plain(name: str, picture: _Picture, labels: Collection[int]) -> None:
    """Refuse what has no plain colours, such as a photograph."""
    colors, counts = picture.colors, picture.counts
    off = np.full(len(colors), 255)
    for label in labels:
        # Its middle is the most frequent colour of both pictures, which this one may lack.
        own = colors[np.where(picture.clusters == label, counts, -1).argmax()]
        off = np.minimum(off, np.abs(colors - own).max(axis=1))
    share = counts[off > OFF].sum() / counts.sum()
    if share > MIXED:
        raise ValueError(
            f"{name}: expected a picture of plain colours, received one of "
            f"{np.count_nonzero(counts)} colours: {100 * share:.3g} % of the pixels differ by more "
            f"than {OFF} levels of 255 from each of its {len(labels)} most frequent ones, and at "
            f"most {100 * MIXED:g} % may; is it a photograph?"
        )


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
