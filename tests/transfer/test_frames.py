"""Films whose frames keep what moves, and pictures moved, cropped and tiled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
from support import value, value_and_gradient

import neuralstyle as ns
from neuralstyle.transfer import painter
from neuralstyle.transfer import recipes as presets

Array = np.ndarray
Shape = tuple[int, int]


def noise(height: int, width: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


def uniform_flow(shape: Shape, right: float, down: float) -> Array:
    return np.full((*shape, 2), (right, down), np.float64)


# Warping

IMAGE = noise(13, 17)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 0), (0, 2), (-4, 5), (12, -9)])
def test_a_whole_number_of_pixels_moves_them_exactly(right: int, down: int) -> None:
    warped, inside = ns.warp(IMAGE, uniform_flow((13, 17), right, down))
    rows, columns = np.arange(13) + down, np.arange(17) + right
    expected = IMAGE[np.clip(rows, 0, 12)[:, None], np.clip(columns, 0, 16)]
    np.testing.assert_array_equal(warped, expected)
    within = ((rows >= 0) & (rows < 13))[:, None] & ((columns >= 0) & (columns < 17))
    np.testing.assert_array_equal(inside, within)
    assert warped.dtype == np.float32 and inside.dtype == np.float32


@pytest.mark.parametrize(("right", "down"), [(0.5, 0), (0.25, -0.75), (-3.3, 1.9)])
def test_fractions_of_pixels_are_interpolated_linearly(right: float, down: float) -> None:
    warped, inside = ns.warp(IMAGE, uniform_flow((13, 17), right, down))
    expected = scipy.ndimage.shift(IMAGE, (-down, -right, 0), order=1, mode="nearest")
    np.testing.assert_allclose(warped, expected, atol=1e-6)
    rows, columns = np.mgrid[:13, :17]
    within = (rows + down >= 0) & (rows + down <= 12) & (columns + right >= 0)
    np.testing.assert_array_equal(inside, within & (columns + right <= 16))


def test_every_pixel_goes_its_own_way() -> None:
    random = np.random.default_rng(0)
    rows, columns = random.integers(0, 13, (13, 17)), random.integers(0, 17, (13, 17))
    here = np.mgrid[:13, :17]
    flow = np.stack([columns - here[1], rows - here[0]], axis=-1)
    for kind in (np.int64, np.float32, np.float64):
        warped, inside = ns.warp(IMAGE, flow.astype(kind))
        np.testing.assert_allclose(warped, IMAGE[rows, columns], atol=1e-6)
        assert inside.all()


def test_far_outside_the_border_is_continued() -> None:
    warped, inside = ns.warp(IMAGE, uniform_flow((13, 17), 1e6, -1e6))
    np.testing.assert_array_equal(warped, np.broadcast_to(IMAGE[0, -1], IMAGE.shape))
    assert not inside.any()


def test_warping_leaves_its_arguments_as_they_are() -> None:
    image, flow = IMAGE.copy(), uniform_flow((13, 17), 1, 2)
    ns.warp(image, flow)
    np.testing.assert_array_equal(image, IMAGE)
    np.testing.assert_array_equal(flow, uniform_flow((13, 17), 1, 2))


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (uniform_flow((13, 16), 0, 0), r"^flow: expected the image's size \(13, 17\), received"),
        (uniform_flow((17, 13), 0, 0), r"^flow: expected the image's size \(13, 17\), received"),
        (np.zeros((13, 17)), r"^flow: expected an array of displacements of shape"),
        (np.zeros((13, 17, 3)), r"^flow: expected .*received float64 of shape \(13, 17, 3\)"),
        (np.zeros((2, 13, 17)), r"^flow: expected an array of displacements of shape"),
        (np.zeros((13, 17, 2), complex), r"^flow: expected .*received complex128"),
        ("left", r"^flow: expected an array of displacements"),
        (None, r"^flow: expected an array of displacements"),
        (uniform_flow((13, 17), np.nan, 0), r"^flow: expected finite displacements"),
        (uniform_flow((13, 17), 0, np.inf), r"^flow: expected finite displacements"),
    ],
)
def test_what_is_no_flow_is_refused_by_name(flow: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ns.warp(IMAGE, flow)


@pytest.mark.parametrize(
    "function",
    [
        lambda image: ns.warp(image, uniform_flow((13, 17), 0, 0)),
        lambda image: ns.crop(image, (4, 4)),
        lambda image: ns.tile(image, (20, 20)),
    ],
    ids=["warp", "crop", "tile"],
)
def test_what_is_no_image_is_refused_by_name(function: Any) -> None:
    with pytest.raises(TypeError, match="^image: .*255"):
        function((255 * IMAGE).astype(np.uint8))


# Cropping and tiling


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        ((13, 17), slice(0, 13), slice(0, 17)),
        ((5, 7), slice(4, 9), slice(5, 12)),
        ((4, 20), slice(4, 8), slice(0, 17)),
        ((30, 1), slice(0, 13), slice(8, 9)),
        ((99, 99), slice(0, 13), slice(0, 17)),
    ],
)
def test_a_crop_is_the_middle(size: Shape, rows: slice, columns: slice) -> None:
    np.testing.assert_array_equal(ns.crop(IMAGE, size), IMAGE[rows, columns])


@pytest.mark.parametrize("size", [(13, 17), (14, 17), (26, 34), (31, 20), (70, 5), (2, 2)])
def test_tiles_are_mirrored_at_every_seam(size: Shape) -> None:
    tiled = ns.tile(IMAGE, size)
    height, width = max(size[0], 13), max(size[1], 17)
    column = np.concatenate([IMAGE, IMAGE[::-1]] * 3)
    expected = np.concatenate([column, column[:, ::-1]] * 2, axis=1)
    np.testing.assert_array_equal(tiled, expected[:height, :width])
    assert tiled.dtype == np.float32


# The temporal loss

BEFORE = {"input": noise(6, 7, 1)[None].astype(np.float64)}
NOW = {"input": noise(6, 7, 2)[None].astype(np.float64)}
HALF = np.repeat([[1.0] * 4 + [0.0] * 3], 6, axis=0)
SOFT = np.random.default_rng(3).uniform(size=(6, 7))

every_normalization = pytest.mark.parametrize("normalize", ["relative", "mean", "paper"])


@every_normalization
@pytest.mark.parametrize("mask", [None, HALF, SOFT], ids=["none", "half", "soft"])
def test_the_temporal_loss_is_that_of_the_formula(normalize: Any, mask: Any) -> None:
    weights = (np.ones((6, 7)) if mask is None else mask)[None, :, :, None]
    squares = np.sum(weights * np.square(NOW["input"] - BEFORE["input"]))
    expected = {
        "mean": squares / (3 * weights.sum()),
        "paper": squares / (3 * 6 * 7),
        "relative": squares / np.sum(weights * np.square(BEFORE["input"])),
    }
    loss = ns.TemporalLoss(BEFORE, mask, normalize=normalize)
    assert value(loss, NOW) == pytest.approx(expected[normalize], rel=1e-12)


@every_normalization
def test_what_the_mask_hides_does_not_matter(normalize: Any) -> None:
    hidden = {"input": NOW["input"].copy()}
    hidden["input"][:, :, 4:] = 0.77
    before = {"input": BEFORE["input"].copy()}
    before["input"][:, :, 4:] = 0.11
    expected, gradient = value_and_gradient(ns.TemporalLoss(BEFORE, HALF, normalize=normalize), NOW)
    assert expected > 0
    assert np.all(gradient["input"][:, :, 4:] == 0)
    assert np.all(gradient["input"][:, :, :4] != 0)
    for target, now in ((BEFORE, hidden), (before, NOW), (before, hidden)):
        loss = ns.TemporalLoss(target, HALF, normalize=normalize)
        assert value(loss, now) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32, list])
def test_a_mask_may_be_of_any_numbers(kind: Any) -> None:
    mask = HALF.tolist() if kind is list else HALF.astype(kind)
    expected = value(ns.TemporalLoss(BEFORE, HALF), NOW)
    assert value(ns.TemporalLoss(BEFORE, mask), NOW) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((6, 7, 1)), r"shape \(height, width\), received \(6, 7, 1\)"),
        ("all", "array of numbers"),
        (2 * HALF, "numbers from 0 to 1"),
        (-HALF, "numbers from 0 to 1"),
        (np.full((6, 7), np.nan), "numbers from 0 to 1"),
        (np.zeros((6, 7)), "a number above 0 somewhere"),
    ],
)
def test_what_is_no_mask_is_refused_by_name(mask: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^mask: expected .*{message}"):
        ns.TemporalLoss(BEFORE, mask)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^loss 'steady': .*\(1, 6, 7, 3\).*, received \(1, 7, 6"):
        ns.TemporalLoss(BEFORE, name="steady")({"input": noise(7, 6)[None].astype(np.float64)})


def test_only_the_pixels_of_the_target_are_looked_at() -> None:
    with pytest.raises(KeyError, match="target: there is no layer 'input'"):
        ns.TemporalLoss({"a": BEFORE["input"]})


# Films


class Pixels:
    """The extractor without a network, which keeps what is compiled for it."""

    def __init__(self) -> None:
        self.traces: list[Any] = []

    def __call__(self, image: Any) -> dict[str, Any]:
        return {"input": image}


PIXELS = Pixels()


def blend(content: Any, style: Any) -> ns.StyleObjective:
    return ns.StyleObjective(
        ns.ContentLoss(content, "input"),
        ns.CovarianceLoss(style, "input"),
        0.1 * ns.TotalVariationLoss(),
    )


STYLE = 0.4 * noise(32, 32, 9)
QUICK: dict[str, Any] = {"objective": blend, "extractor": PIXELS, "maxiter": 2}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[ns.StyleObjective, Array]]:
    """The objective and start of every call of `minimize`."""
    calls: list[tuple[ns.StyleObjective, Array]] = []
    minimize = ns.minimize

    def noted(objective: Any, extractor: Any, init: Any, **options: Any) -> ns.StyleResult:
        calls.append((objective, np.array(init)))
        return minimize(objective, extractor, init, **options)

    monkeypatch.setattr(painter, "minimize", noted)
    return calls


Runs = list[tuple[ns.StyleObjective, Array]]


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


def test_a_film_is_steadier_than_its_frames_alone(vgg: ns.VGG19Features) -> None:
    recipe = presets.default(
        content_layers="block2_conv1", style_layers="block2_conv1", patch_weight=0
    )
    frames, flows = pan(5, 3)
    options: dict[str, Any] = {"objective": recipe, "extractor": vgg, "maxiter": 12}
    style = noise(32, 40, 9)
    alone = list(ns.stylize_many(frames, style, **options))
    film = list(ns.stylize_frames(frames, style, flows, temporal_weight=10.0, **options))
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
    objective, start = runs[1]
    np.testing.assert_allclose(start[:, :-3], first.image[:, 3:], atol=1e-6)
    np.testing.assert_allclose(start[:, -3:], frames[1][:, -3:], atol=1e-6)
    assert objective.weights["temporal"] == 0.7
    assert list(objective.weights) == ["content", "covariance", "total_variation", "temporal"]
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
    start = runs[1][1][:, :-3]
    np.testing.assert_allclose(start[:10], moved[:10], atol=1e-6)
    np.testing.assert_allclose(start[10:20], content[10:20], atol=1e-6)
    np.testing.assert_allclose(start[25:], (moved + content)[25:] / 2, atol=1e-6)
    changed = {"input": runs[1][1][None].copy()}
    changed["input"][:, 10:20] = 0.9
    held = runs[1][0].terms[-1].loss
    assert value(held, changed) == pytest.approx(value(held, {"input": runs[1][1][None]}), rel=1e-5)


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
    for (objective, start), shape in zip(runs[2:], [(32, 40), (64, 80)], strict=True):
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
    start = runs[1][1]
    np.testing.assert_allclose(start[inside > 0], moved[inside > 0], atol=1e-5)
    content = ns.resize(frames[1], size)
    np.testing.assert_allclose(start[inside == 0], content[inside == 0], atol=1e-5)


def test_a_flow_that_differs_from_place_to_place_is_scaled_too(runs: Runs) -> None:
    frames = [noise(64, 80), noise(64, 80, 1)]
    columns = np.mgrid[:64, :80][1]
    flow = np.stack([20 - 0.5 * columns, np.zeros((64, 80))], axis=-1)
    first, _ = ns.stylize_frames(frames, STYLE, [flow], size=(32, 40), **QUICK)
    # The middle of pixel k is that of the pixels 2 k and 2 k + 1.
    half = np.stack([10 - 0.5 * (np.mgrid[:32, :40][1] + 0.25), np.zeros((32, 40))], axis=-1)
    moved, inside = ns.warp(first.image, half)
    assert inside.all()
    np.testing.assert_allclose(runs[1][1], moved, atol=1e-4)


@pytest.mark.parametrize(
    ("flows", "message"),
    [
        ([], "^flows: expected one for frame 1, received none$"),
        ([None], "^flows: expected one for frame 1, received none$"),
        (
            [uniform_flow((32, 39), 0, 0)],
            r"^flows: .*frame's size \(32, 40\) for frame 1, received \(32, 39\) and \(32, 40\)$",
        ),
        (
            [(uniform_flow((32, 40), 0, 0), np.ones((40, 32)))],
            r"^flows: .*frame's size \(32, 40\) for frame 1, received \(32, 40\) and \(40, 32\)$",
        ),
        ([np.zeros((32, 40))], "^flow: expected an array of displacements"),
        ([uniform_flow((32, 40), np.nan, 0)], "^flow: expected finite displacements"),
        ([(uniform_flow((32, 40), 0, 0), np.full((32, 40), 2.0))], "^mask: .*from 0 to 1"),
        ([(uniform_flow((32, 40), 0, 0), np.full((32, 40), -1.0))], "^mask: .*from 0 to 1"),
    ],
)
def test_what_are_no_flows_is_refused(flows: Any, message: str) -> None:
    frames, _ = pan(2, 3)
    film = ns.stylize_frames(frames, STYLE, flows, **QUICK)
    next(film)
    with pytest.raises(ValueError, match=message):
        next(film)


def test_too_few_flows_are_refused_by_the_number_of_the_frame() -> None:
    frames, flows = pan(4, 3)
    film = ns.stylize_frames(frames, STYLE, flows[:2], **QUICK)
    assert len([next(film) for _ in range(3)]) == 3
    with pytest.raises(ValueError, match="^flows: expected one for frame 3, received none$"):
        next(film)


def test_further_flows_do_not_matter() -> None:
    frames, flows = pan(2, 3)
    assert len(list(ns.stylize_frames(frames, STYLE, flows * 3, **QUICK))) == 2


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
    with pytest.raises(ValueError, match="^temporal_weight: expected a number of at least 0"):
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


def test_a_film_in_luminance_is_worked_on_in_grey() -> None:
    seen = []

    def noted(content: Any, style: Any) -> ns.StyleObjective:
        return ns.StyleObjective(ns.ContentLoss(content, "input"))

    def watch(now: ns.Progress) -> None:
        seen.append(now)

    film = np.random.default_rng(0).uniform(size=(3, 32, 32, 3)).astype(np.float32)
    results = list(
        ns.stylize_frames(
            film[:2],
            film[2],
            [np.zeros((32, 32, 2))],
            objective=noted,
            extractor=lambda image: {"input": image},
            color="luminance",
            maxiter=3,
            callback=watch,
        )
    )
    for result, frame in zip(results, film, strict=False):
        chroma = [p - p @ np.float32([0.299, 0.587, 0.114])[:, None] for p in (result.image, frame)]
        np.testing.assert_allclose(*chroma, atol=1e-5)
    # Held to a colourful picture, a grey one would have a loss that no step removes.
    assert results[1].losses["temporal"] < 0.2


@pytest.mark.parametrize("weight", ["1", True, None])
def test_a_temporal_weight_that_is_no_number_is_refused_at_once(weight: Any) -> None:
    with pytest.raises(TypeError, match="^temporal_weight"):
        ns.stylize_frames([], np.zeros((8, 8, 3)), [], temporal_weight=weight)
