"""The library's own L-BFGS: SciPy's minima, with as many evaluations, and a state to go on from."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras import ops
from scipy.optimize import fmin_l_bfgs_b, rosen, rosen_der

import neuralstyle as ns

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    x = np.asarray(x, np.float64)
    return float(rosen(x)), rosen_der(x)


def bowl(size: int, condition: float) -> Function:
    """A random quadratic whose largest curvature is `condition` times the smallest."""
    random = np.random.default_rng(0)
    curvature = random.permutation(np.geomspace(1.0, condition, size))
    centre = random.standard_normal(size)

    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        slope = curvature * (x - centre)
        return float(0.5 * slope @ (x - centre)), slope

    return function


class Counted:
    """A function that counts its calls, in float32 for one optimiser and float64 for the other."""

    def __init__(self, function: Function, dtype: Any) -> None:
        self.function, self.dtype, self.calls = function, dtype, 0

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.calls += 1
        value, gradient = self.function(x)
        return value, np.asarray(gradient, self.dtype)


def make(function: Any, start: np.ndarray, **options: Any) -> ns.ManualLBFGS:
    x = np.float32(start)
    return ns.ManualLBFGS(function, x, *function(x), **options)


def evaluations_of_ours(function: Function, start: np.ndarray, goal: float) -> int:
    counted = Counted(function, np.float32)
    optimizer = make(counted, start)
    while optimizer.value > goal:
        assert optimizer.iterate()
    return counted.calls


def evaluations_of_scipy(function: Function, start: np.ndarray, goal: float) -> int:
    counted = Counted(function, np.float64)

    def stop(intermediate_result: Any) -> None:
        if intermediate_result.fun <= goal:
            raise StopIteration

    options: dict[str, Any] = {"factr": 0.0, "pgtol": 0.0, "maxiter": 10**5, "maxfun": 10**6}
    _, value, _ = fmin_l_bfgs_b(counted, start, callback=stop, **options)
    assert value <= goal
    return counted.calls


@pytest.mark.parametrize("size", [2, 10, 100])
def test_rosenbrocks_valley_takes_no_more_evaluations_than_scipy_makes(size: int) -> None:
    start = np.tile([-1.2, 1.0], size // 2)
    ours, scipys = (
        count(rosenbrock, start, 1e-8) for count in (evaluations_of_ours, evaluations_of_scipy)
    )
    assert ours <= 1.1 * scipys


@pytest.mark.parametrize(
    ("size", "condition"),
    [
        pytest.param(size, condition, marks=pytest.mark.slow if size * condition > 1e6 else ())
        for size in (100, 10_000, 1_000_000)
        for condition in (10.0, 1e3, 1e4)
    ],
)
def test_a_quadratic_takes_no_more_evaluations_than_scipy_makes(
    size: int, condition: float
) -> None:
    function, start = bowl(size, condition), np.zeros(size)
    goal = 1e-8 * function(start)[0]
    ours, scipys = (
        count(function, start, goal) for count in (evaluations_of_ours, evaluations_of_scipy)
    )
    assert ours <= 1.1 * scipys


def test_every_step_goes_down_and_the_minimum_is_found() -> None:
    function = Counted(bowl(50, 100.0), np.float32)
    optimizer = make(function, np.zeros(50))
    values = [optimizer.value]
    while optimizer.value > 1e-9 and optimizer.iterate():
        values.append(optimizer.value)
    assert values[-1] <= 1e-9
    assert all(later < earlier for earlier, later in zip(values, values[1:], strict=False))


def test_every_accepted_step_meets_the_strong_wolfe_conditions() -> None:
    optimizer = make(Counted(rosenbrock, np.float32), np.tile([-1.2, 1.0], 5))
    for _ in range(40):
        x, value, gradient = optimizer.x, optimizer.value, optimizer.gradient
        assert optimizer.iterate()
        step = optimizer.x - x
        slope, later = float(step @ gradient), float(step @ optimizer.gradient)
        assert slope < 0
        assert optimizer.value <= value + 1e-3 * slope * (1 - 1e-3)
        assert abs(later) <= 0.9 * abs(slope) * (1 + 1e-3)


def test_the_value_and_gradient_are_those_at_x() -> None:
    function = Counted(rosenbrock, np.float32)
    optimizer = make(function, np.array([-1.2, 1.0]), maxls=2)
    for _ in range(10):
        optimizer.iterate()
        value, gradient = function(optimizer.x)
        assert optimizer.value == value
        np.testing.assert_array_equal(optimizer.gradient, gradient)


def test_the_directions_are_those_of_the_inverse_bfgs_updates() -> None:
    """Against the textbook's dense matrices, updated from the latest corrections."""
    function = Counted(rosenbrock, np.float32)
    optimizer = make(function, np.tile([-1.2, 1.0], 3), maxcor=4)
    points = [(optimizer.x, optimizer.gradient)]
    for _ in range(9):
        optimizer.iterate()
        points.append((optimizer.x, optimizer.gradient))
    pairs = [
        tuple(np.float64(b) - np.float64(a) for a, b in zip(old, new, strict=True))
        for old, new in zip(points[-5:], points[-4:], strict=False)
    ]
    step, change = pairs[-1]
    inverse = np.eye(6) * (step @ change) / (change @ change)
    for step, change in pairs:
        rho = 1 / (step @ change)
        left = np.eye(6) - rho * np.outer(step, change)
        inverse = left @ inverse @ left.T + rho * np.outer(step, step)
    x, gradient = points[-1]
    tried: list[np.ndarray] = []
    optimizer._function = lambda x: tried.append(x) or function(x)  # type: ignore[func-returns-value]
    optimizer.iterate()
    np.testing.assert_allclose(tried[0] - x, -inverse @ gradient, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("first_step", [0.01, 3.0])
def test_the_first_step_tried_has_the_length_asked_for(first_step: float) -> None:
    tried: list[np.ndarray] = []

    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        tried.append(x)
        return float(x @ x), 2 * x

    make(function, np.full(4, 5.0), first_step=first_step).iterate()
    assert np.linalg.norm(tried[1] - tried[0]) == pytest.approx(first_step, rel=1e-4)


def test_at_a_minimum_it_stays() -> None:
    optimizer = make(lambda x: (float(x @ x), 2 * x), np.zeros(3))
    assert optimizer.iterate() is False
    np.testing.assert_array_equal(optimizer.x, 0)


def test_a_gradient_that_points_the_wrong_way_ends_it_where_it_was() -> None:
    optimizer = make(lambda x: (float(x @ x), -2 * x), np.ones(3))
    assert optimizer.iterate() is False
    np.testing.assert_array_equal(optimizer.x, 1)


def test_a_direction_that_fails_gives_way_to_steepest_descent() -> None:
    function = Counted(rosenbrock, np.float32)
    optimizer = make(function, np.array([-1.2, 1.0]))
    for _ in range(5):
        optimizer.iterate()
    # Corrections of another function altogether: uphill.
    optimizer._corrections.step_change *= -1
    before = optimizer.value
    assert optimizer.iterate()
    assert optimizer.value < before
    assert len(optimizer._corrections.slots) == 1


@pytest.mark.parametrize("maxcor", [1, 3, 10])
def test_a_restored_state_goes_on_to_the_bit(maxcor: int) -> None:
    function = Counted(bowl(2000, 1e3), np.float32)
    straight = make(function, np.zeros(2000), maxcor=maxcor)
    for _ in range(7):
        straight.iterate()
    state = straight.state()
    for _ in range(12):
        straight.iterate()
    again = make(function, state["x"], maxcor=maxcor)
    again.restore(state)
    for _ in range(12):
        again.iterate()
    assert again.value == straight.value
    np.testing.assert_array_equal(again.x, straight.x)


def test_a_state_is_a_copy() -> None:
    optimizer = make(Counted(rosenbrock, np.float32), np.array([-1.2, 1.0]))
    optimizer.iterate()
    state = optimizer.state()
    kept = {name: array.copy() for name, array in state.items()}
    for _ in range(5):
        optimizer.iterate()
    for name, array in state.items():
        np.testing.assert_array_equal(array, kept[name])


def test_a_state_with_another_number_of_corrections_is_refused() -> None:
    optimizer = make(Counted(rosenbrock, np.float32), np.array([-1.2, 1.0]))
    other = make(Counted(rosenbrock, np.float32), np.array([-1.2, 1.0]), maxcor=3)
    with pytest.raises(ValueError, match="^state: expected 10 corrections"):
        optimizer.restore(other.state())


def test_on_tensors_it_makes_the_same_steps() -> None:
    host = Counted(bowl(200, 100.0), np.float32)

    def device(x: Any) -> tuple[float, Any]:
        value, gradient = host(ops.convert_to_numpy(x))
        return value, ops.convert_to_tensor(gradient)

    arrays = make(host, np.zeros(200), maxcor=5)
    x = ops.zeros(200)
    tensors = ns.ManualLBFGS(device, x, *device(x), maxcor=5)
    for _ in range(12):
        assert arrays.iterate() and tensors.iterate()
    assert not isinstance(tensors.x, np.ndarray)
    np.testing.assert_allclose(tensors.x, arrays.x, rtol=1e-3, atol=1e-4)
    state = tensors.state()
    again = ns.ManualLBFGS(device, tensors.x, *device(tensors.x), maxcor=5)
    again.restore(state)
    tensors.iterate()
    again.iterate()
    np.testing.assert_array_equal(again.x, tensors.x)


@pytest.mark.slow
def test_an_iteration_takes_a_fifth_of_the_time_of_scipys() -> None:
    """Beside the evaluations, with as many numbers as a picture of 512 x 512 pixels has."""
    function, inside = bowl(3 * 512**2, 1e4), [0.0]

    def timed(x: np.ndarray, dtype: Any) -> tuple[float, np.ndarray]:
        began = time.perf_counter()
        value, gradient = function(x)
        gradient = gradient.astype(dtype)
        inside[0] += time.perf_counter() - began
        return value, gradient

    start = np.zeros(3 * 512**2)
    optimizer = make(lambda x: timed(x, np.float32), start)
    for _ in range(12):
        optimizer.iterate()
    inside[0], began = 0.0, time.perf_counter()
    for _ in range(15):
        optimizer.iterate()
    ours = (time.perf_counter() - began - inside[0]) / 15

    marks: list[float] = []
    fmin_l_bfgs_b(
        lambda x: timed(x, np.float64),
        start,
        factr=0.0,
        pgtol=0.0,
        maxiter=27,
        callback=lambda x: marks.append(time.perf_counter() - inside[0]),
    )
    scipys = (marks[-1] - marks[11]) / (len(marks) - 12)
    assert ours <= scipys / 5
