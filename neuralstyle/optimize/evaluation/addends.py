"""Losses for which sums over tiles are enough: the sums, and how they are put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from neuralstyle._types import Tensor
from neuralstyle.losses.structure import bare
from neuralstyle.optimize.evaluation.graphs import spec
from neuralstyle.optimize.evaluation.passes import Summed
from neuralstyle.optimize.evaluation.reading import Part, Reading


@dataclass(frozen=True)
class Addend:
    """What an additive loss compares at a layer.

    Attributes
    ----------
    summed : Summed
    places : dict from str to array
        What the loss reads that has rows and columns as the layer has them.
    outputs : list of TensorSpec
        Of what its sums are about, and of these.
    """

    summed: Summed
    places: dict[str, NDArray[Any]]
    outputs: list[tf.TensorSpec]

    @property
    def loss(self) -> Any:
        """The loss, which is additive, with nothing but its options."""
        return self.summed.loss

    @property
    def layer(self) -> str:
        """The layer's name."""
        return self.summed.layer

    def added(self, parts: Sequence[Sequence[NDArray[Any]]]) -> list[NDArray[Any]]:
        """Return the sums over the whole layer, about what is best for it, given all parts'."""
        (origin, *total), *rest = parts
        for about, *sums in rest:
            moved = self.loss.moved(sums, np.subtract(origin, about, dtype=np.float64))
            total = [one + other for one, other in zip(total, moved, strict=True)]
        about = (origin + self.loss.middle(total)).astype(origin.dtype)
        return [about, *self.loss.moved(total, np.subtract(about, origin, dtype=np.float64))]


def addends(part: Part, found: Reading) -> list[Addend]:
    """Return what a loss compares, layer by layer: nothing, if it is not additive.

    Parameters
    ----------
    part : Part
        That loss.
    found : Reading

    Returns
    -------
    list of Addend
    """
    made: list[Addend] = []
    for name in part.layers if part.additive else ():
        loss: Any = part.term.loss
        built: Any = part.built
        read = loss.places(built.arrays[name])
        places = {key: np.asarray(value) for key, value in read.items()}
        summed = Summed(bare(loss, loss.options()), built.options, name, tuple(places))
        addend = Addend(summed, places, [])
        _look_at(addend, found.layers[name].spec)
        made.append(addend)
    return made


def _look_at(addend: Addend, feature: tf.TensorSpec) -> None:
    """Note what the sums are like."""

    def look(feature: Tensor) -> None:
        behind = [0, addend.loss.behind]
        padded = tf.pad(feature, [[0, 0], behind, behind, [0, 0]])
        addend.outputs.extend(spec(one) for one in addend.summed(padded, addend.places))

    tf.function(look, autograph=False).get_concrete_function(feature)
