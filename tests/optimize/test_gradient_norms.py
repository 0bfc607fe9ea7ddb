"""How strongly each loss of an objective pulls at the pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from support import Reusable, noise

import neuralstyle as ns

PIXELS, CONTENT = Reusable(), noise(24, 32)


class Tiny:
    """A network of a few products, in float64."""

    dtype = "float64"

    def __call__(self, image: Any) -> dict[str, Any]:
        assert image.dtype == self.dtype
        return {"input": image, "products": image[:, 1:] * image[:, :-1, ::-1]}


def test_norms_are_those_of_the_finite_differences() -> None:
    tiny, step = Tiny(), 1e-6
    target, at = (noise(3, 4, seed).astype(np.float64) for seed in (0, 1))
    objective = ns.StyleObjective(
        3.0 * ns.ContentLoss(tiny(target[None]), "products"),
        -0.1 * ns.StyleLoss(tiny(target[None]), {"products": 1.0, "input": 2.0}),
        0.0 * ns.TotalVariationLoss(),
    )
    losses = tf.function(lambda image: list(objective.evaluate(tiny(image)).values()))
    differences = np.empty((3, at.size))
    for index in range(at.size):
        ends = []
        for sign in (1, -1):
            moved = at.copy()
            moved.flat[index] += sign * step
            ends.append(np.array(losses(tf.constant(moved[None]))))
        differences[:, index] = (ends[0] - ends[1]) / (2 * step)
    expected = np.linalg.norm(differences, axis=1)
    norms = ns.gradient_norms(objective, tiny, at)
    assert list(norms) == ["content", "style", "total_variation"]
    np.testing.assert_allclose(list(norms.values()), expected, rtol=1e-7)
    assert all(type(norm) is float for norm in norms.values())


def test_norms_are_those_of_compiled_evaluations(vgg: ns.VGG16Features) -> None:
    content, style, at = noise(32, 40), noise(36, 30, 1) ** 2, noise(32, 40, 7)
    objective = (
        ns.ContentLoss(vgg(content), "block2_conv1")
        + ns.CovarianceLoss(vgg(style), ("block1_conv1", "block2_conv1"))
        + -3.0 * ns.TotalVariationLoss()
    )
    norms = ns.gradient_norms(objective, vgg, at)
    assert norms.keys() == objective.weights.keys()
    for term in objective.terms:
        _, gradient = ns.Evaluator(term.loss, vgg, at.shape)(at)
        assert norms[term.name] == pytest.approx(np.linalg.norm(gradient), rel=1e-4)


def test_a_loss_that_does_not_depend_on_the_image_has_norm_zero() -> None:
    @ns.loss
    def constant(features: Mapping[str, Any]) -> Any:
        return ops.convert_to_tensor(3.0)

    norms = ns.gradient_norms(constant + ns.TotalVariationLoss(), PIXELS, CONTENT)
    assert norms["constant"] == 0 and norms["total_variation"] > 0


def test_a_single_loss_has_a_norm_by_its_name() -> None:
    norms = ns.gradient_norms(ns.TotalVariationLoss(name="grain"), PIXELS, CONTENT)
    assert list(norms) == ["grain"]


@pytest.mark.parametrize(
    ("at", "kind"),
    [
        ((255 * CONTENT).astype(np.uint8), TypeError),
        (255 * CONTENT, ValueError),
        (CONTENT[..., 0], ValueError),
        ("noise", TypeError),
    ],
)
def test_what_is_no_place_is_refused_by_name(at: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="^at: expected"):
        ns.gradient_norms(ns.TotalVariationLoss(), PIXELS, at)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(KeyError, match="conv1_1"):
        ns.gradient_norms(ns.StyleLoss({"conv1_1": CONTENT[None]}, "conv1_1"), PIXELS, CONTENT)
    with pytest.raises(ValueError, match="content"):
        ns.gradient_norms(ns.ContentLoss(PIXELS(CONTENT), "input"), PIXELS, noise(20, 30))
