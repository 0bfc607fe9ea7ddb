"""Sizes and scales: which a picture is worked at, and how long at each."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pytest
from painting import PAINT, PIXELS, STYLE, Runs, Shape, quick
from support import Array, noise

import neuralstyle as ns
from neuralstyle import recipes
from neuralstyle.transfer.scales import Scales, pyramid

Pictures: TypeAlias = tuple[Array, Array]


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        (None, (48, 64)),
        (64, (48, 64)),
        (32, (24, 32)),
        (100, (75, 100)),
        (np.int64(32), (24, 32)),
        ((30, 30), (30, 30)),
        ([20, 50], (20, 50)),
    ],
)
def test_the_result_has_the_size_asked_for(size: Any, shape: Shape, pictures: Pictures) -> None:
    result = quick(*pictures, size=size, scales=1)
    assert result.image.shape == (*shape, 3)
    assert result.image.dtype == np.float32
    assert result.image.min() >= 0 and result.image.max() <= 1
    assert result.settings["shapes"] == [shape]


@pytest.mark.parametrize(
    "size", [0, -64, 64.0, True, "large", (48, 0), (48, 64, 3), (), (48.0, 64)]
)
def test_what_is_no_size_is_refused_by_name(size: Any, pictures: Pictures) -> None:
    with pytest.raises((TypeError, ValueError), match="^size: expected"):
        quick(*pictures, size=size)


@pytest.mark.parametrize(
    ("shape", "scales", "min_size", "expected"),
    [
        ((256, 256), None, None, [(256, 256)]),
        ((256, 256), None, 64, [(64, 64), (128, 128), (256, 256)]),
        ((255, 129), None, 64, [(64, 32), (128, 64), (255, 129)]),
        ((127, 127), None, 64, [(64, 64), (127, 127)]),
        ((120, 120), None, 64, [(120, 120)]),
        ((256, 256), 1, 64, [(256, 256)]),
        ((256, 256), 2, 64, [(128, 128), (256, 256)]),
        ((256, 256), 4, None, [(32, 32), (64, 64), (128, 128), (256, 256)]),
        ((256, 256), 9, None, [(32, 32), (64, 64), (128, 128), (256, 256)]),
        ((40, 4000), None, 64, [(40, 4000)]),
        ((70, 4000), 5, None, [(35, 2000), (70, 4000)]),
        ((1, 1), 3, 64, [(1, 1)]),
        ((20, 30), None, 64, [(20, 30)]),
    ],
)
def test_scales_are_halves_from_coarse_to_fine(
    shape: Shape, scales: int | None, min_size: int | None, expected: list[Shape]
) -> None:
    assert pyramid(shape, scales, min_size) == expected


def test_every_scale_is_half_of_the_full_size_without_rounding_twice() -> None:
    shapes = pyramid((1001, 777), None, 64)
    assert shapes[-1] == (1001, 777)
    for steps, (height, width) in enumerate(reversed(shapes)):
        assert abs(height - 1001 / 2**steps) <= 0.5
        assert abs(width - 777 / 2**steps) <= 0.5


@pytest.mark.parametrize(
    ("scales", "kind"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_what_is_no_number_of_scales_is_refused_by_name(scales: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="^scales: expected"):
        quick(scales=scales)


def test_the_default_recipe_works_from_64_pixels_upwards(
    vgg: ns.VGG16Features, pictures: Pictures
) -> None:
    result = ns.stylize(*pictures, network=vgg, size=(96, 128), maxiter=1)
    assert result.settings["shapes"] == [(48, 64), (96, 128)]
    assert result.settings["recipe"] == "default"
    assert result.nit == 2


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (2, 2), (20, 30), (8, 300)])
def test_pictures_of_odd_sizes_are_painted_too(height: int, width: int) -> None:
    def colour(content: Any, style: Any) -> ns.StyleObjective:
        return ns.ContentLoss(content, "input") + ns.CovarianceLoss(style, "input")

    content = 0.5 * noise(height, width)
    result = ns.stylize(content, 1 - content[::-1], objective=colour, network=PIXELS, maxiter=3)
    assert result.image.shape == (height, width, 3)
    assert np.isfinite(result.fun)
    assert not np.array_equal(result.image, content)


@pytest.mark.parametrize(("height", "width"), [(20, 30), (16, 200)])
def test_the_default_recipe_paints_small_and_wide_pictures(
    height: int, width: int, vgg: ns.VGG16Features
) -> None:
    result = ns.stylize(noise(height, width), noise(20, 30, 1), network=vgg, maxiter=2)
    assert result.image.shape == (height, width, 3)
    assert result.success and result.nit == 2
    assert result.history[1].fun < result.history[0].fun


@pytest.mark.parametrize(("content", "style"), [((1, 1), (48, 64)), ((48, 64), (1, 1))])
def test_the_default_recipe_refuses_pictures_that_are_too_small_for_the_network(
    content: Shape, style: Shape, vgg: ns.VGG16Features
) -> None:
    with pytest.raises(ValueError, match="1 x 1|at least 2 x 2 pixels"):
        ns.stylize(noise(*content), noise(*style), network=vgg, maxiter=2)


def test_an_elongated_style_is_kept_large_enough_for_the_network(vgg: ns.VGG16Features) -> None:
    result = ns.stylize(noise(96, 128), noise(100, 600, 1), network=vgg, maxiter=1)
    assert result.image.shape == (96, 128, 3)


@pytest.mark.parametrize(
    ("maxiter", "expected"),
    [
        (2, [2, 2, 2]),
        ([4, 2, 1], [4, 2, 1]),
        ((3, 1), [3, 1, 1]),
        ([2], [2, 2, 2]),
        (np.int64(2), [2, 2, 2]),
    ],
)
def test_iterations_are_given_for_all_scales_or_for_each(maxiter: Any, expected: list[int]) -> None:
    result = quick(noise(128, 128), scales=3, maxiter=maxiter)
    per_scale = [sum(r.scale == scale for r in result.history) for scale in range(3)]
    assert per_scale == expected
    assert result.settings["maxiter"] == expected


@pytest.mark.parametrize(
    "maxiter", [0, -1, 2.5, "many", [], [2, 0], [2, 2.5], [2, None], [1, 1, 1]]
)
def test_wrong_iterations_are_refused_by_name_before_the_first(maxiter: Any) -> None:
    seen: list[ns.Progress] = []
    with pytest.raises((TypeError, ValueError), match="^maxiter: expected"):
        quick(maxiter=maxiter, callback=seen.append)
    assert seen == []


def test_a_recipes_iterations_go_from_coarse_to_fine() -> None:
    recipe = recipes.Recipe(
        "short",
        content=lambda content: [1.0 * ns.ContentLoss(content, "input")],
        style=lambda content, style: [1.0 * ns.CovarianceLoss(style, "input")],
        maxiter=(3, 1),
        min_size=32,
    )
    content, style = noise(128, 128), noise(40, 40, 1)
    result = ns.stylize(content, style, recipe=recipe, network=PIXELS)
    assert result.settings["shapes"] == [(32, 32), (64, 64), (128, 128)]
    assert [r.scale for r in result.history] == [0, 0, 0, 1, 2]


def test_a_callback_that_wants_it_gets_the_result_of_every_scale_but_the_last() -> None:
    class Watching:
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def __call__(self, now: ns.Progress) -> None:
            self.seen.append(now)

        def after_scale(self, so_far: ns.StyleResult) -> None:
            self.seen.append(so_far)

    watching = Watching()
    result = quick(callback=watching, scales=2, maxiter=2)
    kinds = [type(one).__name__ for one in watching.seen]
    assert kinds == ["Progress", "Progress", "StyleResult", "Progress", "Progress"]
    so_far = watching.seen[2]
    np.testing.assert_array_equal(so_far.image, watching.seen[1].image)
    assert (so_far.nit, len(so_far.history), result.nit) == (2, 2, 4)
    assert so_far.settings.keys() == result.settings.keys()
    assert watching.seen[-1].settings == result.settings


def test_an_error_after_a_scale_carries_what_was_painted() -> None:
    class Failing:
        def __call__(self, now: ns.Progress) -> None:
            pass

        def after_scale(self, so_far: ns.StyleResult) -> None:
            raise RuntimeError("of the user's own")

    with pytest.raises(RuntimeError, match="of the user's own") as caught:
        quick(callback=Failing(), scales=2, maxiter=2)
    assert caught.value.partial_result.nit == 2


def test_a_schedule_by_scale_has_the_weight_of_every_scale(runs: Runs) -> None:
    def mine(content: Any, style: Any) -> ns.StyleObjective:
        smoother = ns.schedule(lambda step, steps: 10.0 ** (step + 1 - steps))
        return 2 * smoother * ns.TotalVariationLoss() + ns.CovarianceLoss(style, "input")

    options: dict[str, Any] = {**PAINT, "objective": mine, "scales": 3}
    result = ns.stylize(noise(128, 128), STYLE, **options)
    weights = [run.objective.weights["total_variation"] for run in runs]
    assert weights == pytest.approx([0.02, 0.2, 2.0])
    assert result.settings["weights"] == {"total_variation": 2.0, "covariance": 1.0}


def test_a_scale_that_is_behind_keeps_no_state(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be an optimiser's memory, for as long as the larger scales take."""
    kept: list[list[bool]] = []
    forward = Scales.forward

    def looked(self: Scales, *args: Any) -> Any:
        told = forward(self, *args)
        kept.append([result.state is not None for result in self.results])
        return told

    monkeypatch.setattr(Scales, "forward", looked)
    result = quick(*pictures, size=96, scales=2, method="l-bfgs")
    assert kept == [[], [False]]
    assert result.state is not None
