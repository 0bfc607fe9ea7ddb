"""Products, powers and maxima in runs: compiled by structure, told with their parts, resumed."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from losses.examples import EdgeLoss
from support import Reusable, assert_same_result, noise, pixels, says, two_layers

import neuralstyle as ns

PIXELS, NETWORK = Reusable(), Reusable(two_layers)
START = noise(8, 6, seed=3)


def content(seed: int, name: str = "content") -> ns.Loss:
    return ns.ContentLoss(two_layers(noise(8, 6, seed)), "first", name=name)


def style(seed: int) -> ns.Loss:
    return ns.StyleLoss(two_layers(noise(8, 6, seed)), "second")


def expression(seed: int, weight: float = 2.0) -> ns.StyleObjective:
    """Use all that there is, one in the other."""
    c, s, v = content(seed), style(seed + 1), ns.TotalVariationLoss()
    return 3 * c * (s + weight * v) + ns.maximum((c * s) ** 2, weight * v) + s


PARTS = [
    "product/content",
    "product/style",
    "product/total_variation",
    "maximum/power/product/content",
    "maximum/power/product/style",
    "maximum/power/product",
    "maximum/power",
    "maximum/total_variation",
]


def test_compiled_and_called_as_it_is_it_is_the_same() -> None:
    objective = expression(0)
    evaluator = ns.Evaluator(objective, NETWORK, (8, 6))
    opaque = ns.Evaluator(objective, two_layers, (8, 6))
    value, gradient = evaluator(START)
    other, slopes = opaque(START)
    assert value == pytest.approx(other, rel=1e-6)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-4, atol=1e-7)
    features = two_layers(START[None])
    assert value == pytest.approx(float(objective(features)), rel=1e-5)
    assert list(evaluator.losses) == ["product", "maximum", "style"]
    assert list(evaluator.parts) == list(opaque.parts) == PARTS
    for path, part in evaluator.parts.items():
        losses: Any = objective
        for name in path.split("/")[:-1]:
            losses = losses[name].loss.parts
        expected = float(losses[path.split("/")[-1]].loss(features))
        assert part == pytest.approx(expected, rel=1e-5)
        assert opaque.parts[path] == pytest.approx(expected, rel=1e-5)


def test_other_targets_and_weights_use_the_code_and_other_shapes_do_not(
    compilations: list[Any],
) -> None:
    network = Reusable(two_layers)
    for seed, weight in ((0, 2.0), (5, 0.25)):
        objective = expression(seed, weight)
        shared = ns.Evaluator(objective, network, (8, 6))(START)
    assert len(compilations) == 1
    alone = ns.Evaluator(objective, Reusable(two_layers), (8, 6))(START)
    assert shared[0] == alone[0]
    np.testing.assert_array_equal(shared[1], alone[1])
    del compilations[:]
    c, s = content(0), style(1)
    for made in (c * s, (c + s) ** 2, (c + s) ** 3, ns.maximum(c, s), ns.maximum(c, c)):
        ns.Evaluator(made, network, (8, 6))
    assert len(compilations) == 5


def test_one_within_another_loss_is_built_too(compilations: list[Any]) -> None:
    pyramid = Reusable(lambda image: {"input": image, "octave1/input": image[:, ::2, ::2]})
    values = []
    for seed in (0, 1):
        objective = ns.over_octaves(
            lambda f: ns.StyleLoss(f, "input") * (2 * ns.ContentLoss(f, "input")),
            pyramid(noise(8, 6, seed)[None]),
        )
        values.append(ns.Evaluator(objective, pyramid, (8, 6))(START)[0])
        assert values[-1] == pytest.approx(float(objective(pyramid(START[None]))), rel=1e-6)
    assert values[0] != values[1] and len(compilations) == 1


def test_what_the_library_cannot_see_into_may_be_a_part() -> None:
    objective = EdgeLoss(pixels(noise(8, 6))) * ns.TotalVariationLoss()
    evaluator = ns.Evaluator(objective, PIXELS, (8, 6))
    value, _ = evaluator(START)
    assert value == pytest.approx(evaluator.parts["product/edge"] * _variation(), rel=1e-6)


def _variation() -> float:
    return float(ns.TotalVariationLoss()(pixels(START)))


@pytest.mark.parametrize("method", ["l-bfgs", "adam"])
def test_a_run_tells_the_parts_and_goes_on_with_them(method: str) -> None:
    objective = content(0) * style(1) + ns.TotalVariationLoss()
    seen: list[ns.Progress] = []

    def run(maxiter: int, **options: Any) -> ns.StyleResult:
        return ns.minimize(objective, NETWORK, START, method=method, maxiter=maxiter, **options)

    result = run(6, callback=seen.append)
    assert list(result.losses) == ["product", "total_variation"]
    for told in (result, *result.history, *seen):
        assert list(told.parts) == ["product/content", "product/style"]
        assert told.losses["product"] == pytest.approx(np.prod([*told.parts.values()]), rel=1e-6)
    first = run(3)
    second = run(6, state=first.state, history=first.history)
    assert_same_result(second, result)
    assert second.parts == result.parts
    assert [of.parts for of in second.history] == [of.parts for of in result.history]


def test_a_sum_has_no_parts() -> None:
    result = ns.minimize(ns.TotalVariationLoss(), PIXELS, START, maxiter=2)
    assert result.parts == result.history[-1].parts == {}


def test_a_product_that_starts_at_the_minimum_of_a_factor_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    product = content(3) * style(1)
    with says(ValueError, "init: expected a gradient at the start", "'product'", "content is"):
        ns.minimize(product, NETWORK, START, maxiter=3)
    nested = ns.maximum(product, 0.0 * style(2))
    with says(ValueError, "'maximum/product'"):
        ns.minimize(nested, NETWORK, START, maxiter=3)
    with caplog.at_level(logging.WARNING):
        result = ns.minimize(product + 0.1 * ns.TotalVariationLoss(), NETWORK, START, maxiter=3)
    assert result.nit == 3
    assert "hardly a gradient at the start, where that of 'product'" in caplog.text


def test_what_has_a_gradient_at_the_start_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for objective in (
            content(0) * style(1),
            (content(3) + style(0)) * style(1),  # a factor of which one part alone is 0
            content(3) ** 2 + style(1),
        ):
            ns.minimize(objective, NETWORK, START, maxiter=2)
    assert not caplog.records
