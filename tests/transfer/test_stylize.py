"""`stylize`: one call, coarse to fine, that is nothing but `minimize` at every scale."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from keras import ops

import neuralstyle as ns
from neuralstyle.transfer import painter
from neuralstyle.transfer import recipes as presets
from neuralstyle.transfer.scales import pyramid

Pictures = tuple[np.ndarray, np.ndarray]
Shape = tuple[int, int]


def pixels(image: Any) -> dict[str, Any]:
    """The extractor without a network."""
    return {"input": image}


def blend(content: Any, *styles: Any) -> ns.StyleObjective:
    """Keep the picture, take the colours; without a network, and with many iterations."""
    terms = [ns.ContentLoss(content, "input"), 0.1 * ns.TotalVariationLoss(exponent=1.2)]
    terms += [ns.CovarianceLoss(style, "input") for style in styles]
    return ns.StyleObjective(*terms)


SHALLOW = presets.default(
    content_layers="block2_conv1",
    style_layers=("block1_conv1", "block2_conv1"),
)
"""The default recipe without the deep layers, which take long to compile."""


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


def quick(content: Any = None, style: Any = None, **options: Any) -> ns.StyleResult:
    """A run without a network: at 40 x 60 and 80 x 120 by default, two iterations at each."""
    content = noise(80, 120) if content is None else content
    style = noise(40, 40, seed=1) if style is None else style
    return ns.stylize(
        content,
        style,
        **{"objective": blend, "extractor": pixels, "maxiter": 2, "scales": 2, **options},
    )


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    """The starting image and keywords of every call of `minimize`."""
    calls: list[tuple[Any, dict[str, Any]]] = []
    minimize = ns.minimize

    def noted(objective: Any, extractor: Any, init: Any, **options: Any) -> ns.StyleResult:
        calls.append((np.array(init), options))
        return minimize(objective, extractor, init, **options)

    monkeypatch.setattr(painter, "minimize", noted)
    return calls


# Sizes and scales


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        (None, (48, 64)),
        (64, (48, 64)),
        (32, (24, 32)),
        (100, (75, 100)),
        (np.int64(32), (24, 32)),
        ((30, 30), (30, 30)),
        ([20, 50], (20, 50)),
    ],
)
def test_the_result_has_the_size_asked_for(size: Any, shape: Shape, pictures: Pictures) -> None:
    result = quick(*pictures, size=size, scales=1)
    assert result.image.shape == (*shape, 3)
    assert result.image.dtype == np.float32
    assert result.image.min() >= 0 and result.image.max() <= 1
    assert result.settings["shapes"] == [shape]


@pytest.mark.parametrize(
    "size", [0, -64, 64.0, True, "large", (48, 0), (48, 64, 3), (), (48.0, 64)]
)
def test_what_is_no_size_is_refused_by_name(size: Any, pictures: Pictures) -> None:
    with pytest.raises((TypeError, ValueError), match="^size: expected"):
        quick(*pictures, size=size)


@pytest.mark.parametrize(
    ("shape", "scales", "min_size", "expected"),
    [
        ((256, 256), None, None, [(256, 256)]),
        ((256, 256), None, 64, [(64, 64), (128, 128), (256, 256)]),
        ((255, 129), None, 64, [(64, 32), (128, 64), (255, 129)]),
        ((127, 127), None, 64, [(64, 64), (127, 127)]),
        ((120, 120), None, 64, [(120, 120)]),
        ((256, 256), 1, 64, [(256, 256)]),
        ((256, 256), 2, 64, [(128, 128), (256, 256)]),
        ((256, 256), 4, None, [(32, 32), (64, 64), (128, 128), (256, 256)]),
        ((256, 256), 9, None, [(32, 32), (64, 64), (128, 128), (256, 256)]),
        ((40, 4000), None, 64, [(40, 4000)]),
        ((70, 4000), 5, None, [(35, 2000), (70, 4000)]),
        ((1, 1), 3, 64, [(1, 1)]),
        ((20, 30), None, 64, [(20, 30)]),
    ],
)
def test_scales_are_halves_from_coarse_to_fine(
    shape: Shape, scales: int | None, min_size: int | None, expected: list[Shape]
) -> None:
    assert pyramid(shape, scales, min_size) == expected


def test_every_scale_is_half_of_the_full_size_without_rounding_twice() -> None:
    shapes = pyramid((1001, 777), None, 64)
    assert shapes[-1] == (1001, 777)
    for steps, (height, width) in enumerate(reversed(shapes)):
        assert abs(height - 1001 / 2**steps) <= 0.5
        assert abs(width - 777 / 2**steps) <= 0.5


@pytest.mark.parametrize(
    ("scales", "kind"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_what_is_no_number_of_scales_is_refused_by_name(scales: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="^scales: expected"):
        quick(scales=scales)


def test_the_default_recipe_works_from_64_pixels_upwards(
    vgg: ns.VGG19Features, pictures: Pictures
) -> None:
    result = ns.stylize(*pictures, extractor=vgg, size=(96, 128), maxiter=1)
    assert result.settings["shapes"] == [(48, 64), (96, 128)]
    assert result.settings["recipe"] == "default"
    assert result.nit == 2


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (2, 2), (20, 30), (8, 300)])
def test_pictures_of_odd_sizes_are_painted_too(height: int, width: int) -> None:
    def colour(content: Any, style: Any) -> ns.StyleObjective:
        return ns.ContentLoss(content, "input") + ns.CovarianceLoss(style, "input")

    content = 0.5 * noise(height, width)
    result = ns.stylize(content, 1 - content[::-1], objective=colour, extractor=pixels, maxiter=3)
    assert result.image.shape == (height, width, 3)
    assert np.isfinite(result.fun)
    assert not np.array_equal(result.image, content)


@pytest.mark.parametrize(("height", "width"), [(20, 30), (16, 200)])
def test_the_default_recipe_paints_small_and_wide_pictures(
    height: int, width: int, vgg: ns.VGG19Features
) -> None:
    result = ns.stylize(noise(height, width), noise(20, 30, 1), extractor=vgg, maxiter=2)
    assert result.image.shape == (height, width, 3)
    assert result.success and result.nit == 2
    assert result.history[1].fun < result.history[0].fun


@pytest.mark.parametrize(("content", "style"), [((1, 1), (48, 64)), ((48, 64), (1, 1))])
def test_the_default_recipe_refuses_pictures_that_are_too_small_for_the_network(
    content: Shape, style: Shape, vgg: ns.VGG19Features
) -> None:
    with pytest.raises(ValueError, match="1 x 1|at least 2 x 2 pixels"):
        ns.stylize(noise(*content), noise(*style), extractor=vgg, maxiter=2)


# Targets


class Factory:
    """Makes the objective of `blend` and notes the sizes of what it gets."""

    def __init__(self) -> None:
        self.sizes: list[list[Shape]] = []
        self.means: list[list[np.ndarray]] = []

    def __call__(self, *features: Any) -> ns.StyleObjective:
        self.sizes.append([tuple(f["input"].shape[1:3]) for f in features])
        self.means.append([np.asarray(f["input"]).mean(axis=(0, 1, 2)) for f in features])
        return blend(*features)


def test_the_targets_are_made_anew_at_every_scale() -> None:
    factory = Factory()
    quick(noise(128, 160), noise(100, 160, 1), objective=factory, scales=3, maxiter=1)
    assert factory.sizes == [
        [(32, 40), (32, 52)],  # its shorter side, too, is not below 32
        [(64, 80), (50, 80)],
        [(128, 160), (100, 160)],
    ]


def test_the_function_gets_the_content_first_and_then_the_styles_in_order() -> None:
    levels = (0.2, 0.4, 0.6, 0.8)
    content, *styles = (np.full((40, 40, 3), level, np.float32) for level in levels)
    factory = Factory()
    quick(content, styles, objective=factory, scales=1)
    np.testing.assert_allclose([m.mean() for m in factory.means[0]], levels, atol=1e-4)


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
    factory = Factory()
    content = noise(60, 80)
    quick(content, noise(*style), objective=factory, style_scale=scale, scales=1)
    assert factory.sizes == [[(60, 80), expected]]


@pytest.mark.parametrize("scale", [0, -1.0, float("nan"), float("inf"), "large", None])
def test_what_is_no_style_scale_is_refused_by_name(scale: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="^style_scale: expected"):
        quick(style_scale=scale)


@pytest.mark.parametrize("method", ["l-bfgs", "l-bfgs-b", "adam"])
def test_one_scale_is_minimize_bit_for_bit(
    method: str, vgg: ns.VGG19Features, pictures: Pictures
) -> None:
    content, style = pictures
    expected = ns.minimize(
        SHALLOW(vgg(content), vgg(style)), vgg, content, method=method, maxiter=5, ftol=0.0
    )
    result = ns.stylize(
        content,
        style,
        objective=SHALLOW,
        extractor=vgg,
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
    first = ns.minimize(blend(*map(pixels, (small[None], style[None]))), pixels, small, **options)
    detail = content - ns.resize(small, (80, 120))
    second = ns.minimize(
        blend(*map(pixels, (content[None], style[None]))),
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


# Several styles


@pytest.mark.parametrize(
    ("weights", "shares"), [(None, [0.5, 0.5]), ([3, 1], [0.75, 0.25]), ((0.2, 0.8), [0.2, 0.8])]
)
def test_several_styles_have_equal_shares_or_those_given(
    weights: Any, shares: list[float], vgg: ns.VGG19Features, pictures: Pictures
) -> None:
    content, style = pictures
    other = noise(40, 56, seed=9)
    objective = SHALLOW(*map(vgg, (content, style, other)), style_weights=shares)
    expected = ns.minimize(objective, vgg, content, method="l-bfgs", maxiter=2)
    result = ns.stylize(
        content,
        [style, other],
        style_weights=weights,
        objective=SHALLOW,
        extractor=vgg,
        scales=1,
        maxiter=2,
    )
    np.testing.assert_array_equal(result.image, expected.image)
    assert len(result.losses) == 2 + 2 * 7
    assert result.settings["style_weights"] == weights


def test_a_list_of_one_style_is_that_style() -> None:
    style = noise(40, 40, seed=1)
    np.testing.assert_array_equal(quick(style=[style]).image, quick(style=style).image)


@pytest.mark.parametrize(
    "weights", [[1.0], [1, 1, 1], [1, -1], [0, 0], [1, float("nan")], [1, float("inf")], 3, "ab"]
)
def test_what_are_no_style_weights_is_refused_by_name(
    weights: Any, vgg: ns.VGG19Features, pictures: Pictures
) -> None:
    content, style = pictures
    with pytest.raises((TypeError, ValueError), match="^style_weights: expected"):
        ns.stylize(content, [style, style], style_weights=weights, extractor=vgg)


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
        ns.stylize(noise(40, 40), style, objective=SHALLOW, extractor=pixels)


def test_what_is_no_content_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="^content.*divide by 255"):
        quick(np.zeros((40, 40, 3), np.uint8))


# Objectives, networks


def test_a_recipe_brings_its_own_settings(
    vgg: ns.VGG19Features, pictures: Pictures, starts: list[tuple[Any, dict[str, Any]]]
) -> None:
    result = ns.stylize(*pictures, objective=presets.gatys2016(), extractor=vgg, maxiter=1, seed=5)
    assert list(result.losses) == ["content", "style"]
    assert result.settings["recipe"] == "gatys2016"
    assert result.settings["init"] == "noise"
    expected = np.random.default_rng(5).uniform(0.35, 0.65, (48, 64, 3))
    np.testing.assert_allclose(starts[0][0], expected, rtol=1e-6)


def test_a_recipe_may_start_from_an_image_of_its_own(
    vgg: ns.VGG19Features, pictures: Pictures, starts: list[tuple[Any, dict[str, Any]]]
) -> None:
    ns.stylize(*pictures, objective=presets.neural_style(), extractor=vgg, maxiter=1)
    mean = np.array([123.68, 116.779, 103.939]) / 255
    np.testing.assert_allclose(starts[0][0].mean(axis=(0, 1)), mean, atol=1e-4)
    assert 0 < starts[0][0].std(axis=(0, 1)).max() < 1e-4


def test_a_function_may_be_the_objective() -> None:
    result = quick()
    assert list(result.losses) == ["content", "total_variation", "covariance"]
    assert result.settings["recipe"] == "function"


def test_a_function_may_return_a_single_loss() -> None:
    result = quick(objective=lambda content, style: ns.CovarianceLoss(style, "input"))
    assert list(result.losses) == ["covariance"]


@pytest.mark.parametrize(
    "objective", ["default", 3, ns.TotalVariationLoss() + ns.TotalVariationLoss()]
)
def test_what_is_no_objective_is_refused_by_name(objective: Any) -> None:
    with pytest.raises(TypeError, match="^objective: expected"):
        quick(objective=objective)


@pytest.mark.parametrize(
    ("recipe", "pooling", "expected"),
    [
        (SHALLOW, None, "avg"),
        (SHALLOW, "max", "max"),
        (dataclasses.replace(SHALLOW, pooling="max"), None, "max"),
        (dataclasses.replace(SHALLOW, pooling="max"), "avg", "avg"),
    ],
)
def test_the_network_is_made_from_weights_and_the_recipes_pooling(
    recipe: presets.Recipe, pooling: Any, expected: str, pictures: Pictures
) -> None:
    result = ns.stylize(*pictures, objective=recipe, weights="compact", pooling=pooling, maxiter=1)
    description = f"VGG19Features(weights='compact', pooling={expected!r})"
    assert result.settings["extractor"] == description


def test_pooling_beside_an_extractor_is_refused(vgg: ns.VGG19Features, pictures: Pictures) -> None:
    with pytest.raises(ValueError, match="^pooling: expected None with an extractor"):
        ns.stylize(*pictures, extractor=vgg, pooling="max")


# Where runs start


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        (None, lambda content, style: ns.resize(content, (40, 60))),
        ("content", lambda content, style: ns.resize(content, (40, 60))),
        ("style", lambda content, style: ns.resize(style, (40, 60))),
        ("noise", lambda content, style: ns_noise((40, 60), seed=7)),
        (noise(40, 60, 5), lambda content, style: noise(40, 60, 5)),
        (noise(90, 33, 5), lambda content, style: ns.resize(noise(90, 33, 5), (40, 60))),
        (noise(40, 60, 5).astype(np.float64), lambda content, style: noise(40, 60, 5)),
    ],
    ids=["default", "content", "style", "noise", "image", "image of another size", "float64"],
)
def test_a_run_starts_where_it_is_told_to_at_the_coarsest_scale(
    init: Any,
    expected: Callable[[np.ndarray, np.ndarray], np.ndarray],
    starts: list[tuple[Any, dict[str, Any]]],
) -> None:
    content, style = noise(80, 120), noise(40, 40, seed=1)
    quick(content, style, init=init, seed=7)
    np.testing.assert_array_equal(starts[0][0], expected(content, style))


def ns_noise(shape: Shape, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.35, 0.65, (*shape, 3)).astype(np.float32)


def test_a_run_can_go_on_from_the_result_of_another(
    starts: list[tuple[Any, dict[str, Any]]],
) -> None:
    first = quick(scales=1)
    second = quick(scales=1, init=first.image)
    np.testing.assert_array_equal(starts[1][0], first.image)
    assert second.history[0].fun < first.fun
    assert second.settings["init"] == "image"


def test_every_scale_starts_from_the_enlarged_result_of_the_one_before(
    starts: list[tuple[Any, dict[str, Any]]],
) -> None:
    coarse = quick(size=(40, 60), scales=1, init="noise")
    quick(init="noise")
    np.testing.assert_array_equal(starts[2][0], ns.resize(coarse.image, (80, 120)))


def test_a_scale_that_changes_nothing_leaves_the_content_as_sharp_as_it_is(
    starts: list[tuple[Any, dict[str, Any]]],
) -> None:
    content = noise(80, 120)
    ns.stylize(
        content,
        noise(40, 40),
        objective=lambda c, s: ns.ContentLoss(c, "input"),
        extractor=pixels,
        scales=2,
        maxiter=2,
    )
    assert len(starts) == 2
    np.testing.assert_allclose(starts[1][0], content, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "method"),
    [
        ({}, "l-bfgs"),
        ({"bounds": (0.0, 1.0)}, "l-bfgs-b"),
        ({"method": "l-bfgs-b"}, "l-bfgs-b"),
        ({"method": "adam", "bounds": (0.0, 1.0)}, "adam"),
    ],
)
def test_the_method_is_the_own_lbfgs_where_there_are_no_bounds(
    options: dict[str, Any], method: str
) -> None:
    assert quick(**options).settings["method"] == method


def test_a_method_that_does_not_exist_is_refused_before_any_work(
    starts: list[tuple[Any, dict[str, Any]]],
) -> None:
    with pytest.raises(ValueError, match="^method: expected 'l-bfgs-b', 'l-bfgs', 'adam'"):
        quick(method="newton")
    with pytest.raises(ValueError, match="^bounds: expected None"):
        quick(method="l-bfgs", bounds=(0.0, 1.0))
    assert starts == []


@pytest.mark.parametrize(
    ("init", "kind"),
    [
        ("random", ValueError),
        ("", ValueError),
        (noise(40, 40) * 255, ValueError),
        (np.zeros((40, 40, 3), np.uint8), TypeError),
        (5, TypeError),
    ],
)
def test_what_is_no_start_is_refused_by_name(init: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="^init"):
        quick(init=init)


def test_the_same_seed_gives_the_same_bits(vgg: ns.VGG19Features, pictures: Pictures) -> None:
    first, again, other = (
        ns.stylize(*pictures, objective=SHALLOW, extractor=vgg, init="noise", seed=seed, maxiter=3)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.image, again.image)
    assert first.fun == again.fun
    assert not np.array_equal(first.image, other.image)


# Iterations


@pytest.mark.parametrize(
    ("maxiter", "expected"),
    [
        (2, [2, 2, 2]),
        ([4, 2, 1], [4, 2, 1]),
        ((3, 1), [3, 1, 1]),
        ([2], [2, 2, 2]),
        (np.int64(2), [2, 2, 2]),
    ],
)
def test_iterations_are_given_for_all_scales_or_for_each(maxiter: Any, expected: list[int]) -> None:
    result = quick(noise(128, 128), scales=3, maxiter=maxiter)
    per_scale = [sum(r.scale == scale for r in result.history) for scale in range(3)]
    assert per_scale == expected
    assert result.settings["maxiter"] == expected


@pytest.mark.parametrize(
    "maxiter", [0, -1, 2.5, "many", [], [2, 0], [2, 2.5], [2, None], [1, 1, 1]]
)
def test_wrong_iterations_are_refused_by_name_before_the_first(maxiter: Any) -> None:
    seen: list[ns.Progress] = []
    with pytest.raises((TypeError, ValueError), match="^maxiter: expected"):
        quick(maxiter=maxiter, callback=seen.append)
    assert seen == []


def test_a_recipes_iterations_go_from_coarse_to_fine() -> None:
    recipe = presets.Recipe(
        "short",
        content=lambda content: [1.0 * ns.ContentLoss(content, "input")],
        style=lambda content, style: [1.0 * ns.CovarianceLoss(style, "input")],
        maxiter=(3, 1),
        min_size=32,
    )
    content, style = noise(128, 128), noise(40, 40, 1)
    result = ns.stylize(content, style, objective=recipe, extractor=pixels)
    assert result.settings["shapes"] == [(32, 32), (64, 64), (128, 128)]
    assert [r.scale for r in result.history] == [0, 0, 0, 1, 2]


def test_further_keywords_reach_minimize(starts: list[tuple[Any, dict[str, Any]]]) -> None:
    options = {"maxcor": 3, "ftol": 1e-5, "gtol": 1e-9, "maxls": 7, "maxfun": 50}
    result = quick(bounds=(0.25, 0.5), **options)
    for _, given in starts:
        assert {name: given[name] for name in options} == options
    assert result.image.min() >= 0.25 and result.image.max() <= 0.5
    assert result.settings["bounds"] == (0.25, 0.5)


def test_a_keyword_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="learning_rate"):
        quick(learning_rate=0.1)


@pytest.mark.parametrize("options", [{"ftol": -1}, {"maxfun": 0}, {"bounds": (1, 0)}])
def test_a_keyword_of_minimize_out_of_range_is_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(options))}: expected"):
        quick(**options)


# Records, histories and the ends of runs


def three_scales(**options: Any) -> ns.StyleResult:
    return quick(noise(128, 128), **{"scales": 3, "maxiter": 3, **options})


def test_the_history_runs_over_all_scales() -> None:
    result = three_scales(maxiter=[3, 2, 1])
    history = result.history
    assert [record.nit for record in history] == [1, 2, 3, 4, 5, 6]
    assert [record.scale for record in history] == [0, 0, 0, 1, 1, 2]
    assert result.nit == 6
    for name in ("nfev", "seconds"):
        numbers = [getattr(record, name) for record in history]
        assert all(a < b for a, b in zip(numbers, numbers[1:], strict=False)), name
        assert numbers[-1] <= getattr(result, name)
    # The result's values are those of the picture, which is clipped.
    assert result.fun == pytest.approx(history[-1].fun, rel=0.05)
    assert result.losses.keys() == history[-1].losses.keys()
    assert result.image.shape == (128, 128, 3)


def test_a_callback_sees_the_whole_run() -> None:
    seen: list[ns.Progress] = []
    result = three_scales(maxiter=[3, 2, 1], callback=seen.append)
    assert len(seen) == 6
    for progress, record in zip(seen, result.history, strict=True):
        for name in ("nit", "nfev", "fun", "losses", "scale"):
            assert getattr(progress, name) == getattr(record, name), name
        assert progress.seconds == pytest.approx(record.seconds, abs=0.05)
        assert progress.scales == 3
        assert progress.maxiter == 6
        assert progress.image.shape == progress.shape
    # In iterations of the scale at hand; the next has four times the pixels.
    assert [progress.work_left for progress in seen] == [26, 25, 24, 5, 4, 0]
    assert [progress.shape[0] for progress in seen] == [32, 32, 32, 64, 64, 128]
    np.testing.assert_array_equal(seen[-1].image, result.image)


def test_a_callback_changes_nothing() -> None:
    np.testing.assert_array_equal(quick(callback=lambda p: None).image, quick().image)


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
    }
    assert {name: settings[name] for name in expected} == expected
    assert "versions" in settings and "objective" in settings


def raise_at(nit: int, error: BaseException) -> Callable[[ns.Progress], None]:
    def callback(progress: ns.Progress) -> None:
        if progress.nit == nit:
            raise error

    return callback


def assert_ended_in_the_second_scale(result: ns.StyleResult) -> None:
    expected = three_scales(size=(64, 64), scales=2, maxiter=[3, 2])
    assert result.image.shape == (64, 64, 3)
    assert result.nit == 5
    assert [record.scale for record in result.history] == [0, 0, 0, 1, 1]
    assert result.nfev == expected.nfev
    assert np.isfinite(result.image).all()


def test_stop_iteration_in_the_second_scale_ends_the_whole_run() -> None:
    factory = Factory()
    result = three_scales(objective=factory, callback=raise_at(5, StopIteration("enough")))
    assert result.status is ns.Status.CALLBACK and result.success
    assert result.message == "halted by the callback: enough"
    assert_ended_in_the_second_scale(result)
    assert len(factory.sizes) == 2


def test_an_interrupt_in_the_second_scale_ends_the_whole_run() -> None:
    factory = Factory()
    result = three_scales(objective=factory, callback=raise_at(5, KeyboardInterrupt()))
    assert result.status is ns.Status.INTERRUPTED and not result.success
    assert "interrupted" in result.message
    assert_ended_in_the_second_scale(result)
    assert len(factory.sizes) == 2


class FailingAt(Factory):
    """Fails when it is called for a given scale."""

    def __init__(self, scale: int, error: BaseException) -> None:
        super().__init__()
        self.scale = scale
        self.error = error

    def __call__(self, *features: Any) -> ns.StyleObjective:
        objective = super().__call__(*features)
        if len(self.sizes) == self.scale + 1:
            raise self.error
        return objective


def test_an_interrupt_between_scales_returns_the_result_of_the_last() -> None:
    result = three_scales(objective=FailingAt(1, KeyboardInterrupt()))
    assert result.status is ns.Status.INTERRUPTED and not result.success
    assert result.nit == 3
    expected = three_scales(size=(32, 32), scales=1)
    np.testing.assert_array_equal(result.image, expected.image)
    assert result.fun == expected.fun


def test_an_interrupt_before_anything_is_done_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        three_scales(objective=FailingAt(0, KeyboardInterrupt()))


def test_an_error_in_a_callback_at_a_later_scale_carries_the_result_so_far() -> None:
    error = LookupError("mine")
    with pytest.raises(LookupError) as caught:
        three_scales(callback=raise_at(5, error))
    assert caught.value is error
    partial = error.partial_result  # type: ignore[attr-defined]
    assert isinstance(partial, ns.StyleResult)
    assert not partial.success
    assert_ended_in_the_second_scale(partial)


def test_an_error_between_scales_carries_the_result_of_the_last() -> None:
    error = LookupError("mine")
    with pytest.raises(LookupError) as caught:
        three_scales(objective=FailingAt(2, error))
    assert caught.value is error
    partial = error.partial_result  # type: ignore[attr-defined]
    assert partial.nit == 6
    assert partial.image.shape == (64, 64, 3)


def test_an_error_before_anything_is_done_carries_nothing() -> None:
    error = LookupError("mine")
    with pytest.raises(LookupError):
        three_scales(objective=FailingAt(0, error))
    assert not hasattr(error, "partial_result")


def test_a_loss_that_stops_being_finite_ends_the_whole_run() -> None:
    factory = Factory()

    def objective(*features: Any) -> ns.StyleObjective:
        factory(*features)

        @ns.loss
        def cliff(features: Any) -> Any:
            mean = ops.mean(features["input"])
            return ops.where(mean > 0.4, ops.square(mean), float("nan"))

        return ns.StyleObjective(cliff)

    result = three_scales(objective=objective, maxiter=30)
    assert result.status is ns.Status.NONFINITE and not result.success
    assert result.image.shape == (32, 32, 3)
    assert len(factory.sizes) == 1


def test_a_scale_that_converges_is_followed_by_the_next() -> None:
    result = three_scales(maxiter=30, ftol=0.5)
    assert {record.scale for record in result.history} == {0, 1, 2}
    assert result.nit < 90
    assert result.image.shape == (128, 128, 3)


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


def test_an_elongated_style_is_kept_large_enough_for_the_network(vgg: ns.VGG19Features) -> None:
    result = ns.stylize(noise(96, 128), noise(100, 600, 1), extractor=vgg, maxiter=1)
    assert result.image.shape == (96, 128, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"callback": 3}, "^callback: expected"),
        ({"maxcor": "a"}, "^maxcor: expected"),
        ({"ftol": -1.0}, "^ftol: expected"),
        ({"bounds": (1, 0)}, "^bounds: expected"),
        ({"objective": ns.presets.default}, "^objective: .*call it"),
    ],
)
def test_wrong_options_are_refused_before_the_network_is_loaded(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        ns.stylize(noise(40, 40), noise(40, 40), weights="no such file", **options)


@pytest.mark.parametrize("name", sorted(ns.presets.RECIPES))
def test_a_recipe_in_units_of_imagenet_warns_about_the_compact_network(
    name: str, vgg: ns.VGG19Features, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = ns.presets.RECIPES[name]()
    ns.stylize(noise(40, 40), noise(40, 40, 1), extractor=vgg, objective=recipe, maxiter=1)
    expected = name in ("neural_style", "keras_example", "risser2017")
    assert any(name in record.getMessage() for record in caplog.records) is expected


def test_seconds_are_those_of_the_whole_call() -> None:
    started = time.perf_counter()
    result = quick(noise(64, 64), scales=2, maxiter=2)
    assert 0.8 * (time.perf_counter() - started) < result.seconds
    seconds = [record.seconds for record in result.history]
    assert seconds == sorted(seconds) and seconds[-1] <= result.seconds
