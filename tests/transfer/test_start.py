"""Where runs start: names, mixtures, images, files and earlier results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painting import PIXELS, QUICK, STYLE, Noted, Runs, quick, white_noise
from support import chroma, noise

import neuralstyle as ns
from neuralstyle.images.load import read_picture
from neuralstyle.transfer import plan


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        (None, lambda content, style: ns.resize(content, (40, 60))),
        ("content", lambda content, style: ns.resize(content, (40, 60))),
        ("style", lambda content, style: ns.resize(style, (40, 60))),
        ("noise", lambda content, style: white_noise((40, 60), seed=7)),
        (noise(40, 60, 5), lambda content, style: noise(40, 60, 5)),
        (noise(90, 33, 5), lambda content, style: ns.resize(noise(90, 33, 5), (40, 60))),
        (noise(40, 60, 5).astype(np.float64), lambda content, style: noise(40, 60, 5)),
    ],
    ids=["default", "content", "style", "noise", "image", "image of another size", "float64"],
)
def test_a_run_starts_where_it_is_told_to_at_the_coarsest_scale(
    init: Any,
    expected: Callable[[np.ndarray, np.ndarray], np.ndarray],
    runs: Runs,
) -> None:
    content, style = noise(80, 120), noise(40, 40, seed=1)
    quick(content, style, init=init, seed=7)
    np.testing.assert_array_equal(runs[0].start, expected(content, style))


def test_a_run_can_go_on_from_the_result_of_another(runs: Runs) -> None:
    first = quick(scales=1)
    second = quick(scales=1, init=first.image)
    np.testing.assert_array_equal(runs[1].start, first.image)
    assert second.history[0].fun < first.fun
    assert second.settings["init"] == "image"


def test_a_file_to_start_from_is_read_as_large_as_it_is_looked_at(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "start.png"
    ns.save_image(path, noise(700, 300))
    sizes = []

    def read(source: Path, wanted: Callable[[tuple[int, int]], tuple[int, int]]) -> Any:
        sizes.append(wanted((700, 300)))
        return read_picture(source, wanted)

    monkeypatch.setattr(plan, "read_picture", read)
    quick(init=path)
    assert sizes == [(560, 240)]  # twice the longer side of the result
    assert runs[0].start.shape == (40, 60, 3)


def test_every_scale_starts_from_the_enlarged_result_of_the_one_before(runs: Runs) -> None:
    coarse = quick(size=(40, 60), scales=1, init="noise")
    quick(init="noise")
    np.testing.assert_array_equal(runs[2].start, ns.resize(coarse.image, (80, 120)))


def test_a_scale_that_changes_nothing_leaves_the_content_as_sharp_as_it_is(runs: Runs) -> None:
    content = noise(80, 120)
    ns.stylize(
        content,
        noise(40, 40),
        objective=lambda c, s: ns.ContentLoss(c, "input"),
        network=PIXELS,
        scales=2,
        maxiter=2,
    )
    assert len(runs) == 2
    np.testing.assert_allclose(runs[1].start, content, atol=1e-6)


@pytest.mark.parametrize(
    ("init", "kind"),
    [
        ("random", ValueError),
        ("", ValueError),
        (noise(40, 40) * 255, ValueError),
        (np.zeros((40, 40, 3), np.uint8), TypeError),
        (5, TypeError),
    ],
)
def test_what_is_no_start_is_refused_by_name(init: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="^init"):
        quick(init=init)


@pytest.mark.parametrize(
    ("init", "shares"),
    [
        ({"content": 0.75, "noise": 0.25}, (0.75, 0, 0.25)),
        ({"content": 3, "noise": 1}, (0.75, 0, 0.25)),
        ({"style": 1, "content": 1, "noise": 2}, (0.25, 0.25, 0.5)),
        ({"style": 5}, (0, 1, 0)),
        ({"content": 0, "noise": 2}, (0, 0, 1)),
    ],
)
def test_a_start_may_be_a_mixture(
    init: Any, shares: tuple[float, float, float], runs: Runs
) -> None:
    content = noise(64, 80)
    result = ns.stylize(content, [STYLE, 1 - STYLE], init=init, seed=5, scales=2, **QUICK)
    parts = (ns.resize(content, (32, 40)), ns.resize(STYLE, (32, 40)), white_noise((32, 40), 5))
    expected = sum(share * part for share, part in zip(shares, parts, strict=True))
    np.testing.assert_allclose(runs[0].start, expected, atol=1e-6)
    assert runs[0].start.dtype == np.float32
    assert result.settings["init"] == init


@pytest.mark.parametrize(
    ("init", "kind", "message"),
    [
        ("a/photo.jpg", ValueError, r"a file is written pathlib.Path\('a/photo.jpg'\)$"),
        ({"photo": 1}, ValueError, "received 'photo'"),
        ({"content": 1, "dust": 1}, ValueError, "received 'dust'"),
        ({"content": "1"}, TypeError, "for 'content'"),
        ({"content": True}, TypeError, "for 'content'"),
        ({"content": 1, "noise": -1}, ValueError, "for 'noise'"),
        ({"content": float("nan")}, ValueError, "for 'content'"),
        ({"content": float("inf")}, ValueError, "for 'content'"),
        ({"content": 0, "noise": 0}, ValueError, "share above 0"),
        ({}, ValueError, "share above 0"),
    ],
)
def test_what_is_no_mixture_is_refused_by_name(
    init: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f"^init.*{message}"):
        ns.stylize(noise(32, 40), STYLE, init=init, **QUICK)


def test_a_mixture_without_a_style_is_refused() -> None:
    with pytest.raises(ValueError, match="^init: .*that there is, received 'style'"):
        ns.stylize(noise(32, 40), [], init={"style": 1, "noise": 1}, **QUICK)


def test_a_start_may_be_a_file(tmp_path: Path, runs: Runs) -> None:
    path = tmp_path / "start.png"
    ns.save_image(path, noise(20, 30, 5))
    result = ns.stylize(noise(32, 48), STYLE, init=path, **QUICK)
    np.testing.assert_array_equal(runs[0].start, ns.resize(ns.load_image(path), (32, 48)))
    assert result.settings["init"] == "image"
    with pytest.raises(FileNotFoundError, match="none.png"):
        ns.stylize(noise(32, 48), STYLE, init=tmp_path / "none.png", **QUICK)


LARGE = noise(128, 160)


STEPS: dict[str, Any] = {"objective": Noted(), "network": PIXELS, "maxiter": [3, 2]}


def test_a_small_result_is_gone_on_from_at_a_larger_size(runs: Runs) -> None:
    small = ns.stylize(LARGE, STYLE, **{**STEPS, "size": (64, 80), "maxiter": 3})
    large = ns.stylize(LARGE, STYLE, init=small, **STEPS)
    assert large.settings["shapes"] == [(128, 160)]
    assert large.settings["maxiter"] == [2]
    assert large.settings["init"] == "image"
    assert large.nit == 2
    # As a run through both sizes does it.
    whole = ns.stylize(LARGE, STYLE, **STEPS)
    np.testing.assert_array_equal(runs[1].start, runs[3].start)
    np.testing.assert_array_equal(large.image, whole.image)
    detail = runs[1].start - ns.resize(small.image, (128, 160))
    assert np.abs(detail).max() > 0.1


def test_a_result_from_noise_is_only_enlarged(runs: Runs) -> None:
    small = ns.stylize(LARGE, STYLE, init="noise", **{**STEPS, "size": (64, 80), "maxiter": 3})
    ns.stylize(LARGE, STYLE, init=small, **STEPS)
    np.testing.assert_array_equal(runs[1].start, ns.resize(small.image, (128, 160)))


def test_an_image_gets_the_colours_that_the_content_is_given(runs: Runs) -> None:
    ns.stylize(LARGE, STYLE, init=noise(64, 80, 3), color="luminance", **STEPS)
    np.testing.assert_allclose(chroma(runs[0].start), 0, atol=1e-6)


def test_an_image_is_only_enlarged(runs: Runs) -> None:
    image = noise(64, 80, 3)
    result = ns.stylize(LARGE, STYLE, init=image, **STEPS)
    assert result.settings["shapes"] == [(128, 160)]
    np.testing.assert_array_equal(runs[0].start, ns.resize(image, (128, 160)))


def test_from_a_result_of_the_same_size_only_that_size_is_worked_at(runs: Runs) -> None:
    first = ns.stylize(LARGE, STYLE, **{**STEPS, "maxiter": 2, "scales": 1})
    second = ns.stylize(LARGE, STYLE, init=first, **STEPS)
    assert second.settings["shapes"] == [(128, 160)]
    np.testing.assert_array_equal(runs[1].start, first.image)


def test_from_a_larger_image_only_the_size_asked_for_is_worked_at(runs: Runs) -> None:
    image = noise(200, 250, 3)
    result = ns.stylize(LARGE, STYLE, init=image, **STEPS)
    assert result.settings["shapes"] == [(128, 160)]
    np.testing.assert_array_equal(runs[0].start, ns.resize(image, (128, 160)))


def test_from_a_result_below_the_coarsest_scale_every_scale_is_worked_at() -> None:
    first = ns.stylize(LARGE, STYLE, **{**STEPS, "size": 40, "maxiter": 2})
    second = ns.stylize(LARGE, STYLE, init=first, **STEPS)
    assert second.settings["shapes"] == [(64, 80), (128, 160)]
    assert second.settings["maxiter"] == [3, 2]


def test_scales_that_are_asked_for_are_worked_at_from_an_image_too(runs: Runs) -> None:
    image = noise(64, 80, 3)
    result = ns.stylize(LARGE, STYLE, init=image, scales=2, **STEPS)
    assert result.settings["shapes"] == [(64, 80), (128, 160)]
    np.testing.assert_array_equal(runs[0].start, image)
