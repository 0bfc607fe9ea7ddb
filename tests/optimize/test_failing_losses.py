"""An error inside a loss names the term and says what to do; it carries what was raised."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from support import pixels

import neuralstyle as ns

Features = Mapping[str, Any]


def mean(features: Features) -> Any:
    return ops.mean(features["input"])


def looping(features: Features) -> Any:
    return sum(row for row in features["input"])


def fail(error: BaseException) -> Any:
    def function(features: Features) -> Any:
        raise error

    return function


USUAL: dict[str, tuple[Any, type[Exception], str]] = {
    "if": (lambda f: mean(f) if mean(f) > 0 else 0.0, TypeError, "`if`.*keras.ops.where"),
    "for": (looping, TypeError, "Python loop.*keras.ops"),
    "float": (lambda f: float(mean(f)), TypeError, "leave out float"),
    "int": (lambda f: int(mean(f)), TypeError, "int"),
    "numpy method": (lambda f: mean(f).numpy(), TypeError, "keras.ops"),
    "numpy function": (lambda f: np.mean(f["input"]), TypeError, "NumPy.*keras.ops"),
    "method of arrays": (lambda f: f["input"].mean(), TypeError, "no methods.*keras.ops.mean"),
    "attribute of arrays": (lambda f: mean({"input": f["input"].T}), TypeError, "no methods.*ops"),
    "shapes": (lambda f: ops.mean(f["input"] - np.ones((3, 4, 3))), TypeError, "shapes not fit"),
    "none": (lambda f: None, TypeError, "received None: does it return"),
    "a class": (lambda f: ns.TotalVariationLoss, TypeError, "TotalVariationLoss.*call it"),
    "a loss": (lambda f: ns.TotalVariationLoss(), TypeError, "call it with features"),
    "generator inside": (
        lambda f: mean(f) * keras.random.normal((), seed=keras.random.SeedGenerator(1)),
        ValueError,
        "once, in the constructor",
    ),
    "variable inside": (lambda f: mean(f) * tf.Variable(2.0), ValueError, "once, in the const"),
    "layer": (lambda f: mean({"input": f["conv"]}), KeyError, "there is no 'conv'"),
    "division": (fail(ZeroDivisionError("by zero")), RuntimeError, "ZeroDivisionError: by zero"),
    "assertion": (fail(AssertionError()), RuntimeError, "AssertionError"),
    "stop": (fail(StopIteration()), RuntimeError, "StopIteration"),
    "own value": (fail(ValueError("mine")), ValueError, "mine"),
}


@pytest.mark.parametrize("what", USUAL)
def test_the_message_names_the_term_and_says_what_to_do(what: str) -> None:
    function, kind, message = USUAL[what]
    loss = ns.loss(function)
    loss.name = "edges"
    with pytest.raises(kind, match=f"loss 'edges': [^\n]*{message}[^\n]*$") as caught:
        ns.Evaluator(ns.TotalVariationLoss() + 2.0 * loss, pixels, (4, 4))
    if not what.startswith(("none", "a class")):  # where nothing was raised
        cause = caught.value.__cause__
        assert cause is not None and type(cause.__traceback__).__name__ == "traceback"
    if callable(function) and what == "for":
        frames = traceback.extract_tb(caught.value.__cause__.__traceback__)  # type: ignore[union-attr]
        assert "looping" in {frame.name for frame in frames}


def test_the_second_term_of_a_name_is_told_from_the_first() -> None:
    good, bad = ns.loss(mean), ns.loss(lambda features: None)
    good.name = bad.name = "edges"
    with pytest.raises(TypeError, match="^loss 'edges_1': expected a scalar, received None"):
        ns.Evaluator(good + bad, pixels, (4, 4))


@pytest.mark.parametrize("error", [MemoryError("8 GB"), KeyboardInterrupt(), SystemExit(3)])
def test_what_is_no_fault_of_the_loss_passes_through(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        ns.Evaluator(ns.loss(fail(error)), pixels, (4, 4))
    assert caught.value is error


def test_an_error_that_names_the_loss_already_is_left_as_it_is() -> None:
    error = ValueError("loss 'function': expected more")
    with pytest.raises(ValueError) as caught:
        ns.Evaluator(ns.loss(fail(error)), pixels, (4, 4))
    assert caught.value is error


@pytest.mark.parametrize(
    "draw",
    [
        lambda: keras.random.normal(()),
        lambda: tf.random.uniform(()),
    ],
)
def test_a_loss_that_is_another_at_every_evaluation_is_named_in_the_log(
    draw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    drawn = np.float32(np.random.default_rng(1).normal())
    with caplog.at_level(logging.WARNING):
        ns.Evaluator(ns.loss(lambda f: drawn * mean(f)), pixels, (4, 4))
    assert not caplog.messages
    noisy = ns.loss(lambda f: draw() * mean(f))
    noisy.name = "noisy"
    with caplog.at_level(logging.WARNING):
        ns.Evaluator(ns.TotalVariationLoss() + noisy, pixels, (4, 4))
    (message,) = caplog.messages
    assert "'noisy' draws random numbers" in message and "constructor" in message
