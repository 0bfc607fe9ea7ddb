"""Losses that outlive a run: what comes back, from 0.1 too, and what cannot be saved."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from losses.examples import (
    GENERATED,
    TARGET,
    EdgeLoss,
    brightness_loss,
    in_float32,
)
from losses.saving import Everything, saved_and_loaded
from support import (
    Array,
    Reusable,
    Seen,
    half_mask,
    noise,
    pixels,
    random_map,
    two_layers,
    value,
    value_and_gradient,
)

import neuralstyle as ns


def target(seed: int, height: int = 5, width: int = 6) -> dict[str, Array]:
    """Features whose size grows with the seed."""
    maps = {"a": random_map(seed, height, width, 3), "b": random_map(seed + 50, 3, 4, 4)}
    return {layer: (1 + seed) * array for layer, array in maps.items()}


def objective(seed: int, **changes: Any) -> ns.StyleObjective:
    weights = {"content": 0.5, "style": 3.0, "variation": 0.1, **changes}
    features = target(seed)
    return ns.StyleObjective(
        weights["content"] * ns.ContentLoss(features, "a"),
        weights["style"] * ns.StyleLoss(features, ("a", "b"), name="strokes"),
        2.0 * ns.CovarianceLoss(features, "b", normalize="mean"),
        1.0 * ns.StyleLoss(features, "a", name="strokes"),
        weights["variation"] * ns.TotalVariationLoss(),
    )


def test_names_layers_and_their_weights_are_kept(path: Path) -> None:
    layers = {"second": 0.3, "first": 1 / 3, "input": 0.0}
    loaded = saved_and_loaded(path, ns.StyleLoss(TARGET, layers, name="strokes"))
    assert loaded.name == "strokes"
    assert loaded.layers == layers and list(loaded.layers) == list(layers)
    assert saved_and_loaded(path, ns.HistogramLoss(TARGET, "first", seed=7)).seed == 7


@pytest.mark.parametrize("make", [ns.StyleLoss, ns.CovarianceLoss, ns.HistogramLoss])
def test_a_loaded_style_loss_takes_pictures_of_any_size(
    make: Callable[..., ns.Loss], path: Path
) -> None:
    loss = make(TARGET, "first")
    value(loss, GENERATED)  # a size is prepared for
    loaded = saved_and_loaded(path, loss)
    for size in ((5, 6), (2, 3), (9, 11)):
        picture = {"first": random_map(7, *size, 4)}
        assert value(loaded, picture) == value(loss, picture)


def test_an_objective_keeps_its_terms_their_names_and_weights(path: Path) -> None:
    objective = ns.StyleObjective(
        0.1 * ns.StyleLoss(TARGET, "first", name="fine") + 0.2 * ns.StyleLoss(TARGET, "second"),
        ns.StyleLoss(TARGET, "input"),
        -1.5 * ns.TotalVariationLoss(exponent=1.5),
        0.0 * ns.ContentLoss(TARGET, "first"),
        ns.Term("edges", 0.1 + 0.2, EdgeLoss(TARGET)),
    )
    loaded = saved_and_loaded(path, objective)
    assert isinstance(loaded, ns.StyleObjective)
    assert loaded.weights == objective.weights
    assert list(loaded.weights) == [
        "fine",
        "style",
        "style_1",
        "total_variation",
        "content",
        "edges",
    ]
    assert repr(loaded) == repr(objective)
    expected, expected_gradient = value_and_gradient(objective, GENERATED)
    result, gradient = value_and_gradient(loaded, GENERATED)
    assert result == expected
    for layer, slope in expected_gradient.items():
        np.testing.assert_array_equal(gradient[layer], slope)


def test_an_objective_over_octaves_can_be_saved(path: Path) -> None:
    pyramid = ns.Pyramid(pixels, octaves=2)
    style, picture = noise(16, 16), noise(16, 16, 1)
    objective = ns.over_octaves(lambda f: ns.StyleLoss(f, "input"), pyramid(style))
    loaded = saved_and_loaded(path, objective)
    assert repr(loaded) == repr(objective)
    features = pyramid(picture)
    assert float(loaded(features)) == float(objective(features)) > 0


def test_what_a_class_of_ones_own_keeps_comes_back_as_it_was(path: Path) -> None:
    loss = Everything(TARGET)
    ns.save_loss(path, loss)
    loaded = ns.load_loss(path, classes=(Everything,))
    for name in ("nothing", "numbers", "text"):
        assert getattr(loaded, name) == getattr(loss, name)
    assert [type(x) for x in loaded.numbers[:4]] == [int, float, float, bool]
    assert list(loaded.nested) == ["a", 4, ("c", 5)]
    assert loaded.nested["a"] == (1, [2, (3,)]) and loaded.nested[4] == {"b": None}
    np.testing.assert_array_equal(loaded.nested["c", 5], np.arange(3))
    assert isinstance(loaded.array, np.ndarray) and loaded.array.dtype == np.int16
    np.testing.assert_array_equal(loaded.array, loss.array)
    assert tf.is_tensor(loaded.tensor) and loaded.tensor.dtype == "float32"
    np.testing.assert_array_equal(loaded.tensor, loss.tensor)
    assert value(loaded, GENERATED) == value(loss, GENERATED)


def test_a_loaded_objective_is_evaluated_to_the_bit(path: Path) -> None:
    content, style, picture = (noise(16, 12, seed) for seed in range(3))
    seen, network = two_layers(style), Reusable(two_layers)
    objective = ns.StyleObjective(
        ns.ContentLoss(two_layers(content), "second"),
        2.0 * ns.StyleLoss(seen, ("first", "second")),
        ns.HistogramLoss(seen, "first", mask=half_mask((16, 12))),
        ns.TemporalLoss(pixels(content), np.eye(16, 12)),
        ns.TotalVariationLoss(),
    )
    expected = ns.Evaluator(objective, network, (16, 12))(picture)
    loaded = ns.Evaluator(saved_and_loaded(path, objective), network, (16, 12))(picture)
    assert loaded[0] == expected[0]
    np.testing.assert_array_equal(loaded[1], expected[1])


def test_a_mask_comes_back_with_its_name_and_propagation(path: Path) -> None:
    mask = ns.Mask(half_mask((8, 6)), "inside", name="sky")
    target = Seen(TARGET, field=(0, 1, 1))
    loaded = saved_and_loaded(path, ns.ContentLoss(target, "first", mask=mask))
    assert loaded.mask == mask and loaded.mask.name == "sky"
    assert loaded.mask.propagation == "inside"


OF_0_1 = {
    "content": 1.0344892740249634,
    "covariance": 0.13861346244812012,
    "gaussian": 0.09463285654783249,
    "histogram": 0.43392592668533325,
    "laplacian": 2.8284029960632324,
    "moment": 0.07737851142883301,
    "patch": 0.7339907884597778,
    "relaxed_emd": 0.11262477934360504,
    "self_similarity": 0.7017625570297241,
    "sliced": 0.13092787563800812,
    "strokes": 0.18195192515850067,
    "temporal": 0.6788588166236877,
    "total_variation": 0.47610971331596375,
}
"""What version 0.1 computed of the file that it saved."""


def test_an_objective_that_version_0_1_saved_loads_and_has_the_values_of_then() -> None:
    loaded = ns.load_loss(Path(__file__).parent / "data" / "objective-of-0.1.npz")
    assert list(loaded.weights) == list(OF_0_1)
    assert loaded.weights["content"] == 0.5 and loaded.weights["strokes"] == 2.0
    values = loaded.evaluate(in_float32(GENERATED))
    assert {name: float(loss) for name, loss in values.items()} == pytest.approx(OF_0_1, rel=1e-5)


@pytest.mark.parametrize("kind", [ns.ContentLoss, ns.StyleLoss, ns.RelaxedEMDLoss])
def test_a_loss_knows_its_network_and_refuses_another(kind: type[Any], path: Path) -> None:
    ours, theirs = "0123456789" * 6, "abcdefabcd" * 6
    loss = kind(Seen(TARGET, ours), "first", name="mine")
    for kept in (loss, saved_and_loaded(path, loss)):
        expected = value(kept, Seen(GENERATED, ours))
        assert float(kept(Seen(GENERATED, None))) == expected  # features that do not say
        with pytest.raises(ValueError, match="^loss 'mine': expected .*01234567.*received .*abc"):
            kept(Seen(GENERATED, theirs))
    # Pixels are the same to every network, and a target that does not say fits all.
    kind(Seen(TARGET, ours), "input")(Seen(GENERATED, theirs))
    kind(TARGET, "first")(Seen(GENERATED, theirs))


def test_a_class_of_ones_own_is_found_where_its_module_is_imported(path: Path) -> None:
    ns.save_loss(path, ns.TotalVariationLoss() + EdgeLoss(TARGET))
    for classes in ([], [Everything], iter([Everything, EdgeLoss])):
        loaded = ns.load_loss(path, classes=classes)
        assert [type(term.loss) for term in loaded.terms] == [ns.TotalVariationLoss, EdgeLoss]


@pytest.mark.parametrize("module", ["not_imported", "__main__"])
def test_a_class_of_a_module_that_is_not_imported_has_to_be_named(
    module: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OwnLoss(EdgeLoss):
        pass

    OwnLoss.__module__, OwnLoss.__qualname__ = module, "OwnLoss"
    ns.save_loss(path, ns.TotalVariationLoss() + OwnLoss(TARGET))
    for classes in ([], [Everything]):
        with pytest.raises(ValueError, match=rf"holds a {module}.OwnLoss; pass that .* classes=$"):
            ns.load_loss(path, classes=classes)
    for wrong in ("OwnLoss", OwnLoss, [OwnLoss(TARGET)], ["OwnLoss"], 3):
        with pytest.raises(TypeError, match="^classes: expected classes of losses, received "):
            ns.load_loss(path, classes=wrong)  # type: ignore[arg-type]
    loaded = ns.load_loss(path, classes=[Everything, OwnLoss])
    assert isinstance(loaded.terms[1].loss, OwnLoss)
    assert module not in sys.modules or module == "__main__"  # nothing was imported


def test_a_class_with_the_name_of_one_of_ours_comes_back_as_itself(path: Path) -> None:
    class StyleLoss(ns.StyleLoss):  # type: ignore[misc]
        def __call__(self, features: Any) -> Any:
            return 10 * super().__call__(features)

    tenfold, plain = StyleLoss(TARGET, "first"), ns.StyleLoss(TARGET, "first")
    ns.save_loss(path, tenfold)
    with pytest.raises(ValueError, match=r"holds a .*test_storage.*<locals>.StyleLoss; pass"):
        ns.load_loss(path)
    assert value(ns.load_loss(path, classes=[StyleLoss]), GENERATED) == value(tenfold, GENERATED)
    ns.save_loss(path, plain)
    loaded = ns.load_loss(path, classes=[StyleLoss])
    assert type(loaded) is ns.StyleLoss
    assert value(loaded, GENERATED) == value(plain, GENERATED) != value(tenfold, GENERATED)


@pytest.mark.parametrize("wrap", [lambda loss: loss, lambda loss: ns.TotalVariationLoss() + loss])
def test_a_function_cannot_be_saved(wrap: Callable[[ns.Loss], Any], path: Path) -> None:
    ns.save_loss(path, ns.TotalVariationLoss())
    before = path.read_bytes()
    message = r"^loss 'brightness': a function cannot be saved to a file: write a class"
    with pytest.raises(TypeError, match=message):
        ns.save_loss(path, wrap(brightness_loss(TARGET)))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    "kept", [object(), {1, 2}, b"bytes", 1j, np.array([None]), [len], {"first": {}}.items]
)
def test_an_attribute_that_cannot_be_saved_is_named(kept: Any, path: Path) -> None:
    loss = EdgeLoss(TARGET)
    loss.extra = kept  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="^loss 'edge': its attribute 'extra'"):
        ns.save_loss(path, loss)
    assert not path.exists()


@pytest.mark.parametrize("wrong", [None, 3, "loss", len, [ns.TotalVariationLoss()]])
def test_what_is_no_loss_is_refused_by_name(wrong: Any, path: Path) -> None:
    with pytest.raises(TypeError, match="^loss: expected a loss or an objective, received"):
        ns.save_loss(path, wrong)
