"""Extractors and what they return: an image seen through a network, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Protocol, final

import keras
from keras import ops

from neuralstyle._kernels.device import (
    TRACING,
    building_graph,
    check_backend,
    check_process,
    outside_graph,
)
from neuralstyle._kernels.half import HALVES
from neuralstyle._types import Padding, Tensor
from neuralstyle.features.failures import FAILURES, explained, no_torus, unknown_layer
from neuralstyle.features.fields import Field, unsaid
from neuralstyle.images.arrays import check_image


class Extractor(Protocol):
    """Whatever turns an image into features.

    Anything that can be called with an image, a tensor of shape ``(1, H, W, 3)`` with RGB in
    [0, 1], and returns a mapping from layer name to tensor. `VGG16Features` is the one to use;
    `KerasFeatures` makes one from any Keras model; a function is one too.

    Nothing but the call is required. An extractor may have, beside it:

    ``layers`` : tuple of str
        Names of its layers.
    ``dtype`` : str
        Precision that it computes in, float32 where it does not say; images are float32 at least.
    ``receptive_field(layer)`` : (int, int, int)
        What the units of a layer see: in either direction unit i sees the pixels from
        ``start + i * step`` on, as many as ``length``.
    ``digest`` : str
        Names the network's weights and what else fixes its features: those of two extractors with
        the same digest are the same.
    ``steady`` : bool
        False says that its layers begin at other pixels in images of other sides. Then images are
        looked at tile by tile (``tile=``) only if their sides are multiples of the largest step.
    ``padding`` : str
        What it sees beyond the border. ``"wrap"`` says that its features are those of a torus.
    ``reuse`` : bool
        True promises that features depend on nothing but the image and the extractor, which never
        changes: then compiled code is kept with it and used again.

    The mapping that it returns may have ``receptive_field(layer)``, ``digest`` and ``padding`` as
    well, as `Features` has: losses see nothing but the mapping. Masks with ``propagation="inside"``
    or ``"all"`` need the first, and a loss that is saved with the second refuses other networks.
    With ``padding`` equal to ``"wrap"``, what losses see of neighbours goes round the borders.
    With ``turned(quarters)`` it gives the features of the turned image, as `NearestLoss` wants.

    Examples
    --------
    The image and how it changes from column to column, as layers that losses can name:

    >>> from neuralstyle import ContentLoss, minimize
    >>> def edges(image):
    ...     return {"input": image, "edges": image[:, :, 1:] - image[:, :, :-1]}
    >>> photo = np.random.default_rng(0).uniform(size=(8, 8, 3)).astype(np.float32)
    >>> objective = ContentLoss(edges(photo[None]), "edges")
    >>> result = minimize(objective, edges, init=np.full_like(photo, 0.5), maxiter=20)
    >>> bool(result.fun < 0.01)
    True
    """

    def __call__(self, image: Any, /) -> Mapping[str, Tensor]:
        """Look at an image.

        Parameters
        ----------
        image : tensor, shape (1, H, W, 3), RGB in [0, 1]

        Returns
        -------
        mapping from str to tensor
        """
        ...


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
    receptive_field : callable, optional
        Takes the name of a layer, and returns what its units see as (start, length, step).
    digest : callable, optional
        Returns what names the network that computed the features, or None.
    padding : {"zeros", "reflect", "wrap"}, optional
        What the network sees beyond the border. ``"wrap"`` makes it a torus, whose sides must be
        multiples of the step of every layer that is read.

    Attributes
    ----------
    picture : str
        What messages call the image: ``"image"``, until it is set to another name.

    Notes
    -----
    Where a layer cannot be computed the error says why. A picture that is too small for it is a
    `ValueError` that names the least side, and a lack of memory a `MemoryError`.

    Examples
    --------
    >>> from neuralstyle import VGG16Features
    >>> features = VGG16Features(weights="compact")(np.zeros((32, 48, 3), np.float32))
    >>> features["input"].shape, features["relu2_1"].shape[1:3]
    (TensorShape([1, 32, 48, 3]), TensorShape([16, 24]))
    >>> features
    Features((1, 32, 48, 3), computed: input, block2_conv1)
    >>> features.receptive_field("relu2_1")
    Field(start=-4, length=10, step=2)
    """

    def __init__(
        self,
        image: Tensor,
        layers: Sequence[str],
        compute: Callable[[Mapping[str, Tensor], str], Mapping[str, Tensor]],
        aliases: Mapping[str, str] | None = None,
        *,
        receptive_field: Callable[[str], tuple[int, int, int]] | None = None,
        digest: Callable[[], str | None] | None = None,
        padding: Padding | None = None,
    ) -> None:
        self._layers = ("input", *layers)
        self._compute = compute
        self._aliases = aliases or {}
        self._receptive_field = receptive_field
        self._digest = digest
        self.padding = padding
        self._tensors = {"input": image}
        self.picture = "image"

    def __getitem__(self, name: str) -> Tensor:
        """Return the activation of a layer, computing it if need be."""
        layer = self._named(name)
        if layer not in self._tensors:
            self._compute_to(layer)
        return self._tensors[layer]

    def receptive_field(self, layer: str) -> tuple[int, int, int]:
        """Return which pixels the units of a layer see.

        Parameters
        ----------
        layer : str

        Returns
        -------
        start, length, step : int
            In either direction, unit i sees the pixels from ``start + i * step`` on, as many as
            `length`, as far as they lie in the image.

        Raises
        ------
        KeyError
            If there is no such layer.
        ValueError
            If the network does not say, or cannot for this layer.
        """
        name = self._named(layer)
        if name == "input":
            return Field()
        if self._receptive_field is None:
            raise unsaid(layer)
        return self._receptive_field(name)

    def turned(self, quarters: int) -> Features:
        """Return the features of the turned image, which are not the turned features.

        Parameters
        ----------
        quarters : int
            Quarter turns to the left.

        Returns
        -------
        Features
            Nothing of them is computed yet.

        Examples
        --------
        >>> from neuralstyle import VGG16Features
        >>> features = VGG16Features(weights="compact")(np.zeros((32, 48, 3), np.float32))
        >>> features.turned(1)
        Features((1, 48, 32, 3), computed: input)
        """
        image = self._tensors["input"]
        for _ in range(quarters % 4):
            image = ops.transpose(ops.flip(image, axis=2), (0, 2, 1, 3))
        return Features(
            image,
            self._layers[1:],
            self._compute,
            self._aliases,
            receptive_field=self._receptive_field,
            digest=self._digest,
            padding=self.padding,
        )

    @property
    def digest(self) -> str | None:
        """What names the network that computed the features; None where that is not known."""
        return self._digest and self._digest()

    def __copy__(self) -> Features:
        """Return itself: it cannot be changed."""
        return self

    def __deepcopy__(self, memo: Any) -> Features:
        """Return itself: it cannot be changed."""
        return self

    def __reduce__(self) -> Any:
        """Refuse to be pickled: most of it is not computed yet."""
        raise TypeError(
            "features cannot be pickled, as they are computed when they are asked for: pickle the "
            "image and the extractor, or arrays of the layers"
        )

    def _named(self, name: str) -> str:
        """Return the layer of this name or alias."""
        layer = self._aliases.get(name, name)
        if layer not in self._layers:
            raise unknown_layer(name, self._layers, tuple(self._aliases))
        return layer

    def _compute_to(self, layer: str) -> None:
        check_process()
        if not _is_eager(self._tensors["input"]):
            # In a graph that is being traced, keeping what was passed costs nothing and saves
            # walking the same way again; in eager mode it would cost memory.
            self._tensors.update(self._walk_to(layer))
            return
        with ExitStack() as stack:
            stack.enter_context(TRACING)
            if building_graph():
                # What is made in a graph ends with it, but these features may be a loss's target.
                stack.enter_context(outside_graph())
            if layer not in self._tensors:  # another thread may have been first
                self._tensors[layer] = self._walk_to(layer)[layer]

    def _walk_to(self, layer: str) -> Mapping[str, Tensor]:
        height, width = self._tensors["input"].shape[1:3]
        if self.padding == "wrap":
            *_, step = self.receptive_field(layer)
            if height % step or width % step:
                told = self.picture, (height, width), layer
                raise no_torus(*told, self._layers, self.receptive_field)
        try:
            passed = self._compute(self._tensors, layer)
            if 0 in passed[layer].shape[1:3]:
                raise ValueError("nothing is left of the image there")
        except FAILURES as error:
            raise self._explained(error, layer) from error
        return passed

    def _explained(self, error: Exception, layer: str) -> Exception:
        image = self._tensors["input"]
        try:
            guess = self.receptive_field(layer)[2]
        except ValueError:
            guess = 1
        return explained(
            error,
            self.picture,
            tuple(image.shape[1:3]),
            layer,
            lambda other: self._compute({"input": other}, layer)[layer],
            keras.backend.standardize_dtype(image.dtype),
            guess,
        )

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
        shape = tuple(self._tensors["input"].shape)
        return f"Features({shape}, computed: {', '.join(self._tensors)})"


