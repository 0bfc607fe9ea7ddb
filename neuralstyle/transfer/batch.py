"""Many pictures in one style: one after another, or painted by the workers of an executor."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any, TypeAlias, final

from neuralstyle._checks import shown
from neuralstyle._types import PathLike
from neuralstyle.optimize.evaluation.executors import Spread
from neuralstyle.optimize.result import StyleResult
from neuralstyle.transfer.options.options import Options, options
from neuralstyle.transfer.painter import Painter

Task: TypeAlias = tuple[Any, PathLike | None]
"""A content, and where its checkpoint is."""


@final
class Painting:
    """Paints contents in a style; every thread has a painter, who looks at the style once.

    Parameters
    ----------
    style : array or sequence of arrays
    options : Options
    """

    def __init__(self, style: Any, options: Options) -> None:
        self._style, self._options = style, options
        self._of_thread = threading.local()

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave painters behind."""
        return Painting, (self._style, self._options)

    def named(self) -> dict[str, Any]:
        """Return what of it may refuse to go elsewhere, by the names of arguments."""
        return {"style": self._style, **{name: getattr(self._options, name) for name in options()}}

    @property
    def painter(self) -> Painter:
        """The painter of this thread."""
        if not hasattr(self._of_thread, "painter"):
            self._of_thread.painter = Painter(self._style, self._options)
        painter: Painter = self._of_thread.painter
        return painter

    def __call__(self, task: Task) -> StyleResult:
        """Paint a content."""
        content, checkpoint = task
        return self.painter.paint(content, checkpoint=checkpoint).result


def spread(style: Any, of: Options) -> Spread[Task, StyleResult]:
    """Return what paints contents, having checked the style and loaded the network.

    Parameters
    ----------
    style : array or sequence of arrays
    of : Options
        An executor among them paints whole pictures, unless there are tiles for it.

    Raises
    ------
    TypeError, ValueError
        If the executor's workers paint, and an option asks for what happens here, or cannot go to
        them.
    """
    executor = of.executor if of.tile is None else None
    if executor is not None:
        for name in ("callback", "progress"):
            if getattr(of, name):
                raise ValueError(
                    f"{name}: expected none with an executor whose workers paint whole pictures, "
                    f"received {shown(getattr(of, name))}"
                )
        of = dataclasses.replace(of, executor=None)
    painting = Painting(style, of)
    painting.painter.load()
    return Spread(painting, executor)
