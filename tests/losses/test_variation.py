"""Total variation: values, scale, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from losses.examples import (
    every_normalization,
)
from support import (
    noise,
    random_map,
    says,
    value,
)

import neuralstyle as ns

GENERATED = {"a": random_map(3, 5, 6, 3), "b": random_map(4, 3, 4, 4), "c": random_map(5, 2, 2, 2)}


@pytest.mark.parametrize(
    ("exponent", "expected"), [(2, 5.0), (1, 2.2360679775), (2.5, 7.4767439061)]
)
@every_normalization
def test_total_variation_of_a_small_image(exponent: float, expected: float, normalize: Any) -> None:
    image = {"input": np.array([[0.0, 1.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)}
    loss = ns.TotalVariationLoss(exponent, normalize=normalize)
    assert value(loss, image) == pytest.approx(expected, abs=1e-10)


def test_the_paper_form_of_total_variation_is_the_sum_and_the_others_the_mean() -> None:
    image = {"input": random_map(0, 5, 6, 3)}
    paper, mean, relative = (
        value(ns.TotalVariationLoss(normalize=n), image) for n in ("paper", "mean", "relative")
    )
    assert paper == pytest.approx(4 * 5 * 3 * mean, rel=1e-12)
    assert relative == mean


@pytest.mark.parametrize("exponent", [1, 1.5, 2])
def test_differences_that_count_by_themselves_are_of_all_neighbours(exponent: float) -> None:
    image = random_map(0, 5, 6, 3)
    loss = ns.TotalVariationLoss(exponent, isotropic=False, normalize="paper")
    across, down = np.abs(np.diff(image, axis=2)), np.abs(np.diff(image, axis=1))
    expected = (across**exponent).sum() + (down**exponent).sum()
    assert value(loss, {"input": image}) == pytest.approx(expected, rel=1e-12)
    mean = ns.TotalVariationLoss(exponent, isotropic=False)
    assert value(mean, {"input": image}) == pytest.approx(expected / image.size, rel=1e-12)


@pytest.mark.parametrize("padding", [None, "reflect", "wrap"])
def test_the_gradient_takes_no_slow_step(padding: Any) -> None:
    @tf.function(autograph=False)
    def slope(image: tf.Tensor) -> tf.Tensor:
        variation = ns.statistics.total_variation(image, padding=padding)
        edges = ns.statistics.laplacian(image, torus=padding == "wrap")
        return tf.gradients([variation, edges], image)[0]

    graph = slope.get_concrete_function(tf.TensorSpec((1, 8, 9, 3), tf.float32)).graph
    kinds = {operation.type for operation in graph.get_operations()}
    assert "StridedSliceGrad" not in kinds  # which fills the whole picture, on one core


def test_with_exponent_one_they_are_tensorflows_total_variation() -> None:
    image = random_map(1, 7, 4, 3)
    loss = ns.TotalVariationLoss(1, isotropic=False, normalize="paper")
    expected = float(tf.image.total_variation(tf.constant(image))[0])
    assert value(loss, {"input": image}) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("exponent", [1, 1.25, 2])
def test_their_gradient_is_finite_and_zero_where_nothing_differs(exponent: float) -> None:
    loss = ns.TotalVariationLoss(exponent, isotropic=False)
    image = tf.Variable(np.kron([[0.0, 1.0]], np.ones((4, 3)))[None, ..., None])
    with tf.GradientTape() as tape:
        total = loss({"input": image})
    gradient = np.asarray(tape.gradient(total, image))[0, ..., 0]
    assert np.isfinite(gradient).all()
    assert (gradient[:, [0, 1, 4, 5]] == 0).all() and (gradient[:, 2:4] != 0).all()


def test_a_mask_counts_the_least_of_a_pixel_and_its_neighbours_in_either_form() -> None:
    image, mask = random_map(0, 4, 4, 3), np.ones((4, 4))
    mask[:, 2:] = 0
    loss = ns.TotalVariationLoss(1, isotropic=False, normalize="paper", mask=mask)
    left = ns.TotalVariationLoss(1, isotropic=False, normalize="paper")
    inside = value(left, {"input": image[:, :, :2]}) - np.abs(np.diff(image[:, :, 1], axis=1)).sum()
    assert value(loss, {"input": image}) == pytest.approx(inside, rel=1e-12)


@pytest.mark.parametrize("padding", ["zeros", "wrap"])
def test_colours_count_as_often_as_asked_beside_brightness(padding: str) -> None:
    def of(image: Any, chroma: float = 1.0) -> float:
        features = ns.VGG16Features("compact", padding=padding)(image)
        return float(ns.TotalVariationLoss(chroma=chroma)(features))

    image = noise(16, 16)
    grey = np.repeat(image.mean(-1, keepdims=True), 3, axis=-1)
    colours = of(image) - of(grey)
    for chroma in (0.0, 0.25, 1.0, 30.0):
        assert of(image, chroma) == pytest.approx(of(grey) + chroma * colours, rel=1e-5)
        assert of(grey, chroma) == pytest.approx(of(grey), rel=1e-6)


def test_how_often_colours_count_is_a_number_from_zero_on() -> None:
    with says(ValueError, "chroma", "expected a number of at least 0", "received -1"):
        ns.TotalVariationLoss(chroma=-1)
    assert repr(ns.TotalVariationLoss(chroma=8)) == "TotalVariationLoss(exponent=2, chroma=8)"


@pytest.mark.parametrize("isotropic", [1, None, "no"])
def test_whether_it_is_isotropic_is_true_or_false(isotropic: Any) -> None:
    with says(TypeError, "isotropic", "expected True or False", "received"):
        ns.TotalVariationLoss(isotropic=isotropic)


@every_normalization
@pytest.mark.parametrize("exponent", [1, 1.25, 2, 2.5])
def test_total_variation_scales_by_its_exponent(normalize: Any, exponent: float) -> None:
    loss, image = ns.TotalVariationLoss(exponent, normalize=normalize), random_map(0, 5, 6, 3)
    assert value(loss, {"input": 3 * image}) == pytest.approx(
        3**exponent * value(loss, {"input": image}), rel=1e-10
    )


def test_total_variation_is_described_by_its_exponent() -> None:
    assert repr(ns.TotalVariationLoss()) == "TotalVariationLoss(exponent=2)"
    assert (
        repr(ns.TotalVariationLoss(1.25, normalize="mean"))
        == "TotalVariationLoss(exponent=1.25, normalize='mean')"
    )
    unequal = ns.TotalVariationLoss(1, isotropic=False)
    assert repr(unequal) == "TotalVariationLoss(exponent=1, isotropic=False)"


def test_total_variation_without_an_image_is_a_key_error() -> None:
    with says(KeyError, "features", "'input'", "a, b, c"):
        ns.TotalVariationLoss()(GENERATED)


@pytest.mark.parametrize("exponent", ["2", None, True, [2]])
def test_an_exponent_that_is_no_number_is_a_type_error(exponent: Any) -> None:
    with says(TypeError, "exponent", "expected a number", "received"):
        ns.TotalVariationLoss(exponent)


@pytest.mark.parametrize("exponent", [0.99, 0, -2.0, float("nan"), float("inf")])
def test_an_exponent_below_one_or_not_finite_is_a_value_error(exponent: float) -> None:
    with says(ValueError, "exponent", "expected", f"received .*{exponent}"):
        ns.TotalVariationLoss(exponent)


@pytest.mark.parametrize("shape", [(1, 1, 5, 3), (1, 5, 1, 3)])
def test_total_variation_of_a_line_is_a_value_error(shape: tuple[int, ...]) -> None:
    with says(ValueError, "'grain'", "expected", "2 x 2", f"received {shape[2]} x {shape[1]}"):
        ns.TotalVariationLoss(name="grain")({"input": np.zeros(shape)})
