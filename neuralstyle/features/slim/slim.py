"""Narrow networks out of wide ones: the whole way, from the choice of channels to the card."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from neuralstyle._checks import check_callback, choice, number, shown, whole_number
from neuralstyle._kernels.device import check_backend
from neuralstyle._types import PathLike
from neuralstyle.features.architectures import NETWORKS, Architecture, Weights
from neuralstyle.features.crops import VALIDATION, Crops, Images
from neuralstyle.features.slim import model_card
from neuralstyle.features.slim.activations import POOLINGS, Teacher, squared_errors
from neuralstyle.features.slim.checkpoints import Checkpoint
from neuralstyle.features.slim.distillation import Example, Examples, Training
from neuralstyle.features.slim.slimmed import Begun, Slimmed, SlimProgress, Start, begun
from neuralstyle.features.slim.slimming import fit, moments, select
from neuralstyle.features.vgg import weights as sources
from neuralstyle.features.vgg.normalization import Means, mean_activations
from neuralstyle.features.vgg.vgg import VGG16Features, VGG19Features
from neuralstyle.images.load import MAX_PIXELS

Network: TypeAlias = VGG16Features | VGG19Features | PathLike

SIDES = (128, 192, 96, 160)
PIXELS = 120_000
BATCHES = (24, 64)

RATE = 1e-3
"""Of Adam, in units of a layer's typical weight: its outputs' size by its inputs'."""

FRESH, REUSE = 24, 4
"""Batches of a round of training, and how many times it crosses them."""

LEAST_SIDE = 32
"""Of crops: what five poolings leave a pixel of."""

LEFT_OUT = 16
"""One picture of so many is not trained on."""

CHECKED_SIDE, CHECKED_BATCHES = 128, 8
"""Of the crops of pictures left out, on which errors are measured in the end."""

SAVED_EVERY = 60.0
"""Seconds between two checkpoints."""


