"""The library's own recipe: its terms, their layers and sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle import recipes
from neuralstyle.losses import STYLE_LAYERS

PATCHES = ("sliced_patches", "sliced_patches_half", "sliced_patches_quarter")


def test_the_default_recipe_is_made_of_relative_losses(scene: Any) -> None:
    content, style, *_ = scene("avg")
    recipe = recipes.default(
        content_weight=2, tv_weight=3, style_weight=5, patch_weight=7, color_weight=11
    )
    objective = recipe(content, style)
    losses: dict[str, Any] = {term.name: term.loss for term in objective.terms}
    assert objective.weights == {
        "content": 2.0,
        "total_variation": 3.0,
        "covariance": 5.0,
        "sliced": 20.0,
        "sliced_patches": 7.0,
        "sliced_patches_half": 7.0,
        "sliced_patches_quarter": 7.0,
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
    shares = losses["covariance"].layers
    assert tuple(shares) == STYLE_LAYERS
    assert max(shares, key=shares.get) == "block4_conv1"
    assert sum(shares.values()) == pytest.approx(1)
    assert losses["sliced"].layers == dict.fromkeys(STYLE_LAYERS[1:], 0.25)
    for name, pool in (
        ("sliced_patches", 1),
        ("sliced_patches_half", 2),
        ("sliced_patches_quarter", 4),
    ):
        assert losses[name].layers == {"input": 1.0}
        assert (losses[name].patch_size, losses[name].pool) == (7, pool)
    assert losses["color"].layers == losses["color_histogram"].layers == {"input": 1.0}
    zeros = {layer: np.zeros_like(feature) for layer, feature in content.items()}
    for name, value in objective.evaluate(zeros).items():
        assert float(value) == pytest.approx(0 if name == "total_variation" else 1, abs=1e-9)


def test_layers_of_the_default_recipe_can_be_chosen(scene: Any) -> None:
    content, style, *_ = scene("avg")
    recipe = recipes.default(
        content_layers="block4_conv2",
        style_layers={"block2_conv1": 3.0, "block4_conv1": 1.0},
    )
    losses: dict[str, Any] = {term.name: term.loss for term in recipe(content, style).terms}
    assert losses["content"].layers == {"block4_conv2": 1.0}
    assert losses["covariance"].layers == {"block2_conv1": 3.0, "block4_conv1": 1.0}
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
    losses = recipes.default(style_weight=0, color_weight=0).style(content, style)
    assert {term.terms[0].name: term.terms[0].loss.pool for term in losses} == dict(
        zip(PATCHES, pools, strict=True)
    )


@pytest.mark.parametrize("side", ["mask", "target_mask"])
def test_patches_are_compared_at_the_sizes_at_which_a_region_is_left(side: str) -> None:
    seen = {"input": np.ones((1, 64, 64, 3))}
    recipe = recipes.default(style_weight=0, color_weight=0)

    def pools(rows: int) -> list[int]:
        terms = recipe.style(seen, seen, **{side: np.arange(64)[:, None] < np.full(64, rows)})
        return [term.terms[0].loss.pool for term in terms]

    assert [pools(rows) for rows in (64, 14, 12, 6)] == [[1, 2, 4], [1, 2, 2], [1, 2, 2], [1, 1, 1]]


def test_layers_as_large_as_the_picture_are_sorted_only_if_there_are_no_others(scene: Any) -> None:
    content, style, *_ = scene("avg")
    terms = recipes.default(style_layers="block1_conv1").style(content, style)
    assert [str(t.terms[0].loss.layers) for t in terms if t.terms[0].name == "sliced"] == [
        "{'block1_conv1': 1.0}"
    ]


def test_two_styles_double_the_style_terms_and_not_the_content(scene: Any) -> None:
    content, first, second, _ = scene("avg")
    recipe = recipes.default(
        content_weight=2, tv_weight=3, style_weight=8, patch_weight=16, color_weight=64
    )
    objective = recipe(content, first, second, style_weights=[1, 3])
    assert list(objective.weights.items()) == [
        ("content", 2),
        ("total_variation", 3),
        ("covariance", 2),
        ("sliced", 8),
        ("sliced_patches", 4),
        ("sliced_patches_half", 4),
        ("sliced_patches_quarter", 4),
        ("color", 8),
        ("color_histogram", 8),
        ("covariance_1", 6),
        ("sliced_1", 24),
        ("sliced_patches_1", 12),
        ("sliced_patches_half_1", 12),
        ("sliced_patches_quarter_1", 12),
        ("color_1", 24),
        ("color_histogram_1", 24),
    ]
