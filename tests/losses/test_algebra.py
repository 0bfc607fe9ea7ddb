"""What is computed with losses: laws of sums, products, powers and maxima, and what it is asked."""

from __future__ import annotations

import copy
import operator
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from losses.examples import GENERATED, TARGET, brightness_loss
from losses.saving import saved_and_loaded
from support import directional_error, of_vector, says, value, value_and_gradient

import neuralstyle as ns
from neuralstyle.transfer.left_out import why_vanished

A = ns.StyleLoss(TARGET, "first", name="a")
B = ns.ContentLoss(TARGET, "second", name="b")
C = ns.TotalVariationLoss(name="c")
SUM = A + 2 * B

EXPRESSIONS: dict[str, tuple[Any, Callable[[float, float, float], float]]] = {
    "sum": (A + 2 * B + C, lambda a, b, c: a + 2 * b + c),
    "difference": (A - 3 * B, lambda a, b, c: a - 3 * b),
    "difference of sums": (SUM - (B + C), lambda a, b, c: a + b - c),
    "product": (A * B, lambda a, b, c: a * b),
    "weighted product": (0.5 * A * (3 * B), lambda a, b, c: 1.5 * a * b),
    "product of three": (A * B * C, lambda a, b, c: a * b * c),
    "product of sums": (SUM * (B - C), lambda a, b, c: (a + 2 * b) * (b - c)),
    "square": (A**2, lambda a, b, c: a**2),
    "root of a sum": ((A + 2 * B) ** 0.5, lambda a, b, c: (a + 2 * b) ** 0.5),
    "quotient": (A * B**-1, lambda a, b, c: a / b),
    "cube of what is negative": ((-A) ** 3, lambda a, b, c: -(a**3)),
    "maximum": (ns.maximum(A, 2 * B, C), lambda a, b, c: max(a, 2 * b, c)),
    "all at once": (
        2 * ns.maximum(A * B, C**2) - (A + B * C) ** 2 / 4 + C,
        lambda a, b, c: 2 * max(a * b, c**2) - (a + b * c) ** 2 / 4 + c,
    ),
}
every_expression = pytest.mark.parametrize("name", EXPRESSIONS)

BINARY: list[Callable[[Any, Any], Any]] = [operator.add, operator.sub, operator.mul, ns.maximum]


def values() -> tuple[float, float, float]:
    a, b, c = (value(loss, GENERATED) for loss in (A, B, C))
    return a, b, c


# Laws


@every_expression
def test_the_value_is_what_the_expression_says(name: str) -> None:
    objective, expected = EXPRESSIONS[name]
    assert isinstance(objective, ns.StyleObjective)
    assert value(objective, GENERATED) == pytest.approx(expected(*values()), rel=1e-12)


@every_expression
def test_the_gradient_agrees_with_finite_differences(name: str) -> None:
    function, x = of_vector(EXPRESSIONS[name][0], GENERATED)
    assert directional_error(function, x, directions=3) < 1e-5


@pytest.mark.parametrize("one", [A, SUM, A * B], ids=["loss", "sum", "product"])
@pytest.mark.parametrize("other", [C, B + 3 * C, C**2], ids=["loss", "sum", "power"])
def test_addition_is_associative_up_to_names(one: Any, other: Any) -> None:
    left, right = (one + other) + A, one + (other + A)
    assert [(t.weight, t.loss.name) for t in left.terms] == [
        (t.weight, t.loss.name) for t in right.terms
    ]
    assert value(left, GENERATED) == value(right, GENERATED)


def test_products_are_flat_and_their_weight_is_the_terms() -> None:
    for product in ((A * (2 * B)) * (C / 4), A * ((2 * B) * (C / 4)), 0.5 * A * B * C):
        assert product.weights == {"product": 0.5}
        assert list(product["product"].loss.parts) == ["a", "b", "c"]
    named = (A * B).named("both")
    assert list((named * C)["product"].loss.parts) == ["both", "c"]


