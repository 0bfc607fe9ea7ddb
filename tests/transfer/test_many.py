"""Many pictures in one style; where runs start; textures; styles cut or repeated to fit."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.transfer import painter
from neuralstyle.transfer import recipes as presets
from neuralstyle.optimize import compiled as tracing
from neuralstyle.transfer.painter import Options

Array = np.ndarray
Shape = tuple[int, int]


class Pixels:
    """The extractor without a network, which keeps what is compiled for it."""

    def __init__(self) -> None:
        self.traces: list[Any] = []

    def __call__(self, image: Any) -> dict[str, Any]:
        return {"input": image}


PIXELS = Pixels()


@pytest.fixture(autouse=True)
def _enough_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile once for each of the sizes here, which are more than an extractor keeps."""
    monkeypatch.setattr(tracing, "TRACES", 99)


class Factory:
    """Makes an objective of pixels, and notes the pictures that it is made of."""

    def __init__(self) -> None:
        self.seen: list[list[Array | None]] = []

    def __call__(self, content: Any, *styles: Any) -> ns.StyleObjective:
        self.seen.append(
            [None if f is None else np.asarray(f["input"])[0] for f in (content, *styles)]
        )
        terms: list[Any] = [] if content is None else [ns.ContentLoss(content, "input")]
        terms += [ns.CovarianceLoss(style, "input") for style in styles]
        return ns.StyleObjective(0.1 * ns.TotalVariationLoss(), *terms)

    @property
    def shapes(self) -> list[list[Shape | None]]:
        return [[None if x is None else x.shape[:2] for x in call] for call in self.seen]


def noise(height: int, width: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


QUICK: dict[str, Any] = {"objective": Factory(), "extractor": PIXELS, "maxiter": 2}
STYLE = 0.5 * noise(36, 30, 9)

shallow = functools.partial(
    presets.default,
    content_layers="block1_conv1",
    style_layers="block1_conv1",
    patch_weight=0,
    color_weight=0,
)
"""The default recipe without what takes long to compile."""

SHALLOW = shallow()


def of_pixels(made: list[str], **changes: Any) -> presets.Recipe:
    """A recipe without a network that notes what is made."""

    def content(seen: Any) -> list[ns.StyleObjective]:
        made.append("content")
        return [1.0 * ns.ContentLoss(seen, "input")]

    def style(seen: Any, style: Any) -> list[ns.StyleObjective]:
        made.append("style")
        return [1.0 * ns.CovarianceLoss(style, "input")]

    return presets.Recipe("pixels", content, style, **{"maxiter": (2,), **changes})


# Many contents


def assert_same_result(ours: ns.StyleResult, expected: ns.StyleResult) -> None:
    np.testing.assert_array_equal(ours.image, expected.image)
    assert (ours.fun, ours.losses) == (expected.fun, expected.losses)
    assert (ours.nit, ours.nfev, ours.status) == (expected.nit, expected.nfev, expected.status)
    assert [r.fun for r in ours.history] == [r.fun for r in expected.history]
    assert ours.settings == expected.settings


SIZES = [(32, 40), (40, 32), (32, 40), (36, 36), (40, 32)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"objective": of_pixels([])},
        {"objective": of_pixels([]), "size": 80, "scales": 2},
        {"objective": of_pixels([]), "color": "match"},
        {"objective": of_pixels([]), "color": "content", "style_scale": 0.5},
        {"objective": of_pixels([]), "style_fit": "tile", "init": "noise", "seed": 3},
        {"objective": of_pixels([]), "shares": {"content": 1, "covariance": 2}, "init": "noise"},
    ],
)
def test_every_picture_is_that_of_stylize_bit_for_bit(options: dict[str, Any]) -> None:
    contents = [noise(*size, seed) for seed, size in enumerate(SIZES[:3])]
    options = {**QUICK, **options}
    results = list(ns.stylize_many(contents, STYLE, **options))
    assert len(results) == len(contents)
    for content, result in zip(contents, results, strict=True):
        assert_same_result(result, ns.stylize(content, STYLE, **options))


def test_with_a_network_and_several_styles_too(vgg: ns.VGG19Features) -> None:
    contents = [noise(32, 40, 0), noise(32, 40, 1)]
    styles = [noise(36, 30, 8), noise(30, 44, 9) ** 2]
    options: dict[str, Any] = {"style_weights": [1, 3], "extractor": vgg, "maxiter": 2}
    results = ns.stylize_many(contents, styles, objective=SHALLOW, **options)
    for content, result in zip(contents, results, strict=True):
        assert_same_result(result, ns.stylize(content, styles, objective=SHALLOW, **options))


