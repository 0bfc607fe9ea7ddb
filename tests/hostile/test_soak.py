"""A process that paints for long: pictures of mixed sizes, recipes and networks, and its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

COUNT = int(os.environ.get("NEURALSTYLE_SOAK", "200"))
"""Pictures of the soak."""

ROOM = 1.05, 40
"""What memory may grow by in the second half of the pictures, when what is kept is full: a factor,
or megabytes."""

OTHERS = {"TF_ENABLE_ONEDNN_OPTS": "0"}
"""What keeps out that is not the library's: oneDNN's code for every shape, of which it keeps more
than a thousand. What the allocator has not given back yet is asked for."""

PROGRAM = """
import ctypes
import gc
import json
import random
import re
import sys
import warnings

from support import half_mask, picture, two_layers

import neuralstyle as ns
from neuralstyle.transfer.recipes import RECIPES

NETWORKS = ["compact", "compact", "compact", ns.VGG16Features("compact", fast=False), two_layers]
COLOURS = ["match", "luminance", "grey", "oklab", None, None]
METHODS = [None, None, "l-bfgs-b", "adam"]


def memory():
    gc.collect()
    getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)(0)
    with open("/proc/self/status") as file:
        return int(re.search(r"^RssAnon:\\s+(\\d+) kB", file.read(), re.M)[1]) / 1e3


def mine(content, *styles):
    terms = [ns.ContentLoss(content, "input"), 0.1 * ns.TotalVariationLoss()]
    terms += [ns.CovarianceLoss(style, "input") for style in styles]
    return ns.StyleObjective(*terms)


def paint(number):
    chance = random.Random(number)
    shape, style_shape = [
        tuple(chance.randrange(48, 129) for _ in range(2)) for _ in ("content", "style")
    ]
    content, style = picture(number, shape), picture(number + 1, style_shape, 15)
    network = chance.choice(NETWORKS)
    options = dict(
        network=network,
        method=chance.choice(METHODS),
        color=chance.choice(COLOURS),
        init=chance.choice(["content", "noise", "style"]),
        scales=2,
        maxiter=2,
        seed=number,
    )
    if network is two_layers:
        options["objective"] = mine
    else:
        options["recipe"] = chance.choice([*RECIPES])
        if chance.random() < 0.3:
            options["regions"] = [ns.Region(half_mask(shape), picture(number + 2, style_shape))]
        if chance.random() < 0.2:
            content = None
            options["size"] = shape
            for name in ("init", "color", "regions"):
                options.pop(name, None)
    result = ns.stylize(content, style, **options)
    assert result.image.shape == (*shape, 3)


levels = []
for number in range(int(sys.argv[1])):
    paint(number)
    levels.append(memory())
    print(number, levels[-1], file=sys.stderr, flush=True)
print(json.dumps(levels))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux")
def test_memory_stays_level_over_many_pictures_of_mixed_kinds() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(COUNT)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **OTHERS, "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    levels = json.loads(done.stdout)
    factor, megabytes = ROOM
    first = max(levels[: COUNT // 2])
    quarters = [max(levels[COUNT * k // 4 : COUNT * (k + 1) // 4]) for k in range(4)]
    assert max(levels) <= max(factor * first, first + megabytes), quarters
