"""VGG networks as plain Keras models: their preprocessing, the model, and random weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from neuralstyle._types import Padding, Tensor
from neuralstyle.features.architectures import Architecture, Pooling, Weights

MEANS = (103.939, 116.779, 123.68)
"""Of ImageNet's blue, green and red, from 0 to 255."""


def preprocess(image: Tensor) -> Tensor:
    """Turn RGB in [0, 1] into what VGG was trained on: BGR times 255, minus the ImageNet means.

    Parameters
    ----------
    image : tensor, shape (1, H, W, 3), RGB in [0, 1]

    Returns
    -------
    tensor, shape (1, H, W, 3)

    Notes
    -----
    ``keras.applications.vgg19.preprocess_input`` does the same to the caller's array, in place.

    Examples
    --------
    >>> white = np.ones((1, 1, 1, 3), np.float32)
    >>> np.asarray(preprocess(white)).round().ravel().tolist()
    [151.0, 138.0, 131.0]
    """
    means = ops.convert_to_tensor(MEANS, dtype=image.dtype)
    return ops.flip(image, axis=-1) * 255.0 - means


def build(
    architecture: Architecture,
    weights: Weights,
    pooling: Pooling = "max",
    dtype: str = "float32",
    padding: Padding = "zeros",
) -> keras.Model:
    """Build a network without its classifier, with the layer names of ``keras.applications``.

    Parameters
    ----------
    architecture : Architecture
    weights : dict from str to (kernel, bias)
        For all convolutions; their shapes give the network's width.
    pooling : {"max", "avg"}, default "max"
    dtype : str, default "float32"
    padding : {"zeros", "reflect", "wrap"}, default "zeros"

    Returns
    -------
    keras.Model
        Of preprocessed images of any size.

    Examples
    --------
    >>> from neuralstyle.features.architectures import VGG16
    >>> from neuralstyle.features.vgg.weights import load_weights
    >>> model = build(VGG16, load_weights(VGG16, "compact"))
    >>> model.layers[-1].name, len(model.get_layer("block4_conv2").output.shape)
    ('block5_pool', 4)
    """
    pooled = {"max": keras.layers.MaxPooling2D, "avg": keras.layers.AveragePooling2D}[pooling]
    layout: Any = {"data_format": "channels_last", "dtype": dtype}
    image = keras.Input((None, None, 3), dtype=dtype, name="preprocessed")
    tensor = image
    for name in architecture.layers:
        if name not in weights:
            tensor = pooled(2, name=name, **layout)(tensor)
            continue
        layer = keras.layers.Conv2D(
            weights[name][0].shape[-1],
            3,
            padding="same" if padding == "zeros" else "valid",
            activation="relu",
            # Drawing random kernels that are overwritten at once takes most of the time.
            kernel_initializer="zeros",
            name=name,
            **layout,
        )
        tensor = layer(padded(tensor, padding))
        layer.set_weights(weights[name])
    model = keras.Model(image, tensor, name=architecture.name.lower())
    model.trainable = False
    return model


def padded(feature: Tensor, padding: Padding) -> Tensor:
    """Put around a feature map what a 3 x 3 convolution sees beyond its border.

    Parameters
    ----------
    feature : tensor, shape (N, H, W, C)
    padding : {"zeros", "reflect", "wrap"}
        With zeros, the convolution itself does it.

    Returns
    -------
    tensor, shape (N, H + 2, W + 2, C), or `feature`

    Examples
    --------
    >>> row = np.arange(4.0).reshape(1, 1, 4, 1)
    >>> np.asarray(padded(row, "reflect"))[0, 0, :, 0].tolist()
    [0.0, 0.0, 1.0, 2.0, 3.0, 3.0]
    """
    if padding == "zeros":
        return feature
    for axis in (1, 2):
        along = (slice(None),) * axis
        first, last = (feature[along + (at,)] for at in (slice(None, 1), slice(-1, None)))
        before, behind = (last, first) if padding == "wrap" else (first, last)
        feature = ops.concatenate([before, feature, behind], axis=axis)
    return feature


def pool(feature: Tensor, pooling: Pooling) -> Tensor:
    """Halve a batch of feature maps, (N, H, W, C), in height and width."""
    halved = ops.max_pool if pooling == "max" else ops.average_pool
    return halved(feature, 2, data_format="channels_last")


def convolved(feature: Tensor, kernel: Tensor) -> Tensor:
    """Convolve a batch of feature maps, (N, H, W, C), with zeros around them."""
    return ops.conv(feature, kernel, padding="same", data_format="channels_last")


def random_weights(
    architecture: Architecture,
    seed: int = 0,
    pooling: Pooling = "max",
    widths: Sequence[int] | None = None,
    size: int = 128,
) -> Weights:
    """Draw orthogonal kernels, standardised channel by channel.

    Parameters
    ----------
    architecture : Architecture
    seed : int, default 0
    pooling : {"max", "avg"}, default "max"
        Of the network that they are for.
    widths : sequence of int, optional
        Channels of the convolutions in each block; by default the full network's.
    size : int, default 128
        Side in pixels of the noise picture that the standardisation looks at.

    Returns
    -------
    dict from str to (kernel, bias)

    Notes
    -----
    With merely well-scaled kernels the features of all positions become parallel with depth, and
    every deep Gram matrix tends to rank one, whatever the picture. Here each channel's bias and
    scale are set, from the first layer to the last, such that before the ReLU it has mean 0 and
    variance 1 over a noise picture with the spectrum of natural images.

    References
    ----------
    He, Wang and Hopcroft, A Powerful Generative Model Using Random Weights for the Deep Image
    Representation, NIPS 2016.
    """
    random = np.random.default_rng(seed)
    blocks = zip(architecture.blocks, widths or architecture.widths, strict=True)
    feature = ops.convert_to_tensor(preprocess(_pink_noise(random, size)[None]))
    weights: Weights = {}
    for block, (count, width) in enumerate(blocks, start=1):
        for index in range(1, count + 1):
            fan_in = 9 * feature.shape[-1]
            gaussian = random.standard_normal((max(fan_in, width), min(fan_in, width)))
            # The orthogonal factor by Cholesky's method: Householder's takes seconds.
            triangle = np.linalg.cholesky(gaussian.T @ gaussian)
            orthogonal = np.linalg.solve(triangle, gaussian.T).T
            matrix = orthogonal if fan_in >= width else orthogonal.T
            kernel = matrix.reshape(3, 3, -1, width).astype(np.float32)
            response = convolved(feature, kernel)
            mean = np.asarray(ops.mean(response, axis=(0, 1, 2)))
            std = np.asarray(ops.std(response, axis=(0, 1, 2)))
            weights[f"block{block}_conv{index}"] = (kernel / std, -mean / std)
            feature = ops.relu((response - mean) / std)
        feature = pool(feature, pooling)
    return weights


def _pink_noise(random: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Draw colour noise in [0, 1] whose amplitude falls as 1 / frequency, as in photographs."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(random.standard_normal((3, size, size))) / frequency
    noise = np.fft.irfft2(spectrum, s=(size, size))
    noise = noise / noise.std(axis=(1, 2), keepdims=True)
    picture = np.clip(0.5 + 0.2 * noise, 0.0, 1.0).transpose(1, 2, 0)
    return np.ascontiguousarray(picture, dtype=np.float32)
