"""What does not fit is found when an evaluator is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from support import Reusable, pixels

import neuralstyle as ns

Pictures = tuple[np.ndarray, np.ndarray]


@ns.loss
def contrast(features: Mapping[str, Any]) -> Any:
    return ops.mean(ops.square(features["input"] - 0.5))


def constant(features: Mapping[str, Any]) -> Any:
    return ops.convert_to_tensor(1.0)


@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        (lambda f: ops.mean(f["block4_conv2"]), KeyError, "block4_conv2"),
        (constant, ValueError, "does not depend on the image"),
        (lambda f: 1.0, ValueError, "does not depend on the image"),
        (lambda f: ops.stop_gradient(ops.mean(f["input"])), ValueError, "does not depend on"),
        (lambda f: f["input"], ValueError, r"scalar.*\(1, 2, 4, 3\)"),
        (lambda f: ops.mean(f["input"], keepdims=True), ValueError, r"scalar.*\(1, 1, 1, 1\)"),
        (lambda f: ops.argmax(f["input"]), TypeError, "floating-point"),
    ],
    ids=["unknown layer", "constant", "number", "cut off", "image", "not a scalar", "integer"],
)
def test_a_loss_that_does_not_fit_is_found_before_any_evaluation(
    function: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f"(?s){message}"):
        ns.Evaluator(ns.loss(function), pixels, (2, 4))


@pytest.mark.parametrize(
    "function",
    [
        lambda features: np.mean(features["input"]),
        lambda features: np.asarray(features["input"]).std(),
    ],
    ids=["mean", "asarray"],
)
def test_a_loss_that_leaves_for_numpy_is_found_at_once_and_numpy_is_named(function: Any) -> None:
    with pytest.raises(TypeError, match="(?i)loss .*numpy"):
        ns.Evaluator(ns.loss(function), pixels, (2, 4))


@pytest.mark.parametrize(
    ("extractor", "message"),
    [
        (None, "such as VGG16Features.*the one that targets were made with, received None"),
        ("compact", "such as VGG16Features.*received 'compact'"),
        (3, "such as VGG16Features.*received 3"),
        (ns.VGG16Features, "received the class VGG16Features: call it"),
    ],
)
def test_what_is_no_extractor_is_refused_with_one(extractor: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^extractor: expected an extractor, {message}"):
        ns.minimize(contrast, extractor, np.zeros((4, 4, 3), np.float32))


@pytest.mark.parametrize("tile", [None, 64])
@pytest.mark.parametrize("wrap", [lambda image: [image], lambda image: image, lambda image: None])
def test_an_extractor_of_no_mapping_is_to_blame_and_not_the_loss(wrap: Any, tile: Any) -> None:
    objective = contrast + ns.MomentLoss(pixels(np.zeros((1, 4, 4, 3))), "input")
    with pytest.raises(TypeError, match="^extractor: expected one that returns a mapping"):
        ns.Evaluator(objective, wrap, (80, 80), tile=tile)


def test_an_unknown_layer_of_a_network_is_found_at_once(vgg: ns.VGG16Features) -> None:
    deeper = ns.loss(lambda features: ops.mean(features["block6_conv1"]))
    with pytest.raises(KeyError, match="block6_conv1.*block5_conv3"):
        ns.Evaluator(contrast + deeper, vgg, (16, 16))


def test_a_content_of_another_size_is_found_at_once(
    vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    objective = ns.ContentLoss(vgg(pictures[0]))
    with pytest.raises(ValueError, match="content.*must have the same size"):
        ns.Evaluator(objective, vgg, pictures[1].shape)


def test_an_image_too_small_for_the_network_is_found_at_once(
    vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    objective = ns.StyleLoss(vgg(pictures[1]))
    with pytest.raises(ValueError, match="8 x 4"):
        ns.Evaluator(objective, vgg, (4, 8))


def test_a_constant_among_losses_that_depend_on_the_image_is_allowed() -> None:
    evaluator = ns.Evaluator(contrast + 2.0 * ns.loss(constant), pixels, (2, 4))
    value, _ = evaluator(np.full(24, 0.5))
    assert value == 2.0


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((4,), ValueError),
        ((4, 4, 1), ValueError),
        ((1, 4, 4, 3), ValueError),
        ((0, 4), ValueError),
        ((4, -4), ValueError),
        ((2.5, 4), (TypeError, ValueError)),
        ("ab", (TypeError, ValueError)),
        (4, (TypeError, ValueError)),
        (None, (TypeError, ValueError)),
    ],
)
def test_a_shape_that_is_no_images_is_refused(shape: Any, kind: Any) -> None:
    with pytest.raises(kind, match="shape: expected"):
        ns.Evaluator(contrast, pixels, shape)


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 3), np.zeros((2, 4, 3)).shape, [2, 4]])
def test_a_shape_may_leave_out_the_channels(shape: Any) -> None:
    assert ns.Evaluator(contrast, pixels, shape).shape == (2, 4, 3)


@pytest.mark.parametrize("objective", [None, 1.0, "style", lambda features: 0.0])
def test_what_is_no_objective_is_refused(objective: Any) -> None:
    with pytest.raises(TypeError, match="expected a loss"):
        ns.Evaluator(objective, pixels, (2, 4))


def test_another_backend_of_keras_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(RuntimeError, match="tensorflow.*torch.*KERAS_BACKEND"):
        ns.Evaluator(contrast, pixels, (2, 4))


GREY = np.full((2, 4, 3), 0.5)


@pytest.mark.parametrize(
    ("x", "kind", "message"),
    [
        (np.zeros((2, 4, 3), np.uint8), TypeError, "expected an array of floats .* uint8"),
        (np.zeros(24, int), TypeError, "expected an array of floats"),
        (GREY.transpose(1, 0, 2), ValueError, r"flat array or shape \(2, 4, 3\), received \(4, 2"),
        (GREY.transpose(2, 0, 1), ValueError, r"received \(3, 2, 4\)"),
        (GREY.reshape(24, 1), ValueError, r"received \(24, 1\)"),
        (np.zeros(23), ValueError, "24 numbers .* received 23"),
    ],
)
@pytest.mark.parametrize("calls", [0, 1])
def test_kind_and_shape_are_checked_at_every_call(
    x: Any, kind: type[Exception], message: str, calls: int
) -> None:
    evaluator = ns.Evaluator(contrast, Reusable(), (2, 4))
    for _ in range(calls):
        evaluator(GREY)
    for evaluate in (evaluator, evaluator.image):
        with pytest.raises(kind, match=f"^x: .*{message}"):
            evaluate(x)
    with pytest.raises((TypeError, ValueError), match="^image: "):
        evaluator.value_and_gradient(x)


@pytest.mark.parametrize("factor", [255, -1, np.nan, np.inf])
def test_numbers_are_checked_at_the_first_call_alone(factor: float) -> None:
    evaluator = ns.Evaluator(contrast, Reusable(), (2, 4))
    wrong = np.linspace(0, 1, 24)
    wrong[1:] *= factor
    for evaluate in (evaluator, lambda x: evaluator.value_and_gradient(x.reshape(2, 4, 3))):
        with pytest.raises(ValueError, match="expected numbers in .* at the first call"):
            evaluate(wrong)
    evaluator(GREY)
    evaluator(wrong)  # a line search may try anything


def test_a_run_goes_on_from_wherever_it_was() -> None:
    darker = ns.loss(lambda features: ops.mean(features["input"]))
    first = ns.minimize(darker, pixels, GREY, method="adam", maxiter=60)
    assert first.state is not None and first.state["x"].min() < -0.5
    ns.minimize(darker, pixels, GREY, method="adam", state=first.state, maxiter=1)


@pytest.mark.parametrize("form", [np.ravel, np.asarray, lambda x: x[None]])
def test_an_optimisers_vector_has_a_picture(form: Any) -> None:
    x = np.linspace(-1, 2, 24).reshape(2, 4, 3)
    image = ns.Evaluator(contrast, Reusable(), (2, 4)).image(form(x))
    assert image.dtype == np.float32
    assert np.array_equal(image, x.clip(0, 1).astype(np.float32))