def test_contents_are_taken_one_at_a_time() -> None:
    taken: list[int] = []

    def contents() -> Iterator[Array]:
        for number in range(3):
            taken.append(number)
            yield noise(32, 32, number)

    results = ns.stylize_many(contents(), STYLE, **QUICK)
    assert taken == []
    for number in range(3):
        next(results)
        assert taken == list(range(number + 1))
    assert list(results) == []


def test_no_contents_give_no_results() -> None:
    assert list(ns.stylize_many([], STYLE, **QUICK)) == []


def test_photographs_of_one_size_share_what_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    init = tracing.Trace.__init__
    monkeypatch.setattr(
        tracing.Trace, "__init__", lambda self, *args: made.append(self) or init(self, *args)
    )
    contents = [noise(*size, seed) for seed, size in enumerate(SIZES)]
    options = {"objective": SHALLOW, "extractor": ns.VGG19Features("compact"), "maxiter": 1}
    for count, _ in zip((1, 2, 2, 3, 3), ns.stylize_many(contents, STYLE, **options), strict=True):
        assert len(made) == count


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
    options = {**QUICK, "objective": of_pixels(made), "color": color}
    for number, _ in enumerate(ns.stylize_many(contents, STYLE, **options)):
        assert made.count("style") == styles[number]
        assert made.count("content") == number + 1


def test_a_style_is_looked_at_once_at_each_scale_and_for_each_of_several() -> None:
    made: list[str] = []
    options = {**QUICK, "objective": of_pixels(made), "scales": 2}
    contents = [noise(64, 80, seed) for seed in range(3)]
    list(ns.stylize_many(contents, [STYLE, noise(40, 40)], **options))
    assert (made.count("content"), made.count("style")) == (3 * 2, 2 * 2)


def test_a_style_is_remembered_for_the_latest_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painter, "REMEMBERED", 2)
    made: list[str] = []
    contents = [noise(32, width) for width in (32, 33, 34, 34, 33, 32, 32)]
    options = {**QUICK, "objective": of_pixels(made), "maxiter": 1}
    counts = [made.count("style") for _ in ns.stylize_many(contents, STYLE, **options)]
    assert counts == [1, 2, 3, 3, 3, 4, 4]
    assert painter.REMEMBERED == 2


def test_a_function_is_called_for_every_content() -> None:
    factory = Factory()
    contents = [noise(32, 32, seed) for seed in range(3)]
    list(ns.stylize_many(contents, STYLE, **{**QUICK, "objective": factory}))
    assert len(factory.seen) == 3
    for content, seen in zip(contents, factory.seen, strict=True):
        np.testing.assert_array_equal(seen[0], content)


def never() -> Iterator[Array]:
    raise AssertionError("a content was taken")
    yield


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "lab"}, "^color: expected"),
        ({"style_fit": "stretch"}, "^style_fit: expected"),
        ({"style_scale": 0}, "^style_scale: expected"),
        ({"shares": [1, 2]}, "^shares: expected a mapping"),
        ({"style_weights": [1, 2]}, "^style_weights: expected"),
        ({"objective": ns.presets.default}, "^objective: .*call it"),
        ({"objective": "default"}, "^objective: expected"),
        ({"method": "newton"}, "^method: expected"),
        ({"method": "l-bfgs", "bounds": (0.0, 1.0)}, "^bounds: expected None"),
        ({"bounds": (1, 0)}, "^bounds: expected"),
        ({"maxcor": 0}, "^maxcor: expected"),
        ({"maxfun": 0}, "^maxfun: expected"),
        ({"ftol": -1.0}, "^ftol: expected"),
        ({"callback": 3}, "^callback: expected"),
        ({"size": 0}, "^size: expected"),
        ({"size": (32, 48, 3)}, "^size: expected"),
        ({"maxiter": 0}, "^maxiter: expected"),
        ({"maxiter": []}, "^maxiter: expected"),
        ({"scales": 1.5}, "^scales: expected"),
        ({"seed": -1}, "^seed: expected"),
        ({"init": "middle"}, "^init: expected"),
        ({"init": {"content": -1}}, "^init: expected"),
        ({"extractor": None, "weights": "compact", "pooling": "sum"}, "^pooling: expected"),
        ({"extractor": None, "weights": "nowhere.h5"}, "nowhere.h5"),
        ({"pooling": "max"}, "^pooling: expected None with an extractor"),
        ({"learning_rate": 0.1}, "learning_rate"),
    ],
)
def test_wrong_options_are_refused_before_the_first_content_is_taken(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError, OSError), match=message):
        ns.stylize_many(never(), STYLE, **{**QUICK, **options})


