"""Losses that outlive a run: saved, loaded, averaged."""

from __future__ import annotations

import gc
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from support import FeatureMaps, random_map, value, value_and_gradient
from keras import ops
from test_conformance import CASES, GENERATED, TARGET, Case, EdgeLoss, brightness_loss

import neuralstyle as ns
from neuralstyle.losses.storage import FORMAT

Array = np.ndarray

# Of the normalisations one is enough: the others differ in numbers that are kept.
SAVABLE = [c for c in CASES if c.label != "function" and not c.label.endswith(("-mean", "-paper"))]

every_savable_loss = pytest.mark.parametrize("case", SAVABLE, ids=lambda case: case.label)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "style.npz"


def saved_and_loaded(path: Path, loss: Any) -> Any:
    ns.save_loss(path, loss)
    return ns.load_loss(path, classes=[EdgeLoss])


def in_float32(features: FeatureMaps) -> dict[str, Array]:
    return {layer: array.astype(np.float32) for layer, array in features.items()}


def options(loss: ns.Loss) -> dict[str, Any]:
    return {k: v for k, v in vars(loss).items() if isinstance(v, str | int | float | dict)}


# Saved and loaded


@pytest.mark.parametrize(
    ("case", "convert"),
    [
        *(pytest.param(case, dict, id=case.label) for case in SAVABLE),
        *(
            pytest.param(case, in_float32, id=f"{case.label}-float32")
            for case in SAVABLE
            if case.label.endswith("-relative")
        ),
    ],
)
def test_a_loaded_loss_has_the_same_values_and_gradients_to_the_bit(
    case: Case, convert: Callable[[FeatureMaps], FeatureMaps], path: Path
) -> None:
    loss = case.make(convert(TARGET))
    loaded = saved_and_loaded(path, loss)
    assert type(loaded) is type(loss)
    expected, expected_gradient = value_and_gradient(loss, convert(GENERATED))
    result, gradient = value_and_gradient(loaded, convert(GENERATED))
    assert result == expected > 0
    assert loaded(convert(GENERATED)).dtype == loss(convert(GENERATED)).dtype
    for layer, slope in expected_gradient.items():
        np.testing.assert_array_equal(gradient[layer], slope)


@every_savable_loss
def test_a_loaded_loss_has_the_same_name_description_and_options(case: Case, path: Path) -> None:
    loss = case.loss
    loaded = saved_and_loaded(path, loss)
    assert repr(loaded) == repr(loss)
    assert loaded.name == loss.name
    assert vars(loaded).keys() == vars(loss).keys()
    for name, option in options(loss).items():
        if not name.startswith("_"):
            assert vars(loaded)[name] == option
            assert type(vars(loaded)[name]) is type(option)


def test_names_layers_and_their_weights_are_kept(path: Path) -> None:
    layers = {"b": 0.3, "a": 1 / 3, "input": 0.0}
    loaded = saved_and_loaded(path, ns.StyleLoss(TARGET, layers, name="strokes"))
    assert loaded.name == "strokes"
    assert loaded.layers == layers and list(loaded.layers) == list(layers)
    assert saved_and_loaded(path, ns.HistogramLoss(TARGET, "a", seed=7)).seed == 7


@pytest.mark.parametrize("make", [ns.StyleLoss, ns.CovarianceLoss, ns.HistogramLoss])
def test_a_loaded_style_loss_takes_pictures_of_any_size(
    make: Callable[..., ns.Loss], path: Path
) -> None:
    loss = make(TARGET, "a")
    value(loss, GENERATED)  # a size is prepared for
    loaded = saved_and_loaded(path, loss)
    for size in ((5, 6), (2, 3), (9, 11)):
        picture = {"a": random_map(7, *size, 3)}
        assert value(loaded, picture) == value(loss, picture)


def test_what_was_prepared_for_a_size_is_not_saved(tmp_path: Path) -> None:
    loss = ns.HistogramLoss(TARGET, "a")
    ns.save_loss(tmp_path / "before", loss)
    for size in (3, 4, 5):
        value(loss, {"a": random_map(0, size, size, 3)})
    ns.save_loss(tmp_path / "after", loss)
    names = [zipfile.ZipFile(tmp_path / name).namelist() for name in ("before", "after")]
    assert names[0] == names[1]


