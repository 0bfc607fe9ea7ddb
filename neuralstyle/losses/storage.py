"""Losses that outlive a run: saved, loaded, and averaged over many targets.

A loss keeps nothing but its target's statistic and plain options, so that one painting, or a
hundred, can be looked at once and used for a thousand photographs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from neuralstyle import losses as ours
from neuralstyle._archives import digest, opened
from neuralstyle._checks import shown
from neuralstyle._files import check_place, quoted, reason, replacing
from neuralstyle._types import PathLike
from neuralstyle.losses.functions import is_function
from neuralstyle.losses.layers import LayeredLoss
from neuralstyle.losses.masks import Mask
from neuralstyle.losses.objective import Combination, Loss, ObjectiveLike, StyleObjective, Term
from neuralstyle.losses.octaves import OctaveLoss
from neuralstyle.losses.soundness import check_finite, check_sound

Saved = TypeVar("Saved", bound=Loss | StyleObjective)

FORMAT = 2
"""Of the files; a file of a later one is refused. The first had neither modules nor a digest."""

_CONTENTS = "neuralstyle"  # the array of a file that describes it, in JSON
_OURS = "neuralstyle"  # stands for the module of the library's own losses


def save_loss(target: PathLike, loss: ObjectiveLike) -> None:
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
    ValueError
        If a loss of the library's keeps what is not finite.
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
        raise TypeError(f"loss: expected a loss or an objective, received {shown(loss)}")
    check_place(target)
    arrays: list[NDArray[Any]] = []
    encoded = _encoded(loss, arrays, "loss")
    file: dict[str, Any] = {str(number): array for number, array in enumerate(arrays)}
    contents = {"format": FORMAT, "digest": _digest(encoded, arrays), "loss": encoded}
    file[_CONTENTS] = np.array(json.dumps(contents))
    with replacing(target) as stream:
        np.savez(stream, **file)


def load_loss(source: PathLike, classes: Iterable[type[Loss]] = ()) -> Loss | StyleObjective:
    """Read what `save_loss` has written.

    Parameters
    ----------
    source : str or path-like
    classes : iterable of classes, optional
        Your own losses that may be in the file. Those of modules that are imported already are
        found without, except for those of a script or notebook (``__main__``).

    Returns
    -------
    Loss or StyleObjective
        Whichever was saved; its values and gradients are the same to the bit.

    Raises
    ------
    OSError
        If the file cannot be read.
    TypeError
        If `classes` is no sequence of classes.
    ValueError
        If it is not such a file, or a damaged one, or holds a class that is neither this library's
        nor in `classes` nor imported.

    Examples
    --------
    >>> load_loss("nowhere.npz")
    Traceback (most recent call last):
    FileNotFoundError: cannot read 'nowhere.npz': No such file or directory
    """
    classes = _checked(classes)
    cannot = f"cannot read {quoted(source)}"
    try:
        with opened(source) as file:
            contents = json.loads(str(file[_CONTENTS]))
            arrays = [file[str(number)] for number in range(len(file) - 1)]
        wanted, encoded = contents["format"], contents["loss"]
    except OSError as error:
        raise type(error)(f"{cannot}: {reason(error)}") from error
    except MemoryError:
        raise
    except Exception as error:  # whatever a file that is something else leads to
        raise ValueError(f"{cannot}: expected a file written by save_loss") from error
    if type(wanted) is int and wanted > FORMAT:
        raise ValueError(f"{cannot}: it was written by a later version of this library")
    damaged = f"{cannot}: what it holds is damaged"
    if type(wanted) is not int or wanted < 1:
        raise ValueError(f"{damaged}: its format is {wanted!r}")
    if wanted > 1 and contents.get("digest") != _digest(encoded, arrays):
        raise ValueError(f"{damaged}: it was changed or lost a part since it was saved")
    try:
        loss = _decoded(encoded, arrays, classes)
    except _Unknown as error:
        raise ValueError(f"{cannot}: {error}") from None
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"{damaged}: {reason(error)}") from error
    if not isinstance(loss, Loss | StyleObjective):
        raise ValueError(f"{cannot}: what it holds is no loss")
    return loss


def fingerprint(loss: Loss | StyleObjective) -> str:
    """Return what tells a loss from others: a digest of all that `save_loss` would write.

    Raises
    ------
    TypeError, ValueError
        If it cannot be saved.
    """
    arrays: list[NDArray[Any]] = []
    encoded = _encoded(loss, arrays, "loss")
    return _digest(encoded, arrays)


def _checked(classes: Any) -> tuple[type[Loss], ...]:
    given = tuple(classes) if isinstance(classes, Iterable) else None
    if given is None or not all(isinstance(each, type) for each in given):
        raise TypeError(f"classes: expected classes of losses, received {shown(classes)}")
    return given


class _Unknown(Exception):
    """Says of which class a loss in a file is, where that is not to be found."""


def _own() -> dict[str, type[Loss]]:
    """Return the library's losses by name."""
    named = [OctaveLoss, Combination, *(getattr(ours, name) for name in dir(ours))]
    return {k.__name__: k for k in named if isinstance(k, type) and issubclass(k, Loss)}


