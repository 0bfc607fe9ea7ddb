"""Products of losses where they start: one with a factor at its minimum pulls nowhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from neuralstyle.losses.objective import StyleObjective
from neuralstyle.losses.parts import idle_products

logger: logging.Logger = logging.getLogger(__name__)


def check_products(objective: StyleObjective, parts: Mapping[str, float], stuck: bool) -> None:
    """Say which products have no gradient at the start.

    Parameters
    ----------
    objective : StyleObjective
    parts : mapping from str to float
        The values of its parts there.
    stuck : bool
        Whether nothing else has a gradient either.

    Raises
    ------
    ValueError
        If nothing has; else it is logged as a warning.
    """
    for path, names in idle_products(objective, parts).items():
        what = (
            f"a gradient at the start, where that of {path!r} is 0, as its "
            f"{' and '.join(names)} is: a product starts from a picture that is no minimum of "
            'any factor, such as init="noise"'
        )
        if stuck:
            raise ValueError(f"init: expected {what}")
        logger.warning("there is hardly %s", what)
