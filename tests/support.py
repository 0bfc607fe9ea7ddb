"""What tests share: pictures, extractors without a network, feature maps, values and gradients.

For pictures take `noise` or `picture`, for an extractor `pixels` or `two_layers`, for the compact
network the fixture ``vgg``; for a run `near` or `blend` as the objective; for an error of one line
`says`; for a gradient `directional_error`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from numpy.typing import ArrayLike, NDArray
from PIL import Image as Pillow

import neuralstyle as ns
from neuralstyle.features.architectures import Weights

Array: TypeAlias = NDArray[np.floating[Any]]
FeatureMaps: TypeAlias = Mapping[str, Array]
Function: TypeAlias = Callable[[Mapping[str, Any]], Any]


# Pictures and masks


def noise(height: int = 8, width: int = 12, seed: int = 0) -> Array:
    """Make a picture whose pixels have nothing to do with each other."""
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


def picture(seed: int, shape: tuple[int, int] = (40, 32), cells: int = 7) -> Array:
    """Make a picture of soft spots, `cells` by `cells` of them."""
    return ns.resize(noise(cells, cells, seed), shape)


def muted(seed: int, height: int = 24, width: int = 30) -> Array:
    """Make a picture whose channels go together, well inside the range."""
    random = np.random.default_rng(seed)
    mixing = random.uniform(-1, 1, size=(3, 3)) * (0.03, 0.06, 0.09)
    spread = random.uniform(-1, 1, size=(height, width, 3)) @ mixing.T
    return (random.uniform(0.4, 0.6, size=3) + spread).astype(np.float32)


def luma(image: Array) -> Array:
    """Return the luminance of an image, as the broadcasting standard has it."""
    red, green, blue = np.moveaxis(image.astype(np.float64), -1, 0)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def chroma(image: Array) -> Array:
    """Return what is left of an image without its luminance."""
    return image.astype(np.float64) - luma(image)[..., None]


def written(path: Path, file: Pillow.Image, **options: Any) -> Path:
    """Write a picture as other programs do."""
    file.save(path, **options)
    return path


def opened(path: Path) -> Pillow.Image:
    """Read a picture as other programs do."""
    return Pillow.open(io.BytesIO(path.read_bytes()))


def half_mask(shape: tuple[int, int], share: float = 0.5) -> NDArray[np.bool_]:
    """Return a mask that is true on the left."""
    return np.arange(shape[1]) < np.full((shape[0], 1), share * shape[1])


def masks(shape: tuple[int, int], seed: int = 0) -> dict[str, Array]:
    """Return a mask of each kind: all of the image, the left, a soft one, a few positions."""
    few = np.zeros(shape)
    few[shape[0] // 3 : 2 * shape[0] // 3, shape[1] // 3 : 2 * shape[1] // 3] = 1
    soft = np.random.default_rng(seed).uniform(0.1, 1, size=shape)
    return {"whole": np.ones(shape), "half": half_mask(shape) * 1.0, "soft": soft, "few": few}


# Extractors and objectives without a network


def pixels(image: Any) -> dict[str, Any]:
    """See the image as it is: the extractor without a network."""
    return {"input": image if len(image.shape) == 4 else image[None]}


class Reusable:
    """An extractor with the promise that compiled code may be kept: quick where runs are many."""

    reuse = True

    def __init__(self, extractor: Callable[[Any], dict[str, Any]] = pixels) -> None:
        self._extractor = extractor

    def __call__(self, image: Any) -> dict[str, Any]:
        """See the image as the extractor does."""
        return self._extractor(image)


def two_layers(image: Any) -> dict[str, Any]:
    """See the image through two small smooth layers, in the image's own type.

    ``"first"`` has its size and 4 channels, ``"second"`` half of it and 5.
    """
    image = ops.convert_to_tensor(pixels(image)["input"])
    random = np.random.default_rng(0)
    features, layer = {"input": image}, image
    for name, channels in (("first", 4), ("second", 5)):
        if name == "second":
            layer = ops.average_pool(layer, 2)
        mix = ops.convert_to_tensor(random.normal(size=(layer.shape[-1], channels)), layer.dtype)
        layer = features[name] = ops.softplus(ops.tensordot(layer, mix, 1))
    return features


class Seen(dict[str, Any]):
    """Features that name their network, or tell what all units see: (start, length, step)."""

    def __init__(
        self,
        features: Mapping[str, Any],
        digest: str | None = None,
        field: tuple[int, int, int] | None = None,
    ) -> None:
        super().__init__(features)
        self.digest = digest
        if field:
            self.receptive_field = lambda layer: field


def near(image: Array) -> ns.StyleObjective:
    """Close to an image but smooth, in the sense of absolute differences: many iterations."""
    content = ns.ContentLoss(pixels(image), "input", normalize="mean")
    return content + 0.05 * ns.TotalVariationLoss(exponent=1.2)


def blend(content: Any, *styles: Any) -> ns.StyleObjective:
    """Keep the picture, take the colours, as a function of features: many iterations."""
    terms = [ns.ContentLoss(content, "input"), 0.1 * ns.TotalVariationLoss(exponent=1.2)]
    terms += [ns.CovarianceLoss(style, "input") for style in styles]
    return ns.StyleObjective(*terms)


# Evaluators that are watched

Change: TypeAlias = Callable[[int, float, Array], tuple[float, Array]]


class Watched:
    """Stands for an evaluator, and keeps what it was asked and answered."""

    def __init__(self, evaluator: ns.Evaluator, change: Change | None) -> None:
        self._evaluator, self._change = evaluator, change
        self.calls: list[tuple[Array, float]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._evaluator, name)

    def unchecked(self, x: Array) -> tuple[float, Array]:
        value, gradient = self._evaluator.unchecked(x)
        self.calls.append((x.copy(), value))
        if self._change is not None:
            value, gradient = self._change(len(self.calls), value, gradient)
        return value, gradient


class Evaluators:
    """The evaluators that runs make."""

    def __init__(self) -> None:
        self.made: list[Watched] = []
        self._change: Change | None = None

    def __call__(self, *args: Any, **options: Any) -> Watched:
        self.made.append(Watched(ns.Evaluator(*args, **options), self._change))
        return self.made[-1]

    def __instancecheck__(self, value: Any) -> bool:
        """Stand for the class."""
        return isinstance(value, ns.Evaluator)

    @property
    def calls(self) -> list[tuple[Array, float]]:
        """What the latest was asked: points, and their values."""
        return self.made[-1].calls

    def answer(self, change: Change) -> None:
        """Let those made from now on answer what a function makes of number, value, gradient."""
        self._change = change

    def interrupt(self, evaluation: int) -> None:
        """Press Ctrl-C during an evaluation."""

        def press(number: int, value: float, gradient: Array) -> tuple[float, Array]:
            if number == evaluation:
                raise KeyboardInterrupt
            return value, gradient

        self.answer(press)


# What a test expects


def says(error: type[Exception], *words: str) -> Any:
    """Expect an error of one line that contains all of `words` in this order."""
    return pytest.raises(error, match="^[^\n]*" + "[^\n]*".join(words))


def message(caught: pytest.ExceptionInfo[BaseException]) -> str:
    """Return an error's message, which is one line."""
    text = str(caught.value)
    assert text and "\n" not in text
    return text


