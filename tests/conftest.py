"""What all tests share."""

from __future__ import annotations

import gc
import os
import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest

import neuralstyle as ns

if TYPE_CHECKING:
    from neuralstyle.features.architectures import Weights

# Tracing makes millions of objects and hardly a circle: looking for them so often takes an eighth.
gc.set_threshold(100_000, 50, 50)

# The process that hands out the tests runs none: it need not wait for TensorFlow to be imported.


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Give NumPy's algebra one thread in each process: several on one core wait by spinning."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def usual_interrupts() -> None:
    """Let Ctrl-C do the usual: a shell switches it off for what it starts in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def vgg() -> ns.VGG16Features:
    """The compact network with average pooling, as the default recipe uses it."""
    return ns.VGG16Features(weights="compact", pooling="avg")


@pytest.fixture(scope="session")
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """A content of 48 x 64 and a style of 40 x 56 pixels: shapes and colours, from a seed."""
    random = np.random.default_rng(0)

    def picture(height: int, width: int, cells: int) -> np.ndarray:
        coarse = random.uniform(size=(cells, cells, 3)).astype(np.float32)
        fine = random.normal(scale=0.05, size=(height, width, 3))
        return np.clip(ns.resize(coarse, (height, width)) + fine, 0, 1).astype(np.float32)

    return picture(48, 64, 5), picture(40, 56, 12)


@pytest.fixture(scope="session")
def narrow() -> Weights:
    """Random weights of a narrow VGG19."""
    from support import NARROW

    from neuralstyle.features.architectures import VGG19
    from neuralstyle.features.vgg.plain import random_weights

    return random_weights(VGG19, widths=NARROW)