def test_an_objective_keeps_its_terms_their_names_and_weights(path: Path) -> None:
    objective = ns.StyleObjective(
        0.1 * ns.StyleLoss(TARGET, "a", name="fine") + 0.2 * ns.StyleLoss(TARGET, "b"),
        ns.StyleLoss(TARGET, "input"),
        -1.5 * ns.TotalVariationLoss(exponent=1.5),
        0.0 * ns.ContentLoss(TARGET, "a"),
        ns.Term("edges", 0.1 + 0.2, EdgeLoss(TARGET)),
    )
    loaded = saved_and_loaded(path, objective)
    assert isinstance(loaded, ns.StyleObjective)
    assert loaded.weights == objective.weights
    assert list(loaded.weights) == [
        "fine",
        "style",
        "style_1",
        "total_variation",
        "content",
        "edges",
    ]
    assert repr(loaded) == repr(objective)
    expected, expected_gradient = value_and_gradient(objective, GENERATED)
    result, gradient = value_and_gradient(loaded, GENERATED)
    assert result == expected
    for layer, slope in expected_gradient.items():
        np.testing.assert_array_equal(gradient[layer], slope)


def test_the_objective_of_a_pyramid_can_be_saved(path: Path) -> None:
    pyramid = ns.Pyramid(lambda image: {"input": image}, octaves=2)
    style, picture = np.random.default_rng(0).uniform(size=(2, 16, 16, 3)).astype(np.float32)
    objective = pyramid.objective(lambda f: ns.StyleLoss(f, "input"), style)
    loaded = saved_and_loaded(path, objective)
    assert repr(loaded) == repr(objective)
    features = pyramid(picture)
    assert float(loaded(features)) == float(objective(features)) > 0


def test_a_loaded_objective_uses_the_trace_of_the_original(path: Path) -> None:
    vgg = ns.VGG19Features("compact")
    random = np.random.default_rng(0)
    content, style, picture = random.uniform(size=(3, 32, 32, 3)).astype(np.float32)
    layers = ("block1_conv1", "block2_conv1")
    seen = vgg(style)
    objective = ns.StyleObjective(
        ns.ContentLoss(vgg(content), "block2_conv1"),
        2.0 * ns.StyleLoss(seen, layers),
        ns.CovarianceLoss(seen, "input"),
        ns.HistogramLoss(seen, "block1_conv1"),
        ns.TemporalLoss({"input": content[None]}, np.eye(32)),
        ns.TotalVariationLoss(),
    )
    expected = ns.Evaluator(objective, vgg, (32, 32))(picture)
    loaded = ns.Evaluator(saved_and_loaded(path, objective), vgg, (32, 32))(picture)
    assert len(vgg.traces) == 1
    assert loaded[0] == expected[0]
    np.testing.assert_array_equal(loaded[1], expected[1])


class Everything(ns.Loss):
    """Keeps whatever may be kept."""

    def __init__(self, target: Mapping[str, Any]) -> None:
        self.nothing = None
        self.numbers = [1, 0.1 + 0.2, float("inf"), True, np.float64(0.1)]
        self.text = "naïve 画"
        self.nested = {"a": (1, [2, (3,)]), 4: {"b": None}, ("c", 5): np.arange(3)}
        self.array = np.arange(6, dtype=np.int16).reshape(2, 3)
        self.tensor = tf.constant([[1.5, -0.0]], tf.float32)
        self.inner = ns.ContentLoss(target, "a")
        self.parts = [2.0 * ns.StyleLoss(target, "b"), ns.TotalVariationLoss()]

    def __call__(self, features: Mapping[str, Any]) -> Any:
        return self.inner(features) + sum(ops.cast(p(features), "float64") for p in self.parts)


