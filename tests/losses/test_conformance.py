"""What every loss keeps to. A new loss of the common form needs no line here."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from losses.examples import (
    CASES,
    EXAMPLES,
    GENERATED,
    LOSSES,
    OWN,
    PART,
    TARGET,
    Case,
    EdgeLoss,
    features,
    in_float32,
    masked,
    same,
    takes,
)
from support import (
    Reusable,
    directional_error,
    half_mask,
    in_maps,
    noise,
    of_vector,
    says,
    tensors,
    two_layers,
    value,
    value_and_gradient,
)

import neuralstyle as ns

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
every_kind = pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)

every_plain_case = pytest.mark.parametrize(
    "case", [case for case in CASES if case.plain], ids=lambda case: case.label
)
"""Other normalisations are other factors, which what takes long may leave out."""

all_normalizations_if_slow = pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=() if case.plain else pytest.mark.slow) for case in CASES],
    ids=lambda case: case.label,
)


@pytest.mark.parametrize("kind", LOSSES, ids=lambda kind: kind.__name__)
def test_every_loss_of_the_library_has_an_example(kind: type[ns.Loss]) -> None:
    assert kind in OWN or takes(kind, "layers"), (
        "add a line to OWN in tests/losses/examples.py, which says how to make it: "
        f"ns.{kind.__name__}: Example(lambda target, **given: ns.{kind.__name__}(...)),"
    )


# Values


@every_case
def test_the_value_is_a_finite_positive_scalar(case: Case) -> None:
    result = case.loss(GENERATED)
    assert tuple(result.shape) == ()
    assert 0 < float(result) < np.inf


@every_case
def test_value_and_gradient_are_zero_at_the_target(case: Case) -> None:
    result, gradient = value_and_gradient(case.loss, case.zero(TARGET))
    assert result == pytest.approx(0, abs=1e-24)
    for slope in gradient.values():
        np.testing.assert_allclose(slope, 0, atol=1e-12)


@pytest.mark.parametrize(
    "kind", [k for k, e in EXAMPLES.items() if e.scale_free], ids=lambda kind: kind.__name__
)
@pytest.mark.parametrize("factor", [1e-3, 40.0])
def test_the_relative_form_does_not_depend_on_the_scale(kind: type[ns.Loss], factor: float) -> None:
    for options in ({}, *EXAMPLES[kind].also):
        if "shift" in options:  # which is in the features' own units
            continue
        expected = value(EXAMPLES[kind].make(TARGET, **options), GENERATED)
        larger, largest = (
            {layer: factor * array for layer, array in maps.items()} for maps in (TARGET, GENERATED)
        )
        result = value(EXAMPLES[kind].make(larger, **options), largest)
        assert result == pytest.approx(expected, rel=1e-9)


@every_plain_case
def test_it_is_deterministic_to_the_bit_and_leaves_global_generators_alone(case: Case) -> None:
    before = str(np.random.get_state())  # noqa: NPY002
    results = [value_and_gradient(case.make(TARGET), GENERATED) for _ in range(2)]
    assert results[0][0] == results[1][0]
    for layer, slope in results[0][1].items():
        np.testing.assert_array_equal(results[1][1][layer], slope)
    assert str(np.random.get_state()) == before  # noqa: NPY002


@every_plain_case
def test_arrays_and_tensors_give_the_same_value(case: Case) -> None:
    expected = float(case.loss(GENERATED))
    assert float(case.make(tensors(TARGET))(tensors(GENERATED))) == pytest.approx(expected)


@every_plain_case
def test_target_and_features_are_left_as_they_are(case: Case) -> None:
    target, generated = features(0), features(10)
    case.make(target)(generated)
    for before, after in ((TARGET, target), (GENERATED, generated)):
        assert list(after) == list(before)
        for layer in before:
            np.testing.assert_array_equal(after[layer], before[layer])


@every_plain_case
def test_the_target_may_change_once_the_loss_is_made(case: Case) -> None:
    target = features(0)
    loss = case.make(target)
    expected = float(loss(GENERATED))
    for array in target.values():
        array[:] = 7.0
    target.clear()
    assert float(loss(GENERATED)) == expected


# Gradients


@every_case
def test_the_gradient_agrees_with_differences_along_some_directions(case: Case) -> None:
    function, point = of_vector(case.loss, GENERATED)
    loss = case.loss
    error = directional_error(
        function,
        point,
        directions=3 if case.plain else 1,
        value=lambda x: value(loss, in_maps(x, GENERATED)),
    )
    assert error < 1e-6


@pytest.mark.slow
@every_case
def test_the_gradient_agrees_with_differences_entry_by_entry(case: Case) -> None:
    (function, point), step = of_vector(tf.function(case.loss), GENERATED), 1e-6
    _, gradient = function(point)
    assert gradient.dtype == np.float64
    differences = [
        (function(point + step * unit)[0] - function(point - step * unit)[0]) / (2 * step)
        for unit in np.eye(point.size)
    ]
    error = np.linalg.norm(differences - gradient)
    assert error < 1e-6 * np.linalg.norm(gradient)


@every_plain_case
def test_three_steps_down_the_gradient_improve(case: Case) -> None:
    loss, current = case.loss, GENERATED
    before, gradient = value_and_gradient(loss, current)
    for _ in range(3):
        step = 0.1 * before / sum(np.sum(slope**2) for slope in gradient.values())
        current = {layer: array - step * gradient[layer] for layer, array in current.items()}
        after, gradient = value_and_gradient(loss, current)
        assert after < before
        before = after


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            # Masks are compiled in tests/losses/test_masked_losses.py, options in the slow run.
            marks=() if case.plain and case.label.count("-") < 2 else pytest.mark.slow,
        )
        for case in CASES
    ],
    ids=lambda case: case.label,
)
def test_eager_and_compiled_agree(case: Case) -> None:
    loss = case.loss
    eager, eager_gradient = value_and_gradient(loss, GENERATED)
    compiled, compiled_gradient = value_and_gradient(tf.function(loss), GENERATED)
    assert compiled == pytest.approx(eager, rel=1e-12)
    for layer, slope in eager_gradient.items():
        np.testing.assert_allclose(compiled_gradient[layer], slope, rtol=1e-12, atol=1e-14)


@every_plain_case
def test_float32_stays_float32_and_agrees_with_float64(case: Case) -> None:
    target, generated = in_float32(TARGET), in_float32(GENERATED)
    loss = case.make(target)
    assert "float32" in str(loss(generated).dtype)
    result, gradient = value_and_gradient(loss, generated)
    expected, expected_gradient = value_and_gradient(case.loss, GENERATED)
    assert result == pytest.approx(expected, rel=1e-4)
    for layer, slope in gradient.items():
        assert slope.dtype == np.float32
        largest = np.abs(expected_gradient[layer]).max()
        np.testing.assert_allclose(slope, expected_gradient[layer], rtol=1e-3, atol=1e-4 * largest)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=() if case.label.count("-") < 2 else pytest.mark.slow)
        for case in CASES
        if case.plain
    ],
    ids=lambda case: case.label,
)
def test_code_compiled_for_others_gives_what_new_code_gives(case: Case) -> None:
    network, picture = Reusable(two_layers), noise(8, 6, 3)
    targets = [two_layers(noise(8, 6, seed)) for seed in (1, 2)]
    plainest = next(c for c in CASES if c.label.split("-")[0] == case.label.split("-")[0])
    # Of other options, and of another target.
    for other in {plainest.label: plainest, case.label: case}.values():
        before = ns.Evaluator(other.make(targets[0]), network, (8, 6))(picture)
    after = ns.Evaluator(case.make(targets[1]), network, (8, 6))(picture)
    expected = ns.Evaluator(case.make(targets[1]), Reusable(two_layers), (8, 6))(picture)
    assert after[0] == expected[0] != before[0] or case.zero is not same
    np.testing.assert_array_equal(after[1], expected[1])


# Masks


@every_kind
@pytest.mark.parametrize("size", [(8, 6), (4, 3)])
def test_a_mask_of_ones_changes_nothing_to_the_bit(
    kind: type[ns.Loss], size: tuple[int, int]
) -> None:
    make = EXAMPLES[kind].make
    expected, slopes = value_and_gradient(make(TARGET), GENERATED)
    for ones in (np.ones(size), np.ones(size, bool), ns.Mask(np.ones(size))):
        result, masked_slopes = value_and_gradient(make(TARGET, **masked(kind, ones)), GENERATED)
        assert result == expected
        for layer, slope in slopes.items():
            np.testing.assert_array_equal(masked_slopes[layer], slope)


@every_kind
def test_a_mask_of_a_part_counts_and_other_proportions_are_refused(kind: type[ns.Loss]) -> None:
    make = EXAMPLES[kind].make
    for option in masked(kind, PART):
        top = half_mask((6, 8), share=0.6).T
        results = {value(make(TARGET, **given), GENERATED) for given in ({}, {option: top})}
        assert len(results) == 2, option
        with says(ValueError, f"{option}: expected", "proportions"):
            make(TARGET, **{option: np.ones((4, 30))})(GENERATED)


# Saved and described


@all_normalizations_if_slow
def test_a_loaded_loss_is_the_same_to_the_bit(case: Case, tmp_path: Path) -> None:
    if case.label == "function":
        with says(TypeError, "loss 'brightness'", "a function cannot be saved"):
            ns.save_loss(tmp_path / "loss.npz", case.loss)
        return
    for convert in (same, in_float32) if case.plain else (same,):
        loss = case.make(convert(TARGET))
        ns.save_loss(tmp_path / "loss.npz", loss)
        loaded = ns.load_loss(tmp_path / "loss.npz", classes=[EdgeLoss])
        assert type(loaded) is type(loss)
        assert (loaded.name, repr(loaded)) == (loss.name, repr(loss))
        expected, slopes = value_and_gradient(loss, convert(GENERATED))
        result, loaded_slopes = value_and_gradient(loaded, convert(GENERATED))
        assert result == expected > 0
        assert loaded(convert(GENERATED)).dtype == loss(convert(GENERATED)).dtype
        for layer, slope in slopes.items():
            np.testing.assert_array_equal(loaded_slopes[layer], slope)


@every_plain_case
def test_what_a_call_prepares_for_a_size_is_not_saved(case: Case, tmp_path: Path) -> None:
    if case.label == "function":
        return
    loss = case.loss
    ns.save_loss(tmp_path / "before.npz", loss)
    loss(GENERATED)
    ns.save_loss(tmp_path / "after.npz", loss)
    with np.load(tmp_path / "before.npz") as before, np.load(tmp_path / "after.npz") as after:
        assert before.files == after.files
        for name in before.files:
            np.testing.assert_array_equal(after[name], before[name])


@every_plain_case
def test_copies_are_the_same_to_the_bit(case: Case) -> None:
    loss = case.loss
    expected = value(loss, GENERATED)
    for copied in (copy.copy(loss), copy.deepcopy(loss)):
        assert repr(copied) == repr(loss)
        assert value(copied, GENERATED) == expected


@every_plain_case
def test_it_is_described_in_a_line(case: Case) -> None:
    text = repr(case.loss)
    assert text and "\n" not in text and " object at " not in text


@every_kind
def test_its_description_names_the_class_and_what_is_not_the_default(kind: type[ns.Loss]) -> None:
    make = EXAMPLES[kind].make
    assert repr(make(TARGET)).startswith(f"{kind.__name__}(")
    chosen: list[dict[str, Any]] = [*EXAMPLES[kind].also]
    if takes(kind, "normalize"):
        chosen.append({"normalize": "mean"})
    if takes(kind, "mask"):
        chosen.append({"mask": PART})
    for options in chosen:
        text = repr(make(TARGET, **options))
        for option, given in options.items():
            told = {"mask": "Mask(shape=(8, 6))", "shift": "-1.0"}.get(option, repr(given))
            assert f"{option}={told}" in text


@every_plain_case
def test_it_has_a_name(case: Case) -> None:
    assert case.loss.name.isidentifier()


@every_kind
def test_its_name_can_be_chosen(kind: type[ns.Loss]) -> None:
    assert EXAMPLES[kind].make(TARGET, name="sky").name == "sky"


# Errors


@every_kind
@pytest.mark.parametrize("normalize", ["sum", "Mean", "", None, 1, ["mean"]])
def test_another_normalisation_is_a_value_error(kind: type[ns.Loss], normalize: Any) -> None:
    if takes(kind, "normalize"):
        with says(ValueError, "normalize", "expected", '"relative"', "received"):
            EXAMPLES[kind].make(TARGET, normalize=normalize)


@every_kind
@pytest.mark.parametrize(
    "wrong",
    [np.zeros((5, 6, 3)), tf.zeros((1, 5, 6, 3)), None, [1.0]],
    ids=["array", "tensor", "none", "list"],
)
def test_an_image_in_place_of_features_is_a_type_error(kind: type[ns.Loss], wrong: Any) -> None:
    received = "Tensor" if tf.is_tensor(wrong) else type(wrong).__name__
    loss = EXAMPLES[kind].make(TARGET)
    with says(TypeError, "features", "expected features", f"received .*{received}"):
        loss(wrong)
    if EXAMPLES[kind].zero is same:  # it has a target
        with says(TypeError, "target", "expected features", f"received .*{received}"):
            EXAMPLES[kind].make(wrong)


@every_kind
def test_a_layer_that_is_not_there_is_a_key_error_that_lists_those_that_are(
    kind: type[ns.Loss],
) -> None:
    other = {"other": TARGET["first"]}
    with says(KeyError, "features", "(first|input)", "other"):
        EXAMPLES[kind].make(TARGET)(other)
    if EXAMPLES[kind].zero is same:
        argument = "layers: .*'first'" if takes(kind, "layers") else "target: .*'input'"
        with says(KeyError, argument, "known are: other"):
            EXAMPLES[kind].make(other)


@every_kind
@pytest.mark.parametrize("shape", [(2, 8, 6, 3), (8, 6, 3), (1, 3), (1, 0, 4, 3), ()])
def test_a_map_that_is_not_a_batch_of_one_is_a_value_error(
    kind: type[ns.Loss], shape: tuple[int, ...]
) -> None:
    wrong = {layer: np.zeros(shape) for layer in TARGET}
    words = (
        r"expected .*\(1, H, W, C\)",
        "'(first|input)'",
        f"received .*{len(shape) and shape[0]}",
    )
    with says(ValueError, "features", *(words if shape else words[:2])):
        EXAMPLES[kind].make(TARGET)(wrong)
    if EXAMPLES[kind].zero is same:
        with says(ValueError, "target", *(words if shape else words[:2])):
            EXAMPLES[kind].make(wrong)
