"""How soon a loss is reached: ours, SciPy's, and the optimisers of the peers.

    python tests/benchmarks/convergence.py CONTENT STYLE [--size 256] [--weights compact]
        [--init content] [--evaluations 1000] [--ours 250] [--plot FILE] [--pictures FOLDER]

All minimise the same objective from the same start: content at conv4_2 (0.05), Gram matrices at
conv1_1 to conv5_1 (1) and total variation (0.5), each relative. An evaluation at a coarser scale
counts by its share of the pixels. The rivals are written here as their sources have them:
neural-style-pt's L-BFGS without a line search and with a history of 100, on pixels from 0 to 255;
style-transfer-pytorch's Adam, whose averaged iterate is what it returns. The goal is the loss that
neural-style-pt's has at the end. Plots need the extra "plot".
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import neuralstyle as ns
from neuralstyle.images.load import scaled_size
from neuralstyle.optimize.beginning import initial_image
from neuralstyle.optimize.parametrizations import measured_curvature, spectral
from neuralstyle.transfer.network import load_network

STYLE = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
COARSE = (100, 100, 60)
"""Iterations at the coarser scales, an eighth, a quarter and a half of the size."""


class Point(NamedTuple):
    """Of a curve: evaluations at full size, seconds, and the lowest loss at full size so far."""

    evaluations: float
    seconds: float
    loss: float


class Curve:
    """A run's points, and its picture."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.spent = 0.0
        self.image = np.empty((0, 0, 3), np.float32)
        self._began = time.perf_counter()

    def note(self, evaluations: float, loss: float) -> None:
        """Add a point at full size."""
        lowest = min(loss, self.points[-1].loss) if self.points else loss
        seconds = time.perf_counter() - self._began
        self.points.append(Point(self.spent + evaluations, seconds, lowest))

    def at(self, evaluations: float) -> float:
        """Return the loss after that many evaluations."""
        return min((p.loss for p in self.points if p.evaluations <= evaluations), default=np.nan)

    def reaches(self, goal: float) -> Point | None:
        """Return the first point at or below a loss."""
        return next((p for p in self.points if p.loss <= goal), None)


class Task:
    """A pair of pictures, a network and a start."""

    def __init__(self, content: str, style: str, size: int, weights: str, init: str) -> None:
        self.content, self.style = ns.load_image(content), ns.load_image(style)
        self.vgg = load_network(weights, "avg")
        self.size, self.init = size, init

    def picture(self, image: np.ndarray, size: int) -> np.ndarray:
        """Scale a picture to a longer side."""
        return ns.resize(image, scaled_size(image.shape, size))

    def objective(self, size: int) -> tuple[ns.StyleObjective, np.ndarray]:
        """Return the objective at a size, and the content there."""
        content = self.picture(self.content, size)
        c, s = self.vgg(content), self.vgg(self.picture(self.style, size))
        objective = 0.05 * ns.ContentLoss(c, "block4_conv2") + ns.StyleLoss(s, STYLE)
        return objective + 0.5 * ns.TotalVariationLoss(), content

    def start(self, content: np.ndarray) -> np.ndarray:
        """Return where runs start."""
        if self.init == "content":
            return content
        return initial_image("noise", shape=content.shape)


def neural_style_pt(task: Task, evaluations: int) -> Curve:
    """torch.optim.LBFGS(lr=1, history_size=100), tolerances off, as neural-style-pt calls it."""
    objective, content = task.objective(task.size)
    evaluator = ns.Evaluator(objective, task.vgg, content.shape)
    curve = Curve()
    x = task.start(content).ravel() * np.float32(255)
    # Its losses are in the millions; the optimiser's thresholds are for such.
    scale = np.float32(1e6 / 255)
    value, gradient = evaluator(x / np.float32(255))
    curve.note(1, value)
    best, image = value, x
    slope, pairs, gamma = gradient * scale, [], 1.0
    direction, rate = -slope, min(1.0, 1.0 / float(np.abs(slope).sum()))
    for count in range(2, evaluations + 1):
        step = np.float32(rate) * direction
        x = x + step
        value, gradient = evaluator(x / np.float32(255))
        if not np.isfinite(value):
            break
        curve.note(count, value)
        if value < best:
            best, image = value, x
        change, slope = gradient * scale - slope, gradient * scale
        product = float(change @ step)
        if product > 1e-10:
            pairs = [*pairs[-99:], (step, change, 1.0 / product)]
            gamma = product / float(change @ change)
        direction, weights = -slope, []
        for s, y, rho in reversed(pairs):
            weights.append(np.float32(rho * float(s @ direction)))
            direction = direction - weights[-1] * y
        direction = direction * np.float32(gamma)
        for (s, y, rho), weight in zip(pairs, reversed(weights), strict=True):
            direction = direction + (weight - np.float32(rho * float(y @ direction))) * s
        rate = 1.0
    curve.image = np.clip(image / 255, 0, 1).reshape(content.shape).astype(np.float32)
    return curve


def one_scale(task: Task, evaluations: int, method: ns.Method | str) -> Curve:
    """`minimize` at full size from the start on."""
    objective, content = task.objective(task.size)
    curve = Curve()
    result = ns.minimize(
        objective,
        task.vgg,
        task.start(content),
        method=method,
        maxiter=evaluations,
        maxfun=evaluations,
        bounds=(0.0, 1.0) if method == "adam" else None,
        callback=lambda now: curve.note(now.nfev, now.fun),
    )
    curve.note(result.nfev, result.fun)
    curve.image = result.image
    return curve


