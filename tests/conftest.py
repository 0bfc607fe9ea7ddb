"""What all tests share."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from support import NARROW

import neuralstyle as ns
from neuralstyle.features.architectures import VGG19, Weights
from neuralstyle.features.plain import random_weights


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
    return random_weights(VGG19, widths=NARROW)
