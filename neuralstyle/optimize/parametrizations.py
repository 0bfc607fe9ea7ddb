"""Parametrisations: what an optimiser moves in place of the pixels.

A parametrisation is a pair of functions, from parameters to pixels and back, on tensors of
`keras.ops`; `minimize` differentiates through the first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from neuralstyle._types import Tensor
from neuralstyle.images.color import LUMINANCE

OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
"""Grey, red against blue, and magenta against green: orthonormal rows."""

BANDS = 7
"""Octaves of spatial frequency that curvature is measured in; the lowest takes what is below."""

EXPONENT = 0.25
"""Of the curvature in `spectral`. A half would make the curvature equal in all bands if it were
the same everywhere in the picture, which it is not."""

RANGE = 1e3
"""The curvature of a band is taken to be at least the largest divided by this."""


class Parametrization(NamedTuple):
    """Two functions between parameters and pixels, each the inverse of the other.

    Parameters
    ----------
    pixels : callable
        Takes the parameters, a tensor of any shape; returns the image, (1, H, W, 3).
    parameters : callable
        Takes an image, (1, H, W, 3); returns parameters of it.
    name : str, default "own"
        What the settings of a result call it.
    monotone : bool, default False
        Whether every pixel grows with one parameter and depends on no other, so that bounds of
        pixels are bounds of parameters. Without, there are none.

    Examples
    --------
    Brightness in stops:

    >>> stops = Parametrization(lambda p: ops.exp2(p), lambda image: ops.log2(image))
    """

    pixels: Callable[[Tensor], Tensor]
    parameters: Callable[[Tensor], Tensor]
    name: str = "own"
    monotone: bool = False

    def bounds(self, low: float, high: float) -> tuple[float, float]:
        """Return the bounds of the parameters, given those of the pixels."""
        flat = (np.full((1, 1, 1, 3), bound, np.float32) for bound in (low, high))
        first, last = (float(np.ravel(self.parameters(ops.convert_to_tensor(x)))[0]) for x in flat)
        return first, last


def grey() -> Parametrization:
    r"""Move one channel, which the three of the picture are equal to.

    .. math:: R = G = B = y, \qquad y = 0.299 R + 0.587 G + 0.114 B

    Returns
    -------
    Parametrization

    Examples
    --------
    >>> pixels, parameters, *_ = grey()
    >>> red = np.array([[[[1.0, 0.0, 0.0]]]], np.float32)
    >>> [round(float(channel), 3) for channel in np.ravel(pixels(parameters(red)))]
    [0.299, 0.299, 0.299]
    """
    return Parametrization(_repeated, _luminance, "grey", monotone=True)


def logistic() -> Parametrization:
    r"""Keep pixels strictly between 0 and 1 by a change of variable.

    .. math:: x = 1 / (1 + e^{-4u})

    Returns
    -------
    Parametrization

    Notes
    -----
    The slope is 1 at grey and vanishes towards black and white, where pixels hardly move any more;
    images are taken to be at least 1/512 from both.

    Examples
    --------
    >>> pixels, parameters, *_ = logistic()
    >>> float(pixels(parameters(0.25)))
    0.25
    """
    return Parametrization(_sigmoid, _logit, "logistic", monotone=True)


# Functions of the module can be pickled.


def _repeated(grey: Tensor) -> Tensor:
    return ops.repeat(grey, 3, axis=-1)


def _luminance(image: Tensor) -> Tensor:
    image = ops.convert_to_tensor(image)
    return ops.matmul(image, ops.convert_to_tensor(LUMINANCE[:, None], image.dtype))


def _sigmoid(parameters: Tensor) -> Tensor:
    return ops.sigmoid(4 * parameters)


def _logit(image: Tensor) -> Tensor:
    inside = ops.clip(ops.convert_to_tensor(image), 1 / 512, 1 - 1 / 512)
    return ops.log(inside / (1 - inside)) / 4


def spectral(
    shape: tuple[int, ...], curvature: ArrayLike, exponent: float = EXPONENT
) -> Parametrization:
    r"""Scale spatial frequencies of opponent colours by a power of their curvature.

    .. math:: x = C^\top \mathcal F^{-1} c^{-p} \mathcal F\, C\, u

    Parameters
    ----------
    shape : (int, int) or (int, int, 3)
        Of the image.
    curvature : array, shape (bands, 3), above 0
        Of the objective, in octaves of spatial frequency from the lowest, for grey, red against
        blue, and magenta against green: what `measured_curvature` returns. Only ratios matter.
    exponent : float, default 0.25
        The power p.

    Returns
    -------
    Parametrization
        Of parameters in the shape of the image.

    Notes
    -----
    Gradient methods advance slowly where curvatures differ. Those of a trained network's style
    losses differ a thousandfold between low and high frequencies and between grey and colours;
    this makes them more alike. The picture at the minimum is the same.

    References
    ----------
    Olah, Mordvintsev and Schubert, Feature Visualization, Distill 2017, scale frequencies by 1/f
    and decorrelate colours: a fixed guess at the same.

    Examples
    --------
    >>> flat = spectral((4, 6), np.ones((BANDS, 3)))
    >>> image = np.random.default_rng(0).uniform(size=(1, 4, 6, 3)).astype(np.float32)
    >>> np.allclose(flat.pixels(image), image, atol=1e-6)
    True
    """
    height, width = shape[:2]
    logarithms = np.log(np.asarray(curvature, np.float64))
    logarithms -= logarithms.mean()
    octave = _octaves(height, width, len(logarithms))
    curves = [np.interp(octave, np.arange(len(column)), column) for column in logarithms.T]
    gain = np.exp(-exponent * np.stack(curves))

    forth, back = functools.partial(_filtered, gain), functools.partial(_filtered, 1 / gain)
    return Parametrization(forth, back, "spectral")


def _filtered(gain: NDArray[np.float64], image: Tensor) -> Tensor:
    image = ops.convert_to_tensor(image)
    colors = ops.convert_to_tensor(OPPONENT, image.dtype)
    factor = ops.convert_to_tensor(gain, image.dtype)
    planes = ops.transpose(ops.matmul(image[0], ops.transpose(colors)), (2, 0, 1))
    real, imaginary = ops.fft2((planes, ops.zeros_like(planes)))
    # The inverse transform is the transform between two conjugations.
    planes, _ = ops.fft2((real * factor, -imaginary * factor))
    planes = planes / gain[0].size
    return ops.matmul(ops.transpose(planes, (1, 2, 0)), colors)[None]


def measured_curvature(
    steps: ArrayLike, changes: ArrayLike, bands: int = BANDS
) -> NDArray[np.float64]:
    """Measure an objective's curvature in octaves of frequency and opponent colours.

    Parameters
    ----------
    steps : array, shape (n, H, W, 3)
        Steps in the space of pixels.
    changes : array, shape (n, H, W, 3)
        By how much each changed the gradient.
    bands : int, default 7

    Returns
    -------
    array, shape (bands, 3), float64
        Above 0.

    Examples
    --------
    >>> steps = np.random.default_rng(0).standard_normal((2, 16, 16, 3))
    >>> np.allclose(measured_curvature(steps, 5 * steps, bands=2), 5)
    True
    """
    import scipy.fft

    num, den = np.zeros((2, bands, 3))
    for step, change in zip(np.asarray(steps), np.asarray(changes), strict=True):
        # Half of the spectrum of real numbers says it all.
        a, b = (
            scipy.fft.rfft2(x @ OPPONENT.T.astype(x.dtype), axes=(0, 1)) for x in (step, change)
        )
        height, width = step.shape[:2]
        band = np.rint(_octaves(height, width, bands))[:, : width // 2 + 1].astype(int).ravel()
        for color in range(3):
            x, y = a[..., color].ravel(), b[..., color].ravel()
            num[:, color] += np.bincount(band, (x.conj() * y).real, bands)
            den[:, color] += np.bincount(band, (x.conj() * x).real, bands)
    curvature = np.abs(num) / np.maximum(den, np.finfo(np.float64).tiny)
    largest = curvature.max()
    return np.maximum(curvature, largest / RANGE) if largest > 0 else np.ones_like(curvature)


def _octaves(height: int, width: int, bands: int) -> NDArray[np.float64]:
    """Return where each of an image's frequencies lies among the bands, (H, W)."""
    y, x = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    frequency = np.maximum(np.hypot(y, x), 2.0**-bands / 4)
    # The highest band is centred on a third of a cycle a pixel.
    octave: NDArray[np.float64] = np.clip(np.log2(frequency * 3) + bands - 1, 0, bands - 1)
    return octave
