"""Layers and their weights, names, descriptions, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from losses.examples import (
    TARGET_LOSSES,
    every_normalization,
    every_style_loss,
    every_target_loss,
)
from support import (
    random_map,
    says,
    tensors,
    value,
)

import neuralstyle as ns

TARGET = {"a": random_map(0, 5, 6, 3), "b": random_map(1, 3, 4, 4), "c": random_map(2, 2, 2, 2)}

GENERATED = {"a": random_map(3, 5, 6, 3), "b": random_map(4, 3, 4, 4), "c": random_map(5, 2, 2, 2)}


# Layers


@every_target_loss
@every_normalization
def test_layers_are_a_name_a_sequence_to_average_or_weights_as_given(
    kind: type[Any], normalize: str
) -> None:
    def of(layers: Any) -> float:
        return value(kind(TARGET, layers, normalize=normalize), GENERATED)

    a, b = of("a"), of("b")
    assert a != pytest.approx(b, rel=1e-3)
    for layers in (["a", "b"], ("a", "b"), ("b", "a")):
        assert of(layers) == pytest.approx((a + b) / 2, rel=1e-12)
    assert of(["a"]) == a
    assert of({"a": 3, "b": 0.25}) == pytest.approx(3 * a + b / 4, rel=1e-12)
    assert of({"a": 0.0, "b": 1.0}) == pytest.approx(b, rel=1e-12)


@every_target_loss
def test_a_loss_knows_the_weights_of_its_layers(kind: type[Any]) -> None:
    assert kind(TARGET, "a").layers == {"a": 1.0}
    assert kind(TARGET, ("a", "c")).layers == {"a": 0.5, "c": 0.5}
    assert kind(TARGET, {"a": 2, "c": 3.5}).layers == {"a": 2.0, "c": 3.5}


@every_target_loss
def test_other_layers_are_not_asked_for(kind: type[Any]) -> None:
    loss = kind({"a": TARGET["a"]}, "a")
    assert np.isfinite(value(loss, {"a": GENERATED["a"]}))


# Names and descriptions


def test_losses_are_named_after_themselves_unless_told_otherwise() -> None:
    names = [
        ns.ContentLoss(TARGET, "a").name,
        ns.StyleLoss(TARGET, "a").name,
        ns.CovarianceLoss(TARGET, "a").name,
        ns.MomentLoss(TARGET, "a").name,
        ns.GaussianWassersteinLoss(TARGET, "a").name,
        ns.HistogramLoss(TARGET, "a").name,
        ns.SlicedWassersteinLoss(TARGET, "a").name,
        ns.TotalVariationLoss().name,
    ]
    assert names == [
        "content",
        "style",
        "covariance",
        "moment",
        "gaussian",
        "histogram",
        "sliced",
        "total_variation",
    ]
    for kind in TARGET_LOSSES:
        assert kind(TARGET, "a", name="sky").name == "sky"
    assert ns.TotalVariationLoss(name="grain").name == "grain"


@every_target_loss
def test_a_description_gives_layers_and_the_normalisation_if_it_is_not_the_usual_one(
    kind: type[Any],
) -> None:
    name = kind.__name__
    assert repr(kind(TARGET, "a")) == f"{name}(layers='a')"
    assert repr(kind(TARGET, ["a", "b"])) == f"{name}(layers=('a', 'b'))"
    assert (
        repr(kind(TARGET, {"a": 2, "b": 1}, normalize="paper"))
        == f"{name}(layers={{'a': 2.0, 'b': 1.0}}, normalize='paper')"
    )


def test_a_description_gives_options_that_are_not_the_usual_ones() -> None:
    assert repr(ns.StyleLoss(TARGET, "a", shift=-1)) == "StyleLoss(layers='a', shift=-1.0)"
    loss = ns.SlicedWassersteinLoss(TARGET, "a", directions=8, patch_size=2, normalize="mean")
    assert (
        repr(loss)
        == "SlicedWassersteinLoss(layers='a', directions=8, patch_size=2, normalize='mean')"
    )


# Errors


@every_target_loss
def test_an_unknown_layer_is_a_key_error_that_lists_the_known(kind: type[Any]) -> None:
    with says(KeyError, "layers", "'d'", "a, b, c"):
        kind(TARGET, "d")
    with says(KeyError, "features", "'b'", "a, c"):
        kind(TARGET, "b")({"a": GENERATED["a"], "c": GENERATED["c"]})


@every_style_loss
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_a_style_of_other_channels_is_a_value_error_that_names_the_loss(
    kind: type[Any], channels: int
) -> None:
    loss = kind(TARGET, "a", name="sky")
    with says(ValueError, "'sky'", "expected", "3", "'a'", f"received .*{channels}"):
        loss({"a": np.ones((1, 5, 6, channels))})


@every_target_loss
@pytest.mark.parametrize(
    ("layers", "error", "received"),
    [
        ([], ValueError, "none"),
        ({}, ValueError, "none"),
        (["a", "a"], ValueError, "a"),
        ({"a": -1.0}, ValueError, "-1.0"),
        ({"a": float("nan")}, ValueError, "nan"),
        ({"a": float("inf")}, ValueError, "inf"),
        ({"a": True}, TypeError, "True"),
        ({"a": "1"}, TypeError, "'1'"),
        ({"a": None}, TypeError, "None"),
        (5, TypeError, "5"),
        (None, TypeError, "None"),
        ({"a", "b"}, TypeError, "'a'"),
        ([1, 2], TypeError, "1"),
        ({1: 1.0}, TypeError, "1"),
        ([["a"]], TypeError, "a"),
    ],
)
def test_layers_of_another_form_are_an_error(
    kind: type[Any], layers: Any, error: type[Exception], received: str
) -> None:
    with says(error, "layers", "expected", f"received .*{received}"):
        kind(TARGET, layers)


def test_losses_give_the_same_for_tensors_of_any_mapping() -> None:
    class Lazy(Mapping[str, Any]):
        def __getitem__(self, layer: str) -> Any:
            return tf.constant(GENERATED[layer])

        def __iter__(self) -> Any:
            return iter(GENERATED)

        def __len__(self) -> int:
            return len(GENERATED)

    loss = ns.StyleLoss(tensors(TARGET), ("a", "b"))
    assert float(loss(Lazy())) == pytest.approx(float(loss(GENERATED)), rel=1e-12)
