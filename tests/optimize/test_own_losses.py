"""A changed loss never meets old code; classes that promise to be the same share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from support import Reusable, half_mask, picture

import neuralstyle as ns

SHAPE = (40, 32)

level = 0.25


@pytest.fixture
def pixels() -> Reusable:
    """An extractor without a network, that keeps code."""
    return Reusable()


def mean(features: Mapping[str, Any]) -> Any:
    return ops.mean(features["input"])


class Level(ns.Loss):
    """The squared distance of the mean from a level, with an attribute of any kind."""

    factor = 1.0

    def __init__(self, level: Any) -> None:
        self.level = level

    def __call__(self, features: Mapping[str, Any]) -> Any:
        wanted = self.level["here"][0] if isinstance(self.level, dict) else self.level
        return self.factor * (mean(features) - ops.cast(ops.mean(wanted), "float32")) ** 2


class Same(Level):
    reuse = True


def at_grey(loss: Any, extractor: Any) -> float:
    """The value at an image of 0.5: of a level l it is (0.5 - l)^2."""
    value, _ = ns.Evaluator(loss, extractor, SHAPE)(np.full((*SHAPE, 3), 0.5))
    return value


def test_functions_bound_late_are_each_their_own(pixels: Any) -> None:
    values = []
    for number in (0.0, 0.25, 0.5):
        late = ns.loss(lambda f: (mean(f) - number) ** 2)  # noqa: B023
        values.append(at_grey(late, pixels))
    assert values == [0.25, 0.0625, 0.0]


def test_a_global_constant_edited_between_runs(
    pixels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = ns.loss(lambda f: (mean(f) - level) ** 2)
    assert at_grey(loss, pixels) == 0.0625
    monkeypatch.setitem(globals(), "level", 0.5)
    assert at_grey(loss, pixels) == 0.0


def test_a_class_attribute_edited_between_runs(
    pixels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at_grey(Level(0.0), pixels) == 0.25
    monkeypatch.setattr(Level, "factor", 4.0)
    assert at_grey(Level(0.0), pixels) == 1.0


def test_an_attribute_set_to_another_value(pixels: Any) -> None:
    loss = Level(0.0)
    assert at_grey(loss, pixels) == 0.25
    loss.level = 0.25
    assert at_grey(loss, pixels) == 0.0625


def test_an_array_overwritten_in_place(pixels: Any) -> None:
    array = np.zeros(3)
    loss = Level(array)
    before = ns.Evaluator(loss, pixels, SHAPE)
    grey = np.full((*SHAPE, 3), 0.5)
    assert before(grey)[0] == 0.25
    array[:] = 0.25
    assert at_grey(loss, pixels) == 0.0625
    assert before(grey)[0] == 0.25  # an evaluator is a snapshot


def test_stylize_with_a_function_meets_each_of_them_anew() -> None:
    def means(number: float) -> float:
        def objective(content: Any, style: Any) -> Any:
            return ns.loss(lambda f: (mean(f) - number) ** 2)

        options: dict[str, Any] = {"size": 32, "scales": 1, "maxiter": 30}
        result = ns.stylize(picture(1), picture(2), objective=objective, **options)
        return float(result.image.mean())

    assert means(0.45) == pytest.approx(0.45, abs=0.01)
    assert means(0.55) == pytest.approx(0.55, abs=0.01)


def test_an_opaque_part_compiles_the_whole_anew_and_the_rest_is_right(
    pixels: Any, compilations: list[Any]
) -> None:
    for number in (0.0, 0.25):
        style = ns.StyleLoss(pixels(picture(1)), "input")
        value = at_grey(Level(number) + 2.0 * style, pixels)
        alone = at_grey(style, pixels)
        assert value == pytest.approx((0.5 - number) ** 2 + 2.0 * alone, rel=1e-6)
    assert len(compilations) == 2 + 1


def test_an_extractor_of_the_users_is_opaque(compilations: list[Any]) -> None:
    for factor in (1.0, 0.5):
        value = at_grey(Same(0.0), lambda image: {"input": factor * image})  # noqa: B023
        assert value == pytest.approx((0.5 * factor) ** 2)
    assert len(compilations) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, 0.25),
        (1, 1.0),
        (0.0, -0.0),
        (np.zeros(2), np.full(2, 0.25)),
        (np.zeros(2), np.zeros((2, 1))),
        ([0.0, 0.5], (0.0, 0.5)),
        ({"here": [0.0]}, {"here": [0.25]}),
    ],
)
def test_of_a_class_that_promises_what_differs_is_compiled_anew(
    one: Any, other: Any, pixels: Any, compilations: list[Any]
) -> None:
    for value in (one, other, one, other):
        wanted = value["here"][0] if isinstance(value, dict) else value
        assert at_grey(Same(value), pixels) == pytest.approx((0.5 - np.mean(wanted)) ** 2)
    assert len(compilations) == 2


@pytest.mark.parametrize("wrapped", [lambda t: t, lambda t: {"here": [t]}], ids=["bare", "nested"])
def test_of_a_class_that_promises_tensors_are_passed(
    wrapped: Any, pixels: Any, compilations: list[Any]
) -> None:
    for number in (0.0, 0.25):
        loss = Same(wrapped(ops.convert_to_tensor(np.float32(number))))
        assert at_grey(loss, pixels) == (0.5 - number) ** 2
    assert len(compilations) == 1


def test_of_a_class_that_promises_variables_are_read_at_every_evaluation(
    pixels: Any, compilations: list[Any]
) -> None:
    variable = keras.Variable(0.0)
    evaluator = ns.Evaluator(Same(variable), pixels, SHAPE)
    grey = np.full((*SHAPE, 3), 0.5)
    assert evaluator(grey)[0] == 0.25
    variable.assign(0.25)
    assert evaluator(grey)[0] == 0.0625
    assert at_grey(Same(keras.Variable(0.5)), pixels) == 0.0
    assert len(compilations) == 1


class Both(ns.Loss):
    """A loss of the library's and a mask within a class that promises."""

    reuse = True

    def __init__(self, inner: ns.Loss, mask: ns.Mask) -> None:
        self.inner = inner
        self.mask = mask

    def __call__(self, features: Mapping[str, Any]) -> Any:
        share = ops.cast(np.mean(self.mask.values), "float32")
        return share * self.inner(features)


