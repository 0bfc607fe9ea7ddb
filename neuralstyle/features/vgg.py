"""VGG networks as extractors: the fast path and the Keras model behind one face."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, final

import keras
from keras import ops

from neuralstyle._kernels.convolution import Convolution, recomputed
from neuralstyle._kernels.device import TRACING, advise_onednn
from neuralstyle._types import Tensor
from neuralstyle.features import weights as sources
from neuralstyle.features.architectures import VGG16, VGG19, Architecture, Pooling, Weights
from neuralstyle.features.base import Features, image_tensor, unknown_layer
from neuralstyle.features.fields import Field
from neuralstyle.features.keras_model import KerasFeatures
from neuralstyle.features.plain import build, preprocess


@final
class FastVGG:
    """The convolutions and pooling layers of a VGG network, one after another.

    Parameters
    ----------
    architecture : Architecture
    weights : dict from str to (kernel, bias)
        See `neuralstyle.features.weights.load_weights`.
    pooling : {"max", "avg"}
    low_memory : bool, default False
        Compute again what would take memory to keep.

    Attributes
    ----------
    layers : tuple of str

    Examples
    --------
    >>> from neuralstyle.features.weights import load_weights
    >>> network = FastVGG(VGG19, load_weights(VGG19, "compact"), "avg")
    >>> image = np.zeros((1, 32, 48, 3), np.float32)
    >>> passed = network.compute({"input": image}, "block2_conv1")
    >>> list(passed)
    ['block1_conv1', 'block1_conv2', 'block1_pool', 'block2_conv1']
    """

    def __init__(
        self,
        architecture: Architecture,
        weights: Weights,
        pooling: Pooling,
        *,
        low_memory: bool = False,
    ) -> None:
        pool = ops.max_pool if pooling == "max" else ops.average_pool
        self.layers = architecture.layers
        self._low_memory = low_memory
        self._steps: dict[str, Callable[[Tensor], Tensor]] = {
            name: Convolution(*weights[name], keep=not low_memory)
            if name in weights
            else lambda feature: pool(feature, 2)
            for name in self.layers
        }

    def compute(self, known: Mapping[str, Tensor], layer: str) -> dict[str, Tensor]:
        """Compute a layer from the deepest known one before it, and those between."""
        names = self.layers[: self.layers.index(layer) + 1]
        start = max((i for i, name in enumerate(names) if name in known), default=-1)
        tensor = known[names[start]] if start >= 0 else preprocess(known["input"])
        passed = {}
        ahead = list(names[start + 1 :])
        while ahead:
            name = ahead.pop(0)
            step = self._steps[name]
            if self._low_memory and ahead and ahead[0].endswith("pool"):
                name = ahead.pop(0)
                step = recomputed(step, self._steps[name])
            tensor = passed[name] = step(tensor)
        return passed


class _VGGFeatures:
    """What the networks of the family have in common: all but the architecture."""

    architecture: ClassVar[Architecture]

    reuse = True
    """That features depend on nothing but the image and the extractor, which never changes."""

    def __init__(
        self,
        weights: str | os.PathLike[str] | None = "imagenet",
        pooling: Pooling = "max",
        *,
        seed: int = 0,
        dtype: str = "float32",
        fast: bool | Literal["low-memory"] = True,
    ) -> None:
        if pooling not in ("max", "avg"):
            raise ValueError(f'pooling: expected "max" or "avg", received {pooling!r}')
        if dtype not in ("float32", "float64"):
            raise ValueError(f'dtype: expected "float32" or "float64", received {dtype!r}')
        if fast not in (True, False, "low-memory"):
            raise ValueError(f'fast: expected True, False or "low-memory", received {fast!r}')
        self.weights = weights
        self.pooling = pooling
        self.seed = seed
        self.dtype = dtype
        self._model: keras.Model | None = None
        self._network: KerasFeatures | FastVGG
        arrays = self._arrays = sources.load_weights(self.architecture, weights, seed, pooling)
        if fast and dtype == "float32":
            advise_onednn()
            low_memory = fast == "low-memory"
            self._network = FastVGG(self.architecture, arrays, pooling, low_memory=low_memory)
        else:
            self._network = KerasFeatures(self.model, preprocess)
        # Features know it without holding this object, on which all compiled code may hang.
        self._digest = functools.cache(
            functools.partial(sources.digest, self.architecture, arrays, pooling)
        )

    @property
    def model(self) -> keras.Model:
        """The network as a Keras model of preprocessed images, built when first asked for."""
        with TRACING:
            if self._model is None:
                self._model = build(self.architecture, self._arrays, self.pooling, self.dtype)
        return self._model

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the input on."""
        return self.architecture.layers

    @property
    def digest(self) -> str:
        """Hash of the architecture, the pooling and the weights: the same on every machine."""
        return self._digest()

    def receptive_field(self, layer: str) -> Field:
        """Return which pixels the units of a layer see.

        Parameters
        ----------
        layer : str

        Returns
        -------
        start, length, step : int
            In either direction, unit i sees the pixels from ``start + i * step`` on, as many as
            `length`. What of them lies outside the image is zero to the network.

        Raises
        ------
        KeyError
            If the network has no such layer.
        """
        try:
            return self.architecture.receptive_field(layer)
        except KeyError:
            raise unknown_layer(layer, ("input", *self.layers), aliases=True) from None

    def __call__(self, image: Any) -> Features:
        """Look at an image.

        Parameters
        ----------
        image : array, shape (H, W, 3) or (1, H, W, 3), floating, RGB in [0, 1]
            Or a tensor of shape (1, H, W, 3), whose range is not checked.

        Returns
        -------
        Features

        Raises
        ------
        TypeError, ValueError
            If `image` is not such an image.
        """
        return Features(
            image_tensor(image, self.dtype),
            self.layers,
            self._network.compute,
            self.architecture.aliases,
            receptive_field=self.architecture.receptive_field,
            digest=self._digest,
        )

    def __repr__(self) -> str:
        """Describe it in a line."""
        source = self.weights if self.weights is None else str(self.weights)
        seed = f", seed={self.seed}" if source is None else ""
        dtype = f", dtype={self.dtype!r}" if self.dtype != "float32" else ""
        name = type(self).__name__
        return f"{name}(weights={source!r}, pooling={self.pooling!r}{seed}{dtype})"


