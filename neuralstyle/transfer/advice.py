"""What to change to be faster, each piece of advice where it is true alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from neuralstyle._kernels.processor import ONEDNN

FEW = 2
"""Cores, up to which a processor is better given less to do."""

SMALL = 2_000_000_000
"""Bytes of free memory below which a picture of 1024 pixels may not fit."""

DEVICES = "CUDA_VISIBLE_DEVICES"
THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Facts:
    """What advice depends on.

    Attributes
    ----------
    onednn, onednn_by_default : bool, bool or None
        Whether it is in force, and whether TensorFlow would use it unless told otherwise.
    environment : dict from str to str
        Variables that are set.
    cores, all_cores : int
        Of this process, and of the machine.
    share : float or None
        Processors' time that a container grants, if it limits it.
    load : float
        Processes that wanted to run in the last minute, on average.
    threads : int
        That TensorFlow may use for one operation; 0 for as many as there are cores.
    gpus : int
        That TensorFlow sees.
    nvidia : bool
        Whether the system has a driver of NVIDIA.
    cuda : bool
        Whether this TensorFlow is made for GPUs.
    memory : int or None
        Bytes that are free, if known.
    """

    onednn: bool
    onednn_by_default: bool | None
    environment: dict[str, str]
    cores: int
    all_cores: int
    share: float | None
    load: float
    threads: int
    gpus: int
    nvidia: bool
    cuda: bool
    memory: int | None


def advice(facts: Facts) -> Iterator[str]:
    """Yield what to change, the most telling first.

    Examples
    --------
    >>> facts = Facts(True, True, {}, 2, 16, None, 0.0, 0, 0, False, True, 8_000_000_000)
    >>> for line in advice(facts):
    ...     print(line)
    this process may use 2 of 16 cores: taskset, a scheduler or the container's cpuset says so
    2 processors and no GPU: --recipe fast (recipe="fast") takes about 70 % of the time
    """
    if facts.gpus == 0:
        yield from _gpu(facts)
        yield from _processor(facts)
    if facts.memory is not None and facts.memory < SMALL:
        yield (
            f'{facts.memory / 1e9:.1f} GB of memory are free: tile="auto" (--tile auto) evaluates '
            'large pictures in parts, and VGG19Features(fast="low-memory") takes a quarter less'
        )


def _gpu(facts: Facts) -> Iterator[str]:
    """Yield why a GPU is not seen, where there is one."""
    if not facts.nvidia:
        return
    hidden = facts.environment.get(DEVICES)
    if hidden is not None and hidden.strip() in ("", "-1"):
        yield f"{DEVICES}={hidden} hides the GPU: unset it"
    elif not facts.cuda:
        yield "there is a GPU, but this TensorFlow is made for processors alone: install another"
    else:
        yield (
            "there is a driver for a GPU, but TensorFlow sees none: pip install "
            '"tensorflow[and-cuda]" brings the libraries it needs'
        )


def _processor(facts: Facts) -> Iterator[str]:
    """Yield what keeps the processor from its best."""
    variable = facts.environment.get(ONEDNN)
    off = facts.onednn_by_default is False or variable is not None
    if not facts.onednn and off:
        now = "" if variable is None else f" (it is {variable} now)"
        yield (
            f"set {ONEDNN}=1 before Python starts{now}: wide networks take about a third "
            "less time with oneDNN"
        )
    if facts.cores < facts.all_cores:
        yield (
            f"this process may use {facts.cores} of {facts.all_cores} cores: taskset, a scheduler "
            "or the container's cpuset says so"
        )
    if facts.share is not None and facts.share < facts.cores:
        yield (
            f"the container grants the time of {facts.share:g} processors, of {facts.cores} cores: "
            "raise its limit (docker run --cpus)"
        )
    if 0 < facts.threads < facts.cores:
        yield (
            f"TensorFlow is told to use {facts.threads} of {facts.cores} cores for an operation, "
            f"by {THREADS[0]} or tf.config.threading"
        )
    if facts.load >= facts.cores:
        yield (
            f"other programs are at work: {facts.load:.1f} processes wanted to run in the last "
            f"minute, on {facts.cores} cores"
        )
    many = min(facts.cores, facts.share or facts.cores)
    if many <= FEW:
        few = f"{many:g} processor{'' if many == 1 else 's'}"
        yield f'{few} and no GPU: --recipe fast (recipe="fast") takes about 70 % of the time'
