"""What `stylize`'s network sees beyond the border of the picture, and of contents and styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from painting import STYLE, Runs
from support import noise, says

import neuralstyle as ns
from neuralstyle.transfer.comparing import cells
from neuralstyle.transfer.options.signatures import read_options
from neuralstyle.transfer.scales import pyramid

CONTENT = noise(32, 48)


def shallow(c: Any, s: Any) -> Any:
    """Return an objective that compiles quickly, and note how it was asked."""
    SEEN.append((c and c.padding, s.padding))
    return ns.StyleLoss(s, "conv1_1") + ns.TotalVariationLoss()


SEEN: list[tuple[str | None, str]] = []
QUICK: dict[str, Any] = {"objective": shallow, "maxiter": 1, "scales": 1}


@pytest.mark.parametrize(
    ("options", "picture", "targets"),
    [
        ({}, "reflect", "reflect"),
        ({"padding": "zeros"}, "zeros", "zeros"),
        ({"padding": "wrap"}, "wrap", "reflect"),
        ({"network": ns.VGG16Features("compact")}, "zeros", "zeros"),
        ({"network": ns.VGG16Features("compact"), "padding": "wrap"}, "wrap", "reflect"),
        ({"network": ns.VGG16Features("compact", padding="wrap")}, "wrap", "reflect"),
    ],
)
def test_the_picture_has_the_padding_asked_for_and_its_targets_are_no_torus(
    options: dict[str, Any], picture: str, targets: str, runs: Runs
) -> None:
    SEEN.clear()
    result = ns.stylize(CONTENT, STYLE, **QUICK, **options)
    (run,) = runs
    assert run.extractor.padding == picture
    assert SEEN == [(targets, targets)]
    assert result.settings["padding"] == options.get("padding")


def test_a_wrapped_network_is_kept_with_what_was_compiled_for_it(runs: Runs) -> None:
    for _ in range(2):
        ns.stylize(None, STYLE, size=(32, 48), padding="wrap", **QUICK)
    first, second = (run.extractor for run in runs)
    assert first is second


def test_sides_that_are_no_multiples_are_refused_before_any_work(runs: Runs) -> None:
    objective: Any = lambda c, s: ns.StyleLoss(s, "conv3_1")  # noqa: E731
    with says(ValueError, "image", "multiples of 4", "50 x 36"):
        ns.stylize(None, STYLE, size=(36, 50), padding="wrap", **{**QUICK, "objective": objective})


@pytest.mark.parametrize(
    "given", [{"padding": "wrap"}, {"network": ns.VGG16Features("compact", padding="wrap")}]
)
def test_coarse_scales_fit_where_the_picture_does(given: dict[str, Any], runs: Runs) -> None:
    objective: Any = lambda c, s: ns.StyleLoss(s, "conv4_1")  # noqa: E731
    ns.stylize(None, STYLE, size=(72, 136), objective=objective, maxiter=1, **given)
    assert [run.start.shape[:2] for run in runs] == [(32, 64), (72, 136)]


def test_an_exploration_counts_the_scales_of_a_torus() -> None:
    options = read_options("stylize", {"padding": "wrap", "maxiter": (8, 6)})
    shape = 96, 126  # half of it is too coarse, about half is not
    assert len(pyramid(shape, None, 64)) < len(pyramid(shape, None, 64, torus=True)) == 2
    assert cells.fewer_iterations(options, shape, shape) == [4, 3]


def test_an_explorations_cells_are_tori(runs: Runs) -> None:
    objective: Any = lambda c, s: ns.StyleLoss(s, "conv3_1")  # noqa: E731
    content = noise(36, 52)  # at 38 pixels it would be 26 high
    ns.explore(content, STYLE, cell_size=38, objective=objective, maxiter=1, padding="wrap")
    assert {run.start.shape[:2] for run in runs} == {(24, 40)}


def test_a_refused_coarse_scale_is_told_from_the_picture(runs: Runs) -> None:
    objective: Any = lambda c, s: ns.ContentLoss(c, "block5_pool")  # noqa: E731
    with says(ValueError, "multiples of 32", "the scale of 80 x 48 of 160 x 96; with scales=1"):
        ns.stylize(CONTENT, STYLE, size=(96, 160), padding="wrap", objective=objective, maxiter=1)


def test_an_extractor_that_has_no_other_padding_says_so() -> None:
    with says(ValueError, "padding", "with_padding", "'wrap'"):
        ns.stylize(
            CONTENT,
            STYLE,
            network=lambda image: {"input": image},
            padding="wrap",
            **{**QUICK, "objective": lambda c, s: ns.HistogramLoss(s, "input")},
        )


def roughness(picture: Any) -> float:
    """Return how rough the outermost rows are along themselves, over the third to the sixth."""

    def along(row: Any) -> float:
        return float(np.abs(np.diff(row, 2, axis=0)).mean())

    turns = [np.rot90(picture, quarters) for quarters in range(4)]
    return float(
        np.mean([along(turn[0]) / np.mean([along(turn[k]) for k in range(2, 6)]) for turn in turns])
    )


@pytest.mark.slow
def test_pictures_are_as_rough_at_the_border_as_elsewhere() -> None:
    style = ns.load_image("docs/examples/style.png")
    found = [ns.stylize(None, style, size=(192, 192), seed=seed).image for seed in range(3)]
    assert 0.85 < np.mean([roughness(picture) for picture in found]) < 1.15
