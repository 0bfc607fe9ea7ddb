"""What tests of runs share."""

from __future__ import annotations

from typing import Any

import pytest
from support import Evaluators

from neuralstyle.optimize import beginning
from neuralstyle.optimize.evaluation import compiled


@pytest.fixture
def evaluators(monkeypatch: pytest.MonkeyPatch) -> Evaluators:
    """The evaluators that runs make: watched, and made to answer otherwise where asked for."""
    made = Evaluators()
    monkeypatch.setattr(beginning, "Evaluator", made)
    return made


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The objectives that were compiled, one entry for each compilation."""
    made: list[Any] = []
    compile_ = compiled._compile

    def counted(objective: Any, *args: Any) -> Any:
        made.append(objective)
        return compile_(objective, *args)

    monkeypatch.setattr(compiled, "_compile", counted)
    return made
