"""Regions and label images on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import half_mask

import neuralstyle as ns

pytestmark = pytest.mark.usefixtures("shallow")

Run = Callable[..., int]


def save_mask(name: str, mask: np.ndarray, alpha: bool = False) -> None:
    grey = np.repeat(mask[..., None].astype(np.float32), 3, axis=2)
    if alpha:  # white, on nothing
        ns.save_image(name, np.ones_like(grey), alpha=grey[..., 0])
    else:
        ns.save_image(name, grey)


def assert_same_regions(regions: list[ns.Region], expected: list[ns.Region]) -> None:
    for ours, theirs in zip(regions, expected, strict=True):
        np.testing.assert_array_equal(ours.style, theirs.style)
        assert ours.weight == theirs.weight
        for mask, other in ((ours.mask, theirs.mask), (ours.style_mask, theirs.style_mask)):
            assert (mask is None) == (other is None)
            if mask is not None:
                np.testing.assert_allclose(mask.values, other.values, atol=1e-6)


@pytest.mark.parametrize("alpha", [False, True])
def test_regions_arrive_as_masks_styles_and_weights(
    run: Run, calls: list[dict[str, Any]], alpha: bool
) -> None:
    left, part = half_mask((48, 64)), ~half_mask((40, 56), 5 / 14)
    save_mask("left.png", left, alpha)
    save_mask("right.png", ~left, alpha)
    save_mask("part.png", part, alpha)
    options = ["--region", "left.png", "style.png", "part.png", "0.5"]
    assert run(*options, "--region", "right.png", "content.png", inputs="content.png") == 0
    (call,) = calls
    content, style = ns.load_image("content.png"), ns.load_image("style.png")
    assert call["style"] == []
    assert_same_regions(
        call["regions"], [ns.Region(left, style, part, 0.5), ns.Region(~left, content)]
    )


@pytest.mark.parametrize("inputs", ["content.png style.png", "texture style.png"])
def test_labels_are_regions_of_the_style_with_a_content_or_without(
    run: Run, calls: list[dict[str, Any]], inputs: str
) -> None:
    colors = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], np.float32)
    left, part = half_mask((48, 64)), ~half_mask((40, 56), 5 / 14)
    ns.save_image("a.png", colors[left.astype(int)])
    ns.save_image("b.png", colors[part.astype(int)])
    assert run("--labels", "a.png", "b.png", inputs=inputs) == 0
    (call,) = calls
    assert call["style"] == []
    assert call["contents"][0] is None if "texture" in inputs else len(call["contents"]) == 1
    style = ns.load_image("style.png")
    # The regions are equally large; red is the first of the colours.
    expected = [ns.Region(left, style, part), ns.Region(~left, style, ~part)]
    assert_same_regions(call["regions"], expected)


def test_regions_are_painted(run: Run) -> None:
    save_mask("left.png", half_mask((48, 64)))
    assert run("--region", "left.png", "style.png", "0.5", "--scales", "1") == 0
    about = json.loads(ns.load_metadata("out.png")["neuralstyle"])
    assert about["settings"]["regions"] == [0.5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--region m.png", "--region: expected MASK STYLE [STYLE_MASK] [WEIGHT]"),
        ("--region m.png a b c d", "--region: expected MASK STYLE [STYLE_MASK] [WEIGHT]"),
        ("--region m.png 1", "cannot read '1'"),
        ("--region m.png style.png -1", "--region: WEIGHT: expected a number of at least 0, recei"),
        ("--region m.png style.png m.png -1", "--region: WEIGHT: expected a number of at least 0"),
        ("--region m.png style.png nan", "--region: WEIGHT: expected a number of at least 0, rec"),
        ("--region m.png style.png 1e30", "--region: WEIGHT: expected 0 or a number from 1e-25"),
        (
            "--region m.png style.png 0,5",
            "STYLE_MASK, a picture that is there, or WEIGHT, a number",
        ),
        ("--region m.png style.png m.png 50%", "--region: WEIGHT: expected a number, received '50"),
        ("--region absent.png style.png", "cannot read 'absent.png'"),
        ("--region m.png style.png high.png", "style_mask: expected a mask in the pro"),
        ("--region out.png style.png", "'out.png' would be overwritten"),
        ("--labels m.png out.png", "'out.png' would be overwritten"),
        ("--labels m.png style.png", "--labels OF_STYLE: expected a picture of plain colours, rec"),
        ("--labels m.png black.png", "--labels OF_STYLE: expected every colour of OF_CONTENT"),
        ("--labels m.png m.png --style a b", "expected one STYLE, received 2"),
    ],
)
def test_what_is_no_region_is_refused(
    run: Run, capsys: pytest.CaptureFixture[str], options: str, message: str
) -> None:
    save_mask("m.png", np.tri(48, 64))
    save_mask("black.png", np.zeros((48, 64)))
    save_mask("high.png", np.tri(64, 48))
    for name in ("a", "b"):
        Path(name).write_bytes(Path("style.png").read_bytes())
    inputs = "content.png" if "--style" in options else "content.png style.png"
    assert run(*options.split(), inputs=inputs) == 2
    assert message in capsys.readouterr().err


def test_pictures_arrive_with_their_opacity(run: Run, calls: list[dict[str, Any]]) -> None:
    soft = np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64)
    content = ns.load_image("content.png")
    ns.save_image("soft.png", content, alpha=soft)
    options = ("--alpha", "paint", "--style-scale", "0.5", "1", "--region", "soft.png", "soft.png")
    assert run(*options, inputs="soft.png style.png") == 0
    (call,) = calls
    assert call["alpha"] == "paint" and call["style_scale"] == (0.5, 1.0)
    (picture,), (style,) = call["contents"], call["style"]
    assert picture.dtype == np.float32 and style.shape[2] == 3
    np.testing.assert_allclose(picture[..., 3], soft, atol=1 / 255)
    # Colours are the picture's own, not those on a background, as far as eight bits tell.
    seen = soft > 0.1
    np.testing.assert_allclose(picture[..., :3][seen], content[seen], atol=0.02)
    np.testing.assert_allclose(call["regions"][0].style_mask.values, soft, atol=1 / 255)


def test_a_mask_with_colours_is_painted_by_with_a_warning(
    run: Run, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    save_mask("left.png", half_mask((48, 64)))
    assert run("--region", "content.png", "left.png", inputs="content.png") == 0  # swapped
    assert "--region content.png: expected white, black and grey" in capsys.readouterr().err
    assert run("--region", "left.png", "content.png", inputs="content.png") == 0
    assert "--region" not in capsys.readouterr().err
    assert len(calls) == 2
