"""The published recipes against the formulas of their sources, written in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from painting import Maps, total
from support import Array, squared_wasserstein, to_rows

import neuralstyle as ns
from neuralstyle import recipes
from neuralstyle.losses import STYLE_LAYERS

PUBLISHED = [recipes.gatys2016, recipes.neural_style, recipes.keras_example, recipes.risser2017]


def raw_gram(features: Maps, layer: str) -> Array:
    rows = to_rows(features[layer])
    return rows @ rows.T


def sizes(features: Maps, layer: str) -> tuple[int, int]:
    """Return N channels and M positions."""
    channels, size = to_rows(features[layer]).shape
    return channels, size


def neighbours(features: Maps) -> tuple[Array, Array]:
    """Return the differences to the lower and to the right pixel, in units of 0 to 255."""
    x = 255 * features["input"][0]
    return x[1:, :-1] - x[:-1, :-1], x[:-1, 1:] - x[:-1, :-1]


def gatys2016(f: Maps, p: Maps, s: Maps, alpha: float = 1.0, beta: float = 1e3) -> float:
    content = 0.5 * np.mean((f["block4_conv2"] - p["block4_conv2"]) ** 2)
    style = 0.0
    for layer in STYLE_LAYERS:
        n, m = sizes(f, layer)
        error = np.sum((raw_gram(f, layer) - raw_gram(s, layer)) ** 2) / (4 * n**2 * m**2)
        style += error / 5
    return float(alpha * content + beta * style)


def neural_style(
    f: Maps,
    p: Maps,
    s: Maps,
    content_weight: float = 5,
    style_weight: float = 100,
    tv: float = 1e-3,
) -> float:
    content = np.mean((f["block4_conv2"] - p["block4_conv2"]) ** 2)
    style = 0.0
    for layer in STYLE_LAYERS:
        n, m = sizes(f, layer)
        style += np.mean((raw_gram(f, layer) / (n * m) - raw_gram(s, layer) / (n * m)) ** 2)
    dy, dx = neighbours(f)
    variation = 0.5 * (np.sum(dx**2) + np.sum(dy**2))
    return float(content_weight * content + style_weight * style + tv * variation)


def keras_example(f: Maps, p: Maps, s: Maps) -> float:
    loss = 2.5e-8 * np.sum(np.square(f["block5_conv2"] - p["block5_conv2"]))
    channels = 3
    size = f["input"].shape[1] * f["input"].shape[2]
    for layer in STYLE_LAYERS:
        squares = np.sum(np.square(raw_gram(s, layer) - raw_gram(f, layer)))
        loss += (1e-6 / 5) * squares / (4.0 * channels**2 * size**2)
    a, b = (np.square(difference) for difference in neighbours(f))
    return float(loss + 1e-6 * np.sum(np.power(a + b, 1.25)))


def risser2017(f: Maps, p: Maps, s: Maps) -> float:
    unit = 255 * 0.226  # the network of the source takes pixels in deviations
    loss = 1e8 * np.mean(((f["block4_conv1"] - p["block4_conv1"]) / unit) ** 2)
    for layer, gamma in zip(STYLE_LAYERS, (2e9, 5e8, 1e8, 3.5e7, 3.5e7), strict=True):
        loss += np.mean(((raw_gram(f, layer) - raw_gram(s, layer)) / unit**2) ** 2)
        o, wanted = to_rows(f[layer]) / unit, to_rows(s[layer]) / unit
        matched = np.empty_like(o)
        for row, values, target in zip(matched, o, wanted, strict=True):
            row[np.argsort(values)] = np.sort(target)
        loss += gamma * np.mean((o - matched) ** 2)
    return float(loss)


@pytest.mark.parametrize(
    ("make", "formula"),
    list(zip(PUBLISHED, [gatys2016, neural_style, keras_example, risser2017], strict=True)),
    ids=lambda make: make.__name__,
)
def test_the_value_is_that_of_the_published_formula(
    make: Callable[[], ns.Recipe], formula: Callable[..., float], scene: Any
) -> None:
    content, style, _, generated = scene(make().pooling)
    expected = formula(generated, content, style)
    assert total(make(), generated, content, style) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("make", "formula", "flags"),
    [
        (recipes.gatys2016, gatys2016, {"content_weight": "alpha", "style_weight": "beta"}),
        (
            recipes.neural_style,
            neural_style,
            {"content_weight": "content_weight", "style_weight": "style_weight", "tv_weight": "tv"},
        ),
    ],
)
def test_each_published_term_alone_is_that_of_the_formula(
    make: Callable[..., ns.Recipe], formula: Callable[..., float], flags: dict[str, str], scene: Any
) -> None:
    content, style, _, generated = scene(make().pooling)
    for alone in flags:
        ours = {flag: 2.0 * (flag == alone) for flag in flags}
        theirs = {flags[flag]: weight for flag, weight in ours.items()}
        assert total(make(**ours), generated, content, style) == pytest.approx(
            formula(generated, content, style, **theirs), rel=1e-9
        )


@pytest.mark.parametrize("make", [recipes.gatys2016, recipes.keras_example])
def test_gram_matrices_of_a_style_of_another_size_are_taken_per_position(
    make: Callable[..., ns.Recipe], scene: Any
) -> None:
    content, _, style, generated = scene(make().pooling)
    expected = 0.0
    for layer in STYLE_LAYERS:
        n, m = sizes(generated, layer)
        _, m_style = sizes(style, layer)
        assert m != m_style
        difference = raw_gram(generated, layer) / m - raw_gram(style, layer) / m_style
        pixels = content["input"].shape[1] * content["input"].shape[2]
        factor = 1 / (4 * n**2) if make is recipes.gatys2016 else m**2 / (4 * 9 * pixels**2)
        expected += factor * np.sum(difference**2) / 5
    options = {"content_weight": 0, "style_weight": 1}
    if make is recipes.keras_example:
        options["tv_weight"] = 0
    assert total(make(**options), generated, content, style) == pytest.approx(expected, rel=1e-9)


def test_histograms_of_a_style_of_another_size_are_its_wasserstein_distance(scene: Any) -> None:
    content, _, style, generated = scene("max")
    objective = recipes.risser2017()(content, style)
    unit, expected = 255 * 0.226, 0.0
    for layer, gamma in zip(STYLE_LAYERS, (2e9, 5e8, 1e8, 3.5e7, 3.5e7), strict=True):
        pairs = zip(to_rows(generated[layer]), to_rows(style[layer]), strict=True)
        expected += gamma * np.mean([squared_wasserstein(a, b) for a, b in pairs]) / unit**2
    assert float(objective.evaluate(generated)["histogram"]) == pytest.approx(expected, rel=1e-9)


def test_neural_style_starts_from_faint_noise_around_the_mean_colour() -> None:
    init = recipes.neural_style().init
    assert callable(init)
    start = init((40, 50), 3)
    assert start.shape == (40, 50, 3) and start.dtype == np.float32
    pixels = 255 * start.astype(np.float64)
    colour, deviation = pixels.mean(axis=(0, 1)), pixels.std(axis=(0, 1))
    np.testing.assert_allclose(colour, [123.68, 116.779, 103.939], atol=2e-4)
    np.testing.assert_allclose(deviation, 1e-3, rtol=0.1)
    np.testing.assert_array_equal(init((40, 50), 3), start)
    assert not np.array_equal(init((40, 50), 4), start)


@pytest.mark.parametrize(
    ("make", "content_layer"),
    [
        (recipes.gatys2016, "block4_conv2"),
        (recipes.neural_style, "block4_conv2"),
        (recipes.keras_example, "block5_conv2"),
        (recipes.risser2017, "block4_conv1"),
    ],
)
def test_a_recipe_looks_at_the_layers_of_its_source(
    make: Callable[[], ns.Recipe], content_layer: str, scene: Any
) -> None:
    content, style, *_ = scene(make().pooling)
    losses: dict[str, Any] = {term.name: term.loss for term in make()(content, style).terms}
    assert tuple(losses["content"].layers) == (content_layer,)
    assert tuple(losses["style"].layers) == STYLE_LAYERS
    assert isinstance(losses["content"], ns.ContentLoss)
    assert isinstance(losses["style"], ns.StyleLoss)
    if make is recipes.risser2017:
        assert isinstance(losses["histogram"], ns.HistogramLoss)
        assert tuple(losses["histogram"].layers) == STYLE_LAYERS


def test_the_texture_recipe_has_no_total_variation_by_default(scene: Any) -> None:
    content, style, *_ = scene("max")
    assert "total_variation" not in recipes.risser2017()(content, style).weights
