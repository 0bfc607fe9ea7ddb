"""Colour: what a treatment does before and after a transfer, and its parts."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from skimage.exposure import match_histograms

import neuralstyle as ns
from neuralstyle.images import color
from neuralstyle.images.color import (
    ColorTreatment,
    luminance,
    match_color,
    with_chroma,
    with_luminance,
)

Array = np.ndarray

LINEAR = ("monge-kantorovich", "symmetric", "cholesky")
METHODS = (*LINEAR, "histogram")

every_linear_method = pytest.mark.parametrize("method", LINEAR)
every_method = pytest.mark.parametrize("method", METHODS)


def colours(seed: int, height: int = 24, width: int = 30) -> Array:
    """A picture whose channels go together, well inside the range."""
    random = np.random.default_rng(seed)
    mixing = random.uniform(-1, 1, size=(3, 3)) * (0.03, 0.06, 0.09)
    spread = random.uniform(-1, 1, size=(height, width, 3)) @ mixing.T
    return (random.uniform(0.4, 0.6, size=3) + spread).astype(np.float32)


CUBE = 0.5 + np.array([list(itertools.product((-0.1, 0.1), (-0.2, 0.2), (-0.3, 0.3)))])
"""A picture of eight colours whose channels do not go together at all."""


def full_range(seed: int, height: int = 24, width: int = 30) -> Array:
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


def moments(image: Array) -> tuple[Array, Array]:
    flat = image.reshape(-1, 3).astype(np.float64)
    return flat.mean(0), np.cov(flat.T, bias=True)


def map_of(image: Array, matched: Array) -> Array:
    """Find the matrix that took the colours of one picture to those of the other."""
    before, after = (
        x.reshape(-1, 3).astype(np.float64) - x.mean((0, 1), np.float64) for x in (image, matched)
    )
    matrix, residual, rank, _ = np.linalg.lstsq(before, after, rcond=None)
    assert rank == 3 and np.all(residual < 1e-8)
    return matrix.T


def grey_of(image: Array) -> Array:
    red, green, blue = np.moveaxis(image.astype(np.float64), -1, 0)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def chroma_of(image: Array) -> Array:
    return image.astype(np.float64) - grey_of(image)[..., None]


# Linear maps


@every_linear_method
@pytest.mark.parametrize("size", [(24, 30), (17, 50)])
def test_linear_maps_hit_mean_and_covariance(method: Any, size: tuple[int, int]) -> None:
    reference = colours(1, *size)
    matched = match_color(colours(0), reference, method, clip=False)
    assert matched.shape == (24, 30, 3) and matched.dtype == np.float32
    for ours, wanted in zip(moments(matched), moments(reference), strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-6)


def test_the_three_maps_move_colours_in_the_order_of_the_literature() -> None:
    for seed in range(5):
        image, reference = colours(2 * seed), colours(2 * seed + 1)
        movement = [
            np.mean(np.square(match_color(image, reference, method, clip=False) - image))
            for method in LINEAR
        ]
        assert movement[0] < movement[1] < movement[2]
    assert np.array_equal(match_color(image, reference), match_color(image, reference, LINEAR[0]))


def test_no_rotation_of_a_map_moves_colours_less_than_monge_kantorovich() -> None:
    image, reference = colours(0), colours(1)
    matched = match_color(image, reference, clip=False)
    least = np.mean(np.square(matched - image, dtype=np.float64))
    mean, covariance = moments(reference)
    root = scipy.linalg.sqrtm(covariance)
    for angle, axis in itertools.product((-0.3, -0.03, 0.03, 0.3), np.eye(3)):
        turn = scipy.linalg.expm(angle * np.cross(np.eye(3), axis))
        other = (matched - mean) @ (root @ turn @ np.linalg.inv(root)).T + mean
        np.testing.assert_allclose(moments(other)[1], covariance, atol=1e-6)
        assert np.mean(np.square(other - image)) > least


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (
            "monge-kantorovich",
            lambda a, b, root: (
                np.linalg.inv(root(a)) @ root(root(a) @ b @ root(a)) @ np.linalg.inv(root(a))
            ),
        ),
        ("symmetric", lambda a, b, root: root(b) @ np.linalg.inv(root(a))),
        (
            "cholesky",
            lambda a, b, root: np.linalg.cholesky(b) @ np.linalg.inv(np.linalg.cholesky(a)),
        ),
    ],
)
@pytest.mark.parametrize(
    ("image", "reference"),
    [
        (colours(0), colours(1)),
        (colours(2), colours(3)),
        (CUBE, colours(1)),
        (colours(0), CUBE),
    ],
)
def test_the_map_is_that_of_the_formula(
    method: Any, expected: Any, image: Array, reference: Array
) -> None:
    matrix = map_of(image, match_color(image, reference, method, clip=False))
    wanted = expected(moments(image)[1], moments(reference)[1], scipy.linalg.sqrtm)
    np.testing.assert_allclose(matrix, wanted, atol=1e-4)


@every_method
def test_an_image_that_has_the_colours_keeps_them(method: Any) -> None:
    image = colours(0)
    np.testing.assert_allclose(match_color(image, image, method), image, atol=1e-6)
    turned = image[::-1, ::-1]  # the same colours elsewhere
    np.testing.assert_allclose(match_color(image, turned, method), image, atol=1e-6)


@every_method
def test_matching_again_changes_nothing(method: Any) -> None:
    image, reference = colours(0), colours(1, 31, 40)
    once = match_color(image, reference, method, clip=False)
    twice = match_color(once, reference, method, clip=False)
    np.testing.assert_allclose(twice, once, atol=1e-6 if method in LINEAR else 1e-3)
    assert np.abs(once - image).max() > 0.01


@every_linear_method
def test_the_result_is_clipped_unless_told_otherwise(method: Any) -> None:
    image, reference = colours(0), full_range(1)
    reference[:12] = 1.0
    matched = match_color(image, reference, method, clip=False)
    assert matched.max() > 1.0
    clipped = match_color(image, reference, method)
    np.testing.assert_array_equal(clipped, np.clip(matched, 0, 1))
    assert clipped.dtype == np.float32


GREY = np.repeat(colours(3)[..., :1], 3, axis=-1)
DEGENERATE = {
    "colours": colours(0),
    "grey": GREY,
    "black and white": (GREY > 0.5).astype(np.float32),
    "one colour": np.full((24, 30, 3), (0.2, 0.5, 0.7), np.float32),
    "black": np.zeros((24, 30, 3), np.float32),
    "white": np.ones((24, 30, 3), np.float32),
    "one pixel": np.array([[[0.1, 0.9, 0.4]]], np.float32),
    "two pixels": np.array([[[0.1, 0.9, 0.4], [0.3, 0.2, 0.6]]], np.float32),
}


@every_method
@pytest.mark.parametrize("image", DEGENERATE)
@pytest.mark.parametrize("reference", DEGENERATE)
def test_whatever_colours_are_missing_the_result_is_an_image(
    method: Any, image: str, reference: str
) -> None:
    # Warnings, such as those of a division by zero, are errors here.
    matched = match_color(DEGENERATE[image], DEGENERATE[reference], method)
    assert matched.shape == DEGENERATE[image].shape
    assert np.isfinite(matched).all()
    assert matched.min() >= 0 and matched.max() <= 1
    if "white" not in image and "white" not in reference:  # nothing was clipped
        wanted = DEGENERATE[reference].mean((0, 1))
        np.testing.assert_allclose(matched.mean((0, 1)), wanted, atol=1e-2)


@every_linear_method
def test_a_grey_picture_gets_no_colours_that_vary_but_those_of_its_greys(method: Any) -> None:
    matched = match_color(GREY, colours(1), method, clip=False)
    deviations = matched.reshape(-1, 3) - matched.mean((0, 1))
    values = np.linalg.svd(deviations.astype(np.float64), compute_uv=False)
    assert values[0] > 0.1 and values[1] < 1e-4


@every_linear_method
def test_a_grey_reference_makes_a_grey_picture(method: Any) -> None:
    matched = match_color(colours(0), GREY, method, clip=False)
    np.testing.assert_allclose(np.ptp(matched, axis=-1), 0, atol=1e-5)
    for ours, wanted in zip(moments(matched), moments(GREY), strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-6)


@every_linear_method
def test_directions_that_hardly_vary_are_left_as_they_are(method: Any) -> None:
    random = np.random.default_rng(0)
    brightness = random.uniform(-0.3, 0.3, size=(40, 50, 1))
    across = np.array([1.0, -1.0, 0.0])
    faint = 2e-4 * random.choice([-1.0, 1.0], size=(40, 50, 1)) * across
    image = (0.5 + brightness + faint).astype(np.float32)
    matched = match_color(image, colours(1), method, clip=False)

    design = np.column_stack([brightness.ravel(), np.ones(brightness.size)])
    rest = matched.reshape(-1, 3) - design @ np.linalg.lstsq(design, matched.reshape(-1, 3))[0]
    np.testing.assert_allclose(rest, faint.reshape(-1, 3), atol=4e-5)


# Histograms


def shuffled(seed: int, height: int, width: int) -> Array:
    """A picture without equal values in a channel."""
    random = np.random.default_rng(seed)
    levels = np.linspace(0.1, 0.9, height * width) ** 2
    channels = [random.permutation(levels**power) for power in (1, 0.5, 2)]
    return np.stack(channels, axis=-1).reshape(height, width, 3).astype(np.float32)


def test_histograms_of_images_of_one_size_become_the_references_own() -> None:
    image, reference = full_range(0), shuffled(1, 30, 24)
    matched = match_color(image, reference, "histogram")
    for channel in range(3):
        np.testing.assert_allclose(
            np.sort(matched[..., channel], axis=None),
            np.sort(reference[..., channel], axis=None),
            atol=1e-6,
        )
        order = np.argsort(image[..., channel], axis=None)
        assert np.all(np.diff(matched[..., channel].ravel()[order]) >= 0)


def test_equal_values_get_the_mean_at_their_ranks() -> None:
    image = np.array([0.0, 0.5, 0.5, 1.0])[None, :, None].repeat(3, axis=-1)
    reference = np.array([0.7, 0.1, 0.4, 0.2])[None, :, None].repeat(3, axis=-1)
    matched = match_color(image, reference, "histogram")
    np.testing.assert_allclose(matched[0, :, 1], [0.1, 0.3, 0.3, 0.7], atol=1e-6)


@pytest.mark.parametrize("size", [(24, 30), (9, 7), (50, 41)])
def test_equal_values_stay_equal_and_the_mean_is_kept_at_any_size(size: tuple[int, int]) -> None:
    levels = (np.floor(full_range(0) * 8) / 8).astype(np.float32)
    reference = shuffled(1, *size)
    matched = match_color(levels, reference, "histogram")
    for channel in range(3):
        pairs = np.column_stack([x[..., channel].ravel() for x in (levels, matched)])
        assert len(np.unique(pairs, axis=0)) == len(np.unique(pairs[:, 0])) == 8
    for image in (levels, full_range(2)):
        matched = match_color(image, reference, "histogram")
        np.testing.assert_allclose(
            matched.mean((0, 1), np.float64), reference.mean((0, 1), np.float64), atol=1e-6
        )


@pytest.mark.parametrize("size", [(24, 30), (40, 45)])
def test_histograms_are_about_those_of_another_library(size: tuple[int, int]) -> None:
    image, reference = full_range(0), shuffled(1, *size)
    expected = match_histograms(image, reference, channel_axis=-1)
    matched = match_color(image, reference, "histogram")
    np.testing.assert_allclose(matched, expected, atol=5e-3)


def test_channels_are_matched_each_to_its_own() -> None:
    reference = np.ones((5, 5, 3)) * (0.1, 0.5, 0.9)
    for method in METHODS:
        matched = match_color(full_range(0), reference, method)
        np.testing.assert_allclose(matched, np.broadcast_to((0.1, 0.5, 0.9), (24, 30, 3)), 1e-5)


@pytest.mark.parametrize("method", ["pca", "", None, 3])
def test_what_is_no_method_is_refused_by_name(method: Any) -> None:
    with pytest.raises(ValueError, match="^method: expected one of 'monge-kantorovich', 'cholesk"):
        match_color(colours(0), colours(1), method)


@pytest.mark.parametrize("function", [match_color, with_chroma, with_luminance])
def test_what_is_no_image_is_refused_by_name(function: Any) -> None:
    with pytest.raises(TypeError, match="^image: .*255"):
        function((255 * colours(0)).astype(np.uint8), colours(1))
    with pytest.raises(ValueError, match="^reference: .*255"):
        function(colours(0), 255 * colours(1))


# Luminance and chrominance


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((1, 0, 0), 0.299),
        ((0, 1, 0), 0.587),
        ((0, 0, 1), 0.114),
        ((1, 1, 1), 1.0),
        ((0.5, 0.5, 0.5), 0.5),
        ((0.2, 0.4, 0.6), 0.363),
    ],
)
def test_luminance_is_the_sum_of_the_channels_in_their_shares(
    rgb: tuple[float, ...], expected: float
) -> None:
    grey = luminance(np.array([[rgb]], np.float64))
    assert grey.shape == (1, 1, 3) and grey.dtype == np.float32
    np.testing.assert_allclose(grey, expected, atol=1e-6)


def test_with_chroma_keeps_the_chrominance_and_stays_in_range() -> None:
    image, reference = full_range(0), full_range(1)
    result = with_chroma(image, reference)
    assert result.dtype == np.float32
    assert result.min() >= 0 and result.max() <= 1
    np.testing.assert_allclose(chroma_of(result), chroma_of(reference), atol=1e-6)


def test_with_chroma_takes_the_luminance_or_the_nearest_there_is_room_for() -> None:
    image, reference = full_range(0), full_range(1)
    result = with_chroma(image, reference)
    missed = grey_of(result) - grey_of(image)
    wanted = chroma_of(reference) + grey_of(image)[..., None]
    fits = (wanted.min(-1) >= 0) & (wanted.max(-1) <= 1)
    assert 0.2 < fits.mean() < 0.8
    np.testing.assert_allclose(missed[fits], 0, atol=1e-6)
    too_bright, too_dark = wanted.max(-1) > 1, wanted.min(-1) < 0
    np.testing.assert_allclose(result.max(-1)[too_bright], 1, atol=1e-6)
    np.testing.assert_allclose(result.min(-1)[too_dark], 0, atol=1e-6)


def test_with_luminance_keeps_the_luminance_and_stays_in_range() -> None:
    image, reference = full_range(0), full_range(1)
    result = with_luminance(image, reference)
    assert result.dtype == np.float32
    assert result.min() >= 0 and result.max() <= 1
    np.testing.assert_allclose(grey_of(result), grey_of(reference), atol=1e-6)


def test_with_luminance_weakens_the_chrominance_only_as_far_as_it_must() -> None:
    image, reference = full_range(0), full_range(1)
    result = with_luminance(image, reference)
    before, after = chroma_of(image), chroma_of(result)
    kept = np.sum(before * after, -1) / np.sum(before * before, -1)
    np.testing.assert_allclose(after, kept[..., None] * before, atol=1e-6)  # in the same hue
    assert kept.min() >= 0 and kept.max() <= 1 + 1e-6
    weaker = kept < 1 - 1e-5
    assert 0.2 < weaker.mean() < 0.8
    to_the_limit = np.minimum(result.min(-1), 1 - result.max(-1))
    np.testing.assert_allclose(to_the_limit[weaker], 0, atol=1e-6)
    wanted = before + grey_of(reference)[..., None]
    np.testing.assert_allclose(result[~weaker], wanted[~weaker], atol=1e-5)


@pytest.mark.parametrize("function", [with_chroma, with_luminance])
def test_an_image_with_itself_is_itself(function: Any) -> None:
    image = full_range(0)
    image[0, :3] = [(0, 0, 0), (1, 1, 1), (1, 0, 0)]
    np.testing.assert_allclose(function(image, image), image, atol=1e-6)


@pytest.mark.parametrize("function", [with_chroma, with_luminance])
def test_images_of_two_sizes_are_refused(function: Any) -> None:
    with pytest.raises(ValueError, match=r"^reference: .*\(24, 30, 3\), received \(24, 29, 3\)"):
        function(full_range(0), full_range(1, 24, 29))


# In a run


class Pixels:
    """The extractor without a network, which keeps what is compiled for it."""

    def __init__(self) -> None:
        self.traces: list[Any] = []

    def __call__(self, image: Any) -> dict[str, Any]:
        return {"input": image}


PIXELS = Pixels()


class Objective:
    """Keeps the picture, takes the colours, and notes the pixels that it is made of."""

    def __init__(self) -> None:
        self.seen: list[list[Array]] = []

    def __call__(self, *features: Any) -> ns.StyleObjective:
        self.seen.append([np.asarray(f["input"])[0] for f in features])
        terms: list[Any] = [ns.ContentLoss(features[0], "input"), 0.1 * ns.TotalVariationLoss()]
        terms += [ns.CovarianceLoss(style, "input") for style in features[1:]]
        return ns.StyleObjective(*terms)


def run(content: Any = None, style: Any = None, **options: Any) -> tuple[ns.StyleResult, Objective]:
    objective = Objective()
    result = ns.stylize(
        colours(0) if content is None else content,
        colours(1) if style is None else style,
        **{
            "objective": objective,
            "extractor": PIXELS,
            "maxiter": 3,
            "scales": 1,
            **options,
        },
    )
    return result, objective


@pytest.mark.parametrize("name", ["content", "luminance"])
@pytest.mark.parametrize("content", [colours(0), full_range(0)], ids=["muted", "garish"])
def test_the_contents_chrominance_comes_back(name: str, content: Array) -> None:
    result, _ = run(content, full_range(1), color=name)
    np.testing.assert_allclose(chroma_of(result.image), chroma_of(content), atol=1e-6)
    assert np.abs(grey_of(result.image) - grey_of(content)).max() > 1e-3
    assert result.settings["color"] == name


@pytest.mark.parametrize("content", [colours(0), full_range(0)], ids=["muted", "garish"])
def test_the_contents_luminance_comes_back_where_only_colour_is_wanted(content: Array) -> None:
    result, _ = run(content, full_range(1), color="only")
    assert np.abs(grey_of(result.image) - grey_of(content)).max() < 1 / 255
    np.testing.assert_allclose(grey_of(result.image), grey_of(content), atol=1e-6)
    assert np.abs(chroma_of(result.image) - chroma_of(content)).max() > 0.02


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("match", "monge-kantorovich"),
        ("match-symmetric", "symmetric"),
        ("match-cholesky", "cholesky"),
        ("match-histogram", "histogram"),
    ],
)
def test_the_style_has_the_contents_colours_before(name: str, method: Any) -> None:
    styles = [colours(1), colours(2)]
    result, objective = run(style=styles, color=name)
    content, *seen = objective.seen[0]
    np.testing.assert_array_equal(content, colours(0))
    for given, style in zip(styles, seen, strict=True):
        np.testing.assert_allclose(style, match_color(given, content, method), atol=1e-6)
        np.testing.assert_allclose(style.mean((0, 1)), content.mean((0, 1)), atol=1e-5)
        assert np.abs(style - given).max() > 0.01
    plain, _ = run(style=[match_color(style, content, method) for style in styles])
    np.testing.assert_array_equal(result.image, plain.image)


def test_luminance_alone_is_worked_on_where_it_alone_is_wanted() -> None:
    _, objective = run(color="luminance", scales=1)
    content, style = objective.seen[0]
    np.testing.assert_array_equal(content, luminance(colours(0)))
    np.testing.assert_allclose(np.ptp(style, axis=-1), 0, atol=1e-5)
    np.testing.assert_allclose(style.mean(), content.mean(), atol=1e-5)
    np.testing.assert_allclose(style.std(), content.std(), rtol=1e-3)


def test_the_start_has_the_colours_of_what_is_worked_on() -> None:
    seen: list[Array] = []

    def after(picture: Array, content: Array) -> Array:
        seen.append(picture)
        return picture

    grey = ColorTreatment(content=luminance, style=lambda style, content: luminance(style))
    grey = ColorTreatment(grey.content, grey.style, after)
    for init in ("content", "style"):
        run(colours(0), 0.5 + 0.2 * colours(1), color=grey, init=init)
        np.testing.assert_allclose(np.ptp(seen[-1], axis=-1), 0, atol=1e-5)


@pytest.mark.parametrize("name", ["content", "only"])
def test_what_comes_after_changes_nothing_before(name: str) -> None:
    result, objective = run(color=name)
    plain, before = run()
    for ours, theirs in zip(objective.seen[0], before.seen[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert result.fun == plain.fun
    assert [record.fun for record in result.history] == [record.fun for record in plain.history]
    after = color.TREATMENTS[name].after
    np.testing.assert_array_equal(result.image, after(plain.image, colours(0)))


def test_no_treatment_changes_nothing() -> None:
    plain, objective = run()
    np.testing.assert_array_equal(objective.seen[0][0], colours(0))
    np.testing.assert_array_equal(objective.seen[0][1], colours(1))
    for none in (None, ColorTreatment()):
        np.testing.assert_array_equal(run(color=none)[0].image, plain.image)
    assert plain.settings["color"] is None


def test_a_treatment_of_ones_own_is_three_functions_on_images() -> None:
    calls: list[tuple[str, list[tuple[int, ...]]]] = []

    def noted(name: str, factor: float) -> Any:
        def function(image: Array, content: Array | None = None) -> Array:
            shapes = [image.shape] if content is None else [image.shape, content.shape]
            calls.append((name, shapes))
            if content is not None:
                assert np.abs(ns.resize(colours(0), content.shape[:2]) - content).max() < 1e-6
            return np.float32(factor) * image

        return function

    treatment = ColorTreatment(noted("content", 0.5), noted("style", 0.25), noted("after", 0.125))
    result, objective = run(style=colours(1, 20, 22), color=treatment, size=(12, 15))
    assert calls == [
        ("content", [(24, 30, 3)]),
        ("style", [(20, 22, 3), (24, 30, 3)]),
        ("after", [(12, 15, 3), (12, 15, 3)]),
    ]
    content, style = objective.seen[0]
    np.testing.assert_allclose(content, 0.5 * ns.resize(colours(0), (12, 15)), atol=1e-4)
    assert style.mean() == pytest.approx(0.25 * colours(1, 20, 22).mean(), rel=0.05)
    plain, _ = run(np.float32(0.5) * colours(0), 0.25 * colours(1, 20, 22), size=(12, 15))
    np.testing.assert_allclose(result.image, 0.125 * plain.image, atol=1e-6)


def test_treatments_are_put_together_from_their_parts() -> None:
    both = ColorTreatment(style=color.TREATMENTS["match"].style, after=with_luminance)
    result, objective = run(color=both)
    matched = match_color(colours(1), colours(0))
    np.testing.assert_array_equal(objective.seen[0][1], matched)
    np.testing.assert_array_equal(result.image, run(style=matched, color="only")[0].image)


@pytest.mark.parametrize("name", color.TREATMENTS)
def test_every_treatment_paints_grey_pictures_and_single_colours(name: str) -> None:
    flat = np.full((24, 30, 3), (0.2, 0.5, 0.7), np.float32)
    for content, style in [(GREY, colours(1)), (colours(0), GREY), (flat, colours(1))]:
        result, _ = run(content, style, color=name, maxiter=1)
        assert np.isfinite(result.image).all()
        assert result.image.min() >= 0 and result.image.max() <= 1


def test_callbacks_see_finished_pictures_at_every_scale() -> None:
    content, style = colours(0, 64, 70), full_range(1, 64, 70)
    seen: list[tuple[int, Array]] = []
    result, _ = run(
        content,
        style,
        color="only",
        scales=2,
        maxiter=2,
        callback=lambda progress: seen.append((progress.scale, progress.image)),
    )
    assert [scale for scale, _ in seen] == [0, 0, 1, 1]
    for _, picture in seen:
        expected = grey_of(ns.resize(content, picture.shape[:2]))
        np.testing.assert_allclose(grey_of(picture), expected, atol=1e-6)
    assert seen[0][1].shape == (32, 35, 3)
    np.testing.assert_array_equal(seen[-1][1], result.image)


def test_what_a_halted_run_returns_is_finished_too() -> None:
    def halt(progress: ns.Progress) -> None:
        raise StopIteration

    content = colours(0, 64, 70)
    result, _ = run(content, full_range(1), color="only", scales=2, callback=halt)
    assert result.image.shape == (32, 35, 3)
    expected = grey_of(ns.resize(content, (32, 35)))
    np.testing.assert_allclose(grey_of(result.image), expected, atol=1e-6)


@pytest.mark.parametrize("wrong", [3, True, 0.5, ["match"], match_color])
def test_what_is_no_treatment_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(TypeError, match="^color: expected a name or a ColorTreatment, received"):
        run(color=wrong)


def test_a_treatment_that_does_not_exist_is_refused_by_name() -> None:
    names = "match, match-symmetric, match-cholesky, match-histogram, luminance, content, only"
    with pytest.raises(ValueError, match=f"^color: expected one of {names}, received 'lab'$"):
        run(color="lab")


@pytest.mark.parametrize("given", ["match", "only", ColorTreatment()])
def test_a_treatment_without_a_content_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="^color: expected None without a content"):
        ns.stylize(
            None,
            colours(1),
            objective=lambda content, style: ns.CovarianceLoss(style, "input"),
            extractor=PIXELS,
            color=given,
        )
