"""What a treatment of colour does before and after a transfer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import Reusable, chroma, luma, muted, noise

import neuralstyle as ns
from neuralstyle.images.color import (
    TREATMENTS,
    ColorTreatment,
    luminance,
    match_color,
    with_luminance,
)

Array = np.ndarray

GREY = np.repeat(muted(3)[..., :1], 3, axis=-1)

PIXELS = Reusable()


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
        muted(0) if content is None else content,
        muted(1) if style is None else style,
        **{
            "objective": objective,
            "network": PIXELS,
            "maxiter": 3,
            "scales": 1,
            **options,
        },
    )
    return result, objective


@pytest.mark.parametrize("name", ["content", "luminance"])
@pytest.mark.parametrize("content", [muted(0), noise(24, 30, 0)], ids=["muted", "garish"])
def test_the_contents_chrominance_comes_back(name: str, content: Array) -> None:
    result, _ = run(content, noise(24, 30, 1), color=name)
    np.testing.assert_allclose(chroma(result.image), chroma(content), atol=1e-6)
    assert np.abs(luma(result.image) - luma(content)).max() > 1e-3
    assert result.settings["color"] == name


@pytest.mark.parametrize("content", [muted(0), noise(24, 30, 0)], ids=["muted", "garish"])
def test_the_contents_luminance_comes_back_where_only_colour_is_wanted(content: Array) -> None:
    result, _ = run(content, noise(24, 30, 1), color="only")
    assert np.abs(luma(result.image) - luma(content)).max() < 1 / 255
    np.testing.assert_allclose(luma(result.image), luma(content), atol=1e-6)
    assert np.abs(chroma(result.image) - chroma(content)).max() > 0.02


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
    styles = [muted(1), muted(2)]
    result, objective = run(style=styles, color=name)
    content, *seen = objective.seen[0]
    np.testing.assert_array_equal(content, muted(0))
    for given, style in zip(styles, seen, strict=True):
        np.testing.assert_allclose(style, match_color(given, content, method), atol=1e-6)
        np.testing.assert_allclose(style.mean((0, 1)), content.mean((0, 1)), atol=1e-5)
        assert np.abs(style - given).max() > 0.01
    plain, _ = run(style=[match_color(style, content, method) for style in styles])
    np.testing.assert_array_equal(result.image, plain.image)


def test_luminance_alone_is_worked_on_where_it_alone_is_wanted() -> None:
    _, objective = run(color="luminance", scales=1)
    content, style = objective.seen[0]
    np.testing.assert_array_equal(content, luminance(muted(0)))
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
        run(muted(0), 0.5 + 0.2 * muted(1), color=grey, init=init)
        np.testing.assert_allclose(np.ptp(seen[-1], axis=-1), 0, atol=1e-5)


@pytest.mark.parametrize("name", ["content", "only"])
def test_what_comes_after_changes_nothing_before(name: str) -> None:
    result, objective = run(color=name)
    plain, before = run()
    for ours, theirs in zip(objective.seen[0], before.seen[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert result.fun == plain.fun
    assert [record.fun for record in result.history] == [record.fun for record in plain.history]
    after = TREATMENTS[name].after
    np.testing.assert_array_equal(result.image, after(plain.image, muted(0)))


def test_no_treatment_changes_nothing() -> None:
    plain, objective = run()
    np.testing.assert_array_equal(objective.seen[0][0], muted(0))
    np.testing.assert_array_equal(objective.seen[0][1], muted(1))
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
                assert np.abs(ns.resize(muted(0), content.shape[:2]) - content).max() < 1e-6
            return np.float32(factor) * image

        return function

    treatment = ColorTreatment(noted("content", 0.5), noted("style", 0.25), noted("after", 0.125))
    result, objective = run(style=muted(1, 20, 22), color=treatment, size=(12, 15))
    assert calls == [
        ("content", [(24, 30, 3)]),
        ("style", [(20, 22, 3), (24, 30, 3)]),
        ("after", [(12, 15, 3), (12, 15, 3)]),
    ]
    content, style = objective.seen[0]
    np.testing.assert_allclose(content, 0.5 * ns.resize(muted(0), (12, 15)), atol=1e-4)
    assert style.mean() == pytest.approx(0.25 * muted(1, 20, 22).mean(), rel=0.05)
    plain, _ = run(np.float32(0.5) * muted(0), 0.25 * muted(1, 20, 22), size=(12, 15))
    np.testing.assert_allclose(result.image, 0.125 * plain.image, atol=1e-6)


def test_treatments_are_put_together_from_their_parts() -> None:
    both = ColorTreatment(style=TREATMENTS["match"].style, after=with_luminance)
    result, objective = run(color=both)
    matched = match_color(muted(1), muted(0))
    np.testing.assert_array_equal(objective.seen[0][1], matched)
    np.testing.assert_array_equal(result.image, run(style=matched, color="only")[0].image)


@pytest.mark.parametrize("name", TREATMENTS)
def test_every_treatment_paints_grey_pictures_and_single_colours(name: str) -> None:
    flat = np.full((24, 30, 3), (0.2, 0.5, 0.7), np.float32)
    for content, style in [(GREY, muted(1)), (muted(0), GREY), (flat, muted(1))]:
        result, _ = run(content, style, color=name, maxiter=1)
        assert np.isfinite(result.image).all()
        assert result.image.min() >= 0 and result.image.max() <= 1


def test_callbacks_see_finished_pictures_at_every_scale() -> None:
    content, style = muted(0, 64, 70), noise(64, 70, 1)
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
        expected = luma(ns.resize(content, picture.shape[:2]))
        np.testing.assert_allclose(luma(picture), expected, atol=1e-6)
    assert seen[0][1].shape == (32, 35, 3)
    np.testing.assert_array_equal(seen[-1][1], result.image)


def test_what_a_halted_run_returns_is_finished_too() -> None:
    def halt(progress: ns.Progress) -> None:
        raise StopIteration

    content = muted(0, 64, 70)
    result, _ = run(content, noise(24, 30, 1), color="only", scales=2, callback=halt)
    assert result.image.shape == (32, 35, 3)
    expected = luma(ns.resize(content, (32, 35)))
    np.testing.assert_allclose(luma(result.image), expected, atol=1e-6)


@pytest.mark.parametrize(("wrong", "error"), [(3, TypeError), ("lab", ValueError)])
def test_what_is_no_treatment_is_refused_by_name(wrong: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="^color: expected"):
        run(color=wrong)


@pytest.mark.parametrize("given", ["match", "only", ColorTreatment()])
def test_a_treatment_without_a_content_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="^color: expected None without a content"):
        ns.stylize(
            None,
            muted(1),
            objective=lambda content, style: ns.CovarianceLoss(style, "input"),
            network=PIXELS,
            color=given,
        )


@pytest.mark.parametrize("padding", [None, "wrap"])
def test_a_treatment_that_looks_around_pixels_is_told_of_a_torus(padding: Any) -> None:
    told: list[dict[str, Any]] = []

    def finish(picture: Any, content: Any, styles: Any, **options: Any) -> Any:
        told.append(options)
        return picture

    network = ns.VGG16Features("compact", padding=padding or "zeros")
    around = ColorTreatment(finish=finish, wraps=True)
    for treatment in (around, ColorTreatment(finish=finish)):
        ns.stylize(
            muted(0, 32, 32),
            muted(1, 20, 20),
            color=treatment,
            network=network,
            objective=lambda c, s: ns.ContentLoss(c, "input"),
            maxiter=1,
            scales=1,
        )
    assert told == [{"wrap": True} if padding else {}, {}]
