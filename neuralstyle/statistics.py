"""Statistics of features: `neuralstyle.losses.statistics` by its public name."""

import sys

from neuralstyle.losses import statistics
from neuralstyle.losses.statistics import *  # noqa: F403  (for type checkers)

sys.modules[__name__] = statistics
