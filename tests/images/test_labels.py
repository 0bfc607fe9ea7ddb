"""Label images become pairs of masks."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neuralstyle as ns

RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 1.0)


def painted(numbers: Any, *colors: tuple[float, float, float]) -> np.ndarray:
    return np.array(colors, np.float32)[np.array(numbers)]


def test_labels_become_pairs_of_masks_the_largest_first() -> None:
    numbers = np.array([[0, 0, 1, 2], [2, 2, 2, 1]])
    pairs = ns.label_masks(
        painted(numbers, RED, GREEN, BLUE), painted([[2, 1, 0]], RED, GREEN, BLUE)
    )
    assert [mask.sum() for mask, _ in pairs] == [4, 2, 2]
    found = {tuple(style_mask[0].tolist()): mask for mask, style_mask in pairs}
    for number, place in ((0, 2), (1, 1), (2, 0)):
        np.testing.assert_array_equal(found[tuple(i == place for i in range(3))], numbers == number)
    assert all(mask.dtype == style_mask.dtype == bool for mask, style_mask in pairs)
    np.testing.assert_array_equal(sum(mask.astype(int) for mask, _ in pairs), 1)


def test_colours_that_hardly_differ_are_one() -> None:
    shades = [tuple(np.array(RED) * f) for f in (1.0, 0.97, 0.95)]
    labels = painted([[0, 0, 0, 1, 2, 3]], *shades, BLUE)
    pairs = ns.label_masks(labels, painted([[0, 1]], shades[2], BLUE))
    assert [mask.tolist() for mask, _ in pairs] == [[[True] * 5 + [False]], [[False] * 5 + [True]]]
    assert [style_mask.tolist() for _, style_mask in pairs] == [[[True, False]], [[False, True]]]


def test_a_colour_in_one_alone_is_an_error_that_names_it() -> None:
    both, one = painted([[0, 1]], RED, BLUE), painted([[0]], BLUE)
    message = "^style_labels: expected every colour of content_labels, received none like #ff0000"
    with pytest.raises(ValueError, match=message):
        ns.label_masks(both, one)
    message = "^content_labels: expected every colour of style_labels, received none like #ff0000"
    with pytest.raises(ValueError, match=message):
        ns.label_masks(one, both)
    with pytest.raises(ValueError, match=r"none like #ff0000 \(100 % of the pixels there\)$"):
        ns.label_masks(one, painted([[0]], RED))
    # 17 levels apart are two.
    dark = (238 / 255, 0.0, 0.0)
    with pytest.raises(ValueError, match="none like #ee0000|none like #ff0000"):
        ns.label_masks(painted([[0]], RED), painted([[0]], dark))
    with pytest.raises((TypeError, ValueError), match="^style_labels: expected"):
        ns.label_masks(both, np.zeros((4, 4)))


# As paint programs save them

SPOTS = (RED, GREEN, BLUE, (1.0, 1.0, 0.0), (0.5, 0.5, 0.5))


def spots(order: Any, height: int = 96, width: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Return a label image of round spots with smooth edges on red, and which label is where."""
    y, x = np.mgrid[: 4 * height, : 4 * width] / 4
    numbers = np.zeros(y.shape, int)
    for place, number in enumerate(order):
        row, column = divmod(place, 2)
        numbers[np.hypot(y - (row + 0.5) * height / 2, x - (column + 0.5) * width / 2) < 18] = (
            number
        )
    painted_large = painted(numbers, *SPOTS)
    smooth = painted_large.reshape(height, 4, width, 4, 3).mean(axis=(1, 3))
    return smooth.astype(np.float32), numbers[2::4, 2::4]


