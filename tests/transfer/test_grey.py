"""Pictures without colour are painted without colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from painting import PIXELS, Noted, Runs, of_pixels
from support import noise

import neuralstyle as ns

CONTENT, STYLE = noise(48, 64, 0), noise(40, 40, 1)

GREY, PEN = (ns.color.luminance(image) for image in (CONTENT, STYLE))


def quick(content: Any, style: Any, **options: Any) -> ns.StyleResult:
    """Run without a network."""
    made = {} if "objective" in options else {"recipe": of_pixels([])}
    return ns.stylize(content, style, **{**made, "network": PIXELS, "maxiter": 3, **options})


def coloured(image: np.ndarray) -> float:
    return float(np.ptp(image, axis=2).max())


@pytest.mark.parametrize("content", [CONTENT, GREY, None], ids=["colour", "grey", "texture"])
@pytest.mark.parametrize("start", ["noise", noise(48, 64, 5)], ids=["noise", "picture"])
def test_a_style_without_colour_gives_a_picture_without(
    content: Any, start: Any, runs: Runs
) -> None:
    recipe = of_pixels([])
    if content is None:
        recipe = ns.Recipe("texture", lambda c: [], recipe.style, maxiter=(3,))
    result = quick(content, PEN, init=start, recipe=recipe)
    assert coloured(result.image) == 0 and result.nit == 3
    assert {run.options["parametrization"].name for run in runs} == {"grey"}
    assert result.settings["parametrization"] == "grey"


def test_a_little_colour_of_rounding_and_jpeg_is_none() -> None:
    tinted = PEN.copy()
    tinted[..., 0] = np.clip(tinted[..., 0] + 3.9 / 255, 0, 1)
    tinted[0, :7] = (1, 0, 0)  # 7 of 1600 pixels
    assert coloured(quick(GREY, tinted).image) == 0
    tinted[0, 7] = tinted[0, 8] = (0, 1, 0)
    assert coloured(quick(GREY, tinted).image) > 0


@pytest.mark.parametrize("styles", [[STYLE], [PEN, STYLE]])
def test_a_style_with_colour_brings_colour(styles: list[np.ndarray], runs: Runs) -> None:
    result = quick(GREY, styles)
    assert coloured(result.image) > 0.003 and result.settings["parametrization"] is None
    regions = [ns.Region(np.ones((48, 64)), STYLE)]
    assert coloured(quick(GREY, PEN, regions=regions).image) > 0.003


def test_grey_may_be_asked_for(runs: Runs) -> None:
    result = quick(CONTENT, STYLE, color="grey", bounds=(0.2, 0.7))
    assert coloured(result.image) == 0 and result.settings["color"] == "grey"
    assert runs[0].options["parametrization"].name == "grey"
    assert result.image.min() >= 0.2 - 1e-6 and result.image.max() <= 0.7 + 1e-6
    np.testing.assert_allclose(result.image, quick(GREY, PEN, bounds=(0.2, 0.7)).image, atol=1e-5)


def test_a_treatment_still_brings_the_colours_of_the_content() -> None:
    assert coloured(quick(CONTENT * np.float32([1, 0.5, 0.5]), PEN, color="match").image) > 0.003
    result = quick(CONTENT, PEN, color="content").image
    chroma = result - ns.color.luminance(result)
    wanted = CONTENT - GREY
    inside = ((result > 0) & (result < 1)).all(axis=2)
    np.testing.assert_allclose(chroma[inside], wanted[inside], atol=1e-5)


def test_a_function_is_grey_where_all_that_it_sees_is() -> None:
    assert coloured(quick(GREY, PEN, objective=Noted()).image) == 0
    assert coloured(quick(CONTENT, PEN, objective=Noted()).image) > 0
    assert coloured(quick(CONTENT, [], objective=lambda c: ns.ContentLoss(c, "input")).image) > 0


def test_another_parametrization_may_be_asked_for(runs: Runs) -> None:
    flat = ns.parametrizations.logistic()
    result = quick(CONTENT, PEN, parametrization=flat, scales=1)
    assert runs[0].options["parametrization"] is flat
    assert result.settings["parametrization"] == "logistic" and coloured(result.image) > 0
    with pytest.raises(TypeError, match="^parametrization: expected a Parametrization"):
        quick(CONTENT, PEN, parametrization="grey")
    with pytest.raises(ValueError, match="^bounds: expected None with a parametrization"):
        own = ns.Parametrization(*flat[:2])
        quick(CONTENT, PEN, parametrization=own, bounds=(0, 1))
