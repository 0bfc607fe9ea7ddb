"""Several results beside each other: contact sheets, explorations and sweeps.

It may touch the wings below, and all of ``transfer``; nothing else of that imports it.
"""
