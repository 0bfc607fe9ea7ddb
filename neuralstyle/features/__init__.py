"""An image seen by a network: extractors, and where their weights come from.

It may touch ``_kernels`` and ``images``, and never ``losses``: they meet in mappings from
layer name to tensor.
"""
