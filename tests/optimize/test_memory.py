"""What is made for evaluations goes with them: graphs, kernels, registered gradients."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from support import picture
from tensorflow.python.framework import ops as registries

import neuralstyle as ns
from neuralstyle._kernels import convolution
from neuralstyle.losses import STYLE_LAYERS
from neuralstyle.optimize.evaluation.memory import alive

ROOT = Path(__file__).parents[2]

CONVOLUTIONS = 13


def living(kind: type) -> int:
    gc.collect()
    return sum(isinstance(thing, kind) for thing in gc.get_objects())


def registered_gradients() -> int:
    """Entries that TensorFlow never lets go of; each may hold a graph."""
    return len(registries.gradient_registry._registry)


def evaluate(
    vgg: Any, seed: int, shape: tuple[int, int] = (32, 32), layers: Any = STYLE_LAYERS
) -> None:
    style, content = vgg(picture(seed)), vgg(picture(1, shape))
    objective = ns.StyleLoss(style, layers) + ns.HistogramLoss(style, layers)
    objective += ns.ContentLoss(content, layers[-1])
    ns.Evaluator(objective, vgg, shape)(picture(2, shape))


@pytest.mark.parametrize("fast", [True, "low-memory"])
def test_no_evaluation_registers_a_gradient(fast: Any) -> None:
    layers = ["block1_conv1", "block2_conv1"]
    evaluate(ns.VGG16Features("compact", fast=fast), 0, layers=layers)
    before = registered_gradients()
    for seed in (1, 2):
        shape = (32, 32 + 8 * seed)
        evaluate(ns.VGG16Features("compact", fast=fast), seed, shape, layers)
    assert registered_gradients() == before


@pytest.mark.slow
def test_there_are_at_most_two_kernels_for_each_convolution_of_living_networks() -> None:
    before = living(convolution._Kernel)
    vgg = ns.VGG16Features("compact")
    for seed in range(3):
        evaluate(vgg, seed)
        evaluate(ns.VGG16Features("compact", "avg"), seed)
    # The first convolution has another that preprocesses.
    assert living(convolution._Kernel) - before <= 2 * (CONVOLUTIONS + 1)
    del vgg
    assert living(convolution._Kernel) <= before


def test_what_is_traced_but_never_run_takes_no_memory() -> None:
    def traced(x: Any) -> Any:
        result = tf.sin(x)
        tf.exp(x)  # reads what would be gone by then
        return tf.reduce_sum(tf.cos(tf.reduce_sum(result)))

    graph = tf.function(traced).get_concrete_function(tf.TensorSpec([1000])).graph
    assert alive(graph) == 4004


@pytest.mark.slow
def test_clear_lets_go_of_the_networks_of_earlier_calls() -> None:
    ns.clear()
    before = living(convolution._Kernel)
    for pooling in ("avg", "max"):
        ns.stylize(picture(1), picture(2), pooling=pooling, maxiter=1, size=32)
    assert before < living(convolution._Kernel) <= before + 2 * 2 * (CONVOLUTIONS + 1)
    ns.clear()
    assert living(convolution._Kernel) == before


GROWTH = """
import gc, sys
sys.path.insert(0, {tests!r})
from support import picture
import neuralstyle as ns

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

def network(k):
    vgg = ns.VGG19Features(None, "avg", seed=k)
    ns.Evaluator(ns.StyleLoss(vgg(picture(1, (96, 96)))), vgg, (96, 96))(picture(2, (96, 96)))

def photograph(k):
    # The largest is among the first ten.
    shape = (64 + 8 * (k % 7), 160 - k) if k < 10 else (60 + k % 5, 100 - k)
    ns.stylize(picture(k, shape), picture(0, (80, 90)), maxiter=1)

def call(k):
    ns.stylize(picture(1, (64, 64)), picture(0, (64, 64)), maxiter=1)

sizes = []
for k in range({count}):
    {what}(k)
    sizes.append(resident())
half = max(sizes[: {count} // 2])  # what is kept, by oneDNN too, is nearly full then
print(half, max(sizes))
assert max(sizes) <= max(1.05 * half, half + 40), sizes
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from Linux")
@pytest.mark.parametrize(("what", "count"), [("network", 8), ("photograph", 40), ("call", 200)])
def test_memory_is_level(what: str, count: int) -> None:
    code = GROWTH.format(tests=str(ROOT / "tests"), what=what, count=count)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
