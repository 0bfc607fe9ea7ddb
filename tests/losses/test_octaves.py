"""Losses over the octaves of an image: which, with which values and gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from keras import ops
from support import Array

import neuralstyle as ns
from neuralstyle.features.octaves import halved
from neuralstyle.optimize.evaluation import compiled as compilation

LAYERS = ("block1_pool", "block2_conv1")


def image(seed: int, height: int = 48, width: int = 40) -> Array:
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


def styles(features: Mapping[str, Any]) -> ns.Loss:
    return ns.StyleLoss(features, LAYERS)


def only_input(image: Any) -> dict[str, Any]:
    return {"input": image}


@ns.loss
def brightness(features: Mapping[str, Any]) -> Any:
    return ops.mean(features["input"])


def test_a_factory_sees_each_octave_as_a_mapping_of_plain_names() -> None:
    seen: list[Mapping[str, Any]] = []

    def factory(features: Mapping[str, Any]) -> ns.Loss:
        seen.append(features)
        return brightness

    ns.over_octaves(factory, ns.Pyramid(lambda x: {"input": x, "a": 2 * x}, octaves=3)(image(0)))
    assert len(seen) == 3
    for features, height in zip(seen[1:], (22, 9), strict=True):
        assert list(features) == ["input", "a"] and len(features) == 2
        assert "a" in features and "b" not in features
        assert features["a"].shape[1] == height
        with pytest.raises(KeyError):
            features["b"]


def test_one_octave_is_no_pyramid_bit_for_bit(vgg: ns.VGG16Features) -> None:
    x, style = image(0), image(1, 36, 50)
    pyramid = ns.Pyramid(vgg, octaves=1)
    plain = ns.Evaluator(styles(vgg(style)), vgg, x.shape)(x)
    alone = ns.Evaluator(ns.over_octaves(styles, pyramid(style)), pyramid, x.shape)(x)
    assert alone[0] == plain[0]
    np.testing.assert_array_equal(alone[1], plain[1])


def test_the_sum_is_that_of_the_losses_of_the_octaves(vgg: ns.VGG16Features) -> None:
    x, style = image(0), image(1, 36, 50)
    pyramid = ns.Pyramid(vgg, octaves=3)
    objective = ns.over_octaves(lambda f: 2.0 * styles(f) + 0.5 * brightness, pyramid(style))
    assert objective.weights == {
        "style": 2.0,
        "brightness": 0.5,
        "style_octave1": 2.0,
        "brightness_octave1": 0.5,
        "style_octave2": 2.0,
        "brightness_octave2": 0.5,
    }
    evaluator = ns.Evaluator(objective, pyramid, x.shape)
    value, _ = evaluator(x)
    a, b = (ops.convert_to_tensor(picture[None]) for picture in (x, style))
    expected = 0.0
    for octave in range(3):
        suffix = f"_octave{octave}" if octave else ""
        loss = float(styles(vgg(b))(vgg(a)))
        assert evaluator.losses[f"style{suffix}"] == pytest.approx(loss, rel=1e-4)
        expected += 2 * loss + 0.5 * float(ops.mean(a))
        a, b = halved(a), halved(b)
    assert value == pytest.approx(expected, rel=1e-4)


def test_a_loss_may_name_octaves_itself(vgg: ns.VGG16Features) -> None:
    x, style = image(0), image(1)
    pyramid = ns.Pyramid(vgg, octaves=2)
    names = {"block1_pool": 1.0, "octave1/block1_pool": 1.0}
    one = ns.Evaluator(ns.StyleLoss(pyramid(style), names), pyramid, x.shape)(x)[0]
    two = ns.over_octaves(lambda f: ns.StyleLoss(f, "block1_pool"), pyramid(style))
    assert ns.Evaluator(two, pyramid, x.shape)(x)[0] == pytest.approx(one, rel=1e-6)


def test_losses_of_octaves_are_described_by_theirs() -> None:
    objective = ns.over_octaves(lambda f: brightness, ns.Pyramid(only_input, 2)(image(0)))
    assert [repr(term.loss) for term in objective.terms] == [
        "loss(brightness)",
        "loss(brightness) at octave 1",
    ]


def test_the_gradient_agrees_with_central_differences() -> None:
    network = ns.VGG16Features(weights="compact", pooling="avg", dtype="float64")
    x, style = image(0).astype(np.float64).ravel(), image(1)
    pyramid = ns.Pyramid(network, octaves=3)
    assert pyramid.dtype == "float64"
    evaluator = ns.Evaluator(ns.over_octaves(styles, pyramid(style)), pyramid, (48, 40))
    _, gradient = evaluator(x)
    random = np.random.default_rng(2)
    for _ in range(3):
        step = 1e-8 * random.normal(size=x.size)
        slope = (evaluator(x + step)[0] - evaluator(x - step)[0]) / 2
        assert slope == pytest.approx(gradient @ step, rel=1e-5)


def test_a_run_goes_down_in_every_octave_and_is_compiled_once(
    vgg: ns.VGG16Features,
    pictures: tuple[np.ndarray, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled: list[bool] = []
    compile_ = compilation._compile
    monkeypatch.setattr(
        compilation, "_compile", lambda *args: compiled.append(True) or compile_(*args)
    )
    content, style = pictures
    pyramid = ns.Pyramid(vgg, octaves=3)
    objective = ns.ContentLoss(pyramid(content), "block2_conv1") + ns.over_octaves(
        styles, pyramid(style)
    )
    before = ns.Evaluator(objective, pyramid, content.shape)
    before(content)
    result = ns.minimize(objective, pyramid, init=content, maxiter=10)
    assert len(compiled) == 1
    for name in ("style", "style_octave1", "style_octave2"):
        assert result.losses[name] < before.losses[name]
    other = ns.over_octaves(styles, pyramid(1 - style))
    ns.Evaluator(ns.ContentLoss(pyramid(content), "block2_conv1") + other, pyramid, content.shape)
    assert len(compiled) == 1


@pytest.mark.parametrize("factory", [brightness, 2 * brightness, None, "style"])
def test_a_factory_that_is_none_is_a_type_error(factory: Any) -> None:
    with pytest.raises(TypeError, match="^factory: expected a function .*, received"):
        ns.over_octaves(factory, only_input(image(0)))


def test_a_factory_that_returns_no_loss_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="expected a loss or an objective, received 3"):
        ns.over_octaves(lambda features: 3, only_input(image(0)))  # type: ignore[arg-type, return-value]
