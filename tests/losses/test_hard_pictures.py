"""Black, white and plain pictures, as targets and as images: every loss is finite and sensible."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from losses.examples import EXAMPLES
from support import Array, value_and_gradient

import neuralstyle as ns

HEIGHT, WIDTH = 8, 6
RANDOM = np.random.default_rng(0)
KERNELS = RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(3, 5))


def plain(*colour: float) -> Array:
    return np.ones((HEIGHT, WIDTH, 3)) * (colour or (0.5,))


def spotted() -> Array:
    picture = plain()
    picture[4, 3] += 1 / 255
    return picture


PICTURES = {
    "black": plain(0.0),
    "white": plain(1.0),
    "grey": plain(),
    "grey with a pixel one level lighter": spotted(),
    "noise": RANDOM.uniform(size=(HEIGHT, WIDTH, 3)),
}

LARGEST = 1e7
"""Of a value in the relative form, 1 for a usual target where the image is zero. Only one level of
255 in a single pixel is a target that small."""


def seen(picture: Array) -> dict[str, Array]:
    """Return what a network of two layers sees, in its precision."""
    image = picture.astype(np.float32)[None]
    first, second = (
        np.maximum(of @ kernel.astype(np.float32) - shift, 0).astype(np.float32)
        for of, kernel, shift in zip((image, image[:, ::2, ::2]), KERNELS, (0.0, 0.1), strict=True)
    )
    return {"input": image, "first": first, "second": second}


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_every_loss_is_finite_for_every_pair(kind: type[Any]) -> None:
    further = itertools.product(EXAMPLES[kind].also, ["black", "grey"])
    for options, target in (*((dict[str, Any](), target) for target in PICTURES), *further):
        loss = EXAMPLES[kind].make(seen(PICTURES[target]), **options)
        for image in ("black", "grey", "noise"):
            result, slopes = value_and_gradient(loss, seen(PICTURES[image]))
            where = f"{options} {target} -> {image}: {result}"
            assert 0 <= result < LARGEST, where
            for slope in slopes.values():
                assert np.isfinite(slope).all() and np.abs(slope).max() < LARGEST, where


@pytest.mark.parametrize("target", ["black", "white", "grey"])
def test_the_edges_of_a_plain_target_count_in_the_mean_form(target: str) -> None:
    losses = [
        ns.LaplacianLoss(seen(PICTURES[target]), (1, 2), normalize=form)
        for form in ("relative", "mean")
    ]
    relative, mean = (float(loss(seen(PICTURES["noise"]))) for loss in losses)
    assert relative == pytest.approx(mean) and 0.1 < mean < 10
