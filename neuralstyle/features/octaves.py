"""One image at several scales at once: an extractor over a Gaussian pyramid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, final

from keras import ops

from neuralstyle._checks import whole_number
from neuralstyle._types import Padding, Tensor
from neuralstyle.features.base import Extractor, image_dtype, image_tensor, name_picture
from neuralstyle.features.fields import Field, asked_field
from neuralstyle.features.keras_models.checks import check_extractor

KERNEL = (0.05, 0.25, 0.4, 0.25, 0.05)
"""Weights of neighbouring pixels where an image is halved: Burt and Adelson's, with a = 0.4."""

MARGIN = len(KERNEL) // 2


@final
class Pyramid:
    r"""An extractor that looks at an image at several scales, each half of the one before.

    .. math:: x_0 = x, \qquad x_{o+1} = (K * x_o) \downarrow 2

    with K the 5 x 5 kernel of Burt and Adelson, near a Gaussian, at the pixels that have all its
    neighbours: an octave has :math:`\lfloor (n - 5) / 2 \rfloor + 1` of the n pixels below it.

    Parameters
    ----------
    extractor : callable
        Looks at each octave.
    octaves : int, at least 1, default 4
        The image itself is the first.

    Attributes
    ----------
    dtype : str
        The extractor's, or float32.
    reuse : bool
        The extractor's, or False.
    steady : bool
        The extractor's, or True.
    digest : str or None
        The extractor's: that it sees octaves is in the names of their layers.
    padding : str or None
        The extractor's. With ``"wrap"`` octaves are those of a torus, each of half the sides of the
        one before, which must be even.

    Raises
    ------
    TypeError, ValueError
        If `extractor` cannot be called, or if `octaves` is not a whole number of at least 1.

    Notes
    -----
    Features of the image have the names that the extractor gives them, ``"block3_conv1"``, those of
    the further octaves ``"octave1/block3_conv1"``, ``"octave2/block3_conv1"`` and so on. A loss may
    ask for any of them by name; `neuralstyle.over_octaves` makes the same losses for all octaves.

    All octaves belong to one full-size image that is optimised as a whole. A few layers then see
    structures of any size, where one scale takes many layers; running coarse to fine, as `stylize`
    does, is another thing, and the two go together.

    References
    ----------
    Burt and Adelson, The Laplacian Pyramid as a Compact Image Code, IEEE Transactions on
    Communications 31(4), 1983. Snelgrove, High-Resolution Multi-Scale Neural Texture Synthesis,
    SIGGRAPH Asia 2017 Technical Briefs.

    Examples
    --------
    >>> from neuralstyle import VGG16Features
    >>> pyramid = Pyramid(VGG16Features(weights="compact"), octaves=3)
    >>> style = np.random.default_rng(0).uniform(size=(64, 48, 3)).astype(np.float32)
    >>> features = pyramid(style)
    >>> features["octave1/input"].shape, features["octave2/block1_pool"].shape[1:3]
    (TensorShape([1, 30, 22, 3]), TensorShape([6, 4]))
    """

    def __init__(self, extractor: Extractor, octaves: int = 4) -> None:
        self.extractor: Extractor = check_extractor("extractor", extractor)
        self.octaves: int = whole_number("octaves", octaves, 1)
        self.dtype: str = image_dtype(extractor)

    @property
    def reuse(self) -> bool:
        """Whether features depend on nothing but the image and this extractor."""
        return bool(getattr(self.extractor, "reuse", False))

    @property
    def steady(self) -> bool:
        """Whether layers begin at the same pixels in images of all sizes."""
        return bool(getattr(self.extractor, "steady", True))

    @property
    def digest(self) -> str | None:
        """What names the network."""
        digest: str | None = getattr(self.extractor, "digest", None)
        return digest

    def with_padding(self, padding: Padding) -> Pyramid:
        """Return the pyramid of the extractor with another padding, where it has a method for that.

        Parameters
        ----------
        padding : {"zeros", "reflect", "wrap"}

        Returns
        -------
        Pyramid
        """
        return Pyramid(self.extractor.with_padding(padding), self.octaves)  # type: ignore[attr-defined]

    @property
    def padding(self) -> str | None:
        """What the network sees beyond the border."""
        padding: str | None = getattr(self.extractor, "padding", None)
        return padding

    def receptive_field(self, layer: str) -> Field:
        """Return which pixels of the image, the first octave, the units of a layer see.

        Parameters
        ----------
        layer : str
            Of the extractor, or ``"octave1/..."`` and so on.

        Returns
        -------
        start, length, step : int
            In either direction, unit i sees the pixels from ``start + i * step`` on, as many as
            `length`.

        Raises
        ------
        KeyError
            If there is no such layer.
        ValueError
            If the extractor does not say what its layers see, or cannot for this layer.

        Examples
        --------
        >>> from neuralstyle import VGG16Features
        >>> pyramid = Pyramid(VGG16Features(weights="compact"), octaves=3)
        >>> pyramid.receptive_field("octave2/input")
        Field(start=0, length=13, step=4)
        """
        octave, name = _split(layer, self.octaves)
        return _field(self.extractor, octave, name, self.padding)

    def __call__(self, image: Any) -> Mapping[str, Tensor]:
        """Look at an image.

        Parameters
        ----------
        image : array, shape (H, W, 3) or (1, H, W, 3), floating, RGB in [0, 1]
            Or a tensor of shape (1, H, W, 3), whose range is not checked.

        Returns
        -------
        mapping from str to tensor

        Raises
        ------
        TypeError, ValueError
            If `image` is not such an image, or too small for so many octaves.
        """
        images = [image_tensor(image, self.dtype)]
        torus = self.padding == "wrap"
        height, width = images[0].shape[1:3]
        multiple = 2 ** (self.octaves - 1)
        if torus and (height % multiple or width % multiple):
            raise ValueError(
                f"image: expected sides in multiples of {multiple} pixels for {self.octaves} "
                f'octaves of a torus (padding="wrap"), received {width} x {height}'
            )
        for octave in range(1, self.octaves):
            if min(images[-1].shape[1:3]) < len(KERNEL):
                raise ValueError(
                    f"image: expected one large enough for {self.octaves} octaves, received "
                    f"{width} x {height} pixels, enough for {octave}"
                )
            images.append(halved(images[-1], torus=torus))
        return _PyramidFeatures([self.extractor(image) for image in images])

    def __getattr__(self, name: str) -> Any:
        """Say what became of a method of version 0.1."""
        now = "; use neuralstyle.over_octaves" if name == "objective" else ""
        raise AttributeError(f"a Pyramid has no attribute {name!r}{now}")

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"Pyramid({self.extractor!r}, octaves={self.octaves})"


