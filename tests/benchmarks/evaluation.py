"""How long one evaluation takes, and how much memory: ours, plain Keras, and PyTorch.

    python tests/benchmarks/evaluation.py [--sizes 256 512] [--rounds 5] [--weights random]
        [--variants neuralstyle "plain Keras"] [--memory]

One evaluation is the value and the gradient with respect to the pixels of the objective of Gatys et
al.: content at conv4_2, Gram matrices at conv1_1 to conv5_1, VGG19 with max pooling. All run in one
process, evaluation by evaluation in turn, so that a change of the machine's speed meets all alike.
PyTorch (extra "bench"; left out where it is not installed) has its weights frozen and its network
cut at the deepest layer: with images in its default order, channels last, and channels last by
torch.compile (which needs a C++ compiler). Peak memory is that of a fresh process each, targets
included.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

STYLE = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
CONTENT, DEEPEST = "block4_conv2", "block5_conv1"
BLOCKS = {"random": (2, 2, 4, 4, 4), "blank": (2, 2, 4, 4, 4), "compact": (2, 2, 3, 3, 3)}
"""Convolutions in the blocks of the networks: of VGG19, or VGG16."""

Evaluation = Callable[[np.ndarray], tuple[float, np.ndarray]]


def ours(side: int, weights: str, fast: bool | str) -> Evaluation:
    """Return the library's evaluation, with the network's option `fast`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import neuralstyle as ns

    if weights == "compact":
        vgg: ns.Extractor = ns.VGG16Features("compact", fast=fast)
    else:
        vgg = ns.VGG19Features(None, fast=fast)
    content, style = pictures(side)
    objective = ns.ContentLoss(vgg(content), CONTENT) + ns.StyleLoss(vgg(style), STYLE)
    evaluator = ns.Evaluator(objective, vgg, (side, side))
    return lambda image: evaluator(image)


