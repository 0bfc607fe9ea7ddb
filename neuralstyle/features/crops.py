"""Batches of crops to train networks on: pictures at several scales, changed a little.

What an optimiser paints is no photograph, so contrast, tint and noise vary more than in pictures.
Every batch has a number and depends on nothing but it and the seed: any of them can be made again.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._archives import digest
from neuralstyle._types import Floats
from neuralstyle.images.arrays import check_image, resize
from neuralstyle.images.load import MAX_PIXELS, check_picture, load_image

Images: TypeAlias = "str | os.PathLike[str] | NDArray[Any] | Iterable[Any]"
"""A picture, a folder of pictures, or several of either."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")

LONGER_SIDE = 512
"""Larger pictures are reduced to it when they are read."""

LEAST_SIDE = 16
"""Of what something reaches the last convolutions."""

KEPT = 4096
"""Pictures that stay in memory, as bytes."""

SELECTION, REFIT, TRAINING, VALIDATION = range(4)
"""What batches are for: those of different purposes have nothing in common."""


@final
class Crops:
    """Batches of square crops of pictures.

    Parameters
    ----------
    images : path, array, or sequence of them
        Folders are searched for pictures, with all they contain. What is named twice is taken
        twice as often.
    sides : sequence of int
        Sides of the crops in pixels; batch after batch takes the next.
    pixels : int
        Of a batch: it has as many crops as make about so many.
    seed : int, default 0
    every : int, default 16
        One of so many pictures is kept for validation.
    max_pixels : int, default 268435456
        As for `load_image`.

    Attributes
    ----------
    training, validation : list of int
        Which pictures are for what.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If `images` are no pictures. Of files the headers are looked at; those that are kept for
        validation, which come last, are read.

    Examples
    --------
    >>> pictures = [np.random.default_rng(i).random((40, 50, 3)) for i in range(4)]
    >>> crops = Crops(pictures, sides=(16, 32), pixels=2048, every=4)
    >>> crops.batch(TRAINING, 0).shape, crops.batch(TRAINING, 1).shape
    ((8, 16, 16, 3), (2, 32, 32, 3))
    """

    def __init__(
        self,
        images: Images,
        sides: Sequence[int],
        pixels: int,
        *,
        seed: int = 0,
        every: int = 16,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._sources, self._times = _pictures(images)
        self.sides: tuple[int, ...] = tuple(sides)
        self.pixels = pixels
        self.max_pixels = max_pixels
        self.seed = seed
        # Whatever the seed: who goes on from a network has not trained on what is left out.
        order = np.random.default_rng(0).permutation(len(self._sources)).tolist()
        self.validation: list[int] = sorted(order[::every]) if len(order) > 1 else order
        self.training: list[int] = sorted(set(order) - set(self.validation)) or order
        self._picture = functools.lru_cache(maxsize=KEPT)(self._read)
        for source in self._sources:
            if isinstance(source, Path):
                with _named():
                    check_picture(source, max_pixels)
        for index in self.validation:
            self._picture(index)

    @property
    def digest(self) -> str:
        """What tells the pictures from others: of files the names, of arrays what is in them."""
        told = [np.asarray(one.name if isinstance(one, Path) else one) for one in self._sources]
        return digest({**{f"{i}": one for i, one in enumerate(told)}, "": np.array(self._times)})

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._sources)

    def batch(self, purpose: int, number: int, side: int | None = None) -> Floats:
        """Make a batch.

        Parameters
        ----------
        purpose : int
            `SELECTION`, `REFIT`, `TRAINING` or `VALIDATION`; only the last sees the pictures that
            are left out.
        number : int
        side : int, optional
            Of the crops; by default the number's turn of `sides`.

        Returns
        -------
        array, shape (N, side, side, 3), RGB in about [0, 1]
        """
        side = side or self.sides[number % len(self.sides)]
        count = max(1, round(self.pixels / side**2))
        random = np.random.default_rng((self.seed, purpose, number))
        which = self.validation if purpose == VALIDATION else self.training
        times = np.array([self._times[i] for i in which], np.float64)
        drawn = random.choice(which, count, p=times / times.sum())
        crops = np.stack([_crop(random, self._picture(int(i)), side) for i in drawn])
        return _varied(random, crops)

    def pictures(self, purpose: int) -> Iterator[Floats]:
        """Read the pictures themselves, whole and unchanged, each once.

        Those of less than 16 pixels are enlarged.

        Parameters
        ----------
        purpose : int
            As for `batch`.

        Yields
        ------
        array, shape (H, W, 3), RGB in [0, 1]
        """
        for index in self.validation if purpose == VALIDATION else self.training:
            picture = self._picture(index).astype(np.float32) / 255
            height, width = picture.shape[:2]
            yield resize(picture, (max(height, LEAST_SIDE), max(width, LEAST_SIDE)))

    def _read(self, index: int) -> NDArray[np.uint8]:
        return np.round(255 * _picture(self._sources[index], self.max_pixels)).astype(np.uint8)


