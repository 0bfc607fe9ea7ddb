"""Sums are made in one order, so that an evaluation has the same bits whenever it is made."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from support import picture

import neuralstyle as ns
from neuralstyle._kernels.order import gradients, in_order

LAYERS = tuple(f"block{k}_conv1" for k in range(1, 6))

SUMS = {"Add", "AddN", "AddV2"}


def graph_of(function: Any, *specs: tf.TensorSpec) -> Any:
    traced = tf.function(in_order(function), autograph=False)
    return traced.get_concrete_function(*specs, tf.TensorSpec((), tf.float32)).graph


def waiting(graph: Any) -> int:
    """Count the sums that are parts of others: each waits for something, and none has three parts.

    What waits is not joined to another sum.
    """
    count = 0
    for operation in graph.get_operations():
        if operation.type in SUMS:
            assert len(operation.inputs) == 2, operation.name
            if any(reader.type in SUMS for out in operation.outputs for reader in out.consumers()):
                assert list(operation.control_inputs), operation.name
                count += 1
    return count


def test_gradients_of_what_is_read_often_are_added_two_at_a_time() -> None:
    def slope(x: Any) -> Any:
        squares = x * x
        readers = [tf.sin(squares), tf.cos(squares), tf.exp(squares), squares - tf.reduce_mean(x)]
        return gradients(readers, [x])[0]

    spec = tf.TensorSpec((3,), tf.float64)
    assert waiting(graph_of(slope, spec)) > 0
    x = tf.constant([0.1, 0.2, 0.3], tf.float64)
    found = tf.function(in_order(slope))(x, tf.constant(0.0)).numpy()
    y = x.numpy()
    expected = 2 * y * (np.cos(y**2) - np.sin(y**2) + np.exp(y**2) + 1) - 1
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_sums_of_sums_wait_and_are_made_as_they_were_traced() -> None:
    def total(x: Any, y: Any, z: Any) -> Any:
        return ((x + y) + z) + (x + (x + x))

    spec = tf.TensorSpec((4,), tf.float32)
    assert waiting(graph_of(total, spec, spec, spec)) == 4
    numbers = [tf.fill((4,), number) for number in (1.0, 1e8, -1e8)]
    found = tf.function(in_order(total))(*numbers, tf.constant(0.0))
    np.testing.assert_array_equal(found, 3)  # 1e8 and 1 are 1e8 in single precision


def test_sums_of_evaluations_are_in_order_whole_and_in_tiles() -> None:
    vgg = ns.VGG16Features("compact")
    style = vgg(picture(2, (48, 48)))
    objective = ns.CovarianceLoss(style, LAYERS[:2]) + ns.SlicedWassersteinLoss(style, LAYERS[:2])
    objective += ns.TotalVariationLoss()
    whole: Any = ns.Evaluator(objective, vgg, (64, 130))
    assert waiting(whole._compute._code._function.graph) > 5
    tiled: Any = ns.Evaluator(objective, vgg, (64, 130), tile=64)
    tiled(picture(3, (64, 130)))
    counts = [waiting(one._function.graph) for one in tiled._compute._passes._codes.values()]
    assert max(counts) > 0


TOLD = """
import hashlib, sys
sys.path.insert(0, "tests")
from kernels.test_order import told
print(*sorted(told()))
"""


def told(times: int = 40) -> set[str]:
    """Evaluate at a size at which threads overtake each other; return what gradients there are."""
    vgg = ns.VGG16Features("compact", "max", padding="reflect")
    objective = ns.CovarianceLoss(vgg(picture(1, (342, 512))), LAYERS)
    evaluator, image = ns.Evaluator(objective, vgg, (342, 512)), picture(2, (342, 512))
    found = (evaluator(image)[1] for _ in range(times))
    return {hashlib.sha256(gradient.tobytes()).hexdigest() for gradient in found}


@pytest.mark.slow
def test_a_large_pictures_gradient_has_the_same_bits_at_all_times_and_in_another_process() -> None:
    here = told()
    assert len(here) == 1
    done = subprocess.run([sys.executable, "-c", TOLD], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [*here]
