"""The VGG networks: what they are, how they are computed, where weights come from.

It may touch the wings below, and what lies beside it in ``features`` and ``keras_models``.
"""
