"""The value and gradient of an objective at an image, as optimisers want them.

Here the network's tensors meet the optimisers' flat vectors; `neuralstyle.optimize.compiled` makes
the graph that computes both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from neuralstyle._checks import stays
from neuralstyle._kernels.device import OutOfMemory, check_backend
from neuralstyle._types import Tensor
from neuralstyle.features.base import Extractor
from neuralstyle.features.failures import said
from neuralstyle.features.keras_checks import check_extractor
from neuralstyle.images.arrays import check_image
from neuralstyle.losses.objective import Loss, StyleObjective, Term
from neuralstyle.losses.schedule import schedules
from neuralstyle.optimize.compiled import Compiled
from neuralstyle.optimize.weights import LiveWeights


@final
class Evaluator:
    """An objective of an image as a function of a flat vector, with its gradient.

    Parameters
    ----------
    objective : StyleObjective or Loss
    extractor : callable
        Turns an image tensor, (1, H, W, 3), into features: a `VGG16Features`, for instance.
    shape : (int, int, 3) or (int, int)
        Height and width of the image.

    Attributes
    ----------
    shape : (int, int, 3)
    weights : mapping from str to float
        The weight of every term, by name. They can be set, between two calls:
        ``evaluator.weights["style"] = 2.0``, or several by ``update``. Nothing is compiled again,
        and a term whose weight is 0 stays. They are read once in a call, and cannot be set during a
        run of `minimize`.
    objective : StyleObjective
        With the weights as they are now.
    losses : dict from str to float
        Every loss at the last evaluation, before weighing; empty before the first.

    Raises
    ------
    TypeError, ValueError, KeyError
        If the objective does not fit the extractor and the shape: a layer that does not exist, a
        content target of another size, a loss that is not a scalar. Everything is checked here,
        nothing at the hundredth evaluation.

    Notes
    -----
    The value and all losses come out of one compiled graph together with the gradient, which is the
    gradient of that very value. The network runs in float32, or in the extractor's own ``dtype`` if
    it has such an attribute; values are float64, and so are gradients, unless the vector is
    float32.

    It is a snapshot of its losses: what becomes of their attributes later does not count, but for
    the values of `keras.Variable` s, which are read at every evaluation. Setting weights while
    another optimiser of yours is running gives that another function from then on; an L-BFGS has to
    begin anew.

    Examples
    --------
    Any optimiser can drive it:

    >>> import scipy.optimize
    >>> from neuralstyle import TotalVariationLoss
    >>> evaluator = Evaluator(TotalVariationLoss(), lambda image: {"input": image}, (4, 4))
    >>> start = np.random.default_rng(0).uniform(size=48)
    >>> x, value, info = scipy.optimize.fmin_l_bfgs_b(evaluator, start)
    >>> value < 1e-6
    True
    >>> sorted(evaluator.losses)
    ['total_variation']

    Weights are live:

    >>> value, _ = evaluator(start)
    >>> evaluator.weights["total_variation"] = 2.0
    >>> evaluator(start)[0] == 2 * value
    True
    """

    __reduce_ex__ = stays(
        "it holds compiled code; make another of the objective, the extractor and the shape"
    )

    def __init__(
        self, objective: StyleObjective | Loss, extractor: Extractor, shape: tuple[int, ...]
    ) -> None:
        check_backend()
        check_extractor("extractor", extractor)
        self._objective = StyleObjective(objective)
        schedule = {term.name: [*schedules(term.loss)] for term in self._objective.terms}
        self._weights = LiveWeights(self._objective.weights, schedule)
        self.extractor = extractor
        self.shape = image_shape(shape)
        self.losses: dict[str, float] = {}
        # A network in float64 (for checks) is not to be fed what float32 has rounded.
        self._dtype = str(getattr(extractor, "dtype", "float32"))
        # Compiling now finds everything that does not fit before any work is done.
        image = tf.TensorSpec((1, *self.shape), self._dtype)
        self._compute = Compiled(self._objective, extractor, image)

    @property
    def weights(self) -> LiveWeights:
        """The weight of every term, which can be set."""
        return self._weights

    @property
    def objective(self) -> StyleObjective:
        """The objective, with the weights as they are now."""
        return StyleObjective(
            *(Term(term.name, self.weights[term.name], term.loss) for term in self._objective.terms)
        )

    def __call__(self, x: ArrayLike) -> tuple[float, NDArray[Any]]:
        """Evaluate the objective.

        Parameters
        ----------
        x : array of H * W * 3 numbers
            The image, flat (or of any shape with that many elements), RGB, nominally in [0, 1].

        Returns
        -------
        value : float
        gradient : array, shape (H * W * 3,)
            In float64; in float32 if `x` is.

        Raises
        ------
        ValueError
            If `x` has another number of elements.
        """
        image = np.asarray(x, dtype=self._dtype)
        if image.size != np.prod(self.shape):
            raise ValueError(
                f"x: expected {np.prod(self.shape)} numbers for an image of shape {self.shape}, "
                f"received {image.size}"
            )
        value, gradient = self.at(tf.constant(image.reshape(1, *self.shape)))
        single = getattr(x, "dtype", None) == np.float32
        dtype = np.float32 if single else np.float64
        return value, gradient.numpy().ravel().astype(dtype, copy=False)

    def value_and_gradient(self, image: ArrayLike) -> tuple[float, NDArray[Any]]:
        """Evaluate the objective at an image, in the image's shape.

        Parameters
        ----------
        image : array, shape (H, W, 3) or (1, H, W, 3), floating, RGB, nominally in [0, 1]
            Values beyond [0, 1] are taken as they are: optimisers try them.

        Returns
        -------
        value : float
        gradient : array, of the image's shape
            In float64; in float32 if `image` is.

        Raises
        ------
        ValueError
            If `image` is of another shape.

        Examples
        --------
        >>> from keras import ops
        >>> from neuralstyle import loss
        >>> mean = loss(lambda features: ops.mean(features["input"]))
        >>> evaluator = Evaluator(mean, lambda image: {"input": image}, (1, 2))
        >>> value, gradient = evaluator.value_and_gradient(np.full((1, 2, 3), 0.5))
        >>> value, gradient.shape
        (0.5, (1, 2, 3))
        """
        shape = np.shape(image)
        if shape not in (self.shape, (1, *self.shape)):
            raise ValueError(f"image: expected shape {self.shape}, received {shape}")
        value, gradient = self(image)
        return value, gradient.reshape(shape)

    def at(self, image: Tensor) -> tuple[float, Tensor]:
        """Evaluate the objective at a tensor, without leaving the device.

        Parameters
        ----------
        image : tensor, shape (1, H, W, 3)
            In the network's precision.

        Returns
        -------
        value : float
        gradient : tensor, shape (1, H, W, 3)

        Raises
        ------
        MemoryError
            If there is not enough of it.
        """
        try:
            total, gradient, losses = self._compute(image, tf.constant(self.weights.vector))
        except OutOfMemory as error:
            height, width, _ = self.shape
            raise MemoryError(
                f"not enough memory to evaluate an image of {width} x {height} pixels "
                f"({said(error)})"
            ) from error
        self.losses = dict(zip(self.weights, losses.numpy().tolist(), strict=True))
        return float(total), gradient

    def through(
        self, pixels: Callable[[Tensor], Tensor], parameters: Tensor
    ) -> tuple[float, Tensor]:
        """Evaluate the objective as a function of what the image is made of.

        Parameters
        ----------
        pixels : callable
            Makes the image, (1, H, W, 3), of the parameters.
        parameters : tensor

        Returns
        -------
        value : float
        gradient : tensor
            In the shape of the parameters.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parameters)
            image = pixels(parameters)
        value, gradient = self.at(tf.cast(image, self._dtype))
        pulled = tape.gradient(image, parameters, tf.cast(gradient, image.dtype))
        return value, tf.convert_to_tensor(pulled)

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"Evaluator({', '.join(self.weights)}; image of {self.shape[1]} x {self.shape[0]})"


