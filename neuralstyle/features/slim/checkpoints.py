"""The state of a network in training in a file, to go on from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from neuralstyle._archives import digest, opened
from neuralstyle._files import check_place, replacing
from neuralstyle._types import PathLike
from neuralstyle.features.architectures import Architecture
from neuralstyle.features.slim.activations import Channels

State: TypeAlias = tuple[dict[str, NDArray[np.int64]], dict[str, float], dict[str, NDArray[Any]]]
"""The chosen channels, their sizes, and what `Training.arrays` returned."""


@final
class Checkpoint:
    """A file with the state of a training, or nothing if there is no path.

    Parameters
    ----------
    path : path or None
    settings : mapping from str to anything that JSON can tell
        What the state depends on: that of a training with others is refused.
    """

    def __init__(self, path: PathLike | None, settings: Mapping[str, Any]) -> None:
        self._path = None if path is None else Path(path)
        self._settings = dict(settings)
        if self._path is not None:
            check_place(self._path)

    def read(self, architecture: Architecture) -> State | None:
        """Read the state, or return None where there is no file yet.

        Raises
        ------
        ValueError
            If the file is no checkpoint, or that of another training.
        """
        if self._path is None or not self._path.exists():
            return None
        try:
            with opened(self._path) as file:
                arrays = dict(file)
            if str(arrays.pop("digest")) != digest(arrays):
                raise ValueError("it was changed since it was written")
            settings = json.loads(str(arrays.pop("settings")))
            names = architecture.convolutions
            channels = {name: arrays.pop(f"channels/{name}") for name in names}
            sizes = {name: float(arrays.pop(f"size/{name}")) for name in names}
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(
                f"resume: {str(self._path)!r} is not the state of a training of this network"
            ) from error
        for name, value in self._settings.items():
            if settings.get(name) != value:
                raise ValueError(
                    f"resume: {str(self._path)!r} is the state of a training with other {name}: "
                    f"expected {value!r}, received {settings.get(name)!r}"
                )
        return channels, sizes, arrays

    def write(
        self,
        channels: Channels,
        sizes: Mapping[str, float],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write the state."""
        if self._path is None:
            return
        everything: dict[str, NDArray[Any]] = {
            **arrays,
            **{f"channels/{name}": kept for name, kept in channels.items()},
            **{f"size/{name}": np.array(size) for name, size in sizes.items()},
            "settings": np.array(json.dumps(self._settings)),
        }
        everything["digest"] = np.array(digest(everything))
        with replacing(self._path) as file:
            np.savez(file, allow_pickle=False, **everything)
