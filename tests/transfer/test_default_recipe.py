"""The library's own recipe: its terms, their layers and sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle import recipes
from neuralstyle.losses import STYLE_LAYERS


def test_the_default_recipe_is_made_of_relative_losses(scene: Any) -> None:
    content, style, *_ = scene("max")
    recipe = recipes.default(
        content_weight=2, tv_weight=3, style_weight=5, color_weight=11, patch_weight=7
    )
    objective = recipe(content, style)
    losses: dict[str, Any] = {term.name: term.loss for term in objective.terms}
    assert objective.weights == {
        "content": 2.0,
        "total_variation": 3.0,
        "covariance": 5.0,
        "color": 11.0,
        "patches": 7.0,
    }
    assert [type(loss) for loss in losses.values()] == [
        ns.ContentLoss,
        ns.TotalVariationLoss,
        ns.CovarianceLoss,
        ns.HistogramLoss,
        ns.SlicedWassersteinLoss,
    ]
    assert {loss.normalize for loss in losses.values()} == {"relative"}
    assert losses["content"].layers == {"block4_conv2": 1.0}
    shares = losses["covariance"].layers
    assert tuple(shares) == STYLE_LAYERS
    assert max(shares, key=shares.get) == "block3_conv1"
    assert sum(shares.values()) == pytest.approx(1)
    assert losses["color"].layers == {"input": 1.0}
    zeros = {layer: np.zeros_like(feature) for layer, feature in content.items()}
    for name, value in objective.evaluate(zeros).items():
        assert float(value) == pytest.approx(0 if name == "total_variation" else 1, abs=1e-9)


def test_layers_of_the_default_recipe_can_be_chosen(scene: Any) -> None:
    content, style, *_ = scene("max")
    recipe = recipes.default(
        content_layers="block2_conv2",
        style_layers={"block2_conv1": 3.0, "block4_conv1": 1.0},
    )
    losses: dict[str, Any] = {term.name: term.loss for term in recipe(content, style).terms}
    assert losses["content"].layers == {"block2_conv2": 1.0}
    assert losses["covariance"].layers == {"block2_conv1": 3.0, "block4_conv1": 1.0}
    assert losses["color"].layers == {"input": 1.0}


def test_two_styles_double_the_style_terms_and_not_the_content(scene: Any) -> None:
    content, first, second, _ = scene("max")
    recipe = recipes.default(
        content_weight=2, tv_weight=3, style_weight=8, color_weight=64, patch_weight=4
    )
    objective = recipe(content, first, second, style_weights=[1, 3])
    assert list(objective.weights.items()) == [
        ("content", 2),
        ("total_variation", 3),
        ("covariance", 2),
        ("color", 16),
        ("patches", 1),
        ("covariance_1", 6),
        ("color_1", 48),
        ("patches_1", 3),
    ]


@pytest.mark.parametrize(
    ("content", "style", "padding", "pool"),
    [
        ((32, 48), (40, 32), "zeros", 4),
        ((31, 48), (40, 32), "zeros", 2),
        ((48, 48), (40, 20), "zeros", 2),
        ((48, 48), (15, 20), "zeros", 1),
        ((48, 48), (40, 34), "wrap", 2),
        ((48, 33), (40, 32), "wrap", 1),
    ],
)
def test_patches_are_those_of_a_quarter_where_that_has_enough(
    content: Any, style: Any, padding: Any, pool: int
) -> None:
    vgg = ns.VGG16Features("compact", padding=padding)
    recipe = recipes.default(content_layers="block1_conv1", style_layers="block1_conv1")
    objective = recipe(*(vgg(np.full((*size, 3), 0.5, np.float32)) for size in (content, style)))
    (patches,) = (term.loss for term in objective.terms if term.name == "patches")
    assert isinstance(patches, ns.SlicedWassersteinLoss)
    assert (patches.pool, patches.patch_size) == (pool, 3)
