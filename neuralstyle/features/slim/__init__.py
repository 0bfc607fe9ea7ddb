"""Narrow networks out of wide ones: channels chosen, kernels refitted, all layers trained.

It may touch the wings below, and what lies beside it in ``features`` and ``vgg``.
"""
