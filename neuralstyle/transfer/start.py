"""Where a run of `stylize` starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from neuralstyle._checks import shown, weights
from neuralstyle._types import Image
from neuralstyle.images.arrays import check_image, resize
from neuralstyle.images.load import load_metadata
from neuralstyle.optimize.result import StyleResult

Name: TypeAlias = Literal["content", "style", "noise"]
Init: TypeAlias = Name | Image | StyleResult | os.PathLike[str] | Mapping[Name, float]

STARTS: tuple[Name, ...] = get_args(Name)
"""The images to start from that have a name."""


def check_init(argument: str, init: Any) -> Any:
    """Check where to start.

    Parameters
    ----------
    argument : str
        Its name.
    init : str, mapping, array, path, StyleResult, callable or None

    Returns
    -------
    str, dict, array, path, StyleResult, callable or None

    Raises
    ------
    TypeError, ValueError, OSError
        If it is nothing to start from.
    """
    if init is None or isinstance(init, StyleResult) or callable(init):
        return init
    if isinstance(init, os.PathLike):
        load_metadata(init)  # it can be read; what of it is needed is not known yet
        return init
    if not isinstance(init, str | Mapping):
        return check_image(init, argument)
    for name in [init] if isinstance(init, str) else init:
        if name not in STARTS:
            file = isinstance(init, str) and os.path.splitext(init)[1]
            hint = f"; a file is written pathlib.Path({shown(init)})" if file else ""
            raise ValueError(
                f'{argument}: expected "content", "style", "noise", an image or its pathlib.Path, '
                f"received {shown(name)}{hint}"
            )
    if isinstance(init, str):
        return init
    shares = weights(argument, init)
    if sum(shares.values()) == 0:
        raise ValueError(f"{argument}: expected a share above 0, received {dict(init)!r}")
    return shares


def check_there(init: Any, content: Image | None, styles: Sequence[Image]) -> None:
    """Check that the images which a run is to start from by name are there."""
    for name in [init] if isinstance(init, str) else init if isinstance(init, dict) else ():
        if (name == "content" and content is None) or (name == "style" and not styles):
            raise ValueError(f"init: expected an image that there is, received {shown(name)}")


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
            from neuralstyle.optimize.beginning import initial_image

            return initial_image("noise", shape=shape, seed=seed)
        init = content if init == "content" else styles[0]
    return resize(init, shape)