def assert_same_result(ours: ns.StyleResult, expected: ns.StyleResult) -> None:
    """Compare two runs: pictures, values and counts, to the bit."""
    np.testing.assert_array_equal(ours.image, expected.image)
    assert (ours.fun, ours.losses) == (expected.fun, expected.losses)
    assert (ours.nit, ours.nfev, ours.status) == (expected.nit, expected.nfev, expected.status)
    assert [r.fun for r in ours.history] == [r.fun for r in expected.history]
    different = {k for k, v in ours.settings.items() if v != expected.settings.get(k)}
    assert different <= {"not_stored"}  # which names who watches a run


def directional_error(
    function: Callable[[Array], tuple[float, Array]],
    x: Array,
    step: float = 1e-6,
    directions: int = 5,
    seed: int = 0,
    value: Callable[[Array], float] | None = None,
) -> float:
    """Return the largest relative error of a gradient along some directions.

    The gradient is compared with central differences, of `value` where that is quicker than the
    first of what the function returns. Directions have entries of 1 and -1: half
    of them as in the gradient, so that the slope is steep, and half at random, so that every
    direction has a part in it.
    """
    random = np.random.default_rng(seed)
    value = value or (lambda x: function(x)[0])
    _, gradient = function(x)
    errors = []
    for _ in range(directions):
        direction = np.where(
            random.uniform(size=x.shape) < 0.5,
            np.sign(gradient) + (gradient == 0),
            random.choice([-1.0, 1.0], size=x.shape),
        )
        ends = [value(x + sign * step * direction) for sign in (1, -1)]
        expected = np.sum(gradient * direction)
        errors.append(abs((ends[0] - ends[1]) / (2 * step) - expected) / abs(expected))
    return float(max(errors))


