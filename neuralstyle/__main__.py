"""``python -m neuralstyle``: the command line."""

import signal
import sys

from neuralstyle.cli.ending import ending_in_order


@ending_in_order
def main() -> int:
    """Run the command line. What it imports is imported within, where signals have their place."""
    from neuralstyle.cli.main import main as command_line

    return command_line()


def run() -> int:
    """Run it as a program: what comes while Python shuts down ends nothing any more."""
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


if __name__ == "__main__":
    sys.exit(run())
