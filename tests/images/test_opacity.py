"""What is transparent is filled from what is seen, and never seen itself."""

from __future__ import annotations

import numpy as np
import pytest

from neuralstyle.images.opacity import opaque, seen


def picture(hidden: float, side: int = 21) -> np.ndarray:
    """A disc of two colours with a soft edge, and what is hidden around it."""
    y, x = np.mgrid[:side, : side + 8] - side // 2
    alpha = np.clip(side / 3 - np.hypot(y, x), 0, 1)[..., None]
    colors = np.where(x[..., None] < 0, (0.8, 0.2, 0.1), (0.1, 0.3, 0.6))
    return np.dstack([np.where(alpha > 0, colors, hidden), alpha]).astype(np.float32)


def test_hidden_colours_are_never_seen_and_opaque_ones_stay_to_the_bit() -> None:
    (image, alpha), (other, _) = seen(picture(0.0)), seen(picture(1.0))
    assert alpha is not None
    np.testing.assert_array_equal(image, other)
    np.testing.assert_array_equal(image[alpha == 1], picture(0.5)[..., :3][alpha == 1])
    np.testing.assert_array_equal(alpha, picture(0.5)[..., 3])
    # The fill is of the colours nearby.
    assert image.min() > 0.09 and image.max() < 0.81
    np.testing.assert_allclose(image[10, 0], (0.8, 0.2, 0.1), atol=0.1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (16, 24)])
def test_one_opaque_pixel_fills_a_picture_of_any_size(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).uniform(size=(*shape, 4)).astype(np.float32)
    image[..., 3] = 0
    image[-1, -1] = (0.2, 0.4, 0.6, 1.0)
    found, _ = seen(image[None])
    np.testing.assert_allclose(found, np.broadcast_to([0.2, 0.4, 0.6], found.shape), atol=1e-6)


def test_an_opaque_picture_is_one_of_three_channels() -> None:
    colors = np.random.default_rng(0).uniform(size=(4, 6, 3)).astype(np.float32)
    for image in (colors, np.dstack([colors, np.ones((4, 6), np.float32)])):
        found, alpha = seen(image)
        assert alpha is None
        np.testing.assert_array_equal(found, colors)
        np.testing.assert_array_equal(opaque(image), colors)


def test_what_is_no_picture_is_refused_by_name() -> None:
    clear = np.zeros((4, 4, 4), np.float32)
    with pytest.raises(ValueError, match="^content: .* not transparent throughout"):
        seen(clear, "content")
    clear[..., 3] = 2
    with pytest.raises(ValueError, match="^content, alpha: expected values in"):
        seen(clear, "content")
    with pytest.raises(ValueError, match="^content: expected shape"):
        seen(np.zeros((4, 4, 2)), "content")
    with pytest.raises(TypeError, match="^content: expected an array of floats"):
        seen(np.zeros((4, 4, 4), np.uint8), "content")
