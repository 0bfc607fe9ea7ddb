"""What has to be asked of TensorFlow itself: devices, and graphs that are being built."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

TRACING = threading.RLock()
"""Held by whatever traces or builds a graph: TensorFlow and Keras keep global state meanwhile."""


def backend_version() -> dict[str, str]:
    """Return the name and the version of what Keras runs on."""
    return {"tensorflow": str(tf.__version__)}


def has_gpu() -> bool:
    """Return whether there is a GPU to compute on."""
    return bool(tf.config.list_logical_devices("GPU"))


def building_graph() -> bool:
    """Return whether a graph is being built, so that tensors made here would be part of it."""
    return not tf.executing_eagerly()


@contextmanager
def outside_graph() -> Iterator[None]:
    """Leave the graph that is being built: tensors made here outlive it."""
    with tf.init_scope():
        yield