@pytest.mark.parametrize("style", [[], None, 255 * STYLE, [STYLE, (255 * STYLE).astype(np.uint8)]])
def test_a_wrong_style_is_refused_before_the_first_content_is_taken(style: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="^style"):
        ns.stylize_many(never(), style, objective=SHALLOW)


def test_a_wrong_content_is_refused_when_it_is_taken() -> None:
    results = ns.stylize_many([noise(32, 32), 255 * noise(32, 32)], STYLE, **QUICK)
    next(results)
    with pytest.raises(ValueError, match="^content: .*255"):
        next(results)


def test_after_an_interrupt_the_picture_comes_and_then_the_interrupt() -> None:
    taken: list[int] = []

    def contents() -> Iterator[Array]:
        for number in range(3):
            taken.append(number)
            yield noise(32, 32, number)

    def interrupt(progress: ns.Progress) -> None:
        if taken == [0, 1]:
            raise KeyboardInterrupt

    results = ns.stylize_many(contents(), STYLE, **{**QUICK, "callback": interrupt})
    assert next(results).status is ns.Status.LIMIT
    interrupted = next(results)
    assert interrupted.status is ns.Status.INTERRUPTED
    assert interrupted.nit == 1
    with pytest.raises(KeyboardInterrupt):
        next(results)
    assert taken == [0, 1]
    assert list(results) == []


def test_a_run_that_its_callback_halts_is_followed_by_the_next() -> None:
    def halt(progress: ns.Progress) -> None:
        raise StopIteration

    contents = [noise(32, 32, seed) for seed in range(2)]
    results = list(ns.stylize_many(contents, STYLE, **{**QUICK, "callback": halt}))
    assert [result.status for result in results] == [ns.Status.CALLBACK] * 2


def test_options_are_those_of_stylize_with_its_defaults() -> None:
    parameters = list(inspect.signature(ns.stylize).parameters.values())
    assert [parameter.name for parameter in parameters[:2]] == ["content", "style"]
    assert {parameter.name: parameter.default for parameter in parameters[2:]} == {
        field.name: field.default for field in dataclasses.fields(Options)
    }
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters[2:])


# Starts


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[Array]:
    """The starting image of every call of `minimize`."""
    images: list[Array] = []
    minimize = ns.minimize

    def noted(objective: Any, extractor: Any, init: Any, **options: Any) -> ns.StyleResult:
        images.append(np.array(init))
        return minimize(objective, extractor, init, **options)

    monkeypatch.setattr(painter, "minimize", noted)
    return images


