"""``python -m neuralstyle``: the command line.

Nothing is imported here but what Python has loaded anyway. What takes time is imported within,
where Ctrl-C has its place.
"""

import sys


def main() -> int:
    """Run the command line; Ctrl-C ends it in order from here on."""
    from neuralstyle.cli.ending import ending_in_order

    @ending_in_order
    def command() -> int:
        from neuralstyle.cli.main import main as command_line

        return command_line()

    return command()


def run() -> int:
    """Run it as a program: what comes before it has begun, or while Python shuts down, is quiet."""
    try:
        code = main()
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:  # before there is anything that could tell of it
        return 130
    return code


if __name__ == "__main__":
    sys.exit(run())
