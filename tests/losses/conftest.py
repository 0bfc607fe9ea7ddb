"""What tests of losses share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A place for a file of a loss."""
    return tmp_path / "style.npz"