def name_picture(features: Any, name: str) -> Any:
    """Return features, having told them what messages are to call their image."""
    if hasattr(features, "picture"):
        features.picture = name
    return features


def image_dtype(extractor: Any) -> str:
    """Return the precision that an extractor takes images in: its own, but float32 at least."""
    dtype = str(getattr(extractor, "dtype", "float32"))
    return "float32" if dtype in HALVES else dtype


def image_tensor(image: Any, dtype: str = "float32") -> Tensor:
    """Turn an image into a tensor of shape (1, H, W, 3), checking it."""
    check_backend()
    if not ops.is_tensor(image):
        image = check_image(image)[None]
        with outside_graph():  # an array has its value, whatever graph it is used in
            return ops.convert_to_tensor(image, dtype)
    if len(image.shape) != 4 or image.shape[0] != 1 or image.shape[-1] != 3:
        raise ValueError(
            f"image: expected a tensor of shape (1, H, W, 3), received {tuple(image.shape)}"
        )
    if "float" not in keras.backend.standardize_dtype(image.dtype):
        raise TypeError(
            f"image: expected a floating-point tensor with values in [0, 1], received {image.dtype}"
            "; divide by 255"
        )
    return ops.convert_to_tensor(ops.cast(image, dtype))


def _is_eager(tensor: Tensor) -> bool:
    """Return whether a tensor has a value, rather than being part of a graph."""
    return hasattr(tensor, "numpy")
