"""Slim networks: how training ends and goes on, what is saved, what is refused."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuralstyle as ns
from neuralstyle.features.architectures import VGG16, Weights
from neuralstyle.features.crops import Crops
from neuralstyle.features.slim import distillation
from neuralstyle.features.slim import slim as module
from neuralstyle.features.vgg.plain import random_weights
from tests.support import picture, says

WIDE, NARROW = (4, 6, 8, 8, 8), (3, 5, 6, 6, 6)
QUICK: dict[str, Any] = {
    "sides": (32,), "pixels": 4096, "batches": (2, 4), "fresh": 2, "reuse": 2
}  # fmt: skip
PICTURES = [picture(seed, (48, 40)) for seed in range(6)]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a narrow VGG16 that stands for the wide one."""
    path = tmp_path_factory.mktemp("slim") / "wide.npz"
    weights = random_weights(VGG16, 0, "avg", WIDE, 64)
    arrays = {
        f"{name}/{kind}": array
        for name, pair in weights.items()
        for kind, array in zip(("kernel", "bias"), pair, strict=True)
    }
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def trained(wide: Path) -> ns.Slimmed:
    return ns.slim(wide, PICTURES, NARROW, steps=24, **QUICK)


def same(one: Weights, other: Weights) -> bool:
    pairs = [(one[name][part], other[name][part]) for name in one for part in (0, 1)]
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a training at full width."""
    return tmp_path_factory.mktemp("slim") / "state.npz"


@pytest.fixture(scope="module")
def whole(wide: Path, state: Path) -> ns.Slimmed:
    return ns.slim(wide, PICTURES, WIDE, resume=state, **QUICK)


def test_full_width_gives_the_network_itself(whole: ns.Slimmed) -> None:
    assert max(max(of.values()) for of in whole.errors.values()) < 1e-3
    assert [len(kept) for kept in whole.channels.values()][::4] == [4, 8, 8, 8]


@pytest.mark.slow
def test_training_lowers_the_errors(wide: Path, trained: ns.Slimmed) -> None:
    fitted = ns.slim(wide, PICTURES, NARROW, **QUICK)
    assert fitted.steps == 0 and trained.steps == 24
    for pooling in ("avg", "max"):
        assert sum(trained.errors[pooling].values()) < sum(fitted.errors[pooling].values())


@pytest.mark.slow
def test_the_seed_fixes_the_result(wide: Path, trained: ns.Slimmed) -> None:
    again = ns.slim(wide, PICTURES, NARROW, steps=24, **QUICK)
    assert same(again.weights, trained.weights)
    assert again.errors == trained.errors
    other = ns.slim(wide, PICTURES, NARROW, seed=1, **QUICK)
    assert not same(other.weights, trained.weights)


@pytest.mark.slow
def test_in_bfloat16_it_ends_where_it_does_in_float32(
    wide: Path, trained: ns.Slimmed, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute, used = distillation.activations, set()

    def noted(*args: Any, **options: Any) -> dict[str, Any]:
        found = compute(*args, **options)
        used.update(tensor.dtype.name for tensor in found.values())
        return found

    monkeypatch.setattr(distillation, "activations", noted)
    half = ns.slim(wide, PICTURES, NARROW, steps=24, dtype="bfloat16", **QUICK)
    assert used == {"bfloat16"}
    assert not same(half.weights, trained.weights)
    for name, (kernel, bias) in half.weights.items():
        assert kernel.dtype == bias.dtype == np.float32
        for pooling in ("avg", "max"):
            found, expected = half.errors[pooling][name], trained.errors[pooling][name]
            assert found == pytest.approx(expected, rel=0.05, abs=1e-4), (name, pooling)


class Interrupted(Exception):
    pass


def interrupt(at: int, now: ns.SlimProgress) -> None:
    if now.stage == "training" and now.done == at:
        raise Interrupted


@pytest.mark.slow
def test_a_run_that_was_interrupted_goes_on_to_the_bit(
    wide: Path, trained: ns.Slimmed, tmp_path: Path
) -> None:
    state = tmp_path / "state.npz"
    run = functools.partial(ns.slim, wide, PICTURES, NARROW, steps=24, resume=state, **QUICK)
    for at in (3, 11):
        with pytest.raises(Interrupted):
            run(callback=functools.partial(interrupt, at))
        assert np.load(state)["step"] == at
    assert same(run().weights, trained.weights)


@pytest.mark.slow
def test_the_state_is_saved_in_between(
    wide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SAVED_EVERY", 0)
    state, saved = tmp_path / "state.npz", list[int]()

    def note(now: ns.SlimProgress) -> None:
        if now.stage == "training":
            saved.append(int(np.load(state)["step"]))

    ns.slim(wide, PICTURES, NARROW, steps=3, resume=state, callback=note, **QUICK)
    assert saved == [0, 1, 2]


@pytest.mark.slow
def test_minutes_end_it_early_and_the_card_says_so(wide: Path, trained: ns.Slimmed) -> None:
    early = ns.slim(wide, PICTURES, NARROW, steps=24, minutes=1e-6, **QUICK)
    assert early.steps == 1
    assert "1 steps of fine-tuning, ended early of the 24 planned" in early.card
    assert "ended early" not in trained.card


@pytest.mark.slow
def test_a_saved_network_is_read_back_with_its_channels_and_card(
    trained: ns.Slimmed, tmp_path: Path
) -> None:
    trained.save(tmp_path / "slim.npz", dtype="float32")
    read = ns.VGG16Features(tmp_path / "slim.npz")
    assert read.means is not None
    for name, means in trained.means["max"].items():
        np.testing.assert_array_equal(read.means[name], means)
    left_out = Crops(PICTURES, (16,), 1024).validation
    activity = np.asarray(read.normalized()(PICTURES[left_out[0]])["relu2_1"]).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(activity[activity > 0], 1, rtol=0.02)  # seen as bytes
    assert same(read._arrays, trained.weights)
    with np.load(tmp_path / "slim.npz") as file:
        for name, kept in trained.channels.items():
            assert file[f"{name}/channels"].tolist() == kept.tolist() == sorted(set(kept))
    card = (tmp_path / "slim.md").read_text()
    assert card == trained.card
    assert "Visual Geometry Group, University of Oxford" in card
    assert f"| block3_conv1 | 6 | 8 | {trained.errors['avg']['block3_conv1']:.4f} |" in card
    trained.save(tmp_path / "slim.npz")
    kernel = np.load(tmp_path / "slim.npz")["block2_conv1/kernel"]
    assert kernel.dtype == np.float16
    twice = 2**-8 + 2**-12  # rounded to eleven bits, then to eight
    np.testing.assert_allclose(kernel, trained.weights["block2_conv1"][0], rtol=twice, atol=1e-6)
    assert not np.any(kernel.view(np.uint16) & 7)


@pytest.mark.slow
def test_every_stage_is_told(wide: Path) -> None:
    told: list[ns.SlimProgress] = []
    ns.slim(wide, PICTURES, NARROW, steps=2, callback=told.append, **QUICK)
    stages = list(dict.fromkeys(now.stage for now in told))
    assert stages == ["selection", "teacher", "least squares", "training", "errors"]
    last = [now for now in told if now.stage == "training"][-1]
    assert (last.done, last.total) == (2, 2)
    assert set(last.errors) == set(VGG16.convolutions)


# Going on from a slim network


def test_a_slim_network_is_gone_on_from_as_it_is(
    wide: Path, whole: ns.Slimmed, tmp_path: Path
) -> None:
    whole.save(tmp_path / "slim.npz", dtype="float32")
    for start in (whole, tmp_path / "slim.npz"):
        on = ns.slim(wide, PICTURES, start=start, **QUICK)
        assert same(on.weights, whole.weights)
        assert all(np.array_equal(on.channels[name], whole.channels[name]) for name in on.channels)
    assert "gone on from slim.npz, 0 steps" in on.card and "least squares" not in on.card


def test_several_starts_are_their_mean(wide: Path, whole: ns.Slimmed) -> None:
    tripled = {name: (3 * kernel, 3 * bias) for name, (kernel, bias) in whole.weights.items()}
    mean = ns.slim(wide, PICTURES, start=[whole, whole._replace(weights=tripled)], **QUICK)
    for name, pair in whole.weights.items():
        for found, array in zip(mean.weights[name], pair, strict=True):
            np.testing.assert_allclose(found, 2 * array, rtol=1e-6)
    assert "gone on from the mean of a slim network and a slim network" in mean.card
    other = dict(whole.channels, block4_conv2=np.arange(7))
    with pytest.raises(ValueError, match="start: expected networks of the same channels"):
        ns.slim(wide, PICTURES, start=[whole, whole._replace(channels=other)], **QUICK)


def test_where_nothing_is_trained_errors_are_those_of_all_pictures(
    wide: Path, whole: ns.Slimmed
) -> None:
    told: list[ns.SlimProgress] = []
    seen: dict[str, Any] = {**QUICK, "start": whole, "callback": told.append}
    on, (left_out,) = ns.slim(wide, PICTURES, **seen), Crops(PICTURES, (16,), 1024).validation
    assert "errors are those of crops of 6 pictures" in on.card
    assert "crops of 6 pictures, of 32 px; 1 left out" in whole.card
    assert on.errors != whole.errors == ns.slim(wide, PICTURES[left_out], **seen).errors
    assert {now.stage for now in told} == {"errors"}


@pytest.mark.slow
def test_more_steps_make_it_better(wide: Path, trained: ns.Slimmed) -> None:
    told: list[str] = []
    on = ns.slim(
        wide,
        PICTURES,
        start=trained,
        steps=24,
        callback=lambda now: told.append(now.stage),
        **QUICK,
    )
    assert set(told) == {"selection", "training", "errors"}
    for pooling in ("avg", "max"):
        assert sum(on.errors[pooling].values()) < sum(trained.errors[pooling].values())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"start": 3}, TypeError, "start: expected Slimmed or files, received 3"),
        ({"start": "nowhere.npz"}, FileNotFoundError, "start: there is no file 'nowhere.npz'"),
        ({"start": "wide"}, ValueError, "start: expected a slim VGG16, .*: it does not say"),
        ({"widths": NARROW}, ValueError, "widths: expected none, or those of start: \\(4, 4, 6,"),
        ({"start": None}, TypeError, "widths: expected several whole numbers, .* without a start"),
    ],
)
def test_what_cannot_be_gone_on_from_is_refused(
    wide: Path,
    whole: ns.Slimmed,
    change: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    arguments = {"network": wide, "images": PICTURES, "start": whole, **QUICK, **change}
    if arguments["start"] == "wide":
        arguments["start"] = wide
    with pytest.raises(error, match=message):
        ns.slim(**arguments)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"network": 3}, TypeError, "network: expected"),
        ({"network": "nowhere.npz"}, FileNotFoundError, "expected .*, received .nowhere"),
        ({"images": "nowhere"}, FileNotFoundError, "images: there is no file or folder"),
        ({"images": []}, ValueError, "images: expected at least one picture"),
        ({"widths": (4, 4)}, ValueError, "widths: expected 5 numbers, or 13"),
        ({"widths": (4, 7, 4, 4, 4)}, ValueError, "widths: expected at most 6 for block2_conv1"),
        ({"widths": "4"}, TypeError, "widths: expected several whole numbers"),
        ({"steps": -1}, ValueError, "steps: expected at least 0"),
        ({"minutes": 0}, ValueError, "minutes: expected a number above 0"),
        ({"batches": (2,)}, ValueError, "batches: expected two numbers"),
        ({"dtype": "float16"}, ValueError, 'dtype: expected "float32" or "bfloat16"'),
        ({"sides": (31,)}, ValueError, "sides: expected at least 32"),
        ({"licence": 5}, TypeError, "licence: expected a string, received 5"),
        ({"command": b"slim"}, TypeError, "command: expected a string"),
        ({"callback": 5}, TypeError, "callback: expected a callable, received 5"),
        ({"callback": lambda: None}, TypeError, r"callback: expected callback\(progress\)"),
    ],
)
def test_refusals_name_their_argument(
    wide: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments = {"network": wide, "images": PICTURES, "widths": NARROW, **QUICK, **change}
    with pytest.raises(error, match=message):
        ns.slim(**arguments)


def test_a_slim_network_of_another_is_not_gone_on_from(wide: Path, whole: ns.Slimmed) -> None:
    smaller = dict(whole.channels, block4_conv2=np.arange(8) + 1)
    with says(ValueError, "start: expected a slim network of `network`", "of block4_conv2 are not"):
        ns.slim(wide, PICTURES, start=whole._replace(channels=smaller), **QUICK)
    with says(ValueError, "start: expected a slim VGG16, received Slimmed.vgg19, channels"):
        ns.slim(wide, PICTURES, start=whole._replace(architecture="vgg19"), **QUICK)


def test_the_state_of_another_run_is_refused(wide: Path, state: Path, whole: ns.Slimmed) -> None:
    with pytest.raises(ValueError, match="resume: .* with other widths"):
        ns.slim(wide, PICTURES, NARROW, resume=state, **QUICK)
    others = [picture(seed + 9, (48, 40)) for seed in range(6)]
    with pytest.raises(ValueError, match="resume: .* with other images: expected '6 of"):
        ns.slim(wide, others, WIDE, resume=state, **QUICK)
    with pytest.raises(ValueError, match="resume: .* with other dtype"):
        ns.slim(wide, PICTURES, WIDE, resume=state, dtype="bfloat16", **QUICK)
    with pytest.raises(ValueError, match="resume: .* is not the state of a training"):
        ns.slim(wide, PICTURES, WIDE, resume=wide, **QUICK)
    with pytest.raises(ValueError, match="resume: .* with other start"):
        ns.slim(wide, PICTURES, start=whole, resume=state, **QUICK)


@pytest.mark.slow
def test_what_is_trained_is_kept_when_a_picture_cannot_be_read(
    wide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def since(examples: distillation.Examples, step: int) -> Any:
        yield from itertools.islice(whole(examples, step), 3)
        raise ValueError("images: cannot read 'a.png': it is truncated")

    whole = distillation.Examples.since
    monkeypatch.setattr(distillation.Examples, "since", since)
    run = functools.partial(ns.slim, wide, PICTURES, NARROW, resume=tmp_path / "s.npz", **QUICK)
    with says(ValueError, "images: cannot read 'a.png'"):
        run(steps=24)
    with says(ValueError, "steps: expected at least 3, which", "s.npz' has done, received 2"):
        run(steps=2)
    assert run(steps=3).steps == 3
