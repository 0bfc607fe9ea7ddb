"""The page about a run: HTML, its style and its script, as text.

It imports only from ``images``, the ground, and what `optimize` says of results. The page asks for
nothing from outside itself, and whatever is not its own text is escaped.
"""
