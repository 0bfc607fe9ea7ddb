"""The patch loss: values worked by hand, its definition, laws, its search, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from support import Array, from_rows, random_map, to_rows, value, value_and_gradient

import neuralstyle as ns
from neuralstyle.losses import patches


def compare(f: Array, s: Array, normalize: Any = "mean", **options: Any) -> float:
    return value(ns.PatchLoss({"a": s}, "a", normalize=normalize, **options), {"a": f})


def cut(feature: Array, size: int = 3, stride: int = 1) -> Array:
    """Cut a feature map into patches: (patches, entries)."""
    height, width = feature.shape[1:3]
    return np.array(
        [
            feature[0, y : y + size, x : x + size].ravel()
            for y in range(0, height - size + 1, stride)
            for x in range(0, width - size + 1, stride)
        ]
    )


def squares(f: Array, s: Array, size: int = 3, stride: int = 1) -> Array:
    """Compute the squared differences of all patches from their matches."""
    image, style = cut(f, size, stride), cut(s, size, stride)
    cosines = image @ style.T / np.linalg.norm(style, axis=1)
    return (image - style[cosines.argmax(axis=1)]) ** 2


# Values


def test_value_and_gradient_of_two_channels_at_two_positions() -> None:
    f, s = from_rows([[1, 2], [3, 4]]), from_rows([[1, 0], [0, 1]])
    # Both positions are most like (0, 1): they differ by (1, 2) and (2, 3).
    slope = np.array([[2, 4], [4, 6]])
    for normalize, scale in (("paper", 1), ("mean", 1 / 4), ("relative", 1 / 2)):
        loss = ns.PatchLoss({"a": s}, "a", patch_size=1, normalize=normalize)  # type: ignore[arg-type]
        result, gradient = value_and_gradient(loss, {"a": f})
        assert result == pytest.approx(18 * scale, abs=1e-12)
        np.testing.assert_allclose(to_rows(gradient["a"]), slope * scale, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(("shape", "block"), [((9, 12), 300), ((9, 12), 2**20), ((3, 4), 300)])
def test_the_value_is_that_of_the_definition_however_it_is_cut_into_blocks(
    shape: tuple[int, int], size: int, stride: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patches, "BLOCK", block)
    f, s = random_map(0, 7, 8, 3), random_map(1, *shape, 3)
    squared = squares(f, s, size, stride)
    for normalize, expected in {
        "paper": squared.sum(),
        "mean": squared.mean(),
        "relative": squared.mean() / (cut(s, size, stride) ** 2).mean(),
    }.items():
        options = {"patch_size": size, "stride": stride}
        assert compare(f, s, normalize, **options) == pytest.approx(expected, rel=1e-10)


def test_the_gradient_draws_every_position_to_the_mean_of_its_matches() -> None:
    f, s = random_map(0, 6, 7, 3), random_map(1, 5, 8, 3)
    image, style = cut(f), cut(s)
    matches = style[(image @ style.T / np.linalg.norm(style, axis=1)).argmax(axis=1)]
    expected = np.zeros_like(f)
    for number, difference in enumerate(2 * (image - matches)):
        y, x = divmod(number, 5)
        expected[0, y : y + 3, x : x + 3] += difference.reshape(3, 3, 3)
    _, gradient = value_and_gradient(ns.PatchLoss({"a": s}, "a", normalize="paper"), {"a": f})
    np.testing.assert_allclose(gradient["a"], expected, rtol=1e-10, atol=1e-12)


# Laws


def test_a_part_of_the_style_is_at_zero_and_so_is_the_style_in_another_order_of_patches() -> None:
    s = random_map(1, 8, 9, 3)
    assert compare(s[:, 2:6, 3:8], s) == pytest.approx(0, abs=1e-24)
    columns = [0, 1, 2, 6, 7, 8, 3, 4, 5]
    assert compare(s[:, :, columns], s, stride=3) == pytest.approx(0, abs=1e-24)
    assert compare(s[:, :, columns], s) > 0.1


def test_it_depends_on_where_things_are_within_a_patch() -> None:
    f, s = random_map(0, 6, 7, 3), random_map(1, 6, 7, 3)
    assert compare(f[:, ::-1], s) != pytest.approx(compare(f, s), rel=1e-3)
    both = compare(f[:, ::-1], s[:, ::-1])
    assert both == pytest.approx(compare(f, s), rel=1e-10)
    assert compare(f[:, ::-1], s, patch_size=1) == pytest.approx(compare(f, s, patch_size=1))


def test_a_style_beside_another_can_only_offer_more() -> None:
    f, s = random_map(0, 6, 7, 3), random_map(1, 6, 7, 3)
    both = np.concatenate([s, f], axis=2)
    assert compare(f, both) == pytest.approx(0, abs=1e-24)


@pytest.mark.parametrize("normalize", ["relative", "mean", "paper"])
def test_scaling_both_scales_the_loss_by_the_square_and_channels_have_no_order(
    normalize: str,
) -> None:
    f, s = random_map(0, 6, 7, 4), random_map(1, 6, 7, 4)
    before = compare(f, s, normalize)
    factor = 1 if normalize == "relative" else 9
    assert compare(3 * f, 3 * s, normalize) == pytest.approx(factor * before, rel=1e-10)
    order = [2, 0, 3, 1]
    assert compare(f[..., order], s[..., order], normalize) == pytest.approx(before, rel=1e-10)


def test_brightness_does_not_change_the_match() -> None:
    s = random_map(1, 6, 7, 3)
    assert compare(3 * s, s, "relative") == pytest.approx(4, rel=1e-10)


def test_patches_that_are_all_zero_have_a_value_and_no_gradient_that_is_not_finite() -> None:
    s = np.maximum(random_map(1, 6, 7, 3), 0)
    s[:, :3, :3] = 0
    for f in (np.zeros_like(s), s):
        result, gradient = value_and_gradient(ns.PatchLoss({"a": s}, "a"), {"a": f})
        assert result == 0
        np.testing.assert_array_equal(gradient["a"], 0)


# The search


def test_the_products_of_all_pairs_are_never_there_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: list[int] = []

    def noted(*args: Any) -> Any:
        products = patch_products(*args)
        counts.append(products.shape.num_elements())
        return products

    patch_products = patches.patch_products
    monkeypatch.setattr(patches, "patch_products", noted)
    f, s = (np.zeros((1, 80, size, 2), np.float32) for size in (90, 85))
    loss = ns.PatchLoss({"a": s}, "a")
    tf.function(lambda x: loss({"a": x})).get_concrete_function(tf.TensorSpec(f.shape))
    # Traced once, however many times it is gone through, and of a good size.
    assert len(counts) == 1
    assert patches.BLOCK / 3 < counts[0] < 1.1 * patches.BLOCK < 80**4 / 30


def test_the_search_sees_the_same_when_compiled_and_in_a_gradient() -> None:
    f, s = random_map(0, 12, 13, 3), random_map(1, 11, 14, 3)
    loss = ns.PatchLoss({"a": s}, "a")
    eager, compiled = (value_and_gradient(g, {"a": f}) for g in (loss, tf.function(loss)))
    assert eager[0] == pytest.approx(compiled[0], rel=1e-12)
    np.testing.assert_allclose(eager[1]["a"], compiled[1]["a"], rtol=1e-12, atol=1e-15)


@pytest.mark.slow
def test_it_takes_part_in_a_run(
    vgg: ns.VGG16Features, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    content, style = pictures
    loss = ns.PatchLoss(vgg(style), ("block2_conv1", "block3_conv1"), stride=2)
    result = ns.minimize(loss, vgg, init=content, maxiter=5)
    assert result.fun < 0.8 * ns.Evaluator(loss, vgg, content.shape)(content)[0]


# Description and errors


def test_it_is_described_by_its_layers_and_what_is_not_usual() -> None:
    target = {"a": random_map(0, 5, 6, 3)}
    assert repr(ns.PatchLoss(target, "a")) == "PatchLoss(layers='a')"
    assert (
        repr(ns.PatchLoss(target, "a", patch_size=2, stride=3, normalize="paper"))
        == "PatchLoss(layers='a', patch_size=2, stride=3, normalize='paper')"
    )


@pytest.mark.parametrize("argument", ["patch_size", "stride"])
@pytest.mark.parametrize(
    ("given", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError)]
)
def test_a_size_or_stride_below_one_or_not_whole_is_an_error(
    argument: str, given: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=f"^{argument}: expected .*, received {given}"):
        ns.PatchLoss({"a": random_map(0, 5, 6, 3)}, "a", **{argument: given})


def test_features_smaller_than_a_patch_are_a_value_error() -> None:
    small, large = random_map(0, 2, 6, 3), random_map(0, 5, 6, 3)
    with pytest.raises(ValueError, match="target: expected at least 3 x 3 .* received 6 x 2"):
        ns.PatchLoss({"a": small}, "a")
    with pytest.raises(ValueError, match="features: expected at least 3 x 3 .* received 6 x 2"):
        ns.PatchLoss({"a": large}, "a")({"a": small})
