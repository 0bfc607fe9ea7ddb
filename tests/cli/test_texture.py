"""``neuralstyle texture``: the style alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.cli import texture
from neuralstyle.transfer.recipes import RECIPES

Run = Callable[..., int]


def test_texture_is_the_librarys(run: Run) -> None:
    assert run("--size", "48", inputs="texture style.png") == 0
    recipe = RECIPES["default"](content_weight=0.0)
    result = ns.stylize(None, ns.load_image("style.png"), recipe=recipe, size=48, maxiter=2)
    made = ns.load_image("out.png")
    assert made.shape == (34, 48, 3)
    np.testing.assert_allclose(made, result.image, atol=0.5 / 255 + 1e-6)
    about = json.loads(ns.load_metadata("out.png")["neuralstyle"])
    assert about["settings"]["init"] == "noise"
    assert "content" not in about["losses"]


def test_size_is_that_of_the_style_up_to_a_limit(
    run: Run, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(inputs="texture style.png content.png") == 0
    monkeypatch.setattr(texture, "DEFAULT_SIZE", 28)
    assert run(inputs="texture style.png") == 0
    assert run("--size", "99", inputs="texture style.png") == 0
    assert [call["size"] for call in calls] == [56, 28, 99]
    assert [call["contents"] for call in calls] == [[None]] * 3


def test_a_sheet_of_textures(run: Run) -> None:
    sheet = ["--sheet", "seed=1,2", "--size", "28", "--iterations", "1"]
    assert run(*sheet, inputs="texture style.png") == 0
    height, width, _ = ns.load_image("out.png").shape
    assert height == 20 + 20 and width >= 2 * 28 + 6  # as wide as the labels
