"""Evaluations as a whole or in tiles, as memory allows; what graphs say that they take."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from support import picture, pixels, says

import neuralstyle as ns
from neuralstyle.optimize.evaluation import fitting
from neuralstyle.optimize.evaluation.memory import alive

SHAPE = (150, 200, 3)


def graph(function: Callable[..., object], *shapes: tuple[int, ...]) -> object:
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    return tf.function(function).get_concrete_function(*specs).graph


def test_a_tensor_is_alive_until_it_is_read_for_the_last_time() -> None:
    def chain(x: tf.Tensor) -> tf.Tensor:
        for _ in range(5):
            x = tf.sin(x)
        return x

    assert alive(graph(chain, (1000,))) == 2 * 4000


def test_what_a_gradient_reads_is_alive_until_then() -> None:
    def slope(x: tf.Tensor) -> tf.Tensor:
        y = x
        for _ in range(5):
            y = tf.sin(y)
        return tf.gradients(tf.reduce_sum(y), [x])

    assert 4 * 4000 < alive(graph(slope, (1000,))) < 9 * 4000


def test_what_is_handed_on_or_written_over_takes_nothing() -> None:
    def view(x: tf.Tensor) -> tf.Tensor:
        y = tf.reshape(tf.sin(x), (10, 100))
        return tf.nn.relu(y + 1) * 2

    assert alive(graph(view, (1000,))) == 4000


def test_branches_are_alive_together() -> None:
    def branches(x: tf.Tensor) -> list[tf.Tensor]:
        return [tf.sin(x), tf.cos(x), tf.tan(x)]

    assert alive(graph(branches, (1000,))) == 3 * 4000


@pytest.fixture(scope="module")
def parts(vgg: ns.VGG16Features) -> tuple[ns.StyleObjective, ns.VGG16Features]:
    style = ns.StyleLoss(vgg(picture(1, (48, 48))), ["block1_conv1", "block2_conv1"])
    return style + 0.1 * ns.HistogramLoss(vgg(picture(1, (48, 48))), ["block1_conv1"]), vgg


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[float | None], None]:
    monkeypatch.setattr(fitting, "reusable_memory", lambda: 0)

    def set_to(count: float | None) -> None:
        monkeypatch.setattr(fitting, "room", lambda: count)

    return set_to


def test_with_memory_enough_a_picture_is_evaluated_whole(parts, free) -> None:
    for count in (1e12, None):
        free(count)
        evaluator = ns.Evaluator(*parts, SHAPE, tile="auto")
        assert evaluator.tile is None and evaluator.tiles is None


def test_where_memory_is_short_it_is_evaluated_in_tiles_to_the_same_value(parts, free) -> None:
    whole = ns.Evaluator(*parts, SHAPE)
    needed = fitting.ALLOCATED * whole.taken.most + fitting.SPARE * np.prod(SHAPE)
    free(needed - 1)
    tiled = ns.Evaluator(*parts, SHAPE, tile="auto")
    assert tiled.tile == 128 and len(tiled.tiles) == 4
    assert tiled.taken.most < whole.taken.most
    image = picture(0, SHAPE[:2])
    assert np.isclose(tiled(image)[0], whole(image)[0], rtol=1e-5)
    free(needed)
    assert ns.Evaluator(*parts, SHAPE, tile="auto").tile is None


def test_what_does_not_fit_in_any_tiles_is_refused_with_what_is_missing(parts, free) -> None:
    free(0)
    with says(MemoryError, "tile: expected a picture that there is memory for, .* 200 x 150"):
        ns.Evaluator(*parts, SHAPE, tile="auto")


def test_minimize_takes_auto(parts, free) -> None:
    free(1e12)
    result = ns.minimize(*parts, picture(0, (64, 64)), tile="auto", maxiter=1)
    assert result.nit == 1


@pytest.mark.parametrize("wrong", ["Auto", "512", ""])
def test_other_words_are_refused(wrong: str) -> None:
    with says(ValueError, 'tile: expected a whole number, "auto" or None, received'):
        ns.Evaluator(ns.TotalVariationLoss(), pixels, (80, 80), tile=wrong)


def test_what_is_taken_is_that_of_the_largest_tile(parts) -> None:
    small, large = (ns.Evaluator(*parts, SHAPE, tile=tile).taken for tile in (64, 128))
    assert small.layers == large.layers and small.targets == large.targets
    assert small.window < large.window and small.pixels < large.pixels
