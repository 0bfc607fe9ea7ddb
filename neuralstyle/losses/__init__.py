"""What is compared: what a picture should share with its content and with its style.

It may touch ``_kernels`` and ``images``, and never ``features``: they meet in mappings from layer
name to tensor.

Each takes the features of its target, keeps one statistic per layer, and compares the generated
image's with it. Three normalisations are offered everywhere:

``"relative"`` (default)
    The mean form divided by the target statistic's own mean square: 1 for features that are all
    zero, at every layer, size and network, so that weights near 1 mean the same thing everywhere.
``"mean"``
    The mean over the statistic's entries, in the features' own units.
``"paper"``
    The formula as published.

``layers=`` takes a name, a sequence of names (each weighs 1 / their number), or a mapping from name
to weight (used as given).
"""

from __future__ import annotations

from neuralstyle._lazy import attach

__getattr__, __dir__ = attach(__name__)
