"""The VGG19 network: its layers, where its weights come from, and the Keras model.

Every source of weights (ImageNet, the compact network, a file, random numbers) gives the same
thing, a kernel and a bias for each of the sixteen convolutions, and one builder makes the model.
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
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle.statistics import Tensor

logger = logging.getLogger(__name__)

Pooling: TypeAlias = Literal["max", "avg"]
Weights: TypeAlias = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Kernel (3, 3, Cin, Cout) and bias (Cout,) of every convolution."""

BLOCKS = (2, 2, 4, 4, 4)
"""Convolutions in each of the five blocks; each block ends in a pooling layer."""

CONVOLUTIONS = tuple(
    f"block{block}_conv{index}"
    for block, count in enumerate(BLOCKS, start=1)
    for index in range(1, count + 1)
)
WIDTHS = (64, 128, 256, 512, 512)
"""Channels of the convolutions in each block of the full network."""

ALIASES = {
    **{
        f"{prefix}{name[5]}_{name[-1]}": name
        for name in CONVOLUTIONS
        for prefix in ("conv", "relu")
    },
    **{f"pool{block}": f"block{block}_pool" for block in range(1, 6)},
}
"""The literature's names. Keras' convolutions end in the ReLU, so ``conv4_2`` and ``relu4_2`` are
both ``block4_conv2``."""

IMAGENET_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{IMAGENET_FILE}"
IMAGENET_MD5 = "253f8cb515780f3b799900260a226db6"
COMPACT_FILE = Path(__file__).parent / "weights" / "compact-vgg19.npz"

# A connection that brings less than this in that many seconds counts as stalled.
_STALL_SECONDS = 15.0
_STALL_BYTES = 32 * 1024


def preprocess(image: Tensor) -> Tensor:
    """Turn RGB in [0, 1] into what VGG19 was trained on: BGR times 255, minus the ImageNet means.

    Parameters
    ----------
    image : tensor, shape (1, H, W, 3), RGB in [0, 1]

    Returns
    -------
    tensor, shape (1, H, W, 3)

    Notes
    -----
    ``keras.applications.vgg19.preprocess_input`` does the same to the caller's array, in place.

    Examples
    --------
    >>> white = np.ones((1, 1, 1, 3), np.float32)
    >>> np.asarray(preprocess(white)).round().ravel().tolist()
    [151.0, 138.0, 131.0]
    """
    means = ops.convert_to_tensor([103.939, 116.779, 123.68], dtype=image.dtype)
    return ops.flip(image, axis=-1) * 255.0 - means


def build(weights: Weights, pooling: Pooling = "max", dtype: str = "float32") -> keras.Model:
    """Build VGG19 without its classifier, with the layer names of ``keras.applications.VGG19``.

    Parameters
    ----------
    weights : dict from str to (kernel, bias)
        For all sixteen convolutions; their shapes give the network's width.
    pooling : {"max", "avg"}, default "max"
    dtype : str, default "float32"

    Returns
    -------
    keras.Model
        Of preprocessed images of any size.

    Examples
    --------
    >>> model = build(load_weights("compact"))
    >>> model.get_layer("block4_conv2").output.shape
    (None, None, None, 128)
    """
    pool = {"max": keras.layers.MaxPooling2D, "avg": keras.layers.AveragePooling2D}[pooling]
    image = keras.Input((None, None, 3), dtype=dtype, name="preprocessed")
    tensor = image
    for block, count in enumerate(BLOCKS, start=1):
        for index in range(1, count + 1):
            name = f"block{block}_conv{index}"
            layer = keras.layers.Conv2D(
                weights[name][0].shape[-1],
                3,
                padding="same",
                activation="relu",
                # Drawing random kernels that are overwritten at once takes most of the time.
                kernel_initializer="zeros",
                name=name,
                dtype=dtype,
            )
            tensor = layer(tensor)
            layer.set_weights(weights[name])
        tensor = pool(2, name=f"block{block}_pool", dtype=dtype)(tensor)
    model = keras.Model(image, tensor, name="vgg19")
    model.trainable = False
    return model


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
        return random_weights(seed, pooling=pooling)
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


def random_weights(
    seed: int = 0,
    widths: tuple[int, int, int, int, int] = WIDTHS,
    size: int = 128,
    pooling: Pooling = "max",
) -> Weights:
    """Draw orthogonal kernels, standardised channel by channel.

    Parameters
    ----------
    seed : int, default 0
    widths : five ints, default `WIDTHS`
        Channels of the convolutions in each block.
    size : int, default 128
        Side in pixels of the noise picture that the standardisation looks at.
    pooling : {"max", "avg"}, default "max"
        Of the network that they are for.

    Returns
    -------
    dict from str to (kernel, bias)

    Notes
    -----
    With merely well-scaled kernels the features of all positions become parallel with depth, and
    every deep Gram matrix tends to rank one, whatever the picture. Here each channel's bias and
    scale are set, from the first layer to the last, such that before the ReLU it has mean 0 and
    variance 1 over a noise picture with the spectrum of natural images.

    References
    ----------
    He, Wang and Hopcroft, A Powerful Generative Model Using Random Weights for the Deep Image
    Representation, NIPS 2016.
    """
    random = np.random.default_rng(seed)
    feature = ops.convert_to_tensor(preprocess(_pink_noise(random, size)[None]))
    weights: Weights = {}
    for block, (count, width) in enumerate(zip(BLOCKS, widths, strict=True), start=1):
        for index in range(1, count + 1):
            fan_in = 9 * feature.shape[-1]
            gaussian = random.standard_normal((max(fan_in, width), min(fan_in, width)))
            # The orthogonal factor by Cholesky's method: Householder's takes seconds.
            triangle = np.linalg.cholesky(gaussian.T @ gaussian)
            orthogonal = np.linalg.solve(triangle, gaussian.T).T
            matrix = orthogonal if fan_in >= width else orthogonal.T
            kernel = matrix.reshape(3, 3, -1, width).astype(np.float32)
            response = ops.conv(feature, kernel, padding="same")
            mean = np.asarray(ops.mean(response, axis=(0, 1, 2)))
            std = np.asarray(ops.std(response, axis=(0, 1, 2)))
            weights[f"block{block}_conv{index}"] = (kernel / std, -mean / std)
            feature = ops.relu((response - mean) / std)
        pool = ops.max_pool if pooling == "max" else ops.average_pool
        feature = pool(feature, 2)
    return weights


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


def _pink_noise(random: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Draw colour noise in [0, 1] whose amplitude falls as 1 / frequency, as in photographs."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(random.standard_normal((3, size, size))) / frequency
    noise = np.fft.irfft2(spectrum, s=(size, size))
    noise = noise / noise.std(axis=(1, 2), keepdims=True)
    picture = np.clip(0.5 + 0.2 * noise, 0.0, 1.0).transpose(1, 2, 0)
    return np.ascontiguousarray(picture, dtype=np.float32)
