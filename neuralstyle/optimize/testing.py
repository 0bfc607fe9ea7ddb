"""What the library's losses keep to, as a test of losses of your own."""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._checks import shown
from neuralstyle._types import Tensor
from neuralstyle.features.base import Extractor, image_dtype
from neuralstyle.losses.evaluation import CAST, PRECISION
from neuralstyle.losses.functions import is_function
from neuralstyle.losses.layers import parameters_of
from neuralstyle.losses.objective import Loss, ObjectiveLike, StyleObjective
from neuralstyle.losses.own import LayerLoss
from neuralstyle.losses.parts import leaves
from neuralstyle.losses.storage import load_loss, save_loss
from neuralstyle.optimize.evaluation.evaluator import Evaluator
from neuralstyle.optimize.evaluation.trial import Dead, Network

SHAPE = (16, 12, 3)
STEP = 1e-6
"""Of finite differences, in the range of pixels."""


def check_loss(
    make: Callable[..., ObjectiveLike],
    /,
    *args: Any,
    extractor: Callable[[str], Extractor] | None = None,
    zero: bool = True,
    saved: bool = True,
    **options: Any,
) -> None:
    """Check that a loss keeps to what the library's own losses keep to.

    Parameters
    ----------
    make : callable
        A class of losses, or a function that makes one: ``make(target, *args, **options)`` is
        called with features of small random images.
    *args
        Further arguments for `make`, such as layers.
    extractor : callable, optional
        Takes a precision, ``"float32"`` or ``"float64"``, and returns an extractor. By default one
        without a network, that has a layer of four channels under every name.
    zero : bool, default True
        Whether the loss is 0 at its own target, and above elsewhere.
    saved : bool, default True
        Whether it can be saved. Functions never are.
    **options
        Further keywords for `make`.

    Raises
    ------
    AssertionError
        If it does not; the message says what was expected.
    TypeError
        If `make` is a loss already.

    Notes
    -----
    What is checked: the value is a finite scalar, the same at every call and in compiled code; the
    gradient agrees with finite differences, and is finite at the target and where a channel is zero
    throughout, as many are behind a ReLU; float32 agrees with float64, so constants have to be cast
    to the features' dtype; calls keep nothing; copies and files give the same to the bit; a mask of
    ones, if it takes one, changes nothing; the statistic of a `LayerLoss` is no sum over positions;
    the name and the description are those of a term; and if the class promises ``reuse``, code
    compiled for another target serves.

    Examples
    --------
    >>> from keras import ops
    >>> from neuralstyle import LayerLoss
    >>> class MeanLoss(LayerLoss):
    ...     def statistic(self, features, mask):
    ...         return ops.mean(features, axis=(1, 2))
    >>> check_loss(MeanLoss, "block3_conv1", normalize="mean", saved=False)
    Traceback (most recent call last):
    AssertionError: a mask of ones in half of the image: expected another value, received the \
same: does statistic() use its mask?
    """
    if isinstance(make, Loss | StyleObjective):
        raise TypeError(
            "make: expected a class of losses, or a function that makes one, received the loss "
            f"{make!r}: write its class, or lambda target: my_loss"
        )
    try:
        _check(make, args, options, extractor or Network, zero, saved)
    except Exception as error:
        if not re.search(PRECISION, str(error)):
            raise
        said = str(error).splitlines()[0]
        said = said if CAST in said else f"{CAST} ({said})"
        raise AssertionError(f"in float64 as in float32: {said}") from error


def _check(
    make: Callable[..., ObjectiveLike],
    args: tuple[Any, ...],
    options: Mapping[str, Any],
    network: Callable[[str], Extractor],
    zero: bool,
    saved: bool,
) -> None:
    random = np.random.default_rng(0)
    target, other, image = random.uniform(0.2, 0.8, size=(3, *SHAPE))
    exact = network("float64")

    def made(of: NDArray[Any] = target, by: Any = exact, **more: Any) -> StyleObjective:
        loss = make(_seen(by, of), *args, **options, **more)
        _expect(isinstance(loss, Loss | StyleObjective), "what is made", "a loss", _shown(loss))
        return StyleObjective(loss)

    objective = made()
    features = _seen(exact, image)
    value = _value(objective, features)
    _check_described(objective)
    _check_size(objective, features)
    _expect(value == _value(objective, features), "a second call", value, "another value")
    _expect(value == _value(made(), features), "the loss made again", value, "another value")
    if zero:
        why = "; with zero=False it may have no target at which it is 0"
        at_target = _value(objective, _seen(exact, target))
        _expect(abs(at_target) < 1e-12 * max(value, 1e-12), "at the target", 0, f"{at_target}{why}")
        _expect(value > 0, "elsewhere", "a number above 0", value)
    _check_evaluated(objective, exact, image, value, target if zero else image)
    single = network("float32")
    rounded = _value(made(target, single), _seen(single, image))
    _near("in float32", value, rounded, 1e-3)
    _check_dead(made, Dead(exact), image)
    _check_outlived(objective, features, value, saved)
    _check_masks(make, made, features, value)
    if all(term.loss.reuse for term in objective.terms):
        another = made(other)
        value, (shared, _) = _value(another, features), Evaluator(another, exact, SHAPE)(image)
        _near("with code compiled for another target, as reuse = True promises", value, shared)


def _check_described(objective: StyleObjective) -> None:
    for term in objective.terms:
        text = repr(term.loss)
        _expect(isinstance(term.loss.name, str), "its name", "text", term.loss.name)
        plain = text and "\n" not in text and " object at " not in text
        _expect(plain, "its repr", "one line without an address", text)


