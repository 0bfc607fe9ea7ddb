"""Networks by name, by file, and those that are kept between calls."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from painting import PIXELS, SHALLOW
from support import NARROW, noise

import neuralstyle as ns
from neuralstyle.features.architectures import NETWORKS as ARCHITECTURES
from neuralstyle.features.keras_models import applications
from neuralstyle.features.vgg import vgg as vggs
from neuralstyle.features.vgg.plain import random_weights
from neuralstyle.transfer.network import KEPT, NETWORKS, check_network, load_network


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    ns.clear()
    yield
    ns.clear()


def write(path: Path, architecture: str, seed: int = 0) -> Path:
    """Write random weights of a narrow network."""
    weights = random_weights(ARCHITECTURES[architecture], seed, widths=NARROW)
    arrays = {}
    for name, (kernel, bias) in weights.items():
        arrays |= {f"{name}/kernel": kernel, f"{name}/bias": bias}
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_every_name_gives_an_extractor_with_the_pooling_and_seed_asked_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(weights: Any, pooling: str, padding: str, seed: int, dtype: str) -> Any:
        assert (padding, dtype) == ("reflect", "float32")
        asked.append((weights, pooling, seed))
        return lambda image: {"input": image}

    asked: list[tuple[Any, str, int]] = []
    monkeypatch.setattr(vggs, NETWORKS[name].kind, make)
    assert callable(load_network(name, "avg", seed=3))
    assert asked == [(NETWORKS[name].weights, "avg", 3 if NETWORKS[name].weights is None else 0)]


def test_names_stand_for_what_they_say() -> None:
    meant = {name: (network.kind, network.weights) for name, network in NETWORKS.items()}
    assert meant["compact"] == ("VGG16Features", "compact")
    assert meant["vgg16"] == ("VGG16Features", "imagenet")
    assert meant["vgg19"] == ("VGG19Features", "imagenet")
    assert meant["random"] == ("VGG19Features", None)


def test_the_default_is_the_network_that_comes_with_the_library() -> None:
    result = ns.stylize(noise(32, 32), noise(32, 32, 1), recipe=SHALLOW, maxiter=1)
    assert result.settings["network"] == "compact"
    assert "compact" in result.settings["extractor"]


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_says_which_network_it_is_of(architecture: str, kind: Any, tmp_path: Path) -> None:
    network: Any = load_network(kind(write(tmp_path / "a.npz", architecture)), "avg")
    expected = {"vgg16": ns.VGG16Features, "vgg19": ns.VGG19Features}[architecture]
    assert type(network) is expected and network.pooling == "avg"


def test_an_extractor_is_itself() -> None:
    assert load_network(PIXELS, "avg") is PIXELS


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        ("auto", ValueError, 'since version 0.2 write "compact"'),
        ("imagenet", ValueError, 'since version 0.2 write "vgg19"'),
        ("nowhere.h5", FileNotFoundError, "received 'nowhere.h5', which does not exist"),
        (Path("nowhere.h5"), FileNotFoundError, "which does not exist"),
        ("mobilnet", FileNotFoundError, "which does not exist; the nearest are 'MobileNet"),
        (None, TypeError, "received None"),
        (3, TypeError, "received 3"),
    ],
)
def test_what_is_no_network_is_refused_by_name(
    network: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^network: expected 'compact', .*{message}"):
        check_network("network", network)
    with pytest.raises(error, match="^network: expected"):
        ns.stylize_many([], noise(8, 8), network=network)


def test_a_file_that_holds_no_network_is_refused_before_the_first_content(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros(3))
    with pytest.raises(ValueError, match=r"^network: .*a\.npz"):
        ns.stylize_many([], noise(8, 8), network=path)


def test_the_last_three_networks_are_kept(tmp_path: Path) -> None:
    assert KEPT == 3
    files = [write(tmp_path / f"{seed}.npz", "vgg16", seed) for seed in range(4)]
    first, second, third = (load_network(file, "avg") for file in files[:3])
    assert load_network(files[0], "avg") is first  # which makes the second the oldest
    load_network(files[3], "avg")
    assert load_network(files[0], "avg") is first
    assert load_network(files[2], "avg") is third
    assert load_network(files[1], "avg") is not second


def test_networks_of_another_pooling_are_others() -> None:
    assert load_network("compact", "avg") is load_network("compact", "avg", seed=5)
    assert load_network("compact", "avg") is not load_network("compact", "max")


def test_a_file_that_has_changed_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", "vgg19")
    before = load_network(path, "avg")
    assert load_network(str(path), "avg") is before
    write(path, "vgg16")
    assert isinstance(load_network(path, "avg"), ns.VGG16Features)


def test_clearing_lets_go_of_networks() -> None:
    kept = load_network("compact", "avg")
    seen = weakref.ref(kept)
    del kept
    gc.collect()
    assert seen() is not None
    ns.clear()
    gc.collect()
    assert seen() is None


def tiny(name: str = "c") -> keras.Model:
    layer = keras.layers.Conv2D(4, 3, padding="same", name=name)
    return keras.Sequential([keras.Input((None, None, 3)), layer])


def test_a_network_of_keras_goes_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(name: str, weights: Any, seed: int) -> Any:
        asked.append((name, weights))
        return tiny(), "mobilenet"

    asked: list[Any] = []
    monkeypatch.setattr(applications, "application", build)
    result = ns.stylize(noise(32, 32), noise(32, 32, 1), network="ResNet50", maxiter=1)
    assert asked == [("ResNet50", "imagenet")]
    assert result.settings["network"] == "ResNet50" and np.isfinite(result.fun)
    assert load_network("resnet50", "max") is load_network("ResNet50", "max")


def test_what_a_recipe_wants_of_a_networks_means_is_told_where_it_has_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(applications, "application", lambda *_: (tiny(), "mobilenet"))
    with caplog.at_level("INFO", "neuralstyle"):
        pictures = noise(32, 32), noise(32, 32, 1)
        ns.stylize(*pictures, network="resnet50", recipe="gatys2016", maxiter=1)
    assert "gatys2016 is for a normalised network" in caplog.text


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_the_pooling_asked_for_is_that_of_networks_of_keras_too(
    pooling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny()
    model.add(keras.layers.MaxPooling2D(2, name="p"))
    monkeypatch.setattr(applications, "application", lambda *_: (model, "mobilenet"))
    features = load_network("resnet50", pooling)(noise(8, 8))
    pool = {"avg": keras.ops.average_pool, "max": keras.ops.max_pool}[pooling]
    np.testing.assert_array_equal(features["p"], pool(features["c"], 2))


def test_a_bare_model_is_refused_with_what_to_write() -> None:
    told = r"received the Keras model .*write KerasFeatures\(model, preprocess\)"
    with pytest.raises(TypeError, match=f"^network: .*{told}"):
        ns.stylize(noise(32, 32), noise(32, 32), network=tiny())
    with pytest.raises(TypeError, match=f"^extractor: .*{told}"):
        ns.minimize(ns.TotalVariationLoss(), tiny(), init=noise(8, 8))


@pytest.mark.parametrize(
    ("recipe", "hint"),
    [
        ("default", "content_layers= and style_layers= of the recipe"),
        ("nnst", "style_layers= of the recipe"),
        ("gatys2016", r"KerasFeatures\(\.\.\., aliases=\)"),
    ],
)
def test_a_layer_that_a_network_lacks_is_told_with_what_to_do(recipe: str, hint: str) -> None:
    network = ns.KerasFeatures(tiny())
    with pytest.raises(
        KeyError, match=f"^.network: .*no layer 'block.*layers are input, c.*{recipe} .*{hint}"
    ):
        ns.stylize(noise(32, 32), noise(32, 32), network=network, recipe=recipe)


@pytest.mark.parametrize(
    ("recipe", "keyword"),
    [
        (ns.recipes.default(content_layers="c", style_layers="lines"), "style_layers"),
        (
            ns.recipes.default(content_layers={"c": 1.0, "lines": 2.0}, style_layers="c"),
            "content_layers",
        ),
        (ns.recipes.nnst(style_layers=["c", "lines"]), "style_layers"),
        ("default(content_layers='lines', style_layers=('lines',))", "content_layers and style_la"),
    ],
)
def test_a_layer_that_was_asked_for_is_told_by_the_keyword(recipe: Any, keyword: str) -> None:
    network = ns.KerasFeatures(tiny(), aliases={"line": "c"})
    with pytest.raises(
        KeyError, match=f"^.{keyword}.*: there is no layer 'lines'; .*'line'"
    ) as told:
        ns.stylize(noise(32, 32), noise(32, 32), network=network, recipe=recipe)
    assert "asks for it" not in str(told.value)
    if not isinstance(recipe, str):
        features = network(noise(32, 32))
        with pytest.raises(KeyError, match=f"^.{keyword}: there is no layer 'lines'"):
            recipe(features, features)


@pytest.mark.parametrize(
    ("arguments", "picture"),
    [
        ({"content": noise(6, 6)}, "content"),
        ({"style": noise(6, 6)}, "style"),
        ({"style": [noise(32, 32), noise(6, 6)]}, r"style\[1\]"),
        ({"style": [], "regions": [ns.Region(np.ones((32, 32)), noise(6, 6))]}, "regions.0..style"),
    ],
)
def test_a_picture_too_small_is_called_what_it_is(arguments: Any, picture: str) -> None:
    given = {"content": noise(32, 32), "style": noise(32, 32, 1), "maxiter": 1} | arguments
    with pytest.raises(ValueError, match=f"^{picture}: expected at least 8 x 8 pixels .*6 x 6$"):
        ns.stylize(given.pop("content"), given.pop("style"), **given)


def test_threads_that_ask_at_once_get_one_network() -> None:
    barrier, found = threading.Barrier(4), []

    def ask() -> None:
        barrier.wait()
        found.append(load_network("compact", "max"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len({id(network) for network in found}) == 1


def test_an_extractor_without_the_picture_is_told_to_return_it() -> None:
    with pytest.raises(KeyError, match="no layer 'input'.*nnst asks for it; it is the picture its"):
        ns.stylize(
            noise(32, 32),
            noise(32, 32),
            network=lambda image: {"a": image[:, ::2, ::2]},
            recipe=ns.recipes.nnst(style_layers="a"),
            maxiter=1,
        )
