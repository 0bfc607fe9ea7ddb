"""Moving the pixels: `minimize`, its methods, and the compiled evaluations that they ask for.

It may touch all wings but ``transfer`` and ``cli``.
"""
