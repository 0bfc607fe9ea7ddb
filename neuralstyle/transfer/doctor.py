"""What a report of a fault, or of slowness, should say, and what to change to be faster."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np

from neuralstyle import __version__
from neuralstyle._checks import truth
from neuralstyle._kernels.processor import (
    NEURAL,
    ONEDNN,
    ONEDNN_ISA,
    VECTORS,
    cores,
    onednn_by_default,
    processor,
    share,
)
from neuralstyle.transfer.advice import DEVICES, THREADS, Facts, advice

PACKAGES = {"keras": "keras", "numpy": "numpy", "scipy": "scipy", "pillow": "PIL"}
"""The packages whose versions matter, beside what Keras runs on, and what is imported of them."""

VARIABLES = (ONEDNN, ONEDNN_ISA, "TF_XLA_FLAGS", "KERAS_BACKEND", DEVICES, *THREADS)
"""Variables of the environment that change how, or how fast, a picture is painted."""

DRIVER = Path("/proc/driver/nvidia/version")
"""What Linux has where there is a driver of NVIDIA."""

QUESTIONS = """\
**What was done** (the command or the code, and the sizes of the pictures):

**What was expected, and what came** (the whole message):
"""
"""What a report of a fault tells beside this."""

SIDE = 256
"""Of the picture that is timed."""

SECONDS = 1.0
"""How long evaluations are timed."""


@dataclass(frozen=True)
class Diagnosis:
    """What `doctor` finds.

    Attributes
    ----------
    versions : mapping from str to str
        Of neuralstyle, Python, and the packages that it computes with.
    system : str
    processor : str
    features : tuple of str
        Those of the processor that matter, as Linux spells them; empty where they are unknown.
    cores : int
        How many this process may use.
    gpus : tuple of str
        Names of the GPUs that TensorFlow sees. If there are any, they do the work.
    onednn : bool
        Whether TensorFlow computes with oneDNN on the processor.
    why : str
        Why, and what would change it.
    weights : mapping from str to str
        Where the weights of every network are, or are not.
    evaluation : float or None
        Seconds that a value and gradient of the recipe ``default`` takes at 256 x 256 pixels with
        the compact network, the median of those within a second; None if it was not timed.
    memory : int or None
        Bytes that this process can still have without swapping, within the limits of its container;
        None where the system does not tell.
    share : float or None
        How many processors' time the container grants, if it limits that.
    environment : mapping from str to str
        The variables of `VARIABLES` that are set.
    advice : tuple of str
        What to change to be faster, here and now; empty if nothing is known.

    Examples
    --------
    >>> versions, weights = {"neuralstyle": "0.2.0", "python": "3.12.1"}, {"vgg19": "not there"}
    >>> print(Diagnosis(
    ...     versions, "Linux", "Some Processor", ("avx2",), 2, (), True, "by default", weights, 0.1,
    ...     memory=3_200_000_000, advice=("use four cores",),
    ... ))
    versions    neuralstyle 0.2.0, python 3.12.1
    system      Linux
    processor   Some Processor (avx2), 2 cores
    memory      3.2 GB free
    GPU         none
    oneDNN      in force: by default
    vgg19       not there
    evaluation  0.100 s for the default recipe at 256 x 256 with the compact network
    faster      use four cores
    """

    versions: Mapping[str, str]
    system: str
    processor: str
    features: tuple[str, ...]
    cores: int
    gpus: tuple[str, ...]
    onednn: bool
    why: str
    weights: Mapping[str, str]
    evaluation: float | None
    memory: int | None = None
    share: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    advice: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return a line for each."""
        return self._text(self.weights, self.environment)

    def report(self) -> str:
        """Return a text to paste into a report of a fault, in Markdown.

        Returns
        -------
        str
            What there is to fill in, and the lines of this, without the names of folders: those of
            weights and in variables tell who works here.

        Examples
        --------
        >>> print(doctor(timing=False).report())  # doctest: +ELLIPSIS
        **What was done** (the command or the code, and the sizes of the pictures):
        <BLANKLINE>
        **What was expected, and what came** (the whole message):
        <BLANKLINE>
        ```
        versions    neuralstyle ...
        ```
        """
        weights, environment = (
            {name: without_paths(text) for name, text in of.items()}
            for of in (self.weights, self.environment)
        )
        return f"{QUESTIONS}\n```\n{self._text(weights, environment)}\n```"

    def _text(self, weights: Mapping[str, str], environment: Mapping[str, str]) -> str:
        granted = "" if self.share is None else f", of which {self.share:g} may be busy"
        lines = {
            "versions": ", ".join(f"{name} {of}" for name, of in self.versions.items()),
            "system": self.system,
            "processor": f"{self.processor} ({' '.join(self.features) or 'features unknown'}), "
            f"{self.cores} core{'s' * (self.cores != 1)}{granted}",
            "memory": "unknown" if self.memory is None else f"{self.memory / 1e9:.1f} GB free",
            "GPU": ", ".join(self.gpus) or "none",
            "oneDNN": f"{'in force' if self.onednn else 'off'}: {self.why}",
            **weights,
        }
        if self.evaluation is not None:
            lines["evaluation"] = (
                f"{self.evaluation:.3f} s for the default recipe at {SIDE} x {SIDE} with the "
                "compact network"
            )
        if environment:
            lines["variables"] = " ".join(f"{name}={of}" for name, of in environment.items())
        named = [*lines.items(), *(("faster", text) for text in self.advice)]
        return "\n".join(f"{name:10}  {text}" for name, text in named)


