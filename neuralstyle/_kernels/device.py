"""What has to be asked of TensorFlow itself: devices, oneDNN, and graphs that are being built."""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from neuralstyle._kernels.processor import ONEDNN, onednn_by_default

logger: logging.Logger = logging.getLogger(__name__)

TRACING = threading.RLock()
"""Held by whatever traces or builds a graph: TensorFlow and Keras keep global state meanwhile."""


OutOfMemory: type[Exception] = tf.errors.ResourceExhaustedError
"""What TensorFlow raises where Python raises a `MemoryError`."""

OperationError: type[Exception] = tf.errors.OpError
"""What TensorFlow raises where it cannot compute something."""

_process: int | None = None
"""The process in which TensorFlow is used; None before the first use."""


def check_process() -> None:
    """Refuse to compute in a fork of a process that has used TensorFlow.

    A fork has none of the threads of its parent, and TensorFlow would wait for its own for ever.

    Raises
    ------
    RuntimeError
        If this process is such a fork.
    """
    global _process
    if _process is None and not _started_by_parent():
        _process = os.getpid()
    if _process != os.getpid():
        raise RuntimeError(
            "TensorFlow was used before this process was forked, and would hang in it for ever: "
            'start processes by "spawn", as multiprocessing.get_context("spawn") does, or by '
            '"forkserver", or fork before anything is computed'
        )


def _started_by_parent() -> bool:
    """Return whether TensorFlow runs but none of its threads does: others used it, then forked.

    Known on Linux only, and as long as the fork has a single thread. Where TensorFlow runs it has
    three at least.
    """
    module = sys.modules.get("tensorflow.python.eager.context")  # there is no public question
    running = getattr(getattr(module, "_context", None), "_initialized", False)
    try:
        return running and len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def check_backend() -> None:
    """Refuse to work where Keras or TensorFlow are set such that nothing can be computed.

    Raises
    ------
    RuntimeError
        If Keras runs on another backend, or TensorFlow's eager mode is switched off, or functions
        are not compiled, or the process is a fork of one that has used TensorFlow.
    """
    check_process()
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            "neuralstyle differentiates with TensorFlow: expected Keras to run on the backend "
            f"tensorflow, it runs on {backend} (environment variable KERAS_BACKEND): set that "
            "before Keras is imported, or in keras.json"
        )
    if not tf.compat.v1.executing_eagerly_outside_functions():
        raise RuntimeError(
            "neuralstyle needs TensorFlow's eager mode, and it is switched off: leave out "
            "tf.compat.v1.disable_eager_execution() (or disable_v2_behavior), and start Python anew"
        )
    if tf.config.functions_run_eagerly():
        raise RuntimeError(
            "neuralstyle compiles what it evaluates, and TensorFlow is set to run functions "
            "eagerly: call tf.config.run_functions_eagerly(False)"
        )


def shape_traced(function: Callable[[Any], Any], shape: tuple[int, ...], dtype: str) -> list[int]:
    """Return the shape of what a function makes of a tensor, without computing it."""
    with tf.init_scope():
        spec = tf.TensorSpec(shape, dtype)
        traced = tf.function(function, autograph=False).get_concrete_function(spec)
    return list(traced.outputs[0].shape)


def backend_version() -> dict[str, str]:
    """Return the name and the version of what Keras runs on."""
    return {"tensorflow": str(tf.__version__)}


def has_gpu() -> bool:
    """Return whether there is a GPU to compute on."""
    return bool(tf.config.list_logical_devices("GPU"))


def gpu_names() -> tuple[str, ...]:
    """Return what the GPUs are called, as far as TensorFlow knows."""
    details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    return tuple(str(of.get("device_name", "GPU")) for of in details)


def uses_onednn() -> bool:
    """Return whether TensorFlow computes with oneDNN on the processor."""
    try:
        tf.config.experimental.get_memory_info("CPU:0")
    except ValueError:  # it counts the memory of a processor only for oneDNN
        return False
    return True


def threads_of_operation() -> int:
    """Return how many threads TensorFlow is told to use for an operation; 0 if it may choose."""
    told = tf.config.threading.get_intra_op_parallelism_threads()
    variable = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return int(told or (variable if variable.isdecimal() else 0))


def made_for_gpus() -> bool:
    """Return whether this TensorFlow can compute on GPUs at all."""
    return bool(tf.test.is_built_with_cuda())


@functools.cache
def advise_onednn() -> None:
    """Say once in the log, where it is so, that one variable would make networks faster.

    The library is a guest in its process and sets none.
    """
    if ONEDNN not in os.environ and onednn_by_default() is False and not gpu_names():
        logger.info(
            "TensorFlow leaves oneDNN off on this processor: with %s=1 in the environment before "
            "TensorFlow is imported, wide networks take about a third less time",
            ONEDNN,
        )


def building_graph() -> bool:
    """Return whether a graph is being built, so that tensors made here would be part of it."""
    return not tf.executing_eagerly()


@contextmanager
def outside_graph() -> Iterator[None]:
    """Leave the graph that is being built: tensors made here outlive it."""
    with tf.init_scope():
        yield
