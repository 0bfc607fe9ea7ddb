"""A picture tells how it was painted, and is painted again from that."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painting import PAINT, PIXELS, Noted, quick, shallow
from support import half_mask, noise

import neuralstyle as ns
from neuralstyle.cli.arguments import recipe_keywords
from neuralstyle.cli.main import parser
from neuralstyle.transfer.options.flags import command_line
from neuralstyle.transfer.options.options import Options
from neuralstyle.transfer.recipes import RECIPES
from neuralstyle.transfer.recipes.registry import call_of, recipe_of
from neuralstyle.transfer.record import recorded

CONTENT, STYLE = noise(40, 48), noise(40, 48, 1)
OTHERS = (
    *("regions", "objective", "parametrization", "checkpoint", "callback", "progress"),
    "executor",
)

PLAIN: dict[str, Any] = {
    "style_weights": [3, 1],
    "recipe": ns.recipes.gatys2016(style_weight=np.float32(50)),
    "network": Path("weights.h5"),
    "pooling": "max",
    "padding": "zeros",
    "dtype": "float16",
    "size": (30, 40),
    "style_scale": (0.5, np.float64(2)),
    "style_fit": "tile",
    "color": ns.color.TREATMENTS["match"],
    "alpha": "paint",
    "balance": {"content": 1, "covariance": 2},
    "scales": 2,
    "maxiter": (3, 2),
    "init": {"content": 0.75, "noise": 0.25},
    "seed": np.int64(7),
    "method": ns.LBFGSB(maxcor=7),
    "maxfun": 9,
    "tile": 64,
    "ftol": 1e-7,
    "gtol": 1e-3,
    "xtol": 0.25,
    "bounds": (0.1, 0.9),
}


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def test_every_option_but_those_without_words_has_an_example_here() -> None:
    known = {*Options.__dataclass_fields__}
    assert known == {*PLAIN, *OTHERS}, "add a plain value to PLAIN, or the name to OTHERS"


def test_options_that_are_plain_values_come_back_as_they_were(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights.h5").write_bytes(b"")
    given = Options(**PLAIN)
    plain, named = recorded(given)
    assert named == {}
    again = Options(**through_json(plain))
    assert recorded(again) == (plain, {})
    assert (again.recipe, again.method) == (given.recipe, given.method)
    assert again.color == "match" and again.network == "weights.h5"


IN_WORDS: list[dict[str, Any]] = [
    *({name: value} for name, value in PLAIN.items() if name != "size"),
    {"recipe": ns.recipes.default(content_layers=["block1_conv1"], content_weight=0.25)},
    {"recipe": ns.recipes.default(content_layers=["block1_conv1", "block2_conv1"])},
    {"recipe": ns.recipes.default(style_layers={"block1_conv1": 0.5, "block2_conv1": 1.0})},
]


@pytest.mark.parametrize("given", IN_WORDS, ids=lambda given: next(iter(given)))
def test_options_come_back_from_a_command_line(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights.h5").write_bytes(b"")
    plain, named = recorded(Options(**given))
    assert named == {}
    line = command_line(plain, 64)
    assert line is not None
    program, *words = shlex.split(line)
    args = parser("paint").parse_args(words)
    assert (program, args.pictures, args.output) == ("neuralstyle", ["CONTENT", "STYLE"], "OUT.png")
    recipe = RECIPES[args.recipe](**recipe_keywords(args))
    again, _ = recorded(Options(**{**args.options, "recipe": recipe}))
    said = {**plain, "recipe": repr(recipe_of(plain.get("recipe", "default")))}
    assert {**again, "recipe": repr(recipe)} == {**said, "size": 64}


@pytest.mark.parametrize("method", ["adam", "l-bfgs", ns.LBFGS(maxls=5)])
def test_methods_come_back(method: Any) -> None:
    plain, _ = recorded(Options(method=method))
    assert Options(**through_json(plain)).method == Options(method=method).method


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_come_back_by_their_keywords(name: str) -> None:
    assert repr(RECIPES[name]()) == name
    made = RECIPES[name](content_weight=0.25)
    assert repr(made) == f"{name}(content_weight=0.25)"
    assert Options(recipe=repr(made)).recipe == made


def test_recipes_come_back_with_layers_and_weights() -> None:
    layers = {"block1_conv1": np.float32(0.5), "block2_conv1": 1}
    made = ns.recipes.default(style_layers=layers, content_layers=("block3_conv1", "block4_conv1"))
    assert recipe_of(str(call_of(made))) == made


def test_recipe_that_was_changed_afterwards_has_no_call() -> None:
    import dataclasses

    changed = dataclasses.replace(ns.recipes.default(), maxiter=(1,))
    assert call_of(changed) is None and repr(changed) == "Recipe('default')"


@pytest.mark.parametrize(
    "text",
    [
        "gatys2016(",
        "gatys2016(1)",
        "gatys2016(style_weight=open('x'))",
        "gatys2016(**{})",
        "gatys2016() or 1()",
        "gatys(style_weight=1)",
        "",
    ],
)
def test_text_that_is_no_call_of_a_recipe_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^recipe: expected .*, received "):
        Options(recipe=text)


NAMED: dict[str, Callable[[], dict[str, Any]]] = {
    "function objective": lambda: {"objective": Noted.__call__},
    "Reusable": lambda: {"network": PIXELS},
    "Region": lambda: {"regions": [ns.Region(half_mask((40, 48)), STYLE)]},
    "array of shape (40, 48, 3)": lambda: {"init": CONTENT},
    "file start.png": lambda: {"init": Path("start.png")},
    "function print": lambda: {"callback": print},
    "Parametrization": lambda: {"parametrization": ns.parametrizations.grey()},
    "KerasMethod(": lambda: {"method": ns.KerasMethod(_sgd())},
    "ColorTreatment": lambda: {"color": ns.ColorTreatment()},
}


def _sgd() -> Any:
    import keras

    return keras.optimizers.SGD(0.5)


@pytest.mark.parametrize("words", NAMED)
def test_what_is_no_plain_value_is_named_without_an_address(
    words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    ns.save_image("start.png", CONTENT)
    ((name, value),) = NAMED[words]().items()
    plain, named = recorded(Options(**{name: value}))
    assert name not in plain
    expected = "function Noted.__call__" if words == "function objective" else words
    assert named[name].startswith(expected) and "0x" not in named[name]


def test_saved_picture_paints_itself_again_to_the_bit(tmp_path: Path) -> None:
    recipe = shallow(content_weight=0.5)
    options = {"size": 128, "scales": 2, "maxiter": (2, 1), "seed": 5, "init": "noise"}
    result = ns.stylize(CONTENT, STYLE, recipe=recipe, **options)
    result.save(tmp_path / "out.png", objective=tmp_path / "out.npz")
    metadata = ns.load_metadata(tmp_path / "out.png")
    again = ns.stylize(CONTENT, STYLE, **metadata.options)
    assert np.array_equal(again.image, result.image)
    assert again.settings == result.settings
    assert metadata.about["losses"] == result.losses
    assert np.array_equal(ns.load_image(tmp_path / "out.png"), ns.as_image(result.to_pil()))
    objective = ns.load_loss(tmp_path / "out.npz")
    assert str(objective) == str(result.objective) == result.settings["objective"]


def test_what_has_to_be_given_again_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for end, told in (
        (False, "objective (Noted), network (Reusable)"),
        (True, "callback (function"),
    ):
        result = quick(CONTENT, scales=1, callback=lambda now, end=end: end)
        result.save(tmp_path / "out.png")
        caplog.clear()
        assert "network" not in ns.load_metadata(tmp_path / "out.png").options
        assert told in caplog.text and ("callback" in caplog.text) is end


def test_a_film_is_told_to_depend_on_the_frame_before() -> None:
    flow = np.zeros((40, 48, 2))
    first, second = ns.stylize_frames([CONTENT] * 2, STYLE, [flow], **PAINT, objective=Noted())
    assert "flows" not in first.settings["not_stored"]
    assert second.settings["not_stored"]["flows"] == "the frame before"


def test_a_picture_that_tells_nothing_says_so(tmp_path: Path) -> None:
    ns.save_image(tmp_path / "a.png", CONTENT)
    for text in (None, "{", "[]", '{"settings": 3}', '{"settings": {"options": 3}}'):
        metadata = {} if text is None else {"neuralstyle": text}
        ns.save_image(tmp_path / "a.png", CONTENT, metadata=metadata)
        with pytest.raises(ValueError, match="the picture tells no options"):
            _ = ns.load_metadata(tmp_path / "a.png").options


def test_nothing_is_written_where_the_objective_cannot_be(tmp_path: Path) -> None:
    import copy

    result = quick(
        CONTENT, scales=1, objective=lambda c, s: ns.loss(lambda f: f["input"][0, 0, 0, 0])
    )
    with pytest.raises(TypeError, match="cannot be saved|saved"):
        result.save(tmp_path / "a.png", objective=tmp_path / "a.npz")
    with pytest.raises(ValueError, match="^objective: expected none"):
        copy.copy(result).save(tmp_path / "a.png", objective=tmp_path / "a.npz")
    with pytest.raises(ValueError, match="^target: expected a suffix"):
        quick(CONTENT, scales=1).save(tmp_path / "a.gif", objective=tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []
