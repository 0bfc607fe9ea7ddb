"""Losses that go through a file, for the tests of files and of averages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops
from losses.examples import EdgeLoss

import neuralstyle as ns


def saved_and_loaded(path: Path, loss: Any) -> Any:
    ns.save_loss(path, loss)
    return ns.load_loss(path, classes=[EdgeLoss])


class Everything(ns.Loss):
    """Keeps whatever may be kept."""

    def __init__(self, target: Mapping[str, Any]) -> None:
        self.nothing = None
        self.numbers = [1, 0.1 + 0.2, float("inf"), True, np.float64(0.1)]
        self.text = "naïve 画"
        self.nested = {"a": (1, [2, (3,)]), 4: {"b": None}, ("c", 5): np.arange(3)}
        self.array = np.arange(6, dtype=np.int16).reshape(2, 3)
        self.tensor = tf.constant([[1.5, -0.0]], tf.float32)
        self.inner = ns.ContentLoss(target, "first")
        self.parts = [2.0 * ns.StyleLoss(target, "second"), ns.TotalVariationLoss()]

    def __call__(self, features: Mapping[str, Any]) -> Any:
        return self.inner(features) + sum(ops.cast(p(features), "float64") for p in self.parts)