def test_of_a_class_that_promises_losses_and_masks_are_looked_into(
    pixels: Any, compilations: list[Any]
) -> None:
    half, quarter = (ns.Mask(half_mask(SHAPE, share)) for share in (0.5, 0.25))
    inner = [ns.StyleLoss(pixels(picture(seed)), "input") for seed in (1, 2)]
    expected = [at_grey(loss, pixels) for loss in inner]
    assert len(compilations) == 1
    for loss, value in zip(inner, expected, strict=True):
        assert at_grey(Both(loss, half), pixels) == pytest.approx(0.5 * value)
    assert len(compilations) == 2  # another style is another tensor
    assert at_grey(Both(inner[0], quarter), pixels) == pytest.approx(0.25 * expected[0])
    assert len(compilations) == 3  # another mask is another constant


class Slotted(Same):
    __slots__ = ("hidden",)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Same({"here": [0.25], "more": object()}),
        lambda: Both(ns.loss(mean), ns.Mask(half_mask(SHAPE))),
        lambda: Slotted(0.25),
    ],
    ids=["an object", "a function within", "slots"],
)
def test_what_cannot_be_seen_into_is_opaque_again(
    make: Any, pixels: Any, compilations: list[Any]
) -> None:
    first, second = (at_grey(make(), pixels) for _ in range(2))
    assert first == second
    assert len(compilations) == 2


def test_a_class_made_of_one_of_ours_promises_nothing(pixels: Any, compilations: list[Any]) -> None:
    class Halved(ns.TotalVariationLoss):  # type: ignore[misc]
        def __call__(self, features: Mapping[str, Any]) -> Any:
            return super().__call__(features) / 2

    x = picture(1)
    whole = ns.Evaluator(ns.TotalVariationLoss(), pixels, SHAPE)(x)[0]
    for _ in range(2):
        assert ns.Evaluator(Halved(), pixels, SHAPE)(x)[0] == pytest.approx(whole / 2)
    assert len(compilations) == 1 + 2


def test_a_lazy_target_first_read_inside_a_loss_serves_later_ones_too(
    vgg: ns.VGG16Features,
) -> None:
    target = vgg(picture(1))

    def distance(features: Mapping[str, Any]) -> Any:
        return ops.mean((features["block2_conv1"] - target["block2_conv1"]) ** 2)

    values = [ns.Evaluator(ns.loss(distance), vgg, SHAPE)(picture(2))[0] for _ in range(2)]
    expected = np.mean((vgg(picture(2))["block2_conv1"] - target["block2_conv1"]) ** 2)
    assert values == pytest.approx([float(expected)] * 2, rel=1e-5)
