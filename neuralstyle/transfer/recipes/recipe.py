"""What a recipe is, and what all of them are made of."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast, final

from neuralstyle._checks import check_shares, weight
from neuralstyle._types import Floats, Tensor
from neuralstyle.optimize.methods import LBFGS, Method

if TYPE_CHECKING:
    from neuralstyle.features.architectures import Pooling
    from neuralstyle.images.color import ColorTreatment
    from neuralstyle.losses.objective import Loss, StyleObjective

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

    @property
    def later(self) -> list[Recipe]:
        """The stages after the first, in order."""
        return [] if self.then is None else [self.then, *self.then.later]

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
        made = [self.style(content, style, **source) for style in styles]
        return combined(self.content(content), made, shares)


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


Make = TypeVar("Make", bound=Callable[..., Recipe])

RECIPES: dict[str, Callable[..., Recipe]] = {}
"""What makes each recipe, by its name, with keywords for its weights."""


def named(make: Make) -> Make:
    """Add what makes a recipe to `RECIPES`, under its own name.

    The function takes keywords alone, each with a default; ``content_weight=0`` makes textures.
    Those that end in ``_weight`` are checked, and change nothing but the weights of terms, where
    losses are made by `weighted`. What it makes can be copied and pickled.
    """

    @functools.wraps(make)
    def checked(**options: Any) -> Recipe:
        for name, value in options.items():
            if name.endswith("_weight"):
                weight(name, value)
        return _with_parts(make(**options), make.__name__, options)

    RECIPES[make.__name__] = checked
    return cast(Make, checked)


@final
class RecipeFunction:
    """A function of a recipe, which a copy in another process makes anew, by the recipe's name."""

    def __init__(
        self, function: Callable[..., Any], name: str, options: Mapping[str, Any], place: str
    ) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self.made = name, dict(options), place

    def __call__(self, *features: FeatureMap, **masks: Any) -> list[StyleObjective]:
        """Make the terms."""
        terms: list[StyleObjective] = self._function(*features, **masks)
        return terms

    def __repr__(self) -> str:
        """Describe it by the call that makes the recipe."""
        name, options, place = self.made
        given = ", ".join(f"{option}={value!r}" for option, value in options.items())
        return f"{name}({given}).{place}"

    def __eq__(self, other: object) -> bool:
        """Compare what it is made from."""
        return isinstance(other, RecipeFunction) and self.made == other.made

    def __hash__(self) -> int:
        """Hash the recipe's name and the place in it."""
        return hash(self.made[::2])

    def __reduce__(self) -> tuple[Any, ...]:
        """Make it anew where it is unpickled."""
        return _part, self.made


def _part(name: str, options: Mapping[str, Any], place: str) -> Any:
    """Return a function of the recipe that keywords make."""
    return operator.attrgetter(place)(RECIPES[name](**options))


def _with_parts(recipe: Recipe, name: str, options: Mapping[str, Any], at: str = "") -> Recipe:
    """Return a recipe, and its later stages, with functions that can be pickled."""
    then = recipe.then and _with_parts(recipe.then, name, options, f"{at}then.")
    content = RecipeFunction(recipe.content, name, options, f"{at}content")
    style = RecipeFunction(recipe.style, name, options, f"{at}style")
    return replace(recipe, content=content, style=style, then=then)


def check_recipe(argument: str, value: Any) -> str | Recipe:
    """Check a recipe or the name of one.

    Parameters
    ----------
    argument : str
        Its name.
    value : str or Recipe

    Returns
    -------
    str or Recipe

    Raises
    ------
    TypeError, ValueError
        If it is neither.

    Examples
    --------
    >>> check_recipe("recipe", ["gatys2016"])
    Traceback (most recent call last):
    TypeError: recipe: expected a recipe or its name, received ['gatys2016']
    """
    if isinstance(value, Recipe) or (isinstance(value, str) and value in RECIPES):
        return value
    if isinstance(value, str):
        raise ValueError(f"{argument}: expected one of {', '.join(RECIPES)}, received {value!r}")
    if value in list(RECIPES.values()):
        raise TypeError(
            f"{argument}: expected a recipe or its name, received the function that makes one; "
            "call it"
        )
    hint = "; objective= takes a function of features" if callable(value) else ""
    raise TypeError(f"{argument}: expected a recipe or its name, received {value!r}{hint}")


Made: TypeAlias = "tuple[dict[Hashable, Loss], Hashable, Iterator[int]]"

_memory: ContextVar[Made | None] = ContextVar("_memory", default=None)


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
