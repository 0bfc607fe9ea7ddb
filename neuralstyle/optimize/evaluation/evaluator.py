"""The value and gradient of an objective at an image, as optimisers want them.

Here the network's tensors meet the optimisers' flat vectors; `compiled` makes the
graph that computes both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, ClassVar, final

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from neuralstyle._checks import Stays, describe, image_shape, stays
from neuralstyle._kernels.device import OutOfMemory, check_backend, check_process
from neuralstyle._types import Image, Tensor
from neuralstyle.features.base import Extractor, image_dtype
from neuralstyle.features.failures import said
from neuralstyle.features.keras_models.checks import check_extractor
from neuralstyle.features.tiles import Tiles, TileSide
from neuralstyle.images.arrays import check_finite, float_array
from neuralstyle.losses.objective import ObjectiveLike, StyleObjective, Term
from neuralstyle.losses.parts import paths
from neuralstyle.losses.schedule import schedules
from neuralstyle.optimize.evaluation.fitting import compiled
from neuralstyle.optimize.evaluation.memory import Taken
from neuralstyle.optimize.evaluation.weights import LiveWeights
from neuralstyle.optimize.pictures import check_first, shaped
from neuralstyle.optimize.vectors import Values, all_finite


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
    tile : int, at least 64, or "auto", optional
        Evaluate tile by tile, each of about so many pixels in height and width. The value and the
        gradient are those of the whole picture, in a fraction of the memory and more time. The
        extractor has to tell what its layers see (``receptive_field``), as VGG networks do. A
        picture that is no larger is evaluated as without. ``"auto"``: only if memory is short, and
        in the largest tiles that leave enough for an optimiser.
    executor : concurrent.futures.Executor, optional
        Whose workers look at the tiles: threads, processes, or many machines (Dask). It asks for
        `tile`. Value and gradient are the same to the bit, where the workers compute with as many
        threads as this process does. Only the extractor goes to them, as it is now, and so has to
        be one that can be pickled, unless they are threads; losses stay here.

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
    tile : int or None
    tiles : Tiles or None
        None if it is evaluated whole.
    taken : Taken
        The bytes that an evaluation takes, as its graph tells them.
    losses : dict from str to float
        Every loss at the last evaluation, before weighing; empty before the first.
    parts : dict from str to float
        What products, powers and maxima among these are made of, before weighing, by paths such as
        ``"product/style"``.

    Raises
    ------
    TypeError, ValueError, KeyError
        If the objective does not fit the extractor and the shape: a layer that does not exist, a
        content target of another size, a loss that is not a scalar. Everything is checked here,
        nothing at the hundredth evaluation.
    TypeError
        If the executor's workers are other processes, and the extractor cannot be pickled.

    Notes
    -----
    The value and all losses come out of one compiled graph together with the gradient, which is the
    gradient of that very value. The network runs in float32, or in the extractor's own ``dtype`` if
    it has such an attribute; values are float64, and so are gradients, unless the vector is
    float32. Where a pixel is infinite or not a number, all of these are NaN, also if the losses
    would not notice: a ReLU makes 0 of NaN.

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

    __reduce_ex__: ClassVar[Stays] = stays(
        "it holds compiled code; make another of the objective, the extractor and the shape"
    )

    def __init__(
        self,
        objective: ObjectiveLike,
        extractor: Extractor,
        shape: tuple[int, ...],
        *,
        tile: TileSide = None,
        executor: Executor | None = None,
    ) -> None:
        check_backend()
        check_extractor("extractor", extractor, ", the one that targets were made with")
        self._objective = StyleObjective(objective)
        schedule = {term.name: [*schedules(term.loss)] for term in self._objective.terms}
        self._weights = LiveWeights(self._objective.weights, schedule)
        self.extractor = extractor
        self.shape: tuple[int, int, int] = image_shape(shape)
        self.losses: dict[str, float] = {}
        self.parts: dict[str, float] = {}
        # A network in float64 (for checks) is not to be fed what float32 has rounded.
        self._dtype = image_dtype(extractor)
        self._parts = paths(self._objective.terms)
        # Compiling now finds everything that does not fit before any work is done.
        image = tf.TensorSpec((1, *self.shape), self._dtype)
        self._compute = compiled(self._objective, extractor, image, tile, executor)
        self.tile: int | None = getattr(self._compute, "tile", None)
        self.tiles: Tiles | None = getattr(self._compute, "tiles", None)

    @property
    def taken(self) -> Taken:
        """The bytes that an evaluation takes, as its graph tells them."""
        return self._compute.taken

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
        x : array of float, shape (H * W * 3,), (H, W, 3) or (1, H, W, 3)
            The image, RGB, nominally in [0, 1].

        Returns
        -------
        value : float
        gradient : array, shape (H * W * 3,)
            In float64; in float32 if `x` is.

        Raises
        ------
        TypeError, ValueError
            If `x` is no array of floats of that shape; or, at the first call alone, holds numbers
            that are not finite or more than 0.5 outside of [0, 1].
        """
        return self.unchecked(self._checked(x, "x"))

    def unchecked(self, x: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """Evaluate the objective as a call does, at a vector that is the caller's own care.

        Parameters
        ----------
        x : array of H * W * 3 floats

        Returns
        -------
        value : float
        gradient : array, shape (H * W * 3,)
        """
        check_process()
        image = tf.constant(x.reshape(1, *self.shape), self._dtype)
        value, gradient = self.at(image)
        dtype = np.float32 if x.dtype == np.float32 else np.float64
        return value, gradient.numpy().ravel().astype(dtype, copy=False)

    def image(self, x: ArrayLike) -> Image:
        """Return the picture that an optimiser's vector is.

        Parameters
        ----------
        x : array of float, shape (H * W * 3,), (H, W, 3) or (1, H, W, 3)

        Returns
        -------
        array, shape (H, W, 3), float32
            New, and clipped to [0, 1].

        Raises
        ------
        TypeError, ValueError
            If `x` is no such array, or has numbers in it that are not finite: it is no picture.

        Examples
        --------
        >>> from neuralstyle import TotalVariationLoss
        >>> evaluator = Evaluator(TotalVariationLoss(), lambda image: {"input": image}, (2, 2))
        >>> evaluator.image(np.linspace(-1, 2, 12)).max()
        np.float32(1.0)
        """
        pixels = shaped(x, "x", self.shape).reshape(self.shape)
        check_finite(pixels, "x")
        clipped: Image = np.clip(pixels, 0.0, 1.0).astype(np.float32)
        return clipped

    def value_and_gradient(self, image: ArrayLike) -> tuple[float, NDArray[Any]]:
        """Evaluate the objective at an image, in the image's shape.

        Parameters
        ----------
        image : array, shape (H, W, 3) or (1, H, W, 3), floating, RGB, nominally in [0, 1]
            Values beyond [0, 1] are taken as they are: optimisers try them.

        Returns
        -------
        value : float
        gradient : array, of the image's shape and precision

        Raises
        ------
        TypeError, ValueError
            If `image` is of another kind or shape, or the first one out of range, as for a call.

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
        shape = float_array(image, "image").shape
        if shape not in (self.shape, (1, *self.shape)):
            raise ValueError(f"image: expected shape {self.shape}, received {shape}")
        value, gradient = self.unchecked(self._checked(image, "image"))
        return value, gradient.reshape(shape)

    def _checked(self, x: ArrayLike, name: str) -> NDArray[Any]:
        array = shaped(x, name, self.shape)
        if not self.losses:
            check_first(array, name)
        return array

    def at(self, image: Tensor) -> tuple[float, Tensor]:
        """Evaluate the objective at a tensor, without leaving the device.

        Parameters
        ----------
        image : tensor, shape (1, H, W, 3)
            In the network's precision.

        Returns
        -------
        value : float
            NaN, as is all else, if a pixel is not finite.
        gradient : tensor, shape (1, H, W, 3)

        Raises
        ------
        MemoryError
            If there is not enough of it.
        """
        if not all_finite(image):
            return self._nowhere(image)
        try:
            total, gradient, losses = self._compute(image, tf.constant(self.weights.vector))
        except OutOfMemory as error:
            raise MemoryError(
                f"not enough memory to evaluate an image of {describe(self.shape)} pixels "
                f"({said(error)})"
            ) from error
        self.losses, self.parts = self.by_name(losses.numpy().tolist())
        return float(total), gradient

    def _nowhere(self, x: Tensor) -> tuple[float, Tensor]:
        """Answer for what is no picture; networks and losses may not notice, as ReLU and maxima."""
        self.losses, self.parts = self.by_name([np.nan] * (len(self._weights) + len(self._parts)))
        return np.nan, tf.fill(x.shape, tf.constant(np.nan, x.dtype))

    def by_name(self, values: Sequence[float]) -> Values:
        """Return the losses and the parts, given their values in order."""
        rest = iter(values)
        losses = {name: next(rest) for name in self._weights}
        return losses, dict(zip(self._parts, rest, strict=True))

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
        gradient : tensor, of the parameters' shape
        """
        check_process()
        if not all_finite(parameters):
            return self._nowhere(parameters)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parameters)
            image = pixels(parameters)
        value, gradient = self.at(tf.cast(image, self._dtype))
        pulled = tape.gradient(image, parameters, tf.cast(gradient, image.dtype))
        return value, tf.convert_to_tensor(pulled)

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"Evaluator({', '.join(self.weights)}; image of {describe(self.shape)})"
