"""What is done about colours: `neuralstyle.images.color` by its public name."""

import sys

from neuralstyle.images import color
from neuralstyle.images.color import *  # noqa: F403  (for type checkers)

sys.modules[__name__] = color
