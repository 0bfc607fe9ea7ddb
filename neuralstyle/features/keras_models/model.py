"""Any Keras model as an extractor."""

from __future__ import annotations

import functools
import os
import pickle
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, final

import keras

from neuralstyle._checks import shown
from neuralstyle._kernels.device import check_backend
from neuralstyle._kernels.half import HALVES, through_half
from neuralstyle._types import Tensor
from neuralstyle.features.base import Features, image_tensor
from neuralstyle.features.failures import FAILURES, Refused, said, unknown_layer
from neuralstyle.features.fields import Field
from neuralstyle.features.keras_models.checks import (
    check_layout,
    compute_alike,
    digest_of,
    image_shape,
    of_fixed_size,
)
from neuralstyle.features.keras_models.fields import field_of, shifting
from neuralstyle.features.keras_models.graph import IMAGE, Graph, averaging

if TYPE_CHECKING:
    from typing_extensions import Self


@final
class KerasFeatures:
    """An extractor made from a Keras model with named layers.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, with one image input, channels last. What it computes is what
        leads from that to its outputs: a layer that other models share is seen as this one calls
        it.
    preprocess : callable, optional
        Turns the image tensor, ``(1, H, W, 3)`` RGB in [0, 1], into the model's input, pixel by
        pixel, with `keras.ops`. The default passes it on. With an attribute ``digest``, a text that
        names it, it promises to be the same always.
    replace_max_pooling : bool, default False
        Call an average pooling in place of every ``MaxPooling2D``, with its window and strides.
    aliases : mapping from str to str, optional
        Further names of layers.

    Attributes
    ----------
    layers : tuple of str
        Names of the model's layers from the input on. What is called twice is ``name`` and
        ``name_1``; the layers of a model inside the model are ``outer/inner``.
    dtype : str
        Precision of images and features: the model's input's, but float32 at least.
    reuse : bool
        Whether compiled code may be kept: a function in `preprocess` may be another each time.
    digest : str or None
        Names the model's layers and their weights of now; None with a function in `preprocess`,
        which has no name.
    aliases : dict from str to str
    steady : bool
        Whether layers begin at the same pixels in images of all sizes.

    Raises
    ------
    TypeError
        If `model` is not a Keras model whose graph is known.
    ValueError
        If `model` has several inputs, or one that is no RGB image, or is a channels-first model.

    Notes
    -----
    Models may compute in half precision. Features are float32, and their gradient is multiplied by
    a power of two while it goes back through the model, so that small numbers do not vanish.

    A copy, or what was pickled, gives the same features, or making it is an error: a model goes
    through Keras' own format, which does not hold every layer.

    Examples
    --------
    >>> import keras
    >>> model = keras.Sequential(
    ...     [keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3, name="c")]
    ... )
    >>> extractor = KerasFeatures(model)
    >>> extractor(np.zeros((8, 8, 3), np.float32))["c"].shape
    TensorShape([1, 6, 6, 4])
    >>> extractor.receptive_field("c")
    Field(start=0, length=3, step=1)
    """

    def __init__(
        self,
        model: keras.Model,
        preprocess: Callable[[Tensor], Tensor] | None = None,
        *,
        replace_max_pooling: bool = False,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        check_backend()
        self._shape = image_shape(model, preprocess)
        self._graph = Graph(model, averaging if replace_max_pooling else None)
        check_layout(self._graph)
        self.steady: bool = not shifting(self._graph)
        self._names = {"input": IMAGE} | {
            name: key for name, key in self._graph.layers.items() if key != IMAGE
        }
        types = self._graph.dtypes
        if "float" not in types[IMAGE]:
            raise ValueError(f"model: expected a floating-point input, received {types[IMAGE]}")
        self.dtype: str = "float32" if types[IMAGE] in HALVES else types[IMAGE]
        self._half = not set(types.values()).isdisjoint(HALVES)
        if preprocess is not None and not callable(preprocess):
            raise TypeError(f"preprocess: expected a callable, received {shown(preprocess)}")
        self.aliases: dict[str, str] = dict(aliases or {})
        for alias, layer in self.aliases.items():
            if layer not in self._names:
                given = f"{shown(alias)}: {shown(layer)}"
                raise ValueError(f"aliases: expected names of layers, received {given}")
        self._model = model
        self._preprocess = preprocess
        self._replace_max_pooling = replace_max_pooling

    @classmethod
    def from_application(
        cls,
        name: str,
        weights: str | os.PathLike[str] | None = "imagenet",
        *,
        replace_max_pooling: bool = False,
        seed: int = 0,
    ) -> Self:
        """Make an extractor of a network of ``keras.applications``, with its preprocessing.

        Parameters
        ----------
        name : str
            As Keras writes it, in any case: ``"ResNet50"``, ``"mobilenet_v2"``,
            ``"EfficientNetB0"``.
        weights : {"imagenet"}, path or None, default "imagenet"
            Keras' own, downloaded into its cache once; a file of weights without the classifier; or
            random ones from `seed`.
        replace_max_pooling : bool, default False
        seed : int, default 0
            For random weights.

        Returns
        -------
        KerasFeatures

        Raises
        ------
        ValueError
            If Keras has no such network.
        FileNotFoundError
            If a path does not exist.
        OSError
            If the weights cannot be downloaded.

        Notes
        -----
        Layers of VGG, by which recipes and losses name theirs, are aliases for layers like them:
        ``block3_conv2`` is the second layer at the third size of activation at which the network
        comes together, as it does at the end of every residual block. Beyond the last such layer,
        and the last size, an alias is the last one. `aliases` says which.

        Examples
        --------
        >>> network = KerasFeatures.from_application("MobileNet", weights=None)
        >>> network.aliases["block3_conv1"]
        'conv_dw_4_relu'
        >>> network(np.zeros((64, 64, 3), np.float32))["block3_conv1"].shape
        TensorShape([1, 8, 8, 128])
        """
        from neuralstyle.features.keras_models.applications import Input, application, vgg_names

        model, module = application(name, weights, seed)
        return cls(
            model,
            Input(module),
            replace_max_pooling=replace_max_pooling,
            aliases=vgg_names(Graph(model)),
        )

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the input on."""
        return tuple(name for name in self._names if name != "input")

    @property
    def reuse(self) -> bool:
        """Whether features depend on nothing but the image and this extractor."""
        return self._preprocess is None or hasattr(self._preprocess, "digest")

    @functools.cached_property
    def digest(self) -> str | None:
        """What names the layers, in their order, and their weights when it is first asked for."""
        before = getattr(self._preprocess, "digest", "")
        return digest_of(self._graph, before) if self.reuse else None

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
            self.compute,
            self.aliases,
            receptive_field=self.receptive_field,
            digest=lambda: self.digest,
        )

    def __repr__(self) -> str:
        """Describe it in a line."""
        return f"KerasFeatures({self._model.name!r}, {len(self.layers)} layers)"

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what makes it again, or refuse at once where that would be something else."""
        try:
            model = pickle.dumps(self._model)
            same = compute_alike(Graph(self._model), Graph(pickle.loads(model)), self._shape)
        except (*FAILURES, pickle.PickleError, ImportError) as error:
            raise TypeError(
                f"{self!r} cannot be copied or pickled, as Keras cannot save its model and load "
                f"it: {said(error)}"
            ) from error
        if not same:
            raise TypeError(
                f"{self!r} cannot be copied or pickled: the model that Keras saves and loads "
                "computes something else"
            )
        return _restored, (model, self._preprocess, self._replace_max_pooling, self.aliases)

    def receptive_field(self, layer: str) -> Field:
        """Return which pixels of the model's input the units of a layer see.

        Parameters
        ----------
        layer : str

        Returns
        -------
        start, length, step : int
            In either direction, unit i sees the pixels from ``start + i * step`` on, as many as
            `length`. Where the padding depends on the size of the image (``"same"`` with strides),
            as many as it may be.

        Raises
        ------
        KeyError
            If the model has no such layer.
        ValueError
            If there is a layer on the way that cannot be seen through: one whose units see the
            whole image, or of a kind that is not known.
        """
        name = self.aliases.get(layer, layer)
        if name not in self._names:
            raise unknown_layer(layer, tuple(self._names), tuple(self.aliases))
        try:
            return field_of(self._graph, self._names[name])
        except ValueError as error:
            raise ValueError(f"what layer {layer!r} sees is not known: {error}") from None

    def compute(self, known: Mapping[str, Tensor], layer: str) -> dict[str, Tensor]:
        """Compute a layer from the activations that are known, and those between."""
        given = {self._names[name]: tensor for name, tensor in known.items()}
        calls = self._graph.calls_to(self._names[layer], given)
        made = {key for call in calls for key in call.outputs}.union(given)
        named = {n: key for n, key in self._names.items() if key in made and n not in known}
        wanted = {key for call in calls for key in call.inputs}.union(named.values())
        read = sorted(wanted.intersection(given))

        def run(*tensors: Tensor) -> list[Tensor]:
            passed = dict(zip(read, tensors, strict=True))
            for call in calls:
                passed |= call.run(passed)
            return [passed[key] for key in named.values()]

        tensors = [self._prepared(given[key]) if key == IMAGE else given[key] for key in read]
        try:
            if self._half:
                types = [self._graph.dtypes[key] for key in read]
                activations = through_half(run, tensors, types)
            else:
                activations = run(*tensors)
        except FAILURES as error:
            problem = of_fixed_size(self._shape, known["input"].shape, layer, error)
            if problem is None:
                raise
            raise problem from error
        return dict(zip(named, activations, strict=True))

    def _prepared(self, image: Tensor) -> Tensor:
        """Return the model's input for an image."""
        if self._preprocess is None:
            return image
        try:
            prepared = self._preprocess(image)
        except NotImplementedError as error:  # NumPy refuses the tensors of a graph
            reason = str(error).split("\n")[0]
            raise _no_tensor(f"one that a tensor refuses: {reason}") from error
        if not keras.ops.is_tensor(prepared):
            raise _no_tensor(f"one that returns {type(prepared).__name__}")
        wanted = (1, None, None, self._shape[2])
        shape = tuple(prepared.shape)
        if len(shape) != 4 or any(w not in (None, n) for w, n in zip(wanted, shape, strict=True)):
            channels = self._shape[2] or "C"
            raise Refused(
                ValueError(
                    f"preprocess: expected a function that returns a tensor of shape (1, H, W, "
                    f"{channels}), which the model takes, received one that returns {shape}"
                )
            )
        return prepared


def _restored(
    model: bytes, preprocess: Any, replace_max_pooling: bool, aliases: dict[str, str]
) -> KerasFeatures:
    """Return what was pickled."""
    options: Any = {"replace_max_pooling": replace_max_pooling, "aliases": aliases}
    return KerasFeatures(pickle.loads(model), preprocess, **options)


def _no_tensor(received: str) -> Refused:
    return Refused(
        TypeError(
            "preprocess: expected a function that computes with keras.ops and returns a tensor, "
            f"received {received}"
        )
    )
