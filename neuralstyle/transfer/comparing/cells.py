"""What the cells of a sheet over stroke size and content weight are to be, and their rating."""

from __future__ import annotations

import math
from typing import NamedTuple

from neuralstyle.images.arrays import scaled_size
from neuralstyle.transfer.options.options import Options, sees_torus
from neuralstyle.transfer.plan import stage_iterations
from neuralstyle.transfer.recipes import Recipe, default
from neuralstyle.transfer.scales import SHORTEST_SIDE, STEP, in_steps, pyramid
from neuralstyle.transfer.score import TINY

STROKES_STEP = 1.5
"""From one stroke size to the next."""


class Axis(NamedTuple):
    """What is tried of a setting, and at which place of it the usual value is."""

    values: list[float]
    usual: int

    @property
    def steps(self) -> list[int]:
        """How far each value is from the usual one."""
        return [abs(place - self.usual) for place in range(len(self.values))]


def rating(style: float, kept: float) -> float:
    """Return how good a picture is, by its style distance and the part of the structure it keeps.

    Examples
    --------
    >>> rating(1.0, 1.0), rating(0.1, 0.0), rating(0.2, 0.4)
    (0.0, 0.0, 0.8)
    """
    return max(kept, 0.0) * math.sqrt(max(1 - style, 0.0) / max(style, TINY))


def stroke_sizes(most: float) -> Axis:
    """Return the stroke sizes to try: the usual one and one on either side, none above `most`.

    Examples
    --------
    >>> [stroke_sizes(most).values for most in (2.0, 1.25, 1.0)]
    [[0.67, 1.0, 1.5], [0.67, 1.0, 1.2], [0.44, 0.67, 1.0]]
    """
    usual = min(1.0, most)
    larger = min(usual * STROKES_STEP, most)
    if larger < usual * math.sqrt(math.sqrt(STROKES_STEP)):  # hardly larger
        return Axis([rounded(usual / STROKES_STEP**k, most) for k in (2, 1, 0)], 2)
    return Axis([rounded(size, most) for size in (usual / STROKES_STEP, usual, larger)], 1)


def rounded(value: float, most: float = math.inf) -> float:
    """Return a number that can be typed, of two digits and not above `most`.

    Examples
    --------
    >>> rounded(1 / 3), rounded(1.26), rounded(1.26, 1.26)
    (0.33, 1.3, 1.2)
    """
    nearest = float(f"{value:.2g}")
    if nearest <= most:
        return nearest
    digit = 10.0 ** (math.floor(math.log10(most)) - 1)
    return float(f"{math.floor(most / digit) * digit:.2g}")


def cell_shape(full: tuple[int, int], longer: int, torus: bool) -> tuple[int, int]:
    """Return height and width of the cells for a picture of `full` size.

    Those of a long one are longer, so that their shorter side is enough for a network.

    Examples
    --------
    >>> cell_shape((480, 640), 192, False), cell_shape((20, 400), 192, False)
    ((144, 192), (20, 400))
    >>> cell_shape((128, 224), 192, False), cell_shape((128, 224), 192, True)
    ((110, 192), (112, 192))
    """
    shorter = min(SHORTEST_SIDE, longer // 2)
    least = math.ceil(shorter * max(full) / min(full))
    height, width = scaled_size(full, min(max(longer, least), max(full)))
    step = math.gcd(STEP, *full) if torus else 1
    return in_steps(height, step), in_steps(width, step)


def fewer_iterations(full: Options, whole: tuple[int, int], shape: tuple[int, int]) -> list[int]:
    """Return half the iterations, for the scales that a picture of that shape has."""
    recipe = full.recipe if isinstance(full.recipe, Recipe) else default()
    shapes, few = (
        pyramid(sides, full.scales, recipe.min_size, sees_torus(full)) for sides in (whole, shape)
    )
    counts = stage_iterations(recipe, full, shapes)
    return [math.ceil(count / 2) for count in counts[: len(few)] + counts[len(shapes) :]]
