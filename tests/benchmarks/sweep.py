"""How much of a sweep's time is outside evaluations and the optimiser.

    python tests/benchmarks/sweep.py PHOTO PAINTING --size 128

Nine runs of twenty iterations, of `sweep` and of `stylize_sweep`; the first, which compiles, is not
counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import neuralstyle as ns

inside = {"depth": 0, "seconds": 0.0}


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add up the time that calls of a function take, but not those within each other."""

    def call(*args: Any, **options: Any) -> Any:
        inside["depth"] += 1
        started = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            inside["depth"] -= 1
            if not inside["depth"]:
                inside["seconds"] += time.perf_counter() - started

    return call


def measure(label: str, sweep: ns.Sweep) -> None:
    """Make the runs, and print what share of the time was outside."""
    rows = []
    started = time.perf_counter()
    for _ in sweep:
        whole = time.perf_counter() - started
        rows.append((whole, whole - inside["seconds"]))
        inside["seconds"] = 0.0
        started = time.perf_counter()
    whole, outside = (sum(column) for column in zip(*rows[1:], strict=True))
    print(f"{label:<26} {whole / 8:>6.3f} s a run, {1000 * outside / 8:>6.1f} ms outside", end="")
    print(f" ({outside / whole:.1%}); the first {rows[0][0]:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo")
    parser.add_argument("painting")
    parser.add_argument("--size", type=int, default=128)
    args = parser.parse_args()
    content, style = (ns.load_image(p, size=args.size) for p in (args.photo, args.painting))
    ns.Evaluator.at = timed(ns.Evaluator.at)  # type: ignore[method-assign]
    for method in (ns.LBFGS, ns.LBFGSB):
        method.run = timed(method.run)  # type: ignore[method-assign]
    vgg = ns.VGG16Features("compact")
    objective = ns.recipes.default()(vgg(content), vgg(style))
    vary = {"content": [0.1, 1, 10], "covariance": [1, 10, 100]}
    for name in ("l-bfgs", "l-bfgs-b"):
        runs = ns.sweep(objective, vgg, content, vary=vary, method=name, maxiter=20, ftol=0)
        measure(f"sweep, {name}", runs)
    weights = {"content_weight": [0.1, 1, 10], "style_weight": [1, 10, 100]}
    for label, options in (("one scale", {"scales": 1}), ("coarse to fine", {})):
        given: dict[str, Any] = {"size": args.size, "maxiter": 20, "ftol": 0, **options}
        runs = ns.stylize_sweep(content, style, weights, **given)
        measure(f"stylize_sweep, {label}", runs)


if __name__ == "__main__":
    main()
