"""What a run will take of memory and time, found out at small sizes before it begins."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, final

from neuralstyle._checks import describe
from neuralstyle._kernels.memory import anonymous_memory, reusable_memory
from neuralstyle._types import Image
from neuralstyle.features.base import Extractor
from neuralstyle.features.tiles import LEAST, Tiles, TileSide, in_tiles
from neuralstyle.images.arrays import scaled_size
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.optimize.evaluation.evaluator import Evaluator
from neuralstyle.optimize.evaluation.fitting import SIDES
from neuralstyle.optimize.evaluation.memory import ALLOCATED, Taken, room
from neuralstyle.optimize.methods.methods import Method
from neuralstyle.transfer.plan import Plan, Shape
from neuralstyle.transfer.scales import in_steps

logger: logging.Logger = logging.getLogger(__name__)

SAMPLES = (256, 384)
"""Longer sides of the pictures that are looked at: what takes memory grows with the pixels."""

STEP = 32
"""Of all layers' steps a multiple."""

PICTURES = 6
"""Pictures in float32 that a run holds beside its optimiser: content, start, result, gradient,
those of the scale before, and what is made of them. As measured, from 256 to 8192 pixels."""

COARSER = 0.5
"""How much of a coarser scale's compiled code is there beside the finest's."""

MOST_OF_A_TILE = 0.5
"""Share of a small tile's time, at the most, that a tile of any size takes: two timings tell it
roughly."""

EVALUATIONS = 1.1
"""Evaluations for each iteration of a quasi-Newton method, about."""


@dataclass(frozen=True)
class Estimate:
    """What a run will take, about.

    Attributes
    ----------
    shape : (int, int)
        Height and width of the picture.
    tile : int or None
        Side of the tiles in which it is looked at.
    process : int
        Bytes that the process has already, with the network.
    pictures, targets, features, optimizer : int
        Bytes for the pictures, for what the losses compare with, for activations and gradients, and
        for the optimiser.
    peak : int
        Bytes of anonymous memory of the process at the most. Less than the sum: what the process
        holds already and does not use is used.
    available : int or None
        Bytes that the process could have at the most, if the system tells: what it has, and what
        is free. None on a GPU, whose memory is another.
    seconds : float
        From now to the picture.

    Examples
    --------
    >>> print(Estimate((768, 1024), None, *(k * 2**28 for k in (1, 1, 1, 4, 2, 8)), 2**34, 75.0))
    1024 x 768 as a whole
    process       0.27 GB
    pictures      0.27 GB
    targets       0.27 GB
    features      1.07 GB
    optimizer     0.54 GB
    peak          2.15 GB of 17.18 GB
    time          1 min 15 s
    """

    shape: tuple[int, int]
    tile: int | None
    process: int
    pictures: int
    targets: int
    features: int
    optimizer: int
    peak: int
    available: int | None
    seconds: float

    @property
    def fits(self) -> bool:
        """Whether there is memory for it, as far as the system tells."""
        return self.available is None or self.peak <= self.available

    @property
    def how(self) -> str:
        """How the picture is looked at, in words."""
        return "as a whole" if self.tile is None else f"in tiles of {self.tile}"

    def __str__(self) -> str:
        """Tell it in a table."""
        parts = ("process", "pictures", "targets", "features", "optimizer", "peak")
        rows = {name: _gigabytes(getattr(self, name)) for name in parts}
        if self.available is not None:
            rows["peak"] += f" of {_gigabytes(self.available)}"
        rows["time"] = _duration(self.seconds)
        table = (f"{name:<13} {value}" for name, value in rows.items())
        return "\n".join([f"{describe(self.shape)} {self.how}", *table])


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    told = zip((hours, minutes, rest), ("h", "min", "s"), strict=True)
    return " ".join(f"{count} {unit}" for count, unit in told if count) or "0 s"


Look: TypeAlias = tuple[StyleObjective, Extractor, Image]
"""What is evaluated at a stage, and where."""

