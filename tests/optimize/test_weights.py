"""The weights of an evaluator are live, those of an objective are fixed."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras import ops
from support import Reusable, near, noise, pixels

import neuralstyle as ns

SHAPE = (6, 8)
X = noise(*SHAPE, 1)


@ns.loss
def brightness(features: Any) -> Any:
    return ops.mean(features["input"])


def objective(content: float = 1.0, style: float = 2.0) -> ns.StyleObjective:
    target = pixels(noise(*SHAPE))
    return content * ns.ContentLoss(target, "input") + style * ns.StyleLoss(target, "input")


def evaluator(**weights: float) -> ns.Evaluator:
    return ns.Evaluator(objective(**weights), Reusable(), SHAPE)


def assert_as(changed: ns.Evaluator, expected: ns.Evaluator) -> None:
    (value, gradient), (expected_value, expected_gradient) = changed(X), expected(X)
    assert value == expected_value
    np.testing.assert_array_equal(gradient, expected_gradient)
    assert changed.losses == expected.losses
    assert changed.objective.weights == expected.objective.weights


def test_a_weight_that_is_set_counts_as_if_the_objective_had_it(compilations: list[Any]) -> None:
    live = evaluator()
    before = len(compilations)
    live.weights["style"] = 7.0
    live.weights["content"] = 1e-3
    live(X)
    assert len(compilations) == before
    assert_as(live, evaluator(content=1e-3, style=7.0))


def test_a_weight_of_zero_keeps_its_term() -> None:
    live = evaluator()
    live.weights["style"] = 0
    value, _ = live(X)
    assert live.losses["style"] > 0 and value == live.losses["content"]
    live.weights["style"] = 2
    assert_as(live, evaluator())


def test_every_kind_of_number_is_a_weight() -> None:
    live = evaluator()
    for number in (3, np.float32(3), np.array(3.0), ops.convert_to_tensor(3.0)):
        live.weights["style"] = number
        assert live.weights == {"content": 1.0, "style": 3.0}


WRONG: list[tuple[str, Any, type[Exception], str]] = [
    ("styel", 1.0, KeyError, "there is no term 'styel'; there are content, style"),
    ("style", "2", TypeError, r"weights\['style'\]: expected a number"),
    ("style", None, TypeError, r"weights\['style'\]: expected a number"),
    ("style", True, TypeError, r"weights\['style'\]: expected a number"),
    ("style", np.ones(2), TypeError, r"weights\['style'\]: expected a number"),
    ("style", np.nan, ValueError, r"weights\['style'\]: expected"),
    ("style", 1e300, ValueError, r"weights\['style'\]: expected"),
]


@pytest.mark.parametrize(("name", "value", "kind", "message"), WRONG)
def test_what_is_no_weight_is_refused_and_nothing_changes(
    name: str, value: Any, kind: type[Exception], message: str
) -> None:
    live = evaluator()
    with pytest.raises(kind, match=message):
        live.weights[name] = value
    with pytest.raises(kind, match=message):
        live.weights.update({"content": 5.0, name: value})
    assert live.weights == {"content": 1.0, "style": 2.0}


def test_terms_neither_come_nor_go_and_the_mapping_is_not_replaced_unseen() -> None:
    live: Any = evaluator()
    with pytest.raises((TypeError, AttributeError)):
        del live.weights["style"]
    with pytest.raises(AttributeError):
        live.weights = {"style": 1.0}
    assert list(live.weights) == ["content", "style"] and len(live.weights) == 2


def test_an_evaluator_is_a_snapshot_of_its_objective() -> None:
    whole = objective()
    live = ns.Evaluator(whole, pixels, SHAPE)
    live.weights["style"] = 9.0
    assert whole.weights == {"content": 1.0, "style": 2.0}
    assert live.objective.weights == {"content": 1.0, "style": 9.0}
    assert "9" in repr(live.objective)


def test_terms_of_one_name_keep_their_names_and_weights() -> None:
    live = ns.Evaluator(brightness + 2 * brightness + 3 * brightness, pixels, SHAPE)
    live.weights["brightness_1"] = 0.5
    assert live.objective.weights == {"brightness": 1, "brightness_1": 0.5, "brightness_2": 3}


CHANGES: dict[str, Callable[[Any], object]] = {
    "set": lambda weights: weights.__setitem__("style", 2.0),
    "deleted": lambda weights: weights.__delitem__("style"),
    "updated": lambda weights: weights.update(style=2.0),
    "joined": lambda weights: weights.__ior__({"style": 2.0}),
    "filled": lambda weights: weights.setdefault("other", 2.0),
    "popped": lambda weights: weights.pop("style"),
    "popped at the end": lambda weights: weights.popitem(),
    "cleared": lambda weights: weights.clear(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_assignment_to_an_objectives_weights_raises(change: Callable[[Any], object]) -> None:
    whole = objective()
    with pytest.raises(TypeError, match="weights: expected no change"):
        change(whole.weights)
    assert whole.weights == {"content": 1.0, "style": 2.0}


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda weights: pickle.loads(pickle.dumps(weights))]
)
def test_an_objectives_weights_are_copied_and_written_as_any_dict(copied: Any) -> None:
    weights = objective().weights
    assert copied(weights) == weights
    assert json.loads(json.dumps(weights)) == weights


@pytest.mark.parametrize("method", ["l-bfgs-b", "l-bfgs", "adam"])
def test_a_run_on_an_evaluator_is_that_of_its_objective(method: str) -> None:
    live = ns.Evaluator(near(noise(*SHAPE)), pixels, SHAPE)
    live.weights["total_variation"] = 0.5
    found = ns.minimize(live, init=X, method=method, maxiter=4)
    expected = ns.minimize(live.objective, pixels, X, method=method, maxiter=4)
    np.testing.assert_array_equal(found.image, expected.image)
    assert found.fun == expected.fun
    assert found.settings == {**expected.settings, "extractor": repr(pixels)}
    assert found.settings["weights"] == {"content": 1.0, "total_variation": 0.5}


def test_a_run_on_an_evaluator_compiles_nothing(compilations: list[Any]) -> None:
    live = evaluator()
    before = len(compilations)
    for weight in (1, 10):
        live.weights["style"] = weight
        ns.minimize(live, init=X, maxiter=2)
    assert len(compilations) == before


@pytest.mark.parametrize("method", ["l-bfgs-b", "l-bfgs", "adam"])
def test_weights_cannot_change_during_a_run(method: str) -> None:
    live = evaluator()

    def change(now: ns.Progress) -> None:
        live.weights["style"] = 5.0

    with pytest.raises(RuntimeError, match="weights: expected no change during a run"):
        ns.minimize(live, init=X, method=method, maxiter=3, callback=change)
    live.weights["style"] = 5.0  # the run is over


def test_noise_has_the_evaluators_size() -> None:
    assert ns.minimize(evaluator(), init="noise", maxiter=1).image.shape == (*SHAPE, 3)


def test_what_does_not_go_with_an_evaluator_is_refused_by_name() -> None:
    run: Any = ns.minimize
    for arguments, kind, message in [
        ((evaluator(), pixels, X), TypeError, "^extractor: expected none with an evaluator"),
        ((evaluator(), X), TypeError, "^init: expected an image"),
        ((evaluator(),), TypeError, "^init: expected an image"),
        ((objective(),), TypeError, "^init: expected an image"),
        ((objective(), None, X), TypeError, "^extractor: expected an extractor, .*received None"),
        ((evaluator(), None, noise(4, 4)), ValueError, r"^init: expected \(6, 8, 3\)"),
    ]:
        with pytest.raises(kind, match=message):
            run(*arguments)
    with pytest.raises(ValueError, match=r"^shape: expected \(6, 8, 3\)"):
        ns.minimize(evaluator(), init="noise", shape=(4, 4))