def gradient_norms(
    objective: StyleObjective | Loss, extractor: Extractor, at: Any
) -> dict[str, float]:
    r"""Measure how strongly each loss pulls at the pixels of an image.

    .. math:: n_i = \|\nabla L_i(x)\|_2

    Parameters
    ----------
    objective : StyleObjective or Loss
    extractor : callable
        Turns an image tensor into features.
    at : array, shape (H, W, 3), floating, RGB in [0, 1]

    Returns
    -------
    dict from str to float
        The norm of every loss's gradient, before weighing, by the name of its term. Zero where a
        loss does not depend on the image.

    Raises
    ------
    TypeError, ValueError, KeyError
        If the objective does not fit the extractor and the image.

    Examples
    --------
    >>> from neuralstyle import TotalVariationLoss
    >>> flat = np.full((4, 4, 3), 0.5)
    >>> gradient_norms(TotalVariationLoss(), lambda image: {"input": image}, flat)
    {'total_variation': 0.0}
    """
    dtype = str(getattr(extractor, "dtype", "float32"))
    image = tf.convert_to_tensor(check_image(at, "at")[None].astype(dtype))
    norms = {}
    for term in StyleObjective(objective).terms:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            (value,) = StyleObjective(term).evaluate(extractor(image)).values()
        gradient = tape.gradient(value, image, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        norms[term.name] = float(tf.norm(tf.cast(tf.convert_to_tensor(gradient), tf.float64)))
    return norms


def image_shape(shape: Any) -> tuple[int, int, int]:
    """Return (height, width, 3), given that or (height, width)."""
    numbers = tuple(shape) if isinstance(shape, Sequence) else ()
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in numbers)
    if not whole or len(numbers) not in (2, 3) or min(numbers) < 1 or numbers[2:] not in ((), (3,)):
        raise ValueError(
            f"shape: expected (height, width) or (height, width, 3), received {shape!r}"
        )
    return int(numbers[0]), int(numbers[1]), 3
