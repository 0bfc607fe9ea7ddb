"""``python -m neuralstyle``: the command line."""

import sys

from neuralstyle.cli.main import main

sys.exit(main())
