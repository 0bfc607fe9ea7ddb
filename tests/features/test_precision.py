"""Precision: models in half, and what Keras is set to for models that say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from support import noise

import neuralstyle as ns
from neuralstyle.features.keras_models import applications
from neuralstyle.features.keras_models import model as keras_model


def model(policy: str) -> keras.Model:
    """Make a network, always of the same weights."""
    keras.utils.set_random_seed(0)
    start = tensor = keras.Input((None, None, 3), dtype="float16" if policy == "float16" else None)
    for name in ("a", "b"):
        conv = layers.Conv2D(
            16, 3, padding="same", activation="relu", kernel_initializer="he_normal"
        )
        conv = type(conv).from_config(conv.get_config() | {"name": name, "dtype": policy})
        tensor = conv(tensor)
    return keras.Model(start, tensor)


def gradient(extractor: ns.KerasFeatures, weight: float) -> np.ndarray:
    style = ns.StyleLoss(extractor(noise(24, 24, 1) ** 2), ["a", "b"])
    objective = weight * (style + ns.ContentLoss(extractor(noise(24, 24)), "b"))
    _, slope = ns.Evaluator(objective, extractor, (24, 24))(noise(24, 24, 2))
    return slope / weight


@pytest.mark.parametrize(
    ("policy", "weight"),
    [("mixed_float16", 1e-9), ("float16", 1.0), ("mixed_bfloat16", 1e-9)],
)
def test_a_model_in_half_has_the_gradient_of_its_copy_in_single_precision(
    policy: str, weight: float
) -> None:
    extractor = ns.KerasFeatures(model(policy))
    assert extractor.dtype == "float32"
    features = extractor(noise(24, 24))
    assert {features[name].dtype.name for name in features} == {"float32"}
    expected = gradient(ns.KerasFeatures(model("float32")), weight)
    error = np.linalg.norm(gradient(extractor, weight) - expected) / np.linalg.norm(expected)
    assert error < (0.1 if "bfloat16" in policy else 0.02)


def test_without_the_scaling_the_gradient_would_vanish(monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(function: Any, tensors: Any, dtypes: Any) -> Any:
        inside = [keras.ops.cast(t, dtype) for t, dtype in zip(tensors, dtypes, strict=True)]
        return [keras.ops.cast(out, "float32") for out in function(*inside)]

    monkeypatch.setattr(keras_model, "through_half", plain)
    assert not np.any(gradient(ns.KerasFeatures(model("mixed_float16")), 1e-9))


def test_a_float64_model_computes_in_float64() -> None:
    start = keras.Input((None, None, 3), dtype="float64")
    double = keras.Model(start, layers.Conv2D(2, 3, name="c", dtype="float64")(start))
    assert ns.KerasFeatures(double)(noise(8, 8))["c"].dtype == "float64"


@pytest.fixture
def _as_it_was() -> Iterator[None]:
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(policy)
    keras.config.set_image_data_format("channels_last")


def seen() -> list[np.ndarray]:
    networks = [
        ns.VGG16Features("compact", pooling="avg").normalized(),
        ns.VGG16Features("compact", fast=False),
    ]
    return [np.asarray(network(noise(16, 20))["block3_conv1"]) for network in networks]


@pytest.fixture(scope="module")
def usual() -> list[np.ndarray]:
    return seen()


@pytest.mark.usefixtures("_as_it_was")
@pytest.mark.parametrize(("floats", "policy"), [("float16", "mixed_float16"), ("float64",) * 2])
def test_what_keras_is_set_to_does_not_change_the_librarys_networks(
    floats: str, policy: str, usual: list[np.ndarray]
) -> None:
    keras.config.set_floatx(floats)
    keras.config.set_dtype_policy(policy)
    for expected, actual in zip(usual, seen(), strict=True):
        assert actual.dtype == np.float32
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.usefixtures("_as_it_was")
def test_networks_of_keras_are_built_as_usual_and_settings_are_put_back() -> None:
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_image_data_format("channels_first")
    talks = keras.config.is_interactive_logging_enabled()
    with pytest.raises(ZeroDivisionError), applications._usual_settings():
        assert keras.config.floatx() == keras.config.dtype_policy().name == "float32"
        assert keras.config.image_data_format() == "channels_last"
        _ = 1 / 0
    assert keras.config.floatx() == "float64"
    assert keras.config.dtype_policy().name == "mixed_float16"
    assert keras.config.image_data_format() == "channels_first"
    assert keras.config.is_interactive_logging_enabled() == talks
