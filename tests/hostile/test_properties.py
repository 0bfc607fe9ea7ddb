"""Whatever is given: it is taken as it was meant, or refused in a sentence that names it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

import neuralstyle as ns
from neuralstyle.features.architectures import VGG16
from neuralstyle.features.tiles import LEAST, Tiles
from neuralstyle.losses.masks import as_mask
from neuralstyle.optimize.methods.methods import METHODS, parse_method
from neuralstyle.transfer.options.options import options
from neuralstyle.transfer.options.signatures import read_options

few = settings(
    max_examples=int(os.environ.get("NEURALSTYLE_EXAMPLES", "60")),
    deadline=None,
    derandomize=True,
    database=None,
)
"""The same examples each time; with another number in the environment, so many."""

REFUSALS = TypeError, ValueError, OSError

NUMBERS = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.sampled_from([10**400, -(10**400), 1e-320, 2**63])
)
ANYTHING = st.recursive(
    st.one_of(st.none(), NUMBERS, st.text(max_size=8), st.binary(max_size=4), st.just(object())),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=4), inner, max_size=2),
    ),
    max_leaves=4,
)
DTYPES = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(),
    arrays.unsigned_integer_dtypes(),
    arrays.floating_dtypes(),
    arrays.complex_number_dtypes(),
)
ARRAYS = arrays.arrays(DTYPES, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))


def refused(name: str, error: BaseException) -> None:
    """Show that a refusal begins with the name of what it refuses, and is one line."""
    message = str(error)
    assert message.startswith(name), message
    assert "\n" not in message.strip(), message


@few
@given(st.sampled_from(sorted(options())), ANYTHING | ARRAYS)
@example("maxiter", [])
@example("size", (2**70, 3))
@example("bounds", np.array([0j, 1j]))
def test_an_option_is_taken_or_refused_by_its_name(name: str, value: Any) -> None:
    try:
        read_options("stylize", {name: value})
    except REFUSALS as error:
        refused(name, error)


@few
@given(ARRAYS)
def test_a_mask_has_numbers_from_0_to_1_or_is_refused(values: Any) -> None:
    try:
        mask = as_mask(values)
    except REFUSALS as error:
        refused("mask", error)
        return
    assert mask is not None and mask.values.ndim == 2
    assert np.isfinite(mask.values).all()
    assert 0 <= mask.values.min() < mask.values.max() + 1e-9 and mask.values.max() <= 1


@few
@given(ARRAYS)
def test_a_picture_has_three_channels_from_0_to_1_or_is_refused(values: Any) -> None:
    try:
        image = ns.as_image(values)
    except REFUSALS as error:
        assert str(error).startswith(("x:", "channels:")) and "\n" not in str(error), error
        return
    assert image.dtype == np.float32 and image.ndim == 3 and image.shape[2] == 3
    assert image.size and 0 <= image.min() and image.max() <= 1


@few
@given(
    st.one_of(
        st.text(max_size=12),
        st.builds(
            "{}:{}={}".format,
            st.sampled_from(sorted(METHODS)),
            st.sampled_from(
                ["maxcor", "maxls", "restart", "pairs", "learning_rate", "beta_1", "x"]
            ),
            st.one_of(NUMBERS.map(str), st.text(max_size=5)),
        ),
    )
)
def test_a_text_is_a_method_that_it_tells_again_or_is_refused(text: str) -> None:
    try:
        method = parse_method(text)
    except REFUSALS as error:
        assert str(error).partition(":")[0].isidentifier(), error
        return
    assert str(parse_method(str(method))) == str(method)


@few
@given(st.one_of(NUMBERS, ANYTHING))
def test_a_weight_is_a_finite_number_or_is_refused(weight: Any) -> None:
    try:
        objective = ns.StyleObjective(ns.TotalVariationLoss()).with_weights(total_variation=weight)
    except (*REFUSALS, OverflowError) as error:
        refused("", error)
        assert not isinstance(error, OverflowError)
        return
    assert np.isfinite(objective.weights["total_variation"])


PAIRS = st.integers(1, 60).flatmap(
    lambda size: st.tuples(
        *[arrays.arrays(np.float32, size, elements=st.floats(-8, 8, width=16))] * 2
    )
)


@few
@given(PAIRS)
def test_a_histogram_of_one_channel_is_that_of_sorted_values_and_no_less_than_scipys_distance(
    pair: tuple[Any, Any],
) -> None:
    ours, theirs = pair
    loss = ns.HistogramLoss({"a": theirs[None, :, None, None]}, "a", normalize="mean")
    found = float(loss({"a": ours[None, :, None, None]}))
    expected = np.mean((np.sort(ours) - np.sort(theirs)).astype(np.float64) ** 2)
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-12)
    assert found >= stats.wasserstein_distance(ours, theirs) ** 2 * (1 - 1e-5) - 1e-12


@few
@given(
    st.tuples(st.integers(64, 900), st.integers(64, 900)),
    st.integers(LEAST, 400),
    st.lists(st.sampled_from(VGG16.convolutions), min_size=1, max_size=3, unique=True),
)
def test_every_position_of_every_layer_belongs_to_one_tile_that_sees_around_it(
    shape: tuple[int, int], tile: int, layers: list[str]
) -> None:
    fields = {name: VGG16.receptive_field(name) for name in layers}
    tiles = Tiles(shape, fields, tile)
    for field in fields.values():
        sides = [-(-side // field.step) for side in shape]
        counts = np.zeros(sides, int)
        for one in tiles:
            places = tuple(
                span.places(field.step, side)
                for span, side in zip((one.rows, one.columns), sides, strict=True)
            )
            counts[places] += 1
            for span, side in zip((one.rows, one.columns), shape, strict=True):
                assert span.start % tiles.step == 0 and 0 <= span.start < span.end <= side
                # What the core's first and last positions see, as far as there is a picture.
                assert span.start <= max(0, span.first + field.start)
                ends = span.last - field.step + field.start + field.length
                assert span.end >= (side if span.closes else min(side, ends))
        assert (counts == 1).all()
