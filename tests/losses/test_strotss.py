"""The losses of STROTSS: values worked by hand, their definitions, laws, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from support import (
    Array,
    from_rows,
    orthogonal,
    permuted,
    random_map,
    to_rows,
    value,
    value_and_gradient,
)

import neuralstyle as ns

KINDS = [ns.RelaxedEMDLoss, ns.SelfSimilarityLoss]
DISTANCES = ["cosine", "euclidean"]

every_kind = pytest.mark.parametrize("kind", KINDS)
every_distance = pytest.mark.parametrize("distance", DISTANCES)


def compare(kind: type[Any], f: Array, s: Array, **options: Any) -> float:
    return value(kind({"a": s}, "a", **options), {"a": f})


def emd(f: Array, s: Array, distance: str = "cosine", **options: Any) -> float:
    return compare(ns.RelaxedEMDLoss, f, s, distance=distance, **options)


def similarity(f: Array, p: Array, **options: Any) -> float:
    return compare(ns.SelfSimilarityLoss, f, p, **options)


# The relaxed earth mover's distance


def test_two_axes_are_half_as_far_from_one_of_them_as_they_are_apart() -> None:
    two, one = from_rows([[1, 0], [0, 1]]), from_rows([[1], [0]])
    assert emd(two, one) == pytest.approx(0.5, abs=1e-12)
    assert emd(one, two) == pytest.approx(0.5, abs=1e-12)
    assert emd(two, one, "euclidean", normalize="paper") == pytest.approx(2**0.5 / 2, abs=1e-12)


@every_distance
@pytest.mark.parametrize("shape", [(5, 6), (3, 4), (9, 7)])
def test_the_value_is_that_of_the_definition(distance: str, shape: tuple[int, int]) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, *shape, 3)
    apart = cdist(to_rows(f).T, to_rows(s).T, distance)
    expected = max(apart.min(axis=1).mean(), apart.min(axis=0).mean())
    size = np.linalg.norm(s, axis=-1).mean()
    scales = {"paper": 1, "mean": 3**-0.5, "relative": 1 / size}
    for normalize, scale in scales.items():
        scale = 1 if distance == "cosine" else scale
        assert emd(f, s, distance, normalize=normalize) == pytest.approx(
            scale * expected, rel=1e-10
        )


@every_distance
def test_either_mean_may_be_the_greater(distance: str) -> None:
    s = random_map(1, 5, 6, 3)
    # Of a style, part is all found in it, but does not hold all of it; and the reverse.
    assert emd(s[:, :2], s, distance) > 0.01
    assert emd(s, s[:, :2], distance) > 0.01


@every_distance
def test_it_depends_neither_on_places_nor_on_a_rotation_of_channels(distance: str) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3)
    expected = pytest.approx(emd(f, s, distance), rel=1e-10)
    assert emd(permuted(f), s, distance) == expected
    assert emd(f, permuted(s), distance) == expected
    assert emd(f @ orthogonal(3), s @ orthogonal(3), distance) == expected
    assert emd(np.tile(f, (1, 2, 1, 1)), np.tile(s, (1, 1, 3, 1)), distance) == expected
    assert emd(f @ orthogonal(3), s, distance) != expected


def test_scale_is_nothing_to_cosines_and_a_factor_to_euclidean_distances() -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 4, 4, 3)
    brightness = np.random.default_rng(2).uniform(0.1, 10, size=(1, 5, 6, 1))
    assert emd(brightness * f, 3 * s) == pytest.approx(emd(f, s), rel=1e-10)
    for normalize, factor in (("paper", 3), ("mean", 3), ("relative", 1)):
        scaled, before = (emd(x * f, x * s, "euclidean", normalize=normalize) for x in (3, 1))
        assert scaled == pytest.approx(factor * before, rel=1e-10)


@every_distance
def test_the_relative_form_is_one_for_features_that_are_all_zero(distance: str) -> None:
    s = random_map(1, 5, 6, 3)
    assert emd(np.zeros_like(s), s, distance) == pytest.approx(1, abs=1e-12)


@every_distance
def test_zero_is_at_no_distance_from_zero_and_has_a_finite_gradient(distance: str) -> None:
    s = random_map(1, 5, 6, 3)
    s[:, :2] = 0
    f = s.copy()
    f[:, 4] = 0
    for feature in (s, f, np.zeros_like(s)):
        loss = ns.RelaxedEMDLoss({"a": s}, "a", distance=distance)  # type: ignore[arg-type]
        result, gradient = value_and_gradient(loss, {"a": feature})
        assert np.isfinite(gradient["a"]).all()
        if feature is s:
            assert result == 0
            np.testing.assert_array_equal(gradient["a"], 0)


@every_distance
def test_distances_of_a_target_that_is_all_zero_are_finite(distance: str) -> None:
    f, s = random_map(0, 5, 6, 3), np.zeros((1, 5, 6, 3))
    expected = 1 if distance == "cosine" else np.linalg.norm(f, axis=-1).mean()
    assert emd(f, s, distance) == pytest.approx(expected, rel=1e-12)


def test_small_distances_keep_their_digits() -> None:
    s = random_map(1, 5, 6, 3).astype(np.float32)
    f = s.copy()
    f[0, 2, 2] *= 1 + 1e-3
    moved = np.linalg.norm((f - s).astype(np.float64), axis=-1).sum() / 30
    assert emd(f, s, "euclidean", normalize="paper") == pytest.approx(moved, rel=1e-3)
    assert 0 <= emd(f, s) < 1e-12


# Self-similarity


def test_three_positions_worked_by_hand() -> None:
    target = from_rows([[1, 0, 0], [0, 1, 1]])
    image = from_rows([[1, 0, 3], [0, 2, 0]])
    # Columns of the target: (0, ½, ½), (1, 0, 0), (1, 0, 0); of the image: (0, 1, 0), (½, 0, ½),
    # (0, 1, 0). They differ by 1, 1 and 2.
    assert similarity(image, target) == pytest.approx(4 / 3, abs=1e-12)
    for normalize in ("mean", "paper"):
        assert similarity(image, target, normalize=normalize) == pytest.approx(4 / 9, abs=1e-12)


def test_self_similarity_is_that_of_the_definition() -> None:
    f, p = random_map(0, 5, 6, 3), random_map(1, 5, 6, 4)[..., :3]
    columns = []
    for feature in (f, p):
        apart = cdist(to_rows(feature).T, to_rows(feature).T, "cosine")
        columns.append(apart / apart.sum(axis=0))
    mean = np.abs(columns[0] - columns[1]).mean()
    assert similarity(f, p, normalize="mean") == pytest.approx(mean, rel=1e-10)
    assert similarity(f, p) == pytest.approx(30 * mean, rel=1e-10)
    assert 0 < similarity(f, p) < 2


def test_features_may_change_if_they_change_together() -> None:
    f, p = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    brightness = np.random.default_rng(2).uniform(0.1, 10, size=(1, 5, 6, 1))
    assert similarity(brightness * p @ orthogonal(3), p) == pytest.approx(0, abs=1e-12)
    assert similarity(3 * f, 5 * p) == pytest.approx(similarity(f, p), rel=1e-10)
    assert similarity(permuted(f), permuted(p)) == pytest.approx(similarity(f, p), rel=1e-10)
    assert similarity(permuted(p), p) > 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("level", [0.0, 0.3])
def test_self_similarity_is_one_for_features_that_are_all_alike(
    dtype: type[Any], level: float
) -> None:
    p = random_map(1, 20, 30, 3).astype(dtype)
    flat = (np.zeros_like(p) + [level, level / 3, 0.7 * level]).astype(dtype)
    assert similarity(flat, p) == pytest.approx(
        1, abs=0.2 if level and dtype is np.float32 else 1e-5
    )
    assert similarity(flat, flat) == 0
    _, gradient = value_and_gradient(ns.SelfSimilarityLoss({"a": p}, "a"), {"a": flat})
    assert np.isfinite(gradient["a"]).all()


def test_content_of_another_size_is_a_value_error_though_its_samples_be_as_many() -> None:
    loss = ns.SelfSimilarityLoss({"a": random_map(0, 5, 6, 3)}, "a", samples=7, name="sky")
    with pytest.raises(ValueError, match=r"'sky': expected .*\(5, 6\) .*'a', received \(6, 5\)"):
        loss({"a": random_map(0, 6, 5, 3)})


# Samples


@every_kind
def test_positions_are_drawn_once_by_the_seed_and_the_size(kind: type[Any]) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    few = compare(kind, f, s, samples=7)
    assert compare(kind, f, s, samples=7) == few
    assert compare(kind, f, s, samples=7, seed=1) != few
    assert compare(kind, f, s) != few
    assert compare(kind, f, s, samples=30) == compare(kind, f, s)
    assert compare(kind, s, s, samples=7) == pytest.approx(0, abs=1e-24)


@every_kind
def test_no_more_positions_than_samples_are_looked_at(kind: type[Any]) -> None:
    f, s = random_map(0, 5, 6, 3), random_map(1, 5, 6, 3)
    _, gradient = value_and_gradient(kind({"a": s}, "a", samples=7), {"a": f})
    seen = np.abs(gradient["a"]).sum(axis=-1) > 0
    assert 4 <= seen.sum() <= 7


@every_kind
@pytest.mark.parametrize("wrong", [-1, 0.5, None])
def test_what_is_no_seed_is_refused_by_name(kind: type[Any], wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="^seed: expected"):
        kind({"a": random_map(0, 3, 3, 2)}, "a", seed=wrong)


@pytest.mark.slow
@every_kind
def test_they_take_part_in_a_run(
    kind: type[Any], vgg: ns.VGG16Features, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    content, style = pictures
    target = style if kind is ns.RelaxedEMDLoss else content
    start = np.random.default_rng(0).uniform(size=content.shape).astype(np.float32)
    loss = kind(vgg(target), ("block2_conv1", "block3_conv1"), samples=100)
    result = ns.minimize(loss, vgg, init=start, maxiter=10)
    assert result.fun < 0.8 * ns.Evaluator(loss, vgg, content.shape)(start)[0]


# Descriptions and errors


@every_kind
def test_they_are_described_by_layers_and_what_is_not_usual(kind: type[Any]) -> None:
    target = {"a": random_map(0, 5, 6, 3)}
    assert repr(kind(target, "a")) == f"{kind.__name__}(layers='a')"
    assert (
        repr(kind(target, "a", samples=9, seed=2))
        == f"{kind.__name__}(layers='a', samples=9, seed=2)"
    )


@every_kind
@pytest.mark.parametrize(
    ("samples", "error"), [(0, ValueError), (-5, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_samples_below_one_or_not_whole_are_an_error(
    kind: type[Any], samples: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=f"^samples: expected .*, received {samples}"):
        kind({"a": random_map(0, 5, 6, 3)}, "a", samples=samples)


@pytest.mark.parametrize("distance", ["manhattan", None, 2])
def test_another_distance_is_a_value_error(distance: Any) -> None:
    with pytest.raises(ValueError, match='^distance: expected "cosine" or "euclidean", received'):
        ns.RelaxedEMDLoss({"a": random_map(0, 5, 6, 3)}, "a", distance=distance)
