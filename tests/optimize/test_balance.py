"""Shares: weights such that every term pulls as strongly as asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import neuralstyle as ns
from neuralstyle.transfer import painter
from neuralstyle.transfer import recipes as presets

Array = np.ndarray


class Pixels:
    """The extractor without a network, which keeps what is compiled for it."""

    def __init__(self) -> None:
        self.traces: list[Any] = []

    def __call__(self, image: Any) -> dict[str, Any]:
        return {"input": image}


PIXELS = Pixels()


def noise(height: int, width: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


def blend(content: Any, style: Any) -> ns.StyleObjective:
    return ns.StyleObjective(
        0.5 * ns.ContentLoss(content, "input"),
        2.0 * ns.CovarianceLoss(style, "input", name="style"),
        ns.TotalVariationLoss(),
    )


CONTENT, STYLE, ELSEWHERE = noise(24, 32), 0.5 * noise(24, 32, 1), noise(24, 32, 2)
OBJECTIVE = blend(PIXELS(CONTENT[None]), PIXELS(STYLE[None]))


def pulls(objective: ns.StyleObjective, extractor: Any, at: Array) -> dict[str, float]:
    """Measure how strongly every weighed term pulls, each by a compiled evaluation of its own."""
    measured = {}
    for term in objective.terms:
        _, gradient = ns.Evaluator(term.weight * term.loss, extractor, at.shape)(at)
        measured[term.name] = float(np.linalg.norm(gradient))
    return measured


def shares(objective: ns.StyleObjective, extractor: Any, at: Array) -> dict[str, float]:
    measured = pulls(objective, extractor, at)
    return {name: pull / sum(measured.values()) for name, pull in measured.items()}


# Norms of gradients


class Tiny:
    """A network of a few products, in float64."""

    dtype = "float64"

    def __call__(self, image: Any) -> dict[str, Any]:
        assert image.dtype == self.dtype
        return {"input": image, "products": image[:, 1:] * image[:, :-1, ::-1]}


def test_norms_are_those_of_the_finite_differences() -> None:
    tiny, step = Tiny(), 1e-6
    target, at = (noise(4, 5, seed).astype(np.float64) for seed in (0, 1))
    objective = ns.StyleObjective(
        3.0 * ns.ContentLoss(tiny(target[None]), "products"),
        -0.1 * ns.StyleLoss(tiny(target[None]), {"products": 1.0, "input": 2.0}),
        0.0 * ns.TotalVariationLoss(),
    )
    losses = tf.function(lambda image: list(objective.evaluate(tiny(image)).values()))
    differences = np.empty((3, at.size))
    for index in range(at.size):
        ends = []
        for sign in (1, -1):
            moved = at.copy()
            moved.flat[index] += sign * step
            ends.append(np.array(losses(tf.constant(moved[None]))))
        differences[:, index] = (ends[0] - ends[1]) / (2 * step)
    expected = np.linalg.norm(differences, axis=1)
    norms = ns.gradient_norms(objective, tiny, at)
    assert list(norms) == ["content", "style", "total_variation"]
    np.testing.assert_allclose(list(norms.values()), expected, rtol=1e-7)
    assert all(type(norm) is float for norm in norms.values())


def test_norms_are_those_of_compiled_evaluations(vgg: ns.VGG19Features) -> None:
    objective = shallow(vgg)
    at = noise(32, 40, 7)
    norms = ns.gradient_norms(objective, vgg, at)
    assert norms.keys() == objective.weights.keys()
    for name, pull in pulls(objective, vgg, at).items():
        assert abs(objective.weights[name]) * norms[name] == pytest.approx(pull, rel=1e-4)


def test_a_loss_that_does_not_depend_on_the_image_has_norm_zero() -> None:
    @ns.loss
    def constant(features: Mapping[str, Any]) -> Any:
        return ops.convert_to_tensor(3.0)

    norms = ns.gradient_norms(constant + ns.TotalVariationLoss(), PIXELS, CONTENT)
    assert norms["constant"] == 0 and norms["total_variation"] > 0


def test_a_single_loss_has_a_norm_by_its_name() -> None:
    norms = ns.gradient_norms(ns.TotalVariationLoss(name="grain"), PIXELS, CONTENT)
    assert list(norms) == ["grain"]


@pytest.mark.parametrize("function", [ns.gradient_norms, ns.balance])
@pytest.mark.parametrize(
    ("at", "kind"),
    [
        ((255 * CONTENT).astype(np.uint8), TypeError),
        (255 * CONTENT, ValueError),
        (CONTENT[..., 0], ValueError),
        ("noise", TypeError),
    ],
)
def test_what_is_no_place_is_refused_by_name(function: Any, at: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="^at: expected"):
        function(OBJECTIVE, PIXELS, at)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(KeyError, match="conv1_1"):
        ns.gradient_norms(ns.StyleLoss({"conv1_1": CONTENT[None]}, "conv1_1"), PIXELS, CONTENT)
    with pytest.raises(ValueError, match="content"):
        ns.gradient_norms(OBJECTIVE, PIXELS, noise(20, 30))


# Balance


def shallow(vgg: ns.VGG19Features) -> ns.StyleObjective:
    """The losses of the default recipe at layers that are quick to compile."""
    content, style = vgg(noise(32, 40)), vgg(noise(36, 30, 1) ** 2)
    return ns.StyleObjective(
        0.25 * ns.ContentLoss(content, "block2_conv1"),
        1.5 * ns.CovarianceLoss(style, ("block1_conv1", "block2_conv1"), name="style"),
        0.2 * ns.HistogramLoss(style, "block1_conv1"),
        -3.0 * ns.TotalVariationLoss(),
    )


WANTED = {"content": 0.5, "style": 0.3, "histogram": 0.15, "total_variation": 0.05}


@pytest.mark.parametrize("place", ["noise", "mid-run"])
def test_the_terms_of_a_network_have_the_shares_asked_for(
    place: str, vgg: ns.VGG19Features
) -> None:
    objective = shallow(vgg)
    at = noise(32, 40, 7)
    if place == "mid-run":
        at = ns.minimize(objective, vgg, noise(32, 40), method="l-bfgs", maxiter=4).image
    balanced = ns.balance(objective, vgg, at, {name: 7 * share for name, share in WANTED.items()})
    assert shares(balanced, vgg, at) == pytest.approx(WANTED, rel=1e-4)
    assert shares(objective, vgg, at) != pytest.approx(WANTED, rel=0.02)
    before, after = (sum(pulls(o, vgg, at).values()) for o in (objective, balanced))
    assert after == pytest.approx(before, rel=1e-4)
    assert [np.sign(weight) for weight in balanced.weights.values()] == [1, 1, 1, -1]


def test_at_the_content_the_others_have_their_shares_and_the_content_is_named(
    vgg: ns.VGG19Features, caplog: pytest.LogCaptureFixture
) -> None:
    objective = shallow(vgg)
    at = noise(32, 40)
    with caplog.at_level(logging.WARNING):
        balanced = ns.balance(objective, vgg, at, WANTED)
    assert balanced.weights["content"] == 0.25
    expected = {name: 2 * share for name, share in WANTED.items()} | {"content": 0}
    assert shares(balanced, vgg, at) == pytest.approx(expected, rel=1e-4, abs=1e-12)
    before, after = (sum(pulls(o, vgg, at).values()) for o in (objective, balanced))
    assert after == pytest.approx(before, rel=1e-4)
    (record,) = caplog.records
    message = record.getMessage()
    assert record.levelname == "WARNING" and record.name == "neuralstyle.balancing"
    assert "content" in message and "style" not in message and "weight" in message


@pytest.mark.parametrize("seed", range(3))
def test_the_sum_of_pulls_and_the_losses_stay_what_they_are(seed: int) -> None:
    at = noise(24, 32, 10 + seed)
    wanted = {"content": 1, "style": 2, "total_variation": 5}
    balanced = ns.balance(OBJECTIVE, PIXELS, at, wanted)
    before, after = pulls(OBJECTIVE, PIXELS, at), pulls(balanced, PIXELS, at)
    assert sum(after.values()) == pytest.approx(sum(before.values()), rel=1e-5)
    assert shares(balanced, PIXELS, at) == pytest.approx(
        {name: share / 8 for name, share in wanted.items()}, rel=1e-5
    )
    for old, new in zip(OBJECTIVE.terms, balanced.terms, strict=True):
        assert new.loss is old.loss and new.name == old.name


def test_signs_are_kept_and_the_size_of_a_weight_does_not_matter() -> None:
    turned = ns.StyleObjective(
        -1e6 * ns.ContentLoss(PIXELS(CONTENT[None]), "input"), 1e-6 * ns.TotalVariationLoss()
    )
    balanced = ns.balance(turned, PIXELS, ELSEWHERE)
    assert balanced.weights["content"] < 0 < balanced.weights["total_variation"]
    assert shares(balanced, PIXELS, ELSEWHERE) == pytest.approx(
        {"content": 0.5, "total_variation": 0.5}, rel=1e-5
    )


def test_shares_are_equal_by_default() -> None:
    balanced = ns.balance(OBJECTIVE, PIXELS, ELSEWHERE)
    expected = dict.fromkeys(OBJECTIVE.weights, 1 / 3)
    assert shares(balanced, PIXELS, ELSEWHERE) == pytest.approx(expected, rel=1e-5)


def test_a_share_of_zero_is_a_weight_of_zero() -> None:
    wanted = {"content": 0, "style": 3, "total_variation": 1.0}
    for at in (ELSEWHERE, CONTENT):
        balanced = ns.balance(OBJECTIVE, PIXELS, at, wanted)
        assert balanced.weights["content"] == 0
        assert shares(balanced, PIXELS, at) == pytest.approx(
            {"content": 0, "style": 0.75, "total_variation": 0.25}, rel=1e-5
        )


def test_a_term_without_share_or_gradient_is_not_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ns.balance(OBJECTIVE, PIXELS, CONTENT, {"content": 0, "style": 3, "total_variation": 1})
    ns.balance(OBJECTIVE, PIXELS, ELSEWHERE)
    assert caplog.records == []


def test_weights_of_zero_are_balanced_too() -> None:
    balanced = ns.balance(0.0 * OBJECTIVE, PIXELS, ELSEWHERE)
    assert all(weight > 0 for weight in balanced.weights.values())
    some = ns.StyleObjective(OBJECTIVE, 0.0 * ns.TotalVariationLoss(1, name="grain"))
    balanced = ns.balance(some, PIXELS, ELSEWHERE)
    expected = dict.fromkeys(some.weights, 1 / 4)
    assert shares(balanced, PIXELS, ELSEWHERE) == pytest.approx(expected, rel=1e-5)


def test_terms_of_one_name_have_shares_of_their_own() -> None:
    twice = ns.StyleObjective(OBJECTIVE, ns.TotalVariationLoss(1))
    wanted = {"content": 1, "style": 2, "total_variation": 3, "total_variation_1": 4}
    balanced = ns.balance(twice, PIXELS, ELSEWHERE, wanted)
    expected = {name: share / 10 for name, share in wanted.items()}
    assert shares(balanced, PIXELS, ELSEWHERE) == pytest.approx(expected, rel=1e-5)


def test_the_order_of_shares_does_not_matter() -> None:
    wanted = {"total_variation": 5, "content": 1, "style": 2}
    first = ns.balance(OBJECTIVE, PIXELS, ELSEWHERE, wanted)
    second = ns.balance(OBJECTIVE, PIXELS, ELSEWHERE, dict(sorted(wanted.items())))
    assert first.weights == second.weights
    assert list(first.weights) == list(OBJECTIVE.weights)


def test_a_single_loss_keeps_its_weight() -> None:
    balanced = ns.balance(ns.TotalVariationLoss(), PIXELS, ELSEWHERE)
    assert balanced.weights["total_variation"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ([1, 1, 1], TypeError, "^shares: expected a mapping from term to number, received"),
        (0.5, TypeError, "^shares: expected a mapping"),
        ({}, ValueError, "one for each of content, style, total_variation, received none$"),
        (
            {"content": 1, "style": 1},
            ValueError,
            "one for each of content, style, total_variation, received content, style$",
        ),
        (
            {"content": 1, "style": 1, "total_variation": 1, "colour": 1},
            ValueError,
            "one for each of content, style, total_variation, received .*, colour$",
        ),
        ({"content": 1, "style": "1", "total_variation": 1}, TypeError, "a number for 'style'"),
        ({"content": 1, "style": True, "total_variation": 1}, TypeError, "a number for 'style'"),
        ({"content": 1, "style": None, "total_variation": 1}, TypeError, "a number for 'style'"),
        ({"content": 1, "style": -1, "total_variation": 1}, ValueError, "at least 0 for 'style'"),
        (
            {"content": float("inf"), "style": 1, "total_variation": 1},
            ValueError,
            "finite number of at least 0 for 'content'",
        ),
        (
            {"content": 1, "style": 1, "total_variation": float("nan")},
            ValueError,
            "finite number of at least 0 for 'total_variation'",
        ),
        ({"content": 0, "style": 0, "total_variation": 0.0}, ValueError, "a number above 0 among"),
    ],
)
def test_what_are_no_shares_is_refused_by_name(
    given: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        ns.balance(OBJECTIVE, PIXELS, ELSEWHERE, given)
    assert str(caught.value).startswith("shares: expected")


@pytest.mark.parametrize("wanted", [None, {"content": 1, "total_variation": 0}])
def test_where_nothing_pulls_there_is_no_balance(wanted: Any) -> None:
    flat = np.full((24, 32, 3), 0.5, np.float32)
    objective = ns.ContentLoss(PIXELS(flat[None]), "input") + ns.TotalVariationLoss()
    with pytest.raises(ValueError, match="^at: expected an image at which a term with a share"):
        ns.balance(objective, PIXELS, flat, wanted)


def test_gradients_that_are_not_finite_are_refused_by_the_names_of_their_terms() -> None:
    @ns.loss
    def cliff(features: Mapping[str, Any]) -> Any:
        return ops.sqrt(ops.sum(features["input"]))

    black = np.zeros((24, 32, 3), np.float32)
    with pytest.raises(ValueError, match="^at: expected finite gradients there, not so for cliff$"):
        ns.balance(ns.StyleObjective(OBJECTIVE, cliff), PIXELS, black)


# In a run


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
    return calls


Runs = list[tuple[ns.StyleObjective, Array, Any]]

SHARES = {"content": 3, "style": 6, "total_variation": 1}
FRACTIONS = {name: share / 10 for name, share in SHARES.items()}


def quick(**options: Any) -> ns.StyleResult:
    return ns.stylize(
        noise(64, 80),
        0.5 * noise(64, 80, 1),
        **{
            "objective": blend,
            "extractor": PIXELS,
            "maxiter": 2,
            "scales": 2,
            "shares": SHARES,
            **options,
        },
    )


@pytest.mark.parametrize("init", ["noise", {"content": 1, "noise": 1}])
def test_a_run_is_balanced_at_the_start_of_every_scale(init: Any, runs: Runs) -> None:
    result = quick(init=init)
    assert [start.shape for _, start, _ in runs] == [(32, 40, 3), (64, 80, 3)]
    for objective, start, _ in runs:
        assert shares(objective, PIXELS, start) == pytest.approx(FRACTIONS, rel=1e-4)
    assert runs[0][0].weights != runs[1][0].weights
    assert result.settings["shares"] == SHARES
    assert result.nit == 4


def test_a_run_from_the_content_is_balanced_where_the_first_iterations_lead(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[ns.Progress] = []
    result = quick(init="content", callback=seen.append)
    (before, start, there), (first, again, _), (second, later, _) = runs
    assert before.weights == {"content": 0.5, "style": 2.0, "total_variation": 1.0}
    assert there.nit == 10
    np.testing.assert_array_equal(again, start)
    assert shares(first, PIXELS, there.image) == pytest.approx(FRACTIONS, rel=1e-4)
    assert shares(second, PIXELS, later) == pytest.approx(FRACTIONS, rel=1e-4)
    assert result.nit == 4 and len(seen) == 4  # what was only measured does not count
    assert [record.fun for record in result.history] == [progress.fun for progress in seen]
    assert caplog.records == []


def test_a_recipes_weights_give_way_to_shares(vgg: ns.VGG19Features) -> None:
    recipe = presets.Recipe(
        "mine",
        content=lambda content: [
            0.25 * ns.ContentLoss(content, "block1_conv1"),
            1.0 * ns.TotalVariationLoss(),
        ],
        style=lambda content, style: [1.5 * ns.CovarianceLoss(style, "block1_conv1", name="style")],
    )
    options: dict[str, Any] = {"objective": recipe, "extractor": vgg, "maxiter": 2}
    plain = ns.stylize(CONTENT, STYLE, **options)
    wanted = {"content": 1, "total_variation": 1, "style": 8}
    result = ns.stylize(CONTENT, STYLE, shares=wanted, **options)
    assert plain.settings["shares"] is None
    assert result.settings["shares"] == wanted
    assert result.settings["objective"] != plain.settings["objective"]
    assert result.settings["recipe"] == "mine"
    assert result.fun == pytest.approx(result.history[-1].fun, rel=0.05)
    assert not np.array_equal(result.image, plain.image)


def test_no_shares_change_nothing(runs: Runs) -> None:
    quick(shares=None)
    assert all(objective.weights == OBJECTIVE.weights for objective, _, _ in runs)


def test_a_share_for_a_term_that_does_not_exist_is_refused_with_those_that_do() -> None:
    message = "^shares: expected one for each of content, style, total_variation, received strokes"
    with pytest.raises(ValueError, match=message):
        quick(shares={"strokes": 1})


def test_what_is_no_mapping_is_refused_before_the_network_is_loaded() -> None:
    with pytest.raises(TypeError, match="^shares: expected a mapping"):
        ns.stylize(CONTENT, STYLE, shares=[1, 2], weights="no such file")
