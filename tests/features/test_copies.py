"""Copies of extractors, and what was pickled, see the same, or making them is refused."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from support import NARROW, noise
from weight_files import write_npz

import neuralstyle as ns
from neuralstyle.features.architectures import VGG19
from neuralstyle.features.vgg.plain import preprocess, random_weights

# Keras' own, while it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WAYS: dict[str, Callable[[Any], Any]] = {
    "copied": copy.deepcopy,
    "pickled": lambda extractor: pickle.loads(pickle.dumps(extractor)),
}


def image() -> Any:
    return keras.Input((None, None, 3))


def shared_model() -> keras.Model:
    """A model that has a layer's second call, and not its first."""
    start, conv = image(), layers.Conv2D(3, 3, padding="same", name="c")
    keras.Model(start, conv(start))
    inner = keras.Sequential([image(), layers.MaxPooling2D(2, name="p")], name="inner")
    return keras.Model(start, inner(conv(2.0 * start)))


EXTRACTORS: dict[str, tuple[Callable[[], Any], str]] = {
    "fast": (lambda: ns.VGG16Features("compact", "avg"), "block3_conv1"),
    "plain": (lambda: ns.VGG16Features("compact", fast=False, dtype="float64"), "block1_conv2"),
    "normalised": (
        lambda: ns.VGG16Features("compact", fast="low-memory").normalized(),
        "block3_conv1",
    ),
    "octaves": (lambda: ns.Pyramid(ns.VGG16Features("compact"), 2), "octave1/block2_conv1"),
    "keras": (lambda: ns.KerasFeatures(shared_model()), "inner/p"),
    "keras prepared": (
        lambda: ns.KerasFeatures(
            shared_model(), preprocess, replace_max_pooling=True, aliases={"other": "inner"}
        ),
        "other",
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", EXTRACTORS)
def test_what_is_copied_sees_the_same(name: str, way: str) -> None:
    make, layer = EXTRACTORS[name]
    extractor = make()
    extractor(noise(24, 24))[layer]  # it may have been used
    again = WAYS[way](extractor)
    assert type(again) is type(extractor)
    assert repr(again) == repr(extractor) and again.digest == extractor.digest
    np.testing.assert_array_equal(
        again(noise(24, 24))[layer], np.asarray(extractor(noise(24, 24))[layer])
    )
    assert again.receptive_field(layer) == extractor.receptive_field(layer)


def test_what_was_pickled_needs_no_file(tmp_path: Path) -> None:
    path = tmp_path / "narrow.npz"
    write_npz(path, random_weights(VGG19, widths=NARROW, size=32))
    extractor = ns.VGG19Features(path)
    data = pickle.dumps(extractor)
    path.unlink()
    assert pickle.loads(data).digest == extractor.digest


class Forgetful(layers.Layer):
    """A layer whose configuration does not hold what it does."""

    def __init__(self, factor: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, tensor: Any) -> Any:
        return self.factor * tensor

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = layers.Layer.get_config(self)
        return {name: value for name, value in config.items() if name != "factor"}


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_keras_cannot_save_is_refused_at_once(way: str) -> None:
    class Unknown(layers.Layer):
        def call(self, tensor: Any) -> Any:
            return tensor

    extractor = ns.KerasFeatures(keras.Sequential([image(), Unknown(name="u")]))
    with pytest.raises(TypeError, match="cannot be copied or pickled.*Unknown"):
        WAYS[way](extractor)


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_would_come_back_as_another_is_refused_at_once(way: str) -> None:
    keras.saving.register_keras_serializable("tests")(Forgetful)
    extractor = ns.KerasFeatures(keras.Sequential([image(), Forgetful(3.0, name="f")]))
    with pytest.raises(TypeError, match="saves and loads computes something else"):
        WAYS[way](extractor)


def test_features_stay_themselves_and_are_not_pickled() -> None:
    features = ns.VGG16Features("compact")(noise(8, 8))
    assert copy.copy(features) is features and copy.deepcopy([features])[0] is features
    with pytest.raises(TypeError, match="features cannot be pickled.*the image and the extractor"):
        pickle.dumps(features)