def halved(image: Tensor, *, torus: bool = False) -> Tensor:
    """Return the next octave of an image: smoothed, and every second pixel of it.

    Parameters
    ----------
    image : tensor, shape (1, H, W, C), H and W at least 5
    torus : bool, default False
        Whether the image goes on at its other side; H and W are then even.

    Returns
    -------
    tensor, shape (1, (H - 5) // 2 + 1, (W - 5) // 2 + 1, C), or (1, H // 2, W // 2, C) of a torus

    Examples
    --------
    >>> halved(np.ones((1, 8, 9, 3))).shape
    TensorShape([1, 2, 3, 3])
    """
    for _ in ("rows", "columns"):
        if torus:
            image = ops.concatenate([image[:, -MARGIN:], image, image[:, :MARGIN]], axis=1)
        end = image.shape[1] - len(KERNEL) + 1
        smooth = sum(weight * image[:, i : i + end : 2] for i, weight in enumerate(KERNEL))
        image = ops.swapaxes(smooth, 1, 2)
    return image


@final
class _PyramidFeatures(Mapping[str, Tensor]):
    """Features of all octaves: the first octave's under plain names."""

    def __init__(self, octaves: Sequence[Mapping[str, Tensor]]) -> None:
        self._octaves = list(octaves)
        self.padding = getattr(octaves[0], "padding", None)
        self.picture = "image"

    @property
    def picture(self) -> str:
        """What messages call the image."""
        return self._picture

    @picture.setter
    def picture(self, name: str) -> None:
        self._picture = name
        for octave, features in enumerate(self._octaves):
            name_picture(features, f"{name}, octave {octave}" if octave else name)

    def receptive_field(self, layer: str) -> Field:
        """Return what the units of a layer see of the first octave."""
        octave, name = _split(layer, len(self._octaves))
        return _field(self._octaves[octave], octave, name, self.padding)

    @property
    def digest(self) -> str | None:
        """What names the network."""
        digest: str | None = getattr(self._octaves[0], "digest", None)
        return digest

    def __getitem__(self, name: str) -> Tensor:
        octave, layer = _split(name, len(self._octaves))
        return self._octaves[octave][layer]

    def __iter__(self) -> Iterator[str]:
        octaves = enumerate(self._octaves)
        return (_prefix(octave) + layer for octave, features in octaves for layer in features)

    def __len__(self) -> int:
        return sum(map(len, self._octaves))

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        octave, layer = _split(name, len(self._octaves))
        return layer in self._octaves[octave]

    def __repr__(self) -> str:
        return f"{len(self._octaves)} octaves, the first {self._octaves[0]!r}"


def _prefix(octave: int) -> str:
    """Return what the names of an octave's features begin with."""
    return f"octave{octave}/" if octave else ""


def _split(name: str, octaves: int) -> tuple[int, str]:
    """Return the octave that a name is about, and the layer's plain name there."""
    first, slash, layer = name.partition("/")
    for octave in range(1, octaves):
        if first + slash == _prefix(octave):
            return octave, layer
    return 0, name


def _field(network: Any, octave: int, layer: str, padding: str | None) -> Field:
    """Return what a layer of an octave sees, given what says so for plain names."""
    field = asked_field(network, layer)
    before = MARGIN if padding == "wrap" else 0
    for _ in range(octave):
        field = field.over(Field().through(len(KERNEL), stride=2, before=before))
    return field
