"""Targets: what of the content and of the styles an objective is made of, at every size."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from painting import PAINT, QUICK, STYLE, Noted, Shape, of_pixels, quick
from support import noise

import neuralstyle as ns
from neuralstyle.transfer import targets
from neuralstyle.transfer.scales import style_size


def test_the_targets_are_made_anew_at_every_scale() -> None:
    factory = Noted()
    quick(noise(128, 160), noise(100, 160, 1), objective=factory, scales=3, maxiter=1)
    assert factory.shapes == [
        [(32, 40), (32, 52)],  # its shorter side, too, is not below 32
        [(64, 80), (50, 80)],
        [(128, 160), (100, 160)],
    ]


def test_the_function_gets_the_content_first_and_then_the_styles_in_order() -> None:
    levels = (0.2, 0.4, 0.6, 0.8)
    content, *styles = (np.full((40, 40, 3), level, np.float32) for level in levels)
    factory = Noted()
    quick(content, styles, objective=factory, scales=1)
    np.testing.assert_allclose([picture.mean() for picture in factory.seen[0]], levels, atol=1e-4)


@pytest.mark.parametrize(
    ("scale", "style", "expected"),
    [
        (1.0, (400, 300), (80, 60)),
        (2.0, (400, 300), (160, 120)),
        (0.5, (400, 300), (43, 32)),  # as no scale has a shorter side
        (0.1, (400, 300), (43, 32)),
        (1.0, (600, 100), (192, 32)),
        (1.0, (30, 40), (30, 40)),  # enlarging would add blur alone
        (9.0, (400, 300), (400, 300)),
    ],
)
def test_the_style_is_scaled_beside_the_content_and_never_enlarged(
    scale: float, style: Shape, expected: Shape
) -> None:
    factory = Noted()
    content = noise(60, 80)
    quick(content, noise(*style), objective=factory, style_scale=scale, scales=1)
    assert factory.shapes == [[(60, 80), expected]]


def test_every_style_may_have_a_scale_of_its_own_regions_last() -> None:
    factory, content, style = Noted(), noise(60, 80), noise(160, 120)
    quick(content, [style, style], objective=factory, style_scale=[2, 1.0], scales=1)
    assert factory.shapes == [[(60, 80), (160, 120), (80, 60)]]
    seen: list[Shape] = []

    def noted(content: Any, style: Any, **masks: Any) -> list[ns.StyleObjective]:
        seen.append(style["input"].shape[1:3])
        return [1.0 * ns.CovarianceLoss(style, "input", **masks)]

    recipe = ns.Recipe("noted", lambda c: [], noted, maxiter=(1,))
    regions = [ns.Region(np.ones((60, 80)), style, np.ones((160, 120)))]
    options: dict[str, Any] = {"recipe": recipe, "regions": regions, "scales": 1}
    quick(content, style, style_scale=(1, 1.5), **options)
    assert seen == [(80, 60), (120, 90)]
    for wrong in ([1.0], [1.0, 1.0, 1.0]):
        message = "^style_scale: expected one for each of 1 styles and 1 regions, received"
        with pytest.raises(ValueError, match=message):
            quick(content, style, style_scale=wrong, **options)


@pytest.mark.parametrize("scale", [[], [1.0, 0], ["1"], 0, -1.0, float("nan"), "large", None])
def test_what_is_no_style_scale_is_refused_by_name(scale: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="^style_scale: expected"):
        quick(style_scale=scale)


@pytest.mark.parametrize(
    ("fit", "style", "scale", "expected"),
    [
        (None, (100, 100), 1.0, (80, 80)),
        ("crop", (100, 100), 1.0, (60, 80)),
        ("tile", (100, 100), 1.0, (80, 80)),
        (None, (30, 40), 1.0, (30, 40)),
        ("crop", (30, 40), 1.0, (30, 40)),
        ("tile", (30, 40), 1.0, (60, 80)),
        ("crop", (400, 200), 2.0, (60, 80)),
        ("tile", (400, 200), 0.5, (64, 80)),
        ("crop", (300, 100), 1.0, (60, 32)),
        ("tile", (300, 100), 1.0, (96, 80)),
    ],
)
def test_styles_are_cut_or_repeated_to_the_size_of_the_content(
    fit: Any, style: Shape, scale: float, expected: Shape
) -> None:
    factory = Noted()
    options = {**QUICK, "objective": factory, "maxiter": 1, "style_scale": scale}
    given = noise(*style, 1)
    result = ns.stylize(noise(60, 80), given, style_fit=fit, scales=1, **options)
    assert factory.shapes == [[(60, 80), expected]]
    assert result.settings["style_fit"] == fit
    scaled = ns.resize(given, style_size(given, (60, 80), scale))
    fitted = {None: lambda image, size: image, "crop": ns.crop, "tile": ns.tile}[fit]
    np.testing.assert_array_equal(factory.seen[0][1], fitted(scaled, (60, 80)))


def test_styles_are_fitted_at_every_scale() -> None:
    factory = Noted()
    styles = [noise(20, 28, 1), noise(200, 100, 2)]
    options = {**QUICK, "objective": factory, "maxiter": 1, "scales": 2}
    ns.stylize(noise(64, 80), styles, style_fit="tile", **options)
    assert factory.shapes == [[(32, 40), (32, 40), (64, 40)], [(64, 80), (64, 80), (80, 80)]]


def test_recipes_get_fitted_styles_too() -> None:
    shapes: list[Shape] = []

    def style(seen: Any, style: Any) -> list[ns.StyleObjective]:
        shapes.append(tuple(style["input"].shape[1:3]))
        return [1.0 * ns.CovarianceLoss(style, "input")]

    recipe = dataclasses.replace(of_pixels([]), style=style)
    for fit in ("crop", "tile"):
        options = {**PAINT, "recipe": recipe, "style_fit": fit}
        ns.stylize(noise(48, 40), noise(36, 44, 1), **options)
    assert shapes == [(36, 40), (48, 44)]


@pytest.mark.parametrize("fit", ["stretch", "", True, 3])
def test_what_is_no_fit_is_refused_by_name(fit: Any) -> None:
    with pytest.raises(ValueError, match='^style_fit: expected "crop", "tile" or None, received'):
        ns.stylize(noise(32, 40), STYLE, style_fit=fit, **QUICK)


SIZES = [(32, 40), (40, 32), (32, 40), (36, 36), (40, 32)]


@pytest.mark.parametrize(
    ("color", "styles"),
    [
        (None, [1, 2, 2, 3, 3]),
        ("content", [1, 2, 2, 3, 3]),
        ("only", [1, 2, 2, 3, 3]),
        ("match", [1, 2, 3, 4, 5]),
        ("luminance", [1, 2, 3, 4, 5]),
        (ns.ColorTreatment(style=lambda style, content: style), [1, 2, 3, 4, 5]),
    ],
    ids=["none", "content", "only", "match", "luminance", "own"],
)
def test_a_style_is_looked_at_once_for_each_size_unless_it_takes_the_contents_colours(
    color: Any, styles: list[int]
) -> None:
    made: list[str] = []
    contents = [noise(*size, seed) for seed, size in enumerate(SIZES)]
    options = {**PAINT, "recipe": of_pixels(made), "color": color}
    for number, _ in enumerate(ns.stylize_many(contents, STYLE, **options)):
        assert made.count("style") == styles[number]
        assert made.count("content") == number + 1


def test_a_style_is_looked_at_once_at_each_scale_and_for_each_of_several() -> None:
    made: list[str] = []
    options = {**PAINT, "recipe": of_pixels(made), "scales": 2}
    contents = [noise(64, 80, seed) for seed in range(3)]
    list(ns.stylize_many(contents, [STYLE, noise(40, 40)], **options))
    assert (made.count("content"), made.count("style")) == (3 * 2, 2 * 2)


def test_a_style_is_remembered_for_the_latest_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "REMEMBERED", 2)
    made: list[str] = []
    contents = [noise(32, width) for width in (32, 33, 34, 34, 33, 32, 32)]
    options = {**PAINT, "recipe": of_pixels(made), "maxiter": 1}
    counts = [made.count("style") for _ in ns.stylize_many(contents, STYLE, **options)]
    assert counts == [1, 2, 3, 3, 3, 4, 4]
