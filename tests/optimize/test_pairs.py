"""Correction pairs in either precision or a file, and sums over large vectors."""

from __future__ import annotations

import os
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from keras import ops
from support import says

import neuralstyle as ns
from neuralstyle.optimize.methods.pairs import Pairs
from neuralstyle.optimize.vectors import BLOCK, dot, norm

KINDS: dict[str, Callable[[np.ndarray], Any]] = {
    "array": np.asarray,
    "tensor": ops.convert_to_tensor,
}
SIZE = 5 * BLOCK + 17

every_kind = pytest.mark.parametrize("kind", KINDS)


def vectors(count: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, SIZE), np.float32)


def filled(precision: str, rows: np.ndarray, kind: str = "array") -> Pairs:
    pairs = Pairs(len(rows), precision, KINDS[kind](rows[0]))
    for index, row in enumerate(rows):
        pairs.put(index, pairs.rounded(KINDS[kind](row)))
    return pairs


def as_kept(precision: str, rows: np.ndarray) -> np.ndarray:
    kept = rows.astype(ml_dtypes.bfloat16) if precision == "bfloat16" else rows
    return kept.astype(np.float64)


# Sums


@every_kind
@pytest.mark.parametrize("number", [0.1, 0.3, 0.7])
def test_products_of_large_vectors_are_those_in_double_precision(kind: str, number: float) -> None:
    """All of one sign, and rounded the same way: the worst for a sum in single precision."""
    vector = np.full(2**22, number, np.float32)
    exact = 2**22 * float(vector[0]) ** 2
    given = KINDS[kind](vector)
    assert dot(given, given) == pytest.approx(exact, rel=1e-5)
    assert norm(given) == pytest.approx(exact**0.5, rel=1e-5)
    pairs = filled("float32", vector[None], kind)
    assert pairs.products(given) == pytest.approx(exact, rel=1e-5)


def test_vectors_in_double_precision_are_added_up_in_that() -> None:
    vector = np.random.default_rng(0).standard_normal(SIZE)
    assert dot(vector, vector) == pytest.approx(float(vector @ vector), rel=1e-14)


# Pairs


@every_kind
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_products_and_combinations_are_those_of_the_rows_as_they_are_kept(
    precision: str, kind: str
) -> None:
    rows, vector = vectors(6), vectors(7)[-1]
    pairs, kept = filled(precision, rows, kind), as_kept(precision, rows)
    products = pairs.products(KINDS[kind](vector))
    np.testing.assert_allclose(products, kept @ vector.astype(np.float64), rtol=1e-4, atol=1e-3)
    weights = np.linspace(-1, 1, 6)
    found = pairs.combination(weights, -0.5, KINDS[kind](vector))
    np.testing.assert_allclose(found, weights @ kept - 0.5 * vector, atol=1e-5)
    assert str(ops.convert_to_tensor(found).dtype).endswith("float32'>")


@every_kind
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_rows_go_through_numpys_own_types_to_the_bit(precision: str, kind: str) -> None:
    rows = vectors(4)
    array = filled(precision, rows, kind).array()
    assert array.dtype == {"float32": np.float32, "bfloat16": np.uint16}[precision]
    again = Pairs(4, precision, KINDS[kind](rows[0]))
    again.restore(array)
    np.testing.assert_array_equal(again.array(), array)


def test_no_copy_of_the_pairs_is_made_in_single_precision() -> None:
    vector = np.ones(40 * BLOCK, np.float32)
    pairs = Pairs(20, "bfloat16", vector)
    tracemalloc.start()
    pairs.products(vector)
    pairs.combination(np.ones(20), 1.0, vector)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < vector.nbytes + 3 * 20 * BLOCK * 4 < 20 * vector.nbytes / 5


@pytest.mark.parametrize("reserves", [True, False])
def test_rows_on_a_disk_are_in_a_file_without_a_name_and_not_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reserves: bool
) -> None:
    if not reserves:  # as on Windows and macOS
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = vectors(6)
    tracemalloc.start()
    pairs = Pairs(6, "disk", rows[0])
    assert not pairs.array().any()
    for index, row in enumerate(rows):
        pairs.put(index, row)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < rows[0].nbytes
    assert not list(tmp_path.iterdir())
    np.testing.assert_array_equal(pairs.array(), rows)
    np.testing.assert_array_equal(
        pairs.products(rows[5]), filled("float32", rows).products(rows[5])
    )


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system reserves no room")
def test_a_disk_without_room_is_told_of_before_anything_is_written() -> None:
    with pytest.raises(OSError, match="space|too large"):
        Pairs(2**20, "disk", np.broadcast_to(np.float32(0), (2**40,)))


def test_rows_on_a_disk_are_refused_where_a_gpu_multiplies() -> None:
    with says(ValueError, "pairs: expected", "on a GPU", "received 'disk'"):
        Pairs(2, "disk", ops.zeros(3))


