"""VGG networks as extractors: the fast path and the Keras model behind one face."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, final

import keras
from keras import ops

from neuralstyle._kernels.convolution import Convolution, recomputed
from neuralstyle._types import Tensor
from neuralstyle.features import architectures as vgg19
from neuralstyle.features import weights as checkpoints
from neuralstyle.features.base import Features, image_tensor
from neuralstyle.features.keras_model import KerasFeatures


@final
class FastVGG19:
    """The convolutions and pooling layers of VGG19, one after another.

    Parameters
    ----------
    weights : dict from str to (kernel, bias)
        See `neuralstyle.checkpoints.load_weights`.
    pooling : {"max", "avg"}
    low_memory : bool, default False
        Compute again what would take memory to keep.

    Attributes
    ----------
    layers : tuple of str

    Examples
    --------
    >>> from neuralstyle.features.weights import load_weights
    >>> network = FastVGG19(load_weights("compact"), "avg")
    >>> image = np.zeros((1, 32, 48, 3), np.float32)
    >>> passed = network.compute({"input": image}, "block2_conv1")
    >>> list(passed)
    ['block1_conv1', 'block1_conv2', 'block1_pool', 'block2_conv1']
    """

    def __init__(
        self, weights: vgg19.Weights, pooling: vgg19.Pooling, *, low_memory: bool = False
    ) -> None:
        pool = ops.max_pool if pooling == "max" else ops.average_pool
        self._low_memory = low_memory
        self._steps: dict[str, Callable[[Tensor], Tensor]] = {}
        for block, count in enumerate(vgg19.BLOCKS, start=1):
            for index in range(1, count + 1):
                name = f"block{block}_conv{index}"
                self._steps[name] = Convolution(*weights[name], keep=not low_memory)
            self._steps[f"block{block}_pool"] = lambda feature: pool(feature, 2)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the input on."""
        return tuple(self._steps)

    def compute(self, known: Mapping[str, Tensor], layer: str) -> dict[str, Tensor]:
        """Compute a layer from the deepest known one before it, and those between."""
        names = self.layers[: self.layers.index(layer) + 1]
        start = max((i for i, name in enumerate(names) if name in known), default=-1)
        tensor = known[names[start]] if start >= 0 else vgg19.preprocess(known["input"])
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


@final
class VGG19Features:
    """The VGG19 of Simonyan and Zisserman as an extractor, by Keras' layer names.

    Parameters
    ----------
    weights : {"imagenet", "compact", "auto"}, path or None, default "imagenet"
        ``"imagenet"``
            Keras' ImageNet weights, from its cache or downloaded into it once (80 MB).
        ``"compact"``
            A VGG19 of a quarter of the channels that comes with neuralstyle: no download, a
            sixteenth of the arithmetic, coarser pictures.
        ``"auto"``
            ImageNet if it can be had, else compact with a warning.
        a path
            A Keras ``.h5`` or ``.weights.h5`` file, or ``.npz``, of a VGG19 of any width.
        None
            Random weights from `seed`, for this `pooling`.
    pooling : {"max", "avg"}, default "max"
        Maximum as the network was trained, or average as Gatys et al. prefer for pictures.
    seed : int, default 0
        For random weights.
    dtype : {"float32", "float64"}, default "float32"
        Precision of the network.
    fast : bool or "low-memory", default True
        True evaluates in float32 by `neuralstyle.fast`, with gradients equal to those of the plain
        Keras model up to rounding; ``"low-memory"`` does the same in less memory and 30 % more
        time (a full VGG19 at 1024 px: 2.5 instead of 3.4 GB); False uses the Keras model.

    Attributes
    ----------
    weights : str, path or None
        What the weights are, with ``"auto"`` resolved.
    layers : tuple of str
        ``block1_conv1`` to ``block5_pool``. A convolution's activation is after its ReLU. The
        literature's ``conv4_2``, ``relu4_2`` and ``pool4`` are accepted wherever a layer is named.
    traces : list
        Evaluations that `Evaluator` has compiled with this extractor, to be used again.

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

    def __init__(
        self,
        weights: str | os.PathLike[str] | None = "imagenet",
        pooling: vgg19.Pooling = "max",
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
        self.weights = checkpoints.choose_weights() if weights == "auto" else weights
        self.pooling = pooling
        self.seed = seed
        self.dtype = dtype
        self.traces: list[Any] = []
        self._arrays = checkpoints.load_weights(self.weights, seed, pooling)
        self._network: KerasFeatures | FastVGG19
        if fast and dtype == "float32":
            low_memory = fast == "low-memory"
            self._network = FastVGG19(self._arrays, pooling, low_memory=low_memory)
        else:
            self._network = KerasFeatures(self.model, vgg19.preprocess)

    @functools.cached_property
    def model(self) -> keras.Model:
        """The network as a Keras model of preprocessed images, built when first asked for."""
        return vgg19.build(self._arrays, self.pooling, self.dtype)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the input on."""
        return self._network.layers

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
        tensor = image_tensor(image, self.dtype)
        return Features(tensor, self.layers, self._network.compute, vgg19.ALIASES)

    def __repr__(self) -> str:
        """Describe it in a line."""
        source = self.weights if self.weights is None else str(self.weights)
        seed = f", seed={self.seed}" if source is None else ""
        dtype = f", dtype={self.dtype!r}" if self.dtype != "float32" else ""
        return f"VGG19Features(weights={source!r}, pooling={self.pooling!r}{seed}{dtype})"
