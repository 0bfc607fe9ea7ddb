"""Weights that a callback of `stylize` changes: scales, and what a checkpoint has of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support import noise, pixels

import neuralstyle as ns


class Pixels:
    """A network that a checkpoint can tell from others."""

    checkpoint_name = "pixels"

    def __call__(self, image: Any) -> dict[str, Any]:
        return pixels(image)


class Smooth:
    """An objective that a checkpoint can tell from others."""

    checkpoint_name = "smooth"

    def __call__(self, content: Any, style: Any) -> ns.StyleObjective:
        return ns.ContentLoss(content, "input") + ns.TotalVariationLoss(exponent=1.5)


def test_a_scale_with_changed_weights_is_kept_when_it_is_finished(tmp_path: Path) -> None:
    content, style = noise(64, 64), noise(64, 64, 2)
    kept = tmp_path / "run.npz"
    options: dict[str, Any] = {
        "objective": Smooth(),
        "network": Pixels(),
        "size": 64,
        "scales": 1,
        "maxiter": 4,
        "method": "l-bfgs",
        "checkpoint": kept,
    }

    def callback(now: ns.Progress) -> None:
        if now.nit == 2:
            now.reweigh(total_variation=3)
        if now.nit == 3:
            raise StopIteration

    result = ns.stylize(content, style, callback=callback, **options)
    assert result.nit == 3 and result.settings["weights"]["total_variation"] == 3.0
    assert not kept.exists()
    assert ns.stylize(content, style, **options).settings["weights"]["total_variation"] == 1.0


def test_changes_of_all_scales_are_told_with_the_iterations_of_the_whole_run() -> None:
    def callback(now: ns.Progress) -> None:
        if now.nit in (1, 4):
            now.reweigh(total_variation=now.nit + 1)

    given: dict[str, Any] = {"objective": Smooth(), "network": Pixels(), "scales": 2, "maxiter": 3}
    result = ns.stylize(noise(64, 64), noise(64, 64, 2), callback=callback, **given)
    assert result.settings["reweighed"] == [
        [1, {"total_variation": 2.0}],
        [4, {"total_variation": 5.0}],
    ]