@final
class VGG19Features(_VGGFeatures):
    """The VGG19 of Simonyan and Zisserman as an extractor, by Keras' layer names.

    Parameters
    ----------
    weights : {"imagenet", "compact"}, path or None, default "imagenet"
        ``"imagenet"``
            Keras' ImageNet weights, from its cache or downloaded into it once (80 MB).
        ``"compact"``
            A VGG19 of a quarter of the channels that comes with neuralstyle: no download, a
            sixteenth of the arithmetic, coarser pictures.
        a path
            A Keras ``.h5``, ``.weights.h5`` or ``.keras`` file, or ``.npz``, of a VGG19 of any
            width.
        None
            Random weights from `seed`, for this `pooling`.
    pooling : {"max", "avg"}, default "max"
        Maximum as the network was trained, or average as Gatys et al. prefer for pictures.
    seed : int, default 0
        For random weights.
    dtype : {"float32", "float64"}, default "float32"
        Precision of the network.
    fast : bool or "low-memory", default True
        True evaluates in float32 by convolutions of neuralstyle's own, with gradients equal to
        those of the plain Keras model up to rounding; ``"low-memory"`` does the same in less memory
        and 30 % more time (a full VGG19 at 1024 px: 2.5 instead of 3.4 GB); False uses the Keras
        model.

    Attributes
    ----------
    layers : tuple of str
        ``block1_conv1`` to ``block5_pool``. A convolution's activation is after its ReLU. The
        literature's ``conv4_2``, ``relu4_2`` and ``pool4`` are accepted wherever a layer is named.
    model : keras.Model
        The network as a Keras model of preprocessed images.
    digest : str
        Hash of the architecture, the pooling and the weights.
    reuse : bool
        True: what is compiled with the network is kept with it and used again.

    Raises
    ------
    OSError
        If the ImageNet weights cannot be had; the message says what to do.
    FileNotFoundError
        If a path does not exist.
    ValueError
        If a file does not hold the weights of a VGG19, or an option is not one of the above.

    Notes
    -----
    Images are RGB in [0, 1]; the network's own preprocessing (times 255, BGR, minus the means)
    happens inside and never writes to the caller's array.

    References
    ----------
    Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition,
    ICLR 2015.

    Examples
    --------
    >>> vgg = VGG19Features(weights="compact", pooling="avg")
    >>> image = np.full((64, 96, 3), 0.5, np.float32)
    >>> vgg(image)["block4_conv2"].shape
    TensorShape([1, 8, 12, 128])
    """

    architecture = VGG19


@final
class VGG16Features(_VGGFeatures):
    """The VGG16 of Simonyan and Zisserman as an extractor, by Keras' layer names.

    It has three convolutions in each of the last three blocks, where VGG19 has four, and is all
    else that `VGG19Features` is.

    Parameters
    ----------
    weights : {"imagenet"}, path or None, default "imagenet"
        Keras' ImageNet weights (59 MB), the path of a file with the weights of a VGG16 of any
        width, or random weights from `seed`.
    pooling : {"max", "avg"}, default "max"
    seed : int, default 0
    dtype : {"float32", "float64"}, default "float32"
    fast : bool or "low-memory", default True

    Attributes
    ----------
    layers : tuple of str
    model : keras.Model
    digest : str
    reuse : bool

    Raises
    ------
    OSError, FileNotFoundError, ValueError
        As `VGG19Features` does; ``"compact"`` is none of its weights.

    References
    ----------
    Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition,
    ICLR 2015.

    Examples
    --------
    >>> vgg = VGG16Features(weights=None, pooling="avg", seed=3)
    >>> vgg(np.full((64, 96, 3), 0.5, np.float32))["relu4_3"].shape
    TensorShape([1, 8, 12, 512])
    """

    architecture = VGG16