def doctor(*, timing: bool = True) -> Diagnosis:
    """Find out what pictures are made with, how fast, and what would be faster.

    Parameters
    ----------
    timing : bool, default True
        Time an evaluation, which takes some seconds, for it has to be compiled before.

    Returns
    -------
    Diagnosis
        Its text is a line for each; `Diagnosis.report` makes one to send.

    Raises
    ------
    TypeError
        If `timing` is not True or False.

    Notes
    -----
    Nothing is changed, set or downloaded. Whether a file of weights is whole is found out when it
    is read, not here.

    Examples
    --------
    >>> found = doctor(timing=False)
    >>> found.versions["neuralstyle"], found.cores >= 1, found.evaluation
    ('0.2.0', True, None)
    """
    from neuralstyle._kernels.device import (
        backend_version,
        gpu_names,
        made_for_gpus,
        threads_of_operation,
        uses_onednn,
    )
    from neuralstyle._kernels.memory import available_memory

    truth("timing", timing)
    kind, features = processor()
    in_force, gpus = uses_onednn(), gpu_names()
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    memory, granted = available_memory(), share()
    facts = Facts(
        onednn=in_force,
        onednn_by_default=onednn_by_default(),
        environment=variables,
        cores=cores(),
        all_cores=os.cpu_count() or 1,
        share=granted,
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        threads=threads_of_operation(),
        gpus=len(gpus),
        nvidia=DRIVER.exists(),
        cuda=made_for_gpus(),
        memory=memory,
    )
    return Diagnosis(
        versions={
            "neuralstyle": __version__,
            "python": platform.python_version(),
            **backend_version(),
            **{of: str(import_module(name).__version__) for of, name in PACKAGES.items()},
        },
        system=platform.platform(),
        processor=kind,
        features=tuple(of for of in VECTORS if of in features),
        cores=cores(),
        gpus=gpus,
        onednn=in_force,
        why=reason(in_force, os.environ.get(ONEDNN), onednn_by_default()),
        weights=places(),
        evaluation=seconds_per_evaluation() if timing else None,
        memory=memory,
        share=granted,
        environment=variables,
        advice=tuple(advice(facts)),
    )


def reason(in_force: bool, variable: str | None, by_default: bool | None) -> str:
    """Say why oneDNN is in force or off.

    Parameters
    ----------
    in_force : bool
    variable : str or None
        The value of ``TF_ENABLE_ONEDNN_OPTS``.
    by_default : bool or None
        What TensorFlow does where there is none, if that is known.

    Returns
    -------
    str

    Examples
    --------
    >>> reason(True, "1", False)
    'TF_ENABLE_ONEDNN_OPTS=1'
    """
    if variable is not None:
        wanted = variable.lower() in ("1", "true")
        late = " was set after TensorFlow had been imported, or is not for this system"
        return f"{ONEDNN}={variable}{'' if wanted == in_force else late}"
    if by_default is None or by_default != in_force:
        return f"TensorFlow's choice for this system; {ONEDNN} is not set"
    if in_force:
        return f"TensorFlow's choice for this processor; {ONEDNN} is not set"
    return (
        f"TensorFlow leaves it off on a processor without any of {', '.join(sorted(NEURAL))}; "
        f"{ONEDNN}=1 before the import makes wide networks one and a half times as fast"
    )


def places() -> dict[str, str]:
    """Return where the weights of every network are.

    Examples
    --------
    >>> list(places())
    ['compact', 'vgg16', 'vgg19']
    """
    from neuralstyle.features.architectures import NETWORKS
    from neuralstyle.features.vgg.download import imagenet_place
    from neuralstyle.features.vgg.weights import DATA

    files = {
        "compact": next(DATA / one.compact for one in NETWORKS.values() if one.compact),
        **{name: imagenet_place(one) for name, one in NETWORKS.items()},
    }
    return {
        name: f"{path} ({path.stat().st_size / 1e6:.1f} MB)"
        if path.exists()
        else f"not there, downloaded when first used: {path}"
        for name, path in files.items()
    }


def without_paths(text: str) -> str:
    r"""Return a text without the paths in it, and what is between them.

    Examples
    --------
    >>> without_paths("/home/Ann Lee/models/vgg19.h5 (80.1 MB)"), without_paths(r"--at=C:\a --on=1")
    ('... (80.1 MB)', '--at=... --on=1')
    """
    return re.sub(r"[^\s=/\\]*[/\\](.*[/\\])?\S*", "...", text)


def seconds_per_evaluation() -> float:
    """Time evaluations of the default recipe with the compact network for a second."""
    from neuralstyle.optimize.evaluation.evaluator import Evaluator
    from neuralstyle.transfer.network import load_network
    from neuralstyle.transfer.recipes import default

    recipe = default()
    network = load_network("compact", recipe.pooling)
    content, style = np.random.default_rng(0).uniform(size=(2, SIDE, SIDE, 3)).astype(np.float32)
    objective = recipe(network(content), network(style))
    evaluate, image = Evaluator(objective, network, (SIDE, SIDE)), content.ravel()
    evaluate(image)
    times: list[float] = []
    while not times or sum(times) < SECONDS:
        started = time.perf_counter()
        evaluate(image)
        times.append(time.perf_counter() - started)
    return statistics.median(times)
