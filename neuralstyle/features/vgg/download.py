"""Keras' ImageNet weights: from its cache, or downloaded into it."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import threading
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from neuralstyle.features.architectures import Architecture

logger: logging.Logger = logging.getLogger(__name__)

# A connection that brings less than this in that many seconds counts as stalled.
_STALL_SECONDS = 15.0
_STALL_BYTES = 32 * 1024

_one_at_a_time = threading.Lock()


def imagenet_file(architecture: Architecture) -> Path:
    """Return Keras' cached file of the ImageNet weights, downloading it if need be.

    Parameters
    ----------
    architecture : Architecture

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
    url, md5 = architecture.imagenet_url, architecture.imagenet_md5
    path = imagenet_place(architecture)
    with _one_at_a_time:  # several threads would each download it
        damaged = path.exists() and _checksum(path) != md5
        if path.exists() and not damaged:
            return path
        try:
            _download(url, path, md5)
        except OSError as error:
            state = "is damaged" if damaged else "is missing"
            raise OSError(
                f"the ImageNet weights of {architecture.name} could not be downloaded ({error}): "
                f"{str(path)!r} {state}. Fetch {url} by other means and put it there, or use "
                'VGG16Features(weights="compact"), which comes with neuralstyle and needs no '
                "download"
            ) from error
    return path


def imagenet_place(architecture: Architecture) -> Path:
    """Return where Keras keeps the ImageNet weights, whether they are there or not.

    Examples
    --------
    >>> from neuralstyle.features.architectures import VGG16
    >>> imagenet_place(VGG16).name
    'vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5'
    """
    folder = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"
    return folder / architecture.imagenet_url.rpartition("/")[2]


def _checksum(path: Path) -> str:
    state = path.stat()
    return _checksum_at(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _checksum_at(path: Path, size: int, modified: int) -> str:
    """Compute a checksum, once for as long as the file's size and time stay what they are."""
    with open(path, "rb") as file:
        return _md5(file.read())


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


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
        digest = _md5(partial.read_bytes())
        if digest != md5:
            raise OSError(f"the checksum of what arrived is {digest}, expected {md5}")
        os.replace(partial, path)
    finally:
        given_up.set()
        partial.unlink(missing_ok=True)
