"""The networks that `stylize` looks through, by name, and those that it keeps between calls."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuralstyle.features.architectures import Pooling
    from neuralstyle.features.base import Extractor

NETWORKS = ("compact", "vgg16", "vgg19", "random")
"""The networks that have a name."""

KEPT = 3
"""Networks that are kept for the next call, those used last."""

_GONE = {"auto": '"compact"', "imagenet": '"vgg19"'}

_kept: OrderedDict[Any, Extractor] = OrderedDict()
_lock = threading.RLock()


def check_network(name: str, value: Any) -> Any:
    """Check a network: a name, a file that is there, or an extractor.

    Parameters
    ----------
    name : str
        Of the argument.
    value : str, path or callable

    Returns
    -------
    str, path or callable

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        If it is none of these.
    """
    if value in NETWORKS if isinstance(value, str) else callable(value):
        return value
    expected = f"{', '.join(map(repr, NETWORKS))}, a file or an extractor"
    if isinstance(value, str) and value in _GONE:
        raise ValueError(
            f"{name}: expected {expected}, received {value!r}; since version 0.2 write "
            f"{_GONE[value]}"
        )
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name}: expected {expected}, received {value!r}")
    if not os.path.isfile(value):
        raise FileNotFoundError(
            f"{name}: expected {expected}, received {os.fspath(value)!r}, which does not exist"
        )
    return value


def load_network(network: Any, pooling: Pooling, seed: int = 0) -> Extractor:
    """Return a network; of those used last it is the same one, with what was compiled for it.

    Parameters
    ----------
    network : str, path or callable
        As `check_network` returns it.
    pooling : {"avg", "max"}
    seed : int, default 0
        For ``"random"``.

    Returns
    -------
    callable
    """
    if callable(network):
        extractor: Extractor = network
        return extractor
    key: tuple[Any, ...] = (network, pooling)
    if network == "random":
        key = (network, pooling, seed)
    elif network not in NETWORKS:
        state = os.stat(network)
        key = (os.path.realpath(network), state.st_size, state.st_mtime_ns, pooling)
    with _lock:
        found = _kept.pop(key, None) or _loaded(network, pooling, seed)
        _kept[key] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return found


def _loaded(network: str | os.PathLike[str], pooling: Pooling, seed: int) -> Extractor:
    from neuralstyle.features import vgg
    from neuralstyle.features.weights import architecture_of

    if network == "random":
        return vgg.VGG19Features(None, pooling, seed=seed)
    if network == "compact":
        return vgg.VGG19Features("compact", pooling)
    if network in NETWORKS:
        name, weights = str(network), "imagenet"
    else:
        name, weights = architecture_of(network, "network"), os.fspath(network)
    kind: Any = {"vgg16": vgg.VGG16Features, "vgg19": vgg.VGG19Features}[name]
    extractor: Extractor = kind(weights, pooling)
    return extractor


def clear() -> None:
    """Let go of everything that is kept between calls: networks, and what was compiled for them.

    The next call of `stylize` and its kin loads and compiles anew. What a user still holds, such as
    a network of their own, keeps what was compiled for it.

    Examples
    --------
    >>> clear()
    """
    with _lock:
        _kept.clear()
