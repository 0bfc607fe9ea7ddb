"""Extractors and what they return: an image seen through a network, layer by layer.

An *extractor* is anything that can be called with an image, a tensor of shape ``(1, H, W, 3)`` with
RGB in [0, 1], and returns a mapping from layer name to tensor. `VGG19Features` is the one to use;
`KerasFeatures` makes one from any Keras model; ``lambda image: {"input": image}`` is one too.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, final

import keras
from keras import ops

from neuralstyle import checkpoints, vgg19
from neuralstyle.fast import FastVGG19
from neuralstyle.images import check_image
from neuralstyle.statistics import Tensor

Extractor: TypeAlias = Callable[[Tensor], Mapping[str, Tensor]]
"""Turns an image into features."""


@final
class Features(Mapping[str, Tensor]):
    """One image's features: a lazy, read-only mapping from layer name to activation.

    A layer is computed when it is first asked for, from the layers below it that are already
    there; nothing deeper than the deepest layer asked for is ever computed. The image itself is
    ``"input"``.

    Parameters
    ----------
    image : tensor, shape (1, H, W, 3), RGB in [0, 1]
    layers : sequence of str
        Names of the layers that can be asked for.
    compute : callable
        Takes the mapping of what is known and the name of a layer, and returns the activations of
        that layer and of those that it passed on the way, by name.
    aliases : mapping from str to str, optional
        Further names of layers.

    Examples
    --------
    >>> features = VGG19Features(weights="compact")(np.zeros((32, 48, 3), np.float32))
    >>> features["input"].shape, features["relu2_1"].shape
    (TensorShape([1, 32, 48, 3]), TensorShape([1, 16, 24, 32]))
    >>> features
    Features(1 x 32 x 48 x 3, computed: input, block2_conv1)
    """

    def __init__(
        self,
        image: Tensor,
        layers: Sequence[str],
        compute: Callable[[Mapping[str, Tensor], str], Mapping[str, Tensor]],
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self._layers = ("input", *layers)
        self._compute = compute
        self._aliases = aliases or {}
        self._tensors = {"input": image}

    def __getitem__(self, name: str) -> Tensor:
        """Return the activation of a layer, computing it if need be."""
        layer = self._aliases.get(name, name)
        if layer not in self._layers:
            raise KeyError(
                f"there is no layer {name!r}; the layers are {', '.join(self._layers)}"
                + (
                    ", or by the literature's names conv4_2, relu4_2, pool4"
                    if self._aliases
                    else ""
                )
            )
        if layer not in self._tensors:
            passed = self._walk_to(layer)
            # In a graph that is being traced, keeping what was passed costs nothing and saves
            # walking the same way again; in eager mode it would cost memory.
            traced = not hasattr(passed[layer], "numpy")
            self._tensors.update(passed if traced else {layer: passed[layer]})
        return self._tensors[layer]

    def _walk_to(self, layer: str) -> Mapping[str, Tensor]:
        height, width = self._tensors["input"].shape[1:3]
        problem = f"layer {layer!r} cannot be computed for an image of {width} x {height} pixels"
        try:
            passed = self._compute(self._tensors, layer)
        except Exception as error:  # networks fail in many ways when nothing is left to compute
            reason = str(error).strip().split("\n")[0]
            raise ValueError(f"{problem}, which may be too small for it ({reason})") from error
        if 0 in passed[layer].shape[1:3]:
            raise ValueError(f"{problem}: nothing is left of it there")
        return passed

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of all layers, computed or not."""
        return iter(self._layers)

    def __len__(self) -> int:
        """Return the number of layers, the input included."""
        return len(self._layers)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a layer of this name or alias, without computing it."""
        return name in self._layers or name in self._aliases

    def __repr__(self) -> str:
        """Describe it in a line."""
        shape = " x ".join(map(str, self._tensors["input"].shape))
        return f"Features({shape}, computed: {', '.join(self._tensors)})"


@final
class KerasFeatures:
    """An extractor made from a Keras model with named layers.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, with one image input. Its layers' names become the features'.
    preprocess : callable, optional
        Turns the image tensor, ``(1, H, W, 3)`` RGB in [0, 1], into the model's input. The default
        passes it on.

    Attributes
    ----------
    layers : tuple of str
        Names of the model's layers from the input on.
    traces : list
        Evaluations that `Evaluator` has compiled with this extractor, to be used again.

    Raises
    ------
    TypeError
        If `model` is not a Keras model whose graph is known.

    Examples
    --------
    >>> import keras
    >>> model = keras.Sequential(
    ...     [keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3, name="c")]
    ... )
    >>> KerasFeatures(model)(np.zeros((8, 8, 3), np.float32))["c"].shape
    TensorShape([1, 6, 6, 4])
    """

    def __init__(
        self, model: keras.Model, preprocess: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        try:
            inputs = list(model.inputs)
            outputs = {layer.name: layer.output for layer in model.layers}
        except (AttributeError, TypeError, ValueError) as error:
            raise TypeError(
                "model: expected a functional or sequential Keras model that is built, "
                f"received {model!r}"
            ) from error
        if len(inputs) != 1:
            raise ValueError(f"model: expected a model of one input, received {len(inputs)} inputs")
        self._inputs = inputs
        self._outputs = {
            name: output for name, output in outputs.items() if output is not inputs[0]
        }
        self.dtype = keras.backend.standardize_dtype(inputs[0].dtype)
        if "float" not in self.dtype:
            raise ValueError(f"model: expected a floating-point input, received {self.dtype}")
        if preprocess is not None and not callable(preprocess):
            raise TypeError(f"preprocess: expected a callable, received {preprocess!r}")
        self._name = model.name
        self._preprocess = preprocess or (lambda image: image)
        self._functions: dict[tuple[str, ...], keras.Function] = {}
        self.traces: list[Any] = []

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the input on."""
        return tuple(self._outputs)

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
        return Features(image_tensor(image, self.dtype), self.layers, self.compute)

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"KerasFeatures({self._name!r}, {len(self._outputs)} layers)"

    def compute(self, known: Mapping[str, Tensor], layer: str) -> dict[str, Tensor]:
        """Compute a layer from the activations that are known, and those between."""
        names = (*(name for name in known if name != "input"), layer)
        if names not in self._functions:
            symbols = [self._outputs[name] for name in names]
            inputs = [*self._inputs, *symbols[:-1]]
            way = keras.Function(inputs, symbols[-1])
            passed = [o.name for o in way.operations if o.name in self._outputs]
            outputs = {name: self._outputs[name] for name in passed if name not in names[:-1]}
            self._functions[names] = keras.Function(inputs, outputs)
        values = [known[name] for name in names[:-1]]
        passed = self._functions[names]([self._preprocess(known["input"]), *values])
        return passed  # type: ignore[no-any-return]


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


def image_tensor(image: Any, dtype: str = "float32") -> Tensor:
    """Turn an image into a tensor of shape (1, H, W, 3), checking it."""
    if not ops.is_tensor(image):
        image = check_image(image)[None]
    elif len(image.shape) != 4 or image.shape[0] != 1 or image.shape[-1] != 3:
        raise ValueError(
            f"image: expected a tensor of shape (1, H, W, 3), received {tuple(image.shape)}"
        )
    elif "float" not in keras.backend.standardize_dtype(image.dtype):
        raise TypeError(
            f"image: expected a floating-point tensor with values in [0, 1], received {image.dtype}"
            "; divide by 255"
        )
    return ops.convert_to_tensor(ops.cast(image, dtype))
