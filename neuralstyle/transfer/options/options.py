"""Every option of `stylize` and its kin, written once: default, check, help, and command line.

The signatures of `stylize` and its kin, the list of parameters in their documentation, the
``TypedDict`` for type checkers and the flags of the command line are all made from `Options`, or
compared with it by a test. A further option is one field of one of its two halves.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from neuralstyle.transfer.options.option import Option as Option
from neuralstyle.transfer.options.picture_options import PictureOptions
from neuralstyle.transfer.options.run_options import RunOptions


@dataclass(frozen=True, kw_only=True)
class Options(RunOptions, PictureOptions):
    """What `stylize` and its kin take beside their pictures, checked and in normal form.

    Examples
    --------
    >>> Options(maxiter=[30, 10]).maxiter
    (30, 10)
    >>> Options(size=0)
    Traceback (most recent call last):
    ValueError: size: expected at least 1, received 0
    """

    def __post_init__(self) -> None:
        """Check every option, and keep its normal form."""
        for name, of in options().items():
            object.__setattr__(self, name, of.check(name, getattr(self, name)))


def looked_at(of: Options) -> dict[str, Any]:
    """Return how pictures are looked at, as `minimize` and `gradient_norms` take it."""
    return {"tile": of.tile, "executor": of.executor}


def sees_torus(of: Options) -> bool:
    """Return whether the picture is a torus, by its own option or by an extractor's."""
    return (of.padding or getattr(of.network, "padding", None)) == "wrap"


def options() -> dict[str, Option]:
    """Return what there is to know of every option, by its name.

    Returns
    -------
    dict from str to Option

    Examples
    --------
    >>> options()["maxiter"].flag
    '--iterations'
    """
    return {field.name: field.metadata["option"] for field in dataclasses.fields(Options)}
