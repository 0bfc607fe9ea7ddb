"""Losses of a torus: features whose padding is "wrap"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from support import Array, noise, picture, says, value

import neuralstyle as ns
from neuralstyle.losses.masks import Mask

SHAPE, SHIFT = (32, 48), (16, -32)
LAYERS = ("conv1_1", "conv2_1", "conv3_1")


class Torus(dict[str, Any]):
    """Features that say that they are those of a torus, and nothing else."""

    padding = "wrap"


@pytest.fixture(scope="module")
def vgg() -> ns.VGG16Features:
    return ns.VGG16Features("compact", "avg", padding="reflect", dtype="float64")


def rolled(image: Array) -> Array:
    return np.roll(image, SHIFT, (0, 1))


Make = Callable[[ns.Features, Callable[[Array], Any], Array], ns.Loss]

# Of the features of a style that is no torus, of how the torus is seen, and of its content.
LOSSES: dict[str, Make] = {
    "style": lambda s, see, c: ns.StyleLoss(s, LAYERS),
    "variation": lambda s, see, c: ns.TotalVariationLoss(1.5),
    "patches": lambda s, see, c: ns.PatchLoss(s, "conv3_1"),
    "patches at a stride": lambda s, see, c: ns.PatchLoss(s, "conv2_1", stride=2),
    "sliced": lambda s, see, c: ns.SlicedWassersteinLoss(s, "input", patch_size=3),
    "pooled": lambda s, see, c: ns.SlicedWassersteinLoss(s, "conv2_1", patch_size=3, pool=2),
    "nearest": lambda s, see, c: ns.NearestLoss(s, LAYERS, frozen=False, turns=1),
    "frozen": lambda s, see, c: ns.NearestLoss(s, ("conv1_1", "conv4_1"), source=see(c), turns=1),
    "content": lambda s, see, c: ns.ContentLoss(see(c), "conv3_1"),
    "laplacian": lambda s, see, c: ns.LaplacianLoss(see(c), (1, 4)),
}


AT_LENGTH = ("patches at a stride", "sliced", "nearest", "laplacian")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in AT_LENGTH else ()) for n in LOSSES],
)
def test_a_value_does_not_change_when_a_torus_rolls_and_its_gradient_rolls_with_it(
    name: str, vgg: ns.VGG16Features
) -> None:
    see = vgg.with_padding("wrap")
    style, content = vgg(picture(1, (40, 56))), picture(2, SHAPE)
    image = 0.8 * picture(3, SHAPE) + 0.2 * noise(*SHAPE)
    results = []
    for roll in (lambda x: x, rolled):
        loss = LOSSES[name](style, see, roll(content))
        results.append(ns.Evaluator(loss, see, SHAPE).value_and_gradient(roll(image)))
    (still, gradient), (moved, moved_gradient) = results
    assert moved == pytest.approx(still, rel=1e-9)
    size = np.abs(gradient).max()
    np.testing.assert_allclose(moved_gradient, rolled(gradient), rtol=0, atol=1e-7 * size)


def test_without_wrapping_rolling_changes_what_sees_neighbours(vgg: ns.VGG16Features) -> None:
    style, image = vgg(picture(1, (40, 56))), picture(3, SHAPE)
    for name in ("style", "variation", "patches", "sliced"):
        loss = LOSSES[name](style, vgg, image)
        assert float(loss(vgg(rolled(image)))) != pytest.approx(float(loss(vgg(image))), rel=1e-6)


def test_the_variation_of_a_torus_counts_what_meets_at_its_borders() -> None:
    image = np.array([[0.0, 1.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)
    loss = ns.TotalVariationLoss(normalize="paper")
    assert value(loss, {"input": image}) == 5
    # Every pair of neighbours is there twice: to the right and, round the border, to the left.
    assert float(loss(Torus(input=image))) == 2 * (1 + 4 + 4 + 9)


def test_the_variation_of_a_mirrored_picture_counts_all_pairs_of_neighbours_once() -> None:
    image = np.array([[0.0, 1.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)
    features = Torus(input=image)
    features.padding = "reflect"
    assert float(ns.TotalVariationLoss(normalize="paper")(features)) == 1 + 4 + 4 + 9


def test_the_patches_of_a_torus_go_on_at_its_other_side() -> None:
    one = np.zeros((1, 3, 3, 1))
    one[0, 0, 0] = 1.0  # the lower right of a patch that begins at the lower right corner
    style = {"a": np.array([[0.0, 0.0], [0.0, 1.0]]).reshape(1, 2, 2, 1)}
    loss = ns.PatchLoss(style, "a", patch_size=2, normalize="paper")
    # Nine patches, four of which have the pixel, each at another place; one is the style's.
    assert float(loss(Torus(a=one))) == pytest.approx(3 * 2 + 5 * 1)
    assert value(loss, {"a": one}) == pytest.approx(1 * 2 + 3 * 1)


@pytest.mark.parametrize("propagation", ["average", "inside", "all"])
def test_masks_roll_with_a_torus(propagation: Any, vgg: ns.VGG16Features) -> None:
    see = vgg.with_padding("wrap")
    region = np.zeros(SHAPE)
    region[2:30, 2:42] = 1.0
    mask, moved = Mask(region, propagation), Mask(rolled(region), propagation)
    image = picture(3, SHAPE)
    style = vgg(picture(1, (40, 56)))
    makes: list[Callable[[Mask], ns.Loss]] = [
        lambda m: ns.StyleLoss(style, "conv2_1", mask=m),
        lambda m: ns.PatchLoss(style, "conv2_1", patch_size=2, mask=m),
        lambda m: ns.SlicedWassersteinLoss(style, "conv2_1", patch_size=3, mask=m),
        lambda m: ns.TotalVariationLoss(mask=m),
        lambda m: ns.LaplacianLoss(see(image), mask=m),
    ]
    for make in makes[:-1]:
        expected = float(make(mask)(see(image)))
        assert expected > 0
        assert float(make(moved)(see(rolled(image)))) == pytest.approx(expected, rel=1e-9)
    target = picture(4, SHAPE)
    values = [
        float(ns.LaplacianLoss(see(roll(target)), mask=m)(see(roll(image))))
        for roll, m in ((lambda x: x, mask), (rolled, moved))
    ]
    assert values[1] == pytest.approx(values[0], rel=1e-9)


def test_a_laplacian_of_a_plane_target_looks_at_a_torus_where_both_are() -> None:
    image, target = noise(12, 12), noise(12, 12, 1)
    loss = ns.LaplacianLoss({"input": target[None]}, 2)
    assert float(loss(Torus(input=image[None]))) == value(loss, {"input": image[None]})
    with says(ValueError, "laplacian", "torus"):
        ns.LaplacianLoss(Torus(input=target[None]), 2)({"input": image[None]})


def test_squares_fill_a_torus() -> None:
    features = Torus(input=noise(12, 10)[None])
    for make in (
        lambda f: ns.LaplacianLoss(f, 3),
        lambda f: ns.SlicedWassersteinLoss(f, "input", pool=4),
        lambda f: ns.NearestLoss(f, "input", source=f, turns=1, pool=4),
    ):
        with says(ValueError, "torus", "10 x 12"):
            make(features)


def test_a_loss_takes_a_target_that_was_seen_with_another_padding(
    vgg: ns.VGG16Features, tmp_path: Any
) -> None:
    image = picture(3, SHAPE)
    ns.save_loss(tmp_path / "style.npz", ns.StyleLoss(vgg(image), "conv1_1"))
    loss: ns.Loss = ns.load_loss(tmp_path / "style.npz")
    see: Mapping[str, Any] = vgg.with_padding("wrap")(image)
    assert 0 < float(loss(see)) < 0.1
    other = ns.VGG16Features("compact", "max", padding="reflect", dtype="float64")
    with says(ValueError, "style", "network"):
        loss(other(image))
