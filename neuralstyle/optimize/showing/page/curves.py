"""Losses over iterations as HTML: lines in SVG, and texts beside them that keep their size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from neuralstyle.optimize.iteration import Iteration

POINTS = 500
"""Points of a line at the most: more than pixels are no use."""

DECADES = 8
"""What is shown below the highest value: a loss that begins at nothing would flatten all others."""

COLORS = 8
"""Colours of lines in the style of the page; further lines have the same ones, dashed."""

WIDTH, HEIGHT = 1000, 400
"""Of the drawing, in units of its own: it is stretched to the page."""


@dataclass(frozen=True)
class Line:
    """The values of one loss.

    Attributes
    ----------
    name : str
    points : list of (int, int, float)
        Scale, iteration, value.
    """

    name: str
    points: list[tuple[int, int, float]]


def lines(history: Sequence[Iteration]) -> list[Line]:
    """Return the lines of a history: of the objective, then of every loss.

    Examples
    --------
    >>> [line.name for line in lines([Iteration(1, 2, 3.0, {"style": 4.0}, 0.5)])]
    ['objective', 'style']
    """
    names = dict.fromkeys(name for one in history for name in one.losses)
    whole = Line("objective", [(one.scale, one.nit, one.fun) for one in history])
    return [whole] + [
        Line(name, [(o.scale, o.nit, o.losses[name]) for o in history if name in o.losses])
        for name in names
    ]


def ticks(low: float, high: float) -> list[float]:
    """Return powers of ten, or where they are few also twice and five times these, in a range.

    Examples
    --------
    >>> ticks(0.5, 200.0)
    [1.0, 10.0, 100.0]
    >>> ticks(1.5, 6.0)
    [2.0, 5.0]
    """
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = max(1, len(exponents) // 6)
    for factors in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        found = [f * 10.0**e for e in exponents if e % every == 0 for f in factors]
        found = [value for value in found if low <= value <= high]
        if len(found) > 1:
            break
    return found


def chart(history: Sequence[Iteration], sizes: Sequence[str]) -> str:
    """Draw the losses of a run over its iterations.

    Parameters
    ----------
    history : sequence of Iteration
    sizes : sequence of str
        What every scale is called.

    Returns
    -------
    str
        A figure; or a sentence, if no value can be drawn on a logarithmic axis.
    """
    drawn = lines(history)
    values = [v for line in drawn for _, _, v in line.points if 0 < v < math.inf]
    if not values:
        return '<p class="quiet">There is no loss above zero to be drawn.</p>'
    high = max(values)
    low = max(min(values), high * 10.0**-DECADES)
    if high < 1.2 * low:  # all of one height
        low, high = low / 1.5, high * 1.5
    first, last = history[0].nit, max(history[-1].nit, history[0].nit + 1)

    def across(nit: float) -> float:
        return (nit - first) / (last - first)

    def down(value: float) -> float:
        return math.log(high / value) / math.log(high / low)

    marks = [
        (across(one.nit), sizes[one.scale] if one.scale < len(sizes) else "")
        for before, one in zip(history, history[1:], strict=False)
        if one.scale != before.scale
    ]
    parts = ['<figure class="chart"><div class="plot">']
    parts.append(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="Losses over {len(history)} iterations, on a logarithmic axis">'
    )
    parts += [
        f'<path class="grid" d="M0 {down(tick) * HEIGHT:.1f}H{WIDTH}"/>'
        for tick in ticks(low, high)
    ]
    parts += [f'<path class="mark" d="M{x * WIDTH:.1f} 0V{HEIGHT}"/>' for x, _ in marks]
    for number, line in reversed(list(enumerate(drawn))):  # the objective above all
        for run in _runs(line, low):
            path = "L".join(f"{across(x) * WIDTH:.1f} {down(y) * HEIGHT:.1f}" for x, y in run)
            # A line of one point shows as a dot, by its round ends.
            path = path if len(run) > 1 else f"{path}h0"
            parts.append(f'<path class="{kind(number)}" d="M{path}"/>')
    parts.append("</svg>")
    parts += [
        f'<span class="y" style="top:{down(tick) * 100:.2f}%">{tick:.12g}</span>'
        for tick in ticks(low, high)
    ]
    begin = history[0].scale
    starts = [(0.0, sizes[begin] if begin < len(sizes) else ""), *marks]
    if len(starts) > 1:
        parts += [
            f'<span class="scale" style="{_left_of(x)}">{escape(text)}</span>'
            for x, text in _apart(starts)
        ]
    parts.append(f'<span class="x from">{history[0].nit}</span>')
    parts.append(f'<span class="x to">{history[-1].nit}</span>')
    parts.append('<span class="x what">iterations</span></div></figure>')
    return "".join(parts)


def _left_of(place: float, near: float = 0.75) -> str:
    """Return where a text is that begins at a place, or ends at the edge that it would cross."""
    over = max(0.0, place - near) / (1 - near)
    return f"left:{place * 100:.2f}%" + (f";transform:translateX(-{over:.0%})" if over else "")


def _apart(texts: Sequence[tuple[float, str]], least: float = 0.13) -> list[tuple[float, str]]:
    """Leave out texts that would be upon each other."""
    kept: list[tuple[float, str]] = []
    for place, text in reversed(texts):
        if not kept or kept[-1][0] - place >= least:
            kept.append((place, text))
    return kept


def kind(number: int) -> str:
    """Return the class of a line, and of its swatch: 0 is the objective's."""
    if number == 0:
        return "line whole"
    color, dashed = (number - 1) % COLORS, (number - 1) // COLORS % 3
    return f"line c{color}" + (f" dash{dashed}" if dashed else "")


def swatch(number: int) -> str:
    """Draw a short piece of a line, for the legend."""
    path = f'<path class="{kind(number)}" d="M2 6H30"/>'
    return f'<svg class="swatch" viewBox="0 0 32 12" aria-hidden="true">{path}</svg>'


def _runs(line: Line, low: float) -> Iterator[list[tuple[int, float]]]:
    """Cut a line where a scale begins, and where a value cannot be drawn; thin out what is long."""
    step = max(1, math.ceil(len(line.points) / POINTS))
    run: list[tuple[int, float]] = []
    before = None
    for number, (scale, nit, value) in enumerate(line.points):
        drawable = low <= value < math.inf
        if run and (scale != before or not drawable):
            yield run
            run = []
        before = scale
        ends = number + 1 == len(line.points) or line.points[number + 1][0] != scale
        if drawable and (not run or ends or number % step == 0):
            run.append((nit, value))
    if run:
        yield run
