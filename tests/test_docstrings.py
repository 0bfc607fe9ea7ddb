"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import neuralstyle

MODULES = [
    module.name
    for module in pkgutil.walk_packages(neuralstyle.__path__, "neuralstyle.")
    if not module.name.endswith("__main__")
    if importlib.import_module(module.name).__name__ == module.name  # by its own name alone
]
LONG = {
    "neuralstyle.features.vgg.vgg.VGG19Features",
    "neuralstyle.features.slim.slim.slim",
    "neuralstyle.transfer.estimate_memory.estimate_memory",
    "neuralstyle.transfer.frames.stylize_frames",
    "neuralstyle.optimize.result.StyleResult.save",
    "neuralstyle.transfer.comparing.contact_sheet.contact_sheet",
}
"""They draw twenty million weights, make a network, compile all that a picture takes."""
EXAMPLES = [
    pytest.param(example, id=example.name, marks=pytest.mark.slow if example.name in LONG else ())
    for module in MODULES
    for example in doctest.DocTestFinder(exclude_empty=True).find(
        importlib.import_module(module), extraglobs={"np": np}
    )
    if example.examples
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_gives_what_it_says(example: doctest.DocTest) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(example, out=report.append)
    assert runner.failures == 0, "".join(report)