# Feature maps and losses


def from_rows(rows: ArrayLike) -> Array:
    """Make the feature map (1, 1, M, N) of a matrix of N channels by M positions."""
    return np.array(rows, dtype=np.float64).T[None, None]


def to_rows(feature: Array) -> Array:
    """Undo `from_rows`, for a map of any height."""
    return feature.reshape(-1, feature.shape[-1]).T


def random_map(seed: int, *shape: int) -> Array:
    """Make a feature map whose channels differ in mean and deviation and have no ties."""
    random = np.random.default_rng(seed)
    channels = np.arange(shape[-1])
    return (random.normal(size=(1, *shape)) + 0.5) * (1 + channels / 2) + 0.3 * channels


def tensors(features: FeatureMaps) -> dict[str, Any]:
    return {layer: tf.convert_to_tensor(value) for layer, value in features.items()}


def value(function: Function, features: FeatureMaps) -> float:
    return float(function(tensors(features)))


def value_and_gradient(
    function: Function, features: FeatureMaps
) -> tuple[float, dict[str, NDArray[Any]]]:
    """Evaluate a function and differentiate it with respect to every feature map."""
    watched = tensors(features)
    with tf.GradientTape() as tape:
        tape.watch(list(watched.values()))
        result = function(watched)
    gradient = tape.gradient(result, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return float(result), {layer: slope.numpy() for layer, slope in gradient.items()}


def of_vector(
    function: Function, features: FeatureMaps
) -> tuple[Callable[[Array], tuple[float, Array]], Array]:
    """Return value and gradient as functions of all feature maps in one vector, and that vector."""

    def of(x: Array) -> tuple[float, Array]:
        result, slopes = value_and_gradient(function, in_maps(x, features))
        return result, np.concatenate([slope.ravel() for slope in slopes.values()])

    return of, np.concatenate([array.ravel() for array in features.values()])


def in_maps(x: Array, features: FeatureMaps) -> FeatureMaps:
    """Divide a vector into feature maps of the shapes of others."""
    ends = np.cumsum([array.size for array in features.values()])[:-1]
    parts = zip(features.items(), np.split(x, ends), strict=True)
    return {layer: part.reshape(array.shape) for (layer, array), part in parts}


def squared_wasserstein(a: Array, b: Array) -> float:
    """Compute W2 squared of two samples, by repeating both to the same number and sorting."""
    size = int(np.lcm(a.size, b.size))
    repeated = [np.sort(np.repeat(x.ravel(), size // x.size)) for x in (a, b)]
    return float(np.mean((repeated[0] - repeated[1]) ** 2))


def compare(
    kind: Callable[..., Any], generated: Array, target: Array, normalize: str = "mean"
) -> float:
    """Return the loss of one feature map against another."""
    return value(kind({"a": target}, "a", normalize=normalize), {"a": generated})


def gradient_of(loss: Callable[[Mapping[str, Any]], Any], generated: Array) -> Array:
    return value_and_gradient(loss, {"a": generated})[1]["a"]


def orthogonal(size: int, seed: int = 0) -> Array:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def permuted(feature: Array, seed: int = 0) -> Array:
    """Move the positions, all channels alike."""
    order = np.random.default_rng(seed).permutation(feature.shape[1] * feature.shape[2])
    return feature.reshape(-1, feature.shape[-1])[order].reshape(feature.shape)


def shuffled(feature: Array, seed: int = 0) -> Array:
    """Move the positions, each channel in its own way."""
    rows = np.random.default_rng(seed).permuted(to_rows(feature), axis=1)
    return rows.T.reshape(feature.shape)


# Networks and memory

NARROW = (8, 8, 16, 16, 16)
"""Widths of a network that is narrow enough for small files."""


def assert_same_weights(actual: Weights, expected: Weights) -> None:
    assert tuple(actual) == tuple(expected)
    for name in expected:
        for ours, theirs in zip(actual[name], expected[name], strict=True):
            assert ours.dtype == np.float32
            np.testing.assert_array_equal(ours, theirs, err_msg=name)


def transient_memory(function: Callable[[], object]) -> int:
    """Run a function and return the bytes that it needed at most beside what stays."""
    try:
        tf.config.experimental.reset_memory_stats("CPU:0")
    except ValueError:
        pytest.skip("TensorFlow counts the memory of a processor only where it uses oneDNN")
    function()
    info = tf.config.experimental.get_memory_info("CPU:0")
    return int(info["peak"] - info["current"])