def _class(module: str, name: str, classes: Sequence[type[Loss]]) -> type[Loss]:
    """Return the class of a module and a name, of those that are there already."""
    if module == _OURS:
        if name in _own():
            return _own()[name]
        raise _Unknown(f"it holds a {name}, which this version of the library has not")
    given = [kind for kind in classes if kind.__name__ == name.rpartition(".")[2]]
    same = [kind for kind in given if (kind.__module__, kind.__qualname__) == (module, name)]
    if same or len(given) == 1:
        return (same or given)[0]
    found: Any = sys.modules.get(module) if module != "__main__" else None
    for part in name.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type) and issubclass(found, Loss):
        return found
    raise _Unknown(f"it holds a {module}.{name}; pass that class in classes=")


def _class_of_0_1(name: str, classes: Sequence[type[Loss]]) -> type[Loss]:
    """Return the class of a name, which is all that files of version 0.1 say."""
    kinds = {**_own(), **{kind.__name__: kind for kind in classes}}
    if name not in kinds:
        raise _Unknown(f"it holds a {name}; pass that class in classes=")
    return kinds[name]


def _digest(encoded: Any, arrays: Sequence[NDArray[Any]]) -> str:
    everything = {str(number): array for number, array in enumerate(arrays)}
    return digest({**everything, "loss": np.array(json.dumps(encoded))})


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
        if is_function(value):
            raise TypeError(f"{label}: a function cannot be saved to a file: write a class")
        if not isinstance(state, Mapping):
            raise TypeError(f"{label}: its class has __slots__ or a state of its own: not saved")
        own = _own().get(type(value).__name__) is type(value)
        if own:
            check_finite(value.name, state)
        pairs = {k: _encoded(v, arrays, f"{label}: its attribute {k!r}") for k, v in state.items()}
        module = _OURS if own else type(value).__module__
        return {"loss": [module, type(value).__qualname__, pairs]}
    raise TypeError(
        f"{name}: expected plain values, arrays and tensors, or lists, tuples and dicts of them, "
        f"to be saved; received {shown(value)}"
    )


def _decoded(encoded: Any, arrays: Sequence[NDArray[Any]], classes: Sequence[type[Loss]]) -> Any:
    if not isinstance(encoded, dict):
        if isinstance(encoded, list):
            raise ValueError("a list where a value was expected")
        return encoded
    ((kind, value),) = encoded.items()
    if kind in ("array", "tensor"):
        if type(value) is not int or not 0 <= value < len(arrays):
            raise ValueError(f"there is no array {value!r}")
        return arrays[value] if kind == "array" else keras.ops.convert_to_tensor(arrays[value])
    if kind == "mask":
        return Mask(*(_decoded(part, arrays, classes) for part in value))
    if kind == "objective":
        terms = [Term(*term) for term in _decoded(value, arrays, classes)]
        if len({term.name for term in terms}) < len(terms):
            raise ValueError("several terms have one name")
        return StyleObjective(*terms)
    if kind == "loss":
        *module, name, pairs = value
        made = _class(module[0], name, classes) if module else _class_of_0_1(name, classes)
        loss: Any = object.__new__(made)
        if issubclass(made, LayeredLoss):
            # Files of version 0.1 do not say them.
            vars(loss).update(_network=None, _vanished="")
        vars(loss).update({k: _decoded(v, arrays, classes) for k, v in pairs.items()})
        if _own().get(name) is made:
            check_sound(loss)
        return loss
    if kind == "dict":
        return {_decoded(k, arrays, classes): _decoded(v, arrays, classes) for k, v in value}
    items = [_decoded(item, arrays, classes) for item in value]
    return {"list": items, "tuple": tuple(items)}[kind]
