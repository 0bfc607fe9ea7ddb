"""Typed code: mypy --strict passes, and knows options and choices.

python docs/examples/typed.py writes typed.png
"""

from collections.abc import Callable, Mapping
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


def weighed(warmth: float) -> Callable[..., ns.StyleObjective]:
    """Return what makes an objective for two pictures."""

    def objective(content: ns.Features, style: ns.Features) -> ns.StyleObjective:
        return ns.ContentLoss(content) + 5 * ns.StyleLoss(style) + 3 * Warmth(warmth)

    return objective


def warmest(content: Image, style: Image, warmths: list[float]) -> ns.StyleResult:
    """Return the result with the largest mean red."""

    def red(result: ns.StyleResult) -> float:
        return float(result.image[..., 0].mean())

    makers = map(weighed, warmths)
    results = (ns.stylize(content, style, objective=make, maxiter=5) for make in makers)
    return max(results, key=red)


if __name__ == "__main__":
    pictures = [Path(f"docs/examples/{name}.png") for name in ("content", "style")]
    content, style = (ns.load_image(path, max_size=64) for path in pictures)
    best = warmest(content, style, [0.0, 0.3])
    print(best.losses["warmth"], best.status.name)
    best.save("typed.png")
