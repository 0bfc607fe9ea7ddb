"""Pyramids: the kernel, names of features, what they see, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import ops
from scipy import ndimage
from support import Array, random_map

import neuralstyle as ns
from neuralstyle.features.octaves import KERNEL, halved


def image(seed: int, height: int = 48, width: int = 40) -> Array:
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


def only_input(image: Any) -> dict[str, Any]:
    return {"input": image}


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


def test_features_of_octaves_are_those_of_the_halved_images(vgg: ns.VGG16Features) -> None:
    x = image(0)
    features = ns.Pyramid(vgg, octaves=3)(x)
    once = halved(x[None])
    for prefix, octave in {"": x[None], "octave1/": once, "octave2/": halved(once)}.items():
        expected = vgg(ops.convert_to_tensor(octave))
        for layer in ("input", "block1_conv1", "relu2_1"):
            np.testing.assert_array_equal(features[prefix + layer], expected[layer])


def test_features_are_a_mapping_of_all_names(vgg: ns.VGG16Features) -> None:
    features = ns.Pyramid(vgg, octaves=2)(image(0))
    names = ["input", *vgg.layers]
    assert list(features) == [*names, *(f"octave1/{name}" for name in names)]
    assert len(features) == 2 * len(names)
    for name in ("block1_conv1", "relu1_1", "octave1/block1_conv1", "octave1/relu1_1"):
        assert name in features
    for name in ("octave0/input", "octave2/input", "octave1", "octave1/", "magic", "", 3):
        assert name not in features
    assert "computed: input" in repr(features)


def test_nothing_is_computed_that_is_not_asked_for(vgg: ns.VGG16Features) -> None:
    features = ns.Pyramid(vgg, octaves=3)(image(0))
    assert features["octave1/block1_conv1"] is features["octave1/block1_conv1"]
    assert "computed: input)" in repr(features)


def test_names_of_layers_may_have_slashes() -> None:
    features = ns.Pyramid(lambda x: {"block/one": x, "input": x}, octaves=2)(image(0))
    assert features["block/one"].shape[1:3] == (48, 40)
    assert features["octave1/block/one"].shape[1:3] == (22, 18)


def test_a_layer_that_does_not_exist_is_a_key_error_that_lists_the_known(
    vgg: ns.VGG16Features,
) -> None:
    features = ns.Pyramid(vgg, octaves=2)(image(0))
    for name in ("magic", "octave1/magic", "octave7/input"):
        with pytest.raises(KeyError, match="there is no layer .*block1_conv1"):
            features[name]


# What layers see


def test_an_octaves_pixels_see_more_and_more_of_the_image(vgg: ns.VGG16Features) -> None:
    pyramid = ns.Pyramid(vgg, octaves=3)
    features = pyramid(image(0))
    for ask in (pyramid.receptive_field, features.receptive_field):
        assert ask("input") == (0, 1, 1)
        assert ask("relu2_1") == vgg.receptive_field("relu2_1")
        assert ask("octave1/input") == (0, 5, 2)
        assert ask("octave2/input") == (0, 13, 4)
        assert ask("octave1/conv1_1") == (-2, 9, 2)
        for name in ("octave7/input", "octave1/magic"):
            with pytest.raises(KeyError, match="there is no layer"):
                ask(name)


def test_what_a_function_sees_is_not_known_beyond_pixels() -> None:
    pyramid = ns.Pyramid(lambda x: {"input": x, "a": x}, octaves=2)
    for ask in (pyramid.receptive_field, pyramid(image(0)).receptive_field):
        assert ask("octave1/input") == (0, 5, 2)
        with pytest.raises(ValueError, match="'a' sees is not known"):
            ask("octave1/a")


def test_a_pyramid_passes_on_what_its_extractor_promises(vgg: ns.VGG16Features) -> None:
    pyramid = ns.Pyramid(vgg)
    assert pyramid.reuse and pyramid.digest == vgg.digest
    assert pyramid(image(0, 64, 64)).digest == vgg.digest
    plain = ns.Pyramid(only_input)
    assert not plain.reuse and plain.digest is None
    assert plain(image(0, 64, 64)).digest is None


# Description and errors


def test_it_is_described_by_its_extractor_and_octaves(vgg: ns.VGG16Features) -> None:
    assert repr(ns.Pyramid(vgg)) == f"Pyramid({vgg!r}, octaves=4)"


@pytest.mark.parametrize(
    ("octaves", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_octaves_below_one_or_not_whole_are_an_error(octaves: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^octaves: expected .*, received {octaves}"):
        ns.Pyramid(only_input, octaves)


def test_an_extractor_that_cannot_be_called_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="^extractor: expected an extractor, .*received 3"):
        ns.Pyramid(3)  # type: ignore[arg-type]


def test_an_image_too_small_for_its_octaves_is_a_value_error() -> None:
    assert "octave2/input" in ns.Pyramid(only_input, 3)(image(0, 13, 40))
    with pytest.raises(ValueError, match="^image: expected .*3 octaves, received 40 x 12 .* 2"):
        ns.Pyramid(only_input, 3)(image(0, 12, 40))
