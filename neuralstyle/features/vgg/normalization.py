r"""Networks whose channels have mean activation 1, as Gatys, Ecker and Bethge normalise theirs.

.. math:: K'_{ij} = K_{ij}\, m^{in}_i / m_j, \qquad b'_j = b_j / m_j

with :math:`m_j` the mean activation of a convolution's channel j after the ReLU, over pictures and
positions, and :math:`m^{in}_i` that of the channel i that it reads. ReLUs and poolings pass
positive factors on, so every feature is what it was, divided by its channel's mean.

Means are measured over pictures, or known from a table: a file of weights may have one
(``block1_conv1/mean_avg``, ``block1_conv1/mean_max`` and so on), and one for ImageNet's VGG16 comes
with the package. They depend on the pooling.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._kernels.device import check_backend
from neuralstyle._types import Floats, Padding
from neuralstyle.features.architectures import Architecture, Pooling, Weights
from neuralstyle.features.vgg.fast import FastVGG
from neuralstyle.features.vgg.formats import read_arrays
from neuralstyle.features.vgg.weights import DATA

Means: TypeAlias = dict[str, NDArray[np.float32]]
"""Mean activation of every channel of every convolution."""

SAME = 1e-3
"""Relative difference between norms of kernels up to which these are the same, but for rounding.

Half precision changes a number by half of it at the most.
"""


def mean_activations(
    architecture: Architecture,
    weights: Weights,
    pictures: Iterable[Floats],
    pooling: Pooling,
    padding: Padding = "zeros",
) -> Means:
    """Measure every channel's mean activation after the ReLU, over pictures and positions.

    Parameters
    ----------
    architecture : Architecture
    weights : dict from str to (kernel, bias)
    pictures : iterable of arrays, each (H, W, 3), RGB in [0, 1]
        At least one, of 16 x 16 pixels or more each. A larger picture has more positions, and
        counts for more.
    pooling : {"max", "avg"}
    padding : {"zeros", "reflect", "wrap"}, default "zeros"
        Of the network. Pictures are no torus: in place of ``"wrap"`` they are mirrored.

    Returns
    -------
    dict from str to array, shape (C,)

    Raises
    ------
    ValueError
        If a picture is so small that nothing of it reaches the last convolutions.

    Examples
    --------
    >>> from neuralstyle.features.architectures import VGG16
    >>> from neuralstyle.features.vgg.weights import load_weights
    >>> pictures = [np.random.default_rng(1).random((64, 80, 3), np.float32)]
    >>> weights = load_weights(VGG16, "compact")
    >>> means = mean_activations(VGG16, weights, pictures, "avg")
    >>> changed = rescaled(weights, means)
    >>> for mean in mean_activations(VGG16, changed, pictures, "avg").values():
    ...     assert np.allclose(mean[mean > 0], 1, rtol=1e-3)
    """
    check_backend()
    seen_with: Padding = "reflect" if padding == "wrap" else padding
    network = FastVGG(architecture, weights, pooling, padding=seen_with)
    least = 2 ** (len(architecture.blocks) - 1)
    totals: dict[str, NDArray[np.float64]] = {}
    positions = dict.fromkeys(weights, 0)
    for picture in pictures:
        if min(picture.shape[:2]) < least:
            raise ValueError(
                f"images: expected pictures of at least {least} x {least} pixels, received one of "
                f"{picture.shape[1]} x {picture.shape[0]}"
            )
        image = ops.convert_to_tensor(np.asarray(picture, np.float32)[None])
        features = network.compute({"input": image}, architecture.convolutions[-1])
        for name in weights:
            feature = features[name]
            total = np.asarray(ops.mean(feature, axis=(0, 1, 2)), np.float64)
            count = feature.shape[1] * feature.shape[2]
            totals[name] = totals.get(name, 0) + count * total
            positions[name] += count
    return {name: (total / positions[name]).astype(np.float32) for name, total in totals.items()}


def rescaled(weights: Weights, means: Means) -> Weights:
    """Divide every channel's activation by its mean.

    Parameters
    ----------
    weights : dict from str to (kernel, bias)
        From the first convolution to the last.
    means : dict from str to array, shape (C,)
        Channels of mean 0, which were never active, stay as they are.

    Returns
    -------
    dict from str to (kernel, bias)
    """
    before = np.ones(3)
    changed: Weights = {}
    for name, (kernel, bias) in weights.items():
        own = np.where(means[name] > 0, means[name], 1).astype(np.float64)
        changed[name] = (
            (kernel * (before[:, None] / own)).astype(np.float32),
            (bias / own).astype(np.float32),
        )
        before = own
    return changed


def known_means(
    architecture: Architecture,
    source: str | os.PathLike[str] | None,
    weights: Weights,
    pooling: Pooling,
) -> Means | None:
    """Look up the mean activations of a network.

    Parameters
    ----------
    architecture : Architecture
    source : {"imagenet", "compact"}, path or None
        Where the weights were loaded from. An ``.npz`` file is looked into for a table.
    weights : dict from str to (kernel, bias)
        By which ImageNet's VGG16 is recognised, in any file, up to the rounding to half precision.
    pooling : {"max", "avg"}

    Returns
    -------
    dict from str to array, shape (C,), or None
        None if there is no table.

    Raises
    ------
    ValueError
        If a file has a table that does not fit its weights.
    """
    path = None
    if source == "compact" and architecture.compact:
        path = DATA / architecture.compact
    elif source not in (None, "imagenet"):
        path = Path(source)
    table = read_arrays(path, f"mean_{pooling}") if path and path.suffix == ".npz" else {}
    if table:
        return _checked(table, weights, f"weights: the mean activations in {str(path)!r}: ")
    known = DATA / f"{architecture.name.lower()}-means.npz"
    if not known.exists():
        return None
    expected = read_arrays(known, "norm")
    if all(_same(norms(weights[name]), expected[name]) for name in architecture.convolutions):
        return _checked(read_arrays(known, f"mean_{pooling}"), weights, f"{known}: ")
    return None


def norms(pair: tuple[NDArray[Any], NDArray[Any]]) -> NDArray[np.float32]:
    """Return the Euclidean norm of all weights of each channel of a convolution, with its bias."""
    kernel, bias = pair
    squares = np.einsum("hwio,hwio->o", kernel, kernel) + bias**2
    found: NDArray[np.float32] = np.sqrt(squares).astype(np.float32)
    return found


def _same(ours: NDArray[Any], theirs: NDArray[Any]) -> bool:
    return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=SAME, atol=0)


def _checked(table: dict[str, NDArray[Any]], weights: Weights, problem: str) -> Means:
    for name, (_, bias) in weights.items():
        means = table.get(name)
        if means is None or means.shape != bias.shape or means.dtype.kind != "f":
            found = "none" if means is None else f"{means.dtype} of shape {means.shape}"
            raise ValueError(f"{problem}expected {len(bias)} numbers for {name}, received {found}")
        if not (np.isfinite(means).all() and (means >= 0).all()):
            raise ValueError(f"{problem}expected finite numbers of at least 0 for {name}")
    return {name: table[name].astype(np.float32) for name in weights}
