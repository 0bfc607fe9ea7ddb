"""What to minimise, ready made: `neuralstyle.transfer.recipes` by its public name."""

import sys

from neuralstyle.transfer import recipes
from neuralstyle.transfer.recipes import *  # noqa: F403  (for type checkers)

sys.modules[__name__] = recipes
