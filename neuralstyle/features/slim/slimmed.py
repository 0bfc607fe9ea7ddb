"""What `slim` tells and returns: how far it has come, and the network with its file and card."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._archives import opened
from neuralstyle._checks import choice, shown
from neuralstyle._files import check_place, replacing
from neuralstyle._types import PathLike
from neuralstyle.features.architectures import Architecture, Weights
from neuralstyle.features.slim.activations import Channels
from neuralstyle.features.vgg.normalization import Means
from neuralstyle.features.vgg.weights import read_weights


class SlimProgress(NamedTuple):
    """How far the making of a slim network has come.

    Attributes
    ----------
    stage : str
        "selection", "teacher", "least squares", "training" or "errors".
    done, total : int
        In batches, layers or steps.
    seconds : float
        Since the start.
    errors : dict from str to float
        While training, moving averages of the squared error of every layer.
    """

    stage: str
    done: int
    total: int
    seconds: float
    errors: Mapping[str, float]


@final
class Slimmed(NamedTuple):
    """A slim network.

    Attributes
    ----------
    architecture : str
        "vgg16" or "vgg19".
    weights : dict from str to (kernel, bias)
        Of all convolutions.
    channels : dict from str to array of int
        For each layer, which of the wide network's channels it has, in ascending order.
    errors : dict from str to dict from str to float
        For ``"avg"`` and ``"max"``, the squared error of every layer on pictures that were left
        out, relative to the mean square of the wide network's channels.
    means : dict from str to dict from str to array
        For ``"avg"`` and ``"max"``, the mean activation of every channel on these pictures.
    steps : int
        Of fine-tuning that were done.
    card : str
        What the network is and how it was made, in Markdown.
    """

    architecture: str
    weights: Weights
    channels: Channels
    errors: Mapping[str, Mapping[str, float]]
    means: Mapping[str, Means]
    steps: int
    card: str

    def __repr__(self) -> str:
        """Describe it in a line."""
        widths = [len(kept) for kept in self.channels.values()]
        few, many = min(widths), max(widths)
        return f"Slimmed({self.architecture}, channels {few} to {many}, {self.steps} steps)"

    def save(self, target: PathLike, dtype: str = "float16") -> None:
        """Write the network to an ``.npz`` file, and its card beside it.

        Parameters
        ----------
        target : str or path-like
            The card has the same name with ``.md``.
        dtype : {"float16", "float32"}, default "float16"
            Of the kernels; biases are float32. As float16, kernels are rounded to eight significant
            bits, which the activations do not show, and takes a sixth off the file.

        Raises
        ------
        ValueError
            If `target` does not end in ``.npz``, or `dtype` is another.
        OSError
            If a file cannot be written.

        Notes
        -----
        ``VGG16Features(target)`` or ``VGG19Features(target)`` reads it. Beside the kernels and
        biases, ``block1_conv1/channels`` and so on are the wide network's channels, and
        ``block1_conv1/mean_avg`` and ``/mean_max`` their mean activations, for ``normalized()``.
        """
        path = checked_target(target)
        choice("dtype", dtype, ("float16", "float32"))
        arrays: dict[str, NDArray[Any]] = {}
        for name, (kernel, bias) in self.weights.items():
            arrays[f"{name}/kernel"] = kernel if dtype == "float32" else _short(kernel)
            arrays[f"{name}/bias"] = bias.astype(np.float32)
            arrays[f"{name}/channels"] = self.channels[name].astype(np.int16)
            for pooling, means in self.means.items():
                arrays[f"{name}/mean_{pooling}"] = means[name]
        with replacing(path) as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        with replacing(path.with_suffix(".md")) as file:
            file.write(self.card.encode())


Start: TypeAlias = Slimmed | PathLike
"""A slim network to go on from."""


class Begun(NamedTuple):
    """What is gone on from: weights, the wide network's channels that they are for, and a name."""

    weights: Weights
    channels: Channels
    called: str


