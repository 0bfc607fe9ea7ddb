"""Pictures as arrays: files in and out, sizes, colours, label images.

It knows no network, and touches only ``_types``, ``_checks`` and ``_files``.
"""
