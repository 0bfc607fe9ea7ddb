"""Where a run of `stylize` starts."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np

from neuralstyle._types import Image
from neuralstyle.images.arrays import resize
from neuralstyle.optimize.minimize import initial_image
from neuralstyle.optimize.result import StyleResult

Name: TypeAlias = Literal["content", "style", "noise"]
Init: TypeAlias = Name | Image | StyleResult | os.PathLike[str] | Mapping[Name, float]
StartImage: TypeAlias = Callable[[tuple[int, int], int], Image]

NAMES = ("content", "style", "noise")


def check_init(init: Any) -> Any:
    """Check where to start, and take the image out of a result.

    Parameters
    ----------
    init : str, mapping, array, StyleResult, callable or None

    Returns
    -------
    str, dict, array, callable or None

    Raises
    ------
    TypeError, ValueError
        If it is nothing to start from.
    """
    if init is None or callable(init):
        return init
    if isinstance(init, StyleResult):
        return init.image
    if not isinstance(init, str | Mapping):
        return initial_image(init)
    for name in [init] if isinstance(init, str) else init:
        if name not in NAMES:
            raise ValueError(
                f'init: expected an image, "content", "style" or "noise", received {name!r}'
            )
    if isinstance(init, str):
        return init
    for name, share in init.items():
        if isinstance(share, bool) or not isinstance(share, Real):
            raise TypeError(f"init: expected a number as the share of {name!r}, received {share!r}")
        if not 0 <= float(share) < math.inf:
            raise ValueError(f"init: expected a share of {name!r} of at least 0, received {share}")
    if sum(init.values()) == 0:
        raise ValueError(f"init: expected a share above 0, received {dict(init)!r}")
    return dict(init)


def check_there(init: Any, content: Image | None, styles: Sequence[Image]) -> None:
    """Check that the images which a run is to start from by name are there."""
    for name in [init] if isinstance(init, str) else init if isinstance(init, dict) else ():
        if (name == "content" and content is None) or (name == "style" and not styles):
            raise ValueError(f"init: expected an image that there is, received {name!r}")


def start_image(
    init: Any, content: Image | None, styles: Sequence[Image], shape: tuple[int, int], seed: int
) -> Image:
    """Make the image that a run starts from.

    Parameters
    ----------
    init : str, dict, array or callable
        As `check_init` returns it. Shares of a mixture are divided by their sum.
    content : array, shape (H, W, 3), float32, or None
    styles : sequence of arrays, each (H, W, 3), float32
        The first one is started from.
    shape : (int, int)
        Height and width wanted.
    seed : int
        For noise.

    Returns
    -------
    array, shape (H, W, 3), float32
    """
    if isinstance(init, dict):
        total = sum(init.values())
        mixed = sum(
            share / total * start_image(name, content, styles, shape, seed)
            for name, share in init.items()
        )
        return np.asarray(mixed, np.float32)
    if callable(init):
        return np.asarray(init(shape, seed))
    if isinstance(init, str):
        if init == "noise":
            return initial_image("noise", shape=shape, seed=seed)
        init = content if init == "content" else styles[0]
    return resize(init, shape)
