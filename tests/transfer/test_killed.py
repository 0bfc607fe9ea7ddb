"""A process that is killed at any moment costs no more than what it did since it last wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KILLS = 20
"""At random moments, for each method."""

PROGRAM = """
import json
import math
import os
import random
import signal
import sys
import time

import numpy as np
from support import Reusable, blend, noise, two_layers

import neuralstyle as ns
from neuralstyle.transfer import checkpoint, stylize  # what takes long to import

checkpoint.EVERY, checkpoint.SHARE = 0.0, math.inf  # written after every iteration
network, content, style = Reusable(two_layers), noise(128, 160), noise(64, 64, 1)
network.checkpoint_name = blend.checkpoint_name = "of a test"
method, kills = sys.argv[1], int(sys.argv[2])
options = dict(network=network, objective=blend, scales=3, maxiter=(40, 30, 20), method=method)


def start(kept, out):
    # TensorFlow is imported, but not in use yet: a fork is a new process that is quick to start.
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        np.save(out, ns.stylize(content, style, checkpoint=kept, **options).image)
        code = 0
    finally:
        os._exit(code)


def ended(process, within):
    until = time.monotonic() + within
    while time.monotonic() < until:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            assert status == 0
            return True
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return False


begun = time.monotonic()
assert ended(start(None, "whole.npy"), 600)
longest = 1.2 * (time.monotonic() - begun)
moments, taken, writing = random.Random(0), [0], 0
while sum(taken) < kills or not finished:
    patience = moments.uniform(0, longest) if sum(taken) < kills else 600
    finished = ended(start("run.npz", "resumed.npy"), patience)
    if finished:
        assert np.array_equal(np.load("resumed.npy"), np.load("whole.npy"))
        assert {*os.listdir()} == {"whole.npy", "resumed.npy", "run.npz"}
        os.remove("run.npz")
        taken.append(0)
    else:
        taken[-1] += 1
        writing += any(name.endswith(".tmp") for name in os.listdir())
print(json.dumps({"kills of each picture": taken[:-1], "while writing": writing}))
"""


def killed(folder: Path, method: str, kills: int) -> Any:
    """Kill runs at random moments; return how many it took for each of the pictures made."""
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests), str(tests.parent)])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, method, str(kills)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are started by fork")
@pytest.mark.parametrize("method", ["l-bfgs", "adam"])
def test_a_run_that_is_killed_at_random_moments_ends_with_the_same_bits(
    tmp_path: Path, method: str
) -> None:
    found = killed(tmp_path, method, KILLS)
    assert sum(found["kills of each picture"]) == KILLS
