"""What leaves losses as they are, and what scales them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from losses.examples import (
    STYLE_LOSSES,
    TARGET_LOSSES,
    every_normalization,
    every_style_loss,
)
from support import (
    compare,
    orthogonal,
    permuted,
    random_map,
    to_rows,
    value,
)

import neuralstyle as ns


def shifted_style(*args: Any, **kwargs: Any) -> ns.StyleLoss:
    return ns.StyleLoss(*args, shift=-1, **kwargs)


# What leaves a loss as it is


@every_style_loss
@every_normalization
def test_styles_do_not_depend_on_where_things_are(kind: type[Any], normalize: str) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3)
    expected = pytest.approx(compare(kind, f, s, normalize), rel=1e-10)
    assert compare(kind, permuted(f), s, normalize) == expected
    assert compare(kind, f, permuted(s), normalize) == expected


def test_content_and_total_variation_depend_on_where_things_are() -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    assert compare(ns.ContentLoss, permuted(f), s) != pytest.approx(
        compare(ns.ContentLoss, f, s), rel=1e-3
    )
    variation = ns.TotalVariationLoss()
    assert value(variation, {"input": permuted(f)}) != pytest.approx(
        value(variation, {"input": f}), rel=1e-3
    )


def test_only_gram_is_blind_to_any_rotation_of_the_positions() -> None:
    f = random_map(0, 4, 5, 3)
    turned = (to_rows(f) @ orthogonal(20)).T.reshape(f.shape)
    assert np.abs(turned - f).max() > 1
    assert compare(ns.StyleLoss, turned, f) == pytest.approx(0, abs=1e-24)
    for kind in (*STYLE_LOSSES[1:], shifted_style):
        assert compare(kind, turned, f) > 1e-2


@pytest.mark.parametrize("normalize", ["mean", "paper"])
def test_a_constant_added_to_a_channel_of_both_matters_to_gram_alone(normalize: str) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3)
    shift = np.array([0.5, -1.0, 2.0])
    for kind in (kind for kind in STYLE_LOSSES if kind is not ns.StyleLoss):
        assert compare(kind, f + shift, s + shift, normalize) == pytest.approx(
            compare(kind, f, s, normalize), rel=1e-10
        )
    assert compare(ns.StyleLoss, f + shift, s + shift, normalize) != pytest.approx(
        compare(ns.StyleLoss, f, s, normalize), rel=1e-3
    )


@pytest.mark.parametrize("kind", [k for k in TARGET_LOSSES if k is not ns.SlicedWassersteinLoss])
@every_normalization
def test_the_order_of_channels_does_not_matter(kind: type[Any], normalize: str) -> None:
    f, s = random_map(0, 5, 6, 4), random_map(1, 5, 6, 4)
    order = [2, 0, 3, 1]
    assert compare(kind, f[..., order], s[..., order], normalize) == pytest.approx(
        compare(kind, f, s, normalize), rel=1e-10
    )


@every_normalization
def test_second_moments_do_not_see_a_rotation_of_the_channels_of_both(normalize: str) -> None:
    f, s, turn = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3), orthogonal(3)
    for kind in (ns.StyleLoss, ns.CovarianceLoss, ns.GaussianWassersteinLoss):
        assert compare(kind, f @ turn, s @ turn, normalize) == pytest.approx(
            compare(kind, f, s, normalize), rel=1e-10
        )
    for kind in (ns.MomentLoss, ns.HistogramLoss):
        assert compare(kind, f @ turn, s @ turn, normalize) != pytest.approx(
            compare(kind, f, s, normalize), rel=1e-3
        )


@every_style_loss
@pytest.mark.parametrize("normalize", ["relative", "mean"])
@pytest.mark.parametrize("size", [(5, 6), (10, 3), (3, 7)])
def test_tiling_either_image_changes_nothing(
    kind: type[Any], normalize: str, size: tuple[int, int]
) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, *size, 3)
    expected = pytest.approx(compare(kind, f, s, normalize), rel=1e-9)
    for a, b in ((2, 1), (1, 3), (2, 3)):
        f_tiled, s_tiled = np.tile(f, (1, a, 1, 1)), np.tile(s, (1, 1, b, 1))
        assert compare(kind, f_tiled, s_tiled, normalize) == expected


@every_style_loss
@every_normalization
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_image_tiled_from_the_style_is_at_zero_and_never_below(
    kind: type[Any], normalize: str, dtype: type[Any]
) -> None:
    random = np.random.default_rng(0)
    for tiles in (2, 3, 2, 3, 2, 3):
        s = random.uniform(size=(1, 4, 5, 3)).astype(dtype)
        tiled = np.tile(s, (1, tiles, 1, 1))
        assert 0 <= compare(kind, tiled, s, normalize) < 1e-5


# Scale


@pytest.mark.parametrize(
    ("kind", "power"),
    [
        (ns.ContentLoss, 2),
        (ns.StyleLoss, 4),
        (ns.MomentLoss, 2),
        (ns.GaussianWassersteinLoss, 2),
        (ns.HistogramLoss, 2),
        (ns.SlicedWassersteinLoss, 2),
    ],
)
@pytest.mark.parametrize("normalize", ["mean", "paper"])
def test_scaling_both_images_scales_the_loss_by_a_power(
    kind: type[Any], power: int, normalize: str
) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    assert compare(kind, 3 * f, 3 * s, normalize) == pytest.approx(
        3**power * compare(kind, f, s, normalize), rel=1e-10
    )
