"""Any Keras model as an extractor, those of `keras.applications` among them.

It may touch the wings below, and what lies beside it in ``features``.
"""