def slim(
    network: Network,
    images: Images,
    widths: Sequence[int] | None = None,
    *,
    start: Start | Sequence[Start] | None = None,
    steps: int = 0,
    minutes: float | None = None,
    seed: int = 0,
    resume: PathLike | None = None,
    callback: Callable[[SlimProgress], object] | None = None,
    sides: Sequence[int] = SIDES,
    pixels: int = PIXELS,
    batches: tuple[int, int] = BATCHES,
    rate: float = RATE,
    fresh: int = FRESH,
    reuse: int = REUSE,
    dtype: str = "float32",
    licence: str | None = None,
    command: str | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Slimmed:
    r"""Make a narrow network whose channels are those of a wide one.

    For every layer, the channels that the next layer needs most are chosen; the kernels are fitted
    to them by least squares, layer after layer; then all layers are trained together. The result
    can take the wide network's place: its layers have the same names, and their activations the
    same sizes.

    Parameters
    ----------
    network : VGG16Features, VGG19Features, or what names the weights of one
        The wide network: "vgg16", "vgg19" (ImageNet's weights), or a file.
    images : path, array, or sequence of them
        Pictures, or folders of pictures. What is named several times is taken as often. One
        picture of 16 is left out, the same whatever the seed, for the errors in the end; where
        nothing is trained, with a `start` and 0 steps, these are those of all pictures.
    widths : sequence of int, optional
        Channels of the convolutions in each of the five blocks, or of every convolution. Only with
        `start` they may be left out.
    start : Slimmed or path, or sequence of them, optional
        A slim network of `network`, or a file with one, to fine-tune further: it takes the place of
        the choice of channels and the least squares. Of several, of the same channels, their mean:
        that of a network and what fine-tuning made of it errs less than either.
    steps : int, default 0
        Of fine-tuning; 0 leaves it at least squares.
    minutes : float, optional
        After so many, fine-tuning ends even if there are steps left, and the card says so.
    seed : int, default 0
    resume : path, optional
        A file that the state is saved to every minute and when training ends, whatever ended it,
        and that is gone on from if it is there. The result is the same as without the interruption.
    callback : callable, optional
        Called with a `SlimProgress` after every step.
    sides : sequence of int, default (128, 192, 96, 160)
        Sides in pixels, at least 32, of the crops that are looked at, batch after batch.
    pixels : int, default 120000
        Of a batch.
    batches : (int, int), default (24, 64)
        How many the choice of channels and the least squares look at.
    rate : float, default 0.001
        Adam's, in units of a layer's typical weight.
    fresh, reuse : int, default 24 and 4
        What the wide network makes of so many batches is kept, and trained on so many times.
    dtype : {"float32", "bfloat16"}, default "float32"
        What fine-tuning computes both networks in. "bfloat16" takes about half the time where the
        processor multiplies numbers of it (AVX512_BF16, AMX), and more elsewhere. The weights are
        float32 all the same, and the errors in the end are measured in it.
    licence : str, optional
        A sentence for the card on where the wide network comes from and what its licence asks. For
        ImageNet's weights it is there by default.
    command : str, optional
        What the card says the network was made with; by default the call.
    max_pixels : int, default 268435456
        Refuse pictures that have more, as `load_image` does.

    Returns
    -------
    Slimmed

    Raises
    ------
    TypeError, ValueError
        If an argument is not one of the above, or `resume` is the state of another run.
    FileNotFoundError
        If a file or a folder does not exist.

    Notes
    -----
    Both poolings are trained, in turn. The same arguments give the same network on the same
    machine. With the default settings, about 4 GB of memory are in use.

    References
    ----------
    He, Zhang and Sun, Channel Pruning for Accelerating Very Deep Neural Networks, ICCV 2017.
    Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization, UAI 2018.

    Examples
    --------
    With pictures so small and few it is good for nothing but to be quick:

    >>> from neuralstyle import VGG16Features
    >>> pictures = list(np.random.default_rng(0).uniform(size=(16, 48, 48, 3)))
    >>> small = {"sides": (32,), "pixels": 4096, "batches": (1, 2)}
    >>> slim(VGG16Features("compact"), pictures, (4, 8, 8, 8, 8), **small)
    Slimmed(vgg16, channels 4 to 8, 0 steps)
    """
    check_backend()
    clock = time.monotonic()
    name, architecture, wide, source = _teacher(network)
    given = None if start is None else begun(start, architecture, wide)
    wanted = _widths(architecture, wide, widths, given)
    steps = whole_number("steps", steps, 0)
    limit = math.inf if minutes is None else 60 * number("minutes", minutes, above=0)
    seed = whole_number("seed", seed, 0)
    rate = number("rate", rate, above=0)
    pixels = whole_number("pixels", pixels, 1)
    fresh, reuse = whole_number("fresh", fresh, 1), whole_number("reuse", reuse, 1)
    sides = _whole_numbers("sides", sides, LEAST_SIDE)
    looked = _whole_numbers("batches", batches, 1)
    if len(looked) != 2:
        raise ValueError(f"batches: expected two numbers, received {shown(batches)}")
    choice("dtype", dtype, ("float32", "bfloat16"))
    most = whole_number("max_pixels", max_pixels, 1)
    for argument, text in {"licence": licence, "command": command}.items():
        if not isinstance(text, str | None):
            raise TypeError(f"{argument}: expected a string, received {shown(text)}")
    check_callback(callback)
    only_looked_at = given if steps == 0 else None
    every = LEFT_OUT if only_looked_at is None else 1
    crops = Crops(images, sides, pixels, seed=seed, every=every, max_pixels=most)
    settings = {
        "network": sources.digest(architecture, wide, "max"),
        "images": f"{len(crops)} of {crops.digest[:16]}",
        "widths": list(wanted.values()),
        "start": None if given is None else sources.digest(architecture, given.weights, "max"),
        "seed": seed,
        "sides": list(sides),
        "pixels": pixels,
        "batches": list(looked),
        "rate": rate,
        "fresh": fresh,
        "reuse": reuse,
        "dtype": dtype,
    }
    checkpoint = Checkpoint(resume, settings)
    saved = checkpoint.read(architecture)

    def report(
        stage: str, done: int, total: int, errors: Mapping[str, float] | None = None
    ) -> None:
        if callback is not None:
            seconds = time.monotonic() - clock
            callback(SlimProgress(stage, done, total, seconds, errors or {}))

    if saved is None and only_looked_at is not None:
        channels, weights = only_looked_at.channels, only_looked_at.weights
        sizes = dict.fromkeys(wide, 1.0)  # nothing is divided by them; so no state is written
        training = Training(architecture, weights, sizes, steps, rate, dtype)
    elif saved is None:
        seen = moments(architecture, wide, crops, looked[0], report)
        channels = select(wide, wanted, seen) if given is None else given.channels
        sizes = seen.sizes(channels)
        if given is None:
            weights = fit(architecture, wide, channels, sizes, crops, looked[1], report)
        else:
            weights = given.weights
        training = Training(architecture, weights, sizes, steps, rate, dtype)
        checkpoint.write(channels, sizes, training.arrays())
    else:
        channels, sizes, arrays = saved
        training = Training.restored(architecture, arrays, sizes, steps, rate, dtype)
        if training.step > steps:
            raise ValueError(
                f"steps: expected at least {training.step}, which {os.fspath(resume or '')!r} has "
                f"done, received {steps}"
            )
    if training.step < steps:
        training.whiten(crops)
        teacher = Teacher(architecture, wide, channels, sizes, dtype)
        examples = Examples(teacher, crops, fresh, reuse)
        _train(
            training,
            examples.since(training.step),
            clock + limit,
            lambda: checkpoint.write(channels, sizes, training.arrays()),
            lambda: report("training", training.step, steps, training.errors),
        )
    weights = training.weights
    errors: dict[str, dict[str, float]] = {}
    means: dict[str, Means] = {}
    for index, pooling in enumerate(POOLINGS):
        report("errors", index, len(POOLINGS))
        kept = (crops.batch(VALIDATION, i, CHECKED_SIDE) for i in range(CHECKED_BATCHES))
        errors[pooling] = squared_errors(architecture, weights, wide, channels, kept, pooling)
        whole = crops.pictures(VALIDATION)
        means[pooling] = mean_activations(architecture, weights, whole, pooling)
    card = model_card.card(
        architecture,
        source,
        wide,
        weights,
        errors,
        crops,
        start=None if given is None else given.called,
        steps=(training.step, steps),
        seed=seed,
        licence=licence,
        command=command,
    )
    return Slimmed(name, weights, channels, errors, means, training.step, card)


def _train(
    training: Training,
    examples: Iterator[Example],
    ends: float,
    save: Callable[[], None],
    report: Callable[[], None],
) -> None:
    """Take all steps, or those until the clock says `ends`; what is done is saved in any case."""
    over = False
    while not over:
        written = time.monotonic()
        try:
            for example in examples:
                training.advance(example)
                report()
                now = time.monotonic()
                over = training.step >= training.steps or now >= ends
                if over or now - written >= SAVED_EVERY:
                    break
        finally:
            save()


def _teacher(network: Network) -> tuple[str, Architecture, Weights, str]:
    """Return a network's name and architecture, its weights, and what to call these."""
    if isinstance(network, VGG16Features | VGG19Features):
        kind = network.architecture
        return kind.name.lower(), kind, network._arrays, _called(network.weights)
    if not isinstance(network, str | os.PathLike):
        raise TypeError(
            'network: expected a VGG16Features, a VGG19Features, "vgg16", "vgg19" or a file, '
            f"received {shown(network)}"
        )
    if network in NETWORKS:
        kind = NETWORKS[str(network)]
        return str(network), kind, sources.load_weights(kind, "imagenet"), "ImageNet"
    if not os.path.isfile(network):
        raise FileNotFoundError(
            'network: expected "vgg16", "vgg19" or a file of the weights of one, '
            f"received {os.fspath(network)!r}, which does not exist"
        )
    name = sources.architecture_of(network)
    return name, NETWORKS[name], sources.load_weights(NETWORKS[name], network), _called(network)


def _called(source: Any) -> str:
    names = {"imagenet": "ImageNet", "None": "random"}
    return names.get(str(source), Path(str(source)).name)


def _whole_numbers(argument: str, values: Any, least: int) -> tuple[int, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray) or not len(values):
        raise TypeError(f"{argument}: expected several whole numbers, received {shown(values)}")
    return tuple(whole_number(argument, value, least) for value in values)


def _widths(
    architecture: Architecture, wide: Weights, widths: Any, given: Begun | None
) -> dict[str, int]:
    """Return the width of every convolution."""
    names = architecture.convolutions
    started = None if given is None else tuple(len(bias) for _, bias in given.weights.values())
    if widths is None:
        if started is None:
            raise TypeError("widths: expected several whole numbers, received None without a start")
        widths = started
    numbers = _whole_numbers("widths", widths, 1)
    if len(numbers) == len(architecture.blocks):
        numbers = tuple(numbers[int(name[len("block")]) - 1] for name in names)
    if len(numbers) != len(names):
        raise ValueError(
            f"widths: expected {len(architecture.blocks)} numbers, or {len(names)} for all "
            f"convolutions of {architecture.name}, received {len(numbers)}"
        )
    if started is not None and numbers != started:
        raise ValueError(f"widths: expected none, or those of start: {started}, received {numbers}")
    wanted = dict(zip(names, numbers, strict=True))
    for name, width in wanted.items():
        if width > len(wide[name][1]):
            raise ValueError(
                f"widths: expected at most {len(wide[name][1])} for {name}, received {width}"
            )
    return wanted
