"""Arithmetic made fast on a processor; beside the evaluator the only place that names TensorFlow.

It may touch nothing of the library but ``_types``.
"""