def pytorch(side: int, weights: str, channels_last: bool, compiled: bool = False) -> Evaluation:
    """Return the same evaluation written for PyTorch."""
    import torch

    order = torch.channels_last if channels_last else torch.contiguous_format
    arrays = blank_weights() if weights == "blank" else library_weights(weights)
    steps: list[tuple[str, torch.nn.Module]] = []
    for block, count in enumerate(BLOCKS[weights], start=1):
        for index in range(1, count + 1):
            kernel, bias = arrays[f"block{block}_conv{index}"]
            step = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], 3, padding=1)
            step.weight.data = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
            step.bias.data = torch.from_numpy(bias.copy())
            steps.append((f"block{block}_conv{index}", step.requires_grad_(False)))
        steps.append((f"block{block}_pool", torch.nn.MaxPool2d(2)))
    steps = steps[: [name for name, _ in steps].index(DEEPEST) + 1]
    steps = [(name, step.to(memory_format=order)) for name, step in steps]
    means = torch.tensor([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)

    def features_of(image: torch.Tensor) -> dict[str, torch.Tensor]:
        tensor, seen = image.flip(1) * 255 - means, {}
        for name, step in steps:
            tensor = step(tensor)
            if "conv" in name:
                tensor = seen[name] = torch.relu_(tensor)
        return {name: seen[name] for name in (*STYLE, CONTENT)}

    features = torch.compile(features_of) if compiled else features_of

    def gram(feature: torch.Tensor) -> torch.Tensor:
        flat = feature[0].flatten(1)
        return flat @ flat.T / flat.shape[1]

    def tensor(image: np.ndarray) -> torch.Tensor:
        chw = torch.from_numpy(image.astype(np.float32).reshape(1, side, side, 3))
        return chw.permute(0, 3, 1, 2).contiguous(memory_format=order)

    with torch.no_grad():
        content, style = (features(tensor(picture)) for picture in pictures(side))
        target = content[CONTENT].clone()
        grams = {name: gram(style[name]) for name in STYLE}
        del content, style

    def evaluate(image: np.ndarray) -> tuple[float, np.ndarray]:
        pixels = tensor(image).requires_grad_()
        seen = features(pixels)
        value = ((seen[CONTENT] - target) ** 2).mean() / (target**2).mean()
        for name, goal in grams.items():
            value = value + ((gram(seen[name]) - goal) ** 2).mean() / (goal**2).mean() / len(STYLE)
        (gradient,) = torch.autograd.grad(value, pixels)
        return value.item(), gradient.permute(0, 2, 3, 1).numpy().ravel().astype(np.float64)

    return evaluate


Weights = dict[str, tuple[np.ndarray, np.ndarray]]


def library_weights(weights: str) -> Weights:
    """Load the weights that the library's own variants use."""
    from neuralstyle.features.architectures import VGG16, VGG19
    from neuralstyle.features.vgg.weights import load_weights

    return load_weights(VGG16, "compact") if weights == "compact" else load_weights(VGG19, None)


def blank_weights() -> Weights:
    """Make zeros of the full network's shapes, without importing TensorFlow."""
    arrays: Weights = {}
    channels = 3
    for block, (count, width) in enumerate(
        zip(BLOCKS["blank"], (64, 128, 256, 512, 512), strict=True), start=1
    ):
        for index in range(1, count + 1):
            kernel = np.zeros((3, 3, channels, width), np.float32)
            arrays[f"block{block}_conv{index}"] = (kernel, np.zeros(width, np.float32))
            channels = width
    return arrays


VARIANTS: dict[str, Callable[[int, str], Evaluation]] = {
    "neuralstyle": lambda side, weights: ours(side, weights, fast=True),
    "neuralstyle, low memory": lambda side, weights: ours(side, weights, fast="low-memory"),
    "plain Keras": lambda side, weights: ours(side, weights, fast=False),
    "PyTorch": lambda side, weights: pytorch(side, weights, channels_last=False),
    "PyTorch, channels last": lambda side, weights: pytorch(side, weights, channels_last=True),
    "PyTorch, compiled": lambda side, weights: pytorch(side, weights, True, compiled=True),
}


def pictures(side: int) -> np.ndarray:
    """Draw a content and a style: coarse and fine coloured noise."""
    from neuralstyle.images import load as images

    random = np.random.default_rng(0)
    return np.stack(
        [
            images.resize(random.uniform(size=(cells, cells, 3)).astype(np.float32), (side, side))
            for cells in (12, 60)
        ]
    )


def operations(side: int, weights: str) -> float:
    """Count those of one evaluation, forwards and back, by direct convolutions."""
    count = 0.0
    for name, (kernel, bias) in library_weights(weights).items():
        positions = (side >> int(name[len("block")]) - 1) ** 2
        count += positions * kernel.size
        if name in STYLE:
            count += positions * bias.size**2
        if name == DEEPEST:
            break
    return 4 * count


def matrix_rate() -> float:
    """Measure the machine's floating-point operations a second in a matrix product."""
    a = np.random.default_rng(0).random((2048, 2048), dtype=np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * 2048**3 / float(np.median(times))


def time_in_turn(side: int, weights: str, rounds: int, names: list[str]) -> None:
    """Time the variants and print a table."""
    evaluations = {name: VARIANTS[name](side, weights) for name in names}
    image = 0.8 * pictures(side)[0].ravel().astype(np.float64) + 0.1
    results = {name: evaluate(image) for name, evaluate in evaluations.items()}
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, evaluate in evaluations.items():
            start = time.perf_counter()
            evaluate(image)
            times[name].append(time.perf_counter() - start)
    floor = operations(side, weights) / matrix_rate()
    value, gradient = results[names[0]]
    first = float(np.median(times[names[0]]))
    print(f"\n{side} x {side}; direct convolutions at the matrix product's rate: {floor:.2f} s")
    header = ("", "median s", "min", "max", "times neuralstyle", "gradient differs by")
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for name in names:
        t = np.array(times[name])
        difference = np.linalg.norm(results[name][1] - gradient) / np.linalg.norm(gradient)
        assert abs(results[name][0] - value) < 1e-4 * value, (name, results[name][0], value)
        print(
            f"| {name} | {np.median(t):.3f} | {t.min():.3f} | {t.max():.3f} "
            f"| {np.median(t) / first:.2f} | {difference:.1e} |"
        )


def peak_memory(side: int, weights: str, name: str) -> float:
    """Return the peak resident memory in MB of a fresh process that evaluates twice."""
    if "PyTorch" in name and weights == "random":
        weights = "blank"  # loading the library's would import TensorFlow beside PyTorch
    command = [
        sys.executable,
        __file__,
        "--alone",
        name,
        "--sizes",
        str(side),
        "--weights",
        weights,
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> None:
    """Run the benchmark as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--weights", choices=list(BLOCKS), default="random")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--memory", action="store_true", help="measure peak memory too")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.alone:
        evaluate = VARIANTS[args.alone](args.sizes[0], args.weights)
        for _ in range(2):
            evaluate(pictures(args.sizes[0])[0])
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    try:
        import torch  # noqa: F401

        names = args.variants
    except ImportError:
        names = [name for name in args.variants if "PyTorch" not in name]
    for side in args.sizes:
        if args.rounds:
            time_in_turn(side, args.weights, args.rounds, names)
        if args.memory:
            peaks = {name: peak_memory(side, args.weights, name) for name in names}
            print("peak memory, MB: " + ", ".join(f"{n} {p:.0f}" for n, p in peaks.items()))


if __name__ == "__main__":
    main()
