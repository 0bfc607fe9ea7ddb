"""The published recipes against the formulas of their sources, written in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
from support import Array, squared_wasserstein, to_rows, value_and_gradient

import neuralstyle as ns
from neuralstyle.transfer import recipes as presets
from neuralstyle.transfer.recipes import Recipe

STYLE_LAYERS = tuple(f"block{block}_conv1" for block in range(1, 6))
RECIPES = [presets.gatys2016, presets.neural_style, presets.keras_example, presets.risser2017]
ALL_RECIPES = [presets.default, *RECIPES]
Maps: TypeAlias = dict[str, Array]

every_recipe = pytest.mark.parametrize("make", ALL_RECIPES, ids=lambda make: make.__name__)


@pytest.fixture(scope="module")
def see() -> Callable[[Array, str], Maps]:
    """Look at a picture through the compact network, in float64."""
    networks = {
        pooling: ns.VGG19Features(weights="compact", pooling=pooling, dtype="float64")
        for pooling in ("max", "avg")
    }

    def look(picture: Array, pooling: str) -> Maps:
        features = networks[pooling](picture)
        return {layer: features[layer].numpy() for layer in features}

    return look


@pytest.fixture(scope="module")
def scene(
    see: Callable[[Array, str], Maps], pictures: tuple[Array, Array]
) -> Callable[[str], tuple[Maps, Maps, Maps, Maps]]:
    """Give features of content, of a style of its size and of another, and of a picture."""
    content, style = pictures
    resized = np.clip(ns.resize(style, content.shape[:2]), 0, 1).astype(np.float32)
    noise = np.random.default_rng(1).uniform(size=content.shape)
    generated = (0.4 * content + 0.4 * resized + 0.2 * noise).astype(np.float32)
    seen: dict[str, tuple[Maps, Maps, Maps, Maps]] = {}

    def features(pooling: str) -> tuple[Maps, Maps, Maps, Maps]:
        if pooling not in seen:
            a, b, c, d = (see(picture, pooling) for picture in (content, resized, style, generated))
            seen[pooling] = a, b, c, d
        return seen[pooling]

    return features


def total(recipe: Recipe, features: Maps, content: Maps, *styles: Maps, **options: Any) -> float:
    return float(recipe(content, *styles, **options)(features))


# The formulas as published, with raw Gram matrices, F for the picture, P content and S style


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
    content = 0.5 * np.sum((f["block4_conv2"] - p["block4_conv2"]) ** 2)
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
    loss = 1e5 * np.mean(((f["block4_conv1"] - p["block4_conv1"]) / unit) ** 2)
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
    list(zip(RECIPES, [gatys2016, neural_style, keras_example, risser2017], strict=True)),
    ids=lambda make: make.__name__,
)
def test_the_value_is_that_of_the_published_formula(
    make: Callable[[], Recipe], formula: Callable[..., float], scene: Any
) -> None:
    content, style, _, generated = scene(make().pooling)
    expected = formula(generated, content, style)
    assert total(make(), generated, content, style) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("make", "formula", "flags"),
    [
        (presets.gatys2016, gatys2016, {"content_weight": "alpha", "style_weight": "beta"}),
        (
            presets.neural_style,
            neural_style,
            {"content_weight": "content_weight", "style_weight": "style_weight", "tv_weight": "tv"},
        ),
    ],
)
def test_each_published_term_alone_is_that_of_the_formula(
    make: Callable[..., Recipe], formula: Callable[..., float], flags: dict[str, str], scene: Any
) -> None:
    content, style, _, generated = scene(make().pooling)
    for alone in flags:
        ours = {flag: 2.0 * (flag == alone) for flag in flags}
        theirs = {flags[flag]: weight for flag, weight in ours.items()}
        assert total(make(**ours), generated, content, style) == pytest.approx(
            formula(generated, content, style, **theirs), rel=1e-9
        )


@pytest.mark.parametrize("make", [presets.gatys2016, presets.keras_example])
def test_gram_matrices_of_a_style_of_another_size_are_taken_per_position(
    make: Callable[..., Recipe], scene: Any
) -> None:
    content, _, style, generated = scene(make().pooling)
    expected = 0.0
    for layer in STYLE_LAYERS:
        n, m = sizes(generated, layer)
        _, m_style = sizes(style, layer)
        assert m != m_style
        difference = raw_gram(generated, layer) / m - raw_gram(style, layer) / m_style
        pixels = content["input"].shape[1] * content["input"].shape[2]
        factor = 1 / (4 * n**2) if make is presets.gatys2016 else m**2 / (4 * 9 * pixels**2)
        expected += factor * np.sum(difference**2) / 5
    options = {"content_weight": 0, "style_weight": 1}
    if make is presets.keras_example:
        options["tv_weight"] = 0
    assert total(make(**options), generated, content, style) == pytest.approx(expected, rel=1e-9)


def test_histograms_of_a_style_of_another_size_are_its_wasserstein_distance(scene: Any) -> None:
    content, _, style, generated = scene("max")
    objective = presets.risser2017()(content, style)
    unit, expected = 255 * 0.226, 0.0
    for layer, gamma in zip(STYLE_LAYERS, (2e9, 5e8, 1e8, 3.5e7, 3.5e7), strict=True):
        pairs = zip(to_rows(generated[layer]), to_rows(style[layer]), strict=True)
        expected += gamma * np.mean([squared_wasserstein(a, b) for a, b in pairs]) / unit**2
    assert float(objective.evaluate(generated)["histogram"]) == pytest.approx(expected, rel=1e-9)


# Settings


@pytest.mark.parametrize(
    ("make", "pooling", "maxiter", "min_size"),
    [
        (presets.default, "avg", (80, 60, 40, 30), 64),
        (presets.gatys2016, "avg", (500,), None),
        (presets.neural_style, "max", (1000,), None),
        (presets.keras_example, "max", (500,), None),
        (presets.risser2017, "max", (300,), 128),
    ],
)
def test_a_recipe_has_its_settings(
    make: Callable[[], Recipe], pooling: str, maxiter: tuple[int, ...], min_size: int | None
) -> None:
    recipe = make()
    assert recipe.name == make.__name__
    assert (recipe.pooling, recipe.maxiter, recipe.min_size) == (pooling, maxiter, min_size)


def test_a_recipe_starts_where_its_source_does() -> None:
    assert presets.default().init == "content"
    assert presets.gatys2016().init == "noise"
    assert presets.keras_example().init == "content"
    assert presets.risser2017().init == "noise"


def test_neural_style_starts_from_faint_noise_around_the_mean_colour() -> None:
    init = presets.neural_style().init
    assert callable(init)
    start = init((40, 50), 3)
    assert start.shape == (40, 50, 3) and start.dtype == np.float32
    pixels = 255 * start.astype(np.float64)
    colour, deviation = pixels.mean(axis=(0, 1)), pixels.std(axis=(0, 1))
    np.testing.assert_allclose(colour, [123.68, 116.779, 103.939], atol=2e-4)
    np.testing.assert_allclose(deviation, 1e-3, rtol=0.1)
    np.testing.assert_array_equal(init((40, 50), 3), start)
    assert not np.array_equal(init((40, 50), 4), start)


def test_recipes_are_known_by_name() -> None:
    assert {name: make() for name, make in presets.RECIPES.items()}.keys() == {
        "default",
        "gatys2016",
        "neural_style",
        "keras_example",
        "risser2017",
    }
    for name, make in presets.RECIPES.items():
        assert make is getattr(presets, name)
        assert make().name == name


@pytest.mark.parametrize(
    ("make", "content_layer"),
    [
        (presets.gatys2016, "block4_conv2"),
        (presets.neural_style, "block4_conv2"),
        (presets.keras_example, "block5_conv2"),
        (presets.risser2017, "block4_conv1"),
    ],
)
def test_a_recipe_looks_at_the_layers_of_its_source(
    make: Callable[[], Recipe], content_layer: str, scene: Any
) -> None:
    content, style, *_ = scene(make().pooling)
    losses: dict[str, Any] = {term.name: term.loss for term in make()(content, style).terms}
    assert tuple(losses["content"].layers) == (content_layer,)
    assert tuple(losses["style"].layers) == STYLE_LAYERS
    assert isinstance(losses["content"], ns.ContentLoss)
    assert isinstance(losses["style"], ns.StyleLoss)
    if make is presets.risser2017:
        assert isinstance(losses["histogram"], ns.HistogramLoss)
        assert tuple(losses["histogram"].layers) == STYLE_LAYERS


def test_the_default_recipe_is_made_of_relative_losses(scene: Any) -> None:
    content, style, *_ = scene("avg")
    recipe = presets.default(
        content_weight=2, tv_weight=3, style_weight=5, patch_weight=7, color_weight=11
    )
    objective = recipe(content, style)
    losses: dict[str, Any] = {term.name: term.loss for term in objective.terms}
    assert objective.weights == {
        "content": 2.0,
        "total_variation": 3.0,
        "style": 5.0,
        "sliced": 20.0,
        "patches": 7.0,
        "patches_half": 7.0,
        "patches_quarter": 7.0,
        "color": 5.5,
        "color_histogram": 5.5,
    }
    assert [type(loss) for loss in losses.values()] == [
        ns.ContentLoss,
        ns.TotalVariationLoss,
        ns.CovarianceLoss,
        *[ns.SlicedWassersteinLoss] * 4,
        ns.CovarianceLoss,
        ns.HistogramLoss,
    ]
    assert {loss.normalize for loss in losses.values()} == {"relative"}
    assert sum(losses["content"].layers.values()) == pytest.approx(1)
    shares = losses["style"].layers
    assert tuple(shares) == STYLE_LAYERS
    assert max(shares, key=shares.get) == "block4_conv1"
    assert sum(shares.values()) == pytest.approx(1)
    assert losses["sliced"].layers == dict.fromkeys(STYLE_LAYERS[1:], 0.25)
    for name, pool in (("patches", 1), ("patches_half", 2), ("patches_quarter", 4)):
        assert losses[name].layers == {"input": 1.0}
        assert (losses[name].patch_size, losses[name].pool) == (7, pool)
    assert losses["color"].layers == losses["color_histogram"].layers == {"input": 1.0}
    zeros = {layer: np.zeros_like(feature) for layer, feature in content.items()}
    for name, value in objective.evaluate(zeros).items():
        assert float(value) == pytest.approx(0 if name == "total_variation" else 1, abs=1e-9)


def test_layers_of_the_default_recipe_can_be_chosen(scene: Any) -> None:
    content, style, *_ = scene("avg")
    recipe = presets.default(
        content_layers="block4_conv2",
        style_layers={"block2_conv1": 3.0, "block4_conv1": 1.0},
    )
    losses: dict[str, Any] = {term.name: term.loss for term in recipe(content, style).terms}
    assert losses["content"].layers == {"block4_conv2": 1.0}
    assert losses["style"].layers == {"block2_conv1": 3.0, "block4_conv1": 1.0}
    assert losses["sliced"].layers == {"block2_conv1": 0.5, "block4_conv1": 0.5}
    assert losses["color"].layers == {"input": 1.0}


@pytest.mark.parametrize(
    ("sides", "pools"),
    [((10, 99), (1, 1, 1)), ((20, 99), (1, 1, 1)), ((21, 99), (1, 2, 2)), ((42, 42), (1, 2, 4))],
)
@pytest.mark.parametrize("smaller", ["content", "style"])
def test_patches_are_compared_at_the_sizes_that_hold_many(
    sides: tuple[int, int], pools: tuple[int, ...], smaller: str
) -> None:
    small, large = ({"input": np.ones((1, *shape, 3))} for shape in (sides, (99, 99)))
    content, style = (small, large) if smaller == "content" else (large, small)
    losses = presets.default(style_weight=0, color_weight=0).style(content, style)
    assert {term.terms[0].name: term.terms[0].loss.pool for term in losses} == dict(
        zip(("patches", "patches_half", "patches_quarter"), pools, strict=True)
    )


@pytest.mark.parametrize("side", ["mask", "target_mask"])
def test_patches_are_compared_at_the_sizes_at_which_a_region_is_left(side: str) -> None:
    seen = {"input": np.ones((1, 64, 64, 3))}
    recipe = presets.default(style_weight=0, color_weight=0)

    def pools(rows: int) -> list[int]:
        terms = recipe.style(seen, seen, **{side: np.arange(64)[:, None] < np.full(64, rows)})
        return [term.terms[0].loss.pool for term in terms]

    assert [pools(rows) for rows in (64, 14, 12, 6)] == [[1, 2, 4], [1, 2, 2], [1, 2, 2], [1, 1, 1]]


def test_layers_as_large_as_the_picture_are_sorted_only_if_there_are_no_others(scene: Any) -> None:
    content, style, *_ = scene("avg")
    terms = presets.default(style_layers="block1_conv1").style(content, style)
    assert [str(t.terms[0].loss.layers) for t in terms if t.terms[0].name == "sliced"] == [
        "{'block1_conv1': 1.0}"
    ]


@every_recipe
def test_a_recipe_builds_through_the_network_at_styles_of_any_size(
    make: Callable[[], Recipe], vgg: ns.VGG19Features, pictures: tuple[Array, Array]
) -> None:
    content, style = (vgg(picture) for picture in pictures)
    result = make()(content, style)(content)
    assert 0 < float(result) < np.inf


# Weights

FLAGS: list[tuple[Callable[..., Recipe], str, set[str]]] = [
    (presets.default, "content_weight", {"content"}),
    (presets.default, "style_weight", {"style", "sliced"}),
    (presets.default, "patch_weight", {"patches", "patches_half", "patches_quarter"}),
    (presets.default, "color_weight", {"color", "color_histogram"}),
    (presets.default, "tv_weight", {"total_variation"}),
    (presets.gatys2016, "content_weight", {"content"}),
    (presets.gatys2016, "style_weight", {"style"}),
    (presets.neural_style, "content_weight", {"content"}),
    (presets.neural_style, "style_weight", {"style"}),
    (presets.neural_style, "tv_weight", {"total_variation"}),
    (presets.keras_example, "content_weight", {"content"}),
    (presets.keras_example, "style_weight", {"style"}),
    (presets.keras_example, "tv_weight", {"total_variation"}),
    (presets.risser2017, "content_weight", {"content"}),
    (presets.risser2017, "style_weight", {"style", "histogram"}),
    (presets.risser2017, "tv_weight", {"total_variation"}),
]
every_flag = pytest.mark.parametrize(("make", "flag", "concerned"), FLAGS)


def test_every_flag_of_every_recipe_is_tested() -> None:
    flags = {(make, flag) for make, flag, _ in FLAGS}
    for make in ALL_RECIPES:
        assert make.__kwdefaults__ is not None
        for flag in make.__kwdefaults__:
            assert (make, flag) in flags or flag.endswith("_layers")


@every_flag
def test_a_weight_scales_its_terms_and_no_others(
    make: Callable[..., Recipe], flag: str, concerned: set[str], scene: Any
) -> None:
    content, style, *_ = scene(make().pooling)
    once = make(**{flag: 1.0})(content, style).weights
    thrice = make(**{flag: 3.0})(content, style).weights
    assert once.keys() == thrice.keys() >= concerned
    for name, weight in once.items():
        assert weight > 0
        factor = 3 if name in concerned else 1
        assert thrice[name] == pytest.approx(factor * weight, rel=1e-12)


@every_flag
def test_a_term_of_weight_zero_is_left_out(
    make: Callable[..., Recipe], flag: str, concerned: set[str], scene: Any
) -> None:
    content, style, *_ = scene(make().pooling)
    some = make(**{flag: 1.0})(content, style).weights.keys()
    without = make(**{flag: 0})(content, style).weights.keys()
    assert without == some - concerned


def test_the_texture_recipe_has_no_total_variation_by_default(scene: Any) -> None:
    content, style, *_ = scene("max")
    assert "total_variation" not in presets.risser2017()(content, style).weights


def test_a_recipe_without_any_term_is_refused(scene: Any) -> None:
    content, style, *_ = scene("avg")
    with pytest.raises(ValueError, match="at least one loss"):
        presets.gatys2016(content_weight=0, style_weight=0)(content, style)


# Several styles


@every_recipe
def test_two_styles_are_mixed_by_their_weights(make: Callable[..., Recipe], scene: Any) -> None:
    content, first, second, generated = scene(make().pooling)
    kept = {flag: 0.0 for flag in make.__kwdefaults__ if flag in ("content_weight", "tv_weight")}
    styles_alone = [total(make(**kept), generated, content, style) for style in (first, second)]
    rest = total(make(), generated, content, first) - styles_alone[0]
    for weights, shares in (
        (None, (0.5, 0.5)),
        ([1, 3], (0.25, 0.75)),
        ((0.2, 0.2), (0.5, 0.5)),
        (np.array([3.0, 1.0]), (0.75, 0.25)),
        ([0, 2], (0.0, 1.0)),
    ):
        mixed = total(make(), generated, content, first, second, style_weights=weights)
        expected = rest + sum(s * alone for s, alone in zip(shares, styles_alone, strict=True))
        assert mixed == pytest.approx(expected, rel=1e-9)


def test_two_styles_double_the_style_terms_and_not_the_content(scene: Any) -> None:
    content, first, second, _ = scene("avg")
    recipe = presets.default(
        content_weight=2, tv_weight=3, style_weight=8, patch_weight=16, color_weight=64
    )
    objective = recipe(content, first, second, style_weights=[1, 3])
    assert list(objective.weights.items()) == [
        ("content", 2),
        ("total_variation", 3),
        ("style", 2),
        ("sliced", 8),
        ("patches", 4),
        ("patches_half", 4),
        ("patches_quarter", 4),
        ("color", 8),
        ("color_histogram", 8),
        ("style_1", 6),
        ("sliced_1", 24),
        ("patches_1", 12),
        ("patches_half_1", 12),
        ("patches_quarter_1", 12),
        ("color_1", 24),
        ("color_histogram_1", 24),
    ]


def test_one_style_needs_no_weight_and_any_positive_one_is_the_same(scene: Any) -> None:
    content, style, _, generated = scene("avg")
    recipe = presets.gatys2016()
    assert total(recipe, generated, content, style, style_weights=[7.0]) == total(
        recipe, generated, content, style
    )


def test_a_recipe_without_a_style_is_refused(scene: Any) -> None:
    content, *_ = scene("avg")
    with pytest.raises(ValueError, match="styles: expected .* at least one style, received none"):
        presets.default()(content)


@pytest.mark.parametrize(
    ("weights", "error", "received"),
    [
        ([1.0], ValueError, "received 1"),
        ([1.0, 2.0, 3.0], ValueError, "received 3"),
        ([], ValueError, "received 0"),
        ([1.0, -1.0], ValueError, "received .*-1.0"),
        ([0.0, 0.0], ValueError, "received .*0.0, 0.0"),
        ([1.0, float("nan")], ValueError, "received .*nan"),
        ([float("inf"), 1.0], ValueError, "received .*inf"),
        (0.5, TypeError, "received 0.5"),
        (["a", "b"], TypeError, "received .*'a'"),
        ("12", TypeError, "received '12'"),
        ([None, 1.0], TypeError, "received .*None"),
        ([True, False], TypeError, "received .*True"),
    ],
    ids=repr,
)
def test_weights_of_styles_of_another_form_are_an_error(
    weights: Any, error: type[Exception], received: str, scene: Any
) -> None:
    content, first, second, _ = scene("avg")
    with pytest.raises(error, match=f"^style_weights: expected .*{received}"):
        presets.gatys2016()(content, first, second, style_weights=weights)


# The whole


@every_recipe
def test_a_picture_that_is_content_and_style_at_once_is_where_a_recipe_rests(
    make: Callable[..., Recipe], scene: Any
) -> None:
    content, *_, generated = scene(make().pooling)
    options = {"tv_weight": 0.0} if "tv_weight" in make.__kwdefaults__ else {}
    objective = make(**options)(content, content)
    at_rest, gradient = value_and_gradient(objective, content)
    elsewhere, slopes = value_and_gradient(objective, generated)
    assert 0 <= at_rest <= 1e-20 * elsewhere
    steepest = max(np.abs(slope).max() for slope in slopes.values())
    assert max(np.abs(slope).max() for slope in gradient.values()) <= 1e-9 * steepest