@pytest.mark.parametrize("operate", BINARY, ids=lambda operate: operate.__name__)
def test_nothing_changes_its_operands(operate: Callable[[Any, Any], Any]) -> None:
    for one, other in ((A, B), (A + B, C), (A * B, C**2)):
        before = [copy.deepcopy(vars(x)).keys() for x in (one, other)], [repr(one), repr(other)]
        made = operate(one, other)
        made.named("x") if len(made) == 1 else made.with_weights(dict.fromkeys(made, 5.0))
        _ = -made, made * 3, made**2, made - one, made.weights
        after = [vars(x).keys() for x in (one, other)], [repr(one), repr(other)]
        assert after == before
    assert (A.name, B.name, C.name) == ("a", "b", "c")


def test_a_maximum_goes_down_its_largest_alone() -> None:
    larger, smaller = sorted((A, B), key=lambda loss: -value(loss, GENERATED))
    _, gradient = value_and_gradient(ns.maximum(smaller, larger), GENERATED)
    _, expected = value_and_gradient(larger, GENERATED)
    for layer, slope in expected.items():
        np.testing.assert_allclose(gradient[layer], slope)


# What an objective is asked


def test_an_objective_is_asked_for_its_terms_as_a_dict_is() -> None:
    objective = A + 2 * B
    assert objective["b"] is objective.terms[1]
    assert ("a" in objective, "x" in objective, A in objective) == (True, False, False)
    assert list(objective) == list(objective.weights) == ["a", "b"]
    assert len(objective) == 2
    with says(KeyError, "there is no term 'x'; the terms are a, b"):
        objective["x"]


def test_a_bare_loss_has_terms_and_weights_like_a_sum_of_one() -> None:
    assert A.terms == ns.StyleObjective(A).terms
    assert A.weights == {"a": 1.0}


def test_a_loss_may_have_attributes_of_these_names_of_its_own() -> None:
    class Own(ns.Loss):
        def __init__(self) -> None:
            self.weights = self.terms = [1, 2]  # type: ignore[assignment]

        def __call__(self, features: Mapping[str, Any]) -> Any:
            return C(features)

    assert Own().weights == [1, 2]
    assert (2 * Own()).weights == {"own": 2.0}


def test_weights_are_changed_by_name() -> None:
    objective = A + 2 * B + C
    changed = objective.with_weights(a=3, b=np.float32(0.5))
    assert changed.weights == {"a": 3, "b": 0.5, "c": 1}
    assert objective.with_weights(changed.weights, c=0).weights == {"a": 3, "b": 0.5, "c": 0}
    assert objective.with_weights().weights == objective.weights == {"a": 1, "b": 2, "c": 1}
    with says(KeyError, "there is no term 'd'; the terms are a, b, c"):
        objective.with_weights(d=1)
    with says(TypeError, "a: expected a number, received '1'"):
        objective.with_weights(a="1")  # type: ignore[arg-type]
    with says(TypeError, "weights: expected a mapping"):
        objective.with_weights(3)  # type: ignore[arg-type]


def test_terms_are_left_out_by_name_and_the_others_keep_theirs() -> None:
    objective = A + 2 * A + C
    assert objective.without("a", "c").weights == {"a_1": 2.0}
    assert objective.without().weights == objective.weights
    assert objective.without("a").with_weights(a_1=4).weights == {"a_1": 4.0, "c": 1.0}
    with says(KeyError, "there is no term 'b'"):
        objective.without("b")
    with says(ValueError, "names: expected to leave a term, received all of them"):
        objective.without(*objective)


def test_losses_and_objectives_of_one_term_are_renamed() -> None:
    sky = A.named("sky")
    assert type(sky) is type(A) and (sky.name, A.name) == ("sky", "a")
    assert (A + 2 * sky).weights == {"a": 1, "sky": 2}
    assert (2 * A).named("sky").weights == {"sky": 2}
    assert ns.maximum(A, B).named("worst").weights == {"worst": 1}
    assert list(sky + sky + A) == ["sky", "sky_1", "a"]
    with says(ValueError, "name: expected an objective of one term, received 2"):
        SUM.named("sky")
    for of in (A, 2 * A):
        with says(TypeError, "name: expected text, received 3"):
            of.named(3)  # type: ignore[arg-type]
        for name in ("", "product/style"):
            with says(ValueError, "name: expected text without /, and not empty, received"):
                of.named(name)
            with says(ValueError, "name: expected text without /, and not empty, received"):
                ns.loss(name=name)


