"""VGG networks as extractors: the fast path and the Keras model behind one face."""

from __future__ import annotations

import copy
import functools
import os
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import keras
import numpy as np

from neuralstyle._checks import choice
from neuralstyle._kernels.device import TRACING, advise_onednn
from neuralstyle._types import PADDINGS, Padding
from neuralstyle.features import weights as sources
from neuralstyle.features.architectures import VGG16, VGG19, Architecture, Pooling, Weights
from neuralstyle.features.base import Features, image_tensor, unknown_layer
from neuralstyle.features.crops import Images, read_pictures
from neuralstyle.features.fast import FastVGG
from neuralstyle.features.fields import Field
from neuralstyle.features.keras_model import KerasFeatures
from neuralstyle.features.normalization import Means, known_means, mean_activations, rescaled
from neuralstyle.features.plain import build, preprocess

if TYPE_CHECKING:
    from typing_extensions import Self


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
        padding: Padding = "zeros",
        seed: int = 0,
        dtype: str = "float32",
        fast: bool | Literal["low-memory"] = True,
    ) -> None:
        if pooling not in ("max", "avg"):
            raise ValueError(f'pooling: expected "max" or "avg", received {pooling!r}')
        choice("padding", padding, PADDINGS)
        if dtype not in ("float32", "float64"):
            raise ValueError(f'dtype: expected "float32" or "float64", received {dtype!r}')
        if fast not in (True, False, "low-memory"):
            raise ValueError(f'fast: expected True, False or "low-memory", received {fast!r}')
        self.weights = weights
        self.pooling = pooling
        self.padding: Padding = padding
        self.seed = seed
        self.dtype = dtype
        self._fast = fast
        self._normalized = ""
        arrays = sources.load_weights(self.architecture, weights, seed, pooling)
        self._take(arrays, known_means(self.architecture, weights, arrays, pooling))

    def _take(self, arrays: Weights, means: Means | None) -> None:
        self._arrays = arrays
        self.means = means
        self._model: keras.Model | None = None
        self._views: dict[str, Self] = {}
        self._network: KerasFeatures | FastVGG
        if self._fast and self.dtype == "float32":
            advise_onednn()
            low_memory = self._fast == "low-memory"
            self._network = FastVGG(
                self.architecture,
                arrays,
                self.pooling,
                padding=self.padding,
                low_memory=low_memory,
            )
        else:
            self._network = KerasFeatures(self.model, preprocess)
        self._name()

    def _name(self) -> None:
        # Features know it without holding this object, on which all compiled code may hang.
        self._digest = functools.cache(
            functools.partial(
                sources.digest, self.architecture, self._arrays, self.pooling, self.padding
            )
        )

    def with_padding(self, padding: Padding) -> Self:
        """Return the same network with another padding; they share the weights.

        Parameters
        ----------
        padding : {"zeros", "reflect", "wrap"}

        Returns
        -------
        VGG16Features or VGG19Features
            Always the same one, with what was compiled for it. Losses take a target that was seen
            with one padding and a picture with another.

        Raises
        ------
        ValueError
            If `padding` is none of these.

        Examples
        --------
        A texture whose left and right, upper and lower borders fit together, of a style that is no
        torus:

        >>> from neuralstyle import StyleLoss, VGG16Features, minimize
        >>> vgg = VGG16Features("compact", padding="reflect")
        >>> style = np.random.default_rng(0).uniform(size=(48, 40, 3)).astype(np.float32)
        >>> objective = StyleLoss(vgg(style), ["conv1_1", "conv2_1", "conv3_1"])
        >>> seamless = vgg.with_padding("wrap")
        >>> result = minimize(objective, seamless, init="noise", shape=(32, 64), maxiter=2)
        """
        choice("padding", padding, PADDINGS)
        if padding == self.padding:
            return self
        if padding not in self._views:
            self._views[padding] = self._padded(padding)
        return self._views[padding]

    def _padded(self, padding: Padding) -> Self:
        changed = copy.copy(self)
        changed.padding = padding
        changed._model = None
        changed._views = {}
        if isinstance(self._network, FastVGG):
            changed._network = self._network.with_padding(padding)
        else:
            changed._network = KerasFeatures(changed.model, preprocess)
        changed._name()
        return changed

    def normalized(self, images: Images | None = None) -> Self:
        """Return the network whose channels have mean activation 1, as Gatys et al. normalise it.

        Parameters
        ----------
        images : path, array, or sequence of them, optional
            Pictures, or folders of pictures, over which and over whose positions the means are
            taken; files are reduced to 512 pixels. By default the means are those of the table
            that belongs to the weights and the pooling, `means`.

        Returns
        -------
        VGG16Features or VGG19Features
            Of the same options; its `digest` is its own. Every feature is this network's, divided
            by its channel's mean. Channels that were never active stay as they are.

        Raises
        ------
        TypeError, FileNotFoundError
            If `images` are no pictures.
        ValueError
            If `images` is None and there is no table, or a picture has less than 16 pixels.

        Notes
        -----
        There is a table for ImageNet's VGG16 (in any file), for the compact network, and in files
        that `slim` made. There is none for VGG19.

        References
        ----------
        Gatys, Ecker and Bethge, Texture Synthesis Using Convolutional Neural Networks, NIPS 2015.

        Examples
        --------
        >>> from neuralstyle import VGG16Features
        >>> image = np.random.default_rng(0).uniform(size=(32, 48, 3))
        >>> vgg = VGG16Features("compact", pooling="avg").normalized(image)
        >>> means = np.mean(vgg(image)["conv1_1"], axis=(0, 1, 2))
        >>> assert np.allclose(means[means > 0], 1, rtol=1e-3)
        """
        if images is not None:
            pictures = read_pictures(images)
            means = mean_activations(
                self.architecture, self._arrays, pictures, self.pooling, self.padding
            )
        elif self.means is not None:
            means = self.means
        else:
            raise ValueError(
                "images: expected pictures to measure the mean activations over, received None, "
                f"and there is no table of them for {self!r}"
            )
        changed = copy.copy(self)
        changed._normalized += ".normalized()" if images is None else ".normalized(images)"
        after = {name: (mean > 0).astype(np.float32) for name, mean in means.items()}
        changed._take(rescaled(self._arrays, means), after)
        return changed

    @property
    def model(self) -> keras.Model:
        """The network as a Keras model of preprocessed images, built when first asked for."""
        with TRACING:
            if self._model is None:
                self._model = build(
                    self.architecture, self._arrays, self.pooling, self.dtype, self.padding
                )
        return self._model

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the input on."""
        return self.architecture.layers

    @property
    def digest(self) -> str:
        """Hash of the architecture, the pooling and the weights, and the padding if not zeros.

        It is the same on every machine.
        """
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
            `length`. What lies outside the image is what `padding` makes it.

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
            padding=self.padding,
        )

    def __repr__(self) -> str:
        """Describe it in a line."""
        source = self.weights if self.weights is None else str(self.weights)
        seed = f", seed={self.seed}" if source is None else ""
        dtype = f", dtype={self.dtype!r}" if self.dtype != "float32" else ""
        padding = f", padding={self.padding!r}" if self.padding != "zeros" else ""
        name = type(self).__name__
        options = f"weights={source!r}, pooling={self.pooling!r}{padding}{seed}{dtype}"
        return f"{name}({options}){self._normalized}"


@final
class VGG19Features(_VGGFeatures):
    """The VGG19 of Simonyan and Zisserman as an extractor, by Keras' layer names.

    Parameters
    ----------
    weights : {"imagenet"}, path or None, default "imagenet"
        ``"imagenet"``
            Keras' ImageNet weights, from its cache or downloaded into it once (80 MB).
        a path
            A Keras ``.h5``, ``.weights.h5`` or ``.keras`` file, or ``.npz``, of a VGG19 of any
            width.
        None
            Random weights from `seed`, for this `pooling`.
    pooling : {"max", "avg"}, default "max"
        Maximum as the network was trained, or average as Gatys et al. prefer for pictures.
    padding : {"zeros", "reflect", "wrap"}, default "zeros"
        What convolutions see beyond the border of what they look at.

        ``"zeros"``
            Nothing, as the network was trained: to it, every picture stands in a frame.
        ``"reflect"``
            The mirror image, with the mirror at the outer edge (SciPy's ``"reflect"``, NumPy's
            ``"symmetric"``): the outermost line of positions is seen twice. `stylize` takes it:
            without a frame, pictures are about as smooth at the border as elsewhere.
        ``"wrap"``
            The other side. Features are those of a torus, and losses know it: what they minimise
            fits together at its borders. Height and width must be multiples of the step of every
            layer that is read (16 at ``block5_conv1``).
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
        Hash of the architecture, the pooling and the weights, and the padding if it is not zeros.
    means : dict from str to array, or None
        Mean activation of every channel of every convolution over photographs, if it is known.
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
    >>> vgg = VGG19Features(weights=None, pooling="avg", seed=3)
    >>> vgg(np.full((64, 96, 3), 0.5, np.float32))["relu4_4"].shape
    TensorShape([1, 8, 12, 512])
    """

    architecture = VGG19


@final
class VGG16Features(_VGGFeatures):
    """The VGG16 of Simonyan and Zisserman as an extractor, by Keras' layer names.

    It has three convolutions in each of the last three blocks, where VGG19 has four, and is all
    else that `VGG19Features` is.

    Parameters
    ----------
    weights : {"imagenet", "compact"}, path or None, default "imagenet"
        Keras' ImageNet weights (59 MB); ``"compact"``, a slim VGG16 that comes with neuralstyle:
        some of ImageNet's channels, refitted and fine-tuned, with the same sizes of activation, no
        download and a fraction of the arithmetic; the path of a file with the weights of a VGG16 of
        any width; or random weights from `seed`.
    pooling : {"max", "avg"}, default "max"
    padding : {"zeros", "reflect", "wrap"}, default "zeros"
    seed : int, default 0
    dtype : {"float32", "float64"}, default "float32"
    fast : bool or "low-memory", default True

    Attributes
    ----------
    layers : tuple of str
    model : keras.Model
    digest : str
    means : dict from str to array, or None
    reuse : bool

    Raises
    ------
    OSError, FileNotFoundError, ValueError
        As `VGG19Features` does.

    References
    ----------
    Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition,
    ICLR 2015.

    Examples
    --------
    >>> vgg = VGG16Features(weights="compact", pooling="avg")
    >>> features = vgg(np.full((64, 96, 3), 0.5, np.float32))
    >>> features["relu4_3"].shape[1:3], vgg.layers[-2:]
    (TensorShape([8, 12]), ('block5_conv3', 'block5_pool'))
    """

    architecture = VGG16
