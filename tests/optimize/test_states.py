"""A run goes on from the state of another, and from no other's state."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from support import Reusable, near, noise, pixels, says

import neuralstyle as ns


class Digested(Reusable):
    """An extractor that says which weights it has."""

    def __init__(self, digest: str | None) -> None:
        super().__init__()
        self.digest = digest


PIXELS = Digested("a1" * 16)
TARGET, START = 0.2 + 0.6 * noise(), 0.2 + 0.6 * noise(seed=1)


def run(
    objective: Any = None, extractor: Any = PIXELS, init: Any = START, **options: Any
) -> ns.StyleResult:
    options = {"method": "l-bfgs", "maxiter": 4, **options}
    return ns.minimize(objective or near(TARGET), extractor, init, **options)


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    found = run().state
    assert found is not None
    return found


def test_a_restored_run_of_a_style_objective_gives_the_same_bits(
    vgg: ns.VGG16Features, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    content, style = map(vgg, pictures)
    objective = ns.ContentLoss(content) + ns.StyleLoss(style)
    options: dict[str, Any] = {"method": "l-bfgs"}
    straight = ns.minimize(objective, vgg, pictures[0], maxiter=12, **options)
    first = ns.minimize(objective, vgg, pictures[0], maxiter=5, **options)
    second = ns.minimize(objective, vgg, pictures[0], maxiter=7, state=first.state, **options)
    np.testing.assert_array_equal(second.image, straight.image)
    assert second.fun == straight.fun


def test_a_state_holds_arrays_that_need_no_pickle(state: dict[str, Any]) -> None:
    assert all(isinstance(value, np.ndarray) for value in state.values())
    assert not any(value.dtype == object for value in state.values())


# States of version 0.1


def state_of_0_1() -> dict[str, Any]:
    """Write down what 0.1 kept of a run at its start, before the first correction."""
    _, gradient = ns.Evaluator(near(TARGET), PIXELS, (8, 12))(START.astype(np.float64))
    return {
        "method": np.array("l-bfgs"),
        "scale": np.array(1 / np.linalg.norm(gradient)),
        "x": START.ravel(),
        "corrections": np.zeros((20, 288), np.float32),
        "products": np.zeros((2, 10, 10)),
        "slots": np.array([], np.int64),
    }


def test_a_state_of_0_1_loads(tmp_path: Any) -> None:
    np.savez(tmp_path / "state.npz", **state_of_0_1())
    with np.load(tmp_path / "state.npz") as saved:
        result = run(state=dict(saved), init=TARGET)
    np.testing.assert_array_equal(result.image, run().image)


def test_a_state_of_0_1_of_an_optimiser_of_keras_loads() -> None:
    sgd = keras.optimizers.SGD(0.01)
    _, gradient = ns.Evaluator(near(TARGET), PIXELS, (8, 12))(START.astype(np.float64))
    old = {
        "method": np.array("sgd_7"),  # Keras numbers its optimisers
        "x": START.ravel(),
        "scale": np.array(288**0.5 / np.linalg.norm(gradient)),
        "average": np.zeros((), np.float32),
        "count": np.array(0),
        "variable_0": np.array(0),
        "variable_1": np.array(0.01, np.float32),
    }
    result = run(state=old, init=TARGET, method=sgd)
    np.testing.assert_array_equal(result.image, run(method=sgd).image)


# What is refused


@pytest.mark.parametrize("state", [5, {}, {"method": np.array("l-bfgs")}, "state.npz"])
def test_what_is_no_state_is_refused(state: Any) -> None:
    with says(TypeError, "state: expected that of an earlier result"):
        run(state=state)


def test_a_state_of_another_method_is_refused_by_both_names(state: dict[str, Any]) -> None:
    with says(ValueError, "state: expected one of the method 'adam', received one of 'l-bfgs'"):
        run(state=state, method="adam")


def test_a_state_with_another_number_of_corrections_is_refused(state: dict[str, Any]) -> None:
    with says(ValueError, "state: expected 50 corrections"):
        run(state=state, method=ns.LBFGS(maxcor=50))


def test_a_state_of_another_optimiser_of_one_name_is_refused_by_its_variables() -> None:
    first = run(method=keras.optimizers.SGD(0.01, name="own")).state
    with says(ValueError, "state: expected one of KerasMethod", "SGD", "momentum", "shapes"):
        run(state=first, method=keras.optimizers.SGD(0.01, momentum=0.9, name="own"))


def test_a_state_of_another_size_is_refused_by_both(state: dict[str, Any]) -> None:
    wide = noise(6, 16)  # as many numbers
    with says(ValueError, "state: expected .* picture of 16 x 6 pixels, received one of 12 x 8"):
        run(near(wide), init=wide, state=state)
    with says(ValueError, "state: expected one of 48 numbers", "received one of 288"):
        run(near(noise(4, 4)), init=noise(4, 4), state=state_of_0_1())


@pytest.mark.parametrize(
    ("objective", "ours", "theirs"),
    [
        (2.0 * near(TARGET), "content 2 ContentLoss", "content 1 ContentLoss"),
        (near(TARGET) + ns.TotalVariationLoss(name="grain"), "grain 1", "no more"),
        (
            ns.ContentLoss(pixels(TARGET), "input", normalize="mean")
            + 0.05 * ns.TotalVariationLoss(),
            "total_variation 0.05 TotalVariationLoss",
            "exponent=1.2",
        ),
    ],
)
def test_a_state_of_another_objective_is_refused_by_the_term_that_differs(
    objective: ns.StyleObjective, ours: str, theirs: str, state: dict[str, Any]
) -> None:
    with says(ValueError, "state: expected one of this objective", ours, "received", theirs):
        run(objective, state=state)


def test_a_state_of_another_target_is_refused_by_the_loss_that_differs(
    state: dict[str, Any],
) -> None:
    with says(ValueError, "state: expected one of this objective, whose content is", "another"):
        run(near(START), state=state)


def test_a_function_that_has_changed_since_is_told_apart() -> None:
    def darker(level: float) -> ns.Loss:
        return ns.loss(lambda features: ops.mean(ops.square(features["input"] - level)))

    first = run(darker(0.0), maxiter=1).state
    with says(ValueError, "state: expected one of this objective, whose function is"):
        run(darker(0.9), state=first, maxiter=1)


def test_masks_as_earlier_versions_described_them_are_the_same() -> None:
    mask = np.ones((8, 12))
    mask[:, :6] = 0
    objective = ns.ContentLoss(pixels(TARGET), "input", mask=mask)
    first = run(objective, maxiter=1).state
    assert first is not None and "mask=Mask(shape=(8, 12))" in str(first["objective"])
    table = str(first["objective"]).replace("Mask(shape=(8, 12))", "Mask(12 x 8)")
    run(objective, maxiter=1, state={**first, "objective": np.array(table)})


def test_a_state_of_another_network_is_refused_by_both_digests(state: dict[str, Any]) -> None:
    words = "received one of a1a1.*: other weights, pooling or padding"
    with says(ValueError, "state: expected one of the network b2b2", words):
        run(extractor=Digested("b2" * 16), state=state)


def test_an_extractor_without_a_digest_is_told_by_its_losses(state: dict[str, Any]) -> None:
    assert run(extractor=Reusable(), state=state).nit == 4
    with says(ValueError, "state: expected one of this objective, whose content is"):
        run(extractor=Reusable(lambda image: {"input": 0.5 * image}), state=state)


def test_losses_that_differ_by_rounding_are_the_same(state: dict[str, Any]) -> None:
    rounded = {**state, "losses": state["losses"] * (1 + 1e-4)}
    np.testing.assert_array_equal(run(state=rounded).image, run(state=state).image)


def test_addresses_in_a_table_do_not_tell_objectives_apart() -> None:
    class Own(ns.Loss):
        def __call__(self, features: Any) -> Any:
            return ops.mean(ops.abs(features["input"] - TARGET) ** 1.5)

        __repr__ = object.__repr__

    first = run(Own()).state
    assert run(Own(), state=first).nit == 4
