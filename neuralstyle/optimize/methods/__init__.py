"""The methods of `minimize`: SciPy's L-BFGS-B, the library's own, and optimisers of Keras.

It may touch the wings below, and what lies beside it in ``optimize``, never ``evaluation``.
"""
