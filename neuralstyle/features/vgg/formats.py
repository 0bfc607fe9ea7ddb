"""Files of weights: which convolutions they hold, and their arrays. Nothing is unpickled."""

from __future__ import annotations

import functools
import io
import math
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuralstyle._archives import most_bytes, opened
from neuralstyle.features.vgg.plain import MEANS

Pair: TypeAlias = tuple[NDArray[Any], NDArray[Any]]
"""A kernel and a bias."""

_Readers: TypeAlias = tuple[Callable[[], NDArray[Any]], Callable[[], NDArray[Any]]]

SUFFIXES = ".h5, .weights.h5, .keras or .npz"

KERAS_NAME = re.compile(r"block\d_conv\d")
_OURS = re.compile(r"(?:.*/)?(block\d_conv\d)/(kernel|bias)")
_TORCHS = re.compile(r"(?:.*\.)?(features\.\d+)\.(weight|bias)")

TORCH_MEANS, TORCH_DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""By which torchvision's networks expect RGB in [0, 1] to be normalised."""


def convolution_names(path: Path) -> tuple[str, ...]:
    """Return the names of the convolutions that a file holds, without reading them.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tuple of str
        As the file has them, in their order: Keras' ``block1_conv1`` or torchvision's
        ``features.0``, or the names of groups where these say no more than ``conv2d_1``.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    with _said_in_a_sentence(path), _opened(path) as found:
        return tuple(found)


def read_convolutions(path: Path) -> dict[str, Pair]:
    """Read the kernels and biases that a file holds.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict from str to (kernel, bias)
        By the names that `convolution_names` gives, for networks with Keras' preprocessing.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    with _said_in_a_sentence(path), _opened(path) as found:
        pairs = {name: (kernel(), bias()) for name, (kernel, bias) in found.items()}
    return _from_torch(pairs) if any(name.startswith("features.") for name in pairs) else pairs


def read_arrays(path: Path, part: str) -> dict[str, NDArray[Any]]:
    """Read what an ``.npz`` archive holds of each convolution beside its kernel and bias.

    Parameters
    ----------
    path : Path
    part : str
        The array ``block1_conv1/part`` is that of ``block1_conv1``.

    Returns
    -------
    dict from str to array
        Empty if the archive has nothing of that name.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    with _said_in_a_sentence(path), opened(path) as arrays:
        found = ((key, key.removesuffix(f"/{part}")) for key in arrays)
        return {name: arrays[key] for key, name in found if name != key}


@contextmanager
def _said_in_a_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # on damaged data the decoders raise nearly anything
        reason = str(error).split("\n")[0]
        raise ValueError(
            f"weights: {str(path)!r} is not a readable weights file ({SUFFIXES}), "
            f"or is incomplete: {reason}"
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[dict[str, _Readers]]:
    """Open a file, and give what reads each of its convolutions."""
    if path.suffix == ".npz":
        with opened(path) as archive:
            yield _in_archive(archive)
        return
    import h5py

    source: Path | io.BytesIO = path
    size = os.path.getsize(path)
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as model:
            if model.getinfo("model.weights.h5").file_size > most_bytes(size):
                raise ValueError("it would take far more memory than a file of its size may")
            source = io.BytesIO(model.read("model.weights.h5"))
    with h5py.File(source, "r") as file:
        yield _in_hdf5(file, most_bytes(size))


def _in_archive(archive: Mapping[str, NDArray[Any]]) -> dict[str, _Readers]:
    """Find ``block1_conv1/kernel`` or ``features.0.weight`` and their like."""
    parts: dict[str, dict[str, Callable[[], NDArray[Any]]]] = {}
    for key in archive:
        if match := _OURS.fullmatch(key) or _TORCHS.fullmatch(key):
            parts.setdefault(match[1], {})[match[2]] = functools.partial(archive.__getitem__, key)
    return _in_order(
        {
            name: (found["kernel" if "kernel" in found else "weight"], found["bias"])
            for name, found in parts.items()
            if len(found) == 2
        }
    )


def _in_hdf5(file: Any, most: int) -> dict[str, _Readers]:
    """Find groups of a kernel and a bias; by Keras' names if they have them, else by their own.

    They may take so many bytes of memory at the most.
    """
    import h5py

    groups: dict[str, dict[int, Callable[[], NDArray[Any]]]] = {}
    left = most

    def read(item: Any) -> NDArray[Any]:
        nonlocal left
        if item.is_virtual or item.external:
            raise ValueError(f"its array {item.name!r} lies in another file")
        # A file need not hold the numbers that it declares: what was never written is zero.
        left -= math.prod(item.shape) * item.dtype.itemsize
        if left < 0:
            raise ValueError(
                f"its array {item.name!r} of shape {item.shape} would take far more memory than "
                "a file of its size may"
            )
        array: NDArray[Any] = item[()]
        return array

    def visit(name: str, item: Any) -> None:
        # A model saved while it was trained has its optimizer's arrays too.
        if isinstance(item, h5py.Dataset) and item.ndim in (1, 4) and "optimizer" not in name:
            groups.setdefault(name.rpartition("/")[0], {})[item.ndim] = functools.partial(
                read, item
            )

    file.visititems(visit)
    found = {name: (group[4], group[1]) for name, group in groups.items() if len(group) == 2}
    named = {match[0]: found[name] for name in found if (match := KERAS_NAME.search(name))}
    # What has a name twice, or a convolution beside those, is another network.
    return _in_order(named if len(named) == len(found) else found)


def _in_order(convolutions: dict[str, _Readers]) -> dict[str, _Readers]:
    """Sort by name, with numbers in it as numbers: conv2d, conv2d_1, conv2d_2, conv2d_10."""

    def natural(name: str) -> list[tuple[int, str]]:
        return [
            (int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)
        ]

    return {name: convolutions[name] for name in sorted(convolutions, key=natural)}


def _from_torch(pairs: Mapping[str, Pair]) -> dict[str, Pair]:
    """Turn kernels (Cout, Cin, 3, 3) into (3, 3, Cin, Cout), and the first one's input into ours.

    Torchvision's networks see (RGB - mean) / deviation, ours BGR * 255 - MEANS: the first kernel
    takes the factor and the order of colours, and the first bias what is left of the means. At the
    border, zeros around the image then stand for MEANS, where torchvision's stand for its own means
    (at most half a level of 255 away): there alone features differ, by less than a hundredth.
    """
    turned = {
        name: (kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel, bias)
        for name, (kernel, bias) in pairs.items()
    }
    kernel, bias = turned.get("features.0", (np.empty(0), np.empty(0)))
    real = kernel.dtype.kind == bias.dtype.kind == "f"
    if real and kernel.ndim == 4 and kernel.shape[2] == 3 and bias.shape == kernel.shape[3:]:
        deviations = np.array(TORCH_DEVIATIONS)
        left = (np.array(MEANS)[::-1] / 255 - TORCH_MEANS) / deviations
        shifted = bias + np.einsum("hwio,i->o", kernel, left)
        scaled = (kernel / (255 * deviations)[:, None])[:, :, ::-1]
        turned["features.0"] = (scaled, shifted)
    return turned
