"""Where runs of `minimize` start and stay, and which arguments they refuse."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from support import Evaluators, Reusable, near, noise, says

import neuralstyle as ns
from neuralstyle.optimize.beginning import initial_image

PIXELS = Reusable()


def run(image: np.ndarray | None = None, **options: Any) -> ns.StyleResult:
    """A run without a network, from the mirrored image."""
    image = noise() if image is None else image
    return ns.minimize(near(image), PIXELS, image[::-1], **{"maxiter": 8, **options})


# Where runs start and stay


def test_the_callers_image_is_not_written_to() -> None:
    image = noise()
    before = image.copy()
    image.setflags(write=False)
    result = ns.minimize(near(noise(seed=1)), PIXELS, image, maxiter=3)
    np.testing.assert_array_equal(image, before)
    assert not np.array_equal(result.image, before)
    assert not np.shares_memory(result.image, image)


@pytest.mark.parametrize(
    "form",
    [
        lambda image: image[None],
        lambda image: image.astype(np.float64),
        lambda image: image.tolist(),
        lambda image: tf.constant(image),
    ],
    ids=["batch", "float64", "list", "tensor"],
)
def test_a_start_may_come_in_several_forms(form: Callable[[np.ndarray], Any]) -> None:
    image = noise(seed=1)
    expected = ns.minimize(near(noise()), PIXELS, image, maxiter=3)
    result = ns.minimize(near(noise()), PIXELS, form(image), maxiter=3)
    np.testing.assert_array_equal(result.image, expected.image)


@pytest.mark.parametrize(
    ("init", "options", "kind", "message"),
    [
        ("noise", {}, ValueError, r"^shape: expected \(height, width\)"),
        ("noise", {"shape": (8,)}, ValueError, "^shape: expected"),
        ("noise", {"shape": (8, 0)}, ValueError, "^shape: expected"),
        ("noise", {"shape": (8, 12, 1)}, ValueError, "^shape: expected"),
        ("noise", {"shape": 8}, (TypeError, ValueError), "^shape: expected"),
        (noise(), {"shape": (4, 4)}, ValueError, "^shape: "),
        ("content", {}, ValueError, "^init: .*content.*stylize"),
        ("black", {}, ValueError, "^init: .*black"),
        (None, {}, TypeError, "^init"),
        (np.zeros((8, 12, 3), np.uint8), {}, TypeError, "^init.*divide by 255"),
        (np.full((8, 12, 3), 255.0), {}, ValueError, "^init.*divide by 255"),
        (np.full((8, 12, 3), np.nan), {}, ValueError, "^init.*finite"),
        (np.zeros((8, 12)), {}, ValueError, r"^init.*\(8, 12\)"),
        (np.zeros((2, 8, 12, 3)), {}, ValueError, r"^init.*\(2, 8, 12, 3\)"),
    ],
)
def test_what_is_no_start_is_refused(
    init: Any, options: dict[str, Any], kind: Any, message: str
) -> None:
    with pytest.raises(kind, match=message):
        ns.minimize(ns.TotalVariationLoss(), PIXELS, init, maxiter=1, **options)


def test_noise_is_around_grey_and_of_the_shape_asked_for() -> None:
    start = initial_image("noise", shape=(40, 50), seed=2)
    assert start.shape == (40, 50, 3) and start.dtype == np.float32
    assert 0.3 < start.min() < 0.4 < 0.6 < start.max() < 0.7
    assert start.mean() == pytest.approx(0.5, abs=0.01)
    np.testing.assert_array_equal(start, initial_image("noise", shape=(40, 50), seed=2))


def test_a_starting_image_is_a_copy() -> None:
    image = noise()
    start = initial_image(image)
    np.testing.assert_array_equal(start, image)
    assert not np.shares_memory(start, image)


def test_pixels_stay_within_the_bounds(evaluators: Evaluators) -> None:
    result = run(bounds=(0.25, 0.5))
    asked = np.stack([x for x, _ in evaluators.calls])
    assert asked.min() >= 0.25 and asked.max() <= 0.5
    assert result.image.min() == np.float32(0.25) and result.image.max() == np.float32(0.5)
    assert result.nit == 8


def test_bounds_of_zero_and_one_keep_a_pull_to_white_from_leaving(evaluators: Evaluators) -> None:
    pull = ns.loss(lambda features: ops.mean(ops.square(features["input"] - 3.0)))
    result = ns.minimize(pull, PIXELS, noise(), bounds=(0.0, 1.0))
    assert max(x.max() for x, _ in evaluators.calls) == 1.0
    np.testing.assert_array_equal(result.image, 1.0)


def test_by_default_pixels_move_freely_and_only_the_image_is_clipped(
    evaluators: Evaluators,
) -> None:
    pull = ns.loss(lambda features: ops.mean(ops.square(features["input"] - 3.0)))
    result = ns.minimize(pull, PIXELS, noise())
    assert max(x.max() for x, _ in evaluators.calls) > 2.9
    np.testing.assert_array_equal(result.image, 1.0)
    # The value is that of the image returned, (1 - 3) squared.
    assert result.fun == result.losses["function"] == pytest.approx(4.0)


# Arguments


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"maxiter": 0}, ValueError),
        ({"maxiter": -1}, ValueError),
        ({"maxiter": 2.5}, TypeError),
        ({"maxiter": True}, TypeError),
        ({"maxiter": "3"}, TypeError),
        ({"maxiter": None}, TypeError),
        ({"maxfun": 0}, ValueError),
        ({"maxfun": 1.5}, TypeError),
        ({"ftol": -1e-9}, ValueError),
        ({"ftol": float("nan")}, ValueError),
        ({"ftol": "loose"}, TypeError),
        ({"ftol": None}, TypeError),
        ({"gtol": -1e-9}, ValueError),
        ({"gtol": float("inf")}, ValueError),
        ({"gtol": True}, TypeError),
        ({"bounds": (1.0, 0.0)}, ValueError),
        ({"bounds": (0.5, 0.5)}, ValueError),
        ({"bounds": (float("nan"), 1.0)}, ValueError),
        ({"bounds": 5}, TypeError),
        ({"bounds": (0, 1, 2)}, (TypeError, ValueError)),
        ({"bounds": "ab"}, TypeError),
        ({"callback": 5}, TypeError),
    ],
)
def test_an_argument_out_of_range_is_refused_by_name(
    options: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=f"^{next(iter(options))}: expected"):
        run(**options)


def test_a_keyword_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="learning_rate"):
        run(learning_rate=0.1)


@pytest.mark.parametrize("option", ["maxcor", "maxls"])
def test_an_option_of_0_1_that_methods_have_now_is_refused_with_the_new_call(option: str) -> None:
    with says(TypeError, f"minimize: {option} is now .* method=LBFGSB\\({option}="):
        run(**{option: 5})
    assert option not in inspect.signature(ns.minimize).parameters


def test_numbers_of_numpy_are_numbers() -> None:
    options = {"maxiter": np.int32(3), "maxfun": np.int64(90), "ftol": np.float32(1e-9)}
    assert run(**options, gtol=np.float64(0)).nit == 3


def test_an_objective_that_does_not_fit_is_refused_before_the_first_evaluation(
    vgg: ns.VGG16Features, pictures: tuple[np.ndarray, np.ndarray], evaluators: Evaluators
) -> None:
    with pytest.raises(ValueError, match="same size"):
        ns.minimize(ns.ContentLoss(vgg(pictures[0])), vgg, pictures[1])
    with pytest.raises(KeyError, match="block4_conv2"):
        ns.minimize(ns.ContentLoss(vgg(pictures[0])), PIXELS, pictures[0])
    assert evaluators.made == []


def test_a_result_is_taken_as_its_image_or_refused_with_the_word_for_that() -> None:
    evaluator = ns.Evaluator(near(noise()), PIXELS, (8, 12))
    first = ns.minimize(evaluator, init=noise(seed=1), maxiter=1)
    second = ns.minimize(evaluator, init=first, maxiter=1)
    expected = ns.minimize(evaluator, init=first.image, maxiter=1)
    np.testing.assert_array_equal(second.image, expected.image)
    for take in (evaluator, evaluator.image, evaluator.value_and_gradient, ns.Mask):
        with says(TypeError, "received StyleResult; take its image, as result.image"):
            take(first)  # type: ignore[operator]


def test_a_method_or_a_callback_of_other_arguments_is_refused_before_the_run() -> None:
    class Short(ns.Method):
        def run(self, run: Any) -> None:  # type: ignore[override]
            """Take no state."""

    with says(TypeError, r"Short.run: expected Short.run\(run, state\), received Short.run\(run\)"):
        ns.minimize(near(noise()), PIXELS, noise(), method=Short())
    for call in (
        lambda: ns.minimize(near(noise()), PIXELS, noise(), callback=lambda: None),  # type: ignore[arg-type, misc]
        lambda: ns.stylize(noise(), noise(), callback=lambda: None),  # type: ignore[arg-type, misc]
    ):
        with says(TypeError, r"callback: expected callback\(progress\), received callback\(\)"):
            call()
