"""Signals that end the command line, and the exit codes that tell of them.

It imports nothing that takes time, so that it is there before what does.
"""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec

from neuralstyle.optimize.interruption import NOTHING_BEGUN, interruption, patience

P = ParamSpec("P")

ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
"""Ctrl-C, what `kill` sends, and the end of the terminal, which Windows does not know."""


def ending_in_order(main: Callable[P, int]) -> Callable[P, int]:
    """Let signals end a main function as Ctrl-C ends a run of the library: what there is is kept.

    Parameters
    ----------
    main : callable
        Returns the exit code: 130 for what was interrupted, whatever the signal.

    Returns
    -------
    callable
        The same, with 128 and the number of the first signal for an exit code, if one came.
    """

    @functools.wraps(main)
    def ended(*args: P.args, **options: P.kwargs) -> int:
        with interruption(*ENDING) as signals:
            try:
                with patience(NOTHING_BEGUN):
                    code = main(*args, **options)
            except KeyboardInterrupt:
                code = 130
                with suppress(OSError):  # of a terminal that is gone
                    text = "neuralstyle: interrupted before a picture was saved"
                    print(text, file=sys.stderr, flush=True)
        # What failed all the same is told as that.
        return 128 + signals.received[0] if signals.received and code in (0, 130) else code

    return ended