def _check_evaluated(
    objective: StyleObjective,
    extractor: Any,
    image: NDArray[Any],
    value: float,
    target: NDArray[Any],
) -> None:
    """Compare compiled code with the call, and its gradient with finite differences."""
    evaluator = Evaluator(objective, extractor, SHAPE)
    compiled, gradient = evaluator.value_and_gradient(image)
    _near("in compiled code", value, compiled)
    _expect(np.isfinite(gradient).all(), "the gradient", "finite numbers", gradient)
    finite = np.isfinite(evaluator.value_and_gradient(target)[1]).all()
    why = "others: sqrt, abs or a power of what is 0 there?"
    _expect(finite, "the gradient at the target", "finite numbers", why)
    random = np.random.default_rng(1)
    for _ in range(3):
        # Half along the gradient, so that the slope is steep, and half at random.
        direction = np.where(
            random.uniform(size=SHAPE) < 0.5, np.sign(gradient), random.choice([-1, 1], size=SHAPE)
        )
        ends = [evaluator(image + sign * STEP * direction)[0] for sign in (1, -1)]
        slope = float(np.sum(gradient * direction))
        _near("the gradient along a direction", (ends[0] - ends[1]) / (2 * STEP), slope, 1e-4)


def _check_dead(made: Callable[..., StyleObjective], extractor: Any, image: NDArray[Any]) -> None:
    """Look at features one of whose channels is zero throughout, and at targets like that."""
    of_target = float(made(by=extractor)(_seen(extractor, image)))
    value, gradient = Evaluator(made(), extractor, SHAPE).value_and_gradient(image)
    found = {"value": [of_target, value], "gradient": gradient}
    for what, numbers in found.items():
        _expect(
            np.isfinite(np.asarray(numbers)).all(),
            f"the {what} where a channel is zero throughout",
            "finite numbers",
            "others: sqrt, a power or a division at 0?",
        )


def _check_size(objective: StyleObjective, features: Mapping[str, Tensor]) -> None:
    """Compare statistics of features with those of the same repeated, which sums tell apart."""
    for leaf in leaves(objective.terms):
        if not isinstance(leaf.loss, LayerLoss):
            continue
        for layer in leaf.loss.layers:
            repeated = ops.tile(features[layer], (1, 2, 2, 1))
            once = _parts(leaf.loss.statistic(features[layer], None))
            try:
                often = _parts(leaf.loss.statistic(repeated, None))
            except Exception:
                continue  # one that compares pictures of one size, perhaps
            for one, more in zip(once, often, strict=True):
                sums = one.shape == more.shape and one.any()
                # Of sums, of their roots and of their squares: by chance no other has such factors.
                factors = [n for n in (2, 4, 16) if sums and np.allclose(more, n * one, 1e-9, 0)]
                _expect(
                    not factors,
                    f"the statistic of layer {layer!r} repeated to four times its size",
                    "the same, as means over positions are",
                    f"{sum(factors)} times that: a sum in place of a mean?",
                )


def _parts(statistic: Any) -> list[NDArray[Any]]:
    parts = statistic if isinstance(statistic, tuple | list) else [statistic]
    return [np.asarray(ops.convert_to_numpy(part)) for part in parts]


def _check_outlived(
    objective: StyleObjective, features: Mapping[str, Tensor], value: float, saved: bool
) -> None:
    copied = copy.deepcopy(objective)
    _expect(_value(copied, features) == value, "a copy", value, "another value")
    if not saved or any(is_function(term.loss) for term in objective.terms):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "loss.npz")
        try:
            save_loss(path, objective)
            loaded = load_loss(path, {type(term.loss) for term in objective.terms})
        except (TypeError, ValueError) as error:
            raise AssertionError(f"saved and loaded: expected a loss, received: {error}") from error
    _expect(_value(loaded, features) == value, "saved and loaded", value, "another value")
    _expect(repr(loaded) == repr(objective), "saved and loaded", repr(objective), repr(loaded))


def _check_masks(make: Any, made: Any, features: Any, value: float) -> None:
    takes = parameters_of(make)
    names = [name for name in ("mask", "target_mask") if name in takes]
    if not names:
        return
    ones, half = np.ones(SHAPE[:2]), np.ones(SHAPE[:2])
    half[:, : SHAPE[1] // 2] = 0
    _near("a mask of ones", value, _value(made(**dict.fromkeys(names, ones)), features))
    part = _value(made(**dict.fromkeys(names, half)), features)
    of = "a mask of ones in half of the image"
    own = any(isinstance(leaf.loss, LayerLoss) for leaf in leaves(made().terms))
    hint = "does statistic() use its mask?" if own else "is the mask used?"
    _expect(part != value, of, "another value", f"the same: {hint}")


def _seen(extractor: Any, image: NDArray[Any]) -> Mapping[str, Tensor]:
    features: Mapping[str, Tensor] = extractor(
        ops.convert_to_tensor(image[None], image_dtype(extractor))
    )
    return features


def _shown(made: Any) -> str:
    """Describe what is no loss; a function of features gives a number of a target's."""
    number = ops.is_tensor(made) or isinstance(made, float)
    hint = ": make a loss of a function of features by @neuralstyle.loss" if number else ""
    return f"{shown(made)}{hint}"


def _value(objective: Loss | StyleObjective, features: Mapping[str, Tensor]) -> float:
    value = float(objective(features))
    _expect(np.isfinite(value), "the value", "a finite number", value)
    return value


def _near(what: str, expected: float, received: float, tolerance: float = 1e-6) -> None:
    size = max(abs(expected), 1e-12)
    _expect(abs(received - expected) <= tolerance * size, what, expected, received)


def _expect(holds: Any, what: str, expected: Any, received: Any) -> None:
    if not holds:
        raise AssertionError(f"{what}: expected {expected}, received {received}")
