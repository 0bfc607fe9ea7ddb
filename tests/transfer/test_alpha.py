"""What is transparent is left out of what is transferred."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from painting import PIXELS, SHALLOW, Runs, of_pixels
from support import noise

import neuralstyle as ns

LEFT = np.arange(64) < np.full((48, 1), 32)


def with_alpha(image: np.ndarray, alpha: Any, hidden: float = 0.0) -> np.ndarray:
    """Return a picture of four channels, with other colours where it is not seen."""
    share = np.broadcast_to(np.asarray(alpha, np.float32)[..., None], (*image.shape[:2], 1))
    return np.concatenate([np.where(share > 0, image, hidden), share], axis=2).astype(np.float32)


def quick(content: Any, style: Any, **options: Any) -> ns.StyleResult:
    """Run without a network."""
    return ns.stylize(content, style, **{"recipe": of_pixels([]), "network": PIXELS, **options})


@pytest.mark.parametrize("part", ["content", "style", "region"])
def test_colours_that_are_not_seen_do_not_matter_to_the_bit(
    part: str, vgg: ns.VGG16Features
) -> None:
    images = []
    for hidden in (0.0, 1.0):
        content, style = noise(48, 64, 0), noise(48, 64, 1)
        clear = with_alpha(content if part == "content" else style, LEFT, hidden)
        given = (clear, style) if part == "content" else (content, clear)
        options: dict[str, Any] = {"recipe": SHALLOW}
        if part == "region":
            given, options["regions"] = (content, []), [ns.Region(LEFT, clear)]
        images.append(ns.stylize(*given, network=vgg, maxiter=1, scales=1, **options).image)
    assert images[0].shape == (48, 64, 3)
    np.testing.assert_array_equal(*images)


def test_nothing_is_painted_where_the_content_is_transparent() -> None:
    content, style = noise(48, 64, 0), noise(40, 40, 1)
    whole = quick(content, style).image
    result = quick(with_alpha(content, LEFT), style).image
    assert np.abs(result - whole)[~LEFT].max() > 0.05
    # Without a network, the pixels there are as they were filled.
    filled, _ = ns.images.opacity.seen(with_alpha(content, LEFT))
    np.testing.assert_allclose(result[~LEFT], filled[~LEFT], atol=1e-6)
    assert np.abs(result - filled)[LEFT].mean() > 0.005


def test_a_style_is_what_is_seen_of_it() -> None:
    content, style = noise(48, 64, 0), noise(40, 40, 1)
    part = np.zeros((40, 40))
    part[:, 10:30] = 1
    expected = quick(content, style[:, 10:30]).image
    np.testing.assert_allclose(quick(content, with_alpha(style, part)).image, expected, atol=1e-4)
    regions = [ns.Region(np.ones((48, 64)), with_alpha(style, part))]
    np.testing.assert_allclose(quick(content, [], regions=regions).image, expected, atol=1e-4)


def test_terms_weigh_by_what_is_seen_of_the_content(runs: Runs) -> None:
    style = noise(40, 40, 1)
    upper = np.arange(48)[:, None] < np.full(64, 24)
    region = ns.Region(upper, style)
    quick(with_alpha(noise(48, 64, 0), LEFT), [style], regions=[region])
    weights = runs[0].objective.weights
    assert [weights[name] for name in ("covariance", "covariance_1")] == [0.5, 0.25]
    masks = [term.loss.mask for term in runs[0].objective.terms if "cov" in term.name]
    assert masks == [ns.Mask(LEFT), ns.Mask(LEFT & upper)]


def test_contents_of_one_size_have_each_their_own_opacity() -> None:
    content, style = noise(48, 64, 0), noise(40, 40, 1)
    given = [with_alpha(content, LEFT), content, with_alpha(content, ~LEFT)]
    options: dict[str, Any] = {"recipe": of_pixels([]), "network": PIXELS}
    for result, alone in zip(ns.stylize_many(given, style, **options), given, strict=True):
        np.testing.assert_array_equal(result.image, quick(alone, style).image)


def test_colours_are_painted_as_they_are_where_that_is_asked_for() -> None:
    content, style = noise(48, 64, 0), noise(40, 40, 1)
    result = quick(with_alpha(content, LEFT, 0.5), with_alpha(style, 0.5), alpha="paint")
    plain = np.where(LEFT[..., None], content, np.float32(0.5))
    np.testing.assert_array_equal(result.image, quick(plain, style).image)
    assert result.settings["alpha"] == "paint"
    with pytest.raises(ValueError, match="^alpha: expected"):
        quick(content, style, alpha="white")


def test_frames_and_sheets_take_four_channels_too() -> None:
    clear, style = with_alpha(noise(48, 64, 0), LEFT), noise(40, 40, 1)
    options: dict[str, Any] = {"recipe": of_pixels([]), "network": PIXELS}
    film = ns.stylize_frames([clear], style, [], **options)
    np.testing.assert_array_equal(next(film).image, quick(clear, style).image)
    options["recipe"] = lambda: of_pixels([])
    sheet = ns.contact_sheet(clear, style, {"seed": [1]}, size=48, **options)
    assert sheet.shape[2] == 3
