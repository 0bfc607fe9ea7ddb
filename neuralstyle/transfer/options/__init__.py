"""The options of `stylize` and its kin, each written once, and what is made of them.

It may touch the wings below, and what lies beside it in ``transfer`` and ``recipes``.
"""
