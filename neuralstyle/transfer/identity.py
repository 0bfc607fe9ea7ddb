"""What tells one run from another: options and pictures in the types of JSON."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralstyle.images.color import ColorTreatment
from neuralstyle.losses.masks import Mask
from neuralstyle.losses.objective import Loss, StyleObjective
from neuralstyle.losses.storage import fingerprint
from neuralstyle.optimize.methods.base import Method
from neuralstyle.optimize.result import StyleResult
from neuralstyle.transfer.network import NETWORKS
from neuralstyle.transfer.parts import Part
from neuralstyle.transfer.recipes import Recipe
from neuralstyle.transfer.recipes.registry import RecipeFunction
from neuralstyle.transfer.regions import Region

NAME = "checkpoint_name"
"""The attribute by which users name what cannot be looked into, such as a function of theirs."""


def described(name: str, value: Any) -> Any:
    """Return what tells a value from others, in the types of JSON.

    Arrays are told by their digest, functions and objects of the library by what is in them,
    extractors by their ``digest``, and what users write by its attribute ``checkpoint_name``.

    Parameters
    ----------
    name : str
        What the value is called, for the error.
    value : object

    Returns
    -------
    None, bool, int, float, str, list or dict

    Raises
    ------
    ValueError
        If nothing tells it from others.

    Examples
    --------
    >>> described("maxiter", (30, 10))
    [30, 10]
    >>> described("objective", max)
    Traceback (most recent call last):
    ValueError: checkpoint: expected an attribute checkpoint_name of objective, a text that tells \
it from others, received a builtin_function_or_method without
    """
    inner = functools.partial(described, name)
    given = getattr(value, NAME, None)
    if isinstance(given, str):
        return given
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return digest(value)
    if isinstance(value, Mapping):
        return {str(key): described(f"{name}[{key!r}]", of) for key, of in value.items()}
    if isinstance(value, list | tuple):
        return [described(f"{name}[{k}]", of) for k, of in enumerate(value)]
    if isinstance(value, functools.partial):
        return [inner(value.func), inner(value.args), inner(value.keywords)]
    if isinstance(value, StyleResult):
        return [digest(value.image), str(value.settings.get("init"))]
    if isinstance(getattr(value, "digest", None), str):
        return value.digest
    if isinstance(value, RecipeFunction):
        return inner(value.made)
    if isinstance(value, FunctionType) and _of_the_library(value):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        closure = dict(zip(value.__code__.co_freevars, cells, strict=True))
        return {
            "function": value.__qualname__,
            "defaults": inner([value.__defaults__, value.__kwdefaults__]),
            **{variable: described(f"{name}.{variable}", of) for variable, of in closure.items()},
        }
    if isinstance(value, Loss | StyleObjective):
        with suppress(TypeError, ValueError):  # as of functions
            return fingerprint(value)
    if isinstance(value, Method) and _of_the_library(type(value)):
        return repr(value)
    if isinstance(value, Recipe | ColorTreatment | Region | Mask | Part):
        public = (attribute for attribute in vars(value) if not attribute.startswith("_"))
        return {of: described(f"{name}.{of}", getattr(value, of)) for of in public}
    raise ValueError(
        f"checkpoint: expected an attribute {NAME} of {name}, a text that tells it from others, "
        f"received a {type(value).__name__} without"
    )


def described_network(network: Any) -> Any:
    """Return what tells a network from others: its name, the digest of its file, or its own."""
    if callable(network) or network in NETWORKS:
        return described("network", network)
    hashed = hashlib.sha256()
    with open(network, "rb") as file:
        while chunk := file.read(1 << 20):
            hashed.update(chunk)
    return f"file of {os.path.getsize(network)} bytes ({hashed.hexdigest()[:32]})"


def digest(array: NDArray[Any]) -> str:
    """Return the size of an array, and a digest of its numbers.

    Examples
    --------
    >>> digest(np.zeros((2, 3), np.float32))
    '(2, 3) (0ee5346b7bdc0f7bc124bf61913da014)'
    """
    data = np.ascontiguousarray(array)
    hashed = hashlib.sha256(f"{data.dtype.str} {array.shape}".encode())
    hashed.update(data.data)
    return f"{array.shape} ({hashed.hexdigest()[:32]})"


def difference(ours: Any, theirs: Any, name: str = "") -> tuple[str, Any, Any] | None:
    """Return where two descriptions differ first, and what either has there; None if nowhere.

    Examples
    --------
    >>> difference({"a": 1, "b": [2, 3]}, {"a": 1, "b": [2, 4]})
    ('b[1]', 3, 4)
    """
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        pairs = [(f"{name}.{key}" if name else key, ours[key], theirs[key]) for key in ours]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        both = zip(ours, theirs, strict=True)
        pairs = [(f"{name}[{k}]", *pair) for k, pair in enumerate(both)]
    else:
        same = type(ours) is type(theirs) and ours == theirs
        return None if same else (name, ours, theirs)
    found = (difference(a, b, of) for of, a, b in pairs)
    return next((one for one in found if one is not None), None)


def _of_the_library(value: Any) -> bool:
    return str(value.__module__).partition(".")[0] == __name__.partition(".")[0]
