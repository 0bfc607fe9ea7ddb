"""The value and gradient of an objective at an image: compiled, whole or in tiles.

It may touch the wings below, and what lies beside it in ``optimize`` and ``methods``.
"""
