"""Networks of `keras.applications`: what they are to be given, and which layers are like VGG's."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import keras
import numpy as np
from keras import layers

from neuralstyle._checks import nearest, shown
from neuralstyle._kernels.device import TRACING, check_backend
from neuralstyle._types import Tensor
from neuralstyle.features.architectures import VGG19
from neuralstyle.features.failures import FAILURES, said
from neuralstyle.features.keras_models.graph import Graph
from neuralstyle.features.keras_models.names import KERAS_NETWORKS, keras_name

_PREPARE = (layers.ZeroPadding2D, layers.Cropping2D, layers.MaxPooling2D, layers.AveragePooling2D)
_ADAPT = (layers.Activation, layers.ReLU, layers.LeakyReLU, layers.BatchNormalization)
_CONVOLVE = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)


@final
@dataclass(frozen=True)
class Input:
    """What turns RGB in [0, 1] into the input of the networks of a module of Keras.

    Attributes
    ----------
    module : str
        Its name in `keras.applications`.

    Examples
    --------
    >>> Input("mobilenet")(keras.ops.ones((1, 1, 1, 3))).numpy().tolist()
    [[[[1.0, 1.0, 1.0]]]]
    """

    module: str

    @property
    def digest(self) -> str:
        """What names it: it is always the same."""
        return self.module

    def __call__(self, image: Tensor) -> Tensor:
        """Return the network's input."""
        prepare = getattr(keras.applications, self.module).preprocess_input
        return keras.ops.cast(prepare(255.0 * image, data_format="channels_last"), image.dtype)


def application(
    name: str, weights: str | os.PathLike[str] | None, seed: int = 0
) -> tuple[keras.Model, str]:
    """Build a network without its classifier, for images of any size.

    Parameters
    ----------
    name : str
    weights : {"imagenet"}, path or None
    seed : int, default 0
        For random weights.

    Returns
    -------
    model : keras.Model
        In float32 and channels last, whatever Keras is set to.
    module : str
        Where its preprocessing is.
    """
    check_backend()
    known = keras_name(name)
    if known is None:
        raise ValueError(
            f"name: expected one of {', '.join(KERAS_NETWORKS)}, received {shown(name)}"
            f"{nearest(name, KERAS_NETWORKS)}"
        )
    build: Any = getattr(keras.applications, known)
    module = build.__module__.rpartition(".")[2]
    if weights not in (None, "imagenet"):
        weights = os.fspath(weights)
        if not os.path.isfile(weights):
            raise FileNotFoundError(f"weights: {weights!r} does not exist")
    with _usual_settings():
        try:
            model = build(weights=weights, include_top=False, input_shape=(None, None, 3))
        except Exception as error:  # Keras raises nothing narrower where a download fails
            if weights == "imagenet" and (type(error) is Exception or isinstance(error, OSError)):
                raise OSError(
                    f"weights: the ImageNet weights of {known} could not be downloaded "
                    f"({said(error)}); fetch that file by other means and put it into Keras' "
                    "cache, ~/.keras/models, or give the path of a file of weights"
                ) from error
            if weights not in (None, "imagenet") and isinstance(error, FAILURES):
                raise ValueError(
                    f"weights: expected a file of weights of {known} without its "
                    f"classifier, received {shown(weights)} ({said(error)})"
                ) from error
            raise
    if weights is None:
        _draw(model, seed)
    return model, module


def vgg_names(graph: Graph) -> dict[str, str]:
    """Return the layers of VGG as names of the layers that are most like them.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    dict from str to str
        From VGG19's names, Keras' and the literature's, to names of layers. A name that is a
        layer's own is left out.

    Examples
    --------
    >>> image = keras.Input((None, None, 3))
    >>> pooled = layers.MaxPooling2D(2)(layers.Conv2D(4, 3, padding="same", name="c")(image))
    >>> last = layers.ReLU(name="r")(layers.Conv2D(4, 3, padding="same")(pooled))
    >>> names = vgg_names(Graph(keras.Model(image, last)))
    >>> names["block1_conv1"], names["relu2_2"], names["block4_conv2"]
    ('c', 'r', 'r')
    """
    sizes = _joints(graph)
    if not sizes:
        return {}
    like = {}
    for layer in VGG19.convolutions:
        block, index = (int(part[-1]) for part in layer.split("_"))
        of_size = sizes[min(block, len(sizes)) - 1]
        like[layer] = of_size[min(index, len(of_size)) - 1]
    aliases = {alias: like[layer] for alias, layer in VGG19.aliases.items() if layer in like}
    return {name: layer for name, layer in (like | aliases).items() if name not in graph.layers}


def _joints(graph: Graph) -> list[list[str]]:
    """Return the layers at which a network comes together, by the size of their activations.

    All that is computed later depends on nothing before such a layer but through it. Of those that
    follow each other with a normalisation or a ReLU between, the last one counts; paddings and
    poolings do not.
    """
    last_use = {key: n for n, call in enumerate(graph.calls) for key in call.inputs}
    names = {key: name for name, key in graph.layers.items()}
    steps, open_until, convolved = {0: 1}, last_use.get(0, 0), False
    found: list[tuple[int, str]] = []
    before = None
    for n, call in enumerate(graph.calls):
        strides = np.ravel(getattr(call.operation, "strides", 1))
        step = max(steps[key] for key in call.inputs) * int(strides[0])
        steps |= dict.fromkeys(call.outputs, step)
        (output, *others) = call.outputs
        joint = open_until <= n and not others
        open_until = max(open_until, *(last_use.get(key, n) for key in call.outputs))
        convolved = convolved or isinstance(call.operation, _CONVOLVE)
        if not joint or not convolved or output not in names:
            continue
        if before in call.inputs and isinstance(call.operation, _ADAPT):
            found.pop()
        before = None
        if not isinstance(call.operation, _PREPARE):
            found.append((step, names[output]))
            before = output
    sizes: dict[int, list[str]] = {}
    for step, name in found:
        sizes.setdefault(step, []).append(name)
    return list(sizes.values())


@contextmanager
def _usual_settings() -> Iterator[None]:
    """Let Keras build float32 models, channels last, without a word; then all is as it was."""
    policy, layout = keras.config.dtype_policy(), keras.config.image_data_format()
    floats, talks = keras.config.floatx(), keras.config.is_interactive_logging_enabled()
    with TRACING, warnings.catch_warnings():
        # That the weights were made at 224 pixels, where any size is asked for.
        warnings.simplefilter("ignore")
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
        keras.config.set_image_data_format("channels_last")
        keras.config.disable_interactive_logging()
        try:
            yield
        finally:
            keras.config.set_floatx(floats)
            keras.config.set_dtype_policy(policy)
            keras.config.set_image_data_format(layout)
            if talks:
                keras.config.enable_interactive_logging()


def _draw(model: keras.Model, seed: int) -> None:
    """Draw the kernels anew, as He et al. do, so that they depend on the seed alone."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) > 1:
            # Of a depthwise kernel, (h, w, C, 1), a channel is all that a unit sees.
            depthwise = "depthwise" in weight.path
            seen = np.prod(weight.shape[:2] if depthwise else weight.shape[:-1])
            scale = np.sqrt(2 / seen)
            weight.assign(scale * random.standard_normal(weight.shape, np.float32))