def test_a_function_becomes_a_loss_of_a_name_that_is_given() -> None:
    @ns.loss(name="sky")
    def brightness(features: Mapping[str, Any]) -> Any:
        """Say how bright it is."""
        return C(features)

    assert (brightness.name, brightness.__doc__) == ("sky", "Say how bright it is.")
    assert ns.loss(lambda features: C(features), name="sea").weights == {"sea": 1.0}
    with says(TypeError, "name: expected text, received 3"):
        ns.loss(name=3)  # type: ignore[call-overload]
    with says(TypeError, "function: expected a function of features, received None"):
        ns.loss(None)  # type: ignore[call-overload]


# What is refused


@pytest.mark.parametrize("left", [A, SUM], ids=["loss", "objective"])
def test_what_is_no_loss_is_refused(left: Any) -> None:
    for compute in (
        lambda: left - 3,
        lambda: 3 - left,
        lambda: left - (lambda features: 0.0),
        lambda: ns.maximum(left, 3),
    ):
        with says(TypeError, "expected a loss or an objective, received"):
            compute()
    assert (0 - left).weights == (-left).weights
    for exponent in ("2", None, True, A, 1j):
        with says(TypeError, "exponent: expected a number, received"):
            left**exponent
    for number in (0, 0.0, float("inf")):
        with says(ValueError, "exponent: expected a"):
            left**number
    with says(ValueError, "losses: expected at least two, received 1"):
        ns.maximum(left)
    with says(TypeError, "divisor: expected a number", r"a \* b \*\* -1"):
        left / A


def test_an_error_in_a_part_says_where() -> None:
    wrong = ns.loss(lambda features: features["nowhere"], name="wrong")
    with says(KeyError, "loss 'product': loss 'wrong': there is no 'nowhere'"):
        (A * wrong)(GENERATED)


# Described, saved and copied


def test_a_combination_is_described_as_it_is_written() -> None:
    c = repr(C)
    for made, text in {
        C * (2 * C): f"{c} * {c}",
        (C + 2 * C) * C: f"({c} + 2 * {c}) * {c}",
        C**0.5: f"{c} ** 0.5",
        (C * C) ** 2: f"({c} * {c}) ** 2",
        (-C) ** 2: f"(-1 * {c}) ** 2",
        ns.maximum(C, 2 * C + C): f"maximum({c}, 2 * {c} + {c})",
    }.items():
        assert repr(made.terms[0].loss) == text


@every_expression
def test_expressions_outlive_a_run_to_the_bit(name: str, path: Path) -> None:
    objective, _ = EXPRESSIONS[name]
    expected, slopes = value_and_gradient(objective, GENERATED)
    for again in (
        saved_and_loaded(path, objective),
        pickle.loads(pickle.dumps(objective)),
        copy.deepcopy(objective),
    ):
        assert repr(again) == repr(objective)
        result, gradient = value_and_gradient(again, GENERATED)
        assert result == expected
        for layer, slope in slopes.items():
            np.testing.assert_array_equal(gradient[layer], slope)


def test_a_product_with_a_function_is_not_saved_and_says_why(path: Path) -> None:
    with says(TypeError, "loss 'brightness'", "cannot be saved to a file: write a class"):
        ns.save_loss(path, A * brightness_loss(TARGET))


def test_a_region_that_vanishes_takes_its_product_along() -> None:
    corner = np.zeros((8, 6))
    corner[-1, -1] = 1
    product = A * ns.TotalVariationLoss(mask=corner)
    with says(ValueError, "mask: expected a region"):
        product(GENERATED)
    assert "expected a region" in why_vanished(product.terms[0].loss, GENERATED)
