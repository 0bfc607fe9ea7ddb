"""Warnings point at the user's line."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle._warnings import warn


def test_a_warning_from_deep_within_points_at_the_line_of_the_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Inside a decorated function of the library.
    monkeypatch.setattr("neuralstyle.optimize.minimize.check_callback", warn)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(TypeError):
            options: dict[str, Any] = {"callback": "from deep within"}
            line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
            ns.minimize(ns.TotalVariationLoss(), None, np.zeros((2, 2, 3)), **options)
    (warning,) = caught
    assert str(warning.message) == "from deep within"
    assert (warning.filename, warning.lineno) == (__file__, line)
