"""What methods take of memory, in bytes for each number that is moved, as measured at the peak.

What the run itself keeps is among it: the points that were evaluated and accepted last, the best
one, and the gradient.
"""

from __future__ import annotations

PAIRS: dict[str, int] = {"float32": 4, "bfloat16": 2, "disk": 0}
"""A number of a correction pair, by what it is kept in."""

OWN_LBFGS: int = 44
"""The library's L-BFGS beside its pairs: eleven vectors in float32, in a line search."""

SCIPYS_LBFGSB: int = 144
"""SciPy's L-BFGS-B beside its workspace: eighteen vectors in float64."""

SCIPYS_BOUNDS: int = 24
"""What bounds add to that: a list of them, and an array."""

KERAS: int = 56
"""An optimiser of Keras without variables of its own."""

KERAS_VARIABLE: int = 16
"""Each of its variables that has a number for each that is moved: with its update, and two copies
for states."""

SPARE: int = SCIPYS_LBFGSB + 8 * 25
"""What ``tile="auto"`` leaves for an optimiser where that is not known: SciPy's, with 10 pairs."""

OTHERS: int = 160
"""Methods that say nothing."""

OFFSETS: int = 2**31
"""Where the offsets end that SciPy's L-BFGS-B counts in 32 bits."""


def lbfgsb_workspace(maxcor: int, size: int) -> int:
    """Return how many numbers SciPy's L-BFGS-B has in one array, for as many that it moves.

    Examples
    --------
    >>> lbfgsb_workspace(10, 1000)
    26180
    """
    return (2 * maxcor + 5) * size + 11 * maxcor**2 + 8 * maxcor
