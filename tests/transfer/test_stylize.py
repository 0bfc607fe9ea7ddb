"""`stylize`: one call, coarse to fine, that is nothing but `minimize` at every scale."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
from painting import PIXELS, SHALLOW, Noted, Runs, of_pixels, quick
from support import Array, noise, picture, pixels

import neuralstyle as ns
from neuralstyle import recipes
from neuralstyle.transfer import painter

Pictures: TypeAlias = tuple[Array, Array]


@pytest.mark.parametrize("method", ["l-bfgs", "l-bfgs-b", "adam"])
def test_one_scale_is_minimize_bit_for_bit(
    method: str, vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    content, style = pictures
    expected = ns.minimize(
        SHALLOW(vgg(content), vgg(style)), vgg, content, method=method, maxiter=5, ftol=0.0
    )
    result = ns.stylize(
        content,
        style,
        recipe=SHALLOW,
        network=vgg,
        scales=1,
        maxiter=5,
        ftol=0.0,
        method=method,
    )
    np.testing.assert_array_equal(result.image, expected.image)
    assert (result.fun, result.losses) == (expected.fun, expected.losses)
    assert (result.nit, result.nfev) == (expected.nit, expected.nfev)
    assert [r.fun for r in result.history] == [r.fun for r in expected.history]
    assert (result.status, result.message) == (expected.status, expected.message)


def test_two_scales_are_minimize_twice_bit_for_bit() -> None:
    content, style = noise(80, 120), noise(40, 40, seed=1)
    small = ns.resize(content, (40, 60))
    options: dict[str, Any] = {"maxiter": 2, "method": "l-bfgs"}
    first = ns.minimize(Noted()(*map(pixels, (small, style))), pixels, small, **options)
    detail = content - ns.resize(small, (80, 120))
    second = ns.minimize(
        Noted()(*map(pixels, (content, style))),
        pixels,
        np.clip(ns.resize(first.image, (80, 120)) + detail, 0, 1),
        **options,
    )
    result = quick()
    np.testing.assert_array_equal(result.image, second.image)
    assert result.fun == second.fun
    assert result.nfev == first.nfev + second.nfev


def test_the_callers_images_are_not_written_to() -> None:
    images = [noise(40, 60, seed) for seed in range(3)]
    before = [image.copy() for image in images]
    for image in images:
        image.setflags(write=False)
    quick(images[0], images[1:], init=images[0], size=(40, 60))
    for image, kept in zip(images, before, strict=True):
        np.testing.assert_array_equal(image, kept)


@pytest.mark.parametrize(
    ("weights", "shares"), [(None, [0.5, 0.5]), ([3, 1], [0.75, 0.25]), ((0.2, 0.8), [0.2, 0.8])]
)
def test_several_styles_have_equal_shares_or_those_given(
    weights: Any, shares: list[float], vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    content, style = pictures
    other = noise(40, 56, seed=9)
    objective = SHALLOW(*map(vgg, (content, style, other)), style_weights=shares)
    expected = ns.minimize(objective, vgg, content, method="l-bfgs", maxiter=2)
    result = ns.stylize(
        content,
        [style, other],
        style_weights=weights,
        recipe=SHALLOW,
        network=vgg,
        scales=1,
        maxiter=2,
    )
    np.testing.assert_array_equal(result.image, expected.image)
    assert len(result.losses) == 2 + 2
    assert result.settings["style_weights"] == (weights and list(weights))


def test_a_list_of_one_style_is_that_style() -> None:
    style = noise(40, 40, seed=1)
    np.testing.assert_array_equal(quick(style=[style]).image, quick(style=style).image)


@pytest.mark.parametrize(
    "weights", [[1.0], [1, 1, 1], [1, -1], [0, 0], [1, float("nan")], [1, float("inf")], 3, "ab"]
)
def test_what_are_no_style_weights_is_refused_by_name(
    weights: Any, vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    content, style = pictures
    with pytest.raises((TypeError, ValueError), match="^style_weights: expected"):
        ns.stylize(content, [style, style], style_weights=weights, network=vgg)


def test_a_function_weighs_its_styles_itself() -> None:
    with pytest.raises(ValueError, match="^style_weights: expected None with a function"):
        quick(style=[noise(40, 40), noise(40, 40)], style_weights=[1, 1])


@pytest.mark.parametrize(
    ("style", "kind", "message"),
    [
        ([], ValueError, "^style: expected at least one"),
        (noise(40, 40) * 255, ValueError, "^style: .*divide by 255"),
        ([noise(40, 40), np.zeros((40, 40, 3), np.uint8)], TypeError, r"^style\[1\].*divide"),
        (None, TypeError, "^style"),
    ],
)
def test_what_is_no_style_is_refused_by_name(
    style: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        ns.stylize(noise(40, 40), style, recipe=SHALLOW, network=PIXELS)


def test_what_is_no_content_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="^content.*divide by 255"):
        quick(np.zeros((40, 40, 3), np.uint8))


def test_a_recipe_brings_its_own_settings(
    vgg: ns.VGG16Features, pictures: Pictures, runs: Runs
) -> None:
    result = ns.stylize(*pictures, recipe=recipes.risser2017(), network=vgg, maxiter=1, seed=5)
    assert list(result.losses) == ["content", "style", "histogram"]
    assert result.settings["recipe"] == "risser2017"
    assert result.settings["init"] == "noise"
    expected = np.random.default_rng(5).uniform(0.35, 0.65, (48, 64, 3))
    np.testing.assert_allclose(runs[0].start, expected, rtol=1e-6)


def test_a_recipe_may_start_from_an_image_of_its_own(
    vgg: ns.VGG16Features, pictures: Pictures, runs: Runs
) -> None:
    ns.stylize(*pictures, recipe=recipes.neural_style(), network=vgg, maxiter=1)
    mean = np.array([123.68, 116.779, 103.939]) / 255
    np.testing.assert_allclose(runs[0].start.mean(axis=(0, 1)), mean, atol=1e-4)
    assert 0 < runs[0].start.std(axis=(0, 1)).max() < 1e-4


def test_a_function_may_be_the_objective() -> None:
    result = quick()
    assert list(result.losses) == ["content", "total_variation", "covariance"]
    assert result.settings["recipe"] == "function"


def test_a_function_may_return_a_single_loss() -> None:
    result = quick(objective=lambda content, style: ns.CovarianceLoss(style, "input"))
    assert list(result.losses) == ["covariance"]


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("default", "use recipe=$"),
        (SHALLOW, "use recipe=$"),
        (recipes.default, "use recipe=$"),
        (3, "received 3$"),
        (ns.TotalVariationLoss(), r"made already: .*lambda content, style.*default\(\) \+ loss$"),
        (2 * ns.TotalVariationLoss(), "at each scale, received .*made already"),
    ],
)
def test_what_is_no_objective_is_refused_by_name(objective: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^objective: expected a function.*{message}"):
        quick(objective=objective)


@pytest.mark.parametrize("count", [1, 2])
def test_a_function_of_other_features_is_refused_before_it_is_called(count: int) -> None:
    with pytest.raises(TypeError, match=r"^objective: expected objective\(content, style.*\(c\)"):
        quick(style=[noise(40, 40)] * count, objective=lambda c: ns.ContentLoss(c, "input"))


@pytest.mark.parametrize("returned", [None, 3.0, ns.TotalVariationLoss])
def test_a_function_that_returns_no_objective_is_named(returned: Any) -> None:
    message = "^objective: its function: expected a loss or an objective, received"
    with pytest.raises(TypeError, match=message):
        quick(objective=lambda content, style: returned)


@pytest.mark.parametrize(
    ("recipe", "error", "message"),
    [
        ("gatys", ValueError, "expected one of default, fast, gatys2016, .*received 'gatys'"),
        (recipes.default, TypeError, "received the function that makes one; call it"),
        (lambda c, s: ns.StyleLoss(s), TypeError, "objective= takes a function"),
        (ns.TotalVariationLoss(), TypeError, r"is ns.recipes.default\(\) \+ loss"),
        (3, TypeError, "received 3"),
    ],
)
def test_what_is_no_recipe_is_refused_by_name(
    recipe: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^recipe: .*{message}"):
        quick(recipe=recipe)


def test_a_recipe_beside_a_function_is_refused() -> None:
    with pytest.raises(ValueError, match="^recipe: expected None with a function"):
        ns.stylize(noise(8, 8), noise(8, 8), recipe="default", objective=Noted(), network=PIXELS)


@pytest.mark.parametrize(
    ("recipe", "pooling", "expected"),
    [
        (SHALLOW, None, "max"),
        (SHALLOW, "avg", "avg"),
        (dataclasses.replace(SHALLOW, pooling="avg"), None, "avg"),
        (dataclasses.replace(SHALLOW, pooling="avg"), "max", "max"),
    ],
)
def test_the_network_has_the_recipes_pooling_or_that_asked_for(
    recipe: recipes.Recipe, pooling: Any, expected: str, pictures: Pictures
) -> None:
    result = ns.stylize(*pictures, recipe=recipe, network="compact", pooling=pooling, maxiter=1)
    assert f"pooling={expected!r}" in result.settings["extractor"]
    assert result.settings["network"] == "compact"


def test_pooling_beside_an_extractor_is_refused(vgg: ns.VGG16Features, pictures: Pictures) -> None:
    with pytest.raises(ValueError, match="^pooling: expected None with an extractor"):
        ns.stylize(*pictures, network=vgg, pooling="max")


@pytest.mark.parametrize(
    ("options", "method"),
    [
        ({}, "l-bfgs"),
        ({"bounds": (0.0, 1.0)}, "l-bfgs-b"),
        ({"method": "l-bfgs-b"}, "l-bfgs-b"),
        ({"method": "adam", "bounds": (0.0, 1.0)}, "adam"),
        ({"method": ns.LBFGS(maxcor=3)}, "l-bfgs:maxcor=3"),
        ({"recipe": of_pixels([], method=ns.LBFGS(maxcor=4))}, "l-bfgs:maxcor=4"),
        ({"recipe": of_pixels([], method=ns.LBFGS(maxcor=4)), "bounds": (0, 1)}, "l-bfgs-b"),
        (
            {"recipe": of_pixels([], method=ns.LBFGSB(maxcor=4)), "bounds": (0, 1)},
            "l-bfgs-b:maxcor=4",
        ),
    ],
)
def test_the_method_is_the_recipes_unless_there_are_bounds_that_it_does_not_take(
    options: dict[str, Any], method: str
) -> None:
    assert quick(**options).settings["method"] == method


def test_a_method_that_does_not_exist_is_refused_before_any_work(runs: Runs) -> None:
    with pytest.raises(ValueError, match="^method: expected 'l-bfgs-b', "):
        quick(method="newton")
    with pytest.raises(ValueError, match="^bounds: expected None"):
        quick(method="l-bfgs", bounds=(0.0, 1.0))
    assert runs == []


def test_the_same_seed_gives_the_same_bits(vgg: ns.VGG16Features, pictures: Pictures) -> None:
    first, again, other = (
        ns.stylize(*pictures, recipe=SHALLOW, network=vgg, init="noise", seed=seed, maxiter=3)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.image, again.image)
    assert first.fun == again.fun
    assert not np.array_equal(first.image, other.image)


def test_further_keywords_reach_minimize(runs: Runs) -> None:
    options = {"ftol": 1e-5, "gtol": 1e-9, "xtol": 1e-3, "maxfun": 50}
    result = quick(bounds=(0.25, 0.5), **options)
    for run in runs:
        assert {name: run.options[name] for name in options} == options
    assert result.image.min() >= 0.25 and result.image.max() <= 0.5
    assert result.settings["bounds"] == (0.25, 0.5)


def test_settings_tell_how_the_picture_was_made() -> None:
    settings = quick(style_scale=2.0, seed=3, maxiter=[2, 1]).settings
    expected = {
        "recipe": "function",
        "style_weights": None,
        "style_scale": 2.0,
        "shapes": [(40, 60), (80, 120)],
        "maxiter": [2, 1],
        "init": "content",
        "seed": 3,
        "network": repr(PIXELS),
        "method": "l-bfgs",
        "balance": None,
    }
    assert {name: settings[name] for name in expected} == expected
    assert "versions" in settings and "objective" in settings


@pytest.mark.parametrize("callbacks", [[], ["callback"]])
def test_a_run_prints_nothing(callbacks: Sequence[str], capfd: pytest.CaptureFixture[str]) -> None:
    quick(**{name: (lambda progress: None) for name in callbacks})
    assert capfd.readouterr() == ("", "")


def test_progress_is_drawn_on_standard_error_when_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = quick(progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err != ""
    np.testing.assert_array_equal(result.image, quick().image)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"callback": 3}, "^callback: expected"),
        ({"ftol": -1.0}, "^ftol: expected"),
        ({"bounds": (1, 0)}, "^bounds: expected"),
        ({"recipe": recipes.default}, "^recipe: .*call it"),
    ],
)
def test_wrong_options_are_refused_before_the_network_is_loaded(
    options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painter, "load_network", lambda *_: pytest.fail("it was loaded"))
    with pytest.raises((TypeError, ValueError), match=message):
        ns.stylize(noise(40, 40), noise(40, 40), **options)


def test_seconds_are_those_of_the_whole_call() -> None:
    started = time.perf_counter()
    result = quick(noise(64, 64), scales=2, maxiter=2)
    assert 0.8 * (time.perf_counter() - started) < result.seconds
    seconds = [record.seconds for record in result.history]
    assert seconds == sorted(seconds) and seconds[-1] <= result.seconds


def test_a_picture_in_tiles_is_the_picture() -> None:
    content, style = picture(0, (64, 130)), picture(1, (80, 140))
    options: dict[str, Any] = {"recipe": SHALLOW, "maxiter": 2, "scales": 1}
    whole = ns.stylize(content, style, **options)
    tiled = ns.stylize(content, style, tile=64, **options)
    np.testing.assert_allclose(tiled.image, whole.image, atol=2e-3)
    assert tiled.losses == pytest.approx(whole.losses, rel=1e-3)
    assert tiled.settings["tile"] == 64
