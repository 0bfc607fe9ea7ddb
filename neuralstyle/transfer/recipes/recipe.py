"""What a recipe is, and what all of them are made of."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

from neuralstyle._checks import check_shares, shown
from neuralstyle._types import Floats, Tensor
from neuralstyle.images.show import table
from neuralstyle.optimize.methods.methods import LBFGS, Method

if TYPE_CHECKING:
    from neuralstyle.features.architectures import Pooling
    from neuralstyle.images.color import ColorTreatment
    from neuralstyle.losses.objective import Loss, ObjectiveLike, StyleObjective

FeatureMap: TypeAlias = Mapping[str, Tensor]
StartImage: TypeAlias = Callable[[tuple[int, int], int], Floats]


@dataclass(frozen=True)
class Recipe:
    """A way to stylise: which losses, and the settings that its source uses with them.

    Attributes
    ----------
    name : str
    content : callable
        Makes the weighted terms that do not concern style, from the content's features.
    style : callable
        Makes one style's weighted terms, from the content's and that style's features. Of the
        content's it may use the shapes: the terms are used for other contents of that size too. For
        the regions of `stylize`, it is to take `mask` and `target_mask` and pass them to losses.
    pooling : {"max", "avg"}
        Of the network.
    normalized : bool
        Whether the weights are for a network whose channels have mean activation 1. `stylize` then
        normalises the one that it looks through, but no extractor of the user's own: by the table
        that belongs to the weights, or else over the content and the styles. Called by hand, a
        recipe takes features of ``vgg.normalized()``.
    init : str or callable
        Where the source starts: ``"content"``, ``"style"``, ``"noise"``, or a function of the shape
        (height, width) and a seed.
    maxiter : tuple of int
        Iterations at each scale from coarse to fine, as far as there are scales; the last number
        repeats.
    min_size : int or None
        Longer side of the coarsest scale at the least; None works at full size alone.
    method : Method
        The optimiser.
    source : float or None
        Where it is a number, `style` gets ``source=`` too: the features of the picture that each
        scale starts from, mixed with this share, from 0 to 1, of the content. Its terms are made
        anew for every content then, and with a share above 0 there are no textures. Called by hand,
        a recipe takes the content for the source.
    then : Recipe or None
        A last stage at full size, from what was painted so far: its losses, and the first number of
        its iterations, count.
    color : str, ColorTreatment or None
        What its source does about colours; `stylize` does that where nothing else is asked for.
    added : tuple
        What ``+`` has added, at every scale and stage: losses and objectives as they are, which
        must fit pictures of any size, and functions of the content's and a style's features, called
        at each scale for each style, whose loss or objective is weighed by the style's share. Where
        styles have masks the functions get `mask` and `target_mask` too.

    Examples
    --------
    >>> from neuralstyle import VGG16Features, recipes
    >>> vgg = VGG16Features(weights="compact")
    >>> features = vgg(np.full((32, 32, 3), 0.5, np.float32))
    >>> print(recipes.gatys2016(style_weight=100)(features, features))
    name     weight  loss
    content     0.5  ContentLoss(layers='block4_conv2', normalize='mean')
    style       100  StyleLoss(layers=('block1_conv1', 'block2_conv1', 'block3_conv1', \
'block4_conv1', 'block5_conv1'), normalize='paper')

    A recipe with more terms is a recipe:

    >>> from neuralstyle import TotalVariationLoss
    >>> smoother = recipes.gatys2016() + 3 * TotalVariationLoss(name="grain")
    >>> smoother.name, list(smoother(features, features))
    ('gatys2016 + grain', ['content', 'grain', 'style'])
    """

    name: str
    content: Callable[[FeatureMap], list[StyleObjective]]
    style: Callable[..., list[StyleObjective]]
    pooling: Pooling = "max"
    normalized: bool = False
    init: str | StartImage = "content"
    maxiter: tuple[int, ...] = (500,)
    min_size: int | None = None
    method: Method = LBFGS()
    source: float | None = None
    then: Recipe | None = None
    color: str | ColorTreatment | None = None
    added: tuple[Any, ...] = ()

    def __add__(self, other: ObjectiveLike | Callable[..., ObjectiveLike]) -> Recipe:
        """Return a recipe with further terms, of a loss, an objective or a function that makes one.

        Such a function takes the features of the content and of a style.
        """
        from neuralstyle.losses.objective import Loss, StyleObjective
        from neuralstyle.losses.refusals import received

        function = callable(other) and not isinstance(other, Recipe | type)
        if not isinstance(other, Loss | StyleObjective) and not (
            function and any(_takes(other, masks) for masks in _CALLS)
        ):
            raise TypeError(
                "expected a loss, an objective or a function (content, style) -> loss to add to "
                f"the recipe {self.name}, {received(other)}"
            )
        names = (
            StyleObjective(other) if isinstance(other, Loss | StyleObjective) else [_called(other)]
        )
        return replace(
            self,
            name=" + ".join([self.name, *names]),
            added=(*self.added, other),
            then=self.then and self.then + other,
        )

    @property
    def later(self) -> list[Recipe]:
        """The stages after the first, in order."""
        return [] if self.then is None else [self.then, *self.then.later]

    def __repr__(self) -> str:
        """Describe it by the call that makes it."""
        return _call_of(self) or f"Recipe({self.name!r})"

    def _repr_html_(self) -> str:
        """Show it in a notebook, with its settings."""
        rows = [
            ("pooling", self.pooling),
            ("init", self.init if isinstance(self.init, str) else "a function"),
            ("maxiter", self.maxiter),
            ("method", self.method),
            *([("color", self.color)] if isinstance(self.color, str) else []),
            *([("then", repr(self.then))] if self.then else []),
        ]
        return f"<code>{escape(repr(self))}</code>{table(['setting', 'value'], rows)}"

    def __call__(
        self,
        content: FeatureMap,
        *styles: FeatureMap,
        style_weights: Sequence[float] | None = None,
    ) -> StyleObjective:
        """Make the objective.

        Parameters
        ----------
        content : mapping from str to tensor
            Features of the content image.
        *styles : mapping from str to tensor
            Features of each style image.
        style_weights : sequence of float, optional
            Of the styles; they are divided by their sum. Equal by default.

        Returns
        -------
        StyleObjective
        """
        if not styles:
            raise ValueError("styles: expected the features of at least one style, received none")
        shares = check_shares(style_weights, len(styles), "style_weights", "styles")
        source = {} if self.source is None else {"source": content}
        made = [
            [*self.style(content, style, **source), *self.added_for(content, style)]
            for style in styles
        ]
        return combined([*self.content(content), *self.added_once()], made, shares)

    def added_once(self) -> list[StyleObjective]:
        """Return what was added as it is."""
        from neuralstyle.losses.objective import Loss, StyleObjective

        ready = (one for one in self.added if isinstance(one, Loss | StyleObjective))
        return [StyleObjective(one) for one in ready]

    def added_for(
        self, content: FeatureMap, style: FeatureMap, **masks: Any
    ) -> list[StyleObjective]:
        """Return the terms of the functions that were added, for one style."""
        from neuralstyle.losses.objective import Loss, StyleObjective

        made = []
        for function in self.added:
            if isinstance(function, Loss | StyleObjective):
                continue
            if masks and not _takes(function, masks):
                raise TypeError(
                    f"recipe: expected the function {_called(function)} that was added to take "
                    "mask= and target_mask=, as there are masks: it is to pass them to its losses"
                )
            returned = function(content, style, **masks)
            if not isinstance(returned, Loss | StyleObjective):
                raise TypeError(
                    f"recipe: expected a loss or an objective from the function "
                    f"{_called(function)} that was added, received {shown(returned)}"
                )
            made.append(StyleObjective(returned))
        return made


def _call_of(recipe: Recipe) -> str | None:
    """Return the call that makes a recipe, as text, if its functions know of one."""
    describe = getattr(recipe.content, "call_of", None)
    text: str | None = describe and describe(recipe)
    return text


def _called(function: Any) -> str:
    """Return what messages call a function."""
    return getattr(function, "__name__", type(function).__name__).replace("<lambda>", "function")


_CALLS: tuple[Mapping[str, Any], ...] = {}, {"mask": None, "target_mask": None}
"""With what functions that are added are called beside the features: with masks, or without."""


def _takes(function: Any, keywords: Mapping[str, Any]) -> bool:
    """Tell whether a function of two arguments takes such keywords too."""
    try:
        inspect.signature(function).bind(None, None, **keywords)
    except TypeError:
        return False
    except ValueError:  # it has no signature
        return True
    return True


def combined(
    content: Sequence[StyleObjective],
    styles: Sequence[Sequence[StyleObjective]],
    shares: Sequence[float],
) -> StyleObjective:
    """Add the terms of several styles, each weighed by its share, to those of the content."""
    from neuralstyle.losses.objective import StyleObjective

    terms = list(content)
    for share, style in zip(shares, styles, strict=True):
        terms += [share * term for term in style if share > 0]
    return StyleObjective(*terms)


_memory: ContextVar[tuple[dict[Hashable, Loss], Hashable, Iterator[int]] | None]
_memory = ContextVar("_memory", default=None)


@contextmanager
def remembering(losses: dict[Hashable, Loss] | None, place: Hashable) -> Iterator[None]:
    """Let `weighted` take losses that were made before at a place, and keep those that it makes.

    Parameters
    ----------
    losses : dict from hashable to Loss, or None
        None keeps nothing.
    place : hashable
        What losses depend on beside weights.
    """
    token = _memory.set(None if losses is None else (losses, place, itertools.count()))
    try:
        yield
    finally:
        _memory.reset(token)


def weighted(*terms: tuple[float, Callable[[], Loss]]) -> list[StyleObjective]:
    """Weigh the losses, making only those whose weight is not 0.

    Losses may not depend on weights: see `remembering`.
    """
    losses, place, numbers = _memory.get() or ({}, None, itertools.count())
    made = []
    for (factor, make), number in zip(terms, numbers, strict=False):
        if factor != 0:
            key = place, number
            if key not in losses:
                losses[key] = make()
            made.append(factor * losses[key])
    return made


def channels(features: FeatureMap, layer: str) -> int:
    """Return how many channels a layer has."""
    return int(features[layer].shape[-1])


def positions(features: FeatureMap, layer: str) -> int:
    """Return how many positions a layer has."""
    _, height, width, _ = features[layer].shape
    return int(height * width)
