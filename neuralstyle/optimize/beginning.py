"""What a run of `minimize` begins with: what evaluates, and the image that it starts from."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np

from neuralstyle._checks import image_shape, shown
from neuralstyle._types import Image
from neuralstyle.features.tiles import TileSide
from neuralstyle.images.arrays import check_image
from neuralstyle.optimize.evaluation.evaluator import Evaluator
from neuralstyle.optimize.interruption import EVALUATION, patience
from neuralstyle.optimize.result import StyleResult


def beginning(
    objective: Any,
    extractor: Any,
    init: Any,
    shape: Any,
    seed: int,
    tile: TileSide = None,
    executor: Executor | None = None,
) -> tuple[Evaluator, Image]:
    """Return what evaluates, and the image that the run starts from."""
    if init is None:
        raise TypeError('init: expected an image or "noise", received none')
    if not isinstance(objective, Evaluator):
        start = initial_image(init, shape=shape, seed=seed)
        with patience(EVALUATION):
            return Evaluator(objective, extractor, start.shape, tile=tile, executor=executor), start
    if extractor is not None:
        raise TypeError(
            "extractor: expected none with an evaluator, which has its own (write init=...), "
            f"received {shown(extractor)}"
        )
    for name, value in (("tile", tile), ("executor", executor)):
        if value is not None:
            raise TypeError(
                f"{name}: expected none with an evaluator, which has its own, "
                f"received {shown(value)}"
            )
    if isinstance(init, str) and shape is None:
        shape = objective.shape
    start = initial_image(init, shape=shape, seed=seed)
    if start.shape != objective.shape:
        name = "shape" if isinstance(init, str) else "init"
        raise ValueError(
            f"{name}: expected {objective.shape}, the shape of the evaluator's images, received "
            f"{start.shape}"
        )
    return objective, start


def initial_image(init: Any, *, shape: tuple[int, ...] | None = None, seed: int = 0) -> Image:
    """Return the image that a run starts from: a copy of an image, or seeded noise.

    Parameters
    ----------
    init : array, shape (H, W, 3), floating, RGB in [0, 1], StyleResult or "noise"
    shape : (int, int), optional
        Height and width of the noise.
    seed : int, default 0

    Returns
    -------
    array, shape (H, W, 3), float32

    Raises
    ------
    TypeError, ValueError
        If `init` is neither, or if noise is asked for without a shape.

    Examples
    --------
    >>> initial_image("noise", shape=(4, 6)).shape
    (4, 6, 3)
    """
    if isinstance(init, StyleResult):
        init = init.image
    if not isinstance(init, str):
        if shape is not None:
            raise ValueError(f"shape: expected None with an image as init, received {shown(shape)}")
        image: Image = check_image(init, "init").copy()
        return image
    if init != "noise":
        raise ValueError(
            f'init: expected an image or "noise", received {shown(init)}'
            + (" (only stylize knows that image)" if init in ("content", "style") else "")
        )
    if shape is None:
        raise ValueError('shape: expected (height, width) with init="noise", received None')
    noise = np.random.default_rng(seed).uniform(0.35, 0.65, image_shape(shape))
    return noise.astype(np.float32)
