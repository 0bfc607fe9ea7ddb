"""Features in tiles are those of the whole picture, and tiles share out every position."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from support import half_mask, picture, says, two_layers

import neuralstyle as ns
from neuralstyle.features.architectures import VGG16
from neuralstyle.features.tiled import FeaturesInTiles
from neuralstyle.features.tiles import Tiles
from neuralstyle.losses.shapes import Shapes

IMAGE = picture(0, (173, 150))
LAYERS = ("input", "block1_conv2", "block2_pool", "relu3_1")


@pytest.mark.parametrize(
    "padding", ["zeros", pytest.param("reflect", marks=pytest.mark.slow), "wrap"]
)
def test_every_layer_is_that_of_the_whole_picture(padding: Any) -> None:
    vgg = ns.VGG16Features("compact", "max", padding=padding, dtype="float64")
    image = IMAGE[:160, :144] if padding == "wrap" else IMAGE
    whole, tiled = vgg(image), FeaturesInTiles(vgg, image, 64)
    for layer in LAYERS:
        np.testing.assert_allclose(tiled[layer], whole[layer], rtol=1e-9, atol=1e-9)
    turned = FeaturesInTiles(vgg, image, 64).turned(1)["block2_conv1"]
    np.testing.assert_allclose(turned, whole.turned(1)["block2_conv1"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("padding", ["reflect", "wrap"])
def test_shapes_are_told_without_computing_a_layer(
    padding: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vgg = ns.VGG16Features("compact", padding=padding)
    image = IMAGE[:160, :144] if padding == "wrap" else IMAGE
    whole, tiled = vgg(image), FeaturesInTiles(vgg, image, 64)
    monkeypatch.setattr(FeaturesInTiles, "parts", None)
    for layer in LAYERS:
        assert Shapes(tiled)[layer] == tuple(whole[layer].shape)


@pytest.mark.parametrize(
    ("kind", "masked"),
    [
        (ns.StyleLoss, False),
        (ns.StyleLoss, True),
        (ns.CovarianceLoss, False),
        (ns.MomentLoss, True),
    ],
)
def test_moments_of_a_target_are_taken_tile_by_tile(
    kind: Any, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    vgg = ns.VGG16Features("compact", dtype="float64")
    masks = {"target_mask": half_mask(IMAGE.shape[:2])} if masked else {}
    layers = ("block1_conv1", "block3_conv1")
    whole = kind(vgg(IMAGE), layers, **masks)

    def refuse(self: Any, layer: str) -> None:
        raise AssertionError(f"{layer} was put together")

    monkeypatch.setattr(FeaturesInTiles, "__getitem__", refuse)
    tiled = kind(FeaturesInTiles(vgg, IMAGE, 64), layers, **masks)
    for layer in layers:
        for ours, theirs in zip(tiled._targets[layer], whole._targets[layer], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * np.abs(theirs).max())


def test_they_say_of_themselves_what_others_say() -> None:
    vgg = ns.VGG16Features("compact", padding="reflect")
    whole, tiled = vgg(IMAGE), FeaturesInTiles(vgg, IMAGE, 64)
    assert (tiled.digest, tiled.padding) == (whole.digest, whole.padding)
    assert tiled.receptive_field("relu4_1") == whole.receptive_field("relu4_1")
    assert list(tiled) == list(whole) and len(tiled) == len(whole)
    assert "conv1_1" in tiled and "conv9_1" not in tiled
    with pytest.raises(KeyError, match="conv9_1"):
        tiled["conv9_1"]


def test_layers_that_cannot_be_seen_in_tiles_are_refused_with_the_reason() -> None:
    given = keras.Input((None, None, 3))
    halved = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="halved")(given)
    strided = ns.KerasFeatures(keras.Model(given, halved))
    with says(ValueError, "tile: expected None, or sides in multiples of 2", "150 x 173"):
        FeaturesInTiles(strided, IMAGE, 64)["halved"]
    whole = strided(IMAGE[:172])["halved"]
    np.testing.assert_allclose(
        FeaturesInTiles(strided, IMAGE[:172], 64)["halved"], whole, atol=1e-6
    )
    with says(ValueError, "tile: expected None", "receptive_field"):
        FeaturesInTiles(two_layers, IMAGE, 64)["second"]


@pytest.mark.parametrize("shape", [(64, 64), (65, 200), (128, 300), (511, 97)])
@pytest.mark.parametrize("deepest", ["block1_conv1", "block3_conv3", "block5_conv1"])
@pytest.mark.parametrize("torus", [False, True])
def test_every_position_belongs_to_one_tile(
    shape: tuple[int, int], deepest: str, torus: bool
) -> None:
    fields = {layer: VGG16.receptive_field(layer) for layer in ("input", deepest)}
    if torus:
        height, width = (side // 16 * 16 for side in shape)
        shape = height, width
    tiles = Tiles(shape, fields, 64, torus=torus)
    for field in fields.values():
        height, width = (side // field.step for side in shape)
        seen = np.zeros((height, width), int)
        for tile in tiles:
            rows, columns = (
                tile.rows.places(field.step, height),
                tile.columns.places(field.step, width),
            )
            seen[rows, columns] += 1
            for span in (tile.rows, tile.columns):
                assert span.start % tiles.step == span.first % tiles.step == 0
                sees = span.first + field.start, span.last + field.start + field.length - field.step
                assert span.start <= sees[0] or span.start == 0
                assert span.end >= sees[1] or span.closes or span.end in shape
        assert (seen == 1).all()


def test_windows_are_cut_out_and_added_in_their_places() -> None:
    fields = {"block2_conv1": VGG16.receptive_field("block2_conv1")}
    image = IMAGE[:160, :128]
    for torus in (False, True):
        total, count = np.zeros_like(image), np.zeros(image.shape)
        for tile in Tiles((160, 128), fields, 64, torus=torus):
            window = tile.window(image)
            assert window.shape[:2] == tile.shape
            tile.add(total, window)
            tile.add(count, np.ones(window.shape))
        np.testing.assert_allclose(total, image * count, rtol=1e-5)
        assert count.min() >= 1
