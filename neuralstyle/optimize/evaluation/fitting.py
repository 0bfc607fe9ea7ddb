"""How an objective is evaluated: as a whole or in tiles, as asked for or as memory allows."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

from neuralstyle._checks import describe
from neuralstyle._kernels.memory import reusable_memory
from neuralstyle.features.base import Extractor
from neuralstyle.features.tiles import TileSide, in_tiles, tile_side
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.optimize.evaluation.compiled import Compiled
from neuralstyle.optimize.evaluation.executors import Spread, check_executor
from neuralstyle.optimize.evaluation.memory import ALLOCATED, Taken, room
from neuralstyle.optimize.evaluation.passes import Passes
from neuralstyle.optimize.evaluation.tiled import Tiled
from neuralstyle.optimize.methods.budget import SPARE

SIDES = (1024, 768, 512, 384, 256, 128)
"""Of tiles that are tried, where memory is short."""


def compiled(
    objective: StyleObjective,
    extractor: Extractor,
    image: Any,
    tile: TileSide,
    executor: Executor | None,
) -> Compiled | Tiled:
    """Return what evaluates an objective: in tiles only what is larger than a tile.

    Parameters
    ----------
    objective : StyleObjective
    extractor : callable
    image : TensorSpec
    tile : int, "auto" or None
    executor : Executor or None

    Raises
    ------
    TypeError, ValueError, KeyError
        If one of these does not fit the others.
    MemoryError
        If there is not enough of it for the smallest tiles.
    """
    check_executor(executor, tile)
    tile = tile_side(tile)
    if tile == "auto":
        return _fitting(objective, extractor, image, executor)
    if in_tiles(tile, image.shape[1:3]):
        return Tiled(objective, extractor, image, tile, executor)
    Spread(Passes(extractor, {}, (), ()), executor)  # what cannot travel is no use at any size
    return Compiled(objective, extractor, image)


def _fitting(
    objective: StyleObjective, extractor: Extractor, image: Any, executor: Executor | None
) -> Compiled | Tiled:
    """Return the first that there is memory for, beside that of an optimiser."""
    shape, numbers = image.shape[1:3], image.shape.num_elements()
    sides = [side for side in SIDES if in_tiles(side, shape)]
    missing = 0.0
    if executor is None or not sides:
        whole = Compiled(objective, extractor, image)
        missing = _missing(whole.taken, numbers)
        if not missing:
            return whole
        del whole
    for side in sides:
        tiled = Tiled(objective, extractor, image, side, executor)
        missing = _missing(tiled.taken, numbers)
        if not missing:
            return tiled
    raise MemoryError(
        f"tile: expected a picture that there is memory for, received one of {describe(shape)} "
        f"pixels: {missing / 1e9:.1f} GB are missing for it and an optimiser"
        + (f", in tiles of {sides[-1]} too" if sides else "")
    )


def _missing(taken: Taken, numbers: int) -> float:
    """Return how many bytes are missing for an evaluation and an optimiser."""
    available = room()
    if available is None:
        return 0.0
    more = max(0.0, ALLOCATED * taken.most - reusable_memory())
    return max(0.0, more + SPARE * numbers - available)
