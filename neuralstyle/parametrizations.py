"""What is moved in place of pixels: `neuralstyle.optimize.parametrizations` by its public name."""

import sys

from neuralstyle.optimize import parametrizations
from neuralstyle.optimize.parametrizations import *  # noqa: F403  (for type checkers)

sys.modules[__name__] = parametrizations
