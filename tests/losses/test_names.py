"""Losses of the library are public names, which files may hold; and what losses are called."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import pytest
from losses.examples import EXAMPLES, LOSSES, TARGET

import neuralstyle as ns
from neuralstyle import losses

INNER = {"Combination", "FunctionLoss", "Loss", "OctaveLoss", "Scheduled"}
"""What losses are made of, and what the algebra, `loss`, `over_octaves` and `schedule` make."""

FILES = [module.name for module in pkgutil.iter_modules(losses.__path__, "neuralstyle.losses.")]


@pytest.mark.parametrize("package", ["neuralstyle", "neuralstyle.losses"])
@pytest.mark.parametrize("file", FILES)
def test_a_loss_of_a_file_is_listed(file: str, package: str) -> None:
    for name, kind in vars(importlib.import_module(file)).items():
        if not isinstance(kind, type) or not issubclass(kind, ns.Loss) or kind.__module__ != file:
            continue
        if inspect.isabstract(kind) or name.startswith("_") or name in INNER:
            continue
        assert name in importlib.import_module(package).__all__, (
            f"add a line to {package.replace('.', '/')}/__init__.pyi: "
            f"from {file} import {name} as {name}"
        )


@pytest.mark.parametrize("kind", LOSSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", ["", "product/style", 3])
def test_a_name_that_is_none_is_refused_at_birth(kind: type[ns.Loss], name: Any) -> None:
    """An empty one shows as nothing in tables, and paths of parts are written with a slash."""
    with pytest.raises((TypeError, ValueError), match="^name: expected text"):
        EXAMPLES[kind].make(TARGET, name=name)
