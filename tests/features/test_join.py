"""Several networks as one extractor."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from support import Reusable, half_mask, noise, pixels, says, two_layers

import neuralstyle as ns

IMAGE = noise(16, 12)


def edges(image: Any) -> dict[str, Any]:
    """See how the image changes from column to column."""
    return {"columns": image[:, :, 1:] - image[:, :, :-1]}


@pytest.fixture(scope="module")
def vgg() -> ns.VGG16Features:
    return ns.VGG16Features("compact")


def test_layers_are_those_of_each_under_its_name(vgg: ns.VGG16Features) -> None:
    features = ns.Join(vgg=vgg, own=two_layers, edges=edges)(IMAGE)
    np.testing.assert_array_equal(features["input"], IMAGE[None])
    np.testing.assert_array_equal(features["vgg/block1_conv1"], vgg(IMAGE)["block1_conv1"])
    np.testing.assert_array_equal(features["own/second"], two_layers(IMAGE[None])["second"])
    assert {"input", "vgg/input", "own/input", "own/first", "edges/columns"} < set(features)
    assert "vgg/relu2_1" in features and "own/relu2_1" not in features and "first" not in features


def test_one_objective_speaks_of_all(vgg: ns.VGG16Features) -> None:
    join = ns.Join(vgg=vgg, edges=edges)
    seen = join(noise(16, 12, 1))
    objective = (
        ns.StyleLoss(seen, {"vgg/block1_conv1": 1.0, "edges/columns": 0.5})
        + ns.ContentLoss(seen, "edges/columns")
        + ns.TotalVariationLoss()
    )
    value, gradient = ns.Evaluator(objective, join, (16, 12))(IMAGE)
    target, plain = noise(16, 12, 1), edges(IMAGE[None])
    by_edges = 0.5 * ns.StyleLoss(edges(target[None]), "columns") + ns.ContentLoss(
        edges(target[None]), "columns"
    )
    by_vgg = ns.StyleLoss(vgg(target), {"block1_conv1": 1.0}) + ns.TotalVariationLoss()
    expected = float(by_edges(plain)) + float(by_vgg(vgg(IMAGE)))
    assert value == pytest.approx(expected, rel=1e-5)
    assert np.abs(gradient).max() > 0


def test_it_is_known_by_what_all_are(vgg: ns.VGG16Features) -> None:
    other = ns.VGG16Features("compact", "avg")
    both = ns.Join(a=vgg, b=other)
    assert both.reuse and both.dtype == "float32" and both.padding == vgg.padding
    assert both.layers[:1] == (f"a/{vgg.layers[0]}",)
    assert len({j.digest for j in (both, ns.Join(a=other, b=vgg), ns.Join(a=vgg, c=other))}) == 3
    assert ns.Join(a=vgg, b=ns.VGG16Features("compact", "avg")).digest == both.digest
    partly = ns.Join(a=vgg, own=two_layers)
    assert (partly.digest, partly.reuse, partly.layers) == (None, False, ns.Join(a=vgg).layers)
    assert ns.Join(own=Reusable(two_layers)).reuse
    assert pickle.loads(pickle.dumps(both)).digest == both.digest


def test_a_torus_is_one_for_all(vgg: ns.VGG16Features) -> None:
    both = ns.Join(a=vgg, b=ns.VGG16Features("compact", "avg"))
    torus = both.with_padding("wrap")
    assert torus.padding == torus(noise(16, 16)).padding == "wrap"
    assert torus.digest.split("-")[0] == both.digest.split("-")[0] and torus.digest != both.digest
    loss = ns.StyleLoss(both(noise(16, 16)), "b/block1_conv1")
    assert float(loss(torus(noise(16, 16, 1)))) > 0
    with says(ValueError, 'extractors: expected padding="wrap"'):
        ns.Join(a=vgg.with_padding("wrap"), own=two_layers)
    with says(ValueError, "padding: expected None", "own"):
        ns.Join(a=vgg, own=two_layers).with_padding("wrap")


def test_masks_know_what_its_layers_see(vgg: ns.VGG16Features) -> None:
    join = ns.Join(vgg=vgg, own=two_layers)
    assert join.receptive_field("vgg/relu2_1") == vgg.receptive_field("relu2_1")
    assert join(IMAGE).receptive_field("input") == (0, 1, 1)
    with says(ValueError, "what layer 'own/first' sees is not known"):
        join.receptive_field("own/first")
    mask = ns.Mask(half_mask((32, 24)), "inside")
    ours = ns.StyleLoss(join(noise(32, 24)), "vgg/block1_conv1", mask=mask)
    theirs = ns.StyleLoss(vgg(noise(32, 24)), "block1_conv1", mask=mask)
    other = noise(32, 24, 1)
    assert float(ours(join(other))) == float(theirs(vgg(other)))


def test_it_can_be_turned_where_all_can(vgg: ns.VGG16Features) -> None:
    features = ns.Join(a=vgg, b=vgg)(IMAGE)
    turned = features.turned(1)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(turned["input"], np.rot90(IMAGE)[None])
    np.testing.assert_array_equal(
        turned["b/block1_conv1"], vgg(np.rot90(IMAGE).copy())["block1_conv1"]
    )
    assert not hasattr(ns.Join(a=vgg, own=two_layers)(IMAGE), "turned")


def test_a_layer_that_is_not_there_is_named_with_those_that_are(vgg: ns.VGG16Features) -> None:
    features = ns.Join(vgg=vgg, own=two_layers)(IMAGE)
    with says(KeyError, "'own/third'; the layers are own/input, own/first, own/second"):
        features["own/third"]
    with says(KeyError, "'first'; the layers are input, and those that begin with vgg/, own/"):
        features["first"]
    for take in (features.__getitem__, ns.Join(vgg=vgg).receptive_field):
        with says(KeyError, "begin with vgg/", "the nearest are 'vgg/block4_conv2'"):
            take("block4_conv2")
    with says(KeyError, "layers: there is no layer 'vgg/block9'", "nearest are 'vgg/block"):
        ns.StyleLoss(features, "vgg/block9")


def test_what_cannot_be_joined_is_refused(vgg: ns.VGG16Features) -> None:
    with says(ValueError, "extractors: expected at least one"):
        ns.Join()
    with says(TypeError, "own: expected an extractor, such as VGG16Features.*received 3"):
        ns.Join(own=3)  # type: ignore[arg-type]
    for name in ("a/b", "input", ""):
        with says(ValueError, "extractors: expected names without a slash", repr(name)):
            ns.Join(**{name: pixels})
    with says(ValueError, "extractors: expected one precision", "float64"):
        ns.Join(a=vgg, b=ns.VGG16Features("compact", dtype="float64"))


def test_stylize_looks_through_it(vgg: ns.VGG16Features) -> None:
    join = ns.Join(vgg=vgg, edges=edges)
    recipe = ns.recipes.default(
        content_layers="edges/columns",
        style_layers="vgg/block1_conv1",
        color_weight=0,
        patch_weight=0,
    )
    result = ns.stylize(noise(40, 32), noise(36, 36, 1), network=join, recipe=recipe, maxiter=1)
    assert result.nit == 1
