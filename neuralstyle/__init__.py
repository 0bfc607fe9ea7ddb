"""Neural style transfer by image optimisation: composable losses over one Keras VGG.

Compose losses, weigh them with ``*``, add them with ``+``, and let `minimize` move the pixels; or
call `stylize`, which does it all. Importing this package has no side effect, and TensorFlow is
imported only when something that needs it is first used.

The house has seven wings, each of which imports only from those before it: ``_kernels`` (fast
arithmetic) and ``images`` (pictures as arrays), ``features`` (an image seen by a network) and
``losses`` (what is compared), ``optimize`` (moving the pixels), ``transfer`` (pictures in one
call), ``cli`` (the command line). ``_types``, ``_checks`` and ``_files`` serve all.
"""

from __future__ import annotations

from neuralstyle._lazy import attach

__version__ = "0.2.0"

__getattr__, __dir__ = attach(
    __name__,
    gone={
        "presets": "use neuralstyle.recipes",
    },
)
