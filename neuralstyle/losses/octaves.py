"""Losses over the octaves of an image: the same for each, or for one alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

from neuralstyle._checks import shown
from neuralstyle._types import Tensor
from neuralstyle.losses.objective import Loss, ObjectiveLike, StyleObjective, Term
from neuralstyle.losses.shapes import Prefixed, Shapes
from neuralstyle.losses.structure import Built, build


def over_octaves(
    factory: Callable[[Mapping[str, Tensor]], ObjectiveLike],
    target: Mapping[str, Tensor],
) -> StyleObjective:
    """Make the same losses for every octave of an image, and their sum.

    Parameters
    ----------
    factory : callable
        Takes the features of one octave of the target, under their plain names, and returns a loss
        or an objective.
    target : mapping from str to tensor
        The target image's features, as a `neuralstyle.Pyramid` returns them: those of octave 1 are
        called ``"octave1/..."`` and so on.

    Returns
    -------
    StyleObjective
        Of all octaves' terms, ``style``, ``style_octave1`` and so on, for images that such a
        pyramid looks at.

    Raises
    ------
    TypeError
        If `factory` cannot be called, or does not return such.

    Examples
    --------
    >>> from neuralstyle import Pyramid, StyleLoss, VGG16Features
    >>> pyramid = Pyramid(VGG16Features(weights="compact"), octaves=3)
    >>> style = np.random.default_rng(0).uniform(size=(64, 48, 3)).astype(np.float32)
    >>> print(over_octaves(lambda f: StyleLoss(f, "block1_pool"), pyramid(style)))
    name           weight  loss
    style               1  StyleLoss(layers='block1_pool')
    style_octave1       1  StyleLoss(layers='block1_pool') at octave 1
    style_octave2       1  StyleLoss(layers='block1_pool') at octave 2
    """
    if isinstance(factory, (Loss, StyleObjective)) or not callable(factory):
        raise TypeError(
            "factory: expected a function from features to a loss (lambda features: "
            f"StyleLoss(features), for instance), received {shown(factory)}"
        )
    terms = list(StyleObjective(factory(target)).terms)
    octave = 1
    while f"{prefix(octave)}input" in target:
        for term in StyleObjective(factory(Prefixed(target, prefix(octave)))).terms:
            loss = OctaveLoss(term.loss, octave, f"{term.name}_octave{octave}")
            terms.append(Term(loss.name, term.weight, loss))
        octave += 1
    return StyleObjective(*terms)


@final
class OctaveLoss(Loss):
    """A loss that looks at one octave of an image."""

    def __init__(self, loss: Loss, octave: int, name: str) -> None:
        self.name = name
        self.loss = loss
        self.octave = octave

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Compute the loss of that octave."""
        return self.loss(Prefixed(features, prefix(self.octave)))

    def build(self, shapes: Shapes) -> Built:
        """Build the loss of that octave."""
        octave = prefix(self.octave)
        inner = build(self.loss, shapes.octave(octave))
        compute = inner.compute
        return Built(
            (type(self), octave, inner.options),
            inner.arrays,
            lambda features, arrays: compute(Prefixed(features, octave), arrays),
        )

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"{self.loss!r} at octave {self.octave}"


def prefix(octave: int) -> str:
    """Return what the names of an octave's features begin with."""
    return f"octave{octave}/"
