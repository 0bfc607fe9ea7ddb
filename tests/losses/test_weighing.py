"""Which numbers weigh losses, and what is said of what is given in place of a number or a loss."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from support import says

import neuralstyle as ns

FEATURES = {"input": np.full((1, 2, 2, 3), 0.5)}
A, B = ns.TotalVariationLoss(name="a"), ns.TotalVariationLoss(name="b")


@pytest.mark.parametrize("weight", [10**400, -(10**400), Fraction(10**400), 10**5000], ids=type)
def test_a_weight_that_is_too_large_for_a_float_is_a_value_error(weight: Any) -> None:
    with says(ValueError, "weight: expected a finite number, received"):
        weight * A


@pytest.mark.parametrize("weight", [1e-26, -1e-40, 5e-324, 1e26, -1e300])
def test_a_weight_that_float32_gradients_have_no_room_for_is_refused(weight: float) -> None:
    for weigh in (lambda: weight * A, lambda: ns.Term("a", weight, A)):
        with says(ValueError, "weight: expected 0 or a number from 1e-25 to 1e.25 in size"):
            weigh()
    with pytest.raises(ValueError, match="^layers: expected .* for 'input'"):
        ns.StyleLoss(FEATURES, {"input": weight})


@pytest.mark.parametrize(
    "two", [np.float32(2), np.array(2.0), tf.constant(2.0), tf.constant(2, tf.int32)], ids=repr
)
def test_a_scalar_array_or_tensor_weighs_from_either_side(two: Any) -> None:
    for objective in (two * A, A * two, two * (A + B), ns.StyleObjective(ns.Term("a", two, A))):
        assert objective.weights["a"] == 2.0 and type(objective.weights["a"]) is float
    assert (A / two).weights == {"a": 0.5}


@pytest.mark.parametrize("kind", [keras.Variable, tf.Variable])
def test_a_variable_is_refused_as_a_weight_which_would_not_follow_it(kind: Any) -> None:
    for weigh in (lambda: A * kind(2.0), lambda: ns.Term("a", kind(2.0), A)):
        with says(TypeError, "weight: expected a number, received a Variable", "float"):
            weigh()


@pytest.mark.parametrize("tensor", [tf.ones(2), keras.Input(()), keras.Variable(2.0)])
def test_a_tensor_that_is_no_weight_is_refused_in_a_sentence(tensor: Any) -> None:
    with says(TypeError, "weight: expected a number, received"):
        A * tensor


def test_a_loss_is_no_tensor() -> None:
    for misuse in (lambda: tf.ones(2) * A, lambda: ops.mean(A), lambda: keras.Variable(2.0) * A):
        with says(TypeError, "expected a number or a tensor, received the loss", "features"):
            misuse()


# What is given in place of a loss


class Unbased:
    def __call__(self, features: Any) -> Any:
        return ops.mean(features["input"])


MISTAKEN = {
    "a class": (ns.StyleLoss, "the class StyleLoss: call it"),
    "another class": (dict, "the class dict, which is no class of losses"),
    "a recipe": (ns.recipes.default(), "the recipe default: called with features"),
    "what makes a recipe": (ns.recipes.gatys2016, r"the recipe gatys2016: recipe\(\)\(content"),
    "features": (FEATURES, "a mapping, dict: a loss is made of features"),
    "a function": (len, "the function .*@neuralstyle.loss"),
    "no function": (Unbased(), "derive its class from neuralstyle.Loss"),
    "a value": (np.float32(0.5), "add the loss, not its value"),
    "an objective's holder": (SimpleNamespace(objective=A + B), "take its .objective"),
}


@pytest.mark.parametrize("what", MISTAKEN)
def test_what_is_no_loss_is_refused_with_what_to_do(what: str) -> None:
    given, message = MISTAKEN[what]
    for use in (
        lambda: A + given,
        lambda: ns.StyleObjective(given),
        lambda: ns.Term("term", 1.0, given),
        lambda: ns.minimize(given, lambda image: {"input": image}, np.full((2, 2, 3), 0.5)),
    ):
        with says(TypeError, "expected a loss or an objective, received", message):
            use()


def test_a_term_has_a_name_and_one_loss() -> None:
    with says(TypeError, "name: expected text, received 3"):
        ns.Term(3, 1.0, A)  # type: ignore[arg-type]
    for name in ("", " ", "product/style"):
        with says(ValueError, "name: expected text without /, and not empty, received", repr(name)):
            ns.Term(name, 1.0, A)
    with says(TypeError, "received an objective", "one loss"):
        ns.Term("sum", 1.0, A + B)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [ns.StyleLoss, dict])
def test_a_class_does_not_become_a_loss_by_the_decorator(given: Any) -> None:
    with says(TypeError, "function: expected a function of features, received <class"):
        ns.loss(given)