def test_what_a_class_of_ones_own_keeps_comes_back_as_it_was(path: Path) -> None:
    loss = Everything(TARGET)
    ns.save_loss(path, loss)
    loaded = ns.load_loss(path, classes=(Everything,))
    for name in ("nothing", "numbers", "text"):
        assert getattr(loaded, name) == getattr(loss, name)
    assert [type(x) for x in loaded.numbers[:4]] == [int, float, float, bool]
    assert list(loaded.nested) == ["a", 4, ("c", 5)]
    assert loaded.nested["a"] == (1, [2, (3,)]) and loaded.nested[4] == {"b": None}
    np.testing.assert_array_equal(loaded.nested["c", 5], np.arange(3))
    assert isinstance(loaded.array, np.ndarray) and loaded.array.dtype == np.int16
    np.testing.assert_array_equal(loaded.array, loss.array)
    assert tf.is_tensor(loaded.tensor) and loaded.tensor.dtype == "float32"
    np.testing.assert_array_equal(loaded.tensor, loss.tensor)
    assert value(loaded, GENERATED) == value(loss, GENERATED)


def test_a_class_of_ones_own_has_to_be_named(path: Path) -> None:
    ns.save_loss(path, ns.TotalVariationLoss() + EdgeLoss(TARGET))
    with pytest.raises(ValueError, match=r"holds a EdgeLoss; pass that class in classes=$"):
        ns.load_loss(path)
    with pytest.raises(ValueError, match="holds a EdgeLoss"):
        ns.load_loss(path, classes=[Everything])
    assert ns.load_loss(path, classes=iter([Everything, EdgeLoss])).weights.keys() == {
        "total_variation",
        "edge",
    }


@pytest.mark.parametrize("wrap", [lambda loss: loss, lambda loss: ns.TotalVariationLoss() + loss])
def test_a_function_cannot_be_saved(wrap: Callable[[ns.Loss], Any], path: Path) -> None:
    ns.save_loss(path, ns.TotalVariationLoss())
    before = path.read_bytes()
    message = r"^loss 'brightness': its attribute '_function': expected plain values.*received <fun"
    with pytest.raises(TypeError, match=message):
        ns.save_loss(path, wrap(brightness_loss(TARGET)))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    "kept", [object(), {1, 2}, b"bytes", 1j, np.array([None]), [len], {"a": {}}.items]
)
def test_an_attribute_that_cannot_be_saved_is_named(kept: Any, path: Path) -> None:
    loss = EdgeLoss(TARGET)
    loss.extra = kept  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="^loss 'edge': its attribute 'extra'"):
        ns.save_loss(path, loss)
    assert not path.exists()


@pytest.mark.parametrize("wrong", [None, 3, "loss", len, [ns.TotalVariationLoss()]])
def test_what_is_no_loss_is_refused_by_name(wrong: Any, path: Path) -> None:
    with pytest.raises(TypeError, match="^loss: expected a loss or an objective, received"):
        ns.save_loss(path, wrong)


# Files


def test_the_file_has_the_name_given(tmp_path: Path) -> None:
    for name in ("style.npz", "style", "style.loss"):
        ns.save_loss(str(tmp_path / name), ns.TotalVariationLoss())
        assert isinstance(ns.load_loss(str(tmp_path / name)), ns.TotalVariationLoss)
    assert sorted(os.listdir(tmp_path)) == ["style", "style.loss", "style.npz"]


def test_there_are_only_plain_arrays_in_the_file(path: Path) -> None:
    losses = [case.loss for case in SAVABLE]
    ns.save_loss(path, ns.StyleObjective(*losses, Everything(TARGET)))
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "fiUb" for name in file.files)
        assert len(file.files) > 20
    for name in zipfile.ZipFile(path).namelist():
        assert name.endswith(".npy")


