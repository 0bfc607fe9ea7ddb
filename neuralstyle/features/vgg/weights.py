"""Where a network's weights come from: Keras' ImageNet file, a file, the package, or a seed.

Every source gives the same thing, a kernel and a bias for each of the convolutions.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from neuralstyle._checks import shown
from neuralstyle._kernels.device import TRACING
from neuralstyle._kernels.half import HALVES
from neuralstyle._types import Padding
from neuralstyle.features.architectures import NETWORKS, Architecture, Pooling, Weights
from neuralstyle.features.vgg.download import imagenet_file
from neuralstyle.features.vgg.formats import KERAS_NAME, Pair, convolution_names, read_convolutions
from neuralstyle.features.vgg.plain import random_weights

DATA = Path(__file__).parents[1] / "data"
"""Where the networks lie that come with the package."""


def load_weights(
    architecture: Architecture,
    source: str | os.PathLike[str] | None,
    seed: int = 0,
    pooling: Pooling = "max",
) -> Weights:
    """Load the weights of a network's convolutions.

    Parameters
    ----------
    architecture : Architecture
    source : {"imagenet", "compact"}, path or None
        See `neuralstyle.VGG16Features`.
    seed : int, default 0
        For random weights.
    pooling : {"max", "avg"}, default "max"
        For random weights, which depend on it.

    Returns
    -------
    dict from str to (kernel, bias)

    Raises
    ------
    TypeError
        If `source` is none of these.
    FileNotFoundError
        If a path does not exist.
    ValueError
        If a file is not a weights file of the network, or `source` names what there is not.
    OSError
        If the ImageNet weights are neither in Keras' cache nor to be had from the network.

    Examples
    --------
    >>> from neuralstyle.features.architectures import VGG16
    >>> weights = load_weights(VGG16, "compact")
    >>> len(weights), weights["block1_conv1"][0].shape[:3]
    (13, (3, 3, 3))
    """
    if source is None:
        with TRACING:  # they are standardised by running the network
            return random_weights(architecture, seed, pooling)
    if source == "imagenet":
        return read_weights(imagenet_file(architecture), architecture)
    if source == "compact" and architecture.compact:
        return read_weights(DATA / architecture.compact, architecture)
    names = '"imagenet", "compact"' if architecture.compact else '"imagenet"'
    expected = f"weights: expected {names}, a file or None"
    if source == "compact":
        (of,) = (one.name for one in NETWORKS.values() if one.compact)
        raise ValueError(
            f'{expected}, received "compact", which since version 0.2 is a {of}: write '
            f'{of}Features("compact"), or network="compact" for stylize'
        )
    if source == "auto":
        raise ValueError(
            f'{expected}, received "auto", which is gone since version 0.2: write "imagenet" for '
            "weights that may have to be downloaded, or another for those that need not be"
        )
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"{expected}, received {shown(source)}")
    if not os.path.exists(source):
        raise FileNotFoundError(f"{expected}, received {str(source)!r}, which does not exist")
    return read_weights(Path(source), architecture)


def architecture_of(path: str | os.PathLike[str]) -> str:
    """Tell of which network a file holds the weights, without reading them.

    Messages call it ``network``: where weights are asked for, the network is known.

    Parameters
    ----------
    path : str or path-like
        Of a Keras ``.h5``, ``.weights.h5`` or ``.keras`` file, or ``.npz``.

    Returns
    -------
    {"vgg16", "vgg19"}

    Raises
    ------
    ValueError
        If the file cannot be read, or is of none of these networks.
    OSError
        If there is no such file.

    Examples
    --------
    >>> architecture_of(DATA / "compact-vgg16.npz")
    'vgg16'
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"network: there is no file {str(path)!r}")
    try:
        names = convolution_names(path)
    except ValueError as error:
        raise ValueError(str(error).replace("weights: ", "network: ", 1)) from error
    for name, architecture in NETWORKS.items():
        if _keys(architecture, names):
            return name
    known = NETWORKS.values()
    raise ValueError(
        f"network: {str(path)!r} does not hold the weights of a "
        f"{' or '.join(one.name for one in known)}: expected "
        f"{' or '.join(str(len(one.convolutions)) for one in known)} convolutions, "
        f"received {len(names)}"
    )


