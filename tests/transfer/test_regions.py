"""Regions of a picture with styles of their own."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from keras import ops
from painting import PIXELS, STYLE, Runs
from support import noise, pixels

import neuralstyle as ns
from neuralstyle import recipes

LEFT = np.arange(64) < np.full((48, 1), 32)


def stripes(across: bool, color: tuple[float, float, float]) -> np.ndarray:
    """A style: stripes of 4 pixels, in grey and a colour."""
    rows = np.arange(48)[:, None] if across else np.arange(48)[None, :]
    return np.where((rows // 4 % 2 == 0)[..., None], color, (0.5, 0.5, 0.5)).astype(
        np.float32
    ) * np.ones((48, 48, 1), np.float32)


Seen = list[tuple[Any, ...]]


def noting(seen: Seen) -> recipes.Recipe:
    """A recipe without a network, that notes what it is called with."""

    def style(content: Any, style: Any, mask: Any = None, target_mask: Any = None) -> Any:
        seen.append((tuple(content["input"].shape[1:3]), style["input"], mask, target_mask))
        loss = ns.CovarianceLoss(style, "input", mask=mask, target_mask=target_mask, name="style")
        return [2.0 * loss]

    def content(features: Any) -> Any:
        return [0.1 * ns.ContentLoss(features, "input")]

    return recipes.Recipe("mine", content, style, maxiter=(2,))


def quick(content: Any, style: Any, regions: Any, **options: Any) -> ns.StyleResult:
    """A run without a network."""
    settings = {"network": PIXELS, **options}
    if "objective" not in options:
        settings.setdefault("recipe", noting([]))
    return ns.stylize(content, style, regions=regions, **settings)


def test_each_region_takes_on_its_own_style(
    vgg: ns.VGG16Features, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    styles = stripes(True, (0.9, 0.2, 0.1)), stripes(False, (0.1, 0.2, 0.9))
    regions = [ns.Region(LEFT, styles[0]), ns.Region(~LEFT, styles[1])]
    result = ns.stylize(pictures[0], [], regions=regions, network=vgg, maxiter=25, scales=1)
    layers = ("block1_conv1", "block2_conv1", "block3_conv1")

    def distances(image: np.ndarray) -> np.ndarray:
        """Return how far each region (row) is from each style (column)."""
        features = vgg(image)
        return np.array(
            [
                [float(ns.CovarianceLoss(vgg(s), layers, mask=mask)(features)) for s in styles]
                for mask in (LEFT, ~LEFT)
            ]
        )

    before, after = distances(pictures[0]), distances(result.image)
    for region in (0, 1):
        assert after[region, region] < 0.4 * before[region, region]
        assert after[region, region] < 0.4 * after[region, 1 - region]


def test_a_region_that_is_everywhere_is_a_style_to_the_bit(
    vgg: ns.VGG16Features, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    content, style = pictures
    options: dict[str, Any] = {"network": vgg, "maxiter": 3}
    region = ns.Region(np.ones(content.shape[:2]), style, np.ones(style.shape[:2]))
    expected = ns.stylize(content, style, **options)
    result = ns.stylize(content, [], regions=[region], **options)
    np.testing.assert_array_equal(result.image, expected.image)
    assert result.losses == expected.losses


def test_a_part_of_a_painting_is_a_smaller_painting() -> None:
    content, style = noise(48, 64, 0), noise(40, 40, 1)
    part = np.zeros((40, 40))
    part[:, 10:30] = 1
    masked = quick(content, [], [ns.Region(LEFT, style, part)])
    cropped = quick(content, [], [ns.Region(LEFT, style[:, 10:30])])
    np.testing.assert_allclose(masked.image, cropped.image, atol=1e-4)
    assert np.abs(masked.image - quick(content, [], [ns.Region(LEFT, style)]).image).max() > 1e-3
    # Without a network, pixels outside have nothing to do with the region.
    np.testing.assert_array_equal(masked.image[~LEFT], content[~LEFT])


def test_regions_come_on_top_of_a_style_and_weigh_by_their_share(runs: Runs) -> None:
    style = noise(40, 40, 1)
    quarter = np.zeros((48, 64))
    quarter[:24, :32] = 1
    regions = [
        ns.Region(LEFT, style),
        ns.Region(quarter, style, None, 3),
        ns.Region(quarter, style, None, 0),
    ]
    result = quick(noise(48, 64, 0), [style, style], regions, style_weights=[3, 1])
    assert runs[0].objective.weights == pytest.approx(
        {"content": 0.1, "style": 1.5, "style_1": 0.5, "style_2": 1.0, "style_3": 1.5}
    )
    assert result.settings["regions"] == [1.0, 3.0, 0.0]
    masks = [getattr(term.loss, "mask", None) for term in runs[0].objective.terms]
    assert masks == [None, None, None, ns.Mask(LEFT), ns.Mask(quarter)]


def test_a_region_pulls_on_its_pixels_as_a_style_of_the_whole_picture() -> None:
    image = np.full((1, 48, 64, 3), 0.25, np.float32)
    target = {"input": noise(40, 40, 1)[None]}

    def pull(mask: Any, share: float) -> float:
        objective = share * ns.CovarianceLoss(target, "input", mask=mask)
        _, gradient = ns.Evaluator(objective, pixels, (48, 64))(image[0])
        return float(gradient.reshape(48, 64, 3)[0, 0, 0])

    assert pull(LEFT, 0.5) == pytest.approx(pull(None, 1.0), rel=1e-5)


@pytest.mark.parametrize("fit", [None, "crop", "tile"])
@pytest.mark.parametrize("size", [(48, 64), (24, 32)])
def test_masks_go_through_what_their_pictures_go_through(fit: Any, size: tuple[int, int]) -> None:
    style = noise(80, 60, 1)
    part = np.random.default_rng(2).uniform(size=(80, 60))
    seen: Seen = []
    recipe = noting(seen)
    mask = ns.Mask(np.tri(48, 64), "inside")
    options: dict[str, Any] = {"style_fit": fit, "style_scale": 1.25, "recipe": recipe}
    quick(noise(48, 64, 0), [], [ns.Region(mask, style, part)], size=size, scales=2, **options)
    assert [shape for shape, *_ in seen] == [(size[0] // 2, size[1] // 2), size][-len(seen) :]
    for shape, painting, at_scale, target_mask in seen:
        np.testing.assert_allclose(at_scale.values, ns.resize(mask.values, shape, "mean"))
        assert at_scale.propagation == "inside"
        assert target_mask.values.shape == painting.shape[1:3]
    # A mask that is one of the painting's channels stays so, but for the filters.
    whole = np.stack([style[..., 0]] * 3, axis=2)
    seen.clear()
    quick(
        noise(48, 64, 0),
        [],
        [ns.Region(LEFT, whole, style[..., 0])],
        size=size,
        scales=1,
        **options,
    )
    ((_, painting, _, target_mask),) = seen
    difference = target_mask.values - np.asarray(painting)[0, ..., 0]
    assert np.sqrt(np.mean(difference**2)) < 0.1


def test_masks_may_have_another_size_and_regions_fill_a_texture() -> None:
    style = noise(40, 40, 1)
    recipe = recipes.Recipe("no content", lambda c: [], noting([]).style, init="noise")
    texture = quick(None, [], [ns.Region(LEFT, style)], recipe=recipe, maxiter=2)
    assert texture.image.shape == (48, 64, 3)
    large = np.kron(LEFT, np.ones((3, 3)))
    content = noise(48, 64, 0)
    np.testing.assert_allclose(
        quick(content, [], [ns.Region(large, style)]).image,
        quick(content, [], [ns.Region(LEFT, style)]).image,
    )


def test_many_contents_of_one_shape_have_the_same_regions() -> None:
    contents = [noise(48, 64, 0), noise(48, 64, 1), noise(64, 48, 2)]
    style = noise(40, 40, 3)
    options: dict[str, Any] = {"recipe": noting([]), "network": PIXELS, "maxiter": 2}
    results = ns.stylize_many(contents, [], regions=[ns.Region(LEFT, style)], **options)
    for content in contents[:2]:
        alone = ns.stylize(content, [], regions=[ns.Region(LEFT, style)], **options)
        np.testing.assert_array_equal(next(results).image, alone.image)
    with pytest.raises(
        ValueError, match=r"^regions\[0\], mask: expected a mask in the proportions"
    ):
        next(results)


def test_colours_of_a_regions_style_are_treated() -> None:
    seen: Seen = []
    content, style = noise(48, 64, 0) / 4, noise(48, 48, 1)
    quick(content, [], [ns.Region(LEFT, style)], recipe=noting(seen), color="match")
    ((_, painting, _, _),) = seen
    np.testing.assert_allclose(ops.mean(painting, (0, 1, 2)), content.mean((0, 1)), atol=0.01)


def test_a_recipe_need_not_know_of_masks_where_there_are_none() -> None:
    recipe = recipes.Recipe("plain", lambda c: [], lambda c, s: [ns.StyleLoss(s, "input") * 1])
    assert quick(noise(48, 64, 0), noise(40, 40, 1), None, recipe=recipe, maxiter=2).nit


@pytest.mark.parametrize(
    ("region", "error", "message"),
    [
        ((None, STYLE), TypeError, "mask: expected a mask, received None"),
        (("sky", STYLE), OSError, "mask: cannot read 'sky'"),
        ((LEFT * 2, STYLE), ValueError, "mask: expected numbers from 0 to 1"),
        ((LEFT, None), TypeError, "style: expected"),
        ((LEFT, STYLE * 3), ValueError, "style: expected"),
        ((LEFT, STYLE, STYLE), ValueError, "style_mask: expected"),
        ((LEFT, STYLE, LEFT), ValueError, "style_mask: expected a mask in the proportions"),
        ((LEFT, STYLE, None, "2"), TypeError, "weight: expected a number"),
        ((LEFT, STYLE, None, True), TypeError, "weight: expected a number"),
        ((LEFT, STYLE, None, -1), ValueError, "weight: expected a number"),
        ((LEFT, STYLE, None, np.inf), ValueError, "weight: expected a number"),
    ],
)
def test_a_region_is_checked_when_it_is_made(
    region: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        ns.Region(*region)


@pytest.mark.parametrize(
    ("regions", "error", "message"),
    [
        (LEFT, TypeError, "regions: expected a sequence of Region, received"),
        (ns.Region(LEFT, STYLE), TypeError, "regions: expected a sequence of Region, received Reg"),
        ([LEFT], TypeError, "regions[0]: expected a Region, received ndarray"),
        (
            [ns.Region(LEFT, STYLE), (LEFT, STYLE)],
            TypeError,
            "regions[1]: expected a Region, received tuple; since version 0.2 write "
            "ns.Region(mask, style, style_mask=None, weight=1.0)",
        ),
        (
            [ns.Region(LEFT.T, STYLE)],
            ValueError,
            "regions[0], mask: expected a mask in the proportions",
        ),
    ],
)
def test_what_are_no_regions_is_refused_by_name(
    regions: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        quick(noise(48, 64, 0), [], regions)


def test_a_region_says_in_a_line_what_it_is() -> None:
    region = ns.Region(LEFT, STYLE, np.ones(STYLE.shape[:2]), 0.5)
    assert repr(region) == (
        "Region(mask=Mask(shape=(48, 64)), style=array(shape=(36, 30, 3)), "
        "style_mask=Mask(shape=(36, 30)), weight=0.5)"
    )
    assert region.share == 0.25


def test_a_region_that_vanishes_is_an_error_that_names_it(
    vgg: ns.VGG16Features, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    content, style = pictures
    dot = np.zeros(content.shape[:2])
    dot[10:12, 10:12] = 1

    def sorting(content: Any, style: Any, **masks: Any) -> list[ns.StyleObjective]:
        return [1.0 * ns.SlicedWassersteinLoss(style, "block3_conv1", **masks)]

    recipe = dataclasses.replace(recipes.default(), style=sorting)
    options: dict[str, Any] = {"recipe": recipe, "network": vgg, "maxiter": 2}
    with pytest.raises(ValueError, match=r"^regions\[1\], mask: .*left at layer 'block3_conv1'"):
        ns.stylize(content, [], regions=[ns.Region(LEFT, style), ns.Region(dot, style)], **options)
    dot = np.zeros(style.shape[:2])
    dot[10:12, 10:12] = 1
    with pytest.raises(ValueError, match=r"^regions\[0\], style_mask: .*left at layer 'block"):
        ns.stylize(content, [], regions=[ns.Region(LEFT, style, dot)], **options)


def test_a_region_that_vanishes_at_a_scale_is_painted_at_those_where_it_does_not(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="neuralstyle")
    line = np.zeros((96, 128))
    line[20] = 1

    def style(content: Any, style: Any, **masks: Any) -> list[ns.StyleObjective]:
        return [1.0 * ns.HistogramLoss(style, "input", **masks)]

    recipe = recipes.Recipe("sorting", lambda c: [], style, maxiter=(2,))
    content, painting = noise(96, 128, 0), noise(40, 40, 1)
    regions = [ns.Region(line, painting), ns.Region(np.kron(LEFT, np.ones((2, 2))), painting)]
    result = quick(content, [], regions, recipe=recipe, scales=2)
    assert [list(run.objective.weights) for run in runs] == [["histogram", "histogram_1"]] * 2
    assert np.abs(result.image[20, 64:] - content[20, 64:]).mean() > 0.01
    first, last = (run.objective.terms[0].loss for run in runs)
    assert repr(first) == "LeftOut()" and isinstance(last, ns.HistogramLoss)
    told = [m for m in caplog.messages if "vanishes" in m]
    assert told == [
        "regions[0], mask: the region vanishes at layer 'input', 64 x 48: left out there"
    ]
    # Alone, it leaves the coarse scale nothing to do; nowhere left, it is an error.
    alone = quick(content, [], regions[:1], recipe=recipe, scales=2)
    assert alone.nit == 2
    np.testing.assert_allclose(alone.image[:20], content[:20], atol=1e-6)
    for masks in (
        {"mask": np.full((96, 128), 0.4)},
        {"mask": LEFT, "style_mask": painting[..., 0] / 3},
    ):
        with pytest.raises(
            ValueError, match=r"^regions\[0\], \w+: .*at all other layers and scales"
        ):
            quick(content, [], [ns.Region(style=painting, **masks)], recipe=recipe, scales=2)


def test_there_must_be_a_style_and_functions_mask_themselves() -> None:
    for regions in (None, []):
        with pytest.raises(ValueError, match="^style: expected at least one"):
            quick(noise(48, 64, 0), [], regions)
    with pytest.raises(ValueError, match="^style_weights: expected one for each of 0 styles"):
        quick(noise(48, 64, 0), [], [ns.Region(LEFT, STYLE)], style_weights=[1])
    with pytest.raises(ValueError, match="^regions: expected None with a function"):
        quick(noise(48, 64, 0), [], [ns.Region(LEFT, STYLE)], objective=lambda c: ns.ContentLoss(c))
    with pytest.raises(ValueError, match="^init: expected an image that there is"):
        quick(noise(48, 64, 0), [], [ns.Region(LEFT, STYLE)], init="style")
