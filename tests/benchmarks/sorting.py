"""How long sorting takes, in every way that there is, and what it costs an evaluation.

    python tests/benchmarks/sorting.py [--rows 32] [--positions 65536 16384 4096] [--rounds 9]
        [--side 256] [--weights compact]

The first tables time the squared distance of sorted values from given ones together with its
gradient, beside NumPy's sort of the same values alone. The last times evaluations of losses of
style at the five style layers. Everything of a table runs in turn, so that a change of the
machine's speed meets all alike.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

import neuralstyle as ns
from neuralstyle._kernels import sorting
from neuralstyle.transfer.network import load_network

Call = Callable[[], Any]


def times_in_turn(calls: dict[str, Call], rounds: int) -> dict[str, np.ndarray]:
    """Call each once to warm up, and then in turn; return the seconds of each round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: np.array(seconds) for name, seconds in times.items()}


def differentiated(sort: Callable[[Any], Any], xla: bool = False) -> Callable[[Any, Any], Any]:
    """Return the compiled squared distance of the sorted rows, and its gradient."""

    @tf.function(autograph=False, jit_compile=xla)
    def value_and_gradient(rows: Any, wanted: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            value = tf.reduce_mean(tf.square(sort(rows) - wanted))
        return value, tape.gradient(value, rows)

    return value_and_gradient


def gathered(rows: Any) -> Any:
    """Sort by the permutation, whose gradient adds up what was gathered."""
    return tf.gather(rows, tf.argsort(rows, axis=-1, stable=True), axis=-1, batch_dims=1)


def by_numpy(kind: str) -> Callable[[Any], Any]:
    """Sort by NumPy's permutation, put back by a gather with its inverse."""

    def permutations(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(rows, axis=-1, kind=kind)  # type: ignore[call-overload]
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(rows.shape[1])[None], axis=-1)
        return np.take_along_axis(rows, order, axis=-1), ranks

    @tf.custom_gradient
    def sort(rows: Any) -> Any:
        values, ranks = tf.numpy_function(
            permutations, [rows], [rows.dtype, tf.int64], stateful=False
        )
        values.set_shape(rows.shape)
        return values, lambda slopes: tf.gather(slopes, ranks, axis=-1, batch_dims=1)

    return sort


def fused(rows: Any, wanted: Any) -> Any:
    """Compute value and gradient of the distance in one step of NumPy."""

    def step(rows: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        order, ranks = sorting._permutation(rows.shape[1], 0)
        gradient, total = np.empty_like(rows), 0.0
        for slopes, row, goal in zip(gradient, rows, wanted, strict=True):
            keys = sorting._keys(row, ranks)
            keys.sort()
            origins = order[keys & 0xFFFFFFFF].astype(np.intp)
            difference = row[origins] - goal
            total += float(difference @ difference)
            slopes[origins] = difference * np.float32(2 / rows.size)
        return np.float32(total / rows.size), gradient

    return tf.numpy_function(step, [rows, wanted], [tf.float32, tf.float32], stateful=False)


def one_thread(step: Callable[[slice], None], shape: tuple[int, ...]) -> None:
    """Call a step for all rows in the thread that asks."""
    rows = max(1, sorting.CHUNK // shape[1])
    for start in range(0, shape[0], rows):
        step(slice(start, start + rows))


def ours_in_one_thread(function: Callable[[], Any]) -> Call:
    """Return a call during which the library's threads are not used."""

    def call() -> Any:
        many = sorting._in_chunks
        sorting._in_chunks = one_thread
        try:
            return function()
        finally:
            sorting._in_chunks = many

    return call


def time_sorts(rows: int, positions: int, rounds: int) -> None:
    """Time every way to sort and print a table."""
    values = np.random.default_rng(0).normal(size=(rows, positions)).astype(np.float32)
    wanted = np.sort(values + 0.1, axis=-1)
    tensors = tf.constant(values), tf.constant(wanted)
    ways = {
        "tf.sort": differentiated(lambda x: tf.sort(x, axis=-1)),
        "tf.argsort and tf.gather": differentiated(gathered),
        "tf.sort, XLA": differentiated(lambda x: tf.sort(x, axis=-1), xla=True),
        "np.argsort, stable": differentiated(by_numpy("stable")),
        "np.argsort": differentiated(by_numpy("quicksort")),
        "keys, value and gradient in one step": tf.function(fused, autograph=False),
        "neuralstyle": differentiated(sorting.sort_rows),
    }
    calls: dict[str, Call] = {
        name: lambda way=way: [x.numpy() for x in way(*tensors)] for name, way in ways.items()
    }
    calls["neuralstyle, one thread"] = ours_in_one_thread(calls["neuralstyle"])
    expected, slopes = calls["tf.sort"]()
    for name, call in calls.items():
        value, gradient = call()
        np.testing.assert_allclose(value, expected, rtol=1e-4, err_msg=name)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-3, atol=1e-12, err_msg=name)
    calls["np.sort, values alone"] = lambda: np.sort(values, axis=-1)
    times = times_in_turn(calls, rounds)
    print(f"\n{rows} rows of {positions} values\n")
    print("| | ns a value | times np.sort |\n|---|---|---|")
    for name, seconds in times.items():
        ratio = np.median(seconds / times["np.sort, values alone"])
        print(f"| {name} | {1e9 * np.median(seconds) / values.size:.1f} | {ratio:.1f} |")


def time_losses(side: int, weights: str, rounds: int) -> None:
    """Time evaluations of losses of style and print a table."""
    random = np.random.default_rng(0)
    style, image = (
        ns.resize(random.uniform(size=(cells, cells, 3)).astype(np.float32), (side, side))
        for cells in (12, 60)
    )
    vgg = load_network(weights, "max")
    features = vgg(style)
    layers = tuple(ns.StyleLoss(features).layers)
    losses = {
        "StyleLoss": ns.StyleLoss(features),
        "MomentLoss": ns.MomentLoss(features),
        "GaussianWassersteinLoss": ns.GaussianWassersteinLoss(features),
        "HistogramLoss": ns.HistogramLoss(features, layers),
        "SlicedWassersteinLoss": ns.SlicedWassersteinLoss(features),
        "SlicedWassersteinLoss of patches of 7": ns.SlicedWassersteinLoss(
            features, "input", patch_size=7
        ),
    }
    evaluators = {name: ns.Evaluator(loss, vgg, (side, side)) for name, loss in losses.items()}
    times = times_in_turn(
        {name: lambda evaluate=evaluate: evaluate(image) for name, evaluate in evaluators.items()},
        rounds,
    )
    print(f"\n{side} x {side}, {weights}\n")
    print("| | ms | times StyleLoss |\n|---|---|---|")
    for name, seconds in times.items():
        ratio = np.median(seconds / times["StyleLoss"])
        print(f"| {name} | {1e3 * np.median(seconds):.0f} | {ratio:.2f} |")


def main() -> None:
    """Run the benchmark as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--positions", type=int, nargs="*", default=[65536, 16384, 4096])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--weights", choices=["compact", "random"], default="compact")
    args = parser.parse_args()
    for positions in args.positions:
        time_sorts(args.rows, positions, args.rounds)
    time_losses(args.side, args.weights, args.rounds)


if __name__ == "__main__":
    main()
