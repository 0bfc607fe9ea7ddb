"""What the tests of pictures share."""

from __future__ import annotations

import numpy as np
import pytest
from support import noise as make_noise


@pytest.fixture
def noise() -> np.ndarray:
    """Return a picture with every row, column and channel different."""
    return make_noise(20, 30)
