"""What tests of runs share."""

from __future__ import annotations

import pytest
from support import Evaluators

from neuralstyle.optimize import minimize as optimize


@pytest.fixture
def evaluators(monkeypatch: pytest.MonkeyPatch) -> Evaluators:
    """The evaluators that runs make: watched, and made to answer otherwise where asked for."""
    made = Evaluators()
    monkeypatch.setattr(optimize, "Evaluator", made)
    return made