def read_weights(path: Path, architecture: Architecture) -> Weights:
    """Read the convolutions' weights from a file.

    Nothing is ever unpickled.

    Parameters
    ----------
    path : Path
        A Keras weights file or saved model, ``.h5``, ``.weights.h5`` or ``.keras``, with or without
        the classifier; or an ``.npz`` archive of arrays ``block1_conv1/kernel``,
        ``block1_conv1/bias`` and so on, or of a torchvision model's state.
    architecture : Architecture
        What it has to hold; of any width.

    Returns
    -------
    dict from str to (kernel, bias)
        In float32, whatever the file has.

    Raises
    ------
    ValueError
        If the file cannot be read, or does not hold convolutions that fit one another, in the
        network's number.
    """
    pairs = read_convolutions(path)
    problem = f"weights: {str(path)!r} does not hold the weights of a {architecture.name}: "
    keys = _keys(architecture, tuple(pairs))
    if keys is None:
        for other in NETWORKS.values():
            if _keys(other, tuple(pairs)):
                raise ValueError(f"{problem}it holds those of a {other.name}")
        first, *_, last = architecture.convolutions
        raise ValueError(
            f"{problem}expected the {len(architecture.convolutions)} convolutions {first} to "
            f"{last}, received {len(pairs)}"
        )
    channels = 3
    weights: Weights = {}
    for name, key in zip(architecture.convolutions, keys, strict=True):
        weights[name] = _checked(pairs[key], channels, f"{problem}{name} ")
        channels = len(weights[name][1])
    return weights


def digest(
    architecture: Architecture,
    weights: Weights,
    pooling: Pooling,
    padding: Padding = "zeros",
    dtype: str = "float32",
) -> str:
    """Return what names a network: a hash of its kind, its pooling and its weights.

    Parameters
    ----------
    architecture : Architecture
    weights : dict from str to (kernel, bias)
    pooling : {"max", "avg"}
    padding : {"zeros", "reflect", "wrap"}, default "zeros"
    dtype : str, default "float32"

    Returns
    -------
    str
        Hexadecimal, the same on every machine; after it, with a hyphen each, the padding if it is
        not zeros, and the precision if it is half.
    """
    hashed = hashlib.sha256(f"{architecture.name} {pooling}".encode())
    for name in architecture.convolutions:
        for array in weights[name]:
            hashed.update(f" {name} {array.shape} ".encode())
            hashed.update(np.ascontiguousarray(array, "<f4").data)
    further = [padding] * (padding != "zeros") + [dtype] * (dtype in HALVES)
    return "-".join([hashed.hexdigest(), *further])


def _keys(architecture: Architecture, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the names in a file that are the network's convolutions, if they are all of it."""
    for keys in (architecture.convolutions, architecture.torch_convolutions):
        if set(keys) == set(names):
            return keys
    # The .weights.h5 format knows layers only as conv2d, conv2d_1, conv2d_2, ...: by their order.
    named = any(KERAS_NAME.search(name) or name.startswith("features.") for name in names)
    return names if len(names) == len(architecture.convolutions) and not named else None


def _checked(pair: Pair, channels: int, problem: str) -> Pair:
    kernel, bias = pair
    width = kernel.shape[-1] if kernel.ndim else 0
    if kernel.shape != (3, 3, channels, width) or bias.shape != (width,) or width == 0:
        raise ValueError(
            f"{problem}has a kernel of shape {kernel.shape} and a bias of shape {bias.shape}, "
            f"expected (3, 3, {channels}, N) and (N,), with N at least 1"
        )
    if kernel.dtype.kind != "f" or bias.dtype.kind != "f":
        raise ValueError(
            f"{problem}has values of the types {kernel.dtype} and {bias.dtype}, expected "
            "floating-point numbers"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is infinite there
        pair = (kernel.astype(np.float32), bias.astype(np.float32))
    if not all(np.isfinite(array).all() for array in pair):
        raise ValueError(f"{problem}has values that are not finite")
    if not pair[0].any():
        raise ValueError(f"{problem}has a kernel that is zero throughout: nothing was saved there")
    return pair
