"""Losses that outlive a run: saved, loaded, and averaged over many targets.

A loss keeps nothing but its target's statistic and plain options, so that one painting, or a
hundred, can be looked at once and used for a thousand photographs.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, TypeAlias, TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from neuralstyle import losses as _losses
from neuralstyle.files import check_place, quoted, reason, replacing
from neuralstyle.masks import Mask
from neuralstyle.objective import Loss, StyleObjective, Term
from neuralstyle.pyramid import OctaveLoss
from neuralstyle.tracing import kept

PathLike: TypeAlias = str | os.PathLike[str]
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
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "style.npz")
    >>> painting = {"input": np.random.default_rng(0).uniform(size=(1, 8, 8, 3))}
    >>> save_loss(path, 2.0 * _losses.StyleLoss(painting, "input"))
    >>> print(load_loss(path))
    name   weight  loss
    style       2  StyleLoss(layers='input')
    """
    if not isinstance(loss, Loss | StyleObjective):
        raise TypeError(f"loss: expected a loss or an objective, received {loss!r}")
    check_place(target)
    arrays: list[NDArray[Any]] = []
    contents = json.dumps({"format": FORMAT, "loss": _encoded(loss, arrays, "loss")})
    with replacing(target) as file:
        np.savez(
            file,
            allow_pickle=False,
            **{_CONTENTS: np.array(contents)},
            **{str(number): array for number, array in enumerate(arrays)},
        )


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
    kinds = [kind for kind in vars(_losses).values() if isinstance(kind, type)]
    known = {kind.__name__: kind for kind in (*kinds, OctaveLoss, *classes)}
    cannot = f"cannot read {quoted(source)}"
    try:
        with open(source, "rb") as stream, np.load(stream, allow_pickle=False) as file:
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


def average(losses: Sequence[Saved], weights: Sequence[float] | None = None) -> Saved:
    r"""Average the targets of losses: one loss that pulls like the weighted sum of them all.

    .. math:: \nabla \bar L = \sum_k w_k \nabla L_k, \qquad \sum_k w_k = 1

    Parameters
    ----------
    losses : sequence of Loss, or of StyleObjective
        All of one class, with the same layers and options; or objectives of such terms with the
        same weights.
    weights : sequence of float, optional
        Shares of the targets, equal by default. They are divided by their sum.

    Returns
    -------
    Loss or StyleObjective
        It costs what one of them costs, however many there are.

    Raises
    ------
    TypeError
        If `losses` are not of one class, or of one that cannot be averaged.
    ValueError
        If there are none, or their options, their terms or the shapes of their targets differ.

    Notes
    -----
    A sum of squared distances from several targets is, up to a constant, the squared distance from
    their mean; so this holds for the losses that are squared distances of a statistic: content,
    Gram, covariance and histogram losses. In the relative form each target counts in units of its
    own size. The constant is what the targets differ among themselves, which no picture can remove:
    it is left out.

    It does not hold where a loss takes the nearest of several things (patches, relaxed earth
    mover's distance) or is no square (Gaussian Wasserstein distance); those are refused.

    Examples
    --------
    >>> paintings = np.random.default_rng(0).uniform(size=(2, 1, 8, 8, 3))
    >>> both = average([_losses.StyleLoss({"input": painting}, "input") for painting in paintings])
    >>> both
    StyleLoss(layers='input')
    """
    if isinstance(losses, str) or not isinstance(losses, Sequence):
        raise TypeError(f"losses: expected a sequence of losses, received {losses!r}")
    if not losses:
        raise ValueError("losses: expected at least one, received none")
    shares = check_shares(weights, len(losses), "weights", "losses")
    first = losses[0]
    if not isinstance(first, StyleObjective):
        averaged: Saved = _averaged(losses, shares)
        return averaged
    terms = [loss.terms for loss in losses if isinstance(loss, StyleObjective)]
    if len(terms) < len(losses) or any(loss.weights != first.weights for loss in losses):
        raise ValueError("losses: expected objectives of the same terms and weights")
    return StyleObjective(
        *(
            Term(same[0].name, same[0].weight, _averaged([term.loss for term in same], shares))
            for same in zip(*terms, strict=True)
        )
    )


def _averaged(losses: Sequence[Any], shares: Sequence[float]) -> Any:
    first = losses[0]
    if not isinstance(first, Loss) or any(type(loss) is not type(first) for loss in losses):
        kinds = ", ".join(sorted({type(loss).__name__ for loss in losses}))
        raise TypeError(f"losses: expected losses of one class, received {kinds}")
    if not hasattr(first, "averaged") and _has_target(first):
        raise TypeError(f"losses: the targets of a {type(first).__name__} cannot be averaged")
    options = [_options(loss) for loss in losses]
    if any(others != options[0] for others in options):
        raise ValueError(f"losses: expected the same layers and options, received {options}")
    return first.averaged(losses, shares) if hasattr(first, "averaged") else first


def _has_target(loss: Loss) -> bool:
    return any(
        name.startswith("_") or isinstance(value, np.ndarray) or keras.ops.is_tensor(value)
        for name, value in vars(loss).items()
    )


def _options(loss: Loss) -> dict[str, Any]:
    return {k: v for k, v in vars(loss).items() if not k.startswith("_") and k != "name"}


def check_shares(weights: Any, count: int, name: str, of: str) -> list[float]:
    """Return `count` weights that sum to 1."""
    if weights is None:
        return [1.0 / count] * count
    try:
        numbers = [float(weight) for weight in weights if isinstance(weight, Real)]
        proper = len(numbers) == len(weights) and not any(isinstance(w, bool) for w in weights)
    except TypeError:
        proper = False
    if not proper:
        raise TypeError(f"{name}: expected a sequence of numbers, received {weights!r}")
    if len(numbers) != count:
        raise ValueError(f"{name}: expected one for each of {count} {of}, received {len(numbers)}")
    if not all(math.isfinite(n) and n >= 0 for n in numbers) or sum(numbers) == 0:
        raise ValueError(
            f"{name}: expected finite numbers of at least 0, not all 0, received {list(weights)!r}"
        )
    return [n / sum(numbers) for n in numbers]


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
        return kept(arrays[value])
    if kind == "mask":
        return Mask(*(_decoded(part, arrays, known) for part in value))
    if kind == "objective":
        return StyleObjective(*(Term(*term) for term in _decoded(value, arrays, known)))
    if kind == "loss":
        name, pairs = value
        if name not in known:
            raise KeyError(f"it holds a {name}; pass that class in classes=")
        loss: Any = object.__new__(known[name])
        vars(loss).update({k: _decoded(v, arrays, known) for k, v in pairs.items()})
        return loss
    if kind == "dict":
        return {_decoded(k, arrays, known): _decoded(v, arrays, known) for k, v in value}
    items = [_decoded(item, arrays, known) for item in value]
    return {"list": items, "tuple": tuple(items)}[kind]
