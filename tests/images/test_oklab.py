"""OkLab, and the chrominance of a content mapped to that of a style."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import muted, noise, picture, says

import neuralstyle as ns
from neuralstyle.images.color import from_oklab, to_oklab, with_mapped_chroma
from neuralstyle.images.oklab import guided_filter


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((1.0, 1.0, 1.0), (1.0, 0.0, 0.0)),
        ((0.5, 0.5, 0.5), (0.5982, 0.0, 0.0)),
        ((1.0, 0.0, 0.0), (0.62796, 0.22486, 0.12585)),
        ((0.0, 1.0, 0.0), (0.86644, -0.23389, 0.17950)),
        ((0.0, 0.0, 1.0), (0.45201, -0.03246, -0.31153)),
        ((0.02, 0.02, 0.02), (0.02**1 / 12.92, 0.0, 0.0)),
    ],
)
def test_colours_are_where_their_author_puts_them(
    stored: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    if stored[0] == 0.02:  # of the straight part of the transfer function
        expected = (np.cbrt(expected[0]), 0.0, 0.0)
    np.testing.assert_allclose(to_oklab(np.array(stored)), expected, atol=2e-5)


def test_there_and_back_is_the_same() -> None:
    image = noise(20, 30).astype(np.float64)
    image[:2] *= 0.04
    np.testing.assert_allclose(from_oklab(to_oklab(image)), image, atol=1e-9)
    outside = np.array([[-0.3, 1.4, 0.2], [1e-9, 0.0, 1.0]])
    np.testing.assert_allclose(from_oklab(to_oklab(outside)), outside, atol=1e-9)
    assert to_oklab(image.astype(np.float32)).dtype == np.float64


def test_what_is_no_colour_is_refused() -> None:
    with says(ValueError, "image: expected shape", "received .*4"):
        to_oklab(np.zeros((2, 4)))
    with says(TypeError, "colors: expected an array of floats"):
        from_oklab(np.zeros(3, int))


# The guided filter


def test_a_flat_guide_makes_a_mean_and_a_steep_one_keeps_its_edges() -> None:
    values = np.random.default_rng(0).normal(size=(12, 15, 2))
    flat = guided_filter(values, np.full((12, 15), 0.4), 1, 1e-3)

    assert flat.std() < values.std() / 3
    edge = np.repeat([[0.0] * 8 + [1.0] * 7], 12, axis=0)
    kept = guided_filter(np.stack([2 - 3 * edge], axis=-1), edge, 3, 1e-9)
    np.testing.assert_allclose(kept[..., 0], 2 - 3 * edge, atol=1e-6)


def test_a_constant_stays_and_means_of_means_are_what_is_left_of_a_spot() -> None:
    guide = noise(9, 9)[..., 0].astype(np.float64)
    np.testing.assert_allclose(guided_filter(np.full((9, 9, 1), 0.7), guide, 2, 1e-3), 0.7)
    spot = np.zeros((9, 9, 1))
    spot[4, 4] = 1
    smooth = guided_filter(spot, np.zeros((9, 9)), 1, 1e-3)
    assert smooth[4, 4, 0] == pytest.approx(1 / 9)  # the mean of nine means of 1/9
    assert smooth[2, 2, 0] == pytest.approx(1 / 81)


# Chrominance


def test_the_result_has_the_pictures_lightness_and_the_styles_chrominance() -> None:
    content = muted(3, 60, 80)
    smooth = np.full((60, 80, 3), 0.5, np.float32)  # a guide without edges, whose filter is a mean
    style = picture(5, (50, 40)) * 0.2 + 0.4
    result = to_oklab(with_mapped_chroma(smooth, content, [style]))
    wanted = to_oklab(style)
    np.testing.assert_allclose(result[..., 0], to_oklab(smooth)[0, 0, 0], atol=1e-3)
    np.testing.assert_allclose(
        result[..., 1:].mean((0, 1)), wanted[..., 1:].mean((0, 1)), atol=3e-3
    )
    for c in range(3):
        assert wanted[..., c].min() - 1e-3 <= result[..., c].min()
        assert result[..., c].max() <= wanted[..., c].max() + 1e-3


def test_the_covariance_is_the_styles_where_colours_do_not_vary_from_pixel_to_pixel() -> None:
    content = ns.resize(muted(3, 4, 4), (128, 128))
    style = muted(4, 30, 30)
    result = to_oklab(with_mapped_chroma(content, content, [style]))[..., 1:].reshape(-1, 2)
    wanted = np.cov(to_oklab(style)[..., 1:].reshape(-1, 2).T)
    np.testing.assert_allclose(np.cov(result.T), wanted, atol=0.15 * np.abs(wanted).max())


def test_a_grey_content_gets_the_styles_mean_colour() -> None:
    grey = np.repeat(noise(20, 20)[..., :1], 3, axis=-1)
    result = to_oklab(with_mapped_chroma(np.full_like(grey, 0.5), grey, [muted(1)]))
    mean = to_oklab(muted(1))[..., 1:].mean((0, 1))
    np.testing.assert_allclose(result[..., 1:] - mean, 0, atol=1e-4)


def test_styles_count_by_their_pixels() -> None:
    image, content = picture(0), picture(1)
    a, b = muted(1, 20, 20), muted(2, 20, 20)
    both = with_mapped_chroma(image, content, [a, b])
    np.testing.assert_array_equal(both, with_mapped_chroma(image, content, [np.vstack([a, b])]))
    np.testing.assert_array_equal(image, with_mapped_chroma(image, content, []))


def test_the_chrominance_that_is_mapped_is_the_pictures_or_the_contents() -> None:
    image, content, styles = picture(0), picture(1), [muted(2)]
    for name, reference in (("oklab", image), ("oklab-content", content)):
        treated = ns.color.TREATMENTS[name].finish(image, content, styles)
        np.testing.assert_array_equal(treated, with_mapped_chroma(image, reference, styles))


def test_content_and_picture_are_of_one_size() -> None:
    with says(ValueError, "reference: expected an image of the same shape"):
        with_mapped_chroma(noise(8, 8), noise(8, 9), [noise(8, 8)])


def test_what_is_no_list_of_styles_is_refused() -> None:
    image = noise(8, 8)
    for given in (image, None, np.stack([image, image])):
        with says(TypeError, "styles: expected a list of images, received"):
            with_mapped_chroma(image, image, given)


@pytest.mark.parametrize("convert", [to_oklab, from_oklab])
def test_what_is_not_finite_is_refused(convert: Any) -> None:
    with says(ValueError, "expected finite values, received 2"):
        convert(np.array([0.5, np.nan, np.inf]))


@pytest.mark.parametrize("name", ["oklab", "oklab-content"])
def test_a_torus_is_treated_alike_wherever_it_is_cut(name: str) -> None:
    finish = ns.color.TREATMENTS[name].finish

    def turned(image: Any) -> Any:
        return np.roll(image, (90, 70), (0, 1))

    image, content, styles = picture(0, (200, 210)), picture(1, (200, 210)), [muted(2)]
    whole = finish(image, content, styles, wrap=True)
    cut = finish(turned(image), turned(content), styles, wrap=True)
    np.testing.assert_allclose(turned(whole), cut, atol=1e-5)
    assert np.abs(turned(finish(image, content, styles)) - cut).max() > 0.01
