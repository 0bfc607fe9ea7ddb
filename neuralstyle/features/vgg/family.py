"""What the VGG networks have in common as extractors: all but the architecture."""

from __future__ import annotations

import copy
import functools
import os
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import keras
import numpy as np

from neuralstyle._checks import choice, shown
from neuralstyle._kernels.device import TRACING, advise_onednn, check_backend
from neuralstyle._kernels.half import HALVES
from neuralstyle._types import DTYPES, PADDINGS, Padding
from neuralstyle.features.architectures import Architecture, Pooling, Weights
from neuralstyle.features.base import Features, image_dtype, image_tensor
from neuralstyle.features.crops import Images, read_pictures
from neuralstyle.features.failures import unknown_layer
from neuralstyle.features.fields import Field
from neuralstyle.features.keras_models.model import KerasFeatures
from neuralstyle.features.vgg import weights as sources
from neuralstyle.features.vgg.fast import FastVGG
from neuralstyle.features.vgg.normalization import Means, known_means, mean_activations, rescaled
from neuralstyle.features.vgg.plain import build, preprocess

if TYPE_CHECKING:
    from typing_extensions import Self


class Family:
    """A VGG network as an extractor: the fast path and the Keras model behind one face."""

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
        check_backend()
        choice("pooling", pooling, ("max", "avg"))
        choice("padding", padding, PADDINGS)
        choice("dtype", dtype, (*DTYPES, "float64"))
        if fast not in (True, False, "low-memory"):
            raise ValueError(f'fast: expected True, False or "low-memory", received {shown(fast)}')
        if dtype in HALVES and not fast:
            # What float16 cannot hold is seen to there alone.
            raise ValueError(
                f'fast: expected True or "low-memory" with dtype={dtype!r}, received False: in '
                "the plain Keras model activations of the network may overflow"
            )
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
        if self._fast and self.dtype != "float64":
            advise_onednn()
            low_memory = self._fast == "low-memory"
            self._network = FastVGG(
                self.architecture,
                arrays,
                self.pooling,
                padding=self.padding,
                low_memory=low_memory,
                dtype=self.dtype,
            )
        else:
            self._network = KerasFeatures(self.model, preprocess)
        self._name()

    def _name(self) -> None:
        # Features know it without holding this object, on which all compiled code may hang.
        self._digest = functools.cache(
            functools.partial(
                sources.digest,
                self.architecture,
                self._arrays,
                self.pooling,
                self.padding,
                self.dtype,
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
        """The network as a Keras model of preprocessed images, built when first asked for.

        In float32 for a network in half precision, or it might overflow.
        """
        with TRACING:
            if self._model is None:
                dtype = image_dtype(self)
                self._model = build(
                    self.architecture, self._arrays, self.pooling, dtype, self.padding
                )
        return self._model

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the input on."""
        return self.architecture.layers

    @property
    def digest(self) -> str:
        """Hash of the architecture, the pooling and the weights; the same on every machine.

        After it, the padding if it is not zeros, and the precision if it is half.
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
            aliases = tuple(self.architecture.aliases)
            raise unknown_layer(layer, ("input", *self.layers), aliases) from None

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
            image_tensor(image, image_dtype(self)),
            self.layers,
            self._network.compute,
            self.architecture.aliases,
            receptive_field=self.architecture.receptive_field,
            digest=self._digest,
            padding=self.padding,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return the options and the weights, of which all else is made again."""
        made = ("_model", "_network", "_digest")
        return {name: value for name, value in self.__dict__.items() if name not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the network again."""
        self.__dict__.update(state)
        self._take(self._arrays, self.means)

    def __repr__(self) -> str:
        """Describe it in a line."""
        source = self.weights if self.weights is None else str(self.weights)
        seed = f", seed={self.seed}" if source is None else ""
        dtype = f", dtype={self.dtype!r}" if self.dtype != "float32" else ""
        padding = f", padding={self.padding!r}" if self.padding != "zeros" else ""
        name = type(self).__name__
        options = f"weights={source!r}, pooling={self.pooling!r}{padding}{seed}{dtype}"
        return f"{name}({options}){self._normalized}"
