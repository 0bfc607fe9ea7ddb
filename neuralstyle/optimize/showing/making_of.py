"""How a picture came to be, as a film."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import number, whole_number
from neuralstyle._types import Floats, Image, PathLike, PictureLike
from neuralstyle.images.arrays import check_image, resize
from neuralstyle.images.convert import taken, to_uint8
from neuralstyle.images.load import load_image
from neuralstyle.images.moving import save_moving
from neuralstyle.images.show import jpeg
from neuralstyle.optimize.result import Progress, StyleResult

T = TypeVar("T")


@final
class MakingOf:
    """A callback that keeps the pictures on the way, and makes a film of them.

    Parameters
    ----------
    frames : int, at least 2, default 200
        How many are kept at the most. Of longer runs every second iteration is kept, or every
        fourth, and so on: as many as fit.
    size : int, default 512
        Longer side of the film in pixels, unless the picture is smaller.

    Notes
    -----
    Frames are kept as JPEG, a few megabytes in all. Those of coarse scales are enlarged.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from neuralstyle import TotalVariationLoss, minimize
    >>> film, start = MakingOf(), np.random.default_rng(0).uniform(size=(16, 24, 3))
    >>> extractor = lambda image: {"input": image}
    >>> result = minimize(TotalVariationLoss(), extractor, start, maxiter=3, callback=film)
    >>> film
    MakingOf(3 frames, of every iteration)
    >>> film.save(pathlib.Path(tempfile.mkdtemp(), "film.gif"), last=result)
    """

    def __init__(self, frames: int = 200, size: int = 512) -> None:
        self._most: int = whole_number("frames", frames, 2)
        self._size: int = whole_number("size", size, 1)
        self._every = 1
        self._seen = 0
        self._kept: list[tuple[int, bytes]] = []

    def __call__(self, now: Progress) -> None:
        """Keep the picture, if it is its turn."""
        if self._seen % self._every == 0:
            self._kept.append((now.nit, self._packed(now.image)))
            if len(self._kept) > self._most:
                del self._kept[1::2]
                self._every *= 2
        self._seen += 1

    def pictures(self, count: int | None = None) -> dict[int, Image]:
        """Return pictures on the way, each of the size that it had, or smaller.

        Parameters
        ----------
        count : int, optional
            How many at the most, evenly spaced from the first to the last; all by default.

        Returns
        -------
        dict from int to array, shape (H, W, 3), float32, in [0, 1]
            By the number of the iteration.
        """
        count = len(self._kept) if count is None else whole_number("count", count, 1)
        return {nit: load_image(io.BytesIO(data)) for nit, data in spaced(self._kept, count)}

    def save(
        self,
        target: PathLike,
        *,
        last: PictureLike | StyleResult | None = None,
        seconds: float = 8.0,
        hold: float = 2.0,
    ) -> None:
        """Write the film.

        Parameters
        ----------
        target : str or path-like
            A ``.gif``, ``.webp``, or, where ffmpeg is installed, ``.mp4``.
        last : picture or StyleResult, optional
            What the film is to end with, and whose size it has: the result, which the last frame
            kept may not be.
        seconds : float, above 0, default 8
            How long it takes to paint. No frame is shown for more than half a second, nor for less
            than a fiftieth.
        hold : float, default 2
            How long the last frame stays.

        Raises
        ------
        TypeError, ValueError, OSError
            If an argument is not as above, if there is no frame, or if the file cannot be written.
        """
        number("seconds", seconds, above=0)
        number("hold", hold, 0)
        frames = [data for _, data in self._kept]
        if last is not None:
            picture: Any = last.image if isinstance(last, StyleResult) else taken(last, "last")
            frames.append(self._packed(check_image(picture, "last")))
        if not frames:
            raise ValueError("last: expected a picture, as there was no iteration to film")
        each = min(max(seconds / len(frames), 0.02), 0.5)
        durations = [each] * (len(frames) - 1) + [max(each, hold)]
        save_moving(target, self._unpacked(frames), durations)

    def _packed(self, image: Floats) -> bytes:
        return jpeg(image, self._size, 92)

    @staticmethod
    def _unpacked(frames: list[bytes]) -> Iterator[NDArray[np.uint8]]:
        """Return frames one at a time, all of the last one's size."""
        shape = load_image(io.BytesIO(frames[-1])).shape[:2]
        for data in frames:
            yield to_uint8(resize(load_image(io.BytesIO(data)), shape))

    def __repr__(self) -> str:
        """Tell how many frames there are."""
        every = "iteration" if self._every == 1 else f"{self._every} iterations"
        return f"MakingOf({len(self._kept)} frames, of every {every})"


def spaced(items: Sequence[T], count: int) -> list[T]:
    """Return so many of the items at the most, evenly spaced, the last one always.

    Examples
    --------
    >>> spaced("abcde", 3), spaced("abcde", 1), spaced("ab", 3)
    (['a', 'c', 'e'], ['e'], ['a', 'b'])
    """
    last = len(items) - 1
    places = np.linspace(last, 0, min(count, len(items)))[::-1].round().astype(int)
    return [items[place] for place in places]
