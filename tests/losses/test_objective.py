"""The algebra of losses and objectives."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import neuralstyle as ns

FEATURES = {"input": np.full((1, 2, 2, 3), 0.5)}


class ConstantLoss(ns.Loss):
    """A loss of a given value, whatever the picture."""

    def __init__(self, result: Any, name: str = "constant") -> None:
        self.result = result
        self.name = name

    def __call__(self, features: Mapping[str, Any]) -> Any:
        return self.result

    def __repr__(self) -> str:
        return f"ConstantLoss({self.result})"


A, B, C = (ConstantLoss(np.float64(r), n) for r, n in ((2, "a"), (3, "b"), (5, "c")))


def says(error: type[Exception], *words: str) -> Any:
    """Expect an error of one line that contains all of `words` in this order."""
    return pytest.raises(error, match="^[^\n]*" + "[^\n]*".join(words))


# Sums and weights


@pytest.mark.parametrize(
    ("objective", "weights"),
    [
        (A + B, {"a": 1, "b": 1}),
        (B + A, {"b": 1, "a": 1}),
        (2 * A, {"a": 2}),
        (A * 2, {"a": 2}),
        (A / 4, {"a": 0.25}),
        (-A, {"a": -1}),
        (-(A + 2 * B), {"a": -1, "b": -2}),
        (A + -B, {"a": 1, "b": -1}),
        (A + 10.0 * B + 0.5 * C, {"a": 1, "b": 10, "c": 0.5}),
        (2 * (A + 3 * (B + C / 2)), {"a": 2, "b": 6, "c": 3}),
        ((A + B) + (C + 0 * A), {"a": 1, "b": 1, "c": 1, "a_1": 0}),
        (A + (B + C), {"a": 1, "b": 1, "c": 1}),
        ((A + B) / 2 + C, {"a": 0.5, "b": 0.5, "c": 1}),
        (sum([A, 2 * B, C]), {"a": 1, "b": 2, "c": 1}),
        (sum([A]), {"a": 1}),
        (sum([A + B, C]) * 2, {"a": 2, "b": 2, "c": 2}),
        (3 * (2 * A) * 0.5, {"a": 3}),
        (np.float64(2) * A, {"a": 2}),
        (A * np.float32(2), {"a": 2}),
        (np.int64(2) * (A + B), {"a": 2, "b": 2}),
        (A * Fraction(1, 4), {"a": 0.25}),
        (ns.StyleObjective(A, 2 * B, ns.Term("c", 3.0, C)), {"a": 1, "b": 2, "c": 3}),
    ],
)
def test_sums_are_flat_keep_their_order_and_multiply_weights(
    objective: Any, weights: dict[str, float]
) -> None:
    assert isinstance(objective, ns.StyleObjective)
    assert list(objective.weights.items()) == list(weights.items())
    assert all(type(weight) is float for weight in objective.weights.values())
    assert len(objective) == len(weights) == len(objective.terms)
    for term in objective.terms:
        assert isinstance(term, ns.Term)
        assert term.loss is {"a": A, "b": B, "c": C}[term.name[0]]
    value = sum(w * {"a": 2, "b": 3, "c": 5}[name[0]] for name, w in weights.items())
    assert float(objective(FEATURES)) == pytest.approx(value, abs=1e-12)


def test_arithmetic_leaves_its_operands_as_they_are() -> None:
    first, second = A + B, 2 * C
    _ = first + second, 3 * first, -second, first / 2, sum([first, second])
    assert first.weights == {"a": 1, "b": 1}
    assert second.weights == {"c": 2}


def test_adding_in_place_makes_a_new_objective() -> None:
    first = A + B
    grown = first
    grown += C
    grown *= 2
    assert grown.weights == {"a": 2, "b": 2, "c": 2}
    assert first.weights == {"a": 1, "b": 1}


def test_terms_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        (A + B).terms[0].weight = 2.0  # type: ignore[misc]


# Names


def test_terms_of_one_name_get_suffixes_in_order() -> None:
    objective = A + B + A + A + B
    assert list(objective.weights) == ["a", "b", "a_1", "a_2", "b_1"]


def test_suffixes_are_given_anew_when_objectives_that_have_some_are_added() -> None:
    pair = A + 2 * A
    assert list((pair + pair).weights.items()) == [("a", 1), ("a_1", 2), ("a_2", 1), ("a_3", 2)]
    assert list((B + 2 * pair).weights) == ["b", "a", "a_1"]
    assert list((sum([pair, pair, A])).weights) == ["a", "a_1", "a_2", "a_3", "a_4"]


def test_a_name_that_looks_like_a_suffix_stays_unique() -> None:
    literal, style = ConstantLoss(1.0, "style_1"), ConstantLoss(2.0, "style")
    for objective in (
        style + style + literal,
        literal + style + style,
        style + literal + style,
        literal + literal + style + style + style,
        (style + style) + (literal + style),
    ):
        names = [term.name for term in objective.terms]
        assert len(set(names)) == len(names) == len(objective.evaluate(FEATURES))
        for term in objective.terms:
            assert term.name.startswith(term.loss.name)
            assert float(objective.evaluate(FEATURES)[term.name]) == term.loss(FEATURES)
    assert list((literal + style).weights) == ["style_1", "style"]


def test_a_term_keeps_the_name_it_was_made_with() -> None:
    objective = ns.StyleObjective(ns.Term("sky", 2.0, A), ns.Term("ground", 3.0, A))
    assert objective.weights == {"sky": 2, "ground": 3}


def test_losses_are_named_after_their_class() -> None:
    def name(title: str, **members: Any) -> str:
        kind = type(title, (ns.Loss,), {"__call__": lambda self, features: 0.0, **members})
        loss: ns.Loss = kind()
        assert list((2 * loss).weights) == [loss.name]
        return loss.name

    assert name("EdgeLoss") == "edge"
    assert name("RGBLoss") == "rgb"
    assert name("TotalVariationLoss") == "total_variation"
    assert name("HSVColorLoss") == "hsv_color"
    assert name("Contrast") == "contrast"
    assert name("Loss") == "loss"
    assert name("Conv4Loss") == "conv4"
    assert name("EdgeLoss", name="outline") == "outline"


def test_a_name_set_by_the_instance_wins() -> None:
    assert list((ConstantLoss(1.0, "mine") + ConstantLoss(1.0, "yours")).weights) == [
        "mine",
        "yours",
    ]


# Losses from functions and classes


def test_a_function_becomes_a_loss_of_its_name() -> None:
    @ns.loss
    def contrast(features: Mapping[str, Any]) -> Any:
        """Measure it."""
        return -ops.std(features["input"])

    assert isinstance(contrast, ns.Loss)
    assert repr(contrast) == "loss(contrast)"
    assert contrast.__doc__ == "Measure it."
    assert list((0.5 * contrast).weights.items()) == [("contrast", 0.5)]
    image = np.arange(12.0).reshape(1, 2, 2, 3)
    assert float(contrast({"input": image})) == pytest.approx(-image.std())


def test_a_nameless_function_becomes_a_loss_too() -> None:
    loss = ns.loss(lambda features: ops.mean(features["input"]))
    assert loss.name == "function"
    assert float((2 * loss)(FEATURES)) == 1.0


@pytest.mark.parametrize("given", [3, None, "contrast", A, A + B], ids=repr)
def test_what_is_no_function_does_not_become_a_loss(given: Any) -> None:
    with says(TypeError, "function", "expected a function", "received"):
        ns.loss(given)


def test_a_loss_that_does_not_say_how_to_evaluate_it_cannot_be_made() -> None:
    class Unfinished(ns.Loss):
        pass

    with pytest.raises(TypeError, match="__call__"):
        Unfinished()  # type: ignore[abstract]
    with pytest.raises(TypeError, match="__call__"):
        ns.Loss()  # type: ignore[abstract]


# Errors


def bare(features: Mapping[str, Any]) -> Any:
    return ops.mean(features["input"])


@pytest.mark.parametrize("left", [A, A + B], ids=["loss", "objective"])
@pytest.mark.parametrize("given", [bare, len], ids=["function", "builtin"])
def test_a_bare_function_is_refused_with_a_hint(left: Any, given: Any) -> None:
    for add in (lambda: left + given, lambda: given + left, lambda: ns.StyleObjective(left, given)):
        with says(TypeError, "expected a loss", "received", "@neuralstyle.loss"):
            add()


@pytest.mark.parametrize("left", [A, A + B], ids=["loss", "objective"])
@pytest.mark.parametrize("given", ["style", None, 1, 0.5, True, False, [], {"a": A}], ids=repr)
def test_what_is_no_loss_cannot_be_added(left: Any, given: Any) -> None:
    for add in (lambda: left + given, lambda: ns.StyleObjective(left, given)):
        with says(TypeError, "expected a loss", "received"):
            add()


def test_an_objective_needs_a_loss() -> None:
    with says(ValueError, "expected at least one loss", "received none"):
        ns.StyleObjective()


@pytest.mark.parametrize("left", [A, A + B], ids=["loss", "objective"])
@pytest.mark.parametrize("weight", [True, False, "2", None, [2], 1j, np.ones(2)], ids=repr)
def test_a_weight_that_is_no_number_is_a_type_error(left: Any, weight: Any) -> None:
    for weigh in (lambda: left * weight, lambda: left / weight):
        with says(TypeError, "expected a number", "received"):
            weigh()


@pytest.mark.parametrize("left", [A, A + B], ids=["loss", "objective"])
@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_a_weight_that_is_not_finite_is_a_value_error(left: Any, weight: Any) -> None:
    for weigh in (lambda: left * weight, lambda: left / weight):
        with says(ValueError, "expected a finite number", "received"):
            weigh()


@pytest.mark.parametrize("zero", [0, 0.0, -0.0, np.float64(0)])
def test_division_by_zero_is_a_value_error(zero: Any) -> None:
    with says(ValueError, "divisor", "expected", "0"):
        A / zero


def test_weights_that_overflow_together_are_a_value_error() -> None:
    with says(
        ValueError, "weight", "expected 0 or a number from 1e-25 to 1e.25", r"received 1e\+30"
    ):
        1e15 * (1e15 * A)


# Evaluation


def test_evaluate_gives_unweighted_values_in_order_and_total_weighs_them() -> None:
    objective = 10 * B + A / 2 + B
    values = objective.evaluate(FEATURES)
    assert list(values) == ["b", "a", "b_1"]
    assert [float(value) for value in values.values()] == [3, 2, 3]
    assert float(objective.total(values)) == 34
    assert float(objective(FEATURES)) == 34
    assert float(objective.total({"a": 1.0, "b_1": 0.0, "b": 0.5})) == 5.5


def test_evaluate_hands_the_features_to_every_loss_once() -> None:
    seen = []

    @ns.loss
    def spy(features: Mapping[str, Any]) -> Any:
        seen.append(features)
        return ops.mean(features["input"])

    (spy + 2 * spy)(FEATURES)
    assert len(seen) == 2 and all(features is FEATURES for features in seen)


def test_the_sum_of_float32_terms_is_float64() -> None:
    large, small = ConstantLoss(np.float32(2**24)), ConstantLoss(np.float32(1))
    total = (large + small)(FEATURES)
    assert "float64" in str(total.dtype) and tuple(total.shape) == ()
    assert float(total) == 2**24 + 1
    assert float((0.1 * small)(FEATURES)) == 0.1


def test_an_objective_is_the_same_when_compiled() -> None:
    objective = 2 * ns.TotalVariationLoss() + ns.loss(bare)
    image = {"input": tf.constant(np.random.default_rng(0).uniform(size=(1, 5, 6, 3)))}
    compiled = tf.function(objective)(image)
    assert float(compiled) == pytest.approx(float(objective(image)), rel=1e-12)


@pytest.mark.parametrize("result", [np.zeros(3), np.zeros((1, 1)), [1.0]], ids=["3", "1x1", "list"])
def test_a_loss_that_is_no_scalar_is_a_value_error_that_names_it(result: Any) -> None:
    objective = A + ConstantLoss(result, "edges")
    shape = ", ".join(map(str, np.shape(result)))
    for evaluate in (objective, objective.evaluate):
        with says(ValueError, "'edges'", "expected a scalar", rf"received shape \({shape}"):
            evaluate(FEATURES)


@pytest.mark.parametrize("result", [1, np.int64(2), True, tf.constant(3)], ids=repr)
def test_a_loss_that_is_no_float_is_a_type_error_that_names_it(result: Any) -> None:
    objective = A + A + ConstantLoss(result, "a")
    for evaluate in (objective, objective.evaluate):
        with says(TypeError, "'a_2'", "expected a floating-point", "received"):
            evaluate(FEATURES)


def test_a_loss_may_return_a_python_float() -> None:
    assert float((2 * ConstantLoss(0.25))(FEATURES)) == 0.5


# Description


def test_an_objective_is_described_by_a_table_of_its_terms() -> None:
    objective = A + 1e-6 * ConstantLoss(1.0, "longer_name") + 1000 * A
    assert repr(objective) == str(objective)
    assert repr(objective) == (
        "name         weight  loss\n"
        "a                 1  ConstantLoss(2.0)\n"
        "longer_name   1e-06  ConstantLoss(1.0)\n"
        "a_1            1000  ConstantLoss(2.0)"
    )


def test_the_columns_are_as_wide_as_their_widest_entry() -> None:
    objective = -1.23456e-10 * A
    assert repr(objective) == ("name        weight  loss\na     -1.23456e-10  ConstantLoss(2.0)")


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_term_checks_its_weight(weight: float) -> None:
    with pytest.raises(ValueError, match="^weight: expected"):
        ns.Term("sky", weight, ns.TotalVariationLoss())


def test_an_array_times_a_loss_is_refused() -> None:
    with pytest.raises(TypeError):
        np.array([1.0, 2.0]) * ns.TotalVariationLoss()
