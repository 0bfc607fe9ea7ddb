"""The Laplacian loss: values worked by hand, its definition, laws, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from support import Array, value, value_and_gradient

import neuralstyle as ns
from neuralstyle.losses.statistics import laplacian

STENCIL = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])


def image(seed: int, height: int = 13, width: int = 18) -> Array:
    return np.random.default_rng(seed).uniform(size=(1, height, width, 3))


def plane(height: int = 13, width: int = 18) -> Array:
    """Make an image whose channels rise evenly, each in another direction."""
    rows, columns = np.indices((height, width))
    channels = [0.01 * rows + 0.2, 0.02 * columns, 0.03 * rows - 0.01 * columns]
    return np.stack(channels, axis=-1)[None]


def defined(x: Array, pool: int) -> Array:
    """Compute pooled Laplacians with SciPy."""
    height, width = (size // pool * pool for size in x.shape[1:3])
    grey = x[0, :height, :width].sum(axis=-1)
    squares = grey.reshape(height // pool, pool, width // pool, pool).mean(axis=(1, 3))
    return ndimage.convolve(squares, STENCIL)[1:-1, 1:-1]


def compare(x: Array, c: Array, pool: Any = 1, normalize: Any = "mean") -> float:
    return value(ns.LaplacianLoss({"input": c}, pool, normalize=normalize), {"input": x})


def test_the_response_to_an_impulse_is_four_and_its_square_the_loss() -> None:
    impulse = np.zeros((1, 3, 3, 1))
    impulse[0, 1, 1] = 1
    assert float(laplacian(impulse)[0, 0, 0, 0]) == 4
    for normalize in ("mean", "paper"):
        loss = ns.LaplacianLoss({"input": np.zeros_like(impulse)}, 1, normalize=normalize)
        result, gradient = value_and_gradient(loss, {"input": impulse})
        assert result == 16
        np.testing.assert_array_equal(gradient["input"][0, :, :, 0], 8 * STENCIL)


@pytest.mark.parametrize("pool", [1, 2, 3, 4])
def test_the_value_is_that_of_the_definition(pool: int) -> None:
    x, c = image(0), image(1)
    np.testing.assert_allclose(laplacian(x, pool)[0, :, :, 0], defined(x, pool), atol=1e-12)
    squared = (defined(x, pool) - defined(c, pool)) ** 2
    assert compare(x, c, pool) == pytest.approx(squared.mean(), rel=1e-10)
    assert compare(x, c, pool, "paper") == pytest.approx(squared.sum(), rel=1e-10)
    relative = squared.mean() / (defined(c, pool) ** 2).mean()
    assert compare(x, c, pool, "relative") == pytest.approx(relative, rel=1e-10)


@pytest.mark.parametrize("normalize", ["relative", "mean", "paper"])
def test_pools_are_one_a_sequence_to_average_or_weights_as_given(normalize: str) -> None:
    x, c = image(0), image(1)
    one, three = (compare(x, c, pool, normalize) for pool in (1, 3))
    assert one != pytest.approx(three, rel=1e-3)
    assert compare(x, c, (1, 3), normalize) == pytest.approx((one + three) / 2, rel=1e-12)
    weighed = compare(x, c, {1: 2, 3: 0.5}, normalize)
    assert weighed == pytest.approx(2 * one + three / 2, rel=1e-12)


@pytest.mark.parametrize("pool", [1, 2, 4])
def test_a_plane_has_no_laplacian_and_can_be_added_to_the_image(pool: int) -> None:
    np.testing.assert_allclose(laplacian(plane(), pool), 0, atol=1e-14)
    c = image(1)
    assert compare(c + plane(), c, pool) == pytest.approx(0, abs=1e-24)
    assert compare(image(0) + plane(), c, pool) == pytest.approx(
        compare(image(0), c, pool), rel=1e-10
    )


def test_it_depends_on_where_things_are() -> None:
    c = image(1)
    assert compare(c[:, ::-1], c) > 0.1


@pytest.mark.parametrize("normalize", ["mean", "paper"])
def test_scaling_both_images_scales_the_loss_by_the_square(normalize: str) -> None:
    x, c = image(0), image(1)
    assert compare(3 * x, 3 * c, 4, normalize) == pytest.approx(
        9 * compare(x, c, 4, normalize), rel=1e-10
    )
    assert compare(3 * x, 3 * c, 4, "relative") == pytest.approx(compare(x, c, 4, "relative"))


def test_the_relative_form_is_one_for_a_black_image() -> None:
    c = image(1)
    assert compare(np.zeros_like(c), c, (1, 2, 4), "relative") == pytest.approx(1, abs=1e-12)


def test_rounding_errors_of_a_target_without_edges_are_no_scale() -> None:
    x, c = (a.astype(np.float32) for a in (image(0), plane()))
    assert compare(x, c, 1, "relative") == pytest.approx(compare(x, c, 1, "mean"))


def test_it_is_described_by_its_pool() -> None:
    target = {"input": image(0)}
    assert repr(ns.LaplacianLoss(target)) == "LaplacianLoss(pool=4)"
    assert repr(ns.LaplacianLoss(target, [1, 4])) == "LaplacianLoss(pool=(1, 4))"
    assert (
        repr(ns.LaplacianLoss(target, {2: 1.5}, normalize="mean"))
        == "LaplacianLoss(pool={2: 1.5}, normalize='mean')"
    )


@pytest.mark.parametrize(
    ("pool", "error", "words"),
    [
        (0, ValueError, "at least 1 pixel, received 0"),
        ([2, -1], ValueError, "at least 1 pixel, received -1"),
        ([], ValueError, "received none"),
        ([2, 2], ValueError, "every size once"),
        ({4: -1.0}, ValueError, "received -1.0"),
        (True, TypeError, "received True"),
        (2.0, TypeError, "received 2.0"),
        ("4", TypeError, "received '4'"),
        ([1, 2.5], TypeError, "received 2.5"),
        (None, TypeError, "received None"),
    ],
)
def test_a_pool_of_another_form_is_an_error(pool: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"^pool: expected .*{words}"):
        ns.LaplacianLoss({"input": image(0)}, pool)


@pytest.mark.parametrize("size", [(11, 40), (40, 11)])
def test_an_image_of_less_than_three_squares_is_a_value_error(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="target: expected .*at least 12 pixels .*received"):
        ns.LaplacianLoss({"input": image(0, *size)})


def test_an_image_of_another_size_is_a_value_error_though_its_squares_be_as_many() -> None:
    loss = ns.LaplacianLoss({"input": image(0, 13, 18)}, name="sky")
    with pytest.raises(ValueError, match="'sky': expected .*18 x 13 pixels, received 19 x 14"):
        loss({"input": image(0, 14, 19)})
