"""Typed code: mypy --strict passes, and would not with padding="mirror" or maxitre=20.

python docs/examples/typed.py writes typed.png

Keras has no type information. For the import of it, mypy wants this in your pyproject.toml:

    [[tool.mypy.overrides]]
    module = "keras.*"
    ignore_missing_imports = true
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

import neuralstyle as ns

Image = NDArray[np.float32]


class Warmth(ns.Loss):
    """How far red is from being `more` than blue."""

    def __init__(self, more: float) -> None:
        self.more = more

    def __call__(self, features: Mapping[str, Any]) -> Any:
        colour = ops.mean(features["input"], axis=(0, 1, 2))
        return (colour[0] - colour[2] - self.more) ** 2


def warm(content: ns.Features, style: ns.Features) -> ns.StyleObjective:
    return ns.ContentLoss(content) + 10 * ns.StyleLoss(style) + 3 * Warmth(0.2)


def paint(content: Image, style: Image, size: int) -> ns.StyleResult:
    return ns.stylize(content, style, objective=warm, size=size, padding="reflect", maxiter=20)


if __name__ == "__main__":
    here = Path(__file__).parent
    content: Image = ns.load_image(here / "content.png")
    style: Image = ns.load_image(here / "style.png", max_size=256)
    result = paint(content, style, size=96)
    print(result.losses["warmth"], result.status.name)
    result.save("typed.png")