def coarse_to_fine(
    task: Task,
    evaluations: int,
    *,
    method: ns.Method | str = "l-bfgs",
    detail: bool = True,
    carry: bool = False,
) -> Curve:
    """Four scales, each begun with the enlarged result of the last.

    With `detail` what the content gains is added to it; with `carry` the curvature that the last
    scale's corrections measure scales the parameters of the next.
    """
    curve = Curve()
    sizes = [task.size // 8, task.size // 4, task.size // 2, task.size]
    full = float(np.prod(scaled_size(task.content.shape, task.size)))
    image = parametrization = curvature = before = None
    for size in sizes:
        objective, content = task.objective(size)
        last = size == task.size
        share = content.shape[0] * content.shape[1] / full
        if image is None:
            image = task.start(content)
        else:
            image = ns.resize(image, content.shape[:2])
            if detail:
                image = np.clip(image + content - ns.resize(before, content.shape[:2]), 0, 1)
        if carry and curvature is not None:
            parametrization = spectral(content.shape, curvature)
        left = int(evaluations - curve.spent) if last else COARSE[sizes.index(size)]
        result = ns.minimize(
            objective,
            task.vgg,
            image,
            method=method,
            maxiter=left,
            maxfun=left if last else None,
            parametrization=parametrization,
            callback=(lambda now: curve.note(now.nfev, now.fun)) if last else None,
        )
        if carry and not last and result.state is not None:
            rows = result.state["corrections"].reshape(-1, 1, *content.shape)
            steps, changes = np.split(rows, 2)
            if parametrization is not None:
                steps = np.array([parametrization.pixels(step) for step in steps])
                # The map is symmetric, so a gradient is pulled back by its inverse.
                changes = np.array([parametrization.parameters(change) for change in changes])
            curvature = measured_curvature(steps[:, 0], changes[:, 0])
        if not last:
            curve.spent += share * result.nfev
        image, before = result.image, content
    curve.note(result.nfev, result.fun)
    curve.image = result.image
    return curve


Run = Callable[[Task, int], Curve]
RIVAL = "neural-style-pt: L-BFGS, history 100, no line search"
OURS: dict[str, Run] = {
    "style-transfer-pytorch: Adam, average": lambda t, n: one_scale(t, n, "adam"),
    "SciPy's L-BFGS-B": lambda t, n: one_scale(t, n, "l-bfgs-b"),
    "own L-BFGS": lambda t, n: one_scale(t, n, "l-bfgs"),
    "own L-BFGS, maxcor 50": lambda t, n: one_scale(t, n, ns.LBFGS(maxcor=50)),
    "coarse to fine": lambda t, n: coarse_to_fine(t, n, detail=False),
    "coarse to fine, detail": lambda t, n: coarse_to_fine(t, n),
    "coarse to fine, detail, curvature": lambda t, n: coarse_to_fine(t, n, carry=True),
    "the same, maxcor 50": lambda t, n: coarse_to_fine(
        t, n, carry=True, method=ns.LBFGS(maxcor=50)
    ),
}


def report(curves: dict[str, Curve], marks: list[int]) -> None:
    """Print a table."""
    goal = curves[RIVAL].points[-1].loss
    header = ("", *(f"{m} evaluations" for m in marks), "goal after evaluations", "seconds")
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for name, curve in curves.items():
        losses = [f"{curve.at(m):.5f}" if np.isfinite(curve.at(m)) else "" for m in marks]
        point = curve.reaches(goal)
        # Not reached: when the rival has the loss that this ends with.
        end = curve.points[-1]
        rival = curves[RIVAL].reaches(end.loss)
        reached = f"{point.evaluations:.0f}" if point else ""
        if not point and rival:
            reached = f"(at {end.evaluations:.0f} as far as the rival at {rival.evaluations:.0f})"
        seconds = point.seconds if point else end.seconds
        print(f"| {name} | {' | '.join(losses)} | {reached} | {seconds:.1f} |", flush=True)


def plot(curves: dict[str, Curve], path: str) -> None:
    """Draw loss against evaluations and against seconds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(12, 5), sharey=True)
    for axis, field in zip(axes, ("evaluations", "seconds"), strict=True):
        for name, curve in curves.items():
            xs = [getattr(point, field) for point in curve.points]
            axis.plot(xs, [point.loss for point in curve.points], label=name, linewidth=1.2)
        lowest = min(curve.points[-1].loss for curve in curves.values())
        axis.set(xscale="log", yscale="log", xlabel=field, ylim=(lowest * 0.97, lowest * 5))
    axes[0].set_ylabel("loss at full size")
    axes[1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run the benchmark as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("content")
    parser.add_argument("style")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--weights", default="compact", help="name or file of a network")
    parser.add_argument("--init", choices=["content", "noise"], default="content")
    parser.add_argument("--evaluations", type=int, default=1000, help="of the rival")
    parser.add_argument("--ours", type=int, default=250, help="evaluations of the others")
    parser.add_argument("--plot")
    parser.add_argument("--pictures", type=Path)
    args = parser.parse_args()
    task = Task(args.content, args.style, args.size, args.weights, args.init)
    coarse_to_fine(task, 30)  # compiles
    curves = {RIVAL: neural_style_pt(task, args.evaluations)}
    for name, run in OURS.items():
        curves[name] = run(task, args.ours)
    report(curves, [m for m in (50, 100, 250, 1000) if m <= args.evaluations])
    if args.plot:
        plot(curves, args.plot)
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
        for index, (name, curve) in enumerate(curves.items()):
            short = name.split(":")[0].replace(" ", "-").replace(",", "").replace("'", "")
            ns.save_image(args.pictures / f"{index}-{short}.png", curve.image)


if __name__ == "__main__":
    main()
