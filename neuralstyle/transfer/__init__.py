"""Pictures from photographs and paintings in one call: `stylize` and its kin, and recipes.

It may touch all wings but ``cli``.
"""
