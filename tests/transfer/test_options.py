"""Conformance of options: each is in every signature, typed, documented, checked, and arrives."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painting import PIXELS, SHALLOW, Noted, of_pixels
from support import noise, picture

import neuralstyle as ns
from neuralstyle.transfer import batch, frames, stylize
from neuralstyle.transfer.comparing import explore, sweeping
from neuralstyle.transfer.options import signatures
from neuralstyle.transfer.options.option import Option
from neuralstyle.transfer.options.options import Options, options
from neuralstyle.transfer.painter import Painter

NAMES = list(options())
NOT_TAKEN: dict[Callable[..., Any], set[str]] = {
    ns.contact_sheet: {"objective", "checkpoint"},  # it makes recipes, and many pictures
    ns.stylize_sweep: {"objective", "checkpoint"},
    ns.explore: {"checkpoint"},
}
FUNCTIONS = [ns.stylize, ns.stylize_many, ns.stylize_frames, ns.contact_sheet, ns.explore]
FUNCTIONS += [ns.stylize_sweep]
CONTENT, STYLE = noise(8, 12), noise(8, 8, 1)


def told(progress: ns.Progress) -> None:
    """Do nothing."""


WITHOUT_WORDS: Mapping[str, Any] = {
    "regions": [ns.Region(np.ones((8, 12)), STYLE)],
    "recipe": of_pixels([]),
    "objective": Noted(),
    "parametrization": ns.parametrizations.logistic(),
    "callback": told,
    "progress": True,
    "executor": ThreadPoolExecutor(1),
}
"""A value, other than the default, of each option that has no flag."""


def read(name: str, words: str) -> Any:
    """Return what words after an option's flag mean."""
    option = options()[name]
    assert option.parse
    values = [option.parse(word) for word in words.split()]
    if option.nargs is None:
        (value,) = values
        return value
    assert option.nargs in ("+", len(values))
    return option.collect(values) if option.collect else values


def example(name: str) -> Any:
    """Return a value of an option, in normal form."""
    option = options()[name]
    value = read(name, option.example) if option.flag else WITHOUT_WORDS[name]
    return option.check(name, value)


WORDS = [
    ("style_weights", "1 2.5", [1.0, 2.5]),
    ("balance", "content:1 a:b:0.5", {"content": 1.0, "a:b": 0.5}),
    ("style_scale", "0.5", 0.5),
    ("style_scale", "0.5 1", (0.5, 1.0)),
    ("maxiter", "30 10", (30, 10)),
    ("init", "noise", "noise"),
    ("init", "content:0.8,noise:0.2", {"content": 0.8, "noise": 0.2}),
    ("seed", "0", 0),
    ("method", "L-BFGS:maxcor=50", ns.LBFGS(maxcor=50)),
    ("gtol", "0", 0.0),
    ("bounds", "-0.5 inf", (-0.5, np.inf)),
]
"""Words of the command line, and what they mean."""

WRONG_WORDS = {
    "style_weights": ["-1", "x"],
    "size": ["0", "1.5", "x"],
    "style_scale": ["0", "nan"],
    "balance": ["content", "content:-1", ":1"],
    "scales": ["0"],
    "maxiter": ["0", "2.5"],
    "init": ["content:-1"],
    "seed": ["-1"],
    "method": ["newton", "l-bfgs:momentum=1", "l-bfgs:maxcor=a"],
    "maxfun": ["0"],
    "tile": ["63", "many"],
    "ftol": ["-1"],
    "gtol": ["inf"],
    "xtol": ["x"],
    "bounds": ["x", "nan"],
}

every_option = pytest.mark.parametrize("name", NAMES)
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)


@every_option
def test_an_option_has_an_example_that_is_not_its_default(name: str) -> None:
    option = options()[name]
    where = "example" if option.flag else "WITHOUT_WORDS in tests/transfer/test_options.py"
    assert option.example or name in WITHOUT_WORDS, f"{name}: give it an {where}"
    (default,) = (field.default for field in dataclasses.fields(Options) if field.name == name)
    value = example(name)
    assert value is not default and (isinstance(value, tuple | Noted) or value != default)


# Signatures, types and documentation


@every_function
@every_option
def test_an_option_is_in_every_signature_with_its_default(
    function: Callable[..., Any], name: str
) -> None:
    if name in NOT_TAKEN.get(function, ()):
        return
    parameter = inspect.signature(function).parameters[name]
    (field,) = (field for field in dataclasses.fields(Options) if field.name == name)
    assert parameter.kind is parameter.KEYWORD_ONLY
    own = [(ns.contact_sheet, "size"), (ns.contact_sheet, "recipe"), (ns.explore, "recipe")]
    own += [(ns.stylize_sweep, "recipe")]
    if (function, name) in own:
        return  # its own
    assert parameter.default == field.default
    assert parameter.annotation == field.type


