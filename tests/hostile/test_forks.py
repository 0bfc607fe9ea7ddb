"""A fork of a process that has used TensorFlow says so, in place of hanging for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")

TESTS = Path(__file__).parents[1]

PROGRAM = """
import json
import os
import signal
import sys

import numpy as np
from support import blend, noise, pixels

import neuralstyle as ns
from neuralstyle._kernels import device  # imports TensorFlow, and uses nothing of it


def said(use):
    # What a fork says of a use; within half a minute, for it may hang.
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        signal.alarm(30)
        try:
            use()
            text = "done"
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as file:
        text = file.read()
    return text if os.waitpid(process, 0)[1] == 0 else "hangs"


def paint():
    ns.stylize(IMAGE, IMAGE[::-1], network=pixels, objective=blend, scales=1, maxiter=1)


IMAGE = noise(24, 32)
"""

BEFORE = """
answers = {"before": said(paint)}
paint()
answers["after"] = said(paint)
"""

OTHERS = """
import tensorflow as tf

tf.reduce_sum(tf.ones((8, 8)))
answers = {
    "a network": said(lambda: ns.VGG16Features("compact")),
    "a loss": said(lambda: blend(pixels(IMAGE))),
}
"""

USES = """
import tensorflow as tf

vgg = ns.VGG16Features("compact", "avg")
features = vgg(IMAGE)
known = {"input": features["input"]}
style, function = ns.StyleLoss(known, "input"), ns.loss(lambda seen: tf.reduce_mean(seen["input"]))
objective = 2 * style + function
evaluator = ns.Evaluator(objective, vgg, IMAGE.shape)
evaluator(IMAGE)
tensor = tf.constant(IMAGE[None])
small = dict(sides=(32,), pixels=4096, batches=(1, 2))
uses = {
    "a network": lambda: ns.VGG16Features("compact"),
    "a network of the parent": lambda: vgg(IMAGE),
    "features of the parent": lambda: features["block2_conv1"],
    "means of channels": lambda: vgg.normalized(IMAGE),
    "slim": lambda: ns.slim(vgg, [noise(48, 48)] * 16, (4, 8, 8, 8, 8), **small),
    "a loss": lambda: ns.StyleLoss(known, "input"),
    "a loss of the parent": lambda: style(known),
    "an objective of the parent": lambda: objective(known),
    "a function": lambda: (1 * function)(known),
    "an evaluator": lambda: ns.Evaluator(style, pixels, IMAGE.shape),
    "an evaluator of the parent": lambda: evaluator(IMAGE),
    "its value and gradient": lambda: evaluator.value_and_gradient(IMAGE),
    "at a tensor": lambda: evaluator.at(tensor),
    "through a function": lambda: evaluator.through(tf.square, tensor),
    "norms": lambda: ns.gradient_norms(style, pixels, IMAGE),
    "minimize": lambda: ns.minimize(style, pixels, IMAGE, maxiter=1),
    "stylize": lambda: ns.stylize(IMAGE, IMAGE, maxiter=1),
    "many": lambda: next(ns.stylize_many([IMAGE], IMAGE, maxiter=1)),
    "a sheet": lambda: ns.contact_sheet(IMAGE, IMAGE, {"style_scale": [1]}, size=24, maxiter=1),
    "pictures": lambda: ns.color.luminance(ns.resize(IMAGE, (12, 16))),
}
answers = {name: said(use) for name, use in uses.items()}
"""

SAID = (
    "RuntimeError: TensorFlow was used before this process was forked, and would hang in it for "
    'ever: start processes by "spawn", as multiprocessing.get_context("spawn") does, or by '
    '"forkserver", or fork before anything is computed'
)


def answers(program: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{PROGRAM}{program}print(json.dumps(answers))"],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env={**os.environ, "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_a_fork_works_before_the_first_use_and_says_why_it_does_not_after_it() -> None:
    assert answers(BEFORE) == {"before": "done", "after": SAID}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted on Linux")
def test_a_fork_of_a_process_in_which_others_used_tensorflow_says_so() -> None:
    assert answers(OTHERS) == {"a network": SAID, "a loss": SAID}


@pytest.mark.slow
def test_nothing_that_computes_hangs_in_a_fork() -> None:
    found = answers(USES)
    assert found.pop("pictures") == "done"
    assert found == dict.fromkeys(found, SAID)
