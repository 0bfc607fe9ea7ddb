"""The terms of a stage, by the part of the picture that they are of, and what is left of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from neuralstyle.losses.objective import StyleObjective, Term
from neuralstyle.transfer.left_out import LeftOut, why_vanished

Key: TypeAlias = str | int
"""A part of the picture: the number of a style or a region, or the name of another term."""


@dataclass(frozen=True)
class Made:
    """The terms of a stage.

    Attributes
    ----------
    objective : StyleObjective
        All of them.
    parts : dict from str or int to list of str
        The names of the terms of every part of the picture.
    gone : dict from str to str
        Why nothing is left of a term, by its name.
    """

    objective: StyleObjective
    parts: dict[Key, list[str]]
    gone: dict[str, str]

    def vanished(self) -> dict[Key, list[str]]:
        """Return the parts of which nothing is left, and why."""
        return {
            key: [self.gone[name] for name in names]
            for key, names in self.parts.items()
            if all(name in self.gone for name in names)
        }

    def what_is_left(self) -> StyleObjective:
        """Return the objective, with nothing in the place of what has vanished."""
        return StyleObjective(
            *(
                Term(t.name, t.weight, LeftOut(t.loss.name) if t.name in self.gone else t.loss)
                for t in self.objective.terms
            )
        )


def made_of(
    objective: StyleObjective, seen: Any, styles: Sequence[Sequence[StyleObjective]]
) -> Made:
    """Sort the terms of a stage.

    Parameters
    ----------
    objective : StyleObjective
    seen : mapping from str to tensor, or None
        Features of a picture of the size.
    styles : sequence of sequences of StyleObjective
        Those of its terms that are of each style or region, before they were weighed.

    Returns
    -------
    Made
    """
    style_of = {
        id(term.loss): number
        for number, style in enumerate(styles)
        for part in style
        for term in StyleObjective(part).terms
    }
    parts: dict[Key, list[str]] = {}
    for term in objective.terms:
        parts.setdefault(style_of.get(id(term.loss), term.name), []).append(term.name)
    whys = {} if seen is None else {t.name: why_vanished(t.loss, seen) for t in objective.terms}
    return Made(objective, parts, {name: why for name, why in whys.items() if why})
