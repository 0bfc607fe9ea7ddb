"""The networks that `stylize` looks through, by name, and those that it keeps between calls."""

from __future__ import annotations

import os
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuralstyle._checks import nearest, shown
from neuralstyle.features.keras_models.names import KERAS_NETWORKS, keras_name

if TYPE_CHECKING:
    from neuralstyle._types import Dtype, Padding
    from neuralstyle.features.architectures import Pooling
    from neuralstyle.features.base import Extractor


@dataclass(frozen=True)
class Named:
    """A network that has a name: its class in `neuralstyle.features.vgg.vgg`, and its weights."""

    kind: str
    weights: str | None

    def load(self, pooling: Pooling, seed: int, normalized: bool, dtype: Dtype) -> Extractor:
        """Load it, to see borders mirrored; normalised, if there is a table of its means."""
        from neuralstyle.features.vgg import vgg

        options: dict[str, Any] = {"padding": "reflect", "seed": seed, "dtype": dtype}
        network = getattr(vgg, self.kind)(self.weights, pooling, **options)
        normalized = normalized and network.means is not None
        extractor: Extractor = network.normalized() if normalized else network
        return extractor


@dataclass(frozen=True)
class Application:
    """A network of `keras.applications`, by the name that users write, with ImageNet's weights."""

    name: str
    weights: str | None = "imagenet"

    def load(self, pooling: Pooling, seed: int, normalized: bool, dtype: Dtype) -> Extractor:
        """Load it; there are no tables of mean activations."""
        from neuralstyle.features.keras_models.model import KerasFeatures

        if dtype != "float32":
            raise ValueError(
                f'dtype: expected "float32" with {self.name!r}, '
                f"received {shown(dtype)}: of the named "
                "networks, those of VGG alone have half precision without overflow"
            )
        return KerasFeatures.from_application(
            self.name, self.weights, replace_max_pooling=pooling == "avg", seed=seed
        )


NETWORKS = {
    "compact": Named("VGG16Features", "compact"),
    "vgg16": Named("VGG16Features", "imagenet"),
    "vgg19": Named("VGG19Features", "imagenet"),
    "random": Named("VGG19Features", None),
}
"""The networks by name, beside those of `keras.applications`. A further one is a line here."""

KEPT = 3
"""Networks that are kept for the next call, those used last."""

_KINDS = f"{', '.join(map(repr, NETWORKS))}, a network of keras.applications such as 'resnet50'"

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
    if callable(value):
        # Where Keras has not been imported, it is no model of Keras.
        if "keras" in sys.modules:
            from neuralstyle.features.keras_models.checks import check_extractor

            check_extractor(name, value)
        return value
    if not isinstance(value, str | os.PathLike):
        raise TypeError(
            f"{name}: expected {_KINDS}, a file or an extractor, received {shown(value)}"
        )
    reason = _unknown(value)
    if reason:
        kind = ValueError if value in _GONE else FileNotFoundError
        raise kind(f"{name}: expected {_KINDS}, a file or an extractor, received {reason}")
    return value


def network_word(text: str) -> str:
    """Read what names a network: a name, or a file that is there.

    Examples
    --------
    >>> network_word("imagenet")
    Traceback (most recent call last):
    ValueError: expected 'compact', 'vgg16', 'vgg19', 'random', a network of keras.applications \
such as 'resnet50' or a file, received 'imagenet'; since version 0.2 write "vgg19"
    """
    reason = _unknown(text)
    if reason:
        raise ValueError(f"expected {_KINDS} or a file, received {reason}")
    return text


def _unknown(value: str | os.PathLike[str]) -> str:
    """Return what to say of a name or a path that stands for no network; else nothing."""
    if isinstance(value, str) and (value in NETWORKS or keras_name(value)):
        return ""
    if isinstance(value, str) and value in _GONE:
        return f"{value!r}; since version 0.2 write {_GONE[value]}"
    if os.path.isfile(value):
        return ""
    text = os.fspath(value)
    near = "" if os.path.splitext(text)[1] else nearest(text, [*NETWORKS, *KERAS_NETWORKS])
    return f"{text!r}, which does not exist{near}"


def load_network(
    network: Any,
    pooling: Pooling,
    seed: int = 0,
    normalized: bool = False,
    dtype: Dtype = "float32",
) -> Extractor:
    """Return a network; of those used last it is the same one, with what was compiled for it.

    Parameters
    ----------
    network : str, path or callable
        As `check_network` returns it.
    pooling : {"avg", "max"}
    seed : int, default 0
        For ``"random"``.
    normalized : bool, default False
        Divide channels by their mean activations, where a table of them belongs to the weights. An
        extractor is taken as it is.
    dtype : {"float32", "bfloat16", "float16"}, default "float32"

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If `dtype` is half, and the network is none of VGG's.
    """
    from neuralstyle._kernels.device import check_process

    check_process()  # in a fork even the lock may be held for ever
    if callable(network):
        extractor: Extractor = network
        return extractor
    named = _named(network)
    seed = seed if named.weights is None else 0
    key = (named, _state(named.weights), pooling, seed, normalized, dtype)
    with _lock:
        found = _kept.pop(key, None) or named.load(pooling, seed, normalized, dtype)
        _kept[key] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return found


def _named(network: str | os.PathLike[str]) -> Named | Application:
    if isinstance(network, str) and network in NETWORKS:
        return NETWORKS[network]
    if isinstance(network, str) and (known := keras_name(network)):
        return Application(known)
    return _in_file(network)


def with_padding(network: Extractor, padding: Padding) -> Extractor:
    """Return a network with another padding: its own view of the same weights.

    Raises
    ------
    ValueError
        If it is an extractor that has none.
    """
    change = getattr(network, "with_padding", None)
    if change is None:
        raise ValueError(
            "padding: expected None with an extractor that has no method with_padding, "
            f"received {shown(padding)}"
        )
    extractor: Extractor = change(padding)
    return extractor


def unwrapped(network: Extractor) -> Extractor:
    """Return a network as it sees pictures that are no torus: contents and styles."""
    if getattr(network, "padding", None) != "wrap" or not hasattr(network, "with_padding"):
        return network
    return with_padding(network, "reflect")


def _in_file(path: str | os.PathLike[str]) -> Named:
    from neuralstyle.features.vgg.weights import architecture_of

    kind = NETWORKS[architecture_of(path)].kind
    return Named(kind, os.path.realpath(path))


def _state(weights: str | None) -> tuple[int, int] | None:
    """Return what tells whether a file of weights has changed."""
    if weights is None or not os.path.isabs(weights):
        return None
    state = os.stat(weights)
    return state.st_size, state.st_mtime_ns


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
