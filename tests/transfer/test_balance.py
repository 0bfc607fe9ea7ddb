"""`stylize` weighs its terms such that each pulls with the share asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import Reusable, noise

import neuralstyle as ns
from neuralstyle.transfer import balancing, painter

Array = np.ndarray
PIXELS = Reusable()
CONTENT, STYLE = noise(24, 32), 0.5 * noise(24, 32, 1)


def blend(content: Any, style: Any) -> ns.StyleObjective:
    return ns.StyleObjective(
        0.5 * ns.ContentLoss(content, "input"),
        2.0 * ns.CovarianceLoss(style, "input", name="style"),
        ns.TotalVariationLoss(),
    )


def shares(objective: ns.StyleObjective, at: Array) -> dict[str, float]:
    norms = ns.gradient_norms(objective, PIXELS, at)
    pulls = {name: abs(objective.weights[name]) * norm for name, norm in norms.items()}
    return {name: pull / sum(pulls.values()) for name, pull in pulls.items()}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[ns.StyleObjective, Array, Any]]:
    """The objective, start and result of every call of `minimize`."""
    calls: list[tuple[ns.StyleObjective, Array, Any]] = []
    minimize = ns.minimize

    def noted(objective: Any, extractor: Any, init: Any, **options: Any) -> ns.StyleResult:
        result = minimize(objective, extractor, init, **options)
        calls.append((objective, np.array(init), result))
        return result

    monkeypatch.setattr(painter, "minimize", noted)
    monkeypatch.setattr(balancing, "minimize", noted)
    return calls


Runs = list[tuple[ns.StyleObjective, Array, Any]]

WEIGHTS = {"content": 0.5, "style": 2.0, "total_variation": 1.0}
SHARES = {"content": 3, "style": 6, "total_variation": 1}
FRACTIONS = {name: share / 10 for name, share in SHARES.items()}


def quick(**options: Any) -> ns.StyleResult:
    return ns.stylize(
        noise(64, 80),
        0.5 * noise(64, 80, 1),
        **{
            "objective": blend,
            "network": PIXELS,
            "maxiter": 2,
            "scales": 2,
            "balance": SHARES,
            **options,
        },
    )


@pytest.mark.parametrize("init", ["noise", {"content": 1, "noise": 1}])
def test_a_run_is_balanced_at_the_start_of_every_scale(init: Any, runs: Runs) -> None:
    result = quick(init=init)
    assert [start.shape for _, start, _ in runs] == [(32, 40, 3), (64, 80, 3)]
    for objective, start, _ in runs:
        assert shares(objective, start) == pytest.approx(FRACTIONS, rel=1e-4)
    assert runs[0][0].weights != runs[1][0].weights
    assert result.settings["balance"] == SHARES
    assert result.nit == 4


def test_a_run_from_the_content_is_balanced_where_the_first_iterations_lead(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[ns.Progress] = []
    result = quick(init="content", callback=seen.append)
    (before, start, there), (first, again, _), (second, later, _) = runs
    assert before.weights == WEIGHTS
    assert there.nit == 10
    np.testing.assert_array_equal(again, start)
    assert shares(first, there.image) == pytest.approx(FRACTIONS, rel=1e-4)
    assert shares(second, later) == pytest.approx(FRACTIONS, rel=1e-4)
    assert result.nit == 4 and len(seen) == 4  # what was only measured does not count
    assert [record.fun for record in result.history] == [progress.fun for progress in seen]
    assert caplog.records == []


def test_a_recipes_weights_give_way_to_the_balance(vgg: ns.VGG16Features) -> None:
    recipe = ns.Recipe(
        "mine",
        content=lambda content: [
            0.25 * ns.ContentLoss(content, "block1_conv1"),
            1.0 * ns.TotalVariationLoss(),
        ],
        style=lambda content, style: [1.5 * ns.CovarianceLoss(style, "block1_conv1", name="style")],
    )
    options: dict[str, Any] = {"recipe": recipe, "network": vgg, "maxiter": 2}
    plain = ns.stylize(CONTENT, STYLE, **options)
    wanted = {"content": 1, "total_variation": 1, "style": 8}
    result = ns.stylize(CONTENT, STYLE, balance=wanted, **options)
    assert plain.settings["balance"] is None
    assert result.settings["balance"] == wanted
    assert result.settings["objective"] != plain.settings["objective"]
    assert result.settings["recipe"] == "mine"
    assert result.fun == pytest.approx(result.history[-1].fun, rel=0.05)
    assert not np.array_equal(result.image, plain.image)


def test_without_a_balance_weights_stay(runs: Runs) -> None:
    quick(balance=None)
    assert all(objective.weights == WEIGHTS for objective, _, _ in runs)


def test_a_share_for_a_term_that_does_not_exist_is_refused_with_those_that_do() -> None:
    message = "^balance: expected a share for each of content, style, total_variation, received str"
    with pytest.raises(ValueError, match=message):
        quick(balance={"strokes": 1})
