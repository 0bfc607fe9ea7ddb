"""Where VGG19's weights come from: Keras' ImageNet file, the compact network, or a file.

Every source gives the same thing, a kernel and a bias for each of the sixteen convolutions.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import time
import urllib.error
import urllib.request
import uuid
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuralstyle.features import architectures as vgg19
from neuralstyle.features.architectures import CONVOLUTIONS, Pooling, Weights

logger = logging.getLogger(__name__)

IMAGENET_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{IMAGENET_FILE}"
IMAGENET_MD5 = "253f8cb515780f3b799900260a226db6"
COMPACT_FILE = Path(__file__).parent / "data" / "compact-vgg19.npz"

# A connection that brings less than this in that many seconds counts as stalled.
_STALL_SECONDS = 15.0
_STALL_BYTES = 32 * 1024


def load_weights(
    source: str | os.PathLike[str] | None, seed: int = 0, pooling: Pooling = "max"
) -> Weights:
    """Load the weights of the sixteen convolutions.

    Parameters
    ----------
    source : {"imagenet", "compact"}, path or None
        See `neuralstyle.VGG19Features`.
    seed : int, default 0
        For random weights.
    pooling : {"max", "avg"}, default "max"
        For random weights, which depend on it.

    Returns
    -------
    dict from str to (kernel, bias)

    Raises
    ------
    FileNotFoundError
        If a path does not exist.
    ValueError
        If a file is not a weights file of VGG19.
    OSError
        If the ImageNet weights are neither in Keras' cache nor to be had from the network.
    """
    if source is None:
        return vgg19.random_weights(seed, pooling=pooling)
    if source == "compact":
        return read_weights(COMPACT_FILE)
    if source == "imagenet":
        return read_weights(imagenet_file())
    return read_weights(Path(source))


def choose_weights() -> Literal["imagenet", "compact"]:
    """Choose ImageNet weights if they can be had, else the compact network with a warning.

    Returns
    -------
    {"imagenet", "compact"}

    Warns
    -----
    UserWarning
        If the choice is the compact network, with the reason.
    """
    try:
        imagenet_file()
    except OSError as error:
        reason = str(error.__cause__ or error)
        warnings.warn(
            "the ImageNet weights of VGG19 are neither cached nor to be downloaded "
            f"({reason}); the compact network that comes with neuralstyle takes their place, "
            "whose pictures are coarser",
            stacklevel=3,
        )
        return "compact"
    return "imagenet"


def read_weights(path: Path) -> Weights:
    """Read the convolutions' weights from a ``.h5``, ``.weights.h5`` or ``.npz`` file.

    Nothing is ever unpickled.

    Parameters
    ----------
    path : Path
        A Keras weights file or saved model, with or without the classifier, or an archive of arrays
        ``block1_conv1/kernel``, ``block1_conv1/bias`` and so on.

    Returns
    -------
    dict from str to (kernel, bias)

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file cannot be read, or does not hold sixteen convolutions that fit one another.
    """
    if not path.exists():
        raise FileNotFoundError(
            f'weights: expected "imagenet", "compact", "auto" or a file, received {str(path)!r}, '
            "which does not exist"
        )
    try:
        arrays = _read_npz(path) if path.suffix == ".npz" else _read_hdf5(path)
    except MemoryError:
        raise
    except Exception as error:  # on damaged data the decoders raise nearly anything
        reason = str(error).split("\n")[0]
        raise ValueError(
            f"weights: {str(path)!r} is not a readable weights file (.h5, .weights.h5 or .npz), "
            f"or is incomplete: {reason}"
        ) from error
    return _check_weights(arrays, path)


def imagenet_file() -> Path:
    """Return Keras' cached file of the ImageNet weights, downloading it if need be.

    Returns
    -------
    Path

    Raises
    ------
    OSError
        If the file is not cached, or is damaged, and cannot be downloaded; the message names the
        file, where to put it by hand, and the network that needs no download.

    Notes
    -----
    The file, its place and its checksum are those of ``keras.utils.get_file``, which is not used
    because it waits for a stalled connection without end, and prints.
    """
    folder = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"
    path = folder / IMAGENET_FILE
    damaged = path.exists() and hashlib.md5(path.read_bytes()).hexdigest() != IMAGENET_MD5
    if path.exists() and not damaged:
        return path
    try:
        _download(IMAGENET_URL, path, IMAGENET_MD5)
    except OSError as error:
        state = "is damaged" if damaged else "is missing"
        raise OSError(
            f"the ImageNet weights of VGG19 could not be downloaded ({error}): {str(path)!r} "
            f"{state}. Fetch {IMAGENET_URL} by other means and put it there, or use "
            'weights="compact", which comes with neuralstyle and needs no download'
        ) from error
    return path


def _download(url: str, path: Path, md5: str) -> None:
    """Download `url` to `path`, giving up on a connection that stalls."""
    logger.info("downloading %s to %s", url, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    received = 0
    failure: list[BaseException] = []
    given_up = threading.Event()
    # Unlike the files of `tempfile`, which are private, it gets the usual permissions.
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")

    def fetch() -> None:
        nonlocal received
        try:
            with (
                open(partial, "xb") as file,
                urllib.request.urlopen(url, timeout=_STALL_SECONDS) as response,
            ):
                while not given_up.is_set() and (chunk := response.read(_STALL_BYTES)):
                    file.write(chunk)
                    received += len(chunk)
        except urllib.error.HTTPError as error:
            error.close()
            failure.append(error)
        except BaseException as error:
            failure.append(error)

    # A socket's time-out covers neither the look-up of a name nor a trickle of bytes, so the
    # progress is watched from outside.
    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    try:
        seen, since = 0, time.monotonic()
        while thread.is_alive():
            thread.join(0.1)
            if received - seen >= _STALL_BYTES:
                seen, since = received, time.monotonic()
            elif time.monotonic() - since > _STALL_SECONDS:
                raise OSError(f"the connection stalled after {received} bytes")
        if failure:
            raise OSError(f"{type(failure[0]).__name__}: {failure[0]}") from failure[0]
        digest = hashlib.md5(partial.read_bytes()).hexdigest()
        if digest != md5:
            raise OSError(f"the checksum of what arrived is {digest}, expected {md5}")
        os.replace(partial, path)
    finally:
        given_up.set()
        partial.unlink(missing_ok=True)


def _read_npz(path: Path) -> dict[str, list[NDArray[Any]]]:
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        groups: dict[str, list[NDArray[Any]]] = {}
        for key in archive.files:
            groups.setdefault(key.rsplit("/", 1)[0], []).append(archive[key])
    return groups


def _read_hdf5(path: Path) -> dict[str, list[NDArray[Any]]]:
    import h5py

    groups: dict[str, list[NDArray[Any]]] = {}

    def visit(name: str, item: Any) -> None:
        # A model saved while it was trained has its optimizer's arrays too.
        if isinstance(item, h5py.Dataset) and item.ndim in (1, 4) and "optimizer" not in name:
            groups.setdefault(name.rsplit("/", 1)[0], []).append(item[()])

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return groups


def _check_weights(groups: Mapping[str, list[NDArray[Any]]], path: Path) -> Weights:
    """Pick the sixteen convolutions out of groups of arrays, by name or else by order."""
    convolutions = {
        name: (kernel, bias)
        for name, arrays in groups.items()
        for kernel in arrays
        for bias in arrays
        if kernel.ndim == 4 and bias.ndim == 1
    }

    def natural(name: str) -> list[tuple[int, str]]:
        return [
            (int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)
        ]

    named = {
        match[0]: pair
        for name, pair in convolutions.items()
        if (match := re.search(r"block\d_conv\d", name))
    }
    # The .weights.h5 format knows layers only as conv2d, conv2d_1, conv2d_2, ...
    pairs = named or dict(
        zip(
            CONVOLUTIONS, (convolutions[n] for n in sorted(convolutions, key=natural)), strict=False
        )
    )
    problem = f"weights: {str(path)!r} does not hold the weights of a VGG19: "
    if len(convolutions) != len(CONVOLUTIONS) or set(pairs) != set(CONVOLUTIONS):
        raise ValueError(
            f"{problem}expected the {len(CONVOLUTIONS)} convolutions block1_conv1 to block5_conv4, "
            f"received {len(convolutions)}"
        )
    channels = 3
    weights: Weights = {}
    for name in CONVOLUTIONS:
        kernel, bias = pairs[name]
        width = kernel.shape[-1]
        if kernel.shape != (3, 3, channels, width) or bias.shape != (width,):
            raise ValueError(
                f"{problem}expected a kernel of shape (3, 3, {channels}, N) and a bias of shape "
                f"(N,) for {name}, received {kernel.shape} and {bias.shape}"
            )
        weights[name] = (kernel.astype(np.float32), bias.astype(np.float32))
        if not all(np.isfinite(array).all() for array in weights[name]):
            raise ValueError(f"{problem}{name} has values that are not finite")
        channels = width
    return weights
