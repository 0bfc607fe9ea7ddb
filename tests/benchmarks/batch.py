"""What `stylize_many` costs beside the optimisation itself: twenty photographs in one style.

Optimisation is what `minimize` takes without its evaluator, whose making may compile;
all else is targets, resizing, colours and the like.

    python tests/benchmarks/batch.py photo.jpg painting.jpg --size 256
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import neuralstyle as ns
from neuralstyle.optimize import beginning
from neuralstyle.optimize.evaluation import compiled
from neuralstyle.transfer import painter


class Timed:
    """A function, or a class, that adds up the time that calls of it take."""

    def __init__(self, function: Any) -> None:
        self.function, self.seconds, self.calls = function, 0.0, 0

    def __call__(self, *args: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return self.function(*args, **options)
        finally:
            self.seconds += time.perf_counter() - started
            self.calls += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo")
    parser.add_argument("painting")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--count", type=int, default=20)
    args = parser.parse_args()

    photo = ns.load_image(args.photo, max_size=2 * args.size)
    height, width = (round(0.75 * side) for side in photo.shape[:2])
    corners = np.linspace(0, 1, args.count)[:, None] * [
        photo.shape[0] - height,
        photo.shape[1] - width,
    ]
    photos = [photo[y : y + height, x : x + width] for y, x in corners.astype(int)]
    painting = ns.load_image(args.painting, max_size=2 * args.size)

    minimized = painter.minimize = Timed(painter.minimize)  # type: ignore[assignment]
    evaluators = beginning.Evaluator = Timed(beginning.Evaluator)  # type: ignore[assignment, misc]
    compilations = compiled._compile = Timed(compiled._compile)  # type: ignore[assignment]

    started, rows = time.perf_counter(), []
    for _ in ns.stylize_many(photos, painting, size=args.size):
        pure = minimized.seconds - evaluators.seconds
        rows.append((time.perf_counter() - started, pure, compilations.calls))
    print("photographs      seconds  optimisation  ratio  compilations")
    for label, start, end in (
        ("the first", -1, 0),
        ("the others", 0, len(rows) - 1),
        ("all", -1, len(rows) - 1),
    ):
        before = rows[start] if start >= 0 else (0.0, 0.0, 0)
        whole, pure, count = (a - b for a, b in zip(rows[end], before, strict=True))
        print(f"{label:<12} {whole:>11.1f}  {pure:>12.1f}  {whole / pure:>5.2f}  {count:>12}")


if __name__ == "__main__":
    main()
