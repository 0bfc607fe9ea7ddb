"""Pyramids: the kernel, names of features, losses of all octaves, gradients, and errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from support import Array, random_map
from keras import ops
from scipy import ndimage

import neuralstyle as ns
from neuralstyle.features.octaves import KERNEL, halved

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


# The kernel


def test_the_kernel_is_that_of_burt_and_adelson() -> None:
    a = 0.4
    np.testing.assert_allclose(KERNEL, [1 / 4 - a / 2, 1 / 4, a, 1 / 4, 1 / 4 - a / 2])


@pytest.mark.parametrize("size", [(5, 5), (5, 8), (6, 5), (13, 18)])
def test_an_octave_is_every_second_pixel_of_the_smoothed_image(size: tuple[int, int]) -> None:
    x = random_map(0, *size, 3)
    smooth = ndimage.correlate1d(ndimage.correlate1d(x, KERNEL, axis=1), KERNEL, axis=2)
    expected = smooth[:, 2:-2:2, 2:-2:2]
    assert expected.shape[1:3] == tuple((n - 5) // 2 + 1 for n in size)
    np.testing.assert_allclose(halved(x), expected, rtol=1e-12, atol=1e-14)


def test_the_next_octave_of_a_plane_is_a_plane_twice_as_steep() -> None:
    rows, columns = np.indices((13, 18))
    plane = (2.0 * rows - columns + 3)[None, :, :, None]
    rows, columns = np.indices((5, 7))
    expected = 2.0 * (2 * rows + 2) - (2 * columns + 2) + 3
    np.testing.assert_allclose(np.asarray(halved(plane))[0, :, :, 0], expected, rtol=1e-12)


# Features


def test_features_of_octaves_are_those_of_the_halved_images(vgg: ns.VGG19Features) -> None:
    x = image(0)
    features = ns.Pyramid(vgg, octaves=3)(x)
    once = halved(x[None])
    for prefix, octave in {"": x[None], "octave1/": once, "octave2/": halved(once)}.items():
        expected = vgg(ops.convert_to_tensor(octave))
        for layer in ("input", "block1_conv1", "relu2_1"):
            np.testing.assert_array_equal(features[prefix + layer], expected[layer])


def test_features_are_a_mapping_of_all_names(vgg: ns.VGG19Features) -> None:
    features = ns.Pyramid(vgg, octaves=2)(image(0))
    names = ["input", *vgg.layers]
    assert list(features) == [*names, *(f"octave1/{name}" for name in names)]
    assert len(features) == 2 * len(names)
    for name in ("block1_conv1", "relu1_1", "octave1/block1_conv1", "octave1/relu1_1"):
        assert name in features
    for name in ("octave0/input", "octave2/input", "octave1", "octave1/", "magic", "", 3):
        assert name not in features
    assert "computed: input" in repr(features)


def test_nothing_is_computed_that_is_not_asked_for(vgg: ns.VGG19Features) -> None:
    features = ns.Pyramid(vgg, octaves=3)(image(0))
    assert features["octave1/block1_conv1"] is features["octave1/block1_conv1"]
    assert "computed: input)" in repr(features)


def test_names_of_layers_may_have_slashes() -> None:
    features = ns.Pyramid(lambda x: {"block/one": x, "input": x}, octaves=2)(image(0))
    assert features["block/one"].shape[1:3] == (48, 40)
    assert features["octave1/block/one"].shape[1:3] == (22, 18)


def test_a_layer_that_does_not_exist_is_a_key_error_that_lists_the_known(
    vgg: ns.VGG19Features,
) -> None:
    features = ns.Pyramid(vgg, octaves=2)(image(0))
    for name in ("magic", "octave1/magic", "octave7/input"):
        with pytest.raises(KeyError, match="there is no layer .*block1_conv1"):
            features[name]


def test_a_factory_sees_each_octave_as_a_mapping_of_plain_names() -> None:
    seen: list[Mapping[str, Any]] = []

    def factory(features: Mapping[str, Any]) -> ns.Loss:
        seen.append(features)
        return brightness

    ns.Pyramid(lambda x: {"input": x, "a": 2 * x}, octaves=3).objective(factory, image(0))
    assert len(seen) == 3
    for features, height in zip(seen[1:], (22, 9), strict=True):
        assert list(features) == ["input", "a"] and len(features) == 2
        assert "a" in features and "b" not in features
        assert features["a"].shape[1] == height
        with pytest.raises(KeyError):
            features["b"]


# Losses


def test_one_octave_is_no_pyramid_bit_for_bit(vgg: ns.VGG19Features) -> None:
    x, style = image(0), image(1, 36, 50)
    pyramid = ns.Pyramid(vgg, octaves=1)
    plain = ns.Evaluator(styles(vgg(style)), vgg, x.shape)(x)
    alone = ns.Evaluator(pyramid.objective(styles, style), pyramid, x.shape)(x)
    assert alone[0] == plain[0]
    np.testing.assert_array_equal(alone[1], plain[1])


def test_the_sum_is_that_of_the_losses_of_the_octaves(vgg: ns.VGG19Features) -> None:
    x, style = image(0), image(1, 36, 50)
    pyramid = ns.Pyramid(vgg, octaves=3)
    objective = pyramid.objective(lambda f: 2.0 * styles(f) + 0.5 * brightness, style)
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


def test_a_loss_may_name_octaves_itself(vgg: ns.VGG19Features) -> None:
    x, style = image(0), image(1)
    pyramid = ns.Pyramid(vgg, octaves=2)
    names = {"block1_pool": 1.0, "octave1/block1_pool": 1.0}
    one = ns.Evaluator(ns.StyleLoss(pyramid(style), names), pyramid, x.shape)(x)[0]
    two = pyramid.objective(lambda f: ns.StyleLoss(f, "block1_pool"), style)
    assert ns.Evaluator(two, pyramid, x.shape)(x)[0] == pytest.approx(one, rel=1e-6)


def test_losses_of_octaves_are_described_by_theirs() -> None:
    objective = ns.Pyramid(only_input, 2).objective(lambda f: brightness, image(0))
    assert [repr(term.loss) for term in objective.terms] == [
        "loss(brightness)",
        "loss(brightness) at octave 1",
    ]


def test_the_gradient_agrees_with_central_differences() -> None:
    network = ns.VGG19Features(weights="compact", pooling="avg", dtype="float64")
    x, style = image(0).astype(np.float64).ravel(), image(1)
    pyramid = ns.Pyramid(network, octaves=3)
    assert pyramid.dtype == "float64"
    evaluator = ns.Evaluator(pyramid.objective(styles, style), pyramid, (48, 40))
    _, gradient = evaluator(x)
    random = np.random.default_rng(2)
    for _ in range(3):
        step = 1e-6 * random.normal(size=x.size)
        slope = (evaluator(x + step)[0] - evaluator(x - step)[0]) / 2
        assert slope == pytest.approx(gradient @ step, rel=1e-5)


def test_a_run_goes_down_in_every_octave_and_is_traced_once(
    vgg: ns.VGG19Features, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    content, style = pictures
    pyramid = ns.Pyramid(vgg, octaves=3)
    objective = ns.ContentLoss(pyramid(content), "block2_conv1") + pyramid.objective(styles, style)
    before = ns.Evaluator(objective, pyramid, content.shape)
    before(content)
    result = ns.minimize(objective, pyramid, init=content, maxiter=10)
    assert len(pyramid.traces) == 1
    for name in ("style", "style_octave1", "style_octave2"):
        assert result.losses[name] < before.losses[name]
    other = pyramid.objective(styles, 1 - style)
    ns.Evaluator(ns.ContentLoss(pyramid(content), "block2_conv1") + other, pyramid, content.shape)
    assert len(pyramid.traces) == 1


# Description and errors


def test_it_is_described_by_its_extractor_and_octaves(vgg: ns.VGG19Features) -> None:
    assert repr(ns.Pyramid(vgg)) == f"Pyramid({vgg!r}, octaves=4)"


@pytest.mark.parametrize(
    ("octaves", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_octaves_below_one_or_not_whole_are_an_error(octaves: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^octaves: expected .*, received {octaves}"):
        ns.Pyramid(only_input, octaves)


def test_an_extractor_that_cannot_be_called_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="^extractor: expected a callable, received 3"):
        ns.Pyramid(3)  # type: ignore[arg-type]


def test_an_image_too_small_for_its_octaves_is_a_value_error() -> None:
    assert "octave2/input" in ns.Pyramid(only_input, 3)(image(0, 13, 40))
    with pytest.raises(ValueError, match="^image: expected .*3 octaves, received 40 x 12 .* 2"):
        ns.Pyramid(only_input, 3)(image(0, 12, 40))


@pytest.mark.parametrize("factory", [brightness, 2 * brightness, None, "style"])
def test_a_factory_that_is_none_is_a_type_error(factory: Any) -> None:
    with pytest.raises(TypeError, match="^factory: expected a function .*, received"):
        ns.Pyramid(only_input).objective(factory, image(0, 80, 80))


def test_a_factory_that_returns_no_loss_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="expected a loss or an objective, received 3"):
        ns.Pyramid(only_input).objective(lambda features: 3, image(0, 80, 80))  # type: ignore[arg-type, return-value]