GENEROUS = 8000
"""Bytes a pixel, more than any run takes: with as many there is no need to look closer."""

MISSED = 1.1
"""A run is refused only if it takes more than so many times the memory that there is."""


UNKNOWN = 512
"""Tiles that "auto" stands for where memory may be short, and it cannot be told what is taken."""


class _Sample(NamedTuple):
    """What was found out at a small size, at the stage that takes most."""

    pixels: int
    taken: Taken
    building: float
    evaluation: float
    tiles: Tiles | None


@final
class Estimates:
    """What a plan will take, by tiles.

    Parameters
    ----------
    plan : Plan
    method : Method
    bounded : bool
        Whether the pixels have bounds.
    look : callable
        Takes (height, width) and the side of tiles or None; yields what is evaluated at every
        stage.
    whole : bool, default True
        Whether "auto" may stand for none.
    """

    def __init__(
        self,
        plan: Plan,
        method: Method,
        bounded: bool,
        look: Callable[[Shape, int | None], Iterable[Look]],
        *,
        whole: bool = True,
    ) -> None:
        self._plan, self._look = plan, look
        smaller = tuple(side for side in SIDES if side < max(plan.shapes[-1])) or SIDES
        self._sides: tuple[int | None, ...] = (None, *SIDES) if whole else smaller
        self._optimizer = method.bytes_per_number(bounded, plan.iterations[-1])
        self._samples: dict[bool, list[_Sample]] = {}

    def fitting(self, tile: TileSide) -> int | None:
        """Return the tiles in which the run has memory, having looked if that may be short.

        Parameters
        ----------
        tile : int, "auto" or None

        Raises
        ------
        MemoryError
            If there is not enough for the tiles that are asked for, or for any.
        """
        free = room()
        asked = self._sides[0] if isinstance(tile, str) else tile
        if free is None or math.prod(self._plan.shapes[-1]) * GENEROUS <= free:
            return asked
        try:
            found = self.of(tile)
            fits = found.fits or (tile != "auto" and found.peak <= MISSED * (found.available or 0))
            other = found if fits or tile == "auto" else self.of("auto")
        except Exception as error:  # what is wrong with small sizes may be right with the run's
            logger.info("what memory the run takes cannot be told: %s", error)
            return UNKNOWN if isinstance(tile, str) else tile
        if fits:
            return (found.tile or self._sides[0]) if tile == "auto" else asked
        size = describe(found.shape)
        does = "a smaller size would" if not other.fits else f"tile={other.tile} would"
        raise MemoryError(
            f"not enough memory for {size} pixels {found.how}: it would take "
            f"{_gigabytes(found.peak)} of {_gigabytes(found.available or 0)}; {does} fit"
        )

    def of(self, tile: TileSide) -> Estimate:
        """Return what the run will take with tiles of a side, or without.

        Parameters
        ----------
        tile : int, "auto" or None
            "auto" stands for the largest tiles, or none, that there is memory for, else the
            smallest.

        Returns
        -------
        Estimate
        """
        if not isinstance(tile, str):
            return self._of(tile)
        for side in self._sides:
            found = self._of(side)
            if found.fits:
                break
        return found

    def _of(self, tile: int | None) -> Estimate:
        shape = self._plan.shapes[-1]
        tiled = in_tiles(tile, shape)
        samples = self._sampled(tiled)
        pixels, tiles = math.prod(shape), samples[-1].tiles
        by_pixels = [(sample.pixels, sample.taken) for sample in samples]
        targets, features, layers = (
            _grown([(count, taken[k]) for count, taken in by_pixels], pixels) for k in range(3)
        )
        window, code, kinds = 0, samples[-1].taken.code, 1.0
        if tiles is not None and tile is not None:
            like = tiles.like(shape, tile)
            largest = max(math.prod(one.shape) for one in like)
            window = _grown([(taken.pixels, taken.window) for _, taken in by_pixels], largest)
            code //= len({one.shape for one in tiles})
            kinds = len({one.shape for one in like})
        kinds += COARSER * (len(self._plan.shapes) - 1)
        most = Taken(targets, features, layers, window).most
        pictures, optimizer = PICTURES * 12 * pixels, self._optimizer * 3 * pixels
        features = round(ALLOCATED * most)
        process = anonymous_memory() or 0
        more = targets + features + pictures + optimizer
        free = room()
        return Estimate(
            shape=shape,
            tile=tile if tiled else None,
            process=process,
            pictures=pictures,
            targets=targets,
            features=features,
            optimizer=optimizer,
            peak=process + round(code * kinds) + max(0, more - reusable_memory()),
            available=None if free is None else process + free,
            seconds=self._seconds(samples, tile),
        )

    def _sampled(self, tiled: bool) -> list[_Sample]:
        if tiled not in self._samples:
            self._samples[tiled] = [self._sample(side, tiled) for side in self._samples_for(tiled)]
        return self._samples[tiled]

    def _samples_for(self, tiled: bool) -> tuple[int, ...]:
        longer = max(self._plan.shapes[-1])
        return SAMPLES if tiled or longer > SAMPLES[-1] else (longer,)

    def _sample(self, side: int, tiled: bool) -> _Sample:
        """Build, look at and time what is evaluated at a small size."""
        whole = self._plan.shapes[-1]
        tile = max(LEAST, side // 2) if tiled else None
        if side == max(whole):
            return self._looked(whole, tile)
        shape = scaled_size(whole, side)
        try:
            return self._looked(shape, tile)
        except ValueError:
            # A torus has room for whole positions of its layers alone.
            height, width = (in_steps(length, STEP) for length in shape)
            return self._looked((height, width), tile)

    def _looked(self, shape: Shape, tile: int | None) -> _Sample:
        found = []
        started = time.perf_counter()
        for objective, extractor, image in self._look(shape, tile):
            evaluator = Evaluator(objective, extractor, image.shape, tile=tile)
            evaluator.unchecked(image.ravel())
            built = time.perf_counter()
            evaluator.unchecked(image.ravel())
            ended = time.perf_counter()
            of_it = evaluator.taken, built - started, ended - built, evaluator.tiles
            found.append(_Sample(math.prod(shape), *of_it))
            started = ended
        return max(found, key=lambda sample: sample.taken.most)

    def _seconds(self, samples: Sequence[_Sample], tile: int | None) -> float:
        last, total = samples[-1], 0.0
        for shape, count in zip(self._plan.shapes, self._plan.iterations, strict=True):
            pixels = math.prod(shape)
            if last.tiles is not None and in_tiles(tile, shape):
                once = _once(samples, last.tiles.like(shape, tile))
            else:
                once = last.evaluation * pixels / last.pixels
            # Targets take about an evaluation, and so does the first one, before the iterations.
            total += last.building + once * (2 + EVALUATIONS * count)
        return total


def _once(samples: Sequence[_Sample], tiles: Tiles) -> float:
    """Return the seconds of an evaluation in tiles: so many for each, and for what it looks at."""
    timed = [(one.tiles, one.evaluation) for one in samples if one.tiles is not None]
    (few, fast), (many, slow) = timed[0], timed[-1]
    own = slow / len(many)
    more = _looked_at(many) / len(many) - _looked_at(few) / len(few)
    if more > 0:  # the rest grows with the pixels
        slope = (own - fast / len(few)) / more
        own -= slope * _looked_at(many) / len(many)
    own = min(max(0.0, own), MOST_OF_A_TILE * slow / len(many))
    return own * len(tiles) + (slow - own * len(many)) * _looked_at(tiles) / _looked_at(many)


def _looked_at(tiles: Tiles) -> int:
    return sum(math.prod(tile.shape) for tile in tiles)


def _grown(samples: Sequence[tuple[int, int]], pixels: int) -> int:
    """Return what is taken for so many pixels, by the line through samples of (pixels, bytes)."""
    (first, few), (last, more) = samples[0], samples[-1]
    if first == last:
        return more
    return max(0, round(more + (more - few) / (last - first) * (pixels - last)))