def read_pictures(images: Images) -> Iterator[Floats]:
    """Read pictures whole, one after another, each once.

    Parameters
    ----------
    images : path, array, or sequence of them
        As for `Crops`.

    Yields
    ------
    array, shape (H, W, 3), RGB in [0, 1]
        Files are reduced to 512 pixels.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If `images` are no pictures.
    """
    for source in _pictures(images)[0]:
        yield _picture(source)


def _picture(source: Any, max_pixels: int = MAX_PIXELS) -> Floats:
    if isinstance(source, Path):
        with _named():
            return load_image(source, max_size=LONGER_SIDE, max_pixels=max_pixels)
    return check_image(source, "images")


@contextmanager
def _named() -> Iterator[None]:
    """Let errors about what is in a file begin with the argument."""
    try:
        yield
    except ValueError as error:
        if str(error).startswith("max_pixels:"):
            raise
        raise ValueError(f"images: {error}") from error


def _pictures(images: Images) -> tuple[list[Any], list[int]]:
    """Return every picture once, and how many times it was named."""
    several = isinstance(images, Iterable) and not isinstance(images, str | np.ndarray)
    found: dict[Any, tuple[Any, int]] = {}
    sources: Iterable[Any] = images if several else [images]  # type: ignore[assignment]
    for source in sources:
        if isinstance(source, str | os.PathLike):
            ones: list[Any] = list(_files(Path(source)))
        else:
            check_image(source, "images")
            ones = [source]
        for one in ones:
            key = one if isinstance(one, Path) else id(one)
            found[key] = (one, found.get(key, (one, 0))[1] + 1)
    if not found:
        raise ValueError("images: expected at least one picture, received none")
    return [one for one, _ in found.values()], [times for _, times in found.values()]


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise FileNotFoundError(f"images: there is no file or folder {str(path)!r}")
    if not path.is_dir():
        return [path]
    found = (one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES)
    # macOS keeps notes on a.jpg in ._a.jpg.
    files = sorted(one for one in found if one.is_file() and not one.name.startswith("._"))
    if not files:
        raise ValueError(f"images: there are no pictures in {str(path)!r}")
    return files


def _crop(random: np.random.Generator, picture: NDArray[np.uint8], side: int) -> Floats:
    """Cut a square of up to 2.5 times the side and reduce it; flip it, exchange its axes."""
    height, width = picture.shape[:2]
    most = min(height, width)
    size = min(side, most)
    if random.random() < 0.7:
        size = int(random.uniform(size, min(most, 2.5 * side) + 1))
    top, left = random.integers(height - size + 1), random.integers(width - size + 1)
    cut = picture[top : top + size, left : left + size].astype(np.float32) / 255
    crop = resize(cut, (side, side))
    crop = crop[:, ::-1] if random.random() < 0.5 else crop
    return crop.transpose(1, 0, 2) if random.random() < 0.3 else crop


def _varied(random: np.random.Generator, crops: Floats) -> Floats:
    """Change contrast and tint, mix some crops with others, add white or soft noise to some."""
    count, side = crops.shape[:2]

    def some(chance: float) -> NDArray[np.float64]:
        """Draw from [0, 1) for each crop, but 0 for most."""
        return random.random((count, 1, 1, 1)) * (random.random((count, 1, 1, 1)) < chance)

    mean = crops.mean((1, 2), keepdims=True)
    contrast = 0.6 + 0.9 * random.random((count, 1, 1, 1))
    tint = 0.2 * (random.random((count, 1, 1, 3)) - 0.5)
    varied = (crops - mean) * contrast + mean + tint * (random.random((count, 1, 1, 1)) < 0.6)
    if random.random() < 0.5:
        share = 0.5 * some(0.4)
        varied = (1 - share) * varied + share * varied[random.permutation(count)]
    fine = random.random() < 0.5
    grain = side if fine else side // 2
    noise: NDArray[Any] = random.standard_normal((count, grain, grain, 3), np.float32)
    if not fine:
        noise = 1.5 * np.stack([resize(one, (side, side), "linear") for one in noise])
    changed: Floats = np.clip(varied + 0.12 * some(0.5) * noise, -0.05, 1.05).astype(np.float32)
    return changed
