"""`estimate_memory`: what a run will take, before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuralstyle._types import PictureLike
from neuralstyle.transfer.estimate import Estimate
from neuralstyle.transfer.options.signatures import read_options, takes_options
from neuralstyle.transfer.painter import Painter

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from neuralstyle.transfer.options.stylize_options import StylizeOptions


@takes_options(but=["checkpoint"])
def estimate_memory(
    content: PictureLike | None,
    style: PictureLike | Sequence[PictureLike],
    **options: Unpack[StylizeOptions],
) -> Estimate:
    """Tell what `stylize` would take of memory and time, in a few seconds.

    Parameters
    ----------
    content : array, shape (H, W, 3) or (H, W, 4), or None
        As for `stylize`, and all that follows.
    style : array or sequence of arrays
    **options : see ``help(neuralstyle.stylize)``

    Returns
    -------
    Estimate
        ``str()`` makes a table of it.

    Raises
    ------
    TypeError, ValueError, KeyError, OSError
        As for `stylize`.

    Notes
    -----
    The pictures are looked at with longer sides of 256 and of 384 pixels. What an evaluation will
    take is read off its graph there, and goes on in proportion to the pixels; of time, one
    evaluation is measured. Peaks were within 12 % of what was measured, from 256 to 4096 pixels, on
    a processor. On a GPU the features lie in that one's memory, not in the process's.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> content, style = random.uniform(size=(2, 96, 128, 3)).astype(np.float32)
    >>> small = estimate_memory(content, style)
    >>> large = estimate_memory(content, style, size=2048)
    >>> large.peak > 2e9 > small.peak
    True
    """
    painter = Painter(style, read_options("estimate_memory", options))
    return painter.estimate(content)
