"""Networks of `keras.applications` by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from support import noise

import neuralstyle as ns
from neuralstyle.features.keras_models import applications
from neuralstyle.features.keras_models.applications import Input, application, vgg_names
from neuralstyle.features.keras_models.graph import Graph
from neuralstyle.features.keras_models.names import KERAS_NETWORKS, keras_name

BUILDERS = {name: getattr(keras.applications, name) for name in KERAS_NETWORKS}
MODULES = sorted({build.__module__.rpartition(".")[2] for build in BUILDERS.values()})


@pytest.fixture(scope="module")
def network() -> ns.KerasFeatures:
    return ns.KerasFeatures.from_application("mobilenet", weights=None, seed=3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet50", "ResNet50"),
        ("ResNet50V2", "ResNet50V2"),
        ("resnet_50", "ResNet50"),
        ("efficientnet-b0", "EfficientNetB0"),
        ("mobilenet_v3_small", "MobileNetV3Small"),
        ("VGG19", "VGG19"),
    ],
)
def test_a_network_is_found_however_its_name_is_written(name: str, expected: str) -> None:
    assert keras_name(name) == expected


def test_the_names_are_those_of_keras_but_for_one_family() -> None:
    public = vars(keras.applications).items()
    known = {name for name, build in public if callable(build) and not name.startswith("_")}
    added = "Keras has other networks now: they belong into features/keras_models/names.py"
    assert known - {"NASNetMobile", "NASNetLarge"} == set(KERAS_NETWORKS), added


@pytest.mark.parametrize("name", ["", "resnet", "imagenet_utils", "NASNetMobile", "nope"])
def test_what_keras_has_not_for_any_size_is_no_network(name: str) -> None:
    assert keras_name(name) is None
    with pytest.raises(ValueError, match=f"^name: expected one of .*ResNet50.*received {name!r}"):
        ns.KerasFeatures.from_application(name, weights=None)


@pytest.mark.parametrize("module", MODULES)
def test_a_networks_input_is_what_keras_makes_of_images_up_to_255(module: str) -> None:
    image = noise(6, 7)[None]
    expected = getattr(keras.applications, module).preprocess_input(255 * image)
    np.testing.assert_allclose(Input(module)(ops.convert_to_tensor(image)), expected, atol=1e-3)
    assert Input(module).digest == module


def test_a_network_sees_what_keras_own_does(network: ns.KerasFeatures) -> None:
    model, module = application("MobileNet", None, seed=3)
    image = noise(48, 40)
    expected = model(keras.applications.mobilenet.preprocess_input(255 * image[None]))
    assert module == "mobilenet" and network.layers[-1] == model.layers[-1].name
    np.testing.assert_allclose(
        network(image)[network.layers[-1]], expected, rtol=1e-3, atol=1e-4 * np.ptp(expected)
    )


def test_its_preprocessing_is_always_the_same(network: ns.KerasFeatures) -> None:
    assert network.reuse and network.digest
    again = ns.KerasFeatures.from_application("MobileNet", None, seed=3)
    assert again.digest == network.digest
    other = ns.KerasFeatures.from_application("MobileNet", None, seed=4)
    assert other.digest != network.digest


def test_layers_of_vgg_are_names_of_layers_like_them(network: ns.KerasFeatures) -> None:
    assert network.aliases["block1_conv1"] == "conv1_relu"
    assert network.aliases["relu4_2"] == network.aliases["block4_conv2"]
    sizes = [network(noise(64, 64))[f"block{n}_conv1"].shape[1] for n in range(1, 6)]
    assert sizes == [32, 16, 8, 4, 2]
    for recipe in (ns.recipes.default(), ns.recipes.gatys2016(), ns.recipes.nnst()):
        features = network(noise(64, 64))
        assert recipe(features, features)


def residual_network() -> keras.Model:
    """A stem, two residual blocks at one size and one at half of it, with ReLUs at their ends."""

    def block(tensor: Any, name: str, strides: int) -> Any:
        way = layers.Conv2D(4, 3, strides, padding="same", name=f"{name}_conv")(tensor)
        way = layers.BatchNormalization(name=f"{name}_bn")(way)
        if strides > 1:
            tensor = layers.Conv2D(4, 1, strides, name=f"{name}_short")(tensor)
        return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([way, tensor]))

    image = keras.Input((None, None, 3))
    stem = layers.Conv2D(4, 3, padding="same", name="stem")(layers.Rescaling(2.0)(image))
    stem = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_bn")(stem))
    tensor = block(layers.MaxPooling2D(2, name="pool")(stem), "one", 1)
    return keras.Model(image, block(block(tensor, "two", 1), "three", 2))


def test_layers_like_vggs_are_where_a_network_comes_together_at_each_size() -> None:
    names = vgg_names(Graph(residual_network()))
    found = {name: layer for name, layer in names.items() if name.startswith("block")}
    assert set(found.values()) == {"stem_relu", "one_out", "two_out", "three_out"}
    assert found["block1_conv1"] == found["block1_conv2"] == "stem_relu"
    assert [found[f"block2_conv{n}"] for n in (1, 2)] == ["one_out", "two_out"]
    assert found["block3_conv1"] == found["block5_conv4"] == names["conv3_1"] == "three_out"


def test_a_layers_own_name_is_no_alias() -> None:
    image = keras.Input((None, None, 3))
    first = layers.Conv2D(4, 3, name="block1_conv1")(image)
    names = vgg_names(Graph(keras.Model(image, layers.Conv2D(4, 3, name="other")(first))))
    assert "block1_conv1" not in names and names["block1_conv2"] == "other"
    assert vgg_names(Graph(keras.Sequential([image, layers.ReLU()]))) == {}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights_may_come_from_a_file(tmp_path: Path, network: ns.KerasFeatures) -> None:
    path = tmp_path / "mobile.weights.h5"
    application("mobilenet", None, seed=3)[0].save_weights(path)
    assert ns.KerasFeatures.from_application("mobilenet", path).digest == network.digest
    with pytest.raises(ValueError, match=r"^weights: expected a file of weights of MobileNetV2 "):
        ns.KerasFeatures.from_application("mobilenet_v2", path)
    with pytest.raises(FileNotFoundError, match="^weights: .*nowhere"):
        ns.KerasFeatures.from_application("mobilenet", tmp_path / "nowhere.h5")


def test_weights_that_cannot_be_downloaded_are_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**_: Any) -> Any:
        raise error

    monkeypatch.setattr(keras.applications, "ResNet50", fails)
    error: Exception = Exception("URL fetch failure on https://somewhere: None")
    with pytest.raises(OSError, match="^weights: .*ResNet50 could not be downloaded .*URL fetch"):
        ns.KerasFeatures.from_application("resnet50")
    error = KeyError("a fault of something else")
    with pytest.raises(KeyError, match="something else"):
        ns.KerasFeatures.from_application("resnet50")


def test_average_pooling_replaces_maximum_pooling(monkeypatch: pytest.MonkeyPatch) -> None:
    model = residual_network()
    monkeypatch.setattr(applications, "application", lambda *_: (model, "mobilenet"))
    make = ns.KerasFeatures.from_application
    pools = [make("x", replace_max_pooling=replaced)(noise(8, 8)) for replaced in (False, True)]
    most, mean = (np.asarray(features["pool"]) for features in pools)
    assert np.all(most >= mean) and np.any(most > mean)


def test_a_name_that_is_none_is_told_those_that_are_near() -> None:
    with pytest.raises(ValueError, match="received 'mobilnet'; the nearest are 'MobileNet'"):
        ns.KerasFeatures.from_application("mobilnet")