# L-BFGS with them


def valley(x: np.ndarray) -> tuple[float, np.ndarray]:
    """A narrow one, curved, with a bottom well above zero, as losses of pictures have it."""
    x = np.asarray(x, np.float64)
    curvature = np.geomspace(1, 1e4, len(x))
    bent = x - 0.3 * np.roll(x, 1) ** 2
    slope = curvature * (bent - 1) / (1 + curvature * (bent - 1) ** 2) ** 0.5
    value = np.sum((1 + curvature * (bent - 1) ** 2) ** 0.5)
    return float(value), np.float32(slope - np.roll(0.6 * np.roll(x, 1) * slope, -1))


def optimizer(start: np.ndarray, **options: Any) -> ns.ManualLBFGS:
    return ns.ManualLBFGS(valley, start, *valley(start), **options)


def test_pairs_in_bfloat16_come_as_far_as_in_float32() -> None:
    values = []
    for precision in ("float32", "bfloat16"):
        lbfgs = optimizer(np.zeros(3000, np.float32), pairs=precision)
        for _ in range(60):
            lbfgs.iterate()
        values.append(lbfgs.value)
    assert values[0] < 0.2 * valley(np.zeros(3000))[0]
    assert values[1] == pytest.approx(values[0], rel=0.01) and values[1] != values[0]


def test_a_state_with_pairs_in_bfloat16_goes_on_to_the_bit_and_through_a_file(
    tmp_path: Any,
) -> None:
    straight = optimizer(np.zeros(500, np.float32), pairs="bfloat16", maxcor=4)
    for _ in range(7):
        straight.iterate()
    np.savez(tmp_path / "state.npz", allow_pickle=False, **straight.state())
    with np.load(tmp_path / "state.npz") as file:
        state = dict(file)
    again = optimizer(state["x"], pairs="bfloat16", maxcor=4)
    again.restore(state)
    for _ in range(8):
        assert straight.iterate() and again.iterate()
    np.testing.assert_array_equal(again.x, straight.x)


def test_pairs_on_a_disk_are_those_in_memory_and_go_on_from_each_others_states() -> None:
    straight = optimizer(np.zeros(500, np.float32), maxcor=4)
    on_disk = optimizer(np.zeros(500, np.float32), maxcor=4, pairs="disk")
    for _ in range(7):
        assert straight.iterate() and on_disk.iterate()
    again = optimizer(on_disk.x, maxcor=4)
    again.restore(on_disk.state())
    back = optimizer(straight.x, maxcor=4, pairs="disk")
    back.restore(straight.state(copy=False))
    for _ in range(8):
        assert all(each.iterate() for each in (straight, on_disk, again, back))
    for each in (on_disk, again, back):
        np.testing.assert_array_equal(each.x, straight.x)


@pytest.mark.parametrize("precisions", [("float32", "bfloat16"), ("bfloat16", "float32")])
def test_a_state_with_pairs_of_another_precision_is_refused(precisions: tuple[str, str]) -> None:
    ours, theirs = (optimizer(np.zeros(50, np.float32), pairs=each) for each in precisions)
    theirs.iterate()
    expected = f"state: expected corrections in {precisions[0]} .pairs., received some in "
    with says(ValueError, expected + precisions[1]):
        ours.restore(theirs.state())


def test_a_state_that_is_not_copied_is_the_optimisers_own() -> None:
    lbfgs = optimizer(np.zeros(50, np.float32))
    own, copied = lbfgs.state(copy=False), lbfgs.state()
    lbfgs.iterate()
    assert own["corrections"].any() and not copied["corrections"].any()


def test_pairs_in_another_precision_are_refused() -> None:
    expected = 'pairs: expected "float32", "bfloat16" or "disk", received \'float16\''
    with says(ValueError, expected):
        optimizer(np.zeros(5, np.float32), pairs="float16")


@pytest.mark.slow
def test_a_photographs_loss_is_within_a_hundredth_after_sixty_iterations(
    vgg: ns.VGG16Features,
) -> None:
    """On average: noise of 1e-4 in the start makes single losses up to 2 % lower or higher."""
    ratios = []
    for side in (256, 288, 320, 352):
        content, style = (
            ns.load_image(f"docs/examples/{name}.png", max_size=side)
            for name in ("content", "style")
        )
        objective = ns.ContentLoss(vgg(content), layers="block4_conv1")
        objective += 10 * ns.StyleLoss(vgg(style))
        single, half = (
            ns.minimize(objective, vgg, content, method=ns.LBFGS(pairs=precision), maxiter=60)
            for precision in ("float32", "bfloat16")
        )
        assert half.nit == single.nit == 60
        ratios.append(half.fun / single.fun)
    assert np.mean(ratios) == pytest.approx(1, abs=0.01)
