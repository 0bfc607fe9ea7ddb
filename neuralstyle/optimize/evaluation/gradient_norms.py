"""How strongly each loss of an objective pulls at the pixels."""

from __future__ import annotations

from concurrent.futures import Executor

import tensorflow as tf

from neuralstyle._kernels.device import check_backend
from neuralstyle._types import SupportsArray
from neuralstyle.features.base import Extractor, image_dtype
from neuralstyle.features.tiles import in_tiles
from neuralstyle.images.arrays import check_image
from neuralstyle.losses.objective import ObjectiveLike, StyleObjective, Term
from neuralstyle.losses.variation import TotalVariationLoss
from neuralstyle.optimize.evaluation.evaluator import Evaluator
from neuralstyle.optimize.evaluation.executors import check_executor
from neuralstyle.optimize.vectors import norm


def gradient_norms(
    objective: ObjectiveLike,
    extractor: Extractor,
    at: SupportsArray,
    *,
    tile: int | None = None,
    executor: Executor | None = None,
) -> dict[str, float]:
    r"""Measure how strongly each loss pulls at the pixels of an image.

    .. math:: n_i = \|\nabla L_i(x)\|_2

    Parameters
    ----------
    objective : StyleObjective or Loss
    extractor : callable
        Turns an image tensor into features.
    at : array, shape (H, W, 3), floating, RGB in [0, 1]
    tile : int, at least 64, optional
        Look at the image tile by tile, as `Evaluator` does, where memory is short.
    executor : concurrent.futures.Executor, optional
        Whose workers look at the tiles, as for `Evaluator`.

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
    check_backend()
    check_executor(executor, tile)
    image = tf.convert_to_tensor(check_image(at, "at")[None].astype(image_dtype(extractor)))
    norms = {}
    for term in StyleObjective(objective).terms:
        if in_tiles(tile, image.shape[1:3]):
            # A loss that does not depend on the image is refused by itself.
            alone = StyleObjective(Term(term.name, 1.0, term.loss), 0 * TotalVariationLoss())
            one = Evaluator(alone, extractor, tuple(image.shape[1:]), tile=tile, executor=executor)
            norms[term.name] = norm(tf.reshape(one.at(image)[1], (-1,)))
            continue
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            (value,) = StyleObjective(term).evaluate(extractor(image)).values()
        gradient = tape.gradient(value, image, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        norms[term.name] = norm(tf.reshape(tf.convert_to_tensor(gradient), (-1,)))
    return norms
