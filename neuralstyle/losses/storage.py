"""Losses that outlive a run: saved, loaded, and averaged over many targets.

A loss keeps nothing but its target's statistic and plain options, so that one painting, or a
hundred, can be looked at once and used for a thousand photographs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from neuralstyle import losses as ours
from neuralstyle._files import check_place, quoted, reason, replacing
from neuralstyle._kernels.device import TRACING
from neuralstyle._types import PathLike
from neuralstyle.losses.layers import LayerLoss
from neuralstyle.losses.masks import Mask
from neuralstyle.losses.objective import Loss, StyleObjective, Term
from neuralstyle.losses.octaves import OctaveLoss

Saved = TypeVar("Saved", Loss, StyleObjective)

FORMAT = 1
"""Of the files; a file of a later one is refused."""

_CONTENTS = "neuralstyle"  # the array of a file that describes it, in JSON


def save_loss(target: PathLike, loss: Loss | StyleObjective) -> None:
    """Write a loss, or an objective of several, to a file.

    Parameters
    ----------
    target : str or path-like
        An ``.npz`` file; it appears whole or not at all.
    loss : Loss or StyleObjective
        Of this library's losses, or of classes of your own whose attributes are plain values,
        arrays and tensors, alone or in lists, tuples and mappings.

    Raises
    ------
    TypeError
        If `loss` is neither, or keeps something else, such as a function: those made with the
        decorator `loss` cannot be saved.
    OSError
        If the file cannot be written.

    See Also
    --------
    load_loss : gives it back to the bit.

    Notes
    -----
    The file holds NumPy arrays and one text; there is no pickled object in it, so that loading runs
    no code of the file's. A content loss keeps whole feature maps, a style loss matrices: 2.6 MB
    for the five layers of VGG19.

    Examples
    --------
    >>> import os, tempfile
    >>> from neuralstyle import StyleLoss
    >>> path = os.path.join(tempfile.mkdtemp(), "style.npz")
    >>> painting = {"input": np.random.default_rng(0).uniform(size=(1, 8, 8, 3))}
    >>> save_loss(path, 2.0 * StyleLoss(painting, "input"))
    >>> print(load_loss(path))
    name   weight  loss
    style       2  StyleLoss(layers='input')
    """
    if not isinstance(loss, Loss | StyleObjective):
        raise TypeError(f"loss: expected a loss or an objective, received {loss!r}")
    check_place(target)
    arrays: list[NDArray[Any]] = []
    contents = json.dumps({"format": FORMAT, "loss": _encoded(loss, arrays, "loss")})
    file: dict[str, Any] = {str(number): array for number, array in enumerate(arrays)}
    file[_CONTENTS] = np.array(contents)
    with replacing(target) as stream:
        np.savez(stream, **file)


def load_loss(source: PathLike, classes: Iterable[type[Loss]] = ()) -> Any:
    """Read what `save_loss` has written.

    Parameters
    ----------
    source : str or path-like
    classes : iterable of classes, optional
        Your own losses that may be in the file.

    Returns
    -------
    Loss or StyleObjective
        Whichever was saved; its values and gradients are the same to the bit.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not such a file, or holds a class that is neither this library's nor in `classes`.

    Examples
    --------
    >>> load_loss("nowhere.npz")
    Traceback (most recent call last):
    FileNotFoundError: cannot read 'nowhere.npz': No such file or directory
    """
    kinds = [kind for name in dir(ours) if isinstance(kind := getattr(ours, name), type)]
    known = {kind.__name__: kind for kind in (*kinds, OctaveLoss, *classes)}
    cannot = f"cannot read {quoted(source)}"
    try:
        # Python's reader of an array's header fails now and then beside a thread that traces.
        with TRACING, open(source, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            contents = json.loads(str(file[_CONTENTS]))
            arrays = [file[str(number)] for number in range(len(file.files) - 1)]
        wanted, encoded = contents["format"], contents["loss"]
    except OSError as error:
        raise type(error)(f"{cannot}: {reason(error)}") from error
    except Exception as error:  # whatever a file that is something else leads to
        raise ValueError(f"{cannot}: expected a file written by save_loss") from error
    if isinstance(wanted, int) and wanted > FORMAT:
        raise ValueError(f"{cannot}: it was written by a later version of this library")
    try:
        loss = _decoded(encoded, arrays, known)
    except KeyError as error:
        raise ValueError(f"{cannot}: {error.args[0]}") from error
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(f"{cannot}: what it holds is damaged") from error
    if not isinstance(loss, Loss | StyleObjective):
        raise ValueError(f"{cannot}: what it holds is no loss")
    return loss


def _encoded(value: Any, arrays: list[NDArray[Any]], name: str) -> Any:
    """Write a value in what JSON has, with the numbers of arrays in place of arrays."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic | np.ndarray) or keras.ops.is_tensor(value):
        kind = "array" if isinstance(value, np.generic | np.ndarray) else "tensor"
        arrays.append(np.asarray(value))
        if arrays[-1].dtype != object:
            return {kind: len(arrays) - 1}
    if isinstance(value, list | tuple):
        items = [_encoded(item, arrays, f"{name}[{k}]") for k, item in enumerate(value)]
        return {type(value).__name__: items} if type(value) in (list, tuple) else {"tuple": items}
    if isinstance(value, Mapping):
        return {
            "dict": [
                [_encoded(k, arrays, name), _encoded(v, arrays, f"{name}[{k!r}]")]
                for k, v in value.items()
            ]
        }
    if isinstance(value, Mask):
        return {"mask": [_encoded(value.values, arrays, name), value.propagation, value.name]}
    if isinstance(value, StyleObjective):
        terms = [(term.name, term.weight, term.loss) for term in value.terms]
        return {"objective": _encoded(terms, arrays, name)}
    if isinstance(value, Loss):
        state = getattr(value, "__getstate__", lambda: vars(value))() or {}
        label = f"loss {value.name!r}"
        pairs = {k: _encoded(v, arrays, f"{label}: its attribute {k!r}") for k, v in state.items()}
        return {"loss": [type(value).__name__, pairs]}
    raise TypeError(
        f"{name}: expected plain values, arrays and tensors, or lists, tuples and dicts of them, "
        f"to be saved; received {value!r}"
    )


def _decoded(encoded: Any, arrays: Sequence[NDArray[Any]], known: dict[str, type]) -> Any:
    if not isinstance(encoded, dict):
        return encoded
    ((kind, value),) = encoded.items()
    if kind == "array":
        return arrays[value]
    if kind == "tensor":
        return keras.ops.convert_to_tensor(arrays[value])
    if kind == "mask":
        return Mask(*(_decoded(part, arrays, known) for part in value))
    if kind == "objective":
        return StyleObjective(*(Term(*term) for term in _decoded(value, arrays, known)))
    if kind == "loss":
        name, pairs = value
        if name not in known:
            raise KeyError(f"it holds a {name}; pass that class in classes=")
        loss: Any = object.__new__(known[name])
        if issubclass(known[name], LayerLoss):
            # Files of version 0.1 do not say them.
            vars(loss).update(_network=None, _vanished="")
        vars(loss).update({k: _decoded(v, arrays, known) for k, v in pairs.items()})
        return loss
    if kind == "dict":
        return {_decoded(k, arrays, known): _decoded(v, arrays, known) for k, v in value}
    items = [_decoded(item, arrays, known) for item in value]
    return {"list": items, "tuple": tuple(items)}[kind]
