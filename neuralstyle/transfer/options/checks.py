"""The checks of `stylize`'s options: each takes a name and a value, and returns its normal form."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neuralstyle import _checks
from neuralstyle._checks import check_callback, executor, shown, truth
from neuralstyle._types import DTYPES, PADDINGS
from neuralstyle.features.tiles import TileSide, tile_side
from neuralstyle.images.color import treatment
from neuralstyle.images.load import MAX_SIDE
from neuralstyle.optimize.methods.methods import as_method
from neuralstyle.transfer.network import check_network as network
from neuralstyle.transfer.recipes import RECIPES, Recipe, check_recipe
from neuralstyle.transfer.start import check_init as init

if TYPE_CHECKING:
    from neuralstyle.transfer.regions import Region

__all__ = ["executor", "init", "network", "truth"]


def amount(name: str, value: Any) -> float:
    """Check a number of at least 0."""
    return _checks.number(name, value, 0)


def positive(name: str, value: Any) -> float:
    """Check a number above 0."""
    return _checks.number(name, value, above=0)


def seed(name: str, value: Any) -> int:
    """Check a seed."""
    return _checks.whole_number(name, value, 0)


def count(name: str, value: Any) -> int | None:
    """Check a whole number of at least 1, or None."""
    return None if value is None else _checks.whole_number(name, value, 1)


def tile(name: str, value: Any) -> TileSide:
    """Check the side of a tile, "auto" or None."""
    return tile_side(value)


def size(name: str, value: Any) -> int | tuple[int, int] | None:
    """Check a size: the longer side, or height and width."""
    if not isinstance(value, tuple | list):
        return None if value is None else _side(name, value)
    if len(value) != 2:
        raise ValueError(
            f"{name}: expected the longer side or (height, width) in pixels, "
            f"received {shown(value)}"
        )
    height, width = (_side(name, side) for side in value)
    return height, width


def _side(name: str, value: Any) -> int:
    side = _checks.whole_number(name, value, 1)
    if side > MAX_SIDE:
        raise ValueError(f"{name}: expected at most {MAX_SIDE} pixels a side, received {side}")
    return side


def iterations(name: str, value: Any) -> tuple[int, ...] | None:
    """Check iterations: one number, or one for each scale."""
    if value is None:
        return None
    several = isinstance(value, Sequence) and not isinstance(value, str)
    counts = tuple(value) if several else (value,)
    if not counts:
        raise ValueError(f"{name}: expected at least one number, received none")
    return tuple(_checks.whole_number(name, number, 1) for number in counts)


def weights(name: str, value: Any) -> list[float] | None:
    """Check shares of styles, of which each has one."""
    if value is None:
        return None
    _checks.check_shares(value, None, name, "styles")
    return [float(weight) for weight in value]


def balance(name: str, value: Any) -> dict[str, float] | None:
    """Check shares of terms by name."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}: expected a mapping from term to number, received {shown(value)}")
    return _checks.weights(name, value)


def bounds(name: str, value: Any) -> tuple[float, float] | None:
    """Check a range, or None."""
    return None if value is None else _checks.interval(name, value)


def scale(name: str, value: Any) -> float | tuple[float, ...]:
    """Check one number above 0, or one for each style."""
    if not isinstance(value, list | tuple):
        return positive(name, value)
    if not value:
        raise ValueError(f"{name}: expected at least one number, received none")
    return tuple(positive(name, number) for number in value)


def parametrization(name: str, value: Any) -> Any:
    """Check what is moved in place of pixels."""
    if value is None:
        return None
    from neuralstyle.optimize.parametrizations import Parametrization

    if not isinstance(value, Parametrization):
        raise TypeError(f"{name}: expected a Parametrization or None, received {shown(value)}")
    return value


def alpha(name: str, value: Any) -> str:
    """Check what is done about transparent pixels."""
    return _checks.choice(name, value, ("ignore", "paint"))  # type: ignore[no-any-return]


def pooling(name: str, value: Any) -> str | None:
    """Check a kind of pooling."""
    return _checks.choice(name, value, ("avg", "max", None))  # type: ignore[no-any-return]


def padding(name: str, value: Any) -> str | None:
    """Check what a network sees beyond the border."""
    return _checks.choice(name, value, (*PADDINGS, None))  # type: ignore[no-any-return]


def dtype(name: str, value: Any) -> str:
    """Check the precision of a network."""
    return _checks.choice(name, value, DTYPES)  # type: ignore[no-any-return]


def style_fit(name: str, value: Any) -> str | None:
    """Check how a style is made to fit."""
    return _checks.choice(name, value, ("crop", "tile", None))  # type: ignore[no-any-return]


def color(name: str, value: Any) -> Any:
    """Check a colour treatment or the name of one."""
    treatment(value)
    return value


def callback(name: str, value: Any) -> Any:
    """Check that it can be called, if it is there."""
    check_callback(value)
    return value


def path(name: str, value: Any) -> Any:
    """Check a path, or None."""
    if value is not None and not (isinstance(value, str | os.PathLike) and os.fspath(value)):
        raise TypeError(f"{name}: expected a path, received {shown(value)}")
    return value


def regions(name: str, value: Any) -> tuple[Region, ...]:
    """Check parts of a picture; without any there are none."""
    if value is None:
        return ()
    from neuralstyle.transfer.regions import check_regions

    return check_regions(name, value)


def recipe(name: str, value: Any) -> Any:
    """Check a recipe or the name of one."""
    return None if value is None else check_recipe(name, value)


def objective(name: str, value: Any) -> Any:
    """Check a function that makes objectives."""
    if value is None:
        return None
    from neuralstyle.losses.objective import Loss, StyleObjective

    if isinstance(value, Recipe | str) or value in list(RECIPES.values()):
        received = f"the recipe {value.name}" if isinstance(value, Recipe) else repr(value)
        raise TypeError(
            f"{name}: expected a function of features, received {received}; use recipe="
        )
    given = (value, getattr(value, "objective", None))  # an evaluator has one
    made = any(isinstance(one, Loss | StyleObjective) for one in given)
    if made or isinstance(value, type) or not callable(value):
        hint = (
            ", which is made already: write objective=lambda content, style: ..., or "
            "recipe=ns.recipes.default() + loss"
        )
        raise TypeError(
            f"{name}: expected a function that makes an objective of the features at each scale, "
            f"received {shown(value)}{hint if made else ''}"
        )
    return value


def method(name: str, value: Any) -> Any:
    """Check a method, the name of one, or an optimiser of Keras."""
    return None if value is None else as_method(value)
