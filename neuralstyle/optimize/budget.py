"""What a method takes of memory, in bytes for each number that it moves."""

from __future__ import annotations

PRECISIONS = {"float32": 4, "bfloat16": 2}
"""Bytes of a number of a correction pair."""
