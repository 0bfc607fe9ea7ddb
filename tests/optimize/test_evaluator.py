"""The value and gradient that an optimiser gets are true, and complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from keras import ops
from support import pixels

import neuralstyle as ns

Pictures = tuple[np.ndarray, np.ndarray]


@ns.loss
def brightness(features: Mapping[str, Any]) -> Any:
    return ops.square(ops.mean(features["input"]) - 0.25)


@ns.loss
def contrast(features: Mapping[str, Any]) -> Any:
    return ops.mean(ops.square(features["input"] - 0.5))


def whole_objective(extractor: ns.VGG16Features, pictures: Pictures) -> ns.StyleObjective:
    """One of every loss, over five layers of the network."""
    content, style = map(extractor, pictures)
    return (
        0.5 * ns.ContentLoss(content)
        + 2.0 * ns.StyleLoss(style)
        + 0.7 * ns.CovarianceLoss(style)
        + 0.3 * ns.HistogramLoss(style)
        + 0.1 * ns.TotalVariationLoss()
    )


def worst_directional_error(
    evaluator: ns.Evaluator, x: np.ndarray, step: float, seed: int = 0
) -> float:
    """The largest relative error of the gradient along five directions, by central differences.

    Directions have entries of 1 and -1, half of them along the gradient so that the derivative is
    large, and half at random so that every direction has a part in it.
    """
    random = np.random.default_rng(seed)
    _, gradient = evaluator(x)
    errors = []
    for _ in range(5):
        direction = np.where(
            random.uniform(size=x.size) < 0.5,
            np.sign(gradient) + (gradient == 0),
            random.choice([-1.0, 1.0], size=x.size),
        )
        difference = evaluator(x + step * direction)[0] - evaluator(x - step * direction)[0]
        expected = gradient @ direction
        errors.append(abs(difference / (2 * step) - expected) / abs(expected))
    return max(errors)


def test_a_value_is_a_float_and_a_gradient_is_flat_float64(
    vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    content = pictures[0]
    evaluator = ns.Evaluator(whole_objective(vgg, pictures), vgg, content.shape)
    value, gradient = evaluator(content.ravel().astype(np.float64))
    assert type(value) is float
    assert isinstance(gradient, np.ndarray)
    assert gradient.shape == (content.size,)
    assert gradient.dtype == np.float64
    assert gradient.flags.writeable and gradient.flags.c_contiguous
    assert np.count_nonzero(gradient) > 0.9 * gradient.size


def test_value_and_gradient_are_those_of_a_formula_by_hand() -> None:
    evaluator = ns.Evaluator(3.0 * contrast, pixels, (2, 4))
    x = np.linspace(0, 1, 24)
    value, gradient = evaluator(x)
    assert value == pytest.approx(3.0 * np.mean((x - 0.5) ** 2), rel=1e-6)
    np.testing.assert_allclose(gradient, 3.0 * 2.0 * (x - 0.5) / 24, rtol=1e-5, atol=1e-8)


def test_the_gradient_agrees_with_differences_of_the_value_in_float32(
    vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    content = pictures[0]
    evaluator = ns.Evaluator(whole_objective(vgg, pictures), vgg, content.shape)
    x = 0.25 + 0.5 * content.ravel().astype(np.float64)
    assert worst_directional_error(evaluator, x, step=2.0**-11) < 1e-2


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_the_gradient_agrees_with_differences_of_the_value_in_float64(
    pictures: Pictures, pooling: Any
) -> None:
    extractor = ns.VGG16Features("compact", pooling, dtype="float64")
    content = pictures[0]
    evaluator = ns.Evaluator(whole_objective(extractor, pictures), extractor, content.shape)
    # No two pixels are alike: where maxima and sorted values tie, there is no derivative.
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, content.size)
    x = 0.25 + 0.5 * content.ravel().astype(np.float64) + noise
    assert worst_directional_error(evaluator, x, step=1e-8) < 1e-5


def test_the_value_is_that_of_the_objective_called_directly(
    vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    objective = whole_objective(vgg, pictures)
    style = ns.resize(pictures[1], pictures[0].shape[:2])
    value, _ = ns.Evaluator(objective, vgg, style.shape)(style)
    assert value == pytest.approx(float(objective(vgg(style))), rel=1e-4)


def test_a_float64_network_sees_pixels_that_nothing_has_rounded() -> None:
    extractor = ns.VGG16Features("compact", dtype="float64")
    mean = ns.loss(lambda features: ops.mean(features["input"]))
    value, gradient = ns.Evaluator(mean, extractor, (2, 4))(np.full(24, 0.1))
    assert value == pytest.approx(0.1, rel=1e-15)
    np.testing.assert_allclose(gradient, 1 / 24, rtol=1e-15)


def test_the_losses_times_their_weights_sum_to_the_value(
    vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    objective = whole_objective(vgg, pictures)
    evaluator = ns.Evaluator(objective, vgg, pictures[0].shape)
    assert evaluator.losses == {}
    value, _ = evaluator(pictures[0] * 0.5)
    assert list(evaluator.losses) == list(objective.weights)
    assert all(type(loss) is float and loss > 0 for loss in evaluator.losses.values())
    total = sum(objective.weights[name] * loss for name, loss in evaluator.losses.items())
    assert total == pytest.approx(value, rel=1e-12)


def test_a_negative_weight_turns_value_and_gradient_but_not_the_loss() -> None:
    x = np.linspace(0, 1, 12)
    plain, turned = (ns.Evaluator(o, pixels, (2, 2)) for o in (contrast, -contrast))
    value, gradient = plain(x)
    other_value, other_gradient = turned(x)
    assert other_value == -value
    np.testing.assert_array_equal(other_gradient, -gradient)
    assert turned.losses == plain.losses


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x.reshape(2, 4, 3),
        lambda x: x.reshape(1, 2, 4, 3),
        lambda x: x.astype(np.float32),
        lambda x: x.tolist(),
    ],
    ids=["image", "batch", "float32", "list"],
)
def test_x_may_be_flat_or_have_the_shape_of_the_image(
    form: Callable[[np.ndarray], Any],
) -> None:
    evaluator = ns.Evaluator(contrast + brightness, pixels, (2, 4, 3))
    x = np.random.default_rng(0).uniform(size=24)
    value, gradient = evaluator(x)
    other_value, other_gradient = evaluator(form(x))
    assert other_value == value
    np.testing.assert_array_equal(other_gradient, gradient)


def test_an_image_gets_a_gradient_in_its_own_shape() -> None:
    evaluator = ns.Evaluator(contrast, pixels, (2, 4))
    image = np.random.default_rng(0).uniform(-0.4, 1.4, size=(2, 4, 3))
    value, gradient = evaluator(image)
    for form in (image, image[None]):
        other_value, other = evaluator.value_and_gradient(form)
        assert other_value == value
        np.testing.assert_array_equal(other, gradient.reshape(form.shape))
    with pytest.raises(
        ValueError, match=r"image: expected shape \(2, 4, 3\), received \(4, 2, 3\)"
    ):
        evaluator.value_and_gradient(image.reshape(4, 2, 3))


def test_x_is_read_row_by_row() -> None:
    top = ns.loss(lambda features: ops.mean(features["input"][:, 0, :, 0]))
    x = np.zeros((2, 4, 3))
    x[0, :, 0] = 1.0
    value, gradient = ns.Evaluator(top, pixels, (2, 4))(x.ravel())
    assert value == 1.0
    np.testing.assert_array_equal(gradient.reshape(2, 4, 3), x / 4)


def test_x_is_not_written_to() -> None:
    x = np.random.default_rng(0).uniform(size=24)
    before = x.copy()
    x.setflags(write=False)
    ns.Evaluator(contrast, pixels, (2, 4))(x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("size", [0, 8, 23, 25, 48])
def test_x_of_another_size_is_refused(size: int) -> None:
    evaluator = ns.Evaluator(contrast, pixels, (2, 4))
    with pytest.raises(ValueError, match=f"x: expected 24 numbers.*received {size}"):
        evaluator(np.zeros(size))


def test_the_same_x_gives_the_same_bits(vgg: ns.VGG16Features, pictures: Pictures) -> None:
    evaluator = ns.Evaluator(whole_objective(vgg, pictures), vgg, pictures[0].shape)
    first_value, first_gradient = evaluator(pictures[0])
    evaluator(pictures[0] * 0.5)
    value, gradient = evaluator(pictures[0])
    assert value == first_value
    np.testing.assert_array_equal(gradient, first_gradient)


def test_two_evaluators_do_not_disturb_each_other() -> None:
    x, y = np.random.default_rng(0).uniform(size=(2, 24))
    alone = ns.Evaluator(contrast, pixels, (2, 4))
    expected_value, expected_gradient = alone(x)
    expected_losses = alone.losses

    one, other = (ns.Evaluator(o, pixels, (2, 4)) for o in (contrast, 5.0 * brightness))
    value, gradient = one(x)
    other(y)
    assert one.losses == expected_losses
    assert list(other.losses) == ["brightness"]
    assert value == expected_value
    np.testing.assert_array_equal(gradient, expected_gradient)


def test_what_an_evaluation_returned_is_not_changed_by_the_next() -> None:
    evaluator = ns.Evaluator(contrast, pixels, (2, 4))
    x, y = np.random.default_rng(0).uniform(size=(2, 24))
    _, gradient = evaluator(x)
    losses = evaluator.losses
    kept_gradient, kept_losses = gradient.copy(), dict(losses)
    evaluator(y)
    np.testing.assert_array_equal(gradient, kept_gradient)
    assert losses == kept_losses != evaluator.losses


def test_a_value_that_is_not_finite_is_passed_on_as_it_is() -> None:
    root = ns.loss(lambda features: ops.sqrt(ops.mean(features["input"]) - 0.5))
    evaluator = ns.Evaluator(root, pixels, (2, 4))
    assert np.isfinite(evaluator(np.ones(24))[0])
    assert np.isnan(evaluator(np.zeros(24))[0])


def test_scipys_minimize_can_drive_it(vgg: ns.VGG16Features, pictures: Pictures) -> None:
    content = pictures[0]
    objective = ns.StyleLoss(vgg(pictures[1])) + 0.1 * ns.TotalVariationLoss()
    evaluator = ns.Evaluator(objective, vgg, content.shape)
    start, _ = evaluator(content)
    found = scipy.optimize.minimize(
        evaluator,
        content.ravel(),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, 1)] * content.size,
        options={"maxiter": 15},
    )
    assert found.nit == 15
    assert found.fun < 0.3 * start
    assert found.fun == pytest.approx(evaluator(found.x)[0], rel=1e-6)


def test_scipy_finds_the_minimum_of_a_known_function() -> None:
    evaluator = ns.Evaluator(contrast, pixels, (2, 4))
    start = np.random.default_rng(0).uniform(size=24)
    found = scipy.optimize.minimize(evaluator, start, jac=True, method="CG")
    np.testing.assert_allclose(found.x, 0.5, atol=1e-3)


def test_an_evaluator_describes_itself_in_a_line() -> None:
    evaluator = ns.Evaluator(contrast + brightness, pixels, (2, 4))
    assert repr(evaluator) == "Evaluator(contrast, brightness; image of 4 x 2)"


@pytest.mark.parametrize(
    ("deep_first", "fast"),
    [
        (True, True),
        (False, False),
        pytest.param(True, False, marks=pytest.mark.slow),
        pytest.param(False, True, marks=pytest.mark.slow),
    ],
)
def test_the_network_is_walked_once_in_whichever_order_losses_look_at_it(
    pictures: tuple[np.ndarray, np.ndarray], deep_first: bool, fast: bool
) -> None:
    vgg = ns.VGG16Features("compact", fast=fast)
    features = vgg(pictures[0])
    terms = [ns.ContentLoss(features, "block5_conv1"), ns.StyleLoss(features)]
    objective = sum(terms if deep_first else terms[::-1])
    graphs: list[Any] = []
    watching = ns.loss(lambda f: graphs.append(f["input"].graph) or ops.mean(f["input"]))
    ns.Evaluator(objective + watching, vgg, pictures[0].shape)
    nodes = graphs[0].as_graph_def().node
    # One for each convolution from block1_conv1 to block5_conv1, and another for its gradient;
    # the fast network computes one as the other, whichever is faster.
    kinds, once = ("Conv2D", "Conv2DBackpropInput"), 2 + 2 + 3 + 3 + 1
    counts = sorted(sum(node.op == kind for node in nodes) for kind in kinds)
    assert counts == ([0, 2 * once] if fast else [once, once])


def test_losses_that_gather_have_a_gradient_like_any_other(pictures: Any) -> None:
    @ns.loss
    def first_row(features: Any) -> Any:
        return ops.sum(ops.take(features["input"][0], [0], axis=0) ** 2)

    image = pictures[0]
    _, gradient = ns.Evaluator(first_row, lambda x: {"input": x}, image.shape)(image)
    expected = np.zeros_like(image)
    expected[0] = 2 * image[0]
    np.testing.assert_allclose(gradient, expected.ravel(), rtol=1e-6)


def test_a_tensor_says_the_shape_as_a_tuple_does() -> None:
    shape = pixels(np.zeros((4, 6, 3)))["input"].shape
    assert ns.Evaluator(brightness, pixels, shape[1:]).shape == (4, 6, 3)
    assert ns.Evaluator(brightness, pixels, shape[1:3]).shape == (4, 6, 3)
