"""Every flag reaches the library's function with the value that was given.

The cases are made from the library's own lists, so that a new option, recipe or keyword is tested
without being named here.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralstyle.cli.arguments import keywords, of_keyword, of_option, of_sheet
from neuralstyle.cli.main import COMMANDS, main, parser
from neuralstyle.cli.wording import flag
from neuralstyle.optimize.methods.methods import METHODS
from neuralstyle.transfer.network import NETWORKS
from neuralstyle.transfer.options.options import Options, options
from neuralstyle.transfer.recipes import RECIPES

FORMS = {
    "paint": "content.png style.png -o out.png",
    "film": "film content.png --style style.png -o frames",
    "texture": "texture style.png -o out.png",
    "sheet": "content.png style.png -o out.png --sheet style",
}
"""Calls of every function that takes the options."""

WORDS = (
    *(["7"], ["0.37"], ["0.37", "7"], ["7", "9"], ["content:7"], ["content:7", "style:9"]),
    *(["noise"], ["random"], ["l-bfgs:maxcor=7"], ["70"]),
)
"""What an option may be given: the first that it can read, and that is not its default."""

FLAGGED = {name: option for name, option in options().items() if option.flag is not None}
OF_RECIPES = [(name, key) for key, defaults in keywords().items() for name in defaults]


def words_for(name: str) -> tuple[list[str], Any]:
    """Return words for an option, and the value that they stand for."""
    option = FLAGGED[name]
    choices = [[choice] for choice in option.choices or ()]
    for words in (*choices, *WORDS):
        if {None: 1, "+": len(words)}.get(option.nargs, option.nargs) == len(words):
            try:
                value = of_option(option)(name, words)
            except (KeyError, OSError, TypeError, ValueError):
                continue
            if value != getattr(Options(), name):
                return words, value
    raise AssertionError(f"add words to WORDS that {option.flag} can read")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FLAGGED)
def test_every_option_arrives_with_the_value_given(
    folder: Path, calls: list[dict[str, Any]], name: str, form: str
) -> None:
    words, value = words_for(name)
    if (name, form) == ("checkpoint", "sheet"):
        return  # a sheet has none
    assert main([*FORMS[form].split(), str(FLAGGED[name].flag), *words]) == 0
    (call,) = calls
    assert call[name] == value
    assert call.keys() & options().keys() - {"recipe", "progress", "size", "callback"} == {name} - {
        "size"
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("recipe", "keyword"), OF_RECIPES)
def test_every_keyword_of_a_recipe_arrives_with_the_value_given(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    calls: list[dict[str, Any]],
    recipe: str,
    keyword: str,
    form: str,
) -> None:
    seen: list[dict[str, Any]] = []
    original = RECIPES[recipe]

    @functools.wraps(original)
    def spy(**given: Any) -> Any:
        seen.append(given)
        return original(**given)

    monkeypatch.setitem(RECIPES, recipe, spy)
    layers = not isinstance(inspect.signature(original).parameters[keyword].default, float)
    words = ["conv1_1:0.5", "pool3:2"] if layers else ["0.37"]
    value = {"conv1_1": 0.5, "pool3": 2.0} if layers else 0.37
    assert main([*FORMS[form].split(), "--recipe", recipe, flag(keyword), *words]) == 0
    (call,) = calls
    if form == "sheet":  # it makes the recipes itself
        assert (call["recipe"], call[keyword]) == (spy, value)
    else:
        assert [given[keyword] for given in seen] == [value]
        assert call["recipe"].name == recipe


def of_one_word(name: str) -> list[str]:
    """Return the words that stand for a value of a sheet each; some options take none."""
    option, found = FLAGGED[name], []
    for words in ([choice] for choice in option.choices or ("7", "0.37", *sum(WORDS, []))):
        with contextlib.suppress(KeyError, OSError, TypeError, ValueError):
            of_sheet(option)(name, words)
            found += words
    return found[:1]


@pytest.mark.parametrize(
    "name", [*filter(of_one_word, sorted(FLAGGED.keys() - {"checkpoint"})), *keywords()]
)
def test_every_setting_of_a_sheet_arrives_with_its_values(
    folder: Path, calls: list[dict[str, Any]], name: str
) -> None:
    if name in FLAGGED:
        (word,), read = of_one_word(name), of_sheet(FLAGGED[name])
    else:
        word = "input" if name.endswith("layers") else "7"
        read = of_keyword(inspect.signature(RECIPES["default"]).parameters[name].default)
    run = "content.png style.png -o out.png --sheet".split()
    spellings = {name, name.replace("_", "-"), *([FLAGGED[name].flag] if name in FLAGGED else [])}
    for setting in spellings:
        assert main([*run, f"{str(setting).removeprefix('--')}={word},none"]) == 0
        assert calls[-1]["vary"] == {name: [read(name, [word]), None]}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_given_is_left_to_the_library(
    folder: Path, calls: list[dict[str, Any]], form: str
) -> None:
    assert main([*FORMS[form].split(), "--quiet"]) == 0
    (call,) = calls
    given = call.keys() & options().keys()
    of_form = {"texture": {"callback", "size"}, "sheet": set()}.get(form, {"callback"})
    assert given == {"recipe", "progress"} | of_form
    assert call["progress"] is False
    if form != "sheet":
        assert call["recipe"].name == "default"


def test_options_without_a_flag_say_why() -> None:
    for name, option in options().items():
        assert bool(option.flag) != bool(option.why_no_flag), name


def test_what_has_no_flag_arrives_in_its_own_way(folder: Path, calls: list[dict[str, Any]]) -> None:
    run = "content.png style.png -o out.png --save-every 2".split()
    assert main([*run, "--region", "style.png", "content.png", "0.5"]) == 0
    (call,) = calls
    assert callable(call["callback"])
    assert call["progress"] is True
    ((region),) = call["regions"]
    assert region.weight == 0.5
    np.testing.assert_array_equal(region.style, call["contents"][0])


def test_page_of_the_command_line_names_every_flag_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    known = {
        text
        for name in COMMANDS
        for action in parser(name)._actions
        for text in action.option_strings
        if action.help != "==SUPPRESS==" and text.startswith("--")
    }
    named = set(re.findall(r"--[a-z][a-z-]*", page))
    assert known - named - {"--help", "--version"} == set(), "docs/command-line.md lacks these"
    assert named - known - {"--help"} == set(), "docs/command-line.md names what there is not"


def test_table_of_options_gives_their_defaults_and_names() -> None:
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    rows = {
        match[1]: match[0]
        for match in re.finditer(r"^\| `(--[a-z-]+)[^|]*\|[^|]*\|[^|]*\|$", page, re.MULTILINE)
    }
    for name, option in FLAGGED.items():
        row = rows[str(option.flag)]
        default = getattr(Options(), name)
        if default is not None:
            assert row.split("|")[-2].strip(" `") == str(default).removesuffix(".0"), row
        for choice in option.choices or ():
            assert f"`{choice}`" in row
    for flag_, known in (("--network", NETWORKS), ("--method", METHODS)):
        for word in known:
            assert f"`{word}`" in rows[flag_]
