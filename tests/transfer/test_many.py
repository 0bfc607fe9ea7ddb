"""Many pictures in one style."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from painting import PAINT, QUICK, SHALLOW, STYLE, Noted, of_pixels
from support import Array, assert_same_result, noise

import neuralstyle as ns
from neuralstyle import recipes

SIZES = [(32, 40), (40, 32), (32, 40), (36, 36), (40, 32)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"recipe": of_pixels([])},
        {"recipe": of_pixels([]), "size": 80, "scales": 2},
        {"recipe": of_pixels([]), "color": "match"},
        {"recipe": of_pixels([]), "color": "content", "style_scale": 0.5},
        {"recipe": of_pixels([]), "style_fit": "tile", "init": "noise", "seed": 3},
        {"recipe": of_pixels([]), "balance": {"content": 1, "covariance": 2}, "init": "noise"},
    ],
)
def test_every_picture_is_that_of_stylize_bit_for_bit(options: dict[str, Any]) -> None:
    contents = [noise(*size, seed) for seed, size in enumerate(SIZES[:3])]
    options = {**(PAINT if "recipe" in options else QUICK), **options}
    results = list(ns.stylize_many(contents, STYLE, **options))
    assert len(results) == len(contents)
    for content, result in zip(contents, results, strict=True):
        assert_same_result(result, ns.stylize(content, STYLE, **options))


def test_with_a_network_and_several_styles_too(vgg: ns.VGG16Features) -> None:
    contents = [noise(32, 40, 0), noise(32, 40, 1)]
    styles = [noise(36, 30, 8), noise(30, 44, 9) ** 2]
    options: dict[str, Any] = {"style_weights": [1, 3], "network": vgg, "maxiter": 2}
    results = ns.stylize_many(contents, styles, recipe=SHALLOW, **options)
    for content, result in zip(contents, results, strict=True):
        assert_same_result(result, ns.stylize(content, styles, recipe=SHALLOW, **options))


def test_contents_are_taken_one_at_a_time() -> None:
    taken: list[int] = []

    def contents() -> Iterator[Array]:
        for number in range(3):
            taken.append(number)
            yield noise(32, 32, number)

    results = ns.stylize_many(contents(), STYLE, **QUICK)
    assert taken == []
    for number in range(3):
        next(results)
        assert taken == list(range(number + 1))
    assert list(results) == []


def test_no_contents_give_no_results() -> None:
    assert list(ns.stylize_many([], STYLE, **QUICK)) == []


def test_a_function_is_called_for_every_content() -> None:
    factory = Noted()
    contents = [noise(32, 32, seed) for seed in range(3)]
    list(ns.stylize_many(contents, STYLE, **{**QUICK, "objective": factory}))
    assert len(factory.seen) == 3
    for content, seen in zip(contents, factory.seen, strict=True):
        np.testing.assert_array_equal(seen[0], content)


def never() -> Iterator[Array]:
    raise AssertionError("a content was taken")
    yield


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "lab"}, "^color: expected"),
        ({"style_fit": "stretch"}, "^style_fit: expected"),
        ({"style_scale": 0}, "^style_scale: expected"),
        ({"balance": [1, 2]}, "^balance: expected a mapping"),
        ({"style_weights": [1, 2]}, "^style_weights: expected"),
        ({"recipe": recipes.default}, "^recipe: .*call it"),
        ({"objective": "default"}, "^objective: expected .*recipe="),
        ({"method": "newton"}, "^method: expected"),
        ({"method": "l-bfgs", "bounds": (0.0, 1.0)}, "^bounds: expected None"),
        ({"bounds": (1, 0)}, "^bounds: expected"),
        ({"maxfun": 0}, "^maxfun: expected"),
        ({"ftol": -1.0}, "^ftol: expected"),
        ({"callback": 3}, "^callback: expected"),
        ({"size": 0}, "^size: expected"),
        ({"size": (32, 48, 3)}, "^size: expected"),
        ({"maxiter": 0}, "^maxiter: expected"),
        ({"maxiter": []}, "^maxiter: expected"),
        ({"scales": 1.5}, "^scales: expected"),
        ({"seed": -1}, "^seed: expected"),
        ({"init": "middle"}, "^init: expected"),
        ({"init": {"content": -1}}, "^init: expected"),
        ({"network": "compact", "pooling": "sum"}, "^pooling: expected"),
        ({"network": "nowhere.h5"}, "^network: .*nowhere.h5"),
        ({"pooling": "max"}, "^pooling: expected None with an extractor"),
        ({"learning_rate": 0.1}, "^stylize_many: there is no option 'learning_rate'"),
    ],
)
def test_wrong_options_are_refused_before_the_first_content_is_taken(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError, OSError), match=message):
        ns.stylize_many(never(), STYLE, **{**PAINT, **options})


@pytest.mark.parametrize("style", [[], None, 255 * STYLE, [STYLE, (255 * STYLE).astype(np.uint8)]])
def test_a_wrong_style_is_refused_before_the_first_content_is_taken(style: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="^style"):
        ns.stylize_many(never(), style, recipe=SHALLOW)


def test_a_wrong_content_is_refused_when_it_is_taken() -> None:
    results = ns.stylize_many([noise(32, 32), 255 * noise(32, 32)], STYLE, **QUICK)
    next(results)
    with pytest.raises(ValueError, match="^content: .*255"):
        next(results)


def test_after_an_interrupt_the_picture_comes_and_then_the_interrupt() -> None:
    taken: list[int] = []

    def contents() -> Iterator[Array]:
        for number in range(3):
            taken.append(number)
            yield noise(32, 32, number)

    def interrupt(progress: ns.Progress) -> None:
        if taken == [0, 1]:
            raise KeyboardInterrupt

    results = ns.stylize_many(contents(), STYLE, **{**QUICK, "callback": interrupt})
    assert next(results).status is ns.Status.LIMIT
    interrupted = next(results)
    assert interrupted.status is ns.Status.INTERRUPTED
    assert interrupted.nit == 1
    with pytest.raises(KeyboardInterrupt):
        next(results)
    assert taken == [0, 1]
    assert list(results) == []


def test_a_run_that_its_callback_halts_is_followed_by_the_next() -> None:
    def halt(progress: ns.Progress) -> None:
        raise StopIteration

    contents = [noise(32, 32, seed) for seed in range(2)]
    results = list(ns.stylize_many(contents, STYLE, **{**QUICK, "callback": halt}))
    assert [result.status for result in results] == [ns.Status.CALLBACK] * 2
