r"""Which channels of a layer to keep: those from which the next layer's inputs can be told best.

With the second moments :math:`M` of a layer's channels, what is lost by keeping the set
:math:`S` alone is

.. math:: R = M - M_{\cdot S} M_{SS}^{-1} M_{S \cdot},

the second moments of what is left of all channels after least squares from those in S. A metric
:math:`Q` says how much each of them matters, and the loss is the trace of QR.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

IDENTITY = 0.3
"""Weight of the channels themselves, which style losses read, beside the next layer's need."""

NOTHING = 1e-9
"""Share of the mean second moment under which nothing is left of a channel."""


def metric(moments: Matrix, kernel: NDArray[np.floating] | None) -> Matrix:
    """Return how much the channels of a layer matter, for the next layer and for themselves.

    Parameters
    ----------
    moments : array, shape (C, C)
        Second moments of the channels as the next layer sees them.
    kernel : array, shape (3, 3, C, D), or None
        Of the next layer, if there is one.

    Returns
    -------
    array, shape (C, C)
        The sum over taps and outputs of what the kernel makes of two channels, plus the identity,
        each scaled so that the trace of its product with `moments` is 1 and 0.3.

    Examples
    --------
    >>> np.trace(metric(np.diag([1.0, 3.0]), np.ones((3, 3, 2, 1))) @ np.diag([1.0, 3.0])).round(6)
    np.float64(1.3)
    """
    channels = len(moments)
    own: Matrix = np.eye(channels) / max(np.trace(moments), np.finfo(np.float64).tiny)
    if kernel is None:
        return own
    rows = kernel.astype(np.float64).transpose(2, 0, 1, 3).reshape(channels, -1)
    needed: Matrix = rows @ rows.T
    scale = float(np.sum(needed * moments))
    if scale > 0:
        own = needed / scale + IDENTITY * own
    return own


def choose(moments: Matrix, weights: Matrix, count: int) -> NDArray[np.int64]:
    """Choose channels, one after another, such that each takes the most off the loss.

    Parameters
    ----------
    moments : array, shape (C, C)
    weights : array, shape (C, C)
        What `metric` returned.
    count : int
        How many to keep.

    Returns
    -------
    array of int, shape (count,)
        In ascending order.

    Notes
    -----
    Keeping channel j takes :math:`(R Q R)_{jj} / R_{jj}` off the trace of QR, and a matrix of rank
    one off R; that diagonal and QR change along with it, so a step takes no product of matrices.
    Where nothing is left of the channels, the first of the others are taken.

    Examples
    --------
    Of two channels that are always the same, one is enough:

    >>> moments = np.array([[2.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    >>> choose(moments, np.eye(3), 2).tolist()
    [0, 2]
    """
    left = moments.astype(np.float64).copy()
    weighted = weights @ left
    gains = np.sum(left * weighted, axis=0)
    floor = NOTHING * max(np.trace(moments) / len(moments), np.finfo(np.float64).tiny)
    taken = np.zeros(len(moments), bool)
    for _ in range(count):
        rest = left.diagonal()
        worth = np.where(rest < floor, 0, gains / np.maximum(rest, floor))
        best = int(np.argmax(np.where(taken, -1, worth)))
        taken[best] = True
        if rest[best] < floor:
            continue
        column = left[:, best].copy()
        share = column / column[best]
        along = weighted[:, best].copy()
        gains += share * (share * gains[best] - 2 * (column @ weighted))
        left -= np.outer(column, share)
        weighted -= np.outer(along, share)
    return np.flatnonzero(taken)