def as_jpeg(image: np.ndarray, quality: int) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(np.rint(image * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize(
    "saved",
    [
        lambda image: image,
        lambda image: np.rint(image * 255).astype(np.uint8),
        lambda image: as_jpeg(image, 95),
        lambda image: as_jpeg(image, 75),
        lambda image: ns.load_image(Image.fromarray(np.uint8(image * 255)), max_size=64),
        lambda image: ns.load_image(as_jpeg(image, 75), size=200),
    ],
)
def test_colours_of_edges_and_of_jpeg_go_to_the_nearest_label(
    saved: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="neuralstyle")
    (content, numbers), (style, _) = spots([1, 2, 3, 4]), spots([3, 1, 4, 2])
    given = saved(content)
    pairs = ns.label_masks(given, saved(style))
    assert len(pairs) == 5
    np.testing.assert_array_equal(sum(mask.astype(int) for mask, _ in pairs), 1)
    height, width = pairs[0][0].shape
    rows, columns = np.arange(height) * 96 // height, np.arange(width) * 128 // width
    there = numbers[rows[:, None], columns]
    right = sum(max(np.sum(mask & (there == k)) for k in range(5)) for mask, _ in pairs)
    assert right > 0.95 * there.size
    assert all(mask.any() and of_style.any() for mask, of_style in pairs)
    told = [message for message in caplog.messages if "of the pixels" in message]
    assert [message.split(":")[0] for message in told] == ["content_labels", "style_labels"]


def test_a_label_that_the_other_picture_lacks_is_named_with_its_share() -> None:
    (content, _), (style, _) = spots([1, 2, 3, 4]), spots([1, 2, 3, 3])
    with pytest.raises(ValueError, match=r"^style_labels: .* none like #808080 \(7.93 % of"):
        ns.label_masks(content, as_jpeg(style, 75))


def test_a_thin_line_of_another_colour_is_a_label(tmp_path: Path) -> None:
    labels = painted(np.zeros((64, 64), int), RED, BLUE)
    labels[20:22] = BLUE
    for name in ("content.png", "style.png"):
        ns.save_image(tmp_path / name, labels)
    pairs = ns.label_masks(tmp_path / "content.png", str(tmp_path / "style.png"))
    assert [int(mask.sum()) for mask, _ in pairs] == [62 * 64, 128]


# What is no label picture


def photograph(height: int = 96, width: int = 128) -> np.ndarray:
    """Return a picture with a bright, nearly flat sky above textured ground, as photographs are."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width] / height
    sky = np.stack([0.75 + 0.1 * y, 0.8 + 0.08 * y, 0.9 + 0.02 * x], axis=2)
    ground = 0.4 + 0.25 * np.sin(9 * x * y)[..., None] * (1.0, 0.8, 0.5)
    ground += random.normal(0, 0.08, ground.shape)
    picture = np.where(y[..., None] < 0.5, sky + random.normal(0, 0.004, sky.shape), ground)
    return np.clip(picture, 0, 1).astype(np.float32)


@pytest.mark.parametrize("name", ["content_labels", "style_labels"])
def test_a_photograph_is_refused_with_the_share_and_the_counts(name: str) -> None:
    labels = {"content_labels": spots([1, 2, 3, 4])[0], "style_labels": spots([1, 2, 3, 4])[0]}
    labels[name] = photograph()
    message = (
        rf"^{name}: expected a picture of plain colours, received one of \d{{4,}} colours: "
        r"\d\d(\.\d)? % of the pixels differ by more than 4 levels of 255 from each of its \d+ "
        r"most frequent ones, and at most 60 % may; is it a photograph\?$"
    )
    with pytest.raises(ValueError, match=message):
        ns.label_masks(**labels)


FREE = Path(__file__).parents[3] / "shared/images/free"


@pytest.mark.slow
@pytest.mark.parametrize("size", [85, 256, 1024])
def test_photographs_and_paintings_are_far_from_plain(size: int) -> None:
    pictures = sorted(FREE.glob("*.jpg"))
    if not pictures:
        pytest.skip("there are no photographs in ../shared/images/free")
    for path in pictures:
        image = ns.load_image(path, max_size=size)
        with pytest.raises(ValueError, match=r"(?:[7-9]\d(?:\.\d)?|100) % of the pixels differ"):
            ns.label_masks(image, image)


@pytest.mark.parametrize(("quality", "factor"), [(50, 1), (50, 4), (95, 6)])
def test_label_pictures_saved_and_shrunk_are_plain(quality: int, factor: int) -> None:
    """Of the same shapes, the smaller the picture, the more of it is edges."""
    saved = as_jpeg(spots([1, 2, 3, 4])[0], quality)
    small = ns.load_image(saved, max_size=128 // factor)
    assert len(ns.label_masks(small, small)) >= 5


def test_a_label_of_another_shade_in_each_picture_is_plain() -> None:
    """The middle of a cluster is the most frequent colour of both, which one of them lacks."""
    numbers = np.arange(64).reshape(8, 8) % 8 // 4
    shade = tuple(np.array(RED) * 0.95)
    pairs = ns.label_masks(painted(numbers, RED, RED), painted(numbers[:4], shade, shade))
    assert [mask.mean() for pair in pairs for mask in pair] == [1.0, 1.0]
