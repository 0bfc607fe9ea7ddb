"""Films whose frames keep what moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
from painting import QUICK, STYLE, Runs, Shape
from support import Array, chroma, noise, value

import neuralstyle as ns
from neuralstyle import recipes


def uniform_flow(shape: Shape, right: float, down: float) -> Array:
    return np.full((*shape, 2), (right, down), np.float64)


def pan(count: int, step: int, shape: Shape = (32, 40)) -> tuple[list[Array], list[Array]]:
    """Frames of a camera that moves to the right over a larger picture, and where they were."""
    height, width = shape
    wide = noise(height, width + step * count, 4)
    wide = scipy.ndimage.gaussian_filter(wide, (1, 1, 0)).astype(np.float32)
    frames = [wide[:, step * k : step * k + width] for k in range(count)]
    return frames, [uniform_flow(shape, step, 0)] * (count - 1)


def unsteadiness(results: list[ns.StyleResult], flows: list[Array]) -> float:
    """Measure by how much pictures differ from what came before, where that can be seen."""
    differences = []
    for previous, now, flow in zip(results, results[1:], flows, strict=False):
        warped, inside = ns.warp(previous.image, flow)
        differences.append(np.abs(now.image - warped)[inside > 0].mean())
    return float(np.mean(differences))


def test_a_film_is_steadier_than_its_frames_alone(vgg: ns.VGG16Features) -> None:
    recipe = recipes.default(content_layers="block2_conv1", style_layers="block2_conv1")
    frames, flows = pan(5, 3)
    options: dict[str, Any] = {"recipe": recipe, "network": vgg, "maxiter": 20}
    style = noise(32, 40, 9)
    alone = list(ns.stylize_many(frames, style, **options))
    film = list(ns.stylize_frames(frames, style, flows, temporal_weight=30.0, **options))
    assert len(film) == 5
    before, after = unsteadiness(alone, flows), unsteadiness(film, flows)
    assert before > 0.01
    assert after < 0.5 * before
    changes = [np.abs(r.image - frame).mean() for r, frame in zip(film, frames, strict=True)]
    assert min(changes[1:]) > 0.8 * changes[0]  # steady, and painted none the less


def test_a_larger_temporal_weight_makes_it_steadier() -> None:
    frames, flows = pan(3, 2)
    measured = [
        unsteadiness(
            list(ns.stylize_frames(frames, STYLE, flows, temporal_weight=weight, **QUICK)), flows
        )
        for weight in (0.1, 100.0)
    ]
    assert measured[1] < 0.5 * measured[0]


def test_the_first_frame_is_painted_as_by_stylize() -> None:
    frames, flows = pan(2, 3)
    first = next(ns.stylize_frames(frames, STYLE, flows, **QUICK))
    expected = ns.stylize(frames[0], STYLE, **QUICK)
    np.testing.assert_array_equal(first.image, expected.image)
    assert first.losses == expected.losses


def test_what_was_painted_is_put_where_it_is_now_and_held_there(runs: Runs) -> None:
    frames, flows = pan(2, 3)
    first, _ = ns.stylize_frames(frames, STYLE, flows, temporal_weight=0.7, **QUICK)
    objective, _, start, _ = runs[1]
    np.testing.assert_allclose(start[:, :-3], first.image[:, 3:], atol=1e-6)
    np.testing.assert_allclose(start[:, -3:], frames[1][:, -3:], atol=1e-6)
    assert objective.weights["temporal"] == 0.7
    assert list(objective.weights) == ["content", "total_variation", "covariance", "temporal"]
    held = objective.terms[-1].loss
    assert value(held, {"input": start[None]}) < 1e-12
    elsewhere = start.copy()
    elsewhere[:, -3:] = 0.9
    assert value(held, {"input": elsewhere[None]}) < 1e-12
    elsewhere[:, 5] = 0.9
    assert value(held, {"input": elsewhere[None]}) > 1e-4


def test_what_comes_into_sight_is_left_out_by_the_mask(runs: Runs) -> None:
    frames, (flow,) = pan(2, 3)
    mask = np.ones((32, 40), np.float32)
    mask[10:20] = 0
    mask[25:] = 0.5
    first, _ = ns.stylize_frames(frames, STYLE, [(flow, mask)], **QUICK)
    moved, content = first.image[:, 3:], frames[1][:, :-3]
    start = runs[1].start[:, :-3]
    np.testing.assert_allclose(start[:10], moved[:10], atol=1e-6)
    np.testing.assert_allclose(start[10:20], content[10:20], atol=1e-6)
    np.testing.assert_allclose(start[25:], (moved + content)[25:] / 2, atol=1e-6)
    changed = {"input": runs[1].start[None].copy()}
    changed["input"][:, 10:20] = 0.9
    held = runs[1].objective.terms[-1].loss
    assert value(held, changed) == pytest.approx(
        value(held, {"input": runs[1].start[None]}), rel=1e-5
    )


@pytest.mark.parametrize("scales", [1, 2])
def test_after_a_cut_a_frame_is_painted_as_by_stylize(scales: int) -> None:
    frames = [noise(64, 72), noise(64, 72, 1)]
    cut = (uniform_flow((64, 72), 0, 0), np.zeros((64, 72)))
    outside = uniform_flow((64, 72), 500, 0)
    expected = ns.stylize(frames[1], STYLE, scales=scales, **QUICK)
    for flow in (cut, outside):
        _, second = ns.stylize_frames(frames, STYLE, [flow], scales=scales, **QUICK)
        np.testing.assert_array_equal(second.image, expected.image)
        assert list(second.losses) == list(expected.losses)


def test_a_temporal_weight_of_zero_is_every_frame_alone() -> None:
    frames, flows = pan(3, 3)
    film = ns.stylize_frames(frames, STYLE, flows, temporal_weight=0, **QUICK)
    for ours, expected in zip(film, ns.stylize_many(frames, STYLE, **QUICK), strict=True):
        np.testing.assert_array_equal(ours.image, expected.image)


def test_every_scale_starts_with_what_was_painted(runs: Runs) -> None:
    frames, flows = pan(2, 8, (64, 80))
    first, _ = ns.stylize_frames(frames, STYLE, flows, scales=2, **QUICK)
    moved, _ = ns.warp(first.image, flows[0])
    for run, shape in zip(runs[2:], [(32, 40), (64, 80)], strict=True):
        objective, _, start, _ = run
        assert start.shape[:2] == shape
        seen = shape[1] * 72 // 80 - 3  # away from the border of what is valid
        expected = ns.resize(moved, shape)
        np.testing.assert_allclose(start[:, :seen], expected[:, :seen], atol=1e-5)
        assert objective.weights["temporal"] == 1.0


@pytest.mark.parametrize("size", [(32, 40), (32, 80), (64, 48)])
def test_flows_are_scaled_to_the_size_of_the_result(size: Shape, runs: Runs) -> None:
    frames, _ = pan(2, 8, (64, 80))
    flow = uniform_flow((64, 80), 20, -8)
    first, _ = ns.stylize_frames(frames, STYLE, [flow], size=size, **QUICK)
    scaled = uniform_flow(size, 20 * size[1] / 80, -8 * size[0] / 64)
    moved, inside = ns.warp(first.image, scaled)
    assert 0.5 < inside.mean() < 1
    start = runs[1].start
    np.testing.assert_allclose(start[inside > 0], moved[inside > 0], atol=1e-5)
    content = ns.resize(frames[1], size)
    np.testing.assert_allclose(start[inside == 0], content[inside == 0], atol=1e-5)


def test_a_flow_may_be_that_of_the_frame_before_it_was_made_smaller(runs: Runs) -> None:
    frames = [ns.resize(frame, (33, 41)) for frame in (noise(64, 80), noise(64, 80, 1))]
    mask = np.ones((64, 80))
    mask[:, :40] = 0
    flow = uniform_flow((64, 80), 20, -8)
    first, _ = ns.stylize_frames(frames, STYLE, [(flow, mask)], **QUICK)
    moved, inside = ns.warp(first.image, uniform_flow((33, 41), 20 * 41 / 80, -8 * 33 / 64))
    held = inside * ns.resize(mask, (33, 41)) == 1
    assert held.any()
    np.testing.assert_allclose(runs[1].start[held], moved[held], atol=1e-4)
    assert (runs[1].start[:, :18] == frames[1][:, :18]).all()


def test_a_flow_that_differs_from_place_to_place_is_scaled_too(runs: Runs) -> None:
    frames = [noise(64, 80), noise(64, 80, 1)]
    columns = np.mgrid[:64, :80][1]
    flow = np.stack([20 - 0.5 * columns, np.zeros((64, 80))], axis=-1)
    first, _ = ns.stylize_frames(frames, STYLE, [flow], size=(32, 40), **QUICK)
    # The middle of pixel k is that of the pixels 2 k and 2 k + 1.
    half = np.stack([10 - 0.5 * (np.mgrid[:32, :40][1] + 0.25), np.zeros((32, 40))], axis=-1)
    moved, inside = ns.warp(first.image, half)
    assert inside.all()
    np.testing.assert_allclose(runs[1].start, moved, atol=1e-4)


@pytest.mark.parametrize(
    ("flows", "message"),
    [
        ([None], "^flows: expected one for frame 1, received none$"),
        (
            [uniform_flow((32, 39), 0, 0)],
            r"^flows: .* field .*frame's size \(32, 40\).* for frames\[1\], received \(32, 39\)$",
        ),
        (
            [(uniform_flow((32, 40), 0, 0), np.ones((40, 32)))],
            r"^flows: .* mask .*frame's size \(32, 40\).* for frames\[1\], received \(40, 32\)$",
        ),
        ([np.zeros((32, 40))], "^flow: expected an array of displacements"),
        ([uniform_flow((32, 40), np.nan, 0)], "^flow: expected finite displacements"),
        (
            [(uniform_flow((32, 40), 0, 0), np.full((32, 40), 2.0))],
            "^flows: mask of frame 1: .*0 to 1",
        ),
        (
            [(uniform_flow((32, 40), 0, 0), np.full((32, 40), -1.0))],
            "^flows: mask of frame 1: .*0 to 1",
        ),
    ],
)
def test_what_are_no_flows_is_refused(flows: Any, message: str) -> None:
    frames, _ = pan(2, 3)
    film = ns.stylize_frames(frames, STYLE, flows, **QUICK)
    next(film)
    with pytest.raises(ValueError, match=message):
        next(film)


@pytest.mark.parametrize("count", [0, 1, 3, 6])
def test_sequences_of_other_lengths_are_refused_at_once(count: int) -> None:
    frames, flows = pan(3, 3)
    message = f"^flows: expected 2, one for every frame after the first, received {count}$"
    with pytest.raises(ValueError, match=message):
        ns.stylize_frames(np.stack(frames), STYLE, (flows * 3)[:count], **QUICK)
    with pytest.raises(ValueError, match="^flows: expected 0, .* received 1$"):
        ns.stylize_frames([], STYLE, flows[:1], **QUICK)


def test_too_few_flows_are_refused_by_the_number_of_the_frame() -> None:
    frames, flows = pan(4, 3)
    film = ns.stylize_frames(frames, STYLE, iter(flows[:2]), **QUICK)
    assert len([next(film) for _ in range(3)]) == 3
    with pytest.raises(ValueError, match="^flows: expected one for frame 3, received none$"):
        next(film)


def test_further_flows_are_refused_when_the_frames_end() -> None:
    frames, flows = pan(2, 3)
    film = ns.stylize_frames(iter(frames), STYLE, flows * 2, **QUICK)
    assert len([next(film) for _ in frames]) == 2
    with pytest.raises(ValueError, match="^flows: .*every frame after the first, received more$"):
        next(film)
    with pytest.raises(ValueError, match="received more$"):
        next(ns.stylize_frames(iter([]), STYLE, iter(flows), **QUICK))


def test_what_is_no_frame_is_refused_by_its_number() -> None:
    frames, flows = pan(2, 3)
    film = ns.stylize_frames([frames[0], (255 * frames[1]).astype(np.uint8)], STYLE, flows, **QUICK)
    next(film)
    with pytest.raises(TypeError, match=r"^frames\[1\]: .*255"):
        next(film)


def test_no_frames_make_no_film() -> None:
    assert list(ns.stylize_frames([], STYLE, [], **QUICK)) == []


@pytest.mark.parametrize("weight", [-1, -0.001, float("nan"), float("inf")])
def test_what_is_no_temporal_weight_is_refused_at_once(weight: float) -> None:
    with pytest.raises(ValueError, match="^temporal_weight: .* number of at least 0"):
        ns.stylize_frames([], STYLE, [], temporal_weight=weight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style_scale": 0}, "^style_scale: expected"),
        ({"color": "lab"}, "^color: expected"),
        ({"callback": 3}, "^callback: expected"),
        ({"temperature": 1}, "temperature"),
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        ns.stylize_frames([], STYLE, [], **options)


def test_frames_and_flows_are_taken_one_at_a_time() -> None:
    frames, flows = pan(3, 3)
    taken: list[str] = []

    def noted(name: str, items: list[Array]) -> Iterator[Array]:
        for item in items:
            taken.append(name)
            yield item

    film = ns.stylize_frames(noted("frame", frames), STYLE, noted("flow", flows), **QUICK)
    assert taken == []
    next(film)
    assert taken == ["frame"]
    next(film)
    assert taken == ["frame", "frame", "flow"]


def test_an_interrupted_frame_is_the_last() -> None:
    frames, flows = pan(3, 3)
    seen: list[ns.Progress] = []

    def interrupt(progress: ns.Progress) -> None:
        seen.append(progress)
        if len(seen) == 3:
            raise KeyboardInterrupt

    film = ns.stylize_frames(frames, STYLE, flows, **{**QUICK, "callback": interrupt})
    assert next(film).status is ns.Status.LIMIT
    assert next(film).status is ns.Status.INTERRUPTED
    with pytest.raises(KeyboardInterrupt):
        next(film)
    assert list(film) == []


def test_a_film_in_luminance_is_worked_on_in_grey(runs: Runs) -> None:
    frames = [noise(32, 32, 0), noise(32, 32, 1)]
    still = uniform_flow((32, 32), 0, 0)
    results = list(ns.stylize_frames(frames, STYLE, [still], color="luminance", **QUICK))
    for result, frame in zip(results, frames, strict=True):
        np.testing.assert_allclose(chroma(result.image), chroma(frame), atol=1e-5)
    assert np.abs(chroma(results[0].image)).max() > 0.1
    # What was painted before goes on as the optimiser left it, not with the frame's colours.
    for run in runs:
        np.testing.assert_allclose(chroma(run.start), 0, atol=1e-6)


@pytest.mark.parametrize("weight", ["1", True, None])
def test_a_temporal_weight_that_is_no_number_is_refused_at_once(weight: Any) -> None:
    with pytest.raises(TypeError, match="^temporal_weight"):
        ns.stylize_frames([], np.zeros((8, 8, 3)), [], temporal_weight=weight)
