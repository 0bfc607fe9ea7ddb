"""Threads may compile at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from support import picture

import neuralstyle as ns

THREADS = 8


def networks() -> list[Any]:
    """The kinds of extractors, some of which build functions of their own when first asked."""
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(4, 3, activation="relu", name="block1_conv1"),
            keras.layers.Conv2D(4, 3, name="block3_conv1"),
        ]
    )
    return [
        ns.VGG16Features("compact", "avg"),
        ns.VGG16Features("compact", fast="low-memory"),
        ns.VGG16Features("compact", fast=False),
        ns.KerasFeatures(model),
    ]


def job(vgg: Any, number: int) -> tuple[float, float]:
    """Compile an objective for an image of a size of its own; return its value and a norm."""
    shape = (32 + number % 23, 40 + number % 19)
    layers = ("block1_conv1", "block3_conv1")
    style, image = vgg(picture(number, shape)), picture(number + 1, shape)

    @ns.loss
    def near(features: Any) -> Any:
        return ops.mean((features["input"] - number / 300) ** 2)

    objective = ns.StyleLoss(style, layers) + ns.SlicedWassersteinLoss(style, layers)
    objective += ns.PatchLoss(style, layers[1], patch_size=2, stride=2)
    if number % 2:
        objective += near
    value, _ = ns.Evaluator(objective, vgg, shape)(image)
    return value, sum(ns.gradient_norms(objective, vgg, image).values())


def run(count: int) -> None:
    extractors = networks()

    def numbered(number: int) -> tuple[float, float]:
        return job(extractors[number % len(extractors)], number)

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(numbered, range(count)))
    assert np.isfinite(results).all()
    for number in range(0, count, count // 4):
        np.testing.assert_allclose(results[number], numbered(number), rtol=1e-5)


@pytest.mark.slow
def test_threads_may_compile_at_the_same_time() -> None:
    run(8)


@pytest.mark.slow
def test_two_hundred_first_compilations_in_eight_threads() -> None:
    run(200)