def white_noise(shape: Shape, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(0.35, 0.65, (*shape, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("init", "shares"),
    [
        ({"content": 0.75, "noise": 0.25}, (0.75, 0, 0.25)),
        ({"content": 3, "noise": 1}, (0.75, 0, 0.25)),
        ({"style": 1, "content": 1, "noise": 2}, (0.25, 0.25, 0.5)),
        ({"style": 5}, (0, 1, 0)),
        ({"content": 0, "noise": 2}, (0, 0, 1)),
    ],
)
def test_a_start_may_be_a_mixture(
    init: Any, shares: tuple[float, float, float], starts: list[Array]
) -> None:
    content = noise(64, 80)
    result = ns.stylize(content, [STYLE, 1 - STYLE], init=init, seed=5, scales=2, **QUICK)
    parts = (ns.resize(content, (32, 40)), ns.resize(STYLE, (32, 40)), white_noise((32, 40), 5))
    expected = sum(share * part for share, part in zip(shares, parts, strict=True))
    np.testing.assert_allclose(starts[0], expected, atol=1e-6)
    assert starts[0].dtype == np.float32
    assert result.settings["init"] == init


@pytest.mark.parametrize(
    ("init", "kind", "message"),
    [
        ({"photo": 1}, ValueError, "received 'photo'"),
        ({"content": 1, "dust": 1}, ValueError, "received 'dust'"),
        ({"content": "1"}, TypeError, "share of 'content'"),
        ({"content": True}, TypeError, "share of 'content'"),
        ({"content": 1, "noise": -1}, ValueError, "share of 'noise'"),
        ({"content": float("nan")}, ValueError, "share of 'content'"),
        ({"content": float("inf")}, ValueError, "share of 'content'"),
        ({"content": 0, "noise": 0}, ValueError, "share above 0"),
        ({}, ValueError, "share above 0"),
    ],
)
def test_what_is_no_mixture_is_refused_by_name(
    init: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f"^init: expected .*{message}"):
        ns.stylize(noise(32, 40), STYLE, init=init, **QUICK)


def test_a_mixture_without_a_style_is_refused() -> None:
    with pytest.raises(ValueError, match="^init: .*that there is, received 'style'"):
        ns.stylize(noise(32, 40), [], init={"style": 1, "noise": 1}, **QUICK)


def test_a_start_may_be_a_file(tmp_path: Path, starts: list[Array]) -> None:
    path = tmp_path / "start.png"
    ns.save_image(path, noise(20, 30, 5))
    result = ns.stylize(noise(32, 48), STYLE, init=path, **QUICK)
    np.testing.assert_array_equal(starts[0], ns.resize(ns.load_image(path), (32, 48)))
    assert result.settings["init"] == "image"
    with pytest.raises(FileNotFoundError, match="none.png"):
        ns.stylize(noise(32, 48), STYLE, init=tmp_path / "none.png", **QUICK)


LARGE = noise(128, 160)
STEPS: dict[str, Any] = {"objective": Factory(), "extractor": PIXELS, "maxiter": [3, 2]}
"""Of the pixels at two scales, 64 x 80 and 128 x 160."""


def test_a_small_result_is_gone_on_from_at_a_larger_size(starts: list[Array]) -> None:
    small = ns.stylize(LARGE, STYLE, **{**STEPS, "size": (64, 80), "maxiter": 3})
    large = ns.stylize(LARGE, STYLE, init=small, **STEPS)
    assert large.settings["shapes"] == [(128, 160)]
    assert large.settings["maxiter"] == [2]
    assert large.settings["init"] == "image"
    assert large.nit == 2
    # As a run through both sizes does it.
    whole = ns.stylize(LARGE, STYLE, **STEPS)
    np.testing.assert_array_equal(starts[1], starts[3])
    np.testing.assert_array_equal(large.image, whole.image)
    detail = starts[1] - ns.resize(small.image, (128, 160))
    assert np.abs(detail).max() > 0.1


def test_a_result_from_noise_is_only_enlarged(starts: list[Array]) -> None:
    small = ns.stylize(LARGE, STYLE, init="noise", **{**STEPS, "size": (64, 80), "maxiter": 3})
    ns.stylize(LARGE, STYLE, init=small, **STEPS)
    np.testing.assert_array_equal(starts[1], ns.resize(small.image, (128, 160)))


def test_an_image_is_only_enlarged(starts: list[Array]) -> None:
    image = noise(64, 80, 3)
    result = ns.stylize(LARGE, STYLE, init=image, **STEPS)
    assert result.settings["shapes"] == [(128, 160)]
    np.testing.assert_array_equal(starts[0], ns.resize(image, (128, 160)))


def test_from_a_result_of_the_same_size_only_that_size_is_worked_at(starts: list[Array]) -> None:
    first = ns.stylize(LARGE, STYLE, **{**STEPS, "maxiter": 2, "scales": 1})
    second = ns.stylize(LARGE, STYLE, init=first, **STEPS)
    assert second.settings["shapes"] == [(128, 160)]
    np.testing.assert_array_equal(starts[1], first.image)


def test_from_a_larger_image_only_the_size_asked_for_is_worked_at(starts: list[Array]) -> None:
    image = noise(200, 250, 3)
    result = ns.stylize(LARGE, STYLE, init=image, **STEPS)
    assert result.settings["shapes"] == [(128, 160)]
    np.testing.assert_array_equal(starts[0], ns.resize(image, (128, 160)))


def test_from_a_result_below_the_coarsest_scale_every_scale_is_worked_at() -> None:
    first = ns.stylize(LARGE, STYLE, **{**STEPS, "size": 40, "maxiter": 2})
    second = ns.stylize(LARGE, STYLE, init=first, **STEPS)
    assert second.settings["shapes"] == [(64, 80), (128, 160)]
    assert second.settings["maxiter"] == [3, 2]


def test_scales_that_are_asked_for_are_worked_at_from_an_image_too(starts: list[Array]) -> None:
    image = noise(64, 80, 3)
    result = ns.stylize(LARGE, STYLE, init=image, scales=2, **STEPS)
    assert result.settings["shapes"] == [(64, 80), (128, 160)]
    np.testing.assert_array_equal(starts[0], image)


# Textures


def test_a_texture_starts_from_noise_at_the_size_of_the_style(starts: list[Array]) -> None:
    factory = Factory()
    result = ns.stylize(None, STYLE, seed=4, **{**QUICK, "objective": factory})
    assert result.image.shape == STYLE.shape
    np.testing.assert_array_equal(starts[0], white_noise(STYLE.shape[:2], 4))
    assert result.settings["init"] == "noise"
    assert factory.shapes == [[None, STYLE.shape[:2]]]
    assert "content" not in result.losses
    assert result.history[-1].fun < result.history[0].fun


@pytest.mark.parametrize(("size", "shape"), [(48, (48, 40)), ((40, 64), (40, 64))])
def test_a_texture_may_have_any_size(size: Any, shape: Shape) -> None:
    result = ns.stylize(None, [STYLE, noise(99, 99)], size=size, **QUICK)
    assert result.image.shape == (*shape, 3)


def test_a_texture_is_painted_from_coarse_to_fine(starts: list[Array]) -> None:
    factory = Factory()
    ns.stylize(None, noise(64, 64), scales=2, **{**QUICK, "objective": factory})
    assert factory.shapes == [[None, (32, 32)], [None, (64, 64)]]
    assert [start.shape for start in starts] == [(32, 32, 3), (64, 64, 3)]


def test_the_default_texture_is_the_default_recipe_without_its_content_loss(
    vgg: ns.VGG19Features, starts: list[Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presets, "default", shallow)
    options: dict[str, Any] = {"extractor": vgg, "maxiter": 1, "size": 32}
    result = ns.stylize(None, STYLE, **options)
    assert result.settings["recipe"] == "default"
    assert "content" not in result.losses and "style" in result.losses
    expected = ns.stylize(None, STYLE, objective=shallow(content_weight=0), **options)
    np.testing.assert_array_equal(result.image, expected.image)
    np.testing.assert_array_equal(starts[0], white_noise(result.image.shape[:2]))


@pytest.mark.parametrize("recipe", [SHALLOW, presets.gatys2016(), of_pixels([])])
def test_a_recipe_with_a_content_loss_makes_no_texture(
    recipe: presets.Recipe, vgg: ns.VGG19Features
) -> None:
    message = f"^content: expected an image for the recipe {recipe.name}, received None; .*weight=0"
    with pytest.raises(ValueError, match=message):
        ns.stylize(None, STYLE, objective=recipe, extractor=vgg, maxiter=1)


@pytest.mark.parametrize("init", ["content", {"content": 1, "noise": 1}])
def test_a_texture_does_not_start_from_the_content(init: Any) -> None:
    with pytest.raises(ValueError, match="^init: .*that there is, received 'content'"):
        ns.stylize(None, STYLE, init=init, **QUICK)


@pytest.mark.parametrize("init", ["style", noise(20, 20, 3), {"style": 1, "noise": 1}])
def test_a_texture_may_start_from_anything_else(init: Any, starts: list[Array]) -> None:
    ns.stylize(None, STYLE, init=init, **QUICK)
    if isinstance(init, str):
        np.testing.assert_array_equal(starts[0], STYLE)
    elif isinstance(init, dict):
        np.testing.assert_allclose(starts[0], (STYLE + white_noise((36, 30))) / 2, atol=1e-6)
    else:
        np.testing.assert_array_equal(starts[0], ns.resize(init, (36, 30)))


def test_without_content_and_style_there_has_to_be_a_size() -> None:
    message = r"^size: expected \(height, width\) where there is neither content nor style"
    for size in (None, 48):
        with pytest.raises(ValueError, match=message):
            ns.stylize(None, [], size=size, **QUICK)
    assert ns.stylize(None, [], size=(32, 48), **QUICK).image.shape == (32, 48, 3)


# Styles cut or repeated to fit


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
    factory = Factory()
    options = {**QUICK, "objective": factory, "maxiter": 1, "style_scale": scale}
    given = noise(*style, 1)
    result = ns.stylize(noise(60, 80), given, style_fit=fit, scales=1, **options)
    assert factory.shapes == [[(60, 80), expected]]
    assert result.settings["style_fit"] == fit
    scaled = ns.resize(given, painter.style_size(given, (60, 80), scale))
    fitted = {None: lambda image, size: image, "crop": ns.crop, "tile": ns.tile}[fit]
    np.testing.assert_array_equal(factory.seen[0][1], fitted(scaled, (60, 80)))


def test_styles_are_fitted_at_every_scale() -> None:
    factory = Factory()
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
        options = {**QUICK, "objective": recipe, "style_fit": fit}
        ns.stylize(noise(48, 40), noise(36, 44, 1), **options)
    assert shapes == [(36, 40), (48, 44)]


@pytest.mark.parametrize("fit", ["stretch", "", True, 3])
def test_what_is_no_fit_is_refused_by_name(fit: Any) -> None:
    with pytest.raises(ValueError, match='^style_fit: expected "crop", "tile" or None, received'):
        ns.stylize(noise(32, 40), STYLE, style_fit=fit, **QUICK)
