"""Pictures in tiles: value and gradient are those of the whole picture."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from losses.examples import LOSSES, takes
from support import NARROW, half_mask, picture, pixels, says, two_layers
from weight_files import write_npz

import neuralstyle as ns
from neuralstyle.features.architectures import VGG16
from neuralstyle.features.vgg.plain import random_weights
from neuralstyle.optimize.evaluation import passes, tiled

SHAPE = 115, 102
"""No multiple of any step: the last tiles have the rest."""

LONG = 202, 64
"""A tile of it is between others."""

SHORT = 115, 64
"""Of two tiles, for what takes long to compile."""

TILE = 64

LAYERS = ("first", "second", "third")


def network(padding: str = "same", strides: int = 1, pooling: Any = None) -> ns.KerasFeatures:
    """Three layers of steps 1, 2 and 4, in double precision."""
    keras.utils.set_random_seed(0)
    layer = given = keras.Input((None, None, 3), dtype="float64")
    pool = pooling or keras.layers.MaxPooling2D
    for k, name in enumerate(LAYERS):
        if k:
            layer = pool(2, dtype="float64")(layer)
        layer = keras.layers.Conv2D(
            4 + k,
            3,
            padding=padding,
            strides=strides if k == 1 else 1,
            activation="softplus",
            dtype="float64",
            name=name,
            bias_initializer="random_normal",
        )(layer)
    return ns.KerasFeatures(keras.Model(given, layer))


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "narrow.npz"
    write_npz(path, random_weights(VGG16, widths=NARROW, size=32))
    return path


NETWORK = network()
IMAGE, CONTENT = (picture(seed, SHAPE).astype(np.float64) for seed in (0, 1))
TALL = picture(4, LONG).astype(np.float64)
STYLE = picture(2, (60, 70)).astype(np.float64)
TARGETS = {"content": NETWORK(CONTENT), "style": NETWORK(STYLE)}

OWN: dict[str, Callable[..., ns.Loss]] = {
    "ContentLoss": lambda c, s, **o: ns.ContentLoss(c, ("first", "third"), **o),
    "LaplacianLoss": lambda c, s, **o: ns.LaplacianLoss(c, (1, 4), **o),
    "NearestLoss": lambda c, s, **o: ns.NearestLoss(s, "third", source=c, turns=1, **o),
    "SelfSimilarityLoss": lambda c, s, **o: ns.SelfSimilarityLoss(c, "third", samples=60),
    "RelaxedEMDLoss": lambda c, s, **o: ns.RelaxedEMDLoss(s, "third", samples=60, **o),
    "PatchLoss": lambda c, s, **o: ns.PatchLoss(s, "third", **o),
    "TemporalLoss": lambda c, s, **o: ns.TemporalLoss(c, **o),
    "TotalVariationLoss": lambda c, s, **o: ns.TotalVariationLoss(**o),
}


def every_loss(shape: tuple[int, int] = SHAPE, **options: Any) -> ns.StyleObjective:
    """One of each kind, over layers of several steps."""
    content = NETWORK(CONTENT[: shape[0], : shape[1]])
    terms: list[ns.Loss] = []
    for kind in LOSSES:
        given = {option: mask for option, mask in options.items() if takes(kind, option)}
        make = OWN.get(kind.__name__, lambda c, s, kind=kind, **o: kind(s, LAYERS[::2], **o))
        terms.append(make(content, TARGETS["style"], **given))

    @ns.loss
    def own(features: Mapping[str, Any]) -> Any:
        return ops.mean(ops.square(features["second"]) * features["second"])

    return sum([*terms, own, terms[0] * own], 0 * ns.TotalVariationLoss(name="nothing"))


def assert_same(
    objective: ns.StyleObjective | ns.Loss,
    extractor: Any,
    image: Any = IMAGE,
    tile: int = TILE,
    within: float = 1e-10,
) -> None:
    whole = ns.Evaluator(objective, extractor, image.shape)
    tiled = ns.Evaluator(objective, extractor, image.shape, tile=tile)
    expected, wanted = whole(image)
    value, gradient = tiled(image)
    assert value == pytest.approx(expected, rel=within)
    for name, loss in whole.losses.items():
        assert tiled.losses[name] == pytest.approx(loss, rel=within), name
    assert np.linalg.norm(gradient - wanted) <= within * np.linalg.norm(wanted)


@pytest.mark.slow
def test_every_loss_is_that_of_the_whole_picture() -> None:
    assert_same(every_loss(), NETWORK)


@pytest.mark.slow
def test_masks_of_every_loss_are_those_of_the_whole_picture() -> None:
    mask = np.clip(picture(3, SHORT)[..., 0] * 2 - 0.5, 0, 1)
    objective = every_loss(SHORT, mask=mask, target_mask=half_mask(STYLE.shape[:2]))
    assert_same(objective, NETWORK, IMAGE[:, : SHORT[1]])


def test_masks_are_those_of_the_whole_picture() -> None:
    mask = np.clip(picture(3, SHORT)[..., 0] * 2 - 0.5, 0, 1)
    own = half_mask(STYLE.shape[:2])
    content = NETWORK(CONTENT[:, : SHORT[1]])
    losses = [
        ns.ContentLoss(content, "third", mask=mask),
        ns.HistogramLoss(TARGETS["style"], "second", mask=mask, target_mask=own),
    ]
    assert_same(sum(losses, ns.TotalVariationLoss(mask=mask)), NETWORK, IMAGE[:, : SHORT[1]])


@pytest.mark.parametrize("normalize", [pytest.param("mean", marks=pytest.mark.slow), "paper"])
def test_normalizations_are_those_of_the_whole_picture(normalize: str) -> None:
    mask, content = half_mask(SHORT), NETWORK(CONTENT[:, : SHORT[1]])
    losses = [
        ns.ContentLoss(content, "second", normalize=normalize, mask=mask),
        ns.StyleLoss(TARGETS["style"], LAYERS, shift=-1, normalize=normalize, mask=mask),
        ns.CovarianceLoss(TARGETS["style"], LAYERS, normalize=normalize),
    ]
    objective = sum(losses, 0 * ns.TotalVariationLoss(name="nothing"))
    assert_same(objective, NETWORK, IMAGE[:, : SHORT[1]])


@pytest.mark.parametrize(
    "padding", [pytest.param("zeros", marks=pytest.mark.slow), "reflect", "wrap"]
)
@pytest.mark.parametrize("pooling", ["max", pytest.param("avg", marks=pytest.mark.slow)])
def test_borders_are_those_of_the_whole_picture(narrow: Path, padding: Any, pooling: Any) -> None:
    vgg = ns.VGG16Features(narrow, pooling, padding=padding, dtype="float64")
    image = TALL[:192] if padding == "wrap" else TALL
    layers = ("block1_conv2", "block3_conv1")
    content, style = vgg(1 - image), vgg(STYLE[:56, :64])
    objective = ns.ContentLoss(content, layers) + ns.CovarianceLoss(style, layers)
    assert_same(objective + ns.HistogramLoss(style, layers[1]), vgg, image)


@pytest.mark.parametrize("shape", [(128, 64), pytest.param((64, 128), marks=pytest.mark.slow)])
def test_a_torus_of_one_tile_along_an_axis_goes_on_there(narrow: Path, shape: Any) -> None:
    vgg = ns.VGG16Features(narrow, "avg", padding="wrap", dtype="float64")
    image = picture(5, shape).astype(np.float64)
    objective = ns.StyleLoss(vgg(STYLE[:56, :64]), "block1_conv2")
    assert_same(objective + ns.TotalVariationLoss(), vgg, image)
    assert_same(objective + ns.TotalVariationLoss(mask=half_mask(shape)), vgg, image)


def test_octaves_and_joined_networks_are_seen_in_tiles() -> None:
    pyramid = ns.Pyramid(NETWORK, octaves=2)
    style = pyramid(STYLE)
    octaves = ns.over_octaves(lambda f: ns.StyleLoss(f, ("second", "third")), style)
    assert_same(octaves, pyramid, IMAGE[:, : SHORT[1]])
    both = ns.Join(a=NETWORK, b=NETWORK)
    assert_same(ns.StyleLoss(both(STYLE), ("a/first", "b/third")), both, IMAGE[:, : SHORT[1]])


def test_single_precision_is_as_exact_as_without_tiles() -> None:
    exact = ns.VGG16Features("compact", "avg", dtype="float64")
    single = ns.VGG16Features("compact", "avg")
    found = {}
    content, image = CONTENT[:, : SHORT[1]], IMAGE[:, : SHORT[1]]
    for name, vgg, tile in (("exact", exact, None), ("whole", single, None), ("tiles", single, 64)):
        objective = ns.recipes.default()(vgg(content), vgg(STYLE))
        found[name] = ns.Evaluator(objective, vgg, SHORT, tile=tile)(image)
    far = {name: np.linalg.norm(found[name][1] - found["exact"][1]) for name in ("whole", "tiles")}
    assert found["tiles"][0] == pytest.approx(found["exact"][0], rel=2e-6)
    assert far["tiles"] <= 1.5 * far["whole"]


def test_weights_are_live_and_runs_go_on() -> None:
    objective = ns.ContentLoss(TARGETS["content"], "second") + ns.StyleLoss(
        TARGETS["style"], LAYERS
    )
    tiled = ns.Evaluator(objective, NETWORK, SHAPE, tile=TILE)
    tiled(IMAGE)
    tiled.weights["style"] = 3.0
    value, gradient = tiled(IMAGE)
    expected, wanted = ns.Evaluator(objective.with_weights(style=3), NETWORK, SHAPE)(IMAGE)
    assert value == pytest.approx(expected, rel=1e-12)
    assert gradient == pytest.approx(wanted, abs=1e-12 * np.abs(wanted).max())
    result = ns.minimize(tiled, init=IMAGE.astype(np.float32), maxiter=2)
    assert result.fun < value


class Scaled(ns.Loss):
    """A loss of a class that promises `reuse`, with a variable."""

    reuse = True

    def __init__(self) -> None:
        self.factor = keras.Variable(2.0, dtype="float64")

    def __call__(self, features: Mapping[str, Any]) -> Any:
        return ops.convert_to_tensor(self.factor) * ops.mean(ops.square(features["second"]))


def test_variables_are_read_at_every_evaluation() -> None:
    loss = Scaled()
    tiled = ns.Evaluator(loss, NETWORK, SHAPE, tile=TILE)
    before, _ = tiled(IMAGE)
    loss.factor.assign(3.0)
    assert tiled(IMAGE)[0] == pytest.approx(1.5 * before, rel=1e-12)


def test_code_of_tiles_is_kept_with_the_extractor_and_holds_no_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Any] = []
    for module in (passes, tiled):
        compiled = module.flat
        monkeypatch.setattr(
            module, "flat", lambda *a, compiled=compiled: made.append(a[0].__name__) or compiled(*a)
        )
    extractor = network()

    def evaluator(
        seen: ns.KerasFeatures, seed: int, layers: Any = LAYERS, shape: tuple[int, int] = SHORT
    ) -> ns.Evaluator:
        loss = ns.CovarianceLoss(seen(picture(seed, (60, 70)).astype(np.float64)), layers)
        return ns.Evaluator(loss + ns.TotalVariationLoss(), seen, shape, tile=TILE)

    image = IMAGE[:, : SHORT[1]]
    first, second = evaluator(extractor, 2), evaluator(extractor, 3)
    kinds = len({tile.shape for tile in first.tiles or ()})
    before = first(image)[0]
    assert sorted(made) == ["backward"] * kinds + ["forward"] * kinds + ["head"]
    assert second(image)[0] != before == first(image)[0]
    assert len(made) == 2 * kinds + 1
    evaluator(extractor, 2, shape=LONG)(TALL)
    assert made.count("head") == 2
    evaluator(extractor, 2, "first")(image)
    assert made.count("head") == 3
    held = [weakref.ref(each) for each in (extractor, first.objective.terms[0].loss)]
    del first, second
    gc.collect()
    assert held[1]() is None
    del extractor
    gc.collect()
    assert held[0]() is None


def test_a_loss_that_does_not_depend_on_the_image_is_refused_as_without_tiles() -> None:
    constant = ns.loss(lambda features: ops.convert_to_tensor(1.0), name="constant")
    with says(ValueError, "does not depend on the image", "constant"):
        ns.Evaluator(constant, NETWORK, SHAPE, tile=TILE)


def test_a_loss_that_is_another_each_time_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    @ns.loss
    def noisy(features: Mapping[str, Any]) -> Any:
        return ops.mean(features["second"]) * tf.random.uniform((), dtype="float64")

    ns.Evaluator(noisy, NETWORK, SHAPE, tile=TILE)
    assert "the loss 'noisy' draws random numbers" in caplog.text


def test_gradient_norms_are_those_of_the_whole_picture() -> None:
    constant = ns.loss(lambda features: ops.convert_to_tensor(1.0), name="constant")
    objective = ns.StyleLoss(TARGETS["style"], LAYERS) + ns.TotalVariationLoss() + constant
    image = IMAGE[:, : SHORT[1]]
    whole = ns.gradient_norms(objective, NETWORK, image)
    tiled = ns.gradient_norms(objective, NETWORK, image, tile=TILE)
    assert tiled == pytest.approx(whole, rel=1e-10)
    assert tiled["constant"] == 0


def test_a_picture_of_one_tile_is_a_tile() -> None:
    assert_same(ns.StyleLoss(TARGETS["style"], LAYERS), NETWORK, tile=512)


def test_a_loss_of_the_pixels_alone_needs_no_network() -> None:
    style = pixels(STYLE.astype(np.float32))
    objective = ns.TotalVariationLoss() + ns.HistogramLoss(style, "input")
    assert_same(objective, pixels, within=1e-6)  # in single precision


def test_extractors_must_tell_what_their_layers_see() -> None:
    objective = ns.StyleLoss(two_layers(STYLE), "second")
    with says(ValueError, "tile: expected None", "receptive_field"):
        ns.Evaluator(objective, two_layers, SHAPE, tile=TILE)


def test_layers_that_see_the_whole_picture_are_refused_with_the_reason() -> None:
    given = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(4, 3, name="c")(given)
    scaled = keras.layers.Multiply(name="m")(
        [layer, keras.layers.GlobalAveragePooling2D(keepdims=True)(layer)]
    )
    extractor = ns.KerasFeatures(keras.Model(given, scaled))
    objective = ns.StyleLoss(extractor(STYLE.astype(np.float32)), "m")
    with says(ValueError, "tile: expected None", "'m'", "GlobalAveragePooling2D"):
        ns.Evaluator(objective, extractor, SHAPE, tile=TILE)


def test_padding_that_depends_on_the_size_wants_sides_in_multiples() -> None:
    strided = network(strides=2)
    objective = ns.StyleLoss(strided(STYLE), "third")
    with says(ValueError, "tile: expected None, or sides in multiples of 8", "102 x 115"):
        ns.Evaluator(objective, strided, SHAPE, tile=TILE)
    assert_same(objective, strided, IMAGE[:112, :96])


@pytest.mark.parametrize("around", [lambda e: ns.Pyramid(e, 2), lambda e: ns.Join(a=e)])
def test_what_is_made_of_such_an_extractor_wants_them_too(around: Callable[[Any], Any]) -> None:
    extractor = around(network(strides=2))
    layer = next(name for name in extractor(STYLE) if name.endswith("third"))
    objective = ns.StyleLoss(extractor(STYLE), layer)
    with says(ValueError, "tile: expected None, or sides in multiples of"):
        ns.Evaluator(objective, extractor, SHAPE, tile=TILE)


@pytest.mark.parametrize("tile", [0, 63, 64.0, True, "many"])
def test_tiles_have_a_side(tile: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^tile: expected"):
        ns.Evaluator(ns.StyleLoss(TARGETS["style"], LAYERS), NETWORK, SHAPE, tile=tile)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_any_size_and_any_tile_will_do(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(64, 301, 2).tolist())
    pooling = random.choice([keras.layers.MaxPooling2D, keras.layers.AveragePooling2D])
    extractor = network(str(random.choice(["same", "valid"])), pooling=pooling)
    content, style = (picture(seed + k, shape).astype(np.float64) for k in range(2))
    mask = None if seed % 2 else half_mask(shape)
    losses = [
        ns.ContentLoss(extractor(content), "third", mask=mask),
        ns.CovarianceLoss(extractor(style), LAYERS, mask=mask, target_mask=mask),
        ns.SlicedWassersteinLoss(extractor(style), "second", patch_size=3, pool=2),
        ns.HistogramLoss(extractor(style), ("first", "third"), mask=mask, target_mask=mask),
    ]
    objective = sum(losses, ns.TotalVariationLoss())
    image = picture(seed + 2, shape).astype(np.float64)
    assert_same(objective, extractor, image, tile=int(random.integers(64, 200)))
