"""What a state says of the run that it comes from, and whether another run may go on from it.

States of version 0.1 say only what their method was; of those no more is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralstyle._checks import describe
from neuralstyle.losses.objective import StyleObjective
from neuralstyle.optimize.methods.base import Method

TOLERANCE = 0.01
"""How far the pull of a loss on the value may be from where the state left it, as a fraction of
the pulls of all: two processors round differently."""


def origin(
    method: Method, objective: StyleObjective, extractor: Any, shape: tuple[int, ...]
) -> dict[str, NDArray[Any]]:
    """Return what a state says of where it comes from: arrays, as all that is in it."""
    digest = getattr(extractor, "digest", None)
    return {
        "method": np.array(method.name),
        "shape": np.array(shape),
        "objective": np.array(_table(objective)),
        "extractor": np.array(digest if isinstance(digest, str) else ""),
    }


def check_state(
    state: Any, method: Method, size: int, expected: Mapping[str, NDArray[Any]]
) -> None:
    """Check that a method can go on from a state of another run, before anything is evaluated.

    Parameters
    ----------
    state : mapping from str to array
    method : Method
    size : int
        How many numbers are moved.
    expected : mapping from str to array
        The `origin` of states of the run that is to go on.

    Raises
    ------
    TypeError, ValueError
        If it is no state, or one of another method, picture size, objective or network; the
        message says what differs.
    """
    if not isinstance(state, Mapping) or not {"method", "x"} <= set(state):
        raise TypeError(f"state: expected that of an earlier result, received {type(state)}")
    if not method.resumes:
        raise ValueError(
            f"state: expected None with the method {method!r}, which cannot go on from one, "
            f"received one of {str(state['method'])!r}"
        )
    of = re.sub(r"_\d+$", "", str(state["method"]))  # as Keras numbers its optimisers
    if of != method.name:
        raise ValueError(
            f"state: expected one of the method {method.name!r}, received one of {of!r}"
        )
    wanted = tuple(expected["shape"])
    found = tuple(state.get("shape", wanted))
    if found != wanted:
        raise ValueError(
            f"state: expected one of a picture of {describe(wanted)} pixels, received one of "
            f"{describe(found)}"
        )
    for name in ("x", "best"):
        if np.size(state.get(name, state["x"])) != size:
            raise ValueError(
                f"state: expected one of {size} numbers, as the image has, received one of "
                f"{np.size(state[name])}"
            )
        if not np.isfinite(state.get(name, state["x"])).all():
            raise ValueError("state: expected finite numbers, received some that are not")
    if "objective" in state:
        _check_same_terms(str(expected["objective"]), str(state["objective"]))
    ours, theirs = (str(each.get("extractor", "")) for each in (expected, state))
    if ours and theirs and ours != theirs:
        raise ValueError(
            f"state: expected one of the network {ours[:12]} (its digest), received one of "
            f"{theirs[:12]}: other weights, pooling or padding"
        )


def check_losses(
    state: Mapping[str, Any], objective: StyleObjective, now: Mapping[str, float]
) -> None:
    """Check that the losses are what they were where the state was taken.

    Targets are no part of an objective's table, and functions no part of anything: this tells them
    apart.

    Raises
    ------
    ValueError
        If not; the message names the loss.
    """
    if "losses" not in state:
        return
    weights = np.array(list(objective.weights.values()))
    before, found = np.asarray(state["losses"], np.float64), np.array(list(now.values()))
    moved = np.abs(weights * (found - before))
    if moved.max() > TOLERANCE * np.abs(weights * before).sum():
        index = int(moved.argmax())
        raise ValueError(
            f"state: expected one of this objective, whose {list(now)[index]} is "
            f"{found[index]:.4g} there, received one where it was {before[index]:.4g}: another "
            "target, network or function"
        )


def _table(objective: StyleObjective) -> str:
    """Return the objective's table, without the addresses of what has no better description."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", str(objective))


def _check_same_terms(expected: str, received: str) -> None:
    # Earlier versions described masks by width and height.
    received = re.sub(r"\bMask\((\d+) x (\d+)", r"Mask(shape=(\2, \1)", received)
    for ours, theirs in zip_longest(
        expected.split("\n"), received.split("\n"), fillvalue="no more"
    ):
        # The columns of a table are as wide as its widest term.
        ours, theirs = " ".join(ours.split()), " ".join(theirs.split())
        if ours != theirs:
            raise ValueError(
                f"state: expected one of this objective, with the term {ours!r}, received one "
                f"with {theirs!r}"
            )