def _short(kernel: NDArray[np.float32]) -> NDArray[np.float16]:
    """Round to float16 with eight of its eleven significant bits: zeros compress."""
    bits = kernel.astype(np.float16).view(np.uint16).astype(np.uint32)
    rounded = (bits + 3 + (bits >> 3 & 1)) & ~np.uint32(7)  # ties to even
    short: NDArray[np.float16] = rounded.astype(np.uint16).view(np.float16)
    return short


def begun(start: Start | Sequence[Start], architecture: Architecture, wide: Weights) -> Begun:
    """Return what is gone on from: slim networks' mean.

    Parameters
    ----------
    start : Slimmed, str or path-like, or sequence of them
        Files are what `Slimmed.save` wrote.
    architecture : Architecture
    wide : dict from str to (kernel, bias)
        Of the network that it has channels of.

    Returns
    -------
    Begun
        Called by the files' names, without folders.

    Raises
    ------
    TypeError, FileNotFoundError, ValueError
        If one is no slim network of this one, or has other channels than the first.
    """
    several = [start] if isinstance(start, Slimmed | str | os.PathLike) else start
    if not isinstance(several, Sequence) or not several:
        raise TypeError(f"start: expected Slimmed or files, received {shown(start)}")
    read = [_begun(one, architecture, wide) for one in several]
    if len(read) == 1:
        return read[0]
    channels = read[0].channels
    for other in read[1:]:
        if any(not np.array_equal(kept, other.channels[name]) for name, kept in channels.items()):
            raise ValueError(
                f"start: expected networks of the same channels, received {other.called}"
            )
    mean: Weights = {}
    for name in channels:
        kernels, biases = zip(*(one.weights[name] for one in read), strict=True)
        mean[name] = (_mean(kernels), _mean(biases))
    return Begun(mean, channels, "the mean of " + " and ".join(one.called for one in read))


def _mean(arrays: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.asarray(np.mean(np.stack(arrays), axis=0, dtype=np.float64), np.float32)


def _begun(start: Start, architecture: Architecture, wide: Weights) -> Begun:
    if isinstance(start, Slimmed):
        if start.architecture != architecture.name.lower():
            raise ValueError(f"start: expected a slim {architecture.name}, received {start!r}")
        weights, channels, called = start.weights, start.channels, "a slim network"
    elif isinstance(start, str | os.PathLike):
        path = Path(start)
        if not path.exists():
            raise FileNotFoundError(f"start: there is no file {str(path)!r}")
        called = path.name
        try:
            weights = read_weights(path, architecture)
            with opened(path) as file:
                if not all(f"{name}/channels" in file for name in weights):
                    raise ValueError("it does not say which of the wide channels it has")
                channels = {name: file[f"{name}/channels"].astype(np.int64) for name in weights}
        except (OSError, ValueError) as error:
            raise ValueError(
                f"start: expected a slim {architecture.name}, as `Slimmed.save` writes it, "
                f"received {str(path)!r}: {str(error).removeprefix('weights: ')}"
            ) from error
    else:
        raise TypeError(f"start: expected Slimmed or files, received {shown(start)}")
    for name, (kernel, _) in wide.items():
        kept = channels.get(name, np.array([-1]))
        if not np.isin(kept, np.arange(kernel.shape[-1])).all():
            raise ValueError(
                f"start: expected a slim network of `network`, received {called}, whose channels "
                f"of {name} are not some of its"
            )
    return Begun(weights, channels, called)


def checked_target(target: PathLike) -> Path:
    """Check the place of a slim network and its card.

    Parameters
    ----------
    target : str or path-like

    Returns
    -------
    Path

    Raises
    ------
    ValueError, OSError
        If it does not end in ``.npz``, or cannot be written.

    Examples
    --------
    >>> checked_target("slim.h5")
    Traceback (most recent call last):
    ValueError: target: expected a name that ends in .npz, received 'slim.h5'
    """
    path = Path(target)
    if path.suffix != ".npz":
        raise ValueError(f"target: expected a name that ends in .npz, received {str(path)!r}")
    check_place(path)
    check_place(path.with_suffix(".md"))
    return path
