"""Whatever is in a file: its loader refuses it in a sentence, or reads it; nothing else happens."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import weight_files
from hostile.mutations import OF_ARCHIVES, OF_BYTES, retold
from losses.examples import EXAMPLES, TARGET, in_float32
from support import NARROW

import neuralstyle as ns
from neuralstyle.cli.inputs import load_flow
from neuralstyle.features.architectures import VGG16
from neuralstyle.features.slim.checkpoints import Checkpoint
from neuralstyle.features.vgg.plain import random_weights
from neuralstyle.features.vgg.weights import read_weights

MANY = int(os.environ.get("NEURALSTYLE_FUZZ", "20000"))
"""Inputs for each loader in the slow test."""


@dataclass(frozen=True)
class Loader:
    """What reads a kind of files, and what makes one."""

    name: str
    write: Callable[[Path], object]
    read: Callable[[Path], Any]
    mutations: tuple[Any, ...] = OF_ARCHIVES
    check: Callable[[Any], bool] = lambda read: True


def write_losses(path: Path) -> None:
    losses = [example.make(in_float32(TARGET)) for example in EXAMPLES.values()]
    ns.save_loss(path, sum(0.5 * loss for loss in losses))


def weights() -> Any:
    return random_weights(VGG16, widths=NARROW)


def write_checkpoint(path: Path) -> None:
    names = VGG16.convolutions
    Checkpoint(path, {"seed": 1}).write(
        {name: np.arange(4) for name in names},
        dict.fromkeys(names, 1.0),
        {"step": np.array(3), "start/block1_conv1/0": np.ones((3, 3, 3, 4))},
    )


def sound_weights(read: Mapping[str, Any]) -> bool:
    arrays = [array for pair in read.values() for array in pair]
    return all(a.dtype == np.float32 and np.isfinite(a).all() and a.size for a in arrays)


def sound_losses(read: Any) -> bool:
    return isinstance(read, ns.Loss | ns.StyleObjective) and "NaN" not in repr(read)


LOADERS = [
    Loader(
        "losses",
        write_losses,
        ns.load_loss,
        (*OF_ARCHIVES, retold, retold),
        sound_losses,
    ),
    Loader(
        "weights.npz",
        lambda path: weight_files.write_npz(path, weights()),
        lambda path: read_weights(path, VGG16),
        check=sound_weights,
    ),
    Loader(
        "weights.h5",
        lambda path: weight_files.write_notop(path, weights()),
        lambda path: read_weights(path, VGG16),
        OF_BYTES,
        sound_weights,
    ),
    Loader(
        "state.npz",
        write_checkpoint,
        lambda path: Checkpoint(path, {"seed": 1}).read(VGG16),
    ),
    Loader(
        "flow.npz",
        lambda path: np.savez(path, flow=np.zeros((4, 5, 2), "f4"), mask=np.ones((4, 5), bool)),
        lambda path: load_flow(str(path)),
    ),
]

every_loader = pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.name)


def attack(loader: Loader, folder: Path, count: int, seed: int) -> int:
    """Show a loader that many damaged files; return how many it refused."""
    path = folder / loader.name
    loader.write(path)
    whole = path.read_bytes()
    loader.read(path)
    refused = 0
    for number in range(count):
        random = np.random.default_rng((seed, number))
        mutate = loader.mutations[number % len(loader.mutations)]
        path.write_bytes(mutate(whole, random))
        try:
            read = loader.read(path)
        except (ValueError, OSError) as error:
            refused += 1
            message = str(error)
            assert message and "pickle=" not in message and "\n" not in message
            assert str(path) in message, message
        except Exception as error:
            raise AssertionError(
                f"{loader.name}, {mutate.__name__}, seed {seed, number}"
            ) from error
        else:
            assert loader.check(read), f"{loader.name}, {mutate.__name__}, seed {seed, number}"
    return refused


@every_loader
def test_damaged_files_are_refused_in_a_sentence_that_names_them(
    loader: Loader, tmp_path: Path
) -> None:
    count = 66
    assert attack(loader, tmp_path, count, seed=0) > count // 2


@pytest.mark.slow
@every_loader
def test_very_many_damaged_files_are_refused(loader: Loader, tmp_path: Path) -> None:
    assert attack(loader, tmp_path, MANY, seed=1) > MANY // 2
