"""What stands in a sum for a loss where nothing is left of its region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from keras import ops

from neuralstyle._types import Tensor
from neuralstyle.losses.masks import Mask, Vanished
from neuralstyle.losses.objective import Combination, Loss
from neuralstyle.losses.shapes import Shapes
from neuralstyle.losses.structure import Opaque, StructuredLoss, build


@final
class LeftOut(StructuredLoss):
    """A loss that is 0, in the place and under the name of one of which nothing is left.

    Parameters
    ----------
    name : str
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def arrays(self, shapes: Shapes) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def compute(self, features: Mapping[str, Tensor], arrays: Mapping[str, Any]) -> Tensor:
        """Return 0, as a number that depends on the image: alone, it is at its minimum."""
        layer = "input" if "input" in features else next(iter(features))
        return 0.0 * ops.mean(features[layer])

    def __repr__(self) -> str:
        """Describe it in a line."""
        return "LeftOut()"


def why_vanished(loss: Loss, features: Any) -> str:
    """Return why nothing is left of a loss for features of a size; empty if there is something.

    Parameters
    ----------
    loss : Loss
    features : mapping from str to tensor

    Returns
    -------
    str
    """
    if _has_region(loss):
        try:
            build(loss, Shapes(features))
        except Vanished as error:
            return str(error)
        except Opaque:
            pass
    return ""


def _has_region(loss: Loss) -> bool:
    """Return whether a loss, or one in it, has a mask; others need not be built to know."""
    if isinstance(loss, Combination):
        return any(_has_region(term.loss) for term in loss.parts.terms)
    return any(
        (name == "_vanished" and value)
        or isinstance(value, Mask)
        or (isinstance(value, Loss) and _has_region(value))
        for name, value in getattr(loss, "__dict__", {}).items()
    )
