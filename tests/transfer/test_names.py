"""A name that is none is answered with what was meant: an option, a keyword of a recipe, a term."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from painting import PIXELS, QUICK, Noted
from support import noise, picture

import neuralstyle as ns
from neuralstyle.cli.wording import flag
from neuralstyle.transfer.options.names import TERMS, keywords_of
from neuralstyle.transfer.options.options import options
from neuralstyle.transfer.recipes import RECIPES

CONTENT, STYLE = noise(8, 12), noise(8, 8, 1)
KEYWORDS = sorted(set().union(*map(keywords_of, RECIPES.values())))

CALLS: dict[str, Callable[..., Any]] = {
    "stylize": lambda **given: ns.stylize(CONTENT, STYLE, **given),
    "stylize_many": lambda **given: ns.stylize_many([CONTENT], STYLE, **given),
    "stylize_frames": lambda **given: ns.stylize_frames([CONTENT], STYLE, [], **given),
}

every_call = pytest.mark.parametrize("name", CALLS)


@every_call
@pytest.mark.parametrize("keyword", KEYWORDS)
def test_a_keyword_of_a_recipe_is_answered_with_the_recipe(name: str, keyword: str) -> None:
    with pytest.raises(TypeError) as caught:
        CALLS[name](**{keyword: 2})
    told = rf"{name}: {keyword} belongs to the recipe: recipe=ns\.recipes\.(\w+)\({keyword}=2\)"
    found = re.fullmatch(told, str(caught.value))
    assert found and keyword in keywords_of(RECIPES[found[1]])


@every_call
def test_an_option_of_the_command_line_is_answered_with_its_name_here(name: str) -> None:
    known = {field.flag: of for of, field in options().items() if field.flag}
    flags = [add for add in known if add not in map(flag, options())]
    assert flags  # --iterations
    for one in flags:
        with pytest.raises(TypeError, match=f"{name}: .*{known[one]}=$"):
            CALLS[name](**{one.removeprefix("--").replace("-", "_"): 2})
    with pytest.raises(TypeError, match=f"{name}: strength is the recipe's content_weight"):
        CALLS[name](strength=1)


@pytest.mark.parametrize(
    ("given", "call"),
    [
        ({"content_weight": 2, "size": 64}, "default(content_weight=2)"),
        ({"content_weight": 2, "tv_weight": 0}, "default(content_weight=2, tv_weight=0)"),
        ({"style_weight": 5, "recipe": "gatys2016"}, "gatys2016(style_weight=5)"),
        (
            {"style_weight": 5, "recipe": ns.recipes.gatys2016(content_weight=3)},
            "gatys2016(content_weight=3, style_weight=5)",
        ),
        ({"tv_weight": 1, "recipe": "gatys2016"}, "default(tv_weight=1)"),
        ({"total_variation_weight": 1}, "default(tv_weight=1)"),
        ({"covariance": 1}, "default(style_weight=1)"),
        ({"content_wieght": 1}, "default(content_weight=1)"),
    ],
)
def test_the_recipe_is_written_as_it_is_to_be_called(given: dict[str, Any], call: str) -> None:
    with pytest.raises(TypeError, match=re.escape(f"recipe=ns.recipes.{call}")):
        ns.stylize(CONTENT, STYLE, **given)


def test_an_option_that_is_nearer_is_named_before_a_keyword_of_a_recipe() -> None:
    with pytest.raises(TypeError, match="did you mean 'style_weights'"):
        ns.stylize(CONTENT, STYLE, styles_weights=[1])  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("total_variation_weight", "tv_weight"),
        ("total_variation", "tv_weight"),
        ("covariance_weight", "style_weight"),
        ("covariance", "style_weight"),
        ("colour_weight", "color_weight"),
        ("colour", "color"),
    ],
)
def test_a_setting_of_a_sweep_that_is_none_is_answered_with_the_one_that_was_meant(
    wrong: str, right: str
) -> None:
    with pytest.raises(ValueError, match=f"^vary: .*'{wrong}'; did you mean '{right}'"):
        ns.stylize_sweep(CONTENT, STYLE, {wrong: [1]}, network=PIXELS)


def test_a_keyword_of_another_recipe_is_answered_with_those_that_have_it() -> None:
    told = "tv_weight belongs to the recipes default, fast, neural_style"
    with pytest.raises(ValueError, match=f"^vary: {told}"):
        ns.stylize_sweep(CONTENT, STYLE, {"tv_weight": [1]}, recipe="gatys2016")
    with pytest.raises(TypeError, match=f"^contact_sheet: {told}"):
        ns.contact_sheet(CONTENT, STYLE, {"seed": [1]}, recipe="gatys2016", tv_weight=1)
    with pytest.raises(TypeError, match=f"^explore: {told}"):
        ns.explore(CONTENT, STYLE, recipe="gatys2016", tv_weight=1)


@pytest.mark.parametrize("wrong", ["tv_weight", "tv", "total_variaton"])
def test_a_term_that_is_none_is_answered_with_the_one_that_was_meant(wrong: str) -> None:
    pixels = {"input": np.asarray(CONTENT)[None]}
    objective = ns.ContentLoss(pixels, "input") + ns.TotalVariationLoss()
    told = f"{wrong}.*; did you mean 'total_variation'"
    with pytest.raises(KeyError, match=told):
        ns.sweep(objective, PIXELS, CONTENT, vary={wrong: [1]})
    shares = {"content": 1, wrong: 2}
    with pytest.raises(ValueError, match=f"^balance: expected a share for each of .*{told}"):
        ns.stylize(noise(32, 32), STYLE, balance=shares, **{**QUICK, "objective": Noted()})


@pytest.mark.parametrize("name", RECIPES)
def test_the_table_of_terms_is_true_of_every_recipe(name: str, vgg: ns.VGG16Features) -> None:
    make: Any = RECIPES[name]
    features = vgg(picture(1, (32, 32))), vgg(picture(2, (32, 32)))
    weights = {keyword: 1.0 for keyword in keywords_of(make) if keyword.endswith("_weight")}
    there = set(make(**weights)(*features))
    for keyword in weights:
        if (recipe := make(**{**weights, keyword: 0.0})).source is None:
            gone = there - set(recipe(*features))
            assert gone == {term for term, of in TERMS if of == keyword} & there
            assert gone, keyword


# Weights


@pytest.mark.parametrize("name", RECIPES)
def test_a_negative_weight_of_a_recipe_is_refused(name: str) -> None:
    make = RECIPES[name]
    for keyword in inspect.signature(make).parameters:
        if keyword.endswith("_weight"):
            with pytest.raises(ValueError, match=f"^{keyword}: expected .*at least 0, received -3"):
                make(**{keyword: -3})


@pytest.mark.parametrize(
    ("styles", "weights", "told"),
    [(1, [50], True), (1, [1], False), (1, None, False), (2, [50, 50], False)],
)
def test_the_weight_of_a_single_style_is_told_to_have_no_effect(
    styles: int, weights: Any, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = ns.recipes.gatys2016()
    with caplog.at_level(logging.WARNING):
        ns.stylize_many([], [STYLE] * styles, style_weights=weights, recipe=recipe, network=PIXELS)
    assert [r.getMessage().partition(":")[0] for r in caplog.records] == ["style_weights"] * told