class Trap:
    """Leaves a trace where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("where", ["neuralstyle", "0"])
def test_a_file_with_pickled_objects_is_refused_and_not_run(where: str, path: Path) -> None:
    trap = np.array([Trap(path.with_name("caught"))], object)
    contents = {"format": FORMAT, "loss": {"loss": ["EdgeLoss", {"edges": {"array": 0}}]}}
    np.savez(path, **{"neuralstyle": np.array(json.dumps(contents)), where: trap})
    with pytest.raises(ValueError, match="expected a file written by save_loss$"):
        ns.load_loss(path, classes=[EdgeLoss])
    assert not path.with_name("caught").exists()


def with_contents(path: Path, contents: str, **arrays: Array) -> None:
    np.savez(path, neuralstyle=np.array(contents), **arrays)


def truncated(path: Path) -> None:
    ns.save_loss(path, ns.StyleLoss(TARGET, "a"))
    path.write_bytes(path.read_bytes()[:-40])


def damaged(path: Path) -> None:
    ns.save_loss(path, ns.ContentLoss(TARGET, "a"))
    data = path.read_bytes()
    numbers = np.ascontiguousarray(TARGET["a"]).tobytes()
    assert data.count(numbers) == 1
    path.write_bytes(data.replace(numbers, numbers[::-1]))


def plain_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.ones(3))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("hello"),
        lambda path: path.write_bytes(b"PK\x03\x04"),
        truncated,
        damaged,
        plain_array,
        lambda path: np.savez(path, a=np.ones(3)),
        lambda path: with_contents(path, "no json"),
        lambda path: with_contents(path, "[1, 2]"),
        lambda path: with_contents(path, "{}"),
        lambda path: with_contents(path, '{"format": 1, "loss": null}', other=np.ones(3)),
    ],
    ids=[
        "empty",
        "text",
        "start of an archive",
        "truncated",
        "damaged",
        "one array",
        "other arrays",
        "no json",
        "a list",
        "nothing",
        "arrays of other names",
    ],
)
# NumPy leaves a broken archive open until it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_file_that_is_something_else_is_refused_by_name(
    write: Callable[[Path], object], path: Path
) -> None:
    write(path)
    try:
        ns.load_loss(path)
    except ValueError as error:
        message = str(error)
    gc.collect()
    assert message == f"cannot read {str(path)!r}: expected a file written by save_loss"


def test_a_file_of_a_later_format_is_refused(path: Path) -> None:
    with_contents(path, json.dumps({"format": FORMAT + 1, "loss": None, "more": "than is known"}))
    with pytest.raises(ValueError) as caught:
        ns.load_loss(path)
    assert "later version of this library" in str(caught.value)
    assert repr(str(path)) in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cannot read '.*style\.npz': No such file"):
        ns.load_loss(path)
    with pytest.raises(IsADirectoryError, match="^cannot read '.*': Is a directory"):
        ns.load_loss(path.parent)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("nowhere/style.npz", FileNotFoundError),
        ("", IsADirectoryError),
        ("file/style.npz", NotADirectoryError),
    ],
)
def test_a_file_that_cannot_be_written_is_named(
    place: str, kind: type[OSError], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(kind, match="^cannot write '"):
        ns.save_loss(tmp_path / place, ns.TotalVariationLoss())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_writing_that_fails_leaves_an_old_file_as_it_was(
    error: BaseException, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ns.save_loss(path, ns.StyleLoss(TARGET, "a"))
    before = path.read_bytes()

    def fail(file: Any, **arrays: Any) -> None:
        file.write(b"half of it")
        file.flush()
        raise error

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(type(error)) as caught:
        ns.save_loss(path, ns.ContentLoss(TARGET, "b"))
    if isinstance(error, OSError):
        assert str(caught.value) == f"cannot write {str(path)!r}: No space left on device"
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_file_is_replaced_when_it_is_whole(path: Path) -> None:
    ns.save_loss(path, ns.ContentLoss(TARGET, "a"))
    assert repr(saved_and_loaded(path, ns.TotalVariationLoss(3))) == repr(ns.TotalVariationLoss(3))


# Averaged

MAKERS: dict[str, Callable[..., ns.Loss]] = {
    "content": ns.ContentLoss,
    "style": ns.StyleLoss,
    "covariance": ns.CovarianceLoss,
    "moment": ns.MomentLoss,
    "histogram": ns.HistogramLoss,
    "sliced": ns.SlicedWassersteinLoss,
}
SHARES = (1.0, 2.0, 5.0)

every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
every_normalization = pytest.mark.parametrize("normalize", ["relative", "mean", "paper"])


def target(seed: int, height: int = 5, width: int = 6) -> dict[str, Array]:
    """Features whose size grows with the seed."""
    maps = {"a": random_map(seed, height, width, 3), "b": random_map(seed + 50, 3, 4, 4)}
    return {layer: (1 + seed) * array for layer, array in maps.items()}


def weighted_sum(losses: Any, shares: Any) -> Callable[[Mapping[str, Any]], Any]:
    return lambda features: sum(
        share / sum(shares) * loss(features) for share, loss in zip(shares, losses, strict=True)
    )


def assert_same_gradient(average: Any, expected: Any, rtol: float = 1e-10) -> None:
    features = target(20)
    _, gradient = value_and_gradient(average, features)
    _, wanted = value_and_gradient(expected, features)
    for layer, slope in wanted.items():
        largest = np.abs(slope).max()
        assert largest > 0
        np.testing.assert_allclose(gradient[layer], slope, rtol=rtol, atol=rtol * largest)


@every_maker
@every_normalization
def test_the_average_pulls_like_the_weighted_sum(
    make: Callable[..., ns.Loss], normalize: str
) -> None:
    layers = {"a": 0.3, "b": 0.9}
    losses = [make(target(seed), layers, normalize=normalize) for seed in range(3)]
    average = ns.average(losses, SHARES)
    assert type(average) is type(losses[0])
    assert repr(average) == repr(losses[0])
    assert_same_gradient(average, weighted_sum(losses, SHARES))


@every_maker
@every_normalization
def test_the_average_is_the_weighted_sum_without_what_no_picture_can_remove(
    make: Callable[..., ns.Loss], normalize: str
) -> None:
    losses = [make(target(seed), ("a", "b"), normalize=normalize) for seed in range(3)]
    average, expected = ns.average(losses, SHARES), weighted_sum(losses, SHARES)
    left_out = [value(expected, target(s)) - value(average, target(s)) for s in (20, 21, 0)]
    assert left_out[0] > 0
    np.testing.assert_allclose(left_out, left_out[0], rtol=1e-9)


def test_style_images_of_several_sizes_are_averaged() -> None:
    for make in (ns.StyleLoss, ns.CovarianceLoss, ns.MomentLoss, ns.HistogramLoss):
        losses = [make(target(k, 4 + k, 7 - k), "a") for k in range(3)]
        average, expected = ns.average(losses), weighted_sum(losses, (1, 1, 1))
        features = {"a": random_map(9, 5, 5, 3)}
        gradients = [value_and_gradient(f, features)[1]["a"] for f in (average, expected)]
        np.testing.assert_allclose(*gradients, rtol=1e-10, atol=1e-14)


@every_maker
def test_weights_are_shares_and_equal_by_default(make: Callable[..., ns.Loss]) -> None:
    losses = [make(target(seed), ("a", "b")) for seed in range(2)]
    features = target(20)
    assert value(ns.average(losses, [1, 3]), features) == value(
        ns.average(losses, (0.25, 0.75)), features
    )
    assert value(ns.average(losses), features) == value(ns.average(losses, [2, 2]), features)
    assert_same_gradient(ns.average(losses, [0, 4]), losses[1])
    assert value(ns.average(losses), features) != value(ns.average(losses, [1, 3]), features)


@every_maker
def test_the_average_of_one_or_of_equals_is_that_one(make: Callable[..., ns.Loss]) -> None:
    loss = make(target(1), ("a", "b"), name="mine")
    for average in (ns.average([loss]), ns.average((loss, loss, loss), [1, 1, 3])):
        assert average.name == "mine"
        assert value(average, target(20)) == pytest.approx(value(loss, target(20)), rel=1e-12)
        assert_same_gradient(average, loss)


def test_averages_stay_in_the_precision_of_their_targets() -> None:
    losses = [ns.CovarianceLoss(in_float32(target(seed)), ("a", "b")) for seed in range(3)]
    average = ns.average(losses, SHARES)
    features = in_float32(target(20))
    assert "float32" in str(average(features).dtype)
    _, gradient = value_and_gradient(average, features)
    _, expected = value_and_gradient(weighted_sum(losses, SHARES), features)
    for layer, slope in expected.items():
        np.testing.assert_allclose(gradient[layer], slope, rtol=1e-3, atol=1e-5 * slope.max())


def test_averaging_leaves_the_losses_as_they_were() -> None:
    losses = [ns.StyleLoss(target(seed), ("a", "b")) for seed in range(2)]
    before = [value(loss, target(20)) for loss in losses]
    ns.average(losses, [1, 3])
    assert [value(loss, target(20)) for loss in losses] == before


def test_averages_can_be_averaged_and_saved(path: Path) -> None:
    losses = [ns.CovarianceLoss(target(seed), "a") for seed in range(3)]
    first = ns.average(losses[:2], [1, 2])
    loaded = saved_and_loaded(path, first)
    whole = ns.average([loaded, losses[2]], [3, 5])
    features = target(20)
    _, gradient = value_and_gradient(whole, features)
    _, expected = value_and_gradient(ns.average(losses, SHARES), features)
    np.testing.assert_allclose(gradient["a"], expected["a"], rtol=1e-10, atol=1e-14)


def objective(seed: int, **changes: Any) -> ns.StyleObjective:
    weights = {"content": 0.5, "style": 3.0, "variation": 0.1, **changes}
    features = target(seed)
    return ns.StyleObjective(
        weights["content"] * ns.ContentLoss(features, "a"),
        weights["style"] * ns.StyleLoss(features, ("a", "b"), name="strokes"),
        2.0 * ns.CovarianceLoss(features, "b", normalize="mean"),
        1.0 * ns.StyleLoss(features, "a", name="strokes"),
        weights["variation"] * ns.TotalVariationLoss(),
    )


def test_objectives_are_averaged_term_by_term() -> None:
    objectives = [objective(seed) for seed in range(3)]
    average = ns.average(objectives, SHARES)
    assert isinstance(average, ns.StyleObjective)
    assert average.weights == objectives[0].weights
    assert list(average.weights) == [
        "content",
        "strokes",
        "covariance",
        "strokes_1",
        "total_variation",
    ]
    for k, term in enumerate(average.terms[:4]):
        losses = [of.terms[k].loss for of in objectives]
        features = target(20)
        _, gradient = value_and_gradient(term.loss, features)
        _, expected = value_and_gradient(weighted_sum(losses, SHARES), features)
        for layer, slope in expected.items():
            np.testing.assert_allclose(gradient[layer], slope, rtol=1e-10, atol=1e-14)


def test_an_average_costs_what_one_costs() -> None:
    vgg = ns.VGG19Features("compact")
    pictures = np.random.default_rng(0).uniform(size=(4, 32, 32, 3)).astype(np.float32)
    styles = [
        ns.CovarianceLoss(vgg(picture), ("block1_conv1", "block2_conv1")) for picture in pictures
    ]
    ns.Evaluator(styles[0], vgg, (32, 32))
    _, gradient = ns.Evaluator(ns.average(styles), vgg, (32, 32))(pictures[0])
    assert len(vgg.traces) == 1
    several = ns.StyleObjective(*(0.25 * style for style in styles))
    _, expected = ns.Evaluator(several, vgg, (32, 32))(pictures[0])
    np.testing.assert_allclose(gradient, expected, atol=1e-4 * np.abs(expected).max())


def test_a_loss_without_a_target_is_returned_as_it_is() -> None:
    variations = [ns.TotalVariationLoss(1.5) for _ in range(3)]
    assert repr(ns.average(variations, SHARES)) == repr(variations[0])
    assert value(ns.average(variations), GENERATED) == value(variations[0], GENERATED)


class NearestLoss(ns.Loss):
    """The smallest difference: not what a mean of targets has."""

    def __init__(self, target: Mapping[str, Any]) -> None:
        self._wanted = ops.convert_to_tensor(target["a"])

    def __call__(self, features: Mapping[str, Any]) -> Any:
        return ops.min(ops.square(features["a"] - self._wanted))


@pytest.mark.parametrize(
    "make",
    [
        NearestLoss,
        lambda t: ns.GaussianWassersteinLoss(t, "a"),
        lambda t: ns.PatchLoss(t, "a"),
        lambda t: ns.RelaxedEMDLoss(t, "a"),
        lambda t: ns.SelfSimilarityLoss(t, "a"),
    ],
)
def test_what_is_no_squared_distance_is_not_averaged(make: Callable[[Any], ns.Loss]) -> None:
    losses = [make(target(seed)) for seed in range(2)]
    message = f"^losses: the targets of a {type(losses[0]).__name__} cannot be averaged"
    with pytest.raises(TypeError, match=message):
        ns.average(losses)
    with pytest.raises(TypeError, match=message):
        ns.average([ns.TotalVariationLoss() + loss for loss in losses])


@pytest.mark.parametrize(
    ("losses", "kind", "message"),
    [
        ([], ValueError, "^losses: expected at least one, received none"),
        ((), ValueError, "^losses: expected at least one, received none"),
        (
            [ns.StyleLoss(TARGET, "a"), ns.CovarianceLoss(TARGET, "a")],
            TypeError,
            "^losses: expected losses of one class, received CovarianceLoss, StyleLoss",
        ),
        ([1, 2], TypeError, "^losses: expected losses of one class, received int"),
        (
            [ns.StyleLoss(TARGET, "a"), ns.StyleLoss(TARGET, "b")],
            ValueError,
            "^losses: expected the same layers and options",
        ),
        (
            [ns.StyleLoss(TARGET, {"a": 1.0}), ns.StyleLoss(TARGET, {"a": 2.0})],
            ValueError,
            "^losses: expected the same layers and options",
        ),
        (
            [ns.StyleLoss(TARGET, "a"), ns.StyleLoss(TARGET, "a", normalize="mean")],
            ValueError,
            "^losses: expected the same layers and options",
        ),
        (
            [ns.TotalVariationLoss(), ns.TotalVariationLoss(1)],
            ValueError,
            "^losses: expected the same layers and options",
        ),
        (
            [ns.ContentLoss(target(0), "a"), ns.ContentLoss(target(1, 5, 7), "a")],
            ValueError,
            "shape",
        ),
        (
            [objective(0), objective(1, style=2.0)],
            ValueError,
            "^losses: expected objectives of the same terms and weights",
        ),
        (
            [objective(0), objective(1) + ns.TotalVariationLoss()],
            ValueError,
            "^losses: expected objectives of the same terms and weights",
        ),
        (
            [2.0 * ns.StyleLoss(TARGET, "a"), ns.StyleLoss(TARGET, "a")],
            ValueError,
            "^losses: expected objectives of the same terms and weights",
        ),
        (
            [ns.StyleLoss(TARGET, "a"), 2.0 * ns.StyleLoss(TARGET, "a")],
            TypeError,
            "^losses: expected losses of one class, received StyleLoss, StyleObjective",
        ),
        (
            [1.0 * ns.StyleLoss(TARGET, "a", name="x"), 1.0 * EdgeLoss(TARGET)],
            ValueError,
            "^losses: expected objectives of the same terms and weights",
        ),
    ],
)
def test_losses_that_have_no_average_are_refused(
    losses: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        ns.average(losses)


@pytest.mark.parametrize(
    "weights", [[1.0], [1, 1, 1], [1, -1], [0, 0], [1, float("nan")], [1, float("inf")], 3, "ab"]
)
def test_what_are_no_weights_is_refused_by_name(weights: Any) -> None:
    losses = [ns.StyleLoss(target(seed), "a") for seed in range(2)]
    with pytest.raises((TypeError, ValueError), match="^weights: expected"):
        ns.average(losses, weights)


@pytest.mark.parametrize(
    "contents",
    [
        '{"format": "x", "loss": 7}',
        '{"format": 1, "loss": {"loss": ["StyleLoss"]}}',
        '{"format": 1, "loss": {"array": 5}}',
        '{"format": 1, "loss": {"nonsense": []}}',
        '{"format": 1, "loss": 7}',
    ],
)
def test_a_file_with_damaged_contents_is_refused(tmp_path: Path, contents: str) -> None:
    path = tmp_path / "damaged.npz"
    np.savez(path, neuralstyle=np.array(contents))
    with pytest.raises(ValueError, match=r"damaged\.npz"):
        ns.load_loss(path)


def test_targets_of_other_shapes_and_what_is_no_sequence_have_no_average() -> None:
    small, large = ({"input": np.full((1, n, n, 3), 0.5)} for n in (1, 4))
    with pytest.raises(ValueError, match="^losses: expected targets of one shape"):
        ns.average([ns.ContentLoss(small, "input"), ns.ContentLoss(large, "input")])
    for wrong in (5, ns.ContentLoss(small, "input")):
        with pytest.raises(TypeError, match="^losses: expected a sequence"):
            ns.average(wrong)