def test_signatures_have_nothing_else() -> None:
    own = [["content", "style"], ["contents", "style"]]
    own += [["frames", "style", "flows", "temporal_weight"]]
    for function, names in zip(FUNCTIONS, own, strict=False):
        assert list(inspect.signature(function).parameters) == names + NAMES
    sheet = list(inspect.signature(ns.contact_sheet).parameters)
    assert sheet[:5] == ["content", "style", "vary", "recipe", "size"]
    assert set(sheet[5:]) == {*NAMES, "settings"} - {"recipe", "size", *NOT_TAKEN[ns.contact_sheet]}
    explored = list(inspect.signature(ns.explore).parameters)
    assert explored[:4] == ["content", "style", "recipe", "cell_size"]
    assert set(explored[4:]) == {*NAMES, "settings"} - {"recipe", *NOT_TAKEN[ns.explore]}


def test_the_classes_for_type_checkers_have_every_option() -> None:
    stub = Path(signatures.__file__).with_name("stylize_options.pyi").read_text()
    assert stub.endswith("\n\n" + signatures.typed_dicts()), (
        "neuralstyle/transfer/options/stylize_options.pyi: the classes have to read\n\n"
        + signatures.typed_dicts()
    )


def test_every_type_of_the_classes_for_type_checkers_is_imported_there() -> None:
    stub = ast.parse(Path(signatures.__file__).with_name("stylize_options.pyi").read_text())
    imported = {
        alias.asname or alias.name
        for node in stub.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    classes = [node for node in stub.body if isinstance(node, ast.ClassDef)]
    named = {node.id for of in classes for node in ast.walk(of) if isinstance(node, ast.Name)}
    of_fields = {
        node.target.id for of in classes for node in of.body if isinstance(node, ast.AnnAssign)
    }
    builtin = {"str", "int", "float", "bool", "tuple", "True", "False"}
    assert named <= imported | of_fields | builtin | {of.name for of in classes}


@every_option
def test_an_option_is_documented_in_the_words_of_its_help(name: str) -> None:
    option: Option = options()[name]
    documented = inspect.getdoc(ns.stylize) or ""
    found = re.search(rf"^{name} : (.*)\n((?:    .*\n)+)", documented, re.MULTILINE)
    assert found, f"{name} is not in the docstring of stylize"
    assert found[1].startswith(option.kind)
    assert " ".join(found[2].split()) == option.help
    assert option.help[0].isupper() and option.help.endswith(".")
    assert signatures.PLACE not in documented


# Checks


@every_option
def test_what_is_no_value_of_an_option_is_refused_by_its_name(name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{name}: expected .*received"):
        Options(**{name: object()})


@every_option
def test_a_normal_form_is_a_fixed_point_of_the_check(name: str) -> None:
    once = getattr(Options(**{name: example(name)}), name)
    twice = options()[name].check(name, once)
    if name == "regions":
        once, twice = ([repr(region) for region in regions] for regions in (once, twice))
    assert once == twice


@every_option
def test_a_default_is_in_normal_form_but_for_regions(name: str) -> None:
    (default,) = (field.default for field in dataclasses.fields(Options) if field.name == name)
    assert getattr(Options(), name) == (() if name == "regions" else default)


def test_options_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().size = 3  # type: ignore[misc]


@every_function
def test_an_unknown_option_is_refused_with_the_nearest(function: Callable[..., Any]) -> None:
    arguments = {
        "contact_sheet": (CONTENT, STYLE, {"seed": [1]}),
        "stylize_sweep": (CONTENT, STYLE, {"seed": [1]}),
        "stylize_frames": ([], STYLE, []),
    }
    given = arguments.get(function.__name__, ([], STYLE))
    name = function.__name__
    for wrong, hint in (
        ("maxitre", f"{name}: there is no option 'maxitre'; did you mean 'maxiter'?"),
        ("xyzzy", f"{name}: there is no option 'xyzzy'; there are "),
        ("weights", f"{name}: weights is now network="),
        ("extractor", f"{name}: extractor is now network="),
        ("shares", f"{name}: shares is now balance="),
        ("maxcor", f"{name}: maxcor is now an option of the method: method=LBFGS(maxcor=...)"),
        ("maxls", f"{name}: maxls is now an option of the method: method=LBFGS(maxls=...)"),
    ):
        with pytest.raises(TypeError, match=f"^{re.escape(hint)}"):
            function(*given, **{wrong: 1})


# Every option arrives


class Arrived(Exception):
    """What a painter was made with."""


@pytest.fixture
def painters(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """The options of every painter."""
    made: list[Options] = []

    def spy(style: Any, options: Options) -> Painter:
        made.append(options)
        raise Arrived

    for module in (stylize, batch, frames, sweeping, explore):
        monkeypatch.setattr(module, "Painter", spy)
    return made


@every_option
def test_an_option_reaches_the_painter(name: str, painters: list[Options]) -> None:
    given = {name: example(name)}
    if name == "executor":
        given["tile"] = 64  # else whole pictures go to its workers
    calls = [
        lambda: ns.stylize(CONTENT, STYLE, **given),
        lambda: ns.stylize_many([CONTENT], STYLE, **given),
        lambda: ns.stylize_frames([CONTENT], STYLE, [], **given),
    ]
    if name not in NOT_TAKEN[ns.explore]:
        calls.append(lambda: ns.explore(CONTENT, STYLE, **given))
    # A sheet makes the recipe, and is itself told of its runs, whose progress it draws.
    if name not in {"recipe", "callback", "progress", *NOT_TAKEN[ns.contact_sheet]}:
        calls.append(lambda: ns.contact_sheet(CONTENT, STYLE, {"style": [STYLE]}, **given))
    for call in calls:
        with pytest.raises(Arrived):
            call()
        arrived = getattr(painters[-1], name)
        if name == "regions":
            assert list(map(repr, arrived)) == list(map(repr, example(name)))
        else:
            assert arrived == example(name)


@pytest.mark.parametrize(
    "name",
    sorted(set(NAMES) - {"recipe", "callback", "progress"} - NOT_TAKEN[ns.contact_sheet]),
)
def test_a_sheet_can_vary_an_option(name: str, painters: list[Options]) -> None:
    with pytest.raises(Arrived):
        ns.contact_sheet(CONTENT, STYLE, {name: [example(name)]}, network=PIXELS)
    assert getattr(painters[0], name) is not None


@pytest.mark.parametrize(
    "name", ["maxfun", "ftol", "gtol", "xtol", "bounds", "callback", "progress"]
)
def test_an_option_that_minimize_has_too_has_the_same_default(name: str) -> None:
    of_minimize = inspect.signature(ns.minimize).parameters[name].default
    assert of_minimize == inspect.signature(ns.stylize).parameters[name].default


# The command line


def test_the_settings_of_a_result_have_every_option() -> None:
    result = ns.stylize(picture(1), picture(2), recipe=SHALLOW, size=32, scales=1, maxiter=1)
    no_settings = {"objective", "callback", "progress", "checkpoint", "executor"}
    assert set(options()) - no_settings <= set(result.settings)


@every_option
def test_an_option_has_a_flag_or_says_why_it_has_none(name: str) -> None:
    option = options()[name]
    assert (option.flag is None) == bool(option.why_no_flag) == (option.parse is None)
    if option.flag:
        assert re.fullmatch("--[a-z]+(-[a-z]+)*", option.flag)
        assert option.short_help and not option.short_help.endswith(".")
        assert option.choices or option.metavar


def test_flags_differ() -> None:
    flags = [option.flag for option in options().values() if option.flag]
    assert len(set(flags)) == len(flags)


@pytest.mark.parametrize(("name", "words", "expected"), WORDS)
def test_words_become_a_value_of_the_option(name: str, words: str, expected: Any) -> None:
    assert getattr(Options(**{name: read(name, words)}), name) == expected


@pytest.mark.parametrize(
    ("name", "word"), [(name, word) for name, words in WRONG_WORDS.items() for word in words]
)
def test_a_wrong_word_is_refused_with_what_was_expected(name: str, word: str) -> None:
    parse = options()[name].parse
    assert parse
    with pytest.raises(ValueError, match=r"^(maxcor: )?expected .*received"):
        parse(word)


@pytest.mark.parametrize("name", [name for name, option in options().items() if option.choices])
def test_every_choice_is_one(name: str) -> None:
    for choice in options()[name].choices or ():
        assert getattr(Options(**{name: choice}), name) == choice


def test_the_list_of_options_needs_neither_keras_nor_tensorflow() -> None:
    code = (
        "import sys; from neuralstyle.transfer.options.options import options; options();"
        "from neuralstyle.transfer.recipes import RECIPES; [make() for make in RECIPES.values()];"
        "sys.exit(', '.join(m for m in ('keras', 'tensorflow') if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
